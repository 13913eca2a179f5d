/* DBC files as the commands use them. All three return an enum ct_exit and say on standard error what failed:
 * CT_EXIT_ENVIRONMENT when the file cannot be read, CT_EXIT_FAILED when nothing in it is usable. */
#ifndef CT_CLI_DBC_FILES_H
#define CT_CLI_DBC_FILES_H

#include "codec.h"

struct ct_cli_dbc {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
};

/* The model of what was readable, the problems to `report`; *out_dbc is the caller's, also when it holds nothing. */
int ct_cli_dbc_read(const char *path, ct_dbc_problem_fn report, void *user, struct ct_dbc **out_dbc);

/* The same with the errors on standard error, one line each, `file:line:col: error: text`. */
int ct_cli_dbc_model(const char *path, struct ct_dbc **out_dbc);

/* That, and compiled; a file without messages fails. CT_EXIT_OK also when some statements had errors: see
 * dbc->error_count. */
int ct_cli_dbc_open(const char *path, struct ct_cli_dbc *out_dbc);
void ct_cli_dbc_close(struct ct_cli_dbc *dbc); /* also after a failed open */

#endif
