#include "dtc_memory.h"

#include "dtc_memory_internal.h"

#include <stdlib.h>
#include <string.h>

#define DETECTION_FAILED 127
#define DETECTION_PASSED (-128)
#define AGING_USUAL      40U
#define HEALING_CYCLES   3U /* passing cycles that put the warning out, as for the MIL of OBD */
#define STATUS_CLEARED   (CT_DTC_NOT_COMPLETED_SINCE_CLEAR | CT_DTC_NOT_COMPLETED_THIS_CYCLE)

/* --- create --- */

static bool codes_differ(const struct ct_dtc_memory_config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (config->definitions[i].code == config->definitions[j].code) {
                return false;
            }
        }
        if (config->definitions[i].code == 0 || config->definitions[i].code >= CT_UDS_DTC_EMISSIONS) {
            return false;
        }
    }
    return true;
}

static size_t snapshot_length(const struct ct_dtc_memory_config *config)
{
    size_t len = 0;
    for (size_t i = 0; i < config->snapshot_count; i++) {
        len += config->snapshot[i].len;
    }
    return len;
}

int ct_dtc_memory_create(const struct ct_dtc_memory_config *config, struct ct_dtc_memory **out_memory)
{
    if (config->count == 0 || config->count > CT_DTC_MAX || config->snapshot_count > CT_DTC_SNAPSHOT_DIDS ||
        !codes_differ(config) || snapshot_length(config) > CT_DTC_SNAPSHOT_BYTES ||
        (config->snapshot_count > 0 && config->read == NULL)) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_dtc_memory *memory = calloc(1, sizeof *memory + config->count * sizeof memory->entries[0]);
    if (memory == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memory->config = *config;
    memory->config.available = config->available != 0 ? config->available : 0xFF;
    memory->snapshot_len = snapshot_length(config);
    for (size_t i = 0; i < config->count; i++) {
        memory->entries[i].state.status = STATUS_CLEARED;
    }
    *out_memory = memory;
    return CT_OK;
}

void ct_dtc_memory_free(struct ct_dtc_memory *memory)
{
    free(memory);
}

/* --- changes --- */

static void set_status(struct ct_dtc_memory *memory, struct ct_dtc_state *state, unsigned status)
{
    const uint8_t changed = (uint8_t)(state->status ^ status);
    state->status = (uint8_t)status;
    memory->changes |= changed & memory->config.available;
    memory->revision += changed != 0;
}

static uint8_t count_up(uint8_t count)
{
    return count < UINT8_MAX ? (uint8_t)(count + 1) : count;
}

static void take_snapshot(struct ct_dtc_memory *memory, struct ct_dtc_entry *entry, unsigned record)
{
    uint8_t *out = entry->snapshots[record - 1];
    for (size_t i = 0; i < memory->config.snapshot_count; i++) {
        const struct ct_dtc_snapshot_did *did = &memory->config.snapshot[i];
        uint8_t value[CT_DTC_SNAPSHOT_BYTES];
        size_t len = 0;
        const uint8_t nrc = memory->config.read(memory->config.user, did->id, value, sizeof value, &len);
        if (nrc != 0 || len != did->len) {
            memset(out, 0xFF, did->len);
        } else {
            memcpy(out, value, len);
        }
        out += did->len;
    }
    entry->state.snapshots |= (uint8_t)(1U << (record - 1));
}

static void note_failure(struct ct_dtc_memory *memory, struct ct_dtc_entry *entry)
{
    struct ct_dtc_state *state = &entry->state;
    state->occurrences = count_up(state->occurrences);
    state->last_failed = ++memory->order;
    state->first_failed = state->first_failed != 0 ? state->first_failed : state->last_failed;
    if (memory->config.snapshot_count > 0) {
        if ((state->snapshots & CT_DTC_SNAPSHOT_FIRST) == 0) {
            take_snapshot(memory, entry, CT_DTC_SNAPSHOT_FIRST);
        }
        take_snapshot(memory, entry, CT_DTC_SNAPSHOT_LATEST);
    }
}

static void confirm(struct ct_dtc_memory *memory, const struct ct_dtc_definition *definition,
                    struct ct_dtc_state *state)
{
    unsigned status = state->status | CT_DTC_CONFIRMED;
    if ((state->status & CT_DTC_CONFIRMED) == 0) {
        state->last_confirmed = ++memory->order;
        state->first_confirmed = state->first_confirmed != 0 ? state->first_confirmed : state->last_confirmed;
    }
    if (definition->warning) {
        status |= CT_DTC_WARNING;
        state->permanent = state->permanent || definition->emissions;
    }
    set_status(memory, state, status);
}

static void test_failed(struct ct_dtc_memory *memory, size_t index)
{
    const struct ct_dtc_definition *definition = &memory->config.definitions[index];
    struct ct_dtc_entry *entry = &memory->entries[index];
    struct ct_dtc_state *state = &entry->state;
    const unsigned before = state->status;
    const unsigned set = CT_DTC_TEST_FAILED | CT_DTC_FAILED_THIS_CYCLE | CT_DTC_PENDING | CT_DTC_FAILED_SINCE_CLEAR;
    set_status(memory, state, (before | set) & ~(unsigned)STATUS_CLEARED);
    state->aging = 0;
    state->healing = 0;
    if ((before & CT_DTC_TEST_FAILED) == 0) {
        note_failure(memory, entry);
    }
    if ((before & CT_DTC_FAILED_THIS_CYCLE) == 0) {
        state->trips = count_up(state->trips);
        state->failed_cycles = count_up(state->failed_cycles);
    }
    if (state->trips >= (definition->confirm > 0 ? definition->confirm : 1)) {
        confirm(memory, definition, state);
    }
}

static void test_passed(struct ct_dtc_memory *memory, struct ct_dtc_state *state)
{
    set_status(memory, state, state->status & ~(unsigned)(CT_DTC_TEST_FAILED | STATUS_CLEARED));
}

/* A result against the counter's sign starts it from zero ("jump"), so that one direction is judged at a time. */
static int stepped(int detection, bool failed, const struct ct_dtc_definition *definition)
{
    if (failed) {
        detection = (detection < 0 ? 0 : detection) + (definition->fail_step > 0 ? definition->fail_step : 127);
        return detection < DETECTION_FAILED ? detection : DETECTION_FAILED;
    }
    detection = (detection > 0 ? 0 : detection) - (definition->pass_step > 0 ? definition->pass_step : 128);
    return detection > DETECTION_PASSED ? detection : DETECTION_PASSED;
}

void ct_dtc_report(struct ct_dtc_memory *memory, size_t index, bool failed)
{
    if (memory->off || index >= memory->config.count) {
        return;
    }
    struct ct_dtc_state *state = &memory->entries[index].state;
    state->detection = (int8_t)stepped(state->detection, failed, &memory->config.definitions[index]);
    if (state->detection > state->detection_max) {
        state->detection_max = state->detection;
    }
    if (state->detection == DETECTION_FAILED) {
        test_failed(memory, index);
    } else if (state->detection == DETECTION_PASSED) {
        test_passed(memory, state);
    }
}

static void forget(struct ct_dtc_state *state)
{
    const bool permanent = state->permanent;
    *state = (struct ct_dtc_state){.status = STATUS_CLEARED, .permanent = permanent};
}

/* Confirmed is taken back, what happened since the last clearing is not (D.2, aging). */
static void age(struct ct_dtc_memory *memory, struct ct_dtc_state *state)
{
    const unsigned status = state->status & ~(unsigned)(CT_DTC_CONFIRMED | CT_DTC_WARNING);
    state->aging = 0;
    state->snapshots = 0;
    state->first_failed = state->last_failed = state->first_confirmed = state->last_confirmed = 0;
    set_status(memory, state, status);
}

static void cycle_passed(struct ct_dtc_memory *memory, const struct ct_dtc_definition *definition,
                         struct ct_dtc_state *state)
{
    unsigned status = state->status & ~(unsigned)CT_DTC_PENDING;
    state->trips = 0;
    state->healing = count_up(state->healing);
    if (state->healing >= HEALING_CYCLES) {
        status &= ~(unsigned)CT_DTC_WARNING;
    }
    if ((status & CT_DTC_WARNING) == 0) {
        state->permanent = false;
    }
    set_status(memory, state, status);
    if ((status & CT_DTC_CONFIRMED) != 0) {
        state->aging = count_up(state->aging);
        if (state->aging >= (definition->aging > 0 ? definition->aging : AGING_USUAL)) {
            age(memory, state);
        }
    }
}

void ct_dtc_next_cycle(struct ct_dtc_memory *memory)
{
    for (size_t i = 0; i < memory->config.count; i++) {
        struct ct_dtc_state *state = &memory->entries[i].state;
        const bool completed = (state->status & CT_DTC_NOT_COMPLETED_THIS_CYCLE) == 0;
        if (completed && (state->status & CT_DTC_FAILED_THIS_CYCLE) == 0) {
            cycle_passed(memory, &memory->config.definitions[i], state);
        }
        state->detection = 0;
        state->detection_max = 0;
        set_status(memory, state,
                   (state->status & ~(unsigned)CT_DTC_FAILED_THIS_CYCLE) | CT_DTC_NOT_COMPLETED_THIS_CYCLE);
    }
    memory->revision++;
}

void ct_dtc_setting(struct ct_dtc_memory *memory, bool on)
{
    memory->off = !on;
}

bool ct_dtc_setting_is_on(const struct ct_dtc_memory *memory)
{
    return !memory->off;
}

bool ct_dtc_clear(struct ct_dtc_memory *memory, uint32_t group)
{
    bool known = group == CT_UDS_DTC_ALL || group == CT_UDS_DTC_EMISSIONS;
    for (size_t i = 0; i < memory->config.count; i++) {
        const struct ct_dtc_definition *definition = &memory->config.definitions[i];
        struct ct_dtc_state *state = &memory->entries[i].state;
        if (group == CT_UDS_DTC_ALL || group == definition->code ||
            (group == CT_UDS_DTC_EMISSIONS && definition->emissions)) {
            const uint8_t before = state->status;
            forget(state);
            memory->changes |= (uint8_t)(before ^ state->status) & memory->config.available;
            known = true;
        }
    }
    memory->revision += known;
    return known;
}

/* --- reading --- */

size_t ct_dtc_count(const struct ct_dtc_memory *memory)
{
    return memory->config.count;
}

const struct ct_dtc_definition *ct_dtc_definition(const struct ct_dtc_memory *memory, size_t index)
{
    return &memory->config.definitions[index];
}

const struct ct_dtc_state *ct_dtc_state(const struct ct_dtc_memory *memory, size_t index)
{
    return &memory->entries[index].state;
}

uint8_t ct_dtc_status(const struct ct_dtc_memory *memory, size_t index)
{
    return memory->entries[index].state.status & memory->config.available;
}

uint8_t ct_dtc_available(const struct ct_dtc_memory *memory)
{
    return memory->config.available;
}

bool ct_dtc_find(const struct ct_dtc_memory *memory, uint32_t code, size_t *out_index)
{
    for (size_t i = 0; i < memory->config.count; i++) {
        if (memory->config.definitions[i].code == code) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

const struct ct_dtc_snapshot_did *ct_dtc_snapshot_layout(const struct ct_dtc_memory *memory, size_t *out_count)
{
    *out_count = memory->config.snapshot_count;
    return memory->config.snapshot;
}

const uint8_t *ct_dtc_snapshot(const struct ct_dtc_memory *memory, size_t index, unsigned record)
{
    const struct ct_dtc_entry *entry = &memory->entries[index];
    if (record < 1 || record > CT_DTC_SNAPSHOTS || (entry->state.snapshots & (1U << (record - 1))) == 0) {
        return NULL;
    }
    return entry->snapshots[record - 1];
}

uint32_t ct_dtc_revision(const struct ct_dtc_memory *memory)
{
    return memory->revision;
}

uint8_t ct_dtc_take_changes(struct ct_dtc_memory *memory)
{
    const uint8_t changes = memory->changes;
    memory->changes = 0;
    return changes;
}
