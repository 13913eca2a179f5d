/* UDS server (ISO 14229-1:2020, -2:2013) of one ECU: requests in over a physical ISO-TP pair or a functional id,
 * answers out, sans I/O. What the ECU has is told by tables (identifiers, routines, memory areas, IO, security levels);
 * a service without its table is not there (NRC 11).
 *
 * A request is checked in the standard's order: 21, 11, 7F, 33/34 of the service, conditions, 13, 12, 7E, 33/34, 24,
 * 13, then 31, 33/34 of the item, 22 and the service's own. To functional requests it keeps silent instead of answering
 * 11, 12, 31, 7E or 7F. A function of a table may return CT_NRC_PENDING: it is then called again with the same request
 * until it returns something else, NRC 78 goes out meanwhile, other requests get 21 and 3E 80 is served in silence. S3
 * stands still while a request is received, worked on or answered; its end, like every session change, undoes what the
 * standard says (security, authentication, 28, 85, 2A, 2C, 2F, 86, transfers). Withdrawn services (83) are
 * answered with 11. Nothing is allocated after create. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_SERVER_H
#define CT_DIAGNOSTICS_UDS_SERVER_H

#include "dtc_memory.h"
#include "isotp.h"
#include "uds.h"
#include "uds_secured.h"

#define CT_UDS_SERVER_RESPONSE_MAX 4095
#define CT_UDS_SERVER_IO_MAX       32 /* rows of a table */
#define CT_UDS_SERVER_ROUTINE_MAX  32
#define CT_UDS_SERVER_LEVEL_MAX    8
#define CT_UDS_SEED_MAX            32
#define CT_UDS_KEY_MAX             64

#define CT_UDS_SESSION_BIT(session) (1U << (session))
#define CT_UDS_SESSION_ANY          0xFFU
#define CT_UDS_NO_ANSWER            0x01 /* from `other`: neither response nor NRC */

/* Who may. */
struct ct_uds_access {
    unsigned sessions; /* CT_UDS_SESSION_BIT of those in which it is there; 0: any */
    uint8_t level;     /* security level that must be unlocked: the odd sub-function of its seed; 0: none */
    uint8_t roles;     /* one of these must be authenticated; 0: none */
    bool secured;      /* only inside 84; else 38 */
};

struct ct_uds_did {
    uint16_t id, last; /* last 0: id alone; else the same functions for all of id..last */
    unsigned sessions; /* those in which it is known; 0: any */
    /* Puts the value into out (size bytes). Returns 0 and its length, or the NRC that answers the request. NULL: cannot
     * be read. */
    uint8_t (*read)(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len);
    struct ct_uds_access read_access;                                           /* of a known one: 33 or 34 */
    uint8_t (*write)(void *user, uint16_t id, const uint8_t *data, size_t len); /* NULL: cannot be written */
    struct ct_uds_access write_access;
    uint16_t write_min, write_max; /* bytes of value; another length is 13 */
    const uint8_t *scaling;        /* scalingByte records for 24; NULL: none */
    uint8_t scaling_len;
};

struct ct_uds_routine_call {
    enum ct_uds_routine kind;
    uint16_t id;
    const uint8_t *option;
    size_t option_len;
    uint8_t *out; /* routineStatusRecord */
    size_t size;
    size_t out_len;
};

struct ct_uds_routine_entry {
    uint16_t id;
    struct ct_uds_access access;
    unsigned kinds;                  /* bit of enum ct_uds_routine; start is bit 1 */
    uint16_t option_min, option_max; /* of start */
    uint8_t (*run)(void *user, struct ct_uds_routine_call *call);
};

struct ct_uds_io_entry {
    uint16_t id;
    struct ct_uds_access access;
    unsigned controls;           /* bit of enum ct_uds_io */
    uint8_t state_len, mask_len; /* of shortTermAdjustment */
    /* `state` and `mask` only with ADJUST. RETURN is also called when the session changes. */
    uint8_t (*control)(void *user, uint16_t id, enum ct_uds_io control, const uint8_t *state, const uint8_t *mask);
    /* The state now, state_len bytes, for the answer. */
    void (*state)(void *user, uint16_t id, uint8_t *out);
};

/* A piece of memory, for 23, 2C 02, 3D and 34 to 37. What is NULL is not offered there. */
struct ct_uds_memory {
    uint32_t first, size;
    struct ct_uds_access read_access, write_access, download_access, upload_access;
    uint8_t (*read)(void *user, uint32_t address, uint8_t *out, size_t len);
    uint8_t (*write)(void *user, uint32_t address, const uint8_t *data, size_t len);
    /* Before a download's first block (erase) and at its end (verify). May be NULL. */
    uint8_t (*begin)(void *user, uint32_t address, size_t len);
    uint8_t (*end)(void *user, uint32_t address, size_t len);
};

struct ct_uds_level {
    uint8_t level; /* odd: requestSeed; level + 1 sends the key */
    unsigned sessions;
    uint8_t seed_len, key_len;
    uint8_t attempts;  /* wrong keys until the delay; 0: 3 */
    uint32_t delay_ms; /* 0: 10000 */
    bool (*key_fits)(void *user, uint8_t level, const uint8_t *seed, const uint8_t *key);
};

struct ct_uds_proof {
    const uint8_t *challenge, *proof;
    size_t challenge_len, proof_len;
    bool by_certificate; /* 03 after 01 or 02; else 06 or 07 after 05 */
};

struct ct_uds_own_proof {                     /* of the server, over the client's challenge (02, 07) */
    const uint8_t *challenge, *own_challenge; /* the client's; what the server asks it to sign (07: has asked) */
    size_t challenge_len, own_challenge_len;
    uint8_t *out;
    size_t size, out_len; /* room; bytes put there */
};

struct ct_uds_authenticator {
    uint8_t algorithm[16]; /* algorithmIndicator of 05, 06 and 07: object identifier, BER, zero-padded */
    /* The client's certificate (01): 0, or NRC 50..57. NULL: only challenge and response (05, 06). */
    uint8_t (*certificate)(void *user, const uint8_t *certificate, size_t len);
    /* 0 and the roles granted, or NRC 58. */
    uint8_t (*verify)(void *user, const struct ct_uds_proof *proof, uint8_t *out_roles);
    /* Both ways: the server proves itself too. 0, or NRC 59 or 5B. NULL: neither 02 nor 07. */
    uint8_t (*prove)(void *user, struct ct_uds_own_proof *proof);
    const uint8_t *own_certificate; /* for 02, with `certificate` and `prove`; NULL: no 02 */
    size_t own_certificate_len;
    /* A certificate handed in for another purpose (04): 0, or NRC 31, 50..57. NULL: no 04. */
    uint8_t (*transmit)(void *user, uint16_t evaluation, const uint8_t *certificate, size_t len);
};

/* RequestFileTransfer: one transfer at a time; the blocks go through read and write by offset. */
struct ct_uds_files {
    struct ct_uds_access access;
    /* `mode` of a file `name` (len bytes). ADD, REPLACE, RESUME: *size is what will come, uncompressed (RESUME answers
     * with the offset in *offset); READ, READ_DIR: sets *size. 0 or an NRC. */
    uint8_t (*open)(void *user, enum ct_uds_file mode, const char *name, size_t len, uint32_t *size, uint32_t *offset);
    uint8_t (*read)(void *user, uint32_t offset, uint8_t *out, size_t len);
    uint8_t (*write)(void *user, uint32_t offset, const uint8_t *data, size_t len);
    uint8_t (*close)(void *user, bool complete);
};

struct ct_uds_service_access {
    uint8_t service;
    struct ct_uds_access access;
};

struct ct_uds_server_config {
    struct ct_isotp_config isotp; /* rx_id: physical requests, tx_id: responses */
    uint32_t functional_id;       /* 0: none */
    uint32_t periodic_id;         /* 2A's messages, one frame each; 0: 2A is not there */
    void *user;                   /* for every function below */

    /* Tables are kept, not copied. */
    const struct ct_uds_did *dids;
    size_t did_count;
    const struct ct_uds_routine_entry *routines;
    size_t routine_count;
    const struct ct_uds_io_entry *ios;
    size_t io_count;
    const struct ct_uds_memory *memories;
    size_t memory_count;
    const struct ct_uds_level *levels;
    size_t level_count;
    const struct ct_uds_authenticator *authenticator;
    const struct ct_uds_files *files;
    const struct ct_uds_security *security;       /* NULL: 84 is not there */
    const struct ct_uds_service_access *services; /* where they differ from table 23 of the standard */
    size_t service_count;
    struct ct_dtc_memory *dtcs; /* for 14, 19, 85 and 86 01, 08 and 09 */
    /* A second memory, which 19 17 to 19 19 and 14 name by this MemorySelection; of all 86 looks at the first only. */
    struct ct_dtc_memory *user_dtcs; /* NULL: none */
    uint8_t user_memory;
    enum ct_uds_dtc_format dtc_format;

    unsigned sessions;  /* 0: default and extended */
    unsigned resets;    /* bit of enum ct_uds_reset; 0: 11 is not there */
    bool dynamic;       /* 2C */
    bool events;        /* 86 */
    bool communication; /* 28; what is off is asked by ct_uds_server_may_send */
    /* 28 04 and 05, of a bus master: the sub-bus of `node` goes to diagnostics only, or back to its application;
     * `type` is the request's communicationType. 0 or an NRC (31: no such node). Also called, back, when the session
     * becomes the default one. NULL: neither is there. */
    uint8_t (*subnet)(void *user, uint16_t node, uint8_t type, bool diagnostics_only);

    void (*random)(void *user, uint8_t *out, size_t len); /* needed with levels or authenticator */
    /* Conditions of the maker's before a request is looked into (speed, voltage): 0 or an NRC. NULL: none. */
    uint8_t (*conditions)(void *user, const uint8_t *request, size_t len);
    /* Conditions for a session: 0 or an NRC. NULL: none. */
    uint8_t (*enter_session)(void *user, enum ct_uds_session session);
    /* After the answer to 11 has left. NULL: the server alone starts anew. */
    void (*reset)(void *user, enum ct_uds_reset kind);
    /* After the group was cleared by 14. NULL: nothing more to do. */
    uint8_t (*clear)(void *user, uint32_t group);
    /* 87: VERIFY checks a rate in bit/s, TRANSITION changes to it after the answer has left. NULL: 87 is not there. */
    uint8_t (*link)(void *user, enum ct_uds_link kind, uint32_t bitrate);
    /* Service ids 01 to 0A (OBD): 0 and the length of the positive response put into out, an NRC, or CT_UDS_NO_ANSWER.
     */
    uint8_t (*other)(void *other_user, const uint8_t *request, size_t len, uint8_t *out, size_t *out_len);
    void *other_user;

    /* Sessions in which ReadDataByIdentifier is there at all; 0: any. */
    unsigned read_sessions;
    uint16_t p2_ms, p2_star_10ms; /* told by 0x50; 0: 50 and 500 (5 s) */
    uint32_t s3_ms;               /* 0: 5000 */
    uint32_t pending_max_ms;      /* work that takes longer is answered with 10; 0: 60000 */
    uint32_t boot_ms;             /* deaf after a reset */
    uint16_t block_max;           /* maxNumberOfBlockLength of 74, 75 and 78; 0: 4095 */
    uint16_t periodic_ms[3];      /* slow, medium, fast; 0: 1000, 300, 100 */
};

struct ct_uds_server;
/* CT_ERR_ARGUMENT for tables over the limits above. */
int ct_uds_server_create(const struct ct_uds_server_config *config, struct ct_uds_server **out_server) CT_MUST_CHECK;
void ct_uds_server_free(struct ct_uds_server *server); /* accepts NULL */

bool ct_uds_server_receive(struct ct_uds_server *server, const struct ct_frame *frame, ct_ns now); /* true: was ours */
int ct_uds_server_next_frame(struct ct_uds_server *server, struct ct_frame *out_frame,
                             ct_ns now) CT_MUST_CHECK; /* AGAIN */
ct_ns ct_uds_server_tick(struct ct_uds_server *server, ct_ns now);

/* One request straight in, without transport: the length of the response put into out (0: none is sent, or not yet).
 * `out` has CT_UDS_SERVER_RESPONSE_MAX bytes. Not to be mixed with the transport's calls, tick aside. */
size_t ct_uds_server_answer(struct ct_uds_server *server, const uint8_t *request, size_t len, bool functional,
                            ct_ns now, uint8_t *out);
/* What has become due without a request: a response pending, a late final response, an event's response. */
size_t ct_uds_server_poll(struct ct_uds_server *server, ct_ns now, uint8_t *out);

/* Back to the default session at once, as when S3 ends. */
void ct_uds_server_return_to_default(struct ct_uds_server *server, ct_ns now);

struct ct_uds_server_stats {
    uint32_t requests;  /* whole requests received */
    uint32_t negatives; /* negative responses sent, NRC 78 aside */
    uint32_t silent;    /* requests that got no response on purpose */
    uint32_t pending;   /* NRC 78 sent */
    uint32_t periodic;  /* messages of 2A */
    uint32_t events;    /* responses of 86 */
    uint32_t dropped;   /* requests that came while a response was still being sent */
    uint32_t failed;    /* transfers the transport broke off */
};
void ct_uds_server_stats_get(const struct ct_uds_server *server, struct ct_uds_server_stats *out_stats);
enum ct_uds_session ct_uds_server_session(const struct ct_uds_server *server);
uint8_t ct_uds_server_unlocked(const struct ct_uds_server *server); /* level; 0: none */
uint8_t ct_uds_server_roles(const struct ct_uds_server *server);    /* authenticated */
bool ct_uds_server_busy(const struct ct_uds_server *server);        /* a request is being worked on */

/* What 28 leaves: may the ECU send (listen to) its normal or its network management messages? */
bool ct_uds_server_may_send(const struct ct_uds_server *server, bool network_management);
bool ct_uds_server_may_receive(const struct ct_uds_server *server, bool network_management);

/* Wrong keys counted by level (row of the table), to be kept over a restart: setting a count that has reached the
 * limit starts the level's delay. */
uint8_t ct_uds_server_attempts(const struct ct_uds_server *server, size_t level_row);
void ct_uds_server_attempts_set(struct ct_uds_server *server, size_t level_row, uint8_t attempts, ct_ns now);

/* The highest anti-replay counter taken by 84, to be kept over a restart: one that is not above it gets 3A. With FFFF
 * nothing more is taken until it is set anew, with a new key. */
uint16_t ct_uds_server_secured_counter(const struct ct_uds_server *server);
void ct_uds_server_secured_counter_set(struct ct_uds_server *server, uint16_t counter);

#endif
