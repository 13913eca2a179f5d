/* Catalogues in parts: round trip, size of the parts, and parts that are wrong. */
#include "batch.h"
#include "proto_fixture.h"

struct parts {
    uint8_t *data[64];
    size_t len[64];
    size_t count;
};

static int keep(void *user, const uint8_t *data, size_t len)
{
    struct parts *parts = user;
    assert_true(parts->count < 64);
    parts->data[parts->count] = malloc(len);
    assert_non_null(parts->data[parts->count]);
    memcpy(parts->data[parts->count], data, len);
    parts->len[parts->count++] = len;
    return CT_OK;
}

static void drop(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->data[i]);
    }
}

static void test_catalogue_parts_rebuild_the_same(void **state)
{
    (void)state;
    const uint32_t sizes[] = {0, 1, 500};
    for (size_t s = 0; s < 3; s++) {
        struct ct_catalogue *catalogue = fixture_catalogue(sizes[s]);
        struct parts parts = {0};
        assert_int_equal(ct_catalogue_encode(catalogue, 2000, keep, &parts), CT_OK);
        struct ct_catalogue_reader *reader = NULL;
        assert_int_equal(ct_catalogue_reader_create(&reader), CT_OK);
        struct ct_catalogue *read = NULL;
        for (size_t i = 0; i < parts.count; i++) {
            assert_true(parts.len[i] <= 2000);
            assert_null(read);
            assert_int_equal(ct_catalogue_reader_part(reader, parts.data[i], parts.len[i], &read), CT_OK);
        }
        assert_non_null(read);
        assert_int_equal(ct_catalogue_count(read), sizes[s]);
        assert_memory_equal(ct_catalogue_hash(read), ct_catalogue_hash(catalogue), CT_HASH_SIZE);
        for (uint32_t i = 0; i < sizes[s]; i++) {
            assert_true(ct_entry_same(ct_catalogue_entry(read, i), ct_catalogue_entry(catalogue, i)));
            assert_string_equal(ct_catalogue_entry(read, i)->comment, "a comment");
        }
        ct_catalogue_unref(read);
        ct_catalogue_unref(catalogue);
        ct_catalogue_reader_free(reader);
        drop(&parts);
    }
}

static void test_catalogue_part_missing_or_damaged_refused(void **state)
{
    (void)state;
    struct ct_catalogue *catalogue = fixture_catalogue(300);
    struct parts parts = {0};
    assert_int_equal(ct_catalogue_encode(catalogue, 2000, keep, &parts), CT_OK);
    assert_true(parts.count > 3);
    struct ct_catalogue_reader *reader = NULL;
    struct ct_catalogue *read = NULL;
    assert_int_equal(ct_catalogue_reader_create(&reader), CT_OK);
    assert_int_equal(ct_catalogue_reader_part(reader, parts.data[1], parts.len[1], &read), CT_ERR_SYNTAX);
    assert_int_equal(ct_catalogue_reader_part(reader, parts.data[0], parts.len[0], &read), CT_OK);
    assert_int_equal(ct_catalogue_reader_part(reader, parts.data[2], parts.len[2], &read), CT_ERR_SYNTAX);
    /* a part of a name changes: the hash shows it */
    int err = CT_OK;
    for (size_t i = 0; i < parts.count; i++) {
        uint8_t *found = memmem(parts.data[i], parts.len[i], "Signal77", 8);
        if (found != NULL) {
            found[0] = 'Z';
        }
        err = ct_catalogue_reader_part(reader, parts.data[i], parts.len[i], &read);
    }
    assert_int_equal(err, CT_ERR_CORRUPT);
    assert_null(read);
    ct_catalogue_unref(catalogue);
    ct_catalogue_reader_free(reader);
    drop(&parts);
}

static void test_catalogue_hostile_bytes_never_a_catalogue(void **state)
{
    (void)state;
    struct ct_catalogue *catalogue = fixture_catalogue(5);
    struct parts parts = {0};
    assert_int_equal(ct_catalogue_encode(catalogue, 4000, keep, &parts), CT_OK);
    assert_int_equal(parts.count, 1);
    struct ct_catalogue_reader *reader = NULL;
    assert_int_equal(ct_catalogue_reader_create(&reader), CT_OK);
    for (size_t at = 0; at < parts.len[0]; at++) {
        for (unsigned change = 1; change < 256; change += 2) {
            struct ct_catalogue *read = NULL;
            parts.data[0][at] ^= (uint8_t)change;
            const int err = ct_catalogue_reader_part(reader, parts.data[0], parts.len[0], &read);
            /* a changed comment is still a catalogue of the same hash; nothing else is */
            if (read != NULL) {
                assert_int_equal(err, CT_OK);
                assert_memory_equal(ct_catalogue_hash(read), ct_catalogue_hash(catalogue), CT_HASH_SIZE);
            }
            ct_catalogue_unref(read);
            parts.data[0][at] ^= (uint8_t)change;
        }
    }
    ct_catalogue_unref(catalogue);
    ct_catalogue_reader_free(reader);
    drop(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue_parts_rebuild_the_same),
        cmocka_unit_test(test_catalogue_part_missing_or_damaged_refused),
        cmocka_unit_test(test_catalogue_hostile_bytes_never_a_catalogue),
    };
    return cmocka_run_group_tests_name("catalogue_wire", tests, NULL, NULL);
}
