#include "ingest_log.h"

#include "ingest_segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (1024U * 1024U)

/* Reads through a window of the current segment that starts at an entry. */
struct ct_ingest_reader {
    char *folder;
    int fd; /* -1: no segment open yet */
    uint64_t segment_start;
    uint64_t position;
    uint64_t window_start;
    size_t window_len;
    uint8_t *window;
};

/* Opens the segment that holds `offset`, or the oldest one when `offset` is older. */
static int open_segment(struct ct_ingest_reader *reader, uint64_t offset)
{
    struct ct_segments segments;
    int err = ct_segments_list(reader->folder, &segments);
    if (err != CT_OK) {
        return err;
    }
    if (segments.count == 0) {
        ct_segments_free(&segments);
        return CT_ERR_END;
    }
    size_t at = segments.count - 1;
    while (at > 0 && segments.starts[at] > offset) {
        at--;
    }
    const uint64_t start = segments.starts[at];
    ct_segments_free(&segments);
    if (reader->fd >= 0 && start == reader->segment_start) {
        return CT_OK;
    }
    int fd;
    err = ct_segment_open(reader->folder, start, O_RDONLY, &fd);
    if (err != CT_OK) {
        return err;
    }
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    reader->fd = fd;
    reader->segment_start = start;
    reader->position = offset < start ? start : offset;
    reader->window_len = 0;
    return CT_OK;
}

int ct_ingest_reader_open(const char *folder, uint64_t offset, struct ct_ingest_reader **out_reader)
{
    struct ct_ingest_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    reader->fd = -1;
    reader->position = offset;
    reader->folder = strdup(folder);
    reader->window = malloc(WINDOW_BYTES);
    int err = CT_ERR_NO_MEMORY;
    if (reader->folder != NULL && reader->window != NULL) {
        err = open_segment(reader, offset);
    }
    if (err != CT_OK && err != CT_ERR_END) {
        ct_ingest_reader_close(reader);
        return err;
    }
    *out_reader = reader;
    return CT_OK;
}

void ct_ingest_reader_close(struct ct_ingest_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    free(reader->window);
    free(reader->folder);
    free(reader);
}

/* Makes the window start at `offset` and hold what the segment has there, up to `end`. */
static int fill(struct ct_ingest_reader *reader, uint64_t offset, uint64_t end)
{
    const uint64_t wanted = end - offset < WINDOW_BYTES ? end - offset : WINDOW_BYTES;
    size_t len = 0;
    while (len < wanted) {
        const ssize_t n = pread(reader->fd, reader->window + len, (size_t)wanted - len,
                                (off_t)(offset - reader->segment_start + len));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            reader->window_len = 0;
            return ct_err_from_errno(errno);
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    reader->window_start = offset;
    reader->window_len = len;
    return CT_OK;
}

/* The bytes at `offset`; at least `need` of them where the segment has them. */
static int look(struct ct_ingest_reader *reader, uint64_t offset, uint64_t end, size_t need, const uint8_t **out_bytes,
                size_t *out_len)
{
    const bool inside = reader->window_len > 0 && offset >= reader->window_start &&
                        offset + need <= reader->window_start + reader->window_len;
    if (!inside) {
        const int err = fill(reader, offset, end);
        if (err != CT_OK) {
            return err;
        }
    }
    const size_t skip = (size_t)(offset - reader->window_start);
    *out_bytes = reader->window + skip;
    *out_len = reader->window_len - skip;
    return CT_OK;
}

/* 1: a good entry at offset; 0: something else; negative: cannot read. */
static int try_entry(struct ct_ingest_reader *reader, uint64_t offset, uint64_t end, struct ct_ingest_entry *out_entry,
                     size_t *out_size)
{
    const uint8_t *bytes;
    size_t len;
    int err = look(reader, offset, end, CT_INGEST_HEAD, &bytes, &len);
    if (err != CT_OK) {
        return err;
    }
    const size_t size = len < CT_INGEST_HEAD ? 0 : ct_ingest_entry_size(bytes, offset);
    if (size == 0) {
        *out_size = len;
        return 0;
    }
    err = look(reader, offset, end, size, &bytes, &len);
    if (err != CT_OK) {
        return err;
    }
    *out_size = size;
    return len >= size && ct_ingest_entry_parse(bytes, out_entry) ? 1 : 0;
}

/* Finds the next good entry behind damage, in this segment or at the start of the next. */
static int skip_damage(struct ct_ingest_reader *reader, uint64_t end)
{
    struct ct_ingest_entry entry;
    uint64_t offset = reader->position;
    for (;;) {
        offset += 8;
        size_t size = 0;
        const int found = offset >= end ? 0 : try_entry(reader, offset, end, &entry, &size);
        if (found < 0) {
            return found;
        }
        if (found == 1 || offset >= end || size == 0) {
            break; /* an entry, or the end of the segment */
        }
    }
    reader->position = offset;
    return CT_OK;
}

/* The segment has nothing at the position: goes on with the one that begins there or behind. */
static int next_segment(struct ct_ingest_reader *reader)
{
    struct ct_segments segments;
    const int err = ct_segments_list(reader->folder, &segments);
    if (err != CT_OK) {
        return err;
    }
    uint64_t start = 0;
    bool found = false;
    for (size_t i = 0; i < segments.count && !found; i++) {
        start = segments.starts[i];
        found = reader->fd < 0 || start > reader->segment_start;
    }
    ct_segments_free(&segments);
    if (!found) {
        return CT_ERR_END;
    }
    const uint64_t expected = reader->position;
    const int opened = open_segment(reader, start);
    if (opened != CT_OK) {
        return opened;
    }
    reader->position = start;
    return start == expected || expected == 0 ? CT_OK : CT_ERR_CORRUPT;
}

int ct_ingest_reader_next(struct ct_ingest_reader *reader, uint64_t end, struct ct_ingest_entry *out_entry,
                          uint64_t *out_offset)
{
    for (;;) {
        *out_offset = reader->position;
        if (reader->position >= end) {
            return CT_ERR_END;
        }
        size_t size = 0;
        const int found = reader->fd < 0 ? 0 : try_entry(reader, reader->position, end, out_entry, &size);
        if (found < 0) {
            return found;
        }
        if (found == 1) {
            reader->position += size;
            return CT_OK;
        }
        if (size > 0) {
            const int err = skip_damage(reader, end);
            return err == CT_OK ? CT_ERR_CORRUPT : err;
        }
        const int err = next_segment(reader);
        if (err != CT_OK) {
            return err;
        }
    }
}

uint64_t ct_ingest_reader_position(const struct ct_ingest_reader *reader)
{
    return reader->position;
}

size_t ct_ingest_reader_trim(struct ct_ingest_reader *reader, uint64_t offset)
{
    struct ct_segments segments;
    if (ct_segments_list(reader->folder, &segments) != CT_OK) {
        return 0;
    }
    size_t removed = 0;
    for (size_t i = 0; i + 1 < segments.count && segments.starts[i + 1] <= offset; i++) {
        if (ct_segment_remove(reader->folder, segments.starts[i]) == CT_OK) {
            removed++;
        }
    }
    ct_segments_free(&segments);
    return removed;
}
