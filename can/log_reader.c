#include "log_reader.h"

#include "candump.h"

#include <zstd.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LIMIT  4096
#define INPUT_SIZE  65536
#define OUTPUT_SIZE 131072

static const uint8_t zstd_magic[4] = {0x28, 0xB5, 0x2F, 0xFD};

struct ct_log_reader {
    int fd;
    char name[256];
    ZSTD_DStream *zstd; /* NULL: plain text */
    bool frame_open;    /* inside a zstd frame */
    bool input_end;
    uint8_t input[INPUT_SIZE];
    size_t input_at;
    size_t input_len;
    char text[OUTPUT_SIZE];
    size_t text_at;
    size_t text_len;
    bool skipping;  /* inside a line that is too long */
    bool open_line; /* the newest line had no line end */
    bool cut;       /* and it was no frame */
    uint64_t line;
    uint64_t frames;
    uint64_t malformed;
    struct ct_candump_line current;
    char problem[512];
};

static void locate(struct ct_log_reader *r, uint64_t line, size_t column, const char *text)
{
    snprintf(r->problem, sizeof r->problem, "%s:%llu:%zu: error: %s", r->name, (unsigned long long)line, column, text);
}

/* The input fails in the line behind those that were read. */
static int fail(struct ct_log_reader *r, int err, const char *text)
{
    locate(r, r->line + 1, 1, text);
    return err;
}

static int malformed(struct ct_log_reader *r, size_t column, const char *text)
{
    r->malformed++;
    r->cut = r->open_line;
    locate(r, r->line, column, text);
    return CT_ERR_SYNTAX;
}

static int fill_input(struct ct_log_reader *r)
{
    ssize_t n;
    do {
        n = read(r->fd, r->input, sizeof r->input);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fail(r, ct_err_from_errno(errno), strerror(errno));
    }
    r->input_at = 0;
    r->input_len = (size_t)n;
    r->input_end = n == 0;
    return CT_OK;
}

static int inflate_some(struct ct_log_reader *r)
{
    ZSTD_inBuffer in = {r->input, r->input_len, r->input_at};
    ZSTD_outBuffer out = {r->text, sizeof r->text, r->text_len};
    const size_t left = ZSTD_decompressStream(r->zstd, &out, &in);
    if (ZSTD_isError(left)) {
        return fail(r, CT_ERR_CORRUPT, "compressed data is damaged (zstd); check it with `zstd -t`");
    }
    if (in.pos > r->input_at || out.pos > r->text_len) {
        r->frame_open = left != 0;
    }
    r->input_at = in.pos;
    r->text_len = out.pos;
    return CT_OK;
}

static int copy_some(struct ct_log_reader *r)
{
    const size_t room = sizeof r->text - r->text_len;
    const size_t there = r->input_len - r->input_at;
    const size_t n = there < room ? there : room;
    memcpy(r->text + r->text_len, r->input + r->input_at, n);
    r->input_at += n;
    r->text_len += n;
    return CT_OK;
}

/* Adds text behind what is there; CT_ERR_END when the input is used up. */
static int fill_text(struct ct_log_reader *r)
{
    memmove(r->text, r->text + r->text_at, r->text_len - r->text_at);
    r->text_len -= r->text_at;
    r->text_at = 0;
    const size_t before = r->text_len;
    while (r->text_len == before) {
        if (r->input_at == r->input_len && !r->input_end) {
            const int err = fill_input(r);
            if (err != CT_OK) {
                return err;
            }
        }
        const bool drained = r->input_at == r->input_len;
        const int err = r->zstd != NULL ? inflate_some(r) : copy_some(r);
        if (err != CT_OK) {
            return err;
        }
        if (r->text_len == before && drained && r->input_end) {
            return r->zstd != NULL && r->frame_open
                       ? fail(r, CT_ERR_TRUNCATED, "compressed data is cut off; the file is incomplete")
                       : CT_ERR_END;
        }
    }
    return CT_OK;
}

/* The next line; its text stays in the buffer until the next call. */
static int next_line(struct ct_log_reader *r, const char **out_text, size_t *out_len)
{
    size_t searched = 0;
    for (;;) {
        const char *start = r->text + r->text_at;
        const size_t there = r->text_len - r->text_at;
        const char *newline = there > searched ? memchr(start + searched, '\n', there - searched) : NULL;
        if (newline != NULL) {
            *out_text = start;
            *out_len = (size_t)(newline - start);
            r->text_at += *out_len + 1;
            return CT_OK;
        }
        searched = there;
        if (there > LINE_LIMIT) {
            r->skipping = true;
            r->text_at = r->text_len;
            searched = 0;
        }
        const int err = fill_text(r);
        if (err == CT_ERR_END && r->text_len > r->text_at) {
            *out_text = r->text + r->text_at;
            *out_len = r->text_len - r->text_at;
            r->text_at = r->text_len;
            r->open_line = true;
            return CT_OK;
        }
        if (err != CT_OK) {
            return err;
        }
    }
}

static int parse_one(struct ct_log_reader *r, const char *text, size_t len)
{
    if (r->skipping || len > LINE_LIMIT) {
        r->skipping = false;
        return malformed(r, 1, "line is longer than 4096 characters; not a candump log?");
    }
    struct ct_candump_problem problem;
    const int err = ct_candump_parse(text, len, &r->current, &problem);
    if (err == CT_ERR_NOT_FOUND || err == CT_OK) {
        return err;
    }
    return malformed(r, problem.column, problem.text);
}

int ct_log_reader_next(struct ct_log_reader *reader, struct ct_frame *out_frame, const char **out_channel)
{
    int err;
    do {
        const char *text;
        size_t len;
        err = next_line(reader, &text, &len);
        if (err != CT_OK) {
            return err;
        }
        reader->line++;
        err = parse_one(reader, text, len);
    } while (err == CT_ERR_NOT_FOUND);
    if (err != CT_OK) {
        return err;
    }
    reader->frames++;
    *out_frame = reader->current.frame;
    if (out_channel != NULL) {
        *out_channel = reader->current.channel;
    }
    return CT_OK;
}

static int start(struct ct_log_reader *r)
{
    int err = fill_input(r);
    if (err != CT_OK) {
        return err;
    }
    if (r->input_len >= sizeof zstd_magic && memcmp(r->input, zstd_magic, sizeof zstd_magic) == 0) {
        r->zstd = ZSTD_createDStream();
        if (r->zstd == NULL) {
            return fail(r, CT_ERR_NO_MEMORY, "out of memory");
        }
    }
    return CT_OK;
}

int ct_log_reader_open(const char *path, struct ct_log_reader **out_reader, char *problem, size_t problem_size)
{
    struct ct_log_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(problem, problem_size, "%s: error: out of memory", path);
        return CT_ERR_NO_MEMORY;
    }
    const bool standard_input = strcmp(path, "-") == 0;
    snprintf(r->name, sizeof r->name, "%s", standard_input ? "standard input" : path);
    r->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        const int err = ct_err_from_errno(errno);
        snprintf(problem, problem_size, "%s: error: cannot open the log: %s", r->name, strerror(errno));
        free(r);
        return err;
    }
    const int err = start(r);
    if (err != CT_OK) {
        snprintf(problem, problem_size, "%s", r->problem);
        ct_log_reader_close(r);
        return err;
    }
    *out_reader = r;
    return CT_OK;
}

void ct_log_reader_close(struct ct_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    ZSTD_freeDStream(reader->zstd);
    close(reader->fd);
    free(reader);
}

uint64_t ct_log_reader_line(const struct ct_log_reader *reader)
{
    return reader->line;
}

uint64_t ct_log_reader_frames(const struct ct_log_reader *reader)
{
    return reader->frames;
}

uint64_t ct_log_reader_malformed(const struct ct_log_reader *reader)
{
    return reader->malformed;
}

const char *ct_log_reader_problem(const struct ct_log_reader *reader)
{
    return reader->problem;
}

bool ct_log_reader_cut(const struct ct_log_reader *reader)
{
    return reader->cut;
}
