/* UDS client (ISO 14229-1/-2): one request at a time to one ECU over one ISO-TP pair, sans I/O.
 *
 * P2 runs from the request's last frame to the start of the response (its single or first frame), then N_Cr governs.
 * Response pending (NRC 0x78) reloads P2*, up to a cap. The ECU's own P2 and P2*, told by 0x50, count where they are
 * longer. Responses that do not belong to the request (uds_match.h) are skipped and counted. A request whose
 * sub-function suppresses the positive response is positive with an empty response when P2 ends in silence; after 0x78
 * a response must come all the same. Busy (0x21) and temporarily unavailable (0x94) can be repeated, and so can
 * requests that got no answer; by default nothing is sent twice. A keep-alive (TesterPresent) can be kept going while
 * somebody holds the ECU, also while a response is pending.
 *
 * What the ECU sends because 2A or 86 have set it up (uds_unasked.h) goes to a callback, at any time, also while
 * another request runs. A response that answers the running request is that request's, even if an event would look the
 * same. A request made while an event's segmented response comes in waits for its end, since the ECU would not hear it.
 * Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_CLIENT_H
#define CT_DIAGNOSTICS_UDS_CLIENT_H

#include "isotp.h"
#include "uds_unasked.h"

#define CT_UDS_MESSAGE_MAX    4095
#define CT_UDS_KEEP_ALIVE_MAX 7
#define CT_UDS_UNLIMITED      UINT32_MAX

enum ct_uds_outcome {
    CT_UDS_POSITIVE,
    CT_UDS_NEGATIVE,     /* nrc holds the code */
    CT_UDS_NO_RESPONSE,  /* P2 or P2* ended */
    CT_UDS_PENDING_OVER, /* response pending for too long */
    CT_UDS_TRANSPORT,    /* ISO-TP failed: tp_result */
    CT_UDS_ABORTED,
};

struct ct_uds_result {
    enum ct_uds_outcome outcome;
    uint8_t nrc; /* NEGATIVE: the code; its text: ct_uds_nrc_text */
    enum ct_isotp_result tp_result;
    const uint8_t *response; /* whole response, service id + 0x40 first (negative: 7F ..); until the next request */
    size_t len;
};

/* An answer that asks to come again later. */
struct ct_uds_repeat {
    uint32_t limit_ms; /* 0: not repeated; CT_UDS_UNLIMITED */
    uint32_t pause_ms; /* 0: 200 */
};

struct ct_uds_client_config {
    struct ct_isotp_config isotp;
    uint32_t p2_ms;                   /* 0: 50 + 100 for the bus */
    uint32_t p2_star_ms;              /* 0: 5000 + 100 */
    uint32_t pending_cap_ms;          /* 0: 25000; CT_UDS_UNLIMITED */
    bool pending_ends;                /* 0x78 is a negative response like others */
    struct ct_uds_repeat busy;        /* 0x21 */
    struct ct_uds_repeat unavailable; /* 0x94 */
    unsigned repeat_max;              /* how often a request without any answer is sent again */
    uint32_t periodic_id; /* 2A's messages (-3: type 2), as wide as isotp.rx_id; 0: they are single frames of rx_id */
    /* Called from receive, next_frame and tick; must not call the client. NULL: they are skipped and counted. */
    void (*unasked)(void *user, const struct ct_uds_unasked *what);
    void *unasked_user;
};

struct ct_uds_client;
int ct_uds_client_create(const struct ct_uds_client_config *config, struct ct_uds_client **out_client) CT_MUST_CHECK;
void ct_uds_client_free(struct ct_uds_client *client); /* accepts NULL */

/* Copies the request. CT_ERR_BUSY while one runs, CT_ERR_ARGUMENT when empty, CT_ERR_TOO_LARGE. A result not taken is
 * dropped. */
int ct_uds_client_request(struct ct_uds_client *client, const uint8_t *request, size_t len, ct_ns now) CT_MUST_CHECK;
void ct_uds_client_abort(struct ct_uds_client *client);
bool ct_uds_client_receive(struct ct_uds_client *client, const struct ct_frame *frame, ct_ns now); /* true: was ours */
int ct_uds_client_next_frame(struct ct_uds_client *client, struct ct_frame *out_frame,
                             ct_ns now) CT_MUST_CHECK; /* AGAIN */
/* Runs timers; returns the next deadline. */
ct_ns ct_uds_client_tick(struct ct_uds_client *client, ct_ns now);
/* The result of the request, once; CT_ERR_AGAIN while it runs or none was made. */
int ct_uds_client_result(struct ct_uds_client *client, struct ct_uds_result *out_result) CT_MUST_CHECK;
bool ct_uds_client_busy(const struct ct_uds_client *client);
/* True when the result can only be late: the ECU has said response pending. */
bool ct_uds_client_pending(const struct ct_uds_client *client);
uint32_t ct_uds_client_strays(const struct ct_uds_client *client);  /* responses skipped since create */
uint32_t ct_uds_client_repeats(const struct ct_uds_client *client); /* requests sent again since create */

/* Sends `payload` (usually 3E 80; KWP ECUs want others) whenever nothing has been sent to the ECU for period_ms (0:
 * 2000, S3client), from now until it is stopped by len 0. Nothing is sent while a segmented message is under way.
 * Answers to it are skipped. CT_ERR_TOO_LARGE over CT_UDS_KEEP_ALIVE_MAX bytes. */
int ct_uds_client_keep_alive(struct ct_uds_client *client, const uint8_t *payload, size_t len, uint32_t period_ms,
                             ct_ns now) CT_MUST_CHECK;

#endif
