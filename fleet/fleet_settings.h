/* cantwin-fleet's configuration: YAML file, defaults, `--key value` overrides. Paths come back resolved: those of the
 * file against its folder, those of the command line against the working directory. */
#ifndef CT_FLEET_SETTINGS_H
#define CT_FLEET_SETTINGS_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_fleet_link_settings {
    char *endpoint; /* for vehicles */
    char *key;      /* base of the CURVE key files, without .pub and .key */
    char *peers;
};

struct ct_fleet_publish_settings {
    char *endpoint; /* for subscribers */
};

struct ct_fleet_http_settings {
    char *address;
    uint16_t port;
    char *tokens;                    /* who may use the API; NULL: only loopback, and whoever is there */
    char *tls_certificate, *tls_key; /* PEM files; NULL: no TLS */
    char *allow_origin;              /* of pages elsewhere; NULL: none */
};

struct ct_fleet_alerts_settings {
    char *webhook; /* URL that is told of alerts; NULL: none */
};

/* Days; 0: for ever. */
struct ct_fleet_retention_settings {
    uint16_t history_days, events_days, commands_days, audit_days;
};

struct ct_fleet_settings {
    struct ct_fleet_link_settings link;
    struct ct_fleet_publish_settings publish;
    struct ct_fleet_http_settings http;
    struct ct_fleet_retention_settings retention;
    struct ct_fleet_alerts_settings alerts;
    char *director_key;
    char *state_dir;
    int log_level; /* enum ct_log_level */
};

/* CT_ERR_ARGUMENT: wrong command line; others: the file. `problem` gets one line. */
int ct_fleet_settings_load(const char *path, int argc, char **argv, struct ct_fleet_settings **out_settings,
                           char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_fleet_settings_free(struct ct_fleet_settings *settings); /* accepts NULL */

#endif
