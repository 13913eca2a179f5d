#include "log_source.h"

#include <zlib.h>
#include <zstd.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_SIZE 65536
#define PLAIN_SIZE 131072
#define GZIP_BITS  (15 + 16) /* the largest window, gzip head and tail */

struct ct_log_source {
    int fd;
    int stop_fd;
    int (*unpack)(struct ct_log_source *s, const char **out_text); /* input to plain, what can be done at once */
    ZSTD_DStream *zstd;
    z_stream gzip;
    bool gzip_open;
    bool inside; /* in the middle of a compressed piece */
    bool end;    /* of the file */
    uint64_t read;
    uint64_t size;
    size_t input_at;
    size_t input_len;
    size_t plain_at;
    size_t plain_len;
    uint8_t input[INPUT_SIZE];
    uint8_t plain[PLAIN_SIZE];
};

static int say(const char **out_text, int err, const char *text)
{
    *out_text = text;
    return err;
}

/* A pipe may stay silent for ever. */
static bool told_to_stop(const struct ct_log_source *s)
{
    struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
    if (s->stop_fd < 0 || s->size > 0) {
        return false;
    }
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    return fds[1].revents != 0;
}

static int fill_input(struct ct_log_source *s, const char **out_text)
{
    ssize_t n;
    if (told_to_stop(s)) {
        return say(out_text, CT_ERR_CLOSED, "stopped by a signal");
    }
    do {
        n = read(s->fd, s->input, sizeof s->input);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return say(out_text, ct_err_from_errno(errno), strerror(errno));
    }
    s->input_at = 0;
    s->input_len = (size_t)n;
    s->end = n == 0;
    s->read += (uint64_t)n;
    return CT_OK;
}

static int unpack_zstd(struct ct_log_source *s, const char **out_text)
{
    ZSTD_inBuffer in = {s->input, s->input_len, s->input_at};
    ZSTD_outBuffer out = {s->plain, sizeof s->plain, s->plain_len};
    const size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
    if (ZSTD_isError(left)) {
        return say(out_text, CT_ERR_CORRUPT, "compressed data is damaged (zstd); check it with `zstd -t`");
    }
    if (in.pos > s->input_at || out.pos > s->plain_len) {
        s->inside = left != 0;
    }
    s->input_at = in.pos;
    s->plain_len = out.pos;
    return CT_OK;
}

/* Several gzip files one behind the other are one. */
static int unpack_gzip(struct ct_log_source *s, const char **out_text)
{
    if (!s->inside && s->input_at < s->input_len) {
        inflateReset(&s->gzip);
        s->inside = true;
    }
    s->gzip.next_in = s->input + s->input_at;
    s->gzip.avail_in = (uInt)(s->input_len - s->input_at);
    s->gzip.next_out = s->plain + s->plain_len;
    s->gzip.avail_out = (uInt)(sizeof s->plain - s->plain_len);
    const int state = s->inside ? inflate(&s->gzip, Z_NO_FLUSH) : Z_OK;
    s->input_at = s->input_len - s->gzip.avail_in;
    s->plain_len = sizeof s->plain - s->gzip.avail_out;
    if (state == Z_STREAM_END) {
        s->inside = false;
    } else if (state != Z_OK && state != Z_BUF_ERROR) {
        return say(out_text, CT_ERR_CORRUPT, "compressed data is damaged (gzip); check it with `gzip -t`");
    }
    return CT_OK;
}

static int unpack_plain(struct ct_log_source *s, const char **out_text)
{
    const size_t room = sizeof s->plain - s->plain_len;
    const size_t there = s->input_len - s->input_at;
    const size_t n = there < room ? there : room;
    (void)out_text;
    memcpy(s->plain + s->plain_len, s->input + s->input_at, n);
    s->input_at += n;
    s->plain_len += n;
    return CT_OK;
}

int ct_log_source_fill(struct ct_log_source *source, const char **out_text)
{
    struct ct_log_source *s = source;
    memmove(s->plain, s->plain + s->plain_at, s->plain_len - s->plain_at);
    s->plain_len -= s->plain_at;
    s->plain_at = 0;
    const size_t before = s->plain_len;
    if (before == sizeof s->plain) {
        return CT_ERR_FULL;
    }
    while (s->plain_len == before) {
        int err = s->input_at == s->input_len && !s->end ? fill_input(s, out_text) : CT_OK;
        const bool drained = s->input_at == s->input_len;
        if (err == CT_OK) {
            err = s->unpack(s, out_text);
        }
        if (err != CT_OK) {
            return err;
        }
        if (s->plain_len == before && drained && s->end) {
            return s->inside ? say(out_text, CT_ERR_TRUNCATED, "compressed data is cut off; the file is incomplete")
                             : CT_ERR_END;
        }
    }
    return CT_OK;
}

const uint8_t *ct_log_source_bytes(const struct ct_log_source *source, size_t *out_len)
{
    *out_len = source->plain_len - source->plain_at;
    return source->plain + source->plain_at;
}

void ct_log_source_take(struct ct_log_source *source, size_t n)
{
    source->plain_at += n;
}

uint64_t ct_log_source_position(const struct ct_log_source *source, uint64_t *out_size)
{
    *out_size = source->size;
    return source->read;
}

static int start_zstd(struct ct_log_source *s)
{
    s->unpack = unpack_zstd;
    s->zstd = ZSTD_createDStream();
    return s->zstd != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

static int start_gzip(struct ct_log_source *s)
{
    s->unpack = unpack_gzip;
    s->gzip_open = inflateInit2(&s->gzip, GZIP_BITS) == Z_OK;
    return s->gzip_open ? CT_OK : CT_ERR_NO_MEMORY;
}

static const struct {
    uint8_t magic[4];
    size_t len;
    int (*start)(struct ct_log_source *s);
} packers[] = {
    {{0x28, 0xB5, 0x2F, 0xFD}, 4, start_zstd},
    {{0x1F, 0x8B, 0x08, 0x00}, 3, start_gzip},
};

static int start(struct ct_log_source *s, const char **out_text)
{
    const int err = fill_input(s, out_text);
    if (err != CT_OK) {
        return err;
    }
    s->unpack = unpack_plain;
    for (size_t i = 0; i < sizeof packers / sizeof packers[0]; i++) {
        if (s->input_len >= packers[i].len && memcmp(s->input, packers[i].magic, packers[i].len) == 0) {
            return packers[i].start(s) == CT_OK ? CT_OK : say(out_text, CT_ERR_NO_MEMORY, "out of memory");
        }
    }
    return CT_OK;
}

int ct_log_source_open(const char *path, int stop_fd, struct ct_log_source **out_source, const char **out_text)
{
    const bool standard_input = strcmp(path, "-") == 0;
    struct stat st;
    struct ct_log_source *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return say(out_text, CT_ERR_NO_MEMORY, "out of memory");
    }
    s->stop_fd = stop_fd;
    s->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) {
        const int err = say(out_text, ct_err_from_errno(errno), strerror(errno));
        free(s);
        return err;
    }
    s->size = fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    const int err = start(s, out_text);
    if (err != CT_OK) {
        ct_log_source_close(s);
        return err;
    }
    *out_source = s;
    return CT_OK;
}

void ct_log_source_close(struct ct_log_source *source)
{
    if (source == NULL) {
        return;
    }
    if (source->gzip_open) {
        inflateEnd(&source->gzip);
    }
    ZSTD_freeDStream(source->zstd);
    close(source->fd);
    free(source);
}
