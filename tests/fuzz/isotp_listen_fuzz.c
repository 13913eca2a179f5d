/* Any sequence of frames on any ids and time steps into the listener: no crash, no buffer left, what is heard lies
 * inside its bounds, and the table never grows. */
#include "isotp_listen.h"
#include "uds_words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_heard(struct ct_isotp_listener *listener)
{
    struct ct_isotp_heard heard;
    while (ct_isotp_listener_next(listener, &heard) == CT_OK) {
        struct ct_uds_words words;
        uint8_t copy[100];
        if (heard.kept > sizeof copy || heard.kept > heard.len || (heard.kept > 0) != (heard.data != NULL) ||
            (heard.kind == CT_ISOTP_HEARD_MESSAGE && heard.kept != heard.len)) {
            abort();
        }
        if (heard.kept > 0) {
            memcpy(copy, heard.data, heard.kept); /* ASan watches */
        }
        if (ct_uds_words(copy, heard.kept, &words) == CT_OK && words.id_count > CT_UDS_WORDS_IDS) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t ids[] = {0x7DF, 0x7E0,      0x7E8,      0x712,      0x77C,      0x6F1,
                                   0x612, 0x18DA10F1, 0x18DAF110, 0x18DB33F1, 0x18CE10F1, 0x123};
    const struct ct_isotp_listener_config config = {
        .pairs_max = 3, .slots = 3, .message_max = 100, .usual_ids = true, .learn = true};
    struct ct_isotp_listener *listener;
    if (ct_isotp_listener_create(&config, &listener) != CT_OK) {
        abort();
    }
    struct ct_isotp_config pair = ct_isotp_config_usual(0x6F1, 0x612);
    pair.tx_mode = CT_ISOTP_EXTENDED;
    pair.tx_byte = 0x12;
    if (ct_isotp_listener_watch(listener, &pair) != 0) {
        abort();
    }
    ct_ns now = 0;
    for (size_t at = 0; at + 3 <= size;) {
        const size_t len = data[at] % 65 < size - at - 3 ? data[at] % 65 : size - at - 3;
        const uint32_t id = ids[data[at + 1] % (sizeof ids / sizeof ids[0])];
        struct ct_frame frame = {.id = id, .len = (uint8_t)len, .flags = id > CT_ID_STD_MAX ? CT_FRAME_EXT : 0};
        memcpy(frame.data, data + at + 3, len);
        now += data[at + 2] * CT_NS_PER_MS * 20;
        (void)ct_isotp_listener_tick(listener, now);
        check_heard(listener);
        (void)ct_isotp_listener_receive(listener, &frame, now);
        check_heard(listener);
        at += 3 + len;
    }
    struct ct_isotp_listener_stats stats;
    ct_isotp_listener_stats_get(listener, &stats);
    if (stats.pairs > 3 || stats.lost != 0) {
        abort();
    }
    ct_isotp_listener_free(listener);
    return 0;
}
