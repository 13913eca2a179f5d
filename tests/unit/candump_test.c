#include "candump.h"
#include "testing.h"

#include <string.h>

static int parse(const char *text, struct ct_candump_line *line, struct ct_candump_problem *problem)
{
    *problem = (struct ct_candump_problem){0, NULL};
    return ct_candump_parse(text, strlen(text), line, problem);
}

static struct ct_frame frame_of(const char *text)
{
    struct ct_candump_line line;
    struct ct_candump_problem problem;
    assert_int_equal(parse(text, &line, &problem), CT_OK);
    assert_true(ct_frame_valid(&line.frame));
    return line.frame;
}

static void test_candump_file_form_classic_is_read(void **state)
{
    (void)state;
    struct ct_candump_line line;
    struct ct_candump_problem problem;
    assert_int_equal(parse("(1436509052.249713) vcan0 044#2A366C2BBA", &line, &problem), CT_OK);
    assert_string_equal(line.channel, "vcan0");
    assert_int_equal(line.frame.t_ns, INT64_C(1436509052249713000));
    assert_int_equal(line.frame.utc_ns, line.frame.t_ns);
    assert_int_equal(line.frame.id, 0x044);
    assert_int_equal(line.frame.flags, 0);
    assert_int_equal(line.frame.len, 5);
    assert_memory_equal(line.frame.data, "\x2A\x36\x6C\x2B\xBA", 5);
    assert_int_equal(line.form, CT_CANDUMP_FILE);
    assert_false(line.direction);
}

static void test_candump_direction_is_read(void **state)
{
    (void)state;
    struct ct_candump_line line;
    struct ct_candump_problem problem;
    assert_int_equal(parse("(1.5) c 2E4#BE000000A9 T\r", &line, &problem), CT_OK);
    assert_int_equal(line.frame.flags, CT_FRAME_SENT);
    assert_true(line.direction);
    assert_int_equal(line.frame.t_ns, 1500000000);
    assert_int_equal(line.frame.utc_ns, 0); /* no date */
    assert_int_equal(parse("(1.5) c 2E4#BE000000A9 R", &line, &problem), CT_OK);
    assert_int_equal(line.frame.flags, 0);
    assert_true(line.direction);
}

static void test_candump_kinds_of_frames_are_told_apart(void **state)
{
    (void)state;
    const struct {
        const char *body;
        uint32_t id;
        unsigned flags;
        uint8_t len;
    } rows[] = {
        {"7FF#", 0x7FF, 0, 0},
        {"0#01", 0, 0, 1},
        {"00000123#", 0x123, CT_FRAME_EXT, 0},
        {"CF00300#FD00FFFFFFFFFFFF", 0xCF00300, CT_FRAME_EXT, 8}, /* as python-can writes it */
        {"1FFFFFFF#00", 0x1FFFFFFF, CT_FRAME_EXT, 1},
        {"123#R", 0x123, CT_FRAME_RTR, 0},
        {"123#R5", 0x123, CT_FRAME_RTR, 5},
        {"12345678#R8", 0x12345678, CT_FRAME_RTR | CT_FRAME_EXT, 8},
        {"123##0", 0x123, CT_FRAME_FD, 0},
        {"123##1112233445566778899AABBCC", 0x123, CT_FRAME_FD | CT_FRAME_BRS, 12},
        {"123##3AA", 0x123, CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI, 1},
        {"123##5AA", 0x123, CT_FRAME_FD | CT_FRAME_BRS, 1}, /* 4: the kernel's "this is FD" */
        {"20000004#0004000000000000", 4, CT_FRAME_ERR, 8},
        {"123#11.22.33", 0x123, 0, 3},
        {"123#1122334455667788_E", 0x123, 0, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_frame frame;
        struct ct_candump_problem problem;
        assert_int_equal(ct_candump_parse_body(rows[i].body, strlen(rows[i].body), &frame, &problem), CT_OK);
        assert_int_equal(frame.id, rows[i].id);
        assert_int_equal(frame.flags, rows[i].flags);
        assert_int_equal(frame.len, rows[i].len);
    }
}

/* The right column is what can-utils' log2long makes of the left one (without its ASCII column). */
static const char *const both_forms[][2] = {
    {"(1436509052.249713) can0 123#1122334455667788",
     "(1436509052.249713)  can0       123   [8]  11 22 33 44 55 66 77 88"},
    {"(1436509052.249713) can0 123#", "(1436509052.249713)  can0       123   [0]"},
    {"(1436509052.249713) can0 123#R5", "(1436509052.249713)  can0       123   [5]  remote request"},
    {"(1436509052.249713) vcan0 12345678#1122", "(1436509052.249713)  vcan0  12345678   [2]  11 22"},
    {"(1436509052.249713) can0 123##0112233445566778899AABBCC",
     "(1436509052.249713)  can0       123  [12]  11 22 33 44 55 66 77 88 99 AA BB CC"},
    {"(1436509052.249713) can0 123##0", "(1436509052.249713)  can0       123  [00]"},
    {"(1436509052.249713) can0 20000004#0004000000000000",
     "(1436509052.249713)  can0  20000004   [8]  00 04 00 00 00 00 00 00   ERRORFRAME"},
};

static void test_candump_both_forms_hold_the_same_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof both_forms / sizeof both_forms[0]; i++) {
        const struct ct_frame file = frame_of(both_forms[i][0]);
        const struct ct_frame console = frame_of(both_forms[i][1]);
        assert_true(ct_frame_same(&file, &console));
        assert_int_equal(file.t_ns, console.t_ns);
        char text[CT_CANDUMP_LINE_MAX];
        ct_candump_format_console(&file, file.t_ns, strstr(both_forms[i][0], " v") != NULL ? "vcan0" : "can0", text,
                                  sizeof text);
        assert_string_equal(text, both_forms[i][1]);
    }
}

static void test_candump_console_extras_are_read(void **state)
{
    (void)state;
    assert_int_equal(frame_of("  can0  09F8027F   [8]  00 FC FF FF 00 00 FF FF   '........'").len, 8);
    assert_int_equal(frame_of("  can0  TX B E  123  [08]  00 FC FF FF 00 00 FF FF").flags,
                     CT_FRAME_SENT | CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI);
    assert_int_equal(frame_of("  can0  RX - -  123   [1]  AA").flags, 0);
    assert_int_equal(frame_of(" (000.001200)  can0  123   [1]  AA").t_ns, 1200000);
}

static void test_candump_lines_without_a_frame_are_passed_over(void **state)
{
    (void)state;
    struct ct_candump_line line;
    struct ct_candump_problem problem;
    assert_int_equal(parse("", &line, &problem), CT_ERR_NOT_FOUND);
    assert_int_equal(parse(" \t\r", &line, &problem), CT_ERR_NOT_FOUND);
    assert_int_equal(parse("# a comment", &line, &problem), CT_ERR_NOT_FOUND);
}

static void test_candump_bad_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int err;
        size_t column;
    } rows[] = {
        {"(1.0) can0 123#112", CT_ERR_SYNTAX, 19},
        {"(1.0) can0 123#1G", CT_ERR_SYNTAX, 17},
        {"(1.0) can0 123#112233445566778899", CT_ERR_RANGE, 32},
        {"(1.0) can0 800#11", CT_ERR_RANGE, 12},
        {"(1.0) can0 40000000#11", CT_ERR_RANGE, 12},
        {"(1.0) can0 123##", CT_ERR_SYNTAX, 17},
        {"(1.0) can0 123##0112233445566778899", CT_ERR_RANGE, 36},
        {"(1.0) can0 20000004#R", CT_ERR_RANGE, 22},
        {"(1.0) can0 123#11 X", CT_ERR_SYNTAX, 19},
        {"(1.0) can0 123#11R", CT_ERR_SYNTAX, 18},
        {"(1.0) can0 123", CT_ERR_SYNTAX, 15},
        {"(1.0) can0", CT_ERR_SYNTAX, 11},
        {"(1.0)", CT_ERR_SYNTAX, 6},
        {"(1,0) can0 123#11", CT_ERR_SYNTAX, 3},
        {"(99999999999.0) can0 123#11", CT_ERR_SYNTAX, 12},
        {"can0 123#11", CT_ERR_SYNTAX, 6},
        {"can0 123 [9] 1 2 3", CT_ERR_RANGE, 13},
        {"can0 123 [3] 11 22", CT_ERR_SYNTAX, 19},
        {"can0 123 [3] 11 223344", CT_ERR_SYNTAX, 19},
        {"date Sun Nov 22 04:17:20.309 PM 2026", CT_ERR_SYNTAX, 6},
        {"\x01\xFF\xFE", CT_ERR_SYNTAX, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_candump_line line;
        struct ct_candump_problem problem;
        const int err = parse(rows[i].text, &line, &problem);
        if (err != rows[i].err || problem.column != rows[i].column) {
            print_error("line '%s': got %d at %zu\n", rows[i].text, err, problem.column);
        }
        assert_int_equal(err, rows[i].err);
        assert_int_equal(problem.column, rows[i].column);
        assert_non_null(problem.text);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct ct_frame random_frame(uint32_t *seed)
{
    static const unsigned kinds[] = {0,
                                     CT_FRAME_EXT,
                                     CT_FRAME_RTR,
                                     CT_FRAME_EXT | CT_FRAME_RTR,
                                     CT_FRAME_ERR,
                                     CT_FRAME_FD,
                                     CT_FRAME_FD | CT_FRAME_EXT | CT_FRAME_BRS,
                                     CT_FRAME_FD | CT_FRAME_ESI,
                                     CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI};
    struct ct_frame frame = {.flags = (uint16_t)kinds[next_random(seed) % (sizeof kinds / sizeof kinds[0])]};
    const bool wide = (frame.flags & (CT_FRAME_EXT | CT_FRAME_ERR)) != 0;
    frame.id = next_random(seed) & (wide ? CT_ID_EXT_MAX : CT_ID_STD_MAX);
    frame.len = (uint8_t)(next_random(seed) % 9);
    if ((frame.flags & CT_FRAME_FD) != 0) {
        frame.len = ct_frame_fd_length(next_random(seed) % 65);
    }
    for (uint8_t i = 0; i < frame.len && (frame.flags & CT_FRAME_RTR) == 0; i++) {
        frame.data[i] = (uint8_t)next_random(seed);
    }
    frame.t_ns =
        (ct_ns)(next_random(seed) % 2000000000U) * CT_NS_PER_S + (ct_ns)(next_random(seed) % 1000000U) * CT_NS_PER_US;
    return frame;
}

static void test_candump_any_frame_survives_format_and_parse(void **state)
{
    (void)state;
    uint32_t seed = 20261122;
    for (int i = 0; i < 20000; i++) {
        struct ct_candump_line line = {.frame = random_frame(&seed), .stamped = true, .channel = "vcan7"};
        line.form = i % 2 == 0 ? CT_CANDUMP_FILE : CT_CANDUMP_CONSOLE;
        line.direction = line.form == CT_CANDUMP_FILE && (next_random(&seed) & 1) != 0;
        line.frame.flags |= line.direction && (next_random(&seed) & 1) != 0 ? CT_FRAME_SENT : 0;
        char text[CT_CANDUMP_LINE_MAX];
        char again[CT_CANDUMP_LINE_MAX];
        struct ct_candump_line parsed;
        struct ct_candump_problem problem;
        /* When it is written, read and written again */
        const size_t len = ct_candump_format(&line, text, sizeof text);
        assert_int_not_equal(len, 0);
        assert_int_equal(ct_candump_parse(text, len, &parsed, &problem), CT_OK);
        assert_int_equal(ct_candump_format(&parsed, again, sizeof again), len);
        /* Then text and frame are the same; the console form does not show BRS and ESI. */
        assert_string_equal(text, again);
        if (line.form == CT_CANDUMP_CONSOLE) {
            line.frame.flags = (uint16_t)(line.frame.flags & ~(CT_FRAME_BRS | CT_FRAME_ESI));
        }
        assert_true(ct_frame_same(&line.frame, &parsed.frame));
        assert_int_equal(line.frame.flags, parsed.frame.flags);
        assert_int_equal(line.frame.t_ns, parsed.frame.t_ns);
        assert_string_equal(parsed.channel, "vcan7");
    }
}

static void test_candump_small_room_writes_nothing_beyond(void **state)
{
    (void)state;
    const struct ct_frame frame = {.id = 0x123, .len = 8};
    char text[32];
    for (size_t size = 1; size <= 20; size++) {
        memset(text, 'x', sizeof text);
        const size_t len = ct_candump_format_body(&frame, text, size); /* 123# and 16 digits */
        assert_int_equal(len, 0);
        assert_int_equal(text[size], 'x');
    }
    assert_int_equal(ct_candump_format_body(&frame, text, 21), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candump_file_form_classic_is_read),
        cmocka_unit_test(test_candump_direction_is_read),
        cmocka_unit_test(test_candump_kinds_of_frames_are_told_apart),
        cmocka_unit_test(test_candump_both_forms_hold_the_same_frame),
        cmocka_unit_test(test_candump_console_extras_are_read),
        cmocka_unit_test(test_candump_lines_without_a_frame_are_passed_over),
        cmocka_unit_test(test_candump_bad_lines_are_refused_with_their_place),
        cmocka_unit_test(test_candump_any_frame_survives_format_and_parse),
        cmocka_unit_test(test_candump_small_room_writes_nothing_beyond),
    };
    return cmocka_run_group_tests_name("candump", tests, NULL, NULL);
}
