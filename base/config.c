#include "config.h"

#include "config_check.h"
#include "config_scalar.h"
#include "files.h"
#include "problems.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE_MAX (4U << 20)

/* The first error line that cyaml logs; kept for the rare case that the check before it let something pass. */
struct first_error {
    char text[160];
};

static void keep_first_error(cyaml_log_t level, void *ctx, const char *format, va_list args) CT_PRINTF(3, 0);

static void keep_first_error(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct first_error *error = ctx;
    if (level >= CYAML_LOG_ERROR && error->text[0] == '\0') {
        (void)vsnprintf(error->text, sizeof(error->text), format, args);
        error->text[strcspn(error->text, "\n")] = '\0';
    }
}

static cyaml_config_t make_settings(struct first_error *error)
{
    return (cyaml_config_t){
        .log_fn = keep_first_error, .log_ctx = error, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
}

int ct_config_load_text(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema,
                        void **out_config, char *problem, size_t problem_size)
{
    const int err = ct_config_check(name, text, len, schema, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct first_error error = {{0}};
    const cyaml_config_t settings = make_settings(&error);
    void *config = NULL;
    ct_problems_begin(problem, problem_size);
    const cyaml_err_t result = cyaml_load_data((const uint8_t *)text, len, &settings, schema, &config, NULL);
    if (result != CYAML_OK || config == NULL) {
        ct_problems_add(problem, problem_size, "%s:1:1: error: %s", name,
                        error.text[0] == '\0' ? cyaml_strerror(result) : error.text);
        return result == CYAML_ERR_OOM ? CT_ERR_NO_MEMORY : CT_ERR_SYNTAX;
    }
    *out_config = config;
    return CT_OK;
}

int ct_config_load(const char *path, const cyaml_schema_value_t *schema, void **out_config, char *problem,
                   size_t problem_size)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int err = ct_file_read(path, CONFIG_FILE_MAX, &data, &len);
    if (err != CT_OK) {
        ct_problems_begin(problem, problem_size);
        ct_problems_add(problem, problem_size, "%s: error: cannot be read: %s; name a readable configuration file",
                        path, ct_err_text(err));
        return err;
    }
    err = ct_config_load_text(path, (const char *)data, len, schema, out_config, problem, problem_size);
    free(data);
    return err;
}

int ct_config_load_rest(const char *path, const cyaml_schema_value_t *schema, void **out_config)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct ct_buf rest;
    char problem[256];
    int err = ct_file_read(path, CONFIG_FILE_MAX, &data, &len);
    if (err != CT_OK) {
        return err;
    }
    ct_buf_init(&rest, 2 * CONFIG_FILE_MAX);
    err = ct_config_prune((const char *)data, len, schema, &rest);
    free(data);
    if (err == CT_OK) {
        err = ct_config_load_text(path, (const char *)rest.data, rest.len, schema, out_config, problem, sizeof problem);
    }
    ct_buf_free(&rest);
    return err;
}

void ct_config_free(const cyaml_schema_value_t *schema, void *config)
{
    struct first_error error = {{0}};
    const cyaml_config_t settings = make_settings(&error);
    if (config != NULL) {
        (void)cyaml_free(&settings, schema, config, 0);
    }
}

/* Where a dotted key leads: the value's schema and its memory. */
struct place {
    const cyaml_schema_value_t *schema;
    uint8_t *data;
};

/* Values behind a pointer get zeroed memory where they have none yet; strings are handled by their reader. */
static int follow_pointer(struct place *place)
{
    if ((place->schema->flags & CYAML_FLAG_POINTER) == 0 || place->schema->type == CYAML_STRING) {
        return CT_OK;
    }
    void **slot = (void **)(void *)place->data;
    if (*slot == NULL) {
        *slot = calloc(1, place->schema->data_size);
    }
    place->data = *slot;
    return *slot == NULL ? CT_ERR_NO_MEMORY : CT_OK;
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_value_t *schema, const char *key, size_t len)
{
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key != NULL; field++) {
        if (strncmp(field->key, key, len) == 0 && field->key[len] == '\0') {
            return field;
        }
    }
    return NULL;
}

/* Only the schema is walked, so that a wrong key leaves the configuration as it was. */
static int find_key(const cyaml_schema_value_t *schema, const char *key, char *problem, size_t problem_size)
{
    const char *part = key;
    while (schema->type == CYAML_MAPPING && *part != '\0') {
        const size_t len = strcspn(part, ".");
        const cyaml_schema_field_t *field = find_field(schema, part, len);
        if (field == NULL) {
            char keys[512];
            ct_config_key_list(schema->mapping.fields, keys, sizeof(keys));
            ct_problems_add(problem, problem_size, "--%s: error: unknown key '%.*s'; known keys%s%.*s: %s", key,
                            (int)len, part, part == key ? "" : " in ", part == key ? 0 : (int)(part - key) - 1, key,
                            keys);
            return CT_ERR_NOT_FOUND;
        }
        schema = &field->value;
        part += len;
        part += *part == '.';
    }
    if (*part != '\0' || !ct_config_is_scalar(schema)) {
        ct_problems_add(problem, problem_size, "--%s: error: not a single value; set it in the configuration file",
                        key);
        return CT_ERR_NOT_FOUND;
    }
    return CT_OK;
}

static int walk(struct place *place, const char *key)
{
    int err = CT_OK;
    while (err == CT_OK && place->schema->type == CYAML_MAPPING) {
        const size_t len = strcspn(key, ".");
        const cyaml_schema_field_t *field = find_field(place->schema, key, len);
        if (field == NULL) {
            return CT_ERR_NOT_FOUND;
        }
        *place = (struct place){&field->value, place->data + field->data_offset};
        err = follow_pointer(place);
        key += len;
        key += *key == '.';
    }
    return err;
}

int ct_config_set(void *config, const cyaml_schema_value_t *schema, const char *key, const char *value, char *problem,
                  size_t problem_size)
{
    ct_problems_begin(problem, problem_size);
    int err = find_key(schema, key, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct place place = {schema, config};
    err = walk(&place, key);
    if (err != CT_OK) {
        ct_problems_add(problem, problem_size, "--%s: error: %s", key, ct_err_text(err));
        return err;
    }
    char why[256];
    err = ct_config_scalar_read(place.schema, value, place.data, why, sizeof(why));
    if (err != CT_OK) {
        ct_problems_add(problem, problem_size, "--%s: error: cannot be '%.64s': %s", key, value, why);
    }
    return err;
}
