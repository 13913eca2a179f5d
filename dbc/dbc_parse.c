/* The text as a row of statements: which keyword leads where, and what they all share. */
#include "dbc_parse.h"

#include <string.h>

bool ct_dbc_fail(struct dbc_parser *parser, const char *wanted)
{
    struct dbc_report *report = parser->raw->report;
    struct dbc_scan *scan = &parser->scan;
    struct dbc_scan look = *scan;
    if (ct_dbc_peek(&look) == '\0') {
        ct_dbc_report(report, CT_DBC_CODE_SYNTAX, scan->p, "expected %s, found the end of the file", wanted);
        return false;
    }
    const char *place = look.p;
    if (*place == '"' && !ct_dbc_take_string(&look, false, &(struct dbc_span){0})) {
        ct_dbc_report(report, CT_DBC_CODE_UNCLOSED_STRING, place, "string without its closing '\"'");
        scan->unclosed = look.unclosed;
        scan->p = place;
        ct_dbc_skip_line(scan);
        return false;
    }
    struct dbc_span word = ct_dbc_take_word(&look);
    word.len = word.len == 0 ? 1 : word.len;
    ct_dbc_report(report, CT_DBC_CODE_SYNTAX, place, "expected %s, found '%.*s'", wanted, ct_dbc_shown(word), place);
    return false;
}

void ct_dbc_end_statement(struct dbc_parser *parser)
{
    const char *place = parser->scan.p;
    if (!ct_dbc_take_char(&parser->scan, ';') && parser->scan.p < parser->scan.end) {
        ct_dbc_report(parser->raw->report, CT_DBC_CODE_NO_SEMICOLON, place,
                      "';' is missing at the end of the statement");
    }
}

bool ct_dbc_at_end(struct dbc_parser *parser)
{
    return ct_dbc_peek(&parser->scan) == ';' || ct_dbc_at_statement(&parser->scan);
}

bool ct_dbc_string(struct dbc_parser *parser, struct dbc_span *out_text)
{
    return ct_dbc_take_string(&parser->scan, false, out_text) || ct_dbc_fail(parser, "a string in quotes");
}

bool ct_dbc_take_name(struct dbc_parser *parser, const char *what, struct dbc_span *out_name)
{
    *out_name = ct_dbc_take_word(&parser->scan);
    return out_name->len > 0 || ct_dbc_fail(parser, what);
}

bool ct_dbc_number_up_to(struct dbc_parser *parser, uint32_t max, const char *what, uint32_t *out_value)
{
    uint64_t value = 0;
    (void)ct_dbc_peek(&parser->scan);
    const char *place = parser->scan.p;
    if (!ct_dbc_take_uint(&parser->scan, &value) || value > max) {
        parser->scan.p = place;
        return ct_dbc_fail(parser, what);
    }
    *out_value = (uint32_t)value;
    return true;
}

bool ct_dbc_id(struct dbc_parser *parser, uint32_t *out_id)
{
    return ct_dbc_number_up_to(parser, UINT32_MAX, "a message id (a number of 32 bits)", out_id);
}

bool ct_dbc_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void ct_dbc_link_ref(struct dbc_parser *parser, struct dbc_ref *ref)
{
    ref->place = parser->keyword;
    *parser->raw->refs_tail = ref;
    parser->raw->refs_tail = &ref->next;
}

void ct_dbc_add_ref(struct dbc_parser *parser, const struct dbc_ref *ref)
{
    struct dbc_ref *copy = ct_dbc_alloc(parser->raw->temp, sizeof *copy);
    if (copy != NULL) {
        *copy = *ref;
        ct_dbc_link_ref(parser, copy);
    }
}

struct dbc_span ct_dbc_take_list(struct dbc_parser *parser)
{
    struct dbc_scan *scan = &parser->scan;
    struct dbc_span list = {scan->p, 0};
    bool more = true;
    while (more && !ct_dbc_at_statement(scan)) {
        const struct dbc_span word = ct_dbc_take_word(scan);
        if (word.len > 0) {
            list.len = (size_t)(scan->p - list.p);
        }
        const bool same_line = ct_dbc_same_line(scan);
        const bool comma = ct_dbc_take_char(scan, ',');
        more = comma || (word.len > 0 && same_line);
    }
    return list;
}

struct dbc_span ct_dbc_take_names(struct dbc_parser *parser)
{
    (void)ct_dbc_peek(&parser->scan);
    struct dbc_span list = {parser->scan.p, 0};
    while (!ct_dbc_at_end(parser)) {
        const struct dbc_span word = ct_dbc_take_word(&parser->scan);
        if (word.len > 0) {
            list.len = (size_t)(parser->scan.p - list.p);
        } else if (!ct_dbc_take_char(&parser->scan, ',')) {
            break;
        }
    }
    return list;
}

static bool parse_version(struct dbc_parser *parser)
{
    return ct_dbc_string(parser, &parser->raw->version);
}

/* Lists the keywords of this very language, one a line, in any number: everything that is only words belongs to it. */
static bool parse_new_symbols(struct dbc_parser *parser)
{
    (void)ct_dbc_take_char(&parser->scan, ':');
    for (;;) {
        while (ct_dbc_same_line(&parser->scan) && ct_dbc_take_word(&parser->scan).len > 0) {
        }
        struct dbc_scan look = parser->scan;
        ct_dbc_skip_blank(&look);
        bool only_words = look.p < look.end;
        const char *line = look.p;
        while (ct_dbc_same_line(&look) && only_words) {
            only_words = ct_dbc_take_word(&look).len > 0;
        }
        if (!only_words) {
            return true;
        }
        parser->scan.p = line;
    }
}

/* BS_: 500000 : 1,2 - old files count in kbit/s: no CAN bus runs at 1000 bit/s or less. */
static bool parse_bit_timing(struct dbc_parser *parser)
{
    uint64_t rate = 0;
    (void)ct_dbc_take_char(&parser->scan, ':');
    if (ct_dbc_same_line(&parser->scan) && ct_dbc_take_uint(&parser->scan, &rate) && rate <= UINT32_MAX) {
        parser->raw->bit_rate = (uint32_t)(rate <= 1000 ? rate * 1000 : rate);
    }
    ct_dbc_skip_line(&parser->scan);
    return true;
}

/* FOO_BAR_ at the start of a line is a keyword, known or not, rather than a name over several lines. */
bool ct_dbc_at_keyword(struct dbc_scan *scan)
{
    if (ct_dbc_at_statement(scan)) {
        return true;
    }
    struct dbc_scan look = *scan;
    const struct dbc_span word = ct_dbc_take_word(&look);
    bool capitals = ct_dbc_first_on_line(scan) && word.len > 2 && word.p[word.len - 1] == '_';
    for (size_t i = 0; capitals && i < word.len; i++) {
        capitals = word.p[i] == '_' || (word.p[i] >= 'A' && word.p[i] <= 'Z');
    }
    return capitals;
}

static bool parse_nodes(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    (void)ct_dbc_take_char(&parser->scan, ':');
    while (!ct_dbc_at_keyword(&parser->scan)) {
        const struct dbc_span word = ct_dbc_take_word(&parser->scan);
        if (word.len == 0) {
            if (!ct_dbc_take_char(&parser->scan, ',')) {
                break;
            }
            continue;
        }
        struct dbc_raw_node *node = ct_dbc_alloc(raw->temp, sizeof *node);
        if (node == NULL) {
            return true;
        }
        node->named = (struct dbc_named){.name = word, .place = word.p};
        ct_dbc_append(&raw->nodes, &node->named);
    }
    (void)ct_dbc_take_char(&parser->scan, ';');
    return true;
}

/* Statements that say nothing about frames or objects of the model: known, and passed over. */
static bool parse_nothing(struct dbc_parser *parser)
{
    ct_dbc_skip_statement(&parser->scan, ct_dbc_at_statement);
    return true;
}

#define ROW(keyword, parse)                \
    {                                      \
        keyword, sizeof keyword - 1, parse \
    }
static const struct {
    const char *keyword;
    size_t len;
    bool (*parse)(struct dbc_parser *parser);
} statements[] = {
    ROW("SG_", ct_dbc_parse_signal),
    ROW("BO_", ct_dbc_parse_message),
    ROW("VAL_", ct_dbc_parse_values),
    ROW("CM_", ct_dbc_parse_comment),
    ROW("BA_", ct_dbc_parse_attribute),
    ROW("SG_MUL_VAL_", ct_dbc_parse_selector_ranges),
    ROW("SIG_VALTYPE_", ct_dbc_parse_value_type),
    ROW("VAL_TABLE_", ct_dbc_parse_value_table),
    ROW("BA_DEF_", ct_dbc_parse_attribute_def),
    ROW("BA_DEF_DEF_", ct_dbc_parse_attribute_default),
    ROW("BU_", parse_nodes),
    ROW("BS_", parse_bit_timing),
    ROW("NS_", parse_new_symbols),
    ROW("VERSION", parse_version),
    ROW("BO_TX_BU_", ct_dbc_parse_senders),
    ROW("EV_", ct_dbc_parse_environment),
    ROW("ENVVAR_DATA_", ct_dbc_parse_environment_data),
    ROW("SGTYPE_", ct_dbc_parse_type),
    ROW("SGTYPE_VAL_", ct_dbc_parse_type_values),
    ROW("SIG_TYPE_REF_", ct_dbc_parse_type_of_signal),
    ROW("SIGTYPE_VALTYPE_", ct_dbc_parse_type_value_type),
    ROW("SIG_GROUP_", ct_dbc_parse_group),
    ROW("BA_DEF_REL_", ct_dbc_parse_relation_def),
    ROW("BA_DEF_DEF_REL_", ct_dbc_parse_relation_default),
    ROW("BA_REL_", ct_dbc_parse_relation),
    ROW("EV_DATA_", parse_nothing),
    ROW("BA_DEF_SGTYPE_", parse_nothing),
    ROW("BA_SGTYPE_", parse_nothing),
    ROW("BU_SG_REL_", parse_nothing),
    ROW("BU_EV_REL_", parse_nothing),
    ROW("BU_BO_REL_", parse_nothing),
    ROW("CAT_DEF_", parse_nothing),
    ROW("CAT_", parse_nothing),
    ROW("FILTER", parse_nothing),
    ROW("NS_DESC_", parse_nothing),
};

static int find_statement(struct dbc_span word)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (statements[i].len == word.len && memcmp(statements[i].keyword, word.p, word.len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool ct_dbc_at_statement(struct dbc_scan *scan)
{
    if (ct_dbc_peek(scan) == '\0') {
        return true;
    }
    if (!ct_dbc_first_on_line(scan)) {
        return false;
    }
    struct dbc_scan look = *scan;
    return find_statement(ct_dbc_take_word(&look)) >= 0;
}

static void skip_unknown(struct dbc_parser *parser, struct dbc_span word)
{
    struct dbc_report *report = parser->raw->report;
    if (word.len == 0 && *parser->scan.p == ';') {
        parser->scan.p++;
        return;
    }
    if (word.len == 0) {
        ct_dbc_report(report, CT_DBC_CODE_SYNTAX, parser->scan.p, "expected a statement, found '%c'", *parser->scan.p);
    } else {
        ct_dbc_report(report, CT_DBC_CODE_UNKNOWN_STATEMENT, word.p, "unknown statement '%.*s' is skipped",
                      ct_dbc_shown(word), word.p);
    }
    ct_dbc_skip_statement(&parser->scan, ct_dbc_at_statement);
}

void ct_dbc_parse_text(struct dbc_raw *raw, const char *text, size_t len)
{
    struct dbc_parser parser = {.raw = raw, .scan = {.p = text, .end = text + len, .begin = text}};
    bool good = true;
    while (ct_dbc_peek(&parser.scan) != '\0' && !raw->keep->failed && !raw->temp->failed) {
        parser.keyword = parser.scan.p;
        const bool rest = !good && !ct_dbc_first_on_line(&parser.scan); /* of a line that has its problem already */
        const struct dbc_span word = ct_dbc_take_word(&parser.scan);
        const int row = find_statement(word);
        if (row >= 0) {
            good = statements[row].parse(&parser);
        } else if (!rest) {
            skip_unknown(&parser, word);
            good = true;
        }
        if (!good) {
            ct_dbc_skip_statement(&parser.scan, ct_dbc_at_statement);
        }
    }
}
