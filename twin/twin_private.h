/* Inside of the twin: shared by twin.c (access), twin_create.c (layout), lanes.c (live path).
 *
 * Every entry has a slot: block * CT_LANES + lane, in ascending order of ids. Lane blocks come first; the slots of
 * single entries follow, never on their block's clock. */
#ifndef CT_TWIN_PRIVATE_H
#define CT_TWIN_PRIVATE_H

#include "deadlines.h"
#include "lanes.h"
#include "plain.h"
#include "range.h"

#define CT_QUALITY_KNOWN 0x7FU /* enum ct_quality */

struct ct_slot {
    ct_ns t_ns; /* own clock; what counts while the lane is not on the block's */
    ct_ns received_ns;
    uint64_t updates;             /* on the block's clock: to be added to it (modulo 2^64) */
    const struct ct_entry *entry; /* NULL: slot not used */
    struct ct_range range;
    int64_t number; /* bits of a DOUBLE lane's number */
    uint8_t *bytes; /* bytes_max of them; NULL for numbers */
    uint32_t id;
    uint32_t code_first; /* of ct_twin.codes */
    uint16_t code_count;
    uint16_t len; /* of bytes */
};

struct ct_twin {
    struct ct_lanes lanes; /* first, so that the live path's pointer is the twin's */
    struct ct_catalogue *catalogue;
    size_t count;
    size_t block_count;
    struct ct_slot *slots;
    uint32_t *slot_of; /* per id, and one behind the last */
    uint8_t *bytes;
    struct ct_code_range *codes;
    struct ct_deadlines deadlines; /* ids: blocks, then slots */
};

_Static_assert(offsetof(struct ct_twin, lanes) == 0, "ct_twin_lanes");

static inline unsigned ct_slot_lane(uint32_t slot)
{
    return 1U << (slot % CT_LANES);
}

/* Quality flags of one lane from a block's, and back. */
unsigned ct_quality_of(const struct ct_twin *twin, uint32_t slot);
uint64_t ct_quality_spread(unsigned flags, unsigned lane);
/* Lanes that have any of the flags. */
unsigned ct_quality_fold(uint64_t quality);

void ct_twin_changed(struct ct_twin *twin, uint32_t block, unsigned lanes);
/* NOT_AVAILABLE or OUT_OF_RANGE as the slot's value says. */
unsigned ct_slot_judge(const struct ct_twin *twin, uint32_t slot);
void ct_twin_arm_slot(struct ct_twin *twin, uint32_t slot);
void ct_twin_arm_block(struct ct_twin *twin, uint32_t block);
/* Lanes join and leave the block's clock. */
void ct_twin_realign(struct ct_twin *twin, uint32_t block, unsigned on_clock);
/* The stored value of a number: raw, or the bits of the double. */
int64_t *ct_slot_value(struct ct_twin *twin, uint32_t slot);

#endif
