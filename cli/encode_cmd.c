/* cantwin encode: a message's signals in, the body of a candump line out. */
#include "candump.h"
#include "commands.h"
#include "dbc_files.h"

#include "bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cantwin encode --dbc FILE MESSAGE [SIGNAL=VALUE | SIGNAL:raw=NUMBER]...\n"
    "\n"
    "Prints the frame as cansend takes it: 123#1122334455667788, FD frames as 123##1... VALUE is the physical value, "
    "or a\n"
    "text of the signal's value table; SIGNAL:raw= takes the raw integer. Signals over 64 bits take hex digits. "
    "Signals\n"
    "not given have their start value, or 0; a multiplexer not given is set as the signals given need it.\n"
    "\n"
    "examples:\n"
    "  cantwin encode --dbc car.dbc ENGINE_DATA EngineSpeed=850.5 Gear=Neutral\n"
    "  cantwin encode --dbc car.dbc ENGINE_DATA EngineSpeed:raw=3402\n"
    "  cansend vcan0 $(cantwin encode --dbc car.dbc LIGHTS LowBeam=On)\n"
    "\n"
    "exit codes: 0 done, 1 no such message or signal or a value out of range, 2 usage, 3 the file cannot be read\n";

struct assignment {
    const char *text; /* as given */
    char *name;
    const char *value;
    bool raw;
    bool done;
};

struct encoding {
    const struct ct_codec_message *message;
    const struct ct_dbc_message *model;
    struct assignment *assignments;
    size_t count;
    struct ct_decoded *values;
    struct ct_frame frame;
};

static int fail(const char *what, const char *text)
{
    fprintf(stderr, "cantwin encode: error: %s: %s\n", text, what);
    return CT_EXIT_FAILED;
}

/* ---- arguments */

static int parse_assignment(const char *text, struct assignment *out)
{
    static const char suffix[] = ":raw";
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        fprintf(stderr, "cantwin encode: error: expected SIGNAL=VALUE, got '%s'; see cantwin encode --help\n", text);
        return CT_EXIT_USAGE;
    }
    size_t len = (size_t)(equals - text);
    const size_t tail = sizeof suffix - 1;
    *out = (struct assignment){.text = text, .value = equals + 1};
    if (len > tail && memcmp(equals - tail, suffix, tail) == 0) {
        out->raw = true;
        len -= tail;
    }
    out->name = strndup(text, len);
    return out->name != NULL ? CT_EXIT_OK : CT_EXIT_FAILED;
}

/* An integer of up to 64 bits, signed or unsigned, decimal or 0x. */
static bool parse_integer(const char *text, int64_t *out_value)
{
    char *rest;
    errno = 0;
    const int64_t value = text[0] == '-' ? (int64_t)strtoll(text, &rest, 0) : (int64_t)strtoull(text, &rest, 0);
    if (rest == text || *rest != '\0' || errno != 0) {
        return false;
    }
    *out_value = value;
    return true;
}

static bool find_text(const struct ct_dbc_signal *signal, const char *text, int64_t *out_raw)
{
    for (size_t i = 0; i < signal->text_count; i++) {
        if (strcmp(signal->texts[i].text, text) == 0) {
            *out_raw = signal->texts[i].raw;
            return true;
        }
    }
    return false;
}

static bool is_identity(const struct ct_dbc_signal *signal)
{
    return signal->kind == CT_DBC_INTEGER && signal->factor == 1 && signal->offset == 0;
}

static bool parse_value(const struct ct_dbc_signal *signal, const struct assignment *given,
                        struct ct_encode_value *out_value)
{
    char *rest;
    if (given->raw || is_identity(signal)) { /* exact beyond 2^53 */
        if (parse_integer(given->value, &out_value->raw)) {
            /* strtoull takes more than a signed 64-bit signal holds */
            return !(signal->kind == CT_DBC_INTEGER && signal->is_signed && given->value[0] != '-' &&
                     out_value->raw < 0);
        }
    }
    if (!given->raw && find_text(signal, given->value, &out_value->raw)) {
        return true;
    }
    out_value->value = strtod(given->value, &rest);
    out_value->physical = true;
    return !given->raw && rest != given->value && *rest == '\0';
}

/* ---- signals */

static int encode_blob(struct encoding *encoding, uint16_t index, const struct assignment *given)
{
    uint8_t bytes[CT_FRAME_DATA_MAX];
    const size_t size = (encoding->model->signals[index].length + 7U) / 8U;
    const char *digits = strncmp(given->value, "0x", 2) == 0 ? given->value + 2 : given->value;
    if (size > sizeof bytes || strlen(digits) != 2 * size || ct_hex_decode(bytes, digits, size) != CT_OK) {
        fprintf(stderr, "cantwin encode: error: %s: expected %zu hex digits\n", given->text, 2 * size);
        return CT_EXIT_FAILED;
    }
    const int err =
        ct_codec_encode_blob(encoding->message, index, bytes, size, encoding->frame.data, encoding->frame.len);
    return err == CT_OK ? CT_EXIT_OK : fail(ct_err_text(err), given->text);
}

static int encode_signal(struct encoding *encoding, uint16_t index, const struct assignment *given)
{
    const struct ct_dbc_signal *signal = &encoding->model->signals[index];
    struct ct_encode_value value = {.signal = index};
    if (signal->kind == CT_DBC_BLOB) {
        return encode_blob(encoding, index, given);
    }
    if (!parse_value(signal, given, &value)) {
        return fail("the value is neither a number that fits nor a text of its value table", given->text);
    }
    const int err = ct_codec_encode(encoding->message, &value, encoding->frame.data, encoding->frame.len);
    if (err == CT_ERR_RANGE) {
        fprintf(stderr, "cantwin encode: error: %s: does not fit into %u bits%s; factor %g, offset %g\n", given->text,
                (unsigned)signal->length, signal->is_signed ? " with sign" : "", signal->factor, signal->offset);
        return CT_EXIT_FAILED;
    }
    if (err == CT_ERR_TRUNCATED) {
        return fail("the signal lies outside the message's bytes", given->text);
    }
    return err == CT_OK ? CT_EXIT_OK : fail(ct_err_text(err), given->text);
}

static struct assignment *assignment_of(const struct encoding *encoding, const char *name)
{
    for (size_t i = 0; i < encoding->count; i++) {
        if (strcmp(encoding->assignments[i].name, name) == 0) {
            return &encoding->assignments[i];
        }
    }
    return NULL;
}

/* The raw value that stands in the frame now. */
static bool current_raw(const struct encoding *encoding, uint16_t index, uint64_t *out_raw)
{
    const size_t count =
        ct_codec_decode(encoding->message, encoding->frame.data, encoding->frame.len, encoding->values);
    for (size_t i = 0; i < count; i++) {
        if (encoding->values[i].signal == index) {
            const unsigned length = encoding->model->signals[index].length;
            *out_raw = (uint64_t)encoding->values[i].raw & UINT64_MAX >> (64 - length);
            return true;
        }
    }
    return false;
}

static bool is_active(const struct encoding *encoding, const struct ct_dbc_signal *signal)
{
    uint64_t raw;
    if (signal->selector < 0) {
        return true;
    }
    if (!current_raw(encoding, (uint16_t)signal->selector, &raw)) {
        return false;
    }
    for (size_t i = 0; i < signal->range_count; i++) {
        if (raw >= signal->ranges[i].first && raw <= signal->ranges[i].last) {
            return true;
        }
    }
    return false;
}

static int apply(struct encoding *encoding, struct assignment *given);

static int set_selectors(struct encoding *encoding, const struct ct_dbc_signal *signal, const char *text)
{
    const uint16_t index = (uint16_t)signal->selector;
    const struct ct_dbc_signal *selector = &encoding->model->signals[index];
    struct assignment *given = assignment_of(encoding, selector->name);
    int status = CT_EXIT_OK;
    if (given != NULL && !given->done) {
        status = apply(encoding, given);
    } else if (!is_active(encoding, selector)) {
        status = set_selectors(encoding, selector, text);
    }
    if (status != CT_EXIT_OK || is_active(encoding, signal)) {
        return status;
    }
    if (given != NULL || signal->range_count == 0) {
        fprintf(stderr, "cantwin encode: error: %s: the signal is not in the frame when %s\n", text,
                given != NULL ? given->text : selector->name);
        return CT_EXIT_FAILED;
    }
    const struct ct_encode_value value = {.signal = index, .raw = (int64_t)signal->ranges[0].first};
    const int err = ct_codec_encode(encoding->message, &value, encoding->frame.data, encoding->frame.len);
    return err == CT_OK ? CT_EXIT_OK : fail(ct_err_text(err), selector->name);
}

/* The signal of this name; of several in different branches the one whose branch is chosen. */
static const struct ct_dbc_signal *signal_meant(const struct encoding *encoding, const char *name)
{
    const struct ct_dbc_signal *first = NULL;
    for (size_t i = 0; i < encoding->model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &encoding->model->signals[i];
        if (strcmp(signal->name, name) != 0) {
            continue;
        }
        if (is_active(encoding, signal)) {
            return signal;
        }
        first = first == NULL ? signal : first;
    }
    return first;
}

static int apply(struct encoding *encoding, struct assignment *given)
{
    const struct ct_dbc_signal *signal = signal_meant(encoding, given->name);
    if (signal == NULL) {
        fprintf(stderr, "cantwin encode: error: message %s has no signal '%s'\n", encoding->model->name, given->name);
        return CT_EXIT_FAILED;
    }
    given->done = true;
    if (!is_active(encoding, signal)) {
        const int status = set_selectors(encoding, signal, given->text);
        if (status != CT_EXIT_OK) {
            return status;
        }
    }
    return encode_signal(encoding, (uint16_t)(signal - encoding->model->signals), given);
}

/* Multiplexers first, top-most first: they decide which signals there are. */
static int apply_all(struct encoding *encoding)
{
    for (size_t i = 0; i < encoding->model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &encoding->model->signals[i];
        struct assignment *given = signal->is_selector ? assignment_of(encoding, signal->name) : NULL;
        if (given != NULL && !given->done && signal->selector < 0) {
            const int status = apply(encoding, given);
            if (status != CT_EXIT_OK) {
                return status;
            }
        }
    }
    for (int selectors = 1; selectors >= 0; selectors--) {
        for (size_t i = 0; i < encoding->count; i++) {
            struct assignment *given = &encoding->assignments[i];
            const struct ct_dbc_signal *signal = ct_dbc_find_signal(encoding->model, given->name);
            if (given->done || (selectors == 1 && (signal == NULL || !signal->is_selector))) {
                continue;
            }
            const int status = apply(encoding, given);
            if (status != CT_EXIT_OK) {
                return status;
            }
        }
    }
    return CT_EXIT_OK;
}

/* ---- frame */

static int make_frame(struct encoding *encoding)
{
    const struct ct_dbc_message *model = encoding->model;
    struct ct_frame *frame = &encoding->frame;
    if (model->length > CT_FRAME_DATA_MAX || (!model->fd && model->length > 8)) {
        fprintf(stderr, "cantwin encode: error: %s has %" PRIu32 " bytes and no single frame\n", model->name,
                model->length);
        return CT_EXIT_FAILED;
    }
    frame->id = model->id;
    frame->flags = (uint16_t)((model->extended ? CT_FRAME_EXT : 0) | (model->fd ? CT_FRAME_FD : 0) |
                              (model->brs ? CT_FRAME_BRS : 0));
    frame->len = model->fd ? ct_frame_fd_length(model->length) : (uint8_t)model->length;
    ct_codec_defaults(encoding->message, frame->data, frame->len);
    return CT_EXIT_OK;
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

static int encode(struct encoding *encoding, const struct ct_codec *codec, const char *name)
{
    encoding->message = ct_codec_by_name(codec, name);
    if (encoding->message == NULL) {
        return fail("no such message in the DBC file; `cantwin dbc dump` lists them", name);
    }
    encoding->model = ct_codec_model(encoding->message);
    encoding->values = calloc(encoding->model->signal_count + 1, sizeof *encoding->values);
    if (encoding->values == NULL) {
        return fail("out of memory", name);
    }
    int status = make_frame(encoding);
    if (status == CT_EXIT_OK) {
        status = apply_all(encoding);
    }
    free(encoding->values);
    return status == CT_EXIT_OK ? print_frame(&encoding->frame) : status;
}

static int run_command(const char *file, const char *name, int count, char **texts)
{
    struct ct_cli_dbc dbc = {0};
    struct encoding encoding = {.assignments = calloc((size_t)count + 1, sizeof *encoding.assignments)};
    int status = encoding.assignments != NULL ? CT_EXIT_OK : CT_EXIT_FAILED;
    for (int i = 0; i < count && status == CT_EXIT_OK; i++) {
        status = parse_assignment(texts[i], &encoding.assignments[i]);
        encoding.count++;
    }
    if (status == CT_EXIT_OK) {
        status = ct_cli_dbc_open(file, CT_CLI_DBC_ERRORS, &dbc);
    }
    if (status == CT_EXIT_OK) {
        status = encode(&encoding, dbc.codec, name);
    }
    for (size_t i = 0; i < encoding.count; i++) {
        free(encoding.assignments[i].name);
    }
    free(encoding.assignments);
    ct_cli_dbc_close(&dbc);
    return status;
}

int ct_cli_encode(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    if (argc >= 4 && strcmp(argv[1], "--dbc") == 0) {
        return run_command(argv[2], argv[3], argc - 4, argv + 4);
    }
    if (argc >= 3 && strncmp(argv[1], "--dbc=", 6) == 0) {
        return run_command(argv[1] + 6, argv[2], argc - 3, argv + 3);
    }
    fputs("cantwin encode: error: expected --dbc FILE MESSAGE SIGNAL=VALUE...; see cantwin encode --help\n", stderr);
    return CT_EXIT_USAGE;
}
