#include "check.h"

#include "envelope.h"
#include "keys.h"
#include "load.h"
#include "log.h"
#include "problems.h"
#include "socketcan.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ONE_PROBLEM 600

struct check {
    const struct ct_settings *settings;
    char *problems;
    unsigned warnings;
};

static void add(struct check *check, int err, const char *problem)
{
    if (err != CT_OK) {
        ct_problems_add(check->problems, CT_PROBLEMS_ALL, "%s", problem);
    }
}

/* ---- keys */

static void check_z85(struct check *check, const char *path)
{
    char key[CT_Z85_KEY_SIZE];
    char problem[ONE_PROBLEM] = "";
    if (path != NULL) {
        add(check, ct_key_read_z85(path, key, problem, sizeof problem), problem);
    }
}

static void check_keys(struct check *check)
{
    const struct ct_settings *settings = check->settings;
    char problem[ONE_PROBLEM] = "";
    if (settings->link.endpoint != NULL) {
        check_z85(check, settings->link.server_key);
        check_z85(check, settings->link.next_server_key);
    }
    if (settings->link.endpoint != NULL && settings->link.key != NULL) {
        char own[CT_Z85_KEY_SIZE];
        char secret[CT_Z85_KEY_SIZE];
        add(check, ct_key_read_pair_z85(settings->link.key, own, secret, problem, sizeof problem), problem);
        explicit_bzero(secret, sizeof secret);
    }
    for (unsigned i = 0; i < settings->trust_count; i++) {
        uint8_t key[CT_SIGN_PUBLIC_SIZE];
        problem[0] = '\0';
        add(check, ct_key_read_hex(settings->trust[i].key, key, sizeof key, problem, sizeof problem), problem);
    }
}

/* ---- what is not there now */

static void warn(struct check *check, const char *format, ...) CT_PRINTF(2, 3);

static void warn(struct check *check, const char *format, ...)
{
    char text[ONE_PROBLEM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ct_log(CT_LOG_WARNING, "%s", text);
    check->warnings++;
}

static void check_interface(struct check *check, const struct ct_settings_bus *bus, const char *name)
{
    struct ct_link_message link;
    if (if_nametoindex(name) == 0) {
        warn(check, "bus %s: there is no interface %s now; `ip -br link` lists them", bus->name, name);
    } else if (ct_socketcan_ask_link(name, &link) == CT_OK && link.has_restart && link.restart_ms == 0) {
        warn(check, "bus %s: " CT_LINK_NO_RESTART, bus->name, name);
    }
}

static void check_port(struct check *check, const struct ct_settings_bus *bus)
{
    const char *port = bus->port;
    if (strncmp(port, "unix:", 5) == 0) {
        if (access(port + 5, F_OK) != 0) {
            warn(check, "bus %s: no hub serves %s now; `cantwin bus serve` does", bus->name, port + 5);
        }
    } else if (strncmp(port, "file:", 5) == 0) {
        if (access(port + 5, R_OK) != 0) {
            warn(check, "bus %s: the log %s cannot be read now", bus->name, port + 5);
        }
    } else if (strncmp(port, "socketcan:", 10) == 0) {
        check_interface(check, bus, port + 10);
    } else if (strchr(port, ':') == NULL) {
        check_interface(check, bus, port);
    }
}

static void check_ports(struct check *check)
{
    for (unsigned i = 0; i < check->settings->buses_count; i++) {
        check_port(check, &check->settings->buses[i]);
    }
}

static void check_gpio(struct check *check)
{
    const char *chip = check->settings->gpio.chip;
    char path[300];
    if (chip == NULL) {
        return;
    }
    snprintf(path, sizeof path, "%s%s", chip[0] == '/' ? "" : "/dev/", chip);
    if (access(path, R_OK | W_OK) != 0) {
        warn(check, "gpio: %s cannot be used now (%s is missing or not for this user)", chip, path);
    }
}

static void check_kernel_routes(struct check *check)
{
    const size_t count = ct_socketcan_kernel_routes();
    if (count > 0) {
        warn(check,
             "the kernel routes CAN frames by %zu rules of its own, past routes and policy; `cangw -L` lists them",
             count);
    }
}

void ct_check_routes(const struct ct_model *model)
{
    size_t by = 0;
    for (size_t i = 0; i < ct_routes_count(model->routes); i++) {
        if (ct_routes_hidden(model->routes, i, &by)) {
            const struct ct_route_rule *rule = ct_routes_rule(model->routes, i);
            ct_log(CT_LOG_WARNING,
                   "%s:%" PRIu32 ": this route from %s to %s is never used: that of line %" PRIu32
                   " takes all of its ids first",
                   model->settings->routes, rule->line, model->settings->buses[rule->from].name,
                   model->settings->buses[rule->to].name, ct_routes_rule(model->routes, by)->line);
        }
    }
}

/* What is looked at beside the files that make the model (load.h). */
static void (*const more[])(struct check *check) = {check_keys, check_ports, check_gpio, check_kernel_routes};

/* ---- all of it */

static void report(const struct check *check, const char *config_path)
{
    unsigned count = 0;
    for (char *line = check->problems; *line != '\0'; count++) {
        const size_t len = strcspn(line, "\n");
        ct_log(CT_LOG_ERROR, "%.*s", (int)len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    if (count > 0) {
        ct_log(CT_LOG_ERROR, "%s: %u problem%s", config_path, count, count == 1 ? "" : "s");
    }
}

static void tell_good(const struct ct_app_arguments *arguments, const struct ct_model *model)
{
    ct_log(CT_LOG_INFO, "%s is in order: %zu entries, %zu of them may leave the vehicle", arguments->config_path,
           ct_catalogue_count(ct_bind_catalogue(model->pipeline.bind)), ct_collect_entries(model->pipeline.collect));
}

/* Settings and the model of them; true when all of that is good. */
static bool check_files(struct check *check, const struct ct_app_arguments *arguments,
                        struct ct_settings **out_settings, struct ct_model **out_model)
{
    enum ct_exit ignored = CT_EXIT_OK;
    int err = ct_settings_load(arguments->config_path, arguments->overrides, arguments->override_count, out_settings,
                               &ignored, check->problems, CT_PROBLEMS_ALL);
    if (*out_settings != NULL) {
        const int more_err =
            ct_model_load(*out_settings, arguments->config_path, out_model, &ignored, check->problems, CT_PROBLEMS_ALL);
        err = err == CT_OK ? more_err : err;
    }
    return err == CT_OK;
}

enum ct_exit ct_check_config(const struct ct_app_arguments *arguments)
{
    struct ct_settings *settings = NULL;
    struct ct_model *model = NULL;
    struct check check = {.problems = calloc(1, CT_PROBLEMS_ALL)};
    if (check.problems == NULL) {
        ct_log(CT_LOG_ERROR, "%s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_EXIT_ENVIRONMENT;
    }
    bool good = check_files(&check, arguments, &settings, &model);
    check.settings = settings;
    for (size_t i = 0; settings != NULL && i < sizeof more / sizeof more[0]; i++) {
        more[i](&check);
    }
    if (model != NULL) {
        ct_check_routes(model);
    }
    good = good && check.problems[0] == '\0';
    if (good && model != NULL) {
        tell_good(arguments, model);
    }
    report(&check, arguments->config_path);
    if (model != NULL) {
        ct_model_free(model); /* and with it the settings */
    } else {
        ct_settings_free(settings);
    }
    free(check.problems);
    return good ? CT_EXIT_OK : CT_EXIT_USAGE;
}
