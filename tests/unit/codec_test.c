/* The codec beyond the oracle: encode as the inverse of decode, bounds, look-up by parameter group, blobs, floats. */
#include "codec.h"
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
};

static struct fixture compile(const char *text)
{
    struct fixture f = {NULL, NULL};
    assert_int_equal(ct_dbc_parse("t.dbc", text, strlen(text), NULL, NULL, &f.dbc), CT_OK);
    assert_int_equal(ct_codec_compile(f.dbc, &f.codec), CT_OK);
    return f;
}

static void release(struct fixture *f)
{
    ct_codec_free(f->codec);
    ct_dbc_free(f->dbc);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13; /* xorshift64, Marsaglia 2003 */
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Bit k of the raw value by the definition alone: Intel counts up from the start bit, Motorola down the sawtooth. */
static uint64_t raw_by_bits(const struct ct_dbc_signal *signal, const uint8_t *data)
{
    uint64_t raw = 0;
    unsigned position = signal->start_bit;
    for (unsigned i = 0; i < signal->length; i++) {
        const uint64_t bit = (unsigned)data[position / 8] >> (position % 8) & 1U;
        if (!signal->big_endian) {
            raw |= bit << i;
            position++;
        } else {
            raw = raw << 1 | bit;
            position = position % 8 == 0 ? position + 15 : position - 1;
        }
    }
    return raw;
}

/* Every layout that fits 12 bytes: start bit, length, order, sign. */
static void test_codec_every_layout_equals_bit_by_bit_and_round_trips(void **state)
{
    (void)state;
    enum { BYTES = 12 };
    uint64_t random = 88172645463325252U;
    for (unsigned start = 0; start < 8U * BYTES; start++) {
        for (unsigned length = 1; length <= 64; length++) {
            for (unsigned form = 0; form < 4; form++) {
                char text[160];
                (void)snprintf(text, sizeof text, "BO_ 1 M: %d A\n SG_ S : %u|%u@%u%c (1,0) [0|0] \"\" B\n", BYTES,
                               start, length, form & 1U, (form & 2U) != 0 ? '-' : '+');
                struct fixture f = compile(text);
                const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
                const struct ct_dbc_signal *signal = &ct_codec_model(message)->signals[0];
                uint8_t *data = malloc(BYTES);
                uint8_t *copy = malloc(BYTES);
                assert_true(data != NULL && copy != NULL);
                for (size_t i = 0; i < BYTES; i++) {
                    data[i] = (uint8_t)next_random(&random);
                    copy[i] = (uint8_t)~data[i];
                }
                struct ct_decoded value;
                const size_t count = ct_codec_decode(message, data, BYTES, &value);
                assert_int_equal(count, signal->outside ? 0 : 1);
                if (count == 1) {
                    uint64_t want = raw_by_bits(signal, data);
                    if (signal->is_signed && length < 64 && (want >> (length - 1) & 1U) != 0) {
                        want |= UINT64_MAX << length;
                    }
                    assert_true((uint64_t)value.raw == want);
                    /* encoding changes the signal's bits and no others */
                    const struct ct_encode_value encode = {.signal = 0, .raw = value.raw};
                    assert_int_equal(ct_codec_encode(message, &encode, copy, BYTES), CT_OK);
                    struct ct_decoded back;
                    assert_int_equal(ct_codec_decode(message, copy, BYTES, &back), 1);
                    assert_true(back.raw == value.raw);
                    unsigned changed = 0;
                    for (size_t i = 0; i < BYTES; i++) {
                        changed += (unsigned)__builtin_popcount((unsigned)(uint8_t)(copy[i] ^ (uint8_t)~data[i]));
                    }
                    assert_int_equal(changed, length);
                }
                free(data);
                free(copy);
                release(&f);
            }
        }
    }
}

static const char mixed[] = "BO_ 1 M: 8 A\n"
                            " SG_ Sel M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                            " SG_ A m1 : 8|12@1- (0.5,-10) [0|0] \"\" B\n"
                            " SG_ B m2 : 15|16@0+ (2,3) [0|0] \"\" B\n"
                            " SG_ Tail : 63|16@0+ (1,0) [0|0] \"\" B\n" /* one byte beyond the message */
                            " SG_ C : 48|8@1+ (0,5) [0|0] \"\" B\n";

static void test_codec_short_frames_give_what_lies_inside(void **state)
{
    (void)state;
    struct fixture f = compile(mixed);
    const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
    static const size_t want[] = {0, 1, 1, 2, 2, 2, 2, 3, 3, 4};
    for (size_t len = 0; len < sizeof want / sizeof want[0]; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memset(exact, 1, len);
        struct ct_decoded values[5];
        assert_int_equal(ct_codec_decode(message, exact, len, values), want[len]);
        free(exact);
    }
    release(&f);
}

static void test_codec_encode_physical_rounds_and_refuses(void **state)
{
    (void)state;
    struct fixture f = compile(mixed);
    const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
    static const struct {
        uint16_t signal;
        double value;
        int err;
        int64_t raw;
    } rows[] = {
        {1, -10, CT_OK, 0},
        {1, 0.2, CT_OK, 20},
        {1, 1013.5, CT_OK, 2047},
        {1, -1034, CT_OK, -2048},
        {1, 1014, CT_ERR_RANGE, 0},
        {1, -1034.5, CT_ERR_RANGE, 0},
        {2, 131073, CT_OK, 65535},
        {2, 131075, CT_ERR_RANGE, 0},
        {2, 1, CT_ERR_RANGE, 0},
        {3, 5, CT_ERR_TRUNCATED, 0},
        {4, 5, CT_OK, 0},
        {4, 6, CT_ERR_RANGE, 0},
        {9, 1, CT_ERR_ARGUMENT, 0},
        {2, (double)NAN, CT_ERR_RANGE, 0},
        {1, (double)INFINITY, CT_ERR_RANGE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[8] = {rows[i].signal == 1 ? 1 : 2};
        const struct ct_encode_value encode = {.signal = rows[i].signal, .physical = true, .value = rows[i].value};
        assert_int_equal(ct_codec_encode(message, &encode, data, sizeof data), rows[i].err);
        struct ct_decoded values[5];
        const size_t count = ct_codec_decode(message, data, sizeof data, values);
        for (size_t k = 0; k < count && rows[i].err == CT_OK; k++) {
            if (values[k].signal == rows[i].signal) {
                assert_int_equal(values[k].raw, rows[i].raw);
            }
        }
    }
    const struct ct_encode_value too_wide = {.signal = 0, .raw = 256};
    const struct ct_encode_value negative = {.signal = 0, .raw = -1};
    uint8_t data[8] = {0};
    assert_int_equal(ct_codec_encode(message, &too_wide, data, sizeof data), CT_ERR_RANGE);
    assert_int_equal(ct_codec_encode(message, &negative, data, sizeof data), CT_ERR_RANGE);
    release(&f);
}

static void test_codec_find_exact_then_source_then_group(void **state)
{
    (void)state;
    /* 0x18FEF1FE any source, 0x0CF00400 and 0x0CF00401 two engines, 0x18EAFFFE PDU1; SAE J1939-21 5.1.2 */
    struct fixture f = compile("BO_ 2566844926 Speed: 8 A\nBO_ 2364539904 Engine0: 8 A\nBO_ 2364539905 Engine1: 8 A\n"
                               "BO_ 2565537790 Request: 8 A\nBO_ 256 Std: 8 A\nBO_ 2147483904 Ext: 8 A\n"
                               "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"r\",\"J1939PG\";\n"
                               "BA_DEF_DEF_ \"VFrameFormat\" \"J1939PG\";\n"
                               "BA_ \"VFrameFormat\" BO_ 2147483904 1;\n");
    static const struct {
        uint32_t id;
        bool extended;
        const char *name;
    } rows[] = {
        {0x18FEF1FE, true, "Speed"},   {0x18FEF100, true, "Speed"},   {0x0CFEF121, true, "Speed"},
        {0x0CF00400, true, "Engine0"}, {0x18F00401, true, "Engine1"}, {0x18F00455, true, "Engine0"},
        {0x18EA2133, true, "Request"}, {0x18EB2133, true, NULL},      {0x19FEF100, true, NULL},
        {0x100, false, "Std"},         {0x100, true, "Ext"},          {0x101, true, NULL},
        {0x101, false, NULL},          {0x18FEF100, false, NULL},     {0x7FF, false, NULL},
    };
    uint32_t keys[sizeof rows / sizeof rows[0] + 1];
    const size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++) {
        keys[i] = rows[i].id | (rows[i].extended ? CT_CODEC_KEY_EXTENDED : 0);
        const struct ct_codec_message *message = ct_codec_find(f.codec, rows[i].id, rows[i].extended);
        if (rows[i].name == NULL) {
            assert_null(message);
        } else {
            assert_non_null(message);
            assert_string_equal(ct_codec_model(message)->name, rows[i].name);
        }
    }

    /* then a batch holds the known ones, in their order; an id beyond 11 bits is unknown, not read past the table */
    keys[count] = 0x7FFFFFFF;
    const struct ct_codec_message *messages[sizeof keys / sizeof keys[0]];
    uint8_t which[sizeof keys / sizeof keys[0]];
    const size_t known = ct_codec_find_batch(f.codec, keys, count + 1, messages, which);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name != NULL) {
            assert_true(at < known);
            assert_int_equal(which[at], i);
            assert_string_equal(ct_codec_model(messages[at])->name, rows[i].name);
            at++;
        }
    }
    assert_int_equal(at, known);
    assert_int_equal(ct_codec_find_batch(f.codec, keys, 0, messages, which), 0);
    release(&f);
}

static void test_codec_blob_both_byte_orders(void **state)
{
    (void)state;
    struct fixture f = compile("BO_ 1 Vin: 20 A\n SG_ V : 23|136@0+ (1,0) [0|0] \"\" B\n"
                               "BO_ 2 Text: 12 A\n SG_ T : 4|68@1+ (1,0) [0|0] \"\" B\n");
    /* Motorola from byte 2 on: the bytes as they stand, as a VIN is written */
    const struct ct_codec_message *vin = ct_codec_find(f.codec, 1, false);
    uint8_t data[20] = {0};
    memcpy(data + 2, "WVWZZZ1JZXW000001", 17);
    uint8_t out[17];
    assert_int_equal(ct_codec_blob(vin, 0, data, sizeof data, out, sizeof out), CT_OK);
    assert_memory_equal(out, "WVWZZZ1JZXW000001", 17);
    assert_int_equal(ct_codec_blob(vin, 0, data, 18, out, sizeof out), CT_ERR_TRUNCATED);
    assert_int_equal(ct_codec_blob(vin, 0, data, sizeof data, out, 16), CT_ERR_TOO_LARGE);
    uint8_t written[20] = {0};
    assert_int_equal(ct_codec_encode_blob(vin, 0, out, 17, written, sizeof written), CT_OK);
    assert_memory_equal(written, data, sizeof data);
    /* Intel from bit 4: 68 bits, least significant first */
    const struct ct_codec_message *text = ct_codec_find(f.codec, 2, false);
    const uint8_t intel[12] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0x0F};
    assert_int_equal(ct_codec_blob(text, 0, intel, sizeof intel, out, sizeof out), CT_OK);
    assert_memory_equal(out, "\x00\xFF\xED\xCB\xA9\x87\x65\x43\x21", 9);
    out[0] = 0x10; /* a bit that 68 do not hold */
    assert_int_equal(ct_codec_encode_blob(text, 0, out, 9, written, 12), CT_ERR_RANGE);
    struct ct_decoded value;
    assert_int_equal(ct_codec_decode(text, intel, sizeof intel, &value), 1);
    assert_int_equal(value.raw, 0);
    release(&f);
}

static void test_codec_half_floats_by_ieee_754(void **state)
{
    (void)state;
    struct fixture f = compile("BO_ 1 M: 2 A\n SG_ H : 0|16@1- (1,0) [0|0] \"\" B\nSIG_VALTYPE_ 1 H : 1;\n");
    const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
    static const struct {
        unsigned bits;
        double value;
    } rows[] = {
        {0x3C00, 1},
        {0xC000, -2},
        {0x7BFF, 65504},
        {0x0400, 0x1p-14},
        {0x0001, 0x1p-24},
        {0x03FF, 0x1.FF8p-15},
        {0x3555, 0x1.554p-2},
        {0x7C00, (double)INFINITY},
        {0xFC00, -(double)INFINITY},
        {0x0000, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t data[2] = {(uint8_t)rows[i].bits, (uint8_t)(rows[i].bits >> 8)};
        struct ct_decoded value;
        assert_int_equal(ct_codec_decode(message, data, 2, &value), 1);
        assert_true(value.value == rows[i].value);
        const struct ct_encode_value encode = {.signal = 0, .physical = true, .value = rows[i].value};
        uint8_t back[2] = {0};
        assert_int_equal(ct_codec_encode(message, &encode, back, 2), CT_OK);
        assert_memory_equal(back, data, 2);
    }
    release(&f);
}

static void test_codec_exact_integers_beyond_doubles(void **state)
{
    (void)state;
    struct fixture f =
        compile("BO_ 1 M: 8 A\n SG_ S : 0|64@1- (1,1) [0|0] \"\" B\n SG_ H : 0|8@1+ (0.5,0) [0|0] \"\" B\n");
    const struct ct_dbc_signal *signals = f.dbc->messages[0].signals;
    int64_t value = 0;
    assert_true(ct_codec_exact(&signals[0], INT64_C(9007199254740993), &value));
    assert_true(value == INT64_C(9007199254740994));
    assert_false(ct_codec_exact(&signals[0], INT64_MAX, &value));
    assert_false(ct_codec_exact(&signals[1], 2, &value));
    release(&f);
}

static void test_codec_defaults_are_start_values_of_what_is_always_there(void **state)
{
    (void)state;
    struct fixture f = compile("BO_ 1 M: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                               " SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n SG_ T : 16|8@1- (1,0) [0|0] \"\" B\n"
                               "BA_ \"GenSigStartValue\" SG_ 1 X 2;\nBA_ \"GenSigStartValue\" SG_ 1 S 3;\n"
                               "BA_ \"GenSigStartValue\" SG_ 1 T -4;\n");
    uint8_t data[8];
    memset(data, 0xAA, sizeof data);
    ct_codec_defaults(ct_codec_find(f.codec, 1, false), data, sizeof data);
    assert_memory_equal(data, "\x02\x00\xFC\x00\x00\x00\x00\x00", 8);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_every_layout_equals_bit_by_bit_and_round_trips),
        cmocka_unit_test(test_codec_short_frames_give_what_lies_inside),
        cmocka_unit_test(test_codec_encode_physical_rounds_and_refuses),
        cmocka_unit_test(test_codec_find_exact_then_source_then_group),
        cmocka_unit_test(test_codec_blob_both_byte_orders),
        cmocka_unit_test(test_codec_half_floats_by_ieee_754),
        cmocka_unit_test(test_codec_exact_integers_beyond_doubles),
        cmocka_unit_test(test_codec_defaults_are_start_values_of_what_is_always_there),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
