#include "job.h"

#include "diagnostic_wire.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define S        CT_NS_PER_S
#define STATUSES 16

static const char *const ecus[] = {"engine", "gearbox"};

struct rig {
    struct ct_jobs *jobs;
    unsigned asked;
    uint32_t slot, step;
    struct ct_command request;
    enum ct_origin origin;
    bool release;
    int64_t valid_ms;
    size_t said;
    int states[STATUSES], reasons[STATUSES];
    char last_text[96];
    uint8_t response[8192];
    size_t response_len;
};

static const char *rig_name(void *user, size_t ecu)
{
    (void)user;
    return ecus[ecu];
}

static void rig_request(void *user, uint32_t slot, uint32_t step, const struct ct_command *request,
                        enum ct_origin origin, bool release, int64_t valid_ms)
{
    struct rig *rig = user;
    rig->asked++;
    rig->slot = slot;
    rig->step = step;
    rig->request = *request;
    rig->origin = origin;
    rig->release = release;
    rig->valid_ms = valid_ms;
}

/* Every status must follow the one before by the life cycle; progress repeats RUNNING. */
static void rig_status(void *user, enum ct_origin origin, const struct ct_command_status *status)
{
    struct rig *rig = user;
    (void)origin;
    const int before = rig->said > 0 ? rig->states[rig->said - 1] : 0;
    assert_true(rig->said < STATUSES);
    assert_true(ct_command_state_follows(before, status->state) ||
                (before == CT_COMMAND_RUNNING && status->state == CT_COMMAND_RUNNING));
    assert_true(status->response_len <= sizeof rig->response);
    rig->states[rig->said] = status->state;
    rig->reasons[rig->said++] = status->reason;
    (void)strncpy(rig->last_text, status->text, sizeof rig->last_text - 1);
    rig->response_len = status->response_len;
    if (status->response_len > 0) {
        memcpy(rig->response, status->response, status->response_len);
    }
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    const struct ct_jobs_ops ops = {
        .user = rig, .ecu_count = 2, .ecu_name = rig_name, .request = rig_request, .status = rig_status};
    assert_int_equal(ct_jobs_create(&ops, &rig->jobs), CT_OK);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    ct_jobs_free(rig->jobs);
    free(rig);
    return 0;
}

static struct ct_command order(const char *ecu, enum ct_diagnostic_kind kind, uint32_t identifier)
{
    struct ct_command command = {.action = CT_ACTION_DIAGNOSTIC_JOB, .seq = 7, .job_kind = (int)kind};
    command.job_identifier = identifier;
    (void)strncpy(command.ecu, ecu, sizeof command.ecu - 1);
    return command;
}

static void submit(struct rig *rig, struct ct_command command)
{
    ct_jobs_submit(rig->jobs, &command, CT_ORIGIN_BACKEND, true, 10000, 0);
}

static void answer(struct rig *rig, int state, int reason, const void *bytes, size_t len)
{
    const struct ct_command_status accepted = {.state = CT_COMMAND_ACCEPTED};
    const struct ct_command_status final = {
        .state = state, .reason = reason, .response = bytes, .response_len = len, .text = ""};
    if (state != CT_COMMAND_REFUSED) {
        ct_jobs_answer(rig->jobs, rig->slot, rig->step, &accepted);
    }
    ct_jobs_answer(rig->jobs, rig->slot, rig->step, &final);
    (void)ct_jobs_tick(rig->jobs, 1);
}

static void assert_asked(const struct rig *rig, const char *ecu, const void *bytes, size_t len)
{
    assert_string_equal(rig->request.ecu, ecu);
    assert_int_equal(rig->request.request_len, len);
    assert_memory_equal(rig->request.request, bytes, len);
}

struct got {
    size_t count;
    int reasons[4];
    uint8_t nrc;
    size_t dtc_count, snapshots_len;
    uint32_t codes[4];
    uint8_t statuses[4];
};

static void note(void *user, const struct ct_result_ecu *ecu)
{
    struct got *got = user;
    got->reasons[got->count++] = ecu->reason;
    got->nrc = ecu->nrc != 0 ? ecu->nrc : got->nrc;
    for (size_t i = 0; i < ecu->dtc_count && got->dtc_count < 4; i++) {
        got->codes[got->dtc_count] = ecu->dtcs[i].code;
        got->statuses[got->dtc_count++] = ecu->dtcs[i].status;
        got->snapshots_len += ecu->dtcs[i].snapshots_len;
    }
}

static struct got result_of(const struct rig *rig)
{
    struct got got = {0};
    bool truncated = true;
    assert_int_equal(ct_diagnostic_result_decode(rig->response, rig->response_len, note, &got, &truncated), CT_OK);
    assert_false(truncated);
    return got;
}

/* ISO 14229-1 12.3: 19 02 mask, 59 02 availability (DTC, status)*; 19 04 DTC FF, 59 04 DTC status record.. */
static void test_job_reads_dtcs_of_all_ecus_with_their_snapshots(void **state)
{
    struct rig *rig = *state;
    submit(rig, order("*", CT_DIAGNOSTIC_READ_DTCS, 0));
    assert_asked(rig, "engine", "\x19\x02\xFF", 3);
    answer(rig, CT_COMMAND_DONE, 0, "\x59\x02\xFF\x03\x01\x11\x2F\x00\x00\x00\x00", 11); /* the last is padding */
    assert_asked(rig, "engine", "\x19\x04\x03\x01\x11\xFF", 6);
    answer(rig, CT_COMMAND_DONE, 0, "\x59\x04\x03\x01\x11\x2F\x01\x01\xF4\x0C\x12\x34", 12);
    assert_asked(rig, "gearbox", "\x19\x02\xFF", 3);
    answer(rig, CT_COMMAND_DONE, 0, "\x59\x02\xFF", 3);
    assert_int_equal(rig->states[rig->said - 1], CT_COMMAND_DONE);
    const struct got got = result_of(rig);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.dtc_count, 1);
    assert_int_equal(got.codes[0], 0x030111);
    assert_int_equal(got.statuses[0], 0x2F);
    assert_int_equal(got.snapshots_len, 6);
    assert_int_equal(rig->asked, 3);
    assert_int_equal(ct_jobs_running(rig->jobs), 0);
}

static void test_job_tells_its_progress(void **state)
{
    struct rig *rig = *state;
    submit(rig, order("*", CT_DIAGNOSTIC_READ_DID, 0xF190));
    assert_int_equal(rig->said, 0);
    answer(rig, CT_COMMAND_DONE, 0, "\x62\xF1\x90V", 4);
    assert_string_equal(rig->last_text, "ECU 2 of 2: gearbox");
    assert_int_equal(rig->states[rig->said - 1], CT_COMMAND_RUNNING);
}

static void test_job_orders_become_their_requests(void **state)
{
    static const struct {
        enum ct_diagnostic_kind kind;
        uint32_t identifier;
        const char *data;
        uint16_t data_len;
        const char *request;
        size_t len;
    } rows[] = {
        {CT_DIAGNOSTIC_READ_DTCS, 0x08, "", 0, "\x19\x02\x08", 3},
        {CT_DIAGNOSTIC_CLEAR_DTCS, 0, "", 0, "\x14\xFF\xFF\xFF", 4},
        {CT_DIAGNOSTIC_READ_DID, 0xF190, "", 0, "\x22\xF1\x90", 3},
        {CT_DIAGNOSTIC_WRITE_DID, 0x0160, "\xAA\xBB", 2, "\x2E\x01\x60\xAA\xBB", 5},
        {CT_DIAGNOSTIC_ROUTINE, 0x0203, "\x03\x55", 2, "\x31\x03\x02\x03\x55", 5},
        {CT_DIAGNOSTIC_ROUTINE, 0x0203, "", 0, "\x31\x01\x02\x03", 4},
        {CT_DIAGNOSTIC_RAW_REQUEST, 0, "\x3E\x00", 2, "\x3E\x00", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig *rig = NULL;
        (void)setup((void **)&rig);
        struct ct_command command = order("gearbox", rows[i].kind, rows[i].identifier);
        memcpy(command.request, rows[i].data, rows[i].data_len);
        command.request_len = rows[i].data_len;
        submit(rig, command);
        assert_asked(rig, "gearbox", rows[i].request, rows[i].len);
        assert_true(rig->release);
        (void)teardown((void **)&rig);
    }
    (void)state;
}

static void test_job_refused_by_policy_is_refused_with_its_reason(void **state)
{
    struct rig *rig = *state;
    submit(rig, order("engine", CT_DIAGNOSTIC_CLEAR_DTCS, 0));
    answer(rig, CT_COMMAND_REFUSED, CT_REASON_POLICY_AUTHORITY, NULL, 0);
    assert_int_equal(rig->said, 1);
    assert_int_equal(rig->states[0], CT_COMMAND_REFUSED);
    assert_int_equal(rig->reasons[0], CT_REASON_POLICY_AUTHORITY);
}

static void test_job_reading_is_done_when_one_answered_writing_when_all_did(void **state)
{
    static const struct {
        enum ct_diagnostic_kind kind;
        int state;
    } rows[] = {{CT_DIAGNOSTIC_READ_DTCS, CT_COMMAND_DONE}, {CT_DIAGNOSTIC_CLEAR_DTCS, CT_COMMAND_FAILED}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = NULL;
        (void)setup((void **)&rig);
        submit(rig, order("*", rows[i].kind, 0));
        answer(rig, CT_COMMAND_DONE, 0, "\x59\x02\xFF", 3);
        answer(rig, CT_COMMAND_FAILED, CT_REASON_NEGATIVE_RESPONSE, "\x7F\x19\x22", 3);
        assert_int_equal(rig->states[rig->said - 1], rows[i].state);
        const struct got got = result_of(rig);
        assert_int_equal(got.reasons[1], CT_REASON_NEGATIVE_RESPONSE);
        assert_int_equal(got.nrc, 0x22);
        (void)teardown((void **)&rig);
    }
}

static void test_job_at_its_deadline_fails_reading_and_is_unknown_writing(void **state)
{
    static const struct {
        enum ct_diagnostic_kind kind;
        bool begun;
        int state;
    } rows[] = {{CT_DIAGNOSTIC_READ_DTCS, true, CT_COMMAND_FAILED},
                {CT_DIAGNOSTIC_CLEAR_DTCS, true, CT_COMMAND_OUTCOME_UNKNOWN},
                {CT_DIAGNOSTIC_CLEAR_DTCS, false, CT_COMMAND_EXPIRED}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rig *rig = NULL;
        (void)setup((void **)&rig);
        struct ct_command command = order("engine", rows[i].kind, 0);
        command.job_deadline_ms = 5000;
        submit(rig, command);
        if (rows[i].begun) {
            const struct ct_command_status accepted = {.state = CT_COMMAND_ACCEPTED};
            ct_jobs_answer(rig->jobs, rig->slot, rig->step, &accepted);
        }
        assert_int_equal(ct_jobs_tick(rig->jobs, 5 * S - 1), 5 * S);
        (void)ct_jobs_tick(rig->jobs, 5 * S);
        assert_int_equal(rig->states[rig->said - 1], rows[i].state);
        const size_t said = rig->said;
        answer(rig, CT_COMMAND_DONE, 0, "\x54", 1); /* too late */
        assert_int_equal(rig->said, said);
        (void)teardown((void **)&rig);
    }
}

static void test_job_of_an_unknown_ecu_or_bad_form_is_refused(void **state)
{
    struct rig *rig = *state;
    submit(rig, order("door", CT_DIAGNOSTIC_READ_DTCS, 0));
    assert_int_equal(rig->reasons[0], CT_REASON_UNKNOWN_ECU);
    rig->said = 0;
    submit(rig, order("engine", CT_DIAGNOSTIC_WRITE_DID, 0x0160)); /* nothing to write */
    assert_int_equal(rig->reasons[0], CT_REASON_BAD_FORM);
    assert_int_equal(rig->asked, 0);
}

static void test_jobs_beyond_the_limit_are_busy(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i < CT_JOBS_MAX; i++) {
        submit(rig, order("engine", CT_DIAGNOSTIC_READ_DTCS, 0));
    }
    assert_int_equal(rig->said, 0);
    submit(rig, order("engine", CT_DIAGNOSTIC_READ_DTCS, 0));
    assert_int_equal(rig->reasons[0], CT_REASON_BUSY);
}

static void test_job_whose_gateway_stops_is_unknown(void **state)
{
    struct rig *rig = *state;
    submit(rig, order("*", CT_DIAGNOSTIC_CLEAR_DTCS, 0));
    answer(rig, CT_COMMAND_OUTCOME_UNKNOWN, CT_REASON_RESTARTED, NULL, 0);
    assert_int_equal(rig->states[rig->said - 1], CT_COMMAND_OUTCOME_UNKNOWN);
    assert_int_equal(rig->asked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_job_reads_dtcs_of_all_ecus_with_their_snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_tells_its_progress, setup, teardown),
        cmocka_unit_test(test_job_orders_become_their_requests),
        cmocka_unit_test_setup_teardown(test_job_refused_by_policy_is_refused_with_its_reason, setup, teardown),
        cmocka_unit_test(test_job_reading_is_done_when_one_answered_writing_when_all_did),
        cmocka_unit_test(test_job_at_its_deadline_fails_reading_and_is_unknown_writing),
        cmocka_unit_test_setup_teardown(test_job_of_an_unknown_ecu_or_bad_form_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_beyond_the_limit_are_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_whose_gateway_stops_is_unknown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
