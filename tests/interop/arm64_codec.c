/* Every path of the machine it is compiled for against the definition of a signal, and a sum over all bits that were
 * decoded, to be compared between machines. One argument per database; no test library, so that it can be linked for
 * another processor. */
#include "by_definition.h"
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  ((size_t)8 << 20)
#define LANES_MAX 8192
#define FRAME_MAX 64

struct sums {
    size_t values;
    size_t wrong;
    uint64_t hash;
};

static _Alignas(CT_LANE_ALIGN) int64_t raw[LANES_MAX];
static _Alignas(CT_LANE_ALIGN) double values[LANES_MAX];
static _Alignas(CT_LANE_ALIGN) int64_t held[LANES_MAX]; /* what ct_codec_update_raw finds and leaves */
static uint8_t active[LANES_MAX / CT_LANE_GROUP];
static uint8_t active_update[LANES_MAX / CT_LANE_GROUP];
static uint8_t changed[LANES_MAX / CT_LANE_GROUP];
static uint8_t active_physical[LANES_MAX / CT_LANE_GROUP];

static void add(struct sums *sums, const void *bits)
{
    uint64_t word;
    memcpy(&word, bits, sizeof word);
    sums->hash = (sums->hash ^ word) * UINT64_C(0x100000001B3); /* FNV-1a, by words */
}

/* Every other lane holds its value already, the others the value with one bit turned. */
static void hold(const struct ct_codec_message *message, bool odd)
{
    for (size_t i = 0; i < ct_codec_lane_count(message); i++) {
        held[i] = raw[i] ^ (i % 2 == odd);
    }
}

/* All groups, padding too: a lane that is none has not changed. */
static void check_update(struct sums *sums, const struct ct_codec_message *message, const uint8_t *data, size_t len,
                         bool odd)
{
    hold(message, odd);
    ct_codec_update_raw(message, data, len, held, active_update, changed);
    for (size_t i = 0; i < ct_codec_lane_count(message); i++) {
        const unsigned on = active[i / CT_LANE_GROUP] >> i % CT_LANE_GROUP & 1U;
        sums->wrong += on != (active_update[i / CT_LANE_GROUP] >> i % CT_LANE_GROUP & 1U);
        sums->wrong += (on & (i % 2 == odd)) != (changed[i / CT_LANE_GROUP] >> i % CT_LANE_GROUP & 1U);
        sums->wrong += on != 0 && held[i] != raw[i];
    }
}

static void check_frame(struct sums *sums, const struct ct_codec_message *message, const uint8_t *data, size_t len)
{
    const struct ct_dbc_message *model = ct_codec_model(message);
    ct_codec_decode_raw(message, data, len, raw, active);
    ct_codec_decode_physical(message, data, len, values, active_physical);
    check_update(sums, message, data, len, false);
    check_update(sums, message, data, len, true);
    for (uint16_t i = 0; i < model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[i];
        const uint32_t lane = ct_codec_signal_lane(message, i);
        uint64_t bits = 0;
        if (lane == CT_NO_LANE) {
            continue;
        }
        const bool there =
            bits_by_definition(signal, data, len, &bits) && active_by_definition(model, signal, data, len);
        const uint8_t bit = (uint8_t)(1U << lane % CT_LANE_GROUP);
        sums->wrong += ((active[lane / CT_LANE_GROUP] & bit) != 0) != there;
        sums->wrong += ((active_physical[lane / CT_LANE_GROUP] & bit) != 0) != there;
        if (there) {
            const int64_t want = extended_by_definition(signal, bits);
            const double physical = physical_by_definition(signal, want);
            sums->values++;
            sums->wrong += raw[lane] != want;
            sums->wrong += memcmp(&values[lane], &physical, sizeof physical) != 0 &&
                           !(physical != physical && values[lane] != values[lane]);
            add(sums, &raw[lane]);
            if (physical == physical) { /* NaNs have no one pattern */
                add(sums, &values[lane]);
            }
        }
    }
}

static bool check_file(const char *path, struct sums *sums)
{
    char *text = malloc(TEXT_MAX);
    FILE *file = fopen(path, "rb");
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    if (text == NULL || file == NULL) {
        return false;
    }
    const size_t len = fread(text, 1, TEXT_MAX, file);
    (void)fclose(file);
    const int err = ct_dbc_parse(path, text, len, NULL, NULL, &dbc);
    free(text);
    if ((err != CT_OK && err != CT_ERR_SYNTAX) || ct_codec_compile(dbc, &codec) != CT_OK) {
        return false;
    }
    for (enum ct_codec_path p = CT_CODEC_SCALAR; p < CT_CODEC_PATHS; p++) {
        uint64_t random = 88172645463325252U;
        if (ct_codec_set_path(codec, p) != CT_OK) {
            continue;
        }
        for (size_t i = 0; i < dbc->message_count; i++) {
            const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[i].name);
            for (size_t frame = 0; message != NULL && ct_codec_lane_count(message) <= LANES_MAX && frame < 12;
                 frame++) {
                uint8_t data[FRAME_MAX];
                random_payload(&random, data, sizeof data);
                check_frame(&sums[p], message, data, frame < 9 ? frame : (size_t)FRAME_MAX >> (frame - 9));
            }
        }
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return true;
}

int main(int argc, char **argv)
{
    struct sums sums[CT_CODEC_PATHS] = {0};
    size_t wrong = 0;
    for (int i = 1; i < argc; i++) {
        if (!check_file(argv[i], sums)) {
            (void)fprintf(stderr, "arm64_codec: cannot load %s\n", argv[i]);
            return CT_EXIT_ENVIRONMENT;
        }
    }
    for (enum ct_codec_path p = CT_CODEC_SCALAR; p < CT_CODEC_PATHS; p++) {
        if (sums[p].values > 0) {
            wrong += sums[p].wrong;
            (void)printf("%s %zu %zu %016llx\n", ct_codec_path_name(p), sums[p].values, sums[p].wrong,
                         (unsigned long long)sums[p].hash);
        }
    }
    return wrong == 0 ? CT_EXIT_OK : CT_EXIT_FAILED;
}
