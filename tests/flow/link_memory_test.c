/* Memory that runs out in the link: each allocation of both halves fails in turn, alone and with all that follow for
 * two seconds, from their making over hello, catalogue, dense and packed deliveries to the last ack. Afterwards every
 * record has arrived, once, in order and as it was. Nothing is allocated by the world around them while one may fail.
 */
#include "failing_malloc.h"
#include "link_fleet.h"
#include "link_vehicle.h"
#include "proto_fixture.h"

#define ENTRIES     200
#define RECORDS     24
#define MESSAGE_MAX 65536
#define QUEUE_MAX   64
#define STEP        (50 * CT_NS_PER_MS)
#define ARMED_STEPS 40
#define STEPS_MAX   4000
#define FAILS_MAX   5000

struct queue {
    size_t count;
    size_t len[QUEUE_MAX];
    uint8_t data[QUEUE_MAX][MESSAGE_MAX];
};

struct world {
    struct ct_catalogue *catalogue;
    struct ct_buf records[RECORDS];
    struct ct_buf state;
    struct ct_packer *packers[2];
    struct ct_link_vehicle *vehicle;
    struct ct_link_fleet *fleet;
    struct queue up, down;
    uint64_t fetch_after;
    bool fetching, knows, snapshot_due;
    uint64_t logged, durable, acked;
    uint64_t states;
    ct_ns now;
};

static int put(struct queue *queue, const void *data, size_t len)
{
    assert_true(len <= MESSAGE_MAX);
    if (queue->count == QUEUE_MAX) {
        return CT_ERR_AGAIN;
    }
    memcpy(queue->data[queue->count], data, len);
    queue->len[queue->count++] = len;
    return CT_OK;
}

/* ---------------------------------------------------------------- vehicle */

static int vehicle_send(void *user, const void *data, size_t len)
{
    return put(&((struct world *)user)->up, data, len);
}

static void vehicle_reconnect(void *user)
{
    struct world *w = user;
    w->up.count = w->down.count = 0;
}

static void vehicle_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    struct world *w = user;
    assert_int_equal(class, CT_CLASS_SAMPLE);
    assert_true(max_bytes > 0);
    w->fetching = true;
    w->fetch_after = after_seq;
}

static void vehicle_acked(void *user, enum ct_class class, uint64_t seq)
{
    struct world *w = user;
    assert_int_equal(class, CT_CLASS_SAMPLE);
    assert_true(seq <= w->durable);
    w->acked = seq;
}

static void vehicle_command(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    fail_msg("a command of %zu bytes that nobody sent", len);
}

static void vehicle_snapshot(void *user, uint64_t snapshot_id)
{
    (void)snapshot_id;
    ((struct world *)user)->snapshot_due = true;
}

static const struct ct_catalogue *vehicle_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct world *w = user;
    assert_memory_equal(hash, ct_catalogue_hash(w->catalogue), CT_HASH_SIZE);
    return w->catalogue;
}

static void answer_fetch(struct world *w)
{
    const uint8_t *hash = ct_catalogue_hash(w->catalogue);
    for (unsigned given = 0; w->fetching && w->fetch_after < RECORDS && given < 3; given++) {
        const uint64_t seq = w->fetch_after + 1;
        const struct ct_buf *record = &w->records[seq - 1];
        if (ct_link_vehicle_record(w->vehicle, CT_CLASS_SAMPLE, seq, seq, record->data, record->len, hash, w->now) ==
            CT_ERR_AGAIN) {
            return;
        }
        w->fetch_after = seq;
    }
    if (w->fetching) {
        w->fetching = false;
        ct_link_vehicle_fetched(w->vehicle, CT_CLASS_SAMPLE, w->now);
    }
}

/* ---------------------------------------------------------------- backend */

static int fleet_send(void *user, const void *data, size_t len)
{
    return put(&((struct world *)user)->down, data, len);
}

static int fleet_record(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq_first,
                        uint64_t seq_last, const uint8_t *record, size_t len)
{
    struct world *w = user;
    assert_memory_equal(stream_id, "stream", 7);
    assert_int_equal(class, CT_CLASS_SAMPLE);
    assert_int_equal(seq_first, w->logged + 1); /* in order, once */
    assert_int_equal(seq_last, seq_first);
    assert_true(w->knows);
    assert_int_equal(len, w->records[w->logged].len);
    assert_memory_equal(record, w->records[w->logged].data, len);
    w->logged++;
    return CT_OK;
}

static int fleet_catalogue(void *user, const uint8_t *part, size_t len)
{
    assert_true(part != NULL && len > 0);
    ((struct world *)user)->knows = true; /* it comes in one part */
    return CT_OK;
}

static void fleet_state(void *user, const uint8_t *state, size_t len)
{
    struct world *w = user;
    assert_int_equal(len, w->state.len);
    assert_memory_equal(state, w->state.data, len);
    w->states++;
}

static void fleet_hello(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], const uint8_t boot_id[CT_BOOT_ID_SIZE],
                        const char *software, int64_t now_ns, int64_t now_utc_ns)
{
    (void)user;
    (void)stream_id;
    (void)boot_id;
    assert_string_equal(software, "test");
    assert_int_equal(now_ns, now_utc_ns);
}

static void fleet_durable(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], struct ct_positions *out_durable)
{
    const struct world *w = user;
    (void)stream_id;
    *out_durable = (struct ct_positions){.seq = {[CT_CLASS_INDEX(CT_CLASS_SAMPLE)] = w->durable}};
}

static bool fleet_knows(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)hash;
    return ((struct world *)user)->knows;
}

/* ---------------------------------------------------------------- a run */

/* Both halves, where they are not there yet. */
static void make_halves(struct world *w, bool must)
{
    const struct ct_link_vehicle_config config = {
        .stream_id = "stream", .boot_id = "boot", .software = "test", .packer = w->packers[0], .dense = true};
    const struct ct_link_vehicle_ops vehicle_ops = {.user = w,
                                                    .send = vehicle_send,
                                                    .reconnect = vehicle_reconnect,
                                                    .fetch = vehicle_fetch,
                                                    .acked = vehicle_acked,
                                                    .command = vehicle_command,
                                                    .snapshot = vehicle_snapshot,
                                                    .catalogue = vehicle_catalogue};
    const struct ct_link_fleet_ops fleet_ops = {.user = w,
                                                .send = fleet_send,
                                                .record = fleet_record,
                                                .catalogue = fleet_catalogue,
                                                .state = fleet_state,
                                                .hello = fleet_hello,
                                                .durable = fleet_durable,
                                                .knows_catalogue = fleet_knows,
                                                .packer = w->packers[1],
                                                .dense = true};
    if (w->vehicle == NULL && ct_link_vehicle_create(&config, &vehicle_ops, &w->vehicle) == CT_OK) {
        ct_link_vehicle_use_catalogue(w->vehicle, ct_catalogue_hash(w->catalogue));
    }
    if (w->fleet == NULL) {
        const int err = ct_link_fleet_create(&fleet_ops, &w->fleet);
        assert_true(err == CT_OK || err == CT_ERR_NO_MEMORY);
    }
    assert_true(!must || (w->vehicle != NULL && w->fleet != NULL));
}

static void deliver(struct world *w)
{
    for (size_t i = 0; i < w->up.count; i++) {
        ct_link_fleet_receive(w->fleet, w->up.data[i], w->up.len[i], w->now, w->now);
    }
    w->up.count = 0;
    for (size_t i = 0; i < w->down.count; i++) {
        ct_link_vehicle_receive(w->vehicle, w->down.data[i], w->down.len[i], w->now, w->now);
    }
    w->down.count = 0;
}

static void step(struct world *w)
{
    w->now += STEP;
    const uint64_t newest = (uint64_t)(w->now / STEP) < RECORDS ? (uint64_t)(w->now / STEP) : RECORDS;
    const struct ct_positions positions = {.seq = {[CT_CLASS_INDEX(CT_CLASS_SAMPLE)] = newest}};
    ct_link_vehicle_newest(w->vehicle, &positions, w->now, w->now);
    answer_fetch(w);
    if (w->snapshot_due) {
        w->snapshot_due = ct_link_vehicle_state(w->vehicle, w->state.data, w->state.len, w->now) == CT_ERR_AGAIN;
    }
    deliver(w);
    if (w->logged > w->durable) {
        w->durable = w->logged;
        const struct ct_positions durable = {.seq = {[CT_CLASS_INDEX(CT_CLASS_SAMPLE)] = w->durable}};
        ct_link_fleet_durable(w->fleet, (const uint8_t[CT_STREAM_ID_SIZE]){"stream"}, &durable, w->now);
    }
    (void)ct_link_vehicle_tick(w->vehicle, w->now, w->now);
    (void)ct_link_fleet_tick(w->fleet, w->now, w->now);
}

static void start_over(struct world *w)
{
    ct_link_vehicle_free(w->vehicle);
    ct_link_fleet_free(w->fleet);
    w->vehicle = NULL;
    w->fleet = NULL;
    w->up.count = w->down.count = 0;
    w->fetching = w->knows = w->snapshot_due = false;
    w->logged = w->durable = w->acked = w->states = 0;
    w->now = 0;
}

/* False when there are fewer than n allocations. */
static bool run(struct world *w, size_t n, bool all_after)
{
    start_over(w);
    failing_malloc_arm(n, all_after);
    make_halves(w, false);
    for (unsigned i = 0; i < ARMED_STEPS && w->vehicle != NULL && w->fleet != NULL; i++) {
        step(w);
    }
    const bool failed = failing_malloc_disarm();
    make_halves(w, true);
    for (unsigned i = 0; i < STEPS_MAX && (w->acked < RECORDS || w->states == 0); i++) {
        step(w);
    }
    if (w->acked < RECORDS || w->states == 0) {
        fail_msg("allocation %zu%s: %llu of %d records, %llu states", n, all_after ? " and all after" : "",
                 (unsigned long long)w->acked, RECORDS, (unsigned long long)w->states);
    }
    return failed;
}

static void make_records(struct world *w)
{
    uint64_t random = 5;
    struct ct_sample samples[120];
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct ct_record_head head = {.seq = i + 1, .boot_id = "boot"};
        const struct ct_batch_time time = {.base_ns = CT_NS_PER_S * i};
        ct_buf_init(&w->records[i], CT_RECORD_MAX);
        fixture_samples(&random, ENTRIES, time.base_ns, false, samples, 120);
        assert_int_equal(ct_record_encode_batch(&head, w->catalogue, &time, samples, 120, &w->records[i]), CT_OK);
    }
    const struct ct_batch_time time = {0};
    ct_buf_init(&w->state, CT_RECORD_MAX);
    fixture_samples(&random, ENTRIES, 0, true, samples, 120);
    assert_int_equal(
        ct_state_encode(0, (const uint8_t *)"0123456789abcdef", 1, true, w->catalogue, &time, samples, 120, &w->state),
        CT_OK);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->catalogue = fixture_catalogue(ENTRIES);
    assert_int_equal(ct_packer_create(&w->packers[0]), CT_OK);
    assert_int_equal(ct_packer_create(&w->packers[1]), CT_OK);
    make_records(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    start_over(w);
    ct_packer_free(w->packers[0]);
    ct_packer_free(w->packers[1]);
    for (unsigned i = 0; i < RECORDS; i++) {
        ct_buf_free(&w->records[i]);
    }
    ct_buf_free(&w->state);
    ct_catalogue_unref(w->catalogue);
    free(w);
    return 0;
}

static void each_fails(struct world *w, bool all_after)
{
    size_t n = 1;
    while (run(w, n, all_after)) {
        n++;
        assert_true(n < FAILS_MAX);
    }
    assert_true(n > 20);
}

static void test_link_each_allocation_fails_alone_and_every_record_arrives_once(void **state)
{
    each_fails(*state, false);
}

static void test_link_memory_gone_for_two_seconds_and_every_record_arrives_once(void **state)
{
    each_fails(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_link_each_allocation_fails_alone_and_every_record_arrives_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_link_memory_gone_for_two_seconds_and_every_record_arrives_once, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("link memory", tests, NULL, NULL);
}
