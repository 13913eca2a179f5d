#include "dense_model.h"

#include "pb.h"

#include <stdlib.h>

#define FIRST_ENTRIES 64
#define HISTORY_MASK  (CT_DENSE_HISTORY - 1U)
#define STEP_BITS_MAX 31U /* so that eighths of it fit a scale */

static void fail(struct ct_dense_coder *coder, int err)
{
    coder->err = coder->err == CT_OK ? err : coder->err;
}

static void code_plain(struct ct_dense_coder *coder, uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)ct_dense_code_plain(coder, 8, data[i]);
    }
}

/* The difference to what was last, as a number near 0 whatever its sign. */
static uint64_t code_change(struct ct_dense_coder *coder, struct ct_dense_number *model, uint64_t last, uint64_t value)
{
    const uint64_t change = ct_pb_zigzag_encode((int64_t)(value - last));
    return last + (uint64_t)ct_pb_zigzag_decode(ct_dense_code_number(coder, model, change));
}

/* ---------------------------------------------------------------- entries */

static struct ct_dense_entry *entry_of(struct ct_dense *dense, struct ct_dense_coder *coder, uint32_t id)
{
    if (id >= CT_DENSE_IDS) {
        fail(coder, CT_ERR_RANGE);
        return NULL;
    }
    if (id >= dense->entry_count) {
        size_t count = dense->entry_count == 0 ? FIRST_ENTRIES : dense->entry_count;
        while (count <= id) {
            count *= 2;
        }
        struct ct_dense_entry *grown = realloc(dense->entries, count * sizeof *grown);
        if (grown == NULL) {
            fail(coder, CT_ERR_NO_MEMORY);
            return NULL;
        }
        memset(grown + dense->entry_count, 0, (count - dense->entry_count) * sizeof *grown);
        dense->entries = grown;
        dense->entry_count = count;
    }
    return &dense->entries[id];
}

static uint8_t with_hit(uint8_t hits, bool hit)
{
    return (uint8_t)(((unsigned)hits << 1 | (unsigned)hit) & HISTORY_MASK);
}

/* Ids are counted from 1 here, 0 is the end of a group. `guesses` are what followed before, the newest first. */
static uint32_t code_follower(struct ct_dense_coder *coder, struct ct_dense_guess *model, uint16_t *guesses,
                              uint8_t *hits, uint32_t from, uint32_t follower)
{
    const unsigned count = guesses[0] == guesses[1] ? 1 : CT_DENSE_GUESSES;
    unsigned i = 0;
    while (i < count && ct_dense_code(coder, &model->hit[i][*hits], follower == guesses[i]) == 0) {
        i++;
    }
    *hits = with_hit(*hits, i == 0);
    if (i < count) {
        follower = guesses[i];
    } else {
        const uint64_t id = code_change(coder, &model->miss, from, follower);
        if (id > CT_DENSE_IDS) {
            fail(coder, CT_ERR_RANGE);
            return 0;
        }
        follower = (uint32_t)id;
    }
    guesses[1] = i == 0 ? guesses[1] : guesses[0];
    guesses[0] = (uint16_t)follower;
    return follower;
}

/* ---------------------------------------------------------------- values */

static void code_raw(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_entry *entry,
                     struct ct_sample *sample)
{
    struct ct_dense_model *model = &dense->model;
    uint64_t step = (uint64_t)sample->raw - entry->last;
    const bool same = ct_dense_code(coder, &model->same_step[entry->step_hits], step == entry->step) != 0;
    if (same) {
        step = entry->step;
    } else {
        const unsigned scale = entry->scale / 8U < CT_DENSE_SCALES ? entry->scale / 8U : CT_DENSE_SCALES - 1U;
        step = code_change(coder, &model->step[scale], 0, step);
    }
    const unsigned bits = ct_dense_bits(ct_pb_zigzag_encode((int64_t)step));
    const int eighths = 8 * (int)(bits < STEP_BITS_MAX ? bits : STEP_BITS_MAX);
    entry->scale = (uint8_t)(entry->scale == 0 ? eighths : entry->scale + (eighths - entry->scale) / 4);
    entry->step_hits = with_hit(entry->step_hits, same);
    entry->step = step;
    entry->last += step;
    sample->raw = (int64_t)entry->last;
}

static void code_double(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_entry *entry,
                        struct ct_sample *sample)
{
    uint64_t bits;
    memcpy(&bits, &sample->number, sizeof bits);
    entry->last ^= ct_dense_code_number(coder, &dense->model.number, bits ^ entry->last);
    memcpy(&sample->number, &entry->last, sizeof sample->number);
}

static void code_bytes(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record,
                       struct ct_sample *sample)
{
    const uint64_t len = ct_dense_code_number(coder, &dense->model.length, sample->len);
    if (len > CT_BYTES_MAX || len > sizeof record->bytes - record->bytes_used) {
        fail(coder, CT_ERR_TOO_LARGE);
        return;
    }
    uint8_t *bytes = record->bytes + record->bytes_used;
    if (!coder->decoding && len > 0) {
        memcpy(bytes, sample->bytes, len);
    }
    for (size_t i = 0; i < len; i++) { /* the upper three bits of a character are foreseeable */
        unsigned node = 1;
        for (unsigned bit = 8; bit-- > 5;) {
            node = node << 1 | ct_dense_code(coder, &dense->model.letter[node], (unsigned)bytes[i] >> bit & 1U);
        }
        bytes[i] = (uint8_t)(node << 5 | ct_dense_code_plain(coder, 5, bytes[i]));
    }
    sample->bytes = bytes;
    sample->len = (uint16_t)len;
    record->bytes_used += len;
}

static void code_quality(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_entry *entry,
                         struct ct_sample *sample)
{
    const bool same = ct_dense_code(coder, &dense->model.same_quality, sample->quality == entry->quality) != 0;
    if (!same) {
        const uint64_t quality = ct_dense_code_number(coder, &dense->model.quality, sample->quality);
        entry->quality = (uint16_t)quality;
        if (quality > UINT16_MAX) {
            fail(coder, CT_ERR_RANGE);
        }
    }
    sample->quality = entry->quality;
}

static void code_sample(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_entry *entry,
                        struct ct_dense_record *record, size_t index)
{
    struct ct_sample *sample = &record->samples[index];
    code_quality(dense, coder, entry, sample);
    if (!entry->has_kind) { /* the catalogue's: it never changes */
        entry->kind = ct_dense_code_plain(coder, 2, record->kinds[index]) & 3U;
        entry->has_kind = true;
    }
    record->kinds[index] = (uint8_t)entry->kind;
    if (entry->kind == CT_KIND_RAW) {
        code_raw(dense, coder, entry, sample);
    } else if (entry->kind == CT_KIND_DOUBLE) {
        code_double(dense, coder, entry, sample);
    } else {
        code_bytes(dense, coder, record, sample);
    }
}

/* ---------------------------------------------------------------- samples */

static int64_t us_of(const struct ct_dense_record *record, size_t index)
{
    return (record->samples[index].t_ns - record->time.base_ns) / CT_NS_PER_US;
}

/* The time of the group that begins at `index`; the one before was at *us. */
static void code_time(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record,
                      size_t index, int64_t *us)
{
    const int64_t here = coder->decoding ? 0 : us_of(record, index);
    if (index == 0) {
        *us = (int64_t)code_change(coder, &dense->model.start, 0, (uint64_t)here);
        return;
    }
    const uint64_t gap = ct_dense_code_number(coder, &dense->model.gap, (uint64_t)(here - *us - 1));
    if (gap >= INT64_MAX || __builtin_add_overflow(*us, (int64_t)gap + 1, us)) {
        fail(coder, CT_ERR_RANGE);
    }
}

static void set_time(struct ct_dense_coder *coder, struct ct_dense_record *record, size_t index, int64_t us)
{
    int64_t ns;
    if (__builtin_mul_overflow(us, CT_NS_PER_US, &ns) ||
        __builtin_add_overflow(record->time.base_ns, ns, &record->samples[index].t_ns)) {
        fail(coder, CT_ERR_RANGE);
    }
}

/* id + 1 of the sample behind `index` when it is of the same group, else 0. */
static uint32_t follower_of(const struct ct_dense_record *record, size_t index, int64_t us)
{
    return us_of(record, index + 1) == us ? record->samples[index + 1].id + 1 : 0;
}

/* The samples of one time, from *index on, beginning with the id `first` - 1. */
static void code_group(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record,
                       size_t *index, uint32_t first, int64_t us)
{
    uint32_t follower = first;
    while (follower != 0 && coder->err == CT_OK) {
        struct ct_dense_entry *entry = entry_of(dense, coder, follower - 1);
        if (entry == NULL) {
            return;
        }
        record->samples[*index].id = follower - 1;
        set_time(coder, record, *index, us);
        code_sample(dense, coder, entry, record, *index);
        if (++*index == record->count) {
            return;
        }
        const uint32_t behind = coder->decoding ? 0 : follower_of(record, *index - 1, us);
        follower = code_follower(coder, &dense->model.next, entry->next, &entry->next_hits, follower, behind);
    }
}

static void code_samples(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record)
{
    uint32_t first = 0;
    int64_t us = 0;
    size_t index = 0;
    while (index < record->count && coder->err == CT_OK) {
        struct ct_dense_entry *before = first == 0 ? NULL : &dense->entries[first - 1];
        const uint32_t here = coder->decoding ? 0 : record->samples[index].id + 1;
        first = code_follower(coder, &dense->model.first, before == NULL ? dense->before_first : before->first,
                              before == NULL ? &dense->before_first_hits : &before->first_hits, first, here);
        if (first == 0) {
            fail(coder, CT_ERR_SYNTAX);
            return;
        }
        code_time(dense, coder, record, index, &us);
        code_group(dense, coder, record, &index, first, us);
    }
}

/* ---------------------------------------------------------------- records */

/* Ids of another catalogue mean other signals. */
static void forget_entries(struct ct_dense *dense)
{
    if (dense->entries != NULL) {
        memset(dense->entries, 0, dense->entry_count * sizeof *dense->entries);
    }
    memset(dense->before_first, 0, sizeof dense->before_first);
    dense->before_first_hits = 0;
}

static void code_head(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record)
{
    struct ct_dense_model *model = &dense->model;
    dense->head.seq = 1 + code_change(coder, &model->seq, dense->head.seq, record->head.seq - 1);
    const bool same_boot = memcmp(record->head.boot_id, dense->head.boot_id, CT_BOOT_ID_SIZE) == 0;
    if (ct_dense_code(coder, &model->same_boot, same_boot) == 0) {
        code_plain(coder, record->head.boot_id, CT_BOOT_ID_SIZE);
        memcpy(dense->head.boot_id, record->head.boot_id, CT_BOOT_ID_SIZE);
    }
    if (ct_dense_code(coder, &model->same_hash, memcmp(record->hash, dense->hash, CT_HASH_SIZE) == 0) == 0) {
        code_plain(coder, record->hash, CT_HASH_SIZE);
        memcpy(dense->hash, record->hash, CT_HASH_SIZE);
        forget_entries(dense);
    }
    record->head = dense->head;
    memcpy(record->hash, dense->hash, CT_HASH_SIZE);
}

static void code_base(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record)
{
    struct ct_dense_model *model = &dense->model;
    struct ct_batch_time *last = &dense->time;
    const struct ct_batch_time *time = &record->time;
    const uint64_t offset = (uint64_t)time->base_utc_ns - (uint64_t)time->base_ns;
    const uint64_t last_offset = (uint64_t)last->base_utc_ns - (uint64_t)last->base_ns;
    last->base_ns = (int64_t)code_change(coder, &model->base, (uint64_t)last->base_ns, (uint64_t)time->base_ns);
    last->base_utc_ns = (int64_t)((uint64_t)last->base_ns + code_change(coder, &model->offset, last_offset, offset));
    last->utc_uncertainty_ns =
        code_change(coder, &model->uncertainty, last->utc_uncertainty_ns, time->utc_uncertainty_ns);
    record->time = *last;
}

void ct_dense_code_record(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record)
{
    code_head(dense, coder, record);
    code_base(dense, coder, record);
    const uint64_t count = ct_dense_code_number(coder, &dense->model.count, record->count);
    if (count > CT_BATCH_SAMPLES_MAX) {
        fail(coder, CT_ERR_TOO_LARGE);
        return;
    }
    record->count = (size_t)count;
    record->bytes_used = 0;
    code_samples(dense, coder, record);
}
