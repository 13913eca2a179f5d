/* The telemetry path without sockets and with time injected: frames written into one end of an in-process port come out
 * as the bytes of stored records, which are read back and compared with what the test itself put into the frames'
 * bits. Nothing of the expected values comes from our decoder. */
#include "batcher.h"
#include "pipeline.h"
#include "port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS         CT_NS_PER_MS
#define UTC_OFFSET INT64_C(1700000000000000000)
#define FRAMES     3000
#define SIGNALS    6

static const char first_dbc[] = "BU_: E\n"
                                "BO_ 100 MOTION: 8 E\n"
                                " SG_ SPEED : 7|16@0+ (0.01,0) [0|0] \"km/h\" E\n"
                                " SG_ ANGLE : 16|12@1- (0.1,5) [0|0] \"deg\" E\n"
                                " SG_ FLAG : 63|1@1+ (1,0) [0|0] \"\" E\n"
                                "BO_ 200 PAGED: 8 E\n"
                                " SG_ PAGE M : 0|8@1+ (1,0) [0|0] \"\" E\n"
                                " SG_ EVEN m0 : 8|32@1- (1,0) [0|0] \"\" E\n"
                                " SG_ ODD m1 : 15|8@0+ (2,1) [0|0] \"\" E\n";
/* SPEED as before, ANGLE with another scale, PAGED unknown, another message known */
static const char second_dbc[] = "BU_: E\n"
                                 "BO_ 100 MOTION: 8 E\n"
                                 " SG_ SPEED : 7|16@0+ (0.01,0) [0|0] \"km/h\" E\n"
                                 " SG_ ANGLE : 16|12@1- (0.2,5) [0|0] \"deg\" E\n"
                                 "BO_ 300 OTHER: 8 E\n"
                                 " SG_ COUNT : 0|16@1+ (1,0) [0|0] \"\" E\n";
static const char mapping_json[] =
    "{\"Vehicle\":{\"type\":\"branch\",\"children\":{\"Speed\":{\"type\":\"sensor\",\"datatype\":\"float\","
    "\"unit\":\"km/h\",\"dbc2vss\":{\"signal\":\"SPEED\",\"on_change\":true}}}}}";

/* What the test knows of a signal: its last value, and each change it made. */
struct known {
    const char *name;
    bool seen;
    double value;
    size_t changes;
};

struct expected {
    ct_ns t_ns;
    double value;
    size_t known;
};

struct stage {
    struct ct_port *car, *gateway;
    struct ct_pipeline pipeline;
    struct ct_batcher *batcher;
    struct ct_bus_counts counts;
    struct ct_catalogue *catalogues[2];
    size_t catalogue_count;
    struct ct_buf records[64];
    size_t record_count;
    struct known known[SIGNALS];
    struct expected expected[FRAMES * 4];
    size_t expected_count;
    /* reading back */
    const struct ct_catalogue *reading;
    size_t read_samples;
    size_t matched[SIGNALS];
};

static struct ct_pipeline make_pipeline(const char *dbc_text)
{
    struct ct_pipeline pipeline = {0};
    struct ct_dbc *dbc = NULL;
    struct ct_mapping *mapping = NULL;
    char problem[400];
    assert_int_equal(ct_dbc_parse("flow.dbc", dbc_text, strlen(dbc_text), NULL, NULL, &dbc), CT_OK);
    assert_int_equal(ct_mapping_parse("map", mapping_json, strlen(mapping_json), &mapping, problem, sizeof problem),
                     CT_OK);
    const struct ct_bind_bus bus = {.name = "can0", .dbcs = &dbc, .dbc_count = 1};
    assert_int_equal(ct_bind_create(&bus, 1, mapping, "map", &pipeline.bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline.bind, &pipeline.twin), CT_OK);
    const struct ct_collect_rule all = {.match = "*", .on_change = true};
    assert_int_equal(ct_collect_create(&all, 1, ct_bind_catalogue(pipeline.bind), &pipeline.collect), CT_OK);
    return pipeline;
}

static void flush(struct stage *s)
{
    if (ct_batcher_count(s->batcher) == 0) {
        return;
    }
    assert_true(s->record_count < 64);
    struct ct_buf *record = &s->records[s->record_count++];
    const struct ct_record_head head = {.seq = s->record_count};
    ct_buf_init(record, CT_LINK_MESSAGE_MAX);
    assert_int_equal(ct_batcher_encode(s->batcher, &head, s->catalogues[s->catalogue_count - 1], UTC_OFFSET, 0, record),
                     CT_OK);
    ct_batcher_clear(s->batcher);
}

static int gather(void *user, const struct ct_sample *sample)
{
    struct stage *s = user;
    if (ct_batcher_add(s->batcher, sample, sample->t_ns) == CT_ERR_FULL) {
        flush(s);
        assert_int_equal(ct_batcher_add(s->batcher, sample, sample->t_ns), CT_OK);
    }
    return CT_OK;
}

static void use_pipeline(struct stage *s, const char *dbc_text)
{
    struct ct_pipeline next = make_pipeline(dbc_text);
    if (s->pipeline.bind != NULL) {
        flush(s);
        ct_pipeline_carry(&next, &s->pipeline);
        ct_pipeline_close(&s->pipeline);
    }
    s->pipeline = next;
    s->catalogues[s->catalogue_count++] = ct_catalogue_ref(ct_bind_catalogue(next.bind));
}

static struct stage *open_stage(void)
{
    static const char *const names[SIGNALS] = {"can0.MOTION.SPEED",      "can0.MOTION.ANGLE",     "can0.MOTION.FLAG",
                                               "can0.PAGED.EVEN@PAGE=0", "can0.PAGED.ODD@PAGE=1", "Vehicle.Speed"};
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    for (size_t i = 0; i < SIGNALS; i++) {
        s->known[i].name = names[i];
    }
    assert_int_equal(ct_port_pair(16, &s->car, &s->gateway), CT_OK);
    assert_int_equal(ct_batcher_create(&s->batcher), CT_OK);
    use_pipeline(s, first_dbc);
    return s;
}

static void close_stage(struct stage *s)
{
    for (size_t i = 0; i < s->record_count; i++) {
        ct_buf_free(&s->records[i]);
    }
    for (size_t i = 0; i < s->catalogue_count; i++) {
        ct_catalogue_unref(s->catalogues[i]);
    }
    ct_pipeline_close(&s->pipeline);
    ct_batcher_free(s->batcher);
    ct_port_close(s->car);
    ct_port_close(s->gateway);
    free(s);
}

/* The gateway's bus thread in four lines. */
static void serve(struct stage *s, ct_ns now)
{
    struct ct_frame frames[16];
    size_t count = 0;
    while (ct_port_read(s->gateway, frames, 16, &count) == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            ct_pipeline_frame(&s->pipeline, &frames[i], now, &s->counts, gather, s);
        }
    }
    ct_pipeline_tick(&s->pipeline, now, gather, s);
}

static void send(struct stage *s, uint32_t id, const uint8_t data[8], ct_ns now)
{
    struct ct_frame frame = {.t_ns = now, .id = id, .len = 8};
    memcpy(frame.data, data, 8);
    assert_int_equal(ct_port_write(s->car, &frame), CT_OK);
    serve(s, now);
}

static void expect(struct stage *s, size_t known, double value, ct_ns now)
{
    struct known *k = &s->known[known];
    if (k->seen && k->value == value) {
        return;
    }
    k->seen = true;
    k->value = value;
    k->changes++;
    s->expected[s->expected_count++] = (struct expected){now, value, known};
}

/* speed: big-endian in bytes 0 and 1; angle: low byte in byte 2, high nibble in the low half of byte 3, two's
 * complement of 12 bits; flag: the top bit of byte 7. */
static void send_motion(struct stage *s, unsigned speed, int angle, bool flag, ct_ns now)
{
    const unsigned angle_bits = (unsigned)angle & 0xFFFU;
    const uint8_t data[8] = {
        (uint8_t)(speed >> 8), (uint8_t)speed, (uint8_t)angle_bits, (uint8_t)(angle_bits >> 8), 0, 0, 0,
        flag ? 0x80 : 0};
    send(s, 100, data, now);
}

static void send_paged(struct stage *s, bool odd, int32_t value, ct_ns now)
{
    const uint32_t bits = (uint32_t)value;
    const uint8_t data[8] = {odd ? 1 : 0, (uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                             (uint8_t)(bits >> 24)};
    send(s, 200, data, now);
}

/* ---- reading back */

static const struct ct_catalogue *find_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct stage *s = user;
    for (size_t i = 0; i < s->catalogue_count; i++) {
        if (memcmp(ct_catalogue_hash(s->catalogues[i]), hash, CT_HASH_SIZE) == 0) {
            return s->catalogues[i];
        }
    }
    return NULL;
}

static int on_begin(void *user, const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                    const struct ct_batch_time *time, size_t count)
{
    struct stage *s = user;
    (void)head;
    assert_true(time->base_utc_ns - time->base_ns == UTC_OFFSET);
    assert_true(count <= CT_BATCHER_SAMPLES);
    s->reading = catalogue;
    return CT_OK;
}

static size_t known_of(const struct stage *s, const char *name)
{
    size_t i = 0;
    while (i < SIGNALS && strcmp(s->known[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Records keep samples of one entry in order of time, so the next expected one of that signal must be it. */
static int on_sample(void *user, const struct ct_sample *sample)
{
    struct stage *s = user;
    const struct ct_entry *entry = ct_catalogue_entry(s->reading, sample->id);
    const size_t known = known_of(s, entry->name);
    if (known == SIGNALS) {
        return CT_OK; /* PAGE and COUNT have no expectations */
    }
    size_t skip = s->matched[known]++;
    for (size_t i = 0; i < s->expected_count; i++) {
        if (s->expected[i].known == known && skip-- == 0) {
            assert_true(ct_entry_physical(entry, sample) == s->expected[i].value);
            assert_true(sample->t_ns == s->expected[i].t_ns);
            assert_int_equal(sample->quality, 0);
            s->read_samples++;
            return CT_OK;
        }
    }
    fail_msg("%s has a sample that was never sent", entry->name);
    return CT_OK;
}

static int on_end(void *user)
{
    (void)user;
    return CT_OK;
}

static void read_back(struct stage *s)
{
    const struct ct_record_sink sink = {
        .user = s, .catalogue = find_catalogue, .batch_begin = on_begin, .sample = on_sample, .batch_end = on_end};
    flush(s);
    for (size_t i = 0; i < s->record_count; i++) {
        assert_int_equal(ct_record_decode(s->records[i].data, s->records[i].len, &sink), CT_OK);
    }
    for (size_t i = 0; i < SIGNALS; i++) {
        assert_int_equal(s->matched[i], s->known[i].changes);
    }
    assert_int_equal(s->read_samples, s->expected_count);
}

static void test_telemetry_every_change_arrives_in_the_records(void **state)
{
    (void)state;
    struct stage *s = open_stage();
    for (int i = 0; i < FRAMES; i++) {
        const ct_ns now = (1000 + i) * MS;
        if (i % 2 == 0) {
            const unsigned speed = (unsigned)(i * 37) & 0xFFFFU;
            const int angle = i % 4000 - 2000;
            const bool flag = (i / 10) % 2 == 1;
            send_motion(s, speed, angle, flag, now);
            expect(s, 0, (double)speed * 0.01 + 0.0, now);
            expect(s, 1, (double)angle * 0.1 + 5.0, now);
            expect(s, 2, flag ? 1 : 0, now);
            expect(s, 5, (double)speed * 0.01 + 0.0, now);
        } else {
            const bool odd = i % 4 == 3;
            const int32_t value = (int32_t)((uint32_t)i * 2654435761U);
            send_paged(s, odd, value, now);
            expect(s, odd ? 4 : 3, odd ? (double)((uint32_t)value & 0xFFU) * 2 + 1 : (double)value, now);
        }
    }
    assert_int_equal(s->counts.frames, FRAMES);
    assert_int_equal(s->counts.by_class[CT_FRAME_DECODED], FRAMES);
    assert_true(s->expected_count > FRAMES);
    read_back(s);
    close_stage(s);
}

static void test_telemetry_reload_between_frames_loses_nothing(void **state)
{
    (void)state;
    struct stage *s = open_stage();
    for (int i = 0; i < 100; i++) {
        send_motion(s, (unsigned)i, i, false, (1000 + 2 * i) * MS);
        expect(s, 0, i * 0.01, (1000 + 2 * i) * MS);
        expect(s, 1, i * 0.1 + 5.0, (1000 + 2 * i) * MS);
        expect(s, 2, 0, (1000 + 2 * i) * MS);
        expect(s, 5, i * 0.01, (1000 + 2 * i) * MS);
        send_paged(s, false, i, (1001 + 2 * i) * MS);
        expect(s, 3, i, (1001 + 2 * i) * MS);
    }
    /* when frames are still waiting in the port */
    const uint8_t waiting[8] = {0x12, 0x34};
    struct ct_frame frame = {.t_ns = 2000 * MS, .id = 100, .len = 8};
    memcpy(frame.data, waiting, 8);
    assert_int_equal(ct_port_write(s->car, &frame), CT_OK);
    use_pipeline(s, second_dbc);
    /* then the value of the unchanged signal is there before any frame, the rescaled one is not */
    struct ct_reading reading;
    uint32_t id = 0;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(s->pipeline.bind), "can0.MOTION.SPEED", &id), CT_OK);
    assert_int_equal(ct_twin_get(s->pipeline.twin, id, &reading), CT_OK);
    assert_int_equal(reading.sample.raw, 99);
    assert_true(reading.sample.t_ns == 1198 * MS);
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(s->pipeline.bind), "can0.MOTION.ANGLE", &id), CT_OK);
    assert_int_equal(ct_twin_get(s->pipeline.twin, id, &reading), CT_OK);
    assert_int_equal(reading.sample.quality, CT_Q_NEVER_SEEN);
    /* and the waiting frame and all later ones are counted in the same counters */
    serve(s, 2000 * MS);
    expect(s, 0, 0x1234 * 0.01, 2000 * MS);
    expect(s, 1, 5.0, 2000 * MS);
    expect(s, 5, 0x1234 * 0.01, 2000 * MS);
    send_paged(s, false, 7, 2001 * MS);
    const uint8_t other[8] = {1};
    send(s, 300, other, 2002 * MS);
    assert_int_equal(s->counts.frames, 203);
    assert_int_equal(s->counts.by_class[CT_FRAME_DECODED], 202);
    assert_int_equal(s->counts.by_class[CT_FRAME_UNKNOWN], 1);
    read_back(s);
    close_stage(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_telemetry_every_change_arrives_in_the_records),
        cmocka_unit_test(test_telemetry_reload_between_frames_loses_nothing),
    };
    return cmocka_run_group_tests_name("telemetry_flow", tests, NULL, NULL);
}
