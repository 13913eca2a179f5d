/* cantwin dbc check|dump: what is wrong with DBC files, and what is in them. */
#include "commands.h"
#include "dbc_files.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)1024 * 1024 * 1024)

static const char help[] =
    "usage: cantwin dbc check FILE...\n"
    "       cantwin dbc dump [--json] FILE\n"
    "\n"
    "check prints every problem of the files as FILE:LINE:COLUMN: severity: text; dump prints what was understood as\n"
    "one JSON object: nodes, messages, signals, value tables, multiplexing.\n"
    "\n"
    "examples:\n"
    "  cantwin dbc check car.dbc truck.dbc\n"
    "  cantwin dbc dump --json car.dbc | jq '.messages[].name'\n"
    "\n"
    "exit codes: 0 no errors (warnings may be there), 1 errors, 2 usage, 3 a file cannot be read\n";

static int check(int count, char **files)
{
    unsigned errors = 0;
    unsigned warnings = 0;
    int status = CT_EXIT_OK;
    for (int i = 0; i < count; i++) {
        struct ct_cli_dbc file;
        const int opened = ct_cli_dbc_open(files[i], CT_CLI_DBC_ALL, &file);
        if (file.dbc != NULL) {
            errors += file.dbc->error_count;
            warnings += file.dbc->warning_count;
        }
        ct_cli_dbc_close(&file);
        status = opened > status ? opened : status;
    }
    fprintf(stderr, "%d files, %u errors, %u warnings\n", count, errors, warnings);
    return status == CT_EXIT_OK && errors > 0 ? CT_EXIT_FAILED : status;
}

static void dump_texts(struct ct_json *json, const struct ct_dbc_signal *signal)
{
    ct_json_array_begin(json, "texts");
    for (size_t i = 0; i < signal->text_count; i++) {
        ct_json_object_begin(json, NULL);
        ct_json_int(json, "raw", signal->texts[i].raw);
        ct_json_string(json, "text", signal->texts[i].text);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void dump_selector(struct ct_json *json, const struct ct_dbc_message *message,
                          const struct ct_dbc_signal *signal)
{
    ct_json_string(json, "selector", message->signals[signal->selector].name);
    ct_json_array_begin(json, "selector_values");
    for (size_t i = 0; i < signal->range_count; i++) {
        ct_json_array_begin(json, NULL);
        ct_json_uint(json, NULL, signal->ranges[i].first);
        ct_json_uint(json, NULL, signal->ranges[i].last);
        ct_json_array_end(json);
    }
    ct_json_array_end(json);
}

static void dump_signal(struct ct_json *json, const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    static const char *const kinds[] = {
        [CT_DBC_INTEGER] = "integer", [CT_DBC_FLOAT32] = "float", [CT_DBC_FLOAT64] = "float", [CT_DBC_BLOB] = "bytes"};
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", signal->name);
    ct_json_uint(json, "start_bit", signal->start_bit);
    ct_json_uint(json, "length", signal->length);
    ct_json_string(json, "byte_order", signal->big_endian ? "motorola" : "intel");
    ct_json_bool(json, "signed", signal->is_signed);
    ct_json_string(json, "kind", kinds[signal->kind]);
    ct_json_double(json, "factor", signal->factor);
    ct_json_double(json, "offset", signal->offset);
    ct_json_double(json, "min", signal->min);
    ct_json_double(json, "max", signal->max);
    ct_json_string(json, "unit", signal->unit);
    ct_json_bool(json, "multiplexer", signal->is_selector);
    if (signal->selector >= 0) {
        dump_selector(json, message, signal);
    }
    if (signal->has_start_value) {
        ct_json_double(json, "start_value", signal->start_value);
    }
    if (signal->text_count > 0) {
        dump_texts(json, signal);
    }
    if (signal->comment != NULL) {
        ct_json_string(json, "comment", signal->comment);
    }
    ct_json_object_end(json);
}

static void dump_message(struct ct_json *json, const struct ct_dbc_message *message)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", message->name);
    ct_json_uint(json, "id", message->id);
    ct_json_bool(json, "ext", message->extended);
    ct_json_bool(json, "fd", message->fd);
    ct_json_bool(json, "brs", message->brs);
    ct_json_bool(json, "j1939", message->j1939);
    ct_json_uint(json, "length", message->length);
    ct_json_string(json, "sender", message->sender);
    ct_json_double(json, "cycle_ms", message->cycle_ms);
    if (message->comment != NULL) {
        ct_json_string(json, "comment", message->comment);
    }
    ct_json_array_begin(json, "signals");
    for (size_t i = 0; i < message->signal_count; i++) {
        dump_signal(json, message, &message->signals[i]);
    }
    ct_json_array_end(json);
    ct_json_object_end(json);
}

static void dump_database(struct ct_json *json, const struct ct_dbc *dbc)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "file", dbc->name);
    ct_json_string(json, "version", dbc->version);
    ct_json_uint(json, "errors", dbc->error_count);
    ct_json_uint(json, "warnings", dbc->warning_count);
    ct_json_array_begin(json, "nodes");
    for (size_t i = 0; i < dbc->node_count; i++) {
        ct_json_string(json, NULL, dbc->nodes[i].name);
    }
    ct_json_array_end(json);
    ct_json_array_begin(json, "messages");
    for (size_t i = 0; i < dbc->message_count; i++) {
        dump_message(json, &dbc->messages[i]);
    }
    ct_json_array_end(json);
    ct_json_object_end(json);
}

static int dump(const char *path)
{
    struct ct_cli_dbc file;
    struct ct_buf buf;
    struct ct_json json;
    int status = ct_cli_dbc_open(path, CT_CLI_DBC_ERRORS, &file);
    if (status == CT_EXIT_OK) {
        ct_buf_init(&buf, OUTPUT_MAX);
        ct_json_init(&json, &buf);
        dump_database(&json, file.dbc);
        if (ct_buf_error(&buf) != CT_OK || puts(ct_buf_string(&buf)) == EOF) {
            fputs("cantwin dbc: error: cannot write to standard output\n", stderr);
            status = CT_EXIT_ENVIRONMENT;
        } else if (file.dbc->error_count > 0) {
            status = CT_EXIT_FAILED;
        }
        ct_buf_free(&buf);
    }
    ct_cli_dbc_close(&file);
    return status;
}

int ct_cli_dbc(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    if (argc >= 3 && strcmp(argv[1], "check") == 0) {
        return check(argc - 2, argv + 2);
    }
    if (argc >= 3 && strcmp(argv[1], "dump") == 0) {
        const int at = strcmp(argv[2], "--json") == 0 ? 3 : 2;
        if (argc == at + 1) {
            return dump(argv[at]);
        }
    }
    fputs("cantwin dbc: error: expected check FILE... or dump --json FILE; see cantwin dbc --help\n", stderr);
    return CT_EXIT_USAGE;
}
