#include "dbc_files.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static void print_problem(void *user, const struct ct_dbc_problem *problem)
{
    const enum ct_cli_dbc_show *show = user;
    if (problem->severity == CT_DBC_WARNING && *show == CT_CLI_DBC_ERRORS) {
        return;
    }
    fprintf(*show == CT_CLI_DBC_ALL ? stdout : stderr, "%s:%u:%u: %s: %s\n", problem->file, problem->line,
            problem->column, problem->severity == CT_DBC_ERROR ? "error" : "warning", problem->text);
}

int ct_cli_dbc_open(const char *path, enum ct_cli_dbc_show show, struct ct_cli_dbc *out_dbc)
{
    uint8_t *text = NULL;
    size_t len = 0;
    *out_dbc = (struct ct_cli_dbc){0};
    int err = ct_file_read(path, FILE_MAX, &text, &len);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: error: cannot read DBC file %s: %s\n", path, ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    err = ct_dbc_parse(path, (const char *)text, len, print_problem, &show, &out_dbc->dbc);
    free(text);
    if (err == CT_OK || err == CT_ERR_SYNTAX) {
        err = ct_codec_compile(out_dbc->dbc, &out_dbc->codec);
    }
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: error: %s: %s\n", path, ct_err_text(err));
        return CT_EXIT_FAILED;
    }
    if (out_dbc->dbc->message_count == 0 && show == CT_CLI_DBC_ERRORS) {
        fprintf(stderr, "cantwin: error: %s holds no message (no BO_ statement); is it a DBC file?\n", path);
        return CT_EXIT_FAILED;
    }
    return CT_EXIT_OK;
}

void ct_cli_dbc_close(struct ct_cli_dbc *dbc)
{
    ct_codec_free(dbc->codec);
    ct_dbc_free(dbc->dbc);
    *dbc = (struct ct_cli_dbc){0};
}
