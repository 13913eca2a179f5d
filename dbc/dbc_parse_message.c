/* BO_ and SG_. */
#include "dbc_parse.h"

#define INDEPENDENT_SIGNALS 0xC0000000U /* VECTOR__INDEPENDENT_SIG_MSG: the pool of signals in no message */
#define ID_MASK             0x1FFFFFFFU
#define SIGNALS_MAX         65535

static void check_id(struct dbc_parser *parser, struct dbc_raw_message *message)
{
    message->hidden = (message->id & ~DBC_EXTENDED_FLAG) > ID_MASK;
    if (message->hidden && message->id != INDEPENDENT_SIGNALS) {
        ct_dbc_report(parser->raw->report, CT_DBC_CODE_PSEUDO_ID, message->named.place,
                      "id %u is no CAN id (over 29 bits); the message is left out", message->id);
    }
}

bool ct_dbc_parse_message(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_raw_message head = {.named.place = parser->keyword};
    parser->message = NULL;
    parser->orphans = true; /* what follows belongs to the message that could not be read */
    if (!ct_dbc_id(parser, &head.id) || !ct_dbc_take_name(parser, "a message name", &head.named.name)) {
        return false;
    }
    if (!ct_dbc_take_char(&parser->scan, ':')) {
        return ct_dbc_fail(parser, "':' after the message name");
    }
    if (!ct_dbc_number_up_to(parser, UINT32_MAX, "the message length in bytes", &head.length)) {
        return false;
    }
    if (!ct_dbc_at_keyword(&parser->scan)) {
        head.sender = ct_dbc_take_word(&parser->scan);
    }
    struct dbc_raw_message *message = ct_dbc_alloc(raw->temp, sizeof *message);
    if (message != NULL) {
        check_id(parser, &head);
        *message = head;
        ct_dbc_append(&raw->messages, &message->named);
        parser->message = message;
    }
    return true;
}

/* M, m3, m3M */
static bool parse_mark(struct dbc_parser *parser, struct dbc_raw_signal *signal)
{
    struct dbc_scan *scan = &parser->scan;
    if (ct_dbc_peek(scan) == ':') {
        return true;
    }
    const char *place = scan->p;
    const struct dbc_span word = ct_dbc_take_word(scan);
    if (word.len > 0 && word.p[word.len - 1] == 'M') {
        signal->is_selector = true;
    }
    if (word.len > 1 && word.p[0] == 'm') {
        struct dbc_scan digits = {.p = word.p + 1, .end = word.p + word.len, .begin = word.p};
        signal->muxed = ct_dbc_take_uint(&digits, &signal->mux_value) &&
                        word.len == (size_t)(digits.p - word.p) + (signal->is_selector ? 1 : 0);
    }
    if (ct_dbc_span_is(word, "m")) { /* vw_pq.dbc */
        ct_dbc_report(parser->raw->report, CT_DBC_CODE_BARE_MARK, word.p,
                      "'m' without a number is taken for a multiplexer, M");
        signal->is_selector = true;
        return true;
    }
    if (signal->muxed || ct_dbc_span_is(word, "M")) {
        return true;
    }
    scan->p = place;
    return ct_dbc_fail(parser, "':' or a multiplexer mark (M, m3, m3M) after the signal name");
}

bool ct_dbc_parse_size(struct dbc_parser *parser, struct dbc_raw_signal *signal)
{
    struct dbc_scan *scan = &parser->scan;
    uint32_t length = 0;
    uint32_t order = 0;
    if (!ct_dbc_number_up_to(parser, UINT16_MAX, "the length in bits (1 to 65535)", &length)) {
        return false;
    }
    if (length == 0) {
        scan->p--;
        return ct_dbc_fail(parser, "the length in bits (1 to 65535)");
    }
    if (!ct_dbc_take_char(scan, '@')) {
        return ct_dbc_fail(parser, "'@' before the byte order");
    }
    if (!ct_dbc_number_up_to(parser, 1, "the byte order, 0 (Motorola) or 1 (Intel)", &order)) {
        return false;
    }
    signal->length = (uint16_t)length;
    signal->big_endian = order == 0;
    signal->is_signed = ct_dbc_take_char(scan, '-');
    return signal->is_signed || ct_dbc_take_char(scan, '+') || ct_dbc_fail(parser, "sign '+' or '-'");
}

/* 7|16@0+ */
static bool parse_layout(struct dbc_parser *parser, struct dbc_raw_signal *signal)
{
    uint32_t start = 0;
    if (!ct_dbc_take_char(&parser->scan, ':')) {
        return ct_dbc_fail(parser, "':' before the start bit");
    }
    if (!ct_dbc_number_up_to(parser, UINT16_MAX, "the start bit (0 to 65535)", &start)) {
        return false;
    }
    signal->start_bit = (uint16_t)start;
    if (!ct_dbc_take_char(&parser->scan, '|')) {
        return ct_dbc_fail(parser, "'|' between start bit and length");
    }
    return ct_dbc_parse_size(parser, signal);
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

bool ct_dbc_parse_range(struct dbc_parser *parser, double *out_min, double *out_max)
{
    return parse_pair(parser, "[|]", "[minimum|maximum]", out_min, out_max);
}

bool ct_dbc_parse_unit(struct dbc_parser *parser, struct dbc_span *out_unit)
{
    if (ct_dbc_take_string(&parser->scan, true, out_unit)) {
        return true;
    }
    const bool open = ct_dbc_peek(&parser->scan) == '"';
    return ct_dbc_fail(parser, open ? "the unit's closing '\"' on the same line" : "the unit in quotes");
}

bool ct_dbc_parse_physical(struct dbc_parser *parser, struct dbc_raw_signal *signal)
{
    return parse_pair(parser, "(,)", "(factor,offset)", &signal->factor, &signal->offset) &&
           ct_dbc_parse_range(parser, &signal->min, &signal->max) && ct_dbc_parse_unit(parser, &signal->unit);
}

static void add_signal(struct dbc_parser *parser, const struct dbc_raw_signal *signal)
{
    struct dbc_raw_message *message = parser->message;
    struct dbc_raw_signal *copy = ct_dbc_alloc(parser->raw->temp, sizeof *copy);
    if (copy != NULL) {
        *copy = *signal;
        copy->message = message;
        copy->index = (uint16_t)message->signals.count;
        ct_dbc_append(&message->signals, &copy->named);
    }
}

bool ct_dbc_parse_signal(struct dbc_parser *parser)
{
    struct dbc_report *report = parser->raw->report;
    struct dbc_raw_signal signal = {.named.place = parser->keyword};
    if (!ct_dbc_take_name(parser, "a signal name", &signal.named.name) || !parse_mark(parser, &signal) ||
        !parse_layout(parser, &signal) || !ct_dbc_parse_physical(parser, &signal)) {
        return false;
    }
    signal.receivers = ct_dbc_take_list(parser);
    (void)(ct_dbc_same_line(&parser->scan) && ct_dbc_take_char(&parser->scan, ';'));
    if (parser->message == NULL) {
        if (!parser->orphans) {
            ct_dbc_report(report, CT_DBC_CODE_NO_MESSAGE, signal.named.place, "signal '%.*s' stands before any message",
                          ct_dbc_shown(signal.named.name), signal.named.name.p);
        }
    } else if (parser->message->signals.count == SIGNALS_MAX) {
        ct_dbc_report(report, CT_DBC_CODE_TOO_MANY_SIGNALS, signal.named.place, "more than %d signals in one message",
                      SIGNALS_MAX);
    } else {
        add_signal(parser, &signal);
    }
    return true;
}
