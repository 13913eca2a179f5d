/* What `cantwin top --twin` shows: the gateway's rows, asked for anew each second, with what changed between. One
 * thread. */
#ifndef CT_CLI_TOP_TWIN_H
#define CT_CLI_TOP_TWIN_H

#include "top_screen.h"

#include <cjson/cJSON.h>

#include <stdio.h>

#define CT_TOP_TWIN_ROWS_MAX 8192

struct ct_top_twin {
    FILE *stream;
    const char *glob;
    cJSON *now, *before; /* arrays of rows */
};

/* An exit code, with a message when not CT_EXIT_OK. */
int ct_top_twin_open(struct ct_top_twin *twin, const char *socket, const char *glob);
void ct_top_twin_close(struct ct_top_twin *twin);
/* Asks once and waits for the answer. */
int ct_top_twin_refresh(struct ct_top_twin *twin);
void ct_top_twin_show(const struct ct_top_twin *twin, struct ct_screen *screen);

#endif
