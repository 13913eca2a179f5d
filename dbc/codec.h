/* The compiled decoder and encoder of one database: frame bytes to raw and physical values and back.
 *
 * Compiled once from a ct_dbc, which must outlive it. Decoding allocates nothing and handles every signal alone: frames
 * shorter or longer than the message, overlaps and unknown selectors lose nothing that can be decoded. Raw integers are
 * the truth; physical = raw * factor + offset in double, rounded twice (no fused multiply-add).
 * Immutable after compile (and ct_codec_set_path): any number of threads may use it. */
#ifndef CT_DBC_CODEC_H
#define CT_DBC_CODEC_H

#include "dbc.h"

struct ct_codec;
struct ct_codec_message; /* the compiled plan of one message */

/* One decoded signal. Integer signals: raw is exact (unsigned 64-bit ones as the same bits). Float signals: raw is the
 * IEEE bit pattern (a FLOAT32 signal of 16 bits is binary16). Blobs: raw is 0, see ct_codec_blob. */
struct ct_decoded {
    uint16_t signal; /* index in ct_dbc_message.signals */
    int64_t raw;
    double value; /* physical */
};

int ct_codec_compile(const struct ct_dbc *dbc, struct ct_codec **out_codec) CT_MUST_CHECK;
void ct_codec_free(struct ct_codec *codec); /* accepts NULL */

/* The message of an arbitration id: exact id first, else J1939 by PGN (any priority, source and, for PDU1,
 * destination). NULL when unknown. O(1). */
const struct ct_codec_message *ct_codec_find(const struct ct_codec *codec, uint32_t id, bool extended);

/* The frames of one receive call: all of them looked up before the first is decoded, so that unknown ids cost no wrong
 * guess and the messages are on their way into the cache. Keys are ids, bit 31 for extended ones. The known frames, in
 * their order: out_messages and which of the keys each one is; both have room for `count`, at most
 * CT_CODEC_BATCH_MAX. Returns their number. */
#define CT_CODEC_BATCH_MAX    256
#define CT_CODEC_KEY_EXTENDED 0x80000000U
size_t ct_codec_find_batch(const struct ct_codec *codec, const uint32_t *keys, size_t count,
                           const struct ct_codec_message **out_messages, uint8_t *out_which);
const struct ct_codec_message *ct_codec_by_name(const struct ct_codec *codec, const char *name);
const struct ct_dbc_message *ct_codec_model(const struct ct_codec_message *message);

/* ---- lanes: values in fixed places, for the hot paths
 *
 * Every signal of up to 64 bits has a lane of its message: an index into arrays of the caller, which hold the values of
 * that message alone, have ct_codec_lane_count elements and start at a multiple of CT_LANE_ALIGN. Lanes come in groups
 * of CT_LANE_GROUP. Signals that one selector switches on by the same values have groups of their own; what is left
 * over in a group is padding, whose values mean nothing.
 *
 * `data` has max(len, CT_CODEC_FRAME_ROOM) readable bytes; those from `len` on do not count. `active` has a byte for
 * each group, bit k for its lane k: the signal is switched on by its selectors and lies wholly inside `len`. Lanes that
 * are not active keep what was there. */

#define CT_LANE_GROUP       8
#define CT_LANE_ALIGN       64
#define CT_CODEC_FRAME_ROOM 64
#define CT_NO_SIGNAL        UINT16_MAX
#define CT_NO_LANE          UINT32_MAX

/* A multiple of CT_LANE_GROUP; 0 when there is no signal. */
size_t ct_codec_lane_count(const struct ct_codec_message *message);
/* CT_NO_SIGNAL for padding. */
uint16_t ct_codec_lane_signal(const struct ct_codec_message *message, size_t lane);
/* CT_NO_LANE for signals over 64 bits. */
uint32_t ct_codec_signal_lane(const struct ct_codec_message *message, uint16_t signal);

/* Raw values: integers exact and sign-extended (unsigned 64-bit ones as the same bits), floats as their pattern. */
void ct_codec_decode_raw(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw,
                         uint8_t *active);
/* Physical values, bit-equal to ct_decoded.value. */
void ct_codec_decode_physical(const struct ct_codec_message *message, const uint8_t *data, size_t len, double *values,
                              uint8_t *active);
/* ct_codec_decode_raw that also says which active lanes held another value before; `changed` as `active`. */
void ct_codec_update_raw(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw,
                         uint8_t *active, uint8_t *changed);
/* The physical value of what a lane holds. */
double ct_codec_lane_physical(const struct ct_codec_message *message, size_t lane, int64_t raw);

/* How lanes are decoded; all ways give the same bits. The codec starts with the best one this CPU has. */
enum ct_codec_path { CT_CODEC_SCALAR, CT_CODEC_NEON, CT_CODEC_AVX2, CT_CODEC_AVX512, CT_CODEC_PATHS };
const char *ct_codec_path_name(enum ct_codec_path path);
enum ct_codec_path ct_codec_path(const struct ct_codec *codec);
/* For tests and measurements, not while another thread decodes. CT_ERR_UNSUPPORTED where this CPU or build has it not.
 */
int ct_codec_set_path(struct ct_codec *codec, enum ct_codec_path path) CT_MUST_CHECK;

/* ---- lists: values in the order of the model */

/* Decodes the active signals that lie wholly inside the `len` received bytes; reads no byte beyond. out_values has room
 * for signal_count entries. Returns their number. */
size_t ct_codec_decode(const struct ct_codec_message *message, const uint8_t *data, size_t len,
                       struct ct_decoded *out_values);

/* The number a float signal's bit pattern stands for, before factor and offset. */
double ct_codec_float(const struct ct_dbc_signal *signal, int64_t raw);

/* The physical value as an exact integer: of integer signals with integer factor and offset, where it fits 64 bits.
 * Doubles hold such values only up to 2^53. */
bool ct_codec_exact(const struct ct_dbc_signal *signal, int64_t raw, int64_t *out_value);

/* The raw integer of a signal over 64 bits as big-endian bytes, most significant first: (length + 7) / 8 of them into
 * `out`. CT_ERR_TRUNCATED when it is not wholly inside. */
int ct_codec_blob(const struct ct_codec_message *message, uint16_t signal, const uint8_t *data, size_t len,
                  uint8_t *out, size_t size) CT_MUST_CHECK;

/* A value to encode: the raw integer (or float pattern) or the physical value. */
struct ct_encode_value {
    uint16_t signal;
    bool physical; /* value counts, not raw */
    int64_t raw;
    double value;
};

/* Writes one signal into `data` (len bytes) leaving all other bits alone. Physical values are converted by rounding
 * (value - offset) / factor to nearest. CT_ERR_RANGE when the raw value does not fit the width, CT_ERR_TRUNCATED when
 * the signal is not wholly inside `len`. */
int ct_codec_encode(const struct ct_codec_message *message, const struct ct_encode_value *value, uint8_t *data,
                    size_t len) CT_MUST_CHECK;

/* Writes a signal over 64 bits from `size` big-endian bytes, as ct_codec_blob gives them. CT_ERR_RANGE when they are
 * not exactly its width. */
int ct_codec_encode_blob(const struct ct_codec_message *message, uint16_t signal, const uint8_t *value, size_t size,
                         uint8_t *data, size_t len) CT_MUST_CHECK;

/* The payload with start values (GenSigStartValue, else 0) of the signals that are always there. */
void ct_codec_defaults(const struct ct_codec_message *message, uint8_t *data, size_t len);

#endif
