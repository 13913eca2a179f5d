#include "settings.h"

#include "settings_check.h"

#include "config.h"
#include "envelope.h"
#include "log.h"
#include "problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(key, type, member, flags) CYAML_FIELD_STRING_PTR(key, (flags), type, member, 1, CYAML_UNLIMITED)
#define NEEDED                         CYAML_FLAG_DEFAULT
#define MAYBE                          CYAML_FLAG_OPTIONAL

static const cyaml_strval_t role_names[] = {{"director", CT_ROLE_DIRECTOR}, {"release", CT_ROLE_RELEASE}};
static const cyaml_strval_t level_names[] = {
    {"error", CT_LOG_ERROR}, {"warning", CT_LOG_WARNING}, {"info", CT_LOG_INFO}, {"debug", CT_LOG_DEBUG}};

static const cyaml_strval_t receive_names[] = {{"all", CT_RECEIVE_ALL}, {"needed", CT_RECEIVE_NEEDED}};

static const cyaml_schema_value_t file_name_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t bus_fields[] = {
    TEXT("name", struct ct_settings_bus, name, NEEDED),
    TEXT("port", struct ct_settings_bus, port, NEEDED),
    CYAML_FIELD_SEQUENCE("dbc", CYAML_FLAG_POINTER | MAYBE, struct ct_settings_bus, dbc, &file_name_schema, 0, 64),
    TEXT("protection", struct ct_settings_bus, protection, MAYBE),
    CYAML_FIELD_BOOL("fd", MAYBE, struct ct_settings_bus, fd),
    CYAML_FIELD_BOOL("transmit", MAYBE, struct ct_settings_bus, transmit),
    CYAML_FIELD_ENUM("receive", MAYBE | CYAML_FLAG_STRICT, struct ct_settings_bus, receive, receive_names,
                     CYAML_ARRAY_LEN(receive_names)),
    CYAML_FIELD_UINT("bitrate", MAYBE, struct ct_settings_bus, bitrate),
    CYAML_FIELD_UINT("data_bitrate", MAYBE, struct ct_settings_bus, data_bitrate),
    CYAML_FIELD_UINT("send_patience_ms", MAYBE, struct ct_settings_bus, send_patience_ms),
    CYAML_FIELD_UINT("functional_id", MAYBE, struct ct_settings_bus, functional_id),
    CYAML_FIELD_END};
static const cyaml_schema_value_t bus_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_settings_bus, bus_fields)};

static const cyaml_schema_value_t ecu_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_settings_ecu, ct_settings_ecu_fields)};

static const cyaml_schema_field_t link_fields[] = {
    TEXT("endpoint", struct ct_settings_link, endpoint, MAYBE),
    TEXT("server_key", struct ct_settings_link, server_key, MAYBE),
    TEXT("next_server_key", struct ct_settings_link, next_server_key, MAYBE),
    TEXT("key", struct ct_settings_link, key, MAYBE), CYAML_FIELD_END};

static const cyaml_schema_field_t trust_fields[] = {
    CYAML_FIELD_ENUM("role", CYAML_FLAG_STRICT, struct ct_settings_trust, role, role_names,
                     CYAML_ARRAY_LEN(role_names)),
    TEXT("key", struct ct_settings_trust, key, NEEDED), CYAML_FIELD_END};
static const cyaml_schema_value_t trust_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_settings_trust, trust_fields)};

static const cyaml_schema_field_t state_fields[] = {
    TEXT("speed", struct ct_settings_state, speed, MAYBE), TEXT("ignition", struct ct_settings_state, ignition, MAYBE),
    TEXT("gear", struct ct_settings_state, gear, MAYBE), TEXT("voltage", struct ct_settings_state, voltage, MAYBE),
    CYAML_FIELD_END};

static const cyaml_schema_field_t outbox_fields[] = {
    CYAML_FIELD_UINT("quota_mib", MAYBE, struct ct_settings_outbox, quota_mib),
    CYAML_FIELD_UINT("commit_ms", MAYBE, struct ct_settings_outbox, commit_ms), CYAML_FIELD_END};

static const cyaml_schema_field_t line_fields[] = {
    TEXT("line", struct ct_settings_line, line, NEEDED),
    CYAML_FIELD_BOOL("active_low", MAYBE, struct ct_settings_line, active_low), CYAML_FIELD_END};

#define LINE(key) CYAML_FIELD_MAPPING(#key, MAYBE, struct ct_settings_gpio, key, line_fields)
static const cyaml_schema_field_t gpio_fields[] = {
    TEXT("chip", struct ct_settings_gpio, chip, NEEDED),
    LINE(ignition),
    LINE(wake),
    LINE(transceiver),
    LINE(led),
    LINE(watchdog),
    CYAML_FIELD_UINT("debounce_ms", MAYBE, struct ct_settings_gpio, debounce_ms),
    CYAML_FIELD_UINT("quiet_ms", MAYBE, struct ct_settings_gpio, quiet_ms),
    CYAML_FIELD_UINT("polling_ms", MAYBE, struct ct_settings_gpio, polling_ms),
    CYAML_FIELD_UINT("after_run_ms", MAYBE, struct ct_settings_gpio, after_run_ms),
    CYAML_FIELD_UINT("watchdog_ms", MAYBE, struct ct_settings_gpio, watchdog_ms),
    CYAML_FIELD_UINT("stuck_ms", MAYBE, struct ct_settings_gpio, stuck_ms),
    CYAML_FIELD_END};
#undef LINE

static const cyaml_schema_field_t diagnostics_fields[] = {
    TEXT("bus", struct ct_settings_diagnostics, bus, NEEDED),
    CYAML_FIELD_UINT("request_id", NEEDED, struct ct_settings_diagnostics, request_id),
    CYAML_FIELD_UINT("response_id", NEEDED, struct ct_settings_diagnostics, response_id),
    CYAML_FIELD_UINT("functional_id", MAYBE, struct ct_settings_diagnostics, functional_id),
    CYAML_FIELD_BOOL("fd", MAYBE, struct ct_settings_diagnostics, fd),
    CYAML_FIELD_END};

static const cyaml_schema_field_t reads_fields[] = {
    CYAML_FIELD_UINT("interval_s", MAYBE, struct ct_settings_reads, interval_s),
    CYAML_FIELD_BOOL("on_ignition", MAYBE, struct ct_settings_reads, on_ignition),
    CYAML_FIELD_BOOL("on_new_dtc", MAYBE, struct ct_settings_reads, on_new_dtc),
    CYAML_FIELD_UINT("pause_s", MAYBE, struct ct_settings_reads, pause_s),
    TEXT("warning", struct ct_settings_reads, warning, MAYBE),
    CYAML_FIELD_END};

static const cyaml_schema_field_t top_fields[] = {
    TEXT("vehicle_id", struct ct_settings, vehicle_id, NEEDED),
    CYAML_FIELD_SEQUENCE("buses", CYAML_FLAG_POINTER, struct ct_settings, buses, &bus_schema, 1, CT_GATEWAY_BUSES_MAX),
    TEXT("mapping", struct ct_settings, mapping, MAYBE),
    TEXT("collection", struct ct_settings, collection, MAYBE),
    TEXT("policy", struct ct_settings, policy, MAYBE),
    TEXT("routes", struct ct_settings, routes, MAYBE),
    CYAML_FIELD_SEQUENCE("ecus", CYAML_FLAG_POINTER | MAYBE, struct ct_settings, ecus, &ecu_schema, 0,
                         CT_GATEWAY_ECUS_MAX),
    CYAML_FIELD_MAPPING("diagnostics", MAYBE, struct ct_settings, diagnostics, diagnostics_fields),
    CYAML_FIELD_MAPPING("link", MAYBE, struct ct_settings, link, link_fields),
    CYAML_FIELD_SEQUENCE("trust", CYAML_FLAG_POINTER | MAYBE, struct ct_settings, trust, &trust_schema, 0, 16),
    CYAML_FIELD_MAPPING("vehicle_state", MAYBE, struct ct_settings, vehicle_state, state_fields),
    TEXT("state_dir", struct ct_settings, state_dir, NEEDED),
    CYAML_FIELD_MAPPING("outbox", MAYBE, struct ct_settings, outbox, outbox_fields),
    CYAML_FIELD_MAPPING("gpio", MAYBE, struct ct_settings, gpio, gpio_fields),
    CYAML_FIELD_MAPPING("doip", MAYBE, struct ct_settings, doip, ct_settings_doip_fields),
    CYAML_FIELD_MAPPING("dtc_reads", MAYBE, struct ct_settings, dtc_reads, reads_fields),
    CYAML_FIELD_UINT("coalesce_us", MAYBE, struct ct_settings, coalesce_us),
    TEXT("status_socket", struct ct_settings, status_socket, MAYBE),
    CYAML_FIELD_ENUM("log_level", MAYBE | CYAML_FLAG_STRICT, struct ct_settings, log_level, level_names,
                     CYAML_ARRAY_LEN(level_names)),
    CYAML_FIELD_END};
static const cyaml_schema_value_t top_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ct_settings, top_fields)};

/* ---- paths */

/* `*path` seen from the folder of the configuration file. */
static int make_whole(char **path, const char *config_path)
{
    if (*path == NULL || (*path)[0] == '/') {
        return CT_OK;
    }
    const char *slash = strrchr(config_path, '/');
    if (slash == NULL) {
        return CT_OK;
    }
    const size_t folder_len = (size_t)(slash - config_path) + 1;
    const size_t size = strlen(*path) + folder_len + 1;
    char *whole = malloc(size);
    if (whole == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    snprintf(whole, size, "%.*s%s", (int)folder_len, config_path, *path);
    free(*path);
    *path = whole;
    return CT_OK;
}

static int make_all_whole(struct ct_settings *settings, const char *config_path)
{
    char **const plain[] = {&settings->mapping,         &settings->collection,
                            &settings->policy,          &settings->routes,
                            &settings->link.server_key, &settings->link.next_server_key,
                            &settings->link.key,        &settings->state_dir,
                            &settings->status_socket,   &settings->doip.tls.certificate,
                            &settings->doip.tls.key,    &settings->doip.tls.client_ca};
    int err = CT_OK;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0] && err == CT_OK; i++) {
        err = make_whole(plain[i], config_path);
    }
    for (unsigned i = 0; i < settings->trust_count && err == CT_OK; i++) {
        err = make_whole(&settings->trust[i].key, config_path);
    }
    for (unsigned i = 0; i < settings->buses_count && err == CT_OK; i++) {
        struct ct_settings_bus *bus = &settings->buses[i];
        for (unsigned k = 0; k < bus->dbc_count && err == CT_OK; k++) {
            err = make_whole(&bus->dbc[k], config_path);
        }
        err = err == CT_OK ? make_whole(&bus->protection, config_path) : err;
    }
    return err;
}

/* ---- defaults */

static void fill(uint32_t *value, uint32_t standard)
{
    *value = *value != 0 ? *value : standard;
}

static void fill_defaults(struct ct_settings *settings)
{
    fill(&settings->outbox.quota_mib, 64);
    fill(&settings->outbox.commit_ms, 100);
    fill(&settings->coalesce_us, 500);
    fill(&settings->dtc_reads.pause_s, 60);
    fill(&settings->gpio.debounce_ms, 50);
    fill(&settings->gpio.quiet_ms, 5000);
    fill(&settings->gpio.polling_ms, 30000);
    fill(&settings->gpio.after_run_ms, 300000);
    fill(&settings->gpio.watchdog_ms, 500);
    fill(&settings->gpio.stuck_ms, 10000);
    ct_settings_doip_defaults(&settings->doip);
    if (settings->log_level == 0) {
        settings->log_level = CT_LOG_INFO;
    }
}

static int apply(struct ct_settings *settings, const struct ct_override *overrides, size_t count, char *problem,
                 size_t size)
{
    int first = CT_OK;
    for (size_t i = 0; i < count && (first == CT_OK || ct_problems_all(size)); i++) {
        const int err = ct_config_set(settings, &top_schema, overrides[i].key, overrides[i].value, problem, size);
        first = first == CT_OK ? err : first;
    }
    return first;
}

static int finish(struct ct_settings *settings, const char *path, bool whole, char *problem, size_t problem_size)
{
    fill_defaults(settings);
    return ct_settings_check(path, whole, settings, problem, problem_size);
}

int ct_settings_load(const char *path, const struct ct_override *overrides, size_t override_count,
                     struct ct_settings **out_settings, enum ct_exit *out_exit, char *problem, size_t problem_size)
{
    const bool all = ct_problems_all(problem_size);
    void *loaded = NULL;
    *out_exit = CT_EXIT_USAGE;
    int err = ct_config_load(path, &top_schema, &loaded, problem, problem_size);
    if (err != CT_OK && all && ct_config_load_rest(path, &top_schema, &loaded) != CT_OK) {
        loaded = NULL;
    }
    if (err != CT_OK && loaded == NULL) {
        const bool unreadable = err == CT_ERR_NOT_FOUND || err == CT_ERR_PERMISSION || err == CT_ERR_IO;
        *out_exit = unreadable && strstr(problem, "key '") == NULL ? CT_EXIT_ENVIRONMENT : CT_EXIT_USAGE;
        return err;
    }
    struct ct_settings *settings = loaded;
    int more = make_all_whole(settings, path);
    if (more != CT_OK) {
        ct_problems_add(problem, problem_size, "%s: error: %s", path, ct_err_text(more));
    } else {
        more = apply(settings, overrides, override_count, problem, problem_size);
    }
    if (more == CT_OK || all) {
        const int last = finish(settings, path, err == CT_OK, problem, problem_size);
        more = more == CT_OK ? last : more;
    }
    err = err == CT_OK ? more : err;
    if (err != CT_OK && !all) {
        ct_settings_free(settings);
        return err;
    }
    *out_settings = settings;
    return err;
}

void ct_settings_free(struct ct_settings *settings)
{
    if (settings != NULL) {
        ct_config_free(&top_schema, settings);
    }
}

/* ---- reload */

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_buses(const struct ct_settings *a, const struct ct_settings *b)
{
    if (a->buses_count != b->buses_count) {
        return false;
    }
    for (unsigned i = 0; i < a->buses_count; i++) {
        const struct ct_settings_bus *x = &a->buses[i];
        const struct ct_settings_bus *y = &b->buses[i];
        if (!same(x->name, y->name) || !same(x->port, y->port) || x->fd != y->fd || x->transmit != y->transmit ||
            x->receive != y->receive || x->bitrate != y->bitrate || x->data_bitrate != y->data_bitrate ||
            x->send_patience_ms != y->send_patience_ms || x->functional_id != y->functional_id) {
            return false;
        }
    }
    return true;
}

static bool same_ecus(const struct ct_settings *a, const struct ct_settings *b)
{
    if (a->ecus_count != b->ecus_count) {
        return false;
    }
    for (unsigned i = 0; i < a->ecus_count; i++) {
        if (!ct_settings_ecu_same(&a->ecus[i], &b->ecus[i])) {
            return false;
        }
    }
    return true;
}

static bool same_diagnostics(const struct ct_settings_diagnostics *a, const struct ct_settings_diagnostics *b)
{
    return same(a->bus, b->bus) && a->request_id == b->request_id && a->response_id == b->response_id &&
           a->functional_id == b->functional_id && a->fd == b->fd;
}

static bool same_trust(const struct ct_settings *a, const struct ct_settings *b)
{
    if (a->trust_count != b->trust_count) {
        return false;
    }
    for (unsigned i = 0; i < a->trust_count; i++) {
        if (a->trust[i].role != b->trust[i].role || !same(a->trust[i].key, b->trust[i].key)) {
            return false;
        }
    }
    return true;
}

static bool same_line(const struct ct_settings_line *a, const struct ct_settings_line *b)
{
    return same(a->line, b->line) && a->active_low == b->active_low;
}

static bool same_gpio(const struct ct_settings_gpio *a, const struct ct_settings_gpio *b)
{
    return same(a->chip, b->chip) && same_line(&a->ignition, &b->ignition) && same_line(&a->wake, &b->wake) &&
           same_line(&a->transceiver, &b->transceiver) && same_line(&a->led, &b->led) &&
           same_line(&a->watchdog, &b->watchdog) && a->debounce_ms == b->debounce_ms && a->quiet_ms == b->quiet_ms &&
           a->polling_ms == b->polling_ms && a->after_run_ms == b->after_run_ms && a->watchdog_ms == b->watchdog_ms &&
           a->stuck_ms == b->stuck_ms;
}

const char *ct_settings_fixed_difference(const struct ct_settings *running, const struct ct_settings *loaded)
{
    const struct {
        const char *key;
        bool same;
    } rows[] = {
        {"vehicle_id", same(running->vehicle_id, loaded->vehicle_id)},
        {"buses", same_buses(running, loaded)},
        {"ecus", same_ecus(running, loaded)},
        {"diagnostics", same_diagnostics(&running->diagnostics, &loaded->diagnostics)},
        {"link", same(running->link.endpoint, loaded->link.endpoint) && same(running->link.key, loaded->link.key) &&
                     same(running->link.server_key, loaded->link.server_key) &&
                     same(running->link.next_server_key, loaded->link.next_server_key)},
        {"trust", same_trust(running, loaded)},
        {"state_dir", same(running->state_dir, loaded->state_dir)},
        {"outbox", running->outbox.quota_mib == loaded->outbox.quota_mib &&
                       running->outbox.commit_ms == loaded->outbox.commit_ms},
        {"gpio", same_gpio(&running->gpio, &loaded->gpio)},
        {"doip", ct_settings_doip_same(&running->doip, &loaded->doip)},
        {"status_socket", same(running->status_socket, loaded->status_socket)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].same) {
            return rows[i].key;
        }
    }
    return NULL;
}
