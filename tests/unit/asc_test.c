/* ASC lines as Vector's description of the CAN lines has them and as tools write them; expected values by hand. */
#include "asc.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 2017-09-30 15:06:13 UTC by `date -u +%s`. */
#define START_S INT64_C(1506783973)

static int use_utc(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

static int parse(struct ct_asc *asc, const char *line, struct ct_log_record *record, struct ct_log_problem *problem)
{
    return ct_asc_parse(asc, line, strlen(line), record, problem);
}

/* The frame of one line behind a header that needs no date. */
static struct ct_log_record frame_of(const char *line)
{
    struct ct_asc asc;
    struct ct_log_record record;
    struct ct_log_problem problem = {0, ""};
    ct_asc_init(&asc);
    if (parse(&asc, line, &record, &problem) != CT_OK) {
        fail_msg("%s: column %zu: %s", line, problem.column, problem.text);
    }
    assert_true(ct_frame_valid(&record.frame));
    return record;
}

static void test_asc_frames_of_every_kind_are_read(void **state)
{
    static const struct {
        const char *line;
        const char *channel;
        int64_t t_ns;
        uint32_t id;
        unsigned flags;
        uint8_t len;
        uint8_t data[4];
    } rows[] = {
        {"   3.098426 1  18EBFF00x       Rx d 8 01 A0 0F A6 60 3B D1 40    Length = 273910 BitCount = 141 ID = "
         "418119424x",
         "can0",
         3098426000,
         0x18EBFF00,
         CT_FRAME_EXT,
         8,
         {0x01, 0xA0, 0x0F, 0xA6}},
        {"17.876708 2  6F9             Tx   d 2 05 0c\r", "can1", 17876708000, 0x6F9, CT_FRAME_SENT, 2, {5, 12}},
        {"1.0 1 6F9 TxRq d 0", "can0", 1000000000, 0x6F9, CT_FRAME_SENT, 0, {0}},
        /* A data length code above 8 is 8 bytes */
        {"1.5 1 3FF Tx d D 55 AA 01 02 03 04 05 06", "can0", 1500000000, 0x3FF, CT_FRAME_SENT, 8, {0x55, 0xAA, 1, 2}},
        {"2.520002 3 200 Tx r Length = 1704000 BitCount = 145 ID = 512",
         "can2",
         2520002000,
         0x200,
         CT_FRAME_SENT | CT_FRAME_RTR,
         0,
         {0}},
        {"2.584921 4 300 Rx r 8 Length = 1704000", "can3", 2584921000, 0x300, CT_FRAME_RTR, 8, {0}},
        {"2.501000 1 ErrorFrame", "can0", 2501000000, 0x80, CT_FRAME_ERR, 8, {0}},
        {"2.501010 1 ErrorFrame ECC: 10100010", "can0", 2501010000, 0x80, CT_FRAME_ERR, 8, {0}},
        {"30.8 CANFD   5 Tx ErrorFrame Not Acknowledge error, dominant error flag fffe c7 31ca Arb. 556 44 0 0 f 64 00",
         "can4",
         30800000000,
         0x80,
         CT_FRAME_ERR,
         8,
         {0}},
        /* Symbolic name beside the id, and in its place */
        {"0.045522 CANFD   62 Rx         7d  BrakeSnData_4    1 0 8  4 01 1b d6 d0   104812  132   323000 a800f6c9",
         "can61",
         45522000,
         0x7D,
         CT_FRAME_FD | CT_FRAME_BRS,
         8,
         {0x01, 0x1B, 0xD6, 0xD0}},
        {"0.5 1 EngineData Rx d 2 11 22 Length = 0 BitCount = 0 ID = 100", "can0", 500000000, 100, 0, 2, {0x11, 0x22}},
        {"0.5 1 EngineData Rx d 1 11 Length = 0 BitCount = 0 ID = 418119424x",
         "can0",
         500000000,
         418119424,
         CT_FRAME_EXT,
         1,
         {0x11}},
        {"0.5 CANFD 1 Rx 167x 0 1 9 12 1 2 3 4 0 0 0 0 0 0 0 0 0 0 5000 0 0 0 0 0",
         "can0",
         500000000,
         0x167,
         CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_ESI,
         12,
         {1, 2, 3, 4}},
        /* Flag bits of an FD channel: 0x10 remote, 0x1000 FD; python-can's column is empty of a name */
        {"30.3 CANFD   3 Tx     50005x      0 1 5 0 140000 73 200050 7a60 46500250 460a0250 20011736 20010205",
         "can2",
         30300000000,
         0x50005,
         CT_FRAME_EXT | CT_FRAME_RTR | CT_FRAME_SENT,
         5,
         {0}},
        {"0.5 CANFD 1 Rx 123 0 0 2 2 11 22 130000 130 0 0 0 0 0 0", "can0", 500000000, 0x123, 0, 2, {0x11, 0x22}},
        {"0.5 CANFD 1 Rx 123 0 0 2 2 11 22 130000 130 1000 0 0 0 0 0",
         "can0",
         500000000,
         0x123,
         CT_FRAME_FD,
         2,
         {0x11, 0x22}},
        /* Beyond 11 bits an id is extended also without x */
        {"0.000001 1  CF00300         Rx   d 1 FD", "can0", 1000, 0xCF00300, CT_FRAME_EXT, 1, {0xFD}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ct_log_record r = frame_of(rows[i].line);
        print_message("%s\n", rows[i].line);
        assert_string_equal(r.channel, rows[i].channel);
        assert_int_equal(r.frame.t_ns, rows[i].t_ns);
        assert_int_equal(r.frame.utc_ns, 0);
        assert_int_equal(r.frame.id, rows[i].id);
        assert_int_equal(r.frame.flags, rows[i].flags);
        assert_int_equal(r.frame.len, rows[i].len);
        assert_memory_equal(r.frame.data, rows[i].data, 4);
    }
}

static void test_asc_lines_without_a_frame_are_passed_over(void **state)
{
    static const char *const lines[] = {"",
                                        "  \r",
                                        "// version 9.0.0",
                                        "no internal events logged",
                                        "internal events logged",
                                        "End TriggerBlock",
                                        "   0.000000 Start of measurement",
                                        "   0.015991 CAN 1 Status:chip status error passive - TxErr: 132 RxErr: 0",
                                        "   1.015991 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%",
                                        "   3.297743 1  J1939TP FEE3p        6    0  0   -   Rx   d 23 A0 0F A6 60",
                                        "   3.297743 J1939TP FEE3p 6 0 0 - Rx d 23 A0",
                                        "   4.1 LIN 1 3C Rx 8 00",
                                        "   4.2 SV: 1 0 1 ::Sys = 5",
                                        "   5.0 Comment: 1 turned left"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct ct_asc asc;
        struct ct_log_record record;
        struct ct_log_problem problem;
        ct_asc_init(&asc);
        assert_int_equal(parse(&asc, lines[i], &record, &problem), CT_ERR_NOT_FOUND);
    }
}

static void test_asc_damaged_lines_are_refused_at_their_column(void **state)
{
    static const struct {
        const char *line;
        size_t column;
    } rows[] = {
        {"1.0 1 123 Rx d 8 11 22", 23},
        {"1.0 1 123 Rx d 2 11 2G", 21},
        {"1.0 1 123 Rx d 2 11 222", 21},
        {"1.0 1 123 Rx q 2 11 22", 14},
        {"1.0 1 123 Rx d 10 11", 16},
        {"1.0 1", 6},
        {"1.0 1 123", 10},
        {"1.0 CANFD 1 Rx 123 2 0 8 8 1", 24},
        {"1.0 CANFD 1 Rx 123 1 0 8 65 1", 26},
        {"1.0 1 NoId Rx d 1 11", 7},
        {"1.0 CANFD 1 Rx 3FFFFFFFx 0 0 1 1 1", 16},
        {"garbage 1 2 3", 1},
        {"1.25", 5},
        {"1.0 1 123 R", 11},
        {"1.0 CANFD 1 ", 13},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_asc asc;
        struct ct_log_record record;
        struct ct_log_problem problem = {0, NULL};
        ct_asc_init(&asc);
        assert_int_equal(parse(&asc, "0.0 Start of measurement", &record, &problem), CT_ERR_NOT_FOUND);
        print_message("%s\n", rows[i].line);
        assert_int_equal(parse(&asc, rows[i].line, &record, &problem), CT_ERR_SYNTAX);
        assert_int_equal(problem.column, rows[i].column);
    }
}

static void read_header(struct ct_asc *asc, const char *const *lines)
{
    struct ct_log_record record;
    struct ct_log_problem problem;
    ct_asc_init(asc);
    for (; *lines != NULL; lines++) {
        assert_int_equal(parse(asc, *lines, &record, &problem), CT_ERR_NOT_FOUND);
    }
}

static int64_t stamp_behind(const char *const *header, const char *line)
{
    struct ct_asc asc;
    struct ct_log_record record;
    struct ct_log_problem problem;
    read_header(&asc, header);
    assert_int_equal(parse(&asc, line, &record, &problem), CT_OK);
    assert_true(record.frame.utc_ns == 0 || record.frame.utc_ns == record.frame.t_ns);
    return record.frame.t_ns;
}

static void test_asc_start_of_time_is_the_right_date(void **state)
{
    (void)state;
    const int64_t start = START_S * CT_NS_PER_S + 191 * CT_NS_PER_MS;
    const char *const with_date[] = {"\xEF\xBB\xBF"
                                     "date Sam Sep 30 15:06:13.191 2017",
                                     "base hex  timestamps absolute", NULL};
    assert_int_equal(stamp_behind(with_date, "1.5 1 1 Rx d 0"), start + 1500 * CT_NS_PER_MS);
    /* A converter's own date stands in the first line, the measurement's in the trigger block */
    const char *const with_block[] = {"date Sun Nov 22 04:17:20.346 PM 2026", "base hex  timestamps absolute",
                                      "Begin Triggerblock Sat Sep 30 03:06:13.191 PM 2017",
                                      " 0.000000 Start of measurement", NULL};
    assert_int_equal(stamp_behind(with_block, "1.5 1 1 Rx d 0"), start + 1500 * CT_NS_PER_MS);
    /* A block that a trigger opened later does not move the start */
    const char *const late_block[] = {"date Sat Sep 30 15:06:13.191 2017", "base hex timestamps absolute",
                                      "Begin Triggerblock Sat Sep 30 15:11:13.191 2017", NULL};
    assert_int_equal(stamp_behind(late_block, "300.0 1 1 Rx d 0"), start + 300 * CT_NS_PER_S);
    const char *const no_date[] = {"base hex  timestamps absolute", NULL};
    assert_int_equal(stamp_behind(no_date, "1.5 1 1 Rx d 0"), 1500 * CT_NS_PER_MS);
}

static void test_asc_relative_stamps_add_up_over_all_events(void **state)
{
    (void)state;
    const char *const header[] = {"base hex  timestamps relative", "0.5 Start of measurement",
                                  "0.25 1  Statistic: D 0 R 0", "0.125 CAN 1 Status:chip", NULL};
    assert_int_equal(stamp_behind(header, "0.125 1 1 Rx d 0"), CT_NS_PER_S);
}

static void test_asc_base_dec_is_obeyed(void **state)
{
    struct ct_asc asc;
    struct ct_log_record record;
    struct ct_log_problem problem;
    (void)state;
    const char *const header[] = {"base dec  timestamps absolute", NULL};
    read_header(&asc, header);
    assert_int_equal(parse(&asc, "1.0 1 418119424x Rx d 3 255 10 100", &record, &problem), CT_OK);
    assert_int_equal(record.frame.id, 418119424);
    const uint8_t expected[3] = {255, 10, 100};
    assert_memory_equal(record.frame.data, expected, 3);
    assert_int_equal(parse(&asc, "1.0 1 1F Rx d 0", &record, &problem), CT_ERR_SYNTAX);
    assert_int_equal(parse(&asc, "1.0 1 1 Rx d 1 256", &record, &problem), CT_ERR_SYNTAX);
}

/* Seconds by `date -u -d ... +%s`. */
static void test_asc_dates_of_many_places_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
        int ms;
    } rows[] = {
        {"Sam Sep 30 15:06:13.191 2017", START_S, 191},
        {"Sat Sep 30 03:06:13.191 pm 2017", START_S, 191},
        {"Sat Sep 30 03:06:13 PM 2017", START_S, 0},
        {"Sat Sep 30 15:06:13 2017", START_S, 0},
        {"Thu Apr 28 12:44:52.480 am 2022", 1651106692, 480},
        {"Thu Apr 28 12:44:52.480 pm 2022", 1651149892, 480},
        {"Die M\xC3\xA4r 8 10:00:00.000 2022", 1646733600, 0},
        {"Die M\xE4r 8 10:00:00.000 2022", 1646733600, 0},
        {"mar. mars 8 10:00:00.000 2022", 1646733600, 0},
        {"Mit Dez 7 10:00:00.000 2022", 1670407200, 0},
        {"Mon Okt 3 10:00:00.000 2022", 1664791200, 0},
        {"Mon Mai 2 10:00:00.000 2022", 1651485600, 0},
        {"\xE5\x91\xA8\xE4\xB8\x89 4\xE6\x9C\x88 16 09:21:13.159 2014", 1397640073, 159},
        {"30.09.2017 15:06:13.191", START_S, 191},
        {"2017-09-30 15:06:13.191", START_S, 191},
        {"9/30/2017 03:06:13.191 PM", START_S, 191},
        /* python-can 4 prints milliseconds without leading zeros */
        {"Sat Sep 30 03:06:13.5 PM 2017", START_S, 5},
        {"Sat Sep 30 03:06:13.47 PM 2017", START_S, 47},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t utc = 0;
        print_message("%s\n", rows[i].text);
        assert_int_equal(ct_asc_parse_date(rows[i].text, strlen(rows[i].text), &utc), CT_OK);
        assert_int_equal(utc, rows[i].s * CT_NS_PER_S + rows[i].ms * CT_NS_PER_MS);
    }
    static const char *const wrong[] = {"",
                                        "Sat",
                                        "Sat Sep 30 2017",
                                        "Sat Xyz 30 15:06:13 2017",
                                        "Sat Sep 30 25:06:13 2017",
                                        "Sat Sep 32 15:06:13 2017"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t utc = 0;
        assert_int_equal(ct_asc_parse_date(wrong[i], strlen(wrong[i]), &utc), CT_ERR_SYNTAX);
    }
}

static void test_asc_lines_are_written_as_canoe_has_them(void **state)
{
    struct ct_frame frame = {.id = 0x18EBFF00, .flags = CT_FRAME_EXT, .len = 2, .data = {0x01, 0xA0}};
    char line[CT_ASC_LINE_MAX];
    char date[CT_ASC_DATE_MAX];
    (void)state;
    assert_true(ct_asc_format(&frame, 3098426999, 1, line, sizeof line) > 0);
    assert_string_equal(line, "   3.098426 1  18EBFF00x       Rx   d 2 01 A0");
    frame = (struct ct_frame){.id = 0x300, .flags = CT_FRAME_RTR | CT_FRAME_SENT, .len = 8};
    assert_true(ct_asc_format(&frame, 0, 4, line, sizeof line) > 0);
    assert_string_equal(line, "   0.000000 4  300             Tx   r 8");
    assert_true(ct_asc_format_date(START_S * CT_NS_PER_S + 5 * CT_NS_PER_MS, date, sizeof date) > 0);
    assert_string_equal(date, "Sat Sep 30 03:06:13.005 pm 2017");
    assert_int_equal(ct_asc_format(&frame, 0, 4, line, 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asc_frames_of_every_kind_are_read),
        cmocka_unit_test(test_asc_lines_without_a_frame_are_passed_over),
        cmocka_unit_test(test_asc_damaged_lines_are_refused_at_their_column),
        cmocka_unit_test(test_asc_start_of_time_is_the_right_date),
        cmocka_unit_test(test_asc_relative_stamps_add_up_over_all_events),
        cmocka_unit_test(test_asc_base_dec_is_obeyed),
        cmocka_unit_test(test_asc_dates_of_many_places_are_read),
        cmocka_unit_test(test_asc_lines_are_written_as_canoe_has_them),
    };
    return cmocka_run_group_tests_name("asc", tests, use_utc, NULL);
}
