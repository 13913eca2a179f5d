#include "load.h"

#include "bus_entries.h"
#include "collect_file.h"
#include "files.h"
#include "load_ids.h"
#include "policy_file.h"
#include "power_entries.h"
#include "problems.h"
#include "protection_file.h"
#include "routes_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DBC_FILE_MAX     (64U * 1024U * 1024U)
#define MAPPING_FILE_MAX (16U * 1024U * 1024U)
#define ONE_PROBLEM      900

struct problem {
    char *text;
    size_t size;
    enum ct_exit *exit;
};

/* Keeps the first error; true when there is more to look at: after an error only where all problems are wanted. */
static bool goes_on(const struct problem *p, int *first, int err)
{
    *first = *first == CT_OK ? err : *first;
    return *first == CT_OK || ct_problems_all(p->size);
}

static int unreadable(const char *what, const char *path, int err, const struct problem *p)
{
    ct_problems_add(p->text, p->size, "%s: error: the %s cannot be read: %s", path, what, ct_err_text(err));
    *p->exit = CT_EXIT_ENVIRONMENT;
    return err;
}

/* ---- databases */

struct dbc_errors {
    const struct problem *p;
    bool found;
};

static void take_error(void *user, const struct ct_dbc_problem *problem)
{
    struct dbc_errors *errors = user;
    if (problem->severity == CT_DBC_ERROR) {
        errors->found = true;
        ct_problems_add(errors->p->text, errors->p->size, "%s:%u:%u: error: %s", problem->file, problem->line,
                        problem->column, problem->text);
    }
}

static int load_dbc(const char *path, struct ct_dbc **out_dbc, const struct problem *p)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, DBC_FILE_MAX, &text, &len);
    if (err != CT_OK) {
        return unreadable("DBC file", path, err, p);
    }
    struct dbc_errors errors = {p, false};
    struct ct_dbc *dbc = NULL;
    err = ct_dbc_parse(path, (const char *)text, len, take_error, &errors, &dbc);
    free(text);
    if (err != CT_OK && !errors.found) {
        ct_problems_add(p->text, p->size, "%s: error: the DBC file cannot be used: %s", path, ct_err_text(err));
    }
    if (err != CT_OK) {
        ct_dbc_free(dbc);
        return err;
    }
    *out_dbc = dbc;
    return CT_OK;
}

#define OWN_BUSES 2 /* of bus_entries.h and, where there is a power state, of power_entries.h */

/* The buses of the configuration, then those of the gateway's own entries, which have no protection. */
struct databases {
    struct ct_dbc *all[CT_GATEWAY_BUSES_MAX + OWN_BUSES][64];
    size_t counts[CT_GATEWAY_BUSES_MAX + OWN_BUSES];
    struct ct_protect *protect[CT_GATEWAY_BUSES_MAX + OWN_BUSES];
};

static void free_databases(struct databases *databases)
{
    for (size_t b = 0; b < CT_GATEWAY_BUSES_MAX + OWN_BUSES; b++) {
        ct_protect_free(databases->protect[b]);
        for (size_t d = 0; d < databases->counts[b]; d++) {
            ct_dbc_free(databases->all[b][d]);
        }
    }
}

static int load_databases(const struct ct_settings *settings, struct databases *databases, const struct problem *p)
{
    int first = CT_OK;
    for (unsigned b = 0; b < settings->buses_count; b++) {
        for (unsigned d = 0; goes_on(p, &first, CT_OK) && d < settings->buses[b].dbc_count; d++) {
            const int err = load_dbc(settings->buses[b].dbc[d], &databases->all[b][databases->counts[b]], p);
            databases->counts[b] += err == CT_OK ? 1 : 0;
            (void)goes_on(p, &first, err);
        }
    }
    return first;
}

static int make_bus_entries(const struct ct_settings *settings, struct databases *databases)
{
    const char *names[CT_GATEWAY_BUSES_MAX] = {0};
    for (unsigned b = 0; b < settings->buses_count; b++) {
        names[b] = settings->buses[b].name;
    }
    const int err = ct_bus_entries_create(names, settings->buses_count, databases->all[settings->buses_count]);
    databases->counts[settings->buses_count] = err == CT_OK ? CT_BUS_ENTRIES_KINDS : 0;
    return err;
}

static int make_power_entries(const struct ct_settings *settings, struct databases *databases)
{
    if (settings->gpio.chip == NULL) {
        return CT_OK;
    }
    const int err = ct_power_entries_create(&databases->all[settings->buses_count + 1][0]);
    databases->counts[settings->buses_count + 1] = err == CT_OK ? 1 : 0;
    return err;
}

/* A file that is not there or not readable is the environment's fault. */
static int read_or_not(const struct problem *p, int err)
{
    if (err == CT_ERR_NOT_FOUND || err == CT_ERR_IO || err == CT_ERR_PERMISSION) {
        *p->exit = CT_EXIT_ENVIRONMENT;
    }
    return err;
}

static int load_protection(const struct ct_settings *settings, struct databases *databases, const struct problem *p)
{
    int first = CT_OK;
    for (unsigned b = 0; goes_on(p, &first, CT_OK) && b < settings->buses_count; b++) {
        const struct ct_dbc *dbcs[64];
        if (databases->counts[b] < settings->buses[b].dbc_count) {
            continue; /* its messages would be missing */
        }
        for (size_t d = 0; d < databases->counts[b]; d++) {
            dbcs[d] = databases->all[b][d];
        }
        const int err = ct_protection_load(settings->buses[b].protection, dbcs, databases->counts[b],
                                           &databases->protect[b], p->text, p->size);
        (void)goes_on(p, &first, read_or_not(p, err));
    }
    return first;
}

/* ---- mapping and binding */

static int load_mapping(const char *path, struct ct_mapping **out_mapping, const struct problem *p)
{
    if (path == NULL) {
        return CT_OK;
    }
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, MAPPING_FILE_MAX, &text, &len);
    if (err != CT_OK) {
        return unreadable("mapping", path, err, p);
    }
    err = ct_mapping_parse(path, (const char *)text, len, out_mapping, p->text, p->size);
    free(text);
    return err;
}

static int bind_all(const struct ct_settings *settings, struct databases *databases, struct ct_mapping *mapping,
                    struct ct_bind **out_bind, const struct problem *p)
{
    struct ct_bind_bus buses[CT_GATEWAY_BUSES_MAX + OWN_BUSES];
    const char *const own[OWN_BUSES] = {CT_BUS_ENTRIES_BUS, CT_POWER_ENTRIES_BUS};
    const unsigned count = settings->buses_count + (settings->gpio.chip != NULL ? 2 : 1);
    for (unsigned b = 0; b < count; b++) {
        const unsigned n = settings->buses_count;
        buses[b] = (struct ct_bind_bus){.name = b < n ? settings->buses[b].name : own[b - n],
                                        .dbcs = databases->all[b],
                                        .dbc_count = databases->counts[b],
                                        .protect = databases->protect[b]};
    }
    return ct_bind_create(buses, count, mapping, settings->mapping, out_bind, p->text, p->size);
}

static int load_parts_of_bind(const struct ct_settings *settings, struct databases *databases,
                              struct ct_mapping **out_mapping, const struct problem *p)
{
    int first = CT_OK;
    bool more = goes_on(p, &first, load_databases(settings, databases, p));
    if (more) {
        more = goes_on(p, &first, make_bus_entries(settings, databases));
    }
    if (more) {
        more = goes_on(p, &first, make_power_entries(settings, databases));
    }
    if (more) {
        more = goes_on(p, &first, load_protection(settings, databases, p));
    }
    if (more) {
        (void)goes_on(p, &first, load_mapping(settings->mapping, out_mapping, p));
    }
    return first;
}

static bool complete(const struct ct_settings *settings, const struct databases *databases)
{
    bool all = true;
    for (unsigned b = 0; b < settings->buses_count; b++) {
        all = all && databases->counts[b] == settings->buses[b].dbc_count;
    }
    return all;
}

/* The mapping is taken over, or freed. Where it does not fit, what is there without it: others name messages. */
static int bind_or_less(const struct ct_settings *settings, struct databases *databases, struct ct_mapping *mapping,
                        struct ct_bind **out_bind, const struct problem *p)
{
    const int err = bind_all(settings, databases, mapping, out_bind, p);
    if (err == CT_OK) {
        return CT_OK;
    }
    if (mapping != NULL && ct_problems_all(p->size)) {
        char told[ONE_PROBLEM];
        const struct problem again = {told, sizeof told, p->exit};
        (void)!bind_all(settings, databases, NULL, out_bind, &again);
    }
    ct_mapping_free(mapping);
    return err;
}

/* *out_complete: all databases are there. */
static int load_bind(const struct ct_settings *settings, struct ct_bind **out_bind, bool *out_complete,
                     const struct problem *p)
{
    struct databases *databases = calloc(1, sizeof *databases);
    struct ct_mapping *mapping = NULL;
    if (databases == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int first = CT_OK;
    const bool more = goes_on(p, &first, load_parts_of_bind(settings, databases, &mapping, p));
    *out_complete = complete(settings, databases);
    if (!more || !*out_complete) { /* the mapping would miss what is not there */
        ct_mapping_free(mapping);
        mapping = NULL;
    }
    if (more) {
        (void)goes_on(p, &first, bind_or_less(settings, databases, mapping, out_bind, p));
    }
    if (*out_bind == NULL) {
        free_databases(databases);
    }
    free(databases);
    return first;
}

/* ---- the rest */

static int load_collect_of(const struct ct_catalogue *catalogue, struct ct_model *model, const struct problem *p)
{
    const char *path = model->settings->collection;
    if (path == NULL) {
        return ct_collect_create(NULL, 0, catalogue, &model->pipeline.collect);
    }
    return read_or_not(p, ct_collect_load(path, catalogue, &model->pipeline.collect, p->text, p->size));
}

/* Without the signals the rules can still be read. */
static int load_collect(struct ct_model *model, const struct problem *p)
{
    if (model->pipeline.bind != NULL) {
        return load_collect_of(ct_bind_catalogue(model->pipeline.bind), model, p);
    }
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *none = NULL;
    int err = ct_catalogue_builder_create(&builder);
    err = err == CT_OK ? ct_catalogue_builder_finish(builder, &none) : err;
    err = err == CT_OK ? load_collect_of(none, model, p) : err;
    ct_catalogue_builder_free(builder);
    ct_catalogue_unref(none);
    return err;
}

/* What rule files name: messages of the configured buses. */
static uint8_t bus_index(const struct ct_model *model, const char *bus)
{
    unsigned index = 0;
    while (index < model->settings->buses_count && strcmp(model->settings->buses[index].name, bus) != 0) {
        index++;
    }
    return index < model->settings->buses_count ? (uint8_t)index : UINT8_MAX;
}

static const struct ct_codec_message *find_by_name(void *user, const char *bus, const char *name)
{
    const struct ct_model *model = user;
    return ct_bind_message(model->pipeline.bind, bus_index(model, bus), name);
}

static const struct ct_codec_message *find_by_id(void *user, const char *bus, uint32_t id, bool extended)
{
    const struct ct_model *model = user;
    return ct_bind_message_of(model->pipeline.bind, bus_index(model, bus), id, extended);
}

static const struct ct_protect_rule *find_protection(void *user, const char *bus,
                                                     const struct ct_codec_message *message)
{
    const struct ct_model *model = user;
    return ct_bind_protection(model->pipeline.bind, bus_index(model, bus), message);
}

static int load_policy(struct ct_model *model, const struct problem *p)
{
    const char *path = model->settings->policy;
    if (path == NULL) {
        const struct ct_policy_rules nothing = {0};
        return ct_policy_create(&nothing, &model->policy);
    }
    const struct ct_message_lookup lookup = {model, find_by_name, find_by_id, find_protection};
    return read_or_not(p, ct_policy_load(path, &lookup, &model->policy, p->text, p->size));
}

static int load_routes(struct ct_model *model, const struct problem *p)
{
    const struct ct_settings *settings = model->settings;
    const struct ct_message_lookup lookup = {model, find_by_name, find_by_id, find_protection};
    struct ct_routes_world world = {.count = settings->buses_count, .lookup = &lookup};
    size_t wrong = 0;
    for (unsigned b = 0; b < settings->buses_count; b++) {
        world.names[b] = settings->buses[b].name;
        world.ports[b] = settings->buses[b].port;
        world.fd[b] = settings->buses[b].fd;
    }
    if (settings->routes == NULL) {
        return ct_routes_create(NULL, 0, world.fd, &model->routes, &wrong);
    }
    const int err = ct_routes_load(settings->routes, &world, &model->routes, p->text, p->size);
    if (err == CT_ERR_IO || err == CT_ERR_PERMISSION ||
        (err == CT_ERR_NOT_FOUND && access(settings->routes, R_OK) != 0)) {
        *p->exit = CT_EXIT_ENVIRONMENT;
    }
    return err;
}

static int find_sources(struct ct_model *model, const char *config_path, const struct problem *p)
{
    const struct ct_settings_state *names = &model->settings->vehicle_state;
    const struct {
        const char *key;
        const char *name;
        uint32_t *id;
    } rows[] = {{"vehicle_state.speed", names->speed, &model->sources.speed},
                {"vehicle_state.ignition", names->ignition, &model->sources.ignition},
                {"vehicle_state.gear", names->gear, &model->sources.gear},
                {"vehicle_state.voltage", names->voltage, &model->sources.voltage},
                {"dtc_reads.warning", model->settings->dtc_reads.warning, &model->sources.warning}};
    int first = CT_OK;
    for (size_t i = 0; goes_on(p, &first, CT_OK) && i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].id = CT_NO_SOURCE;
        if (rows[i].name != NULL &&
            ct_catalogue_find(ct_bind_catalogue(model->pipeline.bind), rows[i].name, rows[i].id) != CT_OK) {
            ct_problems_add(p->text, p->size, "%s: error: %s: no signal or path '%s'; is it in the mapping?",
                            config_path, rows[i].key, rows[i].name);
            (void)goes_on(p, &first, CT_ERR_NOT_FOUND);
        }
    }
    return first;
}

static int load_parts(struct ct_model *model, const char *config_path, const struct problem *p)
{
    int first = CT_OK;
    bool complete_databases = false;
    bool more = goes_on(p, &first, load_bind(model->settings, &model->pipeline.bind, &complete_databases, p));
    const bool whole = first == CT_OK;
    if (more && model->pipeline.bind != NULL) {
        more = goes_on(p, &first, ct_bind_make_twin(model->pipeline.bind, &model->pipeline.twin));
    }
    if (more) {
        more = goes_on(p, &first, load_collect(model, p));
    }
    if (more && model->pipeline.bind != NULL) {
        more = goes_on(p, &first, load_policy(model, p));
    }
    if (more && complete_databases && model->pipeline.bind != NULL) { /* else messages that routes name are missing */
        more = goes_on(p, &first, load_routes(model, p));
    }
    if (more && whole) { /* else nearly all of them would be missing */
        (void)goes_on(p, &first, find_sources(model, config_path, p));
    }
    if (first == CT_OK) {
        first = ct_model_make_anomalies(model);
    }
    return first;
}

int ct_model_load(struct ct_settings *settings, const char *config_path, struct ct_model **out_model,
                  enum ct_exit *out_exit, char *problem, size_t problem_size)
{
    const struct problem p = {problem, problem_size, out_exit};
    struct ct_model *model = calloc(1, sizeof *model);
    *out_exit = CT_EXIT_USAGE;
    ct_problems_begin(problem, problem_size);
    const size_t known = strlen(problem);
    int err = CT_ERR_NO_MEMORY;
    if (model != NULL) {
        model->settings = settings;
        err = load_parts(model, config_path, &p);
    }
    if (err != CT_OK && strlen(problem) == known) {
        ct_problems_add(problem, problem_size, "%s: error: %s", config_path, ct_err_text(err));
    }
    if (model == NULL) {
        return err;
    }
    if (err != CT_OK) {
        model->settings = NULL; /* stays the caller's */
        ct_model_free(model);
        return err;
    }
    *out_model = model;
    return CT_OK;
}

void ct_model_free(struct ct_model *model)
{
    if (model != NULL) {
        ct_pipeline_close(&model->pipeline);
        ct_policy_free(model->policy);
        ct_routes_free(model->routes);
        ct_anomalies_free(model->anomalies);
        ct_settings_free(model->settings);
        free(model);
    }
}
