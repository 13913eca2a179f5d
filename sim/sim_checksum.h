/* Counters and checksums of the simulated vehicle's messages: which message has which, and how they are computed.
 * Pure; thread-safe. Source: AUTOSAR E2E profile 1 (CRC-8 SAE J1850 over data id and data; alive counter 0 to 14) in
 * shape, and Toyota's byte sum as described by opendbc. */
#ifndef CT_SIM_CHECKSUM_H
#define CT_SIM_CHECKSUM_H

#include "frame.h"

enum ct_protection { CT_PROTECTION_NONE, CT_PROTECTION_CRC8, CT_PROTECTION_SUM };

struct ct_checksum_rule {
    const char *message;
    enum ct_protection kind;
    const char *counter;  /* signal, NULL: none */
    unsigned counter_end; /* the counter runs 0 .. counter_end - 1 */
    const char *checksum; /* signal; CRC8: the first byte, SUM: the last; NULL: none */
};

/* The rule of a message, NULL when it has neither counter nor checksum. */
const struct ct_checksum_rule *ct_checksum_find(const char *message);

/* CRC-8 SAE J1850: polynomial 0x1D, start 0xFF, final XOR 0xFF ("123456789" gives 0x4B). */
uint8_t ct_checksum_crc8(const uint8_t *data, size_t len);

/* The checksum byte that belongs to a finished payload of message `id`. */
uint8_t ct_checksum_of(enum ct_protection kind, uint32_t id, const uint8_t *data, size_t len);

#endif
