#include "ingest_log.h"

#include "files.h"
#include "ingest_segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (4U * 1024U * 1024U)

struct ct_ingest_log {
    char *folder;
    size_t segment_bytes;
    int fd;
    uint64_t segment_start;
    uint64_t written; /* offset behind the last byte handed to the kernel */
    _Atomic uint64_t readable, durable;
    uint8_t *buffer;
    size_t buffered;
    bool failed;
};

/* Length of the segment up to the end of its last good entry, damage before that included. */
static int valid_length(const char *folder, uint64_t start, uint64_t *out_len)
{
    struct ct_ingest_reader *reader;
    int err = ct_ingest_reader_open(folder, start, &reader);
    if (err != CT_OK) {
        return err;
    }
    struct ct_ingest_entry entry;
    uint64_t offset = start;
    *out_len = 0;
    do {
        err = ct_ingest_reader_next(reader, UINT64_MAX, &entry, &offset);
        if (err == CT_OK) {
            *out_len = ct_ingest_reader_position(reader) - start;
        }
    } while (err == CT_OK || err == CT_ERR_CORRUPT);
    ct_ingest_reader_close(reader);
    return err == CT_ERR_END ? CT_OK : err;
}

/* Gives *out_len: what stays of the file. */
static int cut_tail(struct ct_ingest_log *log, uint64_t applied, uint64_t *out_len, uint64_t *out_cut_bytes)
{
    uint64_t len = 0;
    int err = valid_length(log->folder, log->segment_start, &len);
    if (err != CT_OK) {
        return err;
    }
    const off_t size = lseek(log->fd, 0, SEEK_END);
    if (size < 0) {
        return ct_err_from_errno(errno);
    }
    if (log->segment_start + len < applied) {
        len = (uint64_t)size; /* damage in what is applied already is no unfinished write */
    }
    *out_cut_bytes = (uint64_t)size - len;
    if (*out_cut_bytes > 0 && (ftruncate(log->fd, (off_t)len) != 0 || lseek(log->fd, (off_t)len, SEEK_SET) < 0)) {
        return ct_err_from_errno(errno);
    }
    /* What survived a crash unsynced counts as durable from here on, so it must be. */
    if (fdatasync(log->fd) != 0) {
        return ct_err_from_errno(errno);
    }
    *out_len = len;
    return CT_OK;
}

static int new_segment(struct ct_ingest_log *log)
{
    int fd;
    int err = ct_segment_open(log->folder, log->written, O_RDWR | O_CREAT | O_EXCL, &fd);
    if (err == CT_OK) {
        err = ct_dir_sync(log->folder);
        if (err != CT_OK) {
            close(fd);
        }
    }
    if (err != CT_OK) {
        return err;
    }
    if (log->fd >= 0) {
        close(log->fd);
    }
    log->fd = fd;
    log->segment_start = log->written;
    return CT_OK;
}

/* Opens the last segment; a damaged or shortened log goes on in a new one, never before `applied`. */
static int open_last(struct ct_ingest_log *log, uint64_t applied, uint64_t *out_cut_bytes)
{
    struct ct_segments segments;
    int err = ct_segments_list(log->folder, &segments);
    if (err != CT_OK) {
        return err;
    }
    const bool any = segments.count > 0;
    log->segment_start = any ? segments.starts[segments.count - 1] : 0;
    ct_segments_free(&segments);
    if (!any) {
        log->written = applied;
        return new_segment(log);
    }
    uint64_t len = 0;
    err = ct_segment_open(log->folder, log->segment_start, O_RDWR, &log->fd);
    err = err == CT_OK ? cut_tail(log, applied, &len, out_cut_bytes) : err;
    const uint64_t end = log->segment_start + len;
    log->written = ((end < applied ? applied : end) + 7) & ~UINT64_C(7);
    return err != CT_OK || log->written == end ? err : new_segment(log);
}

int ct_ingest_log_open(const char *folder, size_t segment_bytes, uint64_t applied, struct ct_ingest_log **out_log,
                       uint64_t *out_cut_bytes)
{
    struct ct_ingest_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    log->fd = -1;
    log->segment_bytes = segment_bytes;
    log->folder = strdup(folder);
    log->buffer = malloc(BUFFER_BYTES);
    uint64_t cut = 0;
    int err = log->folder == NULL || log->buffer == NULL ? CT_ERR_NO_MEMORY : ct_dir_make(folder);
    if (err == CT_OK) {
        err = open_last(log, applied, &cut);
    }
    if (err != CT_OK) {
        ct_ingest_log_close(log);
        return err;
    }
    atomic_store(&log->readable, log->written);
    atomic_store(&log->durable, log->written);
    *out_log = log;
    *out_cut_bytes = cut;
    return CT_OK;
}

void ct_ingest_log_close(struct ct_ingest_log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->fd >= 0) {
        close(log->fd);
    }
    free(log->buffer);
    free(log->folder);
    free(log);
}

static int write_buffer(struct ct_ingest_log *log)
{
    size_t done = 0;
    while (done < log->buffered) {
        const ssize_t n = write(log->fd, log->buffer + done, log->buffered - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            log->failed = true;
            return ct_err_from_errno(errno);
        }
        done += (size_t)n;
    }
    log->written += log->buffered;
    log->buffered = 0;
    atomic_store_explicit(&log->readable, log->written, memory_order_release);
    return CT_OK;
}

int ct_ingest_log_append(struct ct_ingest_log *log, const struct ct_ingest_entry *entry)
{
    if (log->failed) {
        return CT_ERR_IO;
    }
    if (entry->len > CT_INGEST_DATA_MAX || entry->vehicle_id[0] == '\0') {
        return CT_ERR_TOO_LARGE;
    }
    if (BUFFER_BYTES - log->buffered < CT_INGEST_ENTRY_MAX) {
        const int err = write_buffer(log);
        if (err != CT_OK) {
            return err;
        }
    }
    log->buffered += ct_ingest_entry_write(log->buffer + log->buffered, log->written + log->buffered, entry);
    return CT_OK;
}

int ct_ingest_log_write(struct ct_ingest_log *log)
{
    return log->failed ? CT_ERR_IO : write_buffer(log);
}

int ct_ingest_log_sync(struct ct_ingest_log *log)
{
    if (log->failed) {
        return CT_ERR_IO;
    }
    if (ct_ingest_log_pending(log) == 0) {
        return CT_OK;
    }
    int err = write_buffer(log);
    if (err == CT_OK && fdatasync(log->fd) != 0) {
        err = ct_err_from_errno(errno);
        log->failed = true; /* the kernel may have dropped the dirty pages: a second fdatasync proves nothing */
    }
    if (err == CT_OK) {
        atomic_store_explicit(&log->durable, log->written, memory_order_release);
        if (log->written - log->segment_start >= log->segment_bytes) {
            err = new_segment(log);
            log->failed = err != CT_OK;
        }
    }
    return err;
}

uint64_t ct_ingest_log_durable(const struct ct_ingest_log *log)
{
    return atomic_load_explicit(&log->durable, memory_order_acquire);
}

uint64_t ct_ingest_log_readable(const struct ct_ingest_log *log)
{
    return atomic_load_explicit(&log->readable, memory_order_acquire);
}

size_t ct_ingest_log_pending(const struct ct_ingest_log *log)
{
    return (size_t)(log->written + log->buffered - atomic_load_explicit(&log->durable, memory_order_relaxed));
}
