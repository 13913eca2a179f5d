/* The live store of one vehicle: the last value of every entry of a catalogue with times, sequence and quality.
 *
 * All memory is allocated at create; updates allocate nothing. Changes (value or quality) are tracked for up to
 * CT_TWIN_CONSUMERS independent readers. Staleness is driven by ct_twin_tick and is itself a change. Frames go in by
 * lanes.h, single values by ct_twin_put. Belongs to one thread. */
#ifndef CT_TWIN_TWIN_H
#define CT_TWIN_TWIN_H

#include "catalogue.h"

#define CT_TWIN_CONSUMERS 4

/* Everything known of one entry now. */
struct ct_reading {
    struct ct_sample sample; /* bytes point into the twin until its next update */
    ct_ns received_ns;       /* when this process took it, boot time */
    uint64_t updates;        /* accepted values since the twin was made */
};

struct ct_twin;

int ct_twin_create(struct ct_catalogue *catalogue, struct ct_twin **out_twin) CT_MUST_CHECK; /* takes a reference */
void ct_twin_free(struct ct_twin *twin);                                                     /* accepts NULL */
struct ct_catalogue *ct_twin_catalogue(const struct ct_twin *twin);

/* Stores an accepted sample (its quality flags replace the entry's, STALE and NEVER_SEEN cleared). A range violation
 * sets OUT_OF_RANGE by itself, except where the value is flagged NOT_AVAILABLE. The entry is marked changed when value
 * or quality differ. CT_ERR_RANGE for an unknown id, CT_ERR_TOO_LARGE for too long bytes. */
int ct_twin_put(struct ct_twin *twin, const struct ct_sample *sample, ct_ns received_ns) CT_MUST_CHECK;

/* A frame that was refused (checksum, counter): keeps the last good value and sets `flags` on it. */
void ct_twin_mark(struct ct_twin *twin, uint32_t id, uint16_t flags, ct_ns now);
/* Takes flags back that ct_twin_mark set. */
void ct_twin_clear(struct ct_twin *twin, uint32_t id, uint16_t flags, ct_ns now);

/* Marks what has not been updated for its timeout (received + timeout <= now) as stale. Returns when to tick again,
 * never later than the next entry times out; CT_NS_NEVER when none can. Cheap when nothing is due. */
ct_ns ct_twin_tick(struct ct_twin *twin, ct_ns now);

int ct_twin_get(const struct ct_twin *twin, uint32_t id, struct ct_reading *out_reading) CT_MUST_CHECK;

/* The next entry changed since this consumer last saw it, in ascending id from *cursor (start with 0; set behind the
 * returned id); clears the mark. CT_ERR_END when there is none from the cursor on. */
int ct_twin_next_change(struct ct_twin *twin, unsigned consumer, uint32_t *cursor, uint32_t *out_id) CT_MUST_CHECK;

/* Goes on with every change (several of one frame may count as one); a reader that kept an older number has something
 * to fetch. */
uint64_t ct_twin_revision(const struct ct_twin *twin);

/* Copies values, times and quality by name from `old` where the definition is the same (ct_entry_same); range and
 * timeout are the new ones. What was never seen is not copied. The revision goes on from the old one. Returns how many.
 */
size_t ct_twin_carry(struct ct_twin *twin, const struct ct_twin *old);

#endif
