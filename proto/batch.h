/* Twin objects to and from the wire: batches of samples, catalogues, records, state.
 * Encoding appends to a ct_buf; decoding checks every limit and calls back per sample. Every decode begins with the
 * wire scan of wire.h. Thread-safe: no state. */
#ifndef CT_PROTO_BATCH_H
#define CT_PROTO_BATCH_H

#include "buf.h"
#include "catalogue.h"
#include "link_types.h"

#define CT_BATCH_SAMPLES_MAX 4096

struct ct_batch_time {
    ct_ns base_ns;
    int64_t base_utc_ns;
    uint64_t utc_uncertainty_ns;
};

/* What stands in front of a record's body. */
struct ct_record_head {
    uint64_t seq;
    uint8_t boot_id[CT_BOOT_ID_SIZE];
};

enum ct_gap_reason { CT_GAP_OUTBOX_FULL = 1, CT_GAP_RESTART, CT_GAP_BUS_LOSS, CT_GAP_DAMAGED, CT_GAP_QUEUE_FULL };

struct ct_gap {
    uint64_t seq_first, seq_last; /* seq_first > seq_last: time only */
    ct_ns from_ns, to_ns;
    int64_t from_utc_ns, to_utc_ns;
    uint64_t samples;
    enum ct_gap_reason reason;
};

struct ct_event_field {
    const char *key;
    const char *value;
};

struct ct_event {
    const char *name;
    const char *text;
    ct_ns t_ns;
    int64_t utc_ns;
    const struct ct_event_field *fields;
    size_t field_count;
};

/* Same numbers as CommandState and CommandReason in cantwin.proto are kept in twin/command.h; here they are plain ints.
 */
struct ct_command_status {
    const uint8_t *command_id; /* CT_COMMAND_ID_SIZE bytes or NULL */
    int state;
    int reason;
    uint64_t seq;
    ct_ns t_ns;
    int64_t utc_ns;
    const uint8_t *response;
    size_t response_len;
    bool has_reported;
    double reported; /* physical */
    const char *text;
};

/* Samples in any order (sorted in place). Serialised Record with a Batch body appended to out. */
int ct_record_encode_batch(const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                           const struct ct_batch_time *time, struct ct_sample *samples, size_t count,
                           struct ct_buf *out) CT_MUST_CHECK;
int ct_record_encode_event(const struct ct_record_head *head, const struct ct_event *event,
                           struct ct_buf *out) CT_MUST_CHECK;
int ct_record_encode_gap(const struct ct_record_head *head, const struct ct_gap *gap, struct ct_buf *out) CT_MUST_CHECK;
int ct_record_encode_status(const struct ct_record_head *head, const struct ct_command_status *status,
                            struct ct_buf *out) CT_MUST_CHECK;

/* Serialised State (one part). */
int ct_state_encode(uint64_t snapshot_id, const uint8_t boot_id[CT_BOOT_ID_SIZE], uint64_t revision, bool last,
                    const struct ct_catalogue *catalogue, const struct ct_batch_time *time, struct ct_sample *samples,
                    size_t count, struct ct_buf *out) CT_MUST_CHECK;

/* Finds the catalogue a batch names; NULL when it is not known (decode then ends with CT_ERR_NOT_FOUND). */
typedef const struct ct_catalogue *(*ct_catalogue_lookup_fn)(void *user, const uint8_t hash[CT_HASH_SIZE]);

/* What a record turned out to be; members not named by `body` are unset. Pointers live during the callback only. */
enum ct_record_body {
    CT_RECORD_BATCH = 3,
    CT_RECORD_EVENT = 4,
    CT_RECORD_GAP = 5,
    CT_RECORD_STATUS = 6,
    CT_RECORD_UPDATE = 7
};

struct ct_update_status;
struct ct_record_sink {
    void *user;
    ct_catalogue_lookup_fn catalogue;
    /* batch: begin, then every sample (times absolute, boot time), then end */
    int (*batch_begin)(void *user, const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                       const struct ct_batch_time *time, size_t count);
    int (*sample)(void *user, const struct ct_sample *sample);
    int (*batch_end)(void *user);
    int (*event)(void *user, const struct ct_record_head *head, const struct ct_event *event);
    int (*gap)(void *user, const struct ct_record_head *head, const struct ct_gap *gap);
    int (*status)(void *user, const struct ct_record_head *head, const struct ct_command_status *status);
    int (*update)(void *user, const struct ct_record_head *head,
                  const struct ct_update_status *status); /* update_link.h */
};

int ct_record_decode(const uint8_t *data, size_t len, const struct ct_record_sink *sink) CT_MUST_CHECK;

/* Cheap look at a serialised record without its samples: sequences, body, catalogue hash (zeros when it names none).
 * A body this version does not know is 0, and is still stored and acknowledged; decoding it is CT_ERR_UNSUPPORTED. */
struct ct_record_peek {
    uint64_t seq_first, seq_last;
    enum ct_record_body body;
    bool has_catalogue;
    uint8_t catalogue_hash[CT_HASH_SIZE];
};
int ct_record_peek(const uint8_t *data, size_t len, struct ct_record_peek *out_peek) CT_MUST_CHECK;

/* batch_begin/sample/batch_end only; head.seq is 0. *out_revision, *out_last as sent. */
int ct_state_decode(const uint8_t *data, size_t len, const struct ct_record_sink *sink, uint64_t *out_revision,
                    bool *out_last) CT_MUST_CHECK;

/* Serialised Catalogue parts of at most `part_max` bytes each, given to `part` in order. */
int ct_catalogue_encode(const struct ct_catalogue *catalogue, size_t part_max,
                        int (*part)(void *user, const uint8_t *data, size_t len), void *user) CT_MUST_CHECK;

/* Whether `data` is the part of `catalogue` that begins with its entry `first_id`, by hash, counts and the number of
 * entries in it; of their content nothing is looked at. *out_next_id: the entry behind the last one. */
bool ct_catalogue_part_is(const struct ct_catalogue *catalogue, uint32_t first_id, const uint8_t *data, size_t len,
                          uint32_t *out_next_id);

/* Collects parts; *out_catalogue is set (one reference) when the last one arrived and its hash is right, else NULL.
 * CT_ERR_CORRUPT when the hash is wrong, CT_ERR_SYNTAX for a part out of order. */
struct ct_catalogue_reader;
int ct_catalogue_reader_create(struct ct_catalogue_reader **out_reader) CT_MUST_CHECK;
int ct_catalogue_reader_part(struct ct_catalogue_reader *reader, const uint8_t *data, size_t len,
                             struct ct_catalogue **out_catalogue) CT_MUST_CHECK;
void ct_catalogue_reader_free(struct ct_catalogue_reader *reader); /* accepts NULL */

#endif
