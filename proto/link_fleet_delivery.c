#include "link_fleet_state.h"

#include "pb.h"

#include <string.h>

#define REFUSED_WAIT (200 * CT_NS_PER_MS) /* the log could not take a record */

enum { DELIVERY_STREAM_ID = 1, DELIVERY_CLASS, DELIVERY_RECORDS, DELIVERY_PACKED, DELIVERY_UNPACKED_SIZE };
enum { DELIVERY_DENSE = 6, DELIVERY_DENSE_INDEX, DELIVERY_DENSE_CHECK };

/* Sends the vehicle back behind what is durable, once for all that was under way. */
static void plan_resume(struct ct_link_fleet *link, enum ct_class class, ct_ns at)
{
    link->resume_classes |= 1U << class;
    if (link->resume_at == CT_NS_NEVER) {
        link->resume_at = at > link->quiet_until ? at : link->quiet_until;
    }
}

static void record_arrived(struct ct_link_fleet *link, enum ct_class class)
{
    link->resume_classes &= ~(1U << class);
    if (link->resume_classes == 0) {
        link->resume_at = CT_NS_NEVER;
    }
}

static int take_record(struct ct_link_fleet *link, enum ct_class class, const uint8_t *record, size_t len, ct_ns now)
{
    struct ct_record_peek peek;
    const int err = ct_record_peek(record, len, &peek);
    if (err != CT_OK) {
        return err;
    }
    uint64_t *received = &link->received.seq[CT_CLASS_INDEX(class)];
    if (peek.seq_last <= *received) {
        link->stats.duplicates++;
        return CT_OK;
    }
    if (peek.seq_first > *received + 1 ||
        (peek.has_catalogue && !ct_link_fleet_has_catalogue(link, peek.catalogue_hash))) {
        link->stats.holes += link->resume_at == CT_NS_NEVER;
        plan_resume(link, class, now);
        return CT_ERR_AGAIN;
    }
    if (link->ops.record(link->ops.user, link->stream_id, class, peek.seq_first, peek.seq_last, record, len) != CT_OK) {
        plan_resume(link, class, now + REFUSED_WAIT);
        return CT_ERR_AGAIN;
    }
    *received = peek.seq_last;
    record_arrived(link, class);
    return CT_OK;
}

static int take_records(struct ct_link_fleet *link, enum ct_class class, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) {
        if (field.id != DELIVERY_RECORDS) {
            continue;
        }
        const int err = take_record(link, class, field.data, field.len, now);
        if (err != CT_OK) {
            return err == CT_ERR_AGAIN ? CT_OK : err; /* the rest would be holes */
        }
    }
    return CT_OK;
}

struct delivery {
    const uint8_t *stream_id;
    uint64_t class;
    const uint8_t *packed; /* NULL: the records stand in the message */
    size_t packed_len;
    uint64_t unpacked_size;
    const uint8_t *dense; /* NULL: none */
    size_t dense_len;
    uint64_t dense_index;
    uint32_t dense_check;
};

static struct delivery read_delivery(const struct ct_link_message *message)
{
    struct delivery delivery = {0};
    struct ct_pb_reader reader = ct_pb_reader(message->data, message->len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) { /* the envelope's scan has passed it */
        if (field.id == DELIVERY_STREAM_ID && field.len == CT_STREAM_ID_SIZE) {
            delivery.stream_id = field.data;
        } else if (field.id == DELIVERY_CLASS) {
            delivery.class = field.value;
        } else if (field.id == DELIVERY_PACKED) {
            delivery.packed = field.data;
            delivery.packed_len = field.len;
        } else if (field.id == DELIVERY_UNPACKED_SIZE) {
            delivery.unpacked_size = field.value;
        } else if (field.id == DELIVERY_DENSE) {
            delivery.dense = field.data;
            delivery.dense_len = field.len;
        } else if (field.id == DELIVERY_DENSE_INDEX) {
            delivery.dense_index = field.value;
        } else if (field.id == DELIVERY_DENSE_CHECK) {
            delivery.dense_check = (uint32_t)field.value;
        }
    }
    return delivery;
}

/* What comes out is as foreign as what came in: it is scanned before it is read. */
static int take_packed(struct ct_link_fleet *link, const struct delivery *delivery, ct_ns now)
{
    const uint8_t *data = NULL;
    if (link->ops.packer == NULL) {
        return CT_ERR_UNSUPPORTED;
    }
    int err =
        ct_packer_unpack(link->ops.packer, delivery->packed, delivery->packed_len, delivery->unpacked_size, &data);
    if (err == CT_OK) {
        err = ct_wire_scan(&cantwin__v1__delivery__descriptor, CT_WIRE_TOLERANT, data, delivery->unpacked_size);
    }
    return err == CT_OK ? take_records(link, (enum ct_class)delivery->class, data, delivery->unpacked_size, now) : err;
}

static int read_dense(struct ct_link_fleet *link, const struct delivery *delivery, const uint8_t **out_data,
                      size_t *out_len)
{
    const int err = ct_dense_decode(link->dense, ct_packer_dense_room(link->ops.packer), delivery->dense,
                                    delivery->dense_len, delivery->dense_check, out_data, out_len);
    return err == CT_OK ? ct_wire_scan(&cantwin__v1__delivery__descriptor, CT_WIRE_TOLERANT, *out_data, *out_len) : err;
}

/* Only the very next one can be read. One of an older agreement was under way when it ended, and is passed over. Once
 * one was lost or could not be read, the index waited for never comes, until both ends begin anew. */
static int take_dense(struct ct_link_fleet *link, const struct delivery *delivery, ct_ns now)
{
    const enum ct_class class = (enum ct_class)delivery->class;
    if (link->dense == NULL) {
        return CT_ERR_UNSUPPORTED;
    }
    if (delivery->dense_index < link->dense_next) {
        return CT_OK;
    }
    const uint8_t *data = NULL;
    size_t len = 0;
    const bool is_next = delivery->dense_index == link->dense_next;
    const int err = is_next ? read_dense(link, delivery, &data, &len) : CT_ERR_AGAIN;
    if (err != CT_OK) {
        link->stats.holes += link->resume_at == CT_NS_NEVER;
        plan_resume(link, class, now);
        return is_next ? err : CT_OK;
    }
    link->dense_next++;
    return take_records(link, class, data, len, now);
}

int ct_link_fleet_delivery(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now)
{
    const struct delivery delivery = read_delivery(message);
    if (delivery.class == 0 || delivery.class > CT_CLASS_COUNT) {
        return CT_ERR_SYNTAX;
    }
    if (delivery.dense != NULL) { /* its index is of this session, so of this stream */
        return take_dense(link, &delivery, now);
    }
    if (delivery.stream_id == NULL) {
        return CT_ERR_SYNTAX;
    }
    if (memcmp(delivery.stream_id, link->stream_id, CT_STREAM_ID_SIZE) != 0) {
        ct_link_fleet_ask_hello(link, now);
        return CT_OK;
    }
    if (delivery.packed != NULL) {
        return take_packed(link, &delivery, now);
    }
    return take_records(link, (enum ct_class)delivery.class, message->data, message->len, now);
}
