#include "candump.h"

#include <string.h>

#define ERROR_FLAG      0x20000000U /* CAN_ERR_FLAG of <linux/can.h>, as candump prints it */
#define STAMP_SECONDS   INT64_C(9000000000)
#define YEAR_2000_UTC_S INT64_C(946684800)

struct cursor {
    const char *text;
    size_t len;
    size_t at;
    struct ct_candump_problem *problem;
};

static int fail(const struct cursor *c, int err, const char *text)
{
    c->problem->column = c->at + 1;
    c->problem->text = text;
    return err;
}

static int peek(const struct cursor *c)
{
    return c->at < c->len ? (unsigned char)c->text[c->at] : -1;
}

static bool is_space(int ch)
{
    return ch == ' ' || ch == '\t';
}

static bool take(struct cursor *c, char ch)
{
    if (peek(c) != (unsigned char)ch) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    const size_t n = strlen(word);
    if (c->len - c->at < n || memcmp(c->text + c->at, word, n) != 0) {
        return false;
    }
    c->at += n;
    return true;
}

static bool skip_spaces(struct cursor *c)
{
    const size_t start = c->at;
    while (is_space(peek(c))) {
        c->at++;
    }
    return c->at > start;
}

static bool at_end(struct cursor *c)
{
    skip_spaces(c);
    return c->at == c->len;
}

static int hex_value(int ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    const int lower = ch | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool take_hex(struct cursor *c, unsigned *out_digit)
{
    const int value = hex_value(peek(c));
    if (value < 0) {
        return false;
    }
    *out_digit = (unsigned)value;
    c->at++;
    return true;
}

static bool take_byte(struct cursor *c, uint8_t *out_byte)
{
    unsigned high;
    unsigned low;
    if (!take_hex(c, &high) || !take_hex(c, &low)) {
        return false;
    }
    *out_byte = (uint8_t)(high << 4 | low);
    return true;
}

static bool take_decimal(struct cursor *c, unsigned digits_max, int64_t *out_value, unsigned *out_digits)
{
    int64_t value = 0;
    unsigned digits = 0;
    for (int ch = peek(c); ch >= '0' && ch <= '9' && digits < digits_max; ch = peek(c), digits++) {
        value = value * 10 + (ch - '0');
        c->at++;
    }
    *out_value = value;
    *out_digits = digits;
    return digits > 0;
}

/* (seconds.fraction), up to nanoseconds. */
static int parse_stamp(struct cursor *c, ct_ns *out_stamp)
{
    int64_t seconds;
    int64_t fraction;
    unsigned digits;
    if (!take_decimal(c, 10, &seconds, &digits) || !take(c, '.') || !take_decimal(c, 9, &fraction, &digits) ||
        !take(c, ')')) {
        return fail(c, CT_ERR_SYNTAX, "expected a time stamp (seconds.microseconds)");
    }
    if (seconds > STAMP_SECONDS) {
        return fail(c, CT_ERR_RANGE, "time stamp is too large");
    }
    for (; digits < 9; digits++) {
        fraction *= 10;
    }
    *out_stamp = seconds * CT_NS_PER_S + fraction;
    return CT_OK;
}

static int parse_channel(struct cursor *c, char *out_channel)
{
    const size_t start = c->at;
    while (peek(c) > ' ') {
        c->at++;
    }
    const size_t n = c->at - start;
    if (n == 0 || n >= CT_CANDUMP_CHANNEL_MAX) {
        c->at = start;
        return fail(c, CT_ERR_SYNTAX, "expected an interface name of 1 to 31 characters");
    }
    memcpy(out_channel, c->text + start, n);
    out_channel[n] = '\0';
    return CT_OK;
}

static int parse_id(struct cursor *c, struct ct_frame *frame)
{
    const size_t start = c->at;
    uint32_t id = 0;
    unsigned digit;
    while (c->at - start < 8 && take_hex(c, &digit)) {
        id = id << 4 | digit;
    }
    const size_t digits = c->at - start;
    c->at = start;
    if (digits == 0) {
        return fail(c, CT_ERR_SYNTAX, "expected a CAN id in hex digits");
    }
    if (digits <= 3 && id > CT_ID_STD_MAX) {
        return fail(c, CT_ERR_RANGE, "standard id above 7FF; extended ids are written with 8 digits");
    }
    if (digits > 3) {
        frame->flags |= (id & ERROR_FLAG) != 0 ? CT_FRAME_ERR : CT_FRAME_EXT;
        id &= ~ERROR_FLAG;
    }
    if (id > CT_ID_EXT_MAX) {
        return fail(c, CT_ERR_RANGE, "extended id above 1FFFFFFF");
    }
    frame->id = id;
    c->at = start + digits;
    return CT_OK;
}

static int parse_remote(struct cursor *c, struct ct_frame *frame)
{
    const int ch = peek(c);
    frame->flags |= CT_FRAME_RTR;
    if (ch >= '0' && ch <= '8') {
        frame->len = (uint8_t)(ch - '0');
        c->at++;
    }
    return CT_OK;
}

/* The raw length code 9..F that some controllers put on 8 bytes of data; the data are the same. */
static void skip_raw_dlc(struct cursor *c, const struct ct_frame *frame)
{
    unsigned digit;
    if (frame->len == 8 && (frame->flags & CT_FRAME_FD) == 0 && take(c, '_') && !take_hex(c, &digit)) {
        c->at--;
    }
}

static int parse_hex_data(struct cursor *c, struct ct_frame *frame)
{
    const size_t max = (frame->flags & CT_FRAME_FD) != 0 ? CT_FRAME_DATA_MAX : 8;
    while (hex_value(peek(c)) >= 0) {
        if (frame->len == max) {
            return fail(c, CT_ERR_RANGE,
                        max == 8 ? "more than 8 data bytes; CAN FD is written ID##FDATA" : "more than 64 data bytes");
        }
        if (!take_byte(c, &frame->data[frame->len])) {
            return fail(c, CT_ERR_SYNTAX, "expected two hex digits for each data byte");
        }
        frame->len++;
        if (take(c, '.') && hex_value(peek(c)) < 0) {
            return fail(c, CT_ERR_SYNTAX, "expected a data byte after the dot");
        }
    }
    if (ct_frame_fd_length(frame->len) != frame->len) {
        return fail(c, CT_ERR_RANGE, "CAN FD data must have 0 to 8, 12, 16, 20, 24, 32, 48 or 64 bytes");
    }
    return CT_OK;
}

static int parse_fd_flags(struct cursor *c, struct ct_frame *frame)
{
    unsigned flags;
    if (!take_hex(c, &flags)) {
        return fail(c, CT_ERR_SYNTAX, "expected one hex digit of CAN FD flags after ##");
    }
    frame->flags |= CT_FRAME_FD;
    frame->flags |= (flags & 1) != 0 ? CT_FRAME_BRS : 0;
    frame->flags |= (flags & 2) != 0 ? CT_FRAME_ESI : 0;
    return CT_OK;
}

/* What follows the first '#'. */
static int parse_payload(struct cursor *c, struct ct_frame *frame)
{
    int err = CT_OK;
    if (take(c, '#')) {
        err = parse_fd_flags(c, frame);
    } else if (take(c, 'R') || take(c, 'r')) {
        err = parse_remote(c, frame);
    }
    if (err == CT_OK && (frame->flags & CT_FRAME_RTR) == 0) {
        err = parse_hex_data(c, frame);
    }
    if (err == CT_OK) {
        skip_raw_dlc(c, frame);
    }
    if (err == CT_OK && !ct_frame_valid(frame)) {
        err = fail(c, CT_ERR_RANGE, "an error frame has neither the remote nor the CAN FD form");
    }
    return err;
}

static int parse_body(struct cursor *c, struct ct_frame *frame)
{
    const int err = parse_id(c, frame);
    if (err != CT_OK) {
        return err;
    }
    if (!take(c, '#')) {
        return fail(c, CT_ERR_SYNTAX, "expected # after the CAN id");
    }
    return parse_payload(c, frame);
}

static int parse_file_form(struct cursor *c, struct ct_candump_line *line)
{
    int err = parse_body(c, &line->frame);
    if (err != CT_OK || at_end(c)) {
        return err;
    }
    if (!is_space((unsigned char)c->text[c->at - 1])) {
        return fail(c, CT_ERR_SYNTAX, "expected hex digits or the end of the line");
    }
    if (take(c, 'T')) {
        line->frame.flags |= CT_FRAME_SENT;
    } else if (!take(c, 'R')) {
        return fail(c, CT_ERR_SYNTAX, "expected R, T or the end of the line");
    }
    line->direction = true;
    return at_end(c) ? CT_OK : fail(c, CT_ERR_SYNTAX, "expected the end of the line");
}

/* "TX B E" of candump -x. */
static void parse_console_extra(struct cursor *c, struct ct_frame *frame)
{
    const bool sent = take_word(c, "TX ");
    if (!sent && !take_word(c, "RX ")) {
        return;
    }
    frame->flags |= sent ? CT_FRAME_SENT : 0;
    skip_spaces(c);
    if (take(c, 'B')) {
        frame->flags |= CT_FRAME_BRS;
    } else {
        take(c, '-');
    }
    skip_spaces(c);
    if (take_word(c, "E ")) {
        frame->flags |= CT_FRAME_ESI;
    } else {
        take(c, '-');
    }
    skip_spaces(c);
}

/* [8] classic, [08] CAN FD. */
static int parse_console_length(struct cursor *c, struct ct_frame *frame)
{
    int64_t len = 0;
    unsigned digits = 0;
    if (!take(c, '[') || !take_decimal(c, 2, &len, &digits) || !take(c, ']')) {
        return fail(c, CT_ERR_SYNTAX, "expected [length] or # after the CAN id");
    }
    if (digits == 2) {
        frame->flags |= CT_FRAME_FD;
    } else {
        frame->flags = (uint16_t)(frame->flags & ~(CT_FRAME_BRS | CT_FRAME_ESI));
    }
    frame->len = (uint8_t)len;
    return ct_frame_valid(frame) ? CT_OK : fail(c, CT_ERR_RANGE, "no CAN frame has this length");
}

static int parse_console_form(struct cursor *c, struct ct_frame *frame)
{
    const int err = parse_console_length(c, frame);
    if (err != CT_OK) {
        return err;
    }
    skip_spaces(c);
    if (take_word(c, "remote request")) {
        frame->flags |= CT_FRAME_RTR;
        return ct_frame_valid(frame) ? CT_OK : fail(c, CT_ERR_RANGE, "CAN FD has no remote frames");
    }
    for (uint8_t i = 0; i < frame->len; i++) {
        if (!take_byte(c, &frame->data[i]) || (c->at < c->len && !skip_spaces(c))) {
            return fail(c, CT_ERR_SYNTAX, "fewer data bytes than the length says");
        }
    }
    return CT_OK;
}

static int parse_frame(struct cursor *c, struct ct_candump_line *line)
{
    const size_t start = c->at;
    int err = parse_id(c, &line->frame);
    if (err == CT_OK && peek(c) == '#') {
        c->at = start;
        line->frame = (struct ct_frame){.t_ns = line->frame.t_ns, .utc_ns = line->frame.utc_ns};
        return line->stamped ? parse_file_form(c, line)
                             : fail(c, CT_ERR_SYNTAX, "expected a time stamp at the start of the line");
    }
    if (err == CT_OK && !skip_spaces(c)) {
        err = fail(c, CT_ERR_SYNTAX, "expected # or [length] after the CAN id");
    }
    line->form = CT_CANDUMP_CONSOLE;
    return err == CT_OK ? parse_console_form(c, &line->frame) : err;
}

static int parse_line(struct cursor *c, struct ct_candump_line *line)
{
    int err = CT_OK;
    if (take(c, '(')) {
        line->stamped = true;
        err = parse_stamp(c, &line->frame.t_ns);
        line->frame.utc_ns = line->frame.t_ns >= YEAR_2000_UTC_S * CT_NS_PER_S ? line->frame.t_ns : 0;
        skip_spaces(c);
    }
    if (err == CT_OK) {
        err = parse_channel(c, line->channel);
    }
    if (err == CT_OK && !skip_spaces(c)) {
        err = fail(c, CT_ERR_SYNTAX, "expected a CAN id after the interface name");
    }
    if (err == CT_OK) {
        parse_console_extra(c, &line->frame);
        err = parse_frame(c, line);
    }
    return err;
}

int ct_candump_parse(const char *text, size_t len, struct ct_candump_line *out_line,
                     struct ct_candump_problem *out_problem)
{
    if (len > 0 && text[len - 1] == '\r') {
        len--;
    }
    struct cursor c = {text, len, 0, out_problem};
    if (at_end(&c) || peek(&c) == '#') {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_candump_line line = {.form = CT_CANDUMP_FILE};
    const int err = parse_line(&c, &line);
    if (err == CT_OK) {
        *out_line = line;
    }
    return err;
}

int ct_candump_parse_body(const char *text, size_t len, struct ct_frame *out_frame,
                          struct ct_candump_problem *out_problem)
{
    struct cursor c = {text, len, 0, out_problem};
    struct ct_frame frame = {0};
    int err = parse_body(&c, &frame);
    if (err == CT_OK && c.at != len) {
        err = fail(&c, CT_ERR_SYNTAX, "expected hex digits or the end of the frame");
    }
    if (err == CT_OK) {
        *out_frame = frame;
    }
    return err;
}
