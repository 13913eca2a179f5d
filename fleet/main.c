/* cantwin-fleet: the backend daemon. */
#include "app.h"
#include "clock.h"
#include "log.h"
#include "tools.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PEERS_EVERY CT_NS_PER_S          /* the file of the peers is looked at */
#define MIND_EVERY  (100 * CT_NS_PER_MS) /* descriptors */

static void print_help(FILE *to)
{
    fputs(
        "usage: cantwin-fleet --config FILE [--key value...]\n"
        "       cantwin-fleet --config FILE --backup FOLDER | --restore FOLDER | --support-bundle FILE\n"
        "       cantwin-fleet --new-token FILE NAME viewer|operator|technician\n"
        "\n"
        "The fleet backend: takes in what vehicles send, keeps a twin and the history of each, sends them signed\n"
        "commands, and serves a web page, a REST API and subscriptions. It follows changes of the peers' file; SIGHUP\n"
        "reads peers and tokens again; SIGTERM and SIGINT end it.\n"
        "\n"
        "keys (in the file, or as --key value):\n"
        "  link.endpoint     where vehicles connect          tcp://127.0.0.1:17601\n"
        "  link.key          this backend's CURVE key files, without .pub and .key\n"
        "  link.peers        who may connect (peers.txt of `cantwin keys init`)\n"
        "  publish.endpoint  where subscribers connect       tcp://127.0.0.1:17602\n"
        "  http.address      IP address of page and API      127.0.0.1\n"
        "  http.port         its port                        17680\n"
        "  http.tokens       who may use page and API (needed beyond loopback)\n"
        "  http.tls_certificate, http.tls_key   PEM files: HTTPS\n"
        "  http.allow_origin origin of pages elsewhere that may use the API\n"
        "  director_key      secret key that signs commands\n"
        "  state_dir         folder of the log and the database\n"
        "  alerts.webhook    URL that is told of alerts by POST\n"
        "  retention.history_days, .events_days, .commands_days, .audit_days   0: for ever\n"
        "  log_level         error, warning, info or debug   info\n"
        "\n"
        "at once, instead of serving:\n"
        "  --backup FOLDER          a copy of the store, also while the backend runs\n"
        "  --restore FOLDER         puts a copy back where there is no store\n"
        "  --support-bundle FILE    how this backend is set up and how its store is, without secrets\n"
        "  --new-token FILE NAME ROLE   adds a token to FILE (see http.tokens) and prints it once\n"
        "\n"
        "examples:\n"
        "  cantwin keys init --dir keys --vehicle demo\n"
        "  cantwin-fleet --config fleet.yaml\n"
        "  cantwin-fleet --config fleet.yaml --http.port 8080 --log_level debug\n"
        "  cantwin-fleet --new-token tokens.txt anna operator\n"
        "  cantwin-fleet --config fleet.yaml --backup /backup/fleet-1\n"
        "\n"
        "exit codes: 0 done, 1 the thing asked failed, 2 wrong usage, 3 environment (file, port, permission)\n",
        to);
}

/* A signal, or -1 at the deadline. */
static int wait_signal(const sigset_t *signals, ct_ns deadline)
{
    if (deadline == CT_NS_NEVER) {
        return sigwaitinfo(signals, NULL);
    }
    const ct_ns now = ct_clock_now();
    const ct_ns left = deadline > now ? deadline - now : 0;
    const struct timespec wait = {.tv_sec = (time_t)(left / CT_NS_PER_S), .tv_nsec = (long)(left % CT_NS_PER_S)};
    return sigtimedwait(signals, NULL, &wait);
}

static void reload(struct ct_fleet_app *app)
{
    char problem[512];
    ct_service_notify("RELOADING=1");
    if (ct_fleet_app_reload(app, problem, sizeof problem) == CT_OK) {
        ct_log(CT_LOG_INFO, "peers and tokens read again");
    } else {
        ct_log(CT_LOG_ERROR, "%s; what was read before stays", problem);
    }
    ct_service_notify("READY=1");
}

/* Waits for signals until one of them ends the process. */
static void serve(struct ct_fleet_app *app, const sigset_t *signals)
{
    struct ct_watchdog watchdog;
    ct_watchdog_open(&watchdog, ct_clock_now());
    ct_fleet_app_watch(app, &watchdog);
    int signal = 0;
    ct_ns peers_due = 0;
    while (signal <= 0 || signal == SIGHUP) {
        ct_fleet_app_mind(app);
        const bool look = ct_clock_now() >= peers_due;
        if (signal == SIGHUP || (look && ct_fleet_app_peers_changed(app))) {
            reload(app);
        }
        peers_due = look ? ct_clock_now() + PEERS_EVERY : peers_due;
        const char *stuck = ct_watchdog_turn(&watchdog, ct_clock_now());
        if (stuck != NULL) {
            ct_log(CT_LOG_WARNING, "the thread %s does not come back; the watchdog is not served", stuck);
        }
        signal = wait_signal(signals, ct_ns_min(watchdog.due, ct_clock_now() + MIND_EVERY));
    }
}

/* What the configuration says is wrong: usage; what this machine lacks: environment. */
static int exit_code_of(int err)
{
    const bool content =
        err == CT_ERR_ARGUMENT || err == CT_ERR_SYNTAX || err == CT_ERR_RANGE || err == CT_ERR_UNSUPPORTED;
    return content ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
}

static int run(const struct ct_fleet_settings *settings)
{
    char problem[512] = "";
    struct ct_fleet_app *app = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    /* Before the threads, so that they inherit it and only this one takes signals. */
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    const int err = ct_fleet_app_start(settings, &app, problem, sizeof problem);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s", problem);
        return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    ct_log(CT_LOG_INFO, "page and API at http%s://%s:%u/", settings->http.tls_key == NULL ? "" : "s",
           settings->http.address, settings->http.port);
    ct_log(CT_LOG_INFO, "ready");
    ct_service_notify("READY=1");
    serve(app, &signals);
    ct_service_notify("STOPPING=1");
    return ct_fleet_app_stop(app) == CT_OK ? CT_EXIT_OK : CT_EXIT_ENVIRONMENT;
}

static int load_and_run(int argc, char **argv)
{
    char problem[512] = "";
    struct ct_fleet_settings *settings = NULL;
    const bool tool = argc > 4 && ct_fleet_is_tool(argv[3]);
    const int first = tool ? 5 : 3;
    const int err = ct_fleet_settings_load(argv[2], argc - first, argv + first, &settings, problem, sizeof problem);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s", problem[0] != '\0' ? problem : ct_err_text(err));
        return exit_code_of(err);
    }
    ct_log_open("cantwin-fleet", (enum ct_log_level)settings->log_level);
    const int code = tool ? ct_fleet_tool(argv[3], argv[4], settings) : run(settings);
    ct_fleet_settings_free(settings);
    return code;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return CT_EXIT_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("cantwin-fleet " CANTWIN_VERSION);
            return CT_EXIT_OK;
        }
    }
    ct_log_open("cantwin-fleet", CT_LOG_INFO);
    if (argc > 1 && strcmp(argv[1], "--new-token") == 0) {
        return ct_fleet_new_token(argc - 2, argv + 2);
    }
    if (argc < 3 || strcmp(argv[1], "--config") != 0) {
        print_help(stderr);
        return CT_EXIT_USAGE;
    }
    return load_and_run(argc, argv);
}
