/* SecuredDataTransmission (84): the layout of ISO 14229-1:2020 clause 16 against messages that another implementation
 * (the Rust library iso14229-1) has in its tests, then a server that runs what is inside. */
#include "uds_ask.h"
#include "uds_secured.h"

/* --- layout --- */

static const uint8_t theirs[] = {0x84, 0x00, 0x61, 0x00, 0x00, 0x06, 0x01, 0x24, 0x2E, 0xF1,
                                 0x23, 0xAA, 0x55, 0xDB, 0xD1, 0x0E, 0xDC, 0x55, 0xAA};
static const uint8_t their_answer[] = {0xC4, 0x00, 0x20, 0x00, 0x00, 0x06, 0x01, 0x24, 0x6E,
                                       0xF1, 0x23, 0xFE, 0xDB, 0x91, 0x0E, 0xDC, 0xFF};

static int sign_as_told(void *user, const uint8_t *data, size_t len, uint8_t *out)
{
    assert_int_equal(len, 13);
    assert_memory_equal(data, theirs, 13);
    memcpy(out, user, 6);
    return CT_OK;
}

static bool verify_as_told(void *user, const uint8_t *data, size_t len, const uint8_t *signature)
{
    (void)data;
    return len == 11 && memcmp(signature, user, 6) == 0;
}

static void test_uds_secured_request_is_laid_out_as_by_others(void **state)
{
    static uint8_t signature[] = {0xDB, 0xD1, 0x0E, 0xDC, 0x55, 0xAA};
    static const uint8_t write[] = {0x2E, 0xF1, 0x23, 0xAA, 0x55};
    const struct ct_uds_security security = {
        .signature_len = 6, .user = signature, .sign = sign_as_told, .verify = verify_as_told};
    uint8_t out[sizeof theirs];
    size_t len = 0;
    (void)state;
    assert_int_equal(ct_uds_secured_encode(&security, 0x0061, 0x0124, (struct ct_uds_bytes){write, sizeof write}, out,
                                           sizeof out, &len),
                     CT_OK);
    assert_int_equal(len, sizeof theirs);
    assert_memory_equal(out, theirs, sizeof theirs);
    assert_int_equal(ct_uds_secured_encode(&security, 0x0061, 0x0124, (struct ct_uds_bytes){write, sizeof write}, out,
                                           sizeof out - 1, &len),
                     CT_ERR_TOO_LARGE);
}

static void test_uds_secured_response_is_read_as_others_write_it(void **state)
{
    static uint8_t signature[] = {0xFE, 0xDB, 0x91, 0x0E, 0xDC, 0xFF};
    const struct ct_uds_security security = {
        .signature_len = 6, .user = signature, .sign = sign_as_told, .verify = verify_as_told};
    static struct ct_uds_secured in;
    (void)state;
    assert_int_equal(ct_uds_secured_response(&security, 0x0061, 0x0124, their_answer, sizeof their_answer, &in), CT_OK);
    assert_int_equal(in.len, 3);
    assert_memory_equal(in.message, "\x6E\xF1\x23", 3);
    /* of another request; not encrypted as asked; cut */
    assert_int_equal(ct_uds_secured_response(&security, 0x0061, 0x0125, their_answer, sizeof their_answer, &in),
                     CT_ERR_CORRUPT);
    assert_int_equal(ct_uds_secured_response(&security, 0x0071, 0x0124, their_answer, sizeof their_answer, &in),
                     CT_ERR_CORRUPT);
    assert_int_equal(ct_uds_secured_response(&security, 0x0061, 0x0124, their_answer, 14, &in), CT_ERR_TRUNCATED);
    for (size_t bit = 0; bit < 8 * sizeof their_answer; bit++) { /* what the head says must agree with the rest */
        uint8_t bent[sizeof their_answer];
        memcpy(bent, their_answer, sizeof bent);
        bent[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        const bool inner = bit / 8 >= 8 && bit / 8 < 11; /* left to the signature, which is a constant here */
        const bool flags_allowed = bit / 8 == 2 && (bit % 8 == 3 || bit % 8 == 6); /* own key; a bit of requests */
        if (!inner && !flags_allowed) {
            assert_int_not_equal(ct_uds_secured_response(&security, 0x0061, 0x0124, bent, sizeof bent, &in), CT_OK);
        }
    }
}

/* --- the server: the rig's signature is one byte, all others exclusive-ored --- */

static void sign_hex(char *text)
{
    uint8_t bytes[256];
    const size_t len = strlen(text) / 2;
    uint8_t sum = 0;
    assert_int_equal(ct_hex_decode(bytes, text, len), CT_OK);
    for (size_t i = 0; i < len; i++) {
        sum ^= bytes[i];
    }
    (void)snprintf(text + 2 * len, 3, "%02x", sum);
}

/* `request` and `answer` without their signatures; a refusal of the layer itself has none. */
static void expect_secured(struct ask *ask, const char *request, const char *answer)
{
    char out[512], in[512];
    (void)snprintf(out, sizeof out, "%s", request);
    sign_hex(out);
    (void)snprintf(in, sizeof in, "%s", answer);
    if (strncmp(answer, "c4", 2) == 0) {
        sign_hex(in);
    }
    expect_answer(ask, out, in);
}

static void test_uds_server_runs_what_is_inside(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "220106", "7f2238"); /* secured data transmission required */
    expect_secured(ask, "8400616000010001220106",
                   "c400206000010001620106"
                   "00000000");
    expect_secured(ask, "840061600001000222ffff", "c4002060000100027f2231"); /* a refusal comes inside too */
    expect_secured(ask,
                   "8400616000010003"
                   "3e80",
                   ""); /* suppressed inside */
    expect_secured(ask,
                   "8400616000010004"
                   "8400",
                   "c4002060000100047f8439"); /* not one in another */
    expect_secured(ask,
                   "8400716000010005"
                   "ddfef9",
                   "c4003060000100059dfef9"
                   "ffffffff");                                           /* encrypted */
    expect_answer(ask, "84002160000100063e00fc", "c4000060000000067e00"); /* no signature wanted back */
    expect_answer(ask, "220106", "7f2238");                               /* one request does not open the next */
}

static void test_uds_server_takes_each_counter_once(void **state)
{
    struct ask *ask = *state;
    expect_secured(ask, "84006160000100103e00", "c4002060000100107e00");
    expect_secured(ask, "84006160000100103e00", "7f843a");
    expect_secured(ask, "840061600001000f3e00", "7f843a");
    expect_secured(ask, "84006160000100123e00", "c4002060000100127e00"); /* gaps are lost requests */
    assert_int_equal(ct_uds_server_secured_counter(ask->rig.server), 0x12);
    expect_answer(ask, "84006160000101003e0000", "7f843a"); /* signed by nobody: does not move the counter */
    assert_int_equal(ct_uds_server_secured_counter(ask->rig.server), 0x12);
    ct_uds_server_secured_counter_set(ask->rig.server, 0xFFFE); /* as after a restart */
    expect_secured(ask,
                   "8400616000010013"
                   "3e00",
                   "7f843a");
    expect_secured(ask, "840061600001ffff3e00",
                   "c4002060"
                   "0001ffff7e00");
    expect_secured(ask, "84006160000100003e00", "7f843a"); /* used up */
}

static void test_uds_server_refuses_what_is_not_protected_as_agreed(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "8400016000000001"
                  "3e00",
                  "7f843a"); /* not signed */
    expect_secured(ask,
                   "8400616100010001"
                   "3e00",
                   "7f843a"); /* another algorithm */
    expect_secured(ask,
                   "8400606000010001"
                   "3e00",
                   "7f843a"); /* not a request */
    expect_secured(ask,
                   "8400656000010001"
                   "3e00",
                   "7f843a"); /* reserved bit */
    expect_secured(ask,
                   "8480616000010001"
                   "3e00",
                   "7f843a");
    expect_answer(ask, "84006160000200013e001122", "7f843a"); /* signature of another length */
    expect_answer(ask, "84006160000300013e0011", "7f8413");   /* nothing left inside */
    expect_answer(ask, "8400616000010001", "7f8413");
    expect_answer(ask, "8400", "7f8413");
    assert_int_equal(ct_uds_server_secured_counter(ask->rig.server), 0);
}

static void test_uds_server_secured_work_is_pending_until_it_is_done(void **state)
{
    struct ask *ask = *state;
    ask->rig.polls = 5;
    expect_secured(ask, "8400616000010001220104", "");
    expect_secured(ask,
                   "8400616000010002"
                   "3e00",
                   "7f8421");
    for (ct_ns now = 10 * MS; ask->rig.polls > 0; now += 10 * MS) {
        uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
        ask->now = now;
        const size_t len = ct_uds_server_poll(ask->rig.server, now, out);
        if (len > 0 && out[0] == 0x7F) {
            expect_bytes(out, len, "7f8478");
        } else if (len > 0) {
            char answer[64] = "c400206000010001620104736c6f77";
            sign_hex(answer);
            expect_bytes(out, len, answer);
            return;
        }
        assert_true(now < 10000 * MS);
    }
    char answer[64] = "c400206000010001620104736c6f77";
    sign_hex(answer);
    expect_poll(ask, ask->now + 10 * MS, answer);
}

static void test_uds_server_without_security_has_no_84(void **state)
{
    struct ask *ask = *state;
    struct ct_uds_server_config config = ct_uds_rig_config(&ask->rig);
    config.security = NULL;
    ct_uds_rig_free(&ask->rig);
    ct_uds_rig_init(&ask->rig, &config);
    expect_answer(ask, "84006160000100013e0065", "7f8411");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uds_secured_request_is_laid_out_as_by_others),
        cmocka_unit_test(test_uds_secured_response_is_read_as_others_write_it),
        CASE(test_uds_server_runs_what_is_inside),
        CASE(test_uds_server_takes_each_counter_once),
        CASE(test_uds_server_refuses_what_is_not_protected_as_agreed),
        CASE(test_uds_server_secured_work_is_pending_until_it_is_done),
        CASE(test_uds_server_without_security_has_no_84),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
