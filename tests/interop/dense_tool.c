/* Writes dense deliveries for a decoder that is not ours: each line the coded bytes and the records they stand for, as
 * they would stand in the Delivery, both in hex. All of one chain: samples of every kind, several records a delivery,
 * other boots and catalogues now and then, and a message with a counter and a ramp. */
#include "bytes.h"
#include "dense.h"
#include "link_types.h"
#include "pb.h"
#include "proto_fixture.h"

#define DELIVERIES 60
#define ENTRIES    200
#define SAMPLES    80

static struct ct_catalogue *catalogues[2];

static const struct ct_catalogue *find(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)user;
    return memcmp(hash, ct_catalogue_hash(catalogues[0]), CT_HASH_SIZE) == 0 ? catalogues[0] : catalogues[1];
}

static size_t drive(struct ct_sample *samples, uint64_t seq, int64_t base)
{
    size_t count = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        const uint32_t id = 4 * (i % 4);
        const int64_t raw = id == 0 ? (int64_t)(i % 16) : (int64_t)(seq * 20 + i) * id;
        samples[count++] = (struct ct_sample){.id = id, .t_ns = base + (i / 4) * 10000000, .raw = raw};
    }
    return count;
}

static void add(struct ct_buf *records, uint64_t *random, uint64_t seq)
{
    static struct ct_sample samples[SAMPLES];
    struct ct_buf record;
    ct_buf_init(&record, CT_RECORD_MAX);
    const int64_t base = (int64_t)seq * 100000000;
    const struct ct_catalogue *catalogue = catalogues[fixture_random(random) % 16 == 0];
    struct ct_record_head head = {.seq = seq, .boot_id = "0123456789abcde"};
    head.boot_id[0] = fixture_random(random) % 16 == 0;
    const struct ct_batch_time time = {
        .base_ns = base, .base_utc_ns = base + 1780000000000000000 + (int64_t)(seq % 5), .utc_uncertainty_ns = seq % 3};
    size_t count = fixture_random(random) % SAMPLES;
    if (seq % 2 == 0) {
        count = drive(samples, seq, base);
    } else {
        fixture_samples(random, (uint32_t)ct_catalogue_count(catalogue), base, seq % 7 == 0, samples, count);
    }
    assert_int_equal(ct_record_encode_batch(&head, catalogue, &time, samples, count, &record), CT_OK);
    ct_pb_put_element(records, 3, record.data, record.len);
    ct_buf_free(&record);
}

static void print_hex(const struct ct_buf *bytes, char end)
{
    for (size_t i = 0; i < bytes->len; i++) {
        printf("%02x", bytes->data[i]);
    }
    putchar(end);
}

int main(void)
{
    struct ct_dense *dense = NULL;
    struct ct_dense_room *room = NULL;
    struct ct_buf records;
    struct ct_buf coded;
    uint64_t random = 11;
    uint64_t seq = 0;
    ct_buf_init(&records, CT_LINK_MESSAGE_MAX);
    ct_buf_init(&coded, CT_LINK_MESSAGE_MAX);
    catalogues[0] = fixture_catalogue(ENTRIES);
    catalogues[1] = fixture_catalogue(ENTRIES / 2);
    assert_int_equal(ct_dense_create(&dense), CT_OK);
    assert_int_equal(ct_dense_room_create(&room), CT_OK);
    for (unsigned i = 0; i < DELIVERIES; i++) {
        ct_buf_clear(&records);
        ct_buf_clear(&coded);
        for (uint64_t n = fixture_random(&random) % 4; n > 0; n--) {
            seq += fixture_random(&random) % 8 == 0 ? 3 : 1;
            add(&records, &random, seq);
        }
        assert_int_equal(ct_dense_encode(dense, room, find, NULL, records.data, records.len, &coded), CT_OK);
        print_hex(&coded, ' ');
        print_hex(&records, '\n');
    }
    ct_dense_free(dense);
    ct_dense_room_free(room);
    ct_catalogue_unref(catalogues[0]);
    ct_catalogue_unref(catalogues[1]);
    ct_buf_free(&records);
    ct_buf_free(&coded);
    return 0;
}
