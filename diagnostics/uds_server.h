/* UDS server (ISO 14229-1/-2) of one ECU: requests in over a physical ISO-TP pair or a functional id, answers out, sans
 * I/O. ReadDataByIdentifier, DiagnosticSessionControl and TesterPresent; more services are more rows of its table.
 *
 * Checks a request in the standard's order (11, 7F, 13, 12, 31); to functional requests it keeps silent instead of
 * answering 11, 12, 31, 7E or 7F. Any request restarts S3; its end leads back to the default session.
 * Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_SERVER_H
#define CT_DIAGNOSTICS_UDS_SERVER_H

#include "isotp.h"
#include "uds.h"

#define CT_UDS_SERVER_RESPONSE_MAX 4095

#define CT_UDS_SESSION_BIT(session) (1U << (session))
#define CT_UDS_SESSION_ANY          0xFFU

struct ct_uds_did {
    uint16_t id;
    unsigned sessions; /* CT_UDS_SESSION_BIT of those in which it is known */
    /* Puts the value into out (size bytes). Returns 0 and its length, or the NRC that answers the request. */
    uint8_t (*read)(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len);
};

struct ct_uds_server_config {
    struct ct_isotp_config isotp;  /* rx_id: physical requests, tx_id: responses */
    uint32_t functional_id;        /* 0: none */
    const struct ct_uds_did *dids; /* kept, not copied */
    size_t did_count;
    void *user; /* for the read functions */
    /* Sessions in which ReadDataByIdentifier is there at all; 0: any. */
    unsigned read_sessions;
    uint16_t p2_ms, p2_star_10ms; /* told by 0x50; 0: 50 and 500 (5 s) */
    uint32_t s3_ms;               /* 0: 5000 */
};

struct ct_uds_server;
int ct_uds_server_create(const struct ct_uds_server_config *config, struct ct_uds_server **out_server) CT_MUST_CHECK;
void ct_uds_server_free(struct ct_uds_server *server); /* accepts NULL */

bool ct_uds_server_receive(struct ct_uds_server *server, const struct ct_frame *frame, ct_ns now); /* true: was ours */
int ct_uds_server_next_frame(struct ct_uds_server *server, struct ct_frame *out_frame,
                             ct_ns now) CT_MUST_CHECK; /* AGAIN */
ct_ns ct_uds_server_tick(struct ct_uds_server *server, ct_ns now);

/* One request straight in, without transport: the length of the response put into out (0: none is sent). `out` has
 * CT_UDS_SERVER_RESPONSE_MAX bytes. */
size_t ct_uds_server_answer(struct ct_uds_server *server, const uint8_t *request, size_t len, bool functional,
                            ct_ns now, uint8_t *out);

struct ct_uds_server_stats {
    uint32_t requests;  /* whole requests received */
    uint32_t negatives; /* negative responses sent */
    uint32_t silent;    /* requests that got no response on purpose */
    uint32_t dropped;   /* requests that came while a response was still being sent */
    uint32_t failed;    /* transfers the transport broke off */
};
void ct_uds_server_stats_get(const struct ct_uds_server *server, struct ct_uds_server_stats *out_stats);
enum ct_uds_session ct_uds_server_session(const struct ct_uds_server *server);

#endif
