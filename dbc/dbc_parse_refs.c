/* Statements that say something about an object defined elsewhere: comments, value tables, float types, selector ranges
 * and attributes. They become references; the builder resolves them. */
#include "dbc_parse.h"

#include <string.h>

static struct dbc_ref *add_ref(struct dbc_parser *parser, const struct dbc_ref *ref)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_ref *copy = ct_dbc_alloc(raw->temp, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *ref;
    copy->place = parser->keyword;
    *raw->refs_tail = copy;
    raw->refs_tail = &copy->next;
    return copy;
}

static bool take_name(struct dbc_parser *parser, const char *what, const char **out_name)
{
    const struct dbc_span word = ct_dbc_take_word(&parser->scan);
    if (word.len == 0) {
        return ct_dbc_fail(parser, what);
    }
    *out_name = ct_dbc_name(parser, word);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* BU_ node, BO_ id, SG_ id name, EV_ name, or nothing for the network. Real files leave out the name of a signal, or
 * the keyword before an id. */
static bool parse_object(struct dbc_parser *parser, struct dbc_ref *ref)
{
    struct dbc_scan *scan = &parser->scan;
    ref->object = DBC_NETWORK;
    const char first = ct_dbc_peek(scan);
    if (first == '"') {
        return true;
    }
    if (is_digit(first)) {
        ref->object = DBC_MESSAGE;
        return ct_dbc_id(parser, &ref->id);
    }
    const struct dbc_span word = ct_dbc_take_word(scan);
    if (ct_dbc_span_is(word, "BU_") || ct_dbc_span_is(word, "EV_")) {
        ref->object = word.p[0] == 'B' ? DBC_NODE : DBC_OTHER;
        return take_name(parser, "a name", &ref->name);
    }
    if (ct_dbc_span_is(word, "BO_")) {
        ref->object = DBC_MESSAGE;
        return ct_dbc_id(parser, &ref->id);
    }
    if (ct_dbc_span_is(word, "SG_")) {
        ref->object = DBC_SIGNAL;
        if (!ct_dbc_id(parser, &ref->id)) {
            return false;
        }
        if (ct_dbc_peek(scan) == '"') {
            ref->object = DBC_MESSAGE;
            return true;
        }
        return take_name(parser, "a signal name", &ref->name);
    }
    parser->scan.p = word.p;
    return ct_dbc_fail(parser, "BU_, BO_, SG_ or EV_");
}

bool ct_dbc_parse_comment(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_COMMENT};
    if (!parse_object(parser, &ref) || !ct_dbc_string(parser, &ref.text)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    (void)add_ref(parser, &ref);
    return true;
}

/* number "text" pairs up to the ';', which may be missing. */
static bool parse_entries(struct dbc_parser *parser, struct dbc_entries *entries)
{
    struct dbc_arena *temp = parser->raw->temp;
    while (!ct_dbc_at_statement(&parser->scan) && ct_dbc_peek(&parser->scan) != ';') {
        struct dbc_entry entry = {.order = entries->count};
        if (!ct_dbc_take_int(&parser->scan, &entry.raw)) {
            return ct_dbc_fail(parser, "a number before the next text, or ';'");
        }
        if (!ct_dbc_string(parser, &entry.text)) {
            return false;
        }
        entries->items = ct_dbc_grow(temp, entries->items, entries->count, &entries->capacity, sizeof entry);
        if (entries->items == NULL) {
            return true;
        }
        entries->items[entries->count++] = entry;
    }
    ct_dbc_end_statement(parser);
    return true;
}

bool ct_dbc_parse_values(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_VALUES, .object = DBC_SIGNAL};
    if (!is_digit(ct_dbc_peek(&parser->scan))) {
        ref.object = DBC_OTHER; /* of an environment variable */
    } else if (!ct_dbc_id(parser, &ref.id)) {
        return false;
    }
    if (!take_name(parser, "a signal name", &ref.name)) {
        return false;
    }
    const char first = ct_dbc_peek(&parser->scan);
    const bool table = !is_digit(first) && first != '-' && first != '+' && first != ';' && first != '"';
    if (table && !ct_dbc_at_statement(&parser->scan)) {
        if (!take_name(parser, "the name of a value table", &ref.text)) {
            return false;
        }
        ct_dbc_end_statement(parser);
    } else if (!parse_entries(parser, &ref.entries)) {
        /* what was read before the fault still names its values */
        (void)add_ref(parser, &ref);
        return false;
    }
    (void)add_ref(parser, &ref);
    return true;
}

bool ct_dbc_parse_value_table(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_table *table = ct_dbc_alloc(raw->temp, sizeof *table);
    if (table == NULL) {
        return true;
    }
    if (!take_name(parser, "the name of a value table", &table->name)) {
        return false;
    }
    table->next = raw->tables;
    raw->tables = table;
    return parse_entries(parser, &table->entries);
}

/* SIG_VALTYPE_ 256 Sig : 1; */
bool ct_dbc_parse_value_type(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_FLOAT, .object = DBC_SIGNAL};
    if (!ct_dbc_id(parser, &ref.id) || !take_name(parser, "a signal name", &ref.name)) {
        return false;
    }
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (!ct_dbc_take_uint(&parser->scan, &ref.number) || ref.number > 3) {
        return ct_dbc_fail(parser, "value type 0 (integer), 1 (float) or 2 (double)");
    }
    ct_dbc_end_statement(parser);
    (void)add_ref(parser, &ref);
    return true;
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
    struct dbc_ref ref = {.kind = DBC_REF_MUX, .object = DBC_SIGNAL};
    struct dbc_ranges *ranges = &ref.ranges;
    if (!ct_dbc_id(parser, &ref.id) || !take_name(parser, "a signal name", &ref.name) ||
        !take_name(parser, "the name of the multiplexer", &ref.text)) {
        return false;
    }
    while (!ct_dbc_at_statement(&parser->scan) && ct_dbc_peek(&parser->scan) != ';') {
        struct ct_dbc_range range;
        if (!parse_range(parser, &range)) {
            return false;
        }
        ranges->items = ct_dbc_grow(parser->raw->keep, ranges->items, ranges->count, &ranges->capacity, sizeof range);
        if (ranges->items == NULL) {
            return true;
        }
        ranges->items[ranges->count++] = range;
        (void)ct_dbc_take_char(&parser->scan, ',');
    }
    if (ranges->count == 0) {
        return ct_dbc_fail(parser, "a range of selector values (3-7)");
    }
    ct_dbc_end_statement(parser);
    (void)add_ref(parser, &ref);
    return true;
}

static enum dbc_attribute known_attribute(struct dbc_span name)
{
    static const char *const names[] = {
        [DBC_ATTR_FRAME_FORMAT] = "VFrameFormat",
        [DBC_ATTR_CYCLE] = "GenMsgCycleTime",
        [DBC_ATTR_START] = "GenSigStartValue",
        [DBC_ATTR_PROTOCOL] = "ProtocolType",
        [DBC_ATTR_BUS] = "BusType",
        [DBC_ATTR_BRS] = "CANFD_BRS",
        [DBC_ATTR_LONG_MESSAGE] = "SystemMessageLongSymbol",
        [DBC_ATTR_LONG_SIGNAL] = "SystemSignalLongSymbol",
        [DBC_ATTR_LONG_NODE] = "SystemNodeLongSymbol",
    };
    _Static_assert(sizeof names / sizeof names[0] == DBC_ATTR_COUNT, "one name per attribute");
    for (int i = 0; i < DBC_ATTR_COUNT; i++) {
        if (ct_dbc_span_is(name, names[i])) {
            return (enum dbc_attribute)i;
        }
    }
    return DBC_ATTR_NONE;
}

static bool attribute_name(struct dbc_parser *parser, enum dbc_attribute *out_attribute)
{
    struct dbc_span name;
    if (!ct_dbc_take_string(&parser->scan, true, &name)) {
        return ct_dbc_fail(parser, "the attribute's name in quotes");
    }
    *out_attribute = known_attribute(name);
    return true;
}

/* A string, a number or a word; NULL when the attribute decides nothing. */
static bool attribute_value(struct dbc_parser *parser, enum dbc_attribute attribute, const char **out_text)
{
    struct dbc_span span;
    if (ct_dbc_peek(&parser->scan) == '"') {
        if (!ct_dbc_take_string(&parser->scan, false, &span)) {
            return ct_dbc_fail(parser, "the attribute's value");
        }
    } else {
        span = ct_dbc_take_word(&parser->scan);
        if (span.len == 0 && ct_dbc_peek(&parser->scan) != ';') {
            return ct_dbc_fail(parser, "the attribute's value");
        }
    }
    *out_text = attribute == DBC_ATTR_NONE ? NULL : ct_dbc_name(parser, span);
    return true;
}

bool ct_dbc_parse_attribute(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_ATTRIBUTE};
    if (!attribute_name(parser, &ref.attribute)) {
        return false;
    }
    const struct dbc_span word = {parser->scan.p, 0};
    const bool object = strchr("BSE", ct_dbc_peek(&parser->scan)) != NULL && ct_dbc_peek(&parser->scan) != '\0';
    if (object && !parse_object(parser, &ref)) {
        parser->scan.p = word.p;
        return false;
    }
    if (!attribute_value(parser, ref.attribute, &ref.text)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    if (ref.attribute != DBC_ATTR_NONE) {
        (void)add_ref(parser, &ref);
    }
    return true;
}

static void add_enum_text(struct dbc_parser *parser, struct dbc_attribute_def *def, struct dbc_span text)
{
    def->texts = ct_dbc_grow(parser->raw->temp, def->texts, def->text_count, &def->text_capacity, sizeof def->texts[0]);
    if (def->texts != NULL) {
        def->texts[def->text_count++] = ct_dbc_name(parser, text);
    }
}

/* BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN"; only the texts of enumerations matter. */
bool ct_dbc_parse_attribute_def(struct dbc_parser *parser)
{
    struct dbc_scan *scan = &parser->scan;
    enum dbc_attribute attribute = DBC_ATTR_NONE;
    if (ct_dbc_peek(scan) != '"') {
        (void)ct_dbc_take_word(scan);
    }
    if (!attribute_name(parser, &attribute)) {
        return false;
    }
    const struct dbc_span type = ct_dbc_take_word(scan);
    if (attribute == DBC_ATTR_NONE || !ct_dbc_span_is(type, "ENUM")) {
        ct_dbc_skip_statement(scan, ct_dbc_at_statement);
        return true;
    }
    struct dbc_attribute_def *def = &parser->raw->attributes[attribute];
    def->text_count = 0;
    struct dbc_span text;
    while (ct_dbc_take_string(scan, false, &text)) {
        add_enum_text(parser, def, text);
        (void)ct_dbc_take_char(scan, ',');
    }
    ct_dbc_end_statement(parser);
    return true;
}

bool ct_dbc_parse_attribute_default(struct dbc_parser *parser)
{
    enum dbc_attribute attribute = DBC_ATTR_NONE;
    const char *text = NULL;
    if (!attribute_name(parser, &attribute) || !attribute_value(parser, attribute, &text)) {
        return false;
    }
    ct_dbc_end_statement(parser);
    if (attribute != DBC_ATTR_NONE) {
        parser->raw->attributes[attribute].preset = text;
    }
    return true;
}
