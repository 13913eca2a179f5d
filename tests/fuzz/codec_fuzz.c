/* A signal and a frame from the bytes: layout, then payload. What is decoded must encode back to the same bits. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void round_trip(const struct ct_codec_message *message, const uint8_t *data, size_t size)
{
    struct ct_decoded value;
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, data, size);
    if (ct_codec_decode(message, data, size, &value) == 1) {
        const struct ct_encode_value encode = {.signal = 0, .raw = value.raw};
        const bool blob = ct_codec_model(message)->signals[0].kind == CT_DBC_BLOB;
        const int err = ct_codec_encode(message, &encode, copy, size);
        if ((err == CT_OK) == blob || memcmp(copy, data, size) != 0) {
            abort();
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[160];
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    if (size < 5) {
        return 0;
    }
    const unsigned start = data[0] | (data[1] & 7U) << 8;
    const unsigned length = 1U + data[2] + (data[3] & 15U) * 64U;
    (void)snprintf(text, sizeof text,
                   "BO_ 1 M: 1785 A\n SG_ S : %u|%u@%u%c (2,3) [0|0] \"\" B\nSIG_VALTYPE_ 1 S : %u;\n", start, length,
                   data[4] & 1U, (data[4] & 2U) != 0 ? '-' : '+', data[4] >> 2 & 3U);
    const int err = ct_dbc_parse("fuzz.dbc", text, strlen(text), NULL, NULL, &dbc);
    if ((err == CT_OK || err == CT_ERR_SYNTAX) && ct_codec_compile(dbc, &codec) == CT_OK) {
        round_trip(ct_codec_find(codec, 1, false), data + 5, size - 5);
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}
