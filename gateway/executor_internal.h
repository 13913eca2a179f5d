/* The executor's own structure, shared by its sources only. */
#ifndef CT_GATEWAY_EXECUTOR_INTERNAL_H
#define CT_GATEWAY_EXECUTOR_INTERNAL_H

#include "executor.h"

/* What every running or waiting command carries. */
struct ct_job {
    bool used;
    uint8_t command_id[CT_COMMAND_ID_SIZE];
    uint64_t seq;
    struct ct_lease_holder holder;
};

struct ct_desired_job {
    struct ct_job job;
    char path[CT_PATH_MAX + 1];
    struct ct_wire_value value;
    struct ct_executor_write write;
    bool accepted; /* its frame was judged; else it waits for another frame of the same message to leave */
    bool sent;
    ct_ns sent_ns;
    uint64_t order; /* of submission */
};

struct ct_uds_job {
    struct ct_job job;
    size_t ecu;
    bool release, goes_on;
    ct_ns start_by;
    uint64_t order; /* of submission */
    uint16_t len;
    uint8_t request[CT_UDS_MESSAGE_MAX];
};

struct ct_ecu {
    char name[CT_VEHICLE_ID_MAX + 1];
    char bus_name[32];
    uint8_t bus;
    struct ct_uds_client *client;
    struct ct_isotp_config isotp;
    unsigned type_at; /* the byte of our frames that has their ISO-TP type */
    struct ct_job running;
    struct ct_functional *functional;     /* the functional request it is part of; NULL: none */
    bool closing;                         /* what runs is the gateway's own return to the default session */
    bool writes;                          /* what runs is an update or part of one */
    bool held;                            /* a frame that was judged and waits to be fetched */
    struct ct_frame frame, sent;          /* the one held; the one handed out last */
    uint8_t session_asked;                /* by what runs; 0: it asks for none */
    bool session_open, close_session;     /* by a lease's owner; its lease has ended */
    struct ct_lease_holder session_owner; /* who opened it */
    bool updating;                        /* its owner has written in it */
    bool kept_alive;                      /* TesterPresent keeps the session open as long as its lease lasts */
};

struct ct_path_revision {
    char path[CT_PATH_MAX + 1];
    uint64_t revision;
    uint64_t used; /* when, counted in uses */
};

/* Whose frame was handed out last. */
enum ct_last_out { CT_LAST_NONE, CT_LAST_DESIRED, CT_LAST_ECU, CT_LAST_FUNCTIONAL };

struct ct_out_owner {
    enum ct_last_out last;
    size_t index;
};

struct ct_executor {
    struct ct_executor_ops ops;
    struct ct_policy *policy;
    struct ct_arbiter *arbiter;
    struct ct_functional *functionals; /* NULL: none were opened */
    size_t functional_count, functionals_running;
    struct ct_testers *testers;                            /* NULL: none were opened */
    size_t channels_open, messages_queued, groups_sending; /* of the testers */
    struct ct_isotp_claims *claims; /* owner: a struct ct_ecu, or whoever took a pair by ct_executor_claims */
    struct ct_desired_job desired[CT_EXECUTOR_DESIRED_MAX];
    struct ct_uds_job queue[CT_EXECUTOR_QUEUE_MAX];
    size_t queued;
    struct ct_ecu *ecus;
    size_t ecu_count;
    size_t ecus_running, ecus_kept_alive, ecus_updating;
    enum ct_executor_gate gate;
    struct ct_path_revision paths[CT_EXECUTOR_PATHS_MAX];
    uint64_t uses;
    enum ct_last_out last;
    size_t last_index;
    struct ct_out_owner out[CT_EXECUTOR_BUSES_MAX]; /* of each bus's last frame */
    uint32_t held;                                  /* a bit for each bus that takes nothing now */
    bool stopped;                                   /* nothing begins any more */
    struct ct_executor_stats stats;
};

/* A final or intermediate word about a command. `status` has state, reason, text, response, reported set. */
void ct_executor_say(struct ct_executor *executor, const struct ct_job *job, struct ct_command_status status,
                     ct_ns now);
void ct_executor_refuse(struct ct_executor *executor, const struct ct_job *job, int reason, const char *text,
                        ct_ns now);
int ct_executor_reason(enum ct_verdict verdict);
/* What an ECU answered, to whoever listens. */
void ct_executor_heard(const struct ct_executor *executor, size_t ecu, const uint8_t *response, size_t len, ct_ns now);
/* The command has ended: should its frame still fail on the bus, that is nobody's business any more. */
void ct_executor_disown(struct ct_executor *executor, enum ct_last_out last, size_t index);
/* The bus is known not to have carried the frame. */
bool ct_executor_unconfirmed(const struct ct_executor *executor, const struct ct_frame *frame);
/* The bus takes nothing now: its frames stay where they are. */
bool ct_executor_holds(const struct ct_executor *executor, uint8_t bus);
/* The choke point: the only call of ct_policy_frame, and no frame is handed out that it has not allowed. */
enum ct_verdict ct_executor_judge(struct ct_executor *executor, enum ct_origin origin, const char *bus_name,
                                  const struct ct_frame *frame, ct_ns now);

/* NULL when the gate lets the request begin, else why not. */
const char *ct_executor_barred(const struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder,
                               uint8_t service, bool goes_on);

/* executor_desired.c */
void ct_desired_submit(struct ct_executor *executor, const struct ct_job *job, const struct ct_command *command,
                       ct_ns now);
bool ct_desired_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now);
ct_ns ct_desired_tick(struct ct_executor *executor, ct_ns now);
void ct_desired_send_failed(struct ct_executor *executor, size_t index, ct_ns now);
void ct_desired_stop(struct ct_executor *executor, ct_ns now);

/* executor.c: false: it ends here, and that has been said. */
bool ct_executor_may_begin(struct ct_executor *executor, const struct ct_job *job,
                           const struct ct_executor_asker *asker, ct_ns now);
struct ct_job ct_executor_job(const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                              const struct ct_executor_asker *asker);

/* executor_functional.c: nothing of it is called before ct_executor_open_functional. */
void ct_functional_free(struct ct_executor *executor);
/* Somebody else's request to all ECUs of a bus: those that hear it have a foreign tester. */
void ct_functional_see_foreign(struct ct_executor *executor, const struct ct_frame *frame, ct_ns now);
void ct_functional_receive(struct ct_functional *functional, const struct ct_frame *frame, ct_ns now);
bool ct_functional_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now);
void ct_functional_send_failed(struct ct_executor *executor, size_t index, ct_ns now);
ct_ns ct_functional_tick(struct ct_executor *executor, ct_ns now);
size_t ct_functional_end_all(struct ct_executor *executor, int reason, const char *text, ct_ns now);

/* executor_lease.c */
int ct_lease_open(struct ct_executor *executor);
/* `frame` is on the pair of ECU `ecu`, and we did not send it. */
void ct_lease_see_foreign(struct ct_executor *executor, size_t ecu, const struct ct_frame *frame, ct_ns now);
/* True when the job's asker has its ECU now; else it waits for it until start_by, or *out_answer says why not. */
bool ct_lease_take(struct ct_executor *executor, const struct ct_uds_job *job, enum ct_lease_answer *out_answer,
                   ct_ns now);
/* A request has ended: a brief lease is given back. */
void ct_lease_give_back(struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder, ct_ns now);
/* A positive response came to a request of `holder` for a session. */
void ct_lease_session(struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder, bool open, ct_ns now);
/* The TesterPresent that is due on an idle ECU whose session a lease holds open: asked of policy as a request of who
 * opened it, and judged as a frame. What is denied is left out; the next one is asked for anew. */
bool ct_lease_keep_alive_frame(struct ct_executor *executor, size_t ecu, struct ct_frame *out_frame, ct_ns now);
/* A request of `holder` that writes has begun: an update, if it has a session open. */
void ct_lease_note_write(struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder, ct_ns now);
/* It belongs to the update of an open session. */
bool ct_lease_updates(const struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder);
void ct_lease_stop_keep_alive(struct ct_executor *executor, size_t ecu, ct_ns now);

/* executor_tester.c: nothing of it is called before ct_tester_open. */
void ct_testers_free(struct ct_testers *testers); /* accepts NULL */
void ct_testers_lease_ended(struct ct_executor *executor, const struct ct_lease *lease);
bool ct_testers_receive(struct ct_executor *executor, size_t ecu, const struct ct_frame *frame, ct_ns now);
bool ct_testers_next_frame(struct ct_executor *executor, size_t ecu, struct ct_frame *out_frame, ct_ns now);
bool ct_testers_next_group_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now);
void ct_testers_send_failed(struct ct_executor *executor, size_t ecu, ct_ns now);
ct_ns ct_testers_tick(struct ct_executor *executor, ct_ns now);
bool ct_testers_writing(const struct ct_executor *executor); /* a message that writes has no answer yet */

/* executor_uds.c */
void ct_uds_submit(struct ct_executor *executor, const struct ct_uds_job *job, ct_ns now);
/* Something is asked of it now. */
bool ct_uds_occupied(const struct ct_ecu *ecu);
/* What waited for the ECU begins where it may. */
void ct_uds_start_waiting(struct ct_executor *executor, size_t ecu, ct_ns now);
bool ct_uds_receive(struct ct_executor *executor, size_t ecu, const struct ct_frame *frame, ct_ns now);
bool ct_uds_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now);
ct_ns ct_uds_tick(struct ct_executor *executor, ct_ns now);
void ct_uds_send_failed(struct ct_executor *executor, size_t index, ct_ns now);
/* Ends what waits and what runs, but for the updates where they are spared, for this reason; returns how many. */
size_t ct_uds_end(struct ct_executor *executor, bool spare_updates, int reason, const char *text, ct_ns now);

#endif
