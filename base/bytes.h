/* Fixed-width integers in byte order, and CRC-32C. Callers guarantee the bytes are there.
 * Thread-safe: pure functions. */
#ifndef CT_BASE_BYTES_H
#define CT_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t ct_be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t ct_be32(const uint8_t *p)
{
    return (uint32_t)ct_be16(p) << 16 | ct_be16(p + 2);
}

static inline uint16_t ct_le16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[1] << 8 | p[0]);
}

static inline uint32_t ct_le32(const uint8_t *p)
{
    return (uint32_t)ct_le16(p + 2) << 16 | ct_le16(p);
}

static inline uint64_t ct_le64(const uint8_t *p)
{
    return (uint64_t)ct_le32(p + 4) << 32 | ct_le32(p);
}

static inline void ct_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void ct_put_be32(uint8_t *p, uint32_t v)
{
    ct_put_be16(p, (uint16_t)(v >> 16));
    ct_put_be16(p + 2, (uint16_t)v);
}

static inline void ct_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void ct_put_le32(uint8_t *p, uint32_t v)
{
    ct_put_le16(p, (uint16_t)v);
    ct_put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void ct_put_le64(uint8_t *p, uint64_t v)
{
    ct_put_le32(p, (uint32_t)v);
    ct_put_le32(p + 4, (uint32_t)(v >> 32));
}

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `len` bytes, continued from `crc` (0 to start). */
uint32_t ct_crc32c(uint32_t crc, const void *data, size_t len);
/* The same without the processor's help. */
uint32_t ct_crc32c_plain(uint32_t crc, const void *data, size_t len);

/* Lower-case hex of `len` bytes into out[2 * len + 1], with a final NUL. */
void ct_hex_encode(char *out, const uint8_t *data, size_t len);

/* Reads exactly 2 * len hex digits; 0 or CT_ERR_SYNTAX. `text` needs 2 * len readable characters. */
int ct_hex_decode(uint8_t *out, const char *text, size_t len);

#endif
