#include "load_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VEHICLES_MAX 50000
#define SIGNALS_MAX  4096 /* of one batch on the wire */

enum kind { TEXT, NUMBER, SWITCH };

struct row {
    const char *name;
    enum kind kind;
    void *target; /* const char *, double or bool */
    double min, max;
};

static int take_number(const struct row *row, const char *text, char *problem, size_t size)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < row->min || value > row->max) {
        (void)snprintf(problem, size, "%s: error: wants a number from %.0f to %.0f, not '%s'", row->name, row->min,
                       row->max, text);
        return CT_ERR_ARGUMENT;
    }
    *(double *)row->target = value;
    return CT_OK;
}

static int take(const struct row *row, const char *value, char *problem, size_t size)
{
    if (row->kind == SWITCH) {
        *(bool *)row->target = true;
        return CT_OK;
    }
    if (value == NULL) {
        (void)snprintf(problem, size, "%s: error: needs a value", row->name);
        return CT_ERR_ARGUMENT;
    }
    if (row->kind == NUMBER) {
        return take_number(row, value, problem, size);
    }
    *(const char **)row->target = value;
    return CT_OK;
}

static int check(const struct ct_load_options *options, char *problem, size_t size)
{
    const char *missing = options->keys == NULL                       ? "--keys DIR"
                          : !options->enrol && options->fleet == NULL ? "--fleet ENDPOINT"
                                                                      : NULL;
    if (missing != NULL) {
        (void)snprintf(problem, size, "error: %s is missing; see cantwin-sim --help", missing);
        return CT_ERR_ARGUMENT;
    }
    const size_t len = strlen(options->name);
    if (len == 0 || len > 32 || strspn(options->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        (void)snprintf(problem, size, "--name: error: wants up to 32 lower-case letters, digits and '-', not '%s'",
                       options->name);
        return CT_ERR_ARGUMENT;
    }
    return CT_OK;
}

int ct_load_options_parse(int argc, char **argv, struct ct_load_options *out_options, char *problem,
                          size_t problem_size)
{
    struct ct_load_options options = {.name = "load"};
    double vehicles = 1;
    double signals = 50;
    double batches = 0;
    options.rate = 1;
    const struct row rows[] = {
        {"--vehicles", NUMBER, &vehicles, 1, VEHICLES_MAX},
        {"--fleet", TEXT, &options.fleet, 0, 0},
        {"--keys", TEXT, &options.keys, 0, 0},
        {"--name", TEXT, &options.name, 0, 0},
        {"--rate", NUMBER, &options.rate, 0, 1000},
        {"--signals", NUMBER, &signals, 1, SIGNALS_MAX},
        {"--duration_s", NUMBER, &options.duration_s, 0, 1e7},
        {"--batches", NUMBER, &batches, 0, 1e9},
        {"--report", TEXT, &options.report, 0, 0},
        {"--enrol", SWITCH, &options.enrol, 0, 0},
        {"--plain", SWITCH, &options.plain, 0, 0},
        {"--packed", SWITCH, &options.packed, 0, 0},
    };
    for (int i = 0; i < argc; i++) {
        const struct row *row = NULL;
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            row = strcmp(argv[i], rows[k].name) == 0 ? &rows[k] : row;
        }
        if (row == NULL) {
            (void)snprintf(problem, problem_size, "error: '%s' does not go with --vehicles; see cantwin-sim --help",
                           argv[i]);
            return CT_ERR_ARGUMENT;
        }
        const char *value = row->kind != SWITCH && i + 1 < argc ? argv[++i] : NULL;
        const int err = take(row, value, problem, problem_size);
        if (err != CT_OK) {
            return err;
        }
    }
    options.vehicles = (uint32_t)vehicles;
    options.signals = (uint32_t)signals;
    options.batches = (uint64_t)batches;
    const int err = check(&options, problem, problem_size);
    if (err == CT_OK) {
        *out_options = options;
    }
    return err;
}
