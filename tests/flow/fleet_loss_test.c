/* What the backend lost, it says: damage in its log, a state restored from nothing; and a link that was silent. */
#include "fleet_world.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>

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

static double number_of(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static cJSON *history_of(struct world *world)
{
    return get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "can0.TOY.SIGNAL_000");
}

/* Turns over the byte in the middle of the log (percent 50) or near its end. */
static void damage_log(const struct world *world, unsigned percent)
{
    char path[160];
    uint8_t *data;
    size_t size;
    (void)snprintf(path, sizeof path, "%s/0000000000000000.log", world->log_folder);
    assert_int_equal(ct_file_read(path, 1 << 24, &data, &size), CT_OK);
    const size_t at = percent == 100 ? size - 24 : size * percent / 100;
    data[at] ^= 0x5A;
    assert_int_equal(ct_file_write(path, data, size, 0600), CT_OK);
    free(data);
}

static unsigned count_events(struct world *world, const char *name)
{
    cJSON *events = get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/events", NULL, NULL);
    const cJSON *item;
    unsigned count = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(events, "events"))
    {
        count += strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name")), name) == 0;
    }
    cJSON_Delete(events);
    return count;
}

static void test_fleet_log_damaged_before_it_is_applied_reports_a_gap(void **state)
{
    struct world *world = *state;
    /* given: acknowledged batches that the database has not committed, and damage in the middle of the log */
    world->config.commit_ns = 3600 * CT_NS_PER_S;
    world_stop_fleet(world);
    world_start_fleet(world);
    send_batches(world, 40);
    world_settle(world);
    world_kill_fleet(world);
    damage_log(world, 50);
    /* when */
    world_start_fleet(world);
    send_batches(world, 2);
    world_settle(world);
    /* then: one batch is missing, and that is said */
    cJSON *history = history_of(world);
    const cJSON *gaps = cJSON_GetObjectItemCaseSensitive(history, "gaps");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(history, "samples")), 41);
    assert_int_equal(cJSON_GetArraySize(gaps), 1);
    const cJSON *gap = cJSON_GetArrayItem(gaps, 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(gap, "reason")), "damaged");
    assert_true(number_of(gap, "seq_first") == number_of(gap, "seq_last"));
    assert_true(number_of(gap, "seq_first") > 1 && number_of(gap, "seq_first") < 40);
    cJSON_Delete(history);
    assert_int_equal(count_events(world, "gap"), 1);
}

static void test_fleet_log_damaged_where_applied_starts_and_reports_open_samples(void **state)
{
    struct world *world = *state;
    /* given: batches committed but only in the log, and damage in the last of them */
    send_batches(world, 20);
    world_settle(world);
    world_turn(world, CT_NS_PER_S);
    world_kill_fleet(world);
    damage_log(world, 100);
    /* when: twice, so that nothing is reported twice */
    world_start_fleet(world);
    world_turn(world, CT_NS_PER_S);
    world_turn(world, CT_NS_PER_S);
    world_kill_fleet(world);
    world_start_fleet(world);
    send_batches(world, 5);
    world_settle(world);
    /* then */
    cJSON *history = history_of(world);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(history, "samples")), 24);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(history, "gaps")), 1);
    cJSON_Delete(history);
    assert_int_equal(count_events(world, "gap"), 1);
}

static void lose_state(const struct world *world)
{
    char command[512];
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s' '%s-wal' '%s-shm'", world->log_folder, world->database,
                   world->database, world->database);
    assert_int_equal(system(command), 0);
}

static void test_fleet_state_lost_reports_what_was_acknowledged_as_a_gap(void **state)
{
    struct world *world = *state;
    /* given: twenty acknowledged batches, then an empty state folder */
    send_batches(world, 20);
    world_settle(world);
    world_kill_fleet(world);
    lose_state(world);
    /* when */
    world_start_fleet(world);
    send_batches(world, 10);
    world_settle(world);
    /* then */
    cJSON *history = history_of(world);
    const cJSON *gaps = cJSON_GetObjectItemCaseSensitive(history, "gaps");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(history, "samples")), 10);
    assert_int_equal(cJSON_GetArraySize(gaps), 1);
    assert_true(number_of(cJSON_GetArrayItem(gaps, 0), "seq_first") == 1);
    assert_true(number_of(cJSON_GetArrayItem(gaps, 0), "seq_last") == 20);
    cJSON_Delete(history);
    assert_int_equal(count_events(world, "gap"), 1);
}

static bool is_connected(struct world *world)
{
    cJSON *json = get(world, "/api/v1/vehicles", NULL, NULL);
    const cJSON *vehicle = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "vehicles"), 0);
    const bool connected = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(vehicle, "connected"));
    cJSON_Delete(json);
    return connected;
}

/* Sets the beam and gives the command's address. */
static void set_beam(struct world *world, char path[128])
{
    char *answer = NULL;
    assert_int_equal(world_send(world, CT_API_PUT, "/api/v1/vehicles/" WORLD_VEHICLE "/desired",
                                "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"expires_in_ms\":600000}", &answer),
                     202);
    cJSON *json = cJSON_Parse(answer);
    (void)snprintf(path, 128, "/api/v1/commands/%s",
                   cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "command_id")));
    cJSON_Delete(json);
    free(answer);
}

static void assert_done(struct world *world, const char *path)
{
    cJSON *json = get(world, path, NULL, NULL);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "state")), "done");
    cJSON_Delete(json);
}

static void test_fleet_pause_of_20_s_connects_again_and_sends_commands(void **state)
{
    struct world *world = *state;
    char path[128];
    send_batches(world, 3);
    world_settle(world);
    assert_true(is_connected(world));
    /* given: 20 s of silence: lost here, while the vehicle gives its link up after 30 s only */
    world->cut = true;
    for (unsigned i = 0; i < 40; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    assert_false(is_connected(world));
    set_beam(world, path);
    /* when: data comes again, for 5 s */
    world->cut = false;
    send_batches(world, 100);
    /* then */
    assert_true(is_connected(world));
    assert_done(world, path);
}

static void test_fleet_state_lost_commands_are_no_replays(void **state)
{
    struct world *world = *state;
    char path[128];
    /* given: three commands executed, then an empty state folder */
    send_batches(world, 3);
    for (unsigned i = 0; i < 3; i++) {
        world_settle(world);
        set_beam(world, path);
        send_batches(world, 5);
        world_settle(world);
        assert_done(world, path);
    }
    world_kill_fleet(world);
    lose_state(world);
    /* when */
    world_start_fleet(world);
    send_batches(world, 5);
    world_settle(world);
    set_beam(world, path);
    send_batches(world, 5);
    world_settle(world);
    /* then */
    assert_done(world, path);
}

static void test_fleet_damaged_history_chunk_fails_only_its_answer(void **state)
{
    struct world *world = *state;
    char command[256];
    char *body = NULL;
    /* given: a stored chunk that is no chunk */
    send_batches(world, 20);
    world_settle(world);
    world_stop_fleet(world);
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(world->database, &database), SQLITE_OK);
    (void)snprintf(command, sizeof command, "UPDATE chunks SET data = x'%s'", "0102030405060708");
    assert_int_equal(sqlite3_exec(database, command, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(database), 1);
    sqlite3_close(database);
    world_start_fleet(world);
    /* when, then: an error, and everything else goes on (world_get fails when the error is fatal) */
    assert_int_equal(
        world_get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "can0.TOY.SIGNAL_000", &body), 500);
    assert_non_null(strstr(body, "cannot be read"));
    free(body);
    cJSON_Delete(get(world, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", NULL, NULL));
    send_batches(world, 2);
    world_settle(world);
}

static void test_fleet_stream_opened_before_the_vehicle_works_and_takes_no_other(void **state)
{
    struct world *world = *state;
    /* given: a stream from before the first hello, and one that came and went */
    ct_folder_watch(world->folder, WORLD_VEHICLE, true);
    ct_folder_watch(world->folder, WORLD_VEHICLE, true);
    ct_folder_watch(world->folder, "nobody", true);
    ct_folder_watch(world->folder, WORLD_VEHICLE, false);
    /* when: the vehicle comes, and a stream of nobody ends */
    send_batches(world, 5);
    world_settle(world);
    ct_folder_watch(world->folder, "nobody", false);
    /* then: the first one still gets twins */
    const unsigned before = world->streamed_twins;
    send_batches(world, 10);
    assert_true(before > 0);
    assert_true(world->streamed_twins > before);
    ct_folder_watch(world->folder, WORLD_VEHICLE, false);
    const unsigned ended = world->streamed_twins;
    send_batches(world, 10);
    assert_int_equal(world->streamed_twins, ended);
}

static void test_fleet_command_not_sent_holds_back_those_after_it(void **state)
{
    struct world *world = *state;
    char first[128];
    char second[128];
    send_batches(world, 3);
    world_settle(world);
    /* given: the first cannot be sent, and the folder does not know that yet */
    world->full = true;
    set_beam(world, first);
    world->full = false;
    /* when */
    set_beam(world, second);
    for (unsigned i = 0; i < 10; i++) {
        world_turn(world, CT_NS_PER_S / 2);
    }
    /* then: both are executed, so the first came first */
    assert_done(world, first);
    assert_done(world, second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_fleet_log_damaged_before_it_is_applied_reports_a_gap),
        TEST(test_fleet_log_damaged_where_applied_starts_and_reports_open_samples),
        TEST(test_fleet_state_lost_reports_what_was_acknowledged_as_a_gap),
        TEST(test_fleet_state_lost_commands_are_no_replays),
        TEST(test_fleet_damaged_history_chunk_fails_only_its_answer),
        TEST(test_fleet_stream_opened_before_the_vehicle_works_and_takes_no_other),
        TEST(test_fleet_command_not_sent_holds_back_those_after_it),
        TEST(test_fleet_pause_of_20_s_connects_again_and_sends_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
