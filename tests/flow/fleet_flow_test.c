/* From the vehicle's link to the answer of the API: what was sent is what is found, once. */
#include "fleet_world.h"

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static int set_up(void **state)
{
    *state = world_open(5);
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void send_batches(struct world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        world_turn(world, 50 * CT_NS_PER_MS);
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
    }
}

static cJSON *get(struct world *world, const char *path, const char *name, const char *value)
{
    char *body = NULL;
    assert_int_equal(world_get(world, path, name, value, &body), 200);
    cJSON *json = cJSON_Parse(body);
    assert_non_null(json);
    free(body);
    return json;
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static double number_of(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void test_fleet_batches_become_history_and_twin(void **state)
{
    struct world *world = *state;
    send_batches(world, 300);
    world_settle(world);
    for (uint32_t counter = 0; counter < 5; counter++) {
        world_assert_history(world, counter, 1, 300);
    }

    cJSON *twin = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", "match", "*.SIGNAL_00?");
    const cJSON *signals = cJSON_GetObjectItemCaseSensitive(twin, "signals");
    assert_int_equal(cJSON_GetArraySize(signals), 5);
    assert_true(number_of(cJSON_GetArrayItem(signals, 2), "value") == (double)toy_value(300, 2));
    cJSON_Delete(twin);

    twin = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", "match", "Vehicle.*");
    signals = cJSON_GetObjectItemCaseSensitive(twin, "signals");
    assert_int_equal(cJSON_GetArraySize(signals), 4);
    assert_string_equal(text_of(cJSON_GetArrayItem(signals, 1), "text"), "D");    /* 300 / 20 % 4 = 3 */
    assert_string_equal(text_of(cJSON_GetArrayItem(signals, 2), "value"), "Ada"); /* 300 / 50 % 3 = 0 */
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(signals, 3), "value")));
    cJSON_Delete(twin);
    assert_true(world->published > 0);
}

static void test_fleet_history_by_rest_has_every_sample(void **state)
{
    struct world *world = *state;
    send_batches(world, 40);
    world_settle(world);
    cJSON *history = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "can0.TOY.SIGNAL_001");
    const cJSON *samples = cJSON_GetObjectItemCaseSensitive(history, "samples");
    assert_int_equal(cJSON_GetArraySize(samples), 40);
    double before = 0;
    for (int i = 0; i < 40; i++) {
        const cJSON *sample = cJSON_GetArrayItem(samples, i);
        assert_true(cJSON_GetNumberValue(cJSON_GetArrayItem(sample, 1)) == (double)toy_value((uint64_t)i + 1, 1));
        assert_true(cJSON_GetNumberValue(cJSON_GetArrayItem(sample, 0)) > before);
        before = cJSON_GetNumberValue(cJSON_GetArrayItem(sample, 0));
    }
    cJSON_Delete(history);
}

static void test_fleet_gap_and_event_are_reported(void **state)
{
    struct world *world = *state;
    send_batches(world, 10);
    assert_true(toy_vehicle_gap(world->toy, 7, world->now, world->utc_ns));
    assert_true(toy_vehicle_event(world->toy, "toy-event", world->now, world->utc_ns));
    send_batches(world, 10);
    world_settle(world);
    cJSON *history = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "can0.TOY.SIGNAL_000");
    const cJSON *gaps = cJSON_GetObjectItemCaseSensitive(history, "gaps");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(history, "samples")), 20);
    assert_int_equal(cJSON_GetArraySize(gaps), 1);
    const cJSON *gap = cJSON_GetArrayItem(gaps, 0);
    assert_string_equal(text_of(gap, "reason"), "outbox-full");
    assert_true(number_of(gap, "seq_first") == 11);
    assert_true(number_of(gap, "seq_last") == 17);
    assert_true(number_of(gap, "samples") == 35);
    cJSON_Delete(history);

    cJSON *events = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/events", NULL, NULL);
    const cJSON *item;
    unsigned gap_events = 0;
    unsigned toy_events = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(events, "events"))
    {
        gap_events += strcmp(text_of(item, "name"), "gap") == 0;
        toy_events += strcmp(text_of(item, "name"), "toy-event") == 0;
    }
    assert_int_equal(gap_events, 1);
    assert_int_equal(toy_events, 1);
    cJSON_Delete(events);
}

static void test_fleet_clean_restart_goes_on(void **state)
{
    struct world *world = *state;
    send_batches(world, 30);
    world_settle(world);
    world_stop_fleet(world);
    world_start_fleet(world);
    world_assert_history(world, 0, 1, 30);
    send_batches(world, 30);
    world_settle(world);
    world_assert_history(world, 0, 1, 60);
}

/* ------------------------------------------------------------------------------------------------ commands */

static void issue(struct world *world, enum ct_api_method method, const char *what, const char *body, char id[33])
{
    char path[128];
    char *answer = NULL;
    (void)snprintf(path, sizeof path, "/api/v1/vehicles/" WORLD_VEHICLE "/%s", what);
    assert_int_equal(world_send(world, method, path, body, &answer), 202);
    cJSON *json = cJSON_Parse(answer);
    (void)snprintf(id, 33, "%s", text_of(json, "command_id"));
    cJSON_Delete(json);
    free(answer);
}

static cJSON *command(struct world *world, const char *id)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/api/v1/commands/%s", id);
    return get(world, path, NULL, NULL);
}

static void test_fleet_desired_value_makes_the_round_trip(void **state)
{
    struct world *world = *state;
    char id[33];
    send_batches(world, 3);
    world_settle(world);
    ct_folder_watch(world->folder, WORLD_VEHICLE, true);
    issue(world, CT_API_PUT, "desired", "{\"path\":\"" TOY_BEAM "\",\"value\":true}", id);
    world_settle(world);
    world_settle(world);

    cJSON *json = command(world, id);
    assert_string_equal(text_of(json, "state"), "done");
    assert_string_equal(text_of(json, "action"), "set-desired");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "value")));
    assert_true(number_of(json, "reported") == 1);
    static const char *const life[] = {"queued", "sent", "accepted", "running", "done"};
    const cJSON *history = cJSON_GetObjectItemCaseSensitive(json, "history");
    assert_int_equal(cJSON_GetArraySize(history), 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(text_of(cJSON_GetArrayItem(history, i), "state"), life[i]);
    }
    cJSON_Delete(json);
    assert_true(world->streamed_commands >= 3);

    json = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", NULL, NULL);
    const cJSON *desired = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "desired"), 0);
    assert_string_equal(text_of(desired, "path"), TOY_BEAM);
    assert_string_equal(text_of(desired, "state"), "applied");
    assert_string_equal(text_of(desired, "command_id"), id);
    cJSON_Delete(json);
}

static void test_fleet_diagnostic_request_brings_its_response(void **state)
{
    struct world *world = *state;
    char id[33];
    char refused[33];
    send_batches(world, 3);
    world_settle(world);
    issue(world, CT_API_POST, "diagnostics", "{\"ecu\":\"engine\",\"request\":\"22F190\"}", id);
    issue(world, CT_API_POST, "diagnostics", "{\"ecu\":\"engine\",\"request\":\"2Ef190\"}", refused);
    world_settle(world);
    world_settle(world);
    cJSON *json = command(world, id);
    assert_string_equal(text_of(json, "state"), "done");
    assert_memory_equal(text_of(json, "response"), "62f190544f59", 12);
    cJSON_Delete(json);
    json = command(world, refused);
    assert_string_equal(text_of(json, "state"), "failed");
    assert_string_equal(text_of(json, "reason"), "negative-response");
    assert_string_equal(text_of(json, "response"), "7f2e31");
    cJSON_Delete(json);
}

/* Case 35: another vehicle's key, and everything else as this vehicle has it: stream, sequence, boot, command id. */
static void test_fleet_batch_and_result_under_another_key_do_nothing_to_this_vehicle(void **state)
{
    struct world *world = *state;
    char id[33];
    struct toy_stats stats = {.executed = 0};
    send_batches(world, 3);
    world_settle(world);
    /* given: a command that the vehicle has carried out; its result is not sent yet */
    issue(world, CT_API_PUT, "desired", "{\"path\":\"" TOY_BEAM "\",\"value\":true}", id);
    for (unsigned i = 0; i < 100 && stats.executed == 0; i++) {
        world_turn(world, 10 * CT_NS_PER_MS);
        toy_vehicle_stats(world->toy, &stats);
    }
    assert_int_equal(stats.executed, 1);
    /* when: result and further batches come by the connection of another key, and all is acknowledged there */
    world->speaker = "toy-2";
    send_batches(world, 4);
    world_settle(world);
    /* then: they are the other one's */
    cJSON *json = command(world, id);
    assert_string_equal(text_of(json, "state"), "sent");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "history")), 2); /* queued, sent */
    cJSON_Delete(json);
    world_assert_history(world, 0, 1, 3);
    json = get(world, "/api/v1/vehicles/toy-2/history", "signal", "can0.TOY.SIGNAL_000");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "samples")), 4);
    cJSON_Delete(json);
}

static void test_fleet_command_waits_for_an_absent_vehicle_over_a_restart(void **state)
{
    struct world *world = *state;
    char id[33];
    char superseded[33];
    struct toy_stats stats;
    send_batches(world, 3);
    world_settle(world);
    /* given: the vehicle is silent for so long that it counts as lost */
    world->cut = true;
    for (unsigned i = 0; i < 40; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    issue(world, CT_API_PUT, "desired", "{\"path\":\"" TOY_BEAM "\",\"value\":false,\"expires_in_ms\":600000}",
          superseded);
    issue(world, CT_API_PUT, "desired", "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"expires_in_ms\":600000}", id);
    cJSON *json = command(world, superseded);
    assert_string_equal(text_of(json, "state"), "cancelled");
    assert_string_equal(text_of(json, "reason"), "superseded");
    cJSON_Delete(json);

    /* when: the backend dies and both come back */
    world_kill_fleet(world);
    world_start_fleet(world);
    world->cut = false;
    assert_true(toy_vehicle_restart(world->toy));
    for (unsigned i = 0; i < 30; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    world_settle(world);

    /* then: only the newest value was executed, once */
    json = command(world, id);
    assert_string_equal(text_of(json, "state"), "done");
    cJSON_Delete(json);
    toy_vehicle_stats(world->toy, &stats);
    assert_int_equal(stats.executed, 1);
}

static void test_fleet_command_never_sent_expires(void **state)
{
    struct world *world = *state;
    char id[33];
    send_batches(world, 1);
    world_settle(world);
    world->cut = true;
    for (unsigned i = 0; i < 40; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    issue(world, CT_API_POST, "diagnostics", "{\"ecu\":\"e\",\"request\":\"3E00\",\"expires_in_ms\":1000}", id);
    for (unsigned i = 0; i < 6; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    cJSON *json = command(world, id);
    assert_string_equal(text_of(json, "state"), "expired");
    cJSON_Delete(json);
}

/* ---- signed offline */

struct held {
    char id[33];
    uint8_t payload[1024];
    size_t len;
};

static struct held prepare(struct world *world)
{
    char *answer = NULL;
    struct held held;
    assert_int_equal(world_send(world, CT_API_POST, "/api/v1/vehicles/" WORLD_VEHICLE "/jobs",
                                "{\"ecu\":\"engine\",\"job\":\"clear-dtcs\",\"release\":\"offline\"}", &answer),
                     202);
    cJSON *json = cJSON_Parse(answer);
    const char *hex = text_of(json, "payload");
    held.len = strlen(hex) / 2;
    assert_true(held.len <= sizeof held.payload);
    assert_int_equal(ct_hex_decode(held.payload, hex, held.len), CT_OK);
    (void)snprintf(held.id, sizeof held.id, "%s", text_of(json, "command_id"));
    cJSON_Delete(json);
    free(answer);
    return held;
}

static int release(struct world *world, const struct held *held, const uint8_t *secret)
{
    struct ct_signature signature;
    char path[160];
    char body[512];
    char key[2 * CT_KEY_ID_SIZE + 1];
    char hex[2 * CT_SIGNATURE_SIZE + 1];
    char *answer = NULL;
    assert_int_equal(ct_envelope_sign(CT_DOMAIN_COMMAND, held->payload, held->len, CT_ROLE_RELEASE, secret, &signature),
                     CT_OK);
    ct_hex_encode(key, signature.key_id, CT_KEY_ID_SIZE);
    ct_hex_encode(hex, signature.signature, CT_SIGNATURE_SIZE);
    (void)snprintf(path, sizeof path, "/api/v1/vehicles/" WORLD_VEHICLE "/commands/%s/release", held->id);
    (void)snprintf(body, sizeof body, "{\"key_id\":\"%s\",\"signature\":\"%s\"}", key, hex);
    const int status = world_send(world, CT_API_POST, path, body, &answer);
    free(answer);
    return status;
}

static void assert_state(struct world *world, const char *id, const char *state)
{
    cJSON *json = command(world, id);
    assert_string_equal(text_of(json, "state"), state);
    cJSON_Delete(json);
}

static void test_fleet_command_signed_offline_is_not_overtaken_by_others(void **state)
{
    struct world *world = *state;
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE];
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    char others[2][33];
    assert_int_equal(ct_sign_keypair(public_key, secret), CT_OK);
    send_batches(world, 3);
    world_settle(world);
    const struct held first = prepare(world);
    const struct held second = prepare(world);
    const struct held third = prepare(world);
    for (int i = 0; i < 2; i++) {
        issue(world, CT_API_POST, "diagnostics", "{\"ecu\":\"engine\",\"request\":\"22F190\"}", others[i]);
    }
    world_settle(world);
    world_settle(world);
    assert_state(world, others[1], "done");
    assert_int_equal(release(world, &second, secret), 202);
    world_settle(world);
    world_settle(world);
    assert_state(world, second.id, "failed"); /* carried out: the toy's ECU refuses everything but the VIN */
    assert_int_equal(release(world, &second, secret), 409);
    assert_int_equal(release(world, &first, secret), 409); /* a later one was released before it */
    assert_int_equal(release(world, &third, secret), 202);
    world_settle(world);
    world_settle(world);
    assert_state(world, third.id, "failed");
    assert_state(world, first.id, "awaiting-release");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_fleet_batches_become_history_and_twin),
        TEST(test_fleet_history_by_rest_has_every_sample),
        TEST(test_fleet_gap_and_event_are_reported),
        TEST(test_fleet_clean_restart_goes_on),
        TEST(test_fleet_desired_value_makes_the_round_trip),
        TEST(test_fleet_diagnostic_request_brings_its_response),
        TEST(test_fleet_batch_and_result_under_another_key_do_nothing_to_this_vehicle),
        TEST(test_fleet_command_waits_for_an_absent_vehicle_over_a_restart),
        TEST(test_fleet_command_never_sent_expires),
        TEST(test_fleet_command_signed_offline_is_not_overtaken_by_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
