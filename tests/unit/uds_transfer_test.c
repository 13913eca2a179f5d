/* diagnostics/uds_transfer.h and uds_unlock.h against scripted answers: ISO 14229-1:2020 15.2 to 15.5, 10.4, 10.6. */
#include "testing.h"
#include "uds_transfer.h"
#include "uds_unlock.h"

#include <string.h>

struct image {
    uint8_t bytes[600];
    unsigned reads;
};

static int read_image(void *user, uint64_t offset, uint8_t *out, size_t len)
{
    struct image *image = user;
    image->reads++;
    memcpy(out, image->bytes + offset, len);
    return CT_OK;
}

static int write_image(void *user, uint64_t offset, const uint8_t *data, size_t len)
{
    struct image *image = user;
    memcpy(image->bytes + offset, data, len);
    return CT_OK;
}

static int fail_to_read(void *user, uint64_t offset, uint8_t *out, size_t len)
{
    (void)user;
    (void)offset;
    (void)out;
    (void)len;
    return CT_ERR_IO;
}

static uint8_t request[CT_UDS_MESSAGE_MAX];
static size_t request_len;

static void expect_ask(struct ct_uds_transfer *t, const char *bytes, size_t len)
{
    assert_int_equal(ct_uds_transfer_next(t, request, &request_len), CT_UDS_STEP_ASK);
    assert_true(request_len >= len);
    assert_memory_equal(request, bytes, len);
}

static void answer(struct ct_uds_transfer *t, const char *bytes, size_t len)
{
    const struct ct_uds_result result = {.outcome = CT_UDS_POSITIVE, .response = (const uint8_t *)bytes, .len = len};
    ct_uds_transfer_take(t, &result);
}

static void no_answer(struct ct_uds_transfer *t)
{
    ct_uds_transfer_take(t, &(const struct ct_uds_result){.outcome = CT_UDS_NO_RESPONSE});
}

static void refuse(struct ct_uds_transfer *t, uint8_t nrc)
{
    ct_uds_transfer_take(t, &(const struct ct_uds_result){.outcome = CT_UDS_NEGATIVE, .nrc = nrc});
}

#define ASK(t, bytes)    expect_ask(t, bytes, sizeof(bytes) - 1)
#define ANSWER(t, bytes) answer(t, bytes, sizeof(bytes) - 1)

static struct ct_uds_transfer download(struct image *image, size_t size)
{
    struct ct_uds_transfer t;
    const struct ct_uds_transfer_config config = {.address = 0x602000,
                                                  .size = size,
                                                  .address_len = 3,
                                                  .size_len = 3,
                                                  .format = 0x11,
                                                  .read = read_image,
                                                  .user = image};
    for (size_t i = 0; i < sizeof image->bytes; i++) {
        image->bytes[i] = (uint8_t)(i * 7);
    }
    image->reads = 0;
    assert_int_equal(ct_uds_transfer_init(&t, &config), CT_OK);
    return t;
}

static void test_download_goes_in_blocks_of_the_ecus_length(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 300);
    ASK(&t, "\x34\x11\x33\x60\x20\x00\x00\x01\x2C");
    ANSWER(&t, "\x74\x20\x00\x81"); /* 0x81 counts service id and counter: 127 bytes of data */
    static const size_t lengths[] = {127, 127, 46};
    for (uint8_t i = 0; i < 3; i++) {
        const char head[2] = {0x36, (char)(i + 1)};
        const char confirm[2] = {0x76, (char)(i + 1)};
        expect_ask(&t, head, 2);
        assert_int_equal(request_len, 2 + lengths[i]);
        assert_memory_equal(request + 2, image.bytes + 127U * i, lengths[i]);
        answer(&t, confirm, 2);
    }
    assert_int_equal(t.done, 300);
    ASK(&t, "\x37");
    assert_int_equal(request_len, 1);
    ANSWER(&t, "\x77");
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_DONE);
}

/* ISO 14229-1 15.4.2.1: the counter begins with 01 and FF is followed by 00. */
static void test_block_counter_wraps_to_zero(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 600);
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x10\x04"); /* two bytes of data a block */
    for (unsigned i = 1; i <= 300; i++) {
        assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_ASK);
        assert_int_equal(request[1], i & 0xFF);
        const char confirm[2] = {0x76, (char)i};
        answer(&t, confirm, 2);
    }
    ASK(&t, "\x37");
}

static void test_lost_response_repeats_the_same_block(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 300);
    uint8_t first[256];
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x20\x00\x81");
    ASK(&t, "\x36\x01");
    memcpy(first, request, 129);
    for (unsigned i = 0; i < 3; i++) {
        no_answer(&t);
        ASK(&t, "\x36\x01");
        assert_memory_equal(request, first, 129);
        assert_int_equal(t.done, 0);
    }
    ANSWER(&t, "\x76\x01");
    assert_int_equal(t.done, 127);
    assert_int_equal(t.repeats, 3);
    ASK(&t, "\x36\x02");
    for (unsigned i = 0; i < 4; i++) { /* the patience is per block, and ends */
        no_answer(&t);
        (void)ct_uds_transfer_next(&t, request, &request_len);
    }
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
}

/* CDA#545: the refusal of a block was ignored and the flash reported finished. */
static void test_refused_block_fails_the_download(void **state)
{
    (void)state;
    static const uint8_t refusals[] = {0x24, 0x31, 0x71, 0x72, 0x73, 0x92};
    for (size_t i = 0; i < sizeof refusals; i++) {
        struct image image;
        struct ct_uds_transfer t = download(&image, 300);
        (void)ct_uds_transfer_next(&t, request, &request_len);
        ANSWER(&t, "\x74\x20\x00\x81");
        ASK(&t, "\x36\x01");
        refuse(&t, refusals[i]);
        assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
        assert_int_equal(t.nrc, refusals[i]);
        assert_string_equal(t.why, ct_uds_nrc_text(refusals[i]));
        assert_int_equal(t.done, 0);
    }
}

static void test_refusal_at_begin_and_exit_fails_too(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 100);
    (void)ct_uds_transfer_next(&t, request, &request_len);
    refuse(&t, 0x70);
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
    t = download(&image, 100);
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x20\x00\x81");
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x76\x01");
    ASK(&t, "\x37");
    refuse(&t, 0x72);
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
    t = download(&image, 100); /* a lost answer to 37 is not repeated: nobody knows what the ECU did */
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x20\x00\x81");
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x76\x01");
    (void)ct_uds_transfer_next(&t, request, &request_len);
    no_answer(&t);
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
}

static void test_block_length_that_cannot_be_fails(void **state)
{
    (void)state;
    static const char *const answers[] = {"\x74\x10\x02", "\x74\x10\x01", "\x74\x20\x01"};
    for (size_t i = 0; i < 3; i++) {
        struct image image;
        struct ct_uds_transfer t = download(&image, 100);
        (void)ct_uds_transfer_next(&t, request, &request_len);
        answer(&t, answers[i], 3);
        assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
    }
}

/* Facts 2.7: the block must also fit the transport. */
static void test_block_is_limited_by_the_transport(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 600);
    t.config.block_max = 130;
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x40\xFF\xFF\xFF\xFF");
    (void)ct_uds_transfer_next(&t, request, &request_len);
    assert_int_equal(request_len, 130);
}

static void test_source_that_fails_ends_the_download(void **state)
{
    (void)state;
    struct image image;
    struct ct_uds_transfer t = download(&image, 600);
    t.config.read = fail_to_read;
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x74\x20\x00\x81");
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
}

static void test_upload_takes_what_it_asked_for_and_no_more(void **state)
{
    (void)state;
    struct image image = {.reads = 0};
    struct ct_uds_transfer t;
    const struct ct_uds_transfer_config config = {
        .upload = true, .address = 0x201000, .size = 5, .write = write_image, .user = &image};
    assert_int_equal(ct_uds_transfer_init(&t, &config), CT_OK);
    ASK(&t, "\x35\x00\x44\x00\x20\x10\x00\x00\x00\x00\x05");
    ANSWER(&t, "\x75\x10\x05");
    ASK(&t, "\x36\x01");
    assert_int_equal(request_len, 2);
    no_answer(&t);
    ASK(&t, "\x36\x01");
    ANSWER(&t, "\x76\x01\xAA\xBB\xCC");
    ASK(&t, "\x36\x02");
    ANSWER(&t, "\x76\x02\xDD\xEE");
    ASK(&t, "\x37");
    ANSWER(&t, "\x77");
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_DONE);
    assert_memory_equal(image.bytes, "\xAA\xBB\xCC\xDD\xEE", 5);
    assert_int_equal(ct_uds_transfer_init(&t, &config), CT_OK);
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x75\x10\x20");
    (void)ct_uds_transfer_next(&t, request, &request_len);
    ANSWER(&t, "\x76\x01\x01\x02\x03\x04\x05\x06");
    assert_int_equal(ct_uds_transfer_next(&t, request, &request_len), CT_UDS_STEP_FAILED);
}

/* ---------------------------------------------------------------- unlock */

static int prove(void *user, uint8_t level, struct ct_uds_bytes challenge, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    assert_true(size >= challenge.len);
    for (size_t i = 0; i < challenge.len; i++) {
        out[i] = (uint8_t)(challenge.data[i] ^ 0xFF ^ level);
    }
    *out_len = challenge.len;
    return CT_OK;
}

static struct ct_uds_unlock unlock_of(enum ct_uds_unlock_way way, uint8_t level)
{
    struct ct_uds_unlock unlock;
    const struct ct_uds_unlock_config config = {.way = way,
                                                .level = level,
                                                .prover = {prove, NULL},
                                                .certificate = {(const uint8_t *)"CERT", 4},
                                                .algorithm = {9}};
    assert_int_equal(ct_uds_unlock_init(&unlock, &config), CT_OK);
    return unlock;
}

static void unlock_ask(struct ct_uds_unlock *unlock, const char *bytes, size_t len)
{
    assert_int_equal(ct_uds_unlock_next(unlock, request, &request_len), CT_UDS_STEP_ASK);
    assert_int_equal(request_len, len);
    assert_memory_equal(request, bytes, len);
}

static enum ct_uds_step unlock_answer(struct ct_uds_unlock *unlock, const char *bytes, size_t len)
{
    const struct ct_uds_result result = {.outcome = CT_UDS_POSITIVE, .response = (const uint8_t *)bytes, .len = len};
    ct_uds_unlock_take(unlock, &result);
    return ct_uds_unlock_next(unlock, request, &request_len);
}

#define UNLOCK_ASK(u, bytes)    unlock_ask(u, bytes, sizeof(bytes) - 1)
#define UNLOCK_ANSWER(u, bytes) unlock_answer(u, bytes, sizeof(bytes) - 1)

static void test_key_of_a_seed_unlocks(void **state)
{
    (void)state;
    struct ct_uds_unlock u = unlock_of(CT_UDS_BY_KEY, 1);
    UNLOCK_ASK(&u, "\x27\x01");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x67\x01\x36\x57"), CT_UDS_STEP_ASK);
    UNLOCK_ASK(&u, "\x27\x02\xC8\xA9");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x67\x02"), CT_UDS_STEP_DONE);
    assert_false(u.already);
}

/* udsoncan#51: a seed of zeros says that the level is unlocked; no key may be sent. */
static void test_seed_of_zeros_is_unlocked_already(void **state)
{
    (void)state;
    struct ct_uds_unlock u = unlock_of(CT_UDS_BY_KEY, 3);
    UNLOCK_ASK(&u, "\x27\x03");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x67\x03\x00\x00\x00\x00"), CT_UDS_STEP_DONE);
    assert_true(u.already);
}

static void test_refused_key_fails_with_its_code(void **state)
{
    (void)state;
    static const uint8_t refusals[] = {0x35, 0x36, 0x37};
    for (size_t i = 0; i < sizeof refusals; i++) {
        struct ct_uds_unlock u = unlock_of(CT_UDS_BY_KEY, 1);
        (void)ct_uds_unlock_next(&u, request, &request_len);
        (void)UNLOCK_ANSWER(&u, "\x67\x01\x36\x57");
        ct_uds_unlock_take(&u, &(const struct ct_uds_result){.outcome = CT_UDS_NEGATIVE, .nrc = refusals[i]});
        assert_int_equal(ct_uds_unlock_next(&u, request, &request_len), CT_UDS_STEP_FAILED);
        assert_int_equal(u.nrc, refusals[i]);
    }
}

static void test_certificate_then_proof_of_ownership(void **state)
{
    (void)state;
    struct ct_uds_unlock u = unlock_of(CT_UDS_BY_CERTIFICATE, 0);
    UNLOCK_ASK(&u, "\x29\x01\x00\x00\x04"
                   "CERT\x00\x00");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x69\x01\x11\x00\x02\xAB\xCD\x00\x00"), CT_UDS_STEP_ASK);
    UNLOCK_ASK(&u, "\x29\x03\x00\x02\x54\x32\x00\x00");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x69\x03\x12\x00\x00"), CT_UDS_STEP_DONE);
}

static void test_challenge_and_response(void **state)
{
    (void)state;
    struct ct_uds_unlock u = unlock_of(CT_UDS_BY_CHALLENGE, 0);
    UNLOCK_ASK(&u, "\x29\x05\x00\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x69\x05\x00\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x01\x0F\x00\x00"),
                     CT_UDS_STEP_ASK);
    UNLOCK_ASK(&u, "\x29\x06\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x01\xF0\x00\x00\x00\x00");
    assert_int_equal(UNLOCK_ANSWER(&u, "\x69\x06\x13\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x00"), CT_UDS_STEP_FAILED);
    u = unlock_of(CT_UDS_BY_CHALLENGE, 0);
    (void)ct_uds_unlock_next(&u, request, &request_len);
    assert_int_equal(UNLOCK_ANSWER(&u, "\x69\x05\x00\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x00\x00\x00"),
                     CT_UDS_STEP_FAILED); /* no challenge */
}

static void test_even_level_cannot_be_asked(void **state)
{
    (void)state;
    struct ct_uds_unlock u;
    const struct ct_uds_unlock_config config = {.way = CT_UDS_BY_KEY, .level = 2, .prover = {prove, NULL}};
    assert_int_equal(ct_uds_unlock_init(&u, &config), CT_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_download_goes_in_blocks_of_the_ecus_length),
        cmocka_unit_test(test_block_counter_wraps_to_zero),
        cmocka_unit_test(test_lost_response_repeats_the_same_block),
        cmocka_unit_test(test_refused_block_fails_the_download),
        cmocka_unit_test(test_refusal_at_begin_and_exit_fails_too),
        cmocka_unit_test(test_block_length_that_cannot_be_fails),
        cmocka_unit_test(test_block_is_limited_by_the_transport),
        cmocka_unit_test(test_source_that_fails_ends_the_download),
        cmocka_unit_test(test_upload_takes_what_it_asked_for_and_no_more),
        cmocka_unit_test(test_key_of_a_seed_unlocks),
        cmocka_unit_test(test_seed_of_zeros_is_unlocked_already),
        cmocka_unit_test(test_refused_key_fails_with_its_code),
        cmocka_unit_test(test_certificate_then_proof_of_ownership),
        cmocka_unit_test(test_challenge_and_response),
        cmocka_unit_test(test_even_level_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
