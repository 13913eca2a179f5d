#include "collect.h"

#include "bind.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_COLLECTED UINT32_MAX

struct entry_state {
    uint32_t id;
    uint32_t rule;
    bool numeric; /* last_bits tell whether the value changed */
    bool emitted; /* something left before */
    uint16_t last_quality;
    int64_t last_bits;
    double last_physical;
    uint64_t last_updates;
    ct_ns last_ns; /* when it left */
    ct_ns due_ns;  /* CT_NS_NEVER: nothing is held back */
    struct {
        bool waits; /* this value is to leave, and the sink has not taken it */
        uint16_t quality;
        int64_t bits;
        uint64_t updates;
        ct_ns t_ns;
    } refused;
};

struct rule {
    ct_ns interval_ns;
    bool on_change;
    double threshold;
};

struct ct_collect {
    struct rule *rules;
    struct entry_state *states;
    size_t state_count;
    uint32_t *state_of; /* per entry: index into states */
    size_t entry_count;
    const struct ct_entry **entries; /* per state */
    ct_ns next_due;
    uint64_t emitted;
    uint64_t refused;
    struct ct_collect_lost lost; /* not told yet */
};

struct sink {
    ct_collect_emit_fn emit;
    void *user;
};

/* ---- making and freeing */

static uint32_t find_rule(const struct ct_collect_rule *rules, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (fnmatch(rules[i].match, name, 0) == 0) {
            return (uint32_t)i;
        }
    }
    return NOT_COLLECTED;
}

static void add_state(struct ct_collect *collect, const struct ct_entry *entry, uint32_t id, uint32_t rule)
{
    const uint32_t at = (uint32_t)collect->state_count++;
    collect->states[at] = (struct entry_state){
        .id = id,
        .rule = rule,
        .numeric = entry->kind == CT_KIND_RAW || entry->kind == CT_KIND_DOUBLE,
        .due_ns = CT_NS_NEVER,
    };
    collect->entries[at] = entry;
    collect->state_of[id] = at;
}

static int allocate(struct ct_collect *collect, size_t rules, size_t states)
{
    collect->rules = calloc(rules + 1, sizeof *collect->rules);
    collect->states = calloc(states + 1, sizeof *collect->states);
    collect->entries = calloc(states + 1, sizeof *collect->entries);
    collect->state_of = malloc((collect->entry_count + 1) * sizeof *collect->state_of);
    const bool all =
        collect->rules != NULL && collect->states != NULL && collect->entries != NULL && collect->state_of != NULL;
    return all ? CT_OK : CT_ERR_NO_MEMORY;
}

static size_t count_matches(const struct ct_collect_rule *rules, size_t count, const struct ct_catalogue *catalogue)
{
    size_t matches = 0;
    for (uint32_t id = 0; id < ct_catalogue_count(catalogue); id++) {
        matches += find_rule(rules, count, ct_catalogue_entry(catalogue, id)->name) != NOT_COLLECTED ? 1 : 0;
    }
    return matches;
}

static int take_rules(struct ct_collect *collect, const struct ct_collect_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const bool periodic = !rules[i].on_change;
        if (rules[i].interval_ms < 0 || (periodic && rules[i].interval_ms == 0) || !(rules[i].threshold >= 0)) {
            return CT_ERR_RANGE;
        }
        collect->rules[i] = (struct rule){ct_ns_from_ms(rules[i].interval_ms), rules[i].on_change, rules[i].threshold};
    }
    return CT_OK;
}

int ct_collect_create(const struct ct_collect_rule *rules, size_t count, const struct ct_catalogue *catalogue,
                      struct ct_collect **out_collect)
{
    struct ct_collect *collect = calloc(1, sizeof *collect);
    if (collect == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    collect->entry_count = ct_catalogue_count(catalogue);
    collect->next_due = CT_NS_NEVER;
    int err = allocate(collect, count, count_matches(rules, count, catalogue));
    if (err == CT_OK) {
        err = take_rules(collect, rules, count);
    }
    if (err != CT_OK) {
        ct_collect_free(collect);
        return err;
    }
    for (uint32_t id = 0; id < collect->entry_count; id++) {
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, id);
        const uint32_t rule = find_rule(rules, count, entry->name);
        collect->state_of[id] = NOT_COLLECTED;
        if (rule != NOT_COLLECTED) {
            add_state(collect, entry, id, rule);
        }
    }
    *out_collect = collect;
    return CT_OK;
}

void ct_collect_free(struct ct_collect *collect)
{
    if (collect != NULL) {
        free(collect->rules);
        free(collect->states);
        free(collect->entries);
        free(collect->state_of);
        free(collect);
    }
}

/* ---- one entry */

static int64_t bits_of(const struct ct_reading *reading)
{
    return reading->sample.raw; /* of a double: its pattern, which shares the memory */
}

static void set_due(struct ct_collect *collect, struct entry_state *state, ct_ns due)
{
    state->due_ns = due;
    collect->next_due = ct_ns_min(collect->next_due, due);
}

/* ---- what the sink did not take */

static void refuse(struct entry_state *state, const struct ct_reading *reading)
{
    state->refused.waits = true;
    state->refused.quality = reading->sample.quality;
    state->refused.bits = state->numeric ? bits_of(reading) : 0;
    state->refused.updates = reading->updates;
    state->refused.t_ns = reading->sample.t_ns;
}

static void add_lost(struct ct_collect_lost *lost, ct_ns t_ns)
{
    lost->from_ns = lost->samples == 0 ? t_ns : ct_ns_min(lost->from_ns, t_ns);
    lost->to_ns = lost->samples == 0 || t_ns > lost->to_ns ? t_ns : lost->to_ns;
    lost->samples++;
}

static void lose(struct ct_collect *collect, struct entry_state *state)
{
    state->refused.waits = false;
    add_lost(&collect->lost, state->refused.t_ns);
}

/* A refused value that is no longer the entry's value will never leave. */
static void note_overwritten(struct ct_collect *collect, struct entry_state *state, const struct ct_reading *reading)
{
    if (!state->refused.waits) {
        return;
    }
    const bool same =
        state->numeric ? state->refused.bits == bits_of(reading) : state->refused.updates == reading->updates;
    if (!same || state->refused.quality != reading->sample.quality) {
        lose(collect, state);
    }
}

void ct_collect_take_lost(struct ct_collect *collect, struct ct_collect_lost *out_lost)
{
    *out_lost = collect->lost;
    collect->lost = (struct ct_collect_lost){0};
}

void ct_collect_give_up(struct ct_collect *collect)
{
    for (size_t i = 0; i < collect->state_count; i++) {
        if (collect->states[i].refused.waits) {
            lose(collect, &collect->states[i]);
            collect->states[i].due_ns = CT_NS_NEVER;
        }
    }
}

/* ---- leaving */

static void emit(struct ct_collect *collect, struct entry_state *state, const struct ct_reading *reading, ct_ns at,
                 const struct sink *sink)
{
    if (sink->emit(sink->user, &reading->sample) != CT_OK) {
        collect->refused++;
        refuse(state, reading);
        set_due(collect, state, ct_ns_add(at, ct_ns_from_ms(CT_COLLECT_RETRY_MS)));
        return;
    }
    const size_t index = (size_t)(state - collect->states);
    collect->emitted++;
    state->emitted = true;
    state->refused.waits = false;
    state->last_quality = reading->sample.quality;
    state->last_bits = state->numeric ? bits_of(reading) : 0;
    state->last_physical = state->numeric ? ct_entry_physical(collect->entries[index], &reading->sample) : 0;
    state->last_updates = reading->updates;
    state->last_ns = at;
    const struct rule *rule = &collect->rules[state->rule];
    set_due(collect, state, rule->on_change ? CT_NS_NEVER : ct_ns_add(at, rule->interval_ns));
}

/* True when the value is far enough from what left last. */
static bool moved(const struct ct_collect *collect, const struct entry_state *state, const struct ct_reading *reading)
{
    if (!state->numeric) {
        return reading->updates != state->last_updates;
    }
    if (bits_of(reading) == state->last_bits) {
        return false;
    }
    const struct rule *rule = &collect->rules[state->rule];
    const double physical = ct_entry_physical(collect->entries[state - collect->states], &reading->sample);
    const double distance = fabs(physical - state->last_physical);
    return rule->threshold == 0 || !(distance < rule->threshold); /* NaN counts as far */
}

static bool must_leave(const struct entry_state *state, const struct ct_reading *reading)
{
    return !state->emitted || reading->sample.quality != state->last_quality;
}

static void on_change(struct ct_collect *collect, struct entry_state *state, const struct ct_reading *reading,
                      const struct sink *sink)
{
    const struct rule *rule = &collect->rules[state->rule];
    note_overwritten(collect, state, reading);
    /* Staleness is a change without a new source time: it leaves with the time at which the value was taken. */
    const ct_ns at = reading->sample.t_ns > state->last_ns ? reading->sample.t_ns : state->last_ns;
    if (must_leave(state, reading)) {
        emit(collect, state, reading, at, sink);
        return;
    }
    if (!rule->on_change || !moved(collect, state, reading)) {
        return;
    }
    const ct_ns due = ct_ns_add(state->last_ns, rule->interval_ns);
    if (at >= due) {
        emit(collect, state, reading, at, sink);
    } else {
        set_due(collect, state, due);
    }
}

void ct_collect_changes(struct ct_collect *collect, struct ct_twin *twin, ct_collect_emit_fn emit_fn, void *user)
{
    const struct sink sink = {emit_fn, user};
    uint32_t cursor = 0;
    uint32_t id = 0;
    while (ct_twin_next_change(twin, CT_CONSUMER_COLLECT, &cursor, &id) == CT_OK) {
        const uint32_t at = collect->state_of[id];
        struct ct_reading reading;
        if (at != NOT_COLLECTED && ct_twin_get(twin, id, &reading) == CT_OK) {
            on_change(collect, &collect->states[at], &reading, &sink);
        }
    }
}

/* ---- timers */

static void on_due(struct ct_collect *collect, struct entry_state *state, const struct ct_twin *twin, ct_ns now,
                   const struct sink *sink)
{
    const struct rule *rule = &collect->rules[state->rule];
    struct ct_reading reading;
    state->due_ns = CT_NS_NEVER;
    if (ct_twin_get(twin, state->id, &reading) != CT_OK) {
        return;
    }
    note_overwritten(collect, state, &reading);
    const bool updated = reading.updates != state->last_updates;
    if (must_leave(state, &reading) || (rule->on_change ? moved(collect, state, &reading) : updated)) {
        emit(collect, state, &reading, now, sink);
    } else if (!rule->on_change) {
        set_due(collect, state, ct_ns_add(now, rule->interval_ns));
    }
}

ct_ns ct_collect_tick(struct ct_collect *collect, const struct ct_twin *twin, ct_ns now, ct_collect_emit_fn emit_fn,
                      void *user)
{
    if (now < collect->next_due) {
        return collect->next_due;
    }
    const struct sink sink = {emit_fn, user};
    collect->next_due = CT_NS_NEVER;
    for (size_t i = 0; i < collect->state_count; i++) {
        struct entry_state *state = &collect->states[i];
        if (state->due_ns <= now) {
            on_due(collect, state, twin, now, &sink);
        } else {
            collect->next_due = ct_ns_min(collect->next_due, state->due_ns);
        }
    }
    return collect->next_due;
}

/* ---- counts and reload */

bool ct_collect_has(const struct ct_collect *collect, uint32_t id)
{
    return id < collect->entry_count && collect->state_of[id] != NOT_COLLECTED;
}

size_t ct_collect_entries(const struct ct_collect *collect)
{
    return collect->state_count;
}

uint64_t ct_collect_emitted(const struct ct_collect *collect)
{
    return collect->emitted;
}

uint64_t ct_collect_refused(const struct ct_collect *collect)
{
    return collect->refused;
}

void ct_collect_carry(struct ct_collect *collect, const struct ct_catalogue *catalogue, const struct ct_collect *old,
                      const struct ct_catalogue *old_catalogue)
{
    collect->emitted += old->emitted;
    collect->refused += old->refused;
    collect->lost = old->lost;
    for (size_t i = 0; i < old->state_count; i++) {
        const struct entry_state *from = &old->states[i];
        const struct ct_entry *entry = ct_catalogue_entry(old_catalogue, from->id);
        uint32_t id = 0;
        if (ct_catalogue_find(catalogue, entry->name, &id) != CT_OK || collect->state_of[id] == NOT_COLLECTED ||
            !ct_entry_same(entry, ct_catalogue_entry(catalogue, id))) {
            if (from->refused.waits) {
                add_lost(&collect->lost, from->refused.t_ns);
            }
            continue;
        }
        struct entry_state *to = &collect->states[collect->state_of[id]];
        const uint32_t rule = to->rule;
        *to = *from;
        to->id = id;
        to->rule = rule;
        const struct rule *now_rule = &collect->rules[rule];
        set_due(collect, to, now_rule->on_change ? from->due_ns : ct_ns_add(from->last_ns, now_rule->interval_ns));
    }
}
