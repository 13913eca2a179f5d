/* The storage thread between two rings that the test plays: what it stores is read back from the closed outbox. */
#include "storage.h"

#include "clock.h"
#include "command_wire.h"
#include "journal.h"
#include "messages.h"
#include "store_support.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VEHICLE   "demo"
#define RING      (64U * 1024U)
#define LINK_RING (1024U * 1024U)
#define PATIENCE  (10 * CT_NS_PER_S)

struct stored {
    size_t samples, gaps, statuses;
    struct ct_gap gap;
    int state, reason;
    uint64_t status_seq;
};

struct rig {
    char dir[SCRATCH_MAX];
    struct ct_channels channels;
    struct ct_catalogue *catalogue;
    struct ct_storage *storage;
    struct ct_trusted_key key;
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    struct stored stored;
};

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct ct_catalogue_builder *builder = NULL;
    uint32_t id = 0;
    char problem[200];
    assert_non_null(rig);
    scratch_make(rig->dir);
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, RING), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.storage_to_bus, RING), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.storage_to_link, LINK_RING), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.link_to_storage, RING), CT_OK);
    const struct ct_entry entry = {
        .name = "can0.A.X", .unit = "", .comment = "", .kind = CT_KIND_RAW, .datatype = CT_DT_INT64, .factor = 1};
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    assert_int_equal(ct_catalogue_builder_finish(builder, &rig->catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    rig->key.role = CT_ROLE_DIRECTOR;
    assert_int_equal(ct_sign_keypair(rig->key.public_key, rig->secret), CT_OK);
    ct_key_id(rig->key.role, rig->key.public_key, rig->key.key_id);
    const struct ct_storage_config config = {.vehicle_id = VEHICLE,
                                             .state_dir = rig->dir,
                                             .quota_bytes = 16U << 20,
                                             .commit_ms = 10,
                                             .keys = &rig->key,
                                             .key_count = 1};
    assert_int_equal(ct_storage_open(&config, &rig->channels, rig->catalogue, &rig->storage, problem, sizeof problem),
                     CT_OK);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    const int err = ct_storage_close(rig->storage);
    (void)err;
    ct_catalogue_unref(rig->catalogue);
    ct_channel_close(&rig->channels.bus_to_storage);
    ct_channel_close(&rig->channels.storage_to_bus);
    ct_channel_close(&rig->channels.storage_to_link);
    ct_channel_close(&rig->channels.link_to_storage);
    tree_remove(rig->dir);
    free(rig);
    return 0;
}

static void push(struct ct_channel *channel, uint32_t type, const void *data, size_t len)
{
    assert_int_equal(ct_ring_push(channel->ring, type, data, len), CT_OK);
}

static void push_sample(struct rig *rig, uint32_t id, ct_ns t_ns)
{
    const struct ct_sample sample = {.id = id, .t_ns = t_ns, .raw = 1};
    push(&rig->channels.bus_to_storage, CT_MSG_SAMPLE, &sample, sizeof sample);
}

/* ---- reading back */

static const struct ct_catalogue *on_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct rig *rig = user;
    (void)hash;
    return rig->catalogue;
}

static int on_begin(void *user, const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                    const struct ct_batch_time *time, size_t count)
{
    struct rig *rig = user;
    (void)head;
    (void)catalogue;
    (void)time;
    rig->stored.samples += count;
    return CT_OK;
}

static int on_sample(void *user, const struct ct_sample *sample)
{
    (void)user;
    (void)sample;
    return CT_OK;
}

static int on_end(void *user)
{
    (void)user;
    return CT_OK;
}

static int on_gap(void *user, const struct ct_record_head *head, const struct ct_gap *gap)
{
    struct rig *rig = user;
    (void)head;
    rig->stored.gaps++;
    rig->stored.gap = *gap;
    return CT_OK;
}

static int on_status(void *user, const struct ct_record_head *head, const struct ct_command_status *status)
{
    struct rig *rig = user;
    (void)head;
    rig->stored.statuses++;
    rig->stored.state = status->state;
    rig->stored.reason = status->reason;
    rig->stored.status_seq = status->seq;
    return CT_OK;
}

static void read_back(struct rig *rig)
{
    const struct ct_outbox_config config = {.dir = rig->dir, .quota_bytes = 16U << 20};
    const struct ct_record_sink sink = {.user = rig,
                                        .catalogue = on_catalogue,
                                        .batch_begin = on_begin,
                                        .sample = on_sample,
                                        .batch_end = on_end,
                                        .gap = on_gap,
                                        .status = on_status};
    struct ct_outbox *outbox = NULL;
    struct ct_outbox_record record;
    assert_int_equal(ct_storage_close(rig->storage), CT_OK);
    rig->storage = NULL;
    assert_int_equal(ct_outbox_open(&config, &outbox, NULL), CT_OK);
    for (int class = CT_CLASS_RESULT; class <= CT_CLASS_SAMPLE; class ++) {
        for (uint64_t seq = 0; ct_outbox_read(outbox, (enum ct_class) class, seq, &record) == CT_OK;
             seq = record.seq_last) {
            assert_int_equal(ct_record_decode(record.data, record.len, &sink), CT_OK);
        }
    }
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void stop_and_read_back(struct rig *rig)
{
    push(&rig->channels.bus_to_storage, CT_MSG_STOP, NULL, 0);
    ct_storage_run(rig->storage);
    read_back(rig);
}

/* ---- batches */

static void test_storage_batch_that_cannot_be_encoded_becomes_a_gap(void **state)
{
    struct rig *rig = *state;
    push_sample(rig, 0, 1000);
    push_sample(rig, 77, 3000); /* of no catalogue */
    push_sample(rig, 0, 5000);
    stop_and_read_back(rig);
    assert_int_equal(rig->stored.samples, 0);
    assert_int_equal(rig->stored.gaps, 1);
    assert_int_equal(rig->stored.gap.samples, 3);
    assert_int_equal(rig->stored.gap.reason, CT_GAP_DAMAGED);
    assert_true(rig->stored.gap.from_ns == 1000 && rig->stored.gap.to_ns == 5000);
    assert_true(rig->stored.gap.seq_first > rig->stored.gap.seq_last); /* no sequence was used up */
}

static void test_storage_good_batch_has_no_gap(void **state)
{
    struct rig *rig = *state;
    push_sample(rig, 0, 1000);
    push_sample(rig, 0, 2000);
    stop_and_read_back(rig);
    assert_int_equal(rig->stored.samples, 2);
    assert_int_equal(rig->stored.gaps, 0);
}

/* ---- commands during the stop */

static void push_signed(struct rig *rig, uint64_t seq)
{
    const int64_t utc_ms = ct_clock_utc_now() / CT_NS_PER_MS;
    struct ct_command command = {.seq = seq,
                                 .issued_utc_ms = utc_ms,
                                 .expires_utc_ms = utc_ms + 60000,
                                 .ttl_ms = 60000,
                                 .action = CT_ACTION_SET_DESIRED,
                                 .revision = 1,
                                 .value = {.kind = CT_WIRE_NUMBER, .number = 1}};
    struct ct_signature signature;
    struct ct_buf payload, joined;
    (void)strncpy(command.vehicle_id, VEHICLE, sizeof command.vehicle_id - 1);
    (void)strncpy(command.path, "Vehicle.Lamp", sizeof command.path - 1);
    memset(command.command_id, 0xC1, sizeof command.command_id);
    ct_buf_init(&payload, 4096);
    ct_buf_init(&joined, 4096);
    assert_int_equal(ct_command_encode(&command, &payload), CT_OK);
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload.data, payload.len, CT_ROLE_DIRECTOR, rig->secret, &signature),
        CT_OK);
    assert_int_equal(ct_signed_command_join(payload.data, payload.len, &signature, 1, &joined), CT_OK);
    push(&rig->channels.link_to_storage, CT_MSG_SIGNED_COMMAND, joined.data, joined.len);
    ct_buf_free(&payload);
    ct_buf_free(&joined);
}

static size_t commands_for_bus(const struct rig *rig)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    size_t count = 0;
    while (ct_ring_peek(rig->channels.storage_to_bus.ring, &type, &data, &len) == CT_OK) {
        count += type == CT_MSG_COMMAND ? 1U : 0U;
        ct_ring_pop(rig->channels.storage_to_bus.ring);
    }
    return count;
}

static void test_storage_command_after_stop_is_refused_before_the_intent(void **state)
{
    struct rig *rig = *state;
    struct ct_journal *journal = NULL;
    struct ct_journal_entry entry;
    push_signed(rig, 9); /* read after the STOP, which is of the bus and comes first */
    stop_and_read_back(rig);
    assert_int_equal(rig->stored.statuses, 1);
    assert_int_equal(rig->stored.status_seq, 9);
    assert_int_equal(rig->stored.state, CT_COMMAND_REFUSED);
    assert_int_equal(rig->stored.reason, CT_REASON_RESTARTED);
    assert_int_equal(commands_for_bus(rig), 0);
    assert_int_equal(ct_journal_open(rig->dir, &journal), CT_OK);
    assert_int_not_equal(ct_journal_pending(journal, 0, &entry), CT_OK);
    ct_journal_close(journal);
}

static void test_storage_command_the_bus_did_not_read_before_it_ended_is_cancelled(void **state)
{
    struct rig *rig = *state;
    struct ct_msg_command *message = calloc(1, sizeof *message);
    assert_non_null(message);
    message->command.seq = 5;
    memset(message->command.command_id, 0xC2, sizeof message->command.command_id);
    push(&rig->channels.storage_to_bus, CT_MSG_COMMAND, message, sizeof *message);
    free(message);
    stop_and_read_back(rig);
    assert_int_equal(rig->stored.statuses, 1);
    assert_int_equal(rig->stored.status_seq, 5);
    assert_int_equal(rig->stored.state, CT_COMMAND_CANCELLED);
    assert_int_equal(rig->stored.reason, CT_REASON_RESTARTED);
    assert_int_equal(commands_for_bus(rig), 0);
}

/* ---- a link that takes nothing */

static void *run(void *user)
{
    struct rig *rig = user;
    ct_storage_run(rig->storage);
    return NULL;
}

/* Reads like the link or the bus; true when `wanted` came. */
static bool read_until(struct ct_channel *channel, uint32_t wanted, size_t *out_states, size_t *out_catalogues)
{
    const ct_ns until = ct_clock_now() + PATIENCE;
    bool found = false;
    while (!found && ct_clock_now() < until) {
        uint32_t type = 0;
        const void *data = NULL;
        size_t len = 0;
        if (ct_ring_peek(channel->ring, &type, &data, &len) != CT_OK) {
            struct pollfd wait = {.fd = channel->fd, .events = POLLIN};
            (void)poll(&wait, 1, 10);
            ct_channel_drain(channel);
            continue;
        }
        found = type == wanted;
        if (type == CT_MSG_CATALOGUE) {
            struct ct_catalogue *catalogue = NULL;
            memcpy(&catalogue, data, sizeof(catalogue));
            ct_catalogue_unref(catalogue);
        }
        *out_states += type == CT_MSG_STATE ? 1U : 0U;
        *out_catalogues += type == CT_MSG_CATALOGUE ? 1U : 0U;
        ct_ring_pop(channel->ring);
    }
    return found;
}

static void test_storage_link_that_stalls_costs_no_samples(void **state)
{
    struct rig *rig = *state;
    static const uint8_t filler[1000];
    pthread_t thread;
    size_t states = 0, catalogues = 0;
    /* given a link whose ring is full */
    while (ct_ring_push(rig->channels.storage_to_link.ring, CT_MSG_NEWEST, filler, sizeof filler) == CT_OK) {
    }
    while (ct_ring_push(rig->channels.storage_to_link.ring, CT_MSG_NEWEST, filler, 8) == CT_OK) {
    }
    /* when a reload and a snapshot stand before the samples */
    struct ct_catalogue *catalogue = ct_catalogue_ref(rig->catalogue);
    push(&rig->channels.bus_to_storage, CT_MSG_CATALOGUE, &catalogue, sizeof(catalogue));
    push(&rig->channels.bus_to_storage, CT_MSG_STATE, filler, sizeof filler);
    for (int i = 0; i < 100; i++) {
        push_sample(rig, 0, i);
    }
    assert_int_equal(pthread_create(&thread, NULL, run, rig), 0);
    /* then the ring of the bus is emptied all the same */
    assert_true(read_until(&rig->channels.storage_to_bus, CT_MSG_STORAGE_STATS, &states, &catalogues));
    assert_int_equal(ct_ring_used(rig->channels.bus_to_storage.ring), 0);
    /* and when the link goes on, it gets the catalogue, and another snapshot is asked for */
    assert_true(read_until(&rig->channels.storage_to_link, CT_MSG_CATALOGUE, &states, &catalogues));
    assert_true(read_until(&rig->channels.storage_to_bus, CT_MSG_SNAPSHOT, &states, &catalogues));
    push(&rig->channels.bus_to_storage, CT_MSG_STATE, filler, sizeof filler);
    push(&rig->channels.bus_to_storage, CT_MSG_STOP, NULL, 0);
    ct_channel_wake(&rig->channels.bus_to_storage);
    assert_true(read_until(&rig->channels.storage_to_link, CT_MSG_STOP, &states, &catalogues));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(states, 1);
    assert_int_equal(catalogues, 1);
    read_back(rig);
    assert_int_equal(rig->stored.samples, 100);
    assert_int_equal(rig->stored.gaps, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_storage_batch_that_cannot_be_encoded_becomes_a_gap),
        T(test_storage_good_batch_has_no_gap),
        T(test_storage_command_after_stop_is_refused_before_the_intent),
        T(test_storage_command_the_bus_did_not_read_before_it_ended_is_cancelled),
        T(test_storage_link_that_stalls_costs_no_samples),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
