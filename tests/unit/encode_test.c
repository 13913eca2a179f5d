/* Messages from values by name: ranges, texts, branches, start values, and what is refused. Expected bytes are laid out
 * by hand from the SG_ lines. */
#include "encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "BU_: A B\n"
                           "BO_ 1 PLAIN: 8 A\n"
                           " SG_ Speed : 0|16@1+ (0.5,0) [0|400] \"km/h\" B\n"
                           " SG_ Temp : 16|8@1- (1,-40) [-100|60] \"degC\" B\n"
                           " SG_ Gear : 24|3@1+ (1,0) [0|5] \"\" B\n"
                           " SG_ Wide : 32|32@1+ (1,0) [0|0] \"\" B\n"
                           "BO_ 2 TREE: 8 A\n"
                           " SG_ Top M : 0|4@1+ (1,0) [0|15] \"\" B\n"
                           " SG_ One m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Sub m2M : 4|4@1+ (1,0) [0|15] \"\" B\n"
                           " SG_ Deep m5 : 16|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Low m2 : 24|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Pair m3 : 32|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Both m3 : 40|8@1+ (1,0) [0|0] \"\" B\n"
                           "BO_ 3 BLOB: 16 A\n"
                           " SG_ Vin : 7|128@0+ (1,0) [0|0] \"\" B\n"
                           "BO_ 4 LONG: 8 A\n"
                           " SG_ Count : 0|64@1+ (3,1) [0|0] \"\" B\n"
                           "VAL_ 1 Gear 0 \"Neutral\" 1 \"First\" 4 \"Fourth\" 7 \"Broken\" ;\n"
                           "VAL_ 1 Speed 1 \"20\" 65535 \"inf\" ;\n"
                           "SG_MUL_VAL_ 2 Deep Sub 5-5;\n"
                           "SG_MUL_VAL_ 2 Sub Top 2-2;\n"
                           "SG_MUL_VAL_ 2 One Top 1-1;\n"
                           "SG_MUL_VAL_ 2 Low Top 2-2;\n"
                           "SG_MUL_VAL_ 2 Pair Top 3-6;\n"
                           "SG_MUL_VAL_ 2 Both Top 5-7;\n"
                           "BA_DEF_ SG_ \"GenSigStartValue\" INT 0 100000;\n"
                           "BA_ \"GenSigStartValue\" SG_ 1 Wide 258;\n"
                           "BA_ \"GenSigStartValue\" SG_ 2 Low 9;\n";

struct rig {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    uint8_t data[16];
    char problem[256];
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    assert_int_equal(ct_dbc_parse("e.dbc", text, sizeof text - 1, NULL, NULL, &rig->dbc), CT_OK);
    assert_int_equal(ct_codec_compile(rig->dbc, &rig->codec), CT_OK);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    ct_codec_free(rig->codec);
    ct_dbc_free(rig->dbc);
    free(rig);
    return 0;
}

/* `pairs`: signal, text, ..., NULL */
static int encode(struct rig *rig, const char *message, enum ct_range_policy policy, const char *const *pairs)
{
    struct ct_encode_set sets[8];
    size_t count = 0;
    for (; pairs[2 * count] != NULL; count++) {
        sets[count] =
            (struct ct_encode_set){.signal = pairs[2 * count], .kind = CT_SET_TEXT, .text = pairs[2 * count + 1]};
    }
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, message);
    return ct_encode_message(plan, sets, count, policy, rig->data, ct_codec_model(plan)->length, rig->problem,
                             sizeof rig->problem);
}
#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect(const struct rig *rig, const uint8_t (*bytes)[8])
{
    assert_memory_equal(rig->data, *bytes, 8);
}
#define EXPECT(rig, ...) expect(rig, &(const uint8_t[8]){__VA_ARGS__})

static void test_encode_values_texts_and_start_values_lie_where_the_model_says(void **state)
{
    struct rig *rig = *state;
    const int err = encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Speed", "100.5", "Temp", "-41", "Gear", "Fourth"));
    assert_int_equal(err, CT_OK);
    EXPECT(rig, 201, 0, 0xFF, 4, 2, 1, 0, 0); /* Wide: 258 = 0x0102 from the start value */
}

static void test_encode_value_outside_its_range_is_refused(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Speed", "400.5")), CT_ERR_RANGE);
    assert_string_equal(rig->problem, "Speed=400.5: outside the range 0 to 400 of the signal");
}

/* Also where the raw value is the number that was asked for (factor 1); a text of the table is what the author says. */
static void test_encode_range_holds_for_signals_without_a_scale(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "5")), CT_OK);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "6")), CT_ERR_RANGE);
    assert_string_equal(rig->problem, "Gear=6: outside the range 0 to 5 of the signal");
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "-1")), CT_ERR_RANGE);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_CLAMP, SET("Gear", "6", "Temp", "-101")), CT_OK);
    EXPECT(rig, 0, 0, 0xC4, 5, 2, 1, 0, 0); /* -100 + 40 = -60 = 0xC4 */
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_WIDTH, SET("Gear", "6")), CT_OK);
    assert_int_equal(rig->data[3], 6);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "Broken")), CT_OK);
    assert_int_equal(rig->data[3], 7);
}

/* 2^63 - 1 = 3 * 3074457345618258602 + 1: whole numbers are exact where doubles are 1,024 apart. */
static void test_encode_whole_numbers_are_exact_beyond_doubles(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "9223372036854775807")), CT_OK);
    EXPECT(rig, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0x2A);
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "55340232221128654846")), CT_OK);
    EXPECT(rig, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF);
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "55340232221128654849")), CT_ERR_RANGE);
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "-2")), CT_ERR_RANGE);
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "010")), CT_OK);
    EXPECT(rig, 3, 0, 0, 0, 0, 0, 0, 0); /* no octal */
    assert_int_equal(encode(rig, "LONG", CT_RANGE_REJECT, SET("Count", "0x10")), CT_OK);
    EXPECT(rig, 5, 0, 0, 0, 0, 0, 0, 0);
}

/* Values that look like numbers are numbers: decoding gives them, and a table may give them as texts of others. */
static void test_encode_number_is_not_taken_for_a_text(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Speed", "20")), CT_OK);
    assert_int_equal(rig->data[0], 40);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Speed", "inf")), CT_OK);
    assert_int_equal(rig->data[0] | rig->data[1] << 8, 0xFFFF);
}

static void test_encode_clamp_takes_the_ends_of_range_and_width(void **state)
{
    struct rig *rig = *state;
    const int err = encode(rig, "PLAIN", CT_RANGE_CLAMP, SET("Speed", "1000", "Temp", "-300", "Wide", "1e12"));
    assert_int_equal(err, CT_OK);
    /* 400 / 0.5 = 800 = 0x320; -100 + 40 = -60 = 0xC4; 32 bits full */
    EXPECT(rig, 0x20, 0x03, 0xC4, 0, 0xFF, 0xFF, 0xFF, 0xFF);
}

static void test_encode_width_alone_lets_the_range_be(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_WIDTH, SET("Speed", "401")), CT_OK);
    assert_int_equal(rig->data[0] | rig->data[1] << 8, 802);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_WIDTH, SET("Speed", "32768")), CT_ERR_RANGE);
    assert_non_null(strstr(rig->problem, "does not fit into 16 bits"));
}

static void test_encode_raw_is_held_against_the_width_only(void **state)
{
    struct rig *rig = *state;
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, "PLAIN");
    struct ct_encode_set set = {.signal = "Gear", .kind = CT_SET_RAW, .raw = 7};
    assert_int_equal(ct_encode_message(plan, &set, 1, CT_RANGE_REJECT, rig->data, 8, rig->problem, 256), CT_OK);
    assert_int_equal(rig->data[3], 7);
    set.raw = 8;
    assert_int_equal(ct_encode_message(plan, &set, 1, CT_RANGE_REJECT, rig->data, 8, rig->problem, 256), CT_ERR_RANGE);
}

static void test_encode_number_is_a_physical_value(void **state)
{
    struct rig *rig = *state;
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, "PLAIN");
    const struct ct_encode_set set = {.signal = "Temp", .kind = CT_SET_PHYSICAL, .number = 20};
    assert_int_equal(ct_encode_message(plan, &set, 1, CT_RANGE_REJECT, rig->data, 8, rig->problem, 256), CT_OK);
    assert_int_equal(rig->data[2], 60);
}

static void test_encode_branch_signal_sets_all_selectors_above(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "TREE", CT_RANGE_REJECT, SET("Deep", "7")), CT_OK);
    EXPECT(rig, 0x52, 0, 7, 9, 0, 0, 0, 0); /* Top 2, Sub 5; Low's start value: its branch was chosen */
}

static void test_encode_selector_takes_a_value_that_lets_all_in(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "TREE", CT_RANGE_REJECT, SET("Pair", "1", "Both", "2")), CT_OK);
    EXPECT(rig, 5, 0, 0, 0, 1, 2, 0, 0); /* 3-6 and 5-7 */
}

static void test_encode_signals_of_two_branches_are_refused_with_both_names(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "TREE", CT_RANGE_REJECT, SET("One", "1", "Low", "2")), CT_ERR_ARGUMENT);
    assert_string_equal(rig->problem, "Low and One do not go together: they need different values of Top");
    assert_int_equal(encode(rig, "TREE", CT_RANGE_REJECT, SET("One", "1", "Deep", "2")), CT_ERR_ARGUMENT);
    assert_string_equal(rig->problem, "Deep and One do not go together: they need different values of Top");
}

static void test_encode_selector_against_its_branch_is_refused_with_both_names(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "TREE", CT_RANGE_REJECT, SET("One", "1", "Top", "2")), CT_ERR_ARGUMENT);
    assert_string_equal(rig->problem, "One and Top do not go together: One is not in the frame when Top is 2");
}

static void test_encode_what_cannot_be_is_refused(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Spede", "1")), CT_ERR_NOT_FOUND);
    assert_string_equal(rig->problem, "message PLAIN has no signal 'Spede'");
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "Fifth")), CT_ERR_SYNTAX);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_CLAMP, SET("Speed", "nan")), CT_ERR_RANGE);
    assert_int_equal(encode(rig, "PLAIN", CT_RANGE_REJECT, SET("Gear", "1", "Gear", "1")), CT_ERR_EXISTS);
    assert_int_equal(encode(rig, "BLOB", CT_RANGE_REJECT, SET("Vin", "0102")), CT_ERR_SYNTAX);
    assert_string_equal(rig->problem, "Vin: expected 32 hex digits");
}

static void test_encode_blob_takes_hex(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(encode(rig, "BLOB", CT_RANGE_REJECT, SET("Vin", "0x000102030405060708090a0b0c0d0e0f")), CT_OK);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(rig->data[i], i);
    }
}

/* The bits of a signal, read back whether it is active or not. */
static void test_raw_of_a_signal_is_what_stands_in_the_frame(void **state)
{
    struct rig *rig = *state;
    int64_t raw = 0;
    const uint8_t data[8] = {0x34, 0x12, 0x80};
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, "PLAIN");
    assert_int_equal(ct_codec_raw(plan, 0, data, 8, &raw), CT_OK);
    assert_int_equal(raw, 0x1234);
    assert_int_equal(ct_codec_raw(plan, 1, data, 8, &raw), CT_OK);
    assert_int_equal(raw, -128);
    assert_int_equal(ct_codec_raw(plan, 1, data, 2, &raw), CT_ERR_TRUNCATED);
    assert_int_equal(ct_codec_raw(ct_codec_by_name(rig->codec, "BLOB"), 0, data, 16, &raw), CT_ERR_ARGUMENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_encode_values_texts_and_start_values_lie_where_the_model_says),
        CASE(test_encode_value_outside_its_range_is_refused),
        CASE(test_encode_range_holds_for_signals_without_a_scale),
        CASE(test_encode_whole_numbers_are_exact_beyond_doubles),
        CASE(test_encode_number_is_not_taken_for_a_text),
        CASE(test_encode_clamp_takes_the_ends_of_range_and_width),
        CASE(test_encode_width_alone_lets_the_range_be),
        CASE(test_encode_raw_is_held_against_the_width_only),
        CASE(test_encode_number_is_a_physical_value),
        CASE(test_encode_branch_signal_sets_all_selectors_above),
        CASE(test_encode_selector_takes_a_value_that_lets_all_in),
        CASE(test_encode_signals_of_two_branches_are_refused_with_both_names),
        CASE(test_encode_selector_against_its_branch_is_refused_with_both_names),
        CASE(test_encode_what_cannot_be_is_refused),
        CASE(test_encode_blob_takes_hex),
        CASE(test_raw_of_a_signal_is_what_stands_in_the_frame),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
