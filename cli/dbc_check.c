/* cantwin dbc check: the parser's problems and the linter's findings of each file, by place. */
#include "dbc_cmd.h"
#include "dbc_files.h"
#include "json.h"
#include "lint.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX     ((size_t)64 * 1024 * 1024)
#define FINDINGS_MAX 200000 /* per file; further ones are counted */

static const char help[] =
    "usage: cantwin dbc check [OPTION]... FILE...\n"
    "\n"
    "Prints what is wrong or doubtful in DBC files as FILE:LINE:COLUMN: severity: text [CODE].\n"
    "\n"
    "  -d, --disable CODES   do not report these\n"
    "  -e, --enable CODES    report these too: the hints that are off by default\n"
    "  -E, --error CODES     these are errors\n"
    "  -o, --only CODES      report these alone\n"
    "  -j, --json            one JSON object instead\n"
    "  -l, --list            print all codes and what they mean\n"
    "  -h, --help            this text\n"
    "\n"
    "CODES: DBC112, DBC1xx (x: any digit), a name as signal-overlap, or all; several parted by commas.\n"
    "\n"
    "examples:\n"
    "  cantwin dbc check car.dbc truck.dbc\n"
    "  cantwin dbc check --disable signal-overlap,DBC15x --error DBC142 car.dbc\n"
    "  cantwin dbc check --only cycle-time-missing --json car.dbc | jq '.problems[].line'\n"
    "\n"
    "exit codes: 0 no errors (warnings may be there), 1 errors, 2 usage, 3 a file cannot be read\n";

static const char *const severities[] = {
    [CT_DBC_WARNING] = "warning", [CT_DBC_ERROR] = "error", [CT_DBC_INFO] = "info"};

struct finding {
    unsigned code;
    enum ct_dbc_severity severity;
    unsigned line;
    unsigned column;
    size_t order;
    size_t text; /* in `texts` */
};

struct check {
    struct ct_dbc_rules rules;
    bool as_json;
    struct ct_json json;
    struct ct_buf output;
    struct finding *findings; /* of one file */
    size_t count;
    size_t capacity;
    size_t dropped;
    struct ct_buf texts;
    size_t totals[3]; /* by severity */
};

static bool make_room(struct check *check)
{
    if (check->count < check->capacity) {
        return true;
    }
    if (check->capacity >= FINDINGS_MAX) {
        return false;
    }
    const size_t grown = check->capacity == 0 ? 64 : check->capacity * 2;
    struct finding *moved = realloc(check->findings, grown * sizeof *moved);
    if (moved == NULL) {
        return false;
    }
    check->findings = moved;
    check->capacity = grown;
    return true;
}

static void collect(void *user, const struct ct_dbc_problem *problem)
{
    struct check *check = user;
    enum ct_dbc_severity severity = problem->severity;
    if (!ct_dbc_rules_pass(&check->rules, problem->code, &severity)) {
        return;
    }
    check->totals[severity]++;
    if (!make_room(check)) {
        check->dropped++;
        return;
    }
    check->findings[check->count] = (struct finding){.code = (unsigned)problem->code,
                                                     .severity = severity,
                                                     .line = problem->line,
                                                     .column = problem->column,
                                                     .order = check->count,
                                                     .text = check->texts.len};
    ct_buf_append(&check->texts, problem->text, strlen(problem->text) + 1);
    check->count++;
}

static int by_place(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    if (left->column != right->column) {
        return left->column < right->column ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static void print_json(struct check *check, const char *path, const struct finding *finding, const char *text)
{
    char code[8];
    (void)snprintf(code, sizeof code, "DBC%03u", finding->code % 1000U);
    ct_json_object_begin(&check->json, NULL);
    ct_json_string(&check->json, "file", path);
    ct_json_uint(&check->json, "line", finding->line);
    ct_json_uint(&check->json, "column", finding->column);
    ct_json_string(&check->json, "severity", severities[finding->severity]);
    ct_json_string(&check->json, "code", code);
    ct_json_string(&check->json, "name", ct_dbc_code_info(finding->code)->name);
    ct_json_string(&check->json, "text", text);
    ct_json_object_end(&check->json);
}

static void print_findings(struct check *check, const char *path)
{
    if (check->count > 1) {
        qsort(check->findings, check->count, sizeof *check->findings, by_place);
    }
    for (size_t i = 0; i < check->count; i++) {
        const struct finding *finding = &check->findings[i];
        const char *text = ct_buf_string(&check->texts) + finding->text;
        if (check->as_json) {
            print_json(check, path, finding, text);
        } else {
            printf("%s:%u:%u: %s: %s [DBC%03u]\n", path, finding->line, finding->column, severities[finding->severity],
                   text, finding->code);
        }
    }
    if (check->dropped > 0) {
        fprintf(stderr, "cantwin dbc: %s: %zu more problems are not shown\n", path, check->dropped);
    }
}

static int check_file(struct check *check, const char *path)
{
    struct ct_dbc *dbc = NULL;
    check->count = 0;
    check->dropped = 0;
    ct_buf_clear(&check->texts);
    int status = ct_cli_dbc_read(path, collect, check, &dbc);
    if (status == CT_EXIT_OK && ct_dbc_lint(dbc, &check->rules, collect, check) != CT_OK) {
        fprintf(stderr, "cantwin dbc: error: %s: out of memory\n", path);
        status = CT_EXIT_ENVIRONMENT;
    }
    ct_dbc_free(dbc);
    if (ct_buf_error(&check->texts) != CT_OK) {
        fprintf(stderr, "cantwin dbc: error: %s: the texts of its problems are too large\n", path);
        return CT_EXIT_FAILED;
    }
    print_findings(check, path);
    return status;
}

static void print_list(void)
{
    for (unsigned number = 0; number < CT_DBC_CODE_LIMIT; number++) {
        const struct ct_dbc_code_info *info = ct_dbc_code_info(number);
        if (info != NULL) {
            printf("DBC%03u %-8s %-22s %s\n", number, severities[info->severity], info->name, info->text);
        }
    }
}

/* Codes parted by commas. */
static bool set_rules(struct check *check, char *list, enum ct_dbc_action action)
{
    char *rest = list;
    for (char *codes = strsep(&rest, ","); codes != NULL; codes = strsep(&rest, ",")) {
        if (ct_dbc_rules_set(&check->rules, codes, action) != CT_OK) {
            fprintf(stderr, "cantwin dbc: error: no code '%s'; cantwin dbc check --list shows them\n", codes);
            return false;
        }
    }
    return true;
}

static bool set_only(struct check *check, char *list)
{
    return ct_dbc_rules_set(&check->rules, "all", CT_DBC_OFF) == CT_OK && set_rules(check, list, CT_DBC_ON);
}

/* -1: go on with the files behind the options. */
static int read_options(struct check *check, int argc, char **argv)
{
    static const struct option options[] = {
        {"disable", required_argument, NULL, 'd'}, {"enable", required_argument, NULL, 'e'},
        {"error", required_argument, NULL, 'E'},   {"only", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},          {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "d:e:E:o:jlh", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            good = set_rules(check, optarg, CT_DBC_OFF);
            break;
        case 'e':
            good = set_rules(check, optarg, CT_DBC_ON);
            break;
        case 'E':
            good = set_rules(check, optarg, CT_DBC_AS_ERROR);
            break;
        case 'o':
            good = set_only(check, optarg);
            break;
        case 'j':
            check->as_json = true;
            break;
        case 'l':
            print_list();
            return CT_EXIT_OK;
        case 'h':
            fputs(help, stdout);
            return CT_EXIT_OK;
        default:
            good = false;
        }
    }
    return good ? -1 : CT_EXIT_USAGE;
}

static int check_files(struct check *check, int count, char **files)
{
    int status = CT_EXIT_OK;
    ct_json_object_begin(&check->json, NULL);
    ct_json_array_begin(&check->json, "problems");
    for (int i = 0; i < count; i++) {
        const int one = check_file(check, files[i]);
        status = one > status ? one : status;
    }
    ct_json_array_end(&check->json);
    ct_json_uint(&check->json, "files", (uint64_t)count);
    ct_json_uint(&check->json, "errors", check->totals[CT_DBC_ERROR]);
    ct_json_uint(&check->json, "warnings", check->totals[CT_DBC_WARNING]);
    ct_json_uint(&check->json, "infos", check->totals[CT_DBC_INFO]);
    ct_json_object_end(&check->json);
    if (check->as_json && (ct_buf_error(&check->output) != CT_OK || puts(ct_buf_string(&check->output)) == EOF)) {
        fputs("cantwin dbc: error: cannot write to standard output\n", stderr);
        return CT_EXIT_ENVIRONMENT;
    }
    fprintf(stderr, "%d files, %zu errors, %zu warnings, %zu infos\n", count, check->totals[CT_DBC_ERROR],
            check->totals[CT_DBC_WARNING], check->totals[CT_DBC_INFO]);
    return status == CT_EXIT_OK && check->totals[CT_DBC_ERROR] > 0 ? CT_EXIT_FAILED : status;
}

int ct_cli_dbc_check(int argc, char **argv)
{
    struct check check = {0};
    int status = read_options(&check, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (optind >= argc) {
        fputs("cantwin dbc: error: check needs a FILE; see cantwin dbc check --help\n", stderr);
        return CT_EXIT_USAGE;
    }
    ct_buf_init(&check.texts, TEXT_MAX);
    ct_buf_init(&check.output, 4 * TEXT_MAX);
    ct_json_init(&check.json, &check.output);
    status = check_files(&check, argc - optind, argv + optind);
    free(check.findings);
    ct_buf_free(&check.texts);
    ct_buf_free(&check.output);
    return status;
}
