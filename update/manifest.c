#include "manifest.h"

#include "bytes.h"

#include <sodium.h>

#include <math.h>
#include <string.h>

_Static_assert(CT_UPDATE_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");

static const struct {
    uint8_t size; /* 0: no number */
    bool is_signed, is_float;
} types[] = {
    [CT_PARAMETER_UINT8] = {1, false, false},  [CT_PARAMETER_UINT16] = {2, false, false},
    [CT_PARAMETER_UINT32] = {4, false, false}, [CT_PARAMETER_INT8] = {1, true, false},
    [CT_PARAMETER_INT16] = {2, true, false},   [CT_PARAMETER_INT32] = {4, true, false},
    [CT_PARAMETER_FLOAT32] = {4, false, true}, [CT_PARAMETER_FLOAT64] = {8, false, true},
    [CT_PARAMETER_BYTES] = {0, false, false},  [CT_PARAMETER_TEXT] = {0, false, false},
    [CT_PARAMETER_BLOB] = {0, false, false},
};

size_t ct_parameter_width(enum ct_parameter_type type)
{
    return types[type].size;
}

static double as_float(uint64_t bits, size_t size)
{
    if (size == 4) {
        float number;
        const uint32_t low = (uint32_t)bits;
        memcpy(&number, &low, sizeof number);
        return (double)number;
    }
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double as_integer(uint64_t bits, size_t size, bool is_signed)
{
    const uint64_t sign = UINT64_C(1) << (8 * size - 1);
    return is_signed && (bits & sign) != 0 ? (double)(int64_t)bits - (double)(sign * 2) : (double)bits;
}

static void set_bits(struct ct_parameter *parameter, uint64_t bits)
{
    const size_t size = types[parameter->type].size;
    for (size_t i = 0; i < size; i++) {
        parameter->raw[parameter->little_endian ? i : size - 1 - i] = (uint8_t)(bits >> (8 * i));
    }
    parameter->raw_len = (uint16_t)size;
}

void ct_parameter_set_integer(struct ct_parameter *parameter, int64_t value)
{
    const unsigned bits = types[parameter->type].size * 8U;
    parameter->raw_len = 0;
    if (bits == 0 || types[parameter->type].is_float) {
        return;
    }
    const int64_t half = INT64_C(1) << (bits - 1);
    const bool fits =
        types[parameter->type].is_signed ? value >= -half && value < half : value >= 0 && value < 2 * half;
    if (fits) {
        set_bits(parameter, (uint64_t)value);
    }
}

void ct_parameter_set_number(struct ct_parameter *parameter, double value)
{
    uint64_t bits = 0;
    parameter->raw_len = 0;
    if (!types[parameter->type].is_float) {
        return;
    }
    if (types[parameter->type].size == 4) {
        const float narrow = (float)value;
        uint32_t low;
        memcpy(&low, &narrow, sizeof low);
        bits = low;
    } else {
        memcpy(&bits, &value, sizeof bits);
    }
    set_bits(parameter, bits);
}

double ct_parameter_stored(const struct ct_parameter *parameter, const uint8_t *raw, size_t len)
{
    const size_t size = types[parameter->type].size;
    if (size == 0 || len != size) {
        return (double)NAN;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | raw[parameter->little_endian ? size - 1 - i : i];
    }
    return types[parameter->type].is_float ? as_float(bits, size)
                                           : as_integer(bits, size, types[parameter->type].is_signed);
}

double ct_parameter_physical(const struct ct_parameter *parameter, const uint8_t *raw, size_t len)
{
    return ct_parameter_stored(parameter, raw, len) * parameter->factor + parameter->offset;
}

bool ct_parameter_same(const struct ct_parameter *parameter, const uint8_t *read_back, size_t len)
{
    if (len == parameter->raw_len && memcmp(read_back, parameter->raw, len) == 0) {
        return true;
    }
    const double wanted = ct_parameter_physical(parameter, parameter->raw, parameter->raw_len);
    const double found = ct_parameter_physical(parameter, read_back, len);
    return fabs(wanted - found) <= parameter->tolerance; /* NaN is not */
}

/* ------------------------------------------------------------------------------------------------ the set's name */

static int text_order(const char *a, const char *b)
{
    return strcmp(a, b);
}

static uint64_t address_of(const struct ct_parameter *parameter)
{
    return parameter->place == CT_PLACE_DID ? parameter->did : parameter->memory_address;
}

static int order(const struct ct_parameter *a, const struct ct_parameter *b)
{
    const int by_ecu = text_order(a->ecu, b->ecu);
    if (by_ecu != 0) {
        return by_ecu;
    }
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    if (a->place == CT_PLACE_OWN) {
        return text_order(a->own, b->own);
    }
    return address_of(a) < address_of(b) ? -1 : address_of(a) > address_of(b) ? 1 : 0;
}

static void put_be(crypto_hash_sha256_state *state, uint64_t value, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
    (void)crypto_hash_sha256_update(state, out, bytes);
}

static void put_text(crypto_hash_sha256_state *state, const char *text)
{
    (void)crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text) + 1);
}

static void put_parameter(crypto_hash_sha256_state *state, const struct ct_parameter *parameter)
{
    const bool blob = parameter->type == CT_PARAMETER_BLOB;
    put_text(state, parameter->ecu);
    put_be(state, (uint64_t)parameter->place, 1);
    if (parameter->place == CT_PLACE_OWN) {
        put_text(state, parameter->own);
    } else {
        put_be(state, address_of(parameter), 8);
    }
    put_be(state, blob ? parameter->blob.size : parameter->raw_len, 4);
    (void)crypto_hash_sha256_update(state, blob ? parameter->blob.sha256 : parameter->raw,
                                    blob ? CT_UPDATE_HASH_SIZE : parameter->raw_len);
}

void ct_set_hash(const struct ct_parameter *parameters, size_t count, uint8_t out_hash[CT_UPDATE_HASH_SIZE])
{
    uint16_t sorted[CT_UPDATE_PARAMETERS_MAX];
    crypto_hash_sha256_state state;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        while (at > 0 && order(&parameters[sorted[at - 1]], &parameters[i]) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = (uint16_t)i;
    }
    (void)crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        put_parameter(&state, &parameters[sorted[i]]);
    }
    (void)crypto_hash_sha256_final(&state, out_hash);
}
