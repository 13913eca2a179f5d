/* cantwin replay: logs played into buses, converted, recorded. */
#include "clock.h"
#include "commands.h"
#include "replay.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cantwin replay FROM [TO] [--speed N|--fast] [--loop] [--channel NAME[=TO]]... [--from S] [--to S]\n"
    "                      [--id ID[-ID]]... [--format candump|asc|blf|pcap]\n"
    "\n"
    "Plays a log into a bus with its recorded timing, or converts it into another kind of log.\n"
    "FROM is a log (candump in both forms, Vector ASC or BLF, plain or .zst or .gz, told by content), - for a candump\n"
    "or ASC on standard input, or a bus that is passed on or recorded until stopped.\n"
    "TO is a bus (unix:PATH, can0, udp:) or a log to write, by extension: .log (candump), .asc, .blf, .pcap; - is "
    "candump on\n"
    "standard output. Logs keep the recorded stamps and are written as fast as possible.\n"
    "\n"
    "  -s, --speed N          n times faster than recorded (default 1, 0 is --fast)\n"
    "  -f, --fast             as fast as the bus takes it\n"
    "  -l, --loop             from the start again at the end of the log, until stopped\n"
    "  -c, --channel NAME     only this channel of the log (candump's name; channel n of ASC and BLF is can<n-1>)\n"
    "  -c, --channel NAME=TO  this channel goes to a place of its own\n"
    "      --from S, --to S   only this window, in seconds from the log's first frame\n"
    "  -i, --id ID[-ID]       only these ids, hex; up to three digits are standard ids, more extended ones\n"
    "      --format KIND      of a log that is written, where its name does not say it\n"
    "  -h, --help             this text\n"
    "\n"
    "examples:\n"
    "  cantwin replay drive.log unix:/run/cantwin/bus0\n"
    "  cantwin replay drive.blf drive.asc\n"
    "  cantwin replay drive.asc --channel can0=unix:/tmp/can0 --channel can1=unix:/tmp/can1 --speed 4 --loop\n"
    "  cantwin replay drive.log.zst part.blf --from 10 --to 20 --id 100-1FF --id 18FEF100\n"
    "\n"
    "exit codes: 0 done, 1 the log is damaged or a bus or disk did not take it, 2 wrong usage, 3 no such bus or file\n";

enum { OPTION_FROM = 256, OPTION_TO, OPTION_FORMAT };

int ct_replay_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cantwin replay: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

static int add_sink(struct ct_replay *r, const char *channel, size_t channel_len, const char *name)
{
    struct ct_replay_sink *sink = &r->sinks[r->sink_count];
    if (r->sink_count == CT_REPLAY_SINKS_MAX || channel_len >= sizeof sink->channel) {
        return ct_replay_fail(CT_EXIT_USAGE, "at most %d places and channel names of up to 31 characters",
                              CT_REPLAY_SINKS_MAX);
    }
    *sink = (struct ct_replay_sink){.name = name};
    memcpy(sink->channel, channel, channel_len);
    r->sink_count++;
    return CT_EXIT_OK;
}

static int add_channel(struct ct_replay *r, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals != NULL && equals > text && equals[1] != '\0') {
        return add_sink(r, text, (size_t)(equals - text), equals + 1);
    }
    if (equals != NULL || text[0] == '\0' || r->channel_count == CT_REPLAY_CHANNELS_MAX) {
        return ct_replay_fail(CT_EXIT_USAGE, "--channel takes NAME or NAME=TO, at most %d times, got '%s'",
                              CT_REPLAY_CHANNELS_MAX, text);
    }
    r->channels[r->channel_count++] = text;
    return CT_EXIT_OK;
}

static bool take_id(const char **text, uint32_t *out_id, bool *out_extended)
{
    char *end;
    const unsigned long id = strtoul(*text, &end, 16);
    const size_t digits = (size_t)(end - *text);
    *out_extended = digits > 3;
    *out_id = (uint32_t)id;
    const bool hex = digits > 0 && digits <= 8 && strspn(*text, "0123456789abcdefABCDEF") == digits;
    *text = end;
    return hex && id <= (digits > 3 ? CT_ID_EXT_MAX : CT_ID_STD_MAX);
}

static int add_id(struct ct_replay *r, const char *text)
{
    struct ct_replay_ids ids;
    const char *at = text;
    bool extended = false;
    bool good = take_id(&at, &ids.first, &ids.extended);
    ids.last = ids.first;
    if (good && *at == '-') {
        at++;
        good = take_id(&at, &ids.last, &extended);
        ids.extended |= extended;
    }
    if (!good || *at != '\0' || ids.last < ids.first || r->id_count == CT_REPLAY_IDS_MAX) {
        return ct_replay_fail(CT_EXIT_USAGE, "--id takes a hex id or a range as 100-1FF, at most %d times, got '%s'",
                              CT_REPLAY_IDS_MAX, text);
    }
    r->ids[r->id_count++] = ids;
    return CT_EXIT_OK;
}

static int take_number(const char *option, double *out_number)
{
    return ct_bus_number(optarg, 0, out_number) == CT_OK
               ? CT_EXIT_OK
               : ct_replay_fail(CT_EXIT_USAGE, "%s needs a number from 0 on, got '%s'", option, optarg);
}

static int take_option(struct ct_replay *r, int option)
{
    switch (option) {
    case 's':
        return take_number("--speed", &r->speed);
    case 'f':
        r->speed = 0;
        return CT_EXIT_OK;
    case 'l':
        r->loop = true;
        return CT_EXIT_OK;
    case 'c':
        return add_channel(r, optarg);
    case 'i':
        return add_id(r, optarg);
    case OPTION_FROM:
        return take_number("--from", &r->begin_s);
    case OPTION_TO:
        return take_number("--to", &r->end_s);
    case OPTION_FORMAT:
        r->format = optarg;
        return CT_EXIT_OK;
    default:
        return ct_replay_fail(CT_EXIT_USAGE, "see cantwin replay --help");
    }
}

static int check(struct ct_replay *r)
{
    bool files = r->sink_count > 0;
    if (r->from == NULL || r->sink_count == 0) {
        return ct_replay_fail(CT_EXIT_USAGE, "%s; see cantwin replay --help",
                              r->from == NULL ? "no log given" : "no place to play to given (a bus or a log file)");
    }
    for (size_t i = 0; i < r->sink_count; i++) {
        files &= ct_replay_is_file(r, r->sinks[i].name);
        if (strcmp(r->sinks[i].name, r->from) == 0 && strcmp(r->from, "-") != 0) {
            return ct_replay_fail(CT_EXIT_USAGE, "FROM and TO are both %s", r->from);
        }
    }
    if (r->loop && (strcmp(r->from, "-") == 0 || ct_replay_is_bus(r->from))) {
        return ct_replay_fail(CT_EXIT_USAGE, "--loop needs a log file, %s cannot be read again", r->from);
    }
    if (r->end_s < r->begin_s) {
        return ct_replay_fail(CT_EXIT_USAGE, "--to lies before --from: nothing would be played");
    }
    r->speed = files ? 0 : r->speed;
    return CT_EXIT_OK;
}

/* CT_EXIT_OK with no `from` after --help. */
static int parse_arguments(int argc, char **argv, struct ct_replay *r)
{
    static const struct option options[] = {
        {"speed", required_argument, NULL, 's'},    {"fast", no_argument, NULL, 'f'},
        {"loop", no_argument, NULL, 'l'},           {"channel", required_argument, NULL, 'c'},
        {"id", required_argument, NULL, 'i'},       {"from", required_argument, NULL, OPTION_FROM},
        {"to", required_argument, NULL, OPTION_TO}, {"format", required_argument, NULL, OPTION_FORMAT},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "s:flc:i:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CT_EXIT_OK;
        }
        const int code = take_option(r, option);
        if (code != CT_EXIT_OK) {
            return code;
        }
    }
    r->from = optind < argc ? argv[optind] : NULL;
    if (argc - optind > 2) {
        return ct_replay_fail(CT_EXIT_USAGE, "unexpected argument '%s'; see cantwin replay --help", argv[optind + 2]);
    }
    const int code = argc - optind == 2 ? add_sink(r, "", 0, argv[optind + 1]) : CT_EXIT_OK;
    return code == CT_EXIT_OK ? check(r) : code;
}

static void print_summary(const struct ct_replay *r, int code, ct_ns taken)
{
    fprintf(stderr, "replayed %llu frames, %llu filtered, %llu refused, %.3f s\n", (unsigned long long)r->played,
            (unsigned long long)r->filtered, (unsigned long long)r->refused, (double)taken / (double)CT_NS_PER_S);
    if (r->refused > 0 && code == CT_EXIT_OK) {
        fprintf(stderr, "first refused: %s\n", r->first_refused);
    }
}

static int run(struct ct_replay *r)
{
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_replay_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    int code = ct_replay_sinks_open(r);
    if (code == CT_EXIT_OK) {
        const ct_ns start = ct_clock_now();
        code = ct_replay_sinks_close(r, ct_replay_play(r, stop_fd));
        print_summary(r, code, ct_clock_now() - start);
    } else {
        code = ct_replay_sinks_close(r, code);
    }
    close(stop_fd);
    return code;
}

int ct_cli_replay(int argc, char **argv)
{
    struct ct_replay *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return ct_replay_fail(CT_EXIT_FAILED, "out of memory");
    }
    r->speed = 1;
    r->end_s = (double)INFINITY;
    int code = parse_arguments(argc, argv, r);
    if (code == CT_EXIT_OK && r->from != NULL) {
        code = run(r);
    }
    free(r);
    return code;
}
