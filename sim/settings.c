#include "settings.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cyaml_schema_field_t bus_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct ct_sim_bus_settings, name, 1, 31),
    CYAML_FIELD_STRING_PTR("port", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ct_sim_bus_settings, port, 1, 512),
    CYAML_FIELD_STRING_PTR("dbc", CYAML_FLAG_POINTER, struct ct_sim_bus_settings, dbc, 1, 4096),
    CYAML_FIELD_STRING_PTR("protection", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ct_sim_bus_settings,
                           protection, 1, 4096),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t bus_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_sim_bus_settings, bus_fields)};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_SEQUENCE("buses", CYAML_FLAG_POINTER, struct ct_sim_settings, buses, &bus_value, 1, 8),
    CYAML_FIELD_UINT("seed", CYAML_FLAG_OPTIONAL, struct ct_sim_settings, seed),
    CYAML_FIELD_STRING_PTR("record", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ct_sim_settings, record, 1, 4096),
    CYAML_FIELD_STRING_PTR("state_dir", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ct_sim_settings, state_dir, 1,
                           4096),
    CYAML_FIELD_FLOAT("duration_s", CYAML_FLAG_OPTIONAL, struct ct_sim_settings, duration_s),
    CYAML_FIELD_BOOL("parked", CYAML_FLAG_OPTIONAL, struct ct_sim_settings, parked),
    CYAML_FIELD_BOOL("step", CYAML_FLAG_OPTIONAL, struct ct_sim_settings, step),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ct_sim_settings, fields)};

/* Replaces a relative *path by the one it means when it stands in `config`. */
static int resolve(const char *config, char **path)
{
    const char *slash = strrchr(config, '/');
    if (*path == NULL || (*path)[0] == '/' || slash == NULL) {
        return CT_OK;
    }
    const size_t size = (size_t)(slash - config) + strlen(*path) + 2;
    char *full = malloc(size);
    if (full == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)snprintf(full, size, "%.*s/%s", (int)(slash - config), config, *path);
    free(*path);
    *path = full;
    return CT_OK;
}

static int resolve_all(const char *config, struct ct_sim_settings *settings)
{
    int err = resolve(config, &settings->record);
    err = err == CT_OK ? resolve(config, &settings->state_dir) : err;
    for (uint32_t i = 0; i < settings->buses_count && err == CT_OK; i++) {
        err = resolve(config, &settings->buses[i].dbc);
        err = err == CT_OK ? resolve(config, &settings->buses[i].protection) : err;
    }
    return err;
}

static int apply(struct ct_sim_settings *settings, int argc, char **argv, char *problem, size_t problem_size)
{
    for (int i = 0; i < argc; i++) {
        const char *key = argv[i];
        if (strncmp(key, "--", 2) != 0) {
            (void)snprintf(problem, problem_size, "error: '%s' is no option; see --help", key);
            return CT_ERR_ARGUMENT;
        }
        const char *value = i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0 ? argv[++i] : NULL;
        if (value == NULL && strcmp(key, "--step") != 0 && strcmp(key, "--parked") != 0) {
            (void)snprintf(problem, problem_size, "%s: error: needs a value", key);
            return CT_ERR_ARGUMENT;
        }
        if (ct_config_set(settings, &schema, key + 2, value != NULL ? value : "true", problem, problem_size) != CT_OK) {
            return CT_ERR_ARGUMENT;
        }
    }
    return CT_OK;
}

static int check(const struct ct_sim_settings *settings, char *problem, size_t problem_size)
{
    if (settings->step && settings->duration_s <= 0) {
        (void)snprintf(problem, problem_size,
                       "--step: error: runs without a clock and would never end; add "
                       "--duration_s SECONDS");
        return CT_ERR_ARGUMENT;
    }
    return CT_OK;
}

int ct_sim_settings_load(const char *path, int argc, char **argv, struct ct_sim_settings **out_settings, char *problem,
                         size_t problem_size)
{
    void *loaded = NULL;
    int err = ct_config_load(path, &schema, &loaded, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sim_settings *settings = loaded;
    err = resolve_all(path, settings);
    err = err != CT_OK ? err : apply(settings, argc, argv, problem, problem_size);
    err = err != CT_OK ? err : check(settings, problem, problem_size);
    if (err != CT_OK) {
        ct_sim_settings_free(settings);
        return err;
    }
    *out_settings = settings;
    return CT_OK;
}

void ct_sim_settings_free(struct ct_sim_settings *settings)
{
    ct_config_free(&schema, settings);
}
