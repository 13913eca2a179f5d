/* The engine's OBD values, from the plant. Pure; constant tables. */
#ifndef CT_SIM_ECU_OBD_H
#define CT_SIM_ECU_OBD_H

#include "ecu_data.h"

/* Everything but the DTC memory; `data` is kept as its user. */
void ct_ecu_obd_config(struct ct_ecu_data *data, struct ct_obd_server_config *out_config);

#endif
