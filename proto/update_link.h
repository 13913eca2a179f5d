/* Updates on the link, both halves: the offer, what the vehicle wants, the chunk it gets, and the status it records.
 *
 * Decoding fills plain values; bytes and texts point into what was decoded or live in the caller's room. Sizes are
 * checked: what does not fit is CT_ERR_SYNTAX, CT_ERR_RANGE or CT_ERR_TOO_LARGE. Thread-safe: no state. */
#ifndef CT_PROTO_UPDATE_LINK_H
#define CT_PROTO_UPDATE_LINK_H

#include "batch.h"
#include "update_wire.h"

#define CT_UPDATE_CHUNK_MAX 32768
#define CT_UPDATE_ROOTS_MAX 16

struct ct_update_offer {
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    uint32_t envelope_size;
    struct ct_update_bytes {
        const uint8_t *data; /* a serialised SignedPayload */
        size_t len;
    } roots[CT_UPDATE_ROOTS_MAX];
    size_t root_count;
};

struct ct_update_wanted {
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    bool blob; /* else the envelope */
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    uint32_t offset;
};

struct ct_update_chunk {
    struct ct_update_wanted of;
    uint32_t size; /* of the whole */
    const uint8_t *data;
    size_t len; /* 1 .. CT_UPDATE_CHUNK_MAX; the checksum fits when decoding gives CT_OK, else CT_ERR_CORRUPT */
};

/* Appends. Offers of more than CT_UPDATE_ROOTS_MAX roots go on with the next offer. */
int ct_update_offer_encode(const struct ct_update_offer *offer, struct ct_buf *out) CT_MUST_CHECK;
int ct_update_wanted_encode(const struct ct_update_wanted *wanted, struct ct_buf *out) CT_MUST_CHECK;
int ct_update_chunk_encode(const struct ct_update_chunk *chunk, struct ct_buf *out) CT_MUST_CHECK;
int ct_update_offer_decode(const uint8_t *data, size_t len, struct ct_update_offer *out_offer) CT_MUST_CHECK;
int ct_update_wanted_decode(const uint8_t *data, size_t len, struct ct_update_wanted *out_wanted) CT_MUST_CHECK;
int ct_update_chunk_decode(const uint8_t *data, size_t len, struct ct_update_chunk *out_chunk) CT_MUST_CHECK;

/* UpdateStatus, where each field is explained. */
struct ct_update_status {
    uint8_t update_id[CT_UPDATE_ID_SIZE]; /* zeros: of no update, only what the vehicle has */
    int state;                            /* enum ct_update_state */
    int verdict;                          /* enum ct_update_verdict */
    uint32_t step, steps, nrc;
    const char *text; /* NULL: none */
    ct_ns t_ns;
    int64_t utc_ns;
    uint8_t set_hash_before[CT_UPDATE_HASH_SIZE], set_hash_after[CT_UPDATE_HASH_SIZE]; /* zeros: none */
    const char *rxswin[CT_UPDATE_RXSWIN_MAX];
    size_t rxswin_count;
    uint8_t audit_head[CT_UPDATE_HASH_SIZE]; /* zeros: none */
    uint64_t audit_count;
    uint32_t root_version;
    const char *set_id; /* NULL or "": none */
    uint32_t counter;
    uint64_t director_seq;
};

/* Appends a serialised Record with an UpdateStatus body; batch.h's sink takes it apart. */
int ct_record_encode_update(const struct ct_record_head *head, const struct ct_update_status *status,
                            struct ct_buf *out) CT_MUST_CHECK;
/* Of a parsed UpdateStatus; private to proto/. */
struct ProtobufCMessage;
int ct_update_status_take(const struct ProtobufCMessage *message, struct ct_update_status *out_status) CT_MUST_CHECK;

#endif
