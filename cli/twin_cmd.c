/* cantwin twin get|watch|set|status: the twin on board, over the gateway's status socket. */
#include "commands.h"

#include "errors.h"
#include "json.h"
#include "twin_client.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET CT_TWIN_DEFAULT_SOCKET
#define REQUEST_MAX    4096

static const char help[] =
    "usage: cantwin twin get [--socket PATH] [--json] [GLOB]\n"
    "       cantwin twin watch [--socket PATH] [--json] [--count N] [GLOB]\n"
    "       cantwin twin set [--socket PATH] [--json] ACTUATOR VALUE\n"
    "       cantwin twin status [--socket PATH]\n"
    "\n"
    "get prints the entries whose name fits GLOB (* any characters, ? one; default *), watch prints every change "
    "until\n"
    "stopped or after --count lines, set asks the gateway for a value of an actuator (true, false, a number or a "
    "text;\n"
    "the gateway's policy decides) and tells what became of it, status prints the gateway's counters as JSON.\n"
    "--json prints the gateway's lines as they are. PATH is `status_socket` of the gateway's configuration; default\n"
    "$CANTWIN_SOCKET, else " DEFAULT_SOCKET ".\n"
    "\n"
    "examples:\n"
    "  cantwin twin get 'Vehicle.*Speed*'\n"
    "  cantwin twin watch --socket gateway.sock 'can0.ENGINE_STATUS.*'\n"
    "  cantwin twin set Vehicle.Body.Lights.Beam.Low.IsOn true\n"
    "\n"
    "exit codes: 0 done, 1 nothing fits or the value was not reached, 2 usage, 3 no gateway answers there\n";

struct options {
    const char *socket;
    bool json;
    long count; /* 0: no end */
    const char *words[2];
    int word_count;
};

static int usage_error(const char *text, const char *what)
{
    fprintf(stderr, "cantwin twin: error: %s%s; see cantwin twin --help\n", text, what);
    return CT_EXIT_USAGE;
}

static int parse_count(const char *text, long *out_count)
{
    char *end = NULL;
    errno = 0;
    *out_count = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *out_count > 0 ? CT_OK : CT_ERR_SYNTAX;
}

static int parse_options(int argc, char **argv, struct options *options)
{
    const char *from_environment = getenv("CANTWIN_SOCKET");
    *options = (struct options){.socket = from_environment != NULL ? from_environment : DEFAULT_SOCKET};
    for (int i = 2; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--socket") == 0 && has_value) {
            options->socket = argv[++i];
        } else if (strcmp(argv[i], "--count") == 0 && has_value) {
            if (parse_count(argv[++i], &options->count) != CT_OK) {
                return usage_error("--count needs a number above 0, not ", argv[i]);
            }
        } else if (strncmp(argv[i], "--", 2) == 0) {
            return usage_error("unknown or incomplete option ", argv[i]);
        } else if (options->word_count == 2) {
            return usage_error("too many arguments: ", argv[i]);
        } else {
            options->words[options->word_count++] = argv[i];
        }
    }
    return CT_EXIT_OK;
}

/* ---- the connection */

static FILE *request(const struct options *options, struct ct_buf *line)
{
    ct_buf_text(line, "\n");
    if (ct_buf_error(line) != CT_OK) {
        fputs("cantwin twin: error: the request is too long\n", stderr);
        return NULL;
    }
    FILE *stream = ct_twin_connect(options->socket);
    if (stream != NULL) {
        fwrite(line->data, 1, line->len, stream);
        fflush(stream);
    }
    return stream;
}

/* ---- output */

static void print_entry(const cJSON *entry)
{
    char value[320];
    char quality[160];
    char age[32] = "-";
    const cJSON *age_ms = cJSON_GetObjectItemCaseSensitive(entry, "age_ms");
    ct_twin_value_text(entry, value, sizeof value);
    ct_twin_quality_text(entry, quality, sizeof quality);
    if (cJSON_IsNumber(age_ms)) {
        snprintf(age, sizeof age, "%.1f s", age_ms->valuedouble / 1000);
    }
    printf("%-60s %16s %-8s %9s  %s\n", ct_twin_text(entry, "name"), value, ct_twin_text(entry, "unit"), age, quality);
}

enum line_kind { LINE_ENTRY, LINE_END, LINE_ERROR, LINE_LOST };

/* Prints one line of the gateway and says what it was. */
static enum line_kind print_line(const char *line, bool json)
{
    cJSON *object = cJSON_Parse(line);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(object, "error");
    const cJSON *lost = cJSON_GetObjectItemCaseSensitive(object, "lost");
    enum line_kind kind = LINE_ENTRY;
    if (object == NULL || cJSON_IsString(error)) {
        fprintf(stderr, "cantwin twin: error: %s\n", cJSON_IsString(error) ? error->valuestring : "not JSON");
        kind = LINE_ERROR;
    } else if (cJSON_GetObjectItemCaseSensitive(object, "end") != NULL) {
        kind = LINE_END;
    } else if (cJSON_IsNumber(lost)) {
        fprintf(stderr, "cantwin twin: %.0f changes were lost: they came faster than they were read\n",
                lost->valuedouble);
        kind = LINE_LOST;
    } else if (json) {
        fputs(line, stdout);
    } else {
        print_entry(object);
    }
    cJSON_Delete(object);
    return kind;
}

/* ---- commands */

static const char *glob_of(const struct options *options)
{
    return options->word_count > 0 ? options->words[0] : "*";
}

static int gone(void)
{
    fputs("cantwin twin: error: the gateway ended the connection\n", stderr);
    return CT_EXIT_FAILED;
}

static int read_entries(FILE *stream, const struct options *options)
{
    char *line = NULL;
    size_t size = 0;
    long printed = 0;
    int status = -1;
    while (status < 0) {
        if (getline(&line, &size, stream) < 0) {
            status = gone();
            break;
        }
        const enum line_kind kind = print_line(line, options->json);
        fflush(stdout);
        printed += kind == LINE_ENTRY ? 1 : 0;
        if (kind == LINE_ERROR || (kind == LINE_END && printed == 0)) {
            status = CT_EXIT_FAILED;
        } else if (kind == LINE_END || (options->count > 0 && printed == options->count)) {
            status = CT_EXIT_OK;
        }
    }
    free(line);
    if (printed == 0 && status == CT_EXIT_FAILED) {
        fprintf(stderr, "cantwin twin: no entry fits '%s'\n", glob_of(options));
    }
    return status;
}

static int get_or_watch(const struct options *options, bool watch)
{
    struct ct_buf line;
    struct ct_json json;
    ct_buf_init(&line, REQUEST_MAX);
    ct_json_init(&json, &line);
    ct_json_object_begin(&json, NULL);
    if (!watch) {
        ct_json_string(&json, "get", "twin");
    }
    ct_json_string(&json, watch ? "watch" : "match", glob_of(options));
    ct_json_object_end(&json);
    FILE *stream = request(options, &line);
    ct_buf_free(&line);
    if (stream == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    if (!options->json) {
        printf("%-60s %16s %-8s %9s  %s\n", "NAME", "VALUE", "UNIT", "AGE", "QUALITY");
    }
    const int status = read_entries(stream, options);
    fclose(stream);
    return status;
}

static int run_get(const struct options *options)
{
    return get_or_watch(options, false);
}

static int run_watch(const struct options *options)
{
    return get_or_watch(options, true);
}

static void put_value(struct ct_json *json, const char *text)
{
    char *end = NULL;
    const double number = strtod(text, &end);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        ct_json_bool(json, "value", text[0] == 't');
    } else if (end != text && *end == '\0' && isfinite(number)) {
        ct_json_double(json, "value", number);
    } else {
        ct_json_string(json, "value", text);
    }
}

/* One line of a command's life; -1 while it goes on, else the exit code. */
static int print_state(const char *line, bool json)
{
    cJSON *object = cJSON_Parse(line);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(object, "error");
    const char *state = ct_twin_text(object, "state");
    const char *reason = ct_twin_text(object, "reason");
    int status = -1;
    if (cJSON_IsString(error)) {
        fprintf(stderr, "cantwin twin: error: %s\n", error->valuestring);
        status = CT_EXIT_FAILED;
    } else if (json) {
        fputs(line, stdout);
    } else {
        const bool why = reason[0] != '\0' && strcmp(reason, "none") != 0;
        printf("%s%s%s%s%s\n", state, why ? ": " : "", why ? reason : "",
               ct_twin_text(object, "text")[0] != '\0' ? ": " : "", ct_twin_text(object, "text"));
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "final"))) {
        status = strcmp(state, "done") == 0 ? CT_EXIT_OK : CT_EXIT_FAILED;
    }
    cJSON_Delete(object);
    return status;
}

static int run_set(const struct options *options)
{
    if (options->word_count != 2) {
        return usage_error("set needs an actuator and a value", "");
    }
    struct ct_buf out;
    struct ct_json json;
    ct_buf_init(&out, REQUEST_MAX);
    ct_json_init(&json, &out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "set", options->words[0]);
    put_value(&json, options->words[1]);
    ct_json_object_end(&json);
    FILE *stream = request(options, &out);
    ct_buf_free(&out);
    if (stream == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    char *line = NULL;
    size_t size = 0;
    int status = -1;
    while (status < 0) {
        status = getline(&line, &size, stream) < 0 ? gone() : print_state(line, options->json);
        fflush(stdout);
    }
    free(line);
    fclose(stream);
    return status;
}

static int run_status(const struct options *options)
{
    struct ct_buf out;
    ct_buf_init(&out, REQUEST_MAX);
    ct_buf_text(&out, "{\"get\":\"status\"}");
    FILE *stream = request(options, &out);
    ct_buf_free(&out);
    if (stream == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    char *line = NULL;
    size_t size = 0;
    const bool got = getline(&line, &size, stream) >= 0;
    if (got) {
        fputs(line, stdout);
    }
    free(line);
    fclose(stream);
    return got ? CT_EXIT_OK : gone();
}

static const struct {
    const char *name;
    int (*run)(const struct options *options);
} actions[] = {{"get", run_get}, {"watch", run_watch}, {"set", run_set}, {"status", run_status}};

int ct_cli_twin(int argc, char **argv)
{
    if (argc < 2) {
        return usage_error("get, watch, set or status?", "");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    struct options options;
    const int parsed = parse_options(argc, argv, &options);
    if (parsed != CT_EXIT_OK) {
        return parsed;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[1], actions[i].name) == 0) {
            return actions[i].run(&options);
        }
    }
    return usage_error("no command ", argv[1]);
}
