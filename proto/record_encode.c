#include "batch.h"
#include "batch_last.h"
#include "batch_samples.h"
#include "cantwin.pb-c.h"
#include "pb.h"
#include "wire.h"

#include <stdlib.h>

/* Field numbers of cantwin.proto that are written by hand; batch_test.c reads them back with the generated code. */
enum { RECORD_SEQ = 1, RECORD_BOOT_ID = 2 };
enum { BATCH_HASH = 1, BATCH_BASE, BATCH_BASE_UTC, BATCH_UNCERTAINTY, BATCH_DT = 6, BATCH_NUMBER = 8, BATCH_BYTES };
enum { BATCH_QUALITY_GAP = 10, BATCH_QUALITY, BATCH_ID_STEP, BATCH_GROUP, BATCH_RAW_STEP };
enum { STATE_SNAPSHOT_ID = 1, STATE_BOOT_ID, STATE_REVISION, STATE_BATCH, STATE_LAST };

_Static_assert((int)CT_RECORD_BATCH == (int)CANTWIN__V1__RECORD__BODY_BATCH, "body numbers");
_Static_assert((int)CT_RECORD_EVENT == (int)CANTWIN__V1__RECORD__BODY_EVENT, "body numbers");
_Static_assert((int)CT_RECORD_GAP == (int)CANTWIN__V1__RECORD__BODY_GAP, "body numbers");
_Static_assert((int)CT_RECORD_STATUS == (int)CANTWIN__V1__RECORD__BODY_COMMAND_STATUS, "body numbers");
_Static_assert((int)CT_GAP_OUTBOX_FULL == (int)CANTWIN__V1__GAP_REASON__OUTBOX_FULL, "gap reasons");
_Static_assert((int)CT_GAP_RESTART == (int)CANTWIN__V1__GAP_REASON__RESTART, "gap reasons");
_Static_assert((int)CT_GAP_BUS_LOSS == (int)CANTWIN__V1__GAP_REASON__BUS_LOSS, "gap reasons");
_Static_assert((int)CT_GAP_DAMAGED == (int)CANTWIN__V1__GAP_REASON__DAMAGED, "gap reasons");
_Static_assert((int)CT_GAP_QUEUE_FULL == (int)CANTWIN__V1__GAP_REASON__QUEUE_FULL, "gap reasons");

/* ---------------------------------------------------------------- order */

static bool in_order(const struct ct_sample *a, const struct ct_sample *b)
{
    return a->t_ns < b->t_ns || (a->t_ns == b->t_ns && a->id <= b->id);
}

static bool sorted(const struct ct_sample *samples, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (!in_order(&samples[i - 1], &samples[i])) {
            return false;
        }
    }
    return true;
}

static void merge(struct ct_sample *to, const struct ct_sample *from, size_t begin, size_t middle, size_t end)
{
    size_t left = begin;
    size_t right = middle;
    for (size_t i = begin; i < end; i++) {
        if (left < middle && (right == end || in_order(&from[left], &from[right]))) {
            to[i] = from[left++];
        } else {
            to[i] = from[right++];
        }
    }
}

/* Stable, because a value and its later loss of quality may carry the same time and must keep their order. */
static int sort_samples(struct ct_sample *samples, size_t count)
{
    if (sorted(samples, count)) {
        return CT_OK;
    }
    struct ct_sample *spare = malloc(count * sizeof *spare);
    if (spare == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct ct_sample *from = samples;
    struct ct_sample *to = spare;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            const size_t middle = begin + width < count ? begin + width : count;
            const size_t end = begin + 2 * width < count ? begin + 2 * width : count;
            merge(to, from, begin, middle, end);
        }
        struct ct_sample *swap = from;
        from = to;
        to = swap;
    }
    if (from != samples) {
        memcpy(samples, from, count * sizeof *samples);
    }
    free(spare);
    return CT_OK;
}

/* ---------------------------------------------------------------- columns */

/* A packed field; collects bytes so that the buffer is not asked for each number. Opened by its first number. */
struct column {
    struct ct_buf *buf;
    uint32_t id;
    size_t mark; /* 0: not opened */
    size_t len;
    uint8_t bytes[512];
};

static void column_flush(struct column *column)
{
    ct_buf_append(column->buf, column->bytes, column->len);
    column->len = 0;
}

static uint8_t *column_room(struct column *column)
{
    if (column->mark == 0) {
        column->mark = ct_pb_open(column->buf, column->id);
    }
    if (column->len > sizeof column->bytes - CT_PB_VARINT_MAX) {
        column_flush(column);
    }
    return column->bytes + column->len;
}

static void column_varint(struct column *column, uint64_t value)
{
    uint8_t *room = column_room(column);
    column->len += ct_pb_encode_varint(room, value);
}

static void column_double(struct column *column, double value)
{
    uint8_t *room = column_room(column);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    ct_put_le64(room, bits);
    column->len += sizeof bits;
}

static void column_close(struct column *column)
{
    column_flush(column);
    if (column->mark != 0) {
        ct_pb_close(column->buf, column->mark);
    }
}

static void put_ids(struct ct_buf *out, const struct ct_sample *samples, size_t count)
{
    struct column column = {.buf = out, .id = BATCH_ID_STEP};
    int64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        column_varint(&column, ct_pb_zigzag_encode((int64_t)samples[i].id - before));
        before = samples[i].id;
    }
    column_close(&column);
}

/* Whole microseconds from base, rounded down, so that the differences never add up an error. */
static int64_t us_from(int64_t base_ns, ct_ns t_ns)
{
    const int64_t ns = t_ns - base_ns;
    const int64_t us = ns / CT_NS_PER_US;
    return ns % CT_NS_PER_US < 0 ? us - 1 : us;
}

/* The end of the group that begins at `begin`: samples of the same microsecond. */
static size_t group_end(int64_t base_ns, const struct ct_sample *samples, size_t begin, size_t count)
{
    const int64_t us = us_from(base_ns, samples[begin].t_ns);
    size_t end = begin + 1;
    while (end < count && us_from(base_ns, samples[end].t_ns) == us) {
        end++;
    }
    return end;
}

static void put_times(struct ct_buf *out, int64_t base_ns, const struct ct_sample *samples, size_t count)
{
    if (count == 0 ||
        (us_from(base_ns, samples[0].t_ns) == 0 && us_from(base_ns, samples[count - 1].t_ns) == 0)) { /* all at base */
        return;
    }
    struct column times = {.buf = out, .id = BATCH_DT};
    int64_t before = 0;
    for (size_t i = 0; i < count; i = group_end(base_ns, samples, i, count)) {
        const int64_t us = us_from(base_ns, samples[i].t_ns);
        column_varint(&times, ct_pb_zigzag_encode(us - before));
        before = us;
    }
    column_close(&times);
    struct column groups = {.buf = out, .id = BATCH_GROUP};
    for (size_t i = 0; i < count;) {
        const size_t end = group_end(base_ns, samples, i, count);
        column_varint(&groups, end - i);
        i = end;
    }
    column_close(&groups);
}

static void put_numbers(struct ct_buf *out, const uint8_t *kinds, const struct ct_sample *samples, size_t count)
{
    struct column raws = {.buf = out, .id = BATCH_RAW_STEP};
    struct ct_batch_last last;
    ct_batch_last_init(&last, count);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == CT_KIND_RAW) {
            uint64_t *before = ct_batch_last_of(&last, samples[i].id);
            column_varint(&raws, ct_pb_zigzag_encode((int64_t)((uint64_t)samples[i].raw - *before)));
            *before = (uint64_t)samples[i].raw;
        }
    }
    column_close(&raws);
    struct column numbers = {.buf = out, .id = BATCH_NUMBER};
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == CT_KIND_DOUBLE) {
            column_double(&numbers, samples[i].number);
        }
    }
    column_close(&numbers);
}

static void put_bytes(struct ct_buf *out, const uint8_t *kinds, const struct ct_sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == CT_KIND_BYTES || kinds[i] == CT_KIND_STRING) {
            ct_pb_put_element(out, BATCH_BYTES, samples[i].bytes, samples[i].len);
        }
    }
}

static void put_quality(struct ct_buf *out, const struct ct_sample *samples, size_t count)
{
    struct column gaps = {.buf = out, .id = BATCH_QUALITY_GAP};
    size_t before = 0;
    for (size_t i = 0; i < count; i++) {
        if (samples[i].quality != 0) {
            column_varint(&gaps, i - before);
            before = i;
        }
    }
    column_close(&gaps);
    struct column flags = {.buf = out, .id = BATCH_QUALITY};
    for (size_t i = 0; i < count; i++) {
        if (samples[i].quality != 0) {
            column_varint(&flags, samples[i].quality);
        }
    }
    column_close(&flags);
}

static int check_samples(const struct ct_catalogue *catalogue, int64_t base_ns, const struct ct_sample *samples,
                         size_t count)
{
    if (count > CT_BATCH_SAMPLES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, samples[i].id);
        int64_t difference;
        if (entry == NULL || __builtin_sub_overflow(samples[i].t_ns, base_ns, &difference)) {
            return CT_ERR_RANGE;
        }
        const bool has_bytes = entry->kind == CT_KIND_BYTES || entry->kind == CT_KIND_STRING;
        if (has_bytes && samples[i].len > CT_BYTES_MAX) {
            return CT_ERR_TOO_LARGE;
        }
    }
    return CT_OK;
}

/* In order already; a kind for each sample. */
static void put_columns(struct ct_buf *out, uint32_t field, const uint8_t hash[CT_HASH_SIZE],
                        const struct ct_batch_samples *batch)
{
    const struct ct_sample *samples = batch->samples;
    const size_t mark = ct_pb_open(out, field);
    ct_pb_put_element(out, BATCH_HASH, hash, CT_HASH_SIZE);
    ct_pb_put_uint(out, BATCH_BASE, (uint64_t)batch->time.base_ns);
    ct_pb_put_uint(out, BATCH_BASE_UTC, (uint64_t)batch->time.base_utc_ns);
    ct_pb_put_uint(out, BATCH_UNCERTAINTY, batch->time.utc_uncertainty_ns);
    put_ids(out, samples, batch->count);
    put_times(out, batch->time.base_ns, samples, batch->count);
    put_numbers(out, batch->kinds, samples, batch->count);
    put_bytes(out, batch->kinds, samples, batch->count);
    put_quality(out, samples, batch->count);
    ct_pb_close(out, mark);
}

static int put_batch(struct ct_buf *out, uint32_t field, const struct ct_catalogue *catalogue,
                     const struct ct_batch_time *time, struct ct_sample *samples, size_t count)
{
    uint8_t kinds[CT_BATCH_SAMPLES_MAX];
    int err = check_samples(catalogue, time->base_ns, samples, count);
    if (err == CT_OK) {
        err = sort_samples(samples, count);
    }
    if (err != CT_OK) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        kinds[i] = (uint8_t)ct_catalogue_entry(catalogue, samples[i].id)->kind;
    }
    const struct ct_batch_samples batch = {.time = *time, .samples = samples, .kinds = kinds, .count = count};
    put_columns(out, field, ct_catalogue_hash(catalogue), &batch);
    return CT_OK;
}

/* ---------------------------------------------------------------- records */

/* Either the whole message stands in the buffer or nothing of it does. */
static int finish(struct ct_buf *out, size_t start, int err)
{
    if (err == CT_OK) {
        err = ct_buf_error(out);
    }
    if (err == CT_OK && out->len - start > CT_RECORD_MAX) {
        err = CT_ERR_TOO_LARGE;
    }
    if (err != CT_OK) {
        out->len = start;
    }
    return err;
}

static void put_head(struct ct_buf *out, const struct ct_record_head *head)
{
    ct_pb_put_uint(out, RECORD_SEQ, head->seq);
    ct_pb_put_element(out, RECORD_BOOT_ID, head->boot_id, CT_BOOT_ID_SIZE);
}

static int put_message(const struct ct_record_head *head, enum ct_record_body body, const ProtobufCMessage *message,
                       struct ct_buf *out)
{
    const size_t start = out->len;
    put_head(out, head);
    const size_t mark = ct_pb_open(out, (uint32_t)body);
    ct_wire_pack(message, out);
    ct_pb_close(out, mark);
    return finish(out, start, CT_OK);
}

int ct_record_encode_batch(const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                           const struct ct_batch_time *time, struct ct_sample *samples, size_t count,
                           struct ct_buf *out)
{
    const size_t start = out->len;
    put_head(out, head);
    return finish(out, start, put_batch(out, CT_RECORD_BATCH, catalogue, time, samples, count));
}

int ct_record_encode_samples(const struct ct_record_head *head, const uint8_t hash[CT_HASH_SIZE],
                             const struct ct_batch_samples *batch, struct ct_buf *out)
{
    const size_t start = out->len;
    put_head(out, head);
    put_columns(out, CT_RECORD_BATCH, hash, batch);
    return finish(out, start, CT_OK);
}

int ct_state_encode(uint64_t snapshot_id, const uint8_t boot_id[CT_BOOT_ID_SIZE], uint64_t revision, bool last,
                    const struct ct_catalogue *catalogue, const struct ct_batch_time *time, struct ct_sample *samples,
                    size_t count, struct ct_buf *out)
{
    const size_t start = out->len;
    ct_pb_put_uint(out, STATE_SNAPSHOT_ID, snapshot_id);
    ct_pb_put_element(out, STATE_BOOT_ID, boot_id, CT_BOOT_ID_SIZE);
    ct_pb_put_uint(out, STATE_REVISION, revision);
    const int err = put_batch(out, STATE_BATCH, catalogue, time, samples, count);
    ct_pb_put_uint(out, STATE_LAST, last);
    return finish(out, start, err);
}

/* Text for people is cut to the limit rather than refused; names and keys are the program's own. */
static char *fit_text(char room[CT_WIRE_STRING_MAX + 1], const char *text)
{
    if (text == NULL) {
        text = "";
    }
    const size_t len = ct_wire_text_fit(text);
    memcpy(room, text, len);
    room[len] = 0;
    return room;
}

#define EVENT_FIELDS_MAX 32

int ct_record_encode_event(const struct ct_record_head *head, const struct ct_event *event, struct ct_buf *out)
{
    if (event->field_count > EVENT_FIELDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    char text[2][CT_WIRE_STRING_MAX + 1];
    char values[EVENT_FIELDS_MAX][CT_WIRE_STRING_MAX + 1];
    char keys[EVENT_FIELDS_MAX][CT_WIRE_STRING_MAX + 1];
    Cantwin__V1__EventField fields[EVENT_FIELDS_MAX];
    Cantwin__V1__EventField *pointers[EVENT_FIELDS_MAX];
    for (size_t i = 0; i < event->field_count; i++) {
        cantwin__v1__event_field__init(&fields[i]);
        fields[i].key = fit_text(keys[i], event->fields[i].key);
        fields[i].value = fit_text(values[i], event->fields[i].value);
        pointers[i] = &fields[i];
    }
    Cantwin__V1__Event message;
    cantwin__v1__event__init(&message);
    message.name = fit_text(text[0], event->name);
    message.text = fit_text(text[1], event->text);
    message.t_ns = event->t_ns;
    message.utc_ns = event->utc_ns;
    message.n_fields = event->field_count;
    message.fields = pointers;
    return put_message(head, CT_RECORD_EVENT, &message.base, out);
}

int ct_record_encode_gap(const struct ct_record_head *head, const struct ct_gap *gap, struct ct_buf *out)
{
    if (gap->seq_first <= gap->seq_last && gap->seq_last != head->seq) {
        return CT_ERR_ARGUMENT;
    }
    Cantwin__V1__Gap message;
    cantwin__v1__gap__init(&message);
    message.seq_first = gap->seq_first;
    message.seq_last = gap->seq_last;
    message.from_ns = gap->from_ns;
    message.to_ns = gap->to_ns;
    message.from_utc_ns = gap->from_utc_ns;
    message.to_utc_ns = gap->to_utc_ns;
    message.samples = gap->samples;
    message.reason = (Cantwin__V1__GapReason)gap->reason;
    return put_message(head, CT_RECORD_GAP, &message.base, out);
}

int ct_record_encode_status(const struct ct_record_head *head, const struct ct_command_status *status,
                            struct ct_buf *out)
{
    char text[CT_WIRE_STRING_MAX + 1];
    Cantwin__V1__CommandStatus message;
    cantwin__v1__command_status__init(&message);
    if (status->command_id != NULL) {
        message.command_id = ct_wire_bytes(status->command_id, CT_COMMAND_ID_SIZE);
    }
    message.state = (Cantwin__V1__CommandState)status->state;
    message.reason = (Cantwin__V1__CommandReason)status->reason;
    message.t_ns = status->t_ns;
    message.utc_ns = status->utc_ns;
    message.response = ct_wire_bytes(status->response, status->response_len);
    Cantwin__V1__Value reported;
    cantwin__v1__value__init(&reported);
    if (status->has_reported) {
        reported.kind_case = CANTWIN__V1__VALUE__KIND_NUMBER;
        reported.number = status->reported;
        message.reported = &reported;
    }
    message.text = fit_text(text, status->text);
    message.seq = status->seq;
    return put_message(head, CT_RECORD_STATUS, &message.base, out);
}
