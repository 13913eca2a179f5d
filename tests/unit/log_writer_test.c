/* What the writer writes, the reader reads back: random frames in every format, cut anywhere, and disks that are full.
 */
#include "log_reader.h"
#include "log_writer.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES  3000
#define START_S INT64_C(1700000000)

static const char *const extensions[] = {".log", ".asc", ".blf"};
#define FORMATS (sizeof extensions / sizeof extensions[0])

struct fixture {
    char folder[64];
    char path[128];
    struct ct_frame frames[FRAMES];
    char channels[FRAMES][8];
    uint64_t seed;
};

static uint64_t draw(struct fixture *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

/* Any frame that all formats can hold: an error frame only says that it is one. */
static struct ct_frame random_frame(struct fixture *f, int64_t stamp)
{
    struct ct_frame frame = {.t_ns = stamp, .utc_ns = stamp};
    const unsigned kind = (unsigned)(draw(f) % 8);
    if (kind == 0) {
        frame.id = 0x80;
        frame.flags = CT_FRAME_ERR;
        frame.len = 8;
        return frame;
    }
    frame.flags = (draw(f) % 4) == 0 ? CT_FRAME_SENT : 0;
    const bool ext = draw(f) % 2 == 0;
    frame.flags |= ext ? CT_FRAME_EXT : 0;
    frame.id = (uint32_t)draw(f) & (ext ? CT_ID_EXT_MAX : CT_ID_STD_MAX);
    if (kind == 1) {
        frame.flags |= CT_FRAME_RTR;
        frame.len = (uint8_t)(draw(f) % 9);
        return frame;
    }
    if (kind < 5) {
        frame.flags |= CT_FRAME_FD;
        frame.flags |= draw(f) % 2 == 0 ? CT_FRAME_BRS : 0;
        frame.flags |= draw(f) % 2 == 0 ? CT_FRAME_ESI : 0;
    }
    frame.len = ct_frame_length_from_dlc((uint8_t)(draw(f) % 16), kind < 5);
    for (unsigned i = 0; i < frame.len; i++) {
        frame.data[i] = (uint8_t)draw(f);
    }
    return frame;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    f->seed = 0x9E3779B97F4A7C15;
    snprintf(f->folder, sizeof f->folder, "/tmp/cantwin-writer-XXXXXX");
    int64_t stamp = START_S * CT_NS_PER_S + 123456 * CT_NS_PER_US;
    for (size_t i = 0; i < FRAMES; i++) {
        f->frames[i] = random_frame(f, stamp);
        snprintf(f->channels[i], sizeof f->channels[i], "can%u", (unsigned)(draw(f) % 4));
        stamp += (int64_t)(draw(f) % 5000) * CT_NS_PER_US;
    }
    *state = f;
    return mkdtemp(f->folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < FORMATS; i++) {
        snprintf(f->path, sizeof f->path, "%s/x%s", f->folder, extensions[i]);
        unlink(f->path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

static struct ct_log_writer *open_writer(struct fixture *f, const char *extension)
{
    struct ct_log_writer *writer = NULL;
    char problem[512];
    snprintf(f->path, sizeof f->path, "%s/x%s", f->folder, extension);
    assert_int_equal(ct_log_writer_open(f->path, NULL, &writer, problem, sizeof problem), CT_OK);
    return writer;
}

static void write_frames(struct fixture *f, struct ct_log_writer *writer, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ct_log_writer_write(writer, &f->frames[i], f->channels[i]), CT_OK);
    }
    assert_int_equal(ct_log_writer_frames(writer), count);
}

static void write_file(struct fixture *f, const char *extension, size_t count)
{
    char problem[512];
    struct ct_log_writer *writer = open_writer(f, extension);
    write_frames(f, writer, count);
    assert_int_equal(ct_log_writer_close(writer, problem, sizeof problem), CT_OK);
}

/* Reads as long as it goes and compares with what was written; the frames read. */
static size_t read_back(const struct fixture *f, int *out_end, unsigned *out_refused)
{
    struct ct_log_reader *reader = NULL;
    struct ct_frame frame;
    const char *channel;
    char problem[512];
    size_t n = 0;
    *out_refused = 0;
    assert_int_equal(ct_log_reader_open(f->path, &reader, problem, sizeof problem), CT_OK);
    for (;;) {
        const int err = ct_log_reader_next(reader, &frame, &channel);
        if (err == CT_OK) {
            const struct ct_frame *expected = &f->frames[n];
            assert_int_equal(frame.t_ns, expected->t_ns);
            assert_int_equal(frame.utc_ns, expected->utc_ns);
            assert_true(ct_frame_same(&frame, expected));
            assert_int_equal(frame.flags & CT_FRAME_SENT, expected->flags & CT_FRAME_SENT);
            assert_string_equal(channel, f->channels[n]);
            n++;
        } else if (err == CT_ERR_SYNTAX) {
            *out_refused += 1;
        } else {
            *out_end = err;
            break;
        }
    }
    ct_log_reader_close(reader);
    return n;
}

static void test_log_writer_random_frames_come_back_in_every_format(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < FORMATS; i++) {
        int end;
        unsigned refused;
        write_file(f, extensions[i], FRAMES);
        assert_int_equal(read_back(f, &end, &refused), FRAMES);
        assert_int_equal(end, CT_ERR_END);
        assert_int_equal(refused, 0);
        /* An empty log is a log */
        write_file(f, extensions[i], 0);
        assert_int_equal(read_back(f, &end, &refused), 0);
        assert_int_equal(end, CT_ERR_END);
        assert_int_equal(refused, 0);
    }
}

static void copy_start(const struct fixture *f, const uint8_t *data, size_t len)
{
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static size_t whole_file(const struct fixture *f, uint8_t *out, size_t max)
{
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    const size_t len = fread(out, 1, max, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len < max);
    return len;
}

/* The piece the cut goes through may be read as something shorter, which nobody can tell (text: fewer digits of the
 * last line); everything before it must be there. So the last frame is left out of the comparison. */
static void test_log_writer_file_cut_anywhere_loses_only_the_torn_rest(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = malloc(65536);
    assert_non_null(data);
    for (size_t i = 0; i < FORMATS; i++) {
        const bool text = i < 2;
        size_t before = 0;
        write_file(f, extensions[i], 12);
        const size_t len = whole_file(f, data, 65536);
        for (size_t cut = 1; cut < len; cut++) {
            struct ct_log_reader *reader = NULL;
            struct ct_frame frame;
            char problem[512];
            size_t n = 0;
            size_t same = 0;
            int err;
            copy_start(f, data, cut);
            assert_int_equal(ct_log_reader_open(f->path, &reader, problem, sizeof problem), CT_OK);
            while ((err = ct_log_reader_next(reader, &frame, NULL)) == CT_OK || err == CT_ERR_SYNTAX) {
                same += err == CT_OK && n < 12 && ct_frame_same(&frame, &f->frames[n]) ? 1U : 0U;
                n += err == CT_OK ? 1U : 0U;
            }
            assert_true(n <= 12 && n - same <= (text ? 1U : 0U));
            assert_true(same + (text ? 1U : 0U) >= before);
            assert_true(err == CT_ERR_END || (!text && err == CT_ERR_TRUNCATED));
            before = same > before ? same : before;
            ct_log_reader_close(reader);
        }
        assert_true(before >= 11);
    }
    free(data);
}

static void test_log_writer_killed_behind_a_flush_leaves_a_whole_log(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < FORMATS; i++) {
        char problem[512];
        int end;
        unsigned refused;
        struct ct_log_writer *writer = open_writer(f, extensions[i]);
        write_frames(f, writer, 100);
        assert_int_equal(ct_log_writer_flush(writer), CT_OK);
        /* Read before it is closed: what a kill at this moment leaves */
        assert_int_equal(read_back(f, &end, &refused), 100);
        assert_int_equal(end, CT_ERR_END);
        assert_int_equal(ct_log_writer_close(writer, problem, sizeof problem), CT_OK);
    }
}

static void test_log_writer_full_disk_is_told_and_counted(void **state)
{
    struct fixture *f = *state;
    static const char *const formats[] = {"candump", "asc", "blf"};
    for (size_t i = 0; i < FORMATS; i++) {
        struct ct_log_writer *writer = NULL;
        char problem[512] = "";
        int err = CT_OK;
        assert_int_equal(ct_log_writer_open("/dev/full", formats[i], &writer, problem, sizeof problem), CT_OK);
        for (size_t k = 0; k < FRAMES && err == CT_OK; k++) {
            err = ct_log_writer_write(writer, &f->frames[k], "can0");
        }
        assert_int_not_equal(err, CT_OK);
        const uint64_t lost = ct_log_writer_lost(writer);
        assert_true(lost > 0);
        assert_int_equal(ct_log_writer_frames(writer), 0);
        assert_int_equal(ct_log_writer_write(writer, &f->frames[0], "can0"), err);
        assert_int_equal(ct_log_writer_lost(writer), lost + 1);
        assert_int_equal(ct_log_writer_close(writer, problem, sizeof problem), err);
        assert_non_null(strstr(problem, "/dev/full: error: cannot write the log: No space left"));
    }
}

static void test_log_writer_channels_keep_apart(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"can0", "vcan0", "chassis", "can3"};
    static const char *const expected[] = {"can0", "can1", "can2", "can3"};
    for (size_t i = 1; i < FORMATS; i++) {
        char problem[512];
        struct ct_log_reader *reader = NULL;
        struct ct_log_writer *writer = open_writer(f, extensions[i]);
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(ct_log_writer_write(writer, &f->frames[k], names[k]), CT_OK);
        }
        assert_int_equal(ct_log_writer_close(writer, problem, sizeof problem), CT_OK);
        assert_int_equal(ct_log_reader_open(f->path, &reader, problem, sizeof problem), CT_OK);
        for (size_t k = 0; k < 4; k++) {
            struct ct_frame frame;
            const char *channel;
            assert_int_equal(ct_log_reader_next(reader, &frame, &channel), CT_OK);
            assert_string_equal(channel, expected[k]);
        }
        ct_log_reader_close(reader);
    }
}

static void test_log_writer_unknown_extension_is_refused(void **state)
{
    struct ct_log_writer *writer = NULL;
    char problem[512];
    (void)state;
    assert_int_equal(ct_log_writer_open("/tmp/x.mf4", NULL, &writer, problem, sizeof problem), CT_ERR_ARGUMENT);
    assert_non_null(strstr(problem, "/tmp/x.mf4: error: "));
    assert_int_equal(ct_log_writer_open("/nonexistent/x.blf", NULL, &writer, problem, sizeof problem),
                     CT_ERR_NOT_FOUND);
    assert_true(ct_log_writer_knows("Drive.BLF"));
    assert_false(ct_log_writer_knows("can0"));
}

#define WRITER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITER_TEST(test_log_writer_random_frames_come_back_in_every_format),
        WRITER_TEST(test_log_writer_file_cut_anywhere_loses_only_the_torn_rest),
        WRITER_TEST(test_log_writer_killed_behind_a_flush_leaves_a_whole_log),
        WRITER_TEST(test_log_writer_full_disk_is_told_and_counted),
        WRITER_TEST(test_log_writer_channels_keep_apart),
        WRITER_TEST(test_log_writer_unknown_extension_is_refused),
    };
    return cmocka_run_group_tests_name("log_writer", tests, NULL, NULL);
}
