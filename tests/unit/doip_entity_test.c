#include "doip_rig.h"

static struct doip_rig *make_with(struct ct_doip_config (*change)(struct ct_doip_config))
{
    struct doip_rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    const struct ct_doip_config config = doip_rig_config(rig);
    const struct ct_doip_config changed = change != NULL ? change(config) : config;
    doip_rig_open(rig, &changed);
    return rig;
}

static struct doip_rig *make(void)
{
    return make_with(NULL);
}

static void done(struct doip_rig *rig)
{
    ct_doip_entity_free(rig->entity);
    free(rig);
}

static size_t open_socket(struct doip_rig *rig)
{
    size_t socket = 99;
    assert_int_equal(ct_doip_opened(rig->entity, false, false, rig->now, &socket), CT_OK);
    return socket;
}

static void feed(struct doip_rig *rig, size_t socket, const void *bytes, size_t len)
{
    ct_doip_bytes(rig->entity, socket, bytes, len, rig->now);
}
#define FEED(rig, socket, ...)                  \
    do {                                        \
        const uint8_t fed[] = {__VA_ARGS__};    \
        feed((rig), (socket), fed, sizeof fed); \
    } while (0)

/* All that is to be written is exactly this. */
static void expect(struct doip_rig *rig, size_t socket, const void *bytes, size_t len)
{
    size_t waiting = 0;
    const uint8_t *out = ct_doip_output(rig->entity, socket, &waiting);
    assert_int_equal(waiting, len);
    assert_memory_equal(out, bytes, len);
    ct_doip_written(rig->entity, socket, waiting, rig->now);
}
#define EXPECT(rig, socket, ...)                            \
    do {                                                    \
        const uint8_t expected[] = {__VA_ARGS__};           \
        expect((rig), (socket), expected, sizeof expected); \
    } while (0)

static void activate(struct doip_rig *rig, size_t socket, uint8_t source, uint8_t type)
{
    FEED(rig, socket, 0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 7, 0x0E, source, type, 0, 0, 0, 0);
}

static void expect_activation(struct doip_rig *rig, size_t socket, uint8_t source, uint8_t code)
{
    EXPECT(rig, socket, 0x03, 0xFC, 0x00, 0x06, 0, 0, 0, 9, 0x0E, source, 0x10, 0x00, code, 0, 0, 0, 0);
}

static size_t active_socket(struct doip_rig *rig, uint8_t source)
{
    const size_t socket = open_socket(rig);
    activate(rig, socket, source, 0);
    expect_activation(rig, socket, source, 0x10);
    return socket;
}

static void expect_silence(struct doip_rig *rig, size_t socket)
{
    size_t waiting = 99;
    (void)ct_doip_output(rig->entity, socket, &waiting);
    assert_int_equal(waiting, 0);
}

#define ALIVE_REQUEST 0x03, 0xFC, 0x00, 0x07, 0, 0, 0, 0

/* ---------------------------------------------------------------- routing activation, table 49 */

static void test_doip_activation_of_7_and_of_11_bytes_is_accepted_with_code_10(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    (void)active_socket(rig, 0x80);
    const size_t second = open_socket(rig);
    FEED(rig, second, 0x02, 0xFD, 0x00, 0x05, 0, 0, 0, 11, 0x0E, 0x81, 1, 0, 0, 0, 0, 1, 2, 3, 4);
    EXPECT(rig, second, 0x02, 0xFD, 0x00, 0x06, 0, 0, 0, 9, 0x0E, 0x81, 0x10, 0x00, 0x10, 0, 0, 0, 0); /* its version */
    assert_int_equal(ct_doip_active(rig->entity), 2);
    done(rig);
}

static struct ct_doip_config with_tls(struct ct_doip_config config)
{
    config.tls_required = true;
    return config;
}

static struct ct_doip_config with_security(struct ct_doip_config config)
{
    config.central_security = true;
    return config;
}

static void denied(struct doip_rig *rig, uint16_t source, uint8_t type, uint8_t code, bool closes)
{
    const size_t socket = open_socket(rig);
    FEED(rig, socket, 0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 7, (uint8_t)(source >> 8), (uint8_t)source, type, 0, 0, 0, 0);
    EXPECT(rig, socket, 0x03, 0xFC, 0x00, 0x06, 0, 0, 0, 9, (uint8_t)(source >> 8), (uint8_t)source, 0x10, 0x00, code,
           0, 0, 0, 0);
    assert_int_equal(ct_doip_closing(rig->entity, socket), closes);
    assert_int_equal(ct_doip_active(rig->entity), 0);
    ct_doip_closed(rig->entity, socket, rig->now);
}

static void test_doip_activation_is_denied_by_its_code(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    denied(rig, 0x0DFF, 0x00, 0x00, true); /* not an address of a tester */
    denied(rig, 0x1000, 0x00, 0x00, true);
    denied(rig, 0x0E80, 0x02, 0x06, true); /* reserved type */
    denied(rig, 0x0E80, 0xE0, 0x06, true); /* central security, which is not configured */
    rig->admit = CT_DOIP_REJECTED;
    denied(rig, 0x0E80, 0x00, 0x05, true);
    rig->admit = CT_DOIP_NOT_AUTHENTICATED;
    denied(rig, 0x0E80, 0x00, 0x04, false); /* may authenticate and try again */
    assert_int_equal(rig->gone, 0);
    done(rig);
    rig = make_with(with_tls);
    denied(rig, 0x0E80, 0x00, 0x07, true);
    done(rig);
    rig = make_with(with_security);
    denied(rig, 0x0E80, 0xE0, 0x04, false);
    done(rig);
}

static void test_doip_activation_by_tls_is_accepted_where_tls_is_required(void **state)
{
    (void)state;
    struct doip_rig *rig = make_with(with_tls);
    size_t socket = 0;
    assert_int_equal(ct_doip_opened(rig->entity, true, false, rig->now, &socket), CT_OK);
    activate(rig, socket, 0x80, 0);
    expect_activation(rig, socket, 0x80, 0x10);
    done(rig);
}

static void test_doip_activation_waits_for_confirmation(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    rig->admit = CT_DOIP_CONFIRMATION_REQUIRED;
    const size_t socket = open_socket(rig);
    activate(rig, socket, 0x80, 0);
    expect_activation(rig, socket, 0x80, 0x11);
    assert_int_equal(ct_doip_confirm(rig->entity, 0x0E81, true, rig->now), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_doip_confirm(rig->entity, 0x0E80, true, rig->now), CT_OK);
    expect_activation(rig, socket, 0x80, 0x10);
    done(rig);
}

static void test_doip_activation_again_is_confirmed_and_with_another_address_closed(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    activate(rig, socket, 0x80, 0);
    expect_activation(rig, socket, 0x80, 0x10);
    activate(rig, socket, 0x81, 0);
    expect_activation(rig, socket, 0x81, 0x02);
    assert_true(ct_doip_closing(rig->entity, socket));
    assert_int_equal(rig->gone, 1);
    done(rig);
}

/* ---------------------------------------------------------------- the socket handler and alive checks */

static void test_doip_same_address_on_a_second_socket_is_denied_when_the_first_lives(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t first = active_socket(rig, 0x80);
    const size_t second = open_socket(rig);
    activate(rig, second, 0x80, 0);
    EXPECT(rig, first, ALIVE_REQUEST);
    expect_silence(rig, second);
    FEED(rig, first, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x80);
    expect_activation(rig, second, 0x80, 0x03);
    assert_true(ct_doip_closing(rig->entity, second));
    assert_false(ct_doip_closing(rig->entity, first));
    done(rig);
}

static void test_doip_same_address_replaces_a_dead_first_socket_after_500_ms(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t first = active_socket(rig, 0x80);
    const size_t second = open_socket(rig);
    activate(rig, second, 0x80, 0);
    assert_int_equal(ct_doip_tick(rig->entity, rig->now), rig->now + 500 * MS);
    rig->now += 500 * MS - 1;
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_false(ct_doip_closing(rig->entity, first));
    rig->now += 1;
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_true(ct_doip_closing(rig->entity, first));
    expect_activation(rig, second, 0x80, 0x10);
    assert_int_equal(rig->gone, 1);
    done(rig);
}

static void test_doip_full_sockets_deny_when_all_live_and_replace_a_dead_one(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t a = active_socket(rig, 0x80);
    const size_t b = active_socket(rig, 0x81);
    const size_t c = open_socket(rig); /* the reserve */
    size_t none = 0;
    assert_int_equal(ct_doip_opened(rig->entity, false, false, rig->now, &none), CT_ERR_FULL);
    activate(rig, c, 0x82, 0);
    FEED(rig, a, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x80);
    expect_silence(rig, c);
    FEED(rig, b, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x81);
    expect_activation(rig, c, 0x82, 0x01);
    ct_doip_closed(rig->entity, c, rig->now);

    const size_t d = open_socket(rig);
    activate(rig, d, 0x83, 0);
    FEED(rig, a, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x80);
    FEED(rig, b, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x99); /* not its address: no answer */
    rig->now += 500 * MS;
    (void)ct_doip_tick(rig->entity, rig->now);
    expect_activation(rig, d, 0x83, 0x10);
    assert_true(ct_doip_closing(rig->entity, b));
    assert_false(ct_doip_closing(rig->entity, a));
    done(rig);
}

/* ---------------------------------------------------------------- timers */

static void test_doip_socket_without_activation_closes_after_2_s(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = open_socket(rig);
    rig->now += 1999 * MS;
    FEED(rig, socket, 0x03); /* bytes are no activation */
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_false(ct_doip_closing(rig->entity, socket));
    rig->now += 1 * MS;
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_true(ct_doip_closing(rig->entity, socket));
    done(rig);
}

static void test_doip_active_socket_closes_after_300_s_without_traffic(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    const uint8_t answer[] = {0x50};
    rig->now += 299 * S;
    FEED(rig, socket, 0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 2, 0x0E, 0x80); /* unsolicited: a keep-alive */
    rig->now += 299 * S;
    assert_int_equal(ct_doip_respond(rig->entity, 0x0E80, ECU, answer, 1, rig->now), CT_OK); /* sending counts too */
    rig->now += 299 * S;
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_false(ct_doip_closing(rig->entity, socket));
    rig->now += 1 * S;
    (void)ct_doip_tick(rig->entity, rig->now);
    assert_true(ct_doip_closing(rig->entity, socket));
    assert_int_equal(rig->gone, 1);
    done(rig);
}

/* ---------------------------------------------------------------- diagnostic messages */

static void test_doip_diagnostic_is_acked_before_its_response(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    static const uint8_t reply[] = {0x62, 0xF1, 0x90};
    rig->reply = reply;
    rig->reply_len = sizeof reply;
    FEED(rig, socket, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 7, 0x0E, 0x80, 0x20, 0x11, 0x22, 0xF1, 0x90);
    assert_int_equal(rig->last_source, 0x0E80);
    assert_int_equal(rig->last_target, ECU);
    assert_int_equal(rig->last_len, 3);
    assert_memory_equal(rig->last, "\x22\xF1\x90", 3);
    EXPECT(rig, socket, 0x03, 0xFC, 0x80, 0x02, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, 0x00, /* SA is the ECU */
           0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 7, 0x20, 0x11, 0x0E, 0x80, 0x62, 0xF1, 0x90);
    done(rig);
}

static void test_doip_diagnostic_nacks_carry_the_code_and_stay_open(void **state)
{
    static const uint8_t codes[] = {0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    for (size_t i = 0; i < sizeof codes; i++) {
        rig->code = codes[i];
        FEED(rig, socket, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x0E, 0x80, 0x20, 0x11, 0x3E, 0x00);
        EXPECT(rig, socket, 0x03, 0xFC, 0x80, 0x03, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, codes[i]);
        assert_false(ct_doip_closing(rig->entity, socket));
    }
    done(rig);
}

static void test_doip_diagnostic_of_another_or_no_tester_is_nacked_02_and_closed(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t active = active_socket(rig, 0x80);
    FEED(rig, active, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x0E, 0x81, 0x20, 0x11, 0x3E, 0x00);
    EXPECT(rig, active, 0x03, 0xFC, 0x80, 0x03, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x81, 0x02);
    assert_true(ct_doip_closing(rig->entity, active));
    const size_t fresh = open_socket(rig);
    FEED(rig, fresh, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x0E, 0x80, 0x20, 0x11, 0x3E, 0x00);
    EXPECT(rig, fresh, 0x03, 0xFC, 0x80, 0x03, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, 0x02);
    assert_true(ct_doip_closing(rig->entity, fresh));
    assert_int_equal(rig->calls, 0);
    done(rig);
}

static void test_doip_diagnostic_of_4095_bytes_passes_and_of_4096_is_too_large(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    static const uint8_t zeros[4096];
    FEED(rig, socket, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0x10, 0x03, 0x0E, 0x80, 0x20, 0x11);
    feed(rig, socket, zeros, 4095);
    assert_int_equal(rig->last_len, 4095);
    EXPECT(rig, socket, 0x03, 0xFC, 0x80, 0x02, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, 0x00);
    FEED(rig, socket, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0x10, 0x04, 0x0E, 0x80, 0x20, 0x11);
    feed(rig, socket, zeros, 4096);
    EXPECT(rig, socket, 0x03, 0xFC, 0x80, 0x03, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, 0x04);
    assert_int_equal(rig->calls, 1);
    done(rig);
}

static void test_doip_response_goes_to_its_tester_only(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t a = active_socket(rig, 0x80);
    const size_t b = active_socket(rig, 0x81);
    const uint8_t answer[] = {0x7E, 0x00};
    assert_int_equal(ct_doip_respond(rig->entity, 0x0E81, ECU, answer, 2, rig->now), CT_OK);
    assert_int_equal(ct_doip_respond(rig->entity, 0x0E82, ECU, answer, 2, rig->now), CT_ERR_NOT_FOUND);
    expect_silence(rig, a);
    EXPECT(rig, b, 0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x20, 0x11, 0x0E, 0x81, 0x7E, 0x00);
    done(rig);
}

/* ---------------------------------------------------------------- header handler, table 19 */

static void test_doip_bad_headers_are_nacked_by_code(void **state)
{
    static const struct {
        uint8_t head[8];
        uint8_t code;
        bool closes;
    } rows[] = {
        {{0x03, 0xFD, 0x00, 0x05, 0, 0, 0, 7}, 0x00, true},  /* inverse version */
        {{0x05, 0xFA, 0x00, 0x05, 0, 0, 0, 7}, 0x00, true},  /* version */
        {{0x01, 0xFE, 0x00, 0x05, 0, 0, 0, 7}, 0x00, true},  /* 2010, a draft */
        {{0xFF, 0x00, 0x00, 0x05, 0, 0, 0, 7}, 0x00, true},  /* FF identifies only */
        {{0x03, 0xFC, 0x90, 0x01, 0, 0, 0, 0}, 0x01, false}, /* unknown */
        {{0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 0}, 0x01, false}, /* of UDP */
        {{0x03, 0xFC, 0x00, 0x07, 0, 0, 0, 0}, 0x01, false}, /* only we ask that */
        {{0x03, 0xFC, 0x80, 0x01, 0xFF, 0xFF, 0xFF, 0xFF}, 0x02, false},
        {{0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 4}, 0x04, true}, /* no service */
        {{0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 8}, 0x04, true},
        {{0x03, 0xFC, 0x00, 0x08, 0, 0, 0, 3}, 0x04, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct doip_rig *rig = make();
        const size_t socket = open_socket(rig);
        feed(rig, socket, rows[i].head, 8);
        EXPECT(rig, socket, 0x03, 0xFC, 0x00, 0x00, 0, 0, 0, 1, rows[i].code);
        assert_int_equal(ct_doip_closing(rig->entity, socket), rows[i].closes);
        done(rig);
    }
}

static void test_doip_unknown_message_is_skipped_whole_and_the_next_one_heard(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = open_socket(rig);
    FEED(rig, socket, 0x03, 0xFC, 0x90, 0x01, 0, 0, 0, 3, 0x03, 0xFC, 0x00, /* its payload */
         0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 7, 0x0E, 0x80, 0, 0, 0, 0, 0);
    EXPECT(rig, socket, 0x03, 0xFC, 0x00, 0x00, 0, 0, 0, 1, 0x01, /* and the activation */
           0x03, 0xFC, 0x00, 0x06, 0, 0, 0, 9, 0x0E, 0x80, 0x10, 0x00, 0x10, 0, 0, 0, 0);
    done(rig);
}

static void test_doip_bytes_one_by_one_are_the_same_messages(void **state)
{
    static const uint8_t bytes[] = {0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 7, 0x0E, 0x80, 0,    0,    0,    0,   0,
                                    0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x0E, 0x80, 0x20, 0x11, 0x3E, 0x00};
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = open_socket(rig);
    for (size_t i = 0; i < sizeof bytes; i++) {
        feed(rig, socket, &bytes[i], 1);
    }
    EXPECT(rig, socket, 0x03, 0xFC, 0x00, 0x06, 0, 0, 0, 9, 0x0E, 0x80, 0x10, 0x00, 0x10, 0, 0, 0, 0, 0x03, 0xFC, 0x80,
           0x02, 0, 0, 0, 5, 0x20, 0x11, 0x0E, 0x80, 0x00);
    done(rig);
}

static void test_doip_tester_that_does_not_read_is_closed(void **state)
{
    (void)state;
    struct doip_rig *rig = make();
    const size_t socket = active_socket(rig, 0x80);
    static const uint8_t answer[4095];
    struct ct_doip_stats stats;
    for (unsigned i = 0; i < 20 && !ct_doip_closing(rig->entity, socket); i++) {
        (void)!ct_doip_respond(rig->entity, 0x0E80, ECU, answer, sizeof answer, rig->now);
    }
    assert_true(ct_doip_closing(rig->entity, socket));
    ct_doip_stats_get(rig->entity, &stats);
    assert_int_equal(stats.unread_closed, 1);
    done(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doip_activation_of_7_and_of_11_bytes_is_accepted_with_code_10),
        cmocka_unit_test(test_doip_activation_is_denied_by_its_code),
        cmocka_unit_test(test_doip_activation_by_tls_is_accepted_where_tls_is_required),
        cmocka_unit_test(test_doip_activation_waits_for_confirmation),
        cmocka_unit_test(test_doip_activation_again_is_confirmed_and_with_another_address_closed),
        cmocka_unit_test(test_doip_same_address_on_a_second_socket_is_denied_when_the_first_lives),
        cmocka_unit_test(test_doip_same_address_replaces_a_dead_first_socket_after_500_ms),
        cmocka_unit_test(test_doip_full_sockets_deny_when_all_live_and_replace_a_dead_one),
        cmocka_unit_test(test_doip_socket_without_activation_closes_after_2_s),
        cmocka_unit_test(test_doip_active_socket_closes_after_300_s_without_traffic),
        cmocka_unit_test(test_doip_diagnostic_is_acked_before_its_response),
        cmocka_unit_test(test_doip_diagnostic_nacks_carry_the_code_and_stay_open),
        cmocka_unit_test(test_doip_diagnostic_of_another_or_no_tester_is_nacked_02_and_closed),
        cmocka_unit_test(test_doip_diagnostic_of_4095_bytes_passes_and_of_4096_is_too_large),
        cmocka_unit_test(test_doip_response_goes_to_its_tester_only),
        cmocka_unit_test(test_doip_bad_headers_are_nacked_by_code),
        cmocka_unit_test(test_doip_unknown_message_is_skipped_whole_and_the_next_one_heard),
        cmocka_unit_test(test_doip_bytes_one_by_one_are_the_same_messages),
        cmocka_unit_test(test_doip_tester_that_does_not_read_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
