#include "asc.h"
#include "log_lines.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLAG_REMOTE 0x10U
#define FLAG_EDL    0x1000U

/* A word of the line; len 0 at its end. */
struct word {
    const char *text;
    size_t len;
};

struct cursor {
    const char *text;
    size_t len;
    size_t at;
    struct word newest;
    struct ct_log_problem *problem;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct word next_word(struct cursor *c)
{
    while (c->at < c->len && is_space(c->text[c->at])) {
        c->at++;
    }
    const size_t start = c->at;
    while (c->at < c->len && !is_space(c->text[c->at])) {
        c->at++;
    }
    c->newest = (struct word){c->text + start, c->at - start};
    return c->newest;
}

static struct word peek_word(struct cursor *c)
{
    const struct cursor saved = *c;
    const struct word word = next_word(c);
    *c = saved;
    return word;
}

static bool is(struct word word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.text, text, word.len) == 0;
}

static bool starts(struct word word, const char *text)
{
    return word.len >= strlen(text) && strncasecmp(word.text, text, strlen(text)) == 0;
}

/* Fails at the newest word. */
static int fail(const struct cursor *c, int err, const char *text)
{
    *c->problem = (struct ct_log_problem){(size_t)(c->newest.text - c->text) + 1, text};
    return err;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

static bool number_of(struct word word, unsigned base, uint32_t max, uint32_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < word.len; i++) {
        const unsigned digit = (unsigned)digit_of(word.text[i]);
        number = number * base + digit;
        if (digit >= base || number > max) {
            return false;
        }
    }
    *out_number = (uint32_t)number;
    return word.len > 0;
}

/* 12.345678 in nanoseconds; further digits are dropped. */
static bool stamp_of(struct word word, int64_t *out_ns)
{
    int64_t ns = 0;
    int64_t unit = CT_NS_PER_S;
    size_t i = 0;
    for (; i < word.len && word.text[i] >= '0' && word.text[i] <= '9'; i++) {
        ns = ns * 10 + (word.text[i] - '0');
        if (ns > INT64_C(9000000000)) {
            return false;
        }
    }
    ns *= CT_NS_PER_S;
    if (i == 0 || i == word.len || (word.text[i] != '.' && word.text[i] != ',')) {
        return false;
    }
    const size_t fraction = ++i;
    for (; i < word.len && word.text[i] >= '0' && word.text[i] <= '9'; i++) {
        unit /= 10;
        ns += unit * (word.text[i] - '0');
    }
    *out_ns = ns;
    return i == word.len && i > fraction;
}

/* 18EBFF00x; ids beyond 11 bits are extended also without the x (python-can 4.1 drops it for some). */
static bool id_of(struct word word, unsigned base, struct ct_frame *frame)
{
    const bool marked = word.len > 1 && (word.text[word.len - 1] | 0x20) == 'x';
    word.len -= marked ? 1 : 0;
    if (!number_of(word, base, CT_ID_EXT_MAX, &frame->id)) {
        return false;
    }
    frame->flags |= marked || frame->id > CT_ID_STD_MAX ? CT_FRAME_EXT : 0;
    return true;
}

/* `ID = 418119424x` behind the data names in decimal what a symbolic name stands for. */
static bool id_behind(struct cursor *c, struct ct_frame *frame)
{
    struct word word;
    while ((word = next_word(c)).len > 0) {
        if (is(word, "ID") && is(next_word(c), "=")) {
            return id_of(next_word(c), 10, frame);
        }
    }
    return false;
}

static int take_data(struct cursor *c, unsigned base, unsigned count, struct ct_frame *frame)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t byte;
        if (!number_of(next_word(c), base, 255, &byte)) {
            return fail(c, CT_ERR_SYNTAX, "expected a data byte, as many as the length says");
        }
        frame->data[i] = (uint8_t)byte;
    }
    return CT_OK;
}

/* `certain`: what came before can only be a frame, so a stump of a word is damage. */
static int take_direction(struct cursor *c, bool certain, struct ct_frame *frame)
{
    const struct word word = next_word(c);
    if (starts(word, "Tx")) { /* TxRq: the request to send */
        frame->flags |= CT_FRAME_SENT;
    } else if (certain && word.len < 2) {
        return fail(c, CT_ERR_SYNTAX, "expected Rx or Tx");
    } else if (!is(word, "Rx")) {
        return CT_ERR_NOT_FOUND; /* another kind of event */
    }
    return CT_OK;
}

/* Behind the direction: `d 8 11 22 ...` or `r [8]`. */
static int take_classic_data(struct cursor *c, const struct ct_asc *asc, struct ct_frame *frame)
{
    const struct word kind = next_word(c);
    uint32_t dlc = 0;
    if (is(kind, "r")) {
        const struct cursor saved = *c;
        if (!number_of(next_word(c), asc->base, 15, &dlc)) {
            *c = saved; /* before version 8.5 there was no length */
        }
        frame->flags |= CT_FRAME_RTR;
        frame->len = ct_frame_length_from_dlc((uint8_t)dlc, false);
        return CT_OK;
    }
    if (!is(kind, "d")) {
        return fail(c, CT_ERR_SYNTAX, "expected d (data) or r (remote frame)");
    }
    if (!number_of(next_word(c), asc->base, 15, &dlc)) {
        return fail(c, CT_ERR_SYNTAX, "expected a data length code from 0 to 15");
    }
    frame->len = ct_frame_length_from_dlc((uint8_t)dlc, false);
    return take_data(c, asc->base, frame->len, frame);
}

/* Behind the channel: `123 Rx d 8 ...`, `ErrorFrame ...`. */
static int take_classic(struct cursor *c, const struct ct_asc *asc, struct ct_frame *frame)
{
    const struct word id = next_word(c);
    const size_t id_column = (size_t)(id.text - c->text) + 1;
    if (starts(id, "ErrorFrame")) {
        ct_log_error_frame(frame);
        return CT_OK;
    }
    if (id.len == 0) {
        return fail(c, CT_ERR_SYNTAX, "the line ends behind the channel");
    }
    const bool numeric = id_of(id, asc->base, frame);
    int err = take_direction(c, numeric, frame);
    if (err == CT_OK) {
        err = take_classic_data(c, asc, frame);
    }
    if (err == CT_OK && !numeric && !id_behind(c, frame)) {
        *c->problem = (struct ct_log_problem){
            id_column, "a symbolic name without its id (ID = N behind the data); log with numeric ids"};
        return CT_ERR_SYNTAX;
    }
    return err;
}

struct fd_fields {
    uint32_t brs;
    uint32_t esi;
    uint32_t dlc;
    uint32_t len;
};

static int take_fd_fields(struct cursor *c, const struct ct_asc *asc, struct fd_fields *f)
{
    if (!is(peek_word(c), "0") && !is(peek_word(c), "1")) {
        next_word(c); /* the symbolic name */
    }
    if (!number_of(next_word(c), 10, 1, &f->brs) || !number_of(next_word(c), 10, 1, &f->esi)) {
        return fail(c, CT_ERR_SYNTAX, "expected 0 or 1 for bit rate switch and error state");
    }
    if (!number_of(next_word(c), asc->base, 15, &f->dlc)) {
        return fail(c, CT_ERR_SYNTAX, "expected a data length code from 0 to 15");
    }
    if (!number_of(next_word(c), 10, CT_FRAME_DATA_MAX, &f->len)) {
        return fail(c, CT_ERR_SYNTAX, "expected a number of data bytes from 0 to 64");
    }
    return CT_OK;
}

/* The third number behind the data is the flag word; classic frames of an FD channel are told by it. */
static void apply_fd_flags(struct cursor *c, const struct fd_fields *f, struct ct_frame *frame)
{
    uint32_t flags = FLAG_EDL;
    next_word(c);
    next_word(c);
    const struct word word = next_word(c);
    if (word.len > 0 && !number_of(word, 16, UINT32_MAX, &flags)) {
        flags = FLAG_EDL;
    }
    const bool remote = (flags & FLAG_REMOTE) != 0 || (f->len == 0 && f->dlc > 0);
    const bool fd = (flags & FLAG_EDL) != 0 || f->dlc > 8 || f->brs + f->esi > 0;
    frame->len = ct_frame_length_from_dlc((uint8_t)f->dlc, fd && !remote);
    if (remote) {
        frame->flags |= CT_FRAME_RTR;
    } else if (fd) {
        frame->flags |= CT_FRAME_FD;
        frame->flags |= f->brs != 0 ? CT_FRAME_BRS : 0;
        frame->flags |= f->esi != 0 ? CT_FRAME_ESI : 0;
    }
}

/* Behind the channel: `Rx 123 [Name] BRS ESI DLC LEN DATA... DURATION LENGTH FLAGS CRC ...`, `Tx ErrorFrame ...`. */
static int take_fd(struct cursor *c, const struct ct_asc *asc, struct ct_frame *frame)
{
    struct fd_fields f = {0};
    int err = take_direction(c, true, frame);
    if (err != CT_OK) {
        return err;
    }
    const struct word id = next_word(c);
    if (starts(id, "ErrorFrame")) {
        ct_log_error_frame(frame);
        return CT_OK;
    }
    if (!id_of(id, asc->base, frame)) {
        return fail(c, CT_ERR_SYNTAX, "expected a CAN id");
    }
    err = take_fd_fields(c, asc, &f);
    if (err == CT_OK) {
        err = take_data(c, asc->base, f.len, frame);
    }
    if (err == CT_OK) {
        apply_fd_flags(c, &f, frame);
        memset(frame->data + frame->len, 0, sizeof frame->data - frame->len);
    }
    return err;
}

static int take_event(struct cursor *c, struct ct_asc *asc, struct ct_log_record *out)
{
    struct ct_log_record record = {.frame = {.t_ns = 0}};
    uint32_t channel;
    const struct word word = next_word(c);
    const bool fd = is(word, "CANFD");
    if (word.len == 0) {
        return fail(c, CT_ERR_SYNTAX, "the line ends behind the time stamp");
    }
    if (is(word, "Start") && is(next_word(c), "of") && is(next_word(c), "measurement") && asc->block_dated) {
        asc->dated = true;
        asc->start_utc = asc->block_utc - asc->at_ns;
        return CT_ERR_NOT_FOUND;
    }
    if (!number_of(fd ? next_word(c) : word, 10, 65535, &channel)) {
        return CT_ERR_NOT_FOUND;
    }
    const int err = fd ? take_fd(c, asc, &record.frame) : take_classic(c, asc, &record.frame);
    if (err != CT_OK) {
        return err;
    }
    if (ct_log_stamp(&record.frame, asc->dated ? asc->start_utc : 0, (uint64_t)asc->at_ns) != CT_OK) {
        return fail(c, CT_ERR_RANGE, "time stamp is out of range");
    }
    ct_log_channel_name(channel, record.channel);
    *out = record;
    return CT_OK;
}

static void take_base(struct cursor *c, struct ct_asc *asc)
{
    asc->base = is(next_word(c), "dec") ? 10 : 16;
    asc->relative = is(next_word(c), "timestamps") && is(next_word(c), "relative");
}

static void take_date(const struct cursor *c, int64_t *utc, bool *dated)
{
    *dated |= ct_asc_parse_date(c->text + c->at, c->len - c->at, utc) == CT_OK;
}

/* A line without a stamp: header, comment, trigger block. Behind the header anything else is damage. */
static int take_header(struct cursor *c, struct ct_asc *asc, struct word word)
{
    if (word.len == 0 || starts(word, "//") || is(word, "End") || is(word, "internal") || is(word, "no")) {
        return CT_ERR_NOT_FOUND;
    }
    if (is(word, "date")) {
        take_date(c, &asc->start_utc, &asc->dated);
    } else if (is(word, "base")) {
        take_base(c, asc);
    } else if (is(word, "Begin")) {
        next_word(c);
        take_date(c, &asc->block_utc, &asc->block_dated);
        if (asc->block_dated && !asc->dated) {
            asc->start_utc = asc->block_utc;
            asc->dated = true;
        }
    } else if (asc->events) {
        return fail(c, CT_ERR_SYNTAX, "expected a time stamp in seconds at the start of the line");
    }
    return CT_ERR_NOT_FOUND;
}

void ct_asc_init(struct ct_asc *asc)
{
    *asc = (struct ct_asc){.base = 16};
}

int ct_asc_parse(void *state, const char *text, size_t len, struct ct_log_record *out_record,
                 struct ct_log_problem *out_problem)
{
    struct ct_asc *asc = state;
    struct cursor c = {.text = text, .len = len, .problem = out_problem};
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        c.at = 3;
    }
    int64_t stamp;
    const struct word word = next_word(&c);
    if (!stamp_of(word, &stamp)) {
        return take_header(&c, asc, word);
    }
    asc->events = true;
    if (!asc->relative) {
        asc->at_ns = stamp;
    } else if (__builtin_add_overflow(asc->at_ns, stamp, &asc->at_ns)) {
        asc->at_ns = 0;
        return fail(&c, CT_ERR_RANGE, "time stamp is out of range");
    }
    return take_event(&c, asc, out_record);
}

struct asc_state {
    struct ct_log_lines lines;
    struct ct_asc asc;
};

static void *open_asc(void)
{
    struct asc_state *state = calloc(1, sizeof *state);
    if (state != NULL) {
        ct_asc_init(&state->asc);
    }
    return state;
}

static int next_asc(void *state, const uint8_t *bytes, size_t len, bool last, struct ct_log_step *out_step)
{
    struct asc_state *s = state;
    return ct_log_lines_next(&s->lines, ct_asc_parse, &s->asc, bytes, len, last, out_step);
}

static bool is_header(struct word first, struct word second)
{
    return (is(first, "date") && second.len > 0) || (is(first, "base") && (is(second, "hex") || is(second, "dec"))) ||
           (is(first, "Begin") && is(second, "Triggerblock"));
}

/* A stamp without parentheses before a channel or an event. */
static bool is_event(struct word first, struct word second)
{
    int64_t stamp;
    uint32_t channel;
    return stamp_of(first, &stamp) &&
           (number_of(second, 10, 65535, &channel) || is(second, "CANFD") || is(second, "CAN") || is(second, "Start"));
}

/* Told by the first line that is neither blank nor a comment. */
static bool recognise_asc(const uint8_t *head, size_t len)
{
    const char *text = (const char *)head;
    size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool comment = false;
    while (at < len) {
        const char *newline = memchr(text + at, '\n', len - at);
        struct cursor c = {.text = text, .len = newline != NULL ? (size_t)(newline - text) : len, .at = at};
        const struct word first = next_word(&c);
        if (first.len > 0 && !starts(first, "//")) {
            const struct word second = next_word(&c);
            return is_header(first, second) || is_event(first, second);
        }
        comment |= first.len > 0;
        at = c.len + 1;
    }
    return comment;
}

const struct ct_log_format ct_log_asc = {
    .name = "ASC",
    .text = true,
    .recognises = recognise_asc,
    .open = open_asc,
    .next = next_asc,
    .close = free,
};
