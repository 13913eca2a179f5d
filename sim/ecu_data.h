/* What an ECU knows of itself and tells by ReadDataByIdentifier. Pure; constant table.
 *   F190  VIN, 17 ASCII characters             F187  part number, ASCII
 *   F18C  serial number, ASCII                 F189  software version, ASCII
 *   F197  system name: the node's, ASCII       FF00  UDS version, 03 00 00 00
 *   0160  60-byte record: "CTR1", ECU name (16, zero-filled), frames sent (u32), run time in ms (u32), odometer in m
 *         (u32), speed in 0.01 km/h (u16), 12 V supply in mV (u16), bytes 36 to 58 their own offset, CRC-8 SAE J1850
 *         of the 59 bytes before; numbers big-endian
 *   0200  speed, u16, 0.01 km/h                0201  supply, u16, mV
 *   0202  odometer, u32, m                     0203  ignition, u8: enum ct_ignition
 *   0204  engine speed, u16, 0.25 rpm          0205  coolant, u8, degC + 40
 *   0300  workshop's mark, 16 bytes: read always, written in the extended session with level 1 unlocked
 *   0301  secret, 8 bytes: read by whom the ECU has authenticated (29)
 *   F201  speed and supply, as 0200 and 0201: may be sent periodically
 *   F4xx, F6xx, F8xx  OBD by UDS, on the engine only */
#ifndef CT_SIM_ECU_DATA_H
#define CT_SIM_ECU_DATA_H

#include "obd_server.h"
#include "plant.h"
#include "uds_server.h"

#define CT_ECU_RECORD_SIZE      60
#define CT_ECU_MARK_SIZE        16
#define CT_ECU_CALIBRATION_SIZE 1024

struct ct_ecu_data { /* the `user` of the server's functions */
    const char *name;
    const char *vin;
    const char *part_number;
    struct ct_plant *plant;
    uint32_t sent;
    uint64_t random;
    uint32_t revision; /* grows with what is worth saving, beside the DTCs */
    struct ct_dtc_memory *dtcs;
    const struct ct_obd_server_config *obd; /* NULL: not the engine's */
    int64_t busy_until;                     /* plant steps; 0: no slow work */
    uint32_t self_test;                     /* result of the last one: faults found */
    uint8_t mark[CT_ECU_MARK_SIZE];
    uint8_t calibration[CT_ECU_CALIBRATION_SIZE];
};

const struct ct_uds_did *ct_ecu_data_dids(size_t *out_count);
/* The value whatever the access; for snapshots. */
uint8_t ct_ecu_data_read(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len);

#endif
