/* The DBC database as parsed: an immutable model of plain structs.
 * Source: the DBC language as described by Vector's file format document and what real files do.
 * Owned by ct_dbc; freed at once by ct_dbc_free. Read-only after parse, so any number of threads may read it. */
#ifndef CT_DBC_DBC_H
#define CT_DBC_DBC_H

#include "dbc_codes.h"
#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_dbc_severity { CT_DBC_WARNING, CT_DBC_ERROR, CT_DBC_INFO };

/* One problem in the text. line and column count from 1; columns are bytes, a byte order mark is none. Lines end in LF,
 * CRLF or CR. */
struct ct_dbc_problem {
    enum ct_dbc_severity severity;
    enum ct_dbc_code code; /* stable: what kind of problem */
    const char *file;
    unsigned line;
    unsigned column;
    const char *text;
};
typedef void (*ct_dbc_problem_fn)(void *user, const struct ct_dbc_problem *problem);

/* Where an object stands in the text, from 1. */
struct ct_dbc_place {
    unsigned line;
    unsigned column;
};

struct ct_dbc_text { /* one entry of a value table */
    int64_t raw;
    const char *text;
};

/* ---- attributes */

/* What an attribute belongs to: BA_DEF_ of the network, BU_, BO_, SG_, EV_; BA_DEF_REL_ of BU_EV_REL_, BU_BO_REL_,
 * BU_SG_REL_. */
enum ct_dbc_scope {
    CT_DBC_SCOPE_NETWORK,
    CT_DBC_SCOPE_NODE,
    CT_DBC_SCOPE_MESSAGE,
    CT_DBC_SCOPE_SIGNAL,
    CT_DBC_SCOPE_ENVIRONMENT,
    CT_DBC_SCOPE_NODE_ENVIRONMENT,
    CT_DBC_SCOPE_NODE_MESSAGE,
    CT_DBC_SCOPE_NODE_SIGNAL,
};

enum ct_dbc_value_type { CT_DBC_INT, CT_DBC_HEX, CT_DBC_FLOAT, CT_DBC_STRING, CT_DBC_ENUM };

struct ct_dbc_value {
    double number;    /* INT, HEX, FLOAT; ENUM: the index, -1 when the text is none of the definition's */
    const char *text; /* STRING, ENUM; the others: as written in the file. Never NULL */
};

struct ct_dbc_attribute_def {
    const char *name;
    enum ct_dbc_scope scope;
    enum ct_dbc_value_type type;
    double min; /* INT, HEX, FLOAT; min == max: no range given */
    double max;
    const char *const *texts; /* ENUM */
    size_t text_count;
    bool has_default;
    struct ct_dbc_value preset;
    bool implied; /* no BA_DEF_ defines it, a value only uses it: FLOAT or STRING, as that value is written */
    struct ct_dbc_place place;
};

/* A value that the file gives explicitly (BA_); where it gives none the definition's default counts. */
struct ct_dbc_attribute {
    const struct ct_dbc_attribute_def *def;
    struct ct_dbc_value value;
};

struct ct_dbc_attributes {
    const struct ct_dbc_attribute *items; /* in the file's order; of two of one name the last */
    size_t count;
};

/* ---- nodes, value tables, signals, messages */

struct ct_dbc_node {
    const char *name;       /* the long name where the file defines one */
    const char *short_name; /* as BU_ lists it */
    const char *comment;    /* NULL when none */
    struct ct_dbc_attributes attributes;
    struct ct_dbc_place place;
};

enum ct_dbc_kind { CT_DBC_INTEGER, CT_DBC_FLOAT32, CT_DBC_FLOAT64, CT_DBC_BLOB /* over 64 bits */ };

struct ct_dbc_range { /* selector values, both ends included */
    uint64_t first;
    uint64_t last;
};

struct ct_dbc_signal {
    const char *name;    /* the long name where the file defines one; `X#8` (8: start bit) for the earlier ones of
                            several signals X that one frame can hold */
    const char *unit;    /* UTF-8, "" when none */
    const char *comment; /* NULL when none */
    uint16_t start_bit;  /* as written: LSB (Intel) or MSB in sawtooth numbering (Motorola) */
    uint16_t length;     /* bits */
    bool big_endian;     /* Motorola */
    bool is_signed;
    enum ct_dbc_kind kind;
    double factor;
    double offset;
    bool integer_scale; /* factor and offset are integers: the physical value of an integer signal is one too */
    double min;
    double max;                      /* min == max: no range given */
    const struct ct_dbc_text *texts; /* sorted by raw */
    size_t text_count;
    bool is_selector;                  /* a multiplexer (M, mNM) */
    int32_t selector;                  /* index of the multiplexer in the message, -1: always there */
    const struct ct_dbc_range *ranges; /* selector values that make it active */
    size_t range_count;
    bool has_start_value;
    double start_value;           /* GenSigStartValue, raw */
    bool outside;                 /* does not fit into any frame of the message's length */
    const char *short_name;       /* as its SG_ statement names it */
    const char *const *receivers; /* node names, Vector__XXX left out */
    size_t receiver_count;
    const char *type_name; /* SGTYPE_ it refers to, NULL when none */
    struct ct_dbc_attributes attributes;
    struct ct_dbc_place place;
};

struct ct_dbc_group { /* SIG_GROUP_ */
    const char *name;
    uint32_t repetitions;
    const uint16_t *signals; /* indices in the message */
    size_t signal_count;
};

struct ct_dbc_message {
    uint32_t id; /* arbitration id without bit 31 */
    bool extended;
    bool fd;
    bool brs;   /* FD: sent with bit rate switch */
    bool j1939; /* match by PGN */
    const char *name;
    const char *comment;
    const char *sender; /* "" for Vector__XXX */
    uint32_t length;    /* bytes as written; may exceed 64 for transported messages */
    double cycle_ms;    /* GenMsgCycleTime, 0 unknown */
    const struct ct_dbc_signal *signals;
    size_t signal_count;
    const char *short_name;          /* as its BO_ statement names it */
    uint32_t written_id;             /* as in the BO_ statement, bit 31 included */
    const char *const *more_senders; /* BO_TX_BU_, without `sender` */
    size_t more_sender_count;
    const struct ct_dbc_group *groups;
    size_t group_count;
    struct ct_dbc_attributes attributes;
    struct ct_dbc_place place;
};

struct ct_dbc_table { /* VAL_TABLE_ */
    const char *name;
    const struct ct_dbc_text *texts; /* sorted by raw */
    size_t text_count;
    struct ct_dbc_place place;
};

enum ct_dbc_environment_type { CT_DBC_ENV_INT, CT_DBC_ENV_FLOAT, CT_DBC_ENV_STRING, CT_DBC_ENV_DATA };

struct ct_dbc_environment { /* EV_ */
    const char *name;       /* the long name where the file defines one */
    const char *short_name;
    const char *comment; /* NULL when none */
    const char *unit;
    enum ct_dbc_environment_type type;
    double min;
    double max;
    double initial;
    uint32_t id;
    uint32_t access;    /* 0 unrestricted, 1 read, 2 write, 3 both */
    uint32_t data_size; /* DATA: bytes (ENVVAR_DATA_) */
    const char *const *nodes;
    size_t node_count;
    const struct ct_dbc_text *texts; /* VAL_, sorted by raw */
    size_t text_count;
    struct ct_dbc_attributes attributes;
    struct ct_dbc_place place;
};

/* BA_REL_: an attribute of a node together with a message it sends, a signal it receives or an environment variable. */
struct ct_dbc_relation {
    struct ct_dbc_attribute attribute;
    const char *node;
    const struct ct_dbc_message *message;         /* NODE_MESSAGE, NODE_SIGNAL; else NULL */
    const struct ct_dbc_signal *signal;           /* NODE_SIGNAL; else NULL */
    const struct ct_dbc_environment *environment; /* NODE_ENVIRONMENT; else NULL */
};

struct ct_dbc {
    const char *name; /* the file */
    const char *version;
    const struct ct_dbc_message *messages; /* in the file's order, pseudo messages left out */
    size_t message_count;
    const struct ct_dbc_message *pseudo; /* no frames: the pool of unused signals, ids beyond 29 bits */
    size_t pseudo_count;
    const struct ct_dbc_node *nodes;
    size_t node_count;
    const struct ct_dbc_table *tables;
    size_t table_count;
    const struct ct_dbc_environment *environment;
    size_t environment_count;
    const struct ct_dbc_attribute_def *attribute_defs;
    size_t attribute_def_count;
    struct ct_dbc_attributes attributes; /* of the network */
    const struct ct_dbc_relation *relations;
    size_t relation_count;
    const char *comment; /* CM_ of the network, several ones a line each; NULL when none */
    uint32_t baudrate;   /* BS_ or attribute Baudrate, bit/s, 0 unknown */
    unsigned warning_count;
    unsigned error_count;
};

/* Parses `len` bytes of text. Problems are reported as they are found, all of them in one run; *out_dbc is set when the
 * text holds anything usable. Returns CT_ERR_SYNTAX when there were errors (the model of what was readable is still
 * given), CT_ERR_NO_MEMORY, CT_ERR_TOO_LARGE (over 64 MiB). `report` may be NULL. */
int ct_dbc_parse(const char *file, const char *text, size_t len, ct_dbc_problem_fn report, void *user,
                 struct ct_dbc **out_dbc) CT_MUST_CHECK;
void ct_dbc_free(struct ct_dbc *dbc); /* accepts NULL */

const struct ct_dbc_message *ct_dbc_find_message(const struct ct_dbc *dbc, const char *name);
const struct ct_dbc_signal *ct_dbc_find_signal(const struct ct_dbc_message *message, const char *name);

/* The value an attribute has on an object: the explicit one, else the definition's default; NULL when there is neither
 * or no such definition in this scope. */
const struct ct_dbc_value *ct_dbc_attribute(const struct ct_dbc *dbc, enum ct_dbc_scope scope,
                                            const struct ct_dbc_attributes *attributes, const char *name);

/* Text of a raw value, NULL when the table has none. */
const char *ct_dbc_text_of(const struct ct_dbc_signal *signal, int64_t raw);

#endif
