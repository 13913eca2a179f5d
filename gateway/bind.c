#include "bind_private.h"

#include "problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const default_texts[] = {"SNA", "not available", "signal not available"};
static const struct ct_bind_codes default_codes = {default_texts, sizeof default_texts / sizeof default_texts[0], true};

/* ---- making and freeing */

static void free_database(struct bound_database *database)
{
    for (size_t m = 0; database->messages != NULL && m < database->dbc->message_count; m++) {
        free(database->messages[m].ids);
        free(database->messages[m].last_sent);
    }
    free(database->messages);
    ct_codec_free(database->codec);
}

/* Only a complete binding owns its databases and the mapping. */
static void free_parts(struct ct_bind *bind, bool complete)
{
    for (size_t b = 0; bind->buses != NULL && b < bind->bus_count; b++) {
        struct bound_bus *bus = &bind->buses[b];
        for (size_t d = 0; d < bus->count; d++) {
            free_database(&bus->databases[d]);
            if (complete) {
                ct_dbc_free(bus->databases[d].dbc);
            }
        }
        if (complete) {
            ct_protect_free(bus->protect);
        }
        free(bus->databases);
        free(bus->name);
    }
    if (complete) {
        ct_mapping_free(bind->mapping);
    }
    ct_bind_free_live(bind);
    ct_bind_free_lanes(bind);
    free(bind->buses);
    free(bind->rules);
    free(bind->first_rule);
    free(bind->decoded);
    ct_catalogue_unref(bind->catalogue);
    free(bind);
}

void ct_bind_free(struct ct_bind *bind)
{
    if (bind != NULL) {
        free_parts(bind, true);
    }
}

static int open_message(struct bound_message *bound, const struct ct_codec *codec, const struct ct_dbc_message *model,
                        uint8_t bus)
{
    bound->codec = ct_codec_find(codec, model->id, model->extended);
    if (bound->codec != NULL && ct_codec_model(bound->codec) != model) {
        bound->codec = NULL; /* a second message of the same id: never met on the bus */
    }
    bound->model = model;
    bound->bus = bus;
    bound->first_block = NO_BLOCK;
    bound->ids = malloc((model->signal_count + 1) * sizeof *bound->ids);
    if (bound->ids == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i <= model->signal_count; i++) {
        bound->ids[i] = NO_ENTRY;
    }
    return CT_OK;
}

static int open_database(struct bound_database *database, struct ct_dbc *dbc, uint8_t bus, size_t *largest)
{
    database->dbc = dbc;
    int err = ct_codec_compile(dbc, &database->codec);
    if (err != CT_OK) {
        return err;
    }
    database->messages = calloc(dbc->message_count + 1, sizeof *database->messages);
    if (database->messages == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t m = 0; m < dbc->message_count && err == CT_OK; m++) {
        err = open_message(&database->messages[m], database->codec, &dbc->messages[m], bus);
        if (dbc->messages[m].signal_count > *largest) {
            *largest = dbc->messages[m].signal_count;
        }
    }
    return err;
}

static int open_bus(struct bound_bus *bus, const struct ct_bind_bus *config, uint8_t index, size_t *largest)
{
    bus->name = strdup(config->name);
    bus->protect = config->protect;
    bus->codes = config->codes != NULL ? config->codes : &default_codes;
    bus->databases = calloc(config->dbc_count + 1, sizeof *bus->databases);
    if (bus->name == NULL || bus->databases == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t d = 0; d < config->dbc_count; d++) {
        bus->count = d + 1;
        const int err = open_database(&bus->databases[d], config->dbcs[d], index, largest);
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

static int open_buses(struct ct_bind *bind, const struct ct_bind_bus *buses, size_t bus_count)
{
    size_t largest = 1;
    bind->buses = calloc(bus_count + 1, sizeof *bind->buses);
    bind->rules = calloc(bind->rule_count + 1, sizeof *bind->rules);
    if (bind->buses == NULL || bind->rules == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    bind->bus_count = bus_count;
    for (size_t b = 0; b < bus_count; b++) {
        const int err = open_bus(&bind->buses[b], &buses[b], (uint8_t)b, &largest);
        if (err != CT_OK) {
            return err;
        }
    }
    bind->decoded = calloc(largest, sizeof *bind->decoded);
    return bind->decoded != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

int ct_bind_create(const struct ct_bind_bus *buses, size_t bus_count, struct ct_mapping *mapping,
                   const char *mapping_file, struct ct_bind **out_bind, char *problem, size_t problem_size)
{
    if (bus_count > UINT8_MAX) {
        return CT_ERR_RANGE;
    }
    struct ct_bind *bind = calloc(1, sizeof *bind);
    if (bind == NULL) {
        ct_problems_begin(problem, problem_size);
        ct_problems_add(problem, problem_size, "%s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    bind->mapping = mapping;
    bind->rule_count = mapping != NULL ? mapping->count : 0;
    int err = open_buses(bind, buses, bus_count);
    if (err != CT_OK) {
        ct_problems_begin(problem, problem_size);
        ct_problems_add(problem, problem_size, "the DBC files cannot be compiled: %s", ct_err_text(err));
    } else {
        err = ct_bind_build_catalogue(bind, mapping_file, problem, problem_size);
    }
    if (err == CT_OK) {
        err = ct_bind_build_live(bind);
        if (err != CT_OK) {
            ct_problems_add(problem, problem_size, "%s", ct_err_text(err));
        }
    }
    if (err != CT_OK) {
        free_parts(bind, false);
        return err;
    }
    *out_bind = bind;
    return CT_OK;
}

struct ct_catalogue *ct_bind_catalogue(const struct ct_bind *bind)
{
    return bind->catalogue;
}

size_t ct_bind_hidden(const struct ct_bind *bind)
{
    return bind->hidden;
}

int ct_bind_make_twin(const struct ct_bind *bind, struct ct_twin **out_twin)
{
    return ct_twin_create_lanes(bind->catalogue, &bind->layout, out_twin);
}

struct bound_message *ct_bind_find(const struct ct_bind *bind, uint8_t bus_index, uint32_t id, bool extended)
{
    if (bus_index >= bind->bus_count) {
        return NULL;
    }
    const struct bound_bus *bus = &bind->buses[bus_index];
    for (size_t d = 0; d < bus->count; d++) {
        const struct bound_database *database = &bus->databases[d];
        const struct ct_codec_message *codec = ct_codec_find(database->codec, id, extended);
        if (codec != NULL) {
            return &database->messages[ct_codec_model(codec) - database->dbc->messages];
        }
    }
    return NULL;
}

int ct_bind_set_path(struct ct_bind *bind, enum ct_codec_path path)
{
    int err = CT_OK;
    for (size_t b = 0; b < bind->bus_count; b++) {
        for (size_t d = 0; d < bind->buses[b].count && err == CT_OK; d++) {
            err = ct_codec_set_path(bind->buses[b].databases[d].codec, path);
        }
    }
    return err;
}

/* ---- messages, for rules about them */

const struct ct_codec_message *ct_bind_message(const struct ct_bind *bind, uint8_t bus, const char *name)
{
    const struct ct_codec_message *found = NULL;
    for (size_t d = 0; bus < bind->bus_count && found == NULL && d < bind->buses[bus].count; d++) {
        found = ct_codec_by_name(bind->buses[bus].databases[d].codec, name);
    }
    return found;
}

const struct ct_codec_message *ct_bind_message_of(const struct ct_bind *bind, uint8_t bus, uint32_t id, bool extended)
{
    const struct bound_message *found = bus < bind->bus_count ? ct_bind_find(bind, bus, id, extended) : NULL;
    return found != NULL ? found->codec : NULL;
}

const struct ct_dbc_message *ct_bind_message_at(const struct ct_bind *bind, uint8_t bus, size_t index)
{
    for (size_t d = 0; bus < bind->bus_count && d < bind->buses[bus].count; d++) {
        const struct ct_dbc *dbc = bind->buses[bus].databases[d].dbc;
        if (index < dbc->message_count) {
            return &dbc->messages[index];
        }
        index -= dbc->message_count;
    }
    return NULL;
}

const struct ct_protect_rule *ct_bind_protection(const struct ct_bind *bind, uint8_t bus,
                                                 const struct ct_codec_message *message)
{
    return ct_protect_rule_of(bind->buses[bus].protect, ct_codec_model(message));
}
