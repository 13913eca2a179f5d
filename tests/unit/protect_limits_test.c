/* Protection rules at their limits: where counter and checksum cannot lie, which signals a rule means, frames whose
 * checksum is right and whose header is not, ids that change a maker's constants (as opendbc has them). */
#include "bytes.h"
#include "crc.h"
#include "protect_rig.h"
#include "protect_window.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#define SUM_LAST  "SG_ CHECKSUM : 56|8@1+ (1,0) [0|255] \"\" B\n"
#define SUM_0     "SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" B\n"
#define NIBBLE_0  "SG_ CHECKSUM : 0|4@1+ (1,0) [0|15] \"\" B\n"
#define COUNTER_1 "SG_ COUNTER : 8|4@1+ (1,0) [0|15] \"\" B\n"

static enum ct_protect_status check_fresh(const struct rig *rig, const uint8_t *data, size_t len)
{
    struct ct_protect_state state = {0};
    return ct_protect_check(rig->rule, &state, rig->id, data, len);
}

static void fill_fresh(const struct rig *rig, uint8_t *data, size_t len)
{
    struct ct_protect_state state = {0};
    assert_int_equal(ct_protect_fill(rig->rule, &state, rig->id, data, len), CT_OK);
}

/* A frame of zeros filled: the checksum's byte is the maker's constant for the id. */
static void test_makers_constants_of_single_ids(void **state)
{
    static const struct {
        const char *scheme, *signals;
        uint32_t id;
        size_t len;
        uint16_t first; /* bytes 0 and 1 */
    } rows[] = {
        {"psa", NIBBLE_0, 0x452, 8, 0x4},
        {"psa", NIBBLE_0, 0x38D, 8, 0x7},
        {"psa", NIBBLE_0, 0x42D, 8, 0xC},
        {"psa", NIBBLE_0, 0x3AD, 8, 0xB},
        {"honda", NIBBLE_0, 0x7, 8, 0x1},                                        /* 8 - 7 */
        {"honda", NIBBLE_0, 0x800, 8, 0x3},                                      /* 8 + 3 for 29 bits - 8 */
        {"vw-mlb", SUM_0, 0x100, 8, 0xAB},                                       /* 01 ^ 00 ^ AA */
        {"vw-mlb", SUM_0, 0x101, 8, 0xAA},                                       /* 01 ^ 01 ^ AA */
        {"vw-mlb", SUM_0, 0x203, 8, 0x01},                                       /* 02 ^ 03 */
        {"hyundai-fd", "SG_ CHECKSUM : 0|16@1+ (1,0) [0|0] \"\" B\n", 0, 12, 0}, /* no constant of this length */
        {"hyundai-fd", "SG_ CHECKSUM : 0|16@1+ (1,0) [0|0] \"\" B\n", 0, 40, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        uint8_t frame[64] = {0};
        rig_open(&rig, rows[i].id, rows[i].len, rows[i].signals, (struct ct_protect_config){.scheme = rows[i].scheme});
        fill_fresh(&rig, frame, rows[i].len);
        if ((frame[0] | frame[1] << 8) != rows[i].first) {
            fail_msg("%s 0x%X: %02X %02X", rows[i].scheme, (unsigned)rows[i].id, frame[0], frame[1]);
        }
        rig_close(&rig);
    }
}

/* Messages of MQB that drive in MLB cars too: frames recorded there, see protect_makers_test. */
static void test_mlb_takes_the_messages_of_mqb_as_they_are(void **state)
{
    static const struct {
        uint32_t id;
        const char *frame;
    } rows[] = {{0x9F, "11302e00051c8030"}, {0x117, "9b000040680000ff"}, {0x126, "00300dc005fe0700"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        uint8_t frame[64];
        const size_t len = rig_bytes(rows[i].frame, frame);
        rig_open(&rig, rows[i].id, len, SUM_0 COUNTER_1, (struct ct_protect_config){.scheme = "vw-mlb"});
        assert_int_equal(check_fresh(&rig, frame, len), CT_PROTECT_INITIAL);
        frame[3] ^= 1;
        assert_int_equal(check_fresh(&rig, frame, len), CT_PROTECT_ERROR);
        rig_close(&rig);
    }
}

static void test_start_and_final_value_are_taken_from_the_rule(void **state)
{
    struct rig rig;
    uint8_t frame[8] = {0};
    (void)state;
    rig_open(&rig, 1, 8, SUM_0, (struct ct_protect_config){.scheme = "sum8", .initial = NUMBER(5)});
    fill_fresh(&rig, frame, 8);
    assert_int_equal(frame[0], 5);
    rig_close(&rig);
    rig_open(&rig, 1, 8, SUM_0, (struct ct_protect_config){.scheme = "crc8", .final_xor = NUMBER(0x3C)});
    fill_fresh(&rig, frame, 8);
    assert_int_equal(frame[0], 0x3C); /* start 0: zeros stay 0 */
    rig_close(&rig);
    /* rivian's ids are known; another one needs its constant */
    rig_open(&rig, 1, 8, SUM_0, (struct ct_protect_config){.scheme = "rivian", .final_xor = NUMBER(0x77)});
    memset(frame, 0, sizeof frame);
    fill_fresh(&rig, frame, 8);
    assert_int_equal(frame[0], 0x77);
    rig_close(&rig);
}

static void test_data_ids_given_stand_for_an_id_the_maker_does_not_know(void **state)
{
    static const uint32_t ids[16] = {[0] = 0xF5}; /* what 0x9F has */
    struct rig rig;
    uint8_t frame[64];
    (void)state;
    const size_t len = rig_bytes("11302e00051c8030", frame);
    rig_open(&rig, 0x7F0, len, SUM_0 COUNTER_1,
             (struct ct_protect_config){.scheme = "vw-mqb", .data_ids = ids, .data_ids_count = 16});
    assert_int_equal(check_fresh(&rig, frame, len), CT_PROTECT_INITIAL);
    rig_close(&rig);
    rig_refused(&rig, 0x7F0, 8, SUM_0,
                (struct ct_protect_config){.scheme = "vw-mqb", .data_ids = ids, .data_ids_count = 3});
    assert_non_null(strstr(rig.problem, "'data_ids' must list 16 numbers"));
    rig_close(&rig);
}

/* ---- headers: the checksum is right, what it protects is another message */

static void test_p01_wrong_id_nibble_is_an_error(void **state)
{
    const struct ct_protect_config config = {
        .scheme = "e2e-p01", .id_mode = "nibble", .id_offset = NUMBER(20), .data_id = NUMBER(0x123)};
    struct ct_protect_config other = config;
    struct rig rig;
    uint8_t frame[8] = {0};
    (void)state;
    rig_open(&rig, 1, 8, "", config);
    fill_fresh(&rig, frame, 8);
    assert_int_equal(frame[2], 0x10); /* bits 20 to 23 hold the 1 of 0x123 */
    assert_int_equal(check_fresh(&rig, frame, 8), CT_PROTECT_INITIAL);
    rig_close(&rig);
    other.data_id = NUMBER(0x223); /* the same low byte, so the same CRC */
    rig_open(&rig, 1, 8, "", other);
    assert_int_equal(check_fresh(&rig, frame, 8), CT_PROTECT_ERROR);
    rig_close(&rig);
}

static void seal_p04(const struct ct_crc_tables *tables, uint8_t *frame)
{
    const uint32_t crc = ct_crc32(tables->p4, UINT32_MAX, frame, 8);
    ct_put_be32(frame + 8, ct_crc32(tables->p4, crc, frame + 12, 4) ^ UINT32_MAX);
}

static void test_p04_wrong_length_or_id_is_an_error_whatever_the_crc(void **state)
{
    static struct ct_crc_tables tables;
    struct rig rig;
    uint8_t frame[16] = {0};
    (void)state;
    ct_crc_tables_init(&tables);
    rig_open(&rig, 1, 16, "", (struct ct_protect_config){.scheme = "e2e-p04", .data_id = NUMBER(0x0A0B0C0D)});
    fill_fresh(&rig, frame, 16);
    seal_p04(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 16), CT_PROTECT_INITIAL);
    frame[1] = 15;
    seal_p04(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 16), CT_PROTECT_ERROR);
    frame[1] = 16;
    frame[7] ^= 1;
    seal_p04(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 16), CT_PROTECT_ERROR);
    rig_close(&rig);
}

static void seal_p07(const struct ct_crc_tables *tables, uint8_t *frame)
{
    const uint64_t crc = ct_crc64(tables->ecma, UINT64_MAX, frame + 8, 16) ^ UINT64_MAX;
    ct_put_be32(frame, (uint32_t)(crc >> 32));
    ct_put_be32(frame + 4, (uint32_t)crc);
}

static void test_p07_wrong_length_or_id_is_an_error_whatever_the_crc(void **state)
{
    static struct ct_crc_tables tables;
    struct rig rig;
    uint8_t frame[24] = {0};
    (void)state;
    ct_crc_tables_init(&tables);
    rig_open(&rig, 1, 24, "", (struct ct_protect_config){.scheme = "e2e-p07", .data_id = NUMBER(0x0A0B0C0D)});
    fill_fresh(&rig, frame, 24);
    seal_p07(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 24), CT_PROTECT_INITIAL);
    frame[11] = 23;
    seal_p07(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 24), CT_PROTECT_ERROR);
    frame[11] = 24;
    frame[19] ^= 1;
    seal_p07(&tables, frame);
    assert_int_equal(check_fresh(&rig, frame, 24), CT_PROTECT_ERROR);
    rig_close(&rig);
}

/* ---- where things lie */

struct refusal {
    const char *signals;
    size_t len;
    struct ct_protect_config config;
    const char *says;
};

static const struct refusal refusals[] = {
    {"SG_ Odd : 4|64@1+ (1,0) [0|0] \"\" B\n", 16, {.scheme = "counter", .counter = "Odd"}, "cannot hold it"},
    {"SG_ Late : 640|8@1+ (1,0) [0|0] \"\" B\n",
     100,
     {.scheme = "counter", .counter = "Late", .length = NUMBER(8)},
     "cannot hold it"},
    {"SG_ Wide : 0|40@1+ (1,0) [0|0] \"\" B\n",
     8,
     {.scheme = "counter", .counter = "Wide"},
     "has 40 bits; a counter has at most 32"},
    {"SG_ A_CHECKSUM : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ B_CHECKSUM : 8|8@1+ (1,0) [0|0] \"\" B\n",
     8,
     {.scheme = "toyota"},
     "has no signal CHECKSUM; name it"},
    {"SG_ CHECKSUM : 0|32@1- (1,0) [0|0] \"\" B\nSIG_VALTYPE_ 1 CHECKSUM : 1;\n",
     8,
     {.scheme = "toyota"},
     "must be an integer that is always there"},
    {"SG_ CHECKSUM : 4|8@1+ (1,0) [0|0] \"\" B\n", 8, {.scheme = "toyota"}, "is 8 bits in one byte"},
    {SUM_0, 8, {.scheme = "honda"}, "has 8 bits; the checksum of scheme honda is 4 bits"},
    {SUM_0, 8, {.scheme = "toyota", .length = NUMBER(0)}, "'length' must be 1 to that"},
    {SUM_0, 100, {.scheme = "toyota"}, "has 100 bytes; 'length' must be 1 to that, and at most 64"},
    {SUM_0, 2, {.scheme = "hyundai-sum6"}, "scheme hyundai-sum6 needs at least 6 bytes, 2 are covered"},
    {SUM_0 COUNTER_1, 8, {.scheme = "toyota", .counter_end = NUMBER(1)}, "'counter_end' must be 2 to 16"},
    {COUNTER_1, 8, {.scheme = "counter", .checksum = "COUNTER"}, "'checksum' has no meaning for scheme counter"},
};

static void test_rules_that_cannot_be_laid_out_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct rig rig;
        rig_refused(&rig, 1, refusals[i].len, refusals[i].signals, refusals[i].config);
        if (strstr(rig.problem, refusals[i].says) == NULL) {
            fail_msg("%zu: %s", i, rig.problem);
        }
        rig_close(&rig);
    }
}

static void test_refusal_is_cut_to_the_room_there_is(void **state)
{
    struct rig rig;
    struct ct_protect *made = NULL;
    char problem[5];
    (void)state;
    rig_parse(&rig, 1, 8, SUM_0);
    const struct ct_dbc *dbc = rig.dbc;
    const struct ct_protect_config config = {.message = "M"};
    assert_int_equal(ct_protect_compile(&dbc, 1, &config, 1, &made, problem, sizeof problem), CT_ERR_SYNTAX);
    assert_string_equal(problem, "rule");
    assert_null(made);
    rig_close(&rig);
}

static void test_layout_of_a_profile_is_found_among_the_signals(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, 1, 8,
             "SG_ Other : 24|8@1+ (1,0) [0|0] \"\" B\n SG_ Split : 36|8@1+ (1,0) [0|0] \"\" B\n SG_ Crc : 0|8@1+ (1,0) "
             "[0|0] \"\" B\n",
             (struct ct_protect_config){.scheme = "e2e-p01"});
    assert_int_equal(ct_protect_checksum_signal(rig.rule), 2);
    assert_int_equal(ct_protect_counter_signal(rig.rule), -1);
    rig_close(&rig);
    rig_open(&rig, 1, 32,
             "SG_ Crooked : 68|64@1+ (1,0) [0|0] \"\" B\n SG_ Turned : 0|64@1+ (1,0) [0|0] \"\" B\n SG_ Crc : 7|64@0+ "
             "(1,0) [0|0] \"\" B\n",
             (struct ct_protect_config){.scheme = "e2e-p07"});
    assert_int_equal(ct_protect_checksum_signal(rig.rule), 2);
    rig_close(&rig);
}

static void test_counter_alone_has_no_checksum_and_counts(void **state)
{
    struct rig rig;
    struct ct_protect_state sender = {0};
    uint8_t frame[8] = {0};
    (void)state;
    rig_open(&rig, 1, 8, "SG_ COUNTER : 8|1@1+ (1,0) [0|1] \"\" B\n", (struct ct_protect_config){.scheme = "counter"});
    assert_int_equal(ct_protect_checksum_signal(rig.rule), -1);
    assert_int_equal(ct_protect_counter_signal(rig.rule), 0);
    for (unsigned i = 0; i < 5; i++) { /* one bit: 0, 1, 0, ... */
        assert_int_equal(ct_protect_fill(rig.rule, &sender, 1, frame, 8), CT_OK);
        assert_int_equal(frame[1], i % 2);
    }
    rig_close(&rig);
}

static void test_counter_runs_to_the_end_that_is_given_else_its_width(void **state)
{
    static const uint8_t wanted[] = {0, 1, 2, 0};
    struct rig rig;
    struct ct_protect_state sender = {0};
    uint8_t frame[8] = {0};
    (void)state;
    rig_open(&rig, 1, 8, COUNTER_1, (struct ct_protect_config){.scheme = "counter", .counter_end = NUMBER(3)});
    for (size_t i = 0; i < sizeof wanted; i++) {
        assert_int_equal(ct_protect_fill(rig.rule, &sender, 1, frame, 8), CT_OK);
        assert_int_equal(frame[1], wanted[i]);
    }
    rig_close(&rig);
    /* rivian counts to 14, which two bits do not hold */
    sender = (struct ct_protect_state){0};
    rig_open(&rig, 0x208, 8, SUM_0 "SG_ COUNTER : 8|2@1+ (1,0) [0|3] \"\" B\n",
             (struct ct_protect_config){.scheme = "rivian"});
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(ct_protect_fill(rig.rule, &sender, 0x208, frame, 8), CT_OK);
        assert_int_equal(frame[1] & 3, i % 4);
    }
    rig_close(&rig);
}

/* ---- which messages are meant */

static size_t rules_for(struct rig *rig, struct ct_protect_config config)
{
    const struct ct_dbc *dbc = rig->dbc;
    struct ct_protect *made = NULL;
    config.scheme = "sum8";
    const int err = ct_protect_compile(&dbc, 1, &config, 1, &made, rig->problem, sizeof rig->problem);
    const size_t count = ct_protect_rule_count(made);
    assert_int_equal(err, count > 0 ? CT_OK : CT_ERR_SYNTAX);
    ct_protect_free(made);
    return count;
}

static void test_patterns_and_ids_choose_messages(void **state)
{
    static const struct {
        const char *pattern;
        size_t count;
    } rows[] = {{"M", 1},     {"?", 1},   {"M2", 1}, {"M?", 1}, {"*", 2},   {"M**", 2}, {"**2", 1},
                {"*M*2*", 1}, {"?2?", 0}, {"m", 0},  {"", 0},   {"M2?", 0}, {"*x", 0}};
    struct rig rig;
    (void)state;
    rig_parse(&rig, 1, 8, SUM_0 "BO_ 2147484160 M2: 8 A\n " SUM_0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rules_for(&rig, (struct ct_protect_config){.match = rows[i].pattern}) != rows[i].count) {
            fail_msg("%s", rows[i].pattern);
        }
    }
    assert_int_equal(rules_for(&rig, (struct ct_protect_config){.id = NUMBER(1)}), 1);
    assert_int_equal(rules_for(&rig, (struct ct_protect_config){.id = NUMBER(512)}), 0); /* 29 bits long, not 11 */
    rig_close(&rig);
}

static void test_rule_of_a_message_from_elsewhere_is_none(void **state)
{
    struct rig first, second;
    (void)state;
    rig_open(&first, 1, 8, SUM_0, (struct ct_protect_config){.scheme = "sum8"});
    rig_open(&second, 1, 8, SUM_0, (struct ct_protect_config){.scheme = "sum8"});
    assert_null(ct_protect_rule_of(first.protect, &second.dbc->messages[0]));
    assert_null(ct_protect_rule_of(second.protect, &first.dbc->messages[0]));
    assert_null(ct_protect_rule_of(NULL, &first.dbc->messages[0]));
    assert_int_equal(ct_protect_rule_count(NULL), 0);
    rig_close(&first);
    rig_close(&second);
}

static void test_window_limits_beyond_its_size_are_refused(void **state)
{
    const struct ct_stream_config good = {.size = 4, .init = {4, 4}, .valid = {4, 4}, .invalid = {4, 4}};
    struct ct_protect_window window;
    (void)state;
    assert_int_equal(ct_protect_window_init(&window, &good), CT_OK);
    for (unsigned i = 0; i < 8; i++) {
        struct ct_stream_config wrong = good;
        struct ct_stream_limits *limits[] = {&wrong.init, &wrong.valid, &wrong.invalid};
        if (i < 6) {
            *(i % 2 == 0 ? &limits[i / 2]->min_ok : &limits[i / 2]->max_error) = 5;
        } else {
            wrong.size = i == 6 ? 0 : CT_PROTECT_WINDOW_MAX + 1;
        }
        assert_int_equal(ct_protect_window_init(&window, &wrong), CT_ERR_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makers_constants_of_single_ids),
        cmocka_unit_test(test_mlb_takes_the_messages_of_mqb_as_they_are),
        cmocka_unit_test(test_start_and_final_value_are_taken_from_the_rule),
        cmocka_unit_test(test_data_ids_given_stand_for_an_id_the_maker_does_not_know),
        cmocka_unit_test(test_p01_wrong_id_nibble_is_an_error),
        cmocka_unit_test(test_p04_wrong_length_or_id_is_an_error_whatever_the_crc),
        cmocka_unit_test(test_p07_wrong_length_or_id_is_an_error_whatever_the_crc),
        cmocka_unit_test(test_rules_that_cannot_be_laid_out_are_refused),
        cmocka_unit_test(test_refusal_is_cut_to_the_room_there_is),
        cmocka_unit_test(test_layout_of_a_profile_is_found_among_the_signals),
        cmocka_unit_test(test_counter_alone_has_no_checksum_and_counts),
        cmocka_unit_test(test_counter_runs_to_the_end_that_is_given_else_its_width),
        cmocka_unit_test(test_patterns_and_ids_choose_messages),
        cmocka_unit_test(test_rule_of_a_message_from_elsewhere_is_none),
        cmocka_unit_test(test_window_limits_beyond_its_size_are_refused),
    };
    return cmocka_run_group_tests_name("protect_limits", tests, NULL, NULL);
}
