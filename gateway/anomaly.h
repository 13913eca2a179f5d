/* What on a bus is not as its databases say, for an intrusion detector: counters, and the newest id of each kind.
 *
 *   unknown-id      no database of the bus, and no configured ECU, has the id
 *   wrong-bus       the same, and another bus has it
 *   wrong-length    the frame is not as long as the message (FD: the next length there is)
 *   too-fast        more than twice as often as the cycle time says, and more than CT_ANOMALY_BURST frames ahead of
 * that too-slow        a message that was there has not come for CT_ANOMALY_SLOW_CYCLES cycles, at least
 *                   CT_ANOMALY_SLOW_LEAST, on a bus that is alive; once until it comes back
 *   foreign-request a request to a configured ECU (or to all of them: 0x7DF, 0x18DB33F1) that this process did not send
 *
 * The cycle time is GenMsgCycleTime; without one it is learnt from the first CT_ANOMALY_LEARN frames if they came
 * evenly (no gap below half or above twice the mean), else the message has none. Messages that are known by their PGN
 * have no cycle time: several nodes may send them. A bus without databases is not looked at.
 * All memory is allocated at create; a frame costs one look-up. No I/O; belongs to one thread. */
#ifndef CT_GATEWAY_ANOMALY_H
#define CT_GATEWAY_ANOMALY_H

#include "frame.h"

#define CT_ANOMALY_BUSES_MAX   32
#define CT_ANOMALY_BURST       8
#define CT_ANOMALY_SLOW_CYCLES 10
#define CT_ANOMALY_SLOW_LEAST  (1 * CT_NS_PER_S)
#define CT_ANOMALY_LEARN       32
#define CT_ANOMALY_ANY_LENGTH  UINT8_MAX

#define CT_ANOMALY_MAP(X)           \
    X(UNKNOWN_ID, "unknown-id")     \
    X(WRONG_BUS, "wrong-bus")       \
    X(WRONG_LENGTH, "wrong-length") \
    X(TOO_FAST, "too-fast")         \
    X(TOO_SLOW, "too-slow")         \
    X(FOREIGN_REQUEST, "foreign-request")
#define CT_ANOMALY_ENUM(name, text) CT_ANOMALY_##name,
enum ct_anomaly { CT_ANOMALY_MAP(CT_ANOMALY_ENUM) CT_ANOMALY_COUNT };
#undef CT_ANOMALY_ENUM
const char *ct_anomaly_name(enum ct_anomaly kind);

/* Of one bus; lives outside so that it outlasts a reload. */
struct ct_anomaly_counts {
    uint64_t by_kind[CT_ANOMALY_COUNT];
    uint32_t newest[CT_ANOMALY_COUNT]; /* arbitration id */
};

/* An id that belongs on a bus. */
struct ct_anomaly_id {
    uint8_t bus;
    bool extended;
    bool by_group;  /* J1939: priority and source do not count (in PDU1 nor does the destination) */
    bool request;   /* of diagnostics */
    uint8_t length; /* CT_ANOMALY_ANY_LENGTH: any */
    uint32_t id;
    ct_ns cycle_ns; /* 0: to be learnt; CT_NS_NEVER: none */
};

struct ct_anomalies;

/* Copies the ids; of several entries for one id of a bus the first counts. Buses without an entry are not looked at. */
int ct_anomalies_create(const struct ct_anomaly_id *ids, size_t count,
                        struct ct_anomalies **out_anomalies) CT_MUST_CHECK;
void ct_anomalies_free(struct ct_anomalies *anomalies); /* accepts NULL */
/* After a reload, before the first frame: when an id came last and its learnt cycle, where the databases say
 * the same of its cycle as before. */
void ct_anomalies_carry(struct ct_anomalies *anomalies, const struct ct_anomalies *old);

/* Received frames of one bus (those that this process sent are skipped). */
void ct_anomalies_frames(struct ct_anomalies *anomalies, const struct ct_frame *frames, size_t count,
                         struct ct_anomaly_counts *counts);
/* Looks for what has not come; `counts` has one element for each bus. Returns when to call again. */
ct_ns ct_anomalies_tick(struct ct_anomalies *anomalies, ct_ns now, struct ct_anomaly_counts *const counts[],
                        size_t bus_count);

#endif
