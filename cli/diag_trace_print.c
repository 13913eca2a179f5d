#include "diag_trace_print.h"

#include "json.h"
#include "uds.h"
#include "uds_words.h"

#include <inttypes.h>
#include <stdio.h>

#define WORDS_WIDTH 44U

static bool has_byte(const struct ct_isotp_heard *heard)
{
    return heard->mode == CT_ISOTP_EXTENDED || heard->mode == CT_ISOTP_MIXED_29 || heard->mode == CT_ISOTP_MIXED_11;
}

static bool in_words(const struct ct_isotp_heard *heard, struct ct_uds_words *out_words)
{
    return heard->kind != CT_ISOTP_HEARD_BROKEN && ct_uds_words(heard->data, heard->kept, out_words) == CT_OK;
}

/* To an ECU >, from it <, refused !, not whole x. */
static char mark_of(const struct ct_isotp_heard *heard, const struct ct_uds_words *words)
{
    if (heard->kind == CT_ISOTP_HEARD_BROKEN) {
        return 'x';
    }
    static const char marks[] = {'>', '<', '!'};
    return words != NULL ? marks[words->kind] : '?';
}

static void put_address(struct ct_buf *buf, const struct ct_isotp_heard *heard)
{
    char text[24];
    const bool extended = (heard->flags & CT_FRAME_EXT) != 0;
    int n = snprintf(text, sizeof text, extended ? "%08" PRIX32 : "%03" PRIX32, heard->id);
    if (has_byte(heard)) {
        snprintf(text + n, sizeof text - (size_t)n, "/%02X", heard->address_byte);
    }
    ct_buf_printf(buf, "%-8s", text);
}

static void put_summary(struct ct_buf *buf, const struct ct_isotp_heard *heard, const struct ct_uds_words *words)
{
    if (heard->kind == CT_ISOTP_HEARD_BROKEN) {
        ct_buf_printf(buf, "broken off: %s", ct_isotp_result_text(heard->result));
    } else if (words != NULL) {
        ct_uds_words_put(words, buf);
    } else {
        ct_buf_text(buf, "not UDS");
    }
}

void ct_diag_trace_line(struct ct_buf *buf, const struct ct_isotp_heard *heard, const char *bus, int64_t stamp,
                        size_t bytes_shown)
{
    struct ct_uds_words found;
    const struct ct_uds_words *words = in_words(heard, &found) ? &found : NULL;
    ct_buf_printf(buf, "(%" PRId64 ".%06d) %s ", stamp / CT_NS_PER_S, (int)(stamp % CT_NS_PER_S / CT_NS_PER_US), bus);
    put_address(buf, heard);
    ct_buf_printf(buf, " %c ", mark_of(heard, words));
    const size_t start = buf->len;
    put_summary(buf, heard, words);
    if (heard->frames > 1) {
        const int64_t us = (heard->ended_ns - heard->started_ns) / CT_NS_PER_US;
        ct_buf_printf(buf, " (%zu bytes in %" PRIu32 " frames, %" PRId64 ".%03d ms)", heard->len, heard->frames,
                      us / 1000, (int)(us % 1000));
    }
    const size_t width = buf->len - start;
    const size_t shown = heard->kept < bytes_shown ? heard->kept : bytes_shown;
    if (shown > 0) {
        ct_buf_printf(buf, "%*s ", (int)(width < WORDS_WIDTH ? WORDS_WIDTH - width : 0), "");
    }
    for (size_t i = 0; i < shown; i++) {
        ct_buf_printf(buf, " %02X", heard->data[i]);
    }
    ct_buf_text(buf, shown < heard->len && shown > 0 ? " ...\n" : "\n");
}

static void json_words(struct ct_json *json, const struct ct_uds_words *words)
{
    ct_json_uint(json, "service", words->service);
    ct_json_string(json, "name", words->service_text);
    if (words->subfunction >= 0) {
        ct_json_int(json, "subfunction", words->subfunction);
        ct_json_bool(json, "suppressed", words->suppressed);
    }
    if (words->kind == CT_UDS_MESSAGE_NEGATIVE) {
        ct_json_uint(json, "nrc", words->nrc);
        ct_json_string(json, "nrc_text", ct_uds_nrc_text(words->nrc));
    }
    if (words->id_count > 0) {
        ct_json_array_begin(json, "ids");
        for (size_t i = 0; i < words->id_count; i++) {
            ct_json_uint(json, NULL, words->ids[i]);
        }
        ct_json_array_end(json);
    }
}

static const char *kind_text(const struct ct_isotp_heard *heard, const struct ct_uds_words *words)
{
    if (heard->kind == CT_ISOTP_HEARD_BROKEN) {
        return "broken";
    }
    return words != NULL ? ct_uds_message_kind_text(words->kind) : "other";
}

void ct_diag_trace_json(struct ct_buf *buf, const struct ct_isotp_heard *heard, const char *bus, int64_t stamp)
{
    struct ct_json json;
    struct ct_uds_words found;
    char t[40];
    const struct ct_uds_words *words = in_words(heard, &found) ? &found : NULL;
    snprintf(t, sizeof t, "%" PRId64 ".%06d", stamp / CT_NS_PER_S, (int)(stamp % CT_NS_PER_S / CT_NS_PER_US));
    ct_json_init(&json, buf);
    ct_json_object_begin(&json, NULL);
    ct_json_number(&json, "t", t);
    ct_json_string(&json, "bus", bus);
    ct_json_uint(&json, "id", heard->id);
    ct_json_bool(&json, "ext", (heard->flags & CT_FRAME_EXT) != 0);
    if (has_byte(heard)) {
        ct_json_uint(&json, "address_byte", heard->address_byte);
    }
    ct_json_bool(&json, "functional", heard->functional);
    ct_json_string(&json, "kind", kind_text(heard, words));
    if (words != NULL) {
        json_words(&json, words);
    }
    if (heard->kind == CT_ISOTP_HEARD_BROKEN) {
        ct_json_string(&json, "reason", ct_isotp_result_text(heard->result));
    }
    ct_json_uint(&json, "frames", heard->frames);
    ct_json_int(&json, "duration_us", (heard->ended_ns - heard->started_ns) / CT_NS_PER_US);
    ct_json_uint(&json, "length", heard->len);
    ct_json_bytes(&json, "data", heard->data, heard->kept);
    ct_json_object_end(&json);
    ct_buf_text(buf, "\n");
}
