/* The order of refusals (ISO 14229-1:2020 7.5, figures 5 and 6) as a property: random requests to a made-up ECU are
 * judged by a plain list written only here, which knows the ECU's tables as one text and nothing of the server. */
#include "uds_ask.h"

#include <stdio.h>

/* --- the ECU as a list: what may be asked, in the words of the standard --- */

struct rule {
    const char *service; /* id in hex */
    int sub;             /* -1: has none */
    unsigned sessions;   /* of the service, bits 1..3; 0: any */
    unsigned sub_sessions;
    size_t least, most; /* whole length; most 0: decided by the service itself */
};

static const struct rule rules[] = {
    {"10", 1, 0, 0, 2, 2},    {"10", 2, 0, 0, 2, 2},    {"10", 3, 0, 0, 2, 2},     {"11", 1, 0, 0, 2, 2},
    {"11", 3, 0, 0, 2, 2},    {"3e", 0, 0, 0, 2, 2},    {"28", 0, 0xC, 0, 3, 3},   {"28", 1, 0xC, 0, 3, 3},
    {"28", 2, 0xC, 0, 3, 3},  {"28", 3, 0xC, 0, 3, 3},  {"85", 1, 0xC, 0, 2, 0},   {"85", 2, 0xC, 0, 2, 0},
    {"27", 1, 0xC, 0, 2, 2},  {"27", 2, 0xC, 0, 2, 0},  {"27", 3, 0xC, 0x4, 2, 2}, {"27", 4, 0xC, 0x4, 2, 0},
    {"87", 1, 0xC, 0, 3, 3},  {"87", 2, 0xC, 0, 5, 5},  {"87", 3, 0xC, 0, 2, 2},   {"29", 0, 0, 0, 2, 2},
    {"29", 8, 0, 0, 2, 2},    {"29", 3, 0, 0, 6, 0},    {"29", 6, 0, 0, 24, 0},    {"19", 0x0A, 0, 0, 2, 2},
    {"19", 0x02, 0, 0, 3, 3}, {"31", 1, 0, 0, 4, 0},    {"31", 2, 0, 0, 4, 0},     {"31", 3, 0, 0, 4, 0},
    {"14", -1, 0, 0, 4, 0},   {"22", -1, 0, 0, 3, 0},   {"2e", -1, 0, 0, 4, 0},    {"2f", -1, 0xC, 0, 4, 0},
    {"36", -1, 0xC, 0, 2, 0}, {"37", -1, 0xC, 0, 1, 0}, {"34", -1, 0xC, 0, 5, 0},  {"35", -1, 0xC, 0, 5, 0},
    {"2a", -1, 0xC, 0, 2, 0}, {"38", -1, 0xC, 0, 5, 0}, {"28", 4, 0xC, 0, 5, 5},   {"28", 5, 0xC, 0, 5, 5},
    {"29", 2, 0, 0, 7, 0},    {"29", 4, 0, 0, 7, 0},    {"29", 7, 0, 0, 24, 0},    {"19", 0x05, 0, 0, 3, 3},
    {"19", 0x17, 0, 0, 4, 4}, {"19", 0x18, 0, 0, 7, 7}, {"19", 0x19, 0, 0, 7, 7},  {"19", 0x56, 0, 0, 4, 4},
    {"86", 7, 0, 0, 15, 0},   {"86", 8, 0, 0, 4, 4},    {"86", 9, 0, 0, 6, 7},     {"84", -1, 0, 0, 9, 0},
};
enum { RULES = sizeof rules / sizeof rules[0] };

/* Sub-functions known to a service above but not listed are drawn too; these services list all of theirs. */
static const char *const complete[] = {"10", "11", "3e", "28", "85", "27", "87", "31"};

/* --- the plain reference --- */

struct world {
    unsigned session;
    bool busy;
    uint8_t conditions; /* the maker's refusal in force */
};

static const struct rule *rule_of(const char *service, int sub)
{
    for (size_t i = 0; i < RULES; i++) {
        if (strcmp(rules[i].service, service) == 0 && (rules[i].sub == sub || rules[i].sub < 0)) {
            return &rules[i];
        }
    }
    return NULL;
}

static const struct rule *any_rule_of(const char *service)
{
    for (size_t i = 0; i < RULES; i++) {
        if (strcmp(rules[i].service, service) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool in(unsigned sessions, unsigned session)
{
    return sessions == 0 || (sessions >> session & 1) != 0;
}

/* Sequences that nothing in this test ever fulfils: no seed, no challenge, no transfer, no verified link. */
static bool out_of_sequence(const char *service, int sub)
{
    return (strcmp(service, "27") == 0 && (sub == 2 || sub == 4)) || strcmp(service, "36") == 0 ||
           strcmp(service, "37") == 0 || (strcmp(service, "87") == 0 && sub == 3) ||
           (strcmp(service, "29") == 0 && (sub == 3 || sub == 6 || sub == 7));
}

/* The first refusal of the list that applies; 0: none of the common ones. */
static unsigned reference(const struct world *world, const uint8_t *request, size_t len)
{
    char service[3];
    (void)snprintf(service, sizeof service, "%02x", request[0]);
    if (world->busy) {
        return 0x21;
    }
    const struct rule *any = any_rule_of(service);
    if (any == NULL) {
        return 0x11;
    }
    if (!in(any->sessions, world->session)) {
        return 0x7F;
    }
    if (world->conditions != 0) {
        return world->conditions;
    }
    const size_t least = any->sub >= 0 ? 2 : any->least;
    if (len < least) {
        return 0x13;
    }
    const int sub = any->sub >= 0 ? request[1] & 0x7F : -1;
    const struct rule *rule = rule_of(service, sub);
    if (rule == NULL) {
        return 0x12;
    }
    if (!in(rule->sub_sessions, world->session)) {
        return 0x7E;
    }
    if (out_of_sequence(service, sub)) {
        return 0x24;
    }
    return len < rule->least || (rule->most != 0 && len > rule->most) ? 0x13 : 0;
}

static bool silent_to_functional(unsigned nrc)
{
    return nrc == 0x11 || nrc == 0x12 || nrc == 0x31 || nrc == 0x7E || nrc == 0x7F;
}

/* --- drawing --- */

static uint32_t draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static bool is_complete(uint8_t service)
{
    char text[3];
    (void)snprintf(text, sizeof text, "%02x", service);
    for (size_t i = 0; i < sizeof complete / sizeof complete[0]; i++) {
        if (strcmp(complete[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static size_t draw_request(uint32_t *seed, uint8_t *out)
{
    const struct rule *rule = &rules[draw(seed) % RULES];
    const size_t len = 1 + draw(seed) % 30;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)draw(seed);
    }
    out[0] = (uint8_t)strtoul(rule->service, NULL, 16);
    if (draw(seed) % 16 == 0) { /* a service that is not there */
        static const uint8_t others[] = {0x00, 0x05, 0x12, 0x40, 0x7F, 0x83, 0xBA, 0xFF};
        out[0] = others[draw(seed) % sizeof others];
    } else if (rule->sub >= 0 && (draw(seed) % 4 != 0 || !is_complete(out[0]))) {
        out[1] = (uint8_t)((unsigned)rule->sub | (draw(seed) & 0x80));
    }
    return len;
}

/* --- the property --- */

static struct ask *fresh(unsigned session, bool busy, uint8_t conditions)
{
    static struct ask ask;
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    ask = (struct ask){0};
    ct_uds_rig_init(&ask.rig, NULL);
    if (session != 1) {
        const uint8_t request[] = {0x10, (uint8_t)session};
        assert_int_equal(ct_uds_server_answer(ask.rig.server, request, 2, false, 0, out), 6);
    }
    if (busy) {
        const uint8_t request[] = {0x31, 0x01, 0xFF, 0x00};
        ask.rig.polls = 1000;
        assert_int_equal(ct_uds_server_answer(ask.rig.server, request, 4, false, 0, out), 0);
    }
    ask.rig.refuse = conditions;
    return &ask;
}

static void judge(const struct world *world, const uint8_t *request, size_t len, bool functional)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    struct ask *ask = fresh(world->session, world->busy, world->conditions);
    const unsigned expected = reference(world, request, len);
    const bool keep_alive = len == 2 && request[0] == 0x3E && request[1] == 0x80;
    const size_t got = ct_uds_server_answer(ask->rig.server, request, len, functional, 0, out);
    if (world->busy && keep_alive) {
        assert_int_equal(got, 0);
    } else if (expected == 0) { /* the service decides: whatever it is, it is none of the earlier refusals */
        assert_true(got == 0 || out[0] == request[0] + 0x40 ||
                    (out[0] == 0x7F && out[2] != 0x11 && out[2] != 0x7F && out[2] != 0x7E && out[2] != 0x21));
    } else if (functional && silent_to_functional(expected)) {
        assert_int_equal(got, 0);
    } else {
        assert_int_equal(got, 3);
        assert_int_equal(out[0], 0x7F);
        assert_int_equal(out[1], request[0]);
        if (out[2] != expected) {
            print_error("service %02x sub %02x len %zu session %u\n", request[0], request[1], len, world->session);
        }
        assert_int_equal(out[2], expected);
    }
    ct_uds_rig_free(&ask->rig);
}

static void test_uds_server_refuses_in_the_order_of_a_plain_list(void **state)
{
    (void)state;
    uint32_t seed = 20201114;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t request[64] = {0};
        const struct world world = {.session = 1 + draw(&seed) % 3,
                                    .busy = draw(&seed) % 16 == 0,
                                    .conditions = draw(&seed) % 8 == 0 ? 0x88 : 0};
        const size_t len = draw_request(&seed, request);
        judge(&world, request, len, draw(&seed) % 2 == 0);
    }
}

static void test_uds_server_each_step_comes_before_the_next(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer;
        unsigned session;
        bool busy;
        uint8_t conditions;
    } steps[] = {
        {"ba", "7fba21", 1, true, 0x88},          /* 21 before 11 */
        {"ba", "7fba11", 1, false, 0x88},         /* 11 before conditions */
        {"27", "7f277f", 1, false, 0x88},         /* 7F before conditions and 13 */
        {"27", "7f2788", 3, false, 0x88},         /* conditions before 13 */
        {"27", "7f2713", 3, false, 0},            /* 13 before 12: no sub-function at all */
        {"277500", "7f2712", 3, false, 0},        /* 12 before whole length */
        {"2704", "7f277e", 3, false, 0},          /* 7E before 24 */
        {"2704", "7f2724", 2, false, 0},          /* 24 before whole length */
        {"270100", "7f2713", 3, false, 0},        /* whole length */
        {"2f9b0403", "7f2f31", 3, false, 0},      /* 31 */
        {"2e010011223344", "7f2e33", 3, false, 0} /* 33 of the item after 31 */
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ask *ask = fresh(steps[i].session, steps[i].busy, steps[i].conditions);
        expect_answer(ask, steps[i].request, steps[i].answer);
        ct_uds_rig_free(&ask->rig);
    }
}

static void test_uds_server_service_security_comes_before_length(void **state)
{
    (void)state;
    static const struct ct_uds_service_access guarded[] = {{CT_UDS_READ_MEMORY, {.level = 1}},
                                                           {CT_UDS_CLEAR_DTC, {.roles = 1}},
                                                           {CT_UDS_ROUTINE_CONTROL, {.sessions = 8}}};
    static struct ask ask;
    struct ct_uds_server_config config = ct_uds_rig_config(&ask.rig);
    config.services = guarded;
    config.service_count = 3;
    ct_uds_rig_init(&ask.rig, &config);
    expect_answer(&ask, "23", "7f2333");
    expect_answer(&ask, "14", "7f1434");
    expect_answer(&ask, "31", "7f317f");
    ask.rig.refuse = 0x22;
    expect_answer(&ask, "23", "7f2333");
    ct_uds_rig_free(&ask.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uds_server_refuses_in_the_order_of_a_plain_list),
        cmocka_unit_test(test_uds_server_each_step_comes_before_the_next),
        cmocka_unit_test(test_uds_server_service_security_comes_before_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
