#include "batch_decode.h"
#include "batch_last.h"
#include "pb.h"

/* A Batch taken apart, its columns still packed. The scan has passed it: each field once, packed in one piece. */
struct columns {
    const uint8_t *hash;
    struct ct_batch_time time;
    struct ct_pb_reader id_gap, dt, raw, number, quality_gap, quality;
    struct ct_pb_reader id_step, group, raw_step; /* the newer form */
    struct ct_pb_reader bytes;                    /* over the whole message, stepping from bytes field to bytes field */
    size_t count;
    bool is_grouped; /* the newer form: groups of one time, steps of ids and raw values */
};

static void take_column(struct columns *columns, const struct ct_pb_field *field)
{
    struct ct_pb_reader *const readers[] = {
        [5] = &columns->id_gap,   [6] = &columns->dt,           [7] = &columns->raw,
        [8] = &columns->number,   [10] = &columns->quality_gap, [11] = &columns->quality,
        [12] = &columns->id_step, [13] = &columns->group,       [14] = &columns->raw_step};
    if (field->id < sizeof readers / sizeof readers[0] && readers[field->id] != NULL) {
        *readers[field->id] = ct_pb_reader(field->data, field->len);
    }
}

static int take_field(struct columns *columns, const struct ct_pb_field *field)
{
    switch (field->id) {
    case 1:
        columns->hash = field->len == CT_HASH_SIZE ? field->data : NULL;
        return field->len == CT_HASH_SIZE ? CT_OK : CT_ERR_SYNTAX;
    case 2:
        columns->time.base_ns = (int64_t)field->value;
        return CT_OK;
    case 3:
        columns->time.base_utc_ns = (int64_t)field->value;
        return CT_OK;
    case 4:
        columns->time.utc_uncertainty_ns = field->value;
        return CT_OK;
    default:
        take_column(columns, field);
        return CT_OK;
    }
}

static int take_columns(const uint8_t *data, size_t len, struct columns *out_columns)
{
    struct columns columns = {.bytes = ct_pb_reader(data, len)};
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    int err;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK) {
        err = take_field(&columns, &field);
        if (err != CT_OK) {
            return err;
        }
    }
    if (err != CT_ERR_END) {
        return err;
    }
    columns.is_grouped = columns.id_step.next != columns.id_step.end;
    const struct ct_pb_reader *ids = columns.is_grouped ? &columns.id_step : &columns.id_gap;
    columns.count = ct_pb_packed_count(ids->next, (size_t)(ids->end - ids->next));
    *out_columns = columns;
    return columns.hash != NULL ? CT_OK : CT_ERR_SYNTAX;
}

/* Where a column ends too early the message contradicts itself. */
static int next_number(struct ct_pb_reader *column, uint64_t *out_value)
{
    return ct_pb_varint(column, out_value) == CT_OK ? CT_OK : CT_ERR_SYNTAX;
}

static int next_bytes(struct ct_pb_reader *reader, struct ct_sample *sample)
{
    struct ct_pb_field field;
    while (ct_pb_next(reader, &field) == CT_OK) {
        if (field.id != 9) {
            continue;
        }
        if (field.len > CT_BYTES_MAX) {
            return CT_ERR_TOO_LARGE;
        }
        sample->bytes = field.data;
        sample->len = (uint16_t)field.len;
        return CT_OK;
    }
    return CT_ERR_SYNTAX;
}

static int next_raw(struct columns *columns, struct ct_batch_last *last, struct ct_sample *sample)
{
    uint64_t value;
    const int err = next_number(columns->is_grouped ? &columns->raw_step : &columns->raw, &value);
    if (err != CT_OK) {
        return err;
    }
    sample->raw = ct_pb_zigzag_decode(value);
    if (columns->is_grouped) {
        uint64_t *before = ct_batch_last_of(last, sample->id);
        *before += (uint64_t)sample->raw;
        sample->raw = (int64_t)*before;
    }
    return CT_OK;
}

static int next_value(struct columns *columns, struct ct_batch_last *last, enum ct_kind kind, struct ct_sample *sample)
{
    if (kind == CT_KIND_BYTES || kind == CT_KIND_STRING) {
        return next_bytes(&columns->bytes, sample);
    }
    if (kind == CT_KIND_DOUBLE) {
        if (columns->number.end - columns->number.next < 8) {
            return CT_ERR_SYNTAX;
        }
        const uint64_t bits = ct_le64(columns->number.next);
        memcpy(&sample->number, &bits, sizeof bits);
        columns->number.next += 8;
        return CT_OK;
    }
    return next_raw(columns, last, sample);
}

/* Where the walk over the samples stands. */
struct walk {
    size_t index;
    uint64_t id;
    int64_t us;
    size_t flagged; /* index of the next sample that has quality flags */
    uint64_t group; /* samples left at the time `us` */
    struct ct_batch_last last;
};

#define NOTHING_FLAGGED SIZE_MAX

static int next_flagged(struct columns *columns, struct walk *walk, bool first)
{
    if (columns->quality_gap.next == columns->quality_gap.end) {
        walk->flagged = NOTHING_FLAGGED;
        return CT_OK;
    }
    uint64_t gap;
    const int err = next_number(&columns->quality_gap, &gap);
    if (err != CT_OK) {
        return err;
    }
    if ((gap == 0 && !first) || gap >= columns->count) {
        return CT_ERR_RANGE;
    }
    walk->flagged = first ? (size_t)gap : walk->flagged + (size_t)gap;
    return walk->flagged < columns->count ? CT_OK : CT_ERR_RANGE;
}

static int next_quality(struct columns *columns, struct walk *walk, struct ct_sample *sample)
{
    sample->quality = 0;
    if (walk->index != walk->flagged) {
        return CT_OK;
    }
    uint64_t flags;
    const int err = next_number(&columns->quality, &flags);
    if (err != CT_OK) {
        return err;
    }
    if (flags == 0 || flags > UINT16_MAX) {
        return CT_ERR_RANGE;
    }
    sample->quality = (uint16_t)flags;
    return next_flagged(columns, walk, false);
}

static int next_time(struct columns *columns, bool at_base, struct walk *walk, struct ct_sample *sample)
{
    if (at_base) {
        sample->t_ns = columns->time.base_ns;
        return CT_OK;
    }
    uint64_t dt = 0;
    int64_t ns;
    if (walk->group == 0) { /* in the older form every sample has a time of its own */
        walk->group = 1;
        if (next_number(&columns->dt, &dt) != CT_OK ||
            (columns->is_grouped && (next_number(&columns->group, &walk->group) != CT_OK || walk->group == 0))) {
            return CT_ERR_SYNTAX;
        }
    }
    walk->group--;
    if (__builtin_add_overflow(walk->us, ct_pb_zigzag_decode(dt), &walk->us) ||
        __builtin_mul_overflow(walk->us, CT_NS_PER_US, &ns) ||
        __builtin_add_overflow(columns->time.base_ns, ns, &sample->t_ns)) {
        return CT_ERR_RANGE;
    }
    return CT_OK;
}

static int next_id(struct columns *columns, struct walk *walk)
{
    uint64_t step;
    const int err = next_number(columns->is_grouped ? &columns->id_step : &columns->id_gap, &step);
    if (err == CT_OK) { /* wraps at most once: a step below 0 is beyond every catalogue */
        walk->id += columns->is_grouped ? (uint64_t)ct_pb_zigzag_decode(step) : step;
    }
    return err;
}

static int next_sample(struct columns *columns, const struct ct_catalogue *catalogue, bool at_base, struct walk *walk,
                       struct ct_sample *sample)
{
    int err = next_id(columns, walk);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_entry *entry = walk->id <= UINT32_MAX ? ct_catalogue_entry(catalogue, (uint32_t)walk->id) : NULL;
    if (entry == NULL) {
        return CT_ERR_RANGE;
    }
    *sample = (struct ct_sample){.id = (uint32_t)walk->id};
    err = next_time(columns, at_base, walk, sample);
    if (err == CT_OK) {
        err = next_value(columns, &walk->last, entry->kind, sample);
    }
    return err == CT_OK ? next_quality(columns, walk, sample) : err;
}

static bool exhausted(const struct ct_pb_reader *column)
{
    return column->next == column->end;
}

static bool all_exhausted(struct columns *columns)
{
    struct ct_sample surplus;
    return exhausted(&columns->id_gap) && exhausted(&columns->dt) && exhausted(&columns->raw) &&
           exhausted(&columns->number) && exhausted(&columns->quality_gap) && exhausted(&columns->quality) &&
           exhausted(&columns->id_step) && exhausted(&columns->group) && exhausted(&columns->raw_step) &&
           next_bytes(&columns->bytes, &surplus) == CT_ERR_SYNTAX;
}

typedef int (*sample_fn)(void *user, const struct ct_sample *sample);

static int walk_samples(struct columns columns, const struct ct_catalogue *catalogue, sample_fn fn, void *user)
{
    struct walk walk; /* its table is large: only as much of it as is needed is set */
    const bool at_base = exhausted(&columns.dt);
    walk.index = walk.id = walk.group = 0;
    walk.us = 0;
    if (columns.count > CT_BATCH_SAMPLES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    ct_batch_last_init(&walk.last, columns.is_grouped ? columns.count : 0);
    int err = next_flagged(&columns, &walk, true);
    for (; err == CT_OK && walk.index < columns.count; walk.index++) {
        struct ct_sample sample;
        err = next_sample(&columns, catalogue, at_base, &walk, &sample);
        if (err == CT_OK && fn != NULL) {
            err = fn(user, &sample);
        }
    }
    if (err != CT_OK) {
        return err;
    }
    return walk.group == 0 && all_exhausted(&columns) ? CT_OK : CT_ERR_SYNTAX;
}

/* Walks twice: the sink sees nothing of a batch that turns out bad in its middle. */
int ct_batch_decode(const uint8_t *data, size_t len, const struct ct_record_head *head,
                    const struct ct_record_sink *sink)
{
    struct columns columns;
    int err = take_columns(data, len, &columns);
    if (err != CT_OK || sink->catalogue == NULL) {
        return err;
    }
    const struct ct_catalogue *catalogue = sink->catalogue(sink->user, columns.hash);
    if (catalogue == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    err = walk_samples(columns, catalogue, NULL, NULL);
    if (err == CT_OK && sink->batch_begin != NULL) {
        err = sink->batch_begin(sink->user, head, catalogue, &columns.time, columns.count);
    }
    if (err == CT_OK && sink->sample != NULL) {
        err = walk_samples(columns, catalogue, sink->sample, sink->user);
    }
    if (err == CT_OK && sink->batch_end != NULL) {
        err = sink->batch_end(sink->user);
    }
    return err;
}
