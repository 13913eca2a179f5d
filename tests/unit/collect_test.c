/* collect: which changes leave. The property test compares with a naive model that looks at every millisecond. */
#include "collect.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS    CT_NS_PER_MS
#define TAKEN 20000

struct taken {
    uint32_t id;
    ct_ns at; /* the millisecond of the test in which it left */
    int64_t raw;
    uint16_t quality;
};

struct sink {
    struct taken taken[TAKEN];
    size_t count;
    ct_ns now;
    bool full;
};

static int take(void *user, const struct ct_sample *sample)
{
    struct sink *sink = user;
    if (sink->full) {
        return CT_ERR_FULL;
    }
    assert_true(sink->count < TAKEN);
    sink->taken[sink->count++] = (struct taken){sample->id, sink->now, sample->raw, sample->quality};
    return CT_OK;
}

static struct ct_catalogue *make_catalogue(const char *const *names, size_t count)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = 0;
        const struct ct_entry entry = {
            .name = names[i], .unit = "", .comment = "", .kind = CT_KIND_RAW, .datatype = CT_DT_INT64, .factor = 0.5};
        assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    }
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

struct fixture {
    struct ct_catalogue *catalogue;
    struct ct_twin *twin;
    struct ct_collect *collect;
    struct sink sink;
};

static void open_fixture(struct fixture *f, const char *const *names, size_t count, const struct ct_collect_rule *rules,
                         size_t rule_count)
{
    memset(f, 0, sizeof *f);
    f->catalogue = make_catalogue(names, count);
    assert_int_equal(ct_twin_create(f->catalogue, &f->twin), CT_OK);
    assert_int_equal(ct_collect_create(rules, rule_count, f->catalogue, &f->collect), CT_OK);
}

static void close_fixture(struct fixture *f)
{
    ct_collect_free(f->collect);
    ct_twin_free(f->twin);
    ct_catalogue_unref(f->catalogue);
}

static void put(struct fixture *f, uint32_t id, int64_t raw, uint16_t quality, ct_ns now)
{
    const struct ct_sample sample = {.id = id, .quality = quality, .t_ns = now, .raw = raw};
    f->sink.now = now;
    assert_int_equal(ct_twin_put(f->twin, &sample, now), CT_OK);
    ct_collect_changes(f->collect, f->twin, take, &f->sink);
}

static ct_ns tick(struct fixture *f, ct_ns now)
{
    f->sink.now = now;
    return ct_collect_tick(f->collect, f->twin, now, take, &f->sink);
}

static void test_collect_unlisted_entry_never_leaves(void **state)
{
    (void)state;
    static struct fixture f;
    const char *const names[] = {"can0.A.X", "Vehicle.Speed", "Vehicle.Speeding"};
    const struct ct_collect_rule rules[] = {{.match = "Vehicle.Speed", .on_change = true}};
    open_fixture(&f, names, 3, rules, 1);
    put(&f, 0, 1, 0, 1 * MS);
    put(&f, 2, 1, 0, 2 * MS);
    put(&f, 0, 2, CT_Q_CHECKSUM, 3 * MS);
    assert_int_equal(f.sink.count, 0);
    put(&f, 1, 1, 0, 4 * MS);
    assert_int_equal(f.sink.count, 1);
    assert_int_equal(ct_collect_entries(f.collect), 1);
    assert_false(ct_collect_has(f.collect, 0));
    assert_true(ct_collect_has(f.collect, 1));
    close_fixture(&f);
}

static void test_collect_first_matching_rule_counts(void **state)
{
    (void)state;
    static struct fixture f;
    const char *const names[] = {"Vehicle.A", "Vehicle.B"};
    const struct ct_collect_rule rules[] = {{.match = "Vehicle.A", .interval_ms = 1000, .on_change = true},
                                            {.match = "Vehicle.*", .on_change = true}};
    open_fixture(&f, names, 2, rules, 2);
    for (int i = 0; i < 10; i++) {
        put(&f, 0, i, 0, i * MS);
        put(&f, 1, i, 0, i * MS);
    }
    size_t of_a = 0;
    for (size_t i = 0; i < f.sink.count; i++) {
        of_a += f.sink.taken[i].id == 0 ? 1 : 0;
    }
    assert_int_equal(of_a, 1);
    assert_int_equal(f.sink.count, 11);
    close_fixture(&f);
}

static void test_collect_newest_value_leaves_when_interval_ends(void **state)
{
    (void)state;
    static struct fixture f;
    const char *const names[] = {"V"};
    const struct ct_collect_rule rules[] = {{.match = "V", .interval_ms = 100, .on_change = true}};
    open_fixture(&f, names, 1, rules, 1);
    put(&f, 0, 1, 0, 1000 * MS);
    put(&f, 0, 2, 0, 1010 * MS);
    put(&f, 0, 3, 0, 1020 * MS);
    assert_true(tick(&f, 1050 * MS) == 1100 * MS);
    assert_int_equal(f.sink.count, 1);
    tick(&f, 1100 * MS);
    assert_int_equal(f.sink.count, 2);
    assert_int_equal(f.sink.taken[1].raw, 3);
    assert_true(tick(&f, 5000 * MS) == CT_NS_NEVER);
    assert_int_equal(f.sink.count, 2);
    close_fixture(&f);
}

static void test_collect_quality_change_leaves_at_once(void **state)
{
    (void)state;
    static struct fixture f;
    const char *const names[] = {"V"};
    const struct ct_collect_rule rules[] = {{.match = "V", .interval_ms = 10000, .on_change = true, .threshold = 100}};
    open_fixture(&f, names, 1, rules, 1);
    put(&f, 0, 1, 0, 1000 * MS);
    ct_twin_mark(f.twin, 0, CT_Q_STALE, 1001 * MS);
    ct_collect_changes(f.collect, f.twin, take, &f.sink);
    put(&f, 0, 1, 0, 1002 * MS);
    assert_int_equal(f.sink.count, 3);
    assert_int_equal(f.sink.taken[1].quality, CT_Q_STALE);
    assert_int_equal(f.sink.taken[2].quality, 0);
    close_fixture(&f);
}

static void test_collect_refused_sample_is_counted_and_tried_again(void **state)
{
    (void)state;
    static struct fixture f;
    const char *const names[] = {"V"};
    const struct ct_collect_rule rules[] = {{.match = "V", .on_change = true}};
    open_fixture(&f, names, 1, rules, 1);
    put(&f, 0, 1, 0, 1000 * MS);
    f.sink.full = true;
    put(&f, 0, 2, 0, 1010 * MS);
    put(&f, 0, 3, 0, 1020 * MS);
    assert_int_equal(ct_collect_refused(f.collect), 2);
    f.sink.full = false;
    tick(&f, 1020 * MS + CT_COLLECT_RETRY_MS * MS);
    assert_int_equal(f.sink.count, 2);
    assert_int_equal(f.sink.taken[1].raw, 3);
    assert_int_equal(ct_collect_emitted(f.collect), 2);
    close_fixture(&f);
}

static void test_collect_periodic_rule_without_interval_is_refused(void **state)
{
    (void)state;
    const char *const names[] = {"V"};
    struct ct_catalogue *catalogue = make_catalogue(names, 1);
    struct ct_collect *collect = NULL;
    const struct ct_collect_rule rule = {.match = "V", .on_change = false};
    assert_int_equal(ct_collect_create(&rule, 1, catalogue, &collect), CT_ERR_RANGE);
    ct_catalogue_unref(catalogue);
}

/* ---- against a model that keeps no timers: it looks at every millisecond */

struct model {
    const struct ct_collect_rule *rule;
    bool seen, left;
    int64_t raw, left_raw;
    uint16_t quality, left_quality;
    bool updated; /* since it left */
    int64_t left_ms, grid_ms;
};

static bool far_enough(const struct model *m)
{
    return m->raw != m->left_raw && fabs(0.5 * (double)m->raw - 0.5 * (double)m->left_raw) >= m->rule->threshold;
}

static void model_leave(struct model *m, uint32_t id, int64_t ms, struct sink *expected)
{
    assert_true(expected->count < TAKEN);
    expected->taken[expected->count++] = (struct taken){id, ms * MS, m->raw, m->quality};
    m->left = true;
    m->left_raw = m->raw;
    m->left_quality = m->quality;
    m->left_ms = ms;
    m->grid_ms = ms + m->rule->interval_ms;
    m->updated = false;
}

static void model_look(struct model *m, uint32_t id, int64_t ms, bool end_of_ms, struct sink *expected)
{
    if (!m->seen) {
        return;
    }
    const bool must = !m->left || m->quality != m->left_quality;
    if (m->rule->on_change) {
        if (must || (far_enough(m) && ms - m->left_ms >= m->rule->interval_ms)) {
            model_leave(m, id, ms, expected);
        }
        return;
    }
    if (must) {
        model_leave(m, id, ms, expected);
    } else if (end_of_ms && ms >= m->grid_ms) {
        if (m->updated) {
            model_leave(m, id, ms, expected);
        } else {
            m->grid_ms = ms + m->rule->interval_ms;
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static int by_time(const void *a, const void *b)
{
    const struct taken *x = a;
    const struct taken *y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->at < y->at ? -1 : x->at > y->at ? 1 : 0;
}

static void test_collect_random_updates_leave_as_the_naive_model_says(void **state)
{
    (void)state;
    static struct fixture f;
    static struct sink expected;
    const char *const names[] = {"a", "b", "c", "d", "e"};
    const struct ct_collect_rule rules[] = {
        {.match = "a", .on_change = true},
        {.match = "b", .interval_ms = 17, .on_change = true},
        {.match = "c", .interval_ms = 5, .on_change = true, .threshold = 2.0},
        {.match = "d", .interval_ms = 20, .on_change = false},
        {.match = "e", .on_change = true, .threshold = 1.0},
    };
    for (uint32_t seed = 1; seed <= 20; seed++) {
        uint32_t random = seed;
        struct model models[5] = {0};
        open_fixture(&f, names, 5, rules, 5);
        expected.count = 0;
        for (int64_t ms = 1; ms < 2000; ms++) {
            for (uint32_t id = 0; id < 5; id++) {
                struct model *m = &models[id];
                m->rule = &rules[id];
                /* at most one update of an entry per millisecond, in bursts with pauses */
                if (next_random(&random) % 100 < ((ms / 200) % 2 == 0 ? 40U : 3U)) {
                    m->raw = (int64_t)(next_random(&random) % 7);
                    m->quality = next_random(&random) % 50 == 0 ? CT_Q_CHECKSUM : 0;
                    m->seen = true;
                    m->updated = true;
                    put(&f, id, m->raw, m->quality, ms * MS);
                    model_look(m, id, ms, false, &expected);
                }
                model_look(m, id, ms, true, &expected);
            }
            tick(&f, ms * MS);
        }
        qsort(f.sink.taken, f.sink.count, sizeof f.sink.taken[0], by_time);
        qsort(expected.taken, expected.count, sizeof expected.taken[0], by_time);
        assert_int_equal(f.sink.count, expected.count);
        for (size_t i = 0; i < expected.count; i++) {
            assert_int_equal(f.sink.taken[i].id, expected.taken[i].id);
            assert_int_equal(f.sink.taken[i].at, expected.taken[i].at);
            assert_int_equal(f.sink.taken[i].raw, expected.taken[i].raw);
            assert_int_equal(f.sink.taken[i].quality, expected.taken[i].quality);
        }
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect_unlisted_entry_never_leaves),
        cmocka_unit_test(test_collect_first_matching_rule_counts),
        cmocka_unit_test(test_collect_newest_value_leaves_when_interval_ends),
        cmocka_unit_test(test_collect_quality_change_leaves_at_once),
        cmocka_unit_test(test_collect_refused_sample_is_counted_and_tried_again),
        cmocka_unit_test(test_collect_periodic_rule_without_interval_is_refused),
        cmocka_unit_test(test_collect_random_updates_leave_as_the_naive_model_says),
    };
    return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
