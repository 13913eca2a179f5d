/* What can be done to an ECU of the demo by UDS: routines, lamps, calibration, security. Pure but for the plant.
 *
 * Routines  0202 self test: start takes 1 s, result is the number of faults found; stop and results too
 *           0300 break: option is a fault (enum ct_plant_fault) and 01 there or 00 mended; any session
 *           0301 next operation cycle
 *           FF00 erase the calibration: programming session, level 1, takes 0.3 s
 *           FF01 check the calibration: answers its CRC-32C
 * IO        9B01 low beam, 9B02 high beam, 9B03 hazard lights (BODY): one byte, 01 on, 00 off
 * Memory    00010000, 1024 bytes of calibration: read (23, 35), download (34) in the programming session, level 1
 * Security  level 1 (27 01, 02): four bytes of seed, key = rotate left by 1 of (seed XOR 63616E74), plus 7477696E,
 *           modulo 2^32, big-endian. Three wrong keys are followed by 10 s of delay, also after a restart
 * 29        05 and 06 with Ed25519 over the challenge alone, by the key made from the seed "cantwin demo diagnostic key
 *           0001"; grants role 1 */
#ifndef CT_SIM_ECU_SERVICE_H
#define CT_SIM_ECU_SERVICE_H

#include "ecu_data.h"

#define CT_ECU_CALIBRATION_FIRST 0x00010000U

/* Fills the tables and functions of *config; its user must be a struct ct_ecu_data. `lamps`: with IO control. */
void ct_ecu_service_config(struct ct_uds_server_config *config, bool lamps);

/* The demo's key of a seed, for testers. */
uint32_t ct_ecu_service_key(uint8_t level, uint32_t seed);

#endif
