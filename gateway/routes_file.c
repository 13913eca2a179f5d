#include "routes_file.h"

#include "config.h"
#include "files.h"
#include "problems.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (4U * 1024U * 1024U)

/* The file as cyaml reads it; optional numbers are pointers, so that 0 can be told from nothing. */
struct signal_keys {
    char *name;
    double *set, *scale, *offset, *min, *max;
};

struct route_keys {
    char *name, *from, *to, *message;
    uint32_t *id, *mask;
    bool extended;
    double rate;
    int direction;
    struct signal_keys *signals;
    uint32_t signals_count;
};

struct routes_keys {
    struct route_keys *routes;
    uint32_t routes_count;
};

enum direction { FORWARD, BOTH };
static const cyaml_strval_t direction_names[] = {{"forward", FORWARD}, {"both", BOTH}};

#define TEXT(key, type, member, flags, max) CYAML_FIELD_STRING_PTR(key, (flags), type, member, 1, max)
#define NEEDED                              CYAML_FLAG_POINTER
#define MAYBE                               (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define NUMBER(key, member)                 CYAML_FIELD_FLOAT_PTR(key, MAYBE, struct signal_keys, member)

static const cyaml_schema_field_t signal_fields[] = {TEXT("name", struct signal_keys, name, NEEDED, CYAML_UNLIMITED),
                                                     NUMBER("set", set),
                                                     NUMBER("scale", scale),
                                                     NUMBER("offset", offset),
                                                     NUMBER("min", min),
                                                     NUMBER("max", max),
                                                     CYAML_FIELD_END};
static const cyaml_schema_value_t signal_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct signal_keys, signal_fields)};

static const cyaml_schema_field_t route_fields[] = {
    TEXT("name", struct route_keys, name, MAYBE, 63),
    TEXT("from", struct route_keys, from, NEEDED, 31),
    TEXT("to", struct route_keys, to, NEEDED, 31),
    TEXT("message", struct route_keys, message, MAYBE, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("id", MAYBE, struct route_keys, id),
    CYAML_FIELD_UINT_PTR("mask", MAYBE, struct route_keys, mask),
    CYAML_FIELD_BOOL("extended", CYAML_FLAG_OPTIONAL, struct route_keys, extended),
    CYAML_FIELD_FLOAT("rate", CYAML_FLAG_DEFAULT, struct route_keys, rate),
    CYAML_FIELD_ENUM("direction", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct route_keys, direction,
                     direction_names, CYAML_ARRAY_LEN(direction_names)),
    CYAML_FIELD_SEQUENCE("signals", MAYBE, struct route_keys, signals, &signal_entry, 0, CT_ROUTES_CHANGES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t route_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct route_keys, route_fields)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE("routes", CYAML_FLAG_POINTER, struct routes_keys, routes, &route_entry, 0, CT_ROUTES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct routes_keys, file_fields)};

/* What is being made: `direction: both` makes two rules of one. */
struct maker {
    const struct ct_routes_world *world;
    struct ct_route_rule rules[CT_ROUTES_MAX];
    uint32_t written_as[CT_ROUTES_MAX]; /* number in the file */
    unsigned lines[CT_ROUTES_MAX];      /* of the file's entries */
    size_t count;
    struct ct_route_change changes[CT_ROUTES_CHANGES_MAX * CT_ROUTES_MAX];
    size_t change_count;
    const char *name, *text;
    size_t len;
    char *problem;
    size_t problem_size;
};

static int refuse(struct maker *maker, size_t index, int err, const char *what)
{
    unsigned line = 1;
    unsigned column = 1;
    (void)!ct_config_place(maker->text, maker->len, "routes", index, &line, &column);
    ct_problems_add(maker->problem, maker->problem_size, "%s:%u:%u: error: route %zu: %s", maker->name, line, column,
                    index + 1, what);
    return err;
}

/* Keeps the first error; true when there is more to look at: after an error only where all problems are wanted. */
static bool goes_on(const struct maker *maker, int *first, int err)
{
    *first = *first == CT_OK ? err : *first;
    return *first == CT_OK || ct_problems_all(maker->problem_size);
}

/* ---- one route */

static int find_bus(struct maker *maker, size_t index, const char *name, uint8_t *out_bus)
{
    char text[120];
    size_t bus = 0;
    while (bus < maker->world->count && strcmp(maker->world->names[bus], name) != 0) {
        bus++;
    }
    if (bus == maker->world->count) {
        snprintf(text, sizeof text, "'%s' is none of the gateway's buses", name);
        return refuse(maker, index, CT_ERR_NOT_FOUND, text);
    }
    *out_bus = (uint8_t)bus;
    return CT_OK;
}

static int find_buses(struct maker *maker, size_t index, const struct route_keys *keys, struct ct_route_rule *rule)
{
    int first = CT_OK;
    if (goes_on(maker, &first, find_bus(maker, index, keys->from, &rule->from))) {
        (void)goes_on(maker, &first, find_bus(maker, index, keys->to, &rule->to));
    }
    if (first == CT_OK && strcmp(maker->world->ports[rule->from], maker->world->ports[rule->to]) == 0) {
        return refuse(maker, index, CT_ERR_RANGE,
                      "'from' and 'to' are the same bus: its frames would go round for ever");
    }
    return first;
}

static int check_id(struct maker *maker, size_t index, const struct route_keys *keys)
{
    if ((keys->id == NULL) == (keys->message == NULL)) {
        return refuse(maker, index, CT_ERR_RANGE, "needs either 'id' or 'message'");
    }
    if (keys->message != NULL && (keys->mask != NULL || keys->extended)) {
        return refuse(maker, index, CT_ERR_RANGE, "'mask' and 'extended' go with 'id'; 'message' knows its own");
    }
    if (keys->id != NULL && *keys->id > (keys->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX)) {
        return refuse(maker, index, CT_ERR_RANGE, "'id' is too large; 29-bit ids need 'extended: true'");
    }
    return CT_OK;
}

/* J1939 messages are known by their PGN: priority and source do not count, and in PDU1 neither does the destination. */
static uint32_t mask_of(const struct ct_dbc_message *model)
{
    const bool pdu2 = (model->id >> 16 & 0xFF) >= 0xF0;
    return !model->j1939 ? UINT32_MAX : pdu2 ? UINT32_C(0x03FFFF00) : UINT32_C(0x03FF0000);
}

static int take_message(struct maker *maker, size_t index, const struct route_keys *keys, struct ct_route_rule *rule)
{
    const struct ct_message_lookup *lookup = maker->world->lookup;
    char text[200];
    rule->message = lookup->by_name(lookup->user, keys->from, keys->message);
    if (rule->message == NULL) {
        snprintf(text, sizeof text, "the DBC files of bus '%s' have no message '%.100s'", keys->from, keys->message);
        return refuse(maker, index, CT_ERR_NOT_FOUND, text);
    }
    const struct ct_dbc_message *model = ct_codec_model(rule->message);
    rule->id = model->id;
    rule->extended = model->extended;
    rule->mask = mask_of(model);
    rule->protection = lookup->protection(lookup->user, keys->from, rule->message);
    return CT_OK;
}

static int take_id(struct maker *maker, size_t index, const struct route_keys *keys, struct ct_route_rule *rule)
{
    const int err = check_id(maker, index, keys);
    if (err != CT_OK || keys->message != NULL) {
        return err == CT_OK ? take_message(maker, index, keys, rule) : err;
    }
    rule->id = *keys->id;
    rule->mask = keys->mask != NULL ? *keys->mask : UINT32_MAX;
    rule->extended = keys->extended;
    return CT_OK;
}

/* ---- signals */

static const char *wrong_change(const struct signal_keys *keys, const struct ct_route_rule *rule, size_t signal)
{
    const struct ct_dbc_message *model = ct_codec_model(rule->message);
    const bool moved = keys->scale != NULL || keys->offset != NULL || keys->min != NULL || keys->max != NULL;
    if (signal == model->signal_count) {
        return "the message does not have it";
    }
    if (model->signals[signal].kind == CT_DBC_BLOB) {
        return "it is over 64 bits";
    }
    if (rule->protection != NULL && ((int32_t)signal == ct_protect_checksum_signal(rule->protection) ||
                                     (int32_t)signal == ct_protect_counter_signal(rule->protection))) {
        return "it is the message's counter or checksum, which are made anew by themselves";
    }
    if (model->signals[signal].is_selector) {
        return "a multiplexer says what the other signals are and is not rewritten";
    }
    return (keys->set != NULL) == moved ? "needs either 'set', or some of 'scale', 'offset', 'min' and 'max'" : NULL;
}

static double or_else(const double *number, double standard)
{
    return number != NULL ? *number : standard;
}

static int take_signal(struct maker *maker, size_t index, const struct signal_keys *keys,
                       const struct ct_route_rule *rule)
{
    const struct ct_dbc_message *model = ct_codec_model(rule->message);
    struct ct_route_change *change = &maker->changes[maker->change_count];
    char text[200];
    size_t signal = 0;
    while (signal < model->signal_count && strcmp(model->signals[signal].name, keys->name) != 0) {
        signal++;
    }
    *change = (struct ct_route_change){.signal = (uint16_t)signal,
                                       .set = keys->set != NULL,
                                       .value = or_else(keys->set, 0),
                                       .factor = or_else(keys->scale, 1),
                                       .offset = or_else(keys->offset, 0),
                                       .min = or_else(keys->min, -(double)INFINITY),
                                       .max = or_else(keys->max, (double)INFINITY)};
    const char *what = wrong_change(keys, rule, signal);
    if (what == NULL && !(change->min <= change->max)) {
        what = "'min' is above 'max'";
    }
    if (what == NULL && !(isfinite(change->value) && isfinite(change->factor) && isfinite(change->offset))) {
        what = "numbers must be finite";
    }
    if (what != NULL) {
        snprintf(text, sizeof text, "signal '%.80s': %s", keys->name, what);
        return refuse(maker, index, CT_ERR_RANGE, text);
    }
    maker->change_count++;
    return CT_OK;
}

static int take_signals(struct maker *maker, size_t index, const struct route_keys *keys, struct ct_route_rule *rule)
{
    int first = CT_OK;
    if (keys->signals_count > 0 && keys->message == NULL) {
        return refuse(maker, index, CT_ERR_RANGE, "'signals' need a 'message'");
    }
    if (keys->signals_count > 0 && keys->direction == BOTH) {
        return refuse(maker, index, CT_ERR_RANGE, "a route that rewrites signals has one direction; write two");
    }
    rule->changes = &maker->changes[maker->change_count];
    rule->change_count = keys->signals_count;
    for (uint32_t i = 0; rule->message != NULL && i < keys->signals_count; i++) {
        if (!goes_on(maker, &first, take_signal(maker, index, &keys->signals[i], rule))) {
            break;
        }
    }
    return first;
}

/* ---- the file */

static int add_rule(struct maker *maker, size_t index, const struct ct_route_rule *rule)
{
    if (maker->count == CT_ROUTES_MAX) {
        return refuse(maker, index, CT_ERR_FULL, "too many; both directions together are at most 1024");
    }
    maker->written_as[maker->count] = (uint32_t)index;
    maker->rules[maker->count++] = *rule;
    return CT_OK;
}

static int add_both(struct maker *maker, size_t index, const struct route_keys *keys, struct ct_route_rule *rule)
{
    int err = add_rule(maker, index, rule);
    if (err == CT_OK && keys->direction == BOTH) {
        const uint8_t from = rule->from;
        rule->from = rule->to;
        rule->to = from;
        err = add_rule(maker, index, rule);
    }
    return err;
}

static int add_route(struct maker *maker, size_t index, const struct route_keys *keys)
{
    struct ct_route_rule rule = {.max_per_s = keys->rate, .line = maker->lines[index]};
    int first = CT_OK;
    if (!(keys->rate > 0) || !isfinite(keys->rate)) {
        first = refuse(maker, index, CT_ERR_RANGE, "'rate' must be above 0 (per second)");
    }
    snprintf(rule.name, sizeof rule.name, "%s", keys->name != NULL ? keys->name : "");
    (void)(goes_on(maker, &first, CT_OK) && goes_on(maker, &first, find_buses(maker, index, keys, &rule)) &&
           goes_on(maker, &first, take_id(maker, index, keys, &rule)) &&
           goes_on(maker, &first, take_signals(maker, index, keys, &rule)));
    return first == CT_OK ? add_both(maker, index, keys, &rule) : first;
}

static void drop_rule(struct maker *maker, size_t at)
{
    maker->count--;
    memmove(&maker->rules[at], &maker->rules[at + 1], (maker->count - at) * sizeof maker->rules[0]);
    memmove(&maker->written_as[at], &maker->written_as[at + 1], (maker->count - at) * sizeof maker->written_as[0]);
}

/* Those that cannot be beside the others are told, and left out to find the next. */
static int create(struct maker *maker, struct ct_routes **out_routes)
{
    int first = CT_OK;
    size_t wrong = 0;
    int err = ct_routes_create(maker->rules, maker->count, maker->world->fd, out_routes, &wrong);
    while (err != CT_OK && maker->count > 0) {
        const char *what = err == CT_ERR_EXISTS ? "an earlier route has the same ids, 'from' and 'to'"
                           : err == CT_ERR_FULL ? "more than 16 different masks on one bus"
                                                : ct_err_text(err);
        const bool more = goes_on(maker, &first, refuse(maker, maker->written_as[wrong], err, what));
        if (!more || err != CT_ERR_EXISTS) {
            break;
        }
        drop_rule(maker, wrong);
        err = ct_routes_create(maker->rules, maker->count, maker->world->fd, out_routes, &wrong);
    }
    return first == CT_OK ? err : first;
}

static int make(struct maker *maker, const struct routes_keys *keys, struct ct_routes **out_routes)
{
    struct ct_routes *routes = NULL;
    int first = CT_OK;
    ct_config_lines(maker->text, maker->len, "routes", maker->lines, CT_ROUTES_MAX);
    for (uint32_t i = 0; i < keys->routes_count && goes_on(maker, &first, CT_OK); i++) {
        (void)goes_on(maker, &first, add_route(maker, i, &keys->routes[i]));
    }
    if (goes_on(maker, &first, CT_OK)) {
        (void)goes_on(maker, &first, create(maker, &routes));
    }
    if (first != CT_OK) {
        ct_routes_free(routes);
        return first;
    }
    *out_routes = routes;
    return CT_OK;
}

int ct_routes_load_text(const char *name, const char *text, size_t len, const struct ct_routes_world *world,
                        struct ct_routes **out_routes, char *problem, size_t problem_size)
{
    void *config = NULL;
    int err = ct_config_load_text(name, text, len, &file_schema, &config, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct maker *maker = calloc(1, sizeof *maker);
    if (maker != NULL) {
        maker->world = world;
        maker->name = name;
        maker->text = text;
        maker->len = len;
        maker->problem = problem;
        maker->problem_size = problem_size;
        err = make(maker, config, out_routes);
        free(maker);
    } else {
        err = CT_ERR_NO_MEMORY;
        ct_problems_add(problem, problem_size, "%s: error: %s", name, ct_err_text(err));
    }
    ct_config_free(&file_schema, config);
    return err;
}

int ct_routes_load(const char *path, const struct ct_routes_world *world, struct ct_routes **out_routes, char *problem,
                   size_t problem_size)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, FILE_MAX_BYTES, &text, &len);
    if (err != CT_OK) {
        ct_problems_begin(problem, problem_size);
        ct_problems_add(problem, problem_size, "%s: error: the routes cannot be read: %s", path, ct_err_text(err));
        return err;
    }
    err = ct_routes_load_text(path, (const char *)text, len, world, out_routes, problem, problem_size);
    free(text);
    return err;
}
