#include "link_fleet_state.h"

#include "link_message.h"
#include "pb.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_RECORDS 1024U
#define FULL_WAIT      (20 * CT_NS_PER_MS)
#define RESUME_QUIET   CT_NS_PER_S /* what was under way when the vehicle was sent back is no new hole */
#define ASK_QUIET      CT_NS_PER_S
#define DENSE_APART    (UINT64_C(1) << 20) /* between the indexes of two agreements: none under way is mistaken */

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
        ct_dense_free(link->dense);
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
    ack.reads_packed_envelope = link->ops.packer != NULL;
    ack.dense_form = link->dense != NULL ? CT_DENSE_FORM : 0;
    ack.dense_first = link->dense_next + DENSE_APART;
    if (send_message(link, CANTWIN__V1__ENVELOPE__BODY_HELLO_ACK, &ack.base) == CT_OK) {
        if (link->dense != NULL) {
            ct_dense_reset(link->dense);
            link->dense_next += DENSE_APART;
        }
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

void ct_link_fleet_ask_hello(struct ct_link_fleet *link, ct_ns now)
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

/* Where there is no memory for it the vehicle goes on without. */
static void agree_on_dense(struct ct_link_fleet *link, uint32_t vehicles_form)
{
    if (vehicles_form < CT_DENSE_FORM || !link->ops.dense || link->ops.packer == NULL) {
        ct_dense_free(link->dense);
        link->dense = NULL;
    } else if (link->dense == NULL && ct_dense_create(&link->dense) != CT_OK) {
        link->dense = NULL;
    }
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
        agree_on_dense(link, hello->dense_form);
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

bool ct_link_fleet_has_catalogue(struct ct_link_fleet *link, const uint8_t *hash)
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
    if (ct_link_fleet_has_catalogue(link, part.hash)) {
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

static int take_message(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now, int64_t utc_ns);

/* Only what is worth it comes packed. What comes out is as foreign as what came in: opening it scans it. */
static int take_packed_envelope(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now,
                                int64_t utc_ns)
{
    const uint8_t *packed = NULL;
    size_t packed_len = 0;
    uint64_t size = 0;
    struct ct_pb_reader reader = ct_pb_reader(message->data, message->len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) { /* the envelope's scan has passed it */
        if (field.id == 1) {
            packed = field.data;
            packed_len = field.len;
        } else if (field.id == 2) {
            size = field.value;
        }
    }
    if (packed == NULL || link->ops.packer == NULL) {
        return CT_ERR_SYNTAX;
    }
    const uint8_t *data = NULL;
    int err = ct_packer_unpack(link->ops.packer, packed, packed_len, size, &data);
    struct ct_link_message inner;
    if (err == CT_OK) {
        err = ct_link_message_open(data, size, &inner);
    }
    if (err != CT_OK) {
        return err;
    }
    const bool is_allowed = inner.body == CANTWIN__V1__ENVELOPE__BODY_CATALOGUE || //
                            inner.body == CANTWIN__V1__ENVELOPE__BODY_STATE;
    return is_allowed ? take_message(link, &inner, now, utc_ns) : CT_ERR_SYNTAX;
}

static int take_message(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now, int64_t utc_ns)
{
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_HELLO) {
        return take_hello(link, message, now, utc_ns);
    }
    if (!link->stats.greeted) {
        ct_link_fleet_ask_hello(link, now);
        return CT_OK;
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_DELIVERY) {
        return ct_link_fleet_delivery(link, message, now);
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
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_UPDATE_WANTED && link->ops.wanted != NULL) {
        link->ops.wanted(link->ops.user, message->data, message->len);
        return CT_OK;
    }
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_PACKED) {
        return take_packed_envelope(link, message, now, utc_ns);
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

static int pass_on(struct ct_link_fleet *link, Cantwin__V1__Envelope__BodyCase body, const uint8_t *data, size_t len)
{
    return link->stats.greeted ? send_envelope(link, ct_link_message_wrap(body, data, len, &link->envelope))
                               : CT_ERR_DOWN;
}

int ct_link_fleet_command(struct ct_link_fleet *link, const uint8_t *signed_command, size_t len)
{
    return pass_on(link, CANTWIN__V1__ENVELOPE__BODY_COMMAND, signed_command, len);
}

int ct_link_fleet_offer(struct ct_link_fleet *link, const uint8_t *offer, size_t len)
{
    return pass_on(link, CANTWIN__V1__ENVELOPE__BODY_UPDATE_OFFER, offer, len);
}

int ct_link_fleet_chunk(struct ct_link_fleet *link, const uint8_t *chunk, size_t len)
{
    return pass_on(link, CANTWIN__V1__ENVELOPE__BODY_UPDATE_CHUNK, chunk, len);
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
