#include "config_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct target {
    const cyaml_schema_value_t *schema;
    void *data; /* NULL: check only */
    char *why;
    size_t why_size;
};

static void store_integer(const struct target *target, uint64_t bits)
{
    const uint8_t u8 = (uint8_t)bits;
    const uint16_t u16 = (uint16_t)bits;
    const uint32_t u32 = (uint32_t)bits;
    const void *const from[] = {&u8, &u16, &u32, &bits};
    for (size_t i = 0; target->data != NULL && i < 4; i++) {
        if (target->schema->data_size == (1U << i)) {
            memcpy(target->data, from[i], 1U << i);
        }
    }
}

/* Largest value of `size` bytes with `sign` bits taken away. */
static uint64_t largest(uint32_t size, unsigned sign)
{
    return UINT64_MAX >> (64 - 8 * size + sign);
}

static int refuse(const struct target *target, int err, const char *allowed)
{
    (void)snprintf(target->why, target->why_size, "%s", allowed);
    return err;
}

static int read_int(const struct target *target, const char *text)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 0);
    if (end == text || *end != '\0') {
        return refuse(target, CT_ERR_SYNTAX, "expected a whole number");
    }
    const int64_t max = (int64_t)largest(target->schema->data_size, 1);
    if (errno == ERANGE || value > max || value < -max - 1) {
        (void)snprintf(target->why, target->why_size, "expected %lld to %lld", (long long)(-max - 1), (long long)max);
        return CT_ERR_RANGE;
    }
    store_integer(target, (uint64_t)value);
    return CT_OK;
}

static int read_uint(const struct target *target, const char *text)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 0);
    if (end == text || *end != '\0') {
        return refuse(target, CT_ERR_SYNTAX, "expected a whole number");
    }
    const uint64_t max = largest(target->schema->data_size, 0);
    if (errno == ERANGE || value > max || strchr(text, '-') != NULL) {
        (void)snprintf(target->why, target->why_size, "expected 0 to %llu", (unsigned long long)max);
        return CT_ERR_RANGE;
    }
    store_integer(target, value);
    return CT_OK;
}

static int read_bool(const struct target *target, const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            store_integer(target, i % 2);
            return CT_OK;
        }
    }
    return refuse(target, CT_ERR_SYNTAX, "expected true or false");
}

static void list_labels(const struct target *target)
{
    size_t used = (size_t)snprintf(target->why, target->why_size, "expected one of");
    for (uint32_t i = 0; i < target->schema->enumeration.count && used < target->why_size; i++) {
        used += (size_t)snprintf(target->why + used, target->why_size - used, "%s %s", i == 0 ? "" : ",",
                                 target->schema->enumeration.strings[i].str);
    }
}

static int read_enum(const struct target *target, const char *text)
{
    for (uint32_t i = 0; i < target->schema->enumeration.count; i++) {
        if (strcmp(text, target->schema->enumeration.strings[i].str) == 0) {
            store_integer(target, (uint64_t)target->schema->enumeration.strings[i].val);
            return CT_OK;
        }
    }
    list_labels(target);
    return CT_ERR_SYNTAX;
}

static int read_float(const struct target *target, const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0') {
        return refuse(target, CT_ERR_SYNTAX, "expected a number");
    }
    const float narrow = (float)value;
    if (!isfinite(value) || (target->schema->data_size == sizeof(float) && !isfinite(narrow))) {
        return refuse(target, CT_ERR_RANGE, "expected a finite number");
    }
    if (target->data != NULL && target->schema->data_size == sizeof(float)) {
        memcpy(target->data, &narrow, sizeof(narrow));
    } else if (target->data != NULL) {
        memcpy(target->data, &value, sizeof(value));
    }
    return CT_OK;
}

static int store_string(const struct target *target, const char *text, size_t len)
{
    if ((target->schema->flags & CYAML_FLAG_POINTER) == 0) {
        memcpy(target->data, text, len + 1);
        return CT_OK;
    }
    char **slot = target->data;
    char *copy = strdup(text);
    if (copy == NULL) {
        return refuse(target, CT_ERR_NO_MEMORY, "out of memory");
    }
    free(*slot);
    *slot = copy;
    return CT_OK;
}

static int read_string(const struct target *target, const char *text)
{
    const size_t len = strlen(text);
    if (len < target->schema->string.min || len > target->schema->string.max) {
        (void)snprintf(target->why, target->why_size, "expected %u to %u characters", target->schema->string.min,
                       target->schema->string.max);
        return CT_ERR_RANGE;
    }
    return target->data == NULL ? CT_OK : store_string(target, text, len);
}

static int (*const readers[CYAML__TYPE_COUNT])(const struct target *target, const char *text) = {
    [CYAML_INT] = read_int,   [CYAML_UINT] = read_uint,   [CYAML_BOOL] = read_bool,
    [CYAML_ENUM] = read_enum, [CYAML_FLOAT] = read_float, [CYAML_STRING] = read_string,
};

bool ct_config_is_scalar(const cyaml_schema_value_t *schema)
{
    return schema->type < CYAML__TYPE_COUNT && readers[schema->type] != NULL;
}

int ct_config_scalar_read(const cyaml_schema_value_t *schema, const char *text, void *data, char *why, size_t why_size)
{
    const struct target target = {schema, data, why, why_size};
    if (!ct_config_is_scalar(schema)) {
        return refuse(&target, CT_ERR_UNSUPPORTED, "expected a list or a mapping");
    }
    return readers[schema->type](&target, text);
}
