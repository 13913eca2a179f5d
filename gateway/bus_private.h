/* Inside of the bus thread: bus.c (loop, frames), bus_send.c (commands), bus_gate.c (every frame that leaves),
 * bus_route.c (to other buses), bus_out.c (to the storage thread), bus_open.c, bus_ports.c (what is told of them),
 * bus_watch.c (their health and load), bus_power.c (power state and its lines), bus_diag.c (the gateway's own ECU),
 * status.c and status_json.c (status socket). */
#ifndef CT_GATEWAY_BUS_PRIVATE_H
#define CT_GATEWAY_BUS_PRIVATE_H

#include "bus.h"
#include "bus_health.h"
#include "bus_load.h"
#include "bus_off_alarm.h"
#include "doip_server.h"
#include "executor.h"
#include "hist.h"
#include "job.h"
#include "loop.h"
#include "messages.h"
#include "port.h"
#include "reads.h"

#include <stdatomic.h>

#define BUS_READ_MAX      64   /* frames of one port in one go */
#define BUS_STATE_SAMPLES 1000 /* of one part of a snapshot */
#define BUS_SEND_PATIENCE (100 * CT_NS_PER_MS)

/* When one kind of anomaly of one bus was last an event. */
struct bus_anomaly_told {
    uint64_t count;
    ct_ns due, pause;
};

struct bus_port {
    struct ct_port *port;
    struct ct_loop_watch watch;
    struct ct_bus_counts counts;
    bool ready;          /* there may be more to read */
    bool ended;          /* a log at its end, or a final error */
    bool failed;         /* it has ended with an error */
    bool told_malformed; /* where the first input was that is no frame */
    bool was_up;
    uint64_t lost_told;
    ct_ns lost_since, tick_due;
    bool wrote;   /* since the last tick, which may have been before */
    bool in_hole; /* it was up and is down */
    ct_ns hole_since;
    uint64_t outages_told;
    ct_ns told_at; /* when its state was last looked at */
    uint64_t expired_told;
    ct_ns expired_since;
    uint64_t unconfirmed_told;
    ct_ns unconfirmed_since;
    bool restart_told; /* that the controller stays off after a bus-off */
    struct ct_bus_off_alarm alarm;
    bool blocked_told;
    uint64_t unsent_off; /* frames for a controller that was bus-off */
    uint64_t asleep;     /* frames that were not sent because the power state has the transceivers in standby */

    struct ct_bus_health health;
    struct ct_bus_load load;
    /* The executor's frame that the full port has not taken yet: every bus has its own, so that it delays only itself.
     */
    struct ct_frame unsent;
    bool has_unsent;
    ct_ns unsent_since;

    uint64_t link_revision;          /* of the port's link, taken over */
    struct ct_bus_health health_put; /* as the twin has it */
    ct_ns health_due;                /* not before */
    uint64_t lost_put, expired_put, unconfirmed_put;
    struct ct_bus_health errors_put; /* its counts of errors, as the twin has them */
    ct_ns errors_due;

    struct ct_anomaly_counts anomalies, anomalies_put; /* and as the twin has them */
    ct_ns anomalies_due;                               /* not before */
    struct bus_anomaly_told anomalies_told[CT_ANOMALY_COUNT];
};

/* Frames that were to be sent and were not. */
static inline uint64_t ct_bus_unsent(const struct bus_port *port)
{
    return port->port->stats.expired + port->unsent_off;
}

struct status_server;
struct bus_power;
struct bus_diag;

struct ct_bus {
    struct ct_model *model;
    struct ct_channels *channels;
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    struct bus_port ports[CT_GATEWAY_BUSES_MAX];
    size_t port_count;
    struct ct_bus_counts own_counts; /* frames of the buses' own entries */
    bool network_known;
    enum ct_bus_state network_put; /* the worst controller's, as the twin has it */
    struct ct_executor *executor;
    struct ct_loop loop;
    struct ct_loop_watch from_storage, control;
    struct status_server *status;
    struct bus_power *power;     /* NULL: none is configured */
    struct bus_diag *diag;       /* NULL: the gateway answers no requests itself */
    struct ct_doip_server *doip; /* NULL: none is configured */
    struct ct_jobs *jobs;
    struct ct_reads reads; /* of trouble codes, by itself */
    struct ct_hist delay;  /* from the frames' stamps to their being in the twin */
    ct_ns started_ns;
    ct_ns now; /* of this round */

    /* control by the main thread */
    _Atomic(struct ct_model *) next_model;
    _Atomic(struct ct_model *) retired;
    atomic_bool stop, failed;
    int control_fd, retired_fd;

    /* to the storage thread */
    struct ct_ring *owed;   /* events and statuses that found no room; nobody else's ring */
    struct ct_msg_gap lost; /* samples that never found room, not yet reported */
    uint64_t lost_total, owed_lost;
    bool stopping;

    /* snapshots */
    bool snapshot_wanted;
    uint64_t snapshot_id;
    ct_ns snapshot_due; /* not before; it found no room */
    struct ct_sample state_samples[BUS_STATE_SAMPLES];

    struct ct_msg_storage_stats storage_stats; /* the newest heard of */
    ct_ns brisk_until;                         /* until then turns come at once: somebody is asking an ECU */
    uint64_t reloads;
};

/* bus.c: one turn: everything that can be done now, from each port at most BUS_READ_MAX frames; returns when to come
 * again. */
ct_ns ct_bus_round(struct ct_bus *bus);
/* Watches the descriptor the port has now. */
void ct_bus_follow_fd(struct ct_bus *bus, struct bus_port *port);
/* bus_open.c: has the kernel keep back what nobody needs, where the configuration asks for that. */
void ct_bus_set_filters(struct ct_bus *bus);

/* bus_out.c */
int ct_bus_emit(void *user, const struct ct_sample *sample); /* ct_collect_emit_fn, user: the bus */
void ct_bus_event(struct ct_bus *bus, const char *name, const char *text, const char *key, const char *value);
void ct_bus_gap(struct ct_bus *bus, const struct ct_msg_gap *gap);
void ct_bus_own_dtcs(struct ct_bus *bus, const uint8_t *data, size_t len);
void ct_bus_status(struct ct_bus *bus, const struct ct_msg_status *status, const uint8_t *response, size_t len);
/* What the collection still holds back for want of room is lost from now on. */
void ct_bus_give_up_samples(struct ct_bus *bus);
/* Hands over what was owed, the gap of lost samples, a snapshot; true when nothing is owed any more. */
bool ct_bus_out_flush(struct ct_bus *bus);

/* bus_ports.c */
const char *ct_bus_name(const struct ct_bus *bus, const struct bus_port *port);
/* Tells what has changed since the last call; returns when to call again for what was told just before. `last`: nothing
 * is held back for later. */
ct_ns ct_bus_tell_port(struct ct_bus *bus, struct bus_port *port, bool last);

/* bus_watch.c */
/* A frame of bus_entries.h, into the twin. */
void ct_bus_put_entry(struct ct_bus *bus, struct ct_frame frame);
void ct_bus_watch_open(struct bus_port *port, ct_ns now);
void ct_bus_watch_frame(struct bus_port *port, const struct ct_frame *frame); /* one was on the bus, either way */
/* Brings health, load and losses into the twin, changes of health into events; returns when to call again. */
ct_ns ct_bus_watch_tick(struct ct_bus *bus, struct bus_port *port);

/* bus_power.c: all of them do nothing when no power state is configured. */
int ct_bus_power_open(struct ct_bus *bus, char *problem, size_t size);
void ct_bus_power_close(struct ct_bus *bus);
/* What was received. Frames of others keep the gateway awake; neither its own nor error frames do: a controller tells
 * of errors without end while an own frame finds nobody awake to acknowledge it. */
void ct_bus_power_frames(struct ct_bus *bus, const struct ct_frame *frames, size_t count);
/* Takes inputs, drives outputs, brings transitions into twin and events; returns when to call again. */
ct_ns ct_bus_power_tick(struct ct_bus *bus);
void ct_bus_power_stop(struct ct_bus *bus);
void ct_bus_power_gate(struct ct_bus *bus); /* brings the executor's gate up to date */
/* True when the command would ask an ECU or begin to write to one while that is not allowed, or send while the
 * transceivers are in standby; it has been refused then. */
bool ct_bus_power_refuses(struct ct_bus *bus, const struct ct_command *command);

/* bus_diag.c: all of them do nothing when `diagnostics` is not configured. */
int ct_bus_diag_open(struct ct_bus *bus);
void ct_bus_diag_close(struct ct_bus *bus);
void ct_bus_diag_frame(struct ct_bus *bus, const struct ct_frame *frame); /* one was received */
void ct_bus_diag_stop(struct ct_bus *bus); /* what has changed is handed over to be kept */
/* Sends what is due, judges the health; returns when to call again. */
ct_ns ct_bus_diag_tick(struct ct_bus *bus);

/* bus_gate.c: puts a frame that policy has allowed on bus `frame->bus`, and lets everybody know who keeps book of what
 * was sent. CT_ERR_PERMISSION for one that was not allowed; CT_ERR_DOWN, and counted, for a
 * controller that is bus-off and while ct_bus_power_asleep; else as ct_port_write. */
int ct_bus_put(struct ct_bus *bus, const struct ct_frame *frame) CT_MUST_CHECK;

/* bus_anomaly.c */
void ct_bus_anomaly_frames(struct ct_bus *bus, struct bus_port *port, const struct ct_frame *frames, size_t count);
/* Looks for what does not come; brings counts into the twin and events; returns when to call again. */
ct_ns ct_bus_anomaly_tick(struct ct_bus *bus);

/* bus_route.c: what was received on one bus. */
void ct_bus_route(struct ct_bus *bus, const struct ct_frame *frames, size_t count);

bool ct_bus_power_may_ask(const struct ct_bus *bus); /* ECUs */
bool ct_bus_power_asleep(const struct ct_bus *bus);  /* the transceivers are in standby: nothing is sent */

/* bus_send.c */
/* bus_jobs.c: jobs, and what DoIP needs of the bus. */
int ct_bus_jobs_open(struct ct_bus *bus);
bool ct_bus_job_answer(struct ct_bus *bus,
                       const struct ct_command_status *status); /* true: it was of a job's request */
/* Begins reads that are due; returns when to call again. */
ct_ns ct_bus_reads_tick(struct ct_bus *bus);
/* An ECU answered somebody (the executor's `answer`, user: the bus). */
void ct_bus_reads_answer(void *bus, size_t ecu, const uint8_t *response, size_t len, ct_ns now);
int ct_bus_doip_open(struct ct_bus *bus, char *problem, size_t size);
void ct_bus_vehicle_state(const struct ct_bus *bus, ct_ns now, struct ct_vehicle_state *out_state);
/* Whether the vehicle's warning lamp is on; false while that is not known. */
bool ct_bus_warning(const struct ct_bus *bus, bool *out_on);
int ct_bus_executor_open(struct ct_bus *bus);
void ct_bus_command_status(void *bus, const struct ct_command_status *status); /* to whoever sent the command */
/* True when a write failed or a frame waits: it wants another turn soon. */
bool ct_bus_send_pump(struct ct_bus *bus);
void ct_bus_set_local(struct ct_bus *bus, uint32_t client, const char *path, const struct ct_wire_value *value);
/* For a local client; `tag` comes back with the statuses. */
/* `functional`: the name of a bus, all of whose ECUs are asked; NULL: request->ecu is. */
void ct_bus_request_local(struct ct_bus *bus, uint32_t client, uint32_t tag, const char *functional,
                          struct ct_executor_request *request);

/* status.c: the server is NULL when none is configured. */
int ct_status_open(struct ct_bus *bus, const char *path, struct status_server **out_server, char *problem, size_t size);
void ct_status_close(struct status_server *server);
void ct_status_changes(struct status_server *server);  /* to the watchers */
void ct_status_reloaded(struct status_server *server); /* another catalogue */
void ct_status_command(struct status_server *server, uint32_t client, uint32_t tag,
                       const struct ct_command_status *status);
/* status_lease.c: an ECU's answer to a functional request. */
void ct_status_functional(struct status_server *server, uint32_t client, uint32_t tag, size_t ecu,
                          const uint8_t *response, size_t len);
void ct_status_lease(struct status_server *server, const struct ct_lease *lease, enum ct_lease_change change,
                     ct_ns now); /* status_lease.c: to the local client that holds it */

/* status_rules.c: false beyond the last line. */
bool ct_status_rules_line(const struct ct_bus *bus, size_t index, struct ct_buf *out);

/* status_json.c: each appends one line. */
void ct_status_json_overview(const struct ct_bus *bus, struct ct_buf *out);
void ct_status_json_entry(const struct ct_bus *bus, uint32_t id, struct ct_buf *out);

#endif
