#include "batch.h"
#include "batch_decode.h"
#include "cantwin.pb-c.h"
#include "pb.h"
#include "update_link.h"
#include "wire.h"

/* ---------------------------------------------------------------- the other bodies */

#define EVENT_FIELDS_MAX 32 /* the scan lets no more through */

static int decode_event(const ProtobufCMessage *message, const struct ct_record_head *head,
                        const struct ct_record_sink *sink)
{
    const Cantwin__V1__Event *event = (const Cantwin__V1__Event *)message;
    struct ct_event_field fields[EVENT_FIELDS_MAX];
    for (size_t i = 0; i < event->n_fields; i++) {
        fields[i] = (struct ct_event_field){.key = event->fields[i]->key, .value = event->fields[i]->value};
    }
    const struct ct_event result = {.name = event->name,
                                    .text = event->text,
                                    .t_ns = event->t_ns,
                                    .utc_ns = event->utc_ns,
                                    .fields = fields,
                                    .field_count = event->n_fields};
    return sink->event != NULL ? sink->event(sink->user, head, &result) : CT_OK;
}

static int decode_gap(const ProtobufCMessage *message, const struct ct_record_head *head,
                      const struct ct_record_sink *sink)
{
    const Cantwin__V1__Gap *gap = (const Cantwin__V1__Gap *)message;
    if (gap->seq_first <= gap->seq_last && gap->seq_last != head->seq) {
        return CT_ERR_RANGE;
    }
    const struct ct_gap result = {.seq_first = gap->seq_first,
                                  .seq_last = gap->seq_last,
                                  .from_ns = gap->from_ns,
                                  .to_ns = gap->to_ns,
                                  .from_utc_ns = gap->from_utc_ns,
                                  .to_utc_ns = gap->to_utc_ns,
                                  .samples = gap->samples,
                                  .reason = (enum ct_gap_reason)gap->reason};
    return sink->gap != NULL ? sink->gap(sink->user, head, &result) : CT_OK;
}

static double value_number(const Cantwin__V1__Value *value)
{
    switch (value->kind_case) {
    case CANTWIN__V1__VALUE__KIND_INTEGER:
        return (double)value->integer;
    case CANTWIN__V1__VALUE__KIND_NUMBER:
        return value->number;
    case CANTWIN__V1__VALUE__KIND_BOOLEAN:
        return value->boolean != 0 ? 1.0 : 0.0;
    case CANTWIN__V1__VALUE__KIND_TEXT:
    case CANTWIN__V1__VALUE__KIND_RAW:
    case CANTWIN__V1__VALUE__KIND__NOT_SET:
    case _CANTWIN__V1__VALUE__KIND__CASE_IS_INT_SIZE:
    default:
        return 0.0;
    }
}

static int decode_status(const ProtobufCMessage *message, const struct ct_record_head *head,
                         const struct ct_record_sink *sink)
{
    const Cantwin__V1__CommandStatus *status = (const Cantwin__V1__CommandStatus *)message;
    const size_t id_len = status->command_id.len;
    if (id_len != 0 && id_len != CT_COMMAND_ID_SIZE) {
        return CT_ERR_RANGE;
    }
    const struct ct_command_status result = {.command_id = id_len != 0 ? status->command_id.data : NULL,
                                             .state = (int)status->state,
                                             .reason = (int)status->reason,
                                             .seq = status->seq,
                                             .t_ns = status->t_ns,
                                             .utc_ns = status->utc_ns,
                                             .response = status->response.data,
                                             .response_len = status->response.len,
                                             .has_reported = status->reported != NULL,
                                             .reported = status->reported != NULL ? value_number(status->reported) : 0,
                                             .text = status->text};
    return sink->status != NULL ? sink->status(sink->user, head, &result) : CT_OK;
}

static int decode_update(const ProtobufCMessage *message, const struct ct_record_head *head,
                         const struct ct_record_sink *sink)
{
    struct ct_update_status status;
    const int err = ct_update_status_take(message, &status);
    return err == CT_OK && sink->update != NULL ? sink->update(sink->user, head, &status) : err;
}

/* ---------------------------------------------------------------- records */

/* The parts of a Record; the scan has passed it. */
struct parts {
    struct ct_record_head head;
    uint32_t body; /* 0: none that is known here */
    const uint8_t *data;
    size_t len;
};

static int take_parts(const uint8_t *data, size_t len, struct parts *out_parts)
{
    struct parts parts = {0};
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    bool has_boot_id = false;
    int err;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK) {
        if (field.id == 1 && field.type == CT_PB_VARINT) {
            parts.head.seq = field.value;
        } else if (field.id == 2 && field.type == CT_PB_BYTES && field.len == CT_BOOT_ID_SIZE) {
            memcpy(parts.head.boot_id, field.data, CT_BOOT_ID_SIZE);
            has_boot_id = true;
        } else if (field.id >= CT_RECORD_BATCH && field.id <= CT_RECORD_UPDATE && field.type == CT_PB_BYTES) {
            parts.body = field.id;
            parts.data = field.data;
            parts.len = field.len;
        }
    }
    if (err != CT_ERR_END) {
        return err;
    }
    *out_parts = parts;
    return has_boot_id ? CT_OK : CT_ERR_SYNTAX;
}

static const struct {
    enum ct_record_body body;
    const ProtobufCMessageDescriptor *type;
    int (*decode)(const ProtobufCMessage *message, const struct ct_record_head *head,
                  const struct ct_record_sink *sink);
} small_bodies[] = {
    {CT_RECORD_EVENT, &cantwin__v1__event__descriptor, decode_event},
    {CT_RECORD_GAP, &cantwin__v1__gap__descriptor, decode_gap},
    {CT_RECORD_STATUS, &cantwin__v1__command_status__descriptor, decode_status},
    {CT_RECORD_UPDATE, &cantwin__v1__update_status__descriptor, decode_update},
};

static int decode_small(const struct parts *parts, const struct ct_record_sink *sink)
{
    for (size_t i = 0; i < sizeof small_bodies / sizeof small_bodies[0]; i++) {
        if ((uint32_t)small_bodies[i].body != parts->body) {
            continue;
        }
        struct ct_wire_arena arena;
        ct_wire_arena_init(&arena);
        ProtobufCMessage *message = NULL;
        int err = ct_wire_parse(small_bodies[i].type, CT_WIRE_TOLERANT, parts->data, parts->len, &arena, &message);
        if (err == CT_OK) {
            err = small_bodies[i].decode(message, &parts->head, sink);
        }
        ct_wire_arena_free(&arena);
        return err;
    }
    return CT_ERR_UNSUPPORTED;
}

int ct_record_decode(const uint8_t *data, size_t len, const struct ct_record_sink *sink)
{
    if (len > CT_RECORD_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    int err = ct_wire_scan(&cantwin__v1__record__descriptor, CT_WIRE_TOLERANT, data, len);
    if (err != CT_OK) {
        return err;
    }
    struct parts parts;
    err = take_parts(data, len, &parts);
    if (err != CT_OK) {
        return err;
    }
    if (parts.body == CT_RECORD_BATCH) {
        return ct_batch_decode(parts.data, parts.len, &parts.head, sink);
    }
    return decode_small(&parts, sink);
}

static int peek_gap(const struct parts *parts, struct ct_record_peek *peek)
{
    uint64_t first = 0;
    uint64_t last = 0;
    struct ct_pb_reader reader = ct_pb_reader(parts->data, parts->len);
    struct ct_pb_field field;
    int err;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK) {
        if (field.type == CT_PB_VARINT && field.id == 1) {
            first = field.value;
        } else if (field.type == CT_PB_VARINT && field.id == 2) {
            last = field.value;
        }
    }
    if (err != CT_ERR_END) {
        return err;
    }
    if (first > last) { /* time only */
        return CT_OK;
    }
    peek->seq_first = first;
    return last == parts->head.seq ? CT_OK : CT_ERR_RANGE;
}

int ct_record_peek(const uint8_t *data, size_t len, struct ct_record_peek *out_peek)
{
    struct parts parts;
    int err = len <= CT_RECORD_MAX ? take_parts(data, len, &parts) : CT_ERR_TOO_LARGE;
    if (err != CT_OK) {
        return err;
    }
    struct ct_record_peek peek = {
        .seq_first = parts.head.seq, .seq_last = parts.head.seq, .body = (enum ct_record_body)parts.body};
    if (parts.body == CT_RECORD_GAP) {
        err = peek_gap(&parts, &peek);
    } else if (parts.body == CT_RECORD_BATCH) {
        const uint8_t *hash;
        size_t hash_len;
        err = ct_pb_find_bytes(parts.data, parts.len, 1, &hash, &hash_len);
        peek.has_catalogue = err == CT_OK && hash_len == CT_HASH_SIZE;
        if (peek.has_catalogue) {
            memcpy(peek.catalogue_hash, hash, CT_HASH_SIZE);
        }
        err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
    }
    if (err == CT_OK) {
        *out_peek = peek;
    }
    return err;
}

int ct_state_decode(const uint8_t *data, size_t len, const struct ct_record_sink *sink, uint64_t *out_revision,
                    bool *out_last)
{
    if (len > CT_RECORD_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    int err = ct_wire_scan(&cantwin__v1__state__descriptor, CT_WIRE_TOLERANT, data, len);
    if (err != CT_OK) {
        return err;
    }
    struct ct_record_head head = {0};
    const uint8_t *batch = NULL;
    size_t batch_len = 0;
    uint64_t revision = 0;
    bool last = false;
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) {
        if (field.id == 2 && field.len == CT_BOOT_ID_SIZE) {
            memcpy(head.boot_id, field.data, CT_BOOT_ID_SIZE);
        } else if (field.id == 3) {
            revision = field.value;
        } else if (field.id == 4) {
            batch = field.data;
            batch_len = field.len;
        } else if (field.id == 5) {
            last = field.value != 0;
        }
    }
    if (batch == NULL) {
        return CT_ERR_SYNTAX;
    }
    err = ct_batch_decode(batch, batch_len, &head, sink);
    if (err == CT_OK) {
        *out_revision = revision;
        *out_last = last;
    }
    return err;
}
