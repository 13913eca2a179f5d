#include "blf.h"
#include "blf_unpack.h"
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN_SIZE  65536U
#define OBJECT_BASE 16U
#define STRAYS_MAX  8U

struct blf {
    struct ct_blf_unpack unpack;
    uint8_t plain[PLAIN_SIZE]; /* objects, unpacked */
    size_t at;
    size_t len;
    uint64_t skip; /* of the object that was read, still to come */
    unsigned strays;
    int end; /* why there is nothing more; CT_OK: there may be */
};

static void *open_blf(void)
{
    return calloc(1, sizeof(struct blf));
}

static void close_blf(void *state)
{
    struct blf *b = state;
    if (b != NULL) {
        ct_blf_unpack_close(&b->unpack);
        free(b);
    }
}

static int refuse(const struct blf *b, int err, const char *text, struct ct_log_step *step)
{
    step->offset = b->unpack.start;
    step->problem = (struct ct_log_problem){0, text};
    return err;
}

static void pass(struct blf *b)
{
    const size_t there = b->len - b->at;
    const size_t n = b->skip < there ? (size_t)b->skip : there;
    b->at += n;
    b->skip -= n;
}

/* To the next object, over the padding. CT_ERR_AGAIN when not enough of it is there. */
static int find_object(struct blf *b, struct ct_log_step *step, size_t *out_size)
{
    pass(b);
    while (b->len - b->at >= 4 && memcmp(b->plain + b->at, "LOBJ", 4) != 0) {
        if (b->strays++ == STRAYS_MAX) {
            b->end = refuse(b, CT_ERR_CORRUPT, "objects in this container are damaged", step);
            return b->end;
        }
        b->at++;
    }
    if (b->skip > 0 || b->len - b->at < OBJECT_BASE) {
        return CT_ERR_AGAIN;
    }
    b->strays = 0;
    *out_size = ct_le32(b->plain + b->at + 8);
    if (*out_size < OBJECT_BASE) {
        b->end = refuse(b, CT_ERR_CORRUPT, "objects in this container are damaged", step);
        return b->end;
    }
    const size_t want = *out_size < CT_BLF_LOOKAHEAD ? *out_size : CT_BLF_LOOKAHEAD;
    return b->len - b->at < want ? CT_ERR_AGAIN : CT_OK;
}

/* The next frame of what is unpacked. */
static int next_object(struct blf *b, struct ct_log_step *step)
{
    for (;;) {
        size_t size;
        int err = find_object(b, step, &size);
        if (err != CT_OK) {
            return err;
        }
        const char *text = NULL;
        const size_t want = size < CT_BLF_LOOKAHEAD ? size : CT_BLF_LOOKAHEAD;
        err = ct_blf_object(b->plain + b->at, want, b->unpack.start_utc, &step->record, &text);
        b->skip = size;
        pass(b);
        if (err == CT_OK) {
            return CT_OK;
        }
        if (err == CT_ERR_SYNTAX) {
            return refuse(b, err, text, step);
        }
        step->skipped++;
    }
}

static int refill(struct blf *b, const uint8_t *bytes, size_t len, struct ct_log_step *step, size_t *out_made)
{
    size_t used;
    const uint64_t skipped = b->unpack.skipped;
    memmove(b->plain, b->plain + b->at, b->len - b->at);
    b->len -= b->at;
    b->at = 0;
    const int err = ct_blf_unpack(&b->unpack, bytes + step->used, len - step->used, &used, b->plain + b->len,
                                  sizeof b->plain - b->len, out_made);
    b->len += *out_made;
    step->used += used;
    step->skipped += b->unpack.skipped - skipped;
    return err;
}

static int judge_end(struct blf *b, const uint8_t *left_over, size_t len, struct ct_log_step *step)
{
    if (b->skip == 0 && ct_blf_is_padding(b->plain + b->at, b->len - b->at) &&
        ct_blf_unpack_whole(&b->unpack, left_over, len)) {
        return CT_ERR_END;
    }
    step->torn = true;
    return refuse(b, CT_ERR_TRUNCATED, "the file is cut off here, the rest is lost", step);
}

static int next_blf(void *state, const uint8_t *bytes, size_t len, bool last, struct ct_log_step *out_step)
{
    struct blf *b = state;
    out_step->torn = false;
    for (;;) {
        int err = next_object(b, out_step);
        if (err != CT_ERR_AGAIN || b->end != CT_OK) {
            return err == CT_ERR_AGAIN ? refuse(b, b->end, b->unpack.problem, out_step) : err;
        }
        size_t made;
        err = refill(b, bytes, len, out_step, &made);
        if (err != CT_OK) {
            b->end = err;
        } else if (made == 0) {
            return last ? judge_end(b, bytes + out_step->used, len - out_step->used, out_step) : CT_ERR_AGAIN;
        }
    }
}

static bool recognise_blf(const uint8_t *head, size_t len)
{
    return len >= 4 && memcmp(head, "LOGG", 4) == 0;
}

const struct ct_log_format ct_log_blf = {
    .name = "BLF",
    .text = false,
    .recognises = recognise_blf,
    .open = open_blf,
    .next = next_blf,
    .close = close_blf,
};
