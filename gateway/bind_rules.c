#include "bind_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- one value */

struct limits {
    double min, max;
};

static struct limits limits_of(enum ct_datatype datatype)
{
    static const struct limits table[] = {
        [CT_DT_BOOLEAN] = {0, 1},
        [CT_DT_INT8] = {INT8_MIN, INT8_MAX},
        [CT_DT_INT16] = {INT16_MIN, INT16_MAX},
        [CT_DT_INT32] = {INT32_MIN, INT32_MAX},
        [CT_DT_INT64] = {-9223372036854775808.0, 9223372036854774784.0}, /* the doubles next to the ends */
        [CT_DT_UINT8] = {0, UINT8_MAX},
        [CT_DT_UINT16] = {0, UINT16_MAX},
        [CT_DT_UINT32] = {0, UINT32_MAX},
        [CT_DT_UINT64] = {0, 18446744073709549568.0},
    };
    return table[datatype];
}

/* An integer of the entry's type; held at its ends, and marked, when the number does not fit. */
static int put_integer(const struct ct_entry *entry, double number, struct ct_sample *sample)
{
    if (!isfinite(number)) {
        return CT_ERR_RANGE;
    }
    const struct limits limits = limits_of(entry->datatype);
    const double rounded = entry->datatype == CT_DT_BOOLEAN ? (number != 0.0 ? 1.0 : 0.0) : round(number);
    const double held = fmin(fmax(rounded, limits.min), limits.max);
    if (held != rounded) {
        sample->quality |= CT_Q_OUT_OF_RANGE;
    }
    sample->raw = entry->is_unsigned ? (int64_t)(uint64_t)held : (int64_t)held;
    return CT_OK;
}

static int put_text(const struct ct_entry *entry, const struct ct_map_value *value, char scratch[VSS_TEXT_MAX],
                    struct ct_sample *sample)
{
    const char *text = value->text;
    if (text == NULL) {
        snprintf(scratch, VSS_TEXT_MAX, "%.15g", value->number);
        text = scratch;
    }
    const size_t len = strlen(text);
    if (len > entry->bytes_max) {
        return CT_ERR_TOO_LARGE;
    }
    sample->bytes = (const uint8_t *)text;
    sample->len = (uint16_t)len;
    return CT_OK;
}

static int make_value(const struct ct_entry *entry, const struct ct_map_value *value, char scratch[VSS_TEXT_MAX],
                      struct ct_sample *sample)
{
    switch (entry->kind) {
    case CT_KIND_RAW:
        return put_integer(entry, value->number, sample);
    case CT_KIND_DOUBLE:
        sample->number = value->number;
        return CT_OK;
    case CT_KIND_STRING:
        return put_text(entry, value, scratch, sample);
    case CT_KIND_BYTES:
        break;
    }
    return CT_ERR_UNSUPPORTED;
}

/* An integer that has no scale goes over exactly: a double would round it beyond 2^53. */
static bool copy_exact(const struct bound_rule *rule, const struct ct_entry *source, const struct ct_entry *target,
                       const struct ct_sample *from, struct ct_sample *to)
{
    if (rule->rule->read.transform != NULL || source->kind != CT_KIND_RAW || target->kind != CT_KIND_RAW ||
        source->factor != 1.0 || source->offset != 0.0) {
        return false;
    }
    const bool wide_source = source->datatype == CT_DT_INT64 || source->datatype == CT_DT_UINT64;
    if (!wide_source || source->is_unsigned != target->is_unsigned ||
        (target->datatype != CT_DT_INT64 && target->datatype != CT_DT_UINT64)) {
        return false;
    }
    to->raw = from->raw;
    return true;
}

static void derive(struct ct_bind *bind, struct ct_twin *twin, struct bound_rule *rule,
                   const struct ct_reading *reading, ct_ns now)
{
    const struct ct_entry *source = ct_catalogue_entry(bind->catalogue, rule->source);
    const struct ct_entry *target = ct_catalogue_entry(bind->catalogue, rule->entry);
    const struct ct_map_value in = {
        .number = ct_entry_physical(source, &reading->sample),
        .text = source->kind == CT_KIND_RAW ? ct_dbc_text_of(rule->source_signal, reading->sample.raw) : NULL};
    struct ct_sample sample = {.id = rule->entry, .t_ns = reading->sample.t_ns};
    sample.quality = reading->sample.quality != 0 ? CT_Q_DERIVED_FROM_BAD : 0;
    char scratch[VSS_TEXT_MAX];
    if (!copy_exact(rule, source, target, &reading->sample, &sample)) {
        struct ct_map_value out;
        if (ct_transform_apply(rule->rule->read.transform, &in, &out) != CT_OK ||
            make_value(target, &out, scratch, &sample) != CT_OK) {
            return; /* no row of the table fits: the value is to be ignored */
        }
    }
    if (ct_twin_put(twin, &sample, now) == CT_OK) {
        rule->derived = true;
        rule->last_ns = rule->held_back ? now : reading->sample.t_ns;
        rule->last_raw = source->kind == CT_KIND_BYTES ? 0 : reading->sample.raw;
        rule->last_quality = reading->sample.quality;
    }
}

/* ---- when */

static void hold_back(struct ct_bind *bind, struct bound_rule *rule, bool held_back)
{
    if (rule->held_back != held_back) {
        rule->held_back = held_back;
        bind->held_back_count += held_back ? 1 : (size_t)-1;
    }
}

static bool unchanged(const struct ct_bind *bind, const struct bound_rule *rule, const struct ct_reading *reading)
{
    const struct ct_entry *source = ct_catalogue_entry(bind->catalogue, rule->source);
    return source->kind != CT_KIND_BYTES && rule->last_raw == reading->sample.raw;
}

/* Kuksa's order: the interval first, then the change; the first value and a change of quality always pass. */
static void consider(struct ct_bind *bind, struct ct_twin *twin, struct bound_rule *rule,
                     const struct ct_reading *reading, ct_ns now)
{
    const bool must = !rule->derived || rule->last_quality != reading->sample.quality;
    const ct_ns due = ct_ns_add(rule->last_ns, ct_ns_from_ms(rule->rule->interval_ms));
    if (!must && reading->sample.t_ns < due && now < due) {
        hold_back(bind, rule, true);
        return;
    }
    if (must || !rule->rule->on_change || !unchanged(bind, rule, reading)) {
        derive(bind, twin, rule, reading, now);
    }
    hold_back(bind, rule, false);
}

void ct_bind_rules_source_updated(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now)
{
    struct ct_reading reading;
    if (ct_twin_get(twin, source, &reading) != CT_OK) {
        return;
    }
    for (uint32_t i = bind->first_rule[source]; i != NO_RULE; i = bind->rules[i].next) {
        consider(bind, twin, &bind->rules[i], &reading, now);
    }
}

void ct_bind_rules_source_marked(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now)
{
    struct ct_reading reading;
    if (ct_twin_get(twin, source, &reading) != CT_OK) {
        return;
    }
    for (uint32_t i = bind->first_rule[source]; i != NO_RULE; i = bind->rules[i].next) {
        struct bound_rule *rule = &bind->rules[i];
        if (!rule->derived) {
            continue;
        }
        if (reading.sample.quality != 0) {
            ct_twin_mark(twin, rule->entry, CT_Q_DERIVED_FROM_BAD, now);
        } else {
            ct_twin_clear(twin, rule->entry, CT_Q_DERIVED_FROM_BAD, now);
        }
        rule->last_quality = reading.sample.quality;
    }
}

ct_ns ct_bind_confirmed_ns(const struct ct_bind *bind, const struct ct_twin *twin, uint32_t id)
{
    struct ct_reading own;
    if (ct_twin_get(twin, id, &own) != CT_OK) {
        return 0;
    }
    if (bind->rule_count == 0 || id < bind->first_path) {
        return own.sample.t_ns;
    }
    const struct bound_rule *rule = &bind->rules[id - bind->first_path];
    struct ct_reading source;
    const bool repeated = rule->derived && ct_twin_get(twin, rule->source, &source) == CT_OK &&
                          rule->last_quality == source.sample.quality && unchanged(bind, rule, &source);
    return repeated ? source.sample.t_ns : own.sample.t_ns;
}

/* ---- timers */

static void take_over_stale(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now)
{
    struct ct_reading reading;
    if (ct_twin_get(twin, source, &reading) != CT_OK || (reading.sample.quality & CT_Q_STALE) == 0) {
        return;
    }
    for (uint32_t i = bind->first_rule[source]; i != NO_RULE; i = bind->rules[i].next) {
        struct bound_rule *rule = &bind->rules[i];
        if (rule->derived && (rule->last_quality & CT_Q_STALE) == 0) {
            rule->last_quality = reading.sample.quality;
            ct_twin_mark(twin, rule->entry, CT_Q_STALE | CT_Q_DERIVED_FROM_BAD, now);
        }
    }
}

static ct_ns release_held_back(struct ct_bind *bind, struct ct_twin *twin, ct_ns now)
{
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; bind->held_back_count > 0 && i < bind->rule_count; i++) {
        struct bound_rule *rule = &bind->rules[i];
        if (!rule->held_back) {
            continue;
        }
        const ct_ns due = ct_ns_add(rule->last_ns, ct_ns_from_ms(rule->rule->interval_ms));
        struct ct_reading reading;
        if (due > now) {
            next = ct_ns_min(next, due);
        } else if (ct_twin_get(twin, rule->source, &reading) == CT_OK) {
            consider(bind, twin, rule, &reading, now);
        }
    }
    return next;
}

ct_ns ct_bind_rules_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now)
{
    uint32_t cursor = 0;
    uint32_t id = 0;
    while (ct_twin_next_change(twin, CT_CONSUMER_BIND, &cursor, &id) == CT_OK) {
        if (bind->first_rule[id] != NO_RULE) {
            take_over_stale(bind, twin, id, now);
        }
    }
    return release_held_back(bind, twin, now);
}
