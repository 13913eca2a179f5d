/* The gateway as a whole: opens everything, starts the three threads, waits for signals (SIGTERM and SIGINT stop it
 * cleanly, SIGHUP reloads DBC files, mapping, collection and policy), stops the threads in order.
 * The main thread is the only one that reads configuration files, so that a reload never delays a frame. */
#ifndef CT_GATEWAY_APP_H
#define CT_GATEWAY_APP_H

#include "settings.h"

struct ct_app_arguments {
    const char *config_path;
    const struct ct_override *overrides;
    size_t override_count;
    bool check_only; /* read and check everything the configuration names, start nothing */
};

/* Runs the gateway to its end; the exit code of the program. Problems go to the log, one line each. */
enum ct_exit ct_app_run(const struct ct_app_arguments *arguments);

#endif
