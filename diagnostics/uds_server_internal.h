/* The UDS server's inside, shared by the uds_server*.c files only: its state, a request on its way, and the services,
 * each of which returns 0 with the positive response or the NRC that answers. */
#ifndef CT_DIAGNOSTICS_UDS_SERVER_INTERNAL_H
#define CT_DIAGNOSTICS_UDS_SERVER_INTERNAL_H

#include "uds_server.h"

#define CT_SERVER_DYNAMIC_MAX   8  /* identifiers defined by 2C */
#define CT_SERVER_PIECE_MAX     16 /* pieces of one */
#define CT_SERVER_PERIODIC_MAX  16 /* identifiers sent by 2A */
#define CT_SERVER_EVENT_MAX     4  /* events set up by 86 */
#define CT_SERVER_EVENT_REQUEST 16 /* serviceToRespondTo */
#define CT_SERVER_EVENT_RECORD  10
#define CT_SERVER_WATCH_MAX     64 /* bytes of a value compared by 86 03 */
#define CT_SERVER_CHALLENGE     32
#define CT_SERVER_SUBNETS       8
#define CT_SERVER_FUNCTIONAL    64

struct ct_server_request {
    const uint8_t *data;
    size_t len;
    ct_ns now;
};

struct ct_server_answer {
    uint8_t *data; /* CT_UDS_SERVER_RESPONSE_MAX bytes; [0] is set */
    size_t len;
};

struct ct_server_piece {
    bool by_address;
    uint16_t id;
    uint8_t at; /* from 0 */
    uint32_t address;
    uint8_t len;
};

struct ct_server_dynamic {
    uint16_t id; /* 0: free */
    size_t count;
    struct ct_server_piece pieces[CT_SERVER_PIECE_MAX];
};

struct ct_server_periodic {
    uint8_t id;
    ct_ns period, due; /* period 0: free */
};

struct ct_server_event {
    uint8_t kind; /* 0: free */
    uint8_t window;
    uint8_t record[CT_SERVER_EVENT_RECORD]; /* eventTypeRecord */
    uint8_t record_len;
    uint8_t request[CT_SERVER_EVENT_REQUEST]; /* serviceToRespondTo; 08 and 09 have none */
    size_t request_len;
    bool fired;
    uint8_t watched[CT_SERVER_WATCH_MAX]; /* 03, 07: the value */
    size_t watched_len;
    bool armed;                    /* 07: fires when the comparison holds */
    uint32_t order;                /* 08: of the DTC told last */
    uint8_t seen[CT_DTC_MAX];      /* 09: status by definition */
    uint32_t due[CT_DTC_MAX / 32]; /* 09: bit of each DTC still to be told */
};

enum ct_server_transfer_kind { CT_TRANSFER_NONE, CT_TRANSFER_DOWNLOAD, CT_TRANSFER_UPLOAD };

struct ct_server_transfer {
    enum ct_server_transfer_kind kind;
    const struct ct_uds_memory *memory; /* NULL: a file */
    uint32_t address;
    size_t size, done;
    uint8_t counter; /* of the next block */
    bool any;        /* a block has been taken */
    size_t last_len; /* of the block before, for its repetition */
};

enum ct_server_after { CT_AFTER_NOTHING, CT_AFTER_RESET, CT_AFTER_LINK };

struct ct_uds_server {
    struct ct_uds_server_config config;
    struct ct_isotp tp;
    struct ct_isotp functional;
    bool has_functional;
    enum ct_uds_session session;
    ct_ns s3, session_ends; /* session_ends NEVER: S3 stands still */
    struct ct_uds_server_stats stats;

    uint8_t unlocked;
    struct {
        uint8_t level; /* whose seed waits for its key; 0: none */
        uint8_t seed[CT_UDS_SEED_MAX];
        uint8_t attempts[CT_UDS_SERVER_LEVEL_MAX];
        ct_ns delay_ends[CT_UDS_SERVER_LEVEL_MAX];
    } security;
    struct {
        uint8_t roles;
        uint8_t next; /* sub-function the challenge waits for; 0: none */
        uint8_t challenge[CT_SERVER_CHALLENGE];
    } authentication;

    struct {
        uint16_t counter; /* the highest taken */
        bool inside;      /* the request that runs came in 84 */
    } secured;

    bool rx_off[2], tx_off[2]; /* normal, network management */
    struct {
        uint16_t node; /* 0: free */
        uint8_t type;
    } subnets[CT_SERVER_SUBNETS]; /* switched to diagnostics only by 28 04 */
    uint32_t io_held;             /* rows of the IO table under control */
    uint32_t routines_started;    /* rows of the routine table */
    struct ct_server_transfer transfer;
    struct ct_server_dynamic dynamic[CT_SERVER_DYNAMIC_MAX];
    struct ct_server_periodic periodic[CT_SERVER_PERIODIC_MAX];
    struct ct_server_event event[CT_SERVER_EVENT_MAX];
    bool events_on;
    ct_ns watch_due; /* when 86 03 compares next */
    uint32_t link_rate;

    struct {
        enum ct_server_after kind;
        uint8_t value;
        ct_ns due; /* NEVER: when the answer has left */
    } after;
    ct_ns deaf_until;

    struct {
        bool active, told; /* told: 78 went out */
        bool functional;
        size_t len;
        ct_ns poll_at, tell_at, gives_up;
    } pending;
    size_t waiting;   /* length of `response` not yet taken by the transport */
    bool answering;   /* what the transport sends ends a request */
    bool receiving;   /* a segmented request is on its way: no event's response may get before it */
    bool transported; /* frames come and go: tick polls by itself */

    uint8_t rx[CT_UDS_SERVER_RESPONSE_MAX];
    uint8_t tx[CT_UDS_SERVER_RESPONSE_MAX];
    uint8_t functional_rx[CT_SERVER_FUNCTIONAL];
    uint8_t functional_tx[CT_SERVER_FUNCTIONAL];
    uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];
    uint8_t pending_request[CT_UDS_SERVER_RESPONSE_MAX];
};

typedef uint8_t (*ct_server_run)(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer);
typedef bool (*ct_server_ready)(const struct ct_uds_server *server, const struct ct_server_request *request);

/* One sub-function. Lengths count from the service id. */
struct ct_server_sub {
    uint8_t value;
    uint16_t min_len, max_len;   /* else 13; max_len 0: open */
    unsigned sessions;           /* else 7E; 0: any */
    ct_server_ready in_sequence; /* else 24; NULL: always */
    ct_server_run run;
};

struct ct_server_service {
    uint8_t id;
    uint8_t min_len;
    unsigned sessions;                                                                     /* table 23; 0: any */
    bool (*offered)(const struct ct_uds_server_config *config);                            /* NULL: always */
    const struct ct_server_sub *(*sub)(const struct ct_uds_server *server, uint8_t value); /* NULL: has none */
    ct_server_ready in_sequence;
    ct_server_run run; /* NULL when it has sub-functions */
};

#define CT_SERVER_NOT_DEFAULT (CT_UDS_SESSION_ANY & ~CT_UDS_SESSION_BIT(CT_UDS_SESSION_DEFAULT))

/* uds_server_check.c: the standard's order of refusals. */
uint8_t ct_server_check_and_run(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
bool ct_server_in_session(const struct ct_uds_server *server, unsigned sessions);
/* 0, 33, 34 or 38; sessions are the caller's. */
uint8_t ct_server_secure(const struct ct_uds_server *server, const struct ct_uds_access *access);
const struct ct_server_sub *ct_server_sub_find(const struct ct_server_sub *subs, size_t count, uint8_t value);
/* 0 or 14. */
uint8_t ct_server_put(struct ct_server_answer *answer, const uint8_t *data, size_t len);
uint8_t ct_server_put8(struct ct_server_answer *answer, uint8_t byte);
uint8_t ct_server_put16(struct ct_server_answer *answer, uint16_t value);
uint8_t ct_server_put24(struct ct_server_answer *answer, uint32_t value);

/* uds_server_session.c */
void ct_server_enter(struct ct_uds_server *server, enum ct_uds_session session, ct_ns now);
void ct_server_do_after(struct ct_uds_server *server, ct_ns now);
const struct ct_server_sub *ct_server_session_sub(const struct ct_uds_server *server, uint8_t value);
const struct ct_server_sub *ct_server_reset_sub(const struct ct_uds_server *server, uint8_t value);
const struct ct_server_sub *ct_server_tester_sub(const struct ct_uds_server *server, uint8_t value);
const struct ct_server_sub *ct_server_setting_sub(const struct ct_uds_server *server, uint8_t value);
const struct ct_server_sub *ct_server_link_sub(const struct ct_uds_server *server, uint8_t value);

/* uds_server_communication.c */
const struct ct_server_sub *ct_server_communication_sub(const struct ct_uds_server *server, uint8_t value);
void ct_server_subnets_return(struct ct_uds_server *server);

/* uds_server_security.c, uds_server_authentication.c */
const struct ct_server_sub *ct_server_security_sub(const struct ct_uds_server *server, uint8_t value);
const struct ct_server_sub *ct_server_authentication_sub(const struct ct_uds_server *server, uint8_t value);

/* uds_server_secured.c */
uint8_t ct_server_secured(struct ct_uds_server *server, const struct ct_server_request *request,
                          struct ct_server_answer *answer);

/* uds_server_data.c */
const struct ct_uds_did *ct_server_did(const struct ct_uds_server *server, uint16_t id);
/* A value, dynamic ones included, with access checked: 31 when it is not known or cannot be read. */
uint8_t ct_server_read_did(struct ct_uds_server *server, uint16_t id, uint8_t *out, size_t size, size_t *out_len);
uint8_t ct_server_read_data(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer);
uint8_t ct_server_read_scaling(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer);
uint8_t ct_server_write_data(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer);

/* uds_server_dynamic.c */
const struct ct_server_dynamic *ct_server_dynamic_find(const struct ct_uds_server *server, uint16_t id);
uint8_t ct_server_dynamic_read(struct ct_uds_server *server, const struct ct_server_dynamic *dynamic, uint8_t *out,
                               size_t size, size_t *out_len);
const struct ct_server_sub *ct_server_define_sub(const struct ct_uds_server *server, uint8_t value);

/* uds_server_periodic.c */
uint8_t ct_server_read_periodic(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
bool ct_server_periodic_frame(struct ct_uds_server *server, struct ct_frame *out_frame, ct_ns now);
ct_ns ct_server_periodic_due(const struct ct_uds_server *server);
void ct_server_periodic_forget(struct ct_uds_server *server, uint8_t id);

/* uds_server_memory.c */
/* Address and size of an addressAndLengthFormatIdentifier at data (room bytes): bytes used, 0 when it cannot be. */
size_t ct_server_parse_range(const uint8_t *data, size_t room, uint32_t *out_address, uint32_t *out_len);
/* Bytes that the format identifier says follow it; 0 for a format that is not supported. */
size_t ct_server_range_size(uint8_t format);
const struct ct_uds_memory *ct_server_memory(const struct ct_uds_server *server, uint32_t address, uint32_t len);
uint8_t ct_server_read_memory(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer);
uint8_t ct_server_write_memory(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer);

/* uds_server_control.c: IO and routines */
uint8_t ct_server_io_control(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer);
void ct_server_io_return(struct ct_uds_server *server);
const struct ct_server_sub *ct_server_routine_sub(const struct ct_uds_server *server, uint8_t value);

/* uds_server_transfer.c, uds_server_file.c */
uint8_t ct_server_request_download(struct ct_uds_server *server, const struct ct_server_request *request,
                                   struct ct_server_answer *answer);
uint8_t ct_server_request_upload(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer);
uint8_t ct_server_transfer_data(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
uint8_t ct_server_transfer_exit(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
uint8_t ct_server_request_file(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer);
bool ct_server_transferring(const struct ct_uds_server *server, const struct ct_server_request *request);
void ct_server_transfer_drop(struct ct_uds_server *server);

/* uds_server_dtc.c; uds_server_dtc_records.c: snapshots and extended data */
uint32_t ct_server_dtc_at(const uint8_t *data);
/* Code and status: 0 or 14. */
uint8_t ct_server_put_dtc(const struct ct_dtc_memory *dtcs, size_t index, struct ct_server_answer *answer);
uint8_t ct_server_snapshot_ids(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer);
uint8_t ct_server_snapshot_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer);
uint8_t ct_server_stored_data(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer);
uint8_t ct_server_extended_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer);
uint8_t ct_server_extended_by_record(struct ct_uds_server *server, const struct ct_server_request *request,
                                     struct ct_server_answer *answer);
uint8_t ct_server_user_snapshot(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
uint8_t ct_server_user_extended(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer);
uint8_t ct_server_supporting_extended(struct ct_uds_server *server, const struct ct_server_request *request,
                                      struct ct_server_answer *answer);
const struct ct_server_sub *ct_server_dtc_sub(const struct ct_uds_server *server, uint8_t value);
uint8_t ct_server_clear_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer);

/* uds_server_event.c */
const struct ct_server_sub *ct_server_event_sub(const struct ct_uds_server *server, uint8_t value);
void ct_server_events_clear(struct ct_uds_server *server);
void ct_server_events_watch(struct ct_uds_server *server, ct_ns now);
/* The response of an event that has happened: its length in out, 0: none. */
size_t ct_server_event_answer(struct ct_uds_server *server, ct_ns now, uint8_t *out);
ct_ns ct_server_event_due(const struct ct_uds_server *server);

/* uds_server_compare.c: 07. Of an event whose value has been read. */
bool ct_server_comparison_can_be(const struct ct_server_event *event);
/* True once when the comparison begins to hold. */
bool ct_server_comparison_fires(struct ct_server_event *event);

#endif
