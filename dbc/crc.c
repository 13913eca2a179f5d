#include "crc.h"

#define CCITT          0x1021U
#define P4_REFLECTED   0xC8DF352FU
#define ECMA_REFLECTED UINT64_C(0xC96C5795D7870F42)

void ct_crc8_table(uint8_t polynomial, uint8_t table[256])
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ ((crc & 0x80U) != 0 ? polynomial : 0U);
        }
        table[i] = (uint8_t)crc;
    }
}

static uint16_t forward16(unsigned byte)
{
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; bit++) {
        crc = crc << 1 ^ ((crc & 0x8000U) != 0 ? CCITT : 0U);
    }
    return (uint16_t)crc;
}

static uint64_t reflected(uint64_t crc, uint64_t polynomial)
{
    for (int bit = 0; bit < 8; bit++) {
        crc = crc >> 1 ^ ((crc & 1U) != 0 ? polynomial : 0U);
    }
    return crc;
}

void ct_crc_tables_init(struct ct_crc_tables *tables)
{
    ct_crc8_table(CT_CRC8_J1850, tables->j1850);
    ct_crc8_table(CT_CRC8_H2F, tables->h2f);
    for (unsigned i = 0; i < 256; i++) {
        tables->ccitt[i] = forward16(i);
        tables->p4[i] = (uint32_t)reflected(i, P4_REFLECTED);
        tables->ecma[i] = reflected(i, ECMA_REFLECTED);
    }
}
