/* cantwin dbc dump: what was understood of a file, as JSON or as a DBC file in normal form. */
#include "dbc_cmd.h"
#include "dbc_files.h"
#include "dbc_json.h"
#include "write.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)1024 * 1024 * 1024)

static const char help[] =
    "usage: cantwin dbc dump [--json] FILE\n"
    "       cantwin dbc dump --dbc [--encoding cp1252|utf-8] FILE\n"
    "\n"
    "Prints what was understood of a DBC file.\n"
    "\n"
    "  -j, --json            one JSON object: nodes, messages, signals, attributes, tables, with their places "
    "(default)\n"
    "  -d, --dbc             a DBC file in normal form, which strict readers take: CANdb++'s order, short names with\n"
    "                        long-symbol attributes, 29-bit ids flagged, multiplexers spelled out\n"
    "  -c, --encoding NAME   of the DBC file; default: cp1252, which Vector's tools and cantools expect, or utf-8 "
    "when\n"
    "                        a text does not fit\n"
    "  -h, --help            this text\n"
    "\n"
    "examples:\n"
    "  cantwin dbc dump car.dbc | jq '.messages[] | {name, cycle_ms}'\n"
    "  cantwin dbc dump --dbc odd.dbc > normal.dbc\n"
    "\n"
    "exit codes: 0 done, 1 the file has errors (what was readable is printed), 2 usage, 3 it cannot be read\n";

struct dump {
    bool as_dbc;
    enum ct_dbc_encoding encoding;
};

static bool set_encoding(struct dump *dump, const char *name)
{
    if (strcmp(name, "cp1252") == 0) {
        dump->encoding = CT_DBC_CP1252;
    } else if (strcmp(name, "utf-8") == 0) {
        dump->encoding = CT_DBC_UTF8;
    } else {
        fprintf(stderr, "cantwin dbc: error: no encoding '%s'; there are cp1252 and utf-8\n", name);
        return false;
    }
    return true;
}

static int read_options(struct dump *dump, int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"dbc", no_argument, NULL, 'd'},
                                            {"encoding", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "jdc:h", options, NULL)) != -1;) {
        switch (c) {
        case 'j':
            dump->as_dbc = false;
            break;
        case 'd':
            dump->as_dbc = true;
            break;
        case 'c':
            if (!set_encoding(dump, optarg)) {
                return CT_EXIT_USAGE;
            }
            break;
        case 'h':
            fputs(help, stdout);
            return CT_EXIT_OK;
        default:
            return CT_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fputs("cantwin dbc: error: dump needs one FILE; see cantwin dbc dump --help\n", stderr);
        return CT_EXIT_USAGE;
    }
    return -1;
}

static int write_dbc(const struct dump *dump, const struct ct_dbc *dbc, struct ct_buf *out)
{
    struct ct_dbc_written written = {0};
    const int err = ct_dbc_write(dbc, dump->encoding, out, &written);
    if (err == CT_ERR_UNSUPPORTED) {
        fprintf(stderr, "cantwin dbc: error: %s: a text does not fit into cp1252; use --encoding utf-8\n", dbc->name);
        return CT_EXIT_FAILED;
    }
    if (err != CT_OK) {
        fprintf(stderr, "cantwin dbc: error: %s: %s\n", dbc->name, ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    if (written.left_out > 0) {
        fprintf(stderr,
                "cantwin dbc: warning: %s: %zu items that strict readers reject are left out (ids over 29 bits, ENUM "
                "values that are none)\n",
                dbc->name, written.left_out);
    }
    if (written.encoding == CT_DBC_UTF8) {
        fprintf(stderr, "cantwin dbc: warning: %s: written as UTF-8, a text does not fit into cp1252\n", dbc->name);
    }
    return CT_EXIT_OK;
}

static int print(const struct dump *dump, const struct ct_dbc *dbc, struct ct_buf *out)
{
    if (dump->as_dbc) {
        const int status = write_dbc(dump, dbc, out);
        if (status != CT_EXIT_OK) {
            return status;
        }
    } else {
        struct ct_json json;
        ct_json_init(&json, out);
        ct_cli_dbc_json(&json, dbc);
        ct_buf_text(out, "\n");
    }
    if (ct_buf_error(out) != CT_OK || fwrite(out->data, 1, out->len, stdout) != out->len || fflush(stdout) != 0) {
        fputs("cantwin dbc: error: cannot write to standard output\n", stderr);
        return CT_EXIT_ENVIRONMENT;
    }
    return dbc->error_count > 0 ? CT_EXIT_FAILED : CT_EXIT_OK;
}

int ct_cli_dbc_dump(int argc, char **argv)
{
    struct dump dump = {0};
    int status = read_options(&dump, argc, argv);
    if (status >= 0) {
        return status;
    }
    struct ct_dbc *dbc = NULL;
    status = ct_cli_dbc_model(argv[optind], &dbc);
    if (status != CT_EXIT_OK) {
        return status;
    }
    struct ct_buf out;
    ct_buf_init(&out, OUTPUT_MAX);
    status = print(&dump, dbc, &out);
    ct_buf_free(&out);
    ct_dbc_free(dbc);
    return status;
}
