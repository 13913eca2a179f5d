/* The CRCs of AUTOSAR's E2E profiles and of the manufacturers' checksums, by tables that are made once per user: there
 * is no shared state. The functions continue a CRC register: start value and final XOR are the caller's.
 * Thread-safe: pure functions. Source: AUTOSAR SWS CRCLibrary. */
#ifndef CT_DBC_CRC_H
#define CT_DBC_CRC_H

#include <stddef.h>
#include <stdint.h>

#define CT_CRC8_J1850 0x1DU /* polynomials */
#define CT_CRC8_H2F   0x2FU

struct ct_crc_tables {
    uint8_t j1850[256];
    uint8_t h2f[256];
    uint16_t ccitt[256]; /* 0x1021, as in CCITT-FALSE (start 0xFFFF) and XMODEM (start 0) */
    uint32_t p4[256];    /* 0xF4ACFB13 reflected; start and final XOR 0xFFFFFFFF */
    uint64_t ecma[256];  /* 0x42F0E1EBA9EA3693 reflected; start and final XOR all ones */
};

void ct_crc_tables_init(struct ct_crc_tables *tables);
void ct_crc8_table(uint8_t polynomial, uint8_t table[256]);

static inline uint8_t ct_crc8(const uint8_t table[256], uint8_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = table[crc ^ data[i]];
    }
    return crc;
}

static inline uint16_t ct_crc16(const uint16_t table[256], uint16_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc << 8 ^ table[crc >> 8 ^ data[i]]);
    }
    return crc;
}

static inline uint32_t ct_crc32(const uint32_t table[256], uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFF];
    }
    return crc;
}

static inline uint64_t ct_crc64(const uint64_t table[256], uint64_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFF];
    }
    return crc;
}

#endif
