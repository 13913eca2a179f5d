/* Internal to dbc/: the parser's state and what its two sources share. */
#ifndef CT_DBC_DBC_PARSE_H
#define CT_DBC_DBC_PARSE_H

#include "dbc_raw.h"

struct dbc_parser {
    struct dbc_raw *raw;
    struct dbc_scan scan;
    const char *keyword;             /* where the statement began */
    struct dbc_raw_message *message; /* that the next SG_ belongs to */
    bool orphans;                    /* the last BO_ could not be read: its signals are dropped with it */
};

bool ct_dbc_at_statement(struct dbc_scan *scan);
bool ct_dbc_fail(struct dbc_parser *parser, const char *wanted); /* reports what stands there; false */
void ct_dbc_end_statement(struct dbc_parser *parser);
const char *ct_dbc_name(struct dbc_parser *parser, struct dbc_span span);
bool ct_dbc_string(struct dbc_parser *parser, const char **out_text);
bool ct_dbc_id(struct dbc_parser *parser, uint32_t *out_id);

/* Statements about objects defined elsewhere (dbc_parse_refs.c). */
bool ct_dbc_parse_comment(struct dbc_parser *parser);
bool ct_dbc_parse_values(struct dbc_parser *parser);
bool ct_dbc_parse_value_table(struct dbc_parser *parser);
bool ct_dbc_parse_value_type(struct dbc_parser *parser);
bool ct_dbc_parse_selector_ranges(struct dbc_parser *parser);
bool ct_dbc_parse_attribute(struct dbc_parser *parser);
bool ct_dbc_parse_attribute_def(struct dbc_parser *parser);
bool ct_dbc_parse_attribute_default(struct dbc_parser *parser);

#endif
