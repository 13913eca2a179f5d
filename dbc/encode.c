#include "encode.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_MAX  64
#define DEPTH_MAX 64 /* nested multiplexers */

struct encoding {
    const struct ct_codec_message *message;
    const struct ct_dbc_message *model;
    const struct ct_encode_set *sets;
    size_t count;
    enum ct_range_policy policy;
    uint8_t *data;
    size_t len;
    char *problem;
    size_t problem_size;
};

static int refuse(const struct encoding *encoding, int err, const char *format, ...) CT_PRINTF(3, 4);

static int refuse(const struct encoding *encoding, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(encoding->problem, encoding->problem_size, format, args);
    va_end(args);
    return err;
}

/* ---- branches */

static uint64_t selector_raw(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    int64_t raw = 0;
    const unsigned length = encoding->model->signals[signal->selector].length;
    if (ct_codec_raw(encoding->message, (uint16_t)signal->selector, encoding->data, encoding->len, &raw) != CT_OK) {
        return 0;
    }
    return (uint64_t)raw & UINT64_MAX >> (64 - length);
}

static bool in_ranges(const struct ct_dbc_signal *signal, uint64_t raw)
{
    for (size_t i = 0; i < signal->range_count; i++) {
        if (raw >= signal->ranges[i].first && raw <= signal->ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Its own selector and all above it let it be in the frame. */
static bool is_active(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    for (; signal->selector >= 0; signal = &encoding->model->signals[signal->selector]) {
        if (!in_ranges(signal, selector_raw(encoding, signal))) {
            return false;
        }
    }
    return true;
}

static unsigned depth_of(const struct ct_dbc_message *model, const struct ct_dbc_signal *signal)
{
    unsigned depth = 0;
    for (; signal->selector >= 0 && depth < DEPTH_MAX; depth++) {
        signal = &model->signals[signal->selector];
    }
    return depth;
}

/* The signal of this name; of several in different branches the one whose branch is chosen. */
static const struct ct_dbc_signal *signal_meant(const struct encoding *encoding, const char *name)
{
    const struct ct_dbc_signal *first = NULL;
    for (size_t i = 0; i < encoding->model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &encoding->model->signals[i];
        if (strcmp(signal->name, name) == 0) {
            if (is_active(encoding, signal)) {
                return signal;
            }
            first = first == NULL ? signal : first;
        }
    }
    return first;
}

static const struct ct_encode_set *set_of(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    for (size_t i = 0; i < encoding->count; i++) {
        if (strcmp(encoding->sets[i].signal, signal->name) == 0) {
            return &encoding->sets[i];
        }
    }
    return NULL;
}

static bool hangs_on(const struct ct_dbc_message *model, const struct ct_dbc_signal *signal, int32_t selector)
{
    for (; signal->selector >= 0; signal = &model->signals[signal->selector]) {
        if (signal->selector == selector) {
            return true;
        }
    }
    return false;
}

/* A set signal beside `signal` that is in the frame only with the selector as it stands; NULL: none. */
static const struct ct_dbc_signal *rival(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    for (size_t i = 0; i < encoding->count; i++) {
        const struct ct_dbc_signal *other = signal_meant(encoding, encoding->sets[i].signal);
        if (other != signal && hangs_on(encoding->model, other, signal->selector) && is_active(encoding, other)) {
            return other;
        }
    }
    return NULL;
}

/* Of the selector's values that let `signal` in, the one that lets in most of the other set signals. */
static uint64_t best_choice(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    uint64_t best = signal->ranges[0].first;
    size_t most = 0;
    for (size_t i = 0; i <= encoding->count; i++) {
        const struct ct_dbc_signal *source =
            i < encoding->count ? signal_meant(encoding, encoding->sets[i].signal) : signal;
        if (source->selector != signal->selector) {
            continue;
        }
        for (size_t r = 0; r < source->range_count; r++) {
            const uint64_t value = source->ranges[r].first;
            size_t let_in = in_ranges(signal, value) ? 1 : 0;
            for (size_t k = 0; k < encoding->count && let_in > 0; k++) {
                const struct ct_dbc_signal *other = signal_meant(encoding, encoding->sets[k].signal);
                let_in += other->selector == signal->selector && in_ranges(other, value) ? 1U : 0U;
            }
            if (let_in > most) {
                most = let_in;
                best = value;
            }
        }
    }
    return best;
}

/* Makes one selector let `signal` in; those above it do already. */
static int choose(struct encoding *encoding, const struct ct_dbc_signal *signal, const char *wanted)
{
    const struct ct_dbc_signal *selector = &encoding->model->signals[signal->selector];
    if (in_ranges(signal, selector_raw(encoding, signal))) {
        return CT_OK;
    }
    if (set_of(encoding, selector) != NULL || signal->range_count == 0) {
        return refuse(encoding, CT_ERR_ARGUMENT,
                      "%s and %s do not go together: %s is not in the frame when %s is %" PRIu64, wanted,
                      selector->name, signal->name, selector->name, selector_raw(encoding, signal));
    }
    const struct ct_dbc_signal *other = rival(encoding, signal);
    if (other != NULL) {
        return refuse(encoding, CT_ERR_ARGUMENT, "%s and %s do not go together: they need different values of %s",
                      wanted, other->name, selector->name);
    }
    const struct ct_encode_value value = {.signal = (uint16_t)signal->selector,
                                          .raw = (int64_t)best_choice(encoding, signal)};
    const int err = ct_codec_encode(encoding->message, &value, encoding->data, encoding->len);
    return err == CT_OK ? err : refuse(encoding, err, "%s cannot be set: %s", selector->name, ct_err_text(err));
}

/* Selectors from the top down. */
static int let_in(struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    const struct ct_dbc_signal *chain[DEPTH_MAX];
    unsigned depth = 0;
    for (const struct ct_dbc_signal *at = signal; at->selector >= 0; at = &encoding->model->signals[at->selector]) {
        if (depth == DEPTH_MAX) {
            return refuse(encoding, CT_ERR_TOO_LARGE, "%s: more than %d nested multiplexers", signal->name, DEPTH_MAX);
        }
        chain[depth++] = at;
    }
    int err = CT_OK;
    while (err == CT_OK && depth > 0) {
        err = choose(encoding, chain[--depth], signal->name);
    }
    return err;
}

/* ---- values */

__extension__ typedef __int128 wide; /* every product of a 64-bit raw value and an integer factor */

#define DIGITS_MAX 30

/* A whole number, decimal or 0x; leading zeros do not make it octal. */
static bool parse_whole(const char *text, wide *out_number)
{
    const bool minus = text[0] == '-';
    const char *digit = text + (minus || text[0] == '+' ? 1 : 0);
    const unsigned base = digit[0] == '0' && (digit[1] == 'x' || digit[1] == 'X') ? 16 : 10;
    digit += base == 16 ? 2 : 0;
    const size_t len = strlen(digit);
    if (len == 0 || len > DIGITS_MAX || digit[strspn(digit, base == 16 ? "0123456789abcdefABCDEF" : "0123456789")]) {
        return false;
    }
    wide number = 0;
    for (; *digit != '\0'; digit++) {
        const unsigned value = *digit <= '9' ? (unsigned)(*digit - '0') : ((unsigned)*digit & 0xFU) + 9;
        number = number * base + value;
    }
    *out_number = minus ? -number : number;
    return true;
}

static bool fits_raw(const struct ct_dbc_signal *signal, wide number)
{
    return signal->is_signed && signal->kind == CT_DBC_INTEGER ? number >= INT64_MIN && number <= INT64_MAX
                                                               : number >= 0 && number <= UINT64_MAX;
}

static bool find_text(const struct ct_dbc_signal *signal, const char *text, int64_t *out_raw)
{
    for (size_t i = 0; i < signal->text_count; i++) {
        if (strcmp(signal->texts[i].text, text) == 0) {
            *out_raw = signal->texts[i].raw;
            return true;
        }
    }
    return false;
}

/* What a set says of its signal. */
struct wanted {
    struct ct_encode_value value;
    bool ranged; /* held against minimum and maximum: a physical value, whether or not its raw value is known exactly */
};

/* Physical values that are whole numbers have an exact raw value, beyond what doubles can tell apart. */
static bool parse_exact(const struct ct_dbc_signal *signal, const char *text, struct wanted *wanted)
{
    wide number = 0;
    if (signal->kind != CT_DBC_INTEGER || !signal->integer_scale || signal->factor == 0 ||
        !parse_whole(text, &number)) {
        return false;
    }
    const wide steps = number - (wide)signal->offset;
    const wide factor = (wide)signal->factor;
    if (steps % factor != 0 || !fits_raw(signal, steps / factor)) {
        return false;
    }
    wanted->value.raw = (int64_t)(steps / factor);
    wanted->value.value = (double)number;
    wanted->ranged = true;
    return true;
}

static bool parse_number(const char *text, struct wanted *wanted)
{
    char *rest = NULL;
    wanted->value.value = strtod(text, &rest);
    wanted->value.physical = true;
    wanted->ranged = true;
    return rest != text && *rest == '\0';
}

static bool parse_raw(const struct ct_dbc_signal *signal, const char *text, struct wanted *wanted)
{
    wide number = 0;
    const bool good = parse_whole(text, &number) && fits_raw(signal, number);
    wanted->value.raw = (int64_t)number;
    return good;
}

/* What is written as a number is one, also where a value table gives another value that text; `inf` and `nan` are
 * words.
 */
static bool parse_text(const struct ct_dbc_signal *signal, const char *text, struct wanted *wanted)
{
    struct wanted number = *wanted;
    const bool digits = text[0] != '\0' && strchr("+-.0123456789", text[0]) != NULL;
    if (parse_exact(signal, text, wanted)) {
        return true;
    }
    const bool is_number = parse_number(text, &number);
    if ((digits && is_number) || !find_text(signal, text, &wanted->value.raw)) {
        *wanted = number;
        return is_number;
    }
    return true;
}

static int read_value(const struct encoding *encoding, const struct ct_dbc_signal *signal,
                      const struct ct_encode_set *set, struct wanted *out_wanted)
{
    const bool physical = set->kind == CT_SET_PHYSICAL;
    const bool raw = set->kind == CT_SET_RAW_TEXT;
    *out_wanted = (struct wanted){.value = {.signal = (uint16_t)(signal - encoding->model->signals),
                                            .physical = physical,
                                            .raw = set->raw,
                                            .value = set->number},
                                  .ranged = physical};
    if ((raw && !parse_raw(signal, set->text, out_wanted)) ||
        (set->kind == CT_SET_TEXT && !parse_text(signal, set->text, out_wanted))) {
        return refuse(encoding, CT_ERR_SYNTAX,
                      "%s%s=%s: the value is neither a number that fits nor a text of its value table", set->signal,
                      raw ? ":raw" : "", set->text);
    }
    return CT_OK;
}

/* The nearest raw value that the width holds. */
static int64_t nearest_raw(const struct ct_dbc_signal *signal, bool below)
{
    const uint64_t all = UINT64_MAX >> (64 - signal->length);
    if (!signal->is_signed) {
        return below ? 0 : (int64_t)all;
    }
    const int64_t max = (int64_t)(all >> 1);
    return below ? -max - 1 : max;
}

static bool is_below(const struct ct_dbc_signal *signal, const struct ct_encode_value *value)
{
    if (!value->physical) {
        return value->raw < 0 && signal->is_signed;
    }
    return (value->value < signal->offset) == (signal->factor > 0);
}

/* Holds a physical value against minimum and maximum. */
static int apply_range(const struct encoding *encoding, const struct ct_dbc_signal *signal, struct wanted *wanted)
{
    struct ct_encode_value *value = &wanted->value;
    if (encoding->policy == CT_RANGE_WIDTH || !wanted->ranged || !(signal->min < signal->max) ||
        (value->value >= signal->min && value->value <= signal->max)) {
        return CT_OK;
    }
    if (encoding->policy == CT_RANGE_REJECT || value->value != value->value) {
        return refuse(encoding, CT_ERR_RANGE, "%s=%.15g: outside the range %.15g to %.15g of the signal", signal->name,
                      value->value, signal->min, signal->max);
    }
    value->value = value->value < signal->min ? signal->min : signal->max;
    value->physical = true;
    return CT_OK;
}

static int put(struct encoding *encoding, const struct ct_dbc_signal *signal, struct wanted *wanted)
{
    struct ct_encode_value *value = &wanted->value;
    int err = apply_range(encoding, signal, wanted);
    if (err != CT_OK) {
        return err;
    }
    err = ct_codec_encode(encoding->message, value, encoding->data, encoding->len);
    if (err == CT_ERR_RANGE && encoding->policy == CT_RANGE_CLAMP && signal->factor != 0 &&
        value->value == value->value) {
        *value = (struct ct_encode_value){.signal = value->signal, .raw = nearest_raw(signal, is_below(signal, value))};
        err = ct_codec_encode(encoding->message, value, encoding->data, encoding->len);
    }
    if (err == CT_ERR_RANGE) {
        return refuse(encoding, err, "%s: the value does not fit into %u bits%s; factor %g, offset %g", signal->name,
                      (unsigned)signal->length, signal->is_signed ? " with sign" : "", signal->factor, signal->offset);
    }
    return err == CT_OK ? err : refuse(encoding, err, "%s: the signal lies outside the message's bytes", signal->name);
}

static int put_blob(struct encoding *encoding, const struct ct_dbc_signal *signal, const struct ct_encode_set *set)
{
    uint8_t bytes[BLOB_MAX];
    const size_t size = (signal->length + 7U) / 8U;
    const char *digits = set->text != NULL && strncmp(set->text, "0x", 2) == 0 ? set->text + 2 : set->text;
    if (digits == NULL || size > sizeof bytes || strlen(digits) != 2 * size ||
        ct_hex_decode(bytes, digits, size) != CT_OK) {
        return refuse(encoding, CT_ERR_SYNTAX, "%s: expected %zu hex digits", signal->name, 2 * size);
    }
    const int err = ct_codec_encode_blob(encoding->message, (uint16_t)(signal - encoding->model->signals), bytes, size,
                                         encoding->data, encoding->len);
    return err == CT_OK ? err : refuse(encoding, err, "%s: %s", signal->name, ct_err_text(err));
}

static int apply(struct encoding *encoding, const struct ct_encode_set *set, const struct ct_dbc_signal *signal)
{
    struct wanted wanted;
    int err = let_in(encoding, signal);
    if (err != CT_OK || signal->kind == CT_DBC_BLOB) {
        return err != CT_OK ? err : put_blob(encoding, signal, set);
    }
    err = read_value(encoding, signal, set, &wanted);
    return err == CT_OK ? put(encoding, signal, &wanted) : err;
}

/* ---- the message */

static int check_sets(const struct encoding *encoding)
{
    for (size_t i = 0; i < encoding->count; i++) {
        const char *name = encoding->sets[i].signal;
        if (ct_dbc_find_signal(encoding->model, name) == NULL) {
            return refuse(encoding, CT_ERR_NOT_FOUND, "message %s has no signal '%s'", encoding->model->name, name);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(encoding->sets[k].signal, name) == 0) {
                return refuse(encoding, CT_ERR_EXISTS, "%s is set twice", name);
            }
        }
    }
    return CT_OK;
}

/* One level of multiplexers after another, selectors before what they switch on. */
static int apply_level(struct encoding *encoding, unsigned depth, bool *deeper)
{
    for (size_t i = 0; i < encoding->count; i++) {
        const char *name = encoding->sets[i].signal;
        const unsigned own = depth_of(encoding->model, ct_dbc_find_signal(encoding->model, name));
        if (own == depth) {
            const int err = apply(encoding, &encoding->sets[i], signal_meant(encoding, name));
            if (err != CT_OK) {
                return err;
            }
        }
        *deeper = *deeper || own > depth;
    }
    return CT_OK;
}

static bool wants_start_value(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    return signal->selector >= 0 && signal->has_start_value && signal->start_value != 0 && !signal->is_selector &&
           signal->kind == CT_DBC_INTEGER && set_of(encoding, signal) == NULL && is_active(encoding, signal);
}

/* Start values of the branches that were chosen; those of signals that are always there are in from the start. One
 * that does not fit its signal or the frame counts as none. */
static void start_branches(struct encoding *encoding)
{
    for (size_t i = 0; i < encoding->model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &encoding->model->signals[i];
        if (wants_start_value(encoding, signal)) {
            const double value = signal->start_value * signal->factor + signal->offset;
            const struct ct_encode_value start = {.signal = (uint16_t)i, .physical = true, .value = value};
            const int err = ct_codec_encode(encoding->message, &start, encoding->data, encoding->len);
            (void)err;
        }
    }
}

int ct_encode_message(const struct ct_codec_message *message, const struct ct_encode_set *sets, size_t count,
                      enum ct_range_policy policy, uint8_t *data, size_t len, char *problem, size_t problem_size)
{
    struct encoding encoding = {.message = message,
                                .model = ct_codec_model(message),
                                .sets = sets,
                                .count = count,
                                .policy = policy,
                                .data = data,
                                .len = len,
                                .problem = problem,
                                .problem_size = problem_size};
    bool deeper = true;
    int err = check_sets(&encoding);
    ct_codec_defaults(message, data, len);
    for (unsigned depth = 0; err == CT_OK && deeper; depth++) {
        deeper = false;
        err = apply_level(&encoding, depth, &deeper);
    }
    if (err == CT_OK) {
        start_branches(&encoding);
    }
    return err;
}
