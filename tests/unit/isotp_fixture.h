/* One ISO-TP machine under test and helpers that speak to it in hex, shared by the isotp tests. */
#ifndef CT_TESTS_ISOTP_FIXTURE_H
#define CT_TESTS_ISOTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#include "bytes.h"
#include "isotp.h"

#include <string.h>

#define MS CT_NS_PER_MS

struct fixture {
    struct ct_isotp tp;
    uint8_t rx[70000];
    uint8_t tx[70000];
};

static inline struct ct_isotp_config classic_config(void)
{
    return ct_isotp_config_usual(0x7E0, 0x7E8);
}

static inline struct ct_isotp_config fd_config(uint8_t tx_dl)
{
    struct ct_isotp_config config = classic_config();
    config.fd = true;
    config.tx_dl = tx_dl;
    return config;
}

static inline struct ct_isotp *fixture_init(struct fixture *f, struct ct_isotp_config config)
{
    assert_int_equal(ct_isotp_init(&f->tp, &config, f->rx, sizeof f->rx, f->tx, sizeof f->tx), CT_OK);
    return &f->tp;
}

static inline struct ct_frame frame_of(uint32_t id, const char *hex, bool fd)
{
    struct ct_frame frame = {.id = id, .flags = fd ? CT_FRAME_FD : 0, .len = (uint8_t)(strlen(hex) / 2)};
    assert_int_equal(ct_hex_decode(frame.data, hex, frame.len), CT_OK);
    return frame;
}

/* The peer's frame, given as hex; FD format when longer than 8 bytes or the pair is FD. */
static inline void feed(struct ct_isotp *tp, const char *hex, ct_ns now)
{
    const struct ct_frame frame = frame_of(tp->config.rx_id, hex, tp->config.fd);
    assert_true(ct_isotp_receive(tp, &frame, now));
}

/* The machine wants to send exactly this now. */
static inline void expect_frame(struct ct_isotp *tp, const char *hex, ct_ns now)
{
    struct ct_frame frame;
    char text[2 * CT_FRAME_DATA_MAX + 1];
    assert_int_equal(ct_isotp_next_frame(tp, &frame, now), CT_OK);
    assert_int_equal(frame.id, tp->config.tx_id);
    assert_true(ct_frame_valid(&frame));
    ct_hex_encode(text, frame.data, frame.len);
    assert_string_equal(text, hex);
}

/* The same, of which only the first bytes matter. */
static inline uint8_t expect_frame_start(struct ct_isotp *tp, const char *hex, ct_ns now)
{
    struct ct_frame frame;
    char text[2 * CT_FRAME_DATA_MAX + 1];
    assert_int_equal(ct_isotp_next_frame(tp, &frame, now), CT_OK);
    ct_hex_encode(text, frame.data, frame.len);
    assert_memory_equal(text, hex, strlen(hex));
    return frame.len;
}

static inline void expect_quiet(struct ct_isotp *tp, ct_ns now)
{
    struct ct_frame frame;
    assert_int_equal(ct_isotp_next_frame(tp, &frame, now), CT_ERR_AGAIN);
}

static inline struct ct_isotp_event expect_event(struct ct_isotp *tp, int kind)
{
    struct ct_isotp_event event;
    assert_int_equal(ct_isotp_next_event(tp, &event), CT_OK);
    assert_int_equal(event.kind, kind);
    return event;
}

static inline void expect_failure(struct ct_isotp *tp, int kind, enum ct_isotp_result result)
{
    assert_int_equal(expect_event(tp, kind).result, result);
}

static inline void expect_no_event(struct ct_isotp *tp)
{
    struct ct_isotp_event event;
    assert_int_equal(ct_isotp_next_event(tp, &event), CT_ERR_AGAIN);
}

static inline void expect_message(struct ct_isotp *tp, const char *hex)
{
    const struct ct_isotp_event event = expect_event(tp, CT_ISOTP_MESSAGE);
    char text[512];
    assert_int_equal(event.len, strlen(hex) / 2);
    ct_hex_encode(text, event.data, event.len);
    assert_string_equal(text, hex);
}

static inline void send_pattern(struct ct_isotp *tp, size_t len, ct_ns now)
{
    static uint8_t data[70000];
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)i;
    }
    assert_int_equal(ct_isotp_send(tp, data, len, now), CT_OK);
}

#endif
