#include "mapping.h"

#include "command.h"
#include "mapping_place.h"
#include "name_table.h"
#include "problems.h"
#include "transform.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX           32
#define DEFAULT_INTERVAL_MS 1000
#define INTERVAL_MAX_MS     (24 * 3600 * 1000)

struct owned_mapping {
    struct ct_mapping mapping; /* first: what the caller holds */
    struct ct_arena arena;
    struct ct_transform *transforms;
    struct ct_map_rule *rules;
    size_t capacity;
};

struct parser {
    struct owned_mapping *owned;
    struct ct_name_table names;
    struct ct_json_places places;
    size_t key; /* of the node that is looked at */
    const char *file;
    char *problem;
    size_t problem_size;
    char path[CT_PATH_MAX + 1];
};

static int report(const struct parser *parser, int err, const char *format, ...) CT_PRINTF(3, 4);

/* Of the node that is looked at; before there is one, the beginning. */
static struct ct_json_place place_of(const struct parser *parser)
{
    return parser->key < parser->places.count ? parser->places.keys[parser->key] : (struct ct_json_place){1, 1};
}

static int report(const struct parser *parser, int err, const char *format, ...)
{
    const struct ct_json_place place = place_of(parser);
    char text[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ct_problems_add(parser->problem, parser->problem_size, "%s:%u:%u: error: %s%s%s", parser->file, place.line,
                    place.column, parser->path, parser->path[0] == '\0' ? "" : ": ", text);
    return err;
}

/* Keeps the first error; true when there is more to look at: after an error only where all problems are wanted. */
static bool goes_on(const struct parser *parser, int *first, int err)
{
    *first = *first == CT_OK ? err : *first;
    return *first == CT_OK || (ct_problems_all(parser->problem_size) && err != CT_ERR_NO_MEMORY);
}

static int no_memory(const struct parser *parser)
{
    return report(parser, CT_ERR_NO_MEMORY, "%s", ct_err_text(CT_ERR_NO_MEMORY));
}

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* An optional text; `out_text` stays as it is when the key is not there. */
static int get_text(const struct parser *parser, const cJSON *object, const char *key, const char **out_text)
{
    const cJSON *item = get(object, key);
    if (item == NULL) {
        return CT_OK;
    }
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
        return report(parser, CT_ERR_SYNTAX, "'%s' must be a text that is not empty", key);
    }
    *out_text = ct_arena_text(&parser->owned->arena, item->valuestring, strlen(item->valuestring));
    return *out_text == NULL ? no_memory(parser) : CT_OK;
}

static int get_comment(const struct parser *parser, const cJSON *node, const char **out_text)
{
    const cJSON *item = get(node, "description");
    *out_text =
        cJSON_IsString(item) ? ct_arena_text(&parser->owned->arena, item->valuestring, strlen(item->valuestring)) : "";
    return *out_text == NULL ? no_memory(parser) : CT_OK;
}

static int get_bound(const struct parser *parser, const cJSON *node, const char *key, double *out_value)
{
    const cJSON *item = get(node, key);
    if (item == NULL) {
        return CT_OK;
    }
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)) {
        return report(parser, CT_ERR_SYNTAX, "'%s' must be a number", key);
    }
    *out_value = item->valuedouble;
    return CT_OK;
}

static int get_range(const struct parser *parser, const cJSON *node, struct ct_map_rule *rule)
{
    if (get(node, "min") == NULL && get(node, "max") == NULL) {
        return CT_OK;
    }
    rule->min = -(double)INFINITY;
    rule->max = (double)INFINITY;
    int err = get_bound(parser, node, "min", &rule->min);
    err = err == CT_OK ? get_bound(parser, node, "max", &rule->max) : err;
    if (err == CT_OK && rule->min > rule->max) {
        return report(parser, CT_ERR_RANGE, "'min' is above 'max'");
    }
    return err;
}

static int get_datatype(const struct parser *parser, const cJSON *node, enum ct_datatype *out_datatype)
{
    static const char *const names[] = {
        [CT_DT_BOOLEAN] = "boolean", [CT_DT_INT8] = "int8",   [CT_DT_INT16] = "int16",   [CT_DT_INT32] = "int32",
        [CT_DT_INT64] = "int64",     [CT_DT_UINT8] = "uint8", [CT_DT_UINT16] = "uint16", [CT_DT_UINT32] = "uint32",
        [CT_DT_UINT64] = "uint64",   [CT_DT_FLOAT] = "float", [CT_DT_DOUBLE] = "double", [CT_DT_STRING] = "string",
    };
    const cJSON *item = get(node, "datatype");
    if (!cJSON_IsString(item)) {
        return report(parser, CT_ERR_SYNTAX, "'datatype' is missing");
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(item->valuestring, names[i]) == 0) {
            *out_datatype = (enum ct_datatype)i;
            return CT_OK;
        }
    }
    return report(parser, CT_ERR_UNSUPPORTED,
                  "datatype '%.32s' cannot be mapped; use boolean, string, float, double or "
                  "an integer type such as uint8",
                  item->valuestring);
}

static int check_keys(const struct parser *parser, const cJSON *json, const char *section)
{
    static const char *const known[] = {"signal", "interval_ms", "on_change", "transform", "bus", "message"};
    const cJSON *item = NULL;
    int first = CT_OK;
    cJSON_ArrayForEach(item, json)
    {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(item->string, known[i]) != 0) {
            i++;
        }
        if (i == sizeof(known) / sizeof(known[0]) &&
            !goes_on(parser, &first,
                     report(parser, CT_ERR_SYNTAX,
                            "unknown key '%.64s' in '%s'; known keys: signal, interval_ms, on_change, transform, bus, "
                            "message",
                            item->string, section))) {
            break;
        }
    }
    return first;
}

static int parse_transform(const struct parser *parser, const cJSON *json, const struct ct_transform **out_transform)
{
    if (json == NULL) {
        return CT_OK;
    }
    char why[256] = "";
    const int err = ct_transform_parse(&parser->owned->arena, json, &parser->owned->transforms, why, sizeof(why));
    if (err != CT_OK) {
        return report(parser, err, "%s", why[0] == '\0' ? ct_err_text(err) : why);
    }
    *out_transform = parser->owned->transforms;
    return CT_OK;
}

static int parse_signal(const struct parser *parser, const cJSON *json, const char *section,
                        struct ct_map_signal *signal)
{
    if (!cJSON_IsObject(json)) {
        return report(parser, CT_ERR_SYNTAX, "'%s' must be an object with at least 'signal'", section);
    }
    int first = CT_OK;
    if (get(json, "signal") == NULL) {
        (void)goes_on(parser, &first, report(parser, CT_ERR_SYNTAX, "'%s' names no 'signal'", section));
    }
    if (goes_on(parser, &first, CT_OK) && goes_on(parser, &first, check_keys(parser, json, section)) &&
        goes_on(parser, &first, get_text(parser, json, "bus", &signal->bus)) &&
        goes_on(parser, &first, get_text(parser, json, "message", &signal->message)) &&
        goes_on(parser, &first, get_text(parser, json, "signal", &signal->signal))) {
        (void)goes_on(parser, &first, parse_transform(parser, get(json, "transform"), &signal->transform));
    }
    return first;
}

/* Kuksa: neither given -> every second; on_change alone -> no interval. */
static int parse_timing(const struct parser *parser, const cJSON *json, struct ct_map_rule *rule)
{
    const cJSON *on_change = get(json, "on_change");
    const cJSON *interval = get(json, "interval_ms");
    int first = CT_OK;
    if (on_change != NULL && !cJSON_IsBool(on_change) &&
        !goes_on(parser, &first, report(parser, CT_ERR_SYNTAX, "'on_change' must be true or false"))) {
        return first;
    }
    rule->on_change = cJSON_IsTrue(on_change);
    rule->interval_ms = rule->on_change ? 0 : DEFAULT_INTERVAL_MS;
    if (interval == NULL) {
        return first;
    }
    const double ms = interval->valuedouble;
    if (!cJSON_IsNumber(interval) || !(ms >= 0.0 && ms <= INTERVAL_MAX_MS) || ms != floor(ms)) {
        return report(parser, CT_ERR_RANGE, "'interval_ms' must be a whole number from 0 to %d", INTERVAL_MAX_MS);
    }
    rule->interval_ms = (int64_t)ms;
    return first;
}

static int parse_read(const struct parser *parser, const cJSON *node, struct ct_map_rule *rule)
{
    const cJSON *json = get(node, "dbc2vss");
    const cJSON *synonym = get(node, "dbc");
    if (json != NULL && synonym != NULL) {
        return report(parser, CT_ERR_SYNTAX, "has both 'dbc2vss' and its synonym 'dbc'; keep one");
    }
    const char *section = json != NULL ? "dbc2vss" : "dbc";
    json = json != NULL ? json : synonym;
    if (json == NULL) {
        return CT_OK;
    }
    rule->has_read = true;
    int first = CT_OK;
    if (goes_on(parser, &first, parse_signal(parser, json, section, &rule->read))) {
        (void)goes_on(parser, &first, parse_timing(parser, json, rule));
    }
    return first;
}

static int parse_write(const struct parser *parser, const cJSON *node, struct ct_map_rule *rule)
{
    const cJSON *json = get(node, "vss2dbc");
    if (json == NULL) {
        return CT_OK;
    }
    if (!rule->is_actuator) {
        return report(parser, CT_ERR_SYNTAX, "'vss2dbc' is for nodes of type actuator only");
    }
    rule->has_write = true;
    return parse_signal(parser, json, "vss2dbc", &rule->write);
}

static int add_rule(struct parser *parser, const struct ct_map_rule *rule)
{
    struct owned_mapping *owned = parser->owned;
    if (owned->mapping.count == owned->capacity) {
        const size_t capacity = owned->capacity == 0 ? 64 : owned->capacity * 2;
        struct ct_map_rule *rules = realloc(owned->rules, capacity * sizeof(*rules));
        if (rules == NULL) {
            return no_memory(parser);
        }
        owned->rules = rules;
        owned->capacity = capacity;
    }
    const int err = ct_name_table_add(&parser->names, rule->path, (uint32_t)owned->mapping.count);
    if (err != CT_OK) {
        return report(parser, err, "%s", err == CT_ERR_EXISTS ? "is mapped twice; keep one" : ct_err_text(err));
    }
    owned->rules[owned->mapping.count++] = *rule;
    return CT_OK;
}

static int parse_leaf(struct parser *parser, const cJSON *node, bool is_actuator)
{
    if (get(node, "dbc2vss") == NULL && get(node, "dbc") == NULL && get(node, "vss2dbc") == NULL) {
        return CT_OK;
    }
    struct ct_map_rule rule = {.is_actuator = is_actuator, .unit = ""};
    int first = CT_OK;
    rule.line = place_of(parser).line;
    rule.column = place_of(parser).column;
    rule.path = ct_arena_text(&parser->owned->arena, parser->path, strlen(parser->path));
    (void)(goes_on(parser, &first, rule.path == NULL ? no_memory(parser) : CT_OK) &&
           goes_on(parser, &first, get_datatype(parser, node, &rule.datatype)) &&
           goes_on(parser, &first, get_text(parser, node, "unit", &rule.unit)) &&
           goes_on(parser, &first, get_comment(parser, node, &rule.comment)) &&
           goes_on(parser, &first, get_range(parser, node, &rule)) &&
           goes_on(parser, &first, parse_read(parser, node, &rule)) &&
           goes_on(parser, &first, parse_write(parser, node, &rule)));
    return first == CT_OK ? add_rule(parser, &rule) : first;
}

/* `key`: the number of the first key inside `nodes`. */
static int parse_children(struct parser *parser, const cJSON *nodes, size_t key, unsigned depth);

static int parse_branch(struct parser *parser, const cJSON *node, unsigned depth)
{
    if (get(node, "dbc2vss") != NULL || get(node, "dbc") != NULL || get(node, "vss2dbc") != NULL) {
        return report(parser, CT_ERR_SYNTAX, "a branch cannot be mapped; map its sensors and actuators");
    }
    const cJSON *children = get(node, "children");
    if (children == NULL) {
        return CT_OK;
    }
    if (!cJSON_IsObject(children)) {
        return report(parser, CT_ERR_SYNTAX, "'children' must be an object");
    }
    size_t key = parser->key + 1;
    for (const cJSON *before = node->child; before != children; before = before->next) {
        key += 1 + ct_json_key_count(before);
    }
    return parse_children(parser, children, key + 1, depth + 1);
}

static int parse_node(struct parser *parser, const cJSON *node, unsigned depth)
{
    const cJSON *type = get(node, "type");
    if (!cJSON_IsString(type)) {
        return report(parser, CT_ERR_SYNTAX, "'type' is missing; use branch, sensor, actuator or attribute");
    }
    if (strcmp(type->valuestring, "branch") == 0) {
        return parse_branch(parser, node, depth);
    }
    const bool is_actuator = strcmp(type->valuestring, "actuator") == 0;
    if (!is_actuator && strcmp(type->valuestring, "sensor") != 0 && strcmp(type->valuestring, "attribute") != 0) {
        return report(parser, CT_ERR_SYNTAX, "type '%.32s' is unknown; use branch, sensor, actuator or attribute",
                      type->valuestring);
    }
    return parse_leaf(parser, node, is_actuator);
}

static bool is_node_name(const char *name)
{
    size_t len = 0;
    while (isalnum((unsigned char)name[len]) != 0 || name[len] == '_') {
        len++;
    }
    return len > 0 && name[len] == '\0';
}

static int parse_child(struct parser *parser, const cJSON *node, size_t len, unsigned depth)
{
    if (!is_node_name(node->string)) {
        (void)snprintf(parser->path + len, sizeof(parser->path) - len, "%s%.60s", len == 0 ? "" : ".", node->string);
        return report(parser, CT_ERR_SYNTAX, "names are letters, digits and '_'");
    }
    const int used =
        snprintf(parser->path + len, sizeof(parser->path) - len, "%s%s", len == 0 ? "" : ".", node->string);
    if (used < 0 || (size_t)used >= sizeof(parser->path) - len) {
        return report(parser, CT_ERR_TOO_LARGE, "path is longer than %d", CT_PATH_MAX);
    }
    return parse_node(parser, node, depth);
}

static int parse_children(struct parser *parser, const cJSON *nodes, size_t key, unsigned depth)
{
    if (depth > DEPTH_MAX) {
        return report(parser, CT_ERR_TOO_LARGE, "nested deeper than %d branches", DEPTH_MAX);
    }
    const size_t len = strlen(parser->path);
    const cJSON *node = NULL;
    int first = CT_OK;
    cJSON_ArrayForEach(node, nodes)
    {
        parser->key = key;
        if (!goes_on(parser, &first, parse_child(parser, node, len, depth))) {
            break;
        }
        key += 1 + ct_json_key_count(node);
        parser->path[len] = '\0';
    }
    return first;
}

/* The JSON library tells only where it stopped. */
static int report_json(const struct parser *parser, const char *text, size_t len, const char *end)
{
    size_t line = 1;
    size_t column = 1;
    for (const char *p = text; p < end && p < text + len; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    ct_problems_add(parser->problem, parser->problem_size, "%s:%zu:%zu: error: not valid JSON from here on",
                    parser->file, line, column);
    return CT_ERR_SYNTAX;
}

static int parse_text(struct parser *parser, const char *text, size_t len)
{
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (root == NULL) {
        return report_json(parser, text, len, end);
    }
    while (end < text + len && strchr(" \t\r\n", *end) != NULL && *end != '\0') {
        end++;
    }
    int err = CT_OK;
    if (end < text + len && *end != '\0') {
        err = report_json(parser, text, len, end);
    } else if (!cJSON_IsObject(root)) {
        err = report(parser, CT_ERR_SYNTAX, "must be an object of VSS nodes");
    } else {
        err = ct_json_places_read(&parser->places, text, (size_t)(end - text));
        err = err == CT_OK ? parse_children(parser, root, 0, 1) : no_memory(parser);
    }
    cJSON_Delete(root);
    return err;
}

int ct_mapping_parse(const char *file, const char *text, size_t len, struct ct_mapping **out_mapping, char *problem,
                     size_t problem_size)
{
    struct parser parser = {.file = file, .problem = problem, .problem_size = problem_size};
    parser.owned = calloc(1, sizeof(*parser.owned));
    ct_problems_begin(problem, problem_size);
    if (parser.owned == NULL) {
        return no_memory(&parser);
    }
    const int err = parse_text(&parser, text, len);
    ct_name_table_free(&parser.names);
    ct_json_places_free(&parser.places);
    parser.owned->mapping.rules = parser.owned->rules;
    if (err != CT_OK && !(ct_problems_all(problem_size) && parser.owned->mapping.count > 0)) {
        ct_mapping_free(&parser.owned->mapping);
        return err;
    }
    *out_mapping = &parser.owned->mapping;
    return err;
}

void ct_mapping_free(struct ct_mapping *mapping)
{
    struct owned_mapping *owned = (struct owned_mapping *)mapping;
    if (owned != NULL) {
        ct_transform_free_all(owned->transforms);
        ct_arena_free(&owned->arena);
        free(owned->rules);
        free(owned);
    }
}
