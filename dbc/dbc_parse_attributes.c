/* BA_DEF_, BA_DEF_DEF_, BA_, and the same of relations. */
#include "dbc_parse.h"

static bool take_attribute_name(struct dbc_parser *parser, struct dbc_span *out_name)
{
    return ct_dbc_take_string(&parser->scan, true, out_name) || ct_dbc_fail(parser, "the attribute's name in quotes");
}

/* A string, a number or a word. */
static bool take_value(struct dbc_parser *parser, struct dbc_ref *ref)
{
    ref->quoted = ct_dbc_peek(&parser->scan) == '"';
    if (ref->quoted) {
        return ct_dbc_take_string(&parser->scan, false, &ref->text) || ct_dbc_fail(parser, "the attribute's value");
    }
    ref->text = ct_dbc_take_word(&parser->scan);
    return ref->text.len > 0 || ct_dbc_peek(&parser->scan) == ';' || ct_dbc_fail(parser, "the attribute's value");
}

/* BA_ "GenMsgCycleTime" BO_ 256 100; */
bool ct_dbc_parse_attribute(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_ATTRIBUTE};
    if (!take_attribute_name(parser, &ref.other) || !ct_dbc_parse_object(parser, &ref) || !take_value(parser, &ref)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

static bool relation_scope(struct dbc_parser *parser, enum ct_dbc_scope *out_scope)
{
    static const struct {
        const char *keyword;
        enum ct_dbc_scope scope;
    } scopes[] = {
        {"BU_SG_REL_", CT_DBC_SCOPE_NODE_SIGNAL},
        {"BU_BO_REL_", CT_DBC_SCOPE_NODE_MESSAGE},
        {"BU_EV_REL_", CT_DBC_SCOPE_NODE_ENVIRONMENT},
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
    return ct_dbc_fail(parser, "BU_SG_REL_, BU_BO_REL_ or BU_EV_REL_");
}

/* Node SG_ 256 Sig, Node 256, Node EnvironmentVariable */
static bool parse_ends(struct dbc_parser *parser, struct dbc_relation_ref *relation)
{
    struct dbc_ref *ref = &relation->ref;
    if (!ct_dbc_take_name(parser, "the name of a node", &relation->node)) {
        return false;
    }
    if (ref->scope == CT_DBC_SCOPE_NODE_ENVIRONMENT) {
        return ct_dbc_take_name(parser, "the name of an environment variable", &ref->name);
    }
    if (!ct_dbc_is_digit(ct_dbc_peek(&parser->scan))) {
        (void)ct_dbc_take_word(&parser->scan); /* SG_; some write BO_ too */
    }
    return ct_dbc_id(parser, &ref->id) &&
           (ref->scope == CT_DBC_SCOPE_NODE_MESSAGE || ct_dbc_take_name(parser, "a signal name", &ref->name));
}

/* BA_REL_ "name" BU_SG_REL_ Node SG_ 256 Sig 1; */
bool ct_dbc_parse_relation(struct dbc_parser *parser)
{
    struct dbc_relation_ref relation = {.ref.kind = DBC_REF_ATTRIBUTE};
    enum ct_dbc_scope scope = CT_DBC_SCOPE_NODE_SIGNAL;
    if (!take_attribute_name(parser, &relation.ref.other) || !relation_scope(parser, &scope)) {
        return false;
    }
    relation.ref.scope = (uint8_t)scope;
    if (!parse_ends(parser, &relation) || !take_value(parser, &relation.ref)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    struct dbc_relation_ref *copy = ct_dbc_alloc(parser->raw->temp, sizeof *copy);
    if (copy != NULL) {
        *copy = relation;
        ct_dbc_link_ref(parser, &copy->ref);
    }
    return true;
}

static bool parse_default(struct dbc_parser *parser, uint32_t of_relation)
{
    struct dbc_ref ref = {.kind = DBC_REF_DEFAULT, .number = of_relation};
    if (!take_attribute_name(parser, &ref.other) || !take_value(parser, &ref)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

bool ct_dbc_parse_attribute_default(struct dbc_parser *parser)
{
    return parse_default(parser, 0);
}

bool ct_dbc_parse_relation_default(struct dbc_parser *parser)
{
    return parse_default(parser, 1);
}

static void add_text(struct dbc_parser *parser, struct dbc_raw_def *def, struct dbc_span text)
{
    struct dbc_named *named = ct_dbc_alloc(parser->raw->temp, sizeof *named);
    if (named != NULL) {
        *named = (struct dbc_named){.name = text, .place = text.p};
        ct_dbc_append(&def->texts, named);
    }
}

/* "a","b" as the language has it, or words as other tools write them. */
static bool parse_texts(struct dbc_parser *parser, struct dbc_raw_def *def)
{
    while (!ct_dbc_at_end(parser)) {
        struct dbc_span text;
        if (ct_dbc_peek(&parser->scan) == '"') {
            if (!ct_dbc_string(parser, &text)) {
                return false;
            }
        } else if (!ct_dbc_take_name(parser, "a text in quotes", &text)) {
            return false;
        }
        add_text(parser, def, text);
        (void)ct_dbc_take_char(&parser->scan, ',');
    }
    return true;
}

static const struct type_row {
    const char *keyword;
    enum ct_dbc_value_type type;
    bool standard;
} type_rows[] = {
    {"INT", CT_DBC_INT, true},       {"ENUM", CT_DBC_ENUM, true},   {"STRING", CT_DBC_STRING, true},
    {"FLOAT", CT_DBC_FLOAT, true},   {"HEX", CT_DBC_HEX, true},     {"ENU", CT_DBC_ENUM, false},
    {"BOOL", CT_DBC_ENUM, false},    {"STR", CT_DBC_STRING, false}, {"INTEGER", CT_DBC_INT, false},
    {"DOUBLE", CT_DBC_FLOAT, false}, {"", CT_DBC_STRING, false},
};

/* What an unknown type may need. */
static void skip_rest(struct dbc_parser *parser)
{
    struct dbc_span span;
    while (!ct_dbc_at_end(parser)) {
        if (!ct_dbc_take_string(&parser->scan, true, &span) && ct_dbc_take_word(&parser->scan).len == 0) {
            parser->scan.p++;
        }
    }
}

static bool parse_type(struct dbc_parser *parser, struct dbc_raw_def *def)
{
    (void)ct_dbc_peek(&parser->scan);
    const char *place = parser->scan.p;
    const struct dbc_span word = ct_dbc_take_word(&parser->scan);
    if (word.len == 0) {
        return ct_dbc_fail(parser, "the attribute's type (INT, HEX, FLOAT, STRING, ENUM)");
    }
    const struct type_row *row = type_rows;
    while (row->keyword[0] != '\0' && !ct_dbc_span_is(word, row->keyword)) {
        row++;
    }
    if (!row->standard) {
        ct_dbc_report(parser->raw->report, CT_DBC_CODE_ATTRIBUTE_TYPE, place,
                      "'%.*s' is no type of an attribute (INT, HEX, FLOAT, STRING, ENUM)", ct_dbc_shown(word), place);
    }
    def->content.type = row->type;
    if (row->type == CT_DBC_ENUM) {
        return parse_texts(parser, def);
    }
    if (row->keyword[0] == '\0') {
        skip_rest(parser);
        return true;
    }
    if (row->type != CT_DBC_STRING && !ct_dbc_at_end(parser) &&
        (!ct_dbc_take_double(&parser->scan, &def->content.min) ||
         !ct_dbc_take_double(&parser->scan, &def->content.max))) {
        return ct_dbc_fail(parser, "minimum and maximum");
    }
    return true;
}

static bool parse_def(struct dbc_parser *parser, enum ct_dbc_scope scope)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_def *def = ct_dbc_alloc(raw->temp, sizeof *def);
    struct dbc_span name;
    if (def == NULL) {
        return true;
    }
    if (!take_attribute_name(parser, &name) || !parse_type(parser, def)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    def->named = (struct dbc_named){.name = name, .place = parser->keyword};
    def->content.scope = scope;
    ct_dbc_append(&raw->defs[scope], &def->named);
    return true;
}

/* BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN"; */
bool ct_dbc_parse_attribute_def(struct dbc_parser *parser)
{
    enum ct_dbc_scope scope = CT_DBC_SCOPE_NETWORK;
    if (!ct_dbc_parse_scope(parser, &scope) && ct_dbc_peek(&parser->scan) != '"') {
        return ct_dbc_fail(parser, "BU_, BO_, SG_, EV_ or the attribute's name in quotes");
    }
    return parse_def(parser, scope);
}

/* BA_DEF_REL_ BU_SG_REL_ "name" INT 0 100; */
bool ct_dbc_parse_relation_def(struct dbc_parser *parser)
{
    enum ct_dbc_scope scope = CT_DBC_SCOPE_NODE_SIGNAL;
    return relation_scope(parser, &scope) && parse_def(parser, scope);
}
