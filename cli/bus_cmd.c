/* cantwin bus: serve, dump, send. */
#include "bus_cmd.h"

#include "commands.h"
#include "port_open.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define SEND_PATIENCE_MS 10000

static const char help[] =
    "usage: cantwin bus serve NAME... [--udp [GROUP]] [--udp-bus NAME] [--stuck-limit SECONDS]\n"
    "       cantwin bus dump NAME [--count N] [--console|--log FILE]\n"
    "       cantwin bus send NAME FRAME... [--timeout SECONDS]\n"
    "\n"
    "serve   makes hubs: CAN buses of this machine without a kernel driver, lossless, for any number of\n"
    "        processes. NAME is the path of a unix socket; programs reach it as unix:NAME.\n"
    "        --udp bridges one hub (the first, or --udp-bus NAME) to python-can's udp_multicast bus on the\n"
    "        loopback interface (default group 239.74.163.2). The bridge may lose frames under bursts and\n"
    "        counts them. A client that does not read for --stuck-limit (default 10) is disconnected.\n"
    "dump    prints every frame as a candump log line (--console: as candump shows it) until stopped or\n"
    "        after --count frames. --log records instead, into FILE.log (candump), .asc, .blf or .pcap.\n"
    "send    sends frames as cansend writes them and ends when the bus has accepted them.\n"
    "NAME of dump and send is also can0 (kernel interface), udp: or udp:GROUP; dump reads file:LOG.\n"
    "Logs are played into a bus by `cantwin replay`.\n"
    "\n"
    "examples:\n"
    "  cantwin bus serve /tmp/can0 /tmp/can1 --udp\n"
    "  cantwin bus dump /tmp/can0 --count 10\n"
    "  cantwin bus send /tmp/can0 123#1122334455667788 18DA10F1#021003 123##11122 123#R\n"
    "  cantwin bus dump can0 --log drive.blf\n"
    "\n"
    "exit codes: 0 done, 1 the bus went away or took no frame in time, 2 wrong usage, 3 no such bus or file\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {
    {"serve", ct_bus_serve},
    {"dump", ct_bus_dump},
    {"send", ct_bus_send},
};

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int ct_cli_bus(int argc, char **argv)
{
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    if (argc < 2) {
        fputs(help, stderr);
        return CT_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    return ct_bus_fail(CT_EXIT_USAGE, "no subcommand '%s'; serve, dump or send, see cantwin bus --help", argv[1]);
}

int ct_bus_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cantwin bus: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

int ct_bus_open(const char *name, bool own, struct ct_port **out_port)
{
    char full[256];
    char problem[512];
    struct stat st;
    const bool is_socket = stat(name, &st) == 0 && S_ISSOCK(st.st_mode);
    const bool hub_path = strchr(name, ':') == NULL && (strchr(name, '/') != NULL || is_socket);
    snprintf(full, sizeof full, "%s%s", hub_path ? "unix:" : "", name);
    const struct ct_port_options options = {
        .fd = true, .own = own, .replay_speed = 0, .client = "cantwin bus", .patience = SEND_PATIENCE_MS};
    const int err = ct_port_open(full, &options, out_port, problem, sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

void ct_bus_channel(const char *name, char *out_channel, size_t size)
{
    const char *last = name;
    for (const char *p = name; *p != '\0'; p++) {
        if ((*p == '/' || *p == ':') && p[1] != '\0') {
            last = p + 1;
        }
    }
    snprintf(out_channel, size, "%.31s", last);
    for (char *p = out_channel; *p != '\0'; p++) {
        if (*p <= ' ') {
            *p = '_';
        } else if (*p == ':') {
            *p = '\0'; /* udp: */
            break;
        }
    }
}

int ct_bus_stop_fd(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &stop, NULL) < 0) {
        return ct_err_from_errno(errno);
    }
    const int fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : ct_err_from_errno(errno);
}

int ct_bus_number(const char *text, double min, double *out_number)
{
    char *end;
    const double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < min) {
        return CT_ERR_SYNTAX;
    }
    *out_number = number;
    return CT_OK;
}
