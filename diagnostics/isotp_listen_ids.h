/* Which ids of a bus carry ISO-TP, for the listener: watched pairs, the usual diagnostic ids, pairs learnt from their
 * handshake. Used by isotp_listen.c only; belongs to one thread. */
#ifndef CT_DIAGNOSTICS_ISOTP_LISTEN_IDS_H
#define CT_DIAGNOSTICS_ISOTP_LISTEN_IDS_H

#include "isotp.h"

#define CT_LISTEN_CANDIDATES 16

/* One direction to listen to: `config` as its receiver would have it. */
struct ct_listen_route {
    struct ct_isotp_config config;
    int pair; /* -1: a usual id */
    bool to_ecu, functional;
};

struct ct_listen_pair {
    struct ct_isotp_config config; /* the tester's */
    struct ct_isotp_address to_ecu, from_ecu;
};

/* A first frame on an id nobody knows, and who answered it. */
struct ct_listen_candidate {
    struct ct_frame first;
    ct_ns first_ns;
    bool used, answered;
    uint32_t partner;
};

struct ct_listen_ids {
    struct ct_listen_pair *pairs;
    size_t pairs_max, pair_count;
    bool usual, learn;
    struct ct_listen_candidate candidates[CT_LISTEN_CANDIDATES];
    size_t next_candidate;
};

/* The two frames by which a pair was learnt. */
struct ct_listen_learnt {
    int pair;
    bool to_ecu;
    struct ct_frame first, next;
    ct_ns first_ns, next_ns;
};

int ct_listen_ids_watch(struct ct_listen_ids *ids, const struct ct_isotp_config *pair) CT_MUST_CHECK;
/* Who is listened to on the frame's address; false: nobody. */
bool ct_listen_ids_find(const struct ct_listen_ids *ids, const struct ct_frame *frame,
                        struct ct_listen_route *out_route);
struct ct_listen_route ct_listen_ids_route_of(const struct ct_listen_ids *ids, int pair, bool to_ecu);
/* A frame of an unknown id: true when it completes a handshake (first frame, flow control of another id within a
 * second, consecutive frame 1 as the very next frame of the first id), which makes a new pair. */
bool ct_listen_ids_learn(struct ct_listen_ids *ids, const struct ct_frame *frame, ct_ns now,
                         struct ct_listen_learnt *out_learnt);

#endif
