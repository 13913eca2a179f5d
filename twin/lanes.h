/* The live path into the twin: values that come together in a frame lie together, eight lanes to a block.
 *
 * A block holds the raw values of up to CT_LANES entries in one cache line, and one clock (source time, receive time,
 * update count), one deadline and the quality of all of them in another. A frame that brings all lanes of the block
 * moves the clock once; a lane that stays behind (a frame that is too short) keeps times of its own until it is back.
 * Whoever decodes writes the raw values straight into ct_lanes_raw and then says which lanes the frame had and which
 * of them differ from before.
 *
 * Entries of kind DOUBLE keep the pattern of the frame in the raw value; their number is set beside it. Belongs to the
 * twin's thread; allocates nothing. */
#ifndef CT_TWIN_LANES_H
#define CT_TWIN_LANES_H

#include "plain.h"
#include "twin.h"

#define CT_LANES       8
#define CT_LANE_UNUSED UINT32_MAX

/* Raw values from first to last, of unsigned entries compared as unsigned. */
struct ct_code_range {
    int64_t first, last;
};

/* One lane at create. */
struct ct_lane {
    uint32_t id;                       /* entry of kind RAW or DOUBLE; CT_LANE_UNUSED: the lane is not used */
    uint8_t bits;                      /* width of the raw value, 1..64 */
    bool is_signed;                    /* of the raw value */
    const struct ct_code_range *codes; /* values that mean "not available"; copied */
    size_t code_count;
};

/* The lanes of all blocks, CT_LANES for each. Used ones hold the ids 0, 1, 2 ... in this order; lanes of one block have
 * the same timeout. Other entries of the catalogue are single ones. */
struct ct_lane_layout {
    const struct ct_lane *lanes;
    size_t block_count;
};

/* As ct_twin_create; CT_ERR_ARGUMENT for a layout that is not as above. */
int ct_twin_create_lanes(struct ct_catalogue *catalogue, const struct ct_lane_layout *layout,
                         struct ct_twin **out_twin) CT_MUST_CHECK;

/* Inside of the twin; visible so that the usual update is a few inlined instructions. */
struct ct_lane_block {
    _Alignas(64) ct_ns t_ns;
    ct_ns received_ns;
    uint64_t updates;
    uint64_t quality; /* byte n: the lanes that have flag 1 << n */
    ct_ns timeout_ns;
    uint8_t on_clock; /* lanes whose times are those of the block */
    uint8_t used;
    uint8_t checked; /* lanes that can be out of range or not available */
    uint8_t numbers; /* lanes of DOUBLE entries */
    uint8_t coded;   /* checked lanes whose raw value alone does not tell whether it is in range */
};
_Static_assert(sizeof(struct ct_lane_block) == 64, "a block's clock is one cache line");

struct ct_lanes {
    int64_t *raw; /* of block 0, aligned to 64 bytes */
    struct ct_lane_block *blocks;
    uint32_t *marks;  /* per block; byte n: lanes changed for consumer n */
    uint32_t *marked; /* per eight blocks; byte n: blocks with marks for consumer n */
    uint64_t revision;
    struct ct_plain_block *plain; /* per block */
    ct_plain_fn *odd;
};

_Static_assert(CT_TWIN_CONSUMERS == 4, "a byte of ct_lanes.marks for each");

/* The twin's own, as long as it lives. */
static inline struct ct_lanes *ct_twin_lanes(struct ct_twin *twin)
{
    return (struct ct_lanes *)twin; /* its first member */
}

/* A mask of lanes in every byte. */
static inline uint64_t ct_lanes_spread(unsigned lanes)
{
    return lanes * UINT64_C(0x0101010101010101);
}

/* The flags that say something of the value itself; all others are of its frame, and the next good one clears them. */
#define CT_LANES_OF_VALUE UINT64_C(0x00000000FFFF0000) /* NOT_AVAILABLE, OUT_OF_RANGE */
_Static_assert(CT_Q_NOT_AVAILABLE == 1 << 2 && CT_Q_OUT_OF_RANGE == 1 << 3, "CT_LANES_OF_VALUE follows the flags");

/* The general case of ct_lanes_update. */
void ct_lanes_update_any(struct ct_lanes *lanes, uint32_t block, unsigned active, unsigned changed, ct_ns t_ns,
                         ct_ns received_ns);

/* Brings NOT_AVAILABLE and OUT_OF_RANGE of the lanes up to their values. Returns the lanes where they changed. */
unsigned ct_lanes_judge(struct ct_lanes *lanes, uint32_t block, unsigned judged);

/* Marks lanes (none: nothing happens) as changed for all consumers. */
static inline void ct_lanes_changed(struct ct_lanes *lanes, uint32_t block, unsigned changed)
{
    const uint32_t any = changed != 0 ? 1 : 0;
    lanes->marks[block] |= changed * UINT32_C(0x01010101);
    lanes->marked[block / 8] |= any * UINT32_C(0x01010101) << (block % 8);
    lanes->revision += any;
}

/* The two halves of ct_lanes_update, for who takes several frames at once. The first moves the block's clock for a good
 * frame with the lanes `active`; false, and nothing is done, when that takes more (ct_lanes_update then). */
static inline __attribute__((always_inline)) bool ct_lanes_touch(struct ct_lanes *lanes, uint32_t block,
                                                                 unsigned active, ct_ns t_ns, ct_ns received_ns)
{
    struct ct_lane_block *at = &lanes->blocks[block];
    active &= at->used;
    if ((at->on_clock ^ active) != 0 || received_ns < at->received_ns ||
        (at->quality & ct_lanes_spread(active) & ~CT_LANES_OF_VALUE) != 0) {
        return false;
    }
    at->t_ns = t_ns;
    at->received_ns = received_ns;
    at->updates++;
    return true;
}

/* The second: these lanes (none: nothing happens) have other values than before. */
static inline __attribute__((always_inline)) void ct_lanes_news(struct ct_lanes *lanes, uint32_t block,
                                                                unsigned changed)
{
    const struct ct_lane_block *at = &lanes->blocks[block];
    changed &= at->used;
    changed |= ct_lanes_judge(lanes, block, changed & at->checked);
    ct_lanes_changed(lanes, block, changed);
}

/* A good frame brought the lanes `active` of a block (none: nothing happens; unused ones do not count); `changed` of
 * them have another value than before, which is in ct_lanes.raw already. `received_ns` is now. */
static inline __attribute__((always_inline)) void ct_lanes_update(struct ct_lanes *lanes, uint32_t block,
                                                                  unsigned active, unsigned changed, ct_ns t_ns,
                                                                  ct_ns received_ns)
{
    struct ct_lane_block *at = &lanes->blocks[block];
    changed &= at->used;
    if (!ct_lanes_touch(lanes, block, active, t_ns, received_ns)) {
        ct_lanes_update_any(lanes, block, active & at->used, changed, t_ns, received_ns);
        return;
    }
    if (changed != 0) {
        const unsigned judged = changed & at->checked;
        if (judged != 0) {
            changed |= ct_lanes_judge(lanes, block, judged);
        }
        ct_lanes_changed(lanes, block, changed);
    }
}

/* True when an unchanged frame with these lanes needs no decoding: their values are what the block's last one left. */
static inline bool ct_lanes_current(const struct ct_lanes *lanes, uint32_t block, unsigned active)
{
    active &= lanes->blocks[block].used;
    return active == 0 || lanes->blocks[block].on_clock == active;
}

/* The number of a DOUBLE entry's lane. True when it differs from the one before (in its bits). */
bool ct_lanes_number(struct ct_lanes *lanes, uint32_t block, unsigned lane, double number);

/* Sets (a frame was refused: the values stay the last good ones) or clears quality flags of all used lanes. */
void ct_lanes_mark(struct ct_lanes *lanes, uint32_t block, uint16_t flags);
void ct_lanes_clear(struct ct_lanes *lanes, uint32_t block, uint16_t flags);

#endif
