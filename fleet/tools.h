/* What cantwin-fleet does at once instead of serving: make a token, copy the store, put a copy back, tell how it is. */
#ifndef CT_FLEET_TOOLS_H
#define CT_FLEET_TOOLS_H

#include "fleet_settings.h"

#include <stdbool.h>

/* --new-token FILE NAME ROLE; argv begins behind the option. Returns the exit code. */
int ct_fleet_new_token(int argc, char **argv);

/* True for --backup, --restore and --support-bundle. */
bool ct_fleet_is_tool(const char *option);
/* Returns the exit code. */
int ct_fleet_tool(const char *option, const char *argument, const struct ct_fleet_settings *settings);

#endif
