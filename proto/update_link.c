#include "update_link.h"

#include "bytes.h"
#include "cantwin.pb-c.h"
#include "pb.h"
#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert((int)CT_RECORD_UPDATE == (int)CANTWIN__V1__RECORD__BODY_UPDATE_STATUS, "body numbers");
static_assert((int)CT_UPDATE_STATE_REFUSED == (int)CANTWIN__V1__UPDATE_STATE__UPDATE_REFUSED, "state numbers");
static_assert((int)CT_UPDATE_STATE_COMMITTED == (int)CANTWIN__V1__UPDATE_STATE__UPDATE_COMMITTED, "state numbers");

static const uint8_t no_hash[CT_UPDATE_HASH_SIZE];

/* Field numbers of cantwin.proto that are read and written by hand. */
enum { OFFER_ID = 1, OFFER_SIZE, OFFER_ROOTS };

/* ------------------------------------------------------------------------------------------------ out */

int ct_update_offer_encode(const struct ct_update_offer *offer, struct ct_buf *out)
{
    Cantwin__V1__UpdateOffer message;
    cantwin__v1__update_offer__init(&message);
    message.update_id = ct_wire_bytes(offer->update_id, CT_UPDATE_ID_SIZE);
    message.envelope_size = offer->envelope_size;
    ct_wire_pack(&message.base, out);
    for (size_t i = 0; i < offer->root_count && i < CT_UPDATE_ROOTS_MAX; i++) {
        const size_t mark = ct_pb_open(out, OFFER_ROOTS);
        ct_buf_append(out, offer->roots[i].data, offer->roots[i].len);
        ct_pb_close(out, mark);
    }
    return ct_buf_error(out);
}

int ct_update_wanted_encode(const struct ct_update_wanted *wanted, struct ct_buf *out)
{
    Cantwin__V1__UpdateWanted message;
    cantwin__v1__update_wanted__init(&message);
    message.update_id = ct_wire_bytes(wanted->update_id, CT_UPDATE_ID_SIZE);
    message.sha256 = ct_wire_bytes(wanted->sha256, wanted->blob ? CT_UPDATE_HASH_SIZE : 0);
    message.offset = wanted->offset;
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

int ct_update_chunk_encode(const struct ct_update_chunk *chunk, struct ct_buf *out)
{
    if (chunk->len == 0 || chunk->len > CT_UPDATE_CHUNK_MAX) {
        return CT_ERR_ARGUMENT;
    }
    Cantwin__V1__UpdateChunk message;
    cantwin__v1__update_chunk__init(&message);
    message.update_id = ct_wire_bytes(chunk->of.update_id, CT_UPDATE_ID_SIZE);
    message.sha256 = ct_wire_bytes(chunk->of.sha256, chunk->of.blob ? CT_UPDATE_HASH_SIZE : 0);
    message.offset = chunk->of.offset;
    message.size = chunk->size;
    message.data = ct_wire_bytes(chunk->data, chunk->len);
    message.crc32c = ct_crc32c(0, chunk->data, chunk->len);
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

/* ------------------------------------------------------------------------------------------------ in */

static bool take_bytes(const ProtobufCBinaryData *bytes, uint8_t *out, size_t size)
{
    if (bytes->len == size) {
        memcpy(out, bytes->data, size);
    }
    return bytes->len == size;
}

/* Absent: zeros. */
static bool take_hash(const ProtobufCBinaryData *bytes, uint8_t out[CT_UPDATE_HASH_SIZE])
{
    memset(out, 0, CT_UPDATE_HASH_SIZE);
    return bytes->len == 0 || take_bytes(bytes, out, CT_UPDATE_HASH_SIZE);
}

int ct_update_offer_decode(const uint8_t *data, size_t len, struct ct_update_offer *out_offer)
{
    struct ct_update_offer offer = {.root_count = 0};
    bool named = false;
    int err = ct_wire_scan(&cantwin__v1__update_offer__descriptor, CT_WIRE_TOLERANT, data, len);
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    while (err == CT_OK && ct_pb_next(&reader, &field) == CT_OK) {
        if (field.id == OFFER_ID && field.len == CT_UPDATE_ID_SIZE) {
            memcpy(offer.update_id, field.data, CT_UPDATE_ID_SIZE);
            named = true;
        } else if (field.id == OFFER_SIZE) {
            offer.envelope_size = (uint32_t)field.value;
        } else if (field.id == OFFER_ROOTS) {
            offer.roots[offer.root_count].data = field.data; /* the scan lets no more of them through */
            offer.roots[offer.root_count++].len = field.len;
        }
    }
    if (err == CT_OK && (!named || offer.envelope_size == 0 || offer.envelope_size > CT_UPDATE_ENVELOPE_MAX)) {
        err = CT_ERR_RANGE;
    }
    if (err == CT_OK) {
        *out_offer = offer;
    }
    return err;
}

static int take_wanted(const ProtobufCBinaryData *id, const ProtobufCBinaryData *sha256, uint32_t offset,
                       struct ct_update_wanted *out)
{
    out->blob = sha256->len != 0;
    out->offset = offset;
    return take_bytes(id, out->update_id, CT_UPDATE_ID_SIZE) && take_hash(sha256, out->sha256) ? CT_OK : CT_ERR_RANGE;
}

int ct_update_wanted_decode(const uint8_t *data, size_t len, struct ct_update_wanted *out_wanted)
{
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *message = NULL;
    int err = ct_wire_parse(&cantwin__v1__update_wanted__descriptor, CT_WIRE_TOLERANT, data, len, &arena, &message);
    if (err == CT_OK) {
        const Cantwin__V1__UpdateWanted *in = (const Cantwin__V1__UpdateWanted *)message;
        err = take_wanted(&in->update_id, &in->sha256, in->offset, out_wanted);
    }
    ct_wire_arena_free(&arena);
    return err;
}

static int take_chunk(const Cantwin__V1__UpdateChunk *in, const uint8_t *data, struct ct_update_chunk *out)
{
    const size_t len = in->data.len;
    out->size = in->size;
    out->data = data;
    out->len = len;
    if (len == 0 || len > CT_UPDATE_CHUNK_MAX || in->size > CT_UPDATE_BLOB_MAX || in->offset > in->size ||
        len > in->size - in->offset) {
        return CT_ERR_RANGE;
    }
    return ct_crc32c(0, data, len) == in->crc32c ? CT_OK : CT_ERR_CORRUPT;
}

int ct_update_chunk_decode(const uint8_t *data, size_t len, struct ct_update_chunk *out_chunk)
{
    struct ct_wire_arena arena;
    struct ct_update_chunk chunk;
    const uint8_t *inside = NULL;
    size_t inside_len = 0;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *message = NULL;
    int err = ct_wire_parse(&cantwin__v1__update_chunk__descriptor, CT_WIRE_TOLERANT, data, len, &arena, &message);
    err = err == CT_OK ? ct_pb_find_bytes(data, len, 5, &inside, &inside_len) : err;
    if (err == CT_OK) {
        const Cantwin__V1__UpdateChunk *in = (const Cantwin__V1__UpdateChunk *)message;
        err = take_wanted(&in->update_id, &in->sha256, in->offset, &chunk.of);
        err = err == CT_OK ? take_chunk(in, inside, &chunk) : err;
    }
    ct_wire_arena_free(&arena);
    if (err == CT_OK) {
        *out_chunk = chunk;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ status */

static ProtobufCBinaryData hash_out(const uint8_t hash[CT_UPDATE_HASH_SIZE])
{
    const bool any = memcmp(hash, no_hash, sizeof no_hash) != 0;
    return ct_wire_bytes(hash, any ? CT_UPDATE_HASH_SIZE : 0);
}

int ct_record_encode_update(const struct ct_record_head *head, const struct ct_update_status *status,
                            struct ct_buf *out)
{
    char text[CT_WIRE_STRING_MAX + 1];
    char *rxswin[CT_UPDATE_RXSWIN_MAX];
    Cantwin__V1__UpdateStatus message;
    Cantwin__V1__Record record;
    cantwin__v1__update_status__init(&message);
    cantwin__v1__record__init(&record);
    const char *said = status->text == NULL ? "" : status->text;
    (void)snprintf(text, sizeof text, "%.*s", (int)ct_wire_text_fit(said), said);
    message.update_id = ct_wire_bytes(status->update_id, CT_UPDATE_ID_SIZE);
    message.state = (Cantwin__V1__UpdateState)status->state;
    message.verdict = (uint32_t)status->verdict;
    message.step = status->step;
    message.steps = status->steps;
    message.nrc = status->nrc;
    message.text = text;
    message.t_ns = status->t_ns;
    message.utc_ns = status->utc_ns;
    message.set_hash_before = hash_out(status->set_hash_before);
    message.set_hash_after = hash_out(status->set_hash_after);
    message.audit_head = hash_out(status->audit_head);
    message.audit_count = status->audit_count;
    message.root_version = status->root_version;
    message.set_id = ct_wire_text(status->set_id == NULL ? "" : status->set_id);
    message.counter = status->counter;
    message.director_seq = status->director_seq;
    for (size_t i = 0; i < status->rxswin_count && i < CT_UPDATE_RXSWIN_MAX; i++) {
        rxswin[message.n_rxswin++] = ct_wire_text(status->rxswin[i]);
    }
    message.rxswin = rxswin;
    record.seq = head->seq;
    record.boot_id = ct_wire_bytes(head->boot_id, CT_BOOT_ID_SIZE);
    record.body_case = CANTWIN__V1__RECORD__BODY_UPDATE_STATUS;
    record.update_status = &message;
    ct_wire_pack(&record.base, out);
    return ct_buf_error(out);
}

int ct_update_status_take(const ProtobufCMessage *message, struct ct_update_status *out_status)
{
    const Cantwin__V1__UpdateStatus *in = (const Cantwin__V1__UpdateStatus *)message;
    struct ct_update_status status = {.state = (int)in->state,
                                      .verdict = (int)in->verdict,
                                      .step = in->step,
                                      .steps = in->steps,
                                      .nrc = in->nrc,
                                      .text = in->text,
                                      .t_ns = in->t_ns,
                                      .utc_ns = in->utc_ns,
                                      .rxswin_count = in->n_rxswin, /* the scan lets no more through */
                                      .audit_count = in->audit_count,
                                      .root_version = in->root_version,
                                      .set_id = in->set_id,
                                      .counter = in->counter,
                                      .director_seq = in->director_seq};
    const bool named = in->update_id.len == 0 || take_bytes(&in->update_id, status.update_id, CT_UPDATE_ID_SIZE);
    for (size_t i = 0; i < in->n_rxswin; i++) {
        status.rxswin[i] = in->rxswin[i];
    }
    if (!named || !take_hash(&in->set_hash_before, status.set_hash_before) ||
        !take_hash(&in->set_hash_after, status.set_hash_after) || !take_hash(&in->audit_head, status.audit_head) ||
        in->verdict > UINT8_MAX || strlen(in->set_id) > CT_UPDATE_NAME_MAX) {
        return CT_ERR_RANGE;
    }
    *out_status = status;
    return CT_OK;
}
