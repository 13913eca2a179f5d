/* cantwin encode: a message's signals in, the body of a candump line out. */
#include "candump.h"
#include "commands.h"
#include "dbc_files.h"
#include "encode.h"
#include "protection.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cantwin encode --dbc FILE [option]... MESSAGE [SIGNAL=VALUE | SIGNAL:raw=NUMBER]...\n"
    "\n"
    "Prints the frame as cansend takes it: 123#1122334455667788, FD frames as 123##1... VALUE is the physical value,\n"
    "or a text of the signal's value table; SIGNAL:raw= takes the raw integer. Signals over 64 bits take hex digits.\n"
    "Signals not given have their start value, or 0; a multiplexer not given is set as the signals given need it.\n"
    "Counter and checksum are filled in where a rule says how: of --protection, or of the DBC file itself.\n"
    "\n"
    "  -d, --dbc FILE         the database\n"
    "  -p, --protection FILE  rules for counters and checksums (docs/protection.md)\n"
    "  -n, --counter N        the counter's value; 0 without it\n"
    "  -c, --clamp            take the nearest value where one is out of the signal's range; without it that is an "
    "error\n"
    "  -a, --any-value        let the signal's range be; only what does not fit its bits is an error\n"
    "  -h, --help             this text\n"
    "\n"
    "examples:\n"
    "  cantwin encode --dbc car.dbc ENGINE_DATA EngineSpeed=850.5 Gear=Neutral\n"
    "  cantwin encode --dbc car.dbc ENGINE_DATA EngineSpeed:raw=3402\n"
    "  cantwin encode --dbc car.dbc --protection car-protection.yaml --counter 5 BRAKE Pressure=20\n"
    "  cansend vcan0 $(cantwin encode --dbc car.dbc LIGHTS LowBeam=On)\n"
    "\n"
    "exit codes: 0 done, 1 no such message or signal or a value out of range, 2 usage, 3 the file cannot be read\n";

struct run {
    const char *dbc_file;
    const char *protection_file; /* NULL: none */
    const char *message_name;
    enum ct_range_policy policy;
    const char *counter_text; /* NULL: not given */
    uint32_t counter;
    struct ct_encode_set *sets;
    size_t count;
    struct ct_cli_dbc dbc;
    struct ct_cli_protection *protection;
};

static int fail(const char *what, const char *text)
{
    fprintf(stderr, "cantwin encode: error: %s: %s\n", text, what);
    return CT_EXIT_FAILED;
}

/* ---- arguments */

static int parse_assignment(const char *text, struct ct_encode_set *out_set)
{
    static const char suffix[] = ":raw";
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        fprintf(stderr, "cantwin encode: error: expected SIGNAL=VALUE, got '%s'; see cantwin encode --help\n", text);
        return CT_EXIT_USAGE;
    }
    size_t len = (size_t)(equals - text);
    const size_t tail = sizeof suffix - 1;
    const bool raw = len > tail && memcmp(equals - tail, suffix, tail) == 0;
    len -= raw ? tail : 0;
    *out_set = (struct ct_encode_set){
        .signal = strndup(text, len), .kind = raw ? CT_SET_RAW_TEXT : CT_SET_TEXT, .text = equals + 1};
    return out_set->signal != NULL ? CT_EXIT_OK : CT_EXIT_FAILED;
}

static int parse_assignments(struct run *run, int count, char **texts)
{
    run->sets = calloc((size_t)count + 1, sizeof *run->sets);
    if (run->sets == NULL) {
        return CT_EXIT_FAILED;
    }
    int status = CT_EXIT_OK;
    for (int i = 0; i < count && status == CT_EXIT_OK; i++) {
        status = parse_assignment(texts[i], &run->sets[run->count]);
        run->count += status == CT_EXIT_OK ? 1 : 0;
    }
    return status;
}

static int parse_counter(struct run *run)
{
    char *rest = NULL;
    errno = 0;
    const unsigned long value = strtoul(run->counter_text, &rest, 0);
    if (rest == run->counter_text || *rest != '\0' || errno != 0 || value > UINT32_MAX || run->counter_text[0] == '-') {
        fprintf(stderr, "cantwin encode: error: --counter takes a number, got '%s'\n", run->counter_text);
        return CT_EXIT_USAGE;
    }
    run->counter = (uint32_t)value;
    return CT_EXIT_OK;
}

/* ---- frame */

static int start_frame(const struct ct_dbc_message *model, struct ct_frame *frame)
{
    if (model->length > CT_FRAME_DATA_MAX || (!model->fd && model->length > 8)) {
        fprintf(stderr, "cantwin encode: error: %s has %" PRIu32 " bytes and no single frame\n", model->name,
                model->length);
        return CT_EXIT_FAILED;
    }
    frame->id = model->id;
    frame->flags = (uint16_t)((model->extended ? CT_FRAME_EXT : 0) | (model->fd ? CT_FRAME_FD : 0) |
                              (model->brs ? CT_FRAME_BRS : 0));
    frame->len = model->fd ? ct_frame_fd_length(model->length) : (uint8_t)model->length;
    return CT_EXIT_OK;
}

static bool is_set(const struct run *run, const struct ct_dbc_message *model, int32_t signal)
{
    for (size_t i = 0; i < run->count && signal >= 0; i++) {
        if (strcmp(run->sets[i].signal, model->signals[signal].name) == 0) {
            return true;
        }
    }
    return false;
}

/* Counter and checksum, unless they were given by hand: the way to make a wrong frame. */
static int protect(const struct run *run, const struct ct_dbc_message *model, struct ct_frame *frame)
{
    const struct ct_protect_rule *rule = ct_protect_rule_of(ct_cli_protection_rules(run->protection), model);
    struct ct_protect_state state = {0};
    if (rule == NULL) {
        return run->counter_text == NULL ? CT_EXIT_OK
                                         : fail("the message has no rule for a counter (--protection)", model->name);
    }
    if (is_set(run, model, ct_protect_counter_signal(rule)) || is_set(run, model, ct_protect_checksum_signal(rule))) {
        return CT_EXIT_OK;
    }
    if (run->counter_text != NULL && ct_protect_start(rule, &state, run->counter) != CT_OK) {
        return fail("the counter of this message does not go so far", run->counter_text);
    }
    const int err = ct_protect_fill(rule, &state, frame->id, frame->data, frame->len);
    return err == CT_OK ? CT_EXIT_OK : fail(ct_err_text(err), model->name);
}

static int print_frame(const struct ct_frame *frame)
{
    char body[CT_CANDUMP_BODY_MAX];
    if (ct_candump_format_body(frame, body, sizeof body) == 0 || puts(body) == EOF) {
        fputs("cantwin encode: error: cannot write to standard output\n", stderr);
        return CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

static int encode(const struct run *run)
{
    char problem[512];
    struct ct_frame frame = {0};
    const struct ct_codec_message *message = ct_codec_by_name(run->dbc.codec, run->message_name);
    if (message == NULL) {
        return fail("no such message in the DBC file; `cantwin dbc dump` lists them", run->message_name);
    }
    const struct ct_dbc_message *model = ct_codec_model(message);
    int status = start_frame(model, &frame);
    if (status != CT_EXIT_OK) {
        return status;
    }
    if (ct_encode_message(message, run->sets, run->count, run->policy, frame.data, frame.len, problem,
                          sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin encode: error: %s\n", problem);
        return CT_EXIT_FAILED;
    }
    status = protect(run, model, &frame);
    return status == CT_EXIT_OK ? print_frame(&frame) : status;
}

/* ---- command */

static int take_option(struct run *run, int option)
{
    switch (option) {
    case 'd':
        run->dbc_file = optarg;
        return CT_EXIT_OK;
    case 'p':
        run->protection_file = optarg;
        return CT_EXIT_OK;
    case 'n':
        run->counter_text = optarg;
        return parse_counter(run);
    case 'c':
        run->policy = CT_RANGE_CLAMP;
        return CT_EXIT_OK;
    case 'a':
        run->policy = CT_RANGE_WIDTH;
        return CT_EXIT_OK;
    default:
        fputs("see cantwin encode --help\n", stderr);
        return CT_EXIT_USAGE;
    }
}

static int run_command(struct run *run, int argc, char **argv)
{
    static const struct option options[] = {{"dbc", required_argument, NULL, 'd'},
                                            {"protection", required_argument, NULL, 'p'},
                                            {"counter", required_argument, NULL, 'n'},
                                            {"clamp", no_argument, NULL, 'c'},
                                            {"any-value", no_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    int status = CT_EXIT_OK;
    while (status == CT_EXIT_OK && (option = getopt_long(argc, argv, "d:p:n:cah", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CT_EXIT_OK;
        }
        status = take_option(run, option);
    }
    if (status != CT_EXIT_OK) {
        return status;
    }
    if (run->dbc_file == NULL || optind >= argc) {
        fputs("cantwin encode: error: expected --dbc FILE MESSAGE SIGNAL=VALUE...; see cantwin encode --help\n",
              stderr);
        return CT_EXIT_USAGE;
    }
    run->message_name = argv[optind];
    status = parse_assignments(run, argc - optind - 1, argv + optind + 1);
    status = status == CT_EXIT_OK ? ct_cli_dbc_open(run->dbc_file, &run->dbc) : status;
    if (status == CT_EXIT_OK) {
        const struct ct_dbc *dbc = run->dbc.dbc;
        status = ct_cli_protection_open(run->protection_file, &dbc, 1, &run->protection);
    }
    return status == CT_EXIT_OK ? encode(run) : status;
}

int ct_cli_encode(int argc, char **argv)
{
    struct run run = {0};
    const int status = run_command(&run, argc, argv);
    for (size_t i = 0; i < run.count; i++) {
        free((void *)(uintptr_t)run.sets[i].signal);
    }
    free(run.sets);
    ct_cli_protection_close(run.protection);
    ct_cli_dbc_close(&run.dbc);
    return status;
}
