/* The gateway's live path for `cantwin bench`: frames into a twin, as the daemon takes them from a socket. */
#ifndef CT_CLI_BENCH_LIVE_H
#define CT_CLI_BENCH_LIVE_H

#include "frame.h"

struct ct_cli_live;

/* Reads the database; what is wrong with it is not told again. Returns an enum ct_exit. */
int ct_cli_live_open(const char *dbc, struct ct_cli_live **out_live);
void ct_cli_live_close(struct ct_cli_live *live); /* accepts NULL */

int ct_cli_live_add(struct ct_cli_live *live, const struct ct_frame *frame) CT_MUST_CHECK; /* copies it */

/* Takes all frames once more. */
void ct_cli_live_run(struct ct_cli_live *live);

#endif
