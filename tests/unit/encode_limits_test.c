/* Encoding at the limits: numbers as texts, the ends of widths, floats, frames that are too short, deep multiplexers.
 * Expected bytes are laid out by hand from the SG_ lines; float patterns are those of IEEE 754. */
#include "encode.h"
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "BU_: A B\n"
                           "BO_ 1 INT: 32 A\n"
                           " SG_ S8 : 0|8@1- (1,0) [0|0] \"\" B\n"
                           " SG_ U8 : 8|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Falling : 16|8@1+ (-1,100) [0|0] \"\" B\n"
                           " SG_ Ranged : 24|8@1+ (1,0) [10|200] \"\" B\n"
                           " SG_ S64 : 64|64@1- (1,0) [0|0] \"\" B\n"
                           " SG_ U64 : 128|64@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Shifted : 32|8@1+ (1,5) [0|0] \"\" B\n"
                           " SG_ Fixed : 40|8@1+ (0,3) [0|0] \"\" B\n"
                           "BO_ 2 FLOAT: 16 A\n"
                           " SG_ F16 : 0|16@1- (1,0) [0|0] \"\" B\n"
                           " SG_ F32 : 16|32@1- (1,0) [0|0] \"\" B\n"
                           " SG_ F64 : 64|64@1- (1,0) [0|0] \"\" B\n"
                           "BO_ 3 MUX: 8 A\n"
                           " SG_ Top M : 56|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Low m1 : 0|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Off m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Same m1 : 16|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Same m2 : 24|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Single m1 : 16|32@1- (1,0) [0|0] \"\" B\n"
                           "BO_ 4 BLOBS: 64 A\n"
                           " SG_ Odd : 0|68@1+ (1,0) [0|0] \"\" B\n"
                           "BO_ 5 HUGE: 100 A\n"
                           " SG_ All : 0|800@1+ (1,0) [0|0] \"\" B\n"
                           "BO_ 6 START: 16 A\n"
                           " SG_ Fits : 0|8@1- (1,0) [0|0] \"\" B\n"
                           " SG_ Over : 8|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Far : 16|8@1+ (1,0) [0|0] \"\" B\n"
                           " SG_ Begin : 32|32@1- (1,0) [0|0] \"\" B\n"
                           " SG_ Bytes : 64|64@1+ (1,0) [0|0] \"\" B\n"
                           "SIG_VALTYPE_ 2 F16 : 1;\n"
                           "SIG_VALTYPE_ 2 F32 : 1;\n"
                           "SIG_VALTYPE_ 2 F64 : 2;\n"
                           "SIG_VALTYPE_ 3 Single : 1;\n"
                           "SIG_VALTYPE_ 6 Begin : 1;\n"
                           "VAL_ 1 Ranged 255 \"not available\" ;\n"
                           "BA_DEF_ SG_ \"GenSigStartValue\" FLOAT -1e300 1e300;\n"
                           "BA_ \"GenSigStartValue\" SG_ 3 Low 300;\n"
                           "BA_ \"GenSigStartValue\" SG_ 3 Off 7;\n"
                           "BA_ \"GenSigStartValue\" SG_ 3 Single 1;\n"
                           "BA_ \"GenSigStartValue\" SG_ 6 Fits -2;\n"
                           "BA_ \"GenSigStartValue\" SG_ 6 Over 256;\n"
                           "BA_ \"GenSigStartValue\" SG_ 6 Far 1e30;\n"
                           "BA_ \"GenSigStartValue\" SG_ 6 Begin 1.5;\n";

struct rig {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    uint8_t data[100];
    char problem[256];
};

static void open_rig(struct rig *rig, const char *dbc)
{
    memset(rig, 0, sizeof *rig);
    assert_int_equal(ct_dbc_parse("e.dbc", dbc, strlen(dbc), NULL, NULL, &rig->dbc), CT_OK);
    assert_int_equal(ct_codec_compile(rig->dbc, &rig->codec), CT_OK);
}

static void close_rig(struct rig *rig)
{
    ct_codec_free(rig->codec);
    ct_dbc_free(rig->dbc);
}

static int setup(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    open_rig(rig, text);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    close_rig(*state);
    free(*state);
    return 0;
}

static int encode_set(struct rig *rig, const char *message, enum ct_range_policy policy, struct ct_encode_set set)
{
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, message);
    return ct_encode_message(plan, &set, 1, policy, rig->data, ct_codec_model(plan)->length, rig->problem,
                             sizeof rig->problem);
}

/* What a text gives: the bytes of its signal as a number, or why not. */
struct row {
    const char *message, *signal;
    enum ct_set_kind kind;
    enum ct_range_policy policy;
    const char *text;
    size_t at, size; /* bytes of the signal */
    int err;
    uint64_t bytes;
};

static const struct row rows[] = {
    /* raw integers: decimal or 0x, whole, and no more than 64 bits */
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "0x1f", 1, 1, CT_OK, 0x1F},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "010", 1, 1, CT_OK, 10}, /* not octal */
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "+7", 1, 1, CT_OK, 7},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-0", 1, 1, CT_OK, 0},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "", 1, 1, CT_ERR_SYNTAX, 0},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "5x", 1, 1, CT_ERR_SYNTAX, 0},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-5", 1, 1, CT_ERR_SYNTAX, 0},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, " -5", 1, 1, CT_ERR_SYNTAX, 0},
    {"INT", "U64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-5", 16, 8, CT_ERR_SYNTAX, 0},
    {"INT", "U64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "18446744073709551615", 16, 8, CT_OK, UINT64_MAX},
    {"INT", "U64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "18446744073709551616", 16, 8, CT_ERR_SYNTAX, 0},
    {"INT", "S64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-9223372036854775808", 8, 8, CT_OK, UINT64_C(1) << 63},
    {"INT", "S64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "9223372036854775808", 8, 8, CT_ERR_SYNTAX, 0},
    /* the ends of the width */
    {"INT", "S8", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-129", 0, 1, CT_ERR_RANGE, 0},
    {"INT", "S8", CT_SET_RAW_TEXT, CT_RANGE_CLAMP, "-129", 0, 1, CT_OK, 0x80},
    {"INT", "S8", CT_SET_RAW_TEXT, CT_RANGE_CLAMP, "128", 0, 1, CT_OK, 0x7F},
    {"INT", "U8", CT_SET_RAW_TEXT, CT_RANGE_CLAMP, "256", 1, 1, CT_OK, 0xFF},
    /* physical values */
    {"INT", "U8", CT_SET_TEXT, CT_RANGE_CLAMP, "-5", 1, 1, CT_OK, 0},
    {"INT", "U8", CT_SET_TEXT, CT_RANGE_REJECT, "-5", 1, 1, CT_ERR_RANGE, 0},
    {"INT", "U8", CT_SET_TEXT, CT_RANGE_CLAMP, "nan", 1, 1, CT_ERR_RANGE, 0},
    {"INT", "U8", CT_SET_TEXT, CT_RANGE_CLAMP, "inf", 1, 1, CT_OK, 0xFF},
    {"INT", "U8", CT_SET_TEXT, CT_RANGE_CLAMP, "1e30", 1, 1, CT_OK, 0xFF},
    {"INT", "U64", CT_SET_TEXT, CT_RANGE_REJECT, "9223372036854775809", 16, 8, CT_OK, (UINT64_C(1) << 63) + 1},
    {"INT", "U64", CT_SET_TEXT, CT_RANGE_REJECT, "1e19", 16, 8, CT_OK, UINT64_C(10000000000000000000)},
    {"INT", "U64", CT_SET_TEXT, CT_RANGE_REJECT, "1e20", 16, 8, CT_ERR_RANGE, 0},
    {"INT", "S64", CT_SET_TEXT, CT_RANGE_REJECT, "1e19", 8, 8, CT_ERR_RANGE, 0},
    {"INT", "S64", CT_SET_TEXT, CT_RANGE_REJECT, "-1e19", 8, 8, CT_ERR_RANGE, 0},
    {"INT", "S8", CT_SET_TEXT, CT_RANGE_CLAMP, "-1000.5", 0, 1, CT_OK, 0x80},
    {"INT", "S8", CT_SET_TEXT, CT_RANGE_CLAMP, "1000.5", 0, 1, CT_OK, 0x7F},
    {"INT", "Falling", CT_SET_TEXT, CT_RANGE_CLAMP, "101", 2, 1, CT_OK, 0},     /* 100 - raw */
    {"INT", "Falling", CT_SET_TEXT, CT_RANGE_CLAMP, "-200", 2, 1, CT_OK, 0xFF}, /* -155 is the least */
    {"INT", "Shifted", CT_SET_TEXT, CT_RANGE_REJECT, "12", 4, 1, CT_OK, 7},
    {"INT", "Shifted", CT_SET_TEXT, CT_RANGE_REJECT, "12 km", 4, 1, CT_ERR_SYNTAX, 0},
    {"INT", "Shifted", CT_SET_TEXT, CT_RANGE_REJECT, "", 4, 1, CT_ERR_SYNTAX, 0},
    {"INT", "Fixed", CT_SET_TEXT, CT_RANGE_CLAMP, "3", 5, 1, CT_OK, 0},
    {"INT", "Fixed", CT_SET_TEXT, CT_RANGE_CLAMP, "4", 5, 1, CT_ERR_RANGE, 0}, /* factor 0: nothing else */
    /* the range of a signal whose physical value is its integer; a text of the value table stands above it */
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_REJECT, "9", 3, 1, CT_ERR_RANGE, 0},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_REJECT, "201", 3, 1, CT_ERR_RANGE, 0},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_REJECT, "200", 3, 1, CT_OK, 200},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_CLAMP, "9", 3, 1, CT_OK, 10},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_CLAMP, "201", 3, 1, CT_OK, 200},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_WIDTH, "201", 3, 1, CT_OK, 201},
    {"INT", "Ranged", CT_SET_TEXT, CT_RANGE_REJECT, "not available", 3, 1, CT_OK, 255},
    {"INT", "Ranged", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "255", 3, 1, CT_OK, 255},
    /* floats; raw is the pattern */
    {"FLOAT", "F16", CT_SET_TEXT, CT_RANGE_REJECT, "1.5", 0, 2, CT_OK, 0x3E00},
    {"FLOAT", "F16", CT_SET_TEXT, CT_RANGE_REJECT, "nan", 0, 2, CT_OK, 0x7E00},
    {"FLOAT", "F16", CT_SET_TEXT, CT_RANGE_REJECT, "-65520", 0, 2, CT_OK, 0xFC00},
    {"FLOAT", "F32", CT_SET_TEXT, CT_RANGE_REJECT, "-2", 2, 4, CT_OK, 0xC0000000},
    {"FLOAT", "F64", CT_SET_TEXT, CT_RANGE_REJECT, "1.5", 8, 8, CT_OK, UINT64_C(0x3FF8000000000000)},
    {"FLOAT", "F32", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "0xC0000000", 2, 4, CT_OK, 0xC0000000},
    {"FLOAT", "F32", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "0x100000000", 2, 4, CT_ERR_RANGE, 0},
    {"FLOAT", "F64", CT_SET_RAW_TEXT, CT_RANGE_REJECT, "-1", 8, 8, CT_ERR_SYNTAX, 0},
};

static uint64_t little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void test_encode_texts_at_the_limits_give_these_bytes(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const struct ct_encode_set set = {.signal = row->signal, .kind = row->kind, .text = row->text};
        const int err = encode_set(rig, row->message, row->policy, set);
        const uint64_t bytes = err == CT_OK ? little_endian(rig->data + row->at, row->size) : 0;
        if (err != row->err || bytes != row->bytes) {
            fail_msg("%s=%s: %s, bytes %llx", row->signal, row->text, err == CT_OK ? "ok" : rig->problem,
                     (unsigned long long)bytes);
        }
    }
}

static void test_encode_refusals_name_the_signal_and_what_it_holds(void **state)
{
    struct rig *rig = *state;
    const struct ct_encode_set low = {.signal = "S8", .kind = CT_SET_RAW, .raw = -129};
    assert_int_equal(encode_set(rig, "INT", CT_RANGE_REJECT, low), CT_ERR_RANGE);
    assert_string_equal(rig->problem, "S8: the value does not fit into 8 bits with sign; factor 1, offset 0");
    const struct ct_encode_set word = {.signal = "U8", .kind = CT_SET_RAW_TEXT, .text = "many"};
    assert_int_equal(encode_set(rig, "INT", CT_RANGE_REJECT, word), CT_ERR_SYNTAX);
    assert_string_equal(rig->problem,
                        "U8:raw=many: the value is neither a number that fits nor a text of its value table");
}

static void test_encode_signal_outside_a_short_frame_is_refused(void **state)
{
    struct rig *rig = *state;
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, "INT");
    const struct ct_encode_set wide = {.signal = "U64", .kind = CT_SET_RAW, .raw = 1};
    assert_int_equal(ct_encode_message(plan, &wide, 1, CT_RANGE_REJECT, rig->data, 8, rig->problem, 256),
                     CT_ERR_TRUNCATED);
    assert_string_equal(rig->problem, "U64: the signal lies outside the message's bytes");
    plan = ct_codec_by_name(rig->codec, "MUX"); /* its selector is the last byte */
    const struct ct_encode_set low = {.signal = "Low", .kind = CT_SET_RAW, .raw = 1};
    assert_int_equal(ct_encode_message(plan, &low, 1, CT_RANGE_REJECT, rig->data, 7, rig->problem, 256),
                     CT_ERR_TRUNCATED);
    assert_memory_equal(rig->problem, "Top cannot be set: ", 19);
    plan = ct_codec_by_name(rig->codec, "BLOBS");
    const struct ct_encode_set odd = {.signal = "Odd", .kind = CT_SET_TEXT, .text = "0102030405060708ff"};
    assert_int_equal(ct_encode_message(plan, &odd, 1, CT_RANGE_REJECT, rig->data, 8, rig->problem, 256),
                     CT_ERR_TRUNCATED);
}

static void test_encode_blob_that_is_no_hex_of_its_size_is_refused(void **state)
{
    struct rig *rig = *state;
    static const char *const wrong[] = {
        NULL, "", "0x", "0102030405060708zz", "010203040506070809", "01020304050607080900"};
    const int wanted[] = {CT_ERR_SYNTAX, CT_ERR_SYNTAX, CT_ERR_SYNTAX, CT_ERR_SYNTAX, CT_OK, CT_ERR_SYNTAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct ct_encode_set set = {.signal = "Odd", .kind = CT_SET_TEXT, .text = wrong[i]};
        assert_int_equal(encode_set(rig, "BLOBS", CT_RANGE_REJECT, set), wanted[i]);
    }
    /* most significant byte first: of 68 bits it holds four */
    assert_int_equal(
        encode_set(rig, "BLOBS", CT_RANGE_REJECT,
                   (struct ct_encode_set){.signal = "Odd", .kind = CT_SET_TEXT, .text = "110000000000000000"}),
        CT_ERR_RANGE);
    assert_int_equal(encode_set(rig, "HUGE", CT_RANGE_REJECT,
                                (struct ct_encode_set){.signal = "All", .kind = CT_SET_TEXT, .text = "00"}),
                     CT_ERR_SYNTAX);
}

static void test_encode_start_values_that_do_not_fit_count_as_none(void **state)
{
    struct rig *rig = *state;
    const struct ct_encode_set set = {.signal = "Bytes", .kind = CT_SET_RAW, .raw = 1};
    assert_int_equal(encode_set(rig, "START", CT_RANGE_REJECT, set), CT_OK);
    /* Fits -2; Over 256 and Far 1e30 do not fit; Begin is 1.5f = 0x3FC00000 */
    assert_memory_equal(rig->data, ((const uint8_t[16]){0xFE, 0, 0, 0, 0, 0, 0xC0, 0x3F, 1}), 16);
    const struct ct_encode_set top = {.signal = "Top", .kind = CT_SET_RAW, .raw = 1};
    assert_int_equal(encode_set(rig, "MUX", CT_RANGE_REJECT, top), CT_OK);
    /* Low's 300 does not fit and does not keep Off's 7 out; a float has no start value in a branch */
    assert_memory_equal(rig->data, ((const uint8_t[8]){0, 7, 0, 0, 0, 0, 0, 1}), 8);
}

static void test_encode_name_in_two_branches_means_the_first_while_none_is_chosen(void **state)
{
    struct rig *rig = *state;
    const struct ct_encode_set same = {.signal = "Same", .kind = CT_SET_RAW, .raw = 9};
    assert_int_equal(encode_set(rig, "MUX", CT_RANGE_REJECT, same), CT_OK);
    assert_int_equal(rig->data[7], 1);
    assert_int_equal(rig->data[2], 9);
}

/* Levels of multiplexers, one bit each, every one switched on by the one before. */
static char *nested_text(unsigned levels)
{
    const size_t room = (size_t)levels * 120 + 200;
    char *dbc = malloc(room);
    assert_non_null(dbc);
    size_t len = (size_t)snprintf(dbc, room, "BU_: A B\nBO_ 1 DEEP: 64 A\n SG_ L0 M : 0|1@1+ (1,0) [0|0] \"\" B\n");
    for (unsigned i = 1; i < levels; i++) {
        len += (size_t)snprintf(dbc + len, room - len, " SG_ L%u m1M : %u|1@1+ (1,0) [0|0] \"\" B\n", i, i);
    }
    for (unsigned i = 1; i < levels; i++) {
        len += (size_t)snprintf(dbc + len, room - len, "SG_MUL_VAL_ 1 L%u L%u 1-1;\n", i, i - 1);
    }
    return dbc;
}

static void test_encode_nested_multiplexers_up_to_64_then_refused(void **state)
{
    (void)state;
    for (unsigned depth = 64; depth <= 66; depth++) {
        char name[8];
        char *dbc = nested_text(depth + 1);
        struct rig rig;
        open_rig(&rig, dbc);
        (void)snprintf(name, sizeof name, "L%u", depth);
        const struct ct_encode_set set = {.signal = name, .kind = CT_SET_RAW, .raw = 1};
        assert_int_equal(encode_set(&rig, "DEEP", CT_RANGE_REJECT, set), depth <= 64 ? CT_OK : CT_ERR_TOO_LARGE);
        if (depth <= 64) {
            assert_int_equal(little_endian(rig.data, 8), UINT64_MAX);
            assert_int_equal(rig.data[8], 1);
        } else {
            assert_non_null(strstr(rig.problem, "more than 64 nested multiplexers"));
        }
        close_rig(&rig);
        free(dbc);
    }
}

static void test_raw_of_wide_and_float_signals_is_the_pattern(void **state)
{
    struct rig *rig = *state;
    int64_t raw = 0;
    uint8_t data[32];
    memset(data, 0xFF, sizeof data);
    const struct ct_codec_message *plan = ct_codec_by_name(rig->codec, "INT");
    assert_int_equal(ct_codec_raw(plan, 4, data, 32, &raw), CT_OK); /* S64 */
    assert_true(raw == -1);
    plan = ct_codec_by_name(rig->codec, "FLOAT");
    assert_int_equal(ct_codec_raw(plan, 1, data, 16, &raw), CT_OK);
    assert_true(raw == UINT32_MAX);
    assert_int_equal(ct_codec_raw(plan, 99, data, 16, &raw), CT_ERR_ARGUMENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_encode_texts_at_the_limits_give_these_bytes),
        CASE(test_encode_refusals_name_the_signal_and_what_it_holds),
        CASE(test_encode_signal_outside_a_short_frame_is_refused),
        CASE(test_encode_blob_that_is_no_hex_of_its_size_is_refused),
        CASE(test_encode_start_values_that_do_not_fit_count_as_none),
        CASE(test_encode_name_in_two_branches_means_the_first_while_none_is_chosen),
        cmocka_unit_test(test_encode_nested_multiplexers_up_to_64_then_refused),
        CASE(test_raw_of_wide_and_float_signals_is_the_pattern),
    };
    return cmocka_run_group_tests_name("encode_limits", tests, NULL, NULL);
}
