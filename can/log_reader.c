#include "log_reader.h"

#include "log_format.h"
#include "log_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 4096 /* a first line longer than this is not waited for */

struct ct_log_reader {
    struct ct_log_source *source;
    const struct ct_log_format *format;
    void *state;
    char name[256];
    uint64_t taken; /* plain bytes */
    bool last;      /* the source is at its end */
    int end;        /* the final error, CT_OK: there is none yet */
    bool cut;
    uint64_t frames;
    uint64_t malformed;
    struct ct_log_step step;
    char problem[512];
};

static void locate_text(struct ct_log_reader *r, uint64_t line, size_t column, const char *text)
{
    snprintf(r->problem, sizeof r->problem, "%s:%llu:%zu: error: %s", r->name, (unsigned long long)line, column, text);
}

static void locate_byte(struct ct_log_reader *r, uint64_t offset, const char *text)
{
    snprintf(r->problem, sizeof r->problem, "%s: byte %llu: error: %s", r->name, (unsigned long long)offset, text);
}

/* A problem the format found. */
static int refused(struct ct_log_reader *r, int err)
{
    const struct ct_log_problem *p = &r->step.problem;
    if (r->format->text) {
        locate_text(r, r->step.line, p->column, p->text);
    } else {
        locate_byte(r, r->step.offset, p->text);
    }
    if (err == CT_ERR_SYNTAX) {
        r->malformed++;
        r->cut = r->step.torn;
    }
    return err;
}

/* The input fails behind what was read. */
static int failed(struct ct_log_reader *r, int err, const char *text)
{
    if (r->format == NULL || r->format->text) {
        locate_text(r, r->step.line + 1, 1, text);
    } else {
        locate_byte(r, r->taken, text);
    }
    return err;
}

/* More bytes; at the end the format is asked once more what it makes of the rest. */
static int fill(struct ct_log_reader *r)
{
    const char *text = "the line is too long";
    const int err = ct_log_source_fill(r->source, &text);
    if (err == CT_ERR_END) {
        r->last = true;
        return CT_OK;
    }
    return err == CT_OK ? CT_OK : failed(r, err, text);
}

static int step(struct ct_log_reader *r)
{
    for (;;) {
        size_t len;
        const uint8_t *bytes = ct_log_source_bytes(r->source, &len);
        r->step.used = 0;
        int err = r->format->next(r->state, bytes, len, r->last, &r->step);
        ct_log_source_take(r->source, r->step.used);
        r->taken += r->step.used;
        if (err == CT_OK || err == CT_ERR_END) {
            return err;
        }
        if (err != CT_ERR_AGAIN) {
            return refused(r, err);
        }
        err = fill(r);
        if (err != CT_OK) {
            return err;
        }
    }
}

int ct_log_reader_next(struct ct_log_reader *reader, struct ct_frame *out_frame, const char **out_channel)
{
    if (reader->end != CT_OK) {
        return reader->end;
    }
    const int err = step(reader);
    if (err == CT_OK) {
        reader->frames++;
        *out_frame = reader->step.record.frame;
        if (out_channel != NULL) {
            *out_channel = reader->step.record.channel;
        }
    } else if (err != CT_ERR_SYNTAX) {
        reader->end = err;
    }
    return err;
}

/* Enough to tell the format by: the first line that is not blank, or HEAD_MAX bytes. */
static bool head_complete(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && (bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == ' ')) {
        at++;
    }
    return len >= HEAD_MAX || (len >= 4 && memcmp(bytes, "LOGG", 4) == 0) ||
           (at < len && memchr(bytes + at, '\n', len - at) != NULL);
}

static int find_format(struct ct_log_reader *r)
{
    const char *hint = NULL;
    size_t len;
    const uint8_t *bytes = ct_log_source_bytes(r->source, &len);
    while (!r->last && !head_complete(bytes, len)) {
        const char *text = "";
        const int err = ct_log_source_fill(r->source, &text);
        if (err != CT_OK) { /* told when what is there has been read */
            break;
        }
        bytes = ct_log_source_bytes(r->source, &len);
    }
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) { /* UTF-8's mark, which editors put there */
        ct_log_source_take(r->source, 3);
        r->taken += 3;
        bytes = ct_log_source_bytes(r->source, &len);
    }
    r->format = ct_log_format_of(bytes, len, &hint);
    if (r->format == NULL) {
        snprintf(r->problem, sizeof r->problem, "%s: error: %s", r->name, hint);
        return CT_ERR_UNSUPPORTED;
    }
    r->state = r->format->open();
    return r->state != NULL ? CT_OK : failed(r, CT_ERR_NO_MEMORY, "out of memory");
}

int ct_log_reader_open_until(const char *path, int stop_fd, struct ct_log_reader **out_reader, char *problem,
                             size_t problem_size)
{
    const char *text = "";
    struct ct_log_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(problem, problem_size, "%s: error: out of memory", path);
        return CT_ERR_NO_MEMORY;
    }
    snprintf(r->name, sizeof r->name, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
    int err = ct_log_source_open(path, stop_fd, &r->source, &text);
    if (err != CT_OK) {
        snprintf(problem, problem_size, "%s: error: cannot open the log: %s", r->name, text);
    } else {
        err = find_format(r);
        snprintf(problem, problem_size, "%s", r->problem);
    }
    if (err != CT_OK) {
        ct_log_reader_close(r);
        return err;
    }
    *out_reader = r;
    return CT_OK;
}

int ct_log_reader_open(const char *path, struct ct_log_reader **out_reader, char *problem, size_t problem_size)
{
    return ct_log_reader_open_until(path, -1, out_reader, problem, problem_size);
}

void ct_log_reader_close(struct ct_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->format != NULL) {
        reader->format->close(reader->state);
    }
    ct_log_source_close(reader->source);
    free(reader);
}

const char *ct_log_reader_format(const struct ct_log_reader *reader)
{
    return reader->format->name;
}

uint64_t ct_log_reader_line(const struct ct_log_reader *reader)
{
    return reader->step.line;
}

uint64_t ct_log_reader_frames(const struct ct_log_reader *reader)
{
    return reader->frames;
}

uint64_t ct_log_reader_malformed(const struct ct_log_reader *reader)
{
    return reader->malformed;
}

uint64_t ct_log_reader_skipped(const struct ct_log_reader *reader)
{
    return reader->step.skipped;
}

double ct_log_reader_progress(const struct ct_log_reader *reader)
{
    uint64_t size;
    const uint64_t at = ct_log_source_position(reader->source, &size);
    return size > 0 ? (double)at / (double)size : -1;
}

const char *ct_log_reader_problem(const struct ct_log_reader *reader)
{
    return reader->problem;
}

bool ct_log_reader_cut(const struct ct_log_reader *reader)
{
    return reader->cut;
}
