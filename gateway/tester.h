/* Testers whose UDS messages pass through as they are (DoIP): per ECU a queue and an ISO-TP channel, behind the policy,
 * the arbiter and the choke point of frames like everything else of the executor, whose part this is.
 *
 * A message is accepted into the ECU's queue, leaves when its tester has the ECU, and whatever the ECU sends then,
 * response pending too, goes to that tester. The lease lasts until the answer has come (or did not come within 2 s; 6 s
 * after a response pending), and as long as the tester has the ECU in another session, for 6 s after its last message.
 * Sans I/O; allocates at open only; belongs to the bus thread. */
#ifndef CT_GATEWAY_TESTER_H
#define CT_GATEWAY_TESTER_H

#include "executor.h"

#define CT_TESTER_QUEUE_MAX  16 /* messages, all ECUs together */
#define CT_TESTER_ECU_QUEUE  4  /* of one ECU */
#define CT_TESTER_GROUPS_MAX 8
#define CT_TESTER_WAIT_MS    1000 /* for an ECU that somebody else has; then NRC 0x21 */

struct ct_tester_ops {
    void *user;
    /* A message of an ECU for a tester. */
    void (*message)(void *user, uint32_t client, size_t ecu, const uint8_t *data, size_t len, ct_ns now);
    /* A message that was accepted did not reach the ECU, or its answer broke off: the tester hears nothing. */
    void (*failed)(void *user, uint32_t client, size_t ecu, const char *why, ct_ns now);
};

enum ct_tester_answer {
    CT_TESTER_ACCEPTED,
    CT_TESTER_REFUSED,   /* by policy: *out_nrc is what the gateway answers in the ECU's place */
    CT_TESTER_FULL,      /* too many wait */
    CT_TESTER_TOO_LARGE, /* for the channel */
    CT_TESTER_BUSY,      /* functional: somebody else has one of the ECUs */
    CT_TESTER_BARRED,    /* by the gate (executor.h) */
};

/* Once, before the first message. */
int ct_tester_open(struct ct_executor *executor, const struct ct_tester_ops *ops,
                   const struct ct_functional_address *groups, size_t group_count) CT_MUST_CHECK;
enum ct_tester_answer ct_tester_send(struct ct_executor *executor, const struct ct_executor_asker *asker, size_t ecu,
                                     const uint8_t *data, size_t len, ct_ns now, uint8_t *out_nrc);
/* To every ECU of the group's bus. The policy must allow it for each, and nobody else may have one of them. */
enum ct_tester_answer ct_tester_send_group(struct ct_executor *executor, const struct ct_executor_asker *asker,
                                           size_t group, const uint8_t *data, size_t len, ct_ns now, uint8_t *out_nrc);
void ct_tester_gone(struct ct_executor *executor, uint32_t client, ct_ns now);

#endif
