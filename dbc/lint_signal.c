/* A message and its signals, each for itself: lengths, ranges, texts, start values. */
#include "lint_checks.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX    8
#define FD_FRAME_MAX 64

struct bounds {
    double low;
    double high;
};

static bool is_fd_length(uint32_t length)
{
    static const uint32_t steps[] = {12, 16, 20, 24, 32, 48, 64}; /* ISO 11898-1:2015, table 5 */
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (length == steps[i]) {
            return true;
        }
    }
    return length <= FRAME_MAX;
}

static void check_length(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    const uint32_t most = message->fd ? FD_FRAME_MAX : FRAME_MAX;
    if (message->length > most && !message->j1939) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_MESSAGE_TOO_LONG, message->place,
                         "message '%s' has %" PRIu32 " bytes; a frame holds %" PRIu32, message->name, message->length,
                         most);
    } else if (message->fd && !is_fd_length(message->length)) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_FD_LENGTH, message->place,
                         "message '%s' has %" PRIu32 " bytes; CAN FD has 0 to 8, 12, 16, 20, 24, 32, 48, 64",
                         message->name, message->length);
    }
}

static bool starts_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* Only what the file says of this very message: many files leave the default at StandardCAN. */
static void check_format(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    for (size_t i = 0; i < message->attributes.count; i++) {
        const struct ct_dbc_attribute *attribute = &message->attributes.items[i];
        const char *text = attribute->value.text;
        if (strcmp(attribute->def->name, "VFrameFormat") == 0 &&
            ((starts_with(text, "Standard") && message->extended) ||
             (starts_with(text, "Extended") && !message->extended))) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_FRAME_FORMAT, message->place,
                             "message '%s' has VFrameFormat '%s' and the %s id 0x%" PRIX32, message->name, text,
                             message->extended ? "29-bit" : "11-bit", message->id);
        }
    }
}

static void check_signal_names(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    struct dbc_names names;
    if (!ct_dbc_names_init(&names, message->signal_count)) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < message->signal_count; i++) {
        ct_dbc_names_add(&names, message->signals[i].name, i);
    }
    ct_dbc_names_sort(&names);
    for (size_t i = 1; i < names.count; i++) {
        const struct dbc_name *name = &names.items[i];
        if (strcmp(name->text, name[-1].text) == 0) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_SIGNAL_NAME_TWICE, message->signals[name->index].place,
                             "message '%s' has another signal '%s', in line %u", message->name, name->text,
                             message->signals[name[-1].index].place.line);
        }
    }
    ct_dbc_names_free(&names);
}

void ct_dbc_lint_message(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    check_length(lint, message);
    check_format(lint, message);
    check_signal_names(lint, message);
    if (message->signal_count == 0 && message->length > 0) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_MESSAGE_EMPTY, message->place, "message '%s' has no signals", message->name);
    }
    if (message->cycle_ms <= 0 && lint->cycle_times) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_CYCLE_TIME_MISSING, message->place, "message '%s' has no cycle time",
                         message->name);
    }
}

/* ---- signals */

static struct bounds raw_bounds(const struct ct_dbc_signal *signal)
{
    if (signal->is_signed) {
        const double half = ldexp(1.0, signal->length - 1);
        return (struct bounds){-half, half - 1};
    }
    return (struct bounds){0, ldexp(1.0, signal->length) - 1};
}

static struct bounds physical_bounds(const struct ct_dbc_signal *signal)
{
    const struct bounds raw = raw_bounds(signal);
    const double a = raw.low * signal->factor + signal->offset;
    const double b = raw.high * signal->factor + signal->offset;
    return a <= b ? (struct bounds){a, b} : (struct bounds){b, a};
}

static void check_range(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    if (signal->min > signal->max) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_RANGE_REVERSED, signal->place,
                         "signal '%s': the minimum %.15g is above the maximum %.15g", signal->name, signal->min,
                         signal->max);
        return;
    }
    if (signal->min == signal->max || signal->kind != CT_DBC_INTEGER || signal->factor == 0) {
        return;
    }
    const struct bounds can = physical_bounds(signal);
    /* Ranges are often rounded: half a step, or what 64-bit doubles lose, is no finding. */
    const double slack = fabs(signal->factor) / 2 + 8 * DBL_EPSILON * fmax(fabs(can.low), fabs(can.high));
    if (signal->min > can.high + slack || signal->max < can.low - slack) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_RANGE_EMPTY, signal->place,
                         "signal '%s': its bits give %.15g to %.15g, nothing of its range %.15g to %.15g", signal->name,
                         can.low, can.high, signal->min, signal->max);
    } else if (signal->min < can.low - slack || signal->max > can.high + slack) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_RANGE_UNREACHABLE, signal->place,
                         "signal '%s': its bits give %.15g to %.15g; its range is %.15g to %.15g", signal->name,
                         can.low, can.high, signal->min, signal->max);
    }
}

static bool text_fits(const struct ct_dbc_signal *signal, int64_t raw)
{
    if (signal->length >= 64) {
        return true;
    }
    const int64_t limit = INT64_C(1) << (signal->is_signed ? signal->length - 1 : signal->length);
    return raw < limit && raw >= (signal->is_signed ? -limit : 0);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct dbc_name *)a)->text, ((const struct dbc_name *)b)->text);
}

static void check_text_twice(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    struct dbc_names names;
    if (!ct_dbc_names_init(&names, signal->text_count)) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        ct_dbc_names_add(&names, signal->texts[i].text, i);
    }
    qsort(names.items, names.count, sizeof *names.items, compare_texts);
    for (size_t i = 1; i < names.count; i++) {
        if (strcmp(names.items[i].text, names.items[i - 1].text) == 0) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_TEXT_TWICE, signal->place,
                             "signal '%s': the value table gives several values the text '%s'", signal->name,
                             names.items[i].text);
            break;
        }
    }
    ct_dbc_names_free(&names);
}

static void check_texts(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    const struct ct_dbc_text *first = NULL;
    size_t outside = 0;
    for (size_t i = 0; i < signal->text_count; i++) {
        if (!text_fits(signal, signal->texts[i].raw)) {
            first = first == NULL ? &signal->texts[i] : first;
            outside++;
        }
    }
    if (first != NULL && signal->kind == CT_DBC_INTEGER) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_TEXT_OUTSIDE, signal->place,
                         "signal '%s': the value table names %" PRId64 " '%s'%s, which %s %u bits cannot have",
                         signal->name, first->raw, first->text, outside > 1 ? " and others" : "",
                         signal->is_signed ? "signed" : "unsigned", (unsigned)signal->length);
    }
    if (signal->text_count > 1) {
        check_text_twice(lint, signal);
    }
}

/* A start value that the file gives this very signal; defaults are meant for many. */
static bool own_start_value(const struct ct_dbc_signal *signal)
{
    for (size_t i = 0; i < signal->attributes.count; i++) {
        if (strcmp(signal->attributes.items[i].def->name, "GenSigStartValue") == 0) {
            return true;
        }
    }
    return false;
}

static void check_start(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    if (!signal->has_start_value || signal->kind != CT_DBC_INTEGER || !own_start_value(signal)) {
        return;
    }
    const struct bounds raw = raw_bounds(signal);
    const double value = signal->start_value * signal->factor + signal->offset;
    const double slack = fabs(signal->factor) / 2;
    if (signal->start_value < raw.low || signal->start_value > raw.high) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_START_OUTSIDE, signal->place,
                         "signal '%s': the start value %.15g does not fit into %s %u bits", signal->name,
                         signal->start_value, signal->is_signed ? "signed" : "unsigned", (unsigned)signal->length);
    } else if (signal->min < signal->max && (value < signal->min - slack || value > signal->max + slack)) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_START_OUT_OF_RANGE, signal->place,
                         "signal '%s': the start value %.15g (raw %.15g) is outside %.15g to %.15g", signal->name,
                         value, signal->start_value, signal->min, signal->max);
    }
}

void ct_dbc_lint_signal(struct dbc_lint *lint, const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    if (signal->factor == 0) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_FACTOR_ZERO, signal->place, "signal '%s' of message '%s' has the factor 0",
                         signal->name, message->name);
    }
    if (signal->kind == CT_DBC_BLOB) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_SIGNAL_LONG, signal->place, "signal '%s' has %u bits and is read as bytes",
                         signal->name, (unsigned)signal->length);
    }
    check_range(lint, signal);
    check_texts(lint, signal);
    check_start(lint, signal);
}
