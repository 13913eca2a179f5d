#include "live_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ctype.h>
#include <math.h>

static void name_of(char *name, size_t size, const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    size_t len = (size_t)snprintf(name, size, "can0.%s.%s", message->name, signal->name);
    if (signal->selector < 0) {
        return;
    }
    len += (size_t)snprintf(name + len, size - len, "@%s=", message->signals[signal->selector].name);
    for (size_t i = 0; i < signal->range_count && len < size; i++) {
        const struct ct_dbc_range *range = &signal->ranges[i];
        len += (size_t)snprintf(name + len, size - len, "%s%llu", i > 0 ? "," : "", (unsigned long long)range->first);
        if (range->first != range->last && len < size) {
            len += (size_t)snprintf(name + len, size - len, "-%llu", (unsigned long long)range->last);
        }
    }
}

static void open_message(struct model *model, size_t m, const struct ct_catalogue *catalogue)
{
    const struct ct_dbc_message *message = &model->dbc->messages[m];
    model->ids[m] = malloc((message->signal_count + 1) * sizeof **model->ids);
    assert_non_null(model->ids[m]);
    for (size_t s = 0; s < message->signal_count; s++) {
        char name[1024];
        uint32_t id = UINT32_MAX;
        name_of(name, sizeof name, message, &message->signals[s]);
        model->ids[m][s] = UINT32_MAX;
        if (ct_catalogue_find(catalogue, name, &id) != CT_OK) {
            continue;
        }
        struct model_entry *entry = &model->entries[id];
        /* the name of several signals: whose the entry is, is not this model's business */
        entry->signal = entry->entry == NULL ? &message->signals[s] : NULL;
        entry->entry = ct_catalogue_entry(catalogue, id);
        entry->is_j1939 = message->j1939;
        model->ids[m][s] = id;
    }
}

void model_open(struct model *model, const struct ct_dbc *dbc, const struct ct_protect *protect,
                const struct ct_catalogue *catalogue)
{
    size_t largest = 1;
    memset(model, 0, sizeof *model);
    model->dbc = dbc;
    model->protect = protect;
    model->count = ct_catalogue_count(catalogue);
    assert_int_equal(ct_codec_compile(dbc, &model->codec), CT_OK);
    model->states = calloc(dbc->message_count + 1, sizeof *model->states);
    model->refused = calloc(dbc->message_count + 1, sizeof *model->refused);
    model->ids = calloc(dbc->message_count + 1, sizeof(uint32_t *));
    model->entries = calloc(model->count + 1, sizeof *model->entries);
    assert_true(model->states != NULL && model->refused != NULL && model->ids != NULL && model->entries != NULL);
    for (size_t m = 0; m < dbc->message_count; m++) {
        open_message(model, m, catalogue);
        largest = dbc->messages[m].signal_count > largest ? dbc->messages[m].signal_count : largest;
    }
    for (size_t id = 0; id < model->count; id++) {
        model->entries[id].quality = CT_Q_NEVER_SEEN;
    }
    model->decoded = calloc(largest, sizeof *model->decoded);
    assert_non_null(model->decoded);
}

void model_close(struct model *model)
{
    for (size_t m = 0; m < model->dbc->message_count; m++) {
        free(model->ids[m]);
    }
    free(model->ids);
    free(model->states);
    free(model->refused);
    free(model->entries);
    free(model->decoded);
    ct_codec_free(model->codec);
}

/* ---- what a value says of itself */

static bool text_is(const char *text, const char *wanted)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) == 0) {
            continue;
        }
        if (tolower((unsigned char)*text) != *wanted) {
            return false;
        }
        wanted++;
    }
    return *wanted == '\0';
}

static bool not_available(const struct model_entry *at)
{
    const struct ct_dbc_signal *signal = at->signal;
    if (signal->kind != CT_DBC_INTEGER) {
        return false;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        const char *text = signal->texts[i].text;
        if (signal->texts[i].raw == at->bits &&
            (text_is(text, "sna") || text_is(text, "notavailable") || text_is(text, "signalnotavailable"))) {
            return true;
        }
    }
    if (!at->is_j1939 || signal->is_signed || signal->length < 2 || signal->length > 63) {
        return false;
    }
    const uint64_t raw = (uint64_t)at->bits;
    return signal->length < 8 ? raw == (1ULL << signal->length) - 1 : raw >> (signal->length - 8) >= 0xFE;
}

/* What is within a billionth of a whole number of steps is that number (twin/range.h): never half a step or more. */
static long double slack(long double steps)
{
    return fminl(0.5L, 1e-9L * fmaxl(1, fabsl(steps)));
}

/* In long double. */
static bool in_range(const struct model_entry *at)
{
    const struct ct_dbc_signal *signal = at->signal;
    if (!(signal->min < signal->max) || signal->kind == CT_DBC_BLOB) {
        return true;
    }
    if (signal->kind != CT_DBC_INTEGER) {
        double number;
        memcpy(&number, &at->bits, sizeof number);
        return number >= signal->min && number <= signal->max;
    }
    if (signal->factor == 0 || !isfinite(signal->factor)) {
        return true;
    }
    const bool wide = !signal->is_signed && signal->length == 64;
    const long double raw = wide ? (long double)(uint64_t)at->bits : (long double)at->bits;
    const long double low = ((long double)signal->min - (long double)signal->offset) / (long double)signal->factor;
    const long double high = ((long double)signal->max - (long double)signal->offset) / (long double)signal->factor;
    const long double least = low < high ? low : high;
    const long double most = low < high ? high : low;
    return raw >= least - slack(least) && raw <= most + slack(most);
}

static unsigned judge(const struct model_entry *at)
{
    return not_available(at) ? CT_Q_NOT_AVAILABLE : in_range(at) ? 0 : CT_Q_OUT_OF_RANGE;
}

static void change(struct model_entry *at)
{
    for (size_t i = 0; i < CT_TWIN_CONSUMERS; i++) {
        at->changed[i] = true;
    }
}

static void set_quality(struct model_entry *at, unsigned quality)
{
    if (at->quality != quality) {
        at->quality = quality;
        change(at);
    }
}

static void accept(struct model_entry *at, ct_ns t_ns, ct_ns now)
{
    set_quality(at, judge(at));
    at->t_ns = t_ns;
    at->received_ns = now;
    at->updates++;
}

/* ---- what happens */

static void accept_value(const struct ct_codec_message *message, const struct ct_decoded *value,
                         const struct ct_frame *frame, struct model_entry *at)
{
    int64_t bits = value->raw;
    if (at->signal->kind == CT_DBC_BLOB) {
        uint8_t bytes[CT_BYTES_MAX];
        assert_int_equal(ct_codec_blob(message, value->signal, frame->data, frame->len, bytes, sizeof bytes), CT_OK);
        const uint16_t len = (uint16_t)((at->signal->length + 7) / 8);
        if (at->len != len || memcmp(at->bytes, bytes, len) != 0) {
            memcpy(at->bytes, bytes, len);
            at->len = len;
            change(at);
        }
    } else if (at->signal->kind != CT_DBC_INTEGER) {
        memcpy(&bits, &value->value, sizeof bits);
    }
    if (at->signal->kind != CT_DBC_BLOB && at->bits != bits) {
        at->bits = bits;
        change(at);
    }
}

/* True when the frame is good. */
static bool check(struct model *model, size_t m, const struct ct_frame *frame)
{
    const struct ct_protect_rule *rule = ct_protect_rule_of(model->protect, &model->dbc->messages[m]);
    const enum ct_protect_fault fault =
        rule == NULL
            ? CT_PROTECT_FAULT_NONE
            : ct_protect_fault_of(ct_protect_check(rule, &model->states[m], frame->id, frame->data, frame->len));
    for (size_t s = 0; s < model->dbc->messages[m].signal_count; s++) {
        const uint32_t id = model->ids[m][s];
        if (id == UINT32_MAX) {
            continue;
        }
        struct model_entry *at = &model->entries[id];
        if (fault == CT_PROTECT_FAULT_NONE) {
            set_quality(at, model->refused[m] ? at->quality & ~(unsigned)(CT_Q_CHECKSUM | CT_Q_COUNTER) : at->quality);
        } else {
            set_quality(at, at->quality | (fault == CT_PROTECT_FAULT_CHECKSUM ? CT_Q_CHECKSUM : CT_Q_COUNTER));
        }
    }
    model->refused[m] = fault != CT_PROTECT_FAULT_NONE;
    model->counts.checksum_failures += fault == CT_PROTECT_FAULT_CHECKSUM ? 1 : 0;
    model->counts.counter_failures += fault == CT_PROTECT_FAULT_COUNTER ? 1 : 0;
    return fault == CT_PROTECT_FAULT_NONE;
}

void model_frame(struct model *model, const struct ct_frame *frame, ct_ns now)
{
    model->counts.frames++;
    const struct ct_codec_message *message = ct_codec_find(model->codec, frame->id, (frame->flags & CT_FRAME_EXT) != 0);
    if (message == NULL) {
        model->counts.by_class[CT_FRAME_UNKNOWN]++;
        return;
    }
    const size_t m = (size_t)(ct_codec_model(message) - model->dbc->messages);
    if (!check(model, m, frame)) {
        model->counts.by_class[CT_FRAME_REFUSED]++;
        return;
    }
    model->counts.by_class[CT_FRAME_DECODED]++;
    const size_t count = ct_codec_decode(message, frame->data, frame->len, model->decoded);
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = model->ids[m][model->decoded[i].signal];
        if (id != UINT32_MAX && model->entries[id].signal != NULL) {
            accept_value(message, &model->decoded[i], frame, &model->entries[id]);
            accept(&model->entries[id], frame->t_ns, now);
        }
    }
}

void model_tick(struct model *model, ct_ns now)
{
    for (size_t id = 0; id < model->count; id++) {
        struct model_entry *at = &model->entries[id];
        if (at->signal != NULL && at->entry->timeout_ns > 0 && at->updates > 0 &&
            at->received_ns + at->entry->timeout_ns <= now) {
            set_quality(at, at->quality | CT_Q_STALE);
        }
    }
}

void model_put(struct model *model, uint32_t id, int64_t bits, ct_ns t_ns, ct_ns now)
{
    struct model_entry *at = &model->entries[id];
    if (at->bits != bits) {
        at->bits = bits;
        change(at);
    }
    accept(at, t_ns, now);
}

void model_mark(struct model *model, uint32_t id, unsigned flags)
{
    set_quality(&model->entries[id], model->entries[id].quality | flags);
}

/* ---- comparing */

static void fail_at(const struct model_entry *at, const char *what, long long want, long long is)
{
    fail_msg("%s: %s is %lld, expected %lld", at->entry->name, what, is, want);
}

static void compare_entry(const struct model_entry *at, const struct ct_reading *reading)
{
    if (reading->sample.quality != at->quality) {
        fail_at(at, "quality", at->quality, reading->sample.quality);
    }
    if (reading->updates != at->updates) {
        fail_at(at, "updates", (long long)at->updates, (long long)reading->updates);
    }
    if (at->updates == 0) {
        return;
    }
    if (at->signal->kind == CT_DBC_BLOB) {
        assert_int_equal(reading->sample.len, at->len);
        assert_memory_equal(reading->sample.bytes, at->bytes, at->len);
    } else if (reading->sample.raw != at->bits) {
        fail_at(at, "value", at->bits, reading->sample.raw);
    }
    if (reading->sample.t_ns != at->t_ns) {
        fail_at(at, "source time", at->t_ns, reading->sample.t_ns);
    }
    if (reading->received_ns != at->received_ns) {
        fail_at(at, "receive time", at->received_ns, reading->received_ns);
    }
}

void model_compare(const struct model *model, const struct ct_twin *twin)
{
    for (uint32_t id = 0; id < model->count; id++) {
        struct ct_reading reading;
        assert_int_equal(ct_twin_get(twin, id, &reading), CT_OK);
        if (model->entries[id].signal != NULL) {
            compare_entry(&model->entries[id], &reading);
        }
    }
}

void model_drain(struct model *model, struct ct_twin *twin, unsigned consumer)
{
    uint32_t cursor = 0;
    uint32_t id = 0;
    int64_t last = -1;
    while (ct_twin_next_change(twin, consumer, &cursor, &id) == CT_OK) {
        struct model_entry *at = &model->entries[id];
        assert_true((int64_t)id > last);
        last = id;
        if (at->signal != NULL && !at->changed[consumer]) {
            fail_at(at, "a change that none is, id", -1, id);
        }
        at->changed[consumer] = false;
    }
    for (id = 0; id < model->count; id++) {
        if (model->entries[id].signal != NULL && model->entries[id].changed[consumer]) {
            fail_at(&model->entries[id], "a change that is not told, id", id, -1);
        }
    }
}
