/* DBC files as the commands use them: read, parsed, compiled, with their problems printed. */
#ifndef CT_CLI_DBC_FILES_H
#define CT_CLI_DBC_FILES_H

#include "codec.h"

enum ct_cli_dbc_show { CT_CLI_DBC_ERRORS, CT_CLI_DBC_ALL };

struct ct_cli_dbc {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
};

/* Reads `path`. Problems of the text are printed, one line each, `file:line:col: severity: text`: the errors on
 * standard error, or all of them on standard output. What was readable is used. Returns CT_EXIT_OK (also when some
 * statements had errors: see dbc->error_count), CT_EXIT_FAILED when nothing was usable, CT_EXIT_ENVIRONMENT when the
 * file cannot be read; both with a line on standard error. */
int ct_cli_dbc_open(const char *path, enum ct_cli_dbc_show show, struct ct_cli_dbc *out_dbc);
void ct_cli_dbc_close(struct ct_cli_dbc *dbc); /* also after a failed open */

#endif
