/* Collection policy: which changes of the twin leave the vehicle, and how often. Default: nothing leaves.
 *
 * The first rule whose pattern fits an entry's name is the entry's rule. Rules:
 *   on_change (default true)  a change leaves at once, but not sooner than interval_ms after the one before; the newest
 *                             value then leaves when the interval ends
 *   on_change: false          the newest value leaves every interval_ms, if the entry was updated since
 *   threshold                 numbers: a change counts only when it is at least this far from the value that left last
 * A change of quality always leaves, at once. A sample the sink does not take is tried again; it is lost only when
 * another value comes before the sink took it.
 * All memory is allocated at create. Belongs to one thread; no clock, no I/O. */
#ifndef CT_GATEWAY_COLLECT_H
#define CT_GATEWAY_COLLECT_H

#include "twin.h"

#define CT_COLLECT_RETRY_MS 100 /* after a refused sample */

struct ct_collect_rule {
    const char *match; /* entry name or glob: * any characters, ? one */
    int64_t interval_ms;
    bool on_change;
    double threshold; /* physical; 0: any change */
};

struct ct_collect;

/* Takes one sample (bytes only during the call); CT_ERR_FULL when there is no room. */
typedef int (*ct_collect_emit_fn)(void *user, const struct ct_sample *sample);

/* The patterns are not needed afterwards. CT_ERR_RANGE: a rule with on_change false and no interval. */
int ct_collect_create(const struct ct_collect_rule *rules, size_t count, const struct ct_catalogue *catalogue,
                      struct ct_collect **out_collect) CT_MUST_CHECK;
void ct_collect_free(struct ct_collect *collect); /* accepts NULL */

/* Takes the twin's changes (consumer CT_CONSUMER_COLLECT) and emits what is due by its source time. Call after every
 * frame, so that no value in between is passed over. */
void ct_collect_changes(struct ct_collect *collect, struct ct_twin *twin, ct_collect_emit_fn emit, void *user);

/* Emits what an interval held back; returns the next deadline. */
ct_ns ct_collect_tick(struct ct_collect *collect, const struct ct_twin *twin, ct_ns now, ct_collect_emit_fn emit,
                      void *user);

bool ct_collect_has(const struct ct_collect *collect, uint32_t id); /* the entry may leave */
size_t ct_collect_entries(const struct ct_collect *collect);        /* entries that may leave */
uint64_t ct_collect_emitted(const struct ct_collect *collect);      /* samples taken by the sink */
uint64_t ct_collect_refused(const struct ct_collect *collect);      /* attempts it did not take */

/* Samples that never left, since the last call; `from_ns` and `to_ns` (source times) are set when `samples` is not 0.
 */
struct ct_collect_lost {
    uint64_t samples;
    ct_ns from_ns, to_ns;
};
void ct_collect_take_lost(struct ct_collect *collect, struct ct_collect_lost *out_lost);
/* What the sink has not taken is lost from now on, and is not tried again. Before a stop. */
void ct_collect_give_up(struct ct_collect *collect);

/* After a reload: states by entry name where the definition is the same. */
void ct_collect_carry(struct ct_collect *collect, const struct ct_catalogue *catalogue, const struct ct_collect *old,
                      const struct ct_catalogue *old_catalogue);

#endif
