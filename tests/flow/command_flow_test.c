/* Commands that are carried out: what the ECU and the actuator do, and what is reported. */
#include "command_support.h"

static void assert_states(const struct rig *rig, const int *states, size_t count)
{
    assert_int_equal(rig->status_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rig->statuses[i].state, states[i]);
    }
}

static void test_command_reads_vin_through_segmentation(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    const int lived[] = {CT_COMMAND_ACCEPTED, CT_COMMAND_RUNNING, CT_COMMAND_DONE};
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 200);
    assert_states(rig, lived, 3);
    assert_int_equal(rig_last(rig)->response_len, 20);
    assert_memory_equal(rig_last(rig)->response, "\x62\xF1\x90WCT00000000000001", 20);
    assert_int_equal(rig_last(rig)->seq, 1);
    assert_int_equal(rig->frames_out, 2); /* single frame, flow control */
}

static void test_command_reads_sixty_byte_record(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0x0160);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
    assert_int_equal(rig_last(rig)->response_len, 63);
    assert_int_equal(rig_last(rig)->response[62], 59);
}

static void test_command_negative_response_is_failed_with_its_bytes(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0x4711);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 200);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NEGATIVE_RESPONSE);
    assert_int_equal(rig_last(rig)->response_len, 3);
    assert_memory_equal(rig_last(rig)->response, "\x7F\x22\x31", 3);
}

static void test_command_silent_ecu_is_no_response(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    rig->ecu_silent = true;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 2000);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NO_RESPONSE);
    assert_int_equal(rig->frames_out, 1);
}

static void test_command_request_the_bus_never_carried_is_not_confirmed(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    rig->ecu_silent = true;
    rig->bus_dead = true;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 2000);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NOT_CONFIRMED);
    assert_int_equal(rig->frames_out, 1); /* and is not sent again */
}

static void test_command_answer_is_proof_enough(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    rig->bus_dead = true; /* the echo was lost, the answer was not */
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 2000);
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
}

static void test_command_lamp_frame_the_bus_never_carried_is_not_confirmed(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_lamp(1, LAMP, 1);
    rig->lamp_broken = true;
    rig->bus_dead = true;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 2002);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NOT_CONFIRMED);
}

static void test_command_bus_down_is_bus_error(void **state)
{
    struct rig *rig = *state;
    const struct ct_command read = command_read(1, "engine", 0x22, 0xF190);
    const struct ct_command lamp = command_lamp(2, LAMP, 1);
    rig->bus_down = true;
    assert_int_equal(rig_send(rig, &read, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 1);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_BUS_ERROR);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 1);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_BUS_ERROR);
}

static void test_command_policy_stops_a_transfer_between_frames(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_read(1, "engine", 0x22, 0x0160);
    ct_policy_free(rig->policy);
    ct_executor_free(rig->executor);
    rig->policy = rig_policy(1); /* one frame a second: the flow control is one too many */
    rig_make_executor(rig);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_POLICY_RATE);
    assert_int_equal(rig->frames_out, 1);
}

static void test_command_requests_for_one_ecu_run_one_after_the_other(void **state)
{
    struct rig *rig = *state;
    for (uint64_t seq = 1; seq <= 5; seq++) {
        const struct ct_command command = command_read(seq, "engine", 0x22, seq % 2 != 0 ? 0xF190 : 0x0160);
        assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    }
    assert_int_equal(rig->status_count, 2); /* the first runs, the others wait */
    rig_run(rig, 2000);
    assert_int_equal(rig->status_count, 15);
    for (size_t i = 0; i < 15; i++) {
        assert_int_equal(rig->statuses[i].seq, i / 3 + 1);
    }
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
}

static void test_command_queue_full_is_busy_and_waiting_ends_expired(void **state)
{
    struct rig *rig = *state;
    rig->ecu_silent = true;
    for (uint64_t seq = 1; seq <= CT_EXECUTOR_QUEUE_MAX + 1; seq++) {
        struct ct_command command = command_read(seq, "engine", 0x22, 0xF190);
        command.ttl_ms = 50;
        assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    }
    const struct ct_command late = command_read(100, "engine", 0x22, 0xF190);
    assert_int_equal(rig_send(rig, &late, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_REFUSED);
    assert_int_equal(rig_last(rig)->reason, CT_REASON_BUSY);
    rig_run(rig, 100);
    size_t expired = 0;
    for (size_t i = 0; i < rig->status_count; i++) {
        expired += rig->statuses[i].state == CT_COMMAND_EXPIRED && rig->statuses[i].reason == CT_REASON_TOO_OLD;
    }
    assert_int_equal(expired, CT_EXECUTOR_QUEUE_MAX);
    rig_run(rig, 2000);
    assert_int_equal(rig->frames_out, 1);
    assert_int_equal(ct_executor_running(rig->executor), 0);
}

static void test_command_lamp_goes_on_and_is_reported(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = command_lamp(1, LAMP, 1);
    const int lived[] = {CT_COMMAND_ACCEPTED, CT_COMMAND_RUNNING, CT_COMMAND_DONE};
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 500);
    assert_states(rig, lived, 3);
    assert_true(rig_last(rig)->has_reported);
    assert_true(rig_last(rig)->reported > 0.99 && rig_last(rig)->reported < 1.01);
    assert_int_equal(rig->frames_out, 1);
    assert_int_equal(rig->last_frame.bus, 1);
    assert_int_equal(rig->last_frame.id, LAMP_ID);
}

static void test_command_value_already_there_needs_a_fresh_report(void **state)
{
    struct rig *rig = *state;
    rig->lamp = 1;
    rig_run(rig, 10); /* one report, before the command */
    const ct_ns reported_before = rig->lamp_t_ns;
    assert_true(reported_before != 0);
    const struct ct_command command = command_lamp(1, LAMP, 1);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 20);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_RUNNING);
    rig_run(rig, 100);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_DONE);
}

static void test_command_broken_lamp_is_not_observed_after_two_seconds(void **state)
{
    struct rig *rig = *state;
    rig->lamp_broken = true;
    const struct ct_command command = command_lamp(1, LAMP, 1);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 1999);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_RUNNING);
    rig_run(rig, 3);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NOT_OBSERVED);
    assert_true(rig_last(rig)->has_reported);
    assert_true(rig_last(rig)->reported < 0.5);
    assert_int_equal(rig->frames_out, 1); /* never sent again */
}

static void test_command_newer_revision_supersedes_older_is_refused(void **state)
{
    struct rig *rig = *state;
    struct ct_command command = command_lamp(1, LAMP, 1);
    command.revision = 7;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 5);
    command = command_lamp(2, LAMP, 0);
    command.revision = 8;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig->statuses[2].seq, 1);
    assert_int_equal(rig->statuses[2].state, CT_COMMAND_CANCELLED);
    assert_int_equal(rig->statuses[2].reason, CT_REASON_SUPERSEDED);
    command = command_lamp(3, LAMP, 1);
    command.revision = 8;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_REFUSED);
    assert_int_equal(rig_last(rig)->reason, CT_REASON_SUPERSEDED);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
    assert_int_equal(rig_last(rig)->seq, 2);
    assert_int_equal(rig->frames_out, 2);
}

static void test_command_late_bus_error_hits_only_the_frame_s_own_command(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    const struct ct_command older = command_lamp(1, LAMP, 1);
    const struct ct_command newer = command_lamp(2, LAMP, 0);
    assert_int_equal(rig_send(rig, &older, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_OK);
    /* the frame waits for a full port while a newer revision takes its place, and then is given up */
    assert_int_equal(rig_send(rig, &newer, DIRECTOR), CT_REASON_NONE);
    ct_executor_send_failed(rig->executor, frame.bus, rig->now);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
    assert_int_equal(rig_last(rig)->seq, 2);
}

static void next_payload(struct rig *rig, uint8_t lamp, uint8_t hazard)
{
    struct ct_frame frame;
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_OK);
    assert_int_equal(frame.bus, 1);
    assert_int_equal(frame.data[0], lamp);
    assert_int_equal(frame.data[1], hazard);
    rig_frame_out(rig, &frame);
}

static void test_command_two_values_of_one_message_keep_each_other(void **state)
{
    struct rig *rig = *state;
    const struct ct_command lamp = command_lamp(1, LAMP, 1);
    const struct ct_command hazard = command_lamp(2, HAZARD, 1);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_send(rig, &hazard, DIRECTOR), CT_REASON_NONE);
    next_payload(rig, 1, 0);
    next_payload(rig, 1, 1);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_DONE, CT_REASON_NONE);
}

static void test_command_value_that_failed_on_the_bus_is_not_sent_with_the_next(void **state)
{
    struct rig *rig = *state;
    const struct ct_command lamp = command_lamp(1, LAMP, 1);
    const struct ct_command hazard = command_lamp(2, HAZARD, 1);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_send(rig, &hazard, DIRECTOR), CT_REASON_NONE);
    rig->bus_down = true;
    next_payload(rig, 1, 0);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_FAILED);
    rig->bus_down = false;
    next_payload(rig, 0, 1);
}

static void test_command_second_value_beyond_the_frame_rate_is_refused(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    ct_policy_free(rig->policy);
    rig->policy = rig_policy_rates(1000, 1);
    ct_executor_use_policy(rig->executor, rig->policy);
    const struct ct_command lamp = command_lamp(1, LAMP, 1);
    const struct ct_command hazard = command_lamp(2, HAZARD, 1);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_send(rig, &hazard, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig->status_count, 2); /* the second says nothing before its turn */
    next_payload(rig, 1, 0);
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_ERR_AGAIN);
    assert_int_equal(rig->status_count, 3);
    assert_int_equal(rig_last(rig)->state, CT_COMMAND_REFUSED);
    assert_int_equal(rig_last(rig)->reason, CT_REASON_POLICY_RATE);
}

static void test_command_stop_leaves_running_unknown_and_waiting_cancelled(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    rig->ecu_silent = true;
    for (uint64_t seq = 1; seq <= 2; seq++) {
        const struct ct_command command = command_read(seq, "engine", 0x22, 0xF190);
        assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    }
    const struct ct_command lamp = command_lamp(3, LAMP, 1);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 2);
    rig->status_count = 0;
    memset(rig->statuses, 0, sizeof rig->statuses);
    /* the life cycle is checked from here on without its beginning */
    rig->statuses[0].state = rig->statuses[1].state = CT_COMMAND_RUNNING;
    memcpy(rig->statuses[0].command_id, command_base(1).command_id, CT_COMMAND_ID_SIZE);
    memcpy(rig->statuses[1].command_id, lamp.command_id, CT_COMMAND_ID_SIZE);
    rig->status_count = 2;
    ct_executor_stop(rig->executor, rig->now);
    assert_int_equal(rig->status_count, 5);
    for (size_t i = 2; i < 5; i++) {
        const int expected = rig->statuses[i].seq == 2 ? (int)CT_COMMAND_CANCELLED : (int)CT_COMMAND_OUTCOME_UNKNOWN;
        assert_int_equal(rig->statuses[i].state, expected);
        assert_int_equal(rig->statuses[i].reason, CT_REASON_RESTARTED);
    }
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_ERR_AGAIN);
}

static void test_command_requests_end_without_the_ecu_when_asking_is_over(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    rig->ecu_silent = true;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        const struct ct_command command = command_read(seq, "engine", 0x22, 0xF190);
        assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
    }
    rig_run(rig, 2);
    const unsigned frames = rig->frames_out;
    assert_int_equal(ct_executor_set_gate(rig->executor, CT_EXECUTOR_CLOSED, rig->now), 3);
    assert_int_equal(rig->status_count, 5);
    size_t unknown = 0;
    for (size_t i = 2; i < 5; i++) {
        assert_int_equal(rig->statuses[i].reason, CT_REASON_POLICY_VEHICLE_STATE);
        unknown += rig->statuses[i].state == CT_COMMAND_OUTCOME_UNKNOWN ? 1 : 0;
        assert_true(ct_command_state_final(rig->statuses[i].state));
    }
    assert_int_equal(unknown, 1); /* the others had not begun */
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_ERR_AGAIN);
    rig_run(rig, 2000);
    assert_int_equal(rig->frames_out, frames);
    assert_int_equal(rig->status_count, 5);
    assert_int_equal(ct_executor_set_gate(rig->executor, CT_EXECUTOR_CLOSED, rig->now), 0);
}

static void test_command_after_stop_is_cancelled_and_sends_nothing(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    const struct ct_command lamp = command_lamp(1, LAMP, 1);
    const struct ct_command read = command_read(2, "engine", 0x22, 0xF190);
    ct_executor_stop(rig->executor, rig->now);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    assert_ended(rig, CT_COMMAND_CANCELLED, CT_REASON_RESTARTED);
    assert_int_equal(rig_send(rig, &read, DIRECTOR), CT_REASON_NONE);
    assert_ended(rig, CT_COMMAND_CANCELLED, CT_REASON_RESTARTED);
    assert_int_equal(rig->status_count, 2);
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_ERR_AGAIN);
}

static void test_command_restart_reports_unknown_and_never_repeats(void **state)
{
    struct rig *rig = *state;
    struct ct_journal_entry entry;
    uint8_t bytes[SIGNED];
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    const size_t len = command_sign(rig, &command, DIRECTOR, bytes);
    rig->ecu_silent = true;
    assert_int_equal(rig_deliver(rig, bytes, len), CT_REASON_NONE);
    rig_run(rig, 3);
    const unsigned sent = rig->frames_out;
    assert_int_equal(sent, 1);
    /* the process dies while the command runs */
    ct_executor_free(rig->executor);
    ct_journal_close(rig->journal);
    assert_int_equal(ct_journal_open(rig->dir, &rig->journal), CT_OK);
    rig_make_executor(rig);
    assert_int_equal(ct_journal_pending(rig->journal, 0, &entry), CT_OK);
    assert_int_equal(entry.state, CT_COMMAND_RUNNING);
    assert_memory_equal(entry.command_id, command.command_id, CT_COMMAND_ID_SIZE);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rig_deliver(rig, bytes, len), CT_REASON_REPLAYED);
    }
    rig_run(rig, 100);
    assert_int_equal(rig->frames_out, sent);
}

/* The race of a command that is signed offline: others are prepared, sent and carried out meanwhile. */
static void test_command_released_late_runs_once(void **state)
{
    struct rig *rig = *state;
    uint8_t held[SIGNED];
    uint8_t stripped[SIGNED];
    const struct ct_command write = command_read(10, "engine", 0x2E, 0xF190);
    const struct ct_command read = command_read(11, "engine", 0x22, 0xF190);
    const struct ct_command lamp = command_lamp(12, LAMP, 1);
    const size_t len = command_sign(rig, &write, DIRECTOR | RELEASE, held);
    const size_t stripped_len = command_sign(rig, &write, DIRECTOR, stripped);
    assert_int_equal(rig_send(rig, &read, DIRECTOR), CT_REASON_NONE);
    assert_int_equal(rig_send(rig, &lamp, DIRECTOR), CT_REASON_NONE);
    rig_run(rig, 500);
    assert_int_equal(rig_deliver(rig, stripped, stripped_len), CT_REASON_REPLAYED); /* without the release: too late */
    const unsigned before = rig->frames_out;
    assert_int_equal(rig_deliver(rig, held, len), CT_REASON_NONE);
    rig_run(rig, 500);
    assert_ended(rig, CT_COMMAND_FAILED, CT_REASON_NEGATIVE_RESPONSE); /* it ran: the ECU itself refuses */
    assert_int_equal(rig_last(rig)->seq, 10);
    assert_true(rig->frames_out > before);
    const unsigned after = rig->frames_out;
    for (int restart = 0; restart < 3; restart++) {
        assert_int_equal(rig_deliver(rig, held, len), CT_REASON_REPLAYED);
        assert_int_equal(rig_deliver(rig, stripped, stripped_len), CT_REASON_REPLAYED);
        ct_journal_close(rig->journal);
        assert_int_equal(ct_journal_open(rig->dir, &rig->journal), CT_OK);
    }
    rig_run(rig, 200);
    assert_int_equal(rig->frames_out, after);
    const struct ct_command next = command_read(13, "engine", 0x22, 0xF190);
    assert_int_equal(rig_send(rig, &next, DIRECTOR), CT_REASON_NONE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_command_reads_vin_through_segmentation),
        T(test_command_reads_sixty_byte_record),
        T(test_command_negative_response_is_failed_with_its_bytes),
        T(test_command_silent_ecu_is_no_response),
        T(test_command_request_the_bus_never_carried_is_not_confirmed),
        T(test_command_answer_is_proof_enough),
        T(test_command_lamp_frame_the_bus_never_carried_is_not_confirmed),
        T(test_command_bus_down_is_bus_error),
        T(test_command_policy_stops_a_transfer_between_frames),
        T(test_command_requests_for_one_ecu_run_one_after_the_other),
        T(test_command_queue_full_is_busy_and_waiting_ends_expired),
        T(test_command_lamp_goes_on_and_is_reported),
        T(test_command_value_already_there_needs_a_fresh_report),
        T(test_command_broken_lamp_is_not_observed_after_two_seconds),
        T(test_command_newer_revision_supersedes_older_is_refused),
        T(test_command_late_bus_error_hits_only_the_frame_s_own_command),
        T(test_command_two_values_of_one_message_keep_each_other),
        T(test_command_value_that_failed_on_the_bus_is_not_sent_with_the_next),
        T(test_command_second_value_beyond_the_frame_rate_is_refused),
        T(test_command_stop_leaves_running_unknown_and_waiting_cancelled),
        T(test_command_requests_end_without_the_ecu_when_asking_is_over),
        T(test_command_after_stop_is_cancelled_and_sends_nothing),
        T(test_command_restart_reports_unknown_and_never_repeats),
        T(test_command_released_late_runs_once),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
