/* What the simulated ECUs keep over a restart (DTCs, wrong keys, mark, calibration): one file an ECU, NODE.state, in a
 * folder. Adapter; belongs to one thread. */
#ifndef CT_SIM_STATE_H
#define CT_SIM_STATE_H

#include "car.h"

struct ct_sim_state;
/* Makes the folder where missing and restores every ECU; a damaged file is told in the log and started anew. */
int ct_sim_state_open(const char *folder, struct ct_car *car, ct_ns now, struct ct_sim_state **out_state) CT_MUST_CHECK;
/* Writes what has changed since the last call; failures are logged once each. */
void ct_sim_state_save(struct ct_sim_state *state);
void ct_sim_state_close(struct ct_sim_state *state); /* saves; accepts NULL */

#endif
