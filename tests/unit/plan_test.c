/* The compiled plan: every path of this machine against the definition of a signal, taken bit by bit from the model, on
 * every message of the corpus: random payloads, every length from 0 to 64, selectors with and without branches; and
 * against the oracle. */
#include "by_definition.h"
#include "codec.h"
#include "oracle_rows.h"
#include "testing.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX    64
#define DATA_MAX     2048
#define FAULTS_SHOWN 20
#define UNTOUCHED    INT64_C(0x5A5A5A5A5A5A5A5A)

/* ---- lanes of one message */

struct lanes {
    int64_t *raw;
    int64_t *old;
    double *values;
    uint8_t *active;
    uint8_t *active_physical;
    uint8_t *active_update;
    uint8_t *changed;
    size_t room;
};

static void lanes_init(struct lanes *lanes, size_t room)
{
    *lanes = (struct lanes){.room = room};
    lanes->raw = aligned_alloc(CT_LANE_ALIGN, room * sizeof(int64_t));
    lanes->old = aligned_alloc(CT_LANE_ALIGN, room * sizeof(int64_t));
    lanes->values = aligned_alloc(CT_LANE_ALIGN, room * sizeof(double));
    lanes->active = malloc(room / CT_LANE_GROUP);
    lanes->active_physical = malloc(room / CT_LANE_GROUP);
    lanes->active_update = malloc(room / CT_LANE_GROUP);
    lanes->changed = malloc(room / CT_LANE_GROUP);
    assert_true(lanes->raw != NULL && lanes->old != NULL && lanes->values != NULL && lanes->active != NULL &&
                lanes->active_physical != NULL && lanes->active_update != NULL && lanes->changed != NULL);
}

static void lanes_free(struct lanes *lanes)
{
    free(lanes->raw);
    free(lanes->old);
    free(lanes->values);
    free(lanes->active);
    free(lanes->active_physical);
    free(lanes->active_update);
    free(lanes->changed);
}

static bool bit_of(const uint8_t *bits, size_t lane)
{
    return (bits[lane / CT_LANE_GROUP] >> lane % CT_LANE_GROUP & 1) != 0;
}

/* Fresh raw and physical lanes, and an update of lanes of which every second one holds the right value already. */
static void decode_all(struct lanes *lanes, const struct ct_codec_message *message, const uint8_t *data, size_t len)
{
    const size_t count = ct_codec_lane_count(message);
    assert_true(count <= lanes->room);
    const size_t readable = len > CT_CODEC_FRAME_ROOM ? len : CT_CODEC_FRAME_ROOM;
    uint8_t *exact = malloc(readable); /* so that a byte read too far is seen by the sanitizer */
    assert_non_null(exact);
    memcpy(exact, data, readable);
    for (size_t i = 0; i < count; i++) {
        lanes->raw[i] = UNTOUCHED;
        memcpy(&lanes->values[i], &lanes->raw[i], sizeof(double));
    }
    memset(lanes->active, 0xA5, count / CT_LANE_GROUP);
    memset(lanes->active_physical, 0xA5, count / CT_LANE_GROUP);
    memset(lanes->active_update, 0xA5, count / CT_LANE_GROUP);
    memset(lanes->changed, 0xA5, count / CT_LANE_GROUP);
    ct_codec_decode_raw(message, exact, len, lanes->raw, lanes->active);
    ct_codec_decode_physical(message, exact, len, lanes->values, lanes->active_physical);
    for (size_t i = 0; i < count; i++) {
        lanes->old[i] = i % 2 == 0 ? lanes->raw[i] : ~lanes->raw[i];
    }
    ct_codec_update_raw(message, exact, len, lanes->old, lanes->active_update, lanes->changed);
    free(exact);
}

struct counts {
    uint64_t messages;
    uint64_t frames[CT_CODEC_PATHS];
    uint64_t values[CT_CODEC_PATHS];
    uint64_t switched_off;
    uint64_t faults;
};

static void fault(struct counts *counts, const char *message, const char *signal, size_t len, const char *text)
{
    if (counts->faults++ < FAULTS_SHOWN) {
        print_message("%s.%s, %zu bytes: %s\n", message, signal, len, text);
    }
}

static const char *check_inactive(const struct lanes *lanes, size_t lane)
{
    int64_t bits;
    memcpy(&bits, &lanes->values[lane], sizeof bits);
    if (bit_of(lanes->active, lane) || bit_of(lanes->active_physical, lane) || bit_of(lanes->active_update, lane) ||
        bit_of(lanes->changed, lane)) {
        return "active, but it is not there";
    }
    const int64_t old = lane % 2 == 0 ? UNTOUCHED : ~UNTOUCHED;
    return lanes->raw[lane] == UNTOUCHED && bits == UNTOUCHED && lanes->old[lane] == old
               ? NULL
               : "not active, but its lane was written";
}

static const char *check_active(const struct lanes *lanes, size_t lane, int64_t raw, double value)
{
    if (!bit_of(lanes->active, lane) || !bit_of(lanes->active_physical, lane) || !bit_of(lanes->active_update, lane)) {
        return "there, but not active";
    }
    if (lanes->raw[lane] != raw || lanes->old[lane] != raw) {
        return "raw value differs";
    }
    if (bit_of(lanes->changed, lane) != (lane % 2 != 0)) {
        return "changed is wrong";
    }
    const bool nan = isnan(value) && isnan(lanes->values[lane]);
    return nan || memcmp(&lanes->values[lane], &value, sizeof value) == 0 ? NULL : "physical value differs";
}

static void check_frame(struct counts *counts, enum ct_codec_path path, const struct ct_codec_message *message,
                        struct lanes *lanes, const uint8_t *data, size_t len)
{
    const struct ct_dbc_message *model = ct_codec_model(message);
    decode_all(lanes, message, data, len);
    counts->frames[path]++;
    for (uint16_t i = 0; i < model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[i];
        const uint32_t lane = ct_codec_signal_lane(message, i);
        uint64_t raw = 0;
        if (lane == CT_NO_LANE) {
            continue;
        }
        const bool inside = bits_by_definition(signal, data, len, &raw);
        const bool on = active_by_definition(model, signal, data, len);
        const int64_t want = extended_by_definition(signal, raw);
        const char *text = inside && on ? check_active(lanes, lane, want, physical_by_definition(signal, want))
                                        : check_inactive(lanes, lane);
        counts->values[path] += inside && on;
        counts->switched_off += !on;
        if (text != NULL) {
            fault(counts, model->name, signal->name, len, text);
        }
    }
}

/* ---- every message of the corpus */

static void check_layout(struct counts *counts, const struct ct_codec_message *message)
{
    const struct ct_dbc_message *model = ct_codec_model(message);
    const size_t count = ct_codec_lane_count(message);
    size_t found = 0;
    for (size_t lane = 0; lane < count; lane++) {
        const uint16_t signal = ct_codec_lane_signal(message, lane);
        if (signal == CT_NO_SIGNAL) {
            continue;
        }
        found++;
        if (ct_codec_signal_lane(message, signal) != lane) {
            fault(counts, model->name, model->signals[signal].name, 0, "lanes and signals disagree");
        }
        /* groups are not shared between branches: one selector, one set of values */
        const uint16_t first = ct_codec_lane_signal(message, lane / CT_LANE_GROUP * CT_LANE_GROUP);
        const struct ct_dbc_signal *a = &model->signals[signal];
        const struct ct_dbc_signal *b = &model->signals[first];
        if (a->selector != b->selector || a->range_count != b->range_count ||
            (a->range_count > 0 && memcmp(a->ranges, b->ranges, a->range_count * sizeof *a->ranges) != 0)) {
            fault(counts, model->name, a->name, 0, "shares a group with another branch");
        }
    }
    for (size_t i = 0; i < model->signal_count; i++) {
        found += model->signals[i].kind == CT_DBC_BLOB;
    }
    if (found != model->signal_count || count % CT_LANE_GROUP != 0) {
        fault(counts, model->name, "", 0, "a signal has no lane");
    }
}

static void check_database(struct counts *counts, struct ct_codec *codec, const struct ct_dbc *dbc, uint64_t *random)
{
    uint8_t data[DATA_MAX];
    struct lanes lanes;
    size_t room = CT_LANE_GROUP;
    for (size_t i = 0; i < dbc->message_count; i++) {
        const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[i].name);
        const size_t count = message != NULL ? ct_codec_lane_count(message) : 0;
        room = count > room ? count : room;
    }
    lanes_init(&lanes, room);
    for (size_t i = 0; i < dbc->message_count; i++) {
        const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[i].name);
        assert_non_null(message);
        check_layout(counts, message);
        counts->messages++;
        for (size_t len = 0; len <= FRAME_MAX + 1; len++) {
            const size_t frame = len <= FRAME_MAX ? len : sizeof data; /* a transported message as well */
            random_payload(random, data, sizeof data);
            for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
                if (ct_codec_set_path(codec, path) == CT_OK) {
                    check_frame(counts, path, message, &lanes, data, frame);
                }
            }
        }
    }
    lanes_free(&lanes);
}

static void check_folder(struct counts *counts, const char *folder, uint64_t *random)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char *path = corpus_join(folder, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            check_folder(counts, path, random);
        } else if (strstr(entry->d_name, ".dbc") != NULL) {
            char *text = NULL;
            struct ct_codec *codec = NULL;
            struct ct_dbc *dbc = corpus_dbc(path, &text);
            assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
            check_database(counts, codec, dbc, random);
            ct_codec_free(codec);
            ct_dbc_free(dbc);
            free(text);
        }
        free(path);
    }
    (void)closedir(dir);
}

static void print_counts(const struct counts *counts)
{
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        print_message("plan: %s: %" PRIu64 " frames, %" PRIu64 " values\n", ct_codec_path_name(path),
                      counts->frames[path], counts->values[path]);
    }
}

static void test_plan_every_message_every_length_every_path_equals_the_definition(void **state)
{
    (void)state;
    char *corpus;
    corpus_require(&corpus);
    char *folder = corpus_join(corpus, "dbc");
    struct counts counts = {0};
    uint64_t random = 88172645463325252U;
    check_folder(&counts, folder, &random);
    free(folder);
    free(corpus);
    print_counts(&counts);
    assert_true(counts.messages > 0 && counts.switched_off > 0);
    assert_int_equal(counts.faults, 0);
}

/* ---- the oracle */

static const struct json_value *oracle_value(const struct json_value *signals, const char *name)
{
    for (size_t i = 0; i < signals->count; i++) {
        if (oracle_same_name(name, signals->items[i].key)) {
            return &signals->items[i];
        }
    }
    return NULL;
}

static bool raw_is(const struct ct_dbc_signal *signal, int64_t raw, const struct json_value *want)
{
    const struct json_value *bits = json_get(want, "bits");
    if (bits != NULL) {
        return (uint64_t)raw == strtoull(bits->text, NULL, 16);
    }
    const char *text = json_get(want, "raw")->text;
    return signal->is_signed ? raw == strtoll(text, NULL, 10) : (uint64_t)raw == strtoull(text, NULL, 10);
}

static void check_row(void *user, const struct oracle_row *row)
{
    struct counts *counts = user;
    if (row->message == NULL) {
        return; /* oracle_test judges that */
    }
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    uint8_t data[DATA_MAX];
    assert_true(row->len <= sizeof data);
    memset(data, 0x5A, sizeof data); /* what stands behind a frame does not count */
    memcpy(data, row->data, row->len);
    struct lanes lanes;
    lanes_init(&lanes, ct_codec_lane_count(row->message) + CT_LANE_GROUP);
    decode_all(&lanes, row->message, data, row->len);
    counts->frames[CT_CODEC_SCALAR]++;
    const struct json_value *signals = json_get(row->json, "signals");
    for (uint16_t i = 0; i < model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[i];
        const uint32_t lane = ct_codec_signal_lane(row->message, i);
        const struct json_value *want = oracle_value(signals, signal->name);
        if (lane == CT_NO_LANE || want == NULL) {
            continue;
        }
        counts->values[CT_CODEC_SCALAR]++;
        const double physical = strtod(json_get(want, "phys")->text, NULL);
        if (!bit_of(lanes.active, lane) || !raw_is(signal, lanes.raw[lane], want) ||
            ulp_distance(lanes.values[lane], physical) > 1 ||
            ulp_distance(ct_codec_lane_physical(row->message, lane, lanes.raw[lane]), physical) > 1) {
            fault(counts, row->name, signal->name, row->len, "not what the oracle says");
        }
    }
    lanes_free(&lanes);
}

static void test_plan_lanes_of_the_best_path_equal_the_oracle(void **state)
{
    (void)state;
    struct counts counts = {0};
    (void)oracle_each_row(check_row, &counts);
    print_message("plan: oracle: %" PRIu64 " rows, %" PRIu64 " values\n", counts.frames[CT_CODEC_SCALAR],
                  counts.values[CT_CODEC_SCALAR]);
    assert_true(counts.values[CT_CODEC_SCALAR] > 0);
    assert_int_equal(counts.faults, 0);
}

/* ---- selectors */

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

/* Ranges that overlap, touch, repeat and reach beyond any table; a selector inside a branch. */
static const char selectors[] =
    "BO_ 1 M: 8 A\n SG_ Sel M : 0|16@1+ (1,0) [0|0] \"\" B\n SG_ A m0 : 16|8@1+ (1,0) [0|0] \"\" B\n"
    " SG_ B m0 : 24|8@1- (1,0) [0|0] \"\" B\n SG_ Inner m1M : 32|8@1+ (1,0) [0|0] \"\" B\n"
    " SG_ C m2 : 40|8@1+ (1,0) [0|0] \"\" B\n SG_ D m3 : 48|8@1+ (1,0) [0|0] \"\" B\n"
    " SG_ E m4 : 56|8@1+ (1,0) [0|0] \"\" B\n"
    "SG_MUL_VAL_ 1 A Sel 0-3, 2-5, 1000-2000;\nSG_MUL_VAL_ 1 B Sel 4-4, 300-1500, 65535-65535;\n"
    "SG_MUL_VAL_ 1 Inner Sel 5-6, 40000-50000;\nSG_MUL_VAL_ 1 C Inner 0-0, 7-9;\nSG_MUL_VAL_ 1 D Inner 8-255;\n"
    "SG_MUL_VAL_ 1 E Sel 0-65535;\n";

static void test_plan_every_selector_value_switches_what_its_ranges_say(void **state)
{
    (void)state;
    struct fixture f = compile(selectors);
    const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
    struct counts counts = {0};
    struct lanes lanes;
    lanes_init(&lanes, ct_codec_lane_count(message));
    uint8_t data[FRAME_MAX] = {0, 0, 1, 2, 0, 3, 4, 5};
    for (unsigned value = 0; value <= UINT16_MAX; value++) {
        data[0] = (uint8_t)value;
        data[1] = (uint8_t)(value >> 8);
        data[4] = (uint8_t)(value % 11); /* Inner: 0..10 */
        for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
            if (ct_codec_set_path(f.codec, path) == CT_OK) {
                check_frame(&counts, path, message, &lanes, data, 8);
            }
        }
    }
    assert_true(counts.switched_off > 0);
    assert_int_equal(counts.faults, 0);
    lanes_free(&lanes);
    release(&f);
}

/* Found by the fuzzer: nothing can switch on what a selector over 64 bits selects. */
static void test_plan_selector_over_64_bits_switches_nothing_on(void **state)
{
    (void)state;
    struct fixture f = compile("BO_ 1 M: 16 A\n SG_ Sel M : 0|70@1+ (1,0) [0|0] \"\" B\n"
                               " SG_ A m0 : 80|8@1+ (1,0) [0|0] \"\" B\n SG_ B : 88|8@1+ (1,0) [0|0] \"\" B\n");
    struct counts counts = {0};
    struct lanes lanes;
    const struct ct_codec_message *message = ct_codec_find(f.codec, 1, false);
    const uint8_t data[FRAME_MAX] = {0};
    lanes_init(&lanes, ct_codec_lane_count(message));
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        if (ct_codec_set_path(f.codec, path) == CT_OK) {
            check_frame(&counts, path, message, &lanes, data, 16);
        }
    }
    assert_int_equal(counts.values[CT_CODEC_SCALAR], 1);
    assert_int_equal(counts.faults, 0);
    lanes_free(&lanes);
    release(&f);
}

static void test_plan_path_that_the_machine_lacks_is_refused_and_leaves_the_old(void **state)
{
    (void)state;
    struct fixture f = compile(selectors);
    const enum ct_codec_path best = ct_codec_path(f.codec);
    unsigned refused = 0;
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        const int err = ct_codec_set_path(f.codec, path);
        assert_true(err == CT_OK || err == CT_ERR_UNSUPPORTED);
        assert_true(err == CT_OK ? path <= best : path != ct_codec_path(f.codec));
        refused += err != CT_OK;
    }
    assert_int_equal(ct_codec_set_path(f.codec, CT_CODEC_SCALAR), CT_OK);
    assert_int_equal(ct_codec_set_path(f.codec, CT_CODEC_PATHS), CT_ERR_UNSUPPORTED);
    assert_int_equal(ct_codec_path(f.codec), CT_CODEC_SCALAR);
    assert_true(refused > 0); /* no machine has both NEON and AVX */
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_every_message_every_length_every_path_equals_the_definition),
        cmocka_unit_test(test_plan_lanes_of_the_best_path_equal_the_oracle),
        cmocka_unit_test(test_plan_every_selector_value_switches_what_its_ranges_say),
        cmocka_unit_test(test_plan_selector_over_64_bits_switches_nothing_on),
        cmocka_unit_test(test_plan_path_that_the_machine_lacks_is_refused_and_leaves_the_old),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
