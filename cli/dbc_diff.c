/* cantwin dbc diff: what two DBC files mean differently. */
#include "dbc_cmd.h"
#include "dbc_files.h"
#include "diff.h"
#include "json.h"

#include <getopt.h>
#include <stdio.h>

#define OUTPUT_MAX ((size_t)1024 * 1024 * 1024)

static const char help[] =
    "usage: cantwin dbc diff [OPTION]... OLD NEW\n"
    "\n"
    "Prints what two DBC files mean differently, one line each: + added, - removed, ~ changed. Messages are matched "
    "by\n"
    "id, everything else by name; order, layout of the text and places do not count.\n"
    "\n"
    "  -C, --no-comments     comments do not count either\n"
    "  -j, --json            one JSON object instead\n"
    "  -q, --quiet           print nothing\n"
    "  -h, --help            this text\n"
    "\n"
    "examples:\n"
    "  cantwin dbc diff car-2024.dbc car-2025.dbc\n"
    "  cantwin dbc dump --dbc odd.dbc > normal.dbc && cantwin dbc diff --quiet odd.dbc normal.dbc && echo same\n"
    "\n"
    "exit codes: 0 no difference, 1 there are some, 2 usage, 3 a file cannot be read (or used)\n";

struct diff {
    struct ct_dbc_diff_options options;
    bool as_json;
    bool quiet;
    struct ct_json json;
};

static void print_json(struct ct_json *json, const struct ct_dbc_change *change)
{
    static const char *const kinds[] = {
        [CT_DBC_ADDED] = "added", [CT_DBC_REMOVED] = "removed", [CT_DBC_CHANGED] = "changed"};
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "kind", kinds[change->kind]);
    ct_json_string(json, "object", change->object);
    if (change->field[0] != '\0') {
        ct_json_string(json, "field", change->field);
    }
    if (change->field[0] != '\0' && change->kind != CT_DBC_ADDED) {
        ct_json_string(json, "before", change->before);
    }
    if (change->field[0] != '\0' && change->kind != CT_DBC_REMOVED) {
        ct_json_string(json, "after", change->after);
    }
    ct_json_object_end(json);
}

/* A value on one line. */
static void print_value(const char *text)
{
    putchar('"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            fputs("\\n", stdout);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void print_change(void *user, const struct ct_dbc_change *change)
{
    static const char marks[] = {[CT_DBC_ADDED] = '+', [CT_DBC_REMOVED] = '-', [CT_DBC_CHANGED] = '~'};
    struct diff *diff = user;
    if (diff->quiet) {
        return;
    }
    if (diff->as_json) {
        print_json(&diff->json, change);
        return;
    }
    printf("%c %s", marks[change->kind], change->object);
    if (change->field[0] != '\0') {
        printf(": %s ", change->field);
        print_value(change->kind == CT_DBC_ADDED ? change->after : change->before);
        if (change->kind == CT_DBC_CHANGED) {
            fputs(" -> ", stdout);
            print_value(change->after);
        }
    }
    putchar('\n');
}

static int read_options(struct diff *diff, int argc, char **argv)
{
    static const struct option options[] = {{"no-comments", no_argument, NULL, 'C'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "Cjqh", options, NULL)) != -1;) {
        switch (c) {
        case 'C':
            diff->options.comments = false;
            break;
        case 'j':
            diff->as_json = true;
            break;
        case 'q':
            diff->quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return CT_EXIT_OK;
        default:
            return CT_EXIT_USAGE;
        }
    }
    if (optind + 2 != argc) {
        fputs("cantwin dbc: error: diff needs two FILEs; see cantwin dbc diff --help\n", stderr);
        return CT_EXIT_USAGE;
    }
    return -1;
}

static int compare(struct diff *diff, const struct ct_dbc *before, const struct ct_dbc *after)
{
    struct ct_buf out;
    size_t count = 0;
    ct_buf_init(&out, OUTPUT_MAX);
    ct_json_init(&diff->json, &out);
    ct_json_object_begin(&diff->json, NULL);
    ct_json_array_begin(&diff->json, "changes");
    int err = ct_dbc_diff(before, after, &diff->options, print_change, diff, &count);
    ct_json_array_end(&diff->json);
    ct_json_object_end(&diff->json);
    err = err == CT_OK ? ct_buf_error(&out) : err;
    if (err == CT_OK && diff->as_json && !diff->quiet) {
        puts(ct_buf_string(&out));
    }
    ct_buf_free(&out);
    if (err != CT_OK || fflush(stdout) != 0) {
        fprintf(stderr, "cantwin dbc: error: diff: %s\n", err != CT_OK ? ct_err_text(err) : "cannot write");
        return CT_EXIT_ENVIRONMENT;
    }
    return count > 0 ? CT_EXIT_FAILED : CT_EXIT_OK;
}

int ct_cli_dbc_diff(int argc, char **argv)
{
    struct diff diff = {.options = {.comments = true}};
    const int wrong = read_options(&diff, argc, argv);
    if (wrong >= 0) {
        return wrong;
    }
    struct ct_dbc *before = NULL;
    struct ct_dbc *after = NULL;
    int status = CT_EXIT_ENVIRONMENT; /* 1 says that the files differ */
    if (ct_cli_dbc_model(argv[optind], &before) == CT_EXIT_OK &&
        ct_cli_dbc_model(argv[optind + 1], &after) == CT_EXIT_OK) {
        status = compare(&diff, before, after);
    }
    ct_dbc_free(before);
    ct_dbc_free(after);
    return status;
}
