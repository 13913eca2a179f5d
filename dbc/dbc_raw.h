/* Internal to dbc/: what the parser hands to the builder. Statements may come in any order, so everything that names
 * another object is kept as a reference and resolved once the whole text has been read.
 * Memory: `keep` lives as long as the ct_dbc (names, texts, the model), `temp` only until it is built. */
#ifndef CT_DBC_DBC_RAW_H
#define CT_DBC_DBC_RAW_H

#include "dbc.h"

/* ---- arena: memory freed at once; a failed allocation is remembered */
struct dbc_chunk;
struct dbc_arena {
    struct dbc_chunk *chunks;
    bool failed;
};
void *ct_dbc_alloc(struct dbc_arena *arena, size_t size); /* zeroed, aligned; NULL when out of memory */
void ct_dbc_arena_free(struct dbc_arena *arena);
/* Room for one item more in an array that grows by doubling; the (possibly moved) array, NULL when out of memory. */
void *ct_dbc_grow(struct dbc_arena *arena, void *items, size_t count, size_t *capacity, size_t item_size);
/* A copy of text as UTF-8: bytes that are not UTF-8 are taken for Windows-1252; `\"` becomes `"`, CRLF becomes LF. */
const char *ct_dbc_utf8(struct dbc_arena *arena, const char *text, size_t len);

/* ---- problems */
struct dbc_report {
    ct_dbc_problem_fn fn;
    void *user;
    const char *file;
    const char *text;
    const char *place; /* where `line` was counted to */
    unsigned line;
    const char *line_start;
    unsigned warnings;
    unsigned errors;
};
void ct_dbc_report(struct dbc_report *report, enum ct_dbc_severity severity, const char *place, const char *format, ...)
    CT_PRINTF(4, 5);

/* ---- scanner: a cursor over the text; every take_ skips blanks and comments first */
struct dbc_scan {
    const char *p;
    const char *end;
    const char *begin;
    const char *unclosed; /* from here on no string is closed any more */
};
struct dbc_span {
    const char *p;
    size_t len;
};
void ct_dbc_skip_blank(struct dbc_scan *scan);
bool ct_dbc_take_char(struct dbc_scan *scan, char wanted);
char ct_dbc_peek(struct dbc_scan *scan);                 /* 0 at the end */
struct dbc_span ct_dbc_take_word(struct dbc_scan *scan); /* empty when there is none */
bool ct_dbc_take_string(struct dbc_scan *scan, bool one_line, struct dbc_span *out_span);
bool ct_dbc_take_uint(struct dbc_scan *scan, uint64_t *out_value);
bool ct_dbc_take_int(struct dbc_scan *scan, int64_t *out_value); /* also 1.0 and what needs 64 unsigned bits */
bool ct_dbc_take_double(struct dbc_scan *scan, double *out_value);
bool ct_dbc_span_is(struct dbc_span span, const char *text);
bool ct_dbc_first_on_line(const struct dbc_scan *scan);
bool ct_dbc_same_line(struct dbc_scan *scan); /* more on this line, blanks aside */
void ct_dbc_skip_line(struct dbc_scan *scan);
/* Behind the next ';', or at the next line that starts a statement. */
void ct_dbc_skip_statement(struct dbc_scan *scan, bool (*starts_statement)(struct dbc_scan *scan));

/* ---- statements */
struct dbc_entry {
    int64_t raw;
    const char *text;
    size_t order;
};
struct dbc_entries {
    struct dbc_entry *items;
    size_t count;
    size_t capacity;
};
struct dbc_ranges {
    struct ct_dbc_range *items;
    size_t count;
    size_t capacity;
};

struct dbc_raw_message;

struct dbc_raw_signal {
    struct ct_dbc_signal model;
    const char *place;
    struct dbc_raw_message *message;
    struct dbc_raw_signal *next;
    struct dbc_raw_signal *hash_next;
    uint16_t index;
    bool muxed; /* m<n> */
    uint64_t mux_value;
    struct dbc_ranges ranges; /* from SG_MUL_VAL_ */
    struct dbc_raw_signal *parent;
    const char *long_name;
};

struct dbc_raw_message {
    struct ct_dbc_message model;
    const char *place;
    uint32_t id; /* as written, bit 31 included */
    bool hidden; /* no frame: pool of unused signals, pseudo id */
    struct dbc_raw_signal *first;
    struct dbc_raw_signal *last;
    struct dbc_raw_message *next;
    struct dbc_raw_message *hash_next;
    const char *long_name;
    const char *frame_format; /* VFrameFormat, NULL: the default */
    const char *brs;
};

enum dbc_attribute {
    DBC_ATTR_FRAME_FORMAT,
    DBC_ATTR_CYCLE,
    DBC_ATTR_START,
    DBC_ATTR_PROTOCOL,
    DBC_ATTR_BUS,
    DBC_ATTR_BRS,
    DBC_ATTR_LONG_MESSAGE,
    DBC_ATTR_LONG_SIGNAL,
    DBC_ATTR_LONG_NODE,
    DBC_ATTR_COUNT,
    DBC_ATTR_NONE = DBC_ATTR_COUNT /* one that decides nothing here */
};

struct dbc_attribute_def {
    const char **texts; /* ENUM */
    size_t text_count;
    size_t text_capacity;
    const char *preset; /* default */
};

enum dbc_object { DBC_NETWORK, DBC_NODE, DBC_MESSAGE, DBC_SIGNAL, DBC_OTHER };
enum dbc_ref_kind { DBC_REF_COMMENT, DBC_REF_VALUES, DBC_REF_FLOAT, DBC_REF_MUX, DBC_REF_ATTRIBUTE };

struct dbc_ref {
    enum dbc_ref_kind kind;
    enum dbc_object object;
    uint32_t id;
    const char *name; /* signal, node or environment variable */
    const char *place;
    const char *text; /* comment, attribute value, value table or selector name */
    uint64_t number;  /* SIG_VALTYPE_ */
    enum dbc_attribute attribute;
    struct dbc_entries entries;
    struct dbc_ranges ranges;
    struct dbc_ref *next;
};

struct dbc_raw_table {
    const char *name;
    struct dbc_entries entries;
    struct dbc_raw_table *next;
};

struct dbc_raw_node {
    const char *name;
    struct dbc_raw_node *next;
};

struct dbc_raw {
    struct dbc_arena *keep;
    struct dbc_arena *temp;
    struct dbc_report *report;
    const char *version;
    struct dbc_raw_message *messages;
    struct dbc_raw_message **messages_tail;
    size_t message_count;
    size_t signal_count;
    struct dbc_ref *refs;
    struct dbc_ref **refs_tail;
    struct dbc_raw_table *tables;
    struct dbc_raw_node *nodes;
    struct dbc_raw_node **nodes_tail;
    struct dbc_attribute_def attributes[DBC_ATTR_COUNT];
    bool all_null_sources; /* every 29-bit id ends in 0xFE */
};

void ct_dbc_parse_text(struct dbc_raw *raw, const char *text, size_t len);

/* Fills `dbc` from `raw`. CT_ERR_NO_MEMORY or CT_OK. */
int ct_dbc_build(struct dbc_raw *raw, struct ct_dbc *dbc) CT_MUST_CHECK;

/* One message with everything resolved; false when out of memory. */
bool ct_dbc_finish_message(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_message *out_message);

/* Who is whose selector, per message, once all references are resolved. */
void ct_dbc_link_selectors(struct dbc_raw *raw, struct dbc_raw_message *message);

/* Signals of one name that one frame can hold get names of their own. */
void ct_dbc_part_names(struct dbc_raw *raw, struct dbc_raw_message *message);

#endif
