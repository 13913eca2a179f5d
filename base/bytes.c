#include "bytes.h"

#include "errors.h"

uint32_t ct_crc32c(uint32_t crc, const void *data, size_t len)
{
    /* One nibble a step: the reflected polynomial 0x82F63B78. */
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                       0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = table[crc & 15U] ^ (crc >> 4);
        crc = table[crc & 15U] ^ (crc >> 4);
    }
    return ~crc;
}

void ct_hex_encode(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15U];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int ct_hex_decode(uint8_t *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const int hi = hex_digit(text[2 * i]);
        if (hi < 0) {
            return CT_ERR_SYNTAX;
        }
        const int lo = hex_digit(text[2 * i + 1]);
        if (lo < 0) {
            return CT_ERR_SYNTAX;
        }
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return CT_OK;
}
