/* The bus thread: ports, decode, twin, collection, executor and the status socket. Waits for nothing but its
 * descriptors and deadlines: what a full ring does not take is counted and reported as a gap.
 * Adapter target gateway_app. open, close, watch_thread, reload, stop and take_retired belong to the main thread, run
 * to its own. */
#ifndef CT_GATEWAY_BUS_H
#define CT_GATEWAY_BUS_H

#include "channels.h"
#include "link_types.h"
#include "load.h"
#include "service.h"

struct ct_bus;

/* Opens the ports and the status socket. Takes over `model` when the result is 0, and only then. `problem` gets one
 * line when the result is an error; *out_exit the exit code. */
int ct_bus_open(struct ct_model *model, struct ct_channels *channels, const uint8_t boot_id[CT_BOOT_ID_SIZE],
                struct ct_bus **out_bus, enum ct_exit *out_exit, char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_bus_close(struct ct_bus *bus); /* accepts NULL */

void ct_bus_run(struct ct_bus *bus); /* until ct_bus_stop */

/* Hands over a new model; it comes into use between two frames. One that was not yet in use is freed. */
void ct_bus_reload(struct ct_bus *bus, struct ct_model *model);
void ct_bus_stop(struct ct_bus *bus);
/* True when all buses were logs, all have ended and one of them with an error: there is nothing left to do. */
bool ct_bus_failed(const struct ct_bus *bus);
/* Readable when models went out of use or ct_bus_failed became true; ct_bus_free_retired frees them. */
int ct_bus_retired_fd(const struct ct_bus *bus);
void ct_bus_free_retired(struct ct_bus *bus);
/* Before ct_bus_run: while this thread of the gateway is stuck, the GPIO line of the watchdog is not served. */
void ct_bus_watch_thread(struct ct_bus *bus, const char *name, const struct ct_pulse *pulse);
const struct ct_pulse *ct_bus_pulse(const struct ct_bus *bus); /* of its thread */

#endif
