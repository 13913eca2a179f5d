/* Any bytes as a log, in the format they start like, given in pieces: no crash, no impossible frame, an end. The piece
 * size must not change what is read. */
#include "log_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void next_piece(size_t *there, size_t left, size_t piece)
{
    *there = left - *there < piece ? left : *there + piece;
}

static uint64_t mix(uint64_t hash, const struct ct_log_record *record)
{
    const struct ct_frame *f = &record->frame;
    uint64_t values[] = {hash, f->id, f->flags, f->len, (uint64_t)f->t_ns, (uint64_t)record->channel[3]};
    for (size_t i = 0; i < f->len; i++) {
        values[1] = values[1] * 31 + f->data[i];
    }
    uint64_t sum = 14695981039346656037U;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        sum = (sum ^ values[i]) * 1099511628211U;
    }
    return sum;
}

static uint64_t read_all(const struct ct_log_format *format, const uint8_t *data, size_t size, size_t piece)
{
    struct ct_log_step step = {.used = 0};
    void *state = format->open();
    size_t there = 0;
    uint64_t hash = 0;
    int err = state != NULL ? CT_OK : CT_ERR_NO_MEMORY;
    while (err == CT_OK || err == CT_ERR_AGAIN || err == CT_ERR_SYNTAX) {
        step.used = 0;
        err = format->next(state, data, there, there == size, &step);
        if (step.used > there || (err == CT_OK && !ct_frame_valid(&step.record.frame)) ||
            (err == CT_ERR_AGAIN && there == size && size == 0)) {
            abort();
        }
        data += step.used;
        size -= step.used;
        there -= step.used;
        if (err == CT_OK) {
            hash = mix(hash, &step.record);
        } else if (err == CT_ERR_AGAIN) {
            next_piece(&there, size, piece);
        }
    }
    format->close(state);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *hint = NULL;
    const struct ct_log_format *format = ct_log_format_of(data, size, &hint);
    if (format == NULL) {
        return hint != NULL ? 0 : (abort(), 0);
    }
    if (read_all(format, data, size, size + 1) != read_all(format, data, size, 13)) {
        abort();
    }
    return 0;
}
