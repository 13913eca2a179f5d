/* Follows the ISO-TP transfers of others on one bus, both directions, without ever sending: whole messages come out
 * with the address they were sent to. Sans I/O.
 *
 * An address is listened to because it belongs to a watched pair, because it is one of the usual diagnostic ids
 * (7DF, 7E0..7EF, 29-bit 18DA/18DB/18CE/18CD), or, where asked for, because a first frame on it was answered by flow
 * control. Each address that speaks holds one of a fixed number of slots with a buffer of its own; an idle slot goes to
 * the next speaker, and what found none is counted. Belongs to one thread. Times in ns. */
#ifndef CT_DIAGNOSTICS_ISOTP_LISTEN_H
#define CT_DIAGNOSTICS_ISOTP_LISTEN_H

#include "isotp.h"

struct ct_isotp_listener_config {
    size_t pairs_max;   /* watched pairs, 0: 64 */
    size_t slots;       /* addresses that speak at the same time, 0: 32 */
    size_t message_max; /* bytes kept of a message, 0: 4095; longer ones are followed and reported cut */
    bool usual_ids;
    bool learn;        /* take up pairs of other 11- and 29-bit ids by their handshake (normal addressing) */
    uint32_t quiet_ms; /* a transfer that stands still this long is broken, 0: 3000 */
};

enum ct_isotp_heard_kind {
    CT_ISOTP_HEARD_MESSAGE,
    CT_ISOTP_HEARD_CUT,    /* whole, but longer than is kept: `data` has the beginning */
    CT_ISOTP_HEARD_BROKEN, /* it will not become whole: `result` says why */
};

struct ct_isotp_heard {
    enum ct_isotp_heard_kind kind;
    enum ct_isotp_result result;
    uint32_t id;    /* as on the bus */
    uint16_t flags; /* of the last frame; CT_FRAME_SENT: it was ours */
    int pair;       /* number of the watched or learnt pair, -1: none */
    bool to_ecu; /* of a pair: on its tx_id (a tester's), not its rx_id; without pair: 7DF, 7E0..7E7, or to 18Dx..F1 */
    bool functional;
    uint8_t mode;               /* enum ct_isotp_mode */
    uint8_t address_byte;       /* N_TA or N_AE, in the modes that have one */
    ct_ns started_ns, ended_ns; /* first and last frame, as `now` of the calls */
    int64_t ended_utc_ns;       /* wall clock of the last frame, 0 unknown */
    uint32_t frames;
    size_t len;          /* as announced */
    const uint8_t *data; /* until the next call of receive or tick */
    size_t kept;         /* bytes there */
};

struct ct_isotp_listener_stats {
    uint64_t frames;   /* that belonged to an address listened to */
    uint64_t messages; /* whole ones */
    uint64_t broken;
    uint64_t refused; /* transfers that found no slot */
    uint64_t lost;    /* heard messages nobody took in time */
    size_t pairs;
};

struct ct_isotp_listener;
int ct_isotp_listener_create(const struct ct_isotp_listener_config *config,
                             struct ct_isotp_listener **out_listener) CT_MUST_CHECK;
void ct_isotp_listener_free(struct ct_isotp_listener *listener); /* accepts NULL */

/* Watches both directions of a pair, named as its tester would configure it (tx_id: requests; functional: requests
 * only); returns its number, CT_ERR_FULL when there are pairs_max, CT_ERR_ARGUMENT. */
int ct_isotp_listener_watch(struct ct_isotp_listener *listener, const struct ct_isotp_config *pair) CT_MUST_CHECK;

/* True when the frame was listened to. Take what was heard (next) after each call. */
bool ct_isotp_listener_receive(struct ct_isotp_listener *listener, const struct ct_frame *frame, ct_ns now);
/* Gives up transfers that stand still; returns the next deadline. */
ct_ns ct_isotp_listener_tick(struct ct_isotp_listener *listener, ct_ns now);
/* What was heard, in order; CT_ERR_AGAIN when that was all. */
int ct_isotp_listener_next(struct ct_isotp_listener *listener, struct ct_isotp_heard *out_heard) CT_MUST_CHECK;
void ct_isotp_listener_stats_get(const struct ct_isotp_listener *listener, struct ct_isotp_listener_stats *out_stats);

#endif
