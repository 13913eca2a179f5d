/* Any bytes as a DBC file: parsed, compiled, and every message decoded from an empty and a full frame. */
#include "codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    const int err = ct_dbc_parse("fuzz.dbc", (const char *)data, size, NULL, NULL, &dbc);
    if ((err == CT_OK || err == CT_ERR_SYNTAX) && ct_codec_compile(dbc, &codec) == CT_OK) {
        static const uint8_t frame[64] = {1, 2, 3};
        for (size_t i = 0; i < dbc->message_count; i++) {
            const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[i].name);
            struct ct_decoded *values = calloc(ct_codec_model(message)->signal_count + 1, sizeof *values);
            (void)ct_codec_decode(message, frame, 0, values);
            (void)ct_codec_decode(message, frame, sizeof frame, values);
            free(values);
        }
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}
