#include "fleet_world.h"

#include "files.h"
#include "ingest_segments.h"
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UTC_START INT64_C(1700000000000000000)

/* ------------------------------------------------------------------------------------------------ queues */

static int push(struct world *world, struct world_queue *queue, const void *data, size_t len)
{
    if (world->cut) {
        return CT_OK;
    }
    if (queue->count == WORLD_QUEUE) {
        return CT_ERR_AGAIN;
    }
    struct world_message *message = &queue->messages[(queue->first + queue->count++) % WORLD_QUEUE];
    message->data = malloc(len + 1);
    assert_non_null(message->data);
    memcpy(message->data, data, len);
    message->len = len;
    return CT_OK;
}

static bool pop(struct world_queue *queue, struct world_message *out_message)
{
    if (queue->count == 0) {
        return false;
    }
    *out_message = queue->messages[queue->first];
    queue->first = (queue->first + 1) % WORLD_QUEUE;
    queue->count--;
    return true;
}

static void empty(struct world_queue *queue)
{
    struct world_message message;
    while (pop(queue, &message)) {
        free(message.data);
    }
}

static int vehicle_sends(void *user, const void *data, size_t len)
{
    struct world *world = user;
    return push(world, &world->to_fleet, data, len);
}

static int fleet_sends(void *user, const char *vehicle_id, const void *data, size_t len)
{
    struct world *world = user;
    assert_string_equal(vehicle_id, world->speaker);
    return world->full ? CT_ERR_AGAIN : push(world, &world->to_vehicle, data, len);
}

/* ------------------------------------------------------------------------------------------------ the backend */

static void on_hello(void *user, const char *vehicle_id, const char *software)
{
    struct world *world = user;
    assert_string_equal(software, "toy 1");
    assert_int_equal(ct_folder_vehicle_hello(world->folder, vehicle_id, software, world_moment(world)), CT_OK);
}

static void on_seen(void *user, const char *vehicle_id, int64_t utc_ns)
{
    struct world *world = user;
    ct_folder_vehicle_seen(world->folder, vehicle_id, utc_ns / CT_NS_PER_MS);
}

static void on_lost(void *user, const char *vehicle_id)
{
    struct world *world = user;
    assert_int_equal(ct_folder_vehicle_lost(world->folder, vehicle_id, world_moment(world)), CT_OK);
}

static int fold_all(struct world *world)
{
    int err;
    do {
        err = ct_folder_step(world->folder, ct_ingest_log_readable(world->log), 16, world_moment(world));
    } while (err == CT_OK);
    return err;
}

static void on_state(void *user, const char *vehicle_id, const uint8_t *state, size_t len)
{
    struct world *world = user;
    assert_int_equal(fold_all(world), CT_ERR_END);
    ct_folder_vehicle_state(world->folder, vehicle_id, state, len, world_moment(world));
}

static void on_publish(void *user, const char *topic, const void *data, size_t len)
{
    struct world *world = user;
    (void)data;
    assert_true(len > 0);
    assert_memory_equal(topic, world->speaker, strlen(world->speaker));
    assert_int_equal(topic[strlen(world->speaker)], '/');
    world->published++;
}

static void on_stream(void *user, const char *vehicle_id, const char *event, const char *json, size_t len)
{
    struct world *world = user;
    assert_string_equal(vehicle_id, world->speaker);
    assert_int_equal(strlen(json), len);
    if (strcmp(event, "twin") == 0) {
        world->streamed_twins++;
    } else {
        world->streamed_commands++;
    }
}

static int on_command(void *user, const char *vehicle_id, const uint8_t *signed_command, size_t len)
{
    struct world *world = user;
    const int err = ct_ingest_command(world->ingest, vehicle_id, signed_command, len);
    world->retry_due = world->retry_due || (err != CT_OK && err != CT_ERR_NOT_FOUND);
    return CT_OK;
}

static int on_resend(void *user, const char *vehicle_id)
{
    struct world *world = user;
    ct_ingest_resend(world->ingest, vehicle_id);
    return CT_OK;
}

/* Durable, and not acknowledged yet. */
static int on_durable(void *user, uint64_t offset)
{
    struct world *world = user;
    return ct_ingest_log_durable(world->log) < offset ? ct_ingest_log_sync(world->log) : CT_OK;
}

void world_start_fleet(struct world *world)
{
    const struct ct_ingest_ops ingest_ops = {
        .user = world, .send = fleet_sends, .hello = on_hello, .seen = on_seen, .lost = on_lost, .state = on_state};
    const struct ct_folder_ops folder_ops = {.user = world,
                                             .durable = on_durable,
                                             .publish = on_publish,
                                             .stream = on_stream,
                                             .command = on_command,
                                             .resend = on_resend};
    char problem[512] = "";
    uint64_t cut;
    uint64_t applied = 0;
    assert_int_equal(ct_restore_applied(world->database, &applied, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_ingest_log_open(world->log_folder, 64 * 1024, applied, &world->log, &cut), CT_OK);
    assert_int_equal(ct_ingest_create(world->log, &ingest_ops, &world->ingest), CT_OK);
    const uint64_t end = ct_ingest_log_durable(world->log);
    if (ct_restore(world->ingest, world->database, world->log_folder, end, problem, sizeof problem) != CT_OK) {
        fail_msg("%s", problem);
    }
    world->config.database_path = world->database;
    world->config.log_folder = world->log_folder;
    world->config.log_end = end;
    world->config.director_secret = world->director_secret;
    if (ct_folder_open(&world->config, &folder_ops, world_moment(world), &world->folder, problem, sizeof problem) !=
        CT_OK) {
        fail_msg("%s", problem);
    }
}

static void drop_receiving(struct world *world)
{
    ct_ingest_free(world->ingest);
    ct_ingest_log_close(world->log);
    world->ingest = NULL;
    world->log = NULL;
    world->folder = NULL;
    empty(&world->to_fleet);
    empty(&world->to_vehicle);
}

void world_kill_fleet(struct world *world)
{
    ct_folder_abandon(world->folder);
    drop_receiving(world);
}

/* What the kernel had and the disk had not is gone. */
static void lose_unsynced(const struct world *world, uint64_t durable)
{
    struct ct_segments segments;
    assert_int_equal(ct_segments_list(world->log_folder, &segments), CT_OK);
    for (size_t i = 0; i < segments.count; i++) {
        char path[160];
        struct stat status;
        const uint64_t start = segments.starts[i];
        (void)snprintf(path, sizeof path, "%s/%016llx.log", world->log_folder, (unsigned long long)start);
        assert_int_equal(stat(path, &status), 0);
        if (start + (uint64_t)status.st_size > durable) {
            assert_int_equal(truncate(path, durable > start ? (off_t)(durable - start) : 0), 0);
        }
    }
    ct_segments_free(&segments);
}

void world_cut_power(struct world *world)
{
    const uint64_t durable = ct_ingest_log_durable(world->log);
    world_kill_fleet(world);
    lose_unsynced(world, durable);
}

void world_stop_fleet(struct world *world)
{
    assert_int_equal(ct_folder_close(world->folder, world_moment(world)), CT_OK);
    drop_receiving(world);
}

/* ------------------------------------------------------------------------------------------------ the world */

struct world *world_open(uint32_t signals)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    /* Thousands of syncs: in memory where that is possible. */
    (void)snprintf(world->path, sizeof world->path, "%s/cantwin-world-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(world->path));
    (void)snprintf(world->database, sizeof world->database, "%s/fleet.db", world->path);
    (void)snprintf(world->log_folder, sizeof world->log_folder, "%s/log", world->path);
    world->now = 1000 * CT_NS_PER_S;
    world->utc_ns = UTC_START;
    world->speaker = WORLD_VEHICLE;
    assert_int_equal(ct_sign_keypair(world->director_public, world->director_secret), CT_OK);
    const struct toy_config toy = {
        .vehicle_id = WORLD_VEHICLE, .signals = signals, .seed = 7, .send = vehicle_sends, .user = world};
    world->toy = toy_vehicle_create(&toy);
    assert_non_null(world->toy);
    world_start_fleet(world);
    return world;
}

void world_close(struct world *world)
{
    char command[128];
    if (world->folder != NULL) {
        world_kill_fleet(world);
    }
    toy_vehicle_free(world->toy);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", world->path);
    assert_int_equal(system(command), 0);
    free(world);
}

struct ct_moment world_moment(const struct world *world)
{
    return (struct ct_moment){world->now, world->utc_ns};
}

static void receive_all(struct world *world)
{
    struct world_message message;
    while (world->folder != NULL && pop(&world->to_fleet, &message)) {
        assert_int_equal(
            ct_ingest_receive(world->ingest, world->speaker, message.data, message.len, world->now, world->utc_ns),
            CT_OK);
        free(message.data);
    }
    while (pop(&world->to_vehicle, &message)) {
        toy_vehicle_receive(world->toy, message.data, message.len, world->now, world->utc_ns);
        free(message.data);
    }
}

void world_turn_without_sync(struct world *world, ct_ns by)
{
    ct_ns next;
    world->now += by;
    world->utc_ns += by;
    (void)toy_vehicle_tick(world->toy, world->now, world->utc_ns);
    receive_all(world);
    if (world->folder != NULL) {
        assert_int_equal(ct_ingest_write(world->ingest), CT_OK);
        (void)ct_ingest_tick(world->ingest, world->now, world->utc_ns);
        if (world->retry_due) {
            world->retry_due = false;
            ct_folder_vehicle_retry(world->folder, WORLD_VEHICLE);
        }
        assert_int_equal(fold_all(world), CT_ERR_END);
        assert_int_equal(ct_folder_tick(world->folder, world_moment(world), &next), CT_OK);
    }
}

void world_turn(struct world *world, ct_ns by)
{
    world_turn_without_sync(world, by);
    if (world->folder != NULL) {
        assert_int_equal(ct_ingest_sync(world->ingest, world->now), CT_OK);
        assert_int_equal(fold_all(world), CT_ERR_END);
    }
}

void world_settle(struct world *world)
{
    struct toy_stats stats;
    for (unsigned i = 0; i < 2000; i++) {
        world_turn(world, 100 * CT_NS_PER_MS);
        toy_vehicle_stats(world->toy, &stats);
        if (stats.left == 0 && world->to_fleet.count == 0 && world->to_vehicle.count == 0) {
            return;
        }
    }
    fail_msg("%llu records were never acknowledged", (unsigned long long)stats.left);
}

/* ------------------------------------------------------------------------------------------------ API */

static int call(struct world *world, const struct ct_api_request *request, char **out_body)
{
    struct ct_api_answer answer = {.status = 0};
    const struct ct_api_counters counters = {.connected = 1};
    ct_buf_init(&answer.body, CT_API_ANSWER_MAX);
    assert_int_equal(ct_api_handle(world->folder, request, &counters, world_moment(world), &answer), CT_OK);
    *out_body = strdup(ct_buf_string(&answer.body));
    assert_non_null(*out_body);
    ct_buf_free(&answer.body);
    return answer.status;
}

int world_get(struct world *world, const char *path, const char *name, const char *value, char **out_body)
{
    struct ct_api_request request = {.method = CT_API_GET,
                                     .path = path,
                                     .host = "127.0.0.1:17680",
                                     .body = "",
                                     .role = CT_ACCESS_VIEWER,
                                     .loopback = true};
    if (name != NULL) {
        request.params[request.param_count++] = (struct ct_api_param){name, value};
        request.params[request.param_count++] = (struct ct_api_param){"from", "0"};
    }
    return call(world, &request, out_body);
}

int world_send(struct world *world, enum ct_api_method method, const char *path, const char *body, char **out_body)
{
    const struct ct_api_request request = {.method = method,
                                           .path = path,
                                           .host = "localhost:17680",
                                           .origin = "http://localhost:17680",
                                           .content_type = "application/json",
                                           .body = body,
                                           .body_len = strlen(body),
                                           .user = "tester",
                                           .role = CT_ACCESS_TECHNICIAN,
                                           .loopback = true};
    return call(world, &request, out_body);
}

void world_assert_history(struct world *world, uint32_t counter, uint64_t seq_first, uint64_t seq_last)
{
    char name[48];
    struct ct_history_range range;
    (void)snprintf(name, sizeof name, "can0.TOY.SIGNAL_%03u", counter);
    const struct ct_vehicle *vehicle = ct_registry_find(ct_folder_registry(world->folder), WORLD_VEHICLE);
    assert_non_null(vehicle);
    const struct ct_history_source source = {vehicle->row, name, &vehicle->chunk, vehicle->chunk_catalogue};
    assert_int_equal(ct_history_query(ct_folder_history(world->folder), &source, INT64_MIN, INT64_MAX, &range), CT_OK);
    for (size_t i = 0; i < range.count; i++) {
        assert_int_equal(range.samples[i].raw, toy_value(seq_first + i, counter));
    }
    assert_int_equal(range.count, seq_last - seq_first + 1);
    ct_history_range_free(&range);
}
