/* The daemon: owns everything and runs the threads ingest, folder and http (zap is the ZeroMQ adapter's own).
 *
 *   vehicles -> [ingest: link, log] --news--> [folder: twins, SQLite, API] --answers, events--> [http] -> browsers
 *                        ^----------commands--------'       ^--------------asks-------------------'
 * What is in the log needs no ring: the folder reads the log itself, up to what is durable. */
#ifndef CT_FLEET_APP_H
#define CT_FLEET_APP_H

#include "fleet_settings.h"
#include "service.h"

#include <stdbool.h>

struct ct_fleet_app;

/* Opens everything and starts the threads. `problem` gets one line. Errors are of the environment. */
int ct_fleet_app_start(const struct ct_fleet_settings *settings, struct ct_fleet_app **out_app, char *problem,
                       size_t problem_size) CT_MUST_CHECK;
/* Stops in order: http, ingest (last sync and acks), folder (everything applied and committed). The first error of a
 * thread, CT_OK when there was none. Accepts NULL. */
int ct_fleet_app_stop(struct ct_fleet_app *app);

/* Registers the threads. */
void ct_fleet_app_watch(const struct ct_fleet_app *app, struct ct_watchdog *watchdog);

/* True when the file of the peers is another than the one read last, whether that could be used or not. */
bool ct_fleet_app_peers_changed(const struct ct_fleet_app *app);
/* Keeps descriptors for the process's own files when connections take them all. Call it ten times a second. */
void ct_fleet_app_mind(struct ct_fleet_app *app);
/* Reads peers.txt and the tokens again. */
int ct_fleet_app_reload(struct ct_fleet_app *app, char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
