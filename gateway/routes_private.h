/* Inside of routes: routes.c (life, forwarding), routes_carry.c (reload), routes_index.c (which rules a frame has),
 * routes_rewrite.c (signals).
 */
#ifndef CT_GATEWAY_ROUTES_PRIVATE_H
#define CT_GATEWAY_ROUTES_PRIVATE_H

#include "bucket.h"
#include "routes.h"

#define ROUTES_NO_RULE UINT16_MAX
#define ROUTES_ECHOES  1024 /* ids whose last sent frame is remembered; a power of two */

/* Rules of one bus that look at the same bits of the same kind of id. */
struct route_group {
    uint32_t mask;
    bool extended;
};

struct route_slot {
    uint32_t id;
    uint16_t first; /* rule; ROUTES_NO_RULE: free */
    uint8_t bus, group;
};

struct route_state {
    struct ct_bucket bucket;
    struct ct_route_counts counts;
    struct ct_protect_state received, sent;
};

struct route_echo {
    uint64_t frame; /* its hash, bus included */
    ct_ns until;
};

struct ct_routes {
    struct ct_route_rule *rules;
    struct ct_route_change *changes; /* of all rules */
    struct route_state *states;
    uint16_t *next; /* rule of the same slot */
    size_t count;
    bool fd[CT_ROUTES_BUSES_MAX];
    struct route_group groups[CT_ROUTES_BUSES_MAX][CT_ROUTES_MASKS_MAX];
    uint8_t group_counts[CT_ROUTES_BUSES_MAX];
    struct route_slot *slots;
    size_t slot_mask;
    struct ct_decoded *decoded; /* scratch for the largest message that is rewritten */
    struct route_echo echoes[ROUTES_ECHOES];
    uint64_t echo_count;
};

/* Bits of an id that a rule looks at. */
static inline uint32_t ct_route_mask(const struct ct_route_rule *rule)
{
    return rule->mask & (rule->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX);
}

/* routes_index.c */
int ct_routes_index(struct ct_routes *routes, size_t *out_rule);
/* By destination the rule that counts for a frame; returns the destinations as bits. */
uint32_t ct_routes_find(const struct ct_routes *routes, const struct ct_frame *frame,
                        uint16_t out_rules[CT_ROUTES_BUSES_MAX]);

/* routes_rewrite.c: `frame` is the one that leaves. FORWARDED when it may. */
enum ct_route_result ct_routes_rewrite(struct ct_routes *routes, size_t rule, struct ct_frame *frame);

#endif
