#include "dense_model.h"

#include "batch_decode.h"
#include "bytes.h"
#include "link_types.h"
#include "pb.h"

#include <stdlib.h>

#define DELIVERY_RECORDS 3

struct ct_dense_room {
    struct ct_dense_record record;
    struct ct_buf records; /* what was decoded, or one record to compare */
    ct_catalogue_lookup_fn catalogue;
    void *user;
};

/* ---------------------------------------------------------------- life */

int ct_dense_room_create(struct ct_dense_room **out_room)
{
    struct ct_dense_room *room = calloc(1, sizeof *room);
    if (room == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ct_buf_init(&room->records, CT_LINK_MESSAGE_MAX);
    *out_room = room;
    return CT_OK;
}

void ct_dense_room_free(struct ct_dense_room *room)
{
    if (room != NULL) {
        ct_buf_free(&room->records);
        free(room);
    }
}

int ct_dense_create(struct ct_dense **out_dense)
{
    *out_dense = calloc(1, sizeof **out_dense);
    return *out_dense != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

void ct_dense_free(struct ct_dense *dense)
{
    if (dense != NULL) {
        free(dense->entries);
        free(dense);
    }
}

void ct_dense_reset(struct ct_dense *dense)
{
    free(dense->entries);
    memset(dense, 0, sizeof *dense);
}

/* ---------------------------------------------------------------- reading a record apart */

static const struct ct_catalogue *find_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    struct ct_dense_room *room = user;
    return room->catalogue(room->user, hash);
}

static int begin(void *user, const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                 const struct ct_batch_time *time, size_t count)
{
    struct ct_dense_room *room = user;
    (void)count;
    room->record.head = *head;
    room->record.time = *time;
    room->record.count = 0;
    memcpy(room->record.hash, ct_catalogue_hash(catalogue), CT_HASH_SIZE);
    return CT_OK;
}

static int take_sample(void *user, const struct ct_sample *sample)
{
    struct ct_dense_room *room = user;
    room->record.samples[room->record.count++] = *sample;
    return CT_OK;
}

static int other_body(void *user, const struct ct_record_head *head, const void *body)
{
    (void)user;
    (void)head;
    (void)body;
    return CT_ERR_UNSUPPORTED;
}

static int on_event(void *user, const struct ct_record_head *head, const struct ct_event *event)
{
    return other_body(user, head, event);
}

static int on_gap(void *user, const struct ct_record_head *head, const struct ct_gap *gap)
{
    return other_body(user, head, gap);
}

static int on_status(void *user, const struct ct_record_head *head, const struct ct_command_status *status)
{
    return other_body(user, head, status);
}

static int read_record(struct ct_dense_room *room, const uint8_t *data, size_t len)
{
    const struct ct_record_sink sink = {.user = room,
                                        .catalogue = find_catalogue,
                                        .batch_begin = begin,
                                        .sample = take_sample,
                                        .event = on_event,
                                        .gap = on_gap,
                                        .status = on_status};
    const int err = ct_record_decode(data, len, &sink);
    if (err != CT_OK) {
        return CT_ERR_UNSUPPORTED;
    }
    const struct ct_catalogue *catalogue = room->catalogue(room->user, room->record.hash);
    for (size_t i = 0; i < room->record.count; i++) {
        room->record.kinds[i] = (uint8_t)ct_catalogue_entry(catalogue, room->record.samples[i].id)->kind;
    }
    return CT_OK;
}

static int write_record(struct ct_dense_room *room)
{
    const struct ct_dense_record *record = &room->record;
    const struct ct_batch_samples batch = {
        .time = record->time, .samples = record->samples, .kinds = record->kinds, .count = record->count};
    return ct_record_encode_samples(&record->head, record->hash, &batch, &room->records);
}

/* ---------------------------------------------------------------- encoding */

/* What the limits of a dense record let pass. */
static bool within_limits(const struct ct_dense_record *record)
{
    size_t bytes = 0;
    for (size_t i = 0; i < record->count; i++) {
        const bool has_bytes = record->kinds[i] == CT_KIND_BYTES || record->kinds[i] == CT_KIND_STRING;
        bytes += has_bytes ? record->samples[i].len : 0;
        if (record->samples[i].id >= CT_DENSE_IDS || (i > 0 && record->samples[i].t_ns < record->samples[i - 1].t_ns)) {
            return false;
        }
    }
    return bytes <= CT_DENSE_BYTES;
}

/* It would come out as it is: the other end writes what we write from what we read. */
static bool is_codable(struct ct_dense_room *room, const uint8_t *data, size_t len)
{
    ct_buf_clear(&room->records);
    return read_record(room, data, len) == CT_OK && within_limits(&room->record) && write_record(room) == CT_OK &&
           room->records.len == len && memcmp(room->records.data, data, len) == 0;
}

static int check_records(struct ct_dense_room *room, const uint8_t *records, size_t len)
{
    struct ct_pb_reader reader = ct_pb_reader(records, len);
    struct ct_pb_field field;
    int err;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK) {
        if (field.id != DELIVERY_RECORDS || field.type != CT_PB_BYTES || !is_codable(room, field.data, field.len)) {
            return CT_ERR_UNSUPPORTED;
        }
    }
    return err == CT_ERR_END ? CT_OK : CT_ERR_UNSUPPORTED;
}

int ct_dense_encode(struct ct_dense *dense, struct ct_dense_room *room, ct_catalogue_lookup_fn catalogue, void *user,
                    const uint8_t *records, size_t len, struct ct_buf *out)
{
    room->catalogue = catalogue;
    room->user = user;
    if (check_records(room, records, len) != CT_OK) {
        return CT_ERR_UNSUPPORTED;
    }
    struct ct_dense_coder coder = ct_dense_writer(out);
    struct ct_pb_reader reader = ct_pb_reader(records, len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK && coder.err == CT_OK) {
        coder.err = read_record(room, field.data, field.len);
        if (coder.err == CT_OK) {
            (void)ct_dense_code(&coder, &dense->model.more, 1);
            ct_dense_code_record(dense, &coder, &room->record);
        }
    }
    (void)ct_dense_code(&coder, &dense->model.more, 0);
    ct_dense_finish(&coder);
    return coder.err == CT_OK ? ct_buf_error(out) : coder.err;
}

/* ---------------------------------------------------------------- decoding */

int ct_dense_decode(struct ct_dense *dense, struct ct_dense_room *room, const uint8_t *data, size_t len, uint32_t check,
                    const uint8_t **out_records, size_t *out_len)
{
    struct ct_dense_coder coder = ct_dense_reader(data, len);
    ct_buf_clear(&room->records);
    while (coder.err == CT_OK && ct_dense_code(&coder, &dense->model.more, 0) != 0) {
        const size_t mark = ct_pb_open(&room->records, DELIVERY_RECORDS);
        ct_dense_code_record(dense, &coder, &room->record);
        if (coder.err == CT_OK) {
            coder.err = write_record(room);
            ct_pb_close(&room->records, mark);
        }
        if (coder.err == CT_OK) {
            coder.err = ct_buf_error(&room->records);
        }
    }
    if (coder.err != CT_OK) {
        return coder.err;
    }
    if (ct_crc32c(0, room->records.data, room->records.len) != check) {
        return CT_ERR_CORRUPT;
    }
    *out_records = room->records.data;
    *out_len = room->records.len;
    return CT_OK;
}
