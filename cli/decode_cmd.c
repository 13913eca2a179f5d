/* cantwin decode: a log of frames in, one JSON line per known frame out. */
#include "clock.h"
#include "commands.h"
#include "dbc_files.h"
#include "frame_json.h"
#include "log_reader.h"
#include "protection.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASES_MAX  64
#define OUTPUT_CHUNK   ((size_t)64 * 1024)
#define OUTPUT_MAX     ((size_t)16 * 1024 * 1024)
#define PROBLEMS_SHOWN 10
#define PROGRESS_NS    (INT64_C(500) * 1000 * 1000)

static const char help[] =
    "usage: cantwin decode --dbc FILE... [--bus NAME=FILE]... [--unknown] LOG|-\n"
    "\n"
    "Reads a log (candump, Vector ASC or BLF, plain, .zst or .gz; - is standard input) and prints one JSON object for\n"
    "every frame that a DBC file describes. A summary goes to standard error.\n"
    "\n"
    "  -d, --dbc FILE        a database for frames of every bus; may be repeated, the first that knows an id counts\n"
    "  -b, --bus NAME=FILE   a database for the frames of one bus of the log, asked before the others\n"
    "  -p, --protection FILE rules for counters and checksums (docs/protection.md): adds \"protection\" to each frame\n"
    "                        that has a rule: ok, checksum or counter; rules in a DBC file count without it\n"
    "  -u, --unknown         also print frames that no database knows, without signals\n"
    "  -h, --help            this text\n"
    "\n"
    "examples:\n"
    "  cantwin decode --dbc car.dbc drive.log\n"
    "  cantwin decode --bus can0=powertrain.dbc --bus can1=adas.dbc drive.log.zst > drive.jsonl\n"
    "  cantwin decode --dbc car.dbc --protection car-protection.yaml drive.log\n"
    "  candump -L can0 | cantwin decode --dbc car.dbc -\n"
    "\n"
    "exit codes: 0 done, 1 the log holds damaged lines or a DBC file nothing usable, 2 usage, 3 a file cannot be "
    "read\n";

struct database {
    struct ct_cli_dbc files;
    char *bus; /* NULL: every bus */
};

struct run {
    struct database databases[DATABASES_MAX];
    size_t database_count;
    bool unknown_too;
    bool flush_each; /* somebody reads along */
    bool progress;
    const char *log;
    const char *protection_file; /* NULL: none */
    struct ct_cli_protection *protection;
    struct ct_buf output;
    struct ct_decoded *values;
    size_t values_room;
    uint64_t frames;
    uint64_t decoded;
    uint64_t unknown;
    uint64_t errors;
    ct_ns started;
    ct_ns progress_due;
};

static const struct ct_codec_message *find_for_bus(const struct run *run, const struct ct_frame *frame, const char *bus,
                                                   bool of_bus)
{
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    for (size_t i = 0; i < run->database_count; i++) {
        const struct database *database = &run->databases[i];
        if ((database->bus != NULL) != of_bus || (of_bus && strcmp(database->bus, bus) != 0)) {
            continue;
        }
        const struct ct_codec_message *message = ct_codec_find(database->files.codec, frame->id, extended);
        if (message != NULL) {
            return message;
        }
    }
    return NULL;
}

static const struct ct_codec_message *find_message(const struct run *run, const struct ct_frame *frame, const char *bus)
{
    if ((frame->flags & (CT_FRAME_RTR | CT_FRAME_ERR)) != 0) {
        return NULL; /* they carry no signals */
    }
    const struct ct_codec_message *message = find_for_bus(run, frame, bus, true);
    return message != NULL ? message : find_for_bus(run, frame, bus, false);
}

static int flush_output(struct run *run)
{
    const size_t len = run->output.len;
    const bool written = ct_buf_error(&run->output) == CT_OK &&
                         fwrite(ct_buf_string(&run->output), 1, len, stdout) == len && fflush(stdout) == 0;
    ct_buf_clear(&run->output);
    if (!written) {
        fputs("cantwin decode: error: cannot write to standard output\n", stderr);
        return CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

static void show_progress(struct run *run)
{
    const ct_ns now = ct_clock_now();
    if (now >= run->progress_due) {
        fprintf(stderr, "\r%" PRIu64 " frames, %" PRIu64 " decoded", run->frames, run->decoded);
        run->progress_due = now + PROGRESS_NS;
    }
}

/* What the message's rule finds, NULL where it has none. */
static const char *protection_of(struct run *run, const struct ct_frame *frame, const char *bus,
                                 const struct ct_codec_message *message)
{
    enum ct_protect_fault fault = CT_PROTECT_FAULT_NONE;
    const bool has_rule =
        message != NULL && ct_cli_protection_check(run->protection, ct_codec_model(message), bus, frame, &fault);
    return has_rule ? ct_protect_fault_text(fault) : NULL;
}

static int take_frame(struct run *run, const struct ct_frame *frame, const char *bus)
{
    const struct ct_codec_message *message = find_message(run, frame, bus);
    run->frames++;
    *(message != NULL ? &run->decoded : &run->unknown) += 1;
    if (message != NULL || run->unknown_too) {
        const char *found = protection_of(run, frame, bus, message);
        ct_cli_frame_json(&run->output, frame, bus, message, found, run->values);
    }
    if (run->progress && run->frames % 1024 == 0) {
        show_progress(run);
    }
    return run->output.len >= OUTPUT_CHUNK || run->flush_each ? flush_output(run) : CT_EXIT_OK;
}

static void count_problem(struct run *run, const struct ct_log_reader *reader)
{
    run->errors++;
    if (run->errors <= PROBLEMS_SHOWN) {
        fprintf(stderr, "%s\n", ct_log_reader_problem(reader));
    } else if (run->errors == PROBLEMS_SHOWN + 1) {
        fputs("further damaged lines are counted only\n", stderr);
    }
}

static int decode_log(struct run *run, struct ct_log_reader *reader)
{
    for (;;) {
        struct ct_frame frame;
        const char *bus = "";
        const int err = ct_log_reader_next(reader, &frame, &bus);
        int status = CT_EXIT_OK;
        if (err == CT_OK) {
            status = take_frame(run, &frame, bus);
        } else if (err == CT_ERR_SYNTAX) {
            count_problem(run, reader);
        } else {
            status = flush_output(run);
            if (err == CT_ERR_END) {
                return status;
            }
            run->errors++;
            fprintf(stderr, "%s\n", ct_log_reader_problem(reader));
            return CT_EXIT_FAILED;
        }
        if (status != CT_EXIT_OK) {
            return status;
        }
    }
}

static void print_summary(const struct run *run)
{
    const double seconds = (double)(ct_clock_now() - run->started) / 1e9;
    fprintf(stderr,
            "%sframes %" PRIu64 ", decoded %" PRIu64 ", unknown %" PRIu64 ", errors %" PRIu64
            ", seconds %.3f, frames/s %.0f\n",
            run->progress ? "\r" : "", run->frames, run->decoded, run->unknown, run->errors, seconds,
            seconds > 0 ? (double)run->frames / seconds : 0.0);
    if (ct_protect_rule_count(ct_cli_protection_rules(run->protection)) > 0) {
        fprintf(stderr, "protection: ok %" PRIu64 ", checksum %" PRIu64 ", counter %" PRIu64 "\n",
                ct_cli_protection_count(run->protection, CT_PROTECT_FAULT_NONE),
                ct_cli_protection_count(run->protection, CT_PROTECT_FAULT_CHECKSUM),
                ct_cli_protection_count(run->protection, CT_PROTECT_FAULT_COUNTER));
    }
}

static int make_room(struct run *run)
{
    size_t most = 0;
    for (size_t i = 0; i < run->database_count; i++) {
        const struct ct_dbc *dbc = run->databases[i].files.dbc;
        for (size_t k = 0; k < dbc->message_count; k++) {
            most = dbc->messages[k].signal_count > most ? dbc->messages[k].signal_count : most;
        }
    }
    run->values = calloc(most + 1, sizeof *run->values);
    if (run->values == NULL) {
        fputs("cantwin decode: error: out of memory\n", stderr);
        return CT_EXIT_FAILED;
    }
    return CT_EXIT_OK;
}

static int open_protection(struct run *run)
{
    const struct ct_dbc *dbcs[DATABASES_MAX];
    for (size_t i = 0; i < run->database_count; i++) {
        dbcs[i] = run->databases[i].files.dbc;
    }
    return ct_cli_protection_open(run->protection_file, dbcs, run->database_count, &run->protection);
}

static int decode(struct run *run)
{
    char problem[256];
    struct ct_log_reader *reader = NULL;
    struct stat input;
    int status = make_room(run);
    status = status == CT_EXIT_OK ? open_protection(run) : status;
    if (status != CT_EXIT_OK) {
        return status;
    }
    if (ct_log_reader_open(run->log, &reader, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin decode: error: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    const bool live = strcmp(run->log, "-") == 0 && fstat(STDIN_FILENO, &input) == 0 && !S_ISREG(input.st_mode);
    run->flush_each = live || isatty(STDOUT_FILENO);
    run->progress = isatty(STDERR_FILENO) && !run->flush_each;
    run->started = ct_clock_now();
    const int result = decode_log(run, reader);
    ct_log_reader_close(reader);
    print_summary(run);
    return result == CT_EXIT_OK && run->errors > 0 ? CT_EXIT_FAILED : result;
}

static int add_database(struct run *run, const char *path, char *bus)
{
    if (run->database_count == DATABASES_MAX) {
        fprintf(stderr, "cantwin decode: error: more than %d databases\n", DATABASES_MAX);
        free(bus);
        return CT_EXIT_USAGE;
    }
    struct database *database = &run->databases[run->database_count++];
    database->bus = bus;
    return ct_cli_dbc_open(path, &database->files);
}

static int add_bus(struct run *run, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        fprintf(stderr, "cantwin decode: error: --bus takes NAME=FILE, got '%s'\n", text);
        return CT_EXIT_USAGE;
    }
    char *bus = strndup(text, (size_t)(equals - text));
    return bus != NULL ? add_database(run, equals + 1, bus) : CT_EXIT_FAILED;
}

static int take_option(struct run *run, int option)
{
    switch (option) {
    case 'd':
        return add_database(run, optarg, NULL);
    case 'b':
        return add_bus(run, optarg);
    case 'p':
        run->protection_file = optarg;
        return CT_EXIT_OK;
    case 'u':
        run->unknown_too = true;
        return CT_EXIT_OK;
    default:
        fputs("see cantwin decode --help\n", stderr);
        return CT_EXIT_USAGE;
    }
}

static int run_command(struct run *run, int argc, char **argv)
{
    static const struct option options[] = {{"dbc", required_argument, NULL, 'd'},
                                            {"bus", required_argument, NULL, 'b'},
                                            {"protection", required_argument, NULL, 'p'},
                                            {"unknown", no_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "d:b:p:uh", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CT_EXIT_OK;
        }
        const int status = take_option(run, option);
        if (status != CT_EXIT_OK) {
            return status;
        }
    }
    /* `--dbc a.dbc b.dbc drive.log`: what stands before the log are databases too */
    for (; optind < argc - 1; optind++) {
        const int status = add_database(run, argv[optind], NULL);
        if (status != CT_EXIT_OK) {
            return status;
        }
    }
    if (run->database_count == 0 || optind >= argc) {
        fprintf(stderr, "cantwin decode: error: %s; see cantwin decode --help\n",
                run->database_count == 0 ? "no DBC file given (--dbc FILE)" : "no log given (a file, or - )");
        return CT_EXIT_USAGE;
    }
    run->log = argv[optind];
    return decode(run);
}

int ct_cli_decode(int argc, char **argv)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return CT_EXIT_FAILED;
    }
    ct_buf_init(&run->output, OUTPUT_MAX);
    const int status = run_command(run, argc, argv);
    ct_cli_protection_close(run->protection);
    for (size_t i = 0; i < run->database_count; i++) {
        ct_cli_dbc_close(&run->databases[i].files);
        free(run->databases[i].bus);
    }
    ct_buf_free(&run->output);
    free(run->values);
    free(run);
    return status;
}
