/* What an ECU tells by ReadDataByIdentifier. Pure; constant table.
 *   F190  VIN, 17 ASCII characters
 *   F187  part number, ASCII
 *   0160  60-byte record: "CTR1", ECU name (16, zero-filled), frames sent (u32), run time in ms (u32), odometer in m
 *         (u32), speed in 0.01 km/h (u16), 12 V supply in mV (u16), bytes 36 to 58 their own offset, CRC-8 SAE J1850
 *         of the 59 bytes before; numbers big-endian */
#ifndef CT_SIM_ECU_DATA_H
#define CT_SIM_ECU_DATA_H

#include "plant.h"
#include "uds_server.h"

#define CT_ECU_RECORD_SIZE 60

struct ct_ecu_data { /* the `user` of the read functions */
    const char *name;
    const char *vin;
    const char *part_number;
    const struct ct_plant *plant;
    uint32_t sent;
};

const struct ct_uds_did *ct_ecu_data_dids(size_t *out_count);

#endif
