#include "transform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int refuse(char *why, size_t why_size, const char *text)
{
    (void)snprintf(why, why_size, "%s", text);
    return CT_ERR_SYNTAX;
}

static int find_x(void *context, const char *name, size_t len, uint32_t *out_index)
{
    (void)context;
    *out_index = 0;
    return len == 1 && name[0] == 'x' ? CT_OK : CT_ERR_NOT_FOUND;
}

static int parse_math(const cJSON *json, struct ct_transform *transform, char *why, size_t why_size)
{
    if (!cJSON_IsString(json)) {
        return refuse(why, why_size, "transform: 'math' must be a text such as \"floor(x * 2)\"");
    }
    const struct ct_expr_names names = {find_x, NULL};
    struct ct_expr_problem problem;
    const int err = ct_expr_compile(json->valuestring, &names, &transform->math, &problem);
    if (err != CT_OK) {
        (void)snprintf(why, why_size, "transform: math \"%.80s\", column %zu: %s", json->valuestring, problem.column,
                       problem.text);
    }
    return err;
}

static int parse_value(struct ct_arena *arena, const cJSON *json, struct ct_map_value *out_value)
{
    *out_value = (struct ct_map_value){0};
    if (cJSON_IsBool(json)) {
        out_value->is_bool = true;
        out_value->number = cJSON_IsTrue(json) ? 1.0 : 0.0;
        return CT_OK;
    }
    if (cJSON_IsNumber(json)) {
        out_value->number = json->valuedouble;
        return CT_OK;
    }
    if (!cJSON_IsString(json)) {
        return CT_ERR_SYNTAX;
    }
    out_value->number = (double)NAN;
    out_value->text = ct_arena_text(arena, json->valuestring, strlen(json->valuestring));
    return out_value->text == NULL ? CT_ERR_NO_MEMORY : CT_OK;
}

static int parse_row(struct ct_arena *arena, const cJSON *json, struct ct_transform_row *out_row)
{
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(json, "from");
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(json, "to");
    if (!cJSON_IsObject(json) || cJSON_GetArraySize(json) != 2) {
        return CT_ERR_SYNTAX;
    }
    const int err = parse_value(arena, from, &out_row->from);
    return err == CT_OK ? parse_value(arena, to, &out_row->to) : err;
}

static int parse_table(struct ct_arena *arena, const cJSON *json, struct ct_transform *transform, char *why,
                       size_t why_size)
{
    static const char form[] =
        "transform: 'mapping' must be a list of {\"from\": value, \"to\": value}, values texts, numbers or booleans";
    const size_t count = (size_t)cJSON_GetArraySize(json);
    if (!cJSON_IsArray(json) || count == 0) {
        return refuse(why, why_size, form);
    }
    struct ct_transform_row *rows = ct_arena_alloc(arena, count * sizeof(*rows));
    if (rows == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    transform->rows = rows;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, json)
    {
        const int err = parse_row(arena, item, &rows[transform->row_count++]);
        if (err != CT_OK) {
            (void)refuse(why, why_size, form);
            return err;
        }
    }
    return CT_OK;
}

int ct_transform_parse(struct ct_arena *arena, const cJSON *json, struct ct_transform **list, char *why,
                       size_t why_size)
{
    const cJSON *math = cJSON_GetObjectItemCaseSensitive(json, "math");
    const cJSON *table = cJSON_GetObjectItemCaseSensitive(json, "mapping");
    if (math != NULL && table != NULL) {
        return refuse(why, why_size, "transform: 'math' and 'mapping' exclude each other; keep one");
    }
    if (!cJSON_IsObject(json) || (math == NULL && table == NULL) || cJSON_GetArraySize(json) != 1) {
        return refuse(why, why_size, "transform: needs exactly one of 'math' and 'mapping'");
    }
    struct ct_transform *transform = ct_arena_alloc(arena, sizeof(*transform));
    if (transform == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    transform->next = *list;
    *list = transform;
    return math != NULL ? parse_math(math, transform, why, why_size)
                        : parse_table(arena, table, transform, why, why_size);
}

void ct_transform_free_all(struct ct_transform *list)
{
    for (; list != NULL; list = list->next) {
        ct_expr_free(list->math);
    }
}

static bool matches(const struct ct_map_value *from, const struct ct_map_value *in)
{
    if (from->text != NULL) {
        return in->text != NULL && strcmp(from->text, in->text) == 0;
    }
    return from->number == in->number;
}

int ct_transform_apply(const struct ct_transform *transform, const struct ct_map_value *in,
                       struct ct_map_value *out_value)
{
    if (transform == NULL) {
        *out_value = *in;
        return CT_OK;
    }
    if (transform->math != NULL) {
        const double number = ct_expr_eval(transform->math, &in->number);
        if (!isfinite(number)) {
            return CT_ERR_RANGE;
        }
        *out_value = (struct ct_map_value){.number = number};
        return CT_OK;
    }
    for (size_t i = 0; i < transform->row_count; i++) {
        if (matches(&transform->rows[i].from, in)) {
            *out_value = transform->rows[i].to;
            return CT_OK;
        }
    }
    return CT_ERR_NOT_FOUND;
}
