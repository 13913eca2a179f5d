/* Manufacturers' counters and checksums: recorded frames where they are published, else frames summed by hand in the
 * comment; every wrong bit found, every scheme filling what it accepts. */
#include "protect_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECKSUM_LAST "SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] \"\" B\n"
#define CHECKSUM_0    "SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" B\n"
#define COUNTER_1     "SG_ COUNTER : 8|4@1+ (1,0) [0|15] \"\" B\n"
#define MQB           CHECKSUM_0 COUNTER_1
#define HONDA_5       "SG_ CHECKSUM : 35|4@0+ (1,0) [0|15] \"\" B\n SG_ COUNTER : 37|2@0+ (1,0) [0|3] \"\" B\n"

static enum ct_protect_status check_fresh(const struct rig *rig, const uint8_t *data, size_t len)
{
    struct ct_protect_state state = {0};
    return ct_protect_check(rig->rule, &state, rig->id, data, len);
}

/* ---- Volkswagen MQB: frames recorded in cars, published as test vectors of opendbc (test_checksums.py) */

struct recording {
    uint32_t id;
    const char *name;
    const char *frames[16]; /* by counter */
};

static const struct recording recordings[] = {
    {0x86,
     "LWI_01",
     {"6b00bd0000000000", "ee010a0000000000", "d802a90000000000", "0303bea212000000", "7b04312003000000",
      "8b05e28509000000", "6306132100000000", "6607050000000000", "49080d0000000000", "5f097e6001000000",
      "af0a722000000000", "590b1b0000000000", "a80c060000000000", "bc0d722000000000", "f90e0f0000000000",
      "600f62c000000000"}},
    {0x9F,
     "LH_EPS_03",
     {"11302e00051c8030", "5b318e0305530030", "cb32d30605730030", "f233280005260030", "0b344400055b8030",
      "ed35800003340030", "f0368800053d8030", "9e37440305410030", "6838060105188030", "8739510005118030",
      "8c3a290005ac0030", "083bbd00058e0030", "d43c190005058030", "293d5400055b0030", "a13e490103048030",
      "e23f0500050a0030"}},
    {0xAD,
     "Getriebe_11",
     {"f8e0bfff5f202020", "b0e1bfffc6982180", "d2e2bfff5f202020", "00e3bfffaa202010", "f1e4bfff5f202020",
      "c4e5bfff5f202020", "dae6bfff5f202020", "85e7bfff5f202020", "12e8bfff5f202020", "45e9bfffaa202010",
      "03eabfffcc202010", "fcebbfff5f202120", "feecbfffad202010", "bdedbfffaa202010", "67eebfffaa202010",
      "36efbfffaa202010"}},
    {0xFD,
     "ESP_21",
     {"66d01f8045050000", "87d11f8052050000", "cdd21f8050060000", "fdd31f8035020000", "fad41f8022050000",
      "fdd51f8084040000", "2ed61f80f0030000", "9fd71f8000000000", "1ed81f80b3030000", "61d91f806d050000",
      "44da1f8047020000", "86db1f803a020000", "39dc1f80cb010000", "19dd1f8000000000", "8cde1f80ba040000",
      "fbdf1f8046000000"}},
    {0x106,
     "ESP_05",
     {"908064000000e710", "f48164000000e710", "908263000000e810", "a08363000000e610", "e78463000000e810",
      "2e8578040000ea30", "7b8663000000e610", "718779040000d030", "508879040000ea30", "818964000000e110",
      "6a8a68000004d010", "178b6a040000e610", "c78c63000000d110", "538d64040000e210", "248e63000000e710",
      "3f8f82040000e630"}},
    {0x117,
     "ACC_10",
     {"9b000040680000ff", "ff010040680000ff", "53020040680000ff", "37030040680000ff", "24040040680000ff",
      "40050040680000ff", "ec060040680000ff", "88070040680000ff", "ca080040680000ff", "ae090040680000ff",
      "020a0040680000ff", "660b0040680000ff", "750c0040680000ff", "110d0040680000ff", "bd0e0040680000ff",
      "d90f0040680000ff"}},
    {0x120,
     "TSK_06",
     {"c10000020008ff21", "340100020008ff21", "cc0200020008ff21", "1e0300020008ff21", "480400020008ff21",
      "4a0500020008ff21", "a50600020008ff21", "a70700020008ff21", "fe0800020008ff21", "a80900020008ff21",
      "730a00020008ff21", "df0b00020008ff21", "050c00020008ff21", "b50d00020008ff21", "de0e00020008ff21",
      "0b0f00020008ff21"}},
    {0x121,
     "Motor_20",
     {"b90000c039467efe", "853120001a467efe", "c71200401a467efe", "5393000019467efe", "a43400801a467efe",
      "0e55206018467efe", "3f0600c0374c7efe", "0c07004039467efe", "2a0800003a467efe", "7f4920801a467efe",
      "2f0a00c039467efe", "70bb000017467efe", "060c000039467efe", "4b9d20e0164c7efe", "73fe004016467efe",
      "af0f2080394c7efe"}},
    {0x122,
     "ACC_06",
     {"148000fe07000018", "9f8100fe07000018", "0a8200fe07000028", "408300fe07000018", "2d8400fe07000028",
      "db8500fe07000018", "4d8600fe07000028", "358700fe07000018", "238800fe07000028", "4a8900fe07000028",
      "e18a00fe07000028", "308b00fe07000028", "608c00fe07000028", "0d8d00fe07000018", "8c8e00fe07000018",
      "6f8f00fe07000028"}},
    {0x126,
     "HCA_01",
     {"00300dc005fe0700", "3e3154c005fe0700", "a732bb4005fe0700", "963329c005fe0700", "5f34000003fe0700",
      "3b35ae4005fe0700", "c7367a4005fe0700", "6f37764005fe0700", "b138000003fe0700", "d539000003fe0700",
      "ba3a69c005fe0700", "653b104005fe0700", "493c72c005fe0700", "c63ddf4005fe0700", "1d3e2cc105fe0700",
      "9b3f204005fe0700"}},
    {0x12B,
     "GRA_ACC_01",
     {"8640802a00000000", "f441802a00000000", "5042802a00000000", "0843802a00000000", "8844802a00000000",
      "2d45802a00000000", "3446802a00000000", "1147802a00000000", "c448802a00000000", "cc49802a00000000",
      "dc4a802a00000000", "794b802a00000000", "3c4c802a00000000", "684d802a00000000", "274e802a00000000",
      "0d4f802a00000000"}},
    {0x12E,
     "ACC_07",
     {"ace07f00fe00c0ff", "a2e17f00fe00c0ff", "6be27f00fe00c0ff", "f2e37f00fe00c0ff", "d5e47f00fe00c0ff",
      "35e57f00fe00c0ff", "7fe67f00fe00c0ff", "6ce77f00fe00c0ff", "05e87f00fe00c0ff", "79e97f00fe00c0ff",
      "25ea7f00fe00c0ff", "d1eb7f00fe00c0ff", "72ec7f00fe00c0ff", "58ed7f00fe00c0ff", "82ee7f00fe00c0ff",
      "85ef7f00fe00c0ff"}},
    {0x187,
     "Motor_EV_01",
     {"70801500000000f0", "07811500000000f0", "7a821500000000f0", "26831500000000f0", "be841500000000f0",
      "5a851500000000f0", "fc861500000000f0", "9e871500000000f0", "af881500000000f0", "35891500000000f0",
      "c58a1500000000f0", "118b1500000000f0", "d08c1500000000f0", "e88d1500000000f0", "f58e1500000000f0",
      "008f1500000000f0"}},
    {0x30C,
     "ACC_02",
     {"82f03f0040300040", "e6f13f0040300040", "4af23f0040300040", "2ef33f0040300040", "3df43f0040300040",
      "59f53f0040300040", "f5f63f0040300040", "91f73f0040300040", "d3f83f0040300040", "b7f93f0040300040",
      "1bfa3f0040300040", "7ffb3f0040300040", "6cfc3f0040300040", "08fd3f0040300040", "a4fe3f0040300040",
      "c0ff3f0040300040"}},
    {0x30F,
     "SWA_01",
     {"1000100000000000", "7401100000000000", "d802100000000000", "bc03100000000000", "af04100000000000",
      "cb05100000000000", "6706100000000000", "0307100000000000", "4108100000000000", "2509100000000000",
      "890a100000000000", "ed0b100000000000", "fe0c100000000000", "9a0d100000000000", "360e100000000000",
      "520f100000000000"}},
    {0x324,
     "ACC_04",
     {"ba00000000000010", "de01000000000010", "7202000000000010", "1603000000000010", "0504000000000010",
      "4405000000000000", "e806000000000000", "a907000000000010", "eb08000000000010", "8f09000000000010",
      "060a000000000000", "470b000000000010", "710c000000000000", "150d000000000000", "b90e000000000000",
      "dd0f000000000000"}},
};

static void test_volkswagen_recorded_frames_are_accepted_in_sequence(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof recordings / sizeof recordings[0]; r++) {
        struct rig rig;
        struct ct_protect_state receiver = {0};
        rig_open(&rig, recordings[r].id, 8, MQB, (struct ct_protect_config){.scheme = "vw-mqb"});
        for (size_t i = 0; i < 16; i++) {
            uint8_t frame[64];
            const size_t len = rig_bytes(recordings[r].frames[i], frame);
            const enum ct_protect_status wanted = i == 0 ? CT_PROTECT_INITIAL : CT_PROTECT_OK;
            if (ct_protect_check(rig.rule, &receiver, rig.id, frame, len) != wanted) {
                fail_msg("%s, counter %zu", recordings[r].name, i);
            }
        }
        rig_close(&rig);
    }
}

static void test_volkswagen_one_flipped_bit_is_an_error(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof recordings / sizeof recordings[0]; r++) {
        struct rig rig;
        rig_open(&rig, recordings[r].id, 8, MQB, (struct ct_protect_config){.scheme = "vw-mqb"});
        for (size_t i = 0; i < 16; i++) {
            uint8_t frame[64];
            const size_t len = rig_bytes(recordings[r].frames[i], frame);
            for (size_t bit = 0; bit < 8 * len; bit++) {
                frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
                assert_int_equal(check_fresh(&rig, frame, len), CT_PROTECT_ERROR);
                frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
            }
        }
        rig_close(&rig);
    }
}

/* ---- frames summed by hand */

struct maker {
    const char *scheme;
    uint32_t id;
    const char *signals;
    const char *frame;
    const char *why;
    const char *checksum; /* signal, NULL: CHECKSUM */
    bool finds_every_bit; /* false: leaves some bits out */
};

static const struct maker makers[] = {
    {"honda", 0xE4, HONDA_5, "0000000006", "8 - (E+4) = -10 = 6", NULL, true},
    {"honda", 0x1FA, HONDA_5, "1020000326", "8 - (1+F+A + 1+2+3+2) = -26 = 6", NULL, true},
    {"honda", 0x1EF, HONDA_5, "0000000017", "unused", NULL, true},
    {"toyota", 0xB4, CHECKSUM_LAST, "00000000000000bc", "8 + B4", NULL, true},
    {"toyota", 0x260, CHECKSUM_LAST, "0102030405ff0078", "8 + 2+60 + 0F+FF = 178", NULL, true},
    {"subaru", 0x119, CHECKSUM_0, "2a10000000000000", "01+19 + 10", NULL, true},
    {"subaru-preglobal", 0x164, CHECKSUM_LAST, "010203040506071c", "1+..+7", NULL, true},
    {"tesla", 0x229, CHECKSUM_LAST, "000000000000012c", "29+02 + 01", NULL, true},
    {"psa", 0x452, "SG_ CHECKSUM : 7|4@0+ (1,0) [0|15] \"\" B\n", "c102010000000004", "4 - (1+2+1+4) = -4", NULL, true},
    {"psa", 0x3F2, "SG_ CHECKSUM : 7|4@0+ (1,0) [0|15] \"\" B\n", "a100000000000000", "B - 1", NULL, true},
    {"vw-pq", 0xD0, "SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" B\n", "0f01020408000000", "1^2^4^8", NULL, true},
    {"vw-mlb", 0x109, "SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" B\n", "0901000000000000", "1^9 ^ 1", NULL, true},
    {"vw-mlb", 0x101, "SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" B\n", "ab01000000000000", "1^1^AA ^ 1", NULL, true},
    {"hyundai-sum6", 0x340, "SG_ CF_Lkas_Chksum : 48|8@1+ (1,0) [0|255] \"\" B\n", "01020304050615ff", "1+..+6",
     "CF_Lkas_Chksum", false},
    {"hyundai-sum7", 0x340, "SG_ CF_Lkas_Chksum : 48|8@1+ (1,0) [0|255] \"\" B\n", "0102030405061601", "1+..+6 + 1",
     "CF_Lkas_Chksum", true},
    {"hyundai", 0x260, "", "0000000000000600", "unused", NULL, true},
    {"hyundai", 0x421, "", "01020000000000d0", "16 - (1+2) = D in the upper half", NULL, true},
    {"hyundai", 0x394, "", "0102000000000dff", "byte 7 is left out; 16 - 3 = D in byte 6", NULL, false},
    {"hyundai", 0x386, "", "0000000000400080", "no bit set: 0 ^ 9 = 9: lower half 1, upper half 2", NULL, false},
    /* CRC-8 J1850 of zero bytes: start FF, final FF: AUTOSAR SWS CRCLibrary gives 0x59 for 00 00 00 00 */
    {"chrysler", 0x220, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "0000000059", "Crc_CalculateCRC8 of 4 zeros",
     NULL, true},
    {"crc8", 0x220, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "0000000000", "start 0: zeros stay 0", NULL, true},
    {"fca-giorgio", 0xDE, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "0000000010", "zeros, final 10", NULL, true},
    {"fca-giorgio", 0x106, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "00000000f6", "zeros, final F6", NULL,
     true},
    {"fca-giorgio", 0x122, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "00000000f1", "zeros, final F1", NULL,
     true},
    {"fca-giorgio", 0x100, "SG_ CHECKSUM : 39|8@0+ (1,0) [0|255] \"\" B\n", "000000000a", "zeros, final 0A", NULL,
     true},
    {"rivian", 0x208, "SG_ ESP_Checksum : 0|8@1+ (1,0) [0|255] \"\" B\n", "b100000000000000", "zeros, final B1", NULL,
     true},
    {"mg-torque", 0x1FD, "SG_ PV : 21|14@0+ (1,0) [0|16383] \"\" B\n", "30053ff300000000",
     "-(5*2 + 0 + 0 + 3) = 0x3FF3", "PV", false},
    {"mg-torque-response", 0x1EC, "SG_ PV : 22|15@0+ (1,0) [0|32767] \"\" B\n", "38055ff200002000",
     "-(5*2 + 2<<12 + 1 + 3) = 0x5FF2", "PV", false},
};

/* Rows of the table whose frame is filled in by the arithmetic in `why`; "unused" ones only check filling. */
static struct ct_protect_config config_of(const struct maker *maker)
{
    return (struct ct_protect_config){.scheme = maker->scheme, .checksum = maker->checksum};
}

static void test_makers_frames_summed_by_hand_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        struct rig rig;
        uint8_t frame[64];
        if (strcmp(makers[i].why, "unused") == 0) {
            continue;
        }
        const size_t len = rig_bytes(makers[i].frame, frame);
        rig_open(&rig, makers[i].id, len, makers[i].signals, config_of(&makers[i]));
        if (!ct_protect_accepts(check_fresh(&rig, frame, len))) {
            fail_msg("%s 0x%X %s: %s", makers[i].scheme, (unsigned)makers[i].id, makers[i].frame, makers[i].why);
        }
        rig_close(&rig);
    }
}

static void test_makers_one_flipped_bit_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        struct rig rig;
        uint8_t frame[64];
        struct ct_protect_state sender = {0};
        const size_t len = rig_bytes(makers[i].frame, frame);
        rig_open(&rig, makers[i].id, len, makers[i].signals, config_of(&makers[i]));
        assert_int_equal(ct_protect_fill(rig.rule, &sender, rig.id, frame, len), CT_OK);
        for (size_t bit = 0; makers[i].finds_every_bit && bit < 8 * len; bit++) {
            frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (ct_protect_accepts(check_fresh(&rig, frame, len))) {
                fail_msg("%s 0x%X: bit %zu", makers[i].scheme, (unsigned)makers[i].id, bit);
            }
            frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        rig_close(&rig);
    }
}

/* opendbc hkg_can_fd_checksum: CRC-16/XMODEM (check value 31C3) of data[2..] and the id, XOR by length. All data zero
 * and id 0 leave the register 0: what is left is the XOR. */
static void test_hyundai_fd_zero_frames_are_the_lengths_constants(void **state)
{
    static const struct {
        size_t len;
        uint16_t constant;
    } rows[] = {{8, 0x5F29}, {16, 0x041D}, {24, 0x819D}, {32, 0x9F5B}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rig rig;
        uint8_t frame[64] = {(uint8_t)rows[i].constant, (uint8_t)(rows[i].constant >> 8)};
        rig_open(&rig, 0, rows[i].len, "SG_ CHECKSUM : 0|16@1+ (1,0) [0|65535] \"\" B\n",
                 (struct ct_protect_config){.scheme = "hyundai-fd"});
        assert_int_equal(check_fresh(&rig, frame, rows[i].len), CT_PROTECT_OK);
        for (size_t a = 0; a < 8 * rows[i].len; a++) {
            for (size_t b = a; b < 8 * rows[i].len; b++) {
                frame[a / 8] ^= (uint8_t)(1U << a % 8);
                frame[b / 8] ^= (uint8_t)(b == a ? 0 : 1U << b % 8);
                assert_int_equal(check_fresh(&rig, frame, rows[i].len), CT_PROTECT_ERROR);
                frame[b / 8] ^= (uint8_t)(b == a ? 0 : 1U << b % 8);
                frame[a / 8] ^= (uint8_t)(1U << a % 8);
            }
        }
        rig_close(&rig);
    }
}

/* opendbc body_checksum: CRC-8 of polynomial D5, start FF, from the second last byte back to the first. Over one byte
 * FF the register becomes 0. */
static void test_comma_body_goes_backwards(void **state)
{
    struct rig rig;
    const uint8_t frame[2] = {0xFF, 0x00};
    (void)state;
    rig_open(&rig, 0x250, 2, "SG_ CHECKSUM : 15|8@0+ (1,0) [0|255] \"\" B\n",
             (struct ct_protect_config){.scheme = "comma-body"});
    assert_int_equal(check_fresh(&rig, frame, 2), CT_PROTECT_OK);
    rig_close(&rig);
}

/* ---- every scheme: what is filled is accepted, and nothing but counter and checksum is touched */

static void fill_and_check(const struct maker *maker, unsigned seed)
{
    struct rig rig;
    uint8_t data[64];
    struct ct_protect_state sender = {0};
    struct ct_protect_state receiver = {0};
    const size_t len = rig_bytes(maker->frame, data);
    rig_open(&rig, maker->id, len, maker->signals, config_of(maker));
    srand(seed);
    for (unsigned round = 0; round < 200; round++) {
        uint8_t again[64];
        for (size_t i = 0; i < len; i++) {
            data[i] = (uint8_t)rand();
        }
        assert_int_equal(ct_protect_fill(rig.rule, &sender, rig.id, data, len), CT_OK);
        const enum ct_protect_status status = ct_protect_check(rig.rule, &receiver, rig.id, data, len);
        assert_true(round == 0 ? ct_protect_accepts(status) : status == CT_PROTECT_OK);
        memcpy(again, data, sizeof again);
        struct ct_protect_state same = sender; /* the same counter once more gives the same frame */
        if (ct_protect_start(rig.rule, &same, sender.counter) == CT_OK) {
            assert_int_equal(ct_protect_fill(rig.rule, &same, rig.id, again, len), CT_OK);
            assert_memory_equal(again, data, len);
        }
    }
    rig_close(&rig);
}

static void test_makers_filled_frames_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        fill_and_check(&makers[i], (unsigned)i);
    }
}

static void test_counter_alone_is_checked_without_a_checksum(void **state)
{
    struct rig rig;
    struct ct_protect_state receiver = {0};
    (void)state;
    rig_open(&rig, 0x340, 2, COUNTER_1, (struct ct_protect_config){.scheme = "counter", .max_delta = NUMBER(2)});
    assert_int_equal(ct_protect_check(rig.rule, &receiver, rig.id, (const uint8_t[]){9, 14}, 2), CT_PROTECT_INITIAL);
    assert_int_equal(ct_protect_check(rig.rule, &receiver, rig.id, (const uint8_t[]){8, 0}, 2),
                     CT_PROTECT_OK_SOME_LOST);
    assert_int_equal(ct_protect_check(rig.rule, &receiver, rig.id, (const uint8_t[]){7, 0}, 2), CT_PROTECT_REPEATED);
    assert_int_equal(ct_protect_check(rig.rule, &receiver, rig.id, (const uint8_t[]){7, 3}, 2),
                     CT_PROTECT_WRONG_SEQUENCE);
    assert_int_equal(ct_protect_counter_signal(rig.rule), 0);
    assert_int_equal(ct_protect_checksum_signal(rig.rule), -1);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volkswagen_recorded_frames_are_accepted_in_sequence),
        cmocka_unit_test(test_volkswagen_one_flipped_bit_is_an_error),
        cmocka_unit_test(test_makers_frames_summed_by_hand_are_accepted),
        cmocka_unit_test(test_makers_one_flipped_bit_is_an_error),
        cmocka_unit_test(test_hyundai_fd_zero_frames_are_the_lengths_constants),
        cmocka_unit_test(test_comma_body_goes_backwards),
        cmocka_unit_test(test_makers_filled_frames_are_accepted),
        cmocka_unit_test(test_counter_alone_is_checked_without_a_checksum),
    };
    return cmocka_run_group_tests_name("protect_makers", tests, NULL, NULL);
}
