#include "desired.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    struct ct_desired desired;
    uint64_t ended; /* order of ending, from 1; 0 while open */
    bool changed;
};

struct ct_desired_table {
    struct slot *slots; /* in use: 0..count-1 */
    size_t count;
    size_t capacity;
    size_t next_change; /* where the search for changes goes on, so that none starves */
    uint64_t ends;
    uint64_t refused_full;
};

#define STATE_TEXT(name, text) [CT_DESIRED_##name] = (text),
static const char *const state_texts[] = {CT_DESIRED_STATE_MAP(STATE_TEXT)};
#undef STATE_TEXT

const char *ct_desired_state_text(enum ct_desired_state state)
{
    const size_t index = (size_t)state;
    return index < sizeof(state_texts) / sizeof(state_texts[0]) ? state_texts[index] : "unknown-state";
}

bool ct_desired_state_open(enum ct_desired_state state)
{
    return state == CT_DESIRED_PENDING || state == CT_DESIRED_RUNNING;
}

int ct_desired_create(size_t paths_max, struct ct_desired_table **out_table)
{
    struct ct_desired_table *table = calloc(1, sizeof(*table));
    struct slot *slots = calloc(paths_max == 0 ? 1 : paths_max, sizeof(*slots));
    if (table == NULL || slots == NULL) {
        free(table);
        free(slots);
        return CT_ERR_NO_MEMORY;
    }
    table->slots = slots;
    table->capacity = paths_max;
    *out_table = table;
    return CT_OK;
}

void ct_desired_free(struct ct_desired_table *table)
{
    if (table != NULL) {
        free(table->slots);
        free(table);
    }
}

static struct slot *find_slot(const struct ct_desired_table *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->slots[i].desired.path, path) == 0) {
            return &table->slots[i];
        }
    }
    return NULL;
}

/* A free slot, or the one that ended longest ago; NULL when all are open. */
static struct slot *take_slot(struct ct_desired_table *table)
{
    if (table->count < table->capacity) {
        return &table->slots[table->count++];
    }
    struct slot *oldest = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct slot *slot = &table->slots[i];
        if (slot->ended != 0 && (oldest == NULL || slot->ended < oldest->ended)) {
            oldest = slot;
        }
    }
    return oldest;
}

static void change(struct ct_desired_table *table, struct slot *slot, enum ct_desired_state state,
                   enum ct_command_reason reason)
{
    slot->desired.state = state;
    slot->desired.reason = reason;
    slot->ended = ct_desired_state_open(state) ? 0 : ++table->ends;
    slot->changed = true;
}

static void describe_replaced(const struct slot *old, struct ct_desired *out_replaced)
{
    *out_replaced = old->desired;
    if (ct_desired_state_open(old->desired.state)) {
        out_replaced->state = CT_DESIRED_SUPERSEDED;
        out_replaced->reason = CT_REASON_SUPERSEDED;
    }
}

int ct_desired_put(struct ct_desired_table *table, const struct ct_desired *desired, struct ct_desired *out_replaced)
{
    if (desired->path[0] == '\0' || memchr(desired->path, '\0', sizeof(desired->path)) == NULL) {
        return CT_ERR_ARGUMENT;
    }
    struct slot *slot = find_slot(table, desired->path);
    if (slot != NULL && slot->desired.revision >= desired->revision) {
        return CT_ERR_EXISTS;
    }
    struct ct_desired replaced = {.path = ""};
    if (slot != NULL) {
        describe_replaced(slot, &replaced);
    } else {
        slot = take_slot(table);
    }
    if (slot == NULL) {
        table->refused_full++;
        return CT_ERR_FULL;
    }
    slot->desired = *desired;
    change(table, slot, CT_DESIRED_PENDING, CT_REASON_NONE);
    if (out_replaced != NULL) {
        *out_replaced = replaced;
    }
    return CT_OK;
}

static struct slot *find_revision(const struct ct_desired_table *table, const char *path, uint64_t revision)
{
    struct slot *slot = find_slot(table, path);
    return slot != NULL && slot->desired.revision == revision ? slot : NULL;
}

int ct_desired_begin(struct ct_desired_table *table, const char *path, uint64_t revision, int64_t utc_now_ms)
{
    struct slot *slot = find_revision(table, path, revision);
    if (slot == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    if (slot->desired.state != CT_DESIRED_PENDING) {
        return CT_ERR_BUSY;
    }
    if (utc_now_ms >= slot->desired.expires_utc_ms) {
        change(table, slot, CT_DESIRED_EXPIRED, CT_REASON_TOO_OLD);
        return CT_ERR_TIMEOUT;
    }
    change(table, slot, CT_DESIRED_RUNNING, CT_REASON_NONE);
    return CT_OK;
}

/* Whether an open value may end so: only what ran can be applied, and what ran cannot have expired unseen. */
static bool may_end(enum ct_desired_state from, enum ct_desired_state to)
{
    return ct_desired_state_open(from) && (to != CT_DESIRED_APPLIED || from == CT_DESIRED_RUNNING) &&
           (to != CT_DESIRED_EXPIRED || from == CT_DESIRED_PENDING);
}

int ct_desired_end(struct ct_desired_table *table, const char *path, uint64_t revision, enum ct_desired_state state,
                   enum ct_command_reason reason)
{
    if (state != CT_DESIRED_APPLIED && state != CT_DESIRED_REFUSED && state != CT_DESIRED_EXPIRED &&
        state != CT_DESIRED_UNKNOWN) {
        return CT_ERR_ARGUMENT;
    }
    struct slot *slot = find_revision(table, path, revision);
    if (slot == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    if (!may_end(slot->desired.state, state)) {
        return CT_ERR_BUSY;
    }
    change(table, slot, state, reason);
    return CT_OK;
}

bool ct_desired_report(struct ct_desired_table *table, const char *path, bool equal)
{
    struct slot *slot = find_slot(table, path);
    const enum ct_desired_state awaited = equal ? CT_DESIRED_RUNNING : CT_DESIRED_APPLIED;
    if (slot == NULL || slot->desired.state != awaited) {
        return false;
    }
    change(table, slot, equal ? CT_DESIRED_APPLIED : CT_DESIRED_OVERRIDDEN, CT_REASON_NONE);
    return true;
}

size_t ct_desired_expire(struct ct_desired_table *table, int64_t utc_now_ms)
{
    size_t ended = 0;
    for (size_t i = 0; i < table->count; i++) {
        struct slot *slot = &table->slots[i];
        if (!ct_desired_state_open(slot->desired.state) || utc_now_ms < slot->desired.expires_utc_ms) {
            continue;
        }
        const bool ran = slot->desired.state == CT_DESIRED_RUNNING;
        change(table, slot, ran ? CT_DESIRED_UNKNOWN : CT_DESIRED_EXPIRED,
               ran ? CT_REASON_NOT_OBSERVED : CT_REASON_TOO_OLD);
        ended++;
    }
    return ended;
}

size_t ct_desired_restart(struct ct_desired_table *table)
{
    size_t ended = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (table->slots[i].desired.state == CT_DESIRED_RUNNING) {
            change(table, &table->slots[i], CT_DESIRED_UNKNOWN, CT_REASON_RESTARTED);
            ended++;
        }
    }
    return ended;
}

const struct ct_desired *ct_desired_find(const struct ct_desired_table *table, const char *path)
{
    const struct slot *slot = find_slot(table, path);
    return slot == NULL ? NULL : &slot->desired;
}

const struct ct_desired *ct_desired_next(const struct ct_desired_table *table, size_t *cursor)
{
    return *cursor < table->count ? &table->slots[(*cursor)++].desired : NULL;
}

const struct ct_desired *ct_desired_next_change(struct ct_desired_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        struct slot *slot = &table->slots[(table->next_change + i) % table->count];
        if (slot->changed) {
            slot->changed = false;
            table->next_change = (table->next_change + i + 1) % table->count;
            return &slot->desired;
        }
    }
    return NULL;
}

uint64_t ct_desired_refused_full(const struct ct_desired_table *table)
{
    return table->refused_full;
}
