#include "policy_file.h"

#include "config.h"
#include "problems.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file as cyaml reads it; optional numbers are pointers, so that 0 can be told from nothing. */
struct when_keys {
    double *max_speed_kmh;
    bool ignition_on;
    double *min_voltage;
};

struct signal_keys {
    char *name;
    double *min, *max;
};

struct frame_keys {
    char *bus;
    char *message;
    uint32_t *id;
    uint32_t *mask;
    bool extended;
    struct signal_keys *signals;
    uint32_t signals_count;
    uint8_t *length, *length_min, *length_max;
    double rate;
    uint32_t origins;
    struct when_keys when;
};

struct uds_keys {
    char *ecu;
    uint8_t service;
    uint32_t *first, *last;
    bool release;
    double rate;
    uint32_t origins;
    struct when_keys when;
};

struct desired_keys {
    char *path;
    double min, max;
    double rate;
    uint32_t origins;
    struct when_keys when;
};

struct policy_keys {
    char **transmit;
    struct frame_keys *frames;
    struct uds_keys *uds;
    struct desired_keys *desired;
    uint32_t transmit_count, frames_count, uds_count, desired_count;
};

static const cyaml_strval_t origin_labels[] = {
    {"backend", CT_ORIGIN_BIT(CT_ORIGIN_BACKEND)}, {"local", CT_ORIGIN_BIT(CT_ORIGIN_LOCAL)},
    {"route", CT_ORIGIN_BIT(CT_ORIGIN_ROUTE)},     {"gateway", CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY)},
    {"tester", CT_ORIGIN_BIT(CT_ORIGIN_TESTER)},
};

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define LIST     (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

/* What rules of every kind may ask; one line to a key. */
#define COMMON_FIELDS(type)                                                               \
    CYAML_FIELD_FLOAT("rate", CYAML_FLAG_DEFAULT, type, rate),                            \
        CYAML_FIELD_FLAGS("origins", CYAML_FLAG_STRICT, type, origins, origin_labels, 5), \
        CYAML_FIELD_FLOAT_PTR("max_speed_kmh", OPTIONAL, type, when.max_speed_kmh),       \
        CYAML_FIELD_BOOL("ignition_on", OPTIONAL, type, when.ignition_on),                \
        CYAML_FIELD_FLOAT_PTR("min_voltage", OPTIONAL, type, when.min_voltage), CYAML_FIELD_END

static const cyaml_schema_field_t signal_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct signal_keys, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_FLOAT_PTR("min", OPTIONAL, struct signal_keys, min),
    CYAML_FIELD_FLOAT_PTR("max", OPTIONAL, struct signal_keys, max), CYAML_FIELD_END};
static const cyaml_schema_value_t signal_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct signal_keys, signal_fields)};

static const cyaml_schema_field_t frame_fields[] = {
    CYAML_FIELD_STRING_PTR("bus", CYAML_FLAG_POINTER, struct frame_keys, bus, 1, 31),
    CYAML_FIELD_STRING_PTR("message", CYAML_FLAG_POINTER | OPTIONAL, struct frame_keys, message, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("id", OPTIONAL, struct frame_keys, id),
    CYAML_FIELD_SEQUENCE("signals", LIST, struct frame_keys, signals, &signal_entry, 0, 256),
    CYAML_FIELD_UINT_PTR("mask", OPTIONAL, struct frame_keys, mask),
    CYAML_FIELD_BOOL("extended", OPTIONAL, struct frame_keys, extended),
    CYAML_FIELD_UINT_PTR("length", OPTIONAL, struct frame_keys, length),
    CYAML_FIELD_UINT_PTR("length_min", OPTIONAL, struct frame_keys, length_min),
    CYAML_FIELD_UINT_PTR("length_max", OPTIONAL, struct frame_keys, length_max),
    COMMON_FIELDS(struct frame_keys)};

static const cyaml_schema_field_t uds_fields[] = {
    CYAML_FIELD_STRING_PTR("ecu", CYAML_FLAG_POINTER, struct uds_keys, ecu, 1, 63),
    CYAML_FIELD_UINT("service", CYAML_FLAG_DEFAULT, struct uds_keys, service),
    CYAML_FIELD_UINT_PTR("first", OPTIONAL, struct uds_keys, first),
    CYAML_FIELD_UINT_PTR("last", OPTIONAL, struct uds_keys, last),
    CYAML_FIELD_BOOL("release", OPTIONAL, struct uds_keys, release),
    COMMON_FIELDS(struct uds_keys)};

static const cyaml_schema_field_t desired_fields[] = {
    CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER, struct desired_keys, path, 1, 127),
    CYAML_FIELD_FLOAT("min", CYAML_FLAG_DEFAULT, struct desired_keys, min),
    CYAML_FIELD_FLOAT("max", CYAML_FLAG_DEFAULT, struct desired_keys, max), COMMON_FIELDS(struct desired_keys)};

static const cyaml_schema_value_t bus_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 31)};
static const cyaml_schema_value_t frame_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct frame_keys, frame_fields)};
static const cyaml_schema_value_t uds_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct uds_keys, uds_fields)};
static const cyaml_schema_value_t desired_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct desired_keys, desired_fields)};

#define RULES_MAX 4096

static const cyaml_schema_field_t policy_fields[] = {
    CYAML_FIELD_SEQUENCE("transmit", LIST, struct policy_keys, transmit, &bus_entry, 0, 64),
    CYAML_FIELD_SEQUENCE("frames", LIST, struct policy_keys, frames, &frame_entry, 0, RULES_MAX),
    CYAML_FIELD_SEQUENCE("uds", LIST, struct policy_keys, uds, &uds_entry, 0, RULES_MAX),
    CYAML_FIELD_SEQUENCE("desired", LIST, struct policy_keys, desired, &desired_entry, 0, RULES_MAX), CYAML_FIELD_END};

static const cyaml_schema_value_t policy_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_keys, policy_fields)};

/* Where a rule that cannot be is told. */
struct reader {
    const char *path;
    const struct ct_message_lookup *lookup;
    char *problem;
    size_t problem_size;
};

static int refuse(const struct reader *reader, const char *section, size_t index, const char *what)
{
    ct_problems_add(reader->problem, reader->problem_size, "%s: error: %s rule %zu: %s", reader->path, section,
                    index + 1, what);
    return CT_ERR_RANGE;
}

static int check_common(const struct reader *reader, const char *section, size_t index, double rate, unsigned origins)
{
    if (!(rate > 0.0)) {
        return refuse(reader, section, index, "'rate' must be above 0 (per second)");
    }
    return origins == 0 ? refuse(reader, section, index, "'origins' must name at least one") : CT_OK;
}

static struct ct_policy_when make_when(const struct when_keys *keys)
{
    return (struct ct_policy_when){
        .max_speed_kmh = keys->max_speed_kmh == NULL ? (double)NAN : *keys->max_speed_kmh,
        .ignition_on = keys->ignition_on,
        .min_voltage = keys->min_voltage == NULL ? (double)NAN : *keys->min_voltage,
    };
}

static int check_id(const struct reader *reader, size_t index, const struct frame_keys *keys)
{
    if ((keys->id == NULL) == (keys->message == NULL)) {
        return refuse(reader, "frames", index, "needs either 'id' or 'message'");
    }
    if (keys->message != NULL && (keys->mask != NULL || keys->extended)) {
        return refuse(reader, "frames", index, "'mask' and 'extended' go with 'id'; 'message' knows its own");
    }
    if (keys->id != NULL && *keys->id > (keys->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX)) {
        return refuse(reader, "frames", index, "'id' is too large; 29-bit ids need 'extended: true'");
    }
    return CT_OK;
}

static int check_length(const struct reader *reader, size_t index, const struct frame_keys *keys)
{
    const bool limits = keys->length_min != NULL || keys->length_max != NULL;
    const bool none = keys->length == NULL && !limits;
    if (none ? keys->message == NULL : (keys->length != NULL) == limits) {
        return refuse(reader, "frames", index, "needs either 'length' or 'length_min' and 'length_max'");
    }
    if (limits && (keys->length_min == NULL || keys->length_max == NULL)) {
        return refuse(reader, "frames", index, "'length_min' and 'length_max' go together");
    }
    return CT_OK;
}

static int check_frame(const struct reader *reader, size_t index, const struct frame_keys *keys)
{
    int err = check_id(reader, index, keys);
    err = err == CT_OK ? check_length(reader, index, keys) : err;
    return err == CT_OK ? check_common(reader, "frames", index, keys->rate, keys->origins) : err;
}

/* The message a rule is about: by its name, or by its id where it has signals. */
static int find_message(const struct reader *reader, size_t index, const struct frame_keys *keys,
                        struct ct_frame_rule *rule)
{
    char text[160];
    if (keys->message == NULL && keys->signals_count == 0) {
        return CT_OK;
    }
    const struct ct_message_lookup *lookup = reader->lookup;
    if (keys->message == NULL && (rule->id_mask & CT_ID_EXT_MAX) != CT_ID_EXT_MAX) {
        return refuse(reader, "frames", index, "'signals' need a 'message', or an 'id' without 'mask'");
    }
    if (lookup != NULL && keys->message != NULL) {
        rule->message = lookup->by_name(lookup->user, keys->bus, keys->message);
    } else if (lookup != NULL) {
        rule->message = lookup->by_id(lookup->user, keys->bus, rule->id, rule->extended);
    }
    if (rule->message == NULL) {
        (void)snprintf(text, sizeof(text), "the DBC files of bus '%s' have no message '%s'", keys->bus,
                       keys->message != NULL ? keys->message : "of this id");
        return refuse(reader, "frames", index, text);
    }
    return CT_OK;
}

static void take_message(struct ct_frame_rule *rule, bool with_length)
{
    const struct ct_dbc_message *model = ct_codec_model(rule->message);
    rule->id = model->id;
    rule->extended = model->extended;
    if (with_length) {
        rule->len_min = (uint8_t)(model->length <= CT_FRAME_DATA_MAX ? model->length : CT_FRAME_DATA_MAX);
        rule->len_max = ct_frame_fd_length(rule->len_min);
    }
}

static int make_range(const struct reader *reader, size_t index, const struct signal_keys *keys,
                      const struct ct_codec_message *message, struct ct_signal_range *range)
{
    const struct ct_dbc_message *model = ct_codec_model(message);
    char text[200];
    size_t signal = 0;
    while (signal < model->signal_count && strcmp(model->signals[signal].name, keys->name) != 0) {
        signal++;
    }
    *range = (struct ct_signal_range){.signal = (uint16_t)signal,
                                      .min = keys->min != NULL ? *keys->min : -(double)INFINITY,
                                      .max = keys->max != NULL ? *keys->max : (double)INFINITY};
    const char *what = signal == model->signal_count ? "the message does not have it"
                       : model->signals[signal].kind == CT_DBC_BLOB
                           ? "it is over 64 bits"
                           : (keys->min == NULL && keys->max == NULL ? "needs 'min' or 'max'" : NULL);
    what = what == NULL && !(range->min <= range->max) ? "'min' is above 'max'" : what;
    if (what != NULL) {
        (void)snprintf(text, sizeof(text), "signal '%.80s': %s", keys->name, what);
        return refuse(reader, "frames", index, text);
    }
    return CT_OK;
}

/* `ranges` has room for the rule's signals. */
static int make_frame(const struct reader *reader, size_t index, const struct frame_keys *keys,
                      struct ct_frame_rule *rule, struct ct_signal_range *ranges)
{
    int err = check_frame(reader, index, keys);
    if (err != CT_OK) {
        return err;
    }
    (void)snprintf(rule->bus, sizeof(rule->bus), "%s", keys->bus);
    rule->id = keys->id != NULL ? *keys->id : 0;
    rule->id_mask = keys->mask == NULL ? UINT32_MAX : *keys->mask;
    rule->extended = keys->extended;
    err = find_message(reader, index, keys, rule);
    if (err == CT_OK && keys->message != NULL) {
        take_message(rule, keys->length == NULL && keys->length_min == NULL);
    }
    if (keys->length != NULL || keys->length_min != NULL) {
        rule->len_min = keys->length != NULL ? *keys->length : *keys->length_min;
        rule->len_max = keys->length != NULL ? *keys->length : *keys->length_max;
    }
    rule->max_per_s = keys->rate;
    rule->origins = keys->origins;
    rule->when = make_when(&keys->when);
    rule->ranges = ranges;
    rule->range_count = keys->signals_count;
    for (size_t i = 0; err == CT_OK && i < keys->signals_count; i++) {
        err = make_range(reader, index, &keys->signals[i], rule->message, &ranges[i]);
    }
    if (err == CT_OK && (rule->len_min > rule->len_max || rule->len_max > CT_FRAME_DATA_MAX)) {
        return refuse(reader, "frames", index, "lengths must rise and be at most 64");
    }
    return err;
}

static int make_uds(const struct reader *reader, size_t index, const struct uds_keys *keys, struct ct_uds_rule *rule)
{
    (void)snprintf(rule->ecu, sizeof(rule->ecu), "%s", keys->ecu);
    rule->service = keys->service;
    rule->data_first = keys->first == NULL ? 0 : *keys->first;
    rule->data_last = keys->last != NULL ? *keys->last : keys->first != NULL ? *keys->first : 0xFFFF;
    rule->needs_release = keys->release;
    rule->max_per_s = keys->rate;
    rule->origins = keys->origins;
    rule->when = make_when(&keys->when);
    if (rule->data_first > rule->data_last || rule->data_last > 0xFFFF) {
        return refuse(reader, "uds", index, "'first' and 'last' must rise and be at most 0xFFFF");
    }
    if (ct_policy_uds_changes(keys->service) && !keys->release) {
        char text[96];
        (void)snprintf(text, sizeof(text), "service 0x%02X changes the vehicle and needs 'release: true'",
                       keys->service);
        return refuse(reader, "uds", index, text);
    }
    return check_common(reader, "uds", index, keys->rate, keys->origins);
}

static int make_desired(const struct reader *reader, size_t index, const struct desired_keys *keys,
                        struct ct_desired_rule *rule)
{
    (void)snprintf(rule->path, sizeof(rule->path), "%s", keys->path);
    rule->min = keys->min;
    rule->max = keys->max;
    rule->max_per_s = keys->rate;
    rule->origins = keys->origins;
    rule->when = make_when(&keys->when);
    if (rule->min > rule->max) {
        return refuse(reader, "desired", index, "'min' is above 'max'");
    }
    return check_common(reader, "desired", index, keys->rate, keys->origins);
}

struct rule_arrays {
    char (*buses)[32];
    struct ct_frame_rule *frames;
    struct ct_signal_range *ranges; /* of all frames */
    struct ct_uds_rule *uds;
    struct ct_desired_rule *desired;
};

static size_t count_ranges(const struct policy_keys *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->frames_count; i++) {
        count += keys->frames[i].signals_count;
    }
    return count;
}

/* The first error; the rules behind it are looked at too where all problems are wanted. */
static bool goes_on(const struct reader *reader, int *first, int err)
{
    *first = *first == CT_OK ? err : *first;
    return *first == CT_OK || ct_problems_all(reader->problem_size);
}

static int fill_arrays(const struct reader *reader, const struct policy_keys *keys, struct rule_arrays *arrays)
{
    int err = CT_OK;
    size_t ranges = 0;
    for (size_t i = 0; i < keys->transmit_count; i++) {
        (void)snprintf(arrays->buses[i], sizeof(arrays->buses[i]), "%s", keys->transmit[i]);
    }
    for (size_t i = 0; goes_on(reader, &err, CT_OK) && i < keys->frames_count; i++) {
        (void)goes_on(reader, &err,
                      make_frame(reader, i, &keys->frames[i], &arrays->frames[i], &arrays->ranges[ranges]));
        ranges += keys->frames[i].signals_count;
    }
    for (size_t i = 0; goes_on(reader, &err, CT_OK) && i < keys->uds_count; i++) {
        (void)goes_on(reader, &err, make_uds(reader, i, &keys->uds[i], &arrays->uds[i]));
    }
    for (size_t i = 0; goes_on(reader, &err, CT_OK) && i < keys->desired_count; i++) {
        (void)goes_on(reader, &err, make_desired(reader, i, &keys->desired[i], &arrays->desired[i]));
    }
    return err;
}

static int make_policy(const struct reader *reader, const struct policy_keys *keys, const struct rule_arrays *arrays,
                       struct ct_policy **out_policy)
{
    const struct ct_policy_rules rules = {
        .transmit_buses = (const char(*)[32])arrays->buses,
        .transmit_bus_count = keys->transmit_count,
        .frames = arrays->frames,
        .frame_count = keys->frames_count,
        .uds = arrays->uds,
        .uds_count = keys->uds_count,
        .desired = arrays->desired,
        .desired_count = keys->desired_count,
    };
    const int err = ct_policy_create(&rules, out_policy);
    if (err != CT_OK) {
        ct_problems_add(reader->problem, reader->problem_size, "%s: error: %s", reader->path, ct_err_text(err));
    }
    return err;
}

static int build(const struct reader *reader, const struct policy_keys *keys, struct ct_policy **out_policy)
{
    struct rule_arrays arrays = {
        .buses = calloc(keys->transmit_count + 1U, sizeof(*arrays.buses)),
        .frames = calloc(keys->frames_count + 1U, sizeof(*arrays.frames)),
        .ranges = calloc(count_ranges(keys) + 1U, sizeof(*arrays.ranges)),
        .uds = calloc(keys->uds_count + 1U, sizeof(*arrays.uds)),
        .desired = calloc(keys->desired_count + 1U, sizeof(*arrays.desired)),
    };
    int err = CT_ERR_NO_MEMORY;
    if (arrays.buses != NULL && arrays.frames != NULL && arrays.ranges != NULL && arrays.uds != NULL &&
        arrays.desired != NULL) {
        err = fill_arrays(reader, keys, &arrays);
        err = err == CT_OK ? make_policy(reader, keys, &arrays, out_policy) : err;
    } else {
        ct_problems_add(reader->problem, reader->problem_size, "%s: error: %s", reader->path, ct_err_text(err));
    }
    free(arrays.buses);
    free(arrays.frames);
    free(arrays.ranges);
    free(arrays.uds);
    free(arrays.desired);
    return err;
}

int ct_policy_load(const char *path, const struct ct_message_lookup *lookup, struct ct_policy **out_policy,
                   char *problem, size_t problem_size)
{
    void *config = NULL;
    int err = ct_config_load(path, &policy_schema, &config, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    const struct reader reader = {path, lookup, problem, problem_size};
    ct_problems_begin(problem, problem_size);
    err = build(&reader, config, out_policy);
    ct_config_free(&policy_schema, config);
    return err;
}
