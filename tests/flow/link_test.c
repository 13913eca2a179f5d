/* The vehicle's half of the link against the backend's over a pipe that loses, doubles and breaks, while either side
 * restarts. A history checker holds what was produced against what the backend made durable:
 * nothing acknowledged is lost, nothing is recorded twice, each class is in order, and once the faults stop all
 * arrives. Time is simulated; CANTWIN_SEED=N replays one run. */
#include "batch.h"
#include "link_fleet.h"
#include "link_vehicle.h"
#include "proto_fixture.h"

#define MS             CT_NS_PER_MS
#define RECORDS_MAX    2048
#define QUEUE_MAX      12
#define CATALOGUES     3
#define SAMPLES_STORED 60 /* the outbox's quota: more than these and the oldest become a Gap */

struct bytes {
    uint8_t *data;
    size_t len;
};

struct stored {
    uint64_t first, last;
    struct bytes bytes;
    bool has_catalogue;
    uint8_t hash[CT_HASH_SIZE];
};

struct store { /* records of one class, in order */
    struct stored items[RECORDS_MAX];
    size_t begin, end;
    uint64_t newest;
};

struct queue {
    struct bytes items[QUEUE_MAX];
    size_t count;
};

struct world {
    uint64_t random;
    ct_ns now;
    bool faults;
    bool dead; /* nothing gets through, whatever is reconnected */
    struct queue up, down;
    ct_ns broken_until;

    struct ct_packer *vehicle_packer, *fleet_packer; /* NULL: an older version of that side */
    bool vehicle_dense, fleet_dense;                 /* false: the same */
    uint64_t packed, dense;                          /* deliveries of vehicles that ended */
    struct ct_link_vehicle *vehicle;
    struct store outbox[CT_CLASS_COUNT];
    struct ct_positions saved_acked; /* what a restart of the vehicle remembers */
    int fetch_class;
    uint64_t fetch_after;
    unsigned snapshots_wanted, states_seen, commands_seen;
    struct ct_catalogue *catalogues[CATALOGUES];
    unsigned catalogue;

    struct ct_link_fleet *fleet;
    struct store log[CT_CLASS_COUNT]; /* all that was received */
    size_t durable_end[CT_CLASS_COUNT];
    struct ct_positions durable;
    struct ct_catalogue_reader *reader;
    bool catalogue_known[CATALOGUES], catalogue_durable[CATALOGUES];
    uint64_t refused, restarts;
};

static unsigned roll(struct world *w, unsigned n)
{
    return (unsigned)(fixture_random(&w->random) % n);
}

static bool fault(struct world *w, unsigned one_in)
{
    return w->faults && roll(w, one_in) == 0;
}

static struct bytes copy_of(const void *data, size_t len)
{
    struct bytes bytes = {malloc(len + 1), len};
    assert_non_null(bytes.data);
    memcpy(bytes.data, data, len);
    return bytes;
}

/* ---------------------------------------------------------------- pipe */

static void empty(struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        free(queue->items[i].data);
    }
    queue->count = 0;
}

static int put(struct world *w, struct queue *queue, const void *data, size_t len)
{
    if (w->dead || w->now < w->broken_until || queue->count == QUEUE_MAX) {
        return CT_ERR_AGAIN;
    }
    if (fault(w, 150)) { /* taken and lost */
        return CT_OK;
    }
    queue->items[queue->count++] = copy_of(data, len);
    if (fault(w, 150) && queue->count < QUEUE_MAX) { /* doubled */
        queue->items[queue->count++] = copy_of(data, len);
    }
    return CT_OK;
}

static bool take(struct queue *queue, struct bytes *out)
{
    if (queue->count == 0) {
        return false;
    }
    *out = queue->items[0];
    memmove(queue->items, queue->items + 1, --queue->count * sizeof queue->items[0]);
    return true;
}

static void disconnect(struct world *w, ct_ns duration)
{
    empty(&w->up);
    empty(&w->down);
    w->broken_until = w->now + duration;
}

/* ---------------------------------------------------------------- vehicle */

static int vehicle_send(void *user, const void *data, size_t len)
{
    struct world *w = user;
    assert_true(len <= CT_LINK_MESSAGE_MAX);
    return put(w, &w->up, data, len);
}

static void vehicle_reconnect(void *user)
{
    struct world *w = user;
    disconnect(w, 100 * MS);
}

static void answer_fetch(struct world *w)
{
    if (w->fetch_class == 0) {
        return;
    }
    const enum ct_class class = (enum ct_class)w->fetch_class;
    struct store *store = &w->outbox[CT_CLASS_INDEX(class)];
    for (size_t i = store->begin, given = 0; i < store->end && given < 8; i++) {
        const struct stored *item = &store->items[i];
        if (item->last <= w->fetch_after) {
            continue;
        }
        const int err = ct_link_vehicle_record(w->vehicle, class, item->first, item->last, item->bytes.data,
                                               item->bytes.len, item->has_catalogue ? item->hash : NULL, w->now);
        if (err == CT_ERR_AGAIN) {
            return; /* offered again after the next tick */
        }
        assert_int_equal(err, CT_OK);
        w->fetch_after = item->last;
        given++;
    }
    w->fetch_class = 0;
    ct_link_vehicle_fetched(w->vehicle, class, w->now);
}

static void vehicle_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    struct world *w = user;
    assert_int_equal(w->fetch_class, 0);
    assert_true(max_bytes > 0);
    w->fetch_class = (int)class;
    w->fetch_after = after_seq;
    if (roll(w, 3) == 0) {
        answer_fetch(w);
    }
}

static void vehicle_acked(void *user, enum ct_class class, uint64_t seq)
{
    struct world *w = user;
    struct store *store = &w->outbox[CT_CLASS_INDEX(class)];
    assert_true(seq <= w->durable.seq[CT_CLASS_INDEX(class)]); /* acknowledged means durable */
    while (store->begin < store->end && store->items[store->begin].last <= seq) {
        store->begin++;
    }
    if (roll(w, 2) == 0) {
        w->saved_acked.seq[CT_CLASS_INDEX(class)] = seq;
    }
}

static void vehicle_command(void *user, const uint8_t *data, size_t len)
{
    struct world *w = user;
    assert_int_equal(len, 2);
    assert_memory_equal(data, "\x0a\x00", 2);
    w->commands_seen++;
}

static void vehicle_snapshot(void *user, uint64_t snapshot_id)
{
    struct world *w = user;
    (void)snapshot_id;
    w->snapshots_wanted++;
}

static const struct ct_catalogue *vehicle_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    struct world *w = user;
    for (unsigned i = 0; i < CATALOGUES; i++) {
        if (memcmp(ct_catalogue_hash(w->catalogues[i]), hash, CT_HASH_SIZE) == 0) {
            return w->catalogues[i];
        }
    }
    return NULL;
}

static void tell_newest(struct world *w)
{
    struct ct_positions newest;
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        newest.seq[i] = w->outbox[i].newest;
    }
    ct_link_vehicle_newest(w->vehicle, &newest, w->now, w->now);
}

static void start_vehicle(struct world *w)
{
    if (w->vehicle != NULL) {
        struct ct_link_vehicle_stats stats;
        ct_link_vehicle_stats_get(w->vehicle, &stats);
        w->packed += stats.packed_deliveries;
        w->dense += stats.dense_deliveries;
    }
    ct_link_vehicle_free(w->vehicle);
    const struct ct_link_vehicle_config config = {.stream_id = "stream",
                                                  .boot_id = "boot",
                                                  .software = "test",
                                                  .jitter_seed = fixture_random(&w->random),
                                                  .packer = w->vehicle_packer,
                                                  .dense = w->vehicle_dense};
    const struct ct_link_vehicle_ops ops = {.user = w,
                                            .send = vehicle_send,
                                            .reconnect = vehicle_reconnect,
                                            .fetch = vehicle_fetch,
                                            .acked = vehicle_acked,
                                            .command = vehicle_command,
                                            .snapshot = vehicle_snapshot,
                                            .catalogue = vehicle_catalogue};
    assert_int_equal(ct_link_vehicle_create(&config, &ops, &w->vehicle), CT_OK);
    w->fetch_class = 0;
    ct_link_vehicle_resume(w->vehicle, &w->saved_acked);
    ct_link_vehicle_use_catalogue(w->vehicle, ct_catalogue_hash(w->catalogues[w->catalogue]));
    tell_newest(w);
}

static void send_state(struct world *w)
{
    struct ct_buf buf;
    ct_buf_init(&buf, CT_LINK_MESSAGE_MAX);
    struct ct_sample sample = {.id = 0, .raw = 5};
    const struct ct_batch_time time = {0};
    assert_int_equal(ct_state_encode(1, (const uint8_t *)"0123456789abcdef", 1, true, w->catalogues[w->catalogue],
                                     &time, &sample, 1, &buf),
                     CT_OK);
    const int err = ct_link_vehicle_state(w->vehicle, buf.data, buf.len, w->now);
    assert_true(err == CT_OK || err == CT_ERR_AGAIN || err == CT_ERR_DOWN);
    w->snapshots_wanted -= err != CT_ERR_AGAIN;
    ct_buf_free(&buf);
}

/* ---------------------------------------------------------------- what the vehicle produces */

static void store_record(struct store *store, uint64_t first, uint64_t last, const struct ct_buf *buf,
                         const uint8_t *hash)
{
    assert_true(store->end < RECORDS_MAX);
    struct stored *item = &store->items[store->end++];
    *item = (struct stored){first, last, copy_of(buf->data, buf->len), hash != NULL, {0}};
    if (hash != NULL) {
        memcpy(item->hash, hash, CT_HASH_SIZE);
    }
    store->newest = last > store->newest ? last : store->newest;
}

static void produce(struct world *w, enum ct_class class)
{
    struct store *store = &w->outbox[CT_CLASS_INDEX(class)];
    if (store->end == RECORDS_MAX) {
        return;
    }
    struct ct_buf buf;
    ct_buf_init(&buf, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = {.seq = store->newest + 1, .boot_id = "boot"};
    const uint8_t *hash = NULL;
    if (class == CT_CLASS_SAMPLE) {
        struct ct_sample samples[50];
        const struct ct_batch_time time = {.base_ns = w->now};
        struct ct_catalogue *catalogue = w->catalogues[w->catalogue];
        hash = ct_catalogue_hash(catalogue);
        fixture_samples(&w->random, (uint32_t)ct_catalogue_count(catalogue), w->now, false, samples, 50);
        assert_int_equal(ct_record_encode_batch(&head, catalogue, &time, samples, 50, &buf), CT_OK);
    } else {
        char text[32];
        snprintf(text, sizeof text, "%llu", (unsigned long long)head.seq);
        const struct ct_event event = {.name = "event", .text = text};
        assert_int_equal(ct_record_encode_event(&head, &event, &buf), CT_OK);
    }
    store_record(store, head.seq, head.seq, &buf, hash);
    ct_buf_free(&buf);
}

/* The oldest samples go; a Gap of their range stands in their place. Not while a fetch is open: the outbox is one
 * thread. */
static void enforce_quota(struct world *w)
{
    struct store *store = &w->outbox[CT_CLASS_INDEX(CT_CLASS_SAMPLE)];
    if (store->end - store->begin <= SAMPLES_STORED || w->fetch_class == CT_CLASS_SAMPLE) {
        return;
    }
    const uint64_t first = store->items[store->begin].first;
    const size_t last_index = store->begin + SAMPLES_STORED / 2;
    const uint64_t last = store->items[last_index].last;
    struct ct_buf buf;
    ct_buf_init(&buf, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = {.seq = last, .boot_id = "boot"};
    const struct ct_gap gap = {.seq_first = first, .seq_last = last, .reason = CT_GAP_OUTBOX_FULL};
    assert_int_equal(ct_record_encode_gap(&head, &gap, &buf), CT_OK);
    store->begin = last_index;
    struct stored *item = &store->items[last_index];
    free(item->bytes.data);
    *item = (struct stored){first, last, copy_of(buf.data, buf.len), false, {0}};
    for (size_t i = 0; i < last_index; i++) {
        free(store->items[i].bytes.data);
        store->items[i].bytes.data = NULL;
    }
    ct_buf_free(&buf);
}

/* ---------------------------------------------------------------- backend */

static int fleet_send(void *user, const void *data, size_t len)
{
    struct world *w = user;
    assert_true(len <= CT_LINK_MESSAGE_MAX);
    return put(w, &w->down, data, len);
}

static int fleet_catalogue_index(struct world *w, const uint8_t *hash)
{
    for (int i = 0; i < CATALOGUES; i++) {
        if (memcmp(ct_catalogue_hash(w->catalogues[i]), hash, CT_HASH_SIZE) == 0) {
            return i;
        }
    }
    fail_msg("a catalogue nobody made");
    return 0;
}

static int fleet_record(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq_first,
                        uint64_t seq_last, const uint8_t *record, size_t len)
{
    struct world *w = user;
    assert_memory_equal(stream_id, "stream", 7);
    if (fault(w, 40)) {
        w->refused++;
        return CT_ERR_AGAIN;
    }
    struct store *log = &w->log[CT_CLASS_INDEX(class)];
    const uint64_t before = log->end > 0 ? log->items[log->end - 1].last : 0;
    assert_true(seq_last > before && seq_first <= before + 1); /* in order, nothing twice, nothing left out */
    struct ct_record_peek peek;
    assert_int_equal(ct_record_peek(record, len, &peek), CT_OK);
    if (peek.has_catalogue) { /* the catalogue came before the record that names it */
        assert_true(w->catalogue_known[fleet_catalogue_index(w, peek.catalogue_hash)]);
    }
    struct ct_buf buf = {.data = copy_of(record, len).data, .len = len};
    store_record(log, before + 1, seq_last, &buf, NULL);
    free(buf.data);
    return CT_OK;
}

static int fleet_catalogue(void *user, const uint8_t *part, size_t len)
{
    struct world *w = user;
    struct ct_catalogue *catalogue = NULL;
    if (ct_catalogue_reader_part(w->reader, part, len, &catalogue) == CT_OK && catalogue != NULL) {
        w->catalogue_known[fleet_catalogue_index(w, ct_catalogue_hash(catalogue))] = true;
    }
    ct_catalogue_unref(catalogue);
    return CT_OK;
}

static void fleet_state(void *user, const uint8_t *state, size_t len)
{
    struct world *w = user;
    assert_true(len > 0 && state != NULL);
    w->states_seen++;
}

static void fleet_hello(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], const uint8_t boot_id[CT_BOOT_ID_SIZE],
                        const char *software, int64_t now_ns, int64_t now_utc_ns)
{
    (void)user;
    (void)stream_id;
    assert_memory_equal(boot_id, "boot", 5);
    assert_string_equal(software, "test");
    assert_int_equal(now_ns, now_utc_ns);
}

static void fleet_durable(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], struct ct_positions *out_durable)
{
    const struct world *w = user;
    (void)stream_id;
    *out_durable = w->durable;
}

static bool fleet_knows(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    struct world *w = user;
    return w->catalogue_durable[fleet_catalogue_index(w, hash)];
}

static void commit(struct world *w)
{
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        w->durable_end[i] = w->log[i].end;
        w->durable.seq[i] = w->log[i].end > 0 ? w->log[i].items[w->log[i].end - 1].last : 0;
    }
    memcpy(w->catalogue_durable, w->catalogue_known, sizeof w->catalogue_known);
    ct_link_fleet_durable(w->fleet, (const uint8_t[CT_STREAM_ID_SIZE]){"stream"}, &w->durable, w->now);
}

/* What was not durable is gone. */
static void start_fleet(struct world *w)
{
    ct_link_fleet_free(w->fleet);
    ct_catalogue_reader_free(w->reader);
    const struct ct_link_fleet_ops ops = {.user = w,
                                          .send = fleet_send,
                                          .record = fleet_record,
                                          .catalogue = fleet_catalogue,
                                          .state = fleet_state,
                                          .hello = fleet_hello,
                                          .durable = fleet_durable,
                                          .knows_catalogue = fleet_knows,
                                          .packer = w->fleet_packer,
                                          .dense = w->fleet_dense};
    assert_int_equal(ct_link_fleet_create(&ops, &w->fleet), CT_OK);
    assert_int_equal(ct_catalogue_reader_create(&w->reader), CT_OK);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        while (w->log[i].end > w->durable_end[i]) {
            free(w->log[i].items[--w->log[i].end].bytes.data);
        }
    }
    memcpy(w->catalogue_known, w->catalogue_durable, sizeof w->catalogue_known);
    w->restarts++;
}

/* ---------------------------------------------------------------- run */

static struct world *make_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->random = seed * 2654435761 + 1;
    w->now = CT_NS_PER_S;
    w->faults = true;
    const uint32_t sizes[CATALOGUES] = {20, 700, 1500}; /* one to several parts */
    for (unsigned i = 0; i < CATALOGUES; i++) {
        w->catalogues[i] = fixture_catalogue(sizes[i]);
    }
    if (seed % 4 < 2) {
        assert_int_equal(ct_packer_create(&w->vehicle_packer), CT_OK);
    }
    if (seed % 4 == 1 || seed % 4 == 2) {
        assert_int_equal(ct_packer_create(&w->fleet_packer), CT_OK);
    }
    w->vehicle_dense = seed % 3 != 0;
    w->fleet_dense = seed % 5 != 0;
    start_fleet(w);
    start_vehicle(w);
    return w;
}

static void free_store(struct store *store)
{
    for (size_t i = 0; i < store->end; i++) {
        free(store->items[i].bytes.data);
    }
}

static void free_world(struct world *w)
{
    ct_link_vehicle_free(w->vehicle);
    ct_link_fleet_free(w->fleet);
    ct_packer_free(w->vehicle_packer);
    ct_packer_free(w->fleet_packer);
    ct_catalogue_reader_free(w->reader);
    empty(&w->up);
    empty(&w->down);
    for (unsigned i = 0; i < CATALOGUES; i++) {
        ct_catalogue_unref(w->catalogues[i]);
    }
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        free_store(&w->outbox[i]);
        free_store(&w->log[i]);
    }
    free(w);
}

static void move_messages(struct world *w)
{
    struct bytes message;
    for (unsigned i = roll(w, 4); i > 0 && take(&w->up, &message); i--) {
        ct_link_fleet_receive(w->fleet, message.data, message.len, w->now, w->now + 1000 * CT_NS_PER_S);
        free(message.data);
    }
    for (unsigned i = roll(w, 4); i > 0 && take(&w->down, &message); i--) {
        ct_link_vehicle_receive(w->vehicle, message.data, message.len, w->now, w->now);
        free(message.data);
    }
}

static void inject_faults(struct world *w)
{
    if (fault(w, 300)) {
        disconnect(w, (ct_ns)roll(w, 5000) * MS);
    }
    if (fault(w, 700)) {
        start_fleet(w);
        disconnect(w, (ct_ns)roll(w, 1000) * MS);
    }
    if (fault(w, 700)) {
        disconnect(w, 0);
        start_vehicle(w);
    }
    if (fault(w, 500)) {
        w->catalogue = roll(w, CATALOGUES);
        ct_link_vehicle_use_catalogue(w->vehicle, ct_catalogue_hash(w->catalogues[w->catalogue]));
    }
}

static void step(struct world *w, bool producing)
{
    w->now += (ct_ns)(1 + roll(w, 40)) * MS;
    inject_faults(w);
    if (producing && roll(w, 3) == 0) {
        produce(w, (enum ct_class)(1 + roll(w, 3)));
        enforce_quota(w);
        tell_newest(w);
    }
    move_messages(w);
    if (roll(w, 4) == 0) {
        commit(w);
    }
    if (roll(w, 2) == 0) {
        answer_fetch(w);
    }
    if (w->snapshots_wanted > 0) {
        send_state(w);
    }
    assert_true(ct_link_vehicle_tick(w->vehicle, w->now, w->now) >= w->now);
    assert_true(ct_link_fleet_tick(w->fleet, w->now, w->now + 1000 * CT_NS_PER_S) >= w->now);
}

static bool all_acked(struct world *w)
{
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(w->vehicle, &stats);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        if (stats.acked.seq[i] != w->outbox[i].newest) {
            return false;
        }
    }
    return true;
}

/* What the backend holds is byte for byte what stood in the outbox; where it holds a Gap the range fits. */
static void check_history(struct world *w)
{
    for (unsigned c = 0; c < CT_CLASS_COUNT; c++) {
        uint64_t seq = 0;
        for (size_t i = 0; i < w->log[c].end; i++) {
            const struct stored *item = &w->log[c].items[i];
            struct ct_record_peek peek;
            assert_int_equal(item->first, seq + 1);
            assert_int_equal(ct_record_peek(item->bytes.data, item->bytes.len, &peek), CT_OK);
            assert_true(peek.seq_first <= item->first);
            assert_int_equal(peek.seq_last, item->last);
            assert_true(c == CT_CLASS_INDEX(CT_CLASS_SAMPLE) || peek.body == CT_RECORD_EVENT);
            const struct stored *sent = &w->outbox[c].items[item->last - 1];
            if (peek.body != CT_RECORD_GAP && sent->bytes.data != NULL && sent->first == sent->last) {
                assert_int_equal(sent->bytes.len, item->bytes.len);
                assert_memory_equal(sent->bytes.data, item->bytes.data, item->bytes.len);
            }
            seq = item->last;
        }
        assert_int_equal(seq, w->outbox[c].newest);
    }
}

/* How many deliveries were packed; *dense rises by how many were dense. */
static uint64_t run(uint64_t seed, uint64_t *dense)
{
    struct world *w = make_world(seed);
    for (unsigned i = 0; i < 4000; i++) {
        step(w, true);
    }
    w->faults = false;
    const ct_ns calm = w->now;
    while (!all_acked(w) && w->now < calm + 300 * CT_NS_PER_S) {
        step(w, false);
    }
    if (!all_acked(w)) {
        fail_msg("seed %llu: no progress", (unsigned long long)seed);
    }
    check_history(w);
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(w->vehicle, &stats);
    assert_true(stats.connected);
    assert_int_equal(stats.malformed, 0);
    assert_true(w->states_seen > 0);
    const uint64_t packed = w->packed + stats.packed_deliveries;
    const bool both = w->vehicle_packer != NULL && w->fleet_packer != NULL;
    assert_true(packed == 0 || both);
    *dense += w->dense + stats.dense_deliveries;
    assert_true(w->dense + stats.dense_deliveries == 0 || (both && w->vehicle_dense && w->fleet_dense));
    free_world(w);
    return packed;
}

static void test_link_under_faults_loses_and_doubles_nothing(void **state)
{
    (void)state;
    const char *only = getenv("CANTWIN_SEED");
    if (only != NULL) {
        uint64_t dense = 0;
        (void)run(strtoull(only, NULL, 10), &dense);
        return;
    }
    const uint64_t first = 1;
    const uint64_t count = 60;
    uint64_t packed = 0;
    uint64_t dense = 0;
    print_message("seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)(first + count - 1));
    for (uint64_t seed = first; seed < first + count; seed++) {
        packed += run(seed, &dense);
    }
    assert_true(packed > 100);
    assert_true(dense > 1000);
}

/* ---------------------------------------------------------------- single situations, without faults */

static struct world *calm_world(void)
{
    struct world *w = make_world(1);
    w->faults = false;
    return w;
}

static void settle(struct world *w, ct_ns duration)
{
    const ct_ns until = w->now + duration;
    while (w->now < until) {
        step(w, false);
    }
}

static bool connected(struct world *w)
{
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(w->vehicle, &stats);
    return stats.connected;
}

static void test_link_backend_silent_reconnects_with_backoff(void **state)
{
    (void)state;
    struct world *w = calm_world();
    settle(w, 2 * CT_NS_PER_S);
    assert_true(connected(w));
    w->dead = true;
    disconnect(w, 0);
    settle(w, 600 * CT_NS_PER_S);
    assert_false(connected(w));
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(w->vehicle, &stats);
    assert_in_range(stats.reconnects, 8, 20); /* after 30 s, then 5, 10, 20, 40, 60, 60 ... */
    w->dead = false;
    settle(w, 2 * CT_NS_PER_S);
    assert_true(connected(w)); /* hello does not wait for the next reconnect */
    free_world(w);
}

static void test_link_backend_restarted_is_greeted_again_at_once(void **state)
{
    (void)state;
    struct world *w = calm_world();
    settle(w, 2 * CT_NS_PER_S);
    start_fleet(w);
    produce(w, CT_CLASS_EVENT);
    tell_newest(w);
    const ct_ns begin = w->now;
    while (!all_acked(w) && w->now < begin + 60 * CT_NS_PER_S) {
        step(w, false);
    }
    assert_true(w->now - begin < 2 * CT_NS_PER_S);
    free_world(w);
}

static void test_link_time_estimate_is_within_its_uncertainty(void **state)
{
    (void)state;
    struct world *w = calm_world();
    settle(w, 30 * CT_NS_PER_S);
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(w->vehicle, &stats);
    assert_true(stats.utc_uncertainty_ns >= 0);
    const int64_t error = stats.utc_offset_ns - 1000 * CT_NS_PER_S;
    assert_true(error <= stats.utc_uncertainty_ns && -error <= stats.utc_uncertainty_ns);
    free_world(w);
}

static void test_link_command_reaches_vehicle_only_after_hello(void **state)
{
    (void)state;
    struct world *w = calm_world();
    assert_int_equal(ct_link_fleet_command(w->fleet, (const uint8_t *)"\x0a\x00", 2), CT_ERR_DOWN);
    settle(w, 2 * CT_NS_PER_S);
    assert_int_equal(ct_link_fleet_command(w->fleet, (const uint8_t *)"\x0a\x00", 2), CT_OK);
    settle(w, CT_NS_PER_S);
    assert_int_equal(w->commands_seen, 1);
    free_world(w);
}

static void test_link_backend_lost_what_was_deleted_goes_on(void **state)
{
    (void)state;
    struct world *w = calm_world();
    for (unsigned i = 0; i < 5; i++) {
        produce(w, CT_CLASS_EVENT);
    }
    tell_newest(w);
    settle(w, 5 * CT_NS_PER_S);
    assert_true(all_acked(w));
    /* the backend comes back from an older copy: 5 acknowledged records are gone on both sides */
    struct ct_link_fleet_stats stats;
    w->saved_acked.seq[0] = 5;
    w->durable.seq[0] = 2;
    w->durable_end[0] = 2;
    start_fleet(w);
    start_vehicle(w);
    do {
        (void)ct_link_vehicle_tick(w->vehicle, w->now, w->now);
        move_messages(w);
        ct_link_fleet_stats_get(w->fleet, &stats);
    } while (!stats.greeted);
    w->log[0].items[1].last = 5; /* what follows joins on here */
    produce(w, CT_CLASS_EVENT);
    tell_newest(w);
    settle(w, 5 * CT_NS_PER_S);
    ct_link_fleet_stats_get(w->fleet, &stats);
    assert_int_equal(stats.holes, 1);
    assert_true(all_acked(w));
    free_world(w);
}

static void test_link_garbage_is_counted_and_harmless(void **state)
{
    (void)state;
    struct world *w = calm_world();
    settle(w, 2 * CT_NS_PER_S);
    uint8_t garbage[200];
    for (unsigned i = 0; i < 20000; i++) {
        const size_t len = roll(w, 200);
        for (size_t k = 0; k < len; k++) {
            garbage[k] = (uint8_t)fixture_random(&w->random);
        }
        ct_link_fleet_receive(w->fleet, garbage, len, w->now, w->now);
        ct_link_vehicle_receive(w->vehicle, garbage, len, w->now, w->now);
    }
    struct ct_link_fleet_stats stats;
    ct_link_fleet_stats_get(w->fleet, &stats);
    assert_true(stats.malformed > 15000);
    settle(w, CT_NS_PER_S);
    produce(w, CT_CLASS_EVENT);
    tell_newest(w);
    settle(w, 20 * CT_NS_PER_S);
    assert_true(all_acked(w));
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_under_faults_loses_and_doubles_nothing),
        cmocka_unit_test(test_link_backend_silent_reconnects_with_backoff),
        cmocka_unit_test(test_link_backend_restarted_is_greeted_again_at_once),
        cmocka_unit_test(test_link_time_estimate_is_within_its_uncertainty),
        cmocka_unit_test(test_link_command_reaches_vehicle_only_after_hello),
        cmocka_unit_test(test_link_backend_lost_what_was_deleted_goes_on),
        cmocka_unit_test(test_link_garbage_is_counted_and_harmless),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
