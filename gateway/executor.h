/* Carries out accepted commands on the buses: commands, frames and time in; frames, statuses and the next deadline out.
 *
 * A command meets policy (desired value or UDS request, then each frame), runs, and ends in one final status.
 * Diagnostic requests run one at a time per ECU, and only for who owns it by the arbiter: each takes a brief lease when
 * its asker has none, others wait in a bounded queue. A lease that is lost lets the running request end and stops the
 * next. When a lease (not a brief one) ends whose owner had opened another session, the ECU is sent back to its default
 * session. A request to an ECU that somebody else put on the bus counts as a foreign tester. A desired value is sent
 * once and is DONE when the twin reports it; a newer revision of the same path cancels the older (SUPERSEDED); nothing
 * is ever sent again by itself. Every frame that leaves passes ct_policy_frame inside ct_executor_next_frame's one
 * feeder: the choke point. A command refused by policy sends no frame: its first frame is judged before ACCEPTED is
 * said.
 *
 * Statuses come in the order of the life cycle (twin/command.h): REFUSED alone, or ACCEPTED, RUNNING, one final state.
 * A diagnostic request that waits for its ECU, and a desired value that waits for another one of its message to leave,
 * say nothing until their turn: then as above, or EXPIRED or CANCELLED alone. Sans I/O; allocates at create only;
 * belongs to the bus thread. */
#ifndef CT_GATEWAY_EXECUTOR_H
#define CT_GATEWAY_EXECUTOR_H

#include "arbiter.h"
#include "batch.h"
#include "command.h"
#include "frame.h"
#include "isotp_claims.h"
#include "policy.h"
#include "uds_client.h"

#define CT_EXECUTOR_DESIRED_MAX     16 /* desired values waiting for the twin to follow; more: BUSY */
#define CT_EXECUTOR_BUSES_MAX       32
#define CT_EXECUTOR_QUEUE_MAX       16 /* diagnostic requests waiting for their ECU, all together; more: BUSY */
#define CT_EXECUTOR_ECU_MAX         64
#define CT_EXECUTOR_OTHERS_MAX      8
#define CT_EXECUTOR_PATHS_MAX       64 /* paths whose newest revision is remembered; the one longest unused is forgotten */
#define CT_EXECUTOR_OBSERVE_MS      2000
#define CT_EXECUTOR_OBSERVE_POLL_MS 20

struct ct_executor_ecu {
    const char *name;
    const char *bus_name;
    uint8_t bus; /* index, as in struct ct_frame */
    struct ct_uds_client_config client;
};

/* A desired value as a frame, and how to see that it took effect. */
struct ct_executor_write {
    uint8_t bus;
    const char *bus_name;
    struct ct_frame frame;
    bool observable;  /* the path is read back from the vehicle */
    double expected;  /* physical value the twin will report for the path */
    double tolerance; /* reported within expected +- tolerance counts as followed */
    double physical;  /* the value asked for, for ct_policy_desired; unused when the value has no number */
};

struct ct_executor_ops {
    void *user;
    /* Called at submit and again when the frame is handed out: the frame's other signals are those of the newest frame
     * that the bus took. CT_ERR_NOT_FOUND: no such actuator or no vss2dbc rule; CT_ERR_RANGE or CT_ERR_ARGUMENT: the
     * value does not fit.
     */
    int (*encode)(void *user, const char *path, const struct ct_wire_value *value, struct ct_executor_write *out_write);
    /* The twin's value of a path and the source time of its newest report (also when the value
     * is the same); CT_ERR_AGAIN while it has no good one. */
    int (*read)(void *user, const char *path, double *out_physical, ct_ns *out_t_ns);
    void (*vehicle_state)(void *user, ct_ns now, struct ct_vehicle_state *out_state);
    /* Pointers in `status` live during the call; utc_ns is 0: the app fills it from t_ns. Must not call back. */
    void (*status)(void *user, const struct ct_command_status *status);
    /* Every positive response of an ECU, whoever asked for it; NULL: nobody listens. Must not call back. */
    void (*answer)(void *user, size_t ecu, const uint8_t *response, size_t len, ct_ns now);
    /* Whether the bus `frame->bus` has not carried the newest frame of this content that was sent; asked when nothing
     * came back, and then the command's reason (NOT_CONFIRMED). NULL: nobody knows. */
    bool (*unconfirmed)(void *user, const struct ct_frame *frame);
    /* An ECU's answer to a functional request, before that one's final status. Must not call back. */
    void (*functional)(void *user, const uint8_t command_id[CT_COMMAND_ID_SIZE], size_t ecu, const uint8_t *response,
                       size_t len);
    /* Every change of a lease; NULL: nobody listens. Must not call back. */
    void (*lease)(void *user, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now);
};

/* On whose behalf a command is carried out. */
struct ct_executor_asker {
    enum ct_origin origin;
    uint32_t client; /* of the origin */
    bool release;    /* carries the release authority */
    bool goes_on;    /* a step of a job that writes and has begun */
    int64_t valid_ms;
};

/* Which diagnostic requests may begin. An update is an ECU that is written to (ct_policy_uds_changes): the request that
 * runs, the steps of a job that has begun to write, and the requests of who has written in the session that its lease
 * keeps open. */
enum ct_executor_gate {
    CT_EXECUTOR_CLOSED,
    CT_EXECUTOR_UPDATE,    /* those that belong to an update that has begun */
    CT_EXECUTOR_NO_WRITES, /* and those that change nothing */
    CT_EXECUTOR_OPEN,      /* at first */
};

/* A functional address: one CAN id that the ECUs of a bus hear. */
struct ct_functional_address {
    uint8_t bus;
    const char *bus_name; /* copied */
    struct ct_isotp_config isotp;
};

struct ct_executor;

struct ct_executor_stats {
    uint64_t submitted, refused, done, failed, expired, cancelled;
    uint64_t frames_out, frames_denied;
    uint64_t sessions_closed; /* ECUs sent back to their default session */
};

/* Copies the ECUs' names; `policy` and ops.user must outlive it. CT_ERR_BUSY: two ECUs have one address. */
int ct_executor_create(const struct ct_executor_ops *ops, struct ct_policy *policy, const struct ct_executor_ecu *ecus,
                       size_t ecu_count, struct ct_executor **out_executor) CT_MUST_CHECK;
/* Exchanges the policy between two calls; the new one must outlive the executor in turn. */
void ct_executor_use_policy(struct ct_executor *executor, struct ct_policy *policy);
void ct_executor_free(struct ct_executor *executor); /* without statuses; accepts NULL */

/* Takes a verified command; every outcome, refusals too, comes as a status (perhaps during the call). `valid_ms`: it
 * must start within so many ms from `now`. `release`: signed by the release authority too. */
void ct_executor_submit(struct ct_executor *executor, const struct ct_command *command, enum ct_origin origin,
                        bool release, int64_t valid_ms, ct_ns now);

void ct_executor_submit_for(struct ct_executor *executor, const struct ct_command *command,
                            const struct ct_executor_asker *asker, ct_ns now);

/* A diagnostic request as it is, up to CT_UDS_MESSAGE_MAX bytes (a command carries CT_COMMAND_UDS_MAX); its statuses
 * bear `command_id`. */
struct ct_executor_request {
    uint8_t command_id[CT_COMMAND_ID_SIZE];
    const char *ecu;
    const uint8_t *data; /* copied */
    size_t len;
};
void ct_executor_request(struct ct_executor *executor, const struct ct_executor_request *request,
                         const struct ct_executor_asker *asker, ct_ns now);

/* Once, before the first ct_executor_functional: where functional requests go, one address for a bus. */
int ct_executor_open_functional(struct ct_executor *executor, const struct ct_functional_address *addresses,
                                size_t count) CT_MUST_CHECK;
/* A request (a single frame; its `ecu` is unused) to all ECUs of a bus, each answer told by ops.functional. Policy must
 * allow it for each of them, and each must be free or the asker's, who has them all until P2 is over and whoever said
 * response pending has answered; nobody is waited for (BUSY). DONE when somebody answered or the request asks for
 * silence. */
void ct_executor_functional(struct ct_executor *executor, const char *bus_name,
                            const struct ct_executor_request *request, const struct ct_executor_asker *asker,
                            ct_ns now);
/* Whether the ECU's bus has a functional address. */
bool ct_executor_has_functional(const struct ct_executor *executor, size_t ecu);
const char *ct_executor_bus_name(const struct ct_executor *executor, size_t ecu);

/* Who has which address pair. The ECUs' are taken at create; whoever else sends or answers ISO-TP on these buses takes
 * its own here (up to CT_EXECUTOR_OTHERS_MAX), so that nobody answers twice. */
struct ct_isotp_claims *ct_executor_claims(struct ct_executor *executor);
/* Who has which ECU, by index as at create. After changing anything there call ct_executor_tick. */
struct ct_arbiter *ct_executor_arbiter(struct ct_executor *executor);
size_t ct_executor_ecu_count(const struct ct_executor *executor);
const char *ct_executor_ecu_name(const struct ct_executor *executor, size_t ecu);
int ct_executor_find_ecu(const struct ct_executor *executor, const char *name, size_t *out_ecu) CT_MUST_CHECK;

/* Every received frame (frame->bus says whence). Cheap while nothing runs. True when a running request took it. */
bool ct_executor_receive(struct ct_executor *executor, const struct ct_frame *frame, ct_ns now);

/* The next frame to put on bus `out_frame->bus` now; CT_ERR_AGAIN when none. Call until AGAIN after submit, receive and
 * tick. */
int ct_executor_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now) CT_MUST_CHECK;
/* The frame handed out last for this bus could not be put on it: its command fails (BUS_ERROR). */
void ct_executor_send_failed(struct ct_executor *executor, uint8_t bus, ct_ns now);
/* No frames for these buses (bit n: bus n) are handed out until the next call says so: they are full. The others' are.
 */
void ct_executor_hold(struct ct_executor *executor, uint32_t buses);

/* Runs timers, looks whether the twin follows; returns the next deadline (CT_NS_NEVER when idle). */
ct_ns ct_executor_tick(struct ct_executor *executor, ct_ns now);

/* Before a clean stop: what runs ends as OUTCOME_UNKNOWN(RESTARTED), what waits as CANCELLED(RESTARTED), and so
 * does what is submitted from now on. */
void ct_executor_stop(struct ct_executor *executor, ct_ns now);

/* From now on; not for the desired values. What may not begin is refused, and of what has begun at UPDATE the requests
 * that belong to no update end, at CLOSED all: what waits as CANCELLED, what runs as OUTCOME_UNKNOWN, all with reason
 * POLICY_VEHICLE_STATE and a text. Returns how many. */
size_t ct_executor_set_gate(struct ct_executor *executor, enum ct_executor_gate gate, ct_ns now);
bool ct_executor_updating(const struct ct_executor *executor); /* there is an update */

size_t ct_executor_running(const struct ct_executor *executor); /* commands not yet final */
void ct_executor_stats_get(const struct ct_executor *executor, struct ct_executor_stats *out_stats);

#endif
