/* Internal to dbc/: what the parser hands to the builder. Statements may come in any order, so everything that names
 * another object is kept as a reference and resolved once the whole text has been read. Names stay spans of the text
 * until they go into the model. Look-ups are binary searches in sorted arrays: no choice of names makes them slow.
 * Memory: `keep` lives as long as the ct_dbc (names, texts, the model), `temp` only until it is built. */
#ifndef CT_DBC_DBC_RAW_H
#define CT_DBC_DBC_RAW_H

#include "dbc.h"

#define DBC_EXTENDED_FLAG 0x80000000U /* of an id as written: 29 bits */

struct dbc_span {
    const char *p;
    size_t len;
};

/* ---- arena: memory freed at once; a failed allocation is remembered */
struct dbc_chunk;
struct dbc_arena {
    struct dbc_chunk *chunks;
    bool failed;
};
void *ct_dbc_alloc(struct dbc_arena *arena, size_t size);      /* zeroed, aligned; NULL when out of memory */
char *ct_dbc_alloc_text(struct dbc_arena *arena, size_t size); /* zeroed bytes; NULL when out of memory */
void *ct_dbc_alloc_array(struct dbc_arena *arena, size_t count, size_t item_size); /* as alloc; room for one at least */
void ct_dbc_arena_free(struct dbc_arena *arena);
/* Room for one item more in an array that grows by doubling; the (possibly moved) array, NULL when out of memory. */
void *ct_dbc_grow(struct dbc_arena *arena, void *items, size_t count, size_t *capacity, size_t item_size);
/* A copy of a text as UTF-8: bytes that are not UTF-8 are taken for Windows-1252; `\"` becomes `"`, CRLF becomes LF. */
const char *ct_dbc_utf8(struct dbc_arena *arena, struct dbc_span span);

/* ---- problems and places */
struct dbc_report {
    ct_dbc_problem_fn fn;
    void *user;
    const char *file;
    const char *text; /* behind a byte order mark */
    uint32_t *lines;  /* where each line starts; at least one */
    size_t line_count;
    size_t hint; /* the line last asked for */
    unsigned warnings;
    unsigned errors;
};
bool ct_dbc_find_lines(struct dbc_report *report, struct dbc_arena *arena, const char *end);
struct ct_dbc_place ct_dbc_place_of(struct dbc_report *report, const char *place);
void ct_dbc_report(struct dbc_report *report, enum ct_dbc_code code, const char *place, const char *format, ...)
    CT_PRINTF(4, 5);
int ct_dbc_shown(struct dbc_span span); /* how much of a name goes into a problem's text */

/* ---- scanner: a cursor over the text; every take_ skips blanks and comments first */
struct dbc_scan {
    const char *p;
    const char *end;
    const char *begin;
    const char *unclosed; /* from here on no string is closed any more */
};
void ct_dbc_skip_blank(struct dbc_scan *scan);
char ct_dbc_peek_far(struct dbc_scan *scan);
static inline char ct_dbc_peek(struct dbc_scan *scan) /* 0 at the end */
{
    const bool near = scan->p<scan->end && * scan->p> ' ' && *scan->p != '/';
    return near ? *scan->p : ct_dbc_peek_far(scan);
}
static inline bool ct_dbc_take_char(struct dbc_scan *scan, char wanted)
{
    const bool taken = ct_dbc_peek(scan) == wanted;
    scan->p += taken ? 1 : 0;
    return taken;
}
struct dbc_span ct_dbc_take_word(struct dbc_scan *scan); /* empty when there is none */
bool ct_dbc_take_string(struct dbc_scan *scan, bool one_line, struct dbc_span *out_span);
bool ct_dbc_take_uint(struct dbc_scan *scan, uint64_t *out_value);
bool ct_dbc_take_int(struct dbc_scan *scan, int64_t *out_value); /* also 1.0 and what needs 64 unsigned bits */
bool ct_dbc_take_double(struct dbc_scan *scan, double *out_value);
bool ct_dbc_number(struct dbc_span span, double *out_value); /* the whole span is a number */
bool ct_dbc_span_is(struct dbc_span span, const char *text);
bool ct_dbc_same_span(struct dbc_span a, struct dbc_span b);
bool ct_dbc_first_on_line(const struct dbc_scan *scan);
bool ct_dbc_same_line(struct dbc_scan *scan); /* more on this line, blanks aside */
void ct_dbc_skip_line(struct dbc_scan *scan);
/* Behind the next ';', or at the next line that starts a statement. */
void ct_dbc_skip_statement(struct dbc_scan *scan, bool (*starts_statement)(struct dbc_scan *scan));

/* ---- whatever has a name, and look-up by it */
struct dbc_named { /* first member of its owner */
    struct dbc_span name;
    const char *place;
    struct dbc_named *next; /* in the file's order */
    uint32_t order;
};
struct dbc_list {
    struct dbc_named *first;
    struct dbc_named *last;
    uint32_t count;
};
struct dbc_index { /* sorted by name, of one name in the file's order */
    struct dbc_named **items;
    size_t count;
};
void ct_dbc_append(struct dbc_list *list, struct dbc_named *named);
void ct_dbc_sort_named(struct dbc_named **items, size_t count);
bool ct_dbc_make_index(struct dbc_arena *arena, const struct dbc_list *list, struct dbc_index *out_index);
/* The first of that name, NULL when there is none; the others follow it in the index. */
struct dbc_named *ct_dbc_find_named(const struct dbc_index *index, struct dbc_span name);

/* ---- references */
enum dbc_ref_kind {
    DBC_REF_COMMENT,   /* text */
    DBC_REF_VALUES,    /* texts, or `other`: the table */
    DBC_REF_FLOAT,     /* number: 0 integer, 1 float, 2 double */
    DBC_REF_MUX,       /* other: the selector; ranges */
    DBC_REF_ATTRIBUTE, /* other: the attribute; text: its value */
    DBC_REF_DEFAULT,   /* as an attribute, of no object; number: 1 for relations */
    DBC_REF_TYPE,      /* other: the signal type */
    DBC_REF_SENDERS,   /* text: their list */
    DBC_REF_GROUP,     /* name: the group's; number: repetitions; text: the list of signals */
    DBC_REF_DATA,      /* number: bytes of an environment variable */
};

struct dbc_raw_def;
struct dbc_ref {   /* a file has as many as statements: kept small */
    uint8_t kind;  /* enum dbc_ref_kind */
    uint8_t scope; /* enum ct_dbc_scope */
    bool quoted;   /* the text is a string */
    uint32_t id;
    uint32_t number; /* of texts and ranges: how many */
    struct dbc_span name;
    struct dbc_span other;
    struct dbc_span text;
    const char *place;
    union {
        const struct ct_dbc_text *texts;
        const struct ct_dbc_range *ranges;
        struct dbc_raw_def *def;
    } of;
    struct dbc_ref *next;      /* in the file's order */
    struct dbc_ref *said_next; /* of one object and purpose */
};
struct dbc_relation_ref { /* BA_REL_ */
    struct dbc_ref ref;   /* first member */
    struct dbc_span node;
};
static inline struct dbc_span ct_dbc_relation_node(const struct dbc_ref *ref)
{
    return ((const struct dbc_relation_ref *)(const void *)ref)->node;
}
struct dbc_chain { /* by said_next */
    struct dbc_ref *first;
    struct dbc_ref *last;
    size_t count;
};
void ct_dbc_chain(struct dbc_chain *chain, struct dbc_ref *ref);

/* What references say about an object; of several objects of one name the first holds it for all. */
struct dbc_said {
    const struct dbc_ref *comment;
    const struct dbc_ref *values;
    struct dbc_chain attributes;
};

/* ---- objects */
struct dbc_raw_node {
    struct dbc_named named;
    struct dbc_said said;
    const char *model_name; /* once it is built */
};

struct dbc_raw_table {
    struct dbc_named named;
    const struct ct_dbc_text *texts;
    size_t text_count;
};

struct dbc_raw_type { /* SGTYPE_ */
    struct dbc_named named;
    struct dbc_span table;
    const struct dbc_ref *values;
    const struct dbc_ref *value_type;
    double factor;
    double offset;
    uint16_t length;
    bool big_endian;
    bool is_signed;
};

struct dbc_raw_environment {
    struct dbc_named named;
    struct dbc_said said;
    const struct dbc_ref *data;
    struct dbc_span unit;
    struct dbc_span nodes;
    uint32_t type;
    uint32_t access;
    uint32_t id;
    double min;
    double max;
    double initial;
    const struct ct_dbc_environment *model;
};

struct dbc_raw_message;
struct dbc_raw_signal {
    struct dbc_named named;
    struct dbc_raw_message *message;
    struct dbc_raw_signal *leader;   /* the first of this name in the messages of this id: what is said is said there */
    struct dbc_raw_signal *selector; /* of the first of this name in the message: the first of the name that is one */
    struct dbc_raw_signal *parent;
    struct dbc_said said;
    struct dbc_chain selectors; /* SG_MUL_VAL_ */
    const struct dbc_ref *value_type;
    const struct dbc_ref *type;
    const char *comment; /* of the leader, once it is converted */
    struct ct_dbc_attributes attributes;
    struct dbc_span unit;
    struct dbc_span receivers;
    const struct ct_dbc_range *ranges;
    size_t range_count;
    double factor;
    double offset;
    double min;
    double max;
    uint64_t mux_value;
    uint32_t members; /* of the leader: how many have this name */
    uint32_t visit;   /* while circles are looked for */
    uint16_t index;
    uint16_t start_bit;
    uint16_t length;
    bool big_endian;
    bool is_signed;
    bool is_selector;
    bool muxed; /* m<n> */
    bool finished;
    bool renamed; /* a later signal of the name can be in the same frame */
};

struct dbc_raw_message {
    struct dbc_named named;
    uint32_t id; /* as written, bit 31 included */
    uint32_t length;
    bool hidden; /* no frame: pool of unused signals, pseudo id */
    struct dbc_span sender;
    struct dbc_list signals;
    struct dbc_index by_name;       /* its own signals */
    struct dbc_raw_message *leader; /* the first of this id */
    struct dbc_index all_by_name;   /* of the leader: the signals of all messages of this id */
    struct dbc_said said;
    struct dbc_chain senders;
    struct dbc_chain groups;
    struct ct_dbc_message *model;
};

/* Attributes that mean something here. */
enum dbc_attribute {
    DBC_ATTR_FRAME_FORMAT,
    DBC_ATTR_CYCLE,
    DBC_ATTR_START,
    DBC_ATTR_PROTOCOL,
    DBC_ATTR_BRS,
    DBC_ATTR_BAUDRATE,
    DBC_ATTR_LONG_MESSAGE,
    DBC_ATTR_LONG_SIGNAL,
    DBC_ATTR_LONG_NODE,
    DBC_ATTR_LONG_ENVIRONMENT,
    DBC_ATTR_COUNT
};

struct dbc_raw_def {
    struct dbc_named named;
    struct ct_dbc_attribute_def content; /* the name aside */
    struct dbc_list texts;               /* ENUM */
    struct dbc_index texts_by_name;
    const struct dbc_ref *preset;
    struct ct_dbc_attribute_def *model;
    const void *owner; /* the object whose values were last collected, and where this one stands among them */
    size_t slot;
    struct dbc_raw_def *meant; /* of the first of its name: the one that counts */
    bool dropped;              /* implied once more */
};

#define DBC_SCOPES (CT_DBC_SCOPE_NODE_SIGNAL + 1)

struct dbc_raw {
    struct dbc_arena *keep;
    struct dbc_arena *temp;
    struct dbc_report *report;
    struct dbc_span version;
    uint32_t bit_rate; /* BS_ */
    struct dbc_list messages;
    struct dbc_list nodes;
    struct dbc_list tables;
    struct dbc_list types;
    struct dbc_list environment;
    struct dbc_list defs[DBC_SCOPES];
    struct dbc_ref *refs;
    struct dbc_ref **refs_tail;
    /* made by the builder */
    struct dbc_said said; /* about the network */
    struct dbc_chain comments;
    struct dbc_chain relations;
    struct dbc_raw_message **by_id;
    struct dbc_raw_message *last_message; /* found by id */
    struct dbc_index nodes_by_name;
    struct dbc_index tables_by_name;
    struct dbc_index types_by_name;
    struct dbc_index environment_by_name;
    struct dbc_index defs_by_name[DBC_SCOPES];
    const struct ct_dbc_value *known[DBC_ATTR_COUNT]; /* what stands where an object has no value of its own */
    const struct ct_dbc_attribute_def *known_defs[DBC_ATTR_COUNT];
    bool all_null_sources;     /* every 29-bit id ends in 0xFE */
    struct dbc_span last_list; /* of names, and what it became */
    const char *const *last_names;
    size_t last_count;
};

void ct_dbc_parse_text(struct dbc_raw *raw, const char *text, size_t len);

/* Fills `dbc` from `raw`. CT_ERR_NO_MEMORY or CT_OK. */
int ct_dbc_build(struct dbc_raw *raw, struct ct_dbc *dbc) CT_MUST_CHECK;

/* dbc_resolve.c: sorts everything by name and id, then hands each reference to its object. */
bool ct_dbc_resolve(struct dbc_raw *raw);
struct dbc_raw_message *ct_dbc_message_by_id(struct dbc_raw *raw, uint32_t id);

/* dbc_attributes.c */
bool ct_dbc_build_defs(struct dbc_raw *raw, struct ct_dbc *dbc);
struct ct_dbc_attributes ct_dbc_build_attributes(struct dbc_raw *raw, const struct dbc_chain *chain);
struct ct_dbc_value ct_dbc_build_value(struct dbc_raw *raw, const struct dbc_raw_def *def, const struct dbc_ref *ref);
void ct_dbc_note_known(struct dbc_raw *raw, struct ct_dbc_attributes network);
/* The value of an attribute that means something: explicit, else the network's or the default; NULL when none. */
const struct ct_dbc_value *ct_dbc_known_value(const struct dbc_raw *raw, struct ct_dbc_attributes attributes,
                                              enum dbc_attribute attribute);
double ct_dbc_value_number(const struct ct_dbc_value *value); /* also where a string holds it */
/* The long name among the attributes, else the short one. */
const char *ct_dbc_long_name(const struct dbc_raw *raw, struct ct_dbc_attributes attributes,
                             enum dbc_attribute attribute, const char *short_name);

/* dbc_build.c: names in a list of nodes, Vector__XXX left out. */
const char *const *ct_dbc_build_names(struct dbc_raw *raw, struct dbc_span list, size_t *out_count);
bool ct_dbc_next_name(struct dbc_scan *scan, struct dbc_span *out_name);
const char *ct_dbc_node_name(struct dbc_raw *raw, struct dbc_span name); /* the model's; "" for Vector__XXX */
const char *ct_dbc_build_comment(struct dbc_raw *raw, const struct dbc_said *said);
/* Texts of VAL_: its own, or those of the table it names. */
void ct_dbc_build_texts(struct dbc_raw *raw, const struct dbc_ref *ref, const struct ct_dbc_text **out_texts,
                        size_t *out_count);

void ct_dbc_build_type_texts(struct dbc_raw *raw, const struct dbc_raw_type *type, const struct ct_dbc_text **out_texts,
                             size_t *out_count);

/* dbc_finish.c: one message with everything resolved; false when out of memory. */
bool ct_dbc_finish_message(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_message *out_message);

/* dbc_selectors.c: who is whose selector, per message, once all references are resolved. */
void ct_dbc_link_selectors(struct dbc_raw *raw, struct dbc_raw_message *message);

/* Signals of one name that one frame can hold get names of their own (in `signals`, the message's model). */
void ct_dbc_part_names(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_signal *signals);

#endif
