#include "fleet_settings.h"

#include "config.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT   (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define NEEDED CYAML_FLAG_POINTER

static const cyaml_strval_t levels[] = {
    {"error", CT_LOG_ERROR}, {"warning", CT_LOG_WARNING}, {"info", CT_LOG_INFO}, {"debug", CT_LOG_DEBUG}};

static const cyaml_schema_field_t link_fields[] = {
    CYAML_FIELD_STRING_PTR("endpoint", TEXT, struct ct_fleet_link_settings, endpoint, 1, 256),
    CYAML_FIELD_STRING_PTR("key", NEEDED, struct ct_fleet_link_settings, key, 1, 4096),
    CYAML_FIELD_STRING_PTR("peers", NEEDED, struct ct_fleet_link_settings, peers, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t publish_fields[] = {
    CYAML_FIELD_STRING_PTR("endpoint", TEXT, struct ct_fleet_publish_settings, endpoint, 1, 256),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t http_fields[] = {
    CYAML_FIELD_STRING_PTR("address", TEXT, struct ct_fleet_http_settings, address, 1, 64),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct ct_fleet_http_settings, port),
    CYAML_FIELD_STRING_PTR("tokens", TEXT, struct ct_fleet_http_settings, tokens, 1, 4096),
    CYAML_FIELD_STRING_PTR("tls_certificate", TEXT, struct ct_fleet_http_settings, tls_certificate, 1, 4096),
    CYAML_FIELD_STRING_PTR("tls_key", TEXT, struct ct_fleet_http_settings, tls_key, 1, 4096),
    CYAML_FIELD_STRING_PTR("allow_origin", TEXT, struct ct_fleet_http_settings, allow_origin, 1, 256),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t alerts_fields[] = {
    CYAML_FIELD_STRING_PTR("webhook", TEXT, struct ct_fleet_alerts_settings, webhook, 1, 2048),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t retention_fields[] = {
    CYAML_FIELD_UINT("history_days", CYAML_FLAG_OPTIONAL, struct ct_fleet_retention_settings, history_days),
    CYAML_FIELD_UINT("events_days", CYAML_FLAG_OPTIONAL, struct ct_fleet_retention_settings, events_days),
    CYAML_FIELD_UINT("commands_days", CYAML_FLAG_OPTIONAL, struct ct_fleet_retention_settings, commands_days),
    CYAML_FIELD_UINT("audit_days", CYAML_FLAG_OPTIONAL, struct ct_fleet_retention_settings, audit_days),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_MAPPING("link", CYAML_FLAG_DEFAULT, struct ct_fleet_settings, link, link_fields),
    CYAML_FIELD_MAPPING("publish", CYAML_FLAG_OPTIONAL, struct ct_fleet_settings, publish, publish_fields),
    CYAML_FIELD_MAPPING("http", CYAML_FLAG_OPTIONAL, struct ct_fleet_settings, http, http_fields),
    CYAML_FIELD_MAPPING("alerts", CYAML_FLAG_OPTIONAL, struct ct_fleet_settings, alerts, alerts_fields),
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct ct_fleet_settings, retention, retention_fields),
    CYAML_FIELD_STRING_PTR("director_key", NEEDED, struct ct_fleet_settings, director_key, 1, 4096),
    CYAML_FIELD_STRING_PTR("state_dir", NEEDED, struct ct_fleet_settings, state_dir, 1, 4096),
    CYAML_FIELD_ENUM("log_level", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct ct_fleet_settings, log_level, levels,
                     4),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ct_fleet_settings, fields)};

/* Replaces a relative *path by the one it means when it stands in `config`. */
static int resolve(const char *config, char **path)
{
    const char *slash = strrchr(config, '/');
    if ((*path)[0] == '/' || slash == NULL) {
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

static int set_default(char **text, const char *value)
{
    if (*text == NULL) {
        *text = strdup(value);
    }
    return *text == NULL ? CT_ERR_NO_MEMORY : CT_OK;
}

static int complete(const char *config, struct ct_fleet_settings *settings)
{
    char **const paths[] = {&settings->link.key,    &settings->link.peers,  &settings->director_key,
                            &settings->state_dir,   &settings->http.tokens, &settings->http.tls_certificate,
                            &settings->http.tls_key};
    int err = CT_OK;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && err == CT_OK; i++) {
        err = *paths[i] == NULL ? CT_OK : resolve(config, paths[i]);
    }
    settings->http.port = settings->http.port == 0 ? 17680 : settings->http.port;
    settings->log_level = settings->log_level == 0 ? CT_LOG_INFO : settings->log_level;
    err = err == CT_OK ? set_default(&settings->link.endpoint, "tcp://127.0.0.1:17601") : err;
    err = err == CT_OK ? set_default(&settings->publish.endpoint, "tcp://127.0.0.1:17602") : err;
    return err == CT_OK ? set_default(&settings->http.address, "127.0.0.1") : err;
}

static int apply(struct ct_fleet_settings *settings, int argc, char **argv, char *problem, size_t problem_size)
{
    for (int i = 0; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0) {
            (void)snprintf(problem, problem_size, "error: '%s' is no option; see --help", argv[i]);
            return CT_ERR_ARGUMENT;
        }
        if (i + 1 == argc) {
            (void)snprintf(problem, problem_size, "%s: error: needs a value", argv[i]);
            return CT_ERR_ARGUMENT;
        }
        if (ct_config_set(settings, &schema, argv[i] + 2, argv[i + 1], problem, problem_size) != CT_OK) {
            return CT_ERR_ARGUMENT;
        }
    }
    return CT_OK;
}

int ct_fleet_settings_load(const char *path, int argc, char **argv, struct ct_fleet_settings **out_settings,
                           char *problem, size_t problem_size)
{
    void *loaded = NULL;
    int err = ct_config_load(path, &schema, &loaded, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct ct_fleet_settings *settings = loaded;
    err = complete(path, settings);
    err = err == CT_OK ? apply(settings, argc, argv, problem, problem_size) : err;
    if (err != CT_OK) {
        ct_fleet_settings_free(settings);
        return err;
    }
    *out_settings = settings;
    return CT_OK;
}

void ct_fleet_settings_free(struct ct_fleet_settings *settings)
{
    ct_config_free(&schema, settings);
}
