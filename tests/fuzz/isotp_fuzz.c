/* Any sequence of frames, sends, holds and time steps, in every addressing mode: no crash, no buffer left, valid frames
 * out, lengths inside the announced bounds, and no deadline that lies behind for good. */
#include "isotp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void act(struct ct_isotp *tp, const uint8_t *bytes, size_t len, ct_ns now)
{
    const unsigned what = len > 0 ? bytes[0] >> 4 : 0;
    if (what >= 0xC) {
        (void)ct_isotp_send(tp, bytes, len, now);
    } else if (what == 0xB) {
        ct_isotp_hold(tp, now);
    } else if (what == 0xA) {
        ct_isotp_resume(tp, now);
    } else if (what == 0x9) {
        ct_isotp_bus_lost(tp);
    } else {
        struct ct_frame frame = {.id = tp->from.id, .flags = tp->from.flags, .len = (uint8_t)len};
        frame.flags |= len > 8 ? CT_FRAME_FD : 0;
        memcpy(frame.data, bytes, len);
        if (tp->from.has_byte && len < CT_FRAME_DATA_MAX) {
            frame.data[0] = tp->from.byte;
            memcpy(frame.data + 1, bytes, len);
            frame.len++;
        }
        (void)ct_isotp_receive(tp, &frame, now);
    }
}

static void step(struct ct_isotp *tp, const uint8_t *bytes, size_t len, ct_ns now)
{
    struct ct_frame frame;
    act(tp, bytes, len, now);
    unsigned out = 0;
    while (ct_isotp_next_frame(tp, &frame, now) == CT_OK) {
        if (!ct_frame_valid(&frame) || ++out > 400) {
            abort();
        }
    }
    (void)ct_isotp_tick(tp, now);
    while (ct_isotp_next_frame(tp, &frame, now) == CT_OK) {
        if (!ct_frame_valid(&frame)) {
            abort();
        }
    }
    if (ct_isotp_tick(tp, now) < now) {
        abort(); /* its user would spin */
    }
    struct ct_isotp_event event;
    while (ct_isotp_next_event(tp, &event) == CT_OK) {
        if (event.len > tp->rx.capacity && event.kind == CT_ISOTP_MESSAGE) {
            abort();
        }
    }
}

static struct ct_isotp_config config_of(uint8_t a, uint8_t b)
{
    static const uint8_t tx_dls[] = {8, 12, 16, 64};
    static const enum ct_isotp_mode modes[] = {CT_ISOTP_NORMAL, CT_ISOTP_EXTENDED, CT_ISOTP_MIXED_11,
                                               CT_ISOTP_NORMAL_FIXED, CT_ISOTP_MIXED_29};
    const enum ct_isotp_mode mode = modes[(b & 7) % 5];
    struct ct_isotp_config config = mode == CT_ISOTP_NORMAL_FIXED || mode == CT_ISOTP_MIXED_29
                                        ? ct_isotp_config_fixed(mode, 0x10, 0xF1)
                                        : ct_isotp_config_usual(0x7E8, 0x7E0);
    config.tx_mode = mode;
    config.rx_mode = mode;
    config.fd = true;
    config.tx_dl = tx_dls[a & 3];
    config.block_size = a >> 5;
    config.full_duplex = (b & 8) != 0;
    config.listen = (b & 16) != 0;
    config.rx_padding = (enum ct_isotp_rx_padding)((b >> 5) % 3);
    config.rx_padding_content = (b & 128) != 0;
    config.wft_max = 2;
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t rx[300];
    uint8_t tx[300];
    struct ct_isotp tp;
    if (size < 2) {
        return 0;
    }
    const struct ct_isotp_config config = config_of(data[0], data[1]);
    if (ct_isotp_init(&tp, &config, rx, sizeof rx, tx, sizeof tx) != CT_OK) {
        abort();
    }
    ct_ns now = 0;
    for (size_t at = 2; at + 2 <= size;) {
        const size_t len = data[at] % 65 < size - at - 2 ? data[at] % 65 : size - at - 2;
        now += data[at + 1] * CT_NS_PER_MS * 5;
        step(&tp, data + at + 2, len, now);
        at += 2 + len;
    }
    return 0;
}
