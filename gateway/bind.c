#include "bind_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        free(bus->databases);
        free(bus->name);
    }
    if (complete) {
        ct_mapping_free(bind->mapping);
    }
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
        snprintf(problem, problem_size, "%s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    bind->mapping = mapping;
    bind->rule_count = mapping != NULL ? mapping->count : 0;
    int err = open_buses(bind, buses, bus_count);
    if (err != CT_OK) {
        snprintf(problem, problem_size, "the DBC files cannot be compiled: %s", ct_err_text(err));
    } else {
        err = ct_bind_build_catalogue(bind, mapping_file, problem, problem_size);
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

/* ---- frames */

static struct bound_message *find_message(const struct ct_bind *bind, uint8_t bus_index, uint32_t id, bool extended)
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

/* The sample of one decoded signal; `blob` is scratch for the long ones. */
static int make_sample(const struct ct_bind *bind, const struct bound_message *message, const struct ct_decoded *value,
                       const struct ct_frame *frame, uint8_t blob[CT_BYTES_MAX], struct ct_sample *out_sample)
{
    const struct ct_entry *entry = ct_catalogue_entry(bind->catalogue, message->ids[value->signal]);
    *out_sample = (struct ct_sample){.id = message->ids[value->signal], .t_ns = frame->t_ns};
    switch (entry->kind) {
    case CT_KIND_RAW:
        out_sample->raw = value->raw;
        return CT_OK;
    case CT_KIND_DOUBLE:
        out_sample->number = value->value;
        return CT_OK;
    case CT_KIND_BYTES:
    case CT_KIND_STRING:
        break;
    }
    out_sample->len = entry->bytes_max;
    out_sample->bytes = blob;
    return ct_codec_blob(message->codec, value->signal, frame->data, frame->len, blob, CT_BYTES_MAX);
}

static void decode(struct ct_bind *bind, struct ct_twin *twin, const struct bound_message *message,
                   const struct ct_frame *frame, ct_ns now)
{
    const size_t count = ct_codec_decode(message->codec, frame->data, frame->len, bind->decoded);
    for (size_t i = 0; i < count; i++) {
        const struct ct_decoded *value = &bind->decoded[i];
        const uint32_t id = message->ids[value->signal];
        uint8_t blob[CT_BYTES_MAX];
        struct ct_sample sample;
        if (id == NO_ENTRY || make_sample(bind, message, value, frame, blob, &sample) != CT_OK ||
            ct_twin_put(twin, &sample, now) != CT_OK) {
            continue;
        }
        if (bind->first_rule[id] != NO_RULE) {
            ct_bind_rules_source_updated(bind, twin, id, now);
        }
    }
}

static enum ct_frame_class classify(const struct ct_frame *frame, const struct bound_message *message)
{
    if ((frame->flags & CT_FRAME_ERR) != 0) {
        return CT_FRAME_ERROR;
    }
    if ((frame->flags & CT_FRAME_RTR) != 0) {
        return CT_FRAME_REMOTE;
    }
    return message != NULL ? CT_FRAME_DECODED : CT_FRAME_UNKNOWN;
}

enum ct_frame_class ct_bind_frame(struct ct_bind *bind, struct ct_twin *twin, const struct ct_frame *frame, ct_ns now,
                                  struct ct_bus_counts *counts)
{
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    const struct bound_message *message = find_message(bind, frame->bus, frame->id, extended);
    const enum ct_frame_class class = classify(frame, message);
    if (class == CT_FRAME_DECODED) {
        decode(bind, twin, message, frame, now);
    }
    counts->frames++;
    counts->by_class[class]++;
    return class;
}

ct_ns ct_bind_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now)
{
    const ct_ns twin_due = ct_twin_tick(twin, now);
    return ct_ns_min(twin_due, ct_bind_rules_tick(bind, twin, now));
}

/* ---- back to the bus */

static const struct bound_rule *find_writer(const struct ct_bind *bind, const char *path)
{
    uint32_t id = 0;
    if (ct_catalogue_find(bind->catalogue, path, &id) != CT_OK || id < bind->first_path) {
        return NULL;
    }
    const struct bound_rule *rule = &bind->rules[id - bind->first_path];
    return rule->write_message != NULL && rule->write_message->codec != NULL && rule->rule->is_actuator ? rule : NULL;
}

/* A label of the value table as its raw value, else the number as a physical value. */
static struct ct_encode_value to_encode(const struct bound_rule *rule, const struct ct_map_value *value, bool *known)
{
    const struct ct_dbc_signal *signal = &rule->write_message->model->signals[rule->write_signal];
    struct ct_encode_value encode = {.signal = rule->write_signal, .physical = true, .value = value->number};
    *known = true;
    if (value->text == NULL) {
        return encode;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        if (strcmp(signal->texts[i].text, value->text) == 0) {
            encode.physical = false;
            encode.raw = signal->texts[i].raw;
            return encode;
        }
    }
    *known = false;
    return encode;
}

static void start_frame(const struct bound_message *message, struct ct_frame *frame)
{
    memset(frame, 0, sizeof *frame);
    const struct ct_dbc_message *model = message->model;
    const bool fd = model->fd || model->length > 8;
    frame->id = model->id;
    frame->bus = message->bus;
    frame->flags = (uint16_t)((model->extended ? CT_FRAME_EXT : 0) | (fd ? CT_FRAME_FD : 0));
    frame->len = fd ? ct_frame_fd_length(model->length) : (uint8_t)model->length;
    if (message->was_sent) {
        memcpy(frame->data, message->last_sent, CT_FRAME_DATA_MAX);
    } else {
        ct_codec_defaults(message->codec, frame->data, frame->len);
    }
}

int ct_bind_encode(const struct ct_bind *bind, const char *path, const struct ct_map_value *value,
                   struct ct_frame *out_frame)
{
    const struct bound_rule *rule = find_writer(bind, path);
    if (rule == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_map_value mapped;
    if (ct_transform_apply(rule->rule->write.transform, value, &mapped) != CT_OK) {
        return CT_ERR_RANGE;
    }
    bool known = false;
    const struct ct_encode_value encode = to_encode(rule, &mapped, &known);
    if (!known) {
        return CT_ERR_RANGE;
    }
    struct ct_frame frame;
    start_frame(rule->write_message, &frame);
    const int err = ct_codec_encode(rule->write_message->codec, &encode, frame.data, frame.len);
    if (err != CT_OK) {
        return err;
    }
    *out_frame = frame;
    return CT_OK;
}

void ct_bind_sent(struct ct_bind *bind, const struct ct_frame *frame)
{
    struct bound_message *message = find_message(bind, frame->bus, frame->id, (frame->flags & CT_FRAME_EXT) != 0);
    if (message != NULL && message->last_sent != NULL) {
        memcpy(message->last_sent, frame->data, CT_FRAME_DATA_MAX);
        message->was_sent = true;
    }
}

double ct_bind_tolerance(const struct ct_bind *bind, const char *path)
{
    const struct bound_rule *rule = find_writer(bind, path);
    if (rule == NULL) {
        return 0;
    }
    const double step = fabs(rule->write_message->model->signals[rule->write_signal].factor);
    return step / 2 * (1 + 1e-9);
}

bool ct_bind_observable(const struct ct_bind *bind, const char *path)
{
    const struct bound_rule *rule = find_writer(bind, path);
    return rule != NULL && rule->source != NO_ENTRY;
}

/* ---- reload */

static void carry_rule(struct ct_bind *bind, const struct ct_bind *old, const struct bound_rule *from)
{
    uint32_t id = 0;
    if (ct_catalogue_find(bind->catalogue, from->rule->path, &id) != CT_OK || id < bind->first_path) {
        return;
    }
    struct bound_rule *to = &bind->rules[id - bind->first_path];
    const struct ct_entry *old_source = ct_catalogue_entry(old->catalogue, from->source);
    const struct ct_entry *source = ct_catalogue_entry(bind->catalogue, to->source);
    if (old_source != NULL && source != NULL && ct_entry_same(old_source, source) &&
        ct_entry_same(ct_catalogue_entry(old->catalogue, from->entry), ct_catalogue_entry(bind->catalogue, id))) {
        to->derived = from->derived;
        to->last_ns = from->last_ns;
        to->last_quality = from->last_quality;
        to->last_raw = from->last_raw;
    }
}

static void carry_payloads(struct ct_bind *bind, const struct bound_bus *old_bus)
{
    for (size_t d = 0; d < old_bus->count; d++) {
        for (size_t m = 0; m < old_bus->databases[d].dbc->message_count; m++) {
            const struct bound_message *from = &old_bus->databases[d].messages[m];
            struct bound_message *to = find_message(bind, from->bus, from->model->id, from->model->extended);
            if (from->was_sent && to != NULL && to->last_sent != NULL && to->model->length == from->model->length) {
                memcpy(to->last_sent, from->last_sent, CT_FRAME_DATA_MAX);
                to->was_sent = true;
            }
        }
    }
}

void ct_bind_carry(struct ct_bind *bind, const struct ct_bind *old)
{
    for (size_t i = 0; i < old->rule_count; i++) {
        carry_rule(bind, old, &old->rules[i]);
    }
    for (size_t b = 0; b < old->bus_count; b++) {
        carry_payloads(bind, &old->buses[b]);
    }
}
