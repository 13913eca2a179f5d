/* Internal to dbc/: the compiled form of a message. Fields lie in one array per message in the order of the model; each
 * is one unaligned 64-bit load, two shifts and one multiply-add. What does not fit that (nine bytes, floats, over 64
 * bits) is marked and takes the slow way. */
#ifndef CT_DBC_CODEC_PLAN_H
#define CT_DBC_CODEC_PLAN_H

#include "codec.h"

#define CT_CODEC_NO_BRANCH UINT16_MAX

enum codec_flag {
    CODEC_BIG_ENDIAN = 1 << 0,
    CODEC_SIGNED = 1 << 1,
    CODEC_NINE_BYTES = 1 << 2,
    CODEC_FLOAT = 1 << 3,
    CODEC_BLOB = 1 << 4,
};

struct codec_field {
    uint16_t byte;   /* first byte of the load */
    uint16_t need;   /* bytes a frame must have for the signal to be wholly inside */
    uint16_t branch; /* index in branches, CT_CODEC_NO_BRANCH: always there */
    uint16_t signal;
    uint8_t left;  /* bits of the load above the signal; with nine bytes: bits of the first byte not used */
    uint8_t right; /* 64 - length */
    uint8_t flags;
    double factor;
    double offset;
};

/* Signals that one selector switches on by the same values. */
struct codec_branch {
    uint16_t selector; /* field */
    const struct ct_dbc_range *ranges;
    size_t range_count;
};

struct ct_codec_message {
    const struct ct_dbc_message *model;
    const struct codec_field *fields;
    size_t field_count;
    const struct codec_branch *branches;
    size_t branch_count;
};

/* The bytes of a frame with room behind them, so that a load of 8 or 9 bytes from any byte of a signal that is inside
 * stays within memory of ours. */
#define CT_CODEC_FRAME_MAX 64
#define CT_CODEC_ROOM      8

/* The signal's bits as an integer, sign-extended when it is signed. `p` has at least 8 readable bytes, 9 where the
 * field says so. */
int64_t ct_codec_bits(const struct codec_field *field, const uint8_t *p);

#endif
