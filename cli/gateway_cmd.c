/* cantwin gateway rules: what routing and policy let through and refused, of a running gateway or of a configuration.
 */
#include "commands.h"

#include "load.h"
#include "rules_json.h"
#include "twin_client.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (256U * 1024U)

static const char help[] =
    "usage: cantwin gateway rules [--socket PATH] [--json]\n"
    "       cantwin gateway rules --config FILE [--json]\n"
    "\n"
    "Prints the buses (may they be sent on, anomalies), the routes between them and the rules of the policy, each "
    "with\n"
    "what it has let through and refused and its last verdict. With --config the rules of a configuration as they are\n"
    "understood, without a gateway. --json: one object per line. PATH is `status_socket` of the gateway's\n"
    "configuration; default $CANTWIN_SOCKET, else " CT_TWIN_DEFAULT_SOCKET ".\n"
    "\n"
    "examples:\n"
    "  cantwin gateway rules --socket gateway.sock\n"
    "  cantwin gateway rules --config sim/vehicle/gateway.yaml\n"
    "  cantwin gateway rules --json | jq 'select(.kind == \"route\")'\n"
    "\n"
    "exit codes: 0 done, 1 the gateway broke off, 2 usage or a wrong configuration, 3 no gateway answers there, or a "
    "file\n"
    "cannot be read\n";

struct options {
    const char *socket, *config;
    bool json;
};

static int usage_error(const char *text, const char *what)
{
    fprintf(stderr, "cantwin gateway: error: %s%s; see cantwin gateway --help\n", text, what);
    return CT_EXIT_USAGE;
}

static int parse_options(int argc, char **argv, struct options *options)
{
    const char *from_environment = getenv("CANTWIN_SOCKET");
    *options = (struct options){.socket = from_environment != NULL ? from_environment : CT_TWIN_DEFAULT_SOCKET};
    for (int i = 2; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--socket") == 0 && has_value) {
            options->socket = argv[++i];
        } else if (strcmp(argv[i], "--config") == 0 && has_value) {
            options->config = argv[++i];
        } else {
            return usage_error("unknown or incomplete argument ", argv[i]);
        }
    }
    return CT_EXIT_OK;
}

/* ---- the table */

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static bool is_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key)) != 0;
}

static bool has(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

/* Names and numbers of an object, or the words of a list, one behind the other. */
static void print_all(const cJSON *list, const char *before)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsNumber(item) && item->valuedouble != 0) {
            printf("%s%s %.0f", before, item->string, item->valuedouble);
            before = ", ";
        } else if (cJSON_IsString(item)) {
            printf("%s%s", before, item->valuestring);
            before = ",";
        }
    }
}

static void print_signals(const cJSON *rule)
{
    const cJSON *signal = NULL;
    cJSON_ArrayForEach(signal, cJSON_GetObjectItemCaseSensitive(rule, "signals"))
    {
        const cJSON *member = NULL;
        printf("  %s", ct_twin_text(signal, "name"));
        cJSON_ArrayForEach(member, signal)
        {
            if (cJSON_IsNumber(member)) {
                printf(" %s %g", member->string, member->valuedouble);
            }
        }
    }
}

static void print_counters(const cJSON *rule)
{
    if (!has(rule, "last_age_ms")) {
        return;
    }
    const bool route = has(rule, "forwarded");
    printf("\n      %s %.0f", route ? "forwarded" : "allowed", number_of(rule, route ? "forwarded" : "allowed"));
    if (number_of(rule, "rewritten") > 0) {
        printf(", rewritten %.0f", number_of(rule, "rewritten"));
    }
    print_all(cJSON_GetObjectItemCaseSensitive(rule, "refused"), "; refused: ");
    if (ct_twin_text(rule, "last")[0] != '\0') {
        printf("; last: %s, %.1f s ago", ct_twin_text(rule, "last"), number_of(rule, "last_age_ms") / 1000);
    }
}

static void print_id(const cJSON *rule)
{
    const bool all = strcmp(ct_twin_text(rule, "mask"), is_true(rule, "extended") ? "0x1FFFFFFF" : "0x7FF") == 0;
    printf("%s%s%s%s", ct_twin_text(rule, "id"), is_true(rule, "extended") ? "x" : "", all ? "" : "/",
           all ? "" : ct_twin_text(rule, "mask"));
    if (has(rule, "message")) {
        printf(" %s", ct_twin_text(rule, "message"));
    }
}

static void print_bus(const cJSON *line)
{
    const bool transmit = is_true(line, "transmit");
    const bool policy = is_true(line, "policy_transmit");
    printf("bus %s: transmit %s", ct_twin_text(line, "bus"),
           transmit && policy ? "on"
           : transmit         ? "off (not in the policy's `transmit`)"
           : policy           ? "off (`transmit` of the bus)"
                              : "off");
    if (has(line, "sent")) {
        printf(", sent %.0f, unsent %.0f, unconfirmed %.0f", number_of(line, "sent"), number_of(line, "unsent"),
               number_of(line, "unconfirmed"));
        print_all(cJSON_GetObjectItemCaseSensitive(line, "anomalies"), "; anomalies: ");
    }
}

static void print_route(const cJSON *line)
{
    printf("route %.0f%s%s: %s -> %s ", number_of(line, "number"), has(line, "name") ? " " : "",
           ct_twin_text(line, "name"), ct_twin_text(line, "from"), ct_twin_text(line, "to"));
    print_id(line);
    printf(", %g/s", number_of(line, "rate"));
    print_signals(line);
}

static void print_frame(const cJSON *line)
{
    printf("frame %.0f: %s ", number_of(line, "number"), ct_twin_text(line, "bus"));
    print_id(line);
    printf(", length %.0f..%.0f, %g/s,", number_of(line, "length_min"), number_of(line, "length_max"),
           number_of(line, "rate"));
    print_all(cJSON_GetObjectItemCaseSensitive(line, "origins"), " ");
    print_signals(line);
}

static void print_uds(const cJSON *line)
{
    printf("uds %.0f: %s service 0x%02X, 0x%04X..0x%04X%s, %g/s,", number_of(line, "number"), ct_twin_text(line, "ecu"),
           (unsigned)number_of(line, "service"), (unsigned)number_of(line, "first"),
           (unsigned)number_of(line, "last_value"), is_true(line, "release") ? ", release" : "",
           number_of(line, "rate"));
    print_all(cJSON_GetObjectItemCaseSensitive(line, "origins"), " ");
}

static void print_desired(const cJSON *line)
{
    printf("desired %.0f: %s %g..%g, %g/s,", number_of(line, "number"), ct_twin_text(line, "path"),
           number_of(line, "min"), number_of(line, "max"), number_of(line, "rate"));
    print_all(cJSON_GetObjectItemCaseSensitive(line, "origins"), " ");
}

static void print_conditions(const cJSON *line)
{
    if (has(line, "max_speed_kmh")) {
        printf(", up to %g km/h", number_of(line, "max_speed_kmh"));
    }
    if (is_true(line, "ignition_on")) {
        printf(", ignition on");
    }
    if (has(line, "min_voltage")) {
        printf(", at least %g V", number_of(line, "min_voltage"));
    }
}

static void print_line(const cJSON *line)
{
    static const struct {
        const char *kind;
        void (*print)(const cJSON *line);
    } rows[] = {{"bus", print_bus},
                {"route", print_route},
                {"frame", print_frame},
                {"uds", print_uds},
                {"desired", print_desired}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].kind, ct_twin_text(line, "kind")) == 0) {
            rows[i].print(line);
            print_conditions(line);
            print_counters(line);
            putchar('\n');
        }
    }
}

/* -1: go on. */
static int take_line(const char *text, bool json)
{
    cJSON *line = cJSON_Parse(text);
    int status = -1;
    if (line == NULL || has(line, "error")) {
        fprintf(stderr, "cantwin gateway: error: %s\n", line == NULL ? "not JSON" : ct_twin_text(line, "error"));
        status = CT_EXIT_FAILED;
    } else if (has(line, "end")) {
        status = CT_EXIT_OK;
    } else if (json) {
        fputs(text, stdout);
    } else {
        print_line(line);
    }
    cJSON_Delete(line);
    return status;
}

/* ---- of a running gateway */

static int show_live(const struct options *options)
{
    FILE *stream = ct_twin_connect(options->socket);
    char *line = NULL;
    size_t size = 0;
    int status = -1;
    if (stream == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    fputs("{\"get\":\"rules\"}\n", stream);
    fflush(stream);
    while (status < 0) {
        if (getline(&line, &size, stream) < 0) {
            fputs("cantwin gateway: error: the gateway ended the connection\n", stderr);
            status = CT_EXIT_FAILED;
        } else {
            status = take_line(line, options->json);
        }
    }
    free(line);
    fclose(stream);
    return status;
}

/* ---- of a configuration */

static void show_model(const struct ct_model *model, bool json)
{
    struct ct_rules_bus buses[CT_GATEWAY_BUSES_MAX];
    const unsigned count = model->settings->buses_count;
    struct ct_buf line;
    ct_buf_init(&line, LINE_MAX_BYTES);
    for (unsigned i = 0; i < count; i++) {
        buses[i] = (struct ct_rules_bus){.name = model->settings->buses[i].name,
                                         .transmit = model->settings->buses[i].transmit};
    }
    const struct ct_rules_view view = {
        .policy = model->policy, .routes = model->routes, .buses = buses, .bus_count = count};
    for (size_t i = 0; ct_rules_json_line(&view, i, &line); i++) {
        (void)take_line(ct_buf_string(&line), json);
        ct_buf_clear(&line);
    }
    ct_buf_free(&line);
}

static int show_config(const struct options *options)
{
    struct ct_settings *settings = NULL;
    struct ct_model *model = NULL;
    enum ct_exit exit_code = CT_EXIT_OK;
    char problem[1024];
    int err = ct_settings_load(options->config, NULL, 0, &settings, &exit_code, problem, sizeof problem);
    if (err == CT_OK) {
        err = ct_model_load(settings, options->config, &model, &exit_code, problem, sizeof problem);
        if (err != CT_OK) {
            ct_settings_free(settings);
        }
    }
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return (int)exit_code;
    }
    show_model(model, options->json);
    ct_model_free(model);
    return CT_EXIT_OK;
}

int ct_cli_gateway(int argc, char **argv)
{
    if (argc < 2) {
        return usage_error("what? rules", "");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    if (strcmp(argv[1], "rules") != 0) {
        return usage_error("no command ", argv[1]);
    }
    struct options options;
    const int parsed = parse_options(argc, argv, &options);
    if (parsed != CT_EXIT_OK) {
        return parsed;
    }
    return options.config != NULL ? show_config(&options) : show_live(&options);
}
