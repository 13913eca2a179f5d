/* The log reader and the log port, on files of our own and on the recorded logs of the corpus. */
#include "log_port.h"
#include "log_reader.h"
#include "testing.h"

#include <zstd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char path[64];
    char problem[512];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "/tmp/cantwin-log-XXXXXX");
    const int fd = mkstemp(f->path);
    *state = f;
    return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    free(f);
    return 0;
}

static void write_file(const struct fixture *f, const void *data, size_t len)
{
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct ct_log_reader *open_text(struct fixture *f, const char *text)
{
    struct ct_log_reader *reader = NULL;
    write_file(f, text, strlen(text));
    assert_int_equal(ct_log_reader_open(f->path, &reader, f->problem, sizeof f->problem), CT_OK);
    return reader;
}

static void test_log_reader_mixed_forms_and_comments_are_read(void **state)
{
    struct ct_log_reader *reader = open_text(*state, "# comment\n\n(1.000001) can0 123#11 R\r\n"
                                                     "  can1  12345678   [2]  11 22\n(2.5) can2 7FF#R4");
    struct ct_frame frame;
    const char *channel;
    assert_int_equal(ct_log_reader_next(reader, &frame, &channel), CT_OK);
    assert_string_equal(channel, "can0");
    assert_int_equal(frame.t_ns, 1000001000);
    assert_int_equal(ct_log_reader_line(reader), 3);
    assert_int_equal(ct_log_reader_next(reader, &frame, &channel), CT_OK);
    assert_string_equal(channel, "can1");
    assert_int_equal(frame.flags, CT_FRAME_EXT);
    /* The last line has no newline. */
    assert_int_equal(ct_log_reader_next(reader, &frame, &channel), CT_OK);
    assert_int_equal(frame.flags, CT_FRAME_RTR);
    assert_int_equal(frame.len, 4);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_END);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_END);
    assert_int_equal(ct_log_reader_frames(reader), 3);
    assert_int_equal(ct_log_reader_malformed(reader), 0);
    ct_log_reader_close(reader);
}

static void test_log_reader_bad_line_is_located_and_passed(void **state)
{
    struct fixture *f = *state;
    struct ct_log_reader *reader = open_text(f, "(1.0) can0 123#11\n(1.1) can0 123#1\n(1.2) can0 124#22\n(1.3) can");
    struct ct_frame frame;
    char expected[128];
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_OK);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_SYNTAX);
    snprintf(expected, sizeof expected, "%s:2:17: error: ", f->path);
    assert_memory_equal(ct_log_reader_problem(reader), expected, strlen(expected));
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_OK);
    assert_int_equal(frame.id, 0x124);
    /* A log cut off in its last line. */
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_SYNTAX);
    assert_int_equal(ct_log_reader_line(reader), 4);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_END);
    assert_int_equal(ct_log_reader_malformed(reader), 2);
    ct_log_reader_close(reader);
}

static void test_log_reader_endless_line_is_one_bad_line(void **state)
{
    struct fixture *f = *state;
    const size_t len = 1000000;
    char *text = malloc(len + 32);
    assert_non_null(text);
    memset(text, 'a', len);
    const char *after = "\n(1.0) can0 123#11\n";
    memcpy(text + len, after, strlen(after));
    write_file(f, text, len + strlen(after));
    free(text);
    struct ct_log_reader *reader = NULL;
    struct ct_frame frame;
    assert_int_equal(ct_log_reader_open(f->path, &reader, f->problem, sizeof f->problem), CT_OK);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_ERR_SYNTAX);
    assert_int_equal(ct_log_reader_next(reader, &frame, NULL), CT_OK);
    assert_int_equal(ct_log_reader_line(reader), 2);
    ct_log_reader_close(reader);
}

static void test_log_reader_missing_file_is_named(void **state)
{
    struct fixture *f = *state;
    struct ct_log_reader *reader = NULL;
    assert_int_equal(ct_log_reader_open("/nonexistent/x.log", &reader, f->problem, sizeof f->problem),
                     CT_ERR_NOT_FOUND);
    assert_non_null(strstr(f->problem, "/nonexistent/x.log: error: "));
    assert_int_equal(ct_log_reader_open("/tmp", &reader, f->problem, sizeof f->problem), CT_ERR_IO);
}

/* `count` numbered frames, compressed; returns the compressed length. */
static size_t compressed_log(uint8_t *out, size_t size, unsigned count)
{
    char *text = malloc((size_t)count * 32);
    assert_non_null(text);
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, 32, "(%u.000000) can0 %08X#\n", i, i);
    }
    const size_t n = ZSTD_compress(out, size, text, len, 3);
    assert_false(ZSTD_isError(n));
    free(text);
    return n;
}

/* Without `sound` the frames need not be the numbered ones: damage inside a block is told, but not before it is
 * decoded. */
static int read_frames(const struct fixture *f, bool sound, unsigned *out_count)
{
    struct ct_log_reader *reader = NULL;
    struct ct_frame frame;
    char problem[512];
    int err = ct_log_reader_open(f->path, &reader, problem, sizeof problem);
    unsigned n = 0;
    while (err == CT_OK) {
        err = ct_log_reader_next(reader, &frame, NULL);
        if (err == CT_OK) {
            assert_true(!sound || frame.id == n % 100000);
            n++;
        }
    }
    ct_log_reader_close(reader);
    *out_count = n;
    return err;
}

static int read_numbered(const struct fixture *f, unsigned *out_count)
{
    return read_frames(f, true, out_count);
}

static void test_log_reader_zstd_whole_and_damaged(void **state)
{
    struct fixture *f = *state;
    const size_t size = 4 << 20;
    uint8_t *data = malloc(2 * size);
    unsigned n;
    assert_non_null(data);
    const size_t len = compressed_log(data, size, 100000);
    write_file(f, data, len);
    assert_int_equal(read_numbered(f, &n), CT_ERR_END);
    assert_int_equal(n, 100000);
    /* Two compressed files one behind the other are one log. */
    memcpy(data + len, data, len);
    write_file(f, data, 2 * len);
    assert_int_equal(read_numbered(f, &n), CT_ERR_END);
    assert_int_equal(n, 200000);
    /* Cut off anywhere: said so, after the frames that are there (the last of which may be a broken line). */
    const size_t cuts[] = {5, 100, len / 2, len - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        write_file(f, data, cuts[i]);
        assert_int_equal(read_numbered(f, &n), CT_ERR_TRUNCATED);
    }
    data[0] = 0x29;
    write_file(f, data, len);
    assert_int_equal(read_numbered(f, &n), CT_ERR_SYNTAX); /* no magic: text that is no log */
    data[0] = 0x28;
    data[len / 2] ^= 0xFF;
    data[len / 2 + 1] ^= 0xFF;
    write_file(f, data, len);
    assert_int_not_equal(read_frames(f, false, &n), CT_ERR_END);
    free(data);
}

static const char *corpus(void)
{
    const char *path = getenv("CANTWIN_CORPUS");
    return path != NULL ? path : CANTWIN_SOURCE_DIR "/../shared/corpus";
}

static bool have_corpus(void)
{
    if (access(corpus(), R_OK) == 0) {
        return true;
    }
    const char *ci = getenv("CI");
    if (ci != NULL && strcmp(ci, "true") == 0) {
        fail_msg("no corpus at %s", corpus());
    }
    return false;
}

#define NEEDS_CORPUS()                                              \
    do {                                                            \
        if (!have_corpus()) {                                       \
            print_message("skip: no corpus, set CANTWIN_CORPUS\n"); \
            skip();                                                 \
        }                                                           \
    } while (0)

/* Frame counts of the corpus, by its own oracle (oracle_logs/) and by cut | sort | uniq over the text. */
static const struct {
    const char *log;
    const char *channel;
    unsigned frames;
} counts[] = {
    {"canboat/can0-1.candump.log.zst", NULL, 49928},
    {"comma2k19/rav4_2017_first30s.candump.log.zst", "can0", 33123},
    {"comma2k19/rav4_2017_first30s.candump.log.zst", "can1", 34618},
    {"css/gnss.candump.log.zst", NULL, 4024},
    {"css/j1939_truck.candump.log.zst", NULL, 150411},
    {"css/nmea2000.candump.log.zst", NULL, 9600},
    {"css/obd_gnss_drive.candump.log.zst", "can2", 4846},
    {"canboat/candumpSample2.txt", "can0", 402}, /* console form */
    {"canboat/candump-fast-cr.txt", NULL, 23},   /* CR LF */
};

static void test_log_reader_corpus_logs_have_every_frame(void **state)
{
    struct fixture *f = *state;
    NEEDS_CORPUS();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char path[512];
        struct ct_log_reader *reader = NULL;
        struct ct_frame frame;
        const char *channel;
        unsigned n = 0;
        int err;
        snprintf(path, sizeof path, "%s/logs/%s", corpus(), counts[i].log);
        assert_int_equal(ct_log_reader_open(path, &reader, f->problem, sizeof f->problem), CT_OK);
        while ((err = ct_log_reader_next(reader, &frame, &channel)) == CT_OK) {
            assert_true(ct_frame_valid(&frame));
            n += counts[i].channel == NULL || strcmp(counts[i].channel, channel) == 0 ? 1U : 0U;
        }
        assert_string_equal(ct_log_reader_problem(reader), "");
        assert_int_equal(err, CT_ERR_END);
        assert_int_equal(n, counts[i].frames);
        ct_log_reader_close(reader);
    }
}

static int base64_value(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

static size_t base64_decode(const char *text, uint8_t *out, size_t max)
{
    unsigned bits = 0;
    unsigned count = 0;
    size_t len = 0;
    for (; base64_value(*text) >= 0 && len < max; text++) {
        bits = bits << 6 | (unsigned)base64_value(*text);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (uint8_t)(bits >> count);
        }
    }
    return len;
}

/* One row of the CSV python-can wrote of the same frames. */
static void compare_row(const struct ct_frame *frame, char *row)
{
    char *fields[7] = {row};
    for (size_t i = 1; i < 7; i++) {
        fields[i] = strchr(fields[i - 1], ',');
        assert_non_null(fields[i]);
        *fields[i]++ = '\0';
    }
    uint8_t data[64];
    const size_t len = base64_decode(fields[6], data, sizeof data);
    assert_int_equal(frame->id, strtoul(fields[1], NULL, 16));
    /* The truck's log writes some 29-bit ids with 7 digits and its CSV calls them standard, which they cannot be. */
    const bool ext = fields[2][0] == '1' || frame->id > CT_ID_STD_MAX;
    assert_int_equal((frame->flags & CT_FRAME_EXT) != 0, ext);
    assert_int_equal((frame->flags & CT_FRAME_RTR) != 0, fields[3][0] == '1');
    assert_int_equal((frame->flags & CT_FRAME_ERR) != 0, fields[4][0] == '1');
    assert_int_equal(frame->len, strtoul(fields[5], NULL, 10));
    assert_int_equal(len, frame->len);
    assert_memory_equal(frame->data, data, len);
    /* The CSV has the shortest text of a double: compare to the microsecond of the log. */
    const double difference = (double)frame->t_ns / 1e9 - strtod(fields[0], NULL);
    assert_true(difference < 1e-6 && difference > -1e-6);
}

static void compare_with_csv(struct fixture *f, const char *name, unsigned frames)
{
    char path[512];
    char row[256];
    struct ct_log_reader *reader = NULL;
    struct ct_frame frame;
    unsigned n = 0;
    snprintf(path, sizeof path, "%s/logs/converted/%s.csv", corpus(), name);
    FILE *csv = fopen(path, "r");
    assert_non_null(csv);
    assert_non_null(fgets(row, sizeof row, csv)); /* headings */
    snprintf(path, sizeof path, "%s/logs/converted/%s.log", corpus(), name);
    assert_int_equal(ct_log_reader_open(path, &reader, f->problem, sizeof f->problem), CT_OK);
    while (ct_log_reader_next(reader, &frame, NULL) == CT_OK) {
        assert_non_null(fgets(row, sizeof row, csv));
        compare_row(&frame, row);
        n++;
    }
    assert_null(fgets(row, sizeof row, csv));
    assert_int_equal(n, frames);
    fclose(csv);
    ct_log_reader_close(reader);
}

static void test_log_reader_agrees_with_python_can_frame_by_frame(void **state)
{
    NEEDS_CORPUS();
    compare_with_csv(*state, "rav4_2s", 4500);
    compare_with_csv(*state, "j1939_truck_3000", 3000);
}

static const char *const paced_log = "(100.000000) can0 001#\n(100.010000) can1 002#\n(bad\n(100.010000) can0 003#\n"
                                     "(100.050000) can0 004#\n(100.040000) can0 005#\n";

static struct ct_port *open_port(struct fixture *f, const char *channel, double speed)
{
    struct ct_port *port = NULL;
    write_file(f, paced_log, strlen(paced_log));
    assert_int_equal(ct_log_port_open(f->path, channel, speed, &port, f->problem, sizeof f->problem), CT_OK);
    assert_int_equal(port->fd, -1);
    return port;
}

static void test_log_port_real_time_hands_frames_out_when_due(void **state)
{
    struct ct_port *port = open_port(*state, NULL, 1);
    const ct_ns start = 7 * CT_NS_PER_S;
    struct ct_frame frames[8];
    size_t n;
    /* Nothing before the clock is known */
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_AGAIN);
    assert_int_equal(ct_port_tick(port, start), start);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(n, 1);
    assert_int_equal(frames[0].t_ns, start);
    assert_int_equal(ct_port_tick(port, start), start + 10 * CT_NS_PER_MS);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_AGAIN);
    /* One nanosecond early is too early */
    ct_port_tick(port, start + 10 * CT_NS_PER_MS - 1);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_AGAIN);
    /* When the reader comes late, it gets what is due with the times it was due */
    ct_port_tick(port, start + 30 * CT_NS_PER_MS);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(frames[0].id, 2);
    assert_int_equal(frames[1].id, 3);
    assert_int_equal(frames[1].t_ns, start + 10 * CT_NS_PER_MS);
    assert_int_equal(port->stats.malformed, 1);
    /* A stamp that runs backwards is played at once after the one before */
    assert_int_equal(ct_port_tick(port, start + 30 * CT_NS_PER_MS), start + 50 * CT_NS_PER_MS);
    ct_port_tick(port, start + 50 * CT_NS_PER_MS);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(frames[1].id, 5);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_END);
    assert_int_equal(ct_port_tick(port, start + CT_NS_PER_S), CT_NS_NEVER);
    assert_int_equal(ct_port_write(port, frames), CT_ERR_UNSUPPORTED);
    ct_port_close(port);
}

static void test_log_port_speed_and_channel_are_obeyed(void **state)
{
    struct ct_port *port = open_port(*state, "can0", 5);
    struct ct_frame frames[8];
    size_t n;
    ct_port_tick(port, 0);
    assert_int_equal(ct_port_read(port, frames, 1, &n), CT_OK);
    assert_int_equal(ct_port_tick(port, 0), 2 * CT_NS_PER_MS); /* 10 ms, five times faster */
    ct_port_tick(port, 2 * CT_NS_PER_MS);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(n, 1);
    assert_int_equal(frames[0].id, 3);
    ct_port_close(port);
    /* As fast as possible: all of it, at the tick's time */
    port = open_port(*state, "can0", 0);
    ct_port_tick(port, 42);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(n, 4);
    assert_int_equal(frames[3].t_ns, 42);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_END);
    ct_port_close(port);
}

/* Nothing to play: the first tick already finds the end, and must ask for the read that tells it. */
static void test_log_port_without_a_frame_asks_to_be_read_at_once(void **state)
{
    struct fixture *f = *state;
    uint8_t cut[4096];
    assert_true(compressed_log(cut, sizeof cut, 100) > 40);
    const struct {
        const void *data;
        size_t len;
        int end;
    } rows[] = {{"", 0, CT_ERR_END}, {"\x01\x02 random\n", 10, CT_ERR_SYNTAX}, {cut, 40, CT_ERR_TRUNCATED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_port *port = NULL;
        struct ct_frame frame;
        size_t n;
        write_file(f, rows[i].data, rows[i].len);
        assert_int_equal(ct_log_port_open(f->path, NULL, 1, &port, f->problem, sizeof f->problem), CT_OK);
        assert_int_equal(ct_port_tick(port, 5), 5);
        assert_int_equal(ct_port_read(port, &frame, 1, &n), rows[i].end);
        assert_int_equal(ct_port_tick(port, 6), CT_NS_NEVER);
        ct_port_close(port);
    }
}

static void test_log_port_cut_log_ends_with_its_place(void **state)
{
    struct fixture *f = *state;
    uint8_t whole[4096];
    uint8_t cut[4096];
    const size_t len = compressed_log(whole, sizeof whole, 100);
    const char *text = "(1.0) can0 123#11\n(1.1) can0 12";
    /* A compressed log without its last byte (of the checksum or of the end mark), and text without its last line */
    memcpy(cut, whole, len);
    const struct {
        const void *data;
        size_t len;
        const char *place;
    } rows[] = {{cut, len - 1, ":"}, {text, strlen(text), ":2:"}, {cut, 20, ":1:"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_port *port = NULL;
        struct ct_frame frames[128];
        size_t n;
        char place[128];
        int err = CT_OK;
        write_file(f, rows[i].data, rows[i].len);
        assert_int_equal(ct_log_port_open(f->path, NULL, 0, &port, f->problem, sizeof f->problem), CT_OK);
        ct_port_tick(port, 5);
        while (err == CT_OK) {
            err = ct_port_read(port, frames, 128, &n);
        }
        assert_int_equal(err, CT_ERR_TRUNCATED);
        snprintf(place, sizeof place, "%s%s", f->path, rows[i].place);
        assert_memory_equal(port->problem, place, strlen(place));
        assert_non_null(strstr(port->problem, ": error: "));
        ct_port_close(port);
    }
}

static void test_log_port_keeps_the_place_of_the_first_bad_line(void **state)
{
    struct fixture *f = *state;
    struct ct_port *port = open_port(f, NULL, 0);
    struct ct_frame frames[8];
    size_t n;
    char place[128];
    ct_port_tick(port, 5);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_OK);
    assert_int_equal(ct_port_read(port, frames, 8, &n), CT_ERR_END);
    snprintf(place, sizeof place, "%s:3:", f->path);
    assert_memory_equal(port->problem, place, strlen(place));
    ct_port_close(port);
}

static void test_log_port_impossible_speed_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ct_port *port = NULL;
    assert_int_equal(ct_log_port_open(f->path, NULL, -1, &port, f->problem, sizeof f->problem), CT_ERR_ARGUMENT);
    assert_int_equal(ct_log_port_open("/nonexistent", NULL, 1, &port, f->problem, sizeof f->problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(f->problem, "/nonexistent"));
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_log_reader_mixed_forms_and_comments_are_read),
        LOG_TEST(test_log_reader_bad_line_is_located_and_passed),
        LOG_TEST(test_log_reader_endless_line_is_one_bad_line),
        LOG_TEST(test_log_reader_missing_file_is_named),
        LOG_TEST(test_log_reader_zstd_whole_and_damaged),
        LOG_TEST(test_log_reader_corpus_logs_have_every_frame),
        LOG_TEST(test_log_reader_agrees_with_python_can_frame_by_frame),
        LOG_TEST(test_log_port_real_time_hands_frames_out_when_due),
        LOG_TEST(test_log_port_speed_and_channel_are_obeyed),
        LOG_TEST(test_log_port_without_a_frame_asks_to_be_read_at_once),
        LOG_TEST(test_log_port_cut_log_ends_with_its_place),
        LOG_TEST(test_log_port_keeps_the_place_of_the_first_bad_line),
        LOG_TEST(test_log_port_impossible_speed_is_refused),
    };
    return cmocka_run_group_tests_name("log_reader", tests, NULL, NULL);
}
