/* Internal to dbc/: the compiled form of a message.
 *
 * A message is a tree of plans: the root, always there, and a plan for each set of signals that one selector switches
 * on by the same values. A plan's lanes come in two kinds. Straight lanes, nearly all: integers of up to 52 bits inside
 * eight bytes of the message's length; every path decodes them in one loop without looking at what they are. Side
 * lanes: floats, wider ones, nine-byte spans, signals past the message's length; these, and all lanes of a frame that
 * is too short, are decoded one by one.
 *
 * Lanes are described twice: one by one (struct codec_lane), and for the vector paths in groups, transposed. */
#ifndef CT_DBC_CODEC_PLAN_H
#define CT_DBC_CODEC_PLAN_H

#include "codec.h"

enum codec_lane_flag {
    CODEC_BIG_ENDIAN = 1 << 0,
    CODEC_SIGNED = 1 << 1,
    CODEC_NINE_BYTES = 1 << 2,
    CODEC_FLOAT = 1 << 3,
};

/* A straight lane is: load 64 bits at `byte` in its byte order, shift left, shift right, and (x ^ sign) - sign. */
struct codec_lane {
    uint16_t
        byte; /* 0..56, so that a load stays inside CT_CODEC_FRAME_ROOM; signals beyond: so that it ends with them */
    uint16_t need; /* bytes a frame must have for the signal to be wholly inside; 0: padding */
    uint8_t left;  /* bits of the load above the signal; with nine bytes: bits of the first byte not used */
    uint8_t right; /* 64 - length */
    uint8_t flags;
    uint64_t sign; /* the sign bit's place value; 0 for unsigned ones */
    double factor;
    double offset;
};

/* Eight straight lanes side by side. Padding lanes come out as 0. */
struct codec_group {
    _Alignas(CT_LANE_ALIGN) uint8_t index[8 * CT_LANE_GROUP]; /* of the frame's byte, least significant first */
    double factor[CT_LANE_GROUP];
    double offset[CT_LANE_GROUP];
    uint64_t sign[CT_LANE_GROUP];
    uint8_t byte[CT_LANE_GROUP];
    uint8_t left[CT_LANE_GROUP];
    uint8_t right[CT_LANE_GROUP];
    uint8_t lanes; /* bit per lane: it is one, no padding */
    uint8_t is_signed;
    uint8_t big_endian;
};

/* Two straight lanes as NEON takes them: side by side in the order they are needed, shift counts as wide as the lanes.
 * A padding lane shifts everything out. */
struct codec_pair {
    _Alignas(16) uint8_t index[16];
    int64_t left[2];
    int64_t right[2]; /* negative */
    uint64_t sign[2];
    double factor[2];
    double offset[2];
};
#define CODEC_PAIRS (CT_LANE_GROUP / 2) /* in a group */

struct codec_plan {
    uint32_t group;           /* its first one; straight groups first, then side groups */
    uint32_t straight_groups; /* the last one may have padding */
    uint16_t need;            /* bytes for all straight lanes */
    uint16_t little;          /* straight lanes, Intel ones first ... */
    uint16_t straight;        /* ... up to here */
    uint16_t side;
    uint8_t tail; /* lanes of the last straight group, as bits */
    uint8_t side_tail;
    uint16_t selector; /* signal; CT_NO_SIGNAL for the root */
};

/* Values of a selector that switch a plan on. Sorted by `first`. */
struct codec_case {
    uint64_t first;
    uint64_t last;
    uint32_t plan;
    uint32_t from; /* cases from here on, up to this one, can hold a value that this one's `first` does not exceed */
};

struct codec_selector {
    uint32_t lane;
    uint32_t case_count;
    uint32_t below_count;
    const struct codec_case *cases;
    const uint32_t *below; /* by small values: cases whose `first` does not exceed the value */
};

/* Where the list form and encode find a signal. */
struct codec_signal {
    uint32_t lane; /* CT_NO_LANE over 64 bits */
    uint32_t plan;
    uint32_t need;
};

struct codec_path {
    void (*raw)(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw, uint8_t *active);
    void (*physical)(const struct ct_codec_message *message, const uint8_t *data, size_t len, double *values,
                     uint8_t *active);
    void (*update)(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw,
                   uint8_t *active, uint8_t *changed);
};

struct ct_codec_message {
    _Alignas(CT_LANE_ALIGN) const struct codec_path *path;
    size_t
        plain_need; /* a frame of this length or more has straight lanes of the root and nothing else; SIZE_MAX: none */
    struct codec_plan root;
    uint32_t selector_count;
    const struct codec_group *groups;
    const struct codec_lane *lanes;
    const struct codec_selector *selectors; /* a selector comes after the one that switches it on */
    const struct codec_plan *plans;         /* [0] is the root too */
    uint32_t group_count;
    const struct ct_dbc_message *model;
    const struct codec_signal *signals;
    const uint16_t *lane_signals;
    const struct codec_pair *pairs; /* NEON only */
};

/* Memory that lives as long as the codec: zeroed, aligned to CT_LANE_ALIGN, freed at once. */
struct codec_arena {
    struct codec_chunk *chunks;
    size_t used; /* of the first chunk */
};
void *ct_codec_alloc(struct codec_arena *arena, size_t count, size_t size);
void ct_codec_arena_free(struct codec_arena *arena);

/* Fills messages that have their model, all but `path`. */
int ct_codec_compile_messages(struct codec_arena *arena, struct ct_codec_message *messages, size_t count) CT_MUST_CHECK;

/* The paths; NULL what this build or CPU has not. */
const struct codec_path *ct_codec_scalar(void);
const struct codec_path *ct_codec_neon(void);
const struct codec_path *ct_codec_avx2(void);
const struct codec_path *ct_codec_avx512(void);

/* The lane's bits as an integer, sign-extended when it is signed. */
int64_t ct_codec_bits(const struct codec_lane *lane, const uint8_t *data);
double ct_codec_physical(const struct codec_lane *lane, int64_t raw);
#endif
