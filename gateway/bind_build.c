#include "bind_private.h"

#include "problems.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 256 /* bytes of an entry's name and comment on the wire */

/* ---- entries of signals */

static void add_ranges(char *name, size_t size, const struct ct_dbc_signal *signal)
{
    for (size_t i = 0; i < signal->range_count; i++) {
        const struct ct_dbc_range *range = &signal->ranges[i];
        const size_t len = strlen(name);
        const char *comma = i > 0 ? "," : "";
        if (range->first == range->last) {
            snprintf(name + len, size - len, "%s%llu", comma, (unsigned long long)range->first);
        } else {
            snprintf(name + len, size - len, "%s%llu-%llu", comma, (unsigned long long)range->first,
                     (unsigned long long)range->last);
        }
    }
}

static void signal_name(char *name, size_t size, const char *bus, const struct ct_dbc_message *message,
                        const struct ct_dbc_signal *signal)
{
    if (signal->selector < 0) {
        snprintf(name, size, "%s.%s.%s", bus, message->name, signal->name);
        return;
    }
    snprintf(name, size, "%s.%s.%s@%s=", bus, message->name, signal->name, message->signals[signal->selector].name);
    add_ranges(name, size, signal);
}

static bool same_branch(const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    return a->selector == b->selector && a->range_count > 0 && b->range_count > 0 &&
           a->ranges[0].first == b->ranges[0].first;
}

/* Rounds that a selector takes: how many different branches its signals have. */
static double branches_of(const struct ct_dbc_message *message, int32_t selector)
{
    double branches = 0;
    for (size_t i = 0; i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        bool seen = signal->selector != selector;
        for (size_t k = 0; k < i && !seen; k++) {
            seen = same_branch(signal, &message->signals[k]);
        }
        branches += seen ? 0 : 1;
    }
    return branches;
}

static ct_ns signal_timeout(const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    if (!(message->cycle_ms > 0)) {
        return 0;
    }
    double ms = message->cycle_ms * CT_BIND_TIMEOUT_CYCLES;
    if (signal->selector >= 0) {
        ms *= branches_of(message, signal->selector);
    }
    ms = fmax(ms, CT_BIND_TIMEOUT_MIN_MS);
    return ms > 1e12 ? 0 : (ct_ns)(ms * (double)CT_NS_PER_MS);
}

static enum ct_datatype integer_datatype(const struct ct_dbc_signal *signal)
{
    static const enum ct_datatype types[2][4] = {{CT_DT_UINT8, CT_DT_UINT16, CT_DT_UINT32, CT_DT_UINT64},
                                                 {CT_DT_INT8, CT_DT_INT16, CT_DT_INT32, CT_DT_INT64}};
    const bool unscaled = signal->factor == 1.0 && signal->offset == 0.0;
    if (!unscaled) {
        return signal->integer_scale ? CT_DT_INT64 : CT_DT_DOUBLE;
    }
    const unsigned width = signal->length <= 8 ? 0 : signal->length <= 16 ? 1 : signal->length <= 32 ? 2 : 3;
    return types[signal->is_signed][width];
}

static void describe_kind(const struct ct_dbc_signal *signal, struct ct_entry *entry)
{
    entry->factor = 1.0;
    switch (signal->kind) {
    case CT_DBC_INTEGER:
        entry->kind = CT_KIND_RAW;
        entry->datatype = integer_datatype(signal);
        entry->is_unsigned = !signal->is_signed && signal->length == 64;
        entry->factor = signal->factor;
        entry->offset = signal->offset;
        break;
    case CT_DBC_FLOAT32:
    case CT_DBC_FLOAT64:
        entry->kind = CT_KIND_DOUBLE;
        entry->datatype = signal->kind == CT_DBC_FLOAT32 ? CT_DT_FLOAT : CT_DT_DOUBLE;
        break;
    case CT_DBC_BLOB:
        entry->kind = CT_KIND_BYTES;
        entry->datatype = CT_DT_BYTES;
        entry->bytes_max = (uint16_t)((signal->length + 7U) / 8U);
        break;
    }
}

/* The text cut at NAME_MAX_LEN bytes, not inside a UTF-8 character. */
static const char *shortened(const char *text, char *buffer)
{
    if (text == NULL || strlen(text) <= NAME_MAX_LEN) {
        return text == NULL ? "" : text;
    }
    size_t len = NAME_MAX_LEN;
    while (len > 0 && ((unsigned char)text[len] & 0xC0U) == 0x80U) {
        len--;
    }
    memcpy(buffer, text, len);
    buffer[len] = '\0';
    return buffer;
}

static int add_signal(struct ct_bind *bind, struct ct_catalogue_builder *builder, const char *bus,
                      struct bound_message *message, size_t index)
{
    const struct ct_dbc_signal *signal = &message->model->signals[index];
    message->ids[index] = NO_ENTRY;
    if (signal->outside || (signal->length + 7U) / 8U > CT_BYTES_MAX) {
        return CT_OK;
    }
    char name[1024];
    char comment[NAME_MAX_LEN + 1];
    signal_name(name, sizeof name, bus, message->model, signal);
    struct ct_entry entry = {.name = name,
                             .unit = signal->unit,
                             .comment = shortened(signal->comment, comment),
                             .min = signal->min,
                             .max = signal->max,
                             .timeout_ns = signal_timeout(message->model, signal),
                             .text_count = signal->text_count};
    describe_kind(signal, &entry);
    struct ct_enum_text *texts = calloc(signal->text_count + 1, sizeof *texts);
    if (texts == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        texts[i] = (struct ct_enum_text){signal->texts[i].raw, signal->texts[i].text};
    }
    entry.texts = texts;
    const int err = ct_catalogue_builder_add(builder, &entry, &message->ids[index]);
    free(texts);
    if (err == CT_ERR_EXISTS) {
        message->ids[index] = NO_ENTRY;
        bind->hidden++;
        return CT_OK;
    }
    return err;
}

static int add_lanes(struct ct_bind *bind, struct ct_catalogue_builder *builder, const char *bus,
                     struct bound_message *message)
{
    ct_bind_place_message(bind, message);
    for (size_t lane = 0; lane < ct_codec_lane_count(message->codec); lane++) {
        const uint16_t signal = ct_codec_lane_signal(message->codec, lane);
        const int err = signal == CT_NO_SIGNAL ? CT_OK : add_signal(bind, builder, bus, message, signal);
        if (err != CT_OK) {
            return err;
        }
        if (signal != CT_NO_SIGNAL && message->ids[signal] != NO_ENTRY) {
            ct_bind_place_signal(bind, message, lane);
        }
    }
    return CT_OK;
}

/* Signals that have no lane: over 64 bits, or of a message that is never met. */
static int add_others(struct ct_bind *bind, struct ct_catalogue_builder *builder, const char *bus,
                      struct bound_message *message)
{
    for (size_t s = 0; s < message->model->signal_count; s++) {
        const bool has_lane = message->codec != NULL && ct_codec_signal_lane(message->codec, (uint16_t)s) != CT_NO_LANE;
        const int err = has_lane ? CT_OK : add_signal(bind, builder, bus, message, s);
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

static int add_database(struct ct_bind *bind, struct ct_catalogue_builder *builder, size_t bus_index,
                        struct bound_database *database, bool lanes)
{
    const char *bus = bind->buses[bus_index].name;
    for (size_t m = 0; m < database->dbc->message_count; m++) {
        struct bound_message *message = &database->messages[m];
        int err = CT_OK;
        if (!lanes) {
            err = add_others(bind, builder, bus, message);
        } else if (message->codec != NULL) {
            err = add_lanes(bind, builder, bus, message);
        }
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

/* The signals that have lanes first: the twin wants their ids in the order of the lanes. */
static int add_signals(struct ct_bind *bind, struct ct_catalogue_builder *builder, bool lanes)
{
    for (size_t b = 0; b < bind->bus_count; b++) {
        for (size_t d = 0; d < bind->buses[b].count; d++) {
            const int err = add_database(bind, builder, b, &bind->buses[b].databases[d], lanes);
            if (err != CT_OK) {
                return err;
            }
        }
    }
    return CT_OK;
}

/* ---- entries of the mapping */

struct found {
    struct bound_message *message;
    const char *bus;
    uint16_t signal;
    unsigned count;
    char first[300], second[300]; /* where, for people */
};

static void look_into(struct found *found, const char *bus, struct bound_message *message,
                      const struct ct_map_signal *wanted)
{
    for (size_t s = 0; s < message->model->signal_count; s++) {
        if (message->ids[s] == NO_ENTRY || strcmp(message->model->signals[s].name, wanted->signal) != 0) {
            continue;
        }
        char *where = found->count == 0 ? found->first : found->second;
        snprintf(where, sizeof found->first, "%.40s.%.200s", bus, message->model->name);
        if (found->count++ == 0) {
            found->message = message;
            found->signal = (uint16_t)s;
        }
    }
}

static void find_signal(struct ct_bind *bind, const struct ct_map_signal *wanted, struct found *found)
{
    for (size_t b = 0; b < bind->bus_count; b++) {
        const struct bound_bus *bus = &bind->buses[b];
        if (wanted->bus != NULL && strcmp(wanted->bus, bus->name) != 0) {
            continue;
        }
        for (size_t d = 0; d < bus->count; d++) {
            const struct bound_database *database = &bus->databases[d];
            for (size_t m = 0; m < database->dbc->message_count; m++) {
                struct bound_message *message = &database->messages[m];
                if (wanted->message == NULL || strcmp(wanted->message, message->model->name) == 0) {
                    look_into(found, bus->name, message, wanted);
                }
            }
        }
    }
}

static int resolve(struct ct_bind *bind, const struct ct_map_signal *wanted, struct found *found, char *problem,
                   size_t size)
{
    memset(found, 0, sizeof *found);
    find_signal(bind, wanted, found);
    if (found->count == 1) {
        return CT_OK;
    }
    if (found->count == 0) {
        snprintf(problem, size, "no DBC file has a signal '%s'%s%s%s%s; correct `signal`, `message` or `bus`",
                 wanted->signal, wanted->message != NULL ? " in message " : "",
                 wanted->message != NULL ? wanted->message : "", wanted->bus != NULL ? " on bus " : "",
                 wanted->bus != NULL ? wanted->bus : "");
        return CT_ERR_NOT_FOUND;
    }
    snprintf(problem, size, "signal '%s' is in %s and %s; name its `message` and `bus`", wanted->signal, found->first,
             found->second);
    return CT_ERR_EXISTS;
}

static int bind_write(struct bound_rule *bound, const struct found *found, char *problem, size_t size)
{
    struct bound_message *message = found->message;
    if (message->model->length > CT_FRAME_DATA_MAX) {
        snprintf(problem, size, "message '%s' is longer than a frame and cannot be sent", message->model->name);
        return CT_ERR_UNSUPPORTED;
    }
    if (message->last_sent == NULL) {
        message->last_sent = calloc(1, CT_FRAME_DATA_MAX);
    }
    if (message->last_sent == NULL) {
        snprintf(problem, size, "%s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    bound->write_message = message;
    bound->write_signal = found->signal;
    return CT_OK;
}

static int resolve_rule(struct ct_bind *bind, struct bound_rule *bound, char *problem, size_t size)
{
    struct found found;
    bound->source = NO_ENTRY;
    if (bound->rule->has_read) {
        const int err = resolve(bind, &bound->rule->read, &found, problem, size);
        if (err != CT_OK) {
            return err;
        }
        bound->source = found.message->ids[found.signal];
        bound->source_signal = &found.message->model->signals[found.signal];
    }
    if (bound->rule->has_write) {
        const int err = resolve(bind, &bound->rule->write, &found, problem, size);
        return err != CT_OK ? err : bind_write(bound, &found, problem, size);
    }
    return CT_OK;
}

static void describe_path(const struct ct_map_rule *rule, struct ct_entry *entry)
{
    switch (rule->datatype) {
    case CT_DT_STRING:
        entry->kind = CT_KIND_STRING;
        entry->bytes_max = VSS_TEXT_MAX;
        break;
    case CT_DT_BYTES:
        entry->kind = CT_KIND_BYTES;
        entry->bytes_max = CT_BYTES_MAX;
        break;
    case CT_DT_FLOAT:
    case CT_DT_DOUBLE:
        entry->kind = CT_KIND_DOUBLE;
        break;
    case CT_DT_BOOLEAN:
    case CT_DT_INT8:
    case CT_DT_INT16:
    case CT_DT_INT32:
    case CT_DT_INT64:
    case CT_DT_UINT8:
    case CT_DT_UINT16:
    case CT_DT_UINT32:
    case CT_DT_UINT64:
        entry->kind = CT_KIND_RAW;
        entry->is_unsigned = rule->datatype == CT_DT_UINT64;
        break;
    }
}

static int add_path(struct ct_bind *bind, struct ct_catalogue_builder *builder, size_t index, char *problem,
                    size_t size)
{
    struct bound_rule *bound = &bind->rules[index];
    const struct ct_map_rule *rule = &bind->mapping->rules[index];
    bound->rule = rule;
    bound->next = NO_RULE;
    char comment[NAME_MAX_LEN + 1];
    struct ct_entry entry = {.name = rule->path,
                             .unit = rule->unit != NULL ? rule->unit : "",
                             .comment = shortened(rule->comment, comment),
                             .datatype = rule->datatype,
                             .is_actuator = rule->is_actuator,
                             .factor = 1.0,
                             .min = rule->min,
                             .max = rule->max};
    describe_path(rule, &entry);
    int err = resolve_rule(bind, bound, problem, size);
    if (err == CT_OK) {
        err = ct_catalogue_builder_add(builder, &entry, &bound->entry);
        if (err != CT_OK) {
            snprintf(problem, size, "%s", ct_err_text(err));
        }
    }
    return err;
}

static int add_paths(struct ct_bind *bind, struct ct_catalogue_builder *builder, const char *mapping_file,
                     char *problem, size_t size)
{
    int first = CT_OK;
    for (size_t i = 0; i < bind->rule_count && (first == CT_OK || ct_problems_all(size)); i++) {
        char text[900];
        const int err = add_path(bind, builder, i, text, sizeof text);
        if (err != CT_OK) {
            const struct ct_map_rule *rule = &bind->mapping->rules[i];
            ct_problems_add(problem, size, "%s:%u:%u: error: %s: %s", mapping_file, rule->line, rule->column,
                            rule->path, text);
            first = first == CT_OK ? err : first;
        }
    }
    if (first != CT_OK) {
        return first;
    }
    bind->first_path = bind->rule_count > 0 ? bind->rules[0].entry : NO_ENTRY;
    return CT_OK;
}

static int chain_rules(struct ct_bind *bind)
{
    const size_t count = ct_catalogue_count(bind->catalogue);
    bind->first_rule = malloc((count + 1) * sizeof *bind->first_rule);
    if (bind->first_rule == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i <= count; i++) {
        bind->first_rule[i] = NO_RULE;
    }
    for (size_t i = bind->rule_count; i-- > 0;) {
        struct bound_rule *rule = &bind->rules[i];
        if (rule->source != NO_ENTRY) {
            rule->next = bind->first_rule[rule->source];
            bind->first_rule[rule->source] = (uint32_t)i;
        }
    }
    return CT_OK;
}

int ct_bind_build_catalogue(struct ct_bind *bind, const char *mapping_file, char *problem, size_t problem_size)
{
    struct ct_catalogue_builder *builder = NULL;
    ct_problems_begin(problem, problem_size);
    const size_t known = strlen(problem);
    int err = ct_catalogue_builder_create(&builder);
    if (err == CT_OK) {
        err = ct_bind_build_lanes(bind);
    }
    if (err == CT_OK) {
        err = add_signals(bind, builder, true);
    }
    if (err == CT_OK) {
        err = add_signals(bind, builder, false);
    }
    if (err == CT_OK) {
        err = add_paths(bind, builder, mapping_file, problem, problem_size);
    }
    if (err == CT_OK) {
        err = ct_catalogue_builder_finish(builder, &bind->catalogue);
    }
    if (err == CT_OK) {
        err = chain_rules(bind);
    }
    ct_catalogue_builder_free(builder);
    if (err != CT_OK && strlen(problem) == known) {
        ct_problems_add(problem, problem_size, "the signals of all buses do not fit into one catalogue: %s",
                        ct_err_text(err));
    }
    return err;
}
