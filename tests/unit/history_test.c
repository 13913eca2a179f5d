/* History against a plain list of everything that was put in: what comes out must be the same samples, bit for bit. */
#include "chunk_column.h"
#include "history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNALS 4 /* one of each kind, in the order of enum ct_kind */
#define ROUNDS  700
#define VEHICLE 7

struct fixture {
    char folder[64];
    char path[96];
    struct ct_catalogue *catalogue;
    struct ct_database database;
    struct ct_history *history;
    struct ct_chunk open;
    /* the reference */
    struct ct_chunk_sample put[SIGNALS * ROUNDS];
    uint8_t bytes[SIGNALS * ROUNDS][CT_BYTES_MAX];
    size_t count;
};

static const struct ct_catalogue *lookup(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct fixture *fixture = user;
    return memcmp(hash, ct_catalogue_hash(fixture->catalogue), CT_HASH_SIZE) == 0 ? fixture->catalogue : NULL;
}

static struct ct_catalogue *make_catalogue(void)
{
    static const char *const names[SIGNALS] = {"Vehicle.Raw", "Vehicle.Double", "Vehicle.Bytes", "Vehicle.String"};
    struct ct_catalogue_builder *builder;
    struct ct_catalogue *catalogue;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (uint32_t i = 0; i < SIGNALS; i++) {
        const struct ct_entry entry = {.name = names[i],
                                       .unit = "",
                                       .comment = "",
                                       .kind = (enum ct_kind)i,
                                       .datatype = CT_DT_INT64,
                                       .factor = 1,
                                       .bytes_max = i >= CT_KIND_BYTES ? CT_BYTES_MAX : 0};
        uint32_t id;
        assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
        assert_int_equal(id, i);
    }
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static void open_store(struct fixture *fixture)
{
    char problem[256] = "";
    if (ct_database_open(fixture->path, &fixture->database, problem, sizeof problem) != CT_OK) {
        fail_msg("%s", problem);
    }
    assert_int_equal(ct_history_open(&fixture->database, lookup, fixture, &fixture->history), CT_OK);
}

static void close_store(struct fixture *fixture)
{
    ct_history_close(fixture->history);
    ct_database_close(&fixture->database);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "%s", "/tmp/cantwin-history-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/fleet.db", fixture->folder);
    fixture->catalogue = make_catalogue();
    ct_chunk_init(&fixture->open);
    open_store(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    close_store(fixture);
    ct_chunk_free(&fixture->open);
    ct_catalogue_unref(fixture->catalogue);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    const int code = system(command);
    free(fixture);
    return code;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 11;
}

/* Values that packing could get wrong: extremes, signs, NaN with a payload, empty and full-length bytes. */
static struct ct_chunk_sample make_sample(struct fixture *fixture, uint32_t id, unsigned round, uint64_t *seed)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1};
    static const double doubles[] = {0.0, -0.0, 1e-310, 1.7976931348623157e308, -3.5};
    struct ct_chunk_sample sample = {.id = id, .utc_us = 1700000000000000 + (int64_t)round * 1000};
    sample.utc_us += (int64_t)(next_random(seed) % 500);
    sample.quality = next_random(seed) % 9 == 0 ? (uint16_t)(next_random(seed) % 128) : 0;
    if (id == CT_KIND_RAW) {
        sample.raw = round % 5 == 0 ? extremes[next_random(seed) % 6] : (int64_t)(next_random(seed) % 1000) - 500;
    } else if (id == CT_KIND_DOUBLE) {
        sample.number = round % 7 == 0 ? nan("0x1234") : doubles[next_random(seed) % 5];
    } else {
        uint8_t *bytes = fixture->bytes[fixture->count];
        sample.len = (uint16_t)(next_random(seed) % (CT_BYTES_MAX + 1));
        memset(bytes, (int)(next_random(seed) % 256), sample.len);
        sample.bytes = bytes;
    }
    return sample;
}

/* Puts ROUNDS samples of every signal, storing a chunk every `store_every` rounds; the rest stays open. */
static void put_all(struct fixture *fixture, unsigned store_every)
{
    uint64_t seed = 2611;
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint32_t id = 0; id < SIGNALS; id++) {
            const struct ct_chunk_sample sample = make_sample(fixture, id, round, &seed);
            fixture->put[fixture->count++] = sample;
            assert_int_equal(ct_chunk_add(&fixture->open, (enum ct_kind)id, &sample), CT_OK);
        }
        if (round % store_every == store_every - 1) {
            assert_int_equal(ct_history_store(fixture->history, VEHICLE, &fixture->open, fixture->catalogue), CT_OK);
        }
    }
    assert_int_equal(ct_database_commit(&fixture->database), CT_OK);
}

static void assert_sample(const struct ct_chunk_sample *got, const struct ct_chunk_sample *wanted, enum ct_kind kind)
{
    assert_int_equal(got->utc_us, wanted->utc_us);
    assert_int_equal(got->quality, wanted->quality);
    if (kind == CT_KIND_RAW) {
        assert_int_equal(got->raw, wanted->raw);
    } else if (kind == CT_KIND_DOUBLE) {
        assert_memory_equal(&got->number, &wanted->number, sizeof wanted->number);
    } else {
        assert_int_equal(got->len, wanted->len);
        if (wanted->len > 0) {
            assert_memory_equal(got->bytes, wanted->bytes, wanted->len);
        }
    }
}

static void assert_range(struct fixture *fixture, uint32_t id, int64_t from_us, int64_t to_us)
{
    struct ct_history_range range;
    const char *name = ct_catalogue_entry(fixture->catalogue, id)->name;
    const struct ct_history_source source = {VEHICLE, name, &fixture->open, fixture->catalogue};
    assert_int_equal(ct_history_query(fixture->history, &source, from_us, to_us, &range), CT_OK);
    size_t at = 0;
    for (size_t i = 0; i < fixture->count; i++) {
        const struct ct_chunk_sample *wanted = &fixture->put[i];
        if (wanted->id == id && wanted->utc_us >= from_us && wanted->utc_us <= to_us) {
            assert_true(at < range.count);
            assert_int_equal(range.kinds[at], id);
            assert_sample(&range.samples[at], wanted, (enum ct_kind)id);
            at++;
        }
    }
    assert_int_equal(range.count, at);
    assert_false(range.truncated);
    ct_history_range_free(&range);
}

static void test_history_stored_and_open_samples_come_back_exactly(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, 150); /* 4 chunks of 600 samples, 100 rounds stay open */
    for (uint32_t id = 0; id < SIGNALS; id++) {
        const int64_t t0 = 1700000000000000;
        assert_range(fixture, id, INT64_MIN, INT64_MAX);
        assert_range(fixture, id, t0 + 149000, t0 + 151000);                         /* over a border of chunks */
        assert_range(fixture, id, t0 + 599000, t0 + 601000);                         /* stored and open */
        assert_range(fixture, id, fixture->put[id].utc_us, fixture->put[id].utc_us); /* both ends belong to it */
        assert_range(fixture, id, t0 - 10, t0 - 1);
    }
}

/* ------------------------------------------------------------------------------------------------ columns */

static int64_t number_of(struct fixture *fixture, const char *what)
{
    char text[160];
    sqlite3_stmt *statement = NULL;
    (void)snprintf(text, sizeof text, "SELECT %s", what);
    assert_int_equal(sqlite3_prepare_v2(fixture->database.sqlite, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

static void execute(struct fixture *fixture, const char *text)
{
    assert_int_equal(sqlite3_exec(fixture->database.sqlite, text, NULL, NULL, NULL), SQLITE_OK);
}

static void merge_until_few_wait(struct fixture *fixture)
{
    int err = CT_OK;
    while (err == CT_OK) {
        err = ct_history_merge(fixture->history, VEHICLE);
    }
    assert_int_equal(err, CT_ERR_END);
}

static void test_history_columns_give_the_same_samples(void **state)
{
    struct fixture *fixture = *state;
    const int64_t t0 = 1700000000000000;
    put_all(fixture, 5); /* 140 chunks */
    merge_until_few_wait(fixture);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks WHERE form = 1"), 2);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks WHERE form = 0"), 20);
    assert_int_equal(number_of(fixture, "count(*) FROM columns"), 2 * SIGNALS);
    for (uint32_t id = 0; id < SIGNALS; id++) {
        assert_range(fixture, id, INT64_MIN, INT64_MAX);
        assert_range(fixture, id, t0 + 299000, t0 + 301000); /* over a border of merged ones */
        assert_range(fixture, id, t0 + 599000, t0 + 601000); /* merged and waiting */
        assert_range(fixture, id, t0 + 10000, t0 + 10000);
    }
    uint64_t count = 0;
    assert_int_equal(ct_history_sample_count(fixture->history, &count), CT_OK);
    assert_int_equal(count, fixture->count);
}

static void test_history_columns_keep_the_order_of_arrival(void **state)
{
    struct fixture *fixture = *state;
    /* given: all at the same time, in 70 chunks of which 60 become columns */
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    for (unsigned i = 0; i < 70; i++) {
        const struct ct_chunk_sample sample = {.id = 0, .utc_us = 50, .raw = i};
        assert_int_equal(ct_chunk_add(&fixture->open, CT_KIND_RAW, &sample), CT_OK);
        assert_int_equal(ct_history_store(fixture->history, VEHICLE, &fixture->open, fixture->catalogue), CT_OK);
    }
    merge_until_few_wait(fixture);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks"), 11);
    struct ct_history_range range;
    const struct ct_history_source source = {VEHICLE, "Vehicle.Raw", &fixture->open, fixture->catalogue};
    assert_int_equal(ct_history_query(fixture->history, &source, 0, 100, &range), CT_OK);
    assert_int_equal(range.count, 70);
    for (unsigned i = 0; i < 70; i++) {
        assert_int_equal(range.samples[i].raw, i);
    }
    ct_history_range_free(&range);
    struct ct_history_value value;
    assert_int_equal(ct_history_last(fixture->history, &source, 100, &value), CT_OK);
    assert_int_equal(value.sample.utc_us, 50);
}

static void test_history_merge_leaves_a_damaged_chunk_alone(void **state)
{
    struct fixture *fixture = *state;
    const int64_t t0 = 1700000000000000;
    put_all(fixture, 5);
    execute(fixture, "UPDATE chunks SET data = x'0102030405060708' WHERE id = 30");
    execute(fixture, "UPDATE chunks SET data = x'' WHERE id = 33"); /* and few readable ones between two */
    merge_until_few_wait(fixture);
    assert_int_equal(number_of(fixture, "min(id) FROM chunks WHERE form = 1"), 1);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks WHERE form = 2 AND id BETWEEN 30 AND 33"), 4);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks WHERE form = 1"), 2);
    for (uint32_t id = 0; id < SIGNALS; id++) {
        assert_range(fixture, id, INT64_MIN, t0 + 144000); /* before the damage, and behind it */
        assert_range(fixture, id, t0 + 166000, INT64_MAX);
    }
    struct ct_history_range range;
    const struct ct_history_source source = {VEHICLE, "Vehicle.Raw", NULL, NULL};
    assert_int_equal(ct_history_query(fixture->history, &source, t0, t0 + 150000, &range), CT_ERR_CORRUPT);
}

/* Another catalogue ends a run; here it is one that nobody knows, so its chunks cannot be read either. */
static void test_history_merge_keeps_catalogues_apart(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, 5);
    execute(fixture, "UPDATE chunks SET catalogue = zeroblob(32) WHERE id BETWEEN 21 AND 25");
    merge_until_few_wait(fixture);
    assert_int_equal(number_of(fixture, "samples FROM chunks WHERE id = 1"), 20 * 5 * SIGNALS);
    assert_int_equal(number_of(fixture, "count(*) FROM chunks WHERE form = 2"), 5);
    for (uint32_t id = 0; id < SIGNALS; id++) {
        assert_range(fixture, id, INT64_MIN, 1700000000000000 + 99000);
        assert_range(fixture, id, 1700000000000000 + 126000, INT64_MAX);
    }
}

static void test_history_merge_rolled_back_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, 5);
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    assert_int_equal(ct_history_merge(fixture->history, VEHICLE), CT_OK);
    close_store(fixture); /* without a commit */
    open_store(fixture);
    assert_int_equal(number_of(fixture, "count(*) FROM columns"), 0);
    for (uint32_t id = 0; id < SIGNALS; id++) {
        assert_range(fixture, id, INT64_MIN, INT64_MAX);
    }
}

static int add_up(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    (void)kind;
    (void)sample;
    ++*(size_t *)user;
    return CT_OK;
}

/* Every byte of a column changed in turn, and every length: an answer, and never more samples than it has bytes. */
static int damage_column(void *user, uint32_t id, const uint8_t *data, size_t len)
{
    struct ct_chunk_unpacker *unpacker = user;
    uint8_t *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, data, len);
    for (size_t at = 0; at < len; at += 7) {
        size_t samples = 0;
        copy[at] ^= 0x10;
        assert_true(ct_column_unpack(unpacker, copy, len, id, add_up, &samples) <= 0);
        assert_true(samples <= 2 * CT_COLUMNS_BYTES_MAX);
        copy[at] ^= 0x10;
        assert_true(ct_column_unpack(unpacker, copy, at, id, add_up, &samples) < 0);
    }
    free(copy);
    return CT_OK;
}

static void test_column_damaged_bytes_are_refused_without_harm(void **state)
{
    struct fixture *fixture = *state;
    struct ct_columns *columns = NULL;
    struct ct_chunk_unpacker *unpacker = NULL;
    struct ct_buf packed;
    put_all(fixture, ROUNDS + 1);
    ct_buf_init(&packed, CT_CHUNK_BYTES_MAX);
    assert_int_equal(ct_chunk_pack(&fixture->open, fixture->catalogue, &packed), CT_OK);
    assert_int_equal(ct_chunk_unpacker_create(&unpacker), CT_OK);
    assert_int_equal(ct_columns_create(SIGNALS, &columns), CT_OK);
    assert_int_equal(ct_columns_add(columns, unpacker, packed.data, packed.len), CT_OK);
    assert_int_equal(ct_columns_pack(columns, damage_column, unpacker), CT_OK);
    /* a chunk of signals that the columns do not have */
    ct_columns_free(columns);
    assert_int_equal(ct_columns_create(SIGNALS - 1, &columns), CT_OK);
    assert_int_equal(ct_columns_add(columns, unpacker, packed.data, packed.len), CT_ERR_CORRUPT);
    assert_int_equal(ct_columns_pack(columns, damage_column, unpacker), CT_OK);
    ct_columns_free(columns);
    ct_chunk_unpacker_free(unpacker);
    ct_buf_free(&packed);
}

#define BINS 37

/* The same as asking for every sample and putting it where it belongs. */
static void test_history_bins_are_those_of_the_samples(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, 5);
    merge_until_few_wait(fixture);
    struct ct_history_bin bins[BINS];
    struct ct_history_bin wanted[BINS] = {0};
    uint64_t width_us = 0;
    const struct ct_entry *entry = NULL;
    const int64_t from = 1700000000000000 + 3000;
    const int64_t to = from + 600000;
    const struct ct_history_source source = {VEHICLE, "Vehicle.Raw", &fixture->open, fixture->catalogue};
    assert_int_equal(ct_history_bins(fixture->history, &source, from, to, bins, BINS, &width_us, &entry), CT_OK);
    for (size_t i = 0; i < fixture->count; i++) {
        const struct ct_chunk_sample *put = &fixture->put[i];
        if (put->id != CT_KIND_RAW || put->utc_us < from || put->utc_us > to) {
            continue;
        }
        struct ct_history_bin *bin = &wanted[(uint64_t)(put->utc_us - from) / width_us];
        const double value = (double)put->raw;
        bin->min = bin->count == 0 || value < bin->min ? value : bin->min;
        bin->max = bin->count == 0 || value > bin->max ? value : bin->max;
        bin->last = bin->count == 0 || put->utc_us >= bin->last_us ? value : bin->last;
        bin->last_us = bin->count == 0 || put->utc_us >= bin->last_us ? put->utc_us : bin->last_us;
        bin->sum += value;
        bin->count++;
    }
    for (size_t i = 0; i < BINS; i++) {
        assert_int_equal(bins[i].count, wanted[i].count);
        assert_true(bins[i].count == 0 || (bins[i].min == wanted[i].min && bins[i].max == wanted[i].max &&
                                           bins[i].last == wanted[i].last && bins[i].last_us == wanted[i].last_us &&
                                           fabs(bins[i].sum - wanted[i].sum) <= fabs(wanted[i].sum) * 1e-9));
    }
}

static void test_history_reopened_file_holds_the_stored_chunks(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, ROUNDS);
    close_store(fixture);
    open_store(fixture);
    for (uint32_t id = 0; id < SIGNALS; id++) {
        assert_range(fixture, id, INT64_MIN, INT64_MAX);
    }
    uint64_t count = 0;
    assert_int_equal(ct_history_sample_count(fixture->history, &count), CT_OK);
    assert_int_equal(count, fixture->count);
}

static void test_history_rolled_back_chunk_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct ct_chunk_sample sample = {.id = 0, .utc_us = 5, .raw = 1};
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    assert_int_equal(ct_chunk_add(&fixture->open, CT_KIND_RAW, &sample), CT_OK);
    assert_int_equal(ct_history_store(fixture->history, VEHICLE, &fixture->open, fixture->catalogue), CT_OK);
    close_store(fixture); /* without a commit */
    open_store(fixture);
    assert_range(fixture, 0, INT64_MIN, INT64_MAX);
}

static void test_history_late_samples_are_sorted_by_time(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t times[] = {50, 10, 30, 10, 20};
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    for (unsigned i = 0; i < 5; i++) {
        const struct ct_chunk_sample sample = {.id = 0, .utc_us = times[i], .raw = i};
        assert_int_equal(ct_chunk_add(&fixture->open, CT_KIND_RAW, &sample), CT_OK);
        if (i == 2) {
            assert_int_equal(ct_history_store(fixture->history, VEHICLE, &fixture->open, fixture->catalogue), CT_OK);
        }
    }
    struct ct_history_range range;
    const struct ct_history_source source = {VEHICLE, "Vehicle.Raw", &fixture->open, fixture->catalogue};
    assert_int_equal(ct_history_query(fixture->history, &source, 0, 100, &range), CT_OK);
    static const int64_t wanted[] = {1, 3, 4, 2, 0}; /* raw values by time, the earlier arrival first */
    assert_int_equal(range.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(range.samples[i].raw, wanted[i]);
    }
    ct_history_range_free(&range);
}

static int count_gap(void *user, int64_t from, int64_t to, int reason, uint64_t samples, uint64_t first, uint64_t last)
{
    unsigned *seen = user;
    assert_int_equal(from, 1000 + *seen);
    assert_int_equal(to, 2000 + *seen);
    assert_int_equal(reason, CT_GAP_OUTBOX_FULL);
    assert_int_equal(samples, 12);
    assert_int_equal(first, UINT64_MAX - 1);
    assert_int_equal(last, UINT64_MAX);
    (*seen)++;
    return CT_OK;
}

static void test_history_gaps_and_events_come_back(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ct_database_begin(&fixture->database), CT_OK);
    for (int64_t i = 0; i < 3; i++) {
        const struct ct_gap gap = {.seq_first = UINT64_MAX - 1,
                                   .seq_last = UINT64_MAX,
                                   .from_utc_ns = (1000 + i) * CT_NS_PER_MS,
                                   .to_utc_ns = (2000 + i) * CT_NS_PER_MS,
                                   .samples = 12,
                                   .reason = CT_GAP_OUTBOX_FULL};
        assert_int_equal(ct_history_add_gap(fixture->history, VEHICLE, &gap), CT_OK);
    }
    unsigned seen = 0;
    assert_int_equal(ct_history_gaps(fixture->history, VEHICLE, 2000, 9000, 100, count_gap, &seen), CT_OK);
    assert_int_equal(seen, 3);
    seen = 0;
    assert_int_equal(ct_history_gaps(fixture->history, VEHICLE, 0, 999, 100, count_gap, &seen), CT_OK);
    assert_int_equal(seen, 0);
    assert_int_equal(ct_history_gaps(fixture->history, VEHICLE + 1, 0, 9000, 100, count_gap, &seen), CT_OK);
    assert_int_equal(seen, 0);
}

static int refuse_all(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    (void)user;
    (void)kind;
    (void)sample;
    return CT_OK;
}

static void test_chunk_damaged_bytes_are_refused_without_harm(void **state)
{
    struct fixture *fixture = *state;
    put_all(fixture, ROUNDS + 1);
    struct ct_buf packed;
    ct_buf_init(&packed, CT_CHUNK_BYTES_MAX);
    assert_int_equal(ct_chunk_pack(&fixture->open, fixture->catalogue, &packed), CT_OK);
    for (size_t len = 0; len < packed.len; len += 97) {
        assert_int_not_equal(ct_chunk_unpack(packed.data, len, CT_CHUNK_ALL, refuse_all, NULL), CT_OK);
    }
    for (size_t at = 0; at < packed.len; at += 13) {
        packed.data[at] ^= 0x10;
        /* any answer will do: the sanitizers watch */
        const int answer = ct_chunk_unpack(packed.data, packed.len, CT_CHUNK_ALL, refuse_all, NULL);
        assert_true(answer <= 0);
        packed.data[at] ^= 0x10;
    }
    ct_buf_free(&packed);
}

static void test_chunk_of_another_catalogue_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct ct_buf packed;
    ct_buf_init(&packed, CT_CHUNK_BYTES_MAX);
    for (uint32_t id = 0; id <= SIGNALS; id++) { /* the last one is not in the catalogue */
        const struct ct_chunk_sample sample = {.id = id, .utc_us = 1, .bytes = (const uint8_t *)""};
        const enum ct_kind kind = id < SIGNALS ? (enum ct_kind)id : CT_KIND_RAW;
        assert_int_equal(ct_chunk_add(&fixture->open, kind, &sample), CT_OK);
    }
    assert_int_equal(ct_chunk_pack(&fixture->open, fixture->catalogue, &packed), CT_ERR_RANGE);
    ct_buf_free(&packed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_history_stored_and_open_samples_come_back_exactly),
        TEST(test_history_columns_give_the_same_samples),
        TEST(test_history_columns_keep_the_order_of_arrival),
        TEST(test_history_merge_leaves_a_damaged_chunk_alone),
        TEST(test_history_merge_keeps_catalogues_apart),
        TEST(test_history_merge_rolled_back_changes_nothing),
        TEST(test_column_damaged_bytes_are_refused_without_harm),
        TEST(test_history_bins_are_those_of_the_samples),
        TEST(test_history_reopened_file_holds_the_stored_chunks),
        TEST(test_history_rolled_back_chunk_leaves_nothing),
        TEST(test_history_late_samples_are_sorted_by_time),
        TEST(test_history_gaps_and_events_come_back),
        TEST(test_chunk_damaged_bytes_are_refused_without_harm),
        TEST(test_chunk_of_another_catalogue_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
