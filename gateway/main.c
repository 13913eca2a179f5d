/* cantwin-gateway: arguments. */
#include "app.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define OVERRIDES_MAX 64

static void print_help(FILE *to)
{
    fputs("usage: cantwin-gateway --config FILE [--check-config] [--KEY VALUE]...\n"
          "\n"
          "Reads CAN buses by their DBC files, keeps the vehicle's twin, mirrors it to the fleet backend and carries "
          "out\n"
          "its signed commands under the local policy.\n"
          "\n"
          "  --config FILE    the configuration (YAML); paths in it are relative to its folder\n"
          "  --check-config   tell all that is wrong in all files the configuration names, start nothing\n"
          "  --KEY VALUE      replaces a value of the configuration, nested keys joined by dots\n"
          "  --help           this text\n"
          "  --version        the version\n"
          "\n"
          "signals: SIGHUP reloads DBC files, mapping, collection and policy; SIGTERM and SIGINT stop cleanly\n"
          "exit codes: 0 stopped as asked, 1 all buses were logs and one was damaged, 2 wrong arguments or "
          "configuration,\n"
          "3 environment (file, interface, port, key, permission)\n"
          "\n"
          "examples:\n"
          "  cantwin-gateway --config /etc/cantwin/gateway.yaml\n"
          "  cantwin-gateway --config gateway.yaml --link.endpoint tcp://fleet.example:17601 --log_level debug\n",
          to);
}

/* One `--key value`; *at moves on to the value. */
static enum ct_exit take_option(char **argv, int argc, int *at, struct ct_app_arguments *arguments,
                                struct ct_override *overrides)
{
    const char *key = argv[*at] + 2;
    if (*at + 1 == argc) {
        ct_log(CT_LOG_ERROR, "--%s needs a value; see cantwin-gateway --help", key);
        return CT_EXIT_USAGE;
    }
    const char *value = argv[++*at];
    if (strcmp(key, "config") == 0) {
        arguments->config_path = value;
    } else if (arguments->override_count == OVERRIDES_MAX) {
        ct_log(CT_LOG_ERROR, "too many options; put them into the configuration file");
        return CT_EXIT_USAGE;
    } else {
        overrides[arguments->override_count++] = (struct ct_override){key, value};
    }
    return CT_EXIT_OK;
}

static enum ct_exit parse(int argc, char **argv, struct ct_app_arguments *arguments, struct ct_override *overrides)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
            ct_log(CT_LOG_ERROR, "'%s' is no option; see cantwin-gateway --help", argv[i]);
            return CT_EXIT_USAGE;
        }
        if (strcmp(argv[i], "--check-config") == 0) {
            arguments->check_only = true;
        } else if (take_option(argv, argc, &i, arguments, overrides) != CT_EXIT_OK) {
            return CT_EXIT_USAGE;
        }
    }
    if (arguments->config_path == NULL) {
        ct_log(CT_LOG_ERROR, "--config FILE is missing; see cantwin-gateway --help");
        return CT_EXIT_USAGE;
    }
    return CT_EXIT_OK;
}

int main(int argc, char **argv)
{
    ct_log_open("cantwin-gateway", CT_LOG_INFO);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return CT_EXIT_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("cantwin-gateway " CANTWIN_VERSION);
            return CT_EXIT_OK;
        }
    }
    struct ct_override overrides[OVERRIDES_MAX];
    struct ct_app_arguments arguments = {.overrides = overrides};
    const enum ct_exit exit_code = parse(argc, argv, &arguments, overrides);
    return (int)(exit_code != CT_EXIT_OK ? exit_code : ct_app_run(&arguments));
}
