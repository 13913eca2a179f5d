/* EV_ and SGTYPE_. */
#include "dbc_parse.h"

#include <string.h>

/* DUMMY_NODE_VECTOR8001: the last digit is the access, the 8 in front says that it is a string. */
static uint32_t access_of(struct dbc_span word)
{
    static const char prefix[] = "DUMMY_NODE_VECTOR";
    const size_t skip = sizeof prefix - 1;
    if (word.len <= skip || word.len > skip + 4 || memcmp(word.p, prefix, skip) != 0) {
        return 0;
    }
    uint32_t access = 0;
    for (size_t i = skip; i < word.len; i++) {
        access = access << 4 | (word.p[i] >= '0' && word.p[i] <= '9' ? (uint32_t)(word.p[i] - '0') : 0);
    }
    return access;
}

/* EV_ Name: 0 [0|100] "unit" 0 1 DUMMY_NODE_VECTOR0 Node1,Node2; */
bool ct_dbc_parse_environment(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_environment head = {.named.place = parser->keyword};
    struct dbc_span access;
    if (!ct_dbc_take_name(parser, "the name of an environment variable", &head.named.name)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_number_up_to(parser, 2, "type 0 (integer), 1 (float) or 2 (string)", &head.type) ||
        !ct_dbc_parse_range(parser, &head.min, &head.max) || !ct_dbc_parse_unit(parser, &head.unit)) {
        return false;
    }
    if (!ct_dbc_take_double(&parser->scan, &head.initial)) {
        return ct_dbc_fail(parser, "the initial value");
    }
    if (!ct_dbc_number_up_to(parser, UINT32_MAX, "the number of the environment variable", &head.id) ||
        !ct_dbc_take_name(parser, "the access (DUMMY_NODE_VECTOR0)", &access)) {
        return false;
    }
    head.access = access_of(access);
    head.nodes = ct_dbc_take_names(parser);
    ct_dbc_end_statement(parser);
    struct dbc_raw_environment *environment = ct_dbc_alloc(raw->temp, sizeof *environment);
    if (environment != NULL) {
        *environment = head;
        ct_dbc_append(&raw->environment, &environment->named);
    }
    return true;
}

/* ENVVAR_DATA_ Name: 5; */
bool ct_dbc_parse_environment_data(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_DATA, .scope = CT_DBC_SCOPE_ENVIRONMENT};
    if (!ct_dbc_take_name(parser, "the name of an environment variable", &ref.name)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_number_up_to(parser, UINT32_MAX, "the size in bytes", &ref.number)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    ct_dbc_add_ref(parser, &ref);
    return true;
}

/* SGTYPE_ Name : 8@1+ (1,0) [0|255] "unit" 0 , Table; */
bool ct_dbc_parse_type(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_signal layout = {0};
    struct dbc_raw_type head = {.named.place = parser->keyword};
    double default_value = 0; /* raw or physical: the language does not say, GenSigStartValue does */
    if (!ct_dbc_take_name(parser, "the name of a signal type", &head.named.name)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_parse_size(parser, &layout) || !ct_dbc_parse_physical(parser, &layout)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ',');
    if (!ct_dbc_at_end(parser) && !ct_dbc_take_double(&parser->scan, &default_value)) {
        return ct_dbc_fail(parser, "the default value");
    }
    (void)ct_dbc_take_char(&parser->scan, ',');
    if (!ct_dbc_at_end(parser)) {
        head.table = ct_dbc_take_word(&parser->scan);
    }
    ct_dbc_end_statement(parser);
    struct dbc_raw_type *type = ct_dbc_alloc(raw->temp, sizeof *type);
    if (type != NULL) {
        *type = head;
        type->length = layout.length;
        type->big_endian = layout.big_endian;
        type->is_signed = layout.is_signed;
        type->factor = layout.factor;
        type->offset = layout.offset;
        ct_dbc_append(&raw->types, &type->named);
    }
    return true;
}
