/* Where the signals of frames lie in the twin, and which of their values mean "not available". */
#include "bind_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- codes */

/* Letters and digits alone, in lower case: "Signal not available" and "SIGNAL_NOT_AVAILABLE" are one text. */
static void plain_text(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 1 < size; text++) {
        if (isalnum((unsigned char)*text) != 0) {
            out[len++] = (char)tolower((unsigned char)*text);
        }
    }
    out[len] = '\0';
}

static bool is_listed(const struct ct_bind_codes *codes, const char *text)
{
    char mine[64];
    char listed[64];
    plain_text(text, mine, sizeof mine);
    for (size_t i = 0; i < codes->text_count; i++) {
        plain_text(codes->texts[i], listed, sizeof listed);
        if (listed[0] != '\0' && strcmp(mine, listed) == 0) {
            return true;
        }
    }
    return false;
}

/* SAE J1939-71 table 1: from eight bits on the top byte 0xFE is an error, 0xFF not available; below all ones. */
static struct ct_code_range j1939_code(unsigned bits)
{
    const int64_t most = (int64_t)(UINT64_MAX >> (64 - bits));
    return (struct ct_code_range){bits >= 8 ? most - (INT64_C(2) << (bits - 8)) + 1 : most, most};
}

static size_t find_codes(const struct ct_bind_codes *codes, const struct bound_message *message,
                         const struct ct_dbc_signal *signal, struct ct_code_range *out)
{
    size_t count = 0;
    if (signal->kind != CT_DBC_INTEGER) {
        return 0;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        if (is_listed(codes, signal->texts[i].text)) {
            out[count++] = (struct ct_code_range){signal->texts[i].raw, signal->texts[i].raw};
        }
    }
    if (codes->j1939 && message->model->j1939 && !signal->is_signed && signal->length > 1 && signal->length < 64) {
        out[count++] = j1939_code(signal->length);
    }
    return count;
}

/* ---- lanes */

int ct_bind_build_lanes(struct ct_bind *bind)
{
    size_t lanes = 0;
    size_t codes = 0;
    for (size_t b = 0; b < bind->bus_count; b++) {
        for (size_t d = 0; d < bind->buses[b].count; d++) {
            const struct bound_database *database = &bind->buses[b].databases[d];
            for (size_t m = 0; m < database->dbc->message_count; m++) {
                const struct ct_codec_message *codec = database->messages[m].codec;
                lanes += codec != NULL ? ct_codec_lane_count(codec) : 0;
                for (size_t s = 0; s < database->dbc->messages[m].signal_count; s++) {
                    codes += database->dbc->messages[m].signals[s].text_count + 1;
                }
            }
        }
    }
    bind->lanes = calloc(lanes + 1, sizeof *bind->lanes);
    bind->codes = calloc(codes + 1, sizeof *bind->codes);
    if (bind->lanes == NULL || bind->codes == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < lanes; i++) {
        bind->lanes[i].id = CT_LANE_UNUSED;
    }
    bind->layout = (struct ct_lane_layout){bind->lanes, 0};
    return CT_OK;
}

void ct_bind_free_lanes(struct ct_bind *bind)
{
    free(bind->lanes);
    free(bind->codes);
}

void ct_bind_place_message(struct ct_bind *bind, struct bound_message *message)
{
    message->first_block = (uint32_t)bind->layout.block_count;
    bind->layout.block_count += ct_codec_lane_count(message->codec) / CT_LANES;
}

void ct_bind_place_signal(struct ct_bind *bind, const struct bound_message *message, size_t lane)
{
    const size_t index = ct_codec_lane_signal(message->codec, lane);
    const struct ct_dbc_signal *signal = &message->model->signals[index];
    struct ct_lane *placed = &bind->lanes[(size_t)message->first_block * CT_LANES + lane];
    struct ct_code_range *codes = &bind->codes[bind->code_count];
    placed->id = message->ids[index];
    placed->bits = (uint8_t)signal->length;
    placed->is_signed = signal->is_signed && signal->kind == CT_DBC_INTEGER;
    placed->codes = codes;
    placed->code_count = find_codes(bind->buses[message->bus].codes, message, signal, codes);
    bind->code_count += placed->code_count;
}
