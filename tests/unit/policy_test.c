#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#define S CT_NS_PER_S
#define ANYWHEN                                                  \
    {                                                            \
        .max_speed_kmh = (double)NAN, .min_voltage = (double)NAN \
    }

static const char buses[][32] = {"can1"};

static const struct ct_frame_rule frame_rule = {
    .bus = "can1",
    .id = 0x300,
    .id_mask = 0xFFFFFFFF,
    .len_min = 8,
    .len_max = 8,
    .max_per_s = 10.0,
    .origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND),
    .when = ANYWHEN,
};

static const struct ct_vehicle_state nothing_known = {0};

static struct ct_policy *make(const struct ct_policy_rules *rules)
{
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(rules, &policy), CT_OK);
    return policy;
}

static struct ct_policy *make_frames(const struct ct_frame_rule *rules, size_t count)
{
    const struct ct_policy_rules all = {
        .transmit_buses = buses, .transmit_bus_count = 1, .frames = rules, .frame_count = count};
    return make(&all);
}

static enum ct_verdict ask_frame(struct ct_policy *policy, uint32_t id, unsigned flags, uint8_t len, ct_ns now)
{
    const struct ct_frame frame = {.id = id, .flags = (uint16_t)flags, .len = len};
    return ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &frame, &nothing_known, now);
}

static void test_policy_without_rules_denies_everything(void **state)
{
    (void)state;
    const struct ct_policy_rules none = {0};
    struct ct_policy *policy = make(&none);
    const struct ct_frame frame = {.id = 1, .len = 8};
    const uint8_t request[] = {0x22, 0xF1, 0x90};
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can1", &frame, &nothing_known, 0),
                     CT_VERDICT_TRANSMIT_OFF);
    assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", request, 3, true, &nothing_known, 0),
                     CT_VERDICT_NO_RULE);
    assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_LOCAL, "Vehicle.X", 1.0, &nothing_known, 0),
                     CT_VERDICT_NO_RULE);
    struct ct_policy_counts counts;
    ct_policy_counts_get(policy, &counts);
    assert_int_equal(counts.allowed, 0);
    assert_int_equal(counts.denied[CT_VERDICT_NO_RULE], 2);
    assert_int_equal(counts.denied[CT_VERDICT_TRANSMIT_OFF], 1);
    ct_policy_free(policy);
    ct_policy_free(NULL);
}

static void test_policy_frame_passes_only_by_its_rule(void **state)
{
    (void)state;
    struct ct_policy *policy = make_frames(&frame_rule, 1);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 0), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x300, CT_FRAME_FD, 8, 0), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x301, 0, 8, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ask_frame(policy, 0x300, CT_FRAME_EXT, 8, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ask_frame(policy, 0x300, CT_FRAME_RTR, 8, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ask_frame(policy, 0x300, CT_FRAME_ERR, 8, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ask_frame(policy, 0x300, CT_FRAME_FD, 9, 0), CT_VERDICT_NO_RULE); /* no such FD length */
    assert_int_equal(ask_frame(policy, 0x300, 0, 7, 0), CT_VERDICT_LENGTH);
    const struct ct_frame frame = {.id = 0x300, .len = 8};
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can1", &frame, &nothing_known, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can0", &frame, &nothing_known, 0),
                     CT_VERDICT_TRANSMIT_OFF);
    ct_policy_free(policy);
}

static void test_policy_frame_mask_ignores_its_zero_bits(void **state)
{
    (void)state;
    struct ct_frame_rule rule = frame_rule;
    rule.extended = true;
    rule.id = 0x18DA00F1;
    rule.id_mask = 0x1FFF00FF;
    struct ct_policy *policy = make_frames(&rule, 1);
    assert_int_equal(ask_frame(policy, 0x18DA33F1, CT_FRAME_EXT, 8, 0), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x18DB33F1, CT_FRAME_EXT, 8, 0), CT_VERDICT_NO_RULE);
    ct_policy_free(policy);
}

static void test_policy_second_rule_may_allow_and_the_nearest_explains(void **state)
{
    (void)state;
    struct ct_frame_rule rules[2] = {frame_rule, frame_rule};
    rules[0].len_min = rules[0].len_max = 4;
    rules[1].max_per_s = 1.0;
    struct ct_policy *policy = make_frames(rules, 2);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 0), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 0), CT_VERDICT_RATE); /* nearer than the first rule's length */
    assert_int_equal(ask_frame(policy, 0x300, 0, 4, 0), CT_VERDICT_ALLOW);
    ct_policy_free(policy);
}

/* In closed form: of requests every `step` from 0 on, a bucket of `burst` tokens filled at `rate` lets through at most
 * burst + rate * t up to time t, and as many as were asked while that is more. */
static void test_policy_rate_lets_through_burst_plus_rate_times_time(void **state)
{
    (void)state;
    static const struct {
        double rate;
        ct_ns step;
        unsigned asks;
        unsigned allowed;
    } cases[] = {
        {10.0, S / 100, 301, 40},   /* 3 s: 10 + 30 */
        {10.0, S / 10, 1000, 1000}, /* exactly the rate: never refused */
        {10.0, S / 5, 1000, 1000},  /* slower */
        {0.5, S / 4, 41, 6},        /* 10 s: 1 + 5 */
        {0.5, 2 * S, 100, 100},     /* exactly the rate */
        {1.0, 0, 50, 1},            /* all at once: the burst */
        {1000.0, 0, 5000, 1000},    /* likewise */
        {3.0, S / 3000, 30001, 33}, /* 10 s: 3 + 30; steps that doubles do not divide */
        {0.1, S, 101, 11},          /* 100 s: 1 + 10 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_frame_rule rule = frame_rule;
        rule.max_per_s = cases[i].rate;
        struct ct_policy *policy = make_frames(&rule, 1);
        unsigned allowed = 0;
        for (unsigned k = 0; k < cases[i].asks; k++) {
            allowed += ask_frame(policy, 0x300, 0, 8, 77 * S + (ct_ns)k * cases[i].step) == CT_VERDICT_ALLOW;
        }
        if (cases[i].step == S / 3000) {
            assert_in_range(allowed, cases[i].allowed - 1, cases[i].allowed); /* the last step ends just before 10 s */
        } else {
            assert_int_equal(allowed, cases[i].allowed);
        }
        ct_policy_free(policy);
    }
}

static void test_policy_rate_is_not_filled_by_time_going_back(void **state)
{
    (void)state;
    struct ct_frame_rule rule = frame_rule;
    rule.max_per_s = 1.0;
    struct ct_policy *policy = make_frames(&rule, 1);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 100 * S), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 50 * S), CT_VERDICT_RATE);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 100 * S), CT_VERDICT_RATE);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 101 * S), CT_VERDICT_ALLOW);
    ct_policy_free(policy);
}

static void test_policy_refused_for_other_reasons_costs_no_token(void **state)
{
    (void)state;
    struct ct_frame_rule rule = frame_rule;
    rule.max_per_s = 1.0;
    rule.when.ignition_on = true;
    struct ct_policy *policy = make_frames(&rule, 1);
    const struct ct_frame frame = {.id = 0x300, .len = 8};
    const struct ct_vehicle_state on = {.ignition_known = true, .ignition_on = true};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(ask_frame(policy, 0x300, 0, 8, 0), CT_VERDICT_VEHICLE_STATE);
    }
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &frame, &on, 0), CT_VERDICT_ALLOW);
    ct_policy_free(policy);
}

static void test_policy_conditions_hold_only_when_proven(void **state)
{
    (void)state;
    static const struct ct_desired_rule rule = {
        .path = "Vehicle.X",
        .min = 0.0,
        .max = 1.0,
        .max_per_s = 1000.0,
        .origins = CT_ORIGIN_BIT(CT_ORIGIN_LOCAL),
        .when = {.max_speed_kmh = 5.0, .ignition_on = true, .min_voltage = 11.5},
    };
    static const struct {
        struct ct_vehicle_state state;
        bool allowed;
    } cases[] = {
        {{true, 5.0, true, true, false, 0, true, 11.5}, true},
        {{true, 5.1, true, true, false, 0, true, 11.5}, false},
        {{true, 0.0, true, false, false, 0, true, 14.0}, false},
        {{true, 0.0, true, true, false, 0, true, 11.4}, false},
        {{false, 0.0, true, true, false, 0, true, 14.0}, false}, /* the value is there but not proven */
        {{true, 0.0, false, true, false, 0, true, 14.0}, false},
        {{true, 0.0, true, true, false, 0, false, 14.0}, false},
        {{true, (double)NAN, true, true, false, 0, true, 14.0}, false},
        {{true, 0.0, true, true, false, 0, true, (double)NAN}, false},
    };
    const struct ct_policy_rules rules = {.desired = &rule, .desired_count = 1};
    struct ct_policy *policy = make(&rules);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_LOCAL, "Vehicle.X", 1.0, &cases[i].state, 0),
                         cases[i].allowed ? CT_VERDICT_ALLOW : CT_VERDICT_VEHICLE_STATE);
    }
    ct_policy_free(policy);
}

static void test_policy_desired_value_must_be_inside_its_range(void **state)
{
    (void)state;
    static const struct ct_desired_rule rule = {.path = "Vehicle.X",
                                                .min = -1.5,
                                                .max = 2.0,
                                                .max_per_s = 1000.0,
                                                .origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND),
                                                .when = ANYWHEN};
    static const double values[] = {-1.5, 2.0, 0.0, -1.5000001, 2.0000001, (double)NAN, (double)INFINITY};
    const struct ct_policy_rules rules = {.desired = &rule, .desired_count = 1};
    struct ct_policy *policy = make(&rules);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_BACKEND, "Vehicle.X", values[i], &nothing_known, 0),
                         i < 3 ? CT_VERDICT_ALLOW : CT_VERDICT_VALUE);
    }
    assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_BACKEND, "Vehicle.XY", 0.0, &nothing_known, 0),
                     CT_VERDICT_NO_RULE);
    ct_policy_free(policy);
}

/* Identifiers stand where ISO 14229-1 puts them. */
/* Writes, routines, resets, transfers: whatever the rule says. Reading and sessions stay free to the rule. */
static void test_policy_uds_change_without_release_is_refused_whatever_the_rule(void **state)
{
    (void)state;
    static const uint8_t changing[] = {0x04, 0x08, 0x11, 0x14, 0x2E, 0x2F, 0x31, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3D};
    for (unsigned service = 0; service < 256; service++) {
        const struct ct_uds_rule rule = {
            "*", (uint8_t)service, 0, 0xFFFF, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_LOCAL), ANYWHEN};
        const struct ct_policy_rules rules = {.uds = &rule, .uds_count = 1};
        const uint8_t request[] = {(uint8_t)service, 1, 2, 3, 4, 5, 6, 7, 8};
        const size_t len = service == 0x22 ? 3 : sizeof request;
        struct ct_policy *policy = NULL;
        assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
        const enum ct_verdict expected =
            memchr(changing, (int)service, sizeof changing) != NULL ? CT_VERDICT_AUTHORITY : CT_VERDICT_ALLOW;
        const enum ct_verdict without =
            ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", request, len, false, &nothing_known, 0);
        if (without != expected && (expected == CT_VERDICT_AUTHORITY || without != CT_VERDICT_LENGTH)) {
            fail_msg("service %02X: %s", service, ct_verdict_text(without));
        }
        if (expected == CT_VERDICT_AUTHORITY) {
            assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", request, len, true, &nothing_known, 0),
                             CT_VERDICT_ALLOW);
        }
        ct_policy_free(policy);
    }
}

static void test_policy_uds_looks_at_every_identifier_of_the_request(void **state)
{
    (void)state;
    static const struct ct_uds_rule uds[] = {
        {"engine", 0x22, 0xF180, 0xF19F, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
        {"*", 0x2E, 0x0160, 0x0160, true, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
        {"*", 0x31, 0x0203, 0x0203, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
        {"*", 0x10, 3, 3, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
        {"*", 0x14, 0, 0xFFFF, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
        {"*", 0x3D, 0, 0x00FF, false, 1000.0, CT_ORIGIN_BIT(CT_ORIGIN_BACKEND), ANYWHEN},
    };
    static const struct {
        const char *ecu;
        uint8_t request[8];
        size_t len;
        bool release;
        enum ct_verdict verdict;
    } cases[] = {
        {"engine", {0x22, 0xF1, 0x90}, 3, false, CT_VERDICT_ALLOW},
        {"gearbox", {0x22, 0xF1, 0x90}, 3, false, CT_VERDICT_NO_RULE},
        {"engine", {0x22, 0xF1, 0x90, 0xF1, 0x87}, 5, false, CT_VERDICT_ALLOW},
        {"engine", {0x22, 0xF1, 0x90, 0x01, 0x60}, 5, false, CT_VERDICT_NO_RULE},
        {"engine", {0x22, 0xF1, 0x7F}, 3, false, CT_VERDICT_NO_RULE},
        {"engine", {0x22, 0xF1, 0xA0}, 3, false, CT_VERDICT_NO_RULE},
        {"engine", {0x22, 0xF1}, 2, false, CT_VERDICT_LENGTH},
        {"engine", {0x22, 0xF1, 0x90, 0xF1}, 4, false, CT_VERDICT_LENGTH},
        {"engine", {0x22}, 1, false, CT_VERDICT_LENGTH},
        {"engine", {0}, 0, false, CT_VERDICT_LENGTH},
        {"body", {0x2E, 0x01, 0x60, 0xAA}, 4, false, CT_VERDICT_AUTHORITY},
        {"body", {0x2E, 0x01, 0x60, 0xAA}, 4, true, CT_VERDICT_ALLOW},
        {"body", {0x2E, 0x01, 0x61, 0xAA}, 4, true, CT_VERDICT_NO_RULE},
        {"body", {0x31, 0x01, 0x02, 0x03}, 4, true, CT_VERDICT_ALLOW},
        {"body", {0x31, 0x02, 0x03, 0x01}, 4, false, CT_VERDICT_NO_RULE},
        {"body", {0x10, 0x03}, 2, false, CT_VERDICT_ALLOW},
        {"body", {0x10, 0x83}, 2, false, CT_VERDICT_ALLOW}, /* bit 7: no answer wanted */
        {"body", {0x10, 0x02}, 2, false, CT_VERDICT_NO_RULE},
        {"body", {0x14, 0xFF, 0xFF, 0xFF}, 4, true, CT_VERDICT_ALLOW},
        {"body", {0x3D, 0x00, 0x00}, 3, false, CT_VERDICT_NO_RULE}, /* a range cannot be proven for this service */
    };
    const struct ct_policy_rules rules = {.uds = uds, .uds_count = 6};
    struct ct_policy *policy = make(&rules);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_BACKEND, cases[i].ecu, cases[i].request, cases[i].len,
                                       cases[i].release, &nothing_known, 0),
                         cases[i].verdict);
    }
    ct_policy_free(policy);
}

static void test_policy_rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct ct_frame_rule rules[6];
    for (size_t i = 0; i < 6; i++) {
        rules[i] = frame_rule;
    }
    rules[0].max_per_s = 0.0;
    rules[1].max_per_s = (double)INFINITY;
    rules[2].origins = 0;
    rules[3].len_max = 7;
    rules[4].id = 0x800;
    rules[5].bus[0] = '\0';
    for (size_t i = 0; i < 6; i++) {
        const struct ct_policy_rules all = {.frames = &rules[i], .frame_count = 1};
        struct ct_policy *policy = NULL;
        assert_int_equal(ct_policy_create(&all, &policy), CT_ERR_ARGUMENT);
        assert_null(policy);
    }
}

static void test_policy_pass_is_for_each_allowed_frame_once(void **state)
{
    (void)state;
    struct ct_policy *policy = make_frames(&frame_rule, 1);
    const struct ct_frame frame = {.id = 0x300, .len = 8, .data = {1}};
    struct ct_frame other = frame;
    other.data[7] = 1;
    assert_false(ct_policy_pass(policy, "can1", &frame, 0));
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &frame, &nothing_known, 0), CT_VERDICT_ALLOW);
    assert_false(ct_policy_pass(policy, "can1", &other, 0));
    assert_false(ct_policy_pass(policy, "can2", &frame, 0));
    assert_true(ct_policy_pass(policy, "can1", &frame, 0));
    assert_false(ct_policy_pass(policy, "can1", &frame, 0));
    /* A refusal gives none, and a permit does not last. */
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can1", &frame, &nothing_known, 0), CT_VERDICT_NO_RULE);
    assert_false(ct_policy_pass(policy, "can1", &frame, 0));
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &frame, &nothing_known, 0), CT_VERDICT_ALLOW);
    assert_false(ct_policy_pass(policy, "can1", &frame, 6 * S));
    struct ct_policy_counts counts;
    ct_policy_counts_get(policy, &counts);
    assert_int_equal(counts.unasked, 6);
    ct_policy_free(policy);
}

static void test_policy_pass_is_kept_while_other_frames_come_and_go(void **state)
{
    (void)state;
    struct ct_frame_rule rule = frame_rule;
    rule.id_mask = 0;
    rule.max_per_s = 1e6;
    struct ct_policy *policy = make_frames(&rule, 1);
    const struct ct_frame waiting = {.id = 1, .len = 8};
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &waiting, &nothing_known, 0), CT_VERDICT_ALLOW);
    for (unsigned i = 0; i < 1000; i++) {
        const struct ct_frame frame = {.id = 2, .len = 8, .data = {(uint8_t)i, (uint8_t)(i >> 8)}};
        assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_BACKEND, "can1", &frame, &nothing_known, 0),
                         CT_VERDICT_ALLOW);
        assert_true(ct_policy_pass(policy, "can1", &frame, 0));
    }
    assert_true(ct_policy_pass(policy, "can1", &waiting, 0));
    ct_policy_free(policy);
}

static void test_policy_rules_count_what_each_of_them_said(void **state)
{
    (void)state;
    struct ct_frame_rule rules[2] = {frame_rule, frame_rule};
    rules[0].len_max = rules[0].len_min = 4;
    rules[1].max_per_s = 1;
    struct ct_policy *policy = make_frames(rules, 2);
    assert_int_equal(ct_policy_frame_counts(policy, 0)->last_ns, 0);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 5 * S), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(policy, 0x300, 0, 8, 5 * S + 1), CT_VERDICT_RATE);
    assert_int_equal(ask_frame(policy, 0x301, 0, 8, 6 * S), CT_VERDICT_NO_RULE);
    const struct ct_rule_counts *first = ct_policy_frame_counts(policy, 0);
    const struct ct_rule_counts *second = ct_policy_frame_counts(policy, 1);
    assert_int_equal(first->by_verdict[CT_VERDICT_LENGTH], 2);
    assert_int_equal(first->by_verdict[CT_VERDICT_ALLOW], 0);
    assert_int_equal(second->by_verdict[CT_VERDICT_ALLOW], 1);
    assert_int_equal(second->by_verdict[CT_VERDICT_RATE], 1);
    assert_int_equal(second->last, CT_VERDICT_RATE);
    assert_int_equal(second->last_ns, 5 * S + 1);
    assert_int_equal(ct_policy_frame_rule(policy, 1)->max_per_s, 1);
    assert_null(ct_policy_frame_rule(policy, 2));
    assert_true(ct_policy_transmits(policy, "can1"));
    assert_false(ct_policy_transmits(policy, "can2"));
    ct_policy_free(policy);
}

/* The rule of 10 a second has moved in the table; beside it one that was 10 a second and is 20 now. */
static void test_policy_carry_fills_no_bucket_of_an_equal_rule(void **state)
{
    (void)state;
    struct ct_frame_rule rules[2] = {frame_rule, frame_rule};
    rules[1].id = 0x301;
    struct ct_policy *old = make_frames(rules, 2);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(ask_frame(old, 0x300 + i / 10, 0, 8, S), CT_VERDICT_ALLOW);
    }
    const struct ct_frame_rule moved[2] = {rules[1], rules[0]};
    struct ct_frame_rule changed[2] = {rules[0], rules[1]};
    changed[1].max_per_s = 20.0;
    struct ct_policy *same = make_frames(moved, 2);
    struct ct_policy *other = make_frames(changed, 2);
    ct_policy_carry(same, old);
    ct_policy_carry(other, old);
    ct_policy_free(old);
    assert_int_equal(ct_policy_frame_counts(same, 1)->by_verdict[CT_VERDICT_ALLOW], 10);
    assert_int_equal(ask_frame(same, 0x300, 0, 8, S), CT_VERDICT_RATE);
    assert_int_equal(ask_frame(same, 0x301, 0, 8, S), CT_VERDICT_RATE);
    assert_int_equal(ask_frame(same, 0x300, 0, 8, S + S / 10), CT_VERDICT_ALLOW);
    assert_int_equal(ask_frame(other, 0x300, 0, 8, S), CT_VERDICT_RATE);
    assert_int_equal(ct_policy_frame_counts(other, 1)->by_verdict[CT_VERDICT_ALLOW], 0);
    assert_int_equal(ask_frame(other, 0x301, 0, 8, S), CT_VERDICT_ALLOW);
    struct ct_policy_counts counts;
    ct_policy_counts_get(other, &counts);
    assert_int_equal(counts.allowed, 21);
    ct_policy_free(same);
    ct_policy_free(other);
}

static void test_policy_carry_fills_no_bucket_of_requests_and_desired_values(void **state)
{
    (void)state;
    const unsigned backend = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND);
    const struct ct_uds_rule uds = {
        .ecu = "engine", .service = 0x22, .data_last = 0xFFFF, .max_per_s = 1.0, .origins = backend, .when = ANYWHEN};
    const struct ct_desired_rule desired = {
        .path = "Vehicle.X", .max = 9.0, .max_per_s = 1.0, .origins = backend, .when = ANYWHEN};
    const struct ct_policy_rules rules = {.uds = &uds, .uds_count = 1, .desired = &desired, .desired_count = 1};
    const uint8_t request[] = {0x22, 0xF1, 0x90};
    struct ct_policy *policy = make(&rules);
    for (unsigned life = 0; life < 3; life++) {
        const enum ct_verdict wanted = life == 0 ? CT_VERDICT_ALLOW : CT_VERDICT_RATE;
        assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_BACKEND, "engine", request, 3, false, &nothing_known, S),
                         wanted);
        assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_BACKEND, "Vehicle.X", 1.0, &nothing_known, S), wanted);
        struct ct_policy *next = make(&rules);
        ct_policy_carry(next, policy);
        ct_policy_free(policy);
        policy = next;
    }
    ct_policy_free(policy);
}

static void test_policy_verdict_texts(void **state)
{
    (void)state;
    assert_string_equal(ct_verdict_text(CT_VERDICT_ALLOW), "allowed");
    assert_string_equal(ct_verdict_text(CT_VERDICT_TRANSMIT_OFF), "transmission is off on this bus");
    assert_string_equal(ct_verdict_text((enum ct_verdict)99), "unknown verdict");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_without_rules_denies_everything),
        cmocka_unit_test(test_policy_frame_passes_only_by_its_rule),
        cmocka_unit_test(test_policy_frame_mask_ignores_its_zero_bits),
        cmocka_unit_test(test_policy_second_rule_may_allow_and_the_nearest_explains),
        cmocka_unit_test(test_policy_rate_lets_through_burst_plus_rate_times_time),
        cmocka_unit_test(test_policy_rate_is_not_filled_by_time_going_back),
        cmocka_unit_test(test_policy_refused_for_other_reasons_costs_no_token),
        cmocka_unit_test(test_policy_conditions_hold_only_when_proven),
        cmocka_unit_test(test_policy_desired_value_must_be_inside_its_range),
        cmocka_unit_test(test_policy_uds_change_without_release_is_refused_whatever_the_rule),
        cmocka_unit_test(test_policy_uds_looks_at_every_identifier_of_the_request),
        cmocka_unit_test(test_policy_rules_that_cannot_be_are_refused),
        cmocka_unit_test(test_policy_pass_is_for_each_allowed_frame_once),
        cmocka_unit_test(test_policy_pass_is_kept_while_other_frames_come_and_go),
        cmocka_unit_test(test_policy_rules_count_what_each_of_them_said),
        cmocka_unit_test(test_policy_carry_fills_no_bucket_of_an_equal_rule),
        cmocka_unit_test(test_policy_carry_fills_no_bucket_of_requests_and_desired_values),
        cmocka_unit_test(test_policy_verdict_texts),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
