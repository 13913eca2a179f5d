/* Decodes frames a number of times in one way and does nothing else, so that the difference between two runs is what
 * decoding executes. Linked with the generated code; no test library, for another processor.
 *
 *   count_decode FILE.dbc FRAMES STRIDE generated|scalar|neon|avx2|avx512 PASSES */
#include "codec.h"
#include "generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX   ((size_t)16 << 20)
#define VALUES_MAX 4096

generated_run_fn generated_run;

static _Alignas(CT_LANE_ALIGN) double values[VALUES_MAX];
static uint8_t active[VALUES_MAX / CT_LANE_GROUP];

static uint8_t *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = calloc(1, TEXT_MAX + CT_CODEC_FRAME_ROOM);
    if (file == NULL || bytes == NULL) {
        return NULL;
    }
    *out_len = fread(bytes, 1, TEXT_MAX, file);
    (void)fclose(file);
    return bytes;
}

static void run(const struct ct_codec *codec, const uint8_t *frames, size_t count, size_t stride)
{
    for (size_t i = 0; i < count; i++, frames += stride) {
        uint32_t key;
        memcpy(&key, frames, sizeof key);
        const struct ct_codec_message *message =
            ct_codec_find(codec, key & ~CT_CODEC_KEY_EXTENDED, (key & CT_CODEC_KEY_EXTENDED) != 0);
        if (message != NULL && ct_codec_lane_count(message) <= VALUES_MAX) {
            ct_codec_decode_physical(message, frames + FRAME_DATA, frames[FRAME_LEN], values, active);
        }
    }
}

static bool choose(struct ct_codec *codec, const char *name)
{
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        if (strcmp(name, ct_codec_path_name(path)) == 0) {
            return ct_codec_set_path(codec, path) == CT_OK;
        }
    }
    return strcmp(name, "generated") == 0;
}

int main(int argc, char **argv)
{
    size_t text_len = 0;
    size_t len = 0;
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    uint8_t *text = argc == 6 ? read_file(argv[1], &text_len) : NULL;
    uint8_t *frames = argc == 6 ? read_file(argv[2], &len) : NULL;
    if (text == NULL || frames == NULL) {
        (void)fprintf(stderr, "usage: count_decode FILE.dbc FRAMES STRIDE WAY PASSES\n");
        return CT_EXIT_USAGE;
    }
    const size_t stride = strtoul(argv[3], NULL, 10);
    const int err = ct_dbc_parse(argv[1], (const char *)text, text_len, NULL, NULL, &dbc);
    if (stride == 0 || (err != CT_OK && err != CT_ERR_SYNTAX) || ct_codec_compile(dbc, &codec) != CT_OK ||
        !choose(codec, argv[4])) {
        return CT_EXIT_ENVIRONMENT;
    }
    for (unsigned long pass = strtoul(argv[5], NULL, 10); pass > 0; pass--) {
        if (strcmp(argv[4], "generated") == 0) {
            generated_run(frames, len / stride, stride, values);
        } else {
            run(codec, frames, len / stride, stride);
        }
    }
    (void)printf("%zu\n", len / stride);
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    free(text);
    free(frames);
    return CT_EXIT_OK;
}
