/* The rule of one message: where counter and checksum lie, what is covered, and whether that can be. */
#include "protect_rule.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_MAX_DELTA 7U

/* ---- where a signal lies */

static int field_of_signal(struct protect_field *field, const struct ct_dbc_message *message, int32_t index)
{
    const struct ct_dbc_signal *signal = &message->signals[index];
    *field = (struct protect_field){.width = (uint8_t)signal->length, .signal = index};
    unsigned left = signal->length;
    unsigned bit = signal->start_bit; /* of the least (Intel) or most significant bit left */
    while (left > 0) {
        const unsigned in_byte = signal->big_endian ? bit % 8 + 1 : 8 - bit % 8;
        const unsigned width = left < in_byte ? left : in_byte;
        if (field->count == PROTECT_SEGMENT_MAX || bit / 8 >= PROTECT_FRAME_MAX) {
            return CT_ERR_RANGE;
        }
        const unsigned shift = signal->big_endian ? bit % 8 + 1 - width : bit % 8;
        field->segments[field->count++] = (struct protect_segment){(uint8_t)(bit / 8), (uint8_t)shift, (uint8_t)width};
        bit = signal->big_endian ? (bit / 8 + 1) * 8 + 7 : (bit / 8 + 1) * 8;
        left -= width;
    }
    for (unsigned i = 0; !signal->big_endian && i < field->count / 2U; i++) {
        const struct protect_segment swapped = field->segments[i];
        field->segments[i] = field->segments[field->count - 1U - i];
        field->segments[field->count - 1U - i] = swapped;
    }
    return CT_OK;
}

static bool same_place(const struct protect_field *a, const struct protect_field *b)
{
    return a->count == b->count && memcmp(a->segments, b->segments, a->count * sizeof a->segments[0]) == 0;
}

/* The signal that shows a field laid out by the scheme. */
static void name_field(struct protect_field *field, const struct ct_dbc_message *message)
{
    for (size_t i = 0; field->count > 0 && i < message->signal_count; i++) {
        struct protect_field other;
        if (message->signals[i].length == field->width && field_of_signal(&other, message, (int32_t)i) == CT_OK &&
            same_place(field, &other)) {
            field->signal = (int32_t)i;
            return;
        }
    }
}

/* By exact name, else the only one whose name ends so in any case; -1: none. */
static int32_t find_signal(const struct ct_dbc_message *message, const char *name, bool or_suffix)
{
    int32_t found = -1;
    const size_t len = strlen(name);
    for (size_t i = 0; i < message->signal_count; i++) {
        const char *other = message->signals[i].name;
        if (strcmp(other, name) == 0) {
            return (int32_t)i;
        }
        const size_t other_len = strlen(other);
        if (or_suffix && other_len > len && strcasecmp(other + other_len - len, name) == 0) {
            found = found == -1 ? (int32_t)i : -2;
        }
    }
    return found < 0 ? -1 : found;
}

static bool is_always_there(const struct ct_dbc_message *message, int32_t index)
{
    return message->signals[index].selector < 0 && message->signals[index].kind == CT_DBC_INTEGER;
}

static int place_signal(const struct protect_maker *maker, const struct ct_dbc_message *message, const char *given,
                        const char *preset, struct protect_field *field)
{
    const int32_t index = find_signal(message, given != NULL ? given : preset, given == NULL);
    if (index < 0 && given != NULL) {
        ct_protect_refuse(maker, "message '%s' has no signal '%s'", message->name, given);
        return CT_ERR_UNSUPPORTED;
    }
    if (index < 0) {
        return CT_ERR_NOT_FOUND;
    }
    if (!is_always_there(message, index) || field_of_signal(field, message, index) != CT_OK) {
        ct_protect_refuse(maker,
                          "signal '%s' of message '%s' cannot hold it: it must be an integer that is always there",
                          message->signals[index].name, message->name);
        return CT_ERR_UNSUPPORTED;
    }
    return CT_OK;
}

/* ---- the parts of a rule */

static int place_checksum(const struct protect_maker *maker, const struct ct_dbc_message *message,
                          struct ct_protect_rule *rule)
{
    const unsigned width = maker->scheme->checksum_width;
    if (maker->scheme->compute == NULL) {
        return CT_OK;
    }
    const int err = place_signal(maker, message, maker->config->checksum, "CHECKSUM", &rule->checksum);
    if (err == CT_ERR_NOT_FOUND) {
        ct_protect_refuse(maker, "message '%s' has no signal CHECKSUM; name it with 'checksum:'", message->name);
        return CT_ERR_UNSUPPORTED;
    }
    if (err == CT_OK && ((width != 0 && rule->checksum.width != width) || (width == 8 && rule->checksum.count != 1))) {
        ct_protect_refuse(maker, "signal '%s' of message '%s' has %u bits; the checksum of scheme %s is %u bits%s",
                          message->signals[rule->checksum.signal].name, message->name, (unsigned)rule->checksum.width,
                          maker->scheme->name, width, width == 8 ? " in one byte" : "");
        return CT_ERR_UNSUPPORTED;
    }
    return err;
}

static int place_counter(const struct protect_maker *maker, const struct ct_dbc_message *message,
                         struct ct_protect_rule *rule)
{
    const char *given = maker->config->counter;
    if (given != NULL && strcmp(given, "none") == 0) {
        return CT_OK;
    }
    const int err = place_signal(maker, message, given, "COUNTER", &rule->counter);
    if (err == CT_ERR_NOT_FOUND && maker->scheme->compute == NULL) {
        ct_protect_refuse(maker, "message '%s' has no signal COUNTER; name it with 'counter:'", message->name);
        return CT_ERR_UNSUPPORTED;
    }
    if (err == CT_OK && rule->counter.width > 32) {
        return ct_protect_refuse(maker, "signal '%s' of message '%s' has %u bits; a counter has at most 32",
                                 message->signals[rule->counter.signal].name, message->name,
                                 (unsigned)rule->counter.width);
    }
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

static unsigned last_byte(const struct protect_field *field)
{
    unsigned last = 0;
    for (unsigned i = 0; i < field->count; i++) {
        last = field->segments[i].byte > last ? field->segments[i].byte : last;
    }
    return last;
}

/* Everything lies inside the bytes covered, and nothing on top of another. */
static int check_places(const struct protect_maker *maker, const struct ct_dbc_message *message,
                        const struct ct_protect_rule *rule)
{
    const struct protect_field *const fields[] = {&rule->checksum, &rule->counter, &rule->id_nibble};
    uint8_t used[PROTECT_FRAME_MAX] = {0};
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        if (fields[f]->count > 0 && last_byte(fields[f]) >= rule->length) {
            ct_protect_refuse(maker, "message '%s': counter and checksum of scheme %s do not fit into %u bytes",
                              message->name, maker->scheme->name, (unsigned)rule->length);
            return CT_ERR_UNSUPPORTED;
        }
        for (unsigned i = 0; i < fields[f]->count; i++) {
            const struct protect_segment *segment = &fields[f]->segments[i];
            const uint8_t mask = (uint8_t)(0xFFU >> (8 - segment->width) << segment->shift);
            if ((used[segment->byte] & mask) != 0) {
                return ct_protect_refuse(maker,
                                         "message '%s': counter, checksum and id lie on top of each other in byte %u",
                                         message->name, (unsigned)segment->byte);
            }
            used[segment->byte] |= mask;
        }
    }
    return CT_OK;
}

static int size_rule(const struct protect_maker *maker, const struct ct_dbc_message *message,
                     struct ct_protect_rule *rule)
{
    const struct ct_protect_config *config = maker->config;
    const uint32_t length = config->length != NULL ? *config->length : message->length;
    const unsigned header = config->offset != NULL ? *config->offset / 8U : 0U;
    const unsigned least = header + maker->scheme->header_size;
    if (length == 0 || length > PROTECT_FRAME_MAX || length > message->length) {
        ct_protect_refuse(maker, "message '%s' has %" PRIu32 " bytes; 'length' must be 1 to that, and at most %d",
                          message->name, message->length, PROTECT_FRAME_MAX);
        return CT_ERR_UNSUPPORTED;
    }
    if (least > length || maker->scheme->min_length > length) {
        ct_protect_refuse(maker, "message '%s': scheme %s needs at least %u bytes, %" PRIu32 " are covered",
                          message->name, maker->scheme->name,
                          least > maker->scheme->min_length ? least : maker->scheme->min_length, length);
        return CT_ERR_UNSUPPORTED;
    }
    rule->length = (uint16_t)length;
    rule->header = (uint16_t)header;
    return CT_OK;
}

static int take_ids(const struct protect_maker *maker, const struct ct_dbc_message *message,
                    struct ct_protect_rule *rule)
{
    const struct ct_protect_config *config = maker->config;
    const bool known = maker->scheme->prepare == NULL || maker->scheme->prepare(rule, message->id);
    if (!known && config->data_ids_count == 0 && config->final_xor == NULL) {
        ct_protect_refuse(maker, "message '%s': scheme %s does not know id 0x%" PRIX32 "; give '%s'", message->name,
                          maker->scheme->name, message->id,
                          (maker->scheme->keys & PROTECT_KEY_DATA_IDS) != 0 ? "data_ids" : "final_xor");
        return CT_ERR_UNSUPPORTED;
    }
    for (unsigned i = 0; i < config->data_ids_count; i++) {
        rule->list[i] = (uint8_t)config->data_ids[i];
    }
    rule->data_id = config->data_id != NULL ? *config->data_id : message->id;
    rule->initial = config->initial != NULL ? *config->initial : rule->initial;
    rule->final_xor = config->final_xor != NULL ? *config->final_xor : rule->final_xor;
    return CT_OK;
}

static int count_rule(const struct protect_maker *maker, const struct ct_dbc_message *message,
                      struct ct_protect_rule *rule)
{
    const struct ct_protect_config *config = maker->config;
    if (rule->counter.count == 0) {
        return CT_OK;
    }
    const uint64_t range = UINT64_C(1) << rule->counter.width;
    if (rule->counter_end == 0) {
        const unsigned own = maker->scheme->counter_end;
        rule->counter_end = config->counter_end != NULL ? *config->counter_end : own != 0 && own < range ? own : range;
    }
    if (rule->counter_end < 2 || rule->counter_end > range) {
        return ct_protect_refuse(maker, "message '%s': 'counter_end' must be 2 to %" PRIu64, message->name, range);
    }
    const uint64_t below_half = (rule->counter_end - 1) / 2;
    const uint32_t preset = below_half > DEFAULT_MAX_DELTA ? DEFAULT_MAX_DELTA : (uint32_t)below_half;
    rule->max_delta = config->max_delta != NULL ? *config->max_delta : preset > 0 ? preset : 1;
    if (rule->max_delta == 0 || rule->max_delta >= rule->counter_end) {
        return ct_protect_refuse(maker, "message '%s': 'max_delta' must be 1 to %" PRIu64, message->name,
                                 rule->counter_end - 1);
    }
    return CT_OK;
}

static int place_fields(const struct protect_maker *maker, const struct ct_dbc_message *message,
                        struct ct_protect_rule *rule)
{
    if (maker->scheme->layout == NULL) {
        const int err = place_checksum(maker, message, rule);
        return err == CT_OK ? place_counter(maker, message, rule) : err;
    }
    maker->scheme->layout(rule, maker->config, message->id);
    if (rule->checksum.count == 0) {
        ct_protect_refuse(maker, "message '%s': scheme %s does not know id 0x%" PRIX32, message->name,
                          maker->scheme->name, message->id);
        return CT_ERR_UNSUPPORTED;
    }
    name_field(&rule->checksum, message);
    name_field(&rule->counter, message);
    return CT_OK;
}

int ct_protect_build(const struct protect_maker *maker, const struct ct_dbc_message *message,
                     struct ct_protect_rule *rule)
{
    const struct protect_scheme *scheme = maker->scheme;
    const uint32_t *polynomial = maker->config->polynomial;
    *rule = (struct ct_protect_rule){
        .scheme = scheme,
        .crc = ct_protect_crc_tables(maker->protect),
        .crc8 = ct_protect_crc8_table(maker->protect, polynomial != NULL ? (uint8_t)*polynomial : scheme->polynomial),
        .initial = scheme->initial,
        .final_xor = scheme->final_xor,
    };
    (void)ct_protect_id_mode(maker->config->id_mode, &rule->id_mode);
    int err = rule->crc8 == NULL ? CT_ERR_NO_MEMORY : size_rule(maker, message, rule);
    err = err == CT_OK ? place_fields(maker, message, rule) : err;
    err = err == CT_OK ? check_places(maker, message, rule) : err;
    err = err == CT_OK ? take_ids(maker, message, rule) : err;
    return err == CT_OK ? count_rule(maker, message, rule) : err;
}
