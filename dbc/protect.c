#include "protect_rule.h"

#include <string.h>

const char *ct_protect_fault_text(enum ct_protect_fault fault)
{
    static const char *const texts[] = {"ok", "checksum", "counter"};
    return texts[fault];
}

/* ---- fields */

uint64_t ct_protect_field_get(const struct protect_field *field, const uint8_t *data)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < field->count; i++) {
        const struct protect_segment *segment = &field->segments[i];
        value = value << segment->width |
                ((unsigned)data[segment->byte] >> segment->shift & (0xFFU >> (8 - segment->width)));
    }
    return value;
}

void ct_protect_field_put(const struct protect_field *field, uint8_t *data, uint64_t value)
{
    for (unsigned i = field->count; i-- > 0;) {
        const struct protect_segment *segment = &field->segments[i];
        const unsigned mask = 0xFFU >> (8 - segment->width);
        const unsigned kept = data[segment->byte] & ~(mask << segment->shift);
        data[segment->byte] = (uint8_t)(kept | ((unsigned)value & mask) << segment->shift);
        value >>= segment->width;
    }
}

/* ---- frames */

static enum ct_protect_status step(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t counter)
{
    if (!state->seen) {
        *state = (struct ct_protect_state){.counter = counter, .seen = true};
        return CT_PROTECT_INITIAL;
    }
    const uint64_t last = state->counter;
    const uint64_t delta = counter >= last ? counter - last : counter + rule->counter_end - last;
    state->counter = counter;
    return delta == 0                 ? CT_PROTECT_REPEATED
           : delta == 1               ? CT_PROTECT_OK
           : delta <= rule->max_delta ? CT_PROTECT_OK_SOME_LOST
                                      : CT_PROTECT_WRONG_SEQUENCE;
}

/* Over the frame without the checksum's own bits: a rule may put them where the scheme looks at others. */
static uint64_t checksum_of(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    uint8_t others[PROTECT_FRAME_MAX];
    memcpy(others, data, rule->length);
    ct_protect_field_put(&rule->checksum, others, 0);
    return rule->scheme->compute(rule, id, others);
}

static bool intact(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data, size_t len)
{
    const struct protect_scheme *scheme = rule->scheme;
    return len >= rule->length &&
           (scheme->compute == NULL || checksum_of(rule, id, data) == ct_protect_field_get(&rule->checksum, data)) &&
           (scheme->header_good == NULL || scheme->header_good(rule, data));
}

enum ct_protect_status ct_protect_check(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t id,
                                        const uint8_t *data, size_t len)
{
    if (!intact(rule, id, data, len)) {
        return CT_PROTECT_ERROR;
    }
    if (rule->counter.count == 0) {
        return CT_PROTECT_OK;
    }
    const uint64_t counter = ct_protect_field_get(&rule->counter, data);
    return counter < rule->counter_end ? step(rule, state, (uint32_t)counter) : CT_PROTECT_ERROR;
}

int ct_protect_fill(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t id, uint8_t *data,
                    size_t len)
{
    const struct protect_scheme *scheme = rule->scheme;
    if (len < rule->length) {
        return CT_ERR_TRUNCATED;
    }
    if (rule->counter.count > 0) {
        const uint64_t next = (uint64_t)state->counter + 1;
        *state = (struct ct_protect_state){
            .counter = !state->seen || next >= rule->counter_end ? 0 : (uint32_t)next,
            .seen = true,
        };
        ct_protect_field_put(&rule->counter, data, state->counter);
    }
    if (scheme->header_put != NULL) {
        scheme->header_put(rule, data);
    }
    if (scheme->compute != NULL) {
        ct_protect_field_put(&rule->checksum, data, checksum_of(rule, id, data));
    }
    return CT_OK;
}

int ct_protect_start(const struct ct_protect_rule *rule, struct ct_protect_state *state, uint32_t counter)
{
    if (counter >= rule->counter_end) {
        return CT_ERR_RANGE;
    }
    const uint64_t before = counter > 0 ? counter - 1U : rule->counter_end - 1;
    *state = (struct ct_protect_state){.counter = (uint32_t)before, .seen = true};
    return CT_OK;
}

int32_t ct_protect_checksum_signal(const struct ct_protect_rule *rule)
{
    return rule->checksum.count > 0 ? rule->checksum.signal : -1;
}

int32_t ct_protect_counter_signal(const struct ct_protect_rule *rule)
{
    return rule->counter.count > 0 ? rule->counter.signal : -1;
}

/* ---- schemes */

static const struct protect_scheme *scheme_at(size_t index)
{
    if (index < ct_protect_e2e_scheme_count) {
        return &ct_protect_e2e_schemes[index];
    }
    index -= ct_protect_e2e_scheme_count;
    return index < ct_protect_maker_scheme_count ? &ct_protect_maker_schemes[index] : NULL;
}

const char *ct_protect_scheme_name(size_t index)
{
    const struct protect_scheme *scheme = scheme_at(index);
    return scheme != NULL ? scheme->name : NULL;
}

const struct protect_scheme *ct_protect_scheme_find(const char *name)
{
    const struct protect_scheme *scheme = NULL;
    for (size_t i = 0; (scheme = scheme_at(i)) != NULL; i++) {
        if (strcmp(scheme->name, name) == 0) {
            return scheme;
        }
    }
    return NULL;
}
