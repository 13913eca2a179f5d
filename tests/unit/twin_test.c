#include "twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#define MS CT_NS_PER_MS

static const struct ct_entry raw_entry = {.unit = "", .comment = "", .kind = CT_KIND_RAW, .factor = 1.0};

static struct ct_catalogue *make_catalogue(const struct ct_entry *entries, size_t count)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t id;
        assert_int_equal(ct_catalogue_builder_add(builder, &entries[i], &id), CT_OK);
    }
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static struct ct_twin *make_twin(const struct ct_entry *entries, size_t count)
{
    struct ct_catalogue *catalogue = make_catalogue(entries, count);
    struct ct_twin *twin = NULL;
    assert_int_equal(ct_twin_create(catalogue, &twin), CT_OK);
    ct_catalogue_unref(catalogue); /* the twin keeps its own reference */
    return twin;
}

static struct ct_entry entry_named(const char *name)
{
    struct ct_entry entry = raw_entry;
    entry.name = name;
    return entry;
}

static void put_raw(struct ct_twin *twin, uint32_t id, int64_t raw, ct_ns now)
{
    const struct ct_sample sample = {.id = id, .raw = raw, .t_ns = now - 5};
    assert_int_equal(ct_twin_put(twin, &sample, now), CT_OK);
}

static unsigned quality_of(const struct ct_twin *twin, uint32_t id)
{
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(twin, id, &reading), CT_OK);
    return reading.sample.quality;
}

static size_t drain(struct ct_twin *twin, unsigned consumer)
{
    size_t count = 0;
    uint32_t cursor = 0;
    uint32_t id;
    while (ct_twin_next_change(twin, consumer, &cursor, &id) == CT_OK) {
        count++;
    }
    return count;
}

static void test_twin_new_has_never_seen_anything(void **state)
{
    (void)state;
    const struct ct_entry entry = entry_named("a");
    struct ct_twin *twin = make_twin(&entry, 1);
    assert_int_equal(quality_of(twin, 0), CT_Q_NEVER_SEEN);
    assert_int_equal(drain(twin, 0), 0);
    assert_true(ct_twin_tick(twin, 1000 * CT_NS_PER_S) == CT_NS_NEVER);
    assert_int_equal(ct_twin_revision(twin), 0);
    ct_twin_free(twin);
    ct_twin_free(NULL);
}

static void test_twin_put_stores_value_and_times(void **state)
{
    (void)state;
    const struct ct_entry entry = entry_named("a");
    struct ct_twin *twin = make_twin(&entry, 1);
    put_raw(twin, 0, -7, 100);
    put_raw(twin, 0, 8, 200);
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(twin, 0, &reading), CT_OK);
    assert_int_equal(reading.sample.raw, 8);
    assert_int_equal(reading.sample.quality, 0);
    assert_int_equal(reading.sample.t_ns, 195);
    assert_int_equal(reading.received_ns, 200);
    assert_int_equal(reading.updates, 2);
    const struct ct_sample unknown = {.id = 1};
    assert_int_equal(ct_twin_put(twin, &unknown, 1), CT_ERR_RANGE);
    assert_int_equal(ct_twin_get(twin, 1, &reading), CT_ERR_RANGE);
    ct_twin_free(twin);
}

static void test_twin_same_value_again_is_no_change(void **state)
{
    (void)state;
    struct ct_entry entries[2] = {entry_named("a"), entry_named("b")};
    entries[1].kind = CT_KIND_DOUBLE;
    struct ct_twin *twin = make_twin(entries, 2);
    const struct ct_sample nan_sample = {.id = 1, .number = (double)NAN};
    put_raw(twin, 0, 1, 1);
    assert_int_equal(ct_twin_put(twin, &nan_sample, 1), CT_OK);
    assert_int_equal(drain(twin, 0), 2);
    put_raw(twin, 0, 1, 2);
    assert_int_equal(ct_twin_put(twin, &nan_sample, 2), CT_OK);
    assert_int_equal(drain(twin, 0), 0);
    assert_int_equal(ct_twin_revision(twin), 2);
    const struct ct_sample flagged = {.id = 0, .raw = 1, .quality = CT_Q_NOT_AVAILABLE};
    assert_int_equal(ct_twin_put(twin, &flagged, 3), CT_OK);
    assert_int_equal(drain(twin, 0), 1);
    ct_twin_free(twin);
}

static void test_twin_consumers_see_changes_independently_in_order(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    static char names[COUNT][8];
    static struct ct_entry entries[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
        entries[i] = entry_named(names[i]);
    }
    struct ct_twin *twin = make_twin(entries, COUNT);
    static const uint32_t changed[] = {0, 63, 64, 127, 128, 199};
    for (size_t i = 0; i < 6; i++) {
        put_raw(twin, changed[5 - i], 1, 1);
    }
    for (unsigned consumer = 0; consumer < CT_TWIN_CONSUMERS; consumer++) {
        uint32_t cursor = 0;
        uint32_t id = 0;
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(ct_twin_next_change(twin, consumer, &cursor, &id), CT_OK);
            assert_int_equal(id, changed[i]);
        }
        assert_int_equal(ct_twin_next_change(twin, consumer, &cursor, &id), CT_ERR_END);
    }
    put_raw(twin, 64, 2, 2);
    uint32_t cursor = 65; /* behind the change: it stays for the next round */
    uint32_t id = 0;
    assert_int_equal(ct_twin_next_change(twin, 0, &cursor, &id), CT_ERR_END);
    assert_int_equal(drain(twin, 0), 1);
    assert_int_equal(ct_twin_next_change(twin, CT_TWIN_CONSUMERS, &cursor, &id), CT_ERR_RANGE);
    ct_twin_free(twin);
}

static void test_twin_bytes_and_strings_keep_their_length(void **state)
{
    (void)state;
    struct ct_entry entries[2] = {entry_named("vin"), entry_named("blob")};
    entries[0].kind = CT_KIND_STRING;
    entries[0].bytes_max = 17;
    entries[1].kind = CT_KIND_BYTES;
    entries[1].bytes_max = 4;
    struct ct_twin *twin = make_twin(entries, 2);
    const uint8_t text[] = "WVWZZZ1JZXW000001";
    const struct ct_sample vin = {.id = 0, .len = 17, .bytes = text};
    const struct ct_sample long_blob = {.id = 1, .len = 5, .bytes = text};
    const struct ct_sample empty = {.id = 1, .len = 0, .bytes = NULL};
    assert_int_equal(ct_twin_put(twin, &vin, 1), CT_OK);
    assert_int_equal(ct_twin_put(twin, &long_blob, 1), CT_ERR_TOO_LARGE);
    assert_int_equal(quality_of(twin, 1), CT_Q_NEVER_SEEN);
    assert_int_equal(ct_twin_put(twin, &empty, 1), CT_OK);
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(twin, 0, &reading), CT_OK);
    assert_int_equal(reading.sample.len, 17);
    assert_memory_equal(reading.sample.bytes, text, 17);
    assert_int_equal(drain(twin, 0), 2);
    assert_int_equal(ct_twin_put(twin, &reading.sample, 2), CT_OK); /* its own memory back */
    assert_int_equal(drain(twin, 0), 0);
    ct_twin_free(twin);
}

/* 0.1 steps: 3 * 0.1 is above 0.3 and 0.7 / 0.1 is below 7 in doubles, yet 3 and 7 are the range's ends. */
static void test_twin_range_edges_are_inside(void **state)
{
    (void)state;
    static const struct {
        double factor, offset, min, max;
        bool is_unsigned;
        int64_t raw;
        bool inside;
    } cases[] = {
        {0.1, 0.0, 0.3, 0.7, false, 3, true},
        {0.1, 0.0, 0.3, 0.7, false, 7, true},
        {0.1, 0.0, 0.3, 0.7, false, 2, false},
        {0.1, 0.0, 0.3, 0.7, false, 8, false},
        {-0.5, 10.0, 0.0, 10.0, false, 20, true},
        {-0.5, 10.0, 0.0, 10.0, false, 21, false},
        {-0.5, 10.0, 0.0, 10.0, false, -1, false},
        {1.0, 0.0, 0.0, 0.0, false, 123456, true}, /* no range */
        {1.0, 0.0, -10.0, -5.0, true, 0, false},   /* unsigned, all of the range below zero */
        {1.0, 0.0, 0.0, 0x1p64, true, -1, true},   /* the bits of 2^64 - 1 */
        {1.0, 0.0, 0.0, 255.0, true, -1, false},
        {1.0, 0.0, -0x1p63, 0x1p63, false, INT64_MIN, true},
        {1.0, 0.5, 0.0, 2.0, false, 2, false}, /* 2.5 */
        {1.0, 0.5, 0.0, 2.0, false, -1, false},
        {1.0, 0.5, 0.0, 2.0, false, 0, true},
        {1.0, 0.0, -(double)INFINITY, 5.0, false, INT64_MIN, true},
        {1.0, 0.0, -(double)INFINITY, 5.0, false, 6, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_entry entry = entry_named("a");
        entry.factor = cases[i].factor;
        entry.offset = cases[i].offset;
        entry.min = cases[i].min;
        entry.max = cases[i].max;
        entry.is_unsigned = cases[i].is_unsigned;
        struct ct_twin *twin = make_twin(&entry, 1);
        put_raw(twin, 0, cases[i].raw, 1);
        assert_int_equal(quality_of(twin, 0), cases[i].inside ? 0 : CT_Q_OUT_OF_RANGE);
        ct_twin_free(twin);
    }
}

static void test_twin_double_range_excludes_nan(void **state)
{
    (void)state;
    struct ct_entry entry = entry_named("a");
    entry.kind = CT_KIND_DOUBLE;
    entry.min = -1.0;
    entry.max = 1.0;
    struct ct_twin *twin = make_twin(&entry, 1);
    static const double values[] = {1.0, 1.0000001, -1.0, (double)NAN};
    static const unsigned expected[] = {0, CT_Q_OUT_OF_RANGE, 0, CT_Q_OUT_OF_RANGE};
    for (size_t i = 0; i < 4; i++) {
        const struct ct_sample sample = {.id = 0, .number = values[i]};
        assert_int_equal(ct_twin_put(twin, &sample, 1), CT_OK);
        assert_int_equal(quality_of(twin, 0), expected[i]);
    }
    ct_twin_free(twin);
}

static void test_twin_refused_frame_keeps_last_good_value(void **state)
{
    (void)state;
    const struct ct_entry entry = entry_named("a");
    struct ct_twin *twin = make_twin(&entry, 1);
    put_raw(twin, 0, 42, 10);
    (void)drain(twin, 0);
    ct_twin_mark(twin, 0, CT_Q_CHECKSUM, 20);
    ct_twin_mark(twin, 0, CT_Q_CHECKSUM, 30); /* no news */
    ct_twin_mark(twin, 99, CT_Q_CHECKSUM, 30);
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(twin, 0, &reading), CT_OK);
    assert_int_equal(reading.sample.raw, 42);
    assert_int_equal(reading.sample.quality, CT_Q_CHECKSUM);
    assert_int_equal(reading.received_ns, 10);
    assert_int_equal(ct_twin_revision(twin), 2);
    assert_int_equal(drain(twin, 0), 1);
    put_raw(twin, 0, 42, 40); /* a good frame clears it */
    assert_int_equal(quality_of(twin, 0), 0);
    ct_twin_free(twin);
}

static void test_twin_value_goes_stale_at_its_timeout_and_comes_back(void **state)
{
    (void)state;
    struct ct_entry entry = entry_named("a");
    entry.timeout_ns = 100 * MS;
    struct ct_twin *twin = make_twin(&entry, 1);
    assert_true(ct_twin_tick(twin, 1000 * MS) == CT_NS_NEVER); /* never seen is not stale */
    put_raw(twin, 0, 1, 1000 * MS);
    assert_int_equal(ct_twin_tick(twin, 1000 * MS), 1100 * MS);
    put_raw(twin, 0, 1, 1060 * MS); /* put off */
    (void)drain(twin, 1);
    assert_int_equal(ct_twin_tick(twin, 1100 * MS), 1160 * MS);
    assert_int_equal(ct_twin_tick(twin, 1160 * MS - 1), 1160 * MS);
    assert_int_equal(quality_of(twin, 0), 0);
    assert_true(ct_twin_tick(twin, 1160 * MS) == CT_NS_NEVER);
    assert_int_equal(quality_of(twin, 0), CT_Q_STALE);
    assert_int_equal(drain(twin, 1), 1);
    assert_true(ct_twin_tick(twin, 9999 * MS) == CT_NS_NEVER);
    assert_int_equal(drain(twin, 1), 0); /* told once */
    put_raw(twin, 0, 1, 10000 * MS);
    assert_int_equal(quality_of(twin, 0), 0);
    assert_int_equal(drain(twin, 1), 1);
    assert_int_equal(ct_twin_tick(twin, 10000 * MS), 10100 * MS);
    ct_twin_free(twin);
}

static void test_twin_timeout_beyond_the_end_of_time_never_comes(void **state)
{
    (void)state;
    struct ct_entry entry = entry_named("a");
    entry.timeout_ns = INT64_MAX;
    struct ct_twin *twin = make_twin(&entry, 1);
    put_raw(twin, 0, 1, 5);
    assert_true(ct_twin_tick(twin, INT64_MAX - 1) == CT_NS_NEVER);
    assert_int_equal(quality_of(twin, 0), 0);
    ct_twin_free(twin);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Thousands of entries with random timeouts, updates at random (now and then slightly earlier than before) and ticks,
 * beside a model that looks at every entry each time. */
static void test_twin_staleness_agrees_with_naive_model(void **state)
{
    (void)state;
    enum { COUNT = 3000, STEPS = 3000 };
    static char names[COUNT][8];
    static struct ct_entry entries[COUNT];
    static ct_ns received[COUNT];
    static bool seen[COUNT], stale[COUNT];
    const char *given = getenv("CANTWIN_SEED");
    uint64_t seed = given == NULL ? UINT64_C(0x9E3779B97F4A7C15) : strtoull(given, NULL, 0) | 1;
    print_message("CANTWIN_SEED=%#llx\n", (unsigned long long)seed);
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
        entries[i] = entry_named(names[i]);
        entries[i].timeout_ns = i % 7 == 0 ? 0 : (ct_ns)(next_random(&seed) % 2000) * MS;
    }
    struct ct_twin *twin = make_twin(entries, COUNT);
    ct_ns now = 1;
    for (size_t step = 0; step < STEPS; step++) {
        now += (ct_ns)(next_random(&seed) % (4 * MS));
        for (size_t k = next_random(&seed) % 20; k > 0; k--) {
            const uint32_t id = (uint32_t)(next_random(&seed) % COUNT);
            received[id] = now - (ct_ns)(next_random(&seed) % (3 * MS));
            seen[id] = true;
            stale[id] = false;
            put_raw(twin, id, (int64_t)step, received[id]);
        }
        const ct_ns next = ct_twin_tick(twin, now);
        ct_ns earliest = CT_NS_NEVER;
        for (uint32_t id = 0; id < COUNT; id++) {
            const ct_ns timeout = entries[id].timeout_ns;
            stale[id] = stale[id] || (seen[id] && timeout > 0 && received[id] + timeout <= now);
            if (seen[id] && timeout > 0 && !stale[id]) {
                earliest = ct_ns_min(earliest, received[id] + timeout);
            }
            if (step % 50 == 0 || step + 1 == STEPS) {
                assert_int_equal(quality_of(twin, id), !seen[id] ? CT_Q_NEVER_SEEN : stale[id] ? CT_Q_STALE : 0);
            }
        }
        assert_true(next <= earliest);
        assert_true(next > now);
    }
    ct_twin_free(twin);
}

static void test_twin_carry_copies_what_still_means_the_same(void **state)
{
    (void)state;
    enum { SAME, RESCALED, GONE, UNSEEN, RANGED, TEXT, SHORT, OLD_COUNT };
    struct ct_entry old_entries[OLD_COUNT] = {
        entry_named("same"),   entry_named("rescaled"), entry_named("gone"),  entry_named("unseen"),
        entry_named("ranged"), entry_named("text"),     entry_named("short"),
    };
    old_entries[TEXT].kind = old_entries[SHORT].kind = CT_KIND_STRING;
    old_entries[TEXT].bytes_max = old_entries[SHORT].bytes_max = 8;
    struct ct_entry new_entries[7];
    memcpy(new_entries, old_entries, sizeof(new_entries));
    new_entries[GONE] = entry_named("added");
    new_entries[SAME] = old_entries[RESCALED];
    new_entries[SAME].factor = 2.0;
    new_entries[RESCALED] = old_entries[SAME]; /* another id now */
    new_entries[RESCALED].timeout_ns = 50;
    new_entries[RANGED].max = 5.0;
    new_entries[SHORT].bytes_max = 3;
    struct ct_twin *old = make_twin(old_entries, OLD_COUNT);
    const struct ct_sample text = {.id = TEXT, .len = 4, .bytes = (const uint8_t *)"abcd"};
    const struct ct_sample short_text = {.id = SHORT, .len = 4, .bytes = (const uint8_t *)"abcd"};
    put_raw(old, SAME, 11, 1000);
    put_raw(old, SAME, 12, 2000);
    put_raw(old, RESCALED, 13, 2000);
    put_raw(old, GONE, 14, 2000);
    put_raw(old, RANGED, 15, 2000);
    assert_int_equal(ct_twin_put(old, &text, 2000), CT_OK);
    assert_int_equal(ct_twin_put(old, &short_text, 2000), CT_OK);
    struct ct_twin *twin = make_twin(new_entries, 7);
    assert_int_equal(ct_twin_carry(twin, old), 3);
    assert_true(ct_twin_revision(twin) > ct_twin_revision(old));
    ct_twin_free(old);
    assert_int_equal(quality_of(twin, SAME), CT_Q_NEVER_SEEN);
    assert_int_equal(quality_of(twin, RANGED), CT_Q_OUT_OF_RANGE);
    assert_int_equal(quality_of(twin, SHORT), CT_Q_NEVER_SEEN);
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(twin, RESCALED, &reading), CT_OK);
    assert_int_equal(reading.sample.id, RESCALED);
    assert_int_equal(reading.sample.raw, 12);
    assert_int_equal(reading.sample.t_ns, 1995);
    assert_int_equal(reading.updates, 2);
    assert_int_equal(ct_twin_get(twin, TEXT, &reading), CT_OK);
    assert_memory_equal(reading.sample.bytes, "abcd", 4);
    assert_int_equal(drain(twin, 0), 3);
    assert_true(ct_twin_tick(twin, 2049) == 2050); /* by the new timeout */
    assert_true(ct_twin_tick(twin, 2050) == CT_NS_NEVER);
    assert_int_equal(quality_of(twin, RESCALED), CT_Q_STALE);
    ct_twin_free(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin_new_has_never_seen_anything),
        cmocka_unit_test(test_twin_put_stores_value_and_times),
        cmocka_unit_test(test_twin_same_value_again_is_no_change),
        cmocka_unit_test(test_twin_consumers_see_changes_independently_in_order),
        cmocka_unit_test(test_twin_bytes_and_strings_keep_their_length),
        cmocka_unit_test(test_twin_range_edges_are_inside),
        cmocka_unit_test(test_twin_double_range_excludes_nan),
        cmocka_unit_test(test_twin_refused_frame_keeps_last_good_value),
        cmocka_unit_test(test_twin_value_goes_stale_at_its_timeout_and_comes_back),
        cmocka_unit_test(test_twin_timeout_beyond_the_end_of_time_never_comes),
        cmocka_unit_test(test_twin_staleness_agrees_with_naive_model),
        cmocka_unit_test(test_twin_carry_copies_what_still_means_the_same),
    };
    return cmocka_run_group_tests_name("twin", tests, NULL, NULL);
}
