/* The DBC database as parsed: an immutable model of plain structs.
 * Source: the DBC language as described by Vector's file format document and what real files do.
 * Owned by ct_dbc; freed at once by ct_dbc_free. Read-only after parse, so any number of threads may read it. */
#ifndef CT_DBC_DBC_H
#define CT_DBC_DBC_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_dbc_severity { CT_DBC_WARNING, CT_DBC_ERROR };

/* One problem in the text. line and column count from 1. */
struct ct_dbc_problem {
    enum ct_dbc_severity severity;
    const char *file;
    unsigned line;
    unsigned column;
    const char *text;
};
typedef void (*ct_dbc_problem_fn)(void *user, const struct ct_dbc_problem *problem);

struct ct_dbc_text { /* one entry of a value table */
    int64_t raw;
    const char *text;
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
    double start_value; /* GenSigStartValue, raw */
    bool outside;       /* does not fit into any frame of the message's length */
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
};

struct ct_dbc {
    const char *name; /* the file */
    const char *version;
    const struct ct_dbc_message *messages; /* in the file's order, pseudo messages left out */
    size_t message_count;
    const char *const *nodes;
    size_t node_count;
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

/* Text of a raw value, NULL when the table has none. */
const char *ct_dbc_text_of(const struct ct_dbc_signal *signal, int64_t raw);

#endif
