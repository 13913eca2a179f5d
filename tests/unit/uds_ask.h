/* Questions and answers of a made-up ECU (tools/uds_rig.h) in hex, without transport. */
#ifndef CT_TESTS_UDS_ASK_H
#define CT_TESTS_UDS_ASK_H

#include "testing.h"

#include "bytes.h"
#include "uds_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS CT_NS_PER_MS

struct ask {
    struct ct_uds_rig rig;
    ct_ns now;
};

static inline int ask_setup(void **state)
{
    struct ask *ask = calloc(1, sizeof *ask);
    assert_non_null(ask);
    ct_uds_rig_init(&ask->rig, NULL);
    *state = ask;
    return 0;
}

static inline int ask_teardown(void **state)
{
    struct ask *ask = *state;
    ct_uds_rig_free(&ask->rig);
    free(ask);
    return 0;
}

static inline void expect_bytes(const uint8_t *data, size_t len, const char *hex)
{
    char text[2 * CT_UDS_SERVER_RESPONSE_MAX + 1];
    ct_hex_encode(text, data, len);
    assert_string_equal(text, hex);
}

static inline size_t ask_raw(struct ask *ask, const char *request, bool functional, uint8_t *out)
{
    uint8_t bytes[512];
    const size_t len = strlen(request) / 2;
    assert_true(len <= sizeof bytes);
    assert_int_equal(ct_hex_decode(bytes, request, len), CT_OK);
    (void)ct_uds_server_tick(ask->rig.server, ask->now);
    const size_t got = ct_uds_server_answer(ask->rig.server, bytes, len, functional, ask->now, out);
    (void)ct_uds_server_tick(ask->rig.server, ask->now);
    return got;
}

/* "" for no answer. */
static inline void expect_answer(struct ask *ask, const char *request, const char *answer)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    expect_bytes(out, ask_raw(ask, request, false, out), answer);
}

static inline void expect_functional(struct ask *ask, const char *request, const char *answer)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    expect_bytes(out, ask_raw(ask, request, true, out), answer);
}

/* What has become due at `now`. */
static inline void expect_poll(struct ask *ask, ct_ns now, const char *answer)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    ask->now = now;
    (void)ct_uds_server_tick(ask->rig.server, now);
    expect_bytes(out, ct_uds_server_poll(ask->rig.server, now, out), answer);
}

/* Seed and key of a level as uds_rig.c computes them. */
static inline void unlock(struct ask *ask, uint8_t level)
{
    char request[16];
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    (void)snprintf(request, sizeof request, "27%02x", level);
    assert_int_equal(ask_raw(ask, request, false, out), 4);
    (void)snprintf(request, sizeof request, "27%02x%02x%02x", level + 1, out[2] ^ 0xFF, out[3] ^ level);
    assert_int_equal(ask_raw(ask, request, false, out), 2);
    assert_int_equal(ct_uds_server_unlocked(ask->rig.server), level);
}

#endif
