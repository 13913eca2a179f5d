/* What travels in the rings between the gateway's threads: bus <-> storage <-> link.
 * Values only; a record is one of these structs, some with bytes behind. */
#ifndef CT_GATEWAY_MESSAGES_H
#define CT_GATEWAY_MESSAGES_H

#include "batch.h"
#include "command.h"
#include "link_vehicle.h"
#include "outbox.h"

enum ct_message {
    /* bus -> storage */
    CT_MSG_SAMPLE = 1, /* struct ct_sample, then its bytes */
    CT_MSG_GAP,        /* struct ct_msg_gap */
    CT_MSG_EVENT,      /* struct ct_msg_event */
    CT_MSG_STATUS,     /* struct ct_msg_status, then the response */
    CT_MSG_OWN_DTCS,   /* what the gateway's own ECU remembers, as ct_own_ecu_save gives it */
    /* both of these also storage -> link */
    CT_MSG_CATALOGUE, /* struct ct_catalogue *, one reference with it */
    CT_MSG_STATE,     /* serialised State */
    CT_MSG_STOP,      /* nothing: finish; also storage -> link */
    /* storage -> bus */
    CT_MSG_COMMAND,       /* struct ct_msg_command */
    CT_MSG_STORAGE_STATS, /* struct ct_msg_storage_stats */
    /* storage -> link */
    CT_MSG_RECORD,  /* struct ct_msg_record, then the serialised Record */
    CT_MSG_FETCHED, /* enum ct_class as uint32_t */
    CT_MSG_NEWEST,  /* struct ct_positions */
    /* link -> storage */
    CT_MSG_FETCH,          /* struct ct_msg_fetch */
    CT_MSG_ACKED,          /* struct ct_msg_acked */
    CT_MSG_SIGNED_COMMAND, /* the bytes as received */
    CT_MSG_LINK_STATS,     /* struct ct_link_vehicle_stats */
    CT_MSG_SNAPSHOT,       /* uint64_t id; also storage -> bus */
};

struct ct_msg_gap {
    enum ct_gap_reason reason;
    uint64_t samples; /* 0 unknown */
    ct_ns from_ns, to_ns;
};

#define CT_EVENT_NAME_MAX  32
#define CT_EVENT_TEXT_MAX  200
#define CT_EVENT_FIELD_MAX 4

struct ct_msg_event {
    ct_ns t_ns;
    char name[CT_EVENT_NAME_MAX];
    char text[CT_EVENT_TEXT_MAX];
    size_t field_count;
    struct {
        char key[24];
        char value[72];
    } fields[CT_EVENT_FIELD_MAX];
};

struct ct_msg_status {
    uint8_t command_id[CT_COMMAND_ID_SIZE];
    int state;
    int reason;
    uint64_t seq;
    ct_ns t_ns;
    bool has_reported;
    double reported;
    char text[CT_EVENT_TEXT_MAX];
};

struct ct_msg_command {
    int64_t valid_ms;
    bool release;
    struct ct_command command;
};

struct ct_msg_storage_stats {
    struct ct_outbox_stats outbox;
    struct ct_link_vehicle_stats link;
    uint64_t batches, samples;           /* written to the outbox */
    uint64_t events_lost;                /* no room left in the EVENT part */
    uint64_t statuses_lost;              /* no room left in the RESULT part */
    uint64_t commands, commands_refused; /* received; refused before the bus */
};

struct ct_msg_record {
    enum ct_class class;
    uint64_t seq_first, seq_last;
    bool has_catalogue;
    uint8_t catalogue_hash[CT_HASH_SIZE];
};

struct ct_msg_fetch {
    enum ct_class class;
    uint64_t after_seq;
    size_t max_bytes;
};

struct ct_msg_acked {
    enum ct_class class;
    uint64_t seq;
};

#endif
