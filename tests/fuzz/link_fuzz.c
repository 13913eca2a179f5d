/* Envelopes into both halves of the link, each cut out of the input by a leading length byte pair. */
#include "link_fleet.h"
#include "link_vehicle.h"

#include <stdlib.h>

static int send_nothing(void *user, const void *data, size_t len)
{
    (void)user;
    (void)data;
    return len > CT_LINK_MESSAGE_MAX ? CT_ERR_TOO_LARGE : CT_OK;
}

static void on_reconnect(void *user)
{
    (void)user;
}

static void on_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    (void)user;
    (void)class;
    (void)after_seq;
    (void)max_bytes;
}

static void on_acked(void *user, enum ct_class class, uint64_t seq)
{
    (void)user;
    (void)class;
    (void)seq;
}

static void on_bytes(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
}

static void on_snapshot(void *user, uint64_t snapshot_id)
{
    (void)user;
    (void)snapshot_id;
}

static const struct ct_catalogue *no_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)user;
    (void)hash;
    return NULL;
}

static int on_record(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq_first,
                     uint64_t seq_last, const uint8_t *record, size_t len)
{
    uint64_t *last = user;
    (void)stream_id;
    (void)record;
    (void)len;
    if (seq_first > seq_last || class < CT_CLASS_EVENT || class > CT_CLASS_SAMPLE) {
        abort();
    }
    *last = seq_last;
    return CT_OK;
}

static int on_part(void *user, const uint8_t *part, size_t len)
{
    on_bytes(user, part, len);
    return CT_OK;
}

static void on_hello(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], const uint8_t boot_id[CT_BOOT_ID_SIZE],
                     const char *software, int64_t now_ns, int64_t now_utc_ns)
{
    (void)user;
    (void)stream_id;
    (void)boot_id;
    (void)software;
    (void)now_ns;
    (void)now_utc_ns;
}

static void no_durable(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], struct ct_positions *out_durable)
{
    (void)user;
    (void)stream_id;
    *out_durable = (struct ct_positions){0};
}

static bool knows(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)user;
    return hash[0] % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_packer *packer; /* as large as a thread's: made once */
    uint64_t last = 0;
    if (packer == NULL && ct_packer_create(&packer) != CT_OK) {
        abort();
    }
    const struct ct_link_vehicle_config config = {
        .software = "fuzz", .jitter_seed = 1, .packer = packer, .dense = true};
    const struct ct_link_vehicle_ops vehicle_ops = {.send = send_nothing,
                                                    .reconnect = on_reconnect,
                                                    .fetch = on_fetch,
                                                    .acked = on_acked,
                                                    .command = on_bytes,
                                                    .snapshot = on_snapshot,
                                                    .catalogue = no_catalogue};
    const struct ct_link_fleet_ops fleet_ops = {.user = &last,
                                                .send = send_nothing,
                                                .record = on_record,
                                                .catalogue = on_part,
                                                .state = on_bytes,
                                                .hello = on_hello,
                                                .durable = no_durable,
                                                .knows_catalogue = knows,
                                                .packer = packer,
                                                .dense = true};
    struct ct_link_vehicle *vehicle = NULL;
    struct ct_link_fleet *fleet = NULL;
    if (ct_link_vehicle_create(&config, &vehicle_ops, &vehicle) != CT_OK ||
        ct_link_fleet_create(&fleet_ops, &fleet) != CT_OK) {
        abort();
    }
    ct_ns now = 0;
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        len = len > size - 2 ? size - 2 : len;
        ct_link_fleet_receive(fleet, data + 2, len, now, now);
        ct_link_vehicle_receive(vehicle, data + 2, len, now, now);
        now += CT_NS_PER_S;
        (void)ct_link_vehicle_tick(vehicle, now, now);
        (void)ct_link_fleet_tick(fleet, now, now);
        data += 2 + len;
        size -= 2 + len;
    }
    ct_link_vehicle_free(vehicle);
    ct_link_fleet_free(fleet);
    return 0;
}
