/* Our tester's modules against our ECU's: two independent readings of ISO 14229-1 that must meet. Every typed request
 * is answered by the server and its answer read back typed; transfers and unlocking run to their end, also when
 * responses are lost on the way. */
#include "testing.h"
#include "uds_match.h"
#include "uds_records.h"
#include "uds_rig.h"
#include "uds_transfer.h"
#include "uds_unlock.h"

#include <string.h>

#define MS CT_NS_PER_MS

struct both {
    struct ct_uds_rig rig;
    ct_ns now;
    uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];
    size_t len;
};

static int setup(void **state)
{
    static struct both both;
    both = (struct both){0};
    ct_uds_rig_init(&both.rig, NULL);
    *state = &both;
    return 0;
}

static int teardown(void **state)
{
    ct_uds_rig_free(&((struct both *)*state)->rig);
    return 0;
}

/* One request, answered; response pending is waited for as a client does. */
static struct ct_uds_result exchange(struct both *both, const uint8_t *request, size_t len)
{
    both->len = ct_uds_server_answer(both->rig.server, request, len, false, both->now, both->response);
    for (unsigned i = 0; i < 1000 && (both->len == 0 || (both->response[0] == 0x7F && both->response[2] == 0x78));
         i++) {
        both->now += 10 * MS;
        (void)ct_uds_server_tick(both->rig.server, both->now);
        both->len = ct_uds_server_poll(both->rig.server, both->now, both->response);
    }
    both->now += MS;
    struct ct_uds_result result = {.outcome = CT_UDS_NO_RESPONSE, .response = both->response, .len = both->len};
    switch (ct_uds_match(request, len, both->response, both->len)) {
    case CT_UDS_MATCH_POSITIVE:
        result.outcome = CT_UDS_POSITIVE;
        break;
    case CT_UDS_MATCH_NEGATIVE:
        result.outcome = CT_UDS_NEGATIVE;
        result.nrc = both->response[2];
        break;
    case CT_UDS_STRAY:
        break;
    }
    return result;
}

static struct ct_uds_message ask(struct both *both, const struct ct_uds_message *request)
{
    uint8_t bytes[CT_UDS_MESSAGE_MAX];
    size_t len = 0;
    struct ct_uds_message response = {0};
    assert_int_equal(ct_uds_request_encode(request, bytes, sizeof bytes, &len), CT_OK);
    const struct ct_uds_result result = exchange(both, bytes, len);
    if (result.outcome != CT_UDS_POSITIVE) {
        fail_msg("service %02X %02X: outcome %d, NRC %02X", request->service, request->subfunction, (int)result.outcome,
                 result.nrc);
    }
    assert_int_equal(ct_uds_response_decode(both->response, both->len, &response), CT_OK);
    assert_int_equal(response.service, request->service);
    assert_int_equal(response.subfunction, request->subfunction);
    return response;
}

#define ASK(...) ask(both, &(const struct ct_uds_message){__VA_ARGS__})

static int prove(void *user, uint8_t level, struct ct_uds_bytes seed, uint8_t *out, size_t size, size_t *out_len)
{
    const bool *wrong = user;
    assert_true(size >= 2 && seed.len == 2);
    out[0] = (uint8_t)(seed.data[0] ^ 0xFF);
    out[1] = (uint8_t)(seed.data[1] ^ level ^ (wrong != NULL && *wrong ? 0x80 : 0));
    *out_len = 2;
    return CT_OK;
}

static enum ct_uds_step unlock(struct both *both, uint8_t level, bool *wrong, struct ct_uds_unlock *machine)
{
    const struct ct_uds_unlock_config config = {.way = CT_UDS_BY_KEY, .level = level, .prover = {prove, wrong}};
    uint8_t request[CT_UDS_MESSAGE_MAX];
    size_t len;
    enum ct_uds_step step;
    assert_int_equal(ct_uds_unlock_init(machine, &config), CT_OK);
    while ((step = ct_uds_unlock_next(machine, request, &len)) == CT_UDS_STEP_ASK) {
        const struct ct_uds_result result = exchange(both, request, len);
        ct_uds_unlock_take(machine, &result);
    }
    return step;
}

static void test_unlock_meets_the_servers_security(void **state)
{
    struct both *both = *state;
    struct ct_uds_unlock machine;
    bool wrong = true;
    (void)ASK(.service = 0x10, .subfunction = 3);
    assert_int_equal(unlock(both, 1, &wrong, &machine), CT_UDS_STEP_FAILED);
    assert_int_equal(machine.nrc, CT_NRC_INVALID_KEY);
    wrong = false;
    assert_int_equal(unlock(both, 1, &wrong, &machine), CT_UDS_STEP_DONE);
    assert_false(machine.already);
    assert_int_equal(unlock(both, 1, &wrong, &machine), CT_UDS_STEP_DONE);
    assert_true(machine.already); /* the server says so by a seed of zeros */
    assert_int_equal(ct_uds_server_unlocked(both->rig.server), 1);
}

/* The rig's ways: ours is one byte of its challenge; its own is our challenge turned over, then that byte. */
struct parties {
    bool expects_certificate, judged, accepted;
};

static int prove_ownership(void *user, uint8_t level, struct ct_uds_bytes challenge, uint8_t *out, size_t size,
                           size_t *out_len)
{
    (void)user;
    assert_int_equal(level, 0);
    assert_true(size >= 1 && challenge.len == 32);
    out[0] = challenge.data[0] ^ 0x55;
    *out_len = 1;
    return CT_OK;
}

static bool judge_ecu(void *user, const struct ct_uds_ecu_proof *proof)
{
    struct parties *parties = user;
    parties->judged = true;
    assert_int_equal(proof->ecu_challenge.len, 32);
    assert_int_equal(proof->certificate.len, parties->expects_certificate ? 2 : 0);
    parties->accepted = proof->proof.len == proof->challenge.len + 1;
    for (size_t i = 0; parties->accepted && i < proof->challenge.len; i++) {
        parties->accepted = (proof->proof.data[i] ^ proof->challenge.data[i]) == 0xFF;
    }
    parties->accepted = parties->accepted && proof->proof.data[proof->challenge.len] == proof->ecu_challenge.data[0];
    return parties->accepted;
}

/* `spoil`: the byte of the answer to request `spoiled` (from 1) that is changed on the way; 0: none. */
static enum ct_uds_step authenticate(struct both *both, const struct ct_uds_unlock_config *config, unsigned spoiled,
                                     size_t spoil, struct ct_uds_unlock *machine)
{
    uint8_t request[CT_UDS_MESSAGE_MAX];
    size_t len;
    enum ct_uds_step step;
    assert_int_equal(ct_uds_unlock_init(machine, config), CT_OK);
    for (unsigned i = 1; (step = ct_uds_unlock_next(machine, request, &len)) == CT_UDS_STEP_ASK; i++) {
        const struct ct_uds_result result = exchange(both, request, len);
        both->response[spoil] ^= i == spoiled ? 0x40 : 0;
        ct_uds_unlock_take(machine, &result);
    }
    return step;
}

static void test_both_prove_themselves_by_certificate_and_by_challenge(void **state)
{
    struct both *both = *state;
    static struct ct_uds_unlock machine;
    struct parties parties = {.expects_certificate = true};
    struct ct_uds_unlock_config config = {.way = CT_UDS_BY_CERTIFICATE,
                                          .prover = {prove_ownership, NULL},
                                          .certificate = {(const uint8_t *)"\xCE\x01", 2},
                                          .algorithm = {0x06, 0x03, 0x2B, 0x65, 0x70},
                                          .challenge = {(const uint8_t *)"\xAA\xBB\xCC", 3},
                                          .verifier = {judge_ecu, &parties}};
    assert_int_equal(authenticate(both, &config, 0, 0, &machine), CT_UDS_STEP_DONE);
    assert_true(parties.accepted);
    assert_int_equal(ct_uds_server_roles(both->rig.server), 1);
    (void)ASK(.service = 0x29, .subfunction = 0);
    parties = (struct parties){0};
    config.way = CT_UDS_BY_CHALLENGE;
    assert_int_equal(authenticate(both, &config, 0, 0, &machine), CT_UDS_STEP_DONE);
    assert_true(parties.accepted);
    assert_int_equal(ct_uds_server_roles(both->rig.server), 1);
}

static void test_ecu_that_does_not_prove_itself_is_not_trusted(void **state)
{
    struct both *both = *state;
    static struct ct_uds_unlock machine;
    struct parties parties = {.expects_certificate = true};
    struct ct_uds_unlock_config config = {.way = CT_UDS_BY_CERTIFICATE,
                                          .prover = {prove_ownership, NULL},
                                          .certificate = {(const uint8_t *)"\xCE\x01", 2},
                                          .algorithm = {0x06, 0x03, 0x2B, 0x65, 0x70},
                                          .challenge = {(const uint8_t *)"\xAA\xBB\xCC", 3},
                                          .verifier = {judge_ecu, &parties}};
    /* 69 02 11, challenge 2 + 32, certificate 2 + 2, then the proof's length and its first byte */
    assert_int_equal(authenticate(both, &config, 1, 3 + 34 + 4 + 2, &machine), CT_UDS_STEP_FAILED);
    assert_true(parties.judged);
    assert_int_equal(ct_uds_server_roles(both->rig.server), 0); /* it never got ours */
    parties.judged = false;
    assert_int_equal(authenticate(both, &config, 1, 3 + 34 + 4 + 1, &machine), CT_UDS_STEP_FAILED);
    assert_false(parties.judged); /* a length that cannot be */
    parties = (struct parties){0};
    config.way = CT_UDS_BY_CHALLENGE; /* 69 07 12, algorithm, length, proof */
    assert_int_equal(authenticate(both, &config, 2, 3 + 16 + 2, &machine), CT_UDS_STEP_FAILED);
    assert_true(parties.judged);
    config.challenge = (struct ct_uds_bytes){(const uint8_t *)"\xEE", 1}; /* what the rig cannot answer */
    assert_int_equal(authenticate(both, &config, 0, 0, &machine), CT_UDS_STEP_FAILED);
    assert_int_equal(machine.nrc, CT_NRC_CHALLENGE);
    config.verifier.verify = NULL;
    assert_int_equal(ct_uds_unlock_init(&machine, &config), CT_ERR_ARGUMENT);
}

static void test_every_service_is_answered_in_the_form_the_tester_reads(void **state)
{
    struct both *both = *state;
    struct ct_uds_unlock machine;
    struct ct_uds_message m = ASK(.service = 0x10, .subfunction = 3);
    assert_int_equal(m.p2_ms, 50);
    assert_int_equal(m.p2_star_10ms, 500);
    assert_int_equal(unlock(both, 1, NULL, &machine), CT_UDS_STEP_DONE);
    (void)ASK(.service = 0x3E);
    (void)ASK(.service = 0x28, .subfunction = 1, .option = 1);
    (void)ASK(.service = 0x28, .subfunction = 0, .option = 1);
    (void)ASK(.service = 0x85, .subfunction = 2);
    (void)ASK(.service = 0x85, .subfunction = 1);
    m = ASK(.service = 0x22, .ids = {0xF190}, .id_count = 1);
    assert_true(m.data.len > 2 && m.data.data[0] == 0xF1 && m.data.data[1] == 0x90);
    const uint8_t value[4] = {1, 2, 3, 4};
    m = ASK(.service = 0x2E, .ids = {0x0100}, .data = {value, 4});
    assert_int_equal(m.ids[0], 0x0100);
    m = ASK(.service = 0x22, .ids = {0x0100}, .id_count = 1);
    assert_memory_equal(m.data.data + 2, value, 4);
    m = ASK(.service = 0x24, .ids = {0xF190});
    assert_int_equal(m.ids[0], 0xF190);
    m = ASK(.service = 0x23, .address_len = 2, .size_len = 1, .address = CT_RIG_MEMORY_FIRST, .size = 16);
    assert_int_equal(m.data.len, 16);
    m = ASK(.service = 0x3D, .address_len = 2, .size_len = 1, .address = CT_RIG_MEMORY_FIRST, .size = 4,
            .data = {value, 4});
    assert_true(m.address == CT_RIG_MEMORY_FIRST && m.size == 4);
    assert_memory_equal(both->rig.memory, value, 4);
    m = ASK(.service = 0x2C, .subfunction = 1, .ids = {0xF301}, .source_count = 1,
            .sources = {{.id = 0x0100, .position = 2, .size = 2}});
    assert_true(m.id_count == 1 && m.ids[0] == 0xF301);
    m = ASK(.service = 0x22, .ids = {0xF301}, .id_count = 1);
    assert_memory_equal(m.data.data + 2, "\x02\x03", 2);
    (void)ASK(.service = 0x2C, .subfunction = 3, .ids = {0xF301}, .id_count = 1);
    m = ASK(.service = 0x31, .subfunction = 1, .ids = {0x0203}, .data = {value, 2});
    assert_int_equal(m.ids[0], 0x0203);
    m = ASK(.service = 0x31, .subfunction = 1, .ids = {0xFF00});
    m = ASK(.service = 0x2F, .ids = {0x9B00}, .option = 0);
    assert_true(m.ids[0] == 0x9B00 && m.option == 0);
    m = ASK(.service = 0x14, .dtc = CT_UDS_DTC_ALL);
    (void)ASK(.service = 0x11, .subfunction = 1);
}

static void test_trouble_codes_are_read_typed(void **state)
{
    struct both *both = *state;
    for (unsigned i = 0; i < 300; i++) {
        ct_dtc_report(both->rig.dtcs, CT_RIG_DTC_LAMP, true);
    }
    struct ct_uds_message m = ASK(.service = 0x19, .subfunction = 1, .status_mask = 0x01);
    assert_int_equal(m.count, 1);
    m = ASK(.service = 0x19, .subfunction = 2, .status_mask = 0x01);
    struct ct_uds_dtc dtc, about;
    size_t at = 0;
    assert_int_equal(ct_uds_dtc_next(&m, &at, &dtc), CT_OK);
    assert_true((dtc.status & CT_DTC_TEST_FAILED) != 0);
    assert_int_equal(ct_uds_dtc_next(&m, &at, &about), CT_ERR_END);
    m = ASK(.service = 0x19, .subfunction = 9, .dtc = dtc.dtc);
    at = 0;
    assert_int_equal(ct_uds_dtc_next(&m, &at, &about), CT_OK);
    assert_int_equal(about.dtc, dtc.dtc);
    m = ASK(.service = 0x19, .subfunction = 4, .dtc = dtc.dtc, .record = 0xFF);
    struct ct_uds_record_walk walk;
    struct ct_uds_record record;
    assert_int_equal(ct_uds_record_begin(&m, &walk, &about), CT_OK);
    assert_int_equal(about.dtc, dtc.dtc);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    assert_int_equal(record.record, 1);
    m = ASK(.service = 0x19, .subfunction = 6, .dtc = dtc.dtc, .record = 0xFF);
    assert_int_equal(ct_uds_record_begin(&m, &walk, &about), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    static const uint8_t plain[] = {0x03, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x14};
    for (size_t i = 0; i < sizeof plain; i++) {
        m = ASK(.service = 0x19, .subfunction = plain[i]);
        at = 0;
        int err;
        while ((err = ct_uds_dtc_next(&m, &at, &about)) == CT_OK) {
        }
        assert_int_equal(err, CT_ERR_END);
    }
    m = ASK(.service = 0x19, .subfunction = 8, .severity_mask = 0xFF, .status_mask = 0xFF);
    m = ASK(.service = 0x19, .subfunction = 0x42, .group = 0x33, .status_mask = 0xFF, .severity_mask = 0xFF);
    m = ASK(.service = 0x19, .subfunction = 5, .record = 1 + CT_RIG_DTC_LAMP);
    assert_int_equal(ct_uds_record_begin(&m, &walk, &about), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    assert_true(record.record == 1 + CT_RIG_DTC_LAMP && record.dtc == dtc.dtc && record.did == 0xF210);
}

static unsigned dtcs_in(const struct ct_uds_message *message)
{
    struct ct_uds_dtc dtc;
    size_t at = 0;
    unsigned count = 0;
    int err;
    while ((err = ct_uds_dtc_next(message, &at, &dtc)) == CT_OK) {
        count++;
    }
    assert_int_equal(err, CT_ERR_END);
    return count;
}

static void test_trouble_codes_of_other_memories_and_groups_are_read_typed(void **state)
{
    struct both *both = *state;
    struct ct_uds_record_walk walk;
    struct ct_uds_record record;
    struct ct_uds_dtc about;
    ct_dtc_report(both->rig.user_dtcs, CT_RIG_DTC_PLAIN, true);
    struct ct_uds_message m = ASK(.service = 0x19, .subfunction = 0x17, .status_mask = 0x01, .memory = 0x10);
    assert_true(m.memory == 0x10 && dtcs_in(&m) == 1);
    m = ASK(.service = 0x19, .subfunction = 0x18, .dtc = 0xC10000, .record = 0xFF, .memory = 0x10);
    assert_int_equal(ct_uds_record_begin(&m, &walk, &about), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    assert_true(m.memory == 0x10 && record.record == 1 && record.dtc == 0xC10000 && record.did == 0xF210);
    m = ASK(.service = 0x19, .subfunction = 0x19, .dtc = 0xC10000, .record = 0xFF, .memory = 0x10);
    assert_int_equal(ct_uds_record_begin(&m, &walk, &about), CT_OK);
    assert_int_equal(ct_uds_record_next(&walk, NULL, &record), CT_OK);
    assert_true(about.dtc == 0xC10000 && record.record == 1);
    m = ASK(.service = 0x19, .subfunction = 0x56, .group = 0x33, .record = 3);
    assert_true(m.record == 3 && dtcs_in(&m) == 1);
    (void)ASK(.service = 0x14, .dtc = 0xFFFFFF, .has_option2 = true, .option2 = 0x10);
    m = ASK(.service = 0x19, .subfunction = 0x17, .status_mask = 0x01, .memory = 0x10);
    assert_int_equal(dtcs_in(&m), 0);
}

/* ---------------------------------------------------------------- transfers with lost responses */

struct image {
    uint8_t bytes[CT_RIG_MEMORY_SIZE];
};

static int give(void *user, uint64_t offset, uint8_t *out, size_t len)
{
    memcpy(out, ((struct image *)user)->bytes + offset, len);
    return CT_OK;
}

static int take(void *user, uint64_t offset, const uint8_t *data, size_t len)
{
    memcpy(((struct image *)user)->bytes + offset, data, len);
    return CT_OK;
}

static struct ct_uds_transfer run_transfer(struct both *both, struct image *image, bool upload, uint32_t *seed)
{
    const struct ct_uds_transfer_config config = {.upload = upload,
                                                  .address = CT_RIG_MEMORY_FIRST,
                                                  .size = CT_RIG_MEMORY_SIZE,
                                                  .block_max = 13,
                                                  .repeat_max = 50,
                                                  .read = give,
                                                  .write = take,
                                                  .user = image};
    struct ct_uds_transfer transfer;
    uint8_t request[CT_UDS_MESSAGE_MAX];
    size_t len;
    assert_int_equal(ct_uds_transfer_init(&transfer, &config), CT_OK);
    while (ct_uds_transfer_next(&transfer, request, &len) == CT_UDS_STEP_ASK) {
        struct ct_uds_result result = exchange(both, request, len);
        *seed = *seed * 1664525U + 1013904223U;
        if (request[0] == CT_UDS_TRANSFER_DATA && *seed >> 30 == 0) { /* every fourth answer is lost */
            result = (struct ct_uds_result){.outcome = CT_UDS_NO_RESPONSE};
        }
        ct_uds_transfer_take(&transfer, &result);
    }
    return transfer;
}

static void test_download_and_upload_survive_lost_responses(void **state)
{
    struct both *both = *state;
    struct ct_uds_unlock machine;
    struct image image, back = {{0}};
    uint32_t seed = 3;
    for (size_t i = 0; i < sizeof image.bytes; i++) {
        image.bytes[i] = (uint8_t)(i * 37 % 251 % 0xEE);
    }
    (void)ASK(.service = 0x10, .subfunction = 2);
    assert_int_equal(unlock(both, 1, NULL, &machine), CT_UDS_STEP_DONE);
    struct ct_uds_transfer transfer = run_transfer(both, &image, false, &seed);
    assert_int_equal(ct_uds_transfer_next(&transfer, both->response, &both->len), CT_UDS_STEP_DONE);
    assert_true(transfer.repeats > 10);
    assert_memory_equal(both->rig.memory, image.bytes, CT_RIG_MEMORY_SIZE);
    transfer = run_transfer(both, &back, true, &seed);
    assert_int_equal(ct_uds_transfer_next(&transfer, both->response, &both->len), CT_UDS_STEP_DONE);
    assert_true(transfer.repeats > 10);
    assert_memory_equal(back.bytes, image.bytes, CT_RIG_MEMORY_SIZE);
}

/* The server's memory refuses EE at the head of a block by 72: the download ends there and says so. */
static void test_download_that_the_memory_refuses_fails(void **state)
{
    struct both *both = *state;
    struct ct_uds_unlock machine;
    struct image image = {{0}};
    uint32_t seed = 4;
    image.bytes[11 * 5] = 0xEE;
    (void)ASK(.service = 0x10, .subfunction = 2);
    assert_int_equal(unlock(both, 1, NULL, &machine), CT_UDS_STEP_DONE);
    struct ct_uds_transfer transfer = run_transfer(both, &image, false, &seed);
    assert_int_equal(ct_uds_transfer_next(&transfer, both->response, &both->len), CT_UDS_STEP_FAILED);
    assert_int_equal(transfer.nrc, CT_NRC_PROGRAMMING);
    assert_int_equal(transfer.done, 11 * 5);
}

/* Files (38): what was written comes back, a resumed one goes on where the server says. */
static void test_files_are_written_resumed_and_read(void **state)
{
    struct both *both = *state;
    struct image image, back = {{0}};
    static const struct {
        enum ct_uds_file mode;
        size_t size, at;
    } steps[] = {{CT_UDS_FILE_ADD, 40, 0},
                 {CT_UDS_FILE_REPLACE, 33, 0},
                 {CT_UDS_FILE_RESUME, 33, 2},
                 {CT_UDS_FILE_READ, 600, 0}};
    for (size_t i = 0; i < sizeof image.bytes; i++) {
        image.bytes[i] = (uint8_t)(i * 13);
    }
    (void)ASK(.service = 0x10, .subfunction = 3);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const bool reads = steps[i].mode == CT_UDS_FILE_READ;
        const struct ct_uds_transfer_config config = {.file = "f",
                                                      .file_mode = steps[i].mode,
                                                      .size = steps[i].size,
                                                      .block_max = 9,
                                                      .read = give,
                                                      .write = take,
                                                      .user = reads ? &back : &image};
        struct ct_uds_transfer transfer;
        uint8_t request[CT_UDS_MESSAGE_MAX];
        size_t len;
        enum ct_uds_step step;
        bool first = true;
        assert_int_equal(ct_uds_transfer_init(&transfer, &config), CT_OK);
        while ((step = ct_uds_transfer_next(&transfer, request, &len)) == CT_UDS_STEP_ASK) {
            const struct ct_uds_result result = exchange(both, request, len);
            ct_uds_transfer_take(&transfer, &result);
            if (first) {
                assert_int_equal(transfer.done, steps[i].at);
                first = false;
            }
        }
        if (step != CT_UDS_STEP_DONE) {
            fail_msg("mode %d: %s %02X", (int)steps[i].mode, transfer.why, transfer.nrc);
        }
        assert_true(both->rig.file_complete);
        assert_int_equal(transfer.done, reads ? 33 : steps[i].size);
    }
    assert_memory_equal(back.bytes, image.bytes, 33);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_unlock_meets_the_servers_security),
        T(test_both_prove_themselves_by_certificate_and_by_challenge),
        T(test_ecu_that_does_not_prove_itself_is_not_trusted),
        T(test_every_service_is_answered_in_the_form_the_tester_reads),
        T(test_trouble_codes_are_read_typed),
        T(test_trouble_codes_of_other_memories_and_groups_are_read_typed),
        T(test_download_and_upload_survive_lost_responses),
        T(test_download_that_the_memory_refuses_fails),
        T(test_files_are_written_resumed_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
