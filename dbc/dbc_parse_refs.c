/* Statements that say something about an object defined elsewhere. They become references; the builder resolves them.
 */
#include "dbc_parse.h"

/* SG_ id name; real files leave out the name. */
static bool parse_signal_object(struct dbc_parser *parser, struct dbc_ref *ref)
{
    if (!ct_dbc_id(parser, &ref->id)) {
        return false;
    }
    if (ct_dbc_peek(&parser->scan) == '"') {
        ref->scope = CT_DBC_SCOPE_MESSAGE;
        return true;
    }
    return ct_dbc_take_name(parser, "a signal name", &ref->name);
}

bool ct_dbc_parse_scope(struct dbc_parser *parser, enum ct_dbc_scope *out_scope)
{
    static const struct {
        const char *keyword;
        enum ct_dbc_scope scope;
    } scopes[] = {
        {"SG_", CT_DBC_SCOPE_SIGNAL},
        {"BO_", CT_DBC_SCOPE_MESSAGE},
        {"BU_", CT_DBC_SCOPE_NODE},
        {"EV_", CT_DBC_SCOPE_ENVIRONMENT},
    };
    (void)ct_dbc_peek(&parser->scan);
    const char *place = parser->scan.p;
    const struct dbc_span word = ct_dbc_take_word(&parser->scan);
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        if (ct_dbc_span_is(word, scopes[i].keyword)) {
            *out_scope = scopes[i].scope;
            return true;
        }
    }
    parser->scan.p = place;
    return false;
}

/* BU_ node, BO_ id, SG_ id name, EV_ name, or nothing for the network. */
bool ct_dbc_parse_object(struct dbc_parser *parser, struct dbc_ref *ref)
{
    enum ct_dbc_scope scope = CT_DBC_SCOPE_NETWORK;
    (void)ct_dbc_parse_scope(parser, &scope);
    ref->scope = (uint8_t)scope;
    switch (scope) {
    case CT_DBC_SCOPE_MESSAGE:
        return ct_dbc_id(parser, &ref->id);
    case CT_DBC_SCOPE_SIGNAL:
        return parse_signal_object(parser, ref);
    case CT_DBC_SCOPE_NODE:
        return ct_dbc_take_name(parser, "the name of a node", &ref->name);
    case CT_DBC_SCOPE_ENVIRONMENT:
        return ct_dbc_take_name(parser, "the name of an environment variable", &ref->name);
    case CT_DBC_SCOPE_NETWORK:
    case CT_DBC_SCOPE_NODE_ENVIRONMENT:
    case CT_DBC_SCOPE_NODE_MESSAGE:
    case CT_DBC_SCOPE_NODE_SIGNAL:
        break;
    }
    return true;
}

bool ct_dbc_parse_comment(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_COMMENT};
    if (!ct_dbc_parse_object(parser, &ref)) {
        return false;
    }
    if (ref.scope == CT_DBC_SCOPE_NETWORK && ct_dbc_is_digit(ct_dbc_peek(&parser->scan))) {
        ref.scope = CT_DBC_SCOPE_MESSAGE; /* hyundai_can leaves out the BO_ */
        if (!ct_dbc_id(parser, &ref.id)) {
            return false;
        }
    }
    if (ref.scope == CT_DBC_SCOPE_NETWORK && ct_dbc_peek(&parser->scan) != '"') {
        return ct_dbc_fail(parser, "BU_, BO_, SG_, EV_ or a comment in quotes");
    }
    if (!ct_dbc_string(parser, &ref.text)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

static bool parse_type_number(struct dbc_parser *parser, struct dbc_ref *ref)
{
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_number_up_to(parser, 3, "value type 0 (integer), 1 (float) or 2 (double)", &ref->number)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, ref);
    return true;
}

/* SIG_VALTYPE_ 256 Sig : 1; */
bool ct_dbc_parse_value_type(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_FLOAT, .scope = CT_DBC_SCOPE_SIGNAL};
    return ct_dbc_id(parser, &ref.id) && ct_dbc_take_name(parser, "a signal name", &ref.name) &&
           parse_type_number(parser, &ref);
}

/* SIGTYPE_VALTYPE_ Type : 1; */
bool ct_dbc_parse_type_value_type(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_FLOAT, .scope = CT_DBC_SCOPE_NETWORK};
    return ct_dbc_take_name(parser, "the name of a signal type", &ref.name) && parse_type_number(parser, &ref);
}

static bool parse_range(struct dbc_parser *parser, struct ct_dbc_range *out_range)
{
    struct dbc_scan *scan = &parser->scan;
    if (!ct_dbc_take_uint(scan, &out_range->first)) {
        return ct_dbc_fail(parser, "a range of selector values (3-7)");
    }
    if (!ct_dbc_take_char(scan, '-')) {
        out_range->last = out_range->first;
        return true;
    }
    return ct_dbc_take_uint(scan, &out_range->last) || ct_dbc_fail(parser, "the end of the range");
}

/* SG_MUL_VAL_ 256 Sig Selector 1-3, 7-7; */
bool ct_dbc_parse_selector_ranges(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_MUX, .scope = CT_DBC_SCOPE_SIGNAL};
    struct ct_dbc_range *ranges = NULL;
    size_t capacity = 0;
    if (!ct_dbc_id(parser, &ref.id) || !ct_dbc_take_name(parser, "a signal name", &ref.name) ||
        !ct_dbc_take_name(parser, "the name of the multiplexer", &ref.other)) {
        return false;
    }
    while (!ct_dbc_at_end(parser)) {
        struct ct_dbc_range range;
        if (!parse_range(parser, &range)) {
            return false;
        }
        ranges = ct_dbc_grow(parser->raw->keep, ranges, ref.number, &capacity, sizeof range);
        if (ranges == NULL) {
            return true;
        }
        ranges[ref.number++] = range;
        (void)ct_dbc_take_char(&parser->scan, ',');
    }
    if (ref.number == 0) {
        return ct_dbc_fail(parser, "a range of selector values (3-7)");
    }
    ref.of.ranges = ranges;
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

/* BO_TX_BU_ 256 : Node1,Node2; */
bool ct_dbc_parse_senders(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_SENDERS, .scope = CT_DBC_SCOPE_MESSAGE};
    if (!ct_dbc_id(parser, &ref.id)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    ref.text = ct_dbc_take_names(parser);
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

/* SIG_GROUP_ 256 Group 1 : Sig1 Sig2; */
bool ct_dbc_parse_group(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_GROUP, .scope = CT_DBC_SCOPE_MESSAGE};
    if (!ct_dbc_id(parser, &ref.id) || !ct_dbc_take_name(parser, "the name of a signal group", &ref.name) ||
        !ct_dbc_number_up_to(parser, UINT32_MAX, "the group's number of repetitions", &ref.number)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    ref.text = ct_dbc_take_names(parser);
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

/* SIG_TYPE_REF_ 256 Sig : Type; */
bool ct_dbc_parse_type_of_signal(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_TYPE, .scope = CT_DBC_SCOPE_SIGNAL};
    if (!ct_dbc_id(parser, &ref.id) || !ct_dbc_take_name(parser, "a signal name", &ref.name)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_take_name(parser, "the name of a signal type", &ref.other)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}
