#include "doip_rig.h"

static struct doip_rig *make(uint32_t random)
{
    struct doip_rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    const struct ct_doip_config config = doip_rig_config(rig);
    doip_rig_open(rig, &config);
    rig->random = random;
    return rig;
}

static void done(struct doip_rig *rig)
{
    ct_doip_entity_free(rig->entity);
    free(rig);
}

#define ASK(rig, ...)                                                                \
    do {                                                                             \
        const uint8_t asked[] = {__VA_ARGS__};                                       \
        ct_doip_datagram((rig)->entity, "peer", 4, asked, sizeof asked, (rig)->now); \
    } while (0)

static void expect(struct doip_rig *rig, const uint8_t *bytes, size_t len, size_t peer_len)
{
    struct ct_doip_datagram datagram;
    assert_int_equal(ct_doip_next_datagram(rig->entity, rig->now, &datagram), CT_OK);
    assert_int_equal(datagram.len, len);
    assert_memory_equal(datagram.data, bytes, len);
    assert_int_equal(datagram.peer_len, peer_len);
}

static void expect_none(struct doip_rig *rig)
{
    struct ct_doip_datagram datagram;
    assert_int_equal(ct_doip_next_datagram(rig->entity, rig->now, &datagram), CT_ERR_AGAIN);
}

/* Table 5 (2019): VIN, address, EID, GID, further action, sync status. */
static const uint8_t announcement[] = {0x03, 0xFC, 0x00, 0x04, 0,   0,    0,    33,   'W',  'C',  'T',  '0',  '0',  '0',
                                       '0',  '0',  '0',  '0',  '0', '0',  '0',  '0',  '0',  '0',  '1',  0x10, 0x00, 2,
                                       0,    0,    0,    0,    1,   0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0,    0};

static void test_doip_identification_is_answered_after_the_random_wait(void **state)
{
    (void)state;
    struct doip_rig *rig = make(123);
    ASK(rig, 0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 0);
    expect_none(rig);
    assert_int_equal(ct_doip_tick(rig->entity, rig->now), rig->now + 123 * MS);
    rig->now += 123 * MS;
    expect(rig, announcement, sizeof announcement, 4);
    expect_none(rig);
    done(rig);
}

static void test_doip_random_wait_is_at_most_500_ms(void **state)
{
    (void)state;
    struct doip_rig *rig = make(0xFFFFFFFF);
    ASK(rig, 0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 0);
    assert_true(ct_doip_tick(rig->entity, rig->now) <= rig->now + 500 * MS);
    done(rig);
}

static void test_doip_identification_by_eid_and_vin_answers_its_own_only(void **state)
{
    (void)state;
    struct doip_rig *rig = make(0);
    ASK(rig, 0x03, 0xFC, 0x00, 0x02, 0, 0, 0, 6, 2, 0, 0, 0, 0, 1);
    expect(rig, announcement, sizeof announcement, 4);
    ASK(rig, 0x03, 0xFC, 0x00, 0x02, 0, 0, 0, 6, 2, 0, 0, 0, 0, 2);
    expect_none(rig);
    ASK(rig, 0x03, 0xFC, 0x00, 0x03, 0, 0, 0, 17, 'W', 'C', 'T', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0',
        '0', '0', '1');
    expect(rig, announcement, sizeof announcement, 4);
    ASK(rig, 0x03, 0xFC, 0x00, 0x03, 0, 0, 0, 17, 'W', 'C', 'T', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0',
        '0', '0', '2');
    expect_none(rig);
    done(rig);
}

static void test_doip_version_ff_is_answered_by_ours_and_others_by_theirs(void **state)
{
    (void)state;
    struct doip_rig *rig = make(0);
    uint8_t old[sizeof announcement];
    memcpy(old, announcement, sizeof old);
    old[0] = 0x02;
    old[1] = 0xFD;
    ASK(rig, 0xFF, 0x00, 0x00, 0x01, 0, 0, 0, 0);
    expect(rig, announcement, sizeof announcement, 4);
    ASK(rig, 0x02, 0xFD, 0x00, 0x01, 0, 0, 0, 0);
    expect(rig, old, sizeof old, 4);
    old[0] = 0x04; /* 2019 with amendment 1 */
    old[1] = 0xFB;
    ASK(rig, 0x04, 0xFB, 0x00, 0x01, 0, 0, 0, 0);
    expect(rig, old, sizeof old, 4);
    done(rig);
}

static void test_doip_three_announcements_500_ms_apart_go_to_everybody(void **state)
{
    (void)state;
    struct doip_rig *rig = make(200);
    ct_doip_announce(rig->entity, rig->now);
    rig->now += 200 * MS;
    for (unsigned i = 0; i < 3; i++) {
        expect(rig, announcement, sizeof announcement, 0);
        expect_none(rig);
        rig->now += 500 * MS;
    }
    expect_none(rig);
    assert_int_equal(ct_doip_tick(rig->entity, rig->now), CT_NS_NEVER);
    done(rig);
}

static void test_doip_entity_status_and_power_mode(void **state)
{
    (void)state;
    struct doip_rig *rig = make(0);
    /* gateway, 2 sockets, 0 open, longest payload 4 + 4095 = 0x1003 */
    static const uint8_t status[] = {0x03, 0xFC, 0x40, 0x02, 0, 0, 0, 7, 0, 2, 0, 0, 0, 0x10, 0x03};
    static const uint8_t power[] = {0x03, 0xFC, 0x40, 0x04, 0, 0, 0, 1, 1};
    ASK(rig, 0x03, 0xFC, 0x40, 0x01, 0, 0, 0, 0);
    ASK(rig, 0x03, 0xFC, 0x40, 0x03, 0, 0, 0, 0);
    expect(rig, status, sizeof status, 4);
    expect(rig, power, sizeof power, 4);
    done(rig);
}

static void test_doip_bad_datagrams_are_nacked_and_answers_never(void **state)
{
    static const struct {
        uint8_t bytes[10];
        size_t len;
        int code; /* -1: silence */
    } rows[] = {
        {{0x03, 0xFD, 0x00, 0x01, 0, 0, 0, 0}, 8, 0x00},
        {{0x03, 0xFC, 0x00, 0x05, 0, 0, 0, 0}, 8, 0x01}, /* of TCP */
        {{0x03, 0xFC, 0x00, 0x07, 0, 0, 0, 0}, 8, 0x01}, /* alive checks are TCP's */
        {{0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 1, 0}, 9, 0x04},
        {{0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 0, 0}, 9, 0x04}, /* more than it says */
        {{0x03, 0xFC, 0x00, 0x02, 0, 0, 0, 6, 0}, 9, 0x04}, /* less */
        {{0xFF, 0x00, 0x40, 0x01, 0, 0, 0, 0}, 8, 0x00},    /* FF is for identification */
        {{0x03, 0xFC, 0x00, 0x01, 0, 0, 0}, 7, -1},
        {{0x03, 0xFC, 0x00, 0x00, 0, 0, 0, 1, 0}, 9, -1}, /* a nack is not answered by a nack */
        {{0x03, 0xFC, 0x40, 0x02, 0, 0, 0, 0}, 8, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct doip_rig *rig = make(0);
        ct_doip_datagram(rig->entity, "peer", 4, rows[i].bytes, rows[i].len, rig->now);
        if (rows[i].code >= 0) {
            const uint8_t nack[] = {0x03, 0xFC, 0x00, 0x00, 0, 0, 0, 1, (uint8_t)rows[i].code};
            expect(rig, nack, sizeof nack, 4);
        }
        expect_none(rig);
        done(rig);
    }
}

static void test_doip_flood_of_datagrams_is_bounded_and_counted(void **state)
{
    (void)state;
    struct doip_rig *rig = make(500);
    struct ct_doip_stats stats;
    for (unsigned i = 0; i < 1000; i++) {
        ASK(rig, 0x03, 0xFC, 0x00, 0x01, 0, 0, 0, 0);
    }
    ct_doip_stats_get(rig->entity, &stats);
    assert_int_equal(stats.dropped_datagrams, 1000 - CT_DOIP_DATAGRAMS_MAX);
    done(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doip_identification_is_answered_after_the_random_wait),
        cmocka_unit_test(test_doip_random_wait_is_at_most_500_ms),
        cmocka_unit_test(test_doip_identification_by_eid_and_vin_answers_its_own_only),
        cmocka_unit_test(test_doip_version_ff_is_answered_by_ours_and_others_by_theirs),
        cmocka_unit_test(test_doip_three_announcements_500_ms_apart_go_to_everybody),
        cmocka_unit_test(test_doip_entity_status_and_power_mode),
        cmocka_unit_test(test_doip_bad_datagrams_are_nacked_and_answers_never),
        cmocka_unit_test(test_doip_flood_of_datagrams_is_bounded_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
