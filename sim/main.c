/* cantwin-sim: a simulated vehicle on one or more buses. */
#include "app.h"
#include "load_run.h"
#include "log.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void print_help(FILE *to)
{
    fputs(
        "usage: cantwin-sim --config FILE [--key value...]\n"
        "       cantwin-sim --vehicles N --fleet ENDPOINT --keys DIR [--rate R] [--signals S] [--duration_s T]\n"
        "       cantwin-sim --vehicles N --keys DIR --enrol\n"
        "\n"
        "A simulated vehicle: a plant model and ECUs that send by DBC at their cycle times, obey commands and answer\n"
        "UDS requests. Ends on SIGTERM or SIGINT, or after duration_s.\n"
        "\n"
        "keys (in the file, or as --key value):\n"
        "  buses       list of {name, port, dbc}; port: unix:HUB, a CAN interface, udp:; without a port the frames\n"
        "              of that bus go to the recording only\n"
        "  seed        another seed, another drive and VIN\n"
        "  record      candump log of every frame sent (T) and received (R)\n"
        "  state_dir   folder in which the ECUs keep DTCs, wrong keys and calibration over a restart\n"
        "  parked      the engine runs, the car stands\n"
        "  duration_s  seconds to run, 0: until it is stopped\n"
        "  step        simulated time, as fast as possible; needs duration_s\n"
        "\n"
        "With --vehicles N there are no buses: N vehicles, each with a drive, a key and a link of its own, send to a\n"
        "backend. Nothing is dropped: a vehicle waits while 64 batches are not acknowledged. SIGHUP restarts all at "
        "once.\n"
        "  --enrol        makes the keys that are missing (DIR/NAME.vehicles.key), adds them to DIR/peers.txt, ends\n"
        "  --fleet        the backend's link.endpoint; its key is DIR/fleet.curve.pub\n"
        "  --name         vehicles are NAME-00000, NAME-00001 ... (load)\n"
        "  --rate         batches a second and vehicle (1); 0: as many as are acknowledged\n"
        "  --signals      values in a batch, at most 4096 (50); the first, Vehicle.Load.Count, is the batch's number\n"
        "  --batches      end when every vehicle has so many acknowledged\n"
        "  --report FILE  at the end a line per vehicle: id, stream, batches made, acknowledged\n"
        "  --plain        never compress\n"
        "  --packed       compress by zstd only, as vehicles do that write no dense deliveries\n"
        "\n"
        "examples:\n"
        "  cantwin-sim --config sim.yaml\n"
        "  cantwin-sim --config sim.yaml --parked --state_dir ecus\n"
        "  cantwin-sim --vehicles 1000 --keys keys --enrol\n"
        "  cantwin-sim --vehicles 1000 --keys keys --fleet tcp://127.0.0.1:17601 --duration_s 60\n"
        "  cantwin-sim --config sim.yaml --record drive.log --duration_s 60\n"
        "  cantwin-sim --config sim.yaml --step --duration_s 3600 --seed 7 --record hour.log\n"
        "\n"
        "exit codes: 0 done, 1 the thing asked failed, 2 wrong usage, 3 environment (file, interface, permission)\n",
        to);
}

/* SIGTERM and SIGINT as something to poll; -1 when that cannot be had. */
static int open_stop(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct ct_sim_settings *settings)
{
    struct ct_sim *sim = NULL;
    const int stop_fd = open_stop();
    if (stop_fd < 0 || ct_sim_open(settings, &sim) != CT_OK) {
        return CT_EXIT_ENVIRONMENT;
    }
    const int err = ct_sim_run(sim, stop_fd);
    const int close_err = ct_sim_close(sim);
    close(stop_fd);
    return err == CT_OK && close_err == CT_OK ? CT_EXIT_OK : CT_EXIT_FAILED;
}

static bool has_option(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A fleet on links in place of one vehicle on buses. */
static int run_fleet(int argc, char **argv)
{
    char problem[512] = "";
    struct ct_load_options options;
    if (ct_load_options_parse(argc - 1, argv + 1, &options, problem, sizeof problem) != CT_OK) {
        (void)fprintf(stderr, "cantwin-sim: %s\n", problem);
        return CT_EXIT_USAGE;
    }
    return ct_load_run(&options);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return CT_EXIT_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("cantwin-sim " CANTWIN_VERSION);
            return CT_EXIT_OK;
        }
    }
    ct_log_open("cantwin-sim", CT_LOG_INFO);
    if (has_option(argc, argv, "--vehicles")) {
        return run_fleet(argc, argv);
    }
    if (argc < 3 || strcmp(argv[1], "--config") != 0) {
        fputs(
            "cantwin-sim: error: --config FILE (or --vehicles N) comes first and is missing; see cantwin-sim --help\n",
            stderr);
        return CT_EXIT_USAGE;
    }
    char problem[512] = "";
    struct ct_sim_settings *settings = NULL;
    const int err = ct_sim_settings_load(argv[2], argc - 3, argv + 3, &settings, problem, sizeof problem);
    if (err != CT_OK) {
        (void)fprintf(stderr, "cantwin-sim: %s\n", problem[0] != '\0' ? problem : ct_err_text(err));
        return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    const int code = run(settings);
    ct_sim_settings_free(settings);
    return code;
}
