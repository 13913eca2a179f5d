/* Which frames go from one bus to another: the rules of a reviewed table. What no rule names stays where it is.
 *
 * A frame goes to each bus that a rule of its id names; of several rules with the same destination the first of the
 * table counts. A rule may rewrite signals: then a frame whose counter or checksum is wrong stays, and the one that
 * leaves gets the rule's own counter and a new checksum. Frames that this process sent are never routed: not those that
 * are read back, nor what comes back on the bus they were sent on within CT_ROUTES_ECHO_NS. Remote and error frames are
 * not routed.
 * Whoever sends the frames asks policy/ about each of them; a rule here allows nothing there.
 * Finding the rules of a frame costs one probe of a hash table for each mask that the rules of its bus use. No I/O;
 * allocates at create only; belongs to one thread. The file form is read by routes_file.h. */
#ifndef CT_GATEWAY_ROUTES_H
#define CT_GATEWAY_ROUTES_H

#include "codec.h"
#include "frame.h"
#include "protect.h"

#define CT_ROUTES_MAX         1024
#define CT_ROUTES_BUSES_MAX   32
#define CT_ROUTES_MASKS_MAX   16 /* different ones (or kinds of id) on one bus */
#define CT_ROUTES_CHANGES_MAX 32 /* signals that one rule rewrites */
#define CT_ROUTES_ECHO_NS     (1 * CT_NS_PER_S)

/* What became of a frame that a rule wanted to forward. */
#define CT_ROUTE_RESULT_MAP(X)                                             \
    X(FORWARDED, "forwarded")                                              \
    X(RATE, "faster than the rule's rate")                                 \
    X(FD, "an FD frame for a classic bus")                                 \
    X(PROTECTION, "counter or checksum of the received frame is wrong")    \
    X(VALUE, "a rewritten signal does not fit or is outside of the frame") \
    X(POLICY, "the policy does not allow it")                              \
    X(FULL, "the destination has no room")                                 \
    X(DOWN, "the destination is away")                                     \
    X(ASLEEP, "asleep: the transceivers are in standby")
#define CT_ROUTE_ENUM(name, text) CT_ROUTE_##name,
enum ct_route_result { CT_ROUTE_RESULT_MAP(CT_ROUTE_ENUM) CT_ROUTE_RESULT_COUNT };
#undef CT_ROUTE_ENUM
const char *ct_route_result_text(enum ct_route_result result);

/* What a rule does to one signal, where the frame carries it: the physical value becomes `value` (set), else value *
 * factor + offset, but at least `min` and at most `max`. Raw values that have a text in the value table are names, not
 * numbers, and stay unless they are set; so do the codes of SAE J1939-71 in J1939 messages. */
struct ct_route_change {
    uint16_t signal;
    bool set;
    double value;
    double factor, offset;
    double min, max; /* infinite: none */
};

struct ct_route_rule {
    char name[64];    /* "": its number */
    uint8_t from, to; /* indices of buses */
    uint32_t id;
    uint32_t mask; /* bits that are 0 do not count */
    bool extended;
    double max_per_s;                         /* token bucket of policy/bucket.h */
    const struct ct_codec_message *message;   /* of the changes; must outlive the routes. NULL: no changes */
    const struct ct_protect_rule *protection; /* of the message; must outlive the routes. NULL: none */
    const struct ct_route_change *changes;
    size_t change_count;
    uint32_t line; /* of the file, from 1; 0: none */
};

struct ct_route_counts {
    uint64_t by_result[CT_ROUTE_RESULT_COUNT];
    uint64_t rewritten; /* of the forwarded ones: some bit is another */
    enum ct_route_result last;
    ct_ns last_ns; /* 0: nothing has fitted yet */
};

struct ct_routes;

/* Copies the rules. `fd`: which of the buses take FD frames. CT_ERR_ARGUMENT for a rule that cannot be, CT_ERR_EXISTS
 * for one that never counts because an earlier one is about the same ids and buses, CT_ERR_FULL for too many masks;
 * *out_rule is that rule's index. */
int ct_routes_create(const struct ct_route_rule *rules, size_t count, const bool fd[CT_ROUTES_BUSES_MAX],
                     struct ct_routes **out_routes, size_t *out_rule) CT_MUST_CHECK;
void ct_routes_free(struct ct_routes *routes); /* accepts NULL */
/* After a reload, before the first frame: what was sent, and of each rule that `old` has in the same words its rate,
 * counts and protection counters. A rule that was changed, but rewrites the same message on the same way, keeps only
 * the latter. Indices of buses mean the same in both. */
void ct_routes_carry(struct ct_routes *routes, const struct ct_routes *old);

/* Sends a frame on bus `frame->bus`, or says why not: POLICY, FULL, DOWN or ASLEEP. */
typedef enum ct_route_result (*ct_route_send_fn)(void *user, const struct ct_frame *frame, ct_ns now);

/* One received frame, of bus `frame->bus`. */
void ct_routes_frame(struct ct_routes *routes, const struct ct_frame *frame, ct_ns now, ct_route_send_fn send,
                     void *user);
/* A frame of whatever origin was sent on bus `frame->bus`. */
void ct_routes_sent(struct ct_routes *routes, const struct ct_frame *frame, ct_ns now);

size_t ct_routes_count(const struct ct_routes *routes);
/* Of a rule that is there; the routes'. */
const struct ct_route_rule *ct_routes_rule(const struct ct_routes *routes, size_t index);
const struct ct_route_counts *ct_routes_counts(const struct ct_routes *routes, size_t index);
/* Whether no frame will ever follow this rule, because the earlier rule *out_by takes all of them to the same bus. */
bool ct_routes_hidden(const struct ct_routes *routes, size_t index, size_t *out_by);
/* Frames that came back and were therefore not routed. */
uint64_t ct_routes_echoes(const struct ct_routes *routes);

#endif
