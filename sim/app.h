/* The simulator as a running thing: databases, ports, recording and the car, and the loop that moves frames between
 * them. Logs. Belongs to one thread. */
#ifndef CT_SIM_APP_H
#define CT_SIM_APP_H

#include "settings.h"

struct ct_sim;
/* Problems are logged with their place. `settings` must outlive the simulation. */
int ct_sim_open(const struct ct_sim_settings *settings, struct ct_sim **out_sim) CT_MUST_CHECK;
/* Runs until the time is over or `stop_fd` becomes readable; counts are logged at the end. */
int ct_sim_run(struct ct_sim *sim, int stop_fd) CT_MUST_CHECK;
int ct_sim_close(struct ct_sim *sim); /* accepts NULL; CT_ERR_IO when the recording is not complete */

#endif
