/* Frames that were allowed and have not left yet: what is not among them must not be written to a bus.
 *
 * Bounded: the oldest permit is forgotten for a new one, and one that is not used within CT_PERMIT_VALID_NS is void.
 * Plain state, zeroed is empty. No I/O; belongs to one thread. */
#ifndef CT_POLICY_PERMITS_H
#define CT_POLICY_PERMITS_H

#include "frame.h"

#define CT_PERMITS_MAX     128 /* more than one for each ECU and each desired value under way */
#define CT_PERMIT_VALID_NS (5 * CT_NS_PER_S)

struct ct_permit {
    ct_ns until; /* 0: free */
    char bus[32];
    struct ct_frame frame;
};

struct ct_permits {
    struct ct_permit items[CT_PERMITS_MAX];
    size_t next;
};

void ct_permits_give(struct ct_permits *permits, const char *bus, const struct ct_frame *frame, ct_ns now);
/* Uses up the permit of this very frame on this bus; false when there is none. */
bool ct_permits_take(struct ct_permits *permits, const char *bus, const struct ct_frame *frame, ct_ns now);

#endif
