#include "dbc_files.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)

int ct_cli_dbc_read(const char *path, ct_dbc_problem_fn report, void *user, struct ct_dbc **out_dbc)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, FILE_MAX, &text, &len);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: error: cannot read DBC file %s: %s\n", path, ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    err = ct_dbc_parse(path, (const char *)text, len, report, user, out_dbc);
    free(text);
    if (err != CT_OK && err != CT_ERR_SYNTAX) {
        fprintf(stderr, "cantwin: error: %s: %s\n", path, ct_err_text(err));
        return CT_EXIT_FAILED;
    }
    return CT_EXIT_OK;
}

static void print_error(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    if (problem->severity == CT_DBC_ERROR) {
        fprintf(stderr, "%s:%u:%u: error: %s\n", problem->file, problem->line, problem->column, problem->text);
    }
}

int ct_cli_dbc_model(const char *path, struct ct_dbc **out_dbc)
{
    return ct_cli_dbc_read(path, print_error, NULL, out_dbc);
}

int ct_cli_dbc_open(const char *path, struct ct_cli_dbc *out_dbc)
{
    *out_dbc = (struct ct_cli_dbc){0};
    const int status = ct_cli_dbc_model(path, &out_dbc->dbc);
    if (status != CT_EXIT_OK) {
        return status;
    }
    if (out_dbc->dbc->message_count == 0) {
        fprintf(stderr, "cantwin: error: %s holds no message (no BO_ statement); is it a DBC file?\n", path);
        return CT_EXIT_FAILED;
    }
    const int err = ct_codec_compile(out_dbc->dbc, &out_dbc->codec);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: error: %s: %s\n", path, ct_err_text(err));
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
