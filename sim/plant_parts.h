/* The plant's parts, private to sim/: each moves its share of the values one step on. Units as in plant.h. */
#ifndef CT_SIM_PLANT_PARTS_H
#define CT_SIM_PLANT_PARTS_H

#include "plant.h"

#include <stdbool.h>

double ct_plant_random(struct ct_plant *plant); /* uniform, -1 to 1 */
double ct_plant_clamp(double value, double low, double high);
double ct_plant_lag(double value, double towards, double step_s, double time_constant_s);

void ct_plant_cold_start(struct ct_plant_values *v); /* everything at the temperature outside */
void ct_plant_step_drive(struct ct_plant *plant, double step_s);
void ct_plant_step_engine(struct ct_plant *plant, double step_s);
void ct_plant_step_body(struct ct_plant *plant, double step_s);

#endif
