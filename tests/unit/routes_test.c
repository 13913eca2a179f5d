/* The routing engine by hand-made rules; the property over random ones is in routes_property_test.c. */
#include "routes.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S   CT_NS_PER_S
#define MS  CT_NS_PER_MS
#define INF ((double)INFINITY)

/* What was sent, and how the next sends end. */
struct sink {
    struct ct_frame frames[64];
    size_t count;
    enum ct_route_result answer;
};

static enum ct_route_result take(void *user, const struct ct_frame *frame, ct_ns now)
{
    struct sink *sink = user;
    (void)now;
    if (sink->answer == CT_ROUTE_FORWARDED) {
        assert_true(sink->count < 64);
        sink->frames[sink->count++] = *frame;
    }
    return sink->answer;
}

static const bool no_fd[CT_ROUTES_BUSES_MAX] = {false, false, true};

static struct ct_routes *make(const struct ct_route_rule *rules, size_t count)
{
    struct ct_routes *routes = NULL;
    size_t wrong = 0;
    assert_int_equal(ct_routes_create(rules, count, no_fd, &routes, &wrong), CT_OK);
    return routes;
}

static const struct ct_route_rule plain = {.from = 0, .to = 1, .id = 0x123, .mask = UINT32_MAX, .max_per_s = 1000};

static struct ct_frame data_frame(uint8_t bus, uint32_t id)
{
    return (struct ct_frame){.bus = bus, .id = id, .len = 8, .data = {1, 2, 3, 4, 5, 6, 7, 8}};
}

static void test_routes_without_rules_forward_nothing(void **state)
{
    (void)state;
    struct ct_routes *routes = make(NULL, 0);
    struct sink sink = {0};
    for (uint32_t id = 0; id <= CT_ID_STD_MAX; id++) {
        const struct ct_frame frame = data_frame((uint8_t)(id % 33), id);
        ct_routes_frame(routes, &frame, 0, take, &sink);
    }
    assert_int_equal(sink.count, 0);
    ct_routes_free(routes);
    ct_routes_free(NULL);
}

static void test_routes_frame_reaches_each_destination_once_by_its_first_rule(void **state)
{
    (void)state;
    struct ct_route_rule rules[4] = {plain, plain, plain, plain};
    rules[0].mask = 0x7F0; /* any of 0x120..0x12F */
    rules[1].to = 2;
    rules[3].from = 2; /* another source */
    struct ct_routes *routes = make(rules, 4);
    struct sink sink = {0};
    struct ct_frame frame = data_frame(0, 0x123);
    frame.t_ns = 77;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 2);
    assert_int_equal(sink.frames[0].bus, 1);
    assert_int_equal(sink.frames[1].bus, 2);
    assert_true(ct_frame_same(&sink.frames[0], &frame));
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_FORWARDED], 1);
    assert_int_equal(ct_routes_counts(routes, 2)->by_result[CT_ROUTE_FORWARDED], 0);
    frame.id = 0x12F;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 3);
    frame.id = 0x130;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    frame.id = 0x123;
    frame.flags = CT_FRAME_EXT; /* another id altogether */
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 3);
    ct_routes_free(routes);
}

static void test_routes_remote_and_error_frames_stay(void **state)
{
    (void)state;
    struct ct_route_rule all = plain;
    all.mask = 0;
    struct ct_routes *routes = make(&all, 1);
    struct sink sink = {0};
    struct ct_frame frame = data_frame(0, 0x123);
    frame.flags = CT_FRAME_RTR;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    frame.flags = CT_FRAME_ERR;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 0);
    ct_routes_free(routes);
}

static void test_routes_fd_frame_for_a_classic_bus_is_refused_and_counted(void **state)
{
    (void)state;
    struct ct_route_rule rules[2] = {plain, plain};
    rules[1].to = 2;
    struct ct_routes *routes = make(rules, 2);
    struct sink sink = {0};
    struct ct_frame frame = data_frame(0, 0x123);
    frame.flags = CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI;
    frame.len = 64;
    ct_routes_frame(routes, &frame, 5, take, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.frames[0].bus, 2);
    assert_int_equal(sink.frames[0].flags, CT_FRAME_FD | CT_FRAME_BRS); /* ESI is the sender's, not ours */
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_FD], 1);
    assert_int_equal(ct_routes_counts(routes, 0)->last, CT_ROUTE_FD);
    assert_int_equal(ct_routes_counts(routes, 0)->last_ns, 5);
    ct_routes_free(routes);
}

static void test_routes_rate_is_a_burst_and_an_average(void **state)
{
    (void)state;
    struct ct_route_rule rule = plain;
    rule.max_per_s = 10;
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    const struct ct_frame frame = data_frame(0, 0x123);
    for (unsigned i = 0; i < 1000; i++) { /* 10 s of 100 frames a second */
        ct_routes_frame(routes, &frame, (ct_ns)i * 10 * MS, take, &sink);
        sink.count = 0;
    }
    const struct ct_route_counts *counts = ct_routes_counts(routes, 0);
    /* 10 at once, then 10 a second for 9.99 s. */
    assert_in_range(counts->by_result[CT_ROUTE_FORWARDED], 109, 110);
    assert_int_equal(counts->by_result[CT_ROUTE_FORWARDED] + counts->by_result[CT_ROUTE_RATE], 1000);
    ct_routes_free(routes);
}

static void test_routes_what_the_sender_says_is_counted(void **state)
{
    (void)state;
    static const enum ct_route_result answers[] = {CT_ROUTE_POLICY, CT_ROUTE_FULL, CT_ROUTE_DOWN};
    struct ct_routes *routes = make(&plain, 1);
    struct sink sink = {0};
    const struct ct_frame frame = data_frame(0, 0x123);
    for (size_t i = 0; i < 3; i++) {
        sink.answer = answers[i];
        ct_routes_frame(routes, &frame, 0, take, &sink);
        assert_int_equal(ct_routes_counts(routes, 0)->by_result[answers[i]], 1);
    }
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_FORWARDED], 0);
    ct_routes_free(routes);
}

static void test_routes_own_frames_seen_again_stay(void **state)
{
    (void)state;
    struct ct_route_rule rules[2] = {plain, plain};
    rules[1].from = 1;
    rules[1].to = 0;
    struct ct_routes *routes = make(rules, 2);
    struct sink sink = {0};
    struct ct_frame frame = data_frame(0, 0x123);
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 1);
    ct_routes_sent(routes, &sink.frames[0], 0);
    /* It comes back on bus 1 (a bridge, a second gateway), or flagged as read back. */
    frame.bus = 1;
    ct_routes_frame(routes, &frame, 10 * MS, take, &sink);
    frame.flags = CT_FRAME_SENT;
    frame.data[0]++;
    ct_routes_frame(routes, &frame, 20 * MS, take, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(ct_routes_echoes(routes), 2);
    /* Another content is somebody else's frame, and so is the same one later; on the source bus it is the next one. */
    frame.flags = 0;
    ct_routes_frame(routes, &frame, 30 * MS, take, &sink);
    frame.data[0]--;
    ct_routes_frame(routes, &frame, 2 * S, take, &sink);
    frame.bus = 0;
    ct_routes_frame(routes, &frame, 2 * S, take, &sink);
    assert_int_equal(sink.count, 4);
    ct_routes_free(routes);
}

static void test_routes_rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct ct_routes *routes = NULL;
    size_t wrong = 9;
    struct ct_route_rule rules[20];
    for (size_t i = 0; i < 20; i++) {
        rules[i] = plain;
        rules[i].id = (uint32_t)i;
    }
    rules[1].to = 0; /* to where it came from */
    assert_int_equal(ct_routes_create(rules, 2, no_fd, &routes, &wrong), CT_ERR_ARGUMENT);
    assert_int_equal(wrong, 1);
    rules[1].to = 1;
    rules[1].max_per_s = 0;
    assert_int_equal(ct_routes_create(rules, 2, no_fd, &routes, &wrong), CT_ERR_ARGUMENT);
    rules[1].max_per_s = (double)NAN;
    assert_int_equal(ct_routes_create(rules, 2, no_fd, &routes, &wrong), CT_ERR_ARGUMENT);
    rules[1] = rules[0];
    rules[1].id |= 0; /* the same ids, from and to */
    assert_int_equal(ct_routes_create(rules, 2, no_fd, &routes, &wrong), CT_ERR_EXISTS);
    assert_int_equal(wrong, 1);
    for (size_t i = 0; i < 20; i++) {
        rules[i].mask = 0x700U + (uint32_t)i;
    }
    assert_int_equal(ct_routes_create(rules, 20, no_fd, &routes, &wrong), CT_ERR_FULL);
    assert_int_equal(wrong, CT_ROUTES_MASKS_MAX);
    assert_null(routes);
}

/* ---- rewriting */

static const char database[] = "BO_ 291 SPEED: 8 X\n"
                               " SG_ CHECK : 0|8@1+ (1,0) [0|255] \"\" X\n"
                               " SG_ COUNT : 8|4@1+ (1,0) [0|14] \"\" X\n"
                               " SG_ KMH : 16|16@1+ (0.01,0) [0|0] \"\" X\n"
                               " SG_ MODE M : 32|8@1+ (1,0) [0|0] \"\" X\n"
                               " SG_ TEMP m1 : 40|8@1- (1,0) [0|0] \"\" X\n"
                               "BO_ 292 BARE: 4 X\n"
                               " SG_ LEVEL : 0|8@1+ (1,0) [0|0] \"\" X\n"
                               "VAL_ 292 LEVEL 255 \"SNA\" ;\n";
static struct ct_dbc *dbc;
static struct ct_codec *codec;
static struct ct_protect *protect;

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static int open_database(void **state)
{
    (void)state;
    const struct ct_protect_config config = {.message = "SPEED", .scheme = "e2e-p01"};
    char problem[200];
    assert_int_equal(ct_dbc_parse("x.dbc", database, strlen(database), ignore, NULL, &dbc), CT_OK);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct ct_dbc *const dbcs[] = {dbc};
    assert_int_equal(ct_protect_compile(dbcs, 1, &config, 1, &protect, problem, sizeof problem), CT_OK);
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    ct_protect_free(protect);
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}

/* AUTOSAR E2E profile 1, data id in both bytes: CRC-8 with polynomial 0x1D over the id, low byte first, then the bytes
 * behind the checksum; start and end are 0. Bit by bit, as the polynomial is defined. */
static uint8_t profile_1(uint16_t data_id, const uint8_t *data, size_t len)
{
    uint8_t bytes[66] = {(uint8_t)data_id, (uint8_t)(data_id >> 8)};
    memcpy(bytes + 2, data + 1, len - 1);
    unsigned crc = 0;
    for (size_t i = 0; i < len + 1; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc & 0x80U) != 0 ? (crc << 1 ^ 0x1DU) & 0xFFU : crc << 1;
        }
    }
    return (uint8_t)crc;
}

static struct ct_frame speed_frame(unsigned counter, unsigned kmh_raw, uint8_t mode, uint8_t temp)
{
    struct ct_frame frame = {
        .id = 291,
        .len = 8,
        .data = {0, (uint8_t)(0xA0U | counter), (uint8_t)kmh_raw, (uint8_t)(kmh_raw >> 8), mode, temp, 0x55, 0xAA}};
    frame.data[0] = profile_1(291, frame.data, 8);
    return frame;
}

/* Signals 2 KMH, 4 TEMP of the model. */
static struct ct_route_rule speed_rule(const struct ct_route_change *changes, size_t count)
{
    const struct ct_codec_message *message = ct_codec_by_name(codec, "SPEED");
    return (struct ct_route_rule){.from = 0,
                                  .to = 1,
                                  .id = 291,
                                  .mask = UINT32_MAX,
                                  .max_per_s = 1000,
                                  .message = message,
                                  .protection = ct_protect_rule_of(protect, ct_codec_model(message)),
                                  .changes = changes,
                                  .change_count = count};
}

static void test_routes_rewritten_frame_has_new_values_counter_and_checksum(void **state)
{
    (void)state;
    const struct ct_route_change changes[] = {
        {.signal = 2, .factor = 0.5, .offset = 1, .min = -INF, .max = 100},
        {.signal = 4, .set = true, .value = -40},
    };
    const struct ct_route_rule rule = speed_rule(changes, 2);
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    const unsigned raws[] = {5000, 5000, 30000}; /* 50, 50, 300 km/h */
    const unsigned wanted[] = {2600, 2600, 10000};
    for (unsigned i = 0; i < 3; i++) {
        const struct ct_frame frame = speed_frame(5 + i, raws[i], i == 1 ? 1 : 2, 7);
        ct_routes_frame(routes, &frame, 0, take, &sink);
        assert_int_equal(sink.count, i + 1);
        const uint8_t *data = sink.frames[i].data;
        assert_int_equal(data[2] | data[3] << 8, wanted[i]);
        assert_int_equal(data[5], i == 1 ? 0xD8 : 7); /* only where the branch has it */
        assert_int_equal(data[1], 0xA0U | i);         /* the rule's own counter; the bits beside it stay */
        assert_int_equal(data[0], profile_1(291, data, 8));
        assert_memory_equal(data + 6, frame.data + 6, 2);
    }
    assert_int_equal(ct_routes_counts(routes, 0)->rewritten, 3);
    ct_routes_free(routes);
}

static void test_routes_bad_frame_is_not_made_good_by_rewriting(void **state)
{
    (void)state;
    const struct ct_route_change change = {.signal = 2, .factor = 1, .min = -INF, .max = 100};
    const struct ct_route_rule rule = speed_rule(&change, 1);
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    struct ct_frame frame = speed_frame(1, 100, 2, 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ct_routes_frame(routes, &frame, 0, take, &sink);
        frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(sink.count, 0);
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_PROTECTION], 64);
    ct_routes_frame(routes, &frame, 0, take, &sink);
    ct_routes_frame(routes, &frame, 0, take, &sink); /* a stuck sender */
    assert_int_equal(sink.count, 1);
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_PROTECTION], 65);
    ct_routes_free(routes);
}

static void test_routes_counter_does_not_move_for_frames_that_do_not_leave(void **state)
{
    (void)state;
    const struct ct_route_change change = {.signal = 2, .set = true, .value = 1};
    const struct ct_route_rule rule = speed_rule(&change, 1);
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    for (unsigned i = 0; i < 6; i++) {
        const struct ct_frame frame = speed_frame(i, 100, 2, 0);
        sink.answer = i % 2 == 0 ? CT_ROUTE_FORWARDED : CT_ROUTE_FULL;
        ct_routes_frame(routes, &frame, 0, take, &sink);
    }
    assert_int_equal(sink.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sink.frames[i].data[1] & 0x0F, i);
    }
    ct_routes_free(routes);
}

static void test_routes_value_that_fits_no_bits_keeps_the_frame(void **state)
{
    (void)state;
    const struct ct_route_change change = {.signal = 0, .factor = 2, .min = -INF, .max = INF};
    const struct ct_route_rule rule = {.from = 0,
                                       .to = 1,
                                       .id = 292,
                                       .mask = UINT32_MAX,
                                       .max_per_s = 1000,
                                       .message = ct_codec_by_name(codec, "BARE"),
                                       .changes = &change,
                                       .change_count = 1};
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    struct ct_frame frame = {.id = 292, .len = 4, .data = {127}};
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.frames[0].data[0], 254);
    frame.data[0] = 128; /* 256 */
    ct_routes_frame(routes, &frame, 0, take, &sink);
    frame.len = 0; /* the signal is not there */
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_VALUE], 2);
    /* A raw value with a name is no number. */
    frame.len = 4;
    frame.data[0] = 255;
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.count, 2);
    assert_int_equal(sink.frames[1].data[0], 255);
    ct_routes_free(routes);
}

/* The routes after a reload; the old ones are gone. */
static struct ct_routes *reload(struct ct_routes *old, const struct ct_route_rule *rules, size_t count)
{
    struct ct_routes *routes = make(rules, count);
    ct_routes_carry(routes, old);
    ct_routes_free(old);
    return routes;
}

static void test_routes_carry_goes_on_with_the_counter_of_a_rewriting_rule(void **state)
{
    (void)state;
    struct ct_route_change change = {.signal = 2, .factor = 1, .min = -INF, .max = 100};
    struct ct_route_rule rule = speed_rule(&change, 1);
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    for (unsigned i = 0; i < 9; i++) {
        if (i == 3) { /* as it is, but behind another */
            struct ct_route_rule moved[2] = {plain, rule};
            moved[0].id = 0x124;
            routes = reload(routes, moved, 2);
            assert_int_equal(ct_routes_counts(routes, 1)->by_result[CT_ROUTE_FORWARDED], 3);
        } else if (i == 6) { /* another limit: other counts, but the same message to those who receive it */
            change.max = 90;
            routes = reload(routes, &rule, 1);
            assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_FORWARDED], 0);
        }
        const struct ct_frame frame = speed_frame(2 + i, 100, 2, 0);
        ct_routes_frame(routes, &frame, 0, take, &sink);
        assert_int_equal(sink.count, i + 1);
        assert_int_equal(sink.frames[i].data[1] & 0xF, i);
    }
    rule.to = 2; /* another way: nobody there knows it yet */
    routes = reload(routes, &rule, 1);
    const struct ct_frame frame = speed_frame(11, 100, 2, 0);
    ct_routes_frame(routes, &frame, 0, take, &sink);
    assert_int_equal(sink.frames[9].data[1] & 0xF, 0);
    ct_routes_free(routes);
}

static void test_routes_carry_fills_no_bucket_and_forgets_no_sent_frame(void **state)
{
    (void)state;
    struct ct_route_rule rule = plain;
    rule.max_per_s = 3;
    struct ct_routes *routes = make(&rule, 1);
    struct sink sink = {0};
    const struct ct_frame frame = data_frame(0, 0x123);
    for (unsigned i = 0; i < 3; i++) {
        ct_routes_frame(routes, &frame, S, take, &sink);
    }
    routes = reload(routes, &rule, 1);
    ct_routes_frame(routes, &frame, S, take, &sink);
    assert_int_equal(sink.count, 3);
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_RATE], 1);
    ct_routes_sent(routes, &frame, S);
    rule.max_per_s = 4;
    routes = reload(routes, &rule, 1);
    ct_routes_frame(routes, &frame, S, take, &sink);
    routes = reload(routes, &rule, 1);
    assert_int_equal(ct_routes_echoes(routes), 1);
    ct_routes_frame(routes, &frame, S + CT_ROUTES_ECHO_NS, take, &sink); /* another rate: anew */
    assert_int_equal(sink.count, 4);
    ct_routes_free(routes);
}

static void test_routes_result_texts(void **state)
{
    (void)state;
    assert_string_equal(ct_route_result_text(CT_ROUTE_FORWARDED), "forwarded");
    assert_string_equal(ct_route_result_text((enum ct_route_result)99), "unknown result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_without_rules_forward_nothing),
        cmocka_unit_test(test_routes_frame_reaches_each_destination_once_by_its_first_rule),
        cmocka_unit_test(test_routes_remote_and_error_frames_stay),
        cmocka_unit_test(test_routes_fd_frame_for_a_classic_bus_is_refused_and_counted),
        cmocka_unit_test(test_routes_rate_is_a_burst_and_an_average),
        cmocka_unit_test(test_routes_what_the_sender_says_is_counted),
        cmocka_unit_test(test_routes_own_frames_seen_again_stay),
        cmocka_unit_test(test_routes_rules_that_cannot_be_are_refused),
        cmocka_unit_test(test_routes_rewritten_frame_has_new_values_counter_and_checksum),
        cmocka_unit_test(test_routes_bad_frame_is_not_made_good_by_rewriting),
        cmocka_unit_test(test_routes_counter_does_not_move_for_frames_that_do_not_leave),
        cmocka_unit_test(test_routes_value_that_fits_no_bits_keeps_the_frame),
        cmocka_unit_test(test_routes_carry_goes_on_with_the_counter_of_a_rewriting_rule),
        cmocka_unit_test(test_routes_carry_fills_no_bucket_and_forgets_no_sent_frame),
        cmocka_unit_test(test_routes_result_texts),
    };
    return cmocka_run_group_tests_name("routes", tests, open_database, close_database);
}
