/* The faults an ECU of the demo looks for in the plant, as tests that set and heal DTCs. Pure; constant tables.
 *   ENGINE   P0171-00 mixture too lean (emissions, lamp), P0217-00 coolant over 115 degC
 *   GEARBOX  P0868-00 oil pressure low
 *   BATTERY  P0562-00 supply under 12.8 V while the engine runs
 *   BODY     B1D01-13, B1D02-13 low beam left, right: circuit open */
#ifndef CT_SIM_ECU_FAULTS_H
#define CT_SIM_ECU_FAULTS_H

#include "dtc_memory.h"
#include "plant.h"

/* The node's definitions and what its snapshots hold; CT_ERR_NOT_FOUND for a node without. */
int ct_ecu_faults_config(const char *node, struct ct_dtc_memory_config *out_config) CT_MUST_CHECK;
/* One round of the node's tests. A test that cannot tell (engine off) reports nothing. */
void ct_ecu_faults_test(const char *node, const struct ct_plant *plant, struct ct_dtc_memory *memory);
/* How many tests fail at this moment. */
uint32_t ct_ecu_faults_count(const char *node, const struct ct_plant *plant);

#endif
