/* Encodes one message from values by name: start values, multiplex branches, ranges, texts; the inverse of decoding:
 * what ct_codec_decode gives for a payload, encoded again, gives the same bits where signals are.
 * Counters and checksums are the caller's next step (ct_protect_fill). Allocates nothing; thread-safe on const data. */
#ifndef CT_DBC_ENCODE_H
#define CT_DBC_ENCODE_H

#include "codec.h"

enum ct_set_kind {
    CT_SET_RAW,      /* raw: the integer, or a float signal's bit pattern */
    CT_SET_PHYSICAL, /* number */
    CT_SET_TEXT,     /* text: as a person writes it: a number, a text of the value table, hex digits over 64 bits */
    CT_SET_RAW_TEXT, /* text: the raw integer, decimal or 0x */
};

/* One signal to set. The texts are borrowed for the call. */
struct ct_encode_set {
    const char *signal;
    enum ct_set_kind kind;
    int64_t raw;
    double number;
    const char *text;
};

/* What to do with a physical value outside the signal's minimum and maximum, or with any value that its width cannot
 * hold. Raw values are only held against the width. Signals whose minimum equals their maximum have no range. */
enum ct_range_policy {
    CT_RANGE_REJECT, /* refuse the message */
    CT_RANGE_CLAMP,  /* take the nearest value that is allowed */
    CT_RANGE_WIDTH,  /* only the width counts: refuse what it cannot hold */
};

/* Fills all `len` bytes of `data`: signals of `sets` as asked, the others with their start value (GenSigStartValue) or
 * 0. Selectors that are not set are chosen so that the signals set are in the frame. On failure `problem` holds one
 * line naming the signals, and `data` is undefined: CT_ERR_NOT_FOUND for an unknown signal, CT_ERR_SYNTAX for a text
 * that is no value, CT_ERR_RANGE for a value out of range, CT_ERR_EXISTS for a signal set twice, CT_ERR_ARGUMENT for
 * signals that no frame holds together, CT_ERR_TRUNCATED for one that lies outside `len`. */
int ct_encode_message(const struct ct_codec_message *message, const struct ct_encode_set *sets, size_t count,
                      enum ct_range_policy policy, uint8_t *data, size_t len, char *problem,
                      size_t problem_size) CT_MUST_CHECK;

/* The raw value whose bits stand at a signal of up to 64 bits, whether it is active or not. CT_ERR_TRUNCATED when it
 * lies outside `len`, CT_ERR_ARGUMENT for a signal over 64 bits. */
int ct_codec_raw(const struct ct_codec_message *message, uint16_t signal, const uint8_t *data, size_t len,
                 int64_t *out_raw) CT_MUST_CHECK;

#endif
