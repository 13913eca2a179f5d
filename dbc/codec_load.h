/* Internal to dbc/: unaligned 64-bit loads in either byte order. */
#ifndef CT_DBC_CODEC_LOAD_H
#define CT_DBC_CODEC_LOAD_H

#include <stdint.h>
#include <string.h>

static inline uint64_t codec_load_little(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline uint64_t codec_load_big(const uint8_t *p)
{
    return __builtin_bswap64(codec_load_little(p));
}

#endif
