/* The scan before the parser: one case per thing protobuf-c 1.4 would have let through. */
#include "wire.h"

#include "cantwin.pb-c.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static int scan(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const char *bytes, size_t len)
{
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact + 1, bytes, len);
    const int err = ct_wire_scan(type, mode, exact + 1, len);
    free(exact);
    return err;
}

#define SCAN(type, mode, bytes) scan(&cantwin__v1__##type##__descriptor, mode, bytes, sizeof(bytes) - 1)

static void test_scan_forms_accepted(void **state)
{
    (void)state;
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, ""), CT_OK);
    assert_int_equal(SCAN(event, CT_WIRE_STRICT, "\x0a\x02\xc3\xbc\x18\x05\x2a\x03\x0a\x01k\x2a\x00"), CT_OK);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\xf8\x07\x01"), CT_OK); /* unknown field */
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT,
                          "\x2a\x03\x01\x80\x01\x42\x08"
                          "12345678"),
                     CT_OK);
    assert_int_equal(SCAN(time_request, CT_WIRE_TOLERANT, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), CT_OK);
    /* RFC 3629: first and last of each length */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT,
                          "\x0a\x14\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
                     CT_OK);
}

static void test_scan_forms_refused(void **state)
{
    (void)state;
    assert_int_equal(SCAN(event, CT_WIRE_STRICT, "\xf8\x07\x01"), CT_ERR_SYNTAX);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x18\x01\x18\x01"), CT_ERR_SYNTAX); /* twice */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT,
                          "\x0a\x01"
                          "a\x0a\x01"
                          "b"),
                     CT_ERR_SYNTAX);
    assert_int_equal(SCAN(value, CT_WIRE_TOLERANT, "\x08\x02\x18\x01"), CT_ERR_SYNTAX); /* two of a oneof */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x08\x01"), CT_ERR_SYNTAX);         /* wire type */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x1a\x01\x01"), CT_ERR_SYNTAX);
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT, "\x28\x01"), CT_ERR_SYNTAX);                 /* not packed */
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT, "\x2a\x01\x01\x2a\x01\x01"), CT_ERR_SYNTAX); /* in pieces */
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT, "\x2a\x01\x80"), CT_ERR_TRUNCATED);
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT, "\x2a\x05\xff\xff\xff\xff\x7f"), CT_ERR_RANGE);
    assert_int_equal(SCAN(batch, CT_WIRE_TOLERANT,
                          "\x42\x07"
                          "1234567"),
                     CT_ERR_TRUNCATED);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x0b\x0c"), CT_ERR_SYNTAX); /* group */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x00\x01"), CT_ERR_SYNTAX); /* field 0 */
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT,
                          "\x0a\x05"
                          "a"),
                     CT_ERR_TRUNCATED);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), CT_ERR_TRUNCATED);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), CT_ERR_SYNTAX);
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT, "\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), CT_ERR_SYNTAX);
    assert_int_equal(SCAN(event, CT_WIRE_STRICT, "\x2a\x04\x18\x01\x0a\x00"), CT_ERR_SYNTAX); /* unknown, inside */
}

static void test_scan_bad_text_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "a\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char bytes[16] = {0x0a, (char)strlen(bad[i])};
        memcpy(bytes + 2, bad[i], strlen(bad[i]));
        assert_int_equal(scan(&cantwin__v1__event__descriptor, CT_WIRE_TOLERANT, bytes, 2 + strlen(bad[i])),
                         CT_ERR_SYNTAX);
    }
    assert_int_equal(SCAN(event, CT_WIRE_TOLERANT,
                          "\x0a\x02"
                          "a\0"),
                     CT_ERR_SYNTAX);
}

static void test_scan_limits_hold(void **state)
{
    (void)state;
    char bytes[4200] = {0x0a, (char)0x81, 0x02}; /* a string of 257 */
    memset(bytes + 3, 'a', 257);
    assert_int_equal(scan(&cantwin__v1__event__descriptor, CT_WIRE_TOLERANT, bytes, 260), CT_ERR_TOO_LARGE);
    bytes[1] = (char)0x80;
    assert_int_equal(scan(&cantwin__v1__event__descriptor, CT_WIRE_TOLERANT, bytes, 259), CT_OK);
    /* 33 event fields; 4,097 ids */
    for (size_t i = 0; i < 33; i++) {
        memcpy(bytes + 2 * i, "\x2a\x00", 2);
    }
    assert_int_equal(scan(&cantwin__v1__event__descriptor, CT_WIRE_TOLERANT, bytes, 64), CT_OK);
    assert_int_equal(scan(&cantwin__v1__event__descriptor, CT_WIRE_TOLERANT, bytes, 66), CT_ERR_TOO_LARGE);
    memset(bytes, 1, sizeof bytes);
    memcpy(bytes, "\x2a\x80\x20", 3);
    assert_int_equal(scan(&cantwin__v1__batch__descriptor, CT_WIRE_TOLERANT, bytes, 3 + 4096), CT_OK);
    memcpy(bytes, "\x2a\x81\x20", 3);
    assert_int_equal(scan(&cantwin__v1__batch__descriptor, CT_WIRE_TOLERANT, bytes, 3 + 4097), CT_ERR_TOO_LARGE);
}

/* Two bytes on the wire become a structure of over 100: the arena stops it. */
static void test_parse_expanding_input_stops_at_arena(void **state)
{
    (void)state;
    const size_t count = 4096;
    uint8_t *bytes = malloc(2 * count);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + 2 * i, "\x22\x00", 2);
    }
    struct ct_wire_arena arena;
    ProtobufCMessage *message = NULL;
    ct_wire_arena_init(&arena);
    assert_int_equal(
        ct_wire_parse(&cantwin__v1__catalogue__descriptor, CT_WIRE_TOLERANT, bytes, 2 * count, &arena, &message),
        CT_OK);
    const size_t need = arena.used;
    ct_wire_arena_free(&arena);
    assert_true(need > 100 * count);
    for (size_t limit = 0; limit < need; limit += need / 50) {
        ct_wire_arena_init(&arena);
        arena.limit = limit;
        assert_int_equal(
            ct_wire_parse(&cantwin__v1__catalogue__descriptor, CT_WIRE_TOLERANT, bytes, 2 * count, &arena, &message),
            CT_ERR_NO_MEMORY);
        assert_true(arena.used <= limit);
        ct_wire_arena_free(&arena);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_forms_accepted),
        cmocka_unit_test(test_scan_forms_refused),
        cmocka_unit_test(test_scan_bad_text_refused),
        cmocka_unit_test(test_scan_limits_hold),
        cmocka_unit_test(test_parse_expanding_input_stops_at_arena),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
