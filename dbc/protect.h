/* Counters and checksums of messages: which message carries which, by one compiled rule each; checked on reception,
 * filled in on transmission.
 *
 * Rules are compiled once for the databases of a bus, which must outlive them, and are immutable afterwards: any number
 * of threads may use them. State per (bus, message, direction) is the caller's; a zeroed one is fresh. Check and fill
 * allocate nothing, take no time and touch only the given bytes.
 * Sources: AUTOSAR PRS E2EProtocol (profiles 1, 2, 4, 5, 6, 7, 11, 22); the manufacturers' schemes as opendbc describes
 * them. docs/protection.md lists the schemes with their parameters. This protects against faults, not against people.
 */
#ifndef CT_DBC_PROTECT_H
#define CT_DBC_PROTECT_H

#include "dbc.h"

/* What a check found, in AUTOSAR's words. The frame's values may be used with the first three only; a refused frame
 * must not replace a good value.
 *
 *   status          the frame is  because                                               the stored counter
 *   OK              accepted      the counter went on by one, or the rule has none      follows
 *   INITIAL         accepted      the first good frame: nothing to compare with         follows
 *   OK_SOME_LOST    accepted      the counter went on by 2 .. max_delta                 follows
 *   REPEATED        refused       the counter did not move (a repeated or stuck sender) stays
 *   WRONG_SEQUENCE  refused       the counter went on by more than max_delta (frames    follows, so the next frame in
 *                                 lost, or an old one came late)                        sequence is accepted again
 *   ERROR           refused       checksum, length, data id or a counter outside its    stays
 *                                 range is wrong, or the frame is too short
 *   NO_NEW_DATA     -             no frame came where one was due: never returned by    stays
 *                                 ct_protect_check, for ct_protect_window only */
enum ct_protect_status {
    CT_PROTECT_OK,
    CT_PROTECT_INITIAL,
    CT_PROTECT_OK_SOME_LOST,
    CT_PROTECT_REPEATED,
    CT_PROTECT_WRONG_SEQUENCE,
    CT_PROTECT_ERROR,
    CT_PROTECT_NO_NEW_DATA,
    CT_PROTECT_STATUS_COUNT
};

/* What is wrong with the values of a frame: the quality flag to set on what its signals last were. */
enum ct_protect_fault { CT_PROTECT_FAULT_NONE, CT_PROTECT_FAULT_CHECKSUM, CT_PROTECT_FAULT_COUNTER };

static inline enum ct_protect_fault ct_protect_fault_of(enum ct_protect_status status)
{
    return status <= CT_PROTECT_OK_SOME_LOST ? CT_PROTECT_FAULT_NONE
           : status == CT_PROTECT_ERROR      ? CT_PROTECT_FAULT_CHECKSUM
                                             : CT_PROTECT_FAULT_COUNTER;
}

/* The frame's values may be used. */
static inline bool ct_protect_accepts(enum ct_protect_status status)
{
    return ct_protect_fault_of(status) == CT_PROTECT_FAULT_NONE;
}

/* `ok`, `checksum` or `counter`. */
const char *ct_protect_fault_text(enum ct_protect_fault fault);

/* One direction of one message of one bus. Zeroed: nothing was received or sent yet. */
struct ct_protect_state {
    uint32_t counter; /* of the last frame taken or sent */
    bool seen;
};

/* One rule as configured. NULL (or 0 for counts) stands for "not given": the scheme's default counts. Exactly one of
 * message, id and match chooses the messages. */
struct ct_protect_config {
    const char *message;  /* name */
    const uint32_t *id;   /* arbitration id; above 0x7FF: 29-bit */
    const char *match;    /* glob over names with * and ?; of these the messages that have the checksum signal (or, for
                             schemes with a fixed layout, all that are long enough) */
    const char *scheme;   /* ct_protect_scheme_name */
    const char *checksum; /* signal; default CHECKSUM */
    const char *counter;  /* signal; default COUNTER where the message has one; "none": the counter is not looked at */
    const uint32_t *data_id;        /* default: the arbitration id */
    const uint32_t *data_ids;       /* one byte for each counter value */
    unsigned data_ids_count;        /* 16 */
    const char *id_mode;            /* profiles 1 and 11: both, alternate, low, nibble */
    const uint32_t *offset;         /* bits from the frame's start to the header; profile 1: of the checksum */
    const uint32_t *counter_offset; /* bits; profiles 1 and 11 */
    const uint32_t *id_offset;      /* bits; profiles 1 and 11 with id_mode nibble */
    const uint32_t *length;         /* bytes covered; default: the message's length */
    const uint32_t *max_delta;      /* largest step of the counter that is accepted; default 7, below half its range */
    const uint32_t *counter_end;    /* the counter runs 0 .. counter_end - 1; default: by scheme and width */
    const uint32_t *polynomial;     /* scheme crc8 */
    const uint32_t *initial;        /* start value of the checksum, where the scheme lets it be chosen */
    const uint32_t *final_xor;
};

struct ct_protect;
struct ct_protect_rule; /* of one message */

/* Compiles `count` configurations for `dbc_count` databases; of several that fit a message the first counts. On failure
 * (CT_ERR_SYNTAX: a configuration that cannot be; CT_ERR_NO_MEMORY) `problem` says `rule N: what`, of the first that is
 * wrong or a line for each of them (problems.h). */
int ct_protect_compile(const struct ct_dbc *const *dbcs, size_t dbc_count, const struct ct_protect_config *configs,
                       size_t count, struct ct_protect **out_protect, char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_protect_free(struct ct_protect *protect); /* accepts NULL; the databases may be gone already */

/* The rule of a message (of one of the compiled databases), NULL when it has none. `protect` may be NULL. O(databases).
 */
const struct ct_protect_rule *ct_protect_rule_of(const struct ct_protect *protect,
                                                 const struct ct_dbc_message *message);
size_t ct_protect_rule_count(const struct ct_protect *protect); /* messages that have one */

/* The signals that a rule fills: indices in the message, -1 where it has none or no signal stands there. */
int32_t ct_protect_checksum_signal(const struct ct_protect_rule *rule);
int32_t ct_protect_counter_signal(const struct ct_protect_rule *rule);

/* Checks a received frame and brings `state` up to date as the table above says. `id` is the arbitration id. */
enum ct_protect_status ct_protect_check(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t id,
                                        const uint8_t *data, size_t len);

/* Puts the next counter (0 for a fresh state) and then the checksum into a frame whose other bits are final.
 * CT_ERR_TRUNCATED, with nothing written, when the frame is shorter than the rule covers. */
int ct_protect_fill(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t id, uint8_t *data,
                    size_t len) CT_MUST_CHECK;

/* Makes the next fill send `counter`. CT_ERR_RANGE when it is none of the rule's values. */
int ct_protect_start(const struct ct_protect_rule *rule, struct ct_protect_state *state,
                     uint32_t counter) CT_MUST_CHECK;

/* Names of the schemes, in order; NULL beyond the last. */
const char *ct_protect_scheme_name(size_t index);

#endif
