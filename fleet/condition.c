#include "condition.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    enum ct_condition_op op;
} operators[] = {/* the longer ones first */
                 {"==", CT_CONDITION_EQ}, {"!=", CT_CONDITION_NE}, {"<=", CT_CONDITION_LE},
                 {">=", CT_CONDITION_GE}, {"<", CT_CONDITION_LT},  {">", CT_CONDITION_GT}};

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

static const char *take_text(const char *at, struct ct_condition *condition)
{
    const char *end = strchr(at, '"');
    const size_t len = end == NULL ? 0 : (size_t)(end - at);
    if (end == NULL || *skip_space(end + 1) != '\0') {
        return "a text ends with a double quote, and nothing follows";
    }
    if (len >= sizeof condition->text) {
        return "the text is too long";
    }
    if (condition->op > CT_CONDITION_NE) {
        return "a text is compared with == or != only";
    }
    memcpy(condition->text, at, len);
    condition->text[len] = '\0';
    condition->is_text = true;
    return NULL;
}

static const char *take_value(const char *at, struct ct_condition *condition)
{
    char *end;
    if (*at == '"') {
        return take_text(at + 1, condition);
    }
    const bool yes = strncmp(at, "true", 4) == 0;
    if (yes || strncmp(at, "false", 5) == 0) {
        condition->number = yes ? 1.0 : 0.0;
        return *skip_space(at + (yes ? 4 : 5)) == '\0' ? NULL : "nothing may follow the value";
    }
    if (strchr("+-.0123456789", *at) == NULL || *at == '\0') {
        return "the value is a number, true, false, or a text in double quotes";
    }
    condition->number = strtod(at, &end);
    return end != at && isfinite(condition->number) && *skip_space(end) == '\0' ? NULL : "the value is not a number";
}

const char *ct_condition_parse(const char *text, struct ct_condition *out_condition)
{
    struct ct_condition condition = {.op = CT_CONDITION_EQ};
    if (strlen(text) > CT_CONDITION_MAX) {
        return "the condition is too long";
    }
    const char *at = skip_space(text);
    const size_t len = strcspn(at, " \t<>=!\"");
    if (len == 0 || len >= sizeof condition.path) {
        return "a condition is PATH OP VALUE, such as Vehicle.Speed > 100";
    }
    memcpy(condition.path, at, len);
    condition.path[len] = '\0';
    at = skip_space(at + len);
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        const size_t op_len = strlen(operators[i].text);
        if (strncmp(at, operators[i].text, op_len) == 0) {
            condition.op = operators[i].op;
            const char *wrong = take_value(skip_space(at + op_len), &condition);
            if (wrong == NULL) {
                *out_condition = condition;
            }
            return wrong;
        }
    }
    return "behind the path stands one of == != < <= > >=";
}

static bool compare(enum ct_condition_op op, double a, double b)
{
    switch (op) {
    case CT_CONDITION_EQ:
        return a == b;
    case CT_CONDITION_NE:
        return a != b && !isnan(a);
    case CT_CONDITION_LT:
        return a < b;
    case CT_CONDITION_LE:
        return a <= b;
    case CT_CONDITION_GT:
        return a > b;
    case CT_CONDITION_GE:
    default:
        return a >= b;
    }
}

static bool text_holds(const struct ct_condition *condition, const struct ct_entry *entry,
                       const struct ct_sample *sample)
{
    bool same = false;
    if (entry->kind == CT_KIND_STRING) {
        const size_t len = strlen(condition->text);
        same = len == sample->len && (len == 0 || memcmp(sample->bytes, condition->text, len) == 0);
    } else if (entry->kind == CT_KIND_RAW) {
        const char *text = ct_entry_text(entry, sample->raw);
        same = text != NULL && strcmp(text, condition->text) == 0;
    } else {
        return false;
    }
    return same == (condition->op == CT_CONDITION_EQ);
}

bool ct_condition_holds(const struct ct_condition *condition, const struct ct_twin *twin, uint32_t *out_id,
                        struct ct_reading *out_reading)
{
    uint32_t id;
    struct ct_reading reading;
    if (ct_catalogue_find(ct_twin_catalogue(twin), condition->path, &id) != CT_OK ||
        ct_twin_get(twin, id, &reading) != CT_OK ||
        (reading.sample.quality & (CT_Q_NEVER_SEEN | CT_Q_NOT_AVAILABLE)) != 0) {
        return false;
    }
    *out_id = id;
    *out_reading = reading;
    const struct ct_entry *entry = ct_catalogue_entry(ct_twin_catalogue(twin), id);
    if (condition->is_text) {
        return text_holds(condition, entry, &reading.sample);
    }
    return entry->kind <= CT_KIND_DOUBLE &&
           compare(condition->op, ct_entry_physical(entry, &reading.sample), condition->number);
}
