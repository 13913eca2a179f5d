#include "batch.h"
#include "link_message.h"
#include "link_vehicle_state.h"
#include "pb.h"

#include <string.h>

#define FETCH_EMPTY_WAIT (100 * CT_NS_PER_MS)
#define DELIVERY_BYTES   65536U
#define PART_BYTES       65536U
#define PACK_FROM        512U /* bytes of records; smaller ones do not pay */
#define PACK_PAUSE       16U  /* small deliveries, after one that did not */
#define PACK_SMALL       4096U

enum { DELIVERY_STREAM_ID = 1, DELIVERY_CLASS, DELIVERY_RECORDS, DELIVERY_PACKED, DELIVERY_UNPACKED_SIZE };
enum { DELIVERY_DENSE = 6, DELIVERY_DENSE_INDEX, DELIVERY_DENSE_CHECK };
enum { PACKED_ENVELOPE = 1, PACKED_UNPACKED_SIZE };

int ct_link_vehicle_send(struct ct_link_vehicle *link, const struct ct_buf *bytes)
{
    const int err = link->ops.send(link->ops.user, bytes->data, bytes->len);
    link->stats.sent_envelopes += err == CT_OK;
    link->stats.sent_bytes += err == CT_OK ? bytes->len : 0;
    return err;
}

void ct_link_vehicle_drop_outgoing(struct ct_link_vehicle *link)
{
    ct_buf_clear(&link->delivery);
    link->delivery_closed = false;
    ct_buf_free(&link->parts);
    link->parts_at = 0;
    link->fetch_stale = link->fetching != 0;
}

/* link->envelope, packed where that pays and the backend reads it: catalogues and states shrink to a quarter. */
static int send_packed(struct ct_link_vehicle *link)
{
    const uint8_t *packed = NULL;
    size_t packed_len = 0;
    const size_t len = link->envelope.len;
    if (link->packer == NULL || !link->backend_unpacks_envelopes || len < PACK_FROM ||
        ct_packer_pack(link->packer, link->envelope.data, len, &packed, &packed_len) != CT_OK) {
        return ct_link_vehicle_send(link, &link->envelope);
    }
    ct_buf_clear(&link->envelope);
    const size_t mark = ct_pb_open(&link->envelope, CANTWIN__V1__ENVELOPE__BODY_PACKED);
    ct_pb_put_element(&link->envelope, PACKED_ENVELOPE, packed, packed_len);
    ct_pb_put_uint(&link->envelope, PACKED_UNPACKED_SIZE, len);
    ct_pb_close(&link->envelope, mark);
    const int err = ct_buf_error(&link->envelope);
    return err == CT_OK ? ct_link_vehicle_send(link, &link->envelope) : err;
}

/* ---------------------------------------------------------------- catalogues */

static bool is_known(const struct ct_link_vehicle *link, const uint8_t *hash)
{
    for (size_t i = 0; i < link->known_count; i++) {
        if (memcmp(link->known[i], hash, CT_HASH_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

void ct_link_vehicle_add_known(struct ct_link_vehicle *link, const uint8_t *hash)
{
    if (is_known(link, hash)) {
        return;
    }
    if (link->known_count == KNOWN_MAX) {
        memmove(link->known[0], link->known[1], sizeof link->known - sizeof link->known[0]);
        link->known_count--;
    }
    memcpy(link->known[link->known_count++], hash, CT_HASH_SIZE);
}

static int keep_part(void *user, const uint8_t *data, size_t len)
{
    struct ct_buf *parts = user;
    uint8_t size[4];
    ct_put_le32(size, (uint32_t)len);
    ct_buf_append(parts, size, sizeof size);
    ct_buf_append(parts, data, len);
    return ct_buf_error(parts);
}

/* A catalogue that is gone or cannot be sent is passed over: the records go without, the backend keeps them unread. */
void ct_link_vehicle_queue_catalogue(struct ct_link_vehicle *link, const uint8_t *hash)
{
    const struct ct_catalogue *catalogue = link->ops.catalogue(link->ops.user, hash);
    ct_buf_clear(&link->parts);
    link->parts_at = 0;
    memcpy(link->parts_hash, hash, CT_HASH_SIZE);
    if (catalogue == NULL || ct_catalogue_encode(catalogue, PART_BYTES, keep_part, &link->parts) != CT_OK) {
        ct_buf_free(&link->parts);
        ct_link_vehicle_add_known(link, hash);
    }
}

int ct_link_vehicle_flush_parts(struct ct_link_vehicle *link)
{
    while (link->parts_at < link->parts.len) {
        const uint8_t *part = link->parts.data + link->parts_at;
        const size_t len = ct_le32(part);
        int err = ct_link_message_wrap(CANTWIN__V1__ENVELOPE__BODY_CATALOGUE, part + 4, len, &link->envelope);
        if (err == CT_OK) {
            err = send_packed(link);
        }
        if (err != CT_OK) {
            return CT_ERR_AGAIN;
        }
        link->parts_at += 4 + len;
    }
    if (link->parts.len > 0) {
        ct_link_vehicle_add_known(link, link->parts_hash);
        ct_buf_free(&link->parts);
        link->parts_at = 0;
    }
    return CT_OK;
}

static int send_catalogue_first(struct ct_link_vehicle *link, const uint8_t *hash)
{
    if (ct_link_vehicle_flush_parts(link) != CT_OK) {
        return CT_ERR_AGAIN;
    }
    if (hash == NULL || is_known(link, hash)) {
        return CT_OK;
    }
    ct_link_vehicle_queue_catalogue(link, hash);
    return ct_link_vehicle_flush_parts(link);
}

/* ---------------------------------------------------------------- deliveries */

bool ct_link_vehicle_unacked(const struct ct_link_vehicle *link)
{
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        if (link->stats.sent.seq[i] > link->stats.acked.seq[i]) {
            return true;
        }
    }
    return false;
}

/* True when the whole delivery is dense now. Once the state here has gone another way than the backend's, nothing is
 * sent dense until the next HelloAck. */
static bool make_dense(struct ct_link_vehicle *link)
{
    const uint8_t *records = link->delivery.data + link->records_at;
    const size_t len = link->delivery.len - link->records_at;
    if (!link->dense_agreed) {
        return false;
    }
    ct_buf_clear(&link->envelope);
    const int err = ct_dense_encode(link->dense, ct_packer_dense_room(link->packer), link->ops.catalogue,
                                    link->ops.user, records, len, &link->envelope);
    if (err != CT_OK) {
        link->dense_agreed = err == CT_ERR_UNSUPPORTED;
        return false;
    }
    uint8_t check[4];
    ct_put_le32(check, ct_crc32c(0, records, len));
    ct_buf_clear(&link->delivery);
    link->delivery_mark = ct_pb_open(&link->delivery, CANTWIN__V1__ENVELOPE__BODY_DELIVERY);
    ct_pb_put_uint(&link->delivery, DELIVERY_CLASS, (uint64_t)link->delivery_class);
    ct_pb_put_element(&link->delivery, DELIVERY_DENSE, link->envelope.data, link->envelope.len);
    ct_pb_put_uint(&link->delivery, DELIVERY_DENSE_INDEX, link->dense_index++);
    ct_pb_put_tag(&link->delivery, DELIVERY_DENSE_CHECK, CT_PB_FIXED32);
    ct_buf_append(&link->delivery, check, sizeof check);
    link->stats.dense_deliveries++;
    return true;
}

/* One batch hardly shrinks; many of them together, as after a time without backend, do. */
static void pack_records(struct ct_link_vehicle *link)
{
    const size_t len = link->delivery.len - link->records_at;
    const uint8_t *packed = NULL;
    size_t packed_len = 0;
    if (link->packer == NULL || !link->backend_unpacks || len < PACK_FROM) {
        return;
    }
    if (link->pack_pause > 0 && len < PACK_SMALL) {
        link->pack_pause--;
        return;
    }
    if (ct_packer_pack(link->packer, link->delivery.data + link->records_at, len, &packed, &packed_len) != CT_OK) {
        link->pack_pause = PACK_PAUSE;
        return;
    }
    link->delivery.len = link->records_at;
    ct_pb_put_element(&link->delivery, DELIVERY_PACKED, packed, packed_len);
    ct_pb_put_uint(&link->delivery, DELIVERY_UNPACKED_SIZE, len);
    link->stats.packed_deliveries++;
}

int ct_link_vehicle_flush_delivery(struct ct_link_vehicle *link)
{
    if (link->delivery.len == 0) {
        return CT_OK;
    }
    if (!link->delivery_closed) {
        link->stats.record_bytes += link->delivery.len - link->records_at;
        if (!make_dense(link)) {
            pack_records(link);
        }
        ct_pb_close(&link->delivery, link->delivery_mark);
        if (ct_buf_error(&link->delivery) != CT_OK) { /* out of memory: a hole the backend finds */
            ct_buf_free(&link->delivery);
            return CT_OK;
        }
        link->delivery_closed = true;
    }
    if (ct_link_vehicle_send(link, &link->delivery) != CT_OK) {
        return CT_ERR_AGAIN;
    }
    link->stats.delivery_bytes += link->delivery.len;
    ct_buf_clear(&link->delivery);
    link->delivery_closed = false;
    return CT_OK;
}

static void open_delivery(struct ct_link_vehicle *link, enum ct_class class)
{
    ct_buf_clear(&link->delivery);
    link->delivery_mark = ct_pb_open(&link->delivery, CANTWIN__V1__ENVELOPE__BODY_DELIVERY);
    link->delivery_class = class;
    ct_pb_put_element(&link->delivery, DELIVERY_STREAM_ID, link->stream_id, CT_STREAM_ID_SIZE);
    ct_pb_put_uint(&link->delivery, DELIVERY_CLASS, (uint64_t) class);
    link->records_at = link->delivery.len;
}

static int make_room(struct ct_link_vehicle *link, enum ct_class class, size_t len)
{
    const bool fits = link->delivery.len > 0 && !link->delivery_closed && link->delivery_class == class &&
                      link->delivery.len + len <= DELIVERY_BYTES;
    if (!fits) {
        if (ct_link_vehicle_flush_delivery(link) != CT_OK) {
            return CT_ERR_AGAIN;
        }
        open_delivery(link, class);
    }
    return CT_OK;
}

int ct_link_vehicle_record(struct ct_link_vehicle *link, enum ct_class class, uint64_t seq_first, uint64_t seq_last,
                           const uint8_t *record, size_t len, const uint8_t *catalogue_hash, ct_ns now)
{
    if (len > CT_RECORD_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    uint64_t *sent = &link->stats.sent.seq[CT_CLASS_INDEX(class)];
    const bool wanted = link->phase == CONNECTED && link->fetching == (int)class && !link->fetch_stale;
    if (!wanted || seq_last <= *sent || seq_first > *sent + 1) {
        return CT_OK;
    }
    if (send_catalogue_first(link, catalogue_hash) != CT_OK || make_room(link, class, len) != CT_OK) {
        return CT_ERR_AGAIN;
    }
    ct_pb_put_element(&link->delivery, DELIVERY_RECORDS, record, len);
    if (!ct_link_vehicle_unacked(link)) {
        link->progress_at = now;
    }
    *sent = seq_last;
    link->fetch_gave = true;
    return CT_OK;
}

static int next_class(const struct ct_link_vehicle *link)
{
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        const struct ct_link_vehicle_stats *stats = &link->stats;
        if (stats->newest.seq[i] > stats->sent.seq[i] && stats->sent.seq[i] - stats->acked.seq[i] < link->window) {
            return (int)i + 1;
        }
    }
    return 0;
}

/* Loops because fetch may be answered before it returns. */
void ct_link_vehicle_request(struct ct_link_vehicle *link, ct_ns now)
{
    if (link->requesting) {
        return;
    }
    link->requesting = true;
    while (link->phase == CONNECTED && link->fetching == 0 && now >= link->fetch_at && !link->delivery_closed) {
        link->fetching = next_class(link);
        if (link->fetching == 0) {
            break;
        }
        link->fetch_stale = false;
        link->fetch_gave = false;
        const enum ct_class class = (enum ct_class)link->fetching;
        link->ops.fetch(link->ops.user, class, link->stats.sent.seq[CT_CLASS_INDEX(class)], DELIVERY_BYTES);
    }
    link->requesting = false;
}

void ct_link_vehicle_fetched(struct ct_link_vehicle *link, enum ct_class class, ct_ns now)
{
    if (link->fetching != (int)class) {
        return;
    }
    if (!link->fetch_gave && !link->fetch_stale) {
        link->fetch_at = now + FETCH_EMPTY_WAIT;
    }
    link->fetching = 0;
    link->fetch_stale = false;
    if (link->phase == CONNECTED) {
        (void)ct_link_vehicle_flush_delivery(link); /* kept and tried again at the next tick */
        ct_link_vehicle_request(link, now);
    }
}

void ct_link_vehicle_newest(struct ct_link_vehicle *link, const struct ct_positions *newest, ct_ns now, int64_t utc_ns)
{
    (void)utc_ns;
    link->stats.newest = *newest;
    ct_link_vehicle_request(link, now);
}

int ct_link_vehicle_state(struct ct_link_vehicle *link, const uint8_t *state, size_t len, ct_ns now)
{
    (void)now;
    if (link->phase != CONNECTED) {
        return CT_ERR_DOWN;
    }
    const uint8_t *batch;
    size_t batch_len;
    const uint8_t *hash = NULL;
    size_t hash_len = 0;
    int err = ct_pb_find_bytes(state, len, 4, &batch, &batch_len);
    if (err == CT_OK) {
        err = ct_pb_find_bytes(batch, batch_len, 1, &hash, &hash_len);
    }
    if (err != CT_OK || hash_len != CT_HASH_SIZE) {
        return CT_ERR_SYNTAX;
    }
    err = send_catalogue_first(link, hash);
    if (err == CT_OK) {
        err = ct_link_message_wrap(CANTWIN__V1__ENVELOPE__BODY_STATE, state, len, &link->envelope);
    }
    return err == CT_OK ? send_packed(link) : err;
}
