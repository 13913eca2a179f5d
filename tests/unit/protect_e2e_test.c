/* AUTOSAR E2E profiles: the published frames, both ways; every error of one and two bits and every burst up to the
 * CRC's width; what counter faults are called. */
#include "protect_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t no_ids[16];
static const uint32_t rising_ids[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* Frames with all-zero data as published with the profiles (AUTOSAR PRS E2EProtocol, examples of each profile). */
struct vector {
    const char *name;
    const char *scheme;
    const char *id_mode;
    const uint32_t *data_id;
    const uint32_t *data_ids;
    uint32_t counter;
    const char *frame;
    bool counter_picks_id; /* so that a change of the counter is one of the id as well */
    unsigned crc;          /* bytes */
    unsigned crc_byte;
    bool reflected; /* the CRC takes each byte's lowest bit first */
};

static const uint32_t id123 = 0x123;
static const uint32_t id1234 = 0x1234;
static const uint32_t id_long = 0x0A0B0C0D;

static const struct vector vectors[] = {
    {"p01 both, counter 0", "e2e-p01", "both", &id123, NULL, 0, "cc00000000000000", false, 1, 0, false},
    {"p01 both, counter 1", "e2e-p01", "both", &id123, NULL, 1, "9101000000000000", false, 1, 0, false},
    {"p01 alternate, counter 0", "e2e-p01", "alternate", &id123, NULL, 0, "ce00000000000000", true, 1, 0, false},
    {"p01 alternate, counter 1", "e2e-p01", "alternate", &id123, NULL, 1, "0201000000000000", true, 1, 0, false},
    {"p01 low, counter 1", "e2e-p01", "low", &id123, NULL, 1, "9301000000000000", false, 1, 0, false},
    {"p01 nibble, counter 0", "e2e-p01", "nibble", &id123, NULL, 0, "2a10000000000000", false, 1, 0, false},
    {"p01 nibble, counter 1", "e2e-p01", "nibble", &id123, NULL, 1, "7711000000000000", false, 1, 0, false},
    {"p02 ids 0, counter 1", "e2e-p02", NULL, NULL, no_ids, 1, "4501000000000000", false, 1, 0, false},
    {"p04", "e2e-p04", NULL, &id_long, NULL, 0, "001000000a0b0c0d862b055600000000", false, 4, 8, true},
    {"p05", "e2e-p05", NULL, &id1234, NULL, 0, "1cca000000000000", false, 2, 0, false},
    {"p06", "e2e-p06", NULL, &id1234, NULL, 0, "b155000800000000", false, 2, 0, false},
    {"p07", "e2e-p07", NULL, &id_long, NULL, 0, "1fb2e737fcedbcd900000018000000000a0b0c0d00000000", false, 8, 0, true},
    {"p11 both, counter 0", "e2e-p11", "both", &id123, NULL, 0, "cc00000000000000", false, 1, 0, false},
    {"p11 nibble, counter 0", "e2e-p11", "nibble", &id123, NULL, 0, "2a10000000000000", false, 1, 0, false},
    {"p22 ids 1 to 16, counter 1", "e2e-p22", NULL, NULL, rising_ids, 1, "1b01000000000000", true, 1, 0, false},
};
#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

static size_t open_vector(struct rig *rig, const struct vector *vector, uint8_t frame[64])
{
    const size_t len = rig_bytes(vector->frame, frame);
    const struct ct_protect_config config = {
        .scheme = vector->scheme,
        .id_mode = vector->id_mode,
        .data_id = vector->data_id,
        .data_ids = vector->data_ids,
        .data_ids_count = vector->data_ids != NULL ? 16 : 0,
    };
    rig_open(rig, 0x100, len, "", config);
    return len;
}

static enum ct_protect_status check_fresh(const struct rig *rig, const uint8_t *data, size_t len)
{
    struct ct_protect_state state = {0};
    return ct_protect_check(rig->rule, &state, rig->id, data, len);
}

static void test_e2e_published_frame_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct rig rig;
        uint8_t frame[64];
        const size_t len = open_vector(&rig, &vectors[i], frame);
        if (check_fresh(&rig, frame, len) != CT_PROTECT_INITIAL) {
            fail_msg("%s", vectors[i].name);
        }
        rig_close(&rig);
    }
}

static void test_e2e_zero_data_is_filled_to_the_published_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct rig rig;
        uint8_t frame[64];
        uint8_t filled[64] = {0};
        struct ct_protect_state sender = {0};
        const size_t len = open_vector(&rig, &vectors[i], frame);
        assert_int_equal(ct_protect_start(rig.rule, &sender, vectors[i].counter), CT_OK);
        assert_int_equal(ct_protect_fill(rig.rule, &sender, rig.id, filled, len), CT_OK);
        if (memcmp(filled, frame, len) != 0) {
            fail_msg("%s", vectors[i].name);
        }
        rig_close(&rig);
    }
}

static void flip(uint8_t *data, size_t bit)
{
    data[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

/* The counter of the profiles of which a counter bit changes the id as well: low nibble of byte 1. */
static bool in_counter(size_t bit)
{
    return bit >= 8 && bit < 12;
}

static void test_e2e_one_or_two_flipped_bits_are_an_error(void **state)
{
    size_t tried = 0;
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct rig rig;
        uint8_t frame[64];
        const size_t bits = 8 * open_vector(&rig, &vectors[i], frame);
        for (size_t a = 0; a < bits; a++) {
            flip(frame, a);
            for (size_t b = a; b < bits; b++) { /* b == a: the one bit alone */
                const bool id_changes = vectors[i].counter_picks_id && (in_counter(a) || in_counter(b)) && a != b;
                flip(frame, b != a ? b : bits); /* byte behind the frame for one bit */
                if (!id_changes && check_fresh(&rig, frame, bits / 8) != CT_PROTECT_ERROR) {
                    fail_msg("%s: bits %zu and %zu", vectors[i].name, a, b);
                }
                tried++;
                flip(frame, b != a ? b : bits);
            }
            flip(frame, a);
        }
        rig_close(&rig);
    }
    assert_true(tried > 30000);
}

/* Bit `index` in the order in which the CRC takes them. */
static size_t crc_order(const struct vector *vector, size_t index)
{
    return vector->reflected ? index : index / 8 * 8 + 7 - index % 8;
}

/* Bursts in the data behind header and CRC: any pattern from `first` on whose both ends are wrong. */
static void test_e2e_bursts_up_to_the_crc_width_are_an_error(void **state)
{
    srand(7);
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct rig rig;
        uint8_t frame[64];
        const size_t bits = 8 * open_vector(&rig, &vectors[i], frame);
        const size_t from = 8 * (vectors[i].crc_byte + vectors[i].crc + (vectors[i].counter_picks_id ? 1U : 0U));
        const size_t width = 8 * vectors[i].crc;
        for (size_t first = from; first < bits; first++) {
            for (unsigned round = 0; round < 300; round++) {
                const size_t room = bits - first < width ? bits - first : width;
                const size_t len = 1 + (size_t)rand() % room;
                uint8_t hit[64];
                memcpy(hit, frame, sizeof hit);
                for (size_t k = 0; k < len; k++) {
                    if (k == 0 || k + 1 == len || rand() % 2 == 0) {
                        flip(hit, crc_order(&vectors[i], first + k));
                    }
                }
                if (check_fresh(&rig, hit, bits / 8) != CT_PROTECT_ERROR) {
                    fail_msg("%s: burst of %zu at %zu", vectors[i].name, len, first);
                }
            }
        }
        rig_close(&rig);
    }
}

static void test_e2e_short_frame_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct rig rig;
        uint8_t frame[64];
        const size_t len = open_vector(&rig, &vectors[i], frame);
        struct ct_protect_state sender = {0};
        assert_int_equal(check_fresh(&rig, frame, len - 1), CT_PROTECT_ERROR);
        assert_int_equal(ct_protect_fill(rig.rule, &sender, rig.id, frame, len - 1), CT_ERR_TRUNCATED);
        rig_close(&rig);
    }
}

/* ---- counters: PRS E2EProtocol, check of profile 1 (counter 0 to 14) and 5 (0 to 255) */

static enum ct_protect_status receive(const struct rig *rig, struct ct_protect_state *state, uint32_t counter)
{
    uint8_t frame[64] = {0};
    struct ct_protect_state sender = {0};
    assert_int_equal(ct_protect_start(rig->rule, &sender, counter), CT_OK);
    assert_int_equal(ct_protect_fill(rig->rule, &sender, rig->id, frame, rig->len), CT_OK);
    return ct_protect_check(rig->rule, state, rig->id, frame, rig->len);
}

struct reception {
    uint32_t counter;
    enum ct_protect_status status;
};

static void receive_all(const char *scheme, uint32_t max_delta, const struct reception *receptions, size_t count)
{
    struct rig rig;
    struct ct_protect_state state = {0};
    rig_open(&rig, 0x100, 8, "", (struct ct_protect_config){.scheme = scheme, .max_delta = NUMBER(max_delta)});
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(receive(&rig, &state, receptions[i].counter), receptions[i].status);
    }
    rig_close(&rig);
}
#define RECEIVE(scheme, max_delta, ...)                                     \
    receive_all(scheme, max_delta, (const struct reception[]){__VA_ARGS__}, \
                sizeof((const struct reception[]){__VA_ARGS__}) / sizeof(struct reception))

static void test_e2e_counter_in_sequence_is_ok_also_over_its_end(void **state)
{
    (void)state;
    RECEIVE("e2e-p01", 2, {13, CT_PROTECT_INITIAL}, {14, CT_PROTECT_OK}, {0, CT_PROTECT_OK}, {1, CT_PROTECT_OK});
    RECEIVE("e2e-p05", 2, {254, CT_PROTECT_INITIAL}, {255, CT_PROTECT_OK}, {0, CT_PROTECT_OK});
}

static void test_e2e_lost_frames_within_max_delta_are_ok_some_lost(void **state)
{
    (void)state;
    RECEIVE("e2e-p01", 3, {13, CT_PROTECT_INITIAL}, {1, CT_PROTECT_OK_SOME_LOST}, {3, CT_PROTECT_OK_SOME_LOST});
}

static void test_e2e_lost_frames_beyond_max_delta_are_wrong_sequence_then_ok(void **state)
{
    (void)state;
    RECEIVE("e2e-p01", 3, {2, CT_PROTECT_INITIAL}, {6, CT_PROTECT_WRONG_SEQUENCE}, {7, CT_PROTECT_OK});
}

static void test_e2e_stuck_counter_is_repeated(void **state)
{
    (void)state;
    RECEIVE("e2e-p01", 3, {2, CT_PROTECT_INITIAL}, {2, CT_PROTECT_REPEATED}, {2, CT_PROTECT_REPEATED},
            {3, CT_PROTECT_OK});
}

static void test_e2e_late_frame_is_wrong_sequence(void **state)
{
    (void)state;
    RECEIVE("e2e-p05", 3, {7, CT_PROTECT_INITIAL}, {9, CT_PROTECT_OK_SOME_LOST}, {8, CT_PROTECT_WRONG_SEQUENCE},
            {9, CT_PROTECT_OK});
}

static void test_e2e_bad_frame_leaves_the_counter_alone(void **state)
{
    struct rig rig;
    struct ct_protect_state receiver = {0};
    const uint8_t broken[8] = {0x55, 3};
    (void)state;
    rig_open(&rig, 0x100, 8, "", (struct ct_protect_config){.scheme = "e2e-p01", .max_delta = NUMBER(1)});
    assert_int_equal(receive(&rig, &receiver, 2), CT_PROTECT_INITIAL);
    assert_int_equal(ct_protect_check(rig.rule, &receiver, rig.id, broken, 8), CT_PROTECT_ERROR);
    assert_int_equal(receive(&rig, &receiver, 3), CT_PROTECT_OK);
    rig_close(&rig);
}

/* PRS E2EProtocol: 15 is no value of profile 1's counter. */
static void test_e2e_counter_outside_its_range_is_an_error(void **state)
{
    struct rig rig;
    uint8_t frame[8] = {0, 0x0F};
    (void)state;
    rig_open(&rig, 0x100, 8, "", (struct ct_protect_config){.scheme = "e2e-p01", .data_id = NUMBER(0x123)});
    for (unsigned crc = 0; crc < 256; crc++) { /* whatever the right CRC is */
        frame[0] = (uint8_t)crc;
        assert_int_equal(check_fresh(&rig, frame, 8), CT_PROTECT_ERROR);
    }
    struct ct_protect_state sender = {0};
    assert_int_equal(ct_protect_start(rig.rule, &sender, 15), CT_ERR_RANGE);
    rig_close(&rig);
}

static void test_fault_of_each_status_is_what_the_header_says(void **state)
{
    static const enum ct_protect_fault faults[CT_PROTECT_STATUS_COUNT] = {
        [CT_PROTECT_OK] = CT_PROTECT_FAULT_NONE,
        [CT_PROTECT_INITIAL] = CT_PROTECT_FAULT_NONE,
        [CT_PROTECT_OK_SOME_LOST] = CT_PROTECT_FAULT_NONE,
        [CT_PROTECT_REPEATED] = CT_PROTECT_FAULT_COUNTER,
        [CT_PROTECT_WRONG_SEQUENCE] = CT_PROTECT_FAULT_COUNTER,
        [CT_PROTECT_ERROR] = CT_PROTECT_FAULT_CHECKSUM,
        [CT_PROTECT_NO_NEW_DATA] = CT_PROTECT_FAULT_COUNTER,
    };
    (void)state;
    for (int i = 0; i < CT_PROTECT_STATUS_COUNT; i++) {
        assert_int_equal(ct_protect_fault_of((enum ct_protect_status)i), faults[i]);
    }
    assert_string_equal(ct_protect_fault_text(CT_PROTECT_FAULT_COUNTER), "counter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_e2e_published_frame_is_accepted),
        cmocka_unit_test(test_e2e_zero_data_is_filled_to_the_published_frame),
        cmocka_unit_test(test_e2e_one_or_two_flipped_bits_are_an_error),
        cmocka_unit_test(test_e2e_bursts_up_to_the_crc_width_are_an_error),
        cmocka_unit_test(test_e2e_short_frame_is_an_error),
        cmocka_unit_test(test_e2e_counter_in_sequence_is_ok_also_over_its_end),
        cmocka_unit_test(test_e2e_lost_frames_within_max_delta_are_ok_some_lost),
        cmocka_unit_test(test_e2e_lost_frames_beyond_max_delta_are_wrong_sequence_then_ok),
        cmocka_unit_test(test_e2e_stuck_counter_is_repeated),
        cmocka_unit_test(test_e2e_late_frame_is_wrong_sequence),
        cmocka_unit_test(test_e2e_bad_frame_leaves_the_counter_alone),
        cmocka_unit_test(test_e2e_counter_outside_its_range_is_an_error),
        cmocka_unit_test(test_fault_of_each_status_is_what_the_header_says),
    };
    return cmocka_run_group_tests_name("protect_e2e", tests, NULL, NULL);
}
