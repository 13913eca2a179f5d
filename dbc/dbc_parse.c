/* The statements. Each handler runs behind its keyword and says whether it understood; where it did not, the text is
 * skipped to the next statement, so that one odd line costs that line only. */
#include "dbc_parse.h"

#include <string.h>

#define INDEPENDENT_SIGNALS 0xC0000000U /* VECTOR__INDEPENDENT_SIG_MSG: the pool of signals in no message */
#define EXTENDED_FLAG       0x80000000U
#define ID_MASK             0x1FFFFFFFU
#define SIGNALS_MAX         65535

bool ct_dbc_fail(struct dbc_parser *parser, const char *wanted)
{
    const struct dbc_scan *scan = &parser->scan;
    struct dbc_scan look = *scan;
    if (ct_dbc_peek(&look) == '\0') {
        ct_dbc_report(parser->raw->report, CT_DBC_ERROR, scan->p, "expected %s, found the end of the file", wanted);
        return false;
    }
    const char *place = look.p;
    if (*place == '"' && !ct_dbc_take_string(&look, false, &(struct dbc_span){0})) {
        ct_dbc_report(parser->raw->report, CT_DBC_ERROR, place, "string without its closing '\"'");
        parser->scan.p = place;
        ct_dbc_skip_line(&parser->scan);
        return false;
    }
    const struct dbc_span word = ct_dbc_take_word(&look);
    const int shown = word.len == 0 ? 1 : word.len > 40 ? 40 : (int)word.len;
    ct_dbc_report(parser->raw->report, CT_DBC_ERROR, place, "expected %s, found '%.*s'", wanted, shown, place);
    return false;
}

void ct_dbc_end_statement(struct dbc_parser *parser)
{
    const char *place = parser->scan.p;
    if (!ct_dbc_take_char(&parser->scan, ';') && parser->scan.p < parser->scan.end) {
        ct_dbc_report(parser->raw->report, CT_DBC_WARNING, place, "';' is missing at the end of the statement");
    }
}

const char *ct_dbc_name(struct dbc_parser *parser, struct dbc_span span)
{
    return ct_dbc_utf8(parser->raw->keep, span.p, span.len);
}

bool ct_dbc_string(struct dbc_parser *parser, const char **out_text)
{
    struct dbc_span span;
    if (!ct_dbc_take_string(&parser->scan, false, &span)) {
        return ct_dbc_fail(parser, "a string in quotes");
    }
    *out_text = ct_dbc_name(parser, span);
    return true;
}

bool ct_dbc_id(struct dbc_parser *parser, uint32_t *out_id)
{
    uint64_t id = 0;
    const char *place = parser->scan.p;
    if (!ct_dbc_take_uint(&parser->scan, &id)) {
        return ct_dbc_fail(parser, "a message id");
    }
    if (id > UINT32_MAX) {
        parser->scan.p = place;
        return ct_dbc_fail(parser, "a message id of 32 bits");
    }
    *out_id = (uint32_t)id;
    return true;
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

static bool parse_bit_timing(struct dbc_parser *parser)
{
    ct_dbc_skip_line(&parser->scan);
    return true;
}

static bool parse_nodes(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    (void)ct_dbc_take_char(&parser->scan, ':');
    while (!ct_dbc_at_statement(&parser->scan)) {
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
        node->name = ct_dbc_name(parser, word);
        *raw->nodes_tail = node;
        raw->nodes_tail = &node->next;
    }
    (void)ct_dbc_take_char(&parser->scan, ';');
    return true;
}

static void set_arbitration_id(struct dbc_parser *parser, struct dbc_raw_message *message)
{
    const uint32_t id = message->id & ~EXTENDED_FLAG;
    message->model.extended = (message->id & EXTENDED_FLAG) != 0 || id > 0x7FF;
    message->model.id = id & ID_MASK;
    message->hidden = message->id == INDEPENDENT_SIGNALS || id > ID_MASK;
    if (message->hidden && message->id != INDEPENDENT_SIGNALS) {
        ct_dbc_report(parser->raw->report, CT_DBC_WARNING, message->place,
                      "id %u is no CAN id (over 29 bits); the message is left out", message->id);
    }
}

static bool parse_message(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_message head = {.place = parser->keyword};
    parser->message = NULL;
    parser->orphans = true; /* what follows belongs to the message that could not be read */
    if (!ct_dbc_id(parser, &head.id)) {
        return false;
    }
    const struct dbc_span name = ct_dbc_take_word(&parser->scan);
    uint64_t length = 0;
    if (name.len == 0 || !ct_dbc_take_char(&parser->scan, ':')) {
        return ct_dbc_fail(parser, name.len == 0 ? "a message name" : "':' after the message name");
    }
    if (!ct_dbc_take_uint(&parser->scan, &length) || length > UINT32_MAX) {
        return ct_dbc_fail(parser, "the message length in bytes");
    }
    struct dbc_span sender = {"", 0};
    if (ct_dbc_same_line(&parser->scan)) {
        sender = ct_dbc_take_word(&parser->scan);
    }
    struct dbc_raw_message *message = ct_dbc_alloc(raw->temp, sizeof *message);
    if (message == NULL) {
        return true;
    }
    *message = head;
    message->model.name = ct_dbc_name(parser, name);
    message->model.length = (uint32_t)length;
    message->model.sender = ct_dbc_span_is(sender, "Vector__XXX") ? "" : ct_dbc_name(parser, sender);
    set_arbitration_id(parser, message);
    *raw->messages_tail = message;
    raw->messages_tail = &message->next;
    raw->message_count++;
    parser->message = message;
    return true;
}

/* M, m3, m3M */
static bool parse_multiplexing(struct dbc_parser *parser, struct dbc_raw_signal *signal)
{
    struct dbc_scan *scan = &parser->scan;
    if (ct_dbc_peek(scan) == ':') {
        return true;
    }
    const char *place = scan->p;
    const struct dbc_span word = ct_dbc_take_word(scan);
    if (word.len > 0 && word.p[word.len - 1] == 'M') {
        signal->model.is_selector = true;
    }
    if (word.len > 1 && word.p[0] == 'm') {
        struct dbc_scan digits = {.p = word.p + 1, .end = word.p + word.len, .begin = word.p};
        signal->muxed = ct_dbc_take_uint(&digits, &signal->mux_value) &&
                        word.len == (size_t)(digits.p - word.p) + (signal->model.is_selector ? 1 : 0);
    }
    if (ct_dbc_span_is(word, "m")) { /* vw_pq.dbc */
        ct_dbc_report(parser->raw->report, CT_DBC_WARNING, word.p,
                      "'m' without a number is taken for a multiplexer, M");
        signal->model.is_selector = true;
        return true;
    }
    if (signal->muxed || ct_dbc_span_is(word, "M")) {
        return true;
    }
    scan->p = place;
    return ct_dbc_fail(parser, "':' or a multiplexer mark (M, m3, m3M) after the signal name");
}

static bool take_limited(struct dbc_scan *scan, uint64_t min, uint64_t max, uint64_t *out_value)
{
    const char *place = scan->p;
    if (ct_dbc_take_uint(scan, out_value) && *out_value >= min && *out_value <= max) {
        return true;
    }
    scan->p = place;
    return false;
}

/* 7|16@0+ */
static bool parse_layout(struct dbc_parser *parser, struct ct_dbc_signal *model)
{
    struct dbc_scan *scan = &parser->scan;
    uint64_t start = 0;
    uint64_t length = 0;
    uint64_t order = 0;
    if (!ct_dbc_take_char(scan, ':')) {
        return ct_dbc_fail(parser, "':' before the start bit");
    }
    if (!take_limited(scan, 0, UINT16_MAX, &start)) {
        return ct_dbc_fail(parser, "the start bit (0 to 65535)");
    }
    if (!ct_dbc_take_char(scan, '|')) {
        return ct_dbc_fail(parser, "'|' between start bit and length");
    }
    if (!take_limited(scan, 1, UINT16_MAX, &length)) {
        return ct_dbc_fail(parser, "the length in bits (1 to 65535)");
    }
    if (!ct_dbc_take_char(scan, '@') || !take_limited(scan, 0, 1, &order)) {
        return ct_dbc_fail(parser, "'@' and the byte order, 0 (Motorola) or 1 (Intel)");
    }
    model->start_bit = (uint16_t)start;
    model->length = (uint16_t)length;
    model->big_endian = order == 0;
    model->kind = length > 64 ? CT_DBC_BLOB : CT_DBC_INTEGER;
    model->is_signed = ct_dbc_take_char(scan, '-');
    if (!model->is_signed && !ct_dbc_take_char(scan, '+')) {
        return ct_dbc_fail(parser, "sign '+' or '-'");
    }
    return true;
}

/* (0.1,-40) or [0|100] */
static bool parse_pair(struct dbc_parser *parser, const char *marks, const char *what, double *first, double *second)
{
    struct dbc_scan *scan = &parser->scan;
    if (!ct_dbc_take_char(scan, marks[0]) || !ct_dbc_take_double(scan, first) || !ct_dbc_take_char(scan, marks[1]) ||
        !ct_dbc_take_double(scan, second) || !ct_dbc_take_char(scan, marks[2])) {
        return ct_dbc_fail(parser, what);
    }
    return true;
}

/* Who receives decides nothing here; they may be missing, or parted by blanks. */
static void skip_receivers(struct dbc_parser *parser)
{
    struct dbc_scan *scan = &parser->scan;
    bool more = true;
    while (more && !ct_dbc_at_statement(scan)) {
        const struct dbc_span word = ct_dbc_take_word(scan);
        const bool comma = ct_dbc_take_char(scan, ',');
        more = comma || (word.len > 0 && ct_dbc_same_line(scan));
    }
    (void)(ct_dbc_same_line(scan) && ct_dbc_take_char(scan, ';'));
}

static bool parse_physical(struct dbc_parser *parser, struct ct_dbc_signal *model)
{
    struct dbc_span unit;
    if (!parse_pair(parser, "(,)", "(factor,offset)", &model->factor, &model->offset) ||
        !parse_pair(parser, "[|]", "[minimum|maximum]", &model->min, &model->max)) {
        return false;
    }
    if (!ct_dbc_take_string(&parser->scan, true, &unit)) {
        const bool open = ct_dbc_peek(&parser->scan) == '"';
        return ct_dbc_fail(parser, open ? "the unit's closing '\"' on the same line" : "the unit in quotes");
    }
    model->unit = ct_dbc_name(parser, unit);
    skip_receivers(parser);
    return true;
}

static void add_signal(struct dbc_parser *parser, const struct dbc_raw_signal *signal)
{
    struct dbc_raw_message *message = parser->message;
    struct dbc_raw_signal *copy = ct_dbc_alloc(parser->raw->temp, sizeof *copy);
    if (copy == NULL) {
        return;
    }
    *copy = *signal;
    copy->message = message;
    copy->index = (uint16_t)message->model.signal_count++;
    if (message->last == NULL) {
        message->first = copy;
    } else {
        message->last->next = copy;
    }
    message->last = copy;
    parser->raw->signal_count++;
}

static bool parse_signal(struct dbc_parser *parser)
{
    struct dbc_raw_signal signal = {.place = parser->keyword};
    const struct dbc_span name = ct_dbc_take_word(&parser->scan);
    if (name.len == 0) {
        return ct_dbc_fail(parser, "a signal name");
    }
    if (!parse_multiplexing(parser, &signal) || !parse_layout(parser, &signal.model) ||
        !parse_physical(parser, &signal.model)) {
        return false;
    }
    signal.model.name = ct_dbc_name(parser, name);
    if (parser->message == NULL) {
        if (!parser->orphans) {
            ct_dbc_report(parser->raw->report, CT_DBC_ERROR, signal.place, "signal '%s' stands before any message",
                          signal.model.name);
        }
        return true;
    }
    if (parser->message->model.signal_count == SIGNALS_MAX) {
        ct_dbc_report(parser->raw->report, CT_DBC_ERROR, signal.place, "more than %d signals in one message",
                      SIGNALS_MAX);
        return true;
    }
    add_signal(parser, &signal);
    return true;
}

/* Statements that decide neither values nor names of signals: known, and passed over. */
static bool parse_nothing(struct dbc_parser *parser)
{
    ct_dbc_skip_statement(&parser->scan, ct_dbc_at_statement);
    return true;
}

static const struct {
    const char *keyword;
    bool (*parse)(struct dbc_parser *parser);
} statements[] = {
    {"SG_", parse_signal},
    {"BO_", parse_message},
    {"VAL_", ct_dbc_parse_values},
    {"CM_", ct_dbc_parse_comment},
    {"BA_", ct_dbc_parse_attribute},
    {"SG_MUL_VAL_", ct_dbc_parse_selector_ranges},
    {"SIG_VALTYPE_", ct_dbc_parse_value_type},
    {"VAL_TABLE_", ct_dbc_parse_value_table},
    {"BA_DEF_", ct_dbc_parse_attribute_def},
    {"BA_DEF_DEF_", ct_dbc_parse_attribute_default},
    {"BU_", parse_nodes},
    {"BS_", parse_bit_timing},
    {"NS_", parse_new_symbols},
    {"VERSION", parse_version},
    {"BO_TX_BU_", parse_nothing},
    {"EV_", parse_nothing},
    {"EV_DATA_", parse_nothing},
    {"ENVVAR_DATA_", parse_nothing},
    {"SGTYPE_", parse_nothing},
    {"SGTYPE_VAL_", parse_nothing},
    {"SIG_TYPE_REF_", parse_nothing},
    {"SIGTYPE_VALTYPE_", parse_nothing},
    {"SIG_GROUP_", parse_nothing},
    {"BA_DEF_REL_", parse_nothing},
    {"BA_DEF_DEF_REL_", parse_nothing},
    {"BA_REL_", parse_nothing},
    {"BA_DEF_SGTYPE_", parse_nothing},
    {"BA_SGTYPE_", parse_nothing},
    {"BU_SG_REL_", parse_nothing},
    {"BU_EV_REL_", parse_nothing},
    {"BU_BO_REL_", parse_nothing},
    {"CAT_DEF_", parse_nothing},
    {"CAT_", parse_nothing},
    {"FILTER", parse_nothing},
    {"NS_DESC_", parse_nothing},
};

static int find_statement(struct dbc_span word)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (ct_dbc_span_is(word, statements[i].keyword)) {
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
    if (word.len == 0) {
        if (*parser->scan.p != ';') {
            ct_dbc_report(report, CT_DBC_ERROR, parser->scan.p, "expected a statement, found '%c'", *parser->scan.p);
        } else {
            parser->scan.p++;
            return;
        }
    } else {
        ct_dbc_report(report, CT_DBC_WARNING, word.p, "unknown statement '%.*s' is skipped",
                      word.len > 40 ? 40 : (int)word.len, word.p);
    }
    ct_dbc_skip_statement(&parser->scan, ct_dbc_at_statement);
}

void ct_dbc_parse_text(struct dbc_raw *raw, const char *text, size_t len)
{
    struct dbc_parser parser = {.raw = raw, .scan = {.p = text, .end = text + len, .begin = text}};
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        parser.scan.p += 3;
        parser.scan.begin += 3;
    }
    while (ct_dbc_peek(&parser.scan) != '\0' && !raw->keep->failed && !raw->temp->failed) {
        parser.keyword = parser.scan.p;
        const struct dbc_span word = ct_dbc_take_word(&parser.scan);
        const int row = find_statement(word);
        if (row < 0) {
            skip_unknown(&parser, word);
        } else if (!statements[row].parse(&parser)) {
            ct_dbc_skip_statement(&parser.scan, ct_dbc_at_statement);
        }
    }
}
