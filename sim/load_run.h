/* `cantwin-sim --vehicles N`: sockets, clock and report around load_vehicle.h. SIGTERM and SIGINT end it, SIGHUP
 * restarts all vehicles at once (as after a power cut in the depot). Prints one JSON object when it ends. */
#ifndef CT_SIM_LOAD_RUN_H
#define CT_SIM_LOAD_RUN_H

#include "load_options.h"

/* An exit code. */
int ct_load_run(const struct ct_load_options *options);

#endif
