/* diagnostics/uds_message.h and uds_records.h. Bytes are the message flow examples of ISO 14229-1:2020 (clause beside
 * each), which say what stands where; nothing here comes from our own encoder. */
#include "testing.h"
#include "uds_message.h"
#include "uds_records.h"

#include <string.h>

#define REQUEST_MAX 512

static size_t bytes_of(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (const char *p = hex; *p != '\0'; p++) {
        if (*p == ' ') {
            continue;
        }
        static const char digits[] = "0123456789ABCDEF";
        out[len++] = (uint8_t)((strchr(digits, p[0]) - digits) << 4 | (strchr(digits, p[1]) - digits));
        p++;
    }
    return len;
}

static void expect_request(const char *hex, const struct ct_uds_message *message)
{
    uint8_t expected[REQUEST_MAX], made[REQUEST_MAX];
    size_t len = 0;
    const size_t expected_len = bytes_of(hex, expected);
    assert_int_equal(ct_uds_request_encode(message, made, sizeof made, &len), CT_OK);
    assert_int_equal(len, expected_len);
    assert_memory_equal(made, expected, len);
}

static uint8_t response_bytes[REQUEST_MAX];

static struct ct_uds_message response_of(const char *hex)
{
    struct ct_uds_message message;
    const size_t len = bytes_of(hex, response_bytes);
    assert_int_equal(ct_uds_response_decode(response_bytes, len, &message), CT_OK);
    return message;
}

#define REQUEST(hex, ...) expect_request(hex, &(const struct ct_uds_message){__VA_ARGS__})
#define BYTES(text)                               \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static void test_request_of_every_service_is_as_the_standard_writes_it(void **state)
{
    (void)state;
    REQUEST("10 02", .service = 0x10, .subfunction = 2);                   /* 10.2.5 */
    REQUEST("10 83", .service = 0x10, .subfunction = 3, .suppress = true); /* 9.2.2 */
    REQUEST("11 01", .service = 0x11, .subfunction = 1);                   /* 10.3.5 */
    REQUEST("14 FF FF 33", .service = 0x14, .dtc = 0xFFFF33);              /* 12.2.5 */
    REQUEST("14 FF FF FF 01", .service = 0x14, .dtc = 0xFFFFFF, .has_option2 = true, .option2 = 1);
    REQUEST("19 01 08", .service = 0x19, .subfunction = 1, .status_mask = 8);    /* 12.3.5.1 */
    REQUEST("19 02 84", .service = 0x19, .subfunction = 2, .status_mask = 0x84); /* 12.3.5.3 */
    REQUEST("19 03", .service = 0x19, .subfunction = 3);                         /* 12.3.5.5 */
    REQUEST("19 04 12 34 56 02", .service = 0x19, .subfunction = 4, .dtc = 0x123456, .record = 2);
    REQUEST("19 05 02", .service = 0x19, .subfunction = 5, .record = 2);
    REQUEST("19 06 12 34 56 05", .service = 0x19, .subfunction = 6, .dtc = 0x123456, .record = 5);
    REQUEST("19 07 C0 01", .service = 0x19, .subfunction = 7, .severity_mask = 0xC0, .status_mask = 1);
    REQUEST("19 08 C0 01", .service = 0x19, .subfunction = 8, .severity_mask = 0xC0, .status_mask = 1);
    REQUEST("19 09 08 05 11", .service = 0x19, .subfunction = 9, .dtc = 0x080511);
    REQUEST("19 0A", .service = 0x19, .subfunction = 0x0A);
    REQUEST("19 42 33 0F 60", .service = 0x19, .subfunction = 0x42, .group = 0x33, .status_mask = 0x0F,
            .severity_mask = 0x60);
    REQUEST("19 55 33", .service = 0x19, .subfunction = 0x55, .group = 0x33);
    REQUEST("22 F1 90", .service = 0x22, .ids = {0xF190}, .id_count = 1);               /* 11.2.5.2 */
    REQUEST("22 01 0A 01 10", .service = 0x22, .ids = {0x010A, 0x0110}, .id_count = 2); /* 11.2.5.3 */
    REQUEST("23 24 20 48 13 92 01 03", .service = 0x23, .address_len = 4, .size_len = 2, .address = 0x20481392,
            .size = 0x0103); /* 11.3.5.2 */
    REQUEST("23 12 48 13 05", .service = 0x23, .address_len = 2, .size_len = 1, .address = 0x4813, .size = 5);
    REQUEST("24 01 05", .service = 0x24, .ids = {0x0105}); /* 11.4.5 */
    REQUEST("27 01", .service = 0x27, .subfunction = 1);   /* 10.4.5 */
    REQUEST("27 02 C9 A9", .service = 0x27, .subfunction = 2, .data = BYTES("\xC9\xA9"));
    REQUEST("28 01 02", .service = 0x28, .subfunction = 1, .option = 2); /* 10.5.5.1 */
    REQUEST("28 04 01 00 0A", .service = 0x28, .subfunction = 4, .option = 1, .node = 0x000A);
    REQUEST("29 00", .service = 0x29, .subfunction = 0);
    REQUEST("29 01 00 00 03 AA BB CC 00 00", .service = 0x29, .subfunction = 1,
            .parts = {BYTES("\xAA\xBB\xCC"), {NULL, 0}});
    REQUEST("29 03 00 02 11 22 00 01 33", .service = 0x29, .subfunction = 3,
            .parts = {BYTES("\x11\x22"), BYTES("\x33")});
    REQUEST("29 05 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10", .service = 0x29, .subfunction = 5,
            .algorithm = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    REQUEST("29 08", .service = 0x29, .subfunction = 8);
    REQUEST("2A 02 E3 24", .service = 0x2A, .option = 2, .ids = {0xE3, 0x24}, .id_count = 2); /* 11.5.5 */
    REQUEST("2A 04", .service = 0x2A, .option = 4);
    REQUEST("2C 01 F3 01 12 34 01 02 56 78 01 01 9A BC 01 04", .service = 0x2C, .subfunction = 1, .ids = {0xF301},
            .source_count = 3,
            .sources = {{.id = 0x1234, .position = 1, .size = 2},
                        {.id = 0x5678, .position = 1, .size = 1},
                        {.id = 0x9ABC, .position = 1, .size = 4}}); /* 11.6.5.2 */
    REQUEST("2C 02 F3 02 14 21 09 19 69 01 21 09 19 6B 01 13 10 19 95 01", .service = 0x2C, .subfunction = 2,
            .ids = {0xF302}, .address_len = 4, .size_len = 1, .source_count = 3,
            .sources = {{.address = 0x21091969, .memory_size = 1},
                        {.address = 0x2109196B, .memory_size = 1},
                        {.address = 0x13101995, .memory_size = 1}}); /* 11.6.5.3 */
    REQUEST("2C 03 F3 03", .service = 0x2C, .subfunction = 3, .ids = {0xF303}, .id_count = 1);
    REQUEST("2C 03", .service = 0x2C, .subfunction = 3);
    REQUEST("2E F1 90 57 30", .service = 0x2E, .ids = {0xF190}, .data = BYTES("W0"));                /* 11.7.5 */
    REQUEST("2F 9B 00 03 3C", .service = 0x2F, .ids = {0x9B00}, .option = 3, .data = BYTES("\x3C")); /* 13.2.5.2 */
    REQUEST("31 01 02 01", .service = 0x31, .subfunction = 1, .ids = {0x0201});                      /* 14.2.5.3 */
    REQUEST("31 01 02 02 06 01", .service = 0x31, .subfunction = 1, .ids = {0x0202}, .data = BYTES("\x06\x01"));
    REQUEST("34 11 33 60 20 00 00 FF FF", .service = 0x34, .option = 0x11, .address_len = 3, .size_len = 3,
            .address = 0x602000, .size = 0x00FFFF); /* 15.5.1.1 */
    REQUEST("35 11 33 20 10 00 00 01 FF", .service = 0x35, .option = 0x11, .address_len = 3, .size_len = 3,
            .address = 0x201000, .size = 0x0001FF);
    REQUEST("36 01 11 22", .service = 0x36, .option = 1, .data = BYTES("\x11\x22"));
    REQUEST("37", .service = 0x37);
    REQUEST("38 01 00 03 61 2F 62 11 02 C3 50 75 30", .service = 0x38, .group = 1, .parts = {BYTES("a/b")},
            .option = 0x11, .size_len = 2, .file_size = 0xC350, .file_size_packed = 0x7530); /* 15.6.5 */
    REQUEST("38 02 00 03 61 2F 62", .service = 0x38, .group = 2, .parts = {BYTES("a/b")});
    REQUEST("3D 12 20 48 02 00 8C", .service = 0x3D, .address_len = 2, .size_len = 1, .address = 0x2048, .size = 2,
            .data = {(const uint8_t *)"\x00\x8C", 2}); /* 11.8.5 */
    REQUEST("3E 80", .service = 0x3E, .suppress = true);
    REQUEST("85 02", .service = 0x85, .subfunction = 2);
    REQUEST("86 01 02 01 19 01", .service = 0x86, .subfunction = 1, .option = 2, .data = BYTES("\x01\x19\x01"));
    REQUEST("87 01 05", .service = 0x87, .subfunction = 1, .option = 5); /* 10.9.5 */
    REQUEST("87 02 02 49 F0", .service = 0x87, .subfunction = 2, .dtc = 150000);
    REQUEST("87 03", .service = 0x87, .subfunction = 3);
}

static void test_request_that_cannot_be_is_refused(void **state)
{
    (void)state;
    uint8_t out[16];
    size_t len = 77;
    const struct ct_uds_message wide = {.service = 0x14, .dtc = 0x1000000};
    assert_int_equal(ct_uds_request_encode(&wide, out, sizeof out, &len), CT_ERR_RANGE);
    const struct ct_uds_message unknown = {.service = 0x55};
    assert_int_equal(ct_uds_request_encode(&unknown, out, sizeof out, &len), CT_ERR_UNSUPPORTED);
    const struct ct_uds_message report = {.service = 0x19, .subfunction = 0x60};
    assert_int_equal(ct_uds_request_encode(&report, out, sizeof out, &len), CT_ERR_UNSUPPORTED);
    const struct ct_uds_message bit = {.service = 0x10, .subfunction = 0x83};
    assert_int_equal(ct_uds_request_encode(&bit, out, sizeof out, &len), CT_ERR_RANGE);
    const struct ct_uds_message none = {.service = 0x22};
    assert_int_equal(ct_uds_request_encode(&none, out, sizeof out, &len), CT_ERR_RANGE);
    const struct ct_uds_message address = {.service = 0x23, .address_len = 1, .size_len = 1, .address = 256};
    assert_int_equal(ct_uds_request_encode(&address, out, sizeof out, &len), CT_ERR_RANGE);
    const struct ct_uds_message format = {.service = 0x34, .address_len = 0, .size_len = 1};
    assert_int_equal(ct_uds_request_encode(&format, out, sizeof out, &len), CT_ERR_RANGE);
    const struct ct_uds_message large = {.service = 0x36, .data = {out, sizeof out - 1}};
    assert_int_equal(ct_uds_request_encode(&large, out, sizeof out, &len), CT_ERR_TOO_LARGE);
    assert_int_equal(len, 77);
}

static void test_responses_give_their_fields(void **state)
{
    (void)state;
    struct ct_uds_message m = response_of("50 02 00 32 01 F4"); /* 10.2.5 */
    assert_true(m.service == 0x10 && m.subfunction == 2 && m.p2_ms == 50 && m.p2_star_10ms == 500);
    m = response_of("51 04 0F");
    assert_true(m.has_option2 && m.option2 == 0x0F);
    m = response_of("59 01 2F 01 00 01"); /* 12.3.5.2 */
    assert_true(m.status_mask == 0x2F && m.format == CT_DTC_FORMAT_14229 && m.count == 1);
    m = response_of("67 01 36 57");
    assert_true(m.subfunction == 1 && m.data.len == 2 && m.data.data[0] == 0x36);
    m = response_of("6F 9B 00 03 0C");
    assert_true(m.ids[0] == 0x9B00 && m.option == 3 && m.data.data[0] == 0x0C);
    m = response_of("71 03 02 01 30 33 8F");
    assert_true(m.ids[0] == 0x0201 && m.data.len == 3);
    m = response_of("74 20 00 81"); /* 15.5.1.2: 0x81 bytes, service id and counter included */
    assert_true(m.size == 0x81);
    m = response_of("75 40 00 00 0F A2");
    assert_true(m.size == 0xFA2);
    m = response_of("76 FF");
    assert_true(m.option == 0xFF && m.data.len == 0);
    m = response_of("77");
    assert_true(m.service == 0x37);
    m = response_of("78 01 02 C3 50 11");
    assert_true(m.group == 1 && m.size == 0xC350 && m.option == 0x11);
    m = response_of("69 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 DE AD BE EF 00 00");
    assert_true(m.option == 0 && m.parts[0].len == 4 && m.parts[0].data[3] == 0xEF && m.parts[1].len == 0);
    m = response_of("C7 01");
    assert_true(m.service == 0x87);
    m = response_of("7F 22 31");
    assert_true(m.service == 0x22 && m.nrc == 0x31);
}

static void expect_decode(int err, const char *hex)
{
    uint8_t bytes[REQUEST_MAX];
    struct ct_uds_message message;
    assert_int_equal(ct_uds_response_decode(bytes, bytes_of(hex, bytes), &message), err);
}

static void test_response_that_cannot_be_is_refused(void **state)
{
    (void)state;
    expect_decode(CT_ERR_TRUNCATED, "");
    expect_decode(CT_ERR_TRUNCATED, "50");
    expect_decode(CT_ERR_TRUNCATED, "50 01 00 32 01");
    expect_decode(CT_ERR_CORRUPT, "50 01 00 32 01 F4 00");
    expect_decode(CT_ERR_CORRUPT, "6E F1 90 00");
    expect_decode(CT_ERR_TRUNCATED, "7F 22");
    expect_decode(CT_ERR_CORRUPT, "7F 22 00");
    expect_decode(CT_ERR_CORRUPT, "74 00");    /* no bytes of length */
    expect_decode(CT_ERR_CORRUPT, "74 90 01"); /* nine bytes of length */
    expect_decode(CT_ERR_TRUNCATED, "74 40 01");
    expect_decode(CT_ERR_TRUNCATED, "69 01 11 FF FF AA"); /* certificate longer than the message */
    expect_decode(CT_ERR_UNSUPPORTED, "00 11");
}

/* Law: what a decoder accepts, the encoder writes again byte for byte; over structured random messages. */
static void test_encode_of_decode_is_the_same_message(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    unsigned accepted = 0;
    for (unsigned round = 0; round < 300000; round++) {
        uint8_t bytes[24], again[24];
        const uint32_t shape = seed = seed * 1664525U + 1013904223U;
        const size_t len = 1 + (shape >> 8) % sizeof bytes;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525U + 1013904223U;
            bytes[i] = (seed >> 24) % 3 == 0 ? (uint8_t)(seed >> 16) : (uint8_t)((seed >> 16) % 6);
        }
        bytes[0] = (uint8_t)(0x10 + (shape >> 16) % 0x78);
        struct ct_uds_message message;
        size_t again_len;
        if (ct_uds_request_decode(bytes, len, &message) == CT_OK) {
            assert_int_equal(ct_uds_request_encode(&message, again, sizeof again, &again_len), CT_OK);
            assert_int_equal(again_len, len);
            assert_memory_equal(again, bytes, len);
            accepted++;
        }
        bytes[0] = (uint8_t)(bytes[0] + 0x40);
        if (ct_uds_response_decode(bytes, len, &message) == CT_OK && bytes[0] != 0x7F) {
            if (ct_uds_has_subfunction(message.service)) {
                bytes[1] &= 0x7F;
            }
            if (bytes[0] == 0x74 || bytes[0] == 0x75) {
                continue; /* low nibble of the length format is reserved and not kept */
            }
            assert_int_equal(ct_uds_response_encode(&message, again, sizeof again, &again_len), CT_OK);
            assert_int_equal(again_len, len);
            assert_memory_equal(again, bytes, len);
            accepted++;
        }
    }
    assert_true(accepted > 20000);
}

/* ---------------------------------------------------------------- records */

static size_t length_of(const void *user, uint16_t did)
{
    (void)user;
    return did == 0x4711 ? 3 : did == 0x010A ? 11 : did == 0x0110 ? 1 : 0;
}

static size_t extended_length(const void *user, uint8_t record)
{
    (void)user;
    return record == 0x05 || record == 0x10 ? 1 : 0;
}

static const struct ct_uds_lengths lengths = {NULL, length_of, extended_length};

static void test_dtc_list_is_read_and_padding_is_no_dtc(void **state)
{
    (void)state;
    size_t at = 0;
    struct ct_uds_dtc dtc;
    const struct ct_uds_message m = response_of("59 02 7F 0A 9B 17 24 08 05 11 2F 00 00 00 00 00 00"); /* 12.3.5.4 */
    assert_int_equal(m.status_mask, 0x7F);
    assert_int_equal(ct_uds_dtc_next(&m, &at, &dtc), CT_OK);
    assert_true(dtc.dtc == 0x0A9B17 && dtc.status == 0x24);
    assert_int_equal(ct_uds_dtc_next(&m, &at, &dtc), CT_OK);
    assert_true(dtc.dtc == 0x080511 && dtc.status == 0x2F);
    assert_int_equal(ct_uds_dtc_next(&m, &at, &dtc), CT_ERR_END); /* facts 2.5: udsoncan read 000000 here */
    const struct ct_uds_message cut = response_of("59 02 7F 0A 9B 17");
    at = 0;
    assert_int_equal(ct_uds_dtc_next(&cut, &at, &dtc), CT_ERR_TRUNCATED);
    const struct ct_uds_message severity = response_of("59 08 7F 40 10 08 05 11 2F"); /* 12.3.5.9 */
    at = 0;
    assert_int_equal(ct_uds_dtc_next(&severity, &at, &dtc), CT_OK);
    assert_true(dtc.severity == 0x40 && dtc.unit == 0x10 && dtc.dtc == 0x080511 && dtc.status == 0x2F);
    const struct ct_uds_message counters = response_of("59 14 08 05 11 7F");
    at = 0;
    assert_int_equal(ct_uds_dtc_next(&counters, &at, &dtc), CT_OK);
    assert_true(dtc.dtc == 0x080511 && dtc.record == 0x7F && dtc.status == 0);
    const struct ct_uds_message wwh = response_of("59 42 33 FF 60 04 20 08 05 11 2F");
    at = 0;
    assert_int_equal(ct_uds_dtc_next(&wwh, &at, &dtc), CT_OK);
    assert_true(dtc.severity == 0x20 && dtc.dtc == 0x080511 && dtc.status == 0x2F);
    const struct ct_uds_message count = response_of("59 01 2F 01 00 01");
    assert_int_equal(ct_uds_dtc_next(&count, &at, &dtc), CT_ERR_UNSUPPORTED);
}

static void test_snapshot_needs_lengths_and_says_where_it_has_none(void **state)
{
    (void)state;
    struct ct_uds_record_walk walk;
    struct ct_uds_dtc dtc;
    struct ct_uds_record record;
    struct ct_uds_message m = response_of("59 04 12 34 56 24 02 01 47 11 A6 66 07 03 02 47 11 01 02 03 01 10 50");
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_true(dtc.dtc == 0x123456 && dtc.status == 0x24);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 2 && record.did == 0x4711 && !record.rest);
    assert_memory_equal(record.bytes.data, "\xA6\x66\x07", 3);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 3 && record.did == 0x4711 && record.bytes.len == 3);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 3 && record.did == 0x0110 && record.bytes.data[0] == 0x50);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_END);
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    assert_true(record.rest && record.bytes.len == 13);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_ERR_END);
    m = response_of("59 04 12 34 56 24 02 01 47 11 A6 66");
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_TRUNCATED);
    m = response_of("59 04 12 34 56 24"); /* a DTC without snapshot */
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_END);
}

/* 12.3.5.6: each record with its own DTC; one that is known and empty is its number alone. */
static void test_stored_data_records_have_their_own_dtcs(void **state)
{
    (void)state;
    struct ct_uds_record_walk walk;
    struct ct_uds_dtc dtc;
    struct ct_uds_record record;
    struct ct_uds_message m = response_of("59 05 01 12 34 56 24 02 47 11 A6 66 07 01 10 50 02 65 43 21 2F 01 01 10 51");
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 1 && record.dtc == 0x123456 && record.status == 0x24 && record.did == 0x4711);
    assert_memory_equal(record.bytes.data, "\xA6\x66\x07", 3);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.dtc == 0x123456 && record.did == 0x0110 && record.bytes.data[0] == 0x50);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 2 && record.dtc == 0x654321 && record.status == 0x2F && record.bytes.data[0] == 0x51);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_END);
    m = response_of("59 05 07");
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_END);
    m = response_of("59 05 01 12 34 56 24");
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_TRUNCATED);
}

static void test_extended_data_is_read_by_record_number(void **state)
{
    (void)state;
    struct ct_uds_record_walk walk;
    struct ct_uds_dtc dtc;
    struct ct_uds_record record;
    const struct ct_uds_message m = response_of("59 06 12 34 56 24 05 17 10 79"); /* 12.3.5.7 */
    assert_int_equal(ct_uds_record_begin(&m, &walk, &dtc), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 5 && record.bytes.len == 1 && record.bytes.data[0] == 0x17);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_OK);
    assert_true(record.record == 0x10 && record.bytes.data[0] == 0x79);
    assert_int_equal(ct_uds_record_next(&walk, &lengths, &record), CT_ERR_END);
}

static void test_values_of_several_dids_are_split(void **state)
{
    (void)state;
    const struct ct_uds_message both = {.service = 0x22, .ids = {0x010A, 0x0110}, .id_count = 2};
    struct ct_uds_message m = response_of("62 01 0A A6 66 07 50 20 1A 00 63 4A 82 7E 01 10 8C"); /* 11.2.5.3 */
    struct ct_uds_value value;
    size_t at = 0;
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_OK);
    assert_true(value.did == 0x010A && value.bytes.len == 11 && value.bytes.data[10] == 0x7E);
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_OK);
    assert_true(value.did == 0x0110 && value.bytes.len == 1 && value.bytes.data[0] == 0x8C);
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_ERR_END);
    at = 0; /* without lengths the first cannot be told from the second */
    assert_int_equal(ct_uds_value_next(&both, &m, NULL, &at, &value), CT_ERR_NOT_FOUND);
    m = response_of("62 01 10 8C"); /* an unknown DID is left out silently */
    at = 0;
    assert_int_equal(ct_uds_value_next(&both, &m, NULL, &at, &value), CT_OK);
    assert_true(value.did == 0x0110 && value.bytes.len == 1);
    m = response_of("62 01 10 8C 00 00 00"); /* padding */
    at = 0;
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_OK);
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_ERR_END);
    m = response_of("62 F1 90 57");
    at = 0;
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_ERR_CORRUPT);
    m = response_of("62 01 0A A6");
    at = 0;
    assert_int_equal(ct_uds_value_next(&both, &m, &lengths, &at, &value), CT_ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_of_every_service_is_as_the_standard_writes_it),
        cmocka_unit_test(test_request_that_cannot_be_is_refused),
        cmocka_unit_test(test_responses_give_their_fields),
        cmocka_unit_test(test_response_that_cannot_be_is_refused),
        cmocka_unit_test(test_encode_of_decode_is_the_same_message),
        cmocka_unit_test(test_dtc_list_is_read_and_padding_is_no_dtc),
        cmocka_unit_test(test_snapshot_needs_lengths_and_says_where_it_has_none),
        cmocka_unit_test(test_stored_data_records_have_their_own_dtcs),
        cmocka_unit_test(test_extended_data_is_read_by_record_number),
        cmocka_unit_test(test_values_of_several_dids_are_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
