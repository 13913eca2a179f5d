#include "link_message.h"
#include "link_vehicle_state.h"

#include <stdlib.h>
#include <string.h>

#define HELLO_WAIT_MIN  CT_NS_PER_S
#define HELLO_WAIT_MAX  (15 * CT_NS_PER_S)
#define HELLO_BUSY_WAIT (200 * CT_NS_PER_MS) /* the transport took no hello */
#define RECREATE_WAIT_MIN                                                                      \
    (15 * CT_NS_PER_S) /* a refused connection never comes back by itself; one that waits in a \
                          crowd does, and would only lose its place */
#define RECREATE_WAIT_MAX (60 * CT_NS_PER_S)
#define SILENCE_MAX       (30 * CT_NS_PER_S)
#define ACK_WAIT_MAX      (10 * CT_NS_PER_S) /* no ack moves: ask what arrived */
#define TIME_WAIT         (10 * CT_NS_PER_S) /* also the heartbeat that keeps silence away */
#define TIME_WAIT_FIRST   CT_NS_PER_S
#define TIME_FIRST_COUNT  4
#define DRIFT_PPM         100 /* how fast an old time estimate loses its worth */
#define FULL_WAIT         (20 * CT_NS_PER_MS)
#define WINDOW_DEFAULT    256U
#define WINDOW_MAX        65536U

/* ---------------------------------------------------------------- life */

int ct_link_vehicle_create(const struct ct_link_vehicle_config *config, const struct ct_link_vehicle_ops *ops,
                           struct ct_link_vehicle **out_link)
{
    struct ct_link_vehicle *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    link->ops = *ops;
    memcpy(link->stream_id, config->stream_id, CT_STREAM_ID_SIZE);
    memcpy(link->boot_id, config->boot_id, CT_BOOT_ID_SIZE);
    strncpy(link->software, config->software, SOFTWARE_MAX - 1);
    link->random = config->jitter_seed | 1;
    link->packer = config->packer;
    link->window = WINDOW_DEFAULT;
    link->hello_at = INT64_MIN;
    link->hello_wait = HELLO_WAIT_MIN;
    link->recreate_at = CT_NS_NEVER;
    link->recreate_wait = RECREATE_WAIT_MIN;
    link->stats.utc_uncertainty_ns = -1;
    ct_buf_init(&link->delivery, CT_LINK_MESSAGE_MAX);
    ct_buf_init(&link->parts, PARTS_MAX);
    ct_buf_init(&link->envelope, CT_LINK_MESSAGE_MAX);
    if (config->dense && config->packer != NULL && ct_dense_create(&link->dense) != CT_OK) {
        ct_link_vehicle_free(link);
        return CT_ERR_NO_MEMORY;
    }
    *out_link = link;
    return CT_OK;
}

void ct_link_vehicle_free(struct ct_link_vehicle *link)
{
    if (link != NULL) {
        ct_buf_free(&link->delivery);
        ct_buf_free(&link->parts);
        ct_buf_free(&link->envelope);
        ct_dense_free(link->dense);
        free(link);
    }
}

void ct_link_vehicle_use_catalogue(struct ct_link_vehicle *link, const uint8_t hash[CT_HASH_SIZE])
{
    memcpy(link->catalogue_hash, hash, CT_HASH_SIZE);
}

void ct_link_vehicle_resume(struct ct_link_vehicle *link, const struct ct_positions *acked)
{
    link->stats.acked = *acked;
    link->stats.sent = *acked;
}

void ct_link_vehicle_stats_get(const struct ct_link_vehicle *link, struct ct_link_vehicle_stats *out_stats)
{
    *out_stats = link->stats;
    out_stats->connected = link->phase == CONNECTED;
}

/* Between 3/4 and 5/4 of `wait`, so that a fleet does not come back as one. */
static ct_ns jitter(struct ct_link_vehicle *link, ct_ns wait)
{
    link->random ^= link->random << 13;
    link->random ^= link->random >> 7;
    link->random ^= link->random << 17;
    return wait - wait / 4 + (ct_ns)(link->random % (uint64_t)(wait / 2));
}

/* ---------------------------------------------------------------- greeting */

static void greet(struct ct_link_vehicle *link, ct_ns now)
{
    link->phase = GREETING;
    link->hello_at = now;
    link->hello_wait = HELLO_WAIT_MIN;
    link->recreate_wait = RECREATE_WAIT_MIN;
    link->recreate_at = now + jitter(link, RECREATE_WAIT_MIN);
    link->time_sent = 0;
    ct_link_vehicle_drop_outgoing(link);
}

static void send_hello(struct ct_link_vehicle *link, ct_ns now, int64_t utc_ns)
{
    Cantwin__V1__Position room[2][CT_CLASS_COUNT];
    Cantwin__V1__Position *pointers[2][CT_CLASS_COUNT];
    ct_link_positions_put(&link->stats.newest, room[0], pointers[0]);
    ct_link_positions_put(&link->stats.acked, room[1], pointers[1]);
    Cantwin__V1__Hello hello;
    cantwin__v1__hello__init(&hello);
    hello.version = CT_LINK_VERSION;
    hello.stream_id = ct_wire_bytes(link->stream_id, CT_STREAM_ID_SIZE);
    hello.boot_id = ct_wire_bytes(link->boot_id, CT_BOOT_ID_SIZE);
    hello.now_ns = now;
    hello.now_utc_ns = utc_ns;
    hello.catalogue_hash = ct_wire_bytes(link->catalogue_hash, CT_HASH_SIZE);
    hello.software = link->software;
    hello.n_newest = CT_CLASS_COUNT;
    hello.newest = pointers[0];
    hello.n_acked = CT_CLASS_COUNT;
    hello.acked = pointers[1];
    hello.dense_form = link->dense != NULL ? CT_DENSE_FORM : 0;
    int err = ct_link_message_pack(CANTWIN__V1__ENVELOPE__BODY_HELLO, &hello.base, &link->envelope);
    if (err == CT_OK) {
        err = ct_link_vehicle_send(link, &link->envelope);
    }
    if (err != CT_OK) {
        link->hello_at = now + HELLO_BUSY_WAIT;
        return;
    }
    link->hello_at = now + jitter(link, link->hello_wait);
    link->hello_wait = ct_ns_min(2 * link->hello_wait, HELLO_WAIT_MAX);
}

static void recreate(struct ct_link_vehicle *link, ct_ns now)
{
    link->stats.reconnects++;
    link->recreate_wait = ct_ns_min(2 * link->recreate_wait, RECREATE_WAIT_MAX);
    link->recreate_at = now + jitter(link, link->recreate_wait);
    link->hello_at = now;
    link->ops.reconnect(link->ops.user);
}

static ct_ns tick_greeting(struct ct_link_vehicle *link, ct_ns now, int64_t utc_ns)
{
    if (link->recreate_at == CT_NS_NEVER) { /* the first tick */
        link->recreate_at = now + jitter(link, link->recreate_wait);
    }
    if (now >= link->recreate_at) {
        recreate(link, now);
    }
    if (now >= link->hello_at) {
        send_hello(link, now, utc_ns);
    }
    return ct_ns_min(link->hello_at, link->recreate_at);
}

/* ---------------------------------------------------------------- what is received */

static void raise_acked(struct ct_link_vehicle *link, Cantwin__V1__Position *const *durable, size_t count, ct_ns now)
{
    const struct ct_positions before = link->stats.acked;
    ct_link_positions_raise(&link->stats.acked, durable, count);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        const uint64_t acked = link->stats.acked.seq[i];
        if (acked == before.seq[i]) {
            continue;
        }
        link->progress_at = now;
        if (link->stats.sent.seq[i] < acked) {
            link->stats.sent.seq[i] = acked;
        }
        link->ops.acked(link->ops.user, (enum ct_class)(i + 1), acked);
    }
}

/* Both ends begin anew with what they know of each other's records. */
static void agree_on_forms(struct ct_link_vehicle *link, const Cantwin__V1__HelloAck *ack)
{
    link->backend_unpacks = ack->reads_packed;
    link->backend_unpacks_envelopes = ack->reads_packed_envelope;
    link->dense_agreed = link->dense != NULL && ack->dense_form == CT_DENSE_FORM;
    link->dense_index = ack->dense_first;
    if (link->dense_agreed) {
        ct_dense_reset(link->dense);
    }
}

static int take_hello_ack(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    const Cantwin__V1__HelloAck *ack = (const Cantwin__V1__HelloAck *)message;
    if (ack->version != CT_LINK_VERSION) {
        return CT_ERR_UNSUPPORTED;
    }
    ct_link_vehicle_drop_outgoing(link);
    link->known_count = 0;
    for (size_t i = 0; i < ack->n_known_catalogues; i++) {
        if (ack->known_catalogues[i].len == CT_HASH_SIZE) {
            ct_link_vehicle_add_known(link, ack->known_catalogues[i].data);
        }
    }
    const bool was_greeting = link->phase == GREETING;
    link->phase = CONNECTED;
    link->window = ack->window_records == 0 ? WINDOW_DEFAULT : ack->window_records;
    link->window = link->window > WINDOW_MAX ? WINDOW_MAX : link->window;
    agree_on_forms(link, ack);
    link->progress_at = now;
    raise_acked(link, ack->durable, ack->n_durable, now);
    link->stats.sent = link->stats.acked;
    link->fetch_at = now;
    if (was_greeting) {
        link->time_at = now;
        link->time_count = 0;
    }
    if (ack->snapshot_wanted) {
        link->ops.snapshot(link->ops.user, 0);
    }
    ct_link_vehicle_request(link, now);
    return CT_OK;
}

static int take_ack(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    const Cantwin__V1__Ack *ack = (const Cantwin__V1__Ack *)message;
    if (ack->stream_id.len != CT_STREAM_ID_SIZE ||
        memcmp(ack->stream_id.data, link->stream_id, CT_STREAM_ID_SIZE) != 0) {
        return CT_ERR_NOT_FOUND;
    }
    raise_acked(link, ack->durable, ack->n_durable, now);
    ct_link_vehicle_request(link, now);
    return CT_OK;
}

static int take_snapshot_request(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    (void)now;
    link->ops.snapshot(link->ops.user, ((const Cantwin__V1__SnapshotRequest *)message)->id);
    return CT_OK;
}

/* The half of the round trip is the worst error; an older estimate loses by the drift of the clocks. */
static int take_time_answer(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    const Cantwin__V1__TimeAnswer *answer = (const Cantwin__V1__TimeAnswer *)message;
    if (link->time_sent == 0 || answer->id != link->time_id || answer->sent_ns != link->time_sent) {
        return CT_OK; /* an answer to an older question */
    }
    const ct_ns half = (now - link->time_sent) / 2;
    const ct_ns age = now - link->time_taken_at;
    const ct_ns grown = link->stats.utc_uncertainty_ns + age / (1000000 / DRIFT_PPM);
    int64_t offset;
    if (__builtin_sub_overflow(answer->utc_ns, link->time_sent + half, &offset)) {
        return CT_ERR_RANGE;
    }
    link->time_sent = 0;
    if (link->stats.utc_uncertainty_ns < 0 || half <= grown) {
        link->stats.utc_offset_ns = offset;
        link->stats.utc_uncertainty_ns = half;
        link->time_taken_at = now;
    }
    return CT_OK;
}

static int take_catalogue_request(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    (void)now;
    const Cantwin__V1__CatalogueRequest *wanted = (const Cantwin__V1__CatalogueRequest *)message;
    if (wanted->hash.len != CT_HASH_SIZE) {
        return CT_ERR_SYNTAX;
    }
    if (link->phase == CONNECTED && link->parts.len == 0) {
        ct_link_vehicle_queue_catalogue(link, wanted->hash.data);
        (void)ct_link_vehicle_flush_parts(link); /* what is left goes at the next tick */
    }
    return CT_OK;
}

static int take_hello_request(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now)
{
    (void)message;
    if (link->phase == CONNECTED) {
        greet(link, now);
    }
    return CT_OK;
}

static const struct {
    Cantwin__V1__Envelope__BodyCase body;
    const ProtobufCMessageDescriptor *type;
    int (*take)(struct ct_link_vehicle *link, const ProtobufCMessage *message, ct_ns now);
} handlers[] = {
    {CANTWIN__V1__ENVELOPE__BODY_HELLO_ACK, &cantwin__v1__hello_ack__descriptor, take_hello_ack},
    {CANTWIN__V1__ENVELOPE__BODY_ACK, &cantwin__v1__ack__descriptor, take_ack},
    {CANTWIN__V1__ENVELOPE__BODY_SNAPSHOT_REQUEST, &cantwin__v1__snapshot_request__descriptor, take_snapshot_request},
    {CANTWIN__V1__ENVELOPE__BODY_TIME_ANSWER, &cantwin__v1__time_answer__descriptor, take_time_answer},
    {CANTWIN__V1__ENVELOPE__BODY_CATALOGUE_REQUEST, &cantwin__v1__catalogue_request__descriptor,
     take_catalogue_request},
    {CANTWIN__V1__ENVELOPE__BODY_HELLO_REQUEST, &cantwin__v1__hello_request__descriptor, take_hello_request},
};

static int take_message(struct ct_link_vehicle *link, const struct ct_link_message *message, ct_ns now)
{
    if (message->body == CANTWIN__V1__ENVELOPE__BODY_COMMAND) {
        link->ops.command(link->ops.user, message->data, message->len);
        return CT_OK;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].body != message->body) {
            continue;
        }
        struct ct_wire_arena arena;
        ct_wire_arena_init(&arena);
        ProtobufCMessage *parsed = NULL;
        int err = ct_wire_parse(handlers[i].type, CT_WIRE_TOLERANT, message->data, message->len, &arena, &parsed);
        if (err == CT_OK) {
            err = handlers[i].take(link, parsed, now);
        }
        ct_wire_arena_free(&arena);
        return err;
    }
    return CT_ERR_UNSUPPORTED;
}

void ct_link_vehicle_receive(struct ct_link_vehicle *link, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns)
{
    (void)utc_ns;
    struct ct_link_message message;
    int err = ct_link_message_open(data, len, &message);
    if (err == CT_OK) {
        link->received_at = now;
        link->stats.received_envelopes++;
        err = take_message(link, &message, now);
    }
    link->stats.malformed += err != CT_OK;
}

/* ---------------------------------------------------------------- time */

static void send_time_request(struct ct_link_vehicle *link, ct_ns now)
{
    Cantwin__V1__TimeRequest question;
    cantwin__v1__time_request__init(&question);
    question.id = ++link->time_id;
    question.sent_ns = now;
    int err = ct_link_message_pack(CANTWIN__V1__ENVELOPE__BODY_TIME_REQUEST, &question.base, &link->envelope);
    if (err == CT_OK) {
        err = ct_link_vehicle_send(link, &link->envelope);
    }
    if (err != CT_OK) {
        link->time_at = now + FULL_WAIT;
        return;
    }
    link->time_sent = now;
    link->time_at = now + (++link->time_count < TIME_FIRST_COUNT ? TIME_WAIT_FIRST : TIME_WAIT);
}

static ct_ns tick_connected(struct ct_link_vehicle *link, ct_ns now)
{
    if (now >= link->time_at) {
        send_time_request(link, now);
    }
    const bool full = ct_link_vehicle_flush_parts(link) != CT_OK ||
                      (link->delivery_closed && ct_link_vehicle_flush_delivery(link) != CT_OK);
    if (!full && link->fetching == 0) {
        ct_link_vehicle_request(link, now);
    }
    ct_ns next = ct_ns_min(link->time_at, link->received_at + SILENCE_MAX);
    if (ct_link_vehicle_unacked(link)) {
        next = ct_ns_min(next, link->progress_at + ACK_WAIT_MAX);
    }
    if (link->fetch_at > now) {
        next = ct_ns_min(next, link->fetch_at);
    }
    return full ? ct_ns_min(next, now + FULL_WAIT) : next;
}

ct_ns ct_link_vehicle_tick(struct ct_link_vehicle *link, ct_ns now, int64_t utc_ns)
{
    if (link->phase == CONNECTED && now - link->received_at >= SILENCE_MAX) {
        greet(link, now);
        link->stats.reconnects++;
        link->ops.reconnect(link->ops.user);
    } else if (link->phase == CONNECTED && ct_link_vehicle_unacked(link) && now - link->progress_at >= ACK_WAIT_MAX) {
        greet(link, now);
    }
    return link->phase == CONNECTED ? tick_connected(link, now) : tick_greeting(link, now, utc_ns);
}
