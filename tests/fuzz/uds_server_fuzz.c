/* Any sequence of requests to an ECU with every service, in every session: no crash, every response is positive to its
 * service, negative in form, or nothing; what becomes due later is too. The first request of each input may be led in
 * by a session and an unlocked level, so that what lies behind them is reached. */
#include "uds_rig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];

static void check(const uint8_t *request, size_t got)
{
    if (got == 0) {
        return;
    }
    const bool negative = got == 3 && response[0] == 0x7F && (request == NULL || response[1] == request[0]);
    if (got > sizeof response || (!negative && request != NULL && response[0] != (uint8_t)(request[0] + 0x40))) {
        abort();
    }
}

static void ask(struct ct_uds_rig *rig, const uint8_t *request, size_t len, bool functional, ct_ns now)
{
    check(len > 0 ? request : NULL, ct_uds_server_answer(rig->server, request, len, functional, now, response));
}

static void lead_in(struct ct_uds_rig *rig, uint8_t choice)
{
    const uint8_t session[] = {0x10, (uint8_t)(1 + (choice & 3) % 3)};
    ask(rig, session, 2, false, 0);
    if ((choice & 4) != 0) {
        static const uint8_t seed[] = {0x27, 0x01};
        if (ct_uds_server_answer(rig->server, seed, 2, false, 0, response) == 4) {
            const uint8_t key[] = {0x27, 0x02, response[2] ^ 0xFF, response[3] ^ 1};
            ask(rig, key, 4, false, 0);
        }
    }
    rig->polls = choice >> 3;
}

static void pass_time(struct ct_uds_rig *rig, uint8_t code, ct_ns now)
{
    struct ct_frame frame;
    rig->counter = code;
    ct_dtc_report(rig->dtcs, code % CT_RIG_DTC_COUNT, (code & 0x10) != 0);
    if ((code & 0x60) == 0) {
        ct_dtc_next_cycle(rig->dtcs);
    }
    (void)ct_uds_server_tick(rig->server, now);
    check(NULL, ct_uds_server_poll(rig->server, now, response));
    while (ct_uds_server_next_frame(rig->server, &frame, now) == CT_OK) {
        if (!ct_frame_valid(&frame)) {
            abort();
        }
    }
}

/* Inside 84, signed as the rig does, so that what lies behind the signature is reached. */
static void ask_secured(struct ct_uds_rig *rig, const uint8_t *inner, size_t len, uint16_t flags, ct_ns now)
{
    uint8_t request[CT_UDS_SECURED_HEAD + 256 + 1];
    const struct ct_uds_server_config config = ct_uds_rig_config(rig);
    size_t request_len = 0;
    const uint16_t counter = (uint16_t)(ct_uds_server_secured_counter(rig->server) + 1);
    if (ct_uds_secured_encode(config.security, flags, counter, (struct ct_uds_bytes){inner, len}, request,
                              sizeof request, &request_len) == CT_OK) {
        ask(rig, request, request_len, false, now);
    }
}

/* The same bytes as frames of a tester who keeps to nothing. */
static void take_frame(struct ct_uds_rig *rig, const uint8_t *data, size_t len, bool functional, ct_ns now)
{
    struct ct_frame frame = {.t_ns = now, .id = functional ? 0x7DF : 0x7E0, .len = (uint8_t)(len < 8 ? len : 8)};
    if (frame.len > 0) {
        memcpy(frame.data, data, frame.len);
    }
    (void)ct_uds_server_receive(rig->server, &frame, now);
    (void)ct_uds_server_tick(rig->server, now);
    while (ct_uds_server_next_frame(rig->server, &frame, now) == CT_OK) {
        if (!ct_frame_valid(&frame) || (frame.id != 0x7E8 && frame.id != 0x5E8)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_uds_rig rig;
    rig = (struct ct_uds_rig){0};
    ct_uds_rig_init(&rig, NULL);
    ct_ns now = 0;
    if (size > 0) {
        lead_in(&rig, data[0]);
    }
    for (size_t at = 1; at + 2 <= size;) {
        const size_t room = size - at - 2;
        const size_t len = data[at] < room ? data[at] : room;
        now += (data[at + 1] >> 1) * CT_NS_PER_MS * 10;
        const bool functional = (data[at + 1] & 1) != 0;
        if ((data[0] & 0x80) != 0) {
            take_frame(&rig, data + at + 2, len, functional, now);
        } else {
            pass_time(&rig, data[at + 1], now);
            ask(&rig, data + at + 2, len, functional, now);
            if ((data[0] & 0x40) != 0) {
                ask_secured(&rig, data + at + 2, len, (uint16_t)(0x21U | (data[at + 1] & 0x78U)), now);
            }
        }
        at += 2 + len;
    }
    ct_uds_rig_free(&rig);
    return 0;
}
