/* What a configuration may say, and what it may not for its scheme. */
#include "problems.h"
#include "protect_rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ct_protect_refuse(const struct protect_maker *maker, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ct_problems_add(maker->problem, maker->problem_size, "rule %zu: %s", maker->number, text);
    return CT_ERR_SYNTAX;
}

int ct_protect_id_mode(const char *text, enum protect_id_mode *out_mode)
{
    static const char *const names[] = {"both", "alternate", "low", "nibble"};
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            *out_mode = (enum protect_id_mode)i;
            return CT_OK;
        }
    }
    return text == NULL ? CT_OK : CT_ERR_SYNTAX;
}

struct number_key {
    const char *name;
    size_t offset;
    unsigned key; /* 0: every scheme takes it */
    uint32_t max;
    uint32_t multiple;
};

#define NUMBER(field) offsetof(struct ct_protect_config, field)

static const struct number_key number_keys[] = {
    {"id", NUMBER(id), 0, 0x1FFFFFFF, 1},
    {"data_id", NUMBER(data_id), PROTECT_KEY_DATA_ID, UINT32_MAX, 1},
    {"offset", NUMBER(offset), PROTECT_KEY_OFFSET, 8 * PROTECT_FRAME_MAX, 8},
    {"counter_offset", NUMBER(counter_offset), PROTECT_KEY_PLACES, 8 * PROTECT_FRAME_MAX - 4, 4},
    {"id_offset", NUMBER(id_offset), PROTECT_KEY_PLACES, 8 * PROTECT_FRAME_MAX - 4, 4},
    {"length", NUMBER(length), 0, PROTECT_FRAME_MAX, 1},
    {"max_delta", NUMBER(max_delta), 0, UINT32_MAX, 1},
    {"counter_end", NUMBER(counter_end), PROTECT_KEY_COUNTER_END, UINT32_MAX, 1},
    {"polynomial", NUMBER(polynomial), PROTECT_KEY_POLYNOMIAL, 0xFF, 1},
    {"initial", NUMBER(initial), PROTECT_KEY_START, 0xFF, 1},
    {"final_xor", NUMBER(final_xor), PROTECT_KEY_START, 0xFF, 1},
};

static int unknown_to_scheme(const struct protect_maker *maker, const char *key)
{
    return ct_protect_refuse(maker, "'%s' has no meaning for scheme %s; remove it", key, maker->scheme->name);
}

static int check_numbers(const struct protect_maker *maker)
{
    for (size_t i = 0; i < sizeof number_keys / sizeof number_keys[0]; i++) {
        const struct number_key *key = &number_keys[i];
        const uint32_t *value = NULL;
        memcpy(&value, (const char *)maker->config + key->offset, sizeof value);
        if (value == NULL) {
            continue;
        }
        if (key->key != 0 && (maker->scheme->keys & key->key) == 0) {
            return unknown_to_scheme(maker, key->name);
        }
        if (*value > key->max || *value % key->multiple != 0) {
            return ct_protect_refuse(maker,
                                     "'%s' is %" PRIu32 "; it must be at most %" PRIu32 " and a multiple of %" PRIu32,
                                     key->name, *value, key->max, key->multiple);
        }
    }
    return CT_OK;
}

static int check_ids(const struct protect_maker *maker)
{
    const struct ct_protect_config *config = maker->config;
    const bool needs = (maker->scheme->keys & PROTECT_KEY_DATA_IDS) != 0;
    if (!needs && config->data_ids_count > 0) {
        return unknown_to_scheme(maker, "data_ids");
    }
    const bool must = needs && maker->scheme->prepare == NULL;
    if (needs && config->data_ids_count != PROTECT_LIST && (must || config->data_ids_count > 0)) {
        return ct_protect_refuse(maker, "'data_ids' must list %d numbers, one for each counter value; there are %u",
                                 PROTECT_LIST, config->data_ids_count);
    }
    for (unsigned i = 0; i < config->data_ids_count; i++) {
        if (config->data_ids[i] > 0xFF) {
            return ct_protect_refuse(maker, "number %u of 'data_ids' is %" PRIu32 "; each must be at most 255", i + 1,
                                     config->data_ids[i]);
        }
    }
    return CT_OK;
}

static int check_texts(const struct protect_maker *maker)
{
    const struct ct_protect_config *config = maker->config;
    const int chosen = (config->message != NULL) + (config->id != NULL) + (config->match != NULL);
    enum protect_id_mode mode = PROTECT_ID_BOTH;
    if (chosen != 1) {
        return ct_protect_refuse(maker, "needs exactly one of 'message', 'id' and 'match'");
    }
    if (config->checksum != NULL &&
        ((maker->scheme->keys & PROTECT_KEY_SIGNALS) == 0 || maker->scheme->compute == NULL)) {
        return unknown_to_scheme(maker, "checksum");
    }
    if (config->counter != NULL && (maker->scheme->keys & PROTECT_KEY_SIGNALS) == 0) {
        return unknown_to_scheme(maker, "counter");
    }
    if (config->id_mode != NULL && (maker->scheme->keys & PROTECT_KEY_ID_MODE) == 0) {
        return unknown_to_scheme(maker, "id_mode");
    }
    if (ct_protect_id_mode(config->id_mode, &mode) != CT_OK) {
        return ct_protect_refuse(maker, "'id_mode' is '%s'; it can be both, alternate, low or nibble", config->id_mode);
    }
    return CT_OK;
}

static int find_scheme(struct protect_maker *maker)
{
    if (maker->config->scheme == NULL) {
        return ct_protect_refuse(maker, "needs 'scheme'");
    }
    maker->scheme = ct_protect_scheme_find(maker->config->scheme);
    if (maker->scheme != NULL) {
        return CT_OK;
    }
    char known[512] = "";
    size_t used = 0;
    const char *name = NULL;
    for (size_t i = 0; (name = ct_protect_scheme_name(i)) != NULL && used < sizeof known; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", name);
    }
    return ct_protect_refuse(maker, "unknown scheme '%s'; known schemes: %s", maker->config->scheme, known);
}

int ct_protect_check_config(struct protect_maker *maker)
{
    int err = find_scheme(maker);
    err = err == CT_OK ? check_texts(maker) : err;
    err = err == CT_OK ? check_numbers(maker) : err;
    return err == CT_OK ? check_ids(maker) : err;
}
