/* Who owns which ISO-TP address pair of which bus: one owner per direction, so that never two machines answer one first
 * frame (two flow controls end most transfers), and the way from a frame to its owner in constant time: from one that
 * is received, and from one that looks as if the owner had sent it, which tells its echo or somebody else at its peer.
 * Knows no machine: owners are the caller's pointers. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_ISOTP_CLAIMS_H
#define CT_DIAGNOSTICS_ISOTP_CLAIMS_H

#include "isotp.h"

struct ct_isotp_claims;

/* Room for `max` pairs; nothing is allocated later. */
int ct_isotp_claims_create(size_t max, struct ct_isotp_claims **out_claims) CT_MUST_CHECK;
void ct_isotp_claims_free(struct ct_isotp_claims *claims); /* accepts NULL */

/* Takes both directions of a pair on bus `bus`. A functional configuration takes what it receives only (its tx_id is
 * shared by design), and none where rx_id is 0. CT_ERR_BUSY when an address that would see or send the same frames
 * belongs to another pair, CT_ERR_FULL, CT_ERR_ARGUMENT; with BUSY, out_owner (may be NULL) gets who has it. */
int ct_isotp_claim(struct ct_isotp_claims *claims, uint8_t bus, const struct ct_isotp_config *config, void *owner,
                   void **out_owner) CT_MUST_CHECK;
/* Gives back everything an owner has. */
void ct_isotp_release(struct ct_isotp_claims *claims, const void *owner);
/* Whose pair receives the frame (its `bus` counts); NULL: nobody's, as for every echo (CT_FRAME_SENT). */
void *ct_isotp_owner(const struct ct_isotp_claims *claims, const struct ct_frame *frame);
/* Whose pair sends such frames; NULL: nobody's. */
void *ct_isotp_sender(const struct ct_isotp_claims *claims, const struct ct_frame *frame);

#endif
