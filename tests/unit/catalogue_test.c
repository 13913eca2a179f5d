#include "bytes.h"
#include "catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>

static const struct ct_entry plain = {.name = "", .unit = "", .comment = "", .kind = CT_KIND_RAW, .factor = 1.0};

static struct ct_entry named(const char *name)
{
    struct ct_entry entry = plain;
    entry.name = name;
    return entry;
}

static struct ct_catalogue *finish(struct ct_catalogue_builder *builder)
{
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static struct ct_catalogue *make(const struct ct_entry *entries, size_t count)
{
    struct ct_catalogue_builder *builder = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = 77;
        assert_int_equal(ct_catalogue_builder_add(builder, &entries[i], &id), CT_OK);
        assert_int_equal(id, i);
    }
    return finish(builder);
}

static const struct ct_enum_text shuffled_texts[] = {{15, "n/a"}, {-1, "R"}, {0, "N"}, {15, "second"}};

/* The example whose bytes were also encoded by hand from catalogue.h and hashed by Python's hashlib.blake2b. */
static const struct ct_entry example[] = {
    {.name = "can0.Engine.Speed",
     .unit = "rpm",
     .comment = "not hashed",
     .kind = CT_KIND_RAW,
     .datatype = CT_DT_FLOAT,
     .is_unsigned = true,
     .factor = 0.25,
     .offset = -0.0,
     .max = 8000.0,
     .timeout_ns = 500000000},
    {.name = "can0.Gear.Lever@Mode=1-3",
     .unit = "",
     .comment = "",
     .kind = CT_KIND_RAW,
     .datatype = CT_DT_INT8,
     .factor = 1.0,
     .texts = shuffled_texts,
     .text_count = 4},
    {.name = "Vehicle.Body.Lights.Beam.Low.IsOn",
     .unit = "",
     .comment = "",
     .kind = CT_KIND_RAW,
     .datatype = CT_DT_BOOLEAN,
     .is_actuator = true,
     .factor = 1.0},
    {.name = "Vehicle.VehicleIdentification.VIN",
     .unit = "",
     .comment = "",
     .kind = CT_KIND_STRING,
     .datatype = CT_DT_STRING,
     .factor = 1.0,
     .bytes_max = 17},
    {.name = "Vehicle.Exterior.AirTemperature",
     .unit = "\xC2\xB0"
             "C",
     .comment = "",
     .kind = CT_KIND_DOUBLE,
     .datatype = CT_DT_DOUBLE,
     .factor = 1.0,
     .offset = -40.5,
     .min = -40.0,
     .max = (double)INFINITY,
     .timeout_ns = 1000000000},
};

static void assert_hash(const struct ct_catalogue *catalogue, const char *hex)
{
    char got[2 * CT_HASH_SIZE + 1];
    ct_hex_encode(got, ct_catalogue_hash(catalogue), CT_HASH_SIZE);
    assert_string_equal(got, hex);
}

static void test_catalogue_hash_equals_the_documented_encoding(void **state)
{
    (void)state;
    struct ct_catalogue *empty = make(NULL, 0);
    assert_hash(empty, "903e542495071f195b934845b4dbfbedbdaa5cdfbaec676ab3a4b9397bba19a6");
    struct ct_catalogue *full = make(example, 5);
    assert_hash(full, "02d9ec64a3735116e6c3a9ec7dd6f2b70a70df467f72f6d0f2cc7ebb8d5b4395");
    ct_catalogue_unref(full);
    ct_catalogue_unref(empty);
}

static void test_catalogue_any_hashed_field_changed_changes_the_hash(void **state)
{
    (void)state;
    struct ct_catalogue *base = make(example, 1);
    struct ct_entry changed[10];
    for (size_t i = 0; i < 10; i++) {
        changed[i] = example[0];
    }
    changed[0].name = "can0.Engine.Speed2";
    changed[1].unit = "rp";
    changed[2].kind = CT_KIND_DOUBLE;
    changed[3].datatype = CT_DT_DOUBLE;
    changed[4].is_unsigned = false;
    changed[5].is_actuator = true;
    changed[6].factor = 0.5;
    changed[7].offset = 1.0;
    changed[8].max = 8001.0;
    changed[9].timeout_ns = 1;
    for (size_t i = 0; i < 10; i++) {
        struct ct_catalogue *other = make(&changed[i], 1);
        assert_memory_not_equal(ct_catalogue_hash(base), ct_catalogue_hash(other), CT_HASH_SIZE);
        ct_catalogue_unref(other);
    }
    struct ct_entry comment = example[0];
    comment.comment = "another";
    struct ct_catalogue *same = make(&comment, 1);
    assert_memory_equal(ct_catalogue_hash(base), ct_catalogue_hash(same), CT_HASH_SIZE);
    ct_catalogue_unref(same);
    ct_catalogue_unref(base);
}

static void test_catalogue_entries_are_copies(void **state)
{
    (void)state;
    char name[] = "a.b.c";
    struct ct_entry entry = named(name);
    struct ct_catalogue *catalogue = make(&entry, 1);
    name[0] = 'z';
    uint32_t id = 9;
    assert_int_equal(ct_catalogue_find(catalogue, "a.b.c", &id), CT_OK);
    assert_int_equal(id, 0);
    assert_string_equal(ct_catalogue_entry(catalogue, 0)->name, "a.b.c");
    assert_null(ct_catalogue_entry(catalogue, 1));
    ct_catalogue_unref(catalogue);
}

static void test_catalogue_bad_entries_are_refused(void **state)
{
    (void)state;
    struct ct_catalogue_builder *builder = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    char long_name[CT_NAME_MAX + 2];
    memset(long_name, 'n', sizeof(long_name));
    long_name[CT_NAME_MAX + 1] = '\0';
    uint32_t id = 0;
    struct ct_entry entry = named("x");
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_EXISTS);
    entry = named("");
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_ARGUMENT);
    entry = named(long_name);
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_TOO_LARGE);
    entry.name = long_name + 1;
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    entry = named("nan");
    entry.min = (double)NAN;
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_ARGUMENT);
    entry = named("bytes");
    entry.bytes_max = CT_BYTES_MAX + 1;
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_TOO_LARGE);
    entry = named("unit");
    entry.unit = NULL;
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_ERR_ARGUMENT);
    assert_int_equal(id, 1);
    ct_catalogue_builder_free(builder);
    ct_catalogue_builder_free(NULL);
}

static void test_catalogue_largest_finds_every_name_and_refuses_one_more(void **state)
{
    (void)state;
    struct ct_catalogue_builder *builder = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    char name[32];
    uint32_t id = 0;
    for (unsigned i = 0; i < CT_CATALOGUE_MAX; i++) {
        (void)snprintf(name, sizeof(name), "can0.M%u.S", i);
        const struct ct_entry entry = named(name);
        assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    }
    const struct ct_entry more = named("more");
    assert_int_equal(ct_catalogue_builder_add(builder, &more, &id), CT_ERR_FULL);
    struct ct_catalogue *catalogue = finish(builder);
    assert_int_equal(ct_catalogue_count(catalogue), CT_CATALOGUE_MAX);
    for (unsigned i = 0; i < CT_CATALOGUE_MAX; i++) {
        (void)snprintf(name, sizeof(name), "can0.M%u.S", i);
        assert_int_equal(ct_catalogue_find(catalogue, name, &id), CT_OK);
        assert_int_equal(id, i);
    }
    assert_int_equal(ct_catalogue_find(catalogue, "more", &id), CT_ERR_NOT_FOUND);
    ct_catalogue_unref(catalogue);
}

static void *borrow(void *argument)
{
    for (unsigned i = 0; i < 20000; i++) {
        ct_catalogue_unref(ct_catalogue_ref(argument));
    }
    return NULL;
}

static void test_catalogue_references_count_across_threads(void **state)
{
    (void)state;
    struct ct_catalogue *catalogue = make(example, 5);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, borrow, catalogue), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(ct_catalogue_count(catalogue), 5);
    ct_catalogue_unref(catalogue); /* the sanitizers tell whether this was the last */
    ct_catalogue_unref(NULL);
}

static void test_entry_physical_and_text(void **state)
{
    (void)state;
    struct ct_entry entry = example[0];
    struct ct_sample sample = {.raw = 4000};
    assert_true(ct_entry_physical(&entry, &sample) == 1000.0);
    entry.factor = 1.0;
    sample.raw = -1; /* the bits of 2^64 - 1 */
    assert_true(ct_entry_physical(&entry, &sample) == 0x1p64);
    entry.is_unsigned = false;
    assert_true(ct_entry_physical(&entry, &sample) == -1.0);
    entry.kind = CT_KIND_DOUBLE;
    sample.number = 2.5;
    assert_true(ct_entry_physical(&entry, &sample) == 2.5);
    entry.kind = CT_KIND_STRING;
    assert_true(ct_entry_physical(&entry, &sample) == 0.0);
    struct ct_catalogue *catalogue = make(example, 2);
    const struct ct_entry *lever = ct_catalogue_entry(catalogue, 1);
    assert_int_equal(lever->text_count, 3);
    assert_string_equal(ct_entry_text(lever, -1), "R");
    assert_string_equal(ct_entry_text(lever, 15), "n/a");
    assert_null(ct_entry_text(lever, 1));
    assert_null(ct_entry_text(lever, INT64_MAX));
    assert_null(ct_entry_text(ct_catalogue_entry(catalogue, 0), 0));
    ct_catalogue_unref(catalogue);
}

static void test_entry_same_looks_at_meaning_only(void **state)
{
    (void)state;
    static const struct ct_enum_text other_texts[] = {{15, "n/a"}, {-1, "R"}, {0, "P"}};
    struct ct_entry entries[4] = {example[1], example[1], example[1], example[1]};
    entries[1].name = "other";
    entries[1].max = 9.0;
    entries[1].timeout_ns = 5;
    entries[1].comment = "other";
    entries[2].name = "texts";
    entries[2].texts = other_texts;
    entries[2].text_count = 3;
    entries[3].name = "factor";
    entries[3].factor = 2.0;
    struct ct_catalogue *catalogue = make(entries, 4);
    const struct ct_entry *first = ct_catalogue_entry(catalogue, 0);
    assert_true(ct_entry_same(first, ct_catalogue_entry(catalogue, 1)));
    assert_false(ct_entry_same(first, ct_catalogue_entry(catalogue, 2)));
    assert_false(ct_entry_same(first, ct_catalogue_entry(catalogue, 3)));
    ct_catalogue_unref(catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue_hash_equals_the_documented_encoding),
        cmocka_unit_test(test_catalogue_any_hashed_field_changed_changes_the_hash),
        cmocka_unit_test(test_catalogue_entries_are_copies),
        cmocka_unit_test(test_catalogue_bad_entries_are_refused),
        cmocka_unit_test(test_catalogue_largest_finds_every_name_and_refuses_one_more),
        cmocka_unit_test(test_catalogue_references_count_across_threads),
        cmocka_unit_test(test_entry_physical_and_text),
        cmocka_unit_test(test_entry_same_looks_at_meaning_only),
    };
    return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
