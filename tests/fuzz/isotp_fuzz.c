/* Any sequence of frames, sends and time steps: no crash, no buffer left, lengths inside the announced bounds. */
#include "isotp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct ct_isotp *tp, const uint8_t *bytes, size_t len, ct_ns now)
{
    struct ct_frame frame = {.id = tp->config.rx_id, .flags = CT_FRAME_FD, .len = (uint8_t)len};
    memcpy(frame.data, bytes, len);
    if (len > 0 && (bytes[0] & 0xC0) == 0xC0) {
        (void)ct_isotp_send(tp, bytes, len, now);
    } else {
        (void)ct_isotp_receive(tp, &frame, now);
    }
    while (ct_isotp_next_frame(tp, &frame, now) == CT_OK) {
        if (!ct_frame_valid(&frame)) {
            abort();
        }
    }
    (void)ct_isotp_tick(tp, now);
    struct ct_isotp_event event;
    while (ct_isotp_next_event(tp, &event) == CT_OK) {
        if (event.len > tp->rx.capacity && event.kind == CT_ISOTP_MESSAGE) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t tx_dls[] = {8, 12, 16, 64};
    uint8_t rx[300];
    uint8_t tx[300];
    struct ct_isotp tp;
    struct ct_isotp_config config = ct_isotp_config_usual(0x7E8, 0x7E0);
    if (size < 1) {
        return 0;
    }
    config.fd = true;
    config.tx_dl = tx_dls[data[0] & 3];
    config.block_size = data[0] >> 5;
    if (ct_isotp_init(&tp, &config, rx, sizeof rx, tx, sizeof tx) != CT_OK) {
        abort();
    }
    ct_ns now = 0;
    for (size_t at = 1; at + 2 <= size;) {
        const size_t len = data[at] % 65 < size - at - 2 ? data[at] % 65 : size - at - 2;
        now += data[at + 1] * CT_NS_PER_MS * 5;
        step(&tp, data + at + 2, len, now);
        at += 2 + len;
    }
    return 0;
}
