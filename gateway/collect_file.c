#include "collect_file.h"

#include "config.h"
#include "problems.h"

#include <stdlib.h>

struct file_rule {
    char *match;
    int64_t interval_ms;
    bool *on_change; /* NULL: not given */
    double threshold;
    char *purpose; /* for people: why this leaves the vehicle */
};

struct file {
    struct file_rule *signals;
    unsigned signals_count;
};

static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("match", CYAML_FLAG_DEFAULT, struct file_rule, match, 1, CYAML_UNLIMITED),
    CYAML_FIELD_INT("interval_ms", CYAML_FLAG_OPTIONAL, struct file_rule, interval_ms),
    CYAML_FIELD_BOOL_PTR("on_change", CYAML_FLAG_OPTIONAL, struct file_rule, on_change),
    CYAML_FIELD_FLOAT("threshold", CYAML_FLAG_OPTIONAL, struct file_rule, threshold),
    CYAML_FIELD_STRING_PTR("purpose", CYAML_FLAG_OPTIONAL, struct file_rule, purpose, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t rule_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_rule, rule_fields)};
static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE("signals", CYAML_FLAG_POINTER, struct file, signals, &rule_schema, 0, 65536), CYAML_FIELD_END};
static const cyaml_schema_value_t file_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

static struct ct_collect_rule to_rule(const struct file_rule *from)
{
    return (struct ct_collect_rule){.match = from->match,
                                    .interval_ms = from->interval_ms,
                                    .on_change = from->on_change == NULL || *from->on_change,
                                    .threshold = from->threshold};
}

/* The rules that ct_collect_create refuses, named for people. */
static bool name_problems(const char *path, const struct file *file, char *problem, size_t size)
{
    bool found = false;
    for (unsigned i = 0; i < file->signals_count; i++) {
        const struct ct_collect_rule rule = to_rule(&file->signals[i]);
        const char *text = rule.interval_ms < 0                       ? "interval_ms must not be negative"
                           : !(rule.threshold >= 0)                   ? "threshold must not be negative"
                           : !rule.on_change && rule.interval_ms == 0 ? "on_change: false needs an interval_ms"
                                                                      : NULL;
        if (text != NULL) {
            ct_problems_add(problem, size, "%s: error: signals[%u] '%s': %s", path, i, rule.match, text);
            found = true;
        }
    }
    return found;
}

int ct_collect_load(const char *path, const struct ct_catalogue *catalogue, struct ct_collect **out_collect,
                    char *problem, size_t problem_size)
{
    void *loaded = NULL;
    int err = ct_config_load(path, &file_schema, &loaded, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct file *file = loaded;
    struct ct_collect_rule *rules = calloc(file->signals_count + 1U, sizeof *rules);
    err = rules == NULL ? CT_ERR_NO_MEMORY : CT_OK;
    for (unsigned i = 0; err == CT_OK && i < file->signals_count; i++) {
        rules[i] = to_rule(&file->signals[i]);
    }
    if (err == CT_OK) {
        err = ct_collect_create(rules, file->signals_count, catalogue, out_collect);
    }
    if (err != CT_OK) {
        ct_problems_begin(problem, problem_size);
        if (!name_problems(path, file, problem, problem_size)) {
            ct_problems_add(problem, problem_size, "%s: error: %s", path, ct_err_text(err));
        }
    }
    free(rules);
    ct_config_free(&file_schema, file);
    return err;
}
