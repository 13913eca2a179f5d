/* Internal to dbc/: the parser's state and what its sources share. Each handler runs behind its keyword and says
 * whether it understood; where it did not, the text is skipped to the next statement, so that one fault costs one
 * statement only. */
#ifndef CT_DBC_DBC_PARSE_H
#define CT_DBC_DBC_PARSE_H

#include "dbc_raw.h"

struct dbc_entry {
    struct ct_dbc_text text;
    size_t order;
};

struct dbc_parser {
    struct dbc_raw *raw;
    struct dbc_scan scan;
    const char *keyword;             /* where the statement began */
    struct dbc_raw_message *message; /* that the next SG_ belongs to */
    bool orphans;                    /* the last BO_ could not be read: its signals are dropped with it */
    struct dbc_entry *entries;       /* of the value table that is being read */
    size_t entry_capacity;
};

bool ct_dbc_at_statement(struct dbc_scan *scan);
bool ct_dbc_at_keyword(struct dbc_scan *scan);                   /* also of an unknown statement */
bool ct_dbc_fail(struct dbc_parser *parser, const char *wanted); /* reports what stands there; false */
void ct_dbc_end_statement(struct dbc_parser *parser);
bool ct_dbc_at_end(struct dbc_parser *parser); /* at ';', the next statement or the end of the file */
bool ct_dbc_string(struct dbc_parser *parser, struct dbc_span *out_text);
bool ct_dbc_take_name(struct dbc_parser *parser, const char *what, struct dbc_span *out_name);
bool ct_dbc_id(struct dbc_parser *parser, uint32_t *out_id);
bool ct_dbc_number_up_to(struct dbc_parser *parser, uint32_t max, const char *what, uint32_t *out_value);
bool ct_dbc_is_digit(char c);
void ct_dbc_link_ref(struct dbc_parser *parser, struct dbc_ref *ref);
void ct_dbc_add_ref(struct dbc_parser *parser, const struct dbc_ref *ref); /* a copy of it */

/* Parts of SG_, SGTYPE_ and EV_. */
bool ct_dbc_parse_size(struct dbc_parser *parser, struct dbc_raw_signal *signal);     /* 16@0+ */
bool ct_dbc_parse_physical(struct dbc_parser *parser, struct dbc_raw_signal *signal); /* (1,0) [0|100] "unit" */
bool ct_dbc_parse_range(struct dbc_parser *parser, double *out_min, double *out_max); /* [0|100] */
bool ct_dbc_parse_unit(struct dbc_parser *parser, struct dbc_span *out_unit);
/* A list of names up to ';', the end of a line that no comma ends, or the next statement. */
struct dbc_span ct_dbc_take_list(struct dbc_parser *parser);
struct dbc_span ct_dbc_take_names(struct dbc_parser *parser); /* up to ';' or the next statement */

/* Messages and their signals (dbc_parse_message.c). */
bool ct_dbc_parse_message(struct dbc_parser *parser);
bool ct_dbc_parse_signal(struct dbc_parser *parser);

/* Statements about objects defined elsewhere (dbc_parse_refs.c). */
bool ct_dbc_parse_scope(struct dbc_parser *parser, enum ct_dbc_scope *out_scope); /* BU_, BO_, SG_, EV_ */
bool ct_dbc_parse_object(struct dbc_parser *parser, struct dbc_ref *ref);
bool ct_dbc_parse_comment(struct dbc_parser *parser);
bool ct_dbc_parse_value_type(struct dbc_parser *parser);
bool ct_dbc_parse_type_value_type(struct dbc_parser *parser);
bool ct_dbc_parse_selector_ranges(struct dbc_parser *parser);
bool ct_dbc_parse_senders(struct dbc_parser *parser);
bool ct_dbc_parse_group(struct dbc_parser *parser);
bool ct_dbc_parse_type_of_signal(struct dbc_parser *parser);

/* Value tables (dbc_parse_values.c). */
bool ct_dbc_parse_values(struct dbc_parser *parser);
bool ct_dbc_parse_value_table(struct dbc_parser *parser);
bool ct_dbc_parse_type_values(struct dbc_parser *parser);

/* Environment variables and signal types (dbc_parse_objects.c). */
bool ct_dbc_parse_environment(struct dbc_parser *parser);
bool ct_dbc_parse_environment_data(struct dbc_parser *parser);
bool ct_dbc_parse_type(struct dbc_parser *parser);

/* Attributes (dbc_parse_attributes.c). */
bool ct_dbc_parse_attribute(struct dbc_parser *parser);
bool ct_dbc_parse_attribute_def(struct dbc_parser *parser);
bool ct_dbc_parse_attribute_default(struct dbc_parser *parser);
bool ct_dbc_parse_relation(struct dbc_parser *parser);
bool ct_dbc_parse_relation_def(struct dbc_parser *parser);
bool ct_dbc_parse_relation_default(struct dbc_parser *parser);

#endif
