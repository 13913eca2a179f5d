#include "link_fleet.h"

#include "batch.h"
#include "link_message.h"
#include "pb.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_RECORDS 1024U
#define FULL_WAIT      (20 * CT_NS_PER_MS)
#define REFUSED_WAIT   (200 * CT_NS_PER_MS) /* the log could not take a record */
#define RESUME_QUIET   CT_NS_PER_S          /* what was under way when the vehicle was sent back is no new hole */
#define ASK_QUIET      CT_NS_PER_S
#define COMPLETE_MAX   16 /* catalogues that arrived whole in this session */

enum { DELIVERY_STREAM_ID = 1, DELIVERY_CLASS, DELIVERY_RECORDS, DELIVERY_PACKED, DELIVERY_UNPACKED_SIZE };

struct ct_link_fleet {
    struct ct_link_fleet_ops ops;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t hello_catalogue[CT_HASH_SIZE];
    struct ct_positions received; /* given to the log */
    struct ct_positions durable;

    bool hello_ack_due, snapshot_due, ack_due;
    unsigned resume_classes; /* bit per class that waits for a missing record */
    ct_ns resume_at;         /* CT_NS_NEVER: nothing to say */
    ct_ns quiet_until;
    ct_ns asked_at; /* hello request sent */

    uint8_t part_hash[CT_HASH_SIZE]; /* catalogue under way */
    uint32_t part_next;
    bool part_open;
    uint8_t complete[COMPLETE_MAX][CT_HASH_SIZE];
    size_t complete_count;

    struct ct_buf envelope;
    struct ct_link_fleet_stats stats;
};

int ct_link_fleet_create(const struct ct_link_fleet_ops *ops, struct ct_link_fleet **out_link)
{
    struct ct_link_fleet *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    link->ops = *ops;
    link->resume_at = CT_NS_NEVER;
    link->quiet_until = INT64_MIN;
    link->asked_at = INT64_MIN;
    ct_buf_init(&link->envelope, CT_LINK_MESSAGE_MAX);
    *out_link = link;
    return CT_OK;
}

void ct_link_fleet_free(struct ct_link_fleet *link)
{
    if (link != NULL) {
        ct_buf_free(&link->envelope);
        free(link);
    }
}

void ct_link_fleet_stats_get(const struct ct_link_fleet *link, struct ct_link_fleet_stats *out_stats)
{
    *out_stats = link->stats;
}

/* ---------------------------------------------------------------- sending */

/* The envelope is kept per vehicle only while it is sent: with thousands of vehicles it would be their memory. */
static int send_envelope(struct ct_link_fleet *link, int packed)
{
    int err = packed;
    if (err == CT_OK) {
        err = link->ops.send(link->ops.user, link->envelope.data, link->envelope.len);
    }
    ct_buf_free(&link->envelope);
    link->stats.sent_envelopes += err == CT_OK;
    return err;
}

static int send_message(struct ct_link_fleet *link, Cantwin__V1__Envelope__BodyCase body,
                        const ProtobufCMessage *message)
{
    return send_envelope(link, ct_link_message_pack(body, message, &link->envelope));
}

static void send_hello_ack(struct ct_link_fleet *link, int64_t utc_ns)
{
    Cantwin__V1__Position room[CT_CLASS_COUNT];
    Cantwin__V1__Position *pointers[CT_CLASS_COUNT];
    ProtobufCBinaryData known = ct_wire_bytes(link->hello_catalogue, CT_HASH_SIZE);
    ct_link_positions_put(&link->durable, room, pointers);
    Cantwin__V1__HelloAck ack;
    cantwin__v1__hello_ack__init(&ack);
    ack.version = CT_LINK_VERSION;
    ack.n_durable = CT_CLASS_COUNT;
    ack.durable = pointers;
    if (link->ops.knows_catalogue(link->ops.user, link->hello_catalogue)) {
        ack.n_known_catalogues = 1;
        ack.known_catalogues = &known;
    }
    ack.window_records = WINDOW_RECORDS;
    ack.utc_ns = utc_ns;
    ack.snapshot_wanted = link->snapshot_due;
    ack.reads_packed = link->ops.packer != NULL;
    if (send_message(link, CANTWIN__V1__ENVELOPE__BODY_HELLO_ACK, &ack.base) == CT_OK) {
        link->hello_ack_due = false;
        link->snapshot_due = false;
        link->ack_due = false;
    }
}

static void send_ack(struct ct_link_fleet *link)
{
    Cantwin__V1__Position room[CT_CLASS_COUNT];
    Cantwin__V1__Position *pointers[CT_CLASS_COUNT];
    ct_link_positions_put(&link->durable, room, pointers);
    Cantwin__V1__Ack ack;
    cantwin__v1__ack__init(&ack);
    ack.stream_id = ct_wire_bytes(link->stream_id, CT_STREAM_ID_SIZE);
    ack.n_durable = CT_CLASS_COUNT;
    ack.durable = pointers;
    link->ack_due = send_message(link, CANTWIN__V1__ENVELOPE__BODY_ACK, &ack.base) != CT_OK;
}

static void ask_hello(struct ct_link_fleet *link, ct_ns now)
{
    if (link->asked_at != INT64_MIN && now - link->asked_at < ASK_QUIET) {
        return;
    }
    Cantwin__V1__HelloRequest question;
    cantwin__v1__hello_request__init(&question);
    if (send_message(link, CANTWIN__V1__ENVELOPE__BODY_HELLO_REQUEST, &question.base) == CT_OK) {
        link->asked_at = now;
    }
}

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

/* ---------------------------------------------------------------- hello */

static void raise_positions(struct ct_positions *positions, const struct ct_positions *to)
{
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        if (to->seq[i] > positions->seq[i]) {
            positions->seq[i] = to->seq[i];
        }
    }
}

static void begin_stream(struct ct_link_fleet *link, const uint8_t *stream_id)
{
    if (!link->stats.greeted || memcmp(link->stream_id, stream_id, CT_STREAM_ID_SIZE) != 0) {
        memcpy(link->stream_id, stream_id, CT_STREAM_ID_SIZE);
        link->received = (struct ct_positions){0};
        link->durable = (struct ct_positions){0};
    }
    struct ct_positions durable = {0};
    link->ops.durable(link->ops.user, stream_id, &durable);
    raise_positions(&link->durable, &durable);
    raise_positions(&link->received, &durable);
    link->stats.greeted = true;
}

/* What the vehicle has an ack for it has deleted: where this backend does not hold it (restored from an older copy) it
 * never comes, and waiting for it would stop the stream. The next record's seq_first shows the hole to the folder. */
static void pass_over_deleted(struct ct_link_fleet *link, const Cantwin__V1__Hello *hello)
{
    struct ct_positions acked = {0};
    ct_link_positions_raise(&acked, hello->acked, hello->n_acked);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        link->stats.holes += acked.seq[i] > link->received.seq[i];
    }
    raise_positions(&link->received, &acked);
}

static int take_hello(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now, int64_t utc_ns)
{
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *parsed = NULL;
    int err =
        ct_wire_parse(&cantwin__v1__hello__descriptor, CT_WIRE_TOLERANT, message->data, message->len, &arena, &parsed);
    const Cantwin__V1__Hello *hello = (const Cantwin__V1__Hello *)parsed;
    if (err == CT_OK && (hello->version != CT_LINK_VERSION || hello->stream_id.len != CT_STREAM_ID_SIZE ||
                         hello->boot_id.len != CT_BOOT_ID_SIZE || hello->catalogue_hash.len != CT_HASH_SIZE)) {
        err = CT_ERR_UNSUPPORTED;
    }
    if (err == CT_OK) {
        begin_stream(link, hello->stream_id.data);
        pass_over_deleted(link, hello);
        memcpy(link->hello_catalogue, hello->catalogue_hash.data, CT_HASH_SIZE);
        link->ops.hello(link->ops.user, hello->stream_id.data, hello->boot_id.data, hello->software, hello->now_ns,
                        hello->now_utc_ns);
        link->resume_classes = 0;
        link->resume_at = CT_NS_NEVER;
        link->quiet_until = now + RESUME_QUIET;
        link->hello_ack_due = true;
        link->snapshot_due = true;
        send_hello_ack(link, utc_ns);
    }
    ct_wire_arena_free(&arena);
    return err;
}

/* ---------------------------------------------------------------- catalogues */

static bool has_catalogue(struct ct_link_fleet *link, const uint8_t *hash)
{
    for (size_t i = 0; i < link->complete_count; i++) {
        if (memcmp(link->complete[i], hash, CT_HASH_SIZE) == 0) {
            return true;
        }
    }
    return link->ops.knows_catalogue(link->ops.user, hash);
}

static void add_complete(struct ct_link_fleet *link, const uint8_t *hash)
{
    if (link->complete_count == COMPLETE_MAX) {
        memmove(link->complete[0], link->complete[1], sizeof link->complete - sizeof link->complete[0]);
        link->complete_count--;
    }
    memcpy(link->complete[link->complete_count++], hash, CT_HASH_SIZE);
}

struct part {
    const uint8_t *hash;
    uint64_t entry_count, first_id, entries;
};

static int read_part(const struct ct_link_message *message, struct part *out_part)
{
    struct part part = {0};
    struct ct_pb_reader reader = ct_pb_reader(message->data, message->len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) { /* the envelope's scan has passed it */
        if (field.id == 1) {
            part.hash = field.len == CT_HASH_SIZE ? field.data : NULL;
        } else if (field.id == 2) {
            part.entry_count = field.value;
        } else if (field.id == 3) {
            part.first_id = field.value;
        } else {
            part.entries += field.id == 4;
        }
    }
    *out_part = part;
    return part.hash != NULL ? CT_OK : CT_ERR_SYNTAX;
}

/* Parts go on in order; one that does not fit is dropped, and records that need it send the vehicle back. */
static int take_catalogue(struct ct_link_fleet *link, const struct ct_link_message *message)
{
    struct part part;
    const int err = read_part(message, &part);
    if (err != CT_OK) {
        return err;
    }
    if (has_catalogue(link, part.hash)) {
        return CT_OK;
    }
    const bool follows =
        link->part_open && part.first_id == link->part_next && memcmp(link->part_hash, part.hash, CT_HASH_SIZE) == 0;
    if (part.first_id != 0 && !follows) {
        return CT_ERR_SYNTAX;
    }
    link->part_open = false;
    if (link->ops.catalogue(link->ops.user, message->data, message->len) != CT_OK) {
        return CT_OK; /* not taken now: comes again with the records that need it */
    }
    link->part_next = (uint32_t)(part.first_id + part.entries);
    link->part_open = link->part_next < part.entry_count;
    memcpy(link->part_hash, part.hash, CT_HASH_SIZE);
    if (!link->part_open) {
        add_complete(link, part.hash);
    }
    return CT_OK;
}

/* ---------------------------------------------------------------- deliveries */

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
    if (peek.seq_first > *received + 1 || (peek.has_catalogue && !has_catalogue(link, peek.catalogue_hash))) {
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

static int take_delivery(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now)
{
    const struct delivery delivery = read_delivery(message);
    if (delivery.stream_id == NULL || delivery.class == 0 || delivery.class > CT_CLASS_COUNT) {
        return CT_ERR_SYNTAX;
    }
    if (memcmp(delivery.stream_id, link->stream_id, CT_STREAM_ID_SIZE) != 0) {
        ask_hello(link, now);
        return CT_OK;
    }
    if (delivery.packed != NULL) {
        return take_packed(link, &delivery, now);
    }
    return take_records(link, (enum ct_class)delivery.class, message->data, message->len, now);
}

/* ---------------------------------------------------------------- the rest */

static int take_time_request(struct ct_link_fleet *link, const struct ct_link_message *message, int64_t utc_ns)
{
    Cantwin__V1__TimeAnswer answer;
    cantwin__v1__time_answer__init(&answer);
    struct ct_pb_reader reader = ct_pb_reader(message->data, message->len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) {
        if (field.id == 1) {
            answer.id = field.value;
        } else if (field.id == 2) {
            answer.sent_ns = (int64_t)field.value;
        }
    }
    answer.utc_ns = utc_ns;
    /* a full transport makes the answer late and so worthless: the vehicle asks again */
    (void)send_message(link, CANTWIN__V1__ENVELOPE__BODY_TIME_ANSWER, &answer.base);
    return CT_OK;
}

static int take_message(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now, int64_t utc_ns)
{
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_HELLO) {
        return take_hello(link, message, now, utc_ns);
    }
    if (!link->stats.greeted) {
        ask_hello(link, now);
        return CT_OK;
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_DELIVERY) {
        return take_delivery(link, message, now);
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_CATALOGUE) {
        return take_catalogue(link, message);
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_TIME_REQUEST) {
        return take_time_request(link, message, utc_ns);
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_STATE) {
        link->ops.state(link->ops.user, message->data, message->len);
        return CT_OK;
    }
    return CT_ERR_UNSUPPORTED;
}

void ct_link_fleet_receive(struct ct_link_fleet *link, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns)
{
    struct ct_link_message message;
    link->stats.received_envelopes++;
    link->stats.last_received_ns = now;
    int err = ct_link_message_open(data, len, &message);
    if (err == CT_OK) {
        err = take_message(link, &message, now, utc_ns);
    }
    link->stats.malformed += err != CT_OK;
}

void ct_link_fleet_durable(struct ct_link_fleet *link, const uint8_t stream_id[CT_STREAM_ID_SIZE],
                           const struct ct_positions *durable, ct_ns now)
{
    (void)now;
    if (!link->stats.greeted || memcmp(stream_id, link->stream_id, CT_STREAM_ID_SIZE) != 0) {
        return;
    }
    raise_positions(&link->durable, durable);
    raise_positions(&link->received, durable);
    send_ack(link);
}

int ct_link_fleet_command(struct ct_link_fleet *link, const uint8_t *signed_command, size_t len)
{
    if (!link->stats.greeted) {
        return CT_ERR_DOWN;
    }
    return send_envelope(
        link, ct_link_message_wrap(CANTWIN__V1__ENVELOPE__BODY_COMMAND, signed_command, len, &link->envelope));
}

int ct_link_fleet_want_snapshot(struct ct_link_fleet *link, uint64_t snapshot_id)
{
    if (!link->stats.greeted) {
        return CT_ERR_DOWN;
    }
    Cantwin__V1__SnapshotRequest question;
    cantwin__v1__snapshot_request__init(&question);
    question.id = snapshot_id;
    return send_message(link, CANTWIN__V1__ENVELOPE__BODY_SNAPSHOT_REQUEST, &question.base);
}

ct_ns ct_link_fleet_tick(struct ct_link_fleet *link, ct_ns now, int64_t utc_ns)
{
    if (now >= link->resume_at) {
        link->resume_at = CT_NS_NEVER;
        link->quiet_until = now + RESUME_QUIET;
        link->hello_ack_due = true;
        link->snapshot_due = true;
    }
    if (link->hello_ack_due) {
        send_hello_ack(link, utc_ns);
    }
    if (link->ack_due) {
        send_ack(link);
    }
    return link->hello_ack_due || link->ack_due ? ct_ns_min(link->resume_at, now + FULL_WAIT) : link->resume_at;
}
