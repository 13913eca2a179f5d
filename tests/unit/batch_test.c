/* Records and states: round trips of random content, hostile bytes, and protobuf-c reading what is written by hand. */
#include "batch.h"
#include "cantwin.pb-c.h"
#include "proto_fixture.h"

#define ENTRIES 300

static const struct ct_record_head head = {.seq = 42, .boot_id = "0123456789abcde"};

struct seen {
    struct ct_catalogue *catalogue;
    struct ct_batch_time time;
    struct ct_record_head head;
    size_t begun, ended, announced, count;
    struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    struct ct_gap gap;
    int state, reason;
    double reported;
    char text[300];
    size_t fields;
};

static const struct ct_catalogue *find_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct seen *seen = user;
    return memcmp(hash, ct_catalogue_hash(seen->catalogue), CT_HASH_SIZE) == 0 ? seen->catalogue : NULL;
}

static int on_begin(void *user, const struct ct_record_head *record, const struct ct_catalogue *catalogue,
                    const struct ct_batch_time *time, size_t count)
{
    struct seen *seen = user;
    assert_ptr_equal(catalogue, seen->catalogue);
    seen->head = *record;
    seen->time = *time;
    seen->announced = count;
    seen->count = 0;
    seen->begun++;
    return CT_OK;
}

static int on_sample(void *user, const struct ct_sample *sample)
{
    struct seen *seen = user;
    assert_true(seen->count < CT_BATCH_SAMPLES_MAX);
    seen->samples[seen->count++] = *sample;
    return CT_OK;
}

static int on_end(void *user)
{
    struct seen *seen = user;
    seen->ended++;
    return CT_OK;
}

static int on_event(void *user, const struct ct_record_head *record, const struct ct_event *event)
{
    struct seen *seen = user;
    seen->head = *record;
    snprintf(seen->text, sizeof seen->text, "%s|%s|%s", event->name, event->text,
             event->field_count > 0 ? event->fields[0].value : "");
    seen->fields = event->field_count;
    return CT_OK;
}

static int on_gap(void *user, const struct ct_record_head *record, const struct ct_gap *gap)
{
    struct seen *seen = user;
    seen->head = *record;
    seen->gap = *gap;
    return CT_OK;
}

static int on_status(void *user, const struct ct_record_head *record, const struct ct_command_status *status)
{
    struct seen *seen = user;
    seen->head = *record;
    seen->state = status->state;
    seen->reason = status->reason;
    seen->reported = status->has_reported ? status->reported : -1;
    snprintf(seen->text, sizeof seen->text, "%s|%zu|%llu", status->text, status->response_len,
             (unsigned long long)status->seq);
    return CT_OK;
}

static struct ct_record_sink sink_of(struct seen *seen)
{
    return (struct ct_record_sink){.user = seen,
                                   .catalogue = find_catalogue,
                                   .batch_begin = on_begin,
                                   .sample = on_sample,
                                   .batch_end = on_end,
                                   .event = on_event,
                                   .gap = on_gap,
                                   .status = on_status};
}

static struct seen *setup(struct ct_buf *buf)
{
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    seen->catalogue = fixture_catalogue(ENTRIES);
    ct_buf_init(buf, CT_LINK_MESSAGE_MAX);
    return seen;
}

static void teardown(struct seen *seen, struct ct_buf *buf)
{
    ct_catalogue_unref(seen->catalogue);
    free(seen);
    ct_buf_free(buf);
}

static int64_t whole_us(int64_t base, int64_t t)
{
    int64_t us = (t - base) / 1000;
    us -= (t - base) % 1000 < 0;
    return base + us * 1000;
}

static void assert_same(const struct ct_sample *sent, const struct ct_sample *got, int64_t base)
{
    assert_int_equal(sent->id, got->id);
    assert_int_equal(sent->quality, got->quality);
    assert_int_equal(whole_us(base, sent->t_ns), got->t_ns);
    if (sent->id % 4 < 2) {
        assert_memory_equal(&sent->raw, &got->raw, 8);
    } else {
        assert_int_equal(sent->len, got->len);
        assert_memory_equal(sent->bytes, got->bytes, got->len);
    }
}

/* A multiset by brute force: each sent sample is found once among the received. */
static void assert_all_there(const struct ct_sample *sent, struct seen *seen, size_t count)
{
    assert_int_equal(seen->count, count);
    assert_int_equal(seen->announced, count);
    for (size_t i = 0; i < count; i++) { /* the encoder sorted `sent` in place */
        assert_same(&sent[i], &seen->samples[i], seen->time.base_ns);
    }
    for (size_t i = 1; i < count; i++) {
        assert_true(seen->samples[i - 1].t_ns <= seen->samples[i].t_ns);
    }
}

static void test_batch_random_round_trip_is_exact(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    static struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    uint64_t random = 20240601;
    print_message("seed %llu\n", (unsigned long long)random);
    for (unsigned round = 0; round < 300; round++) {
        const size_t count = round == 0 ? 0 : fixture_random(&random) % (round < 290 ? 200 : 2000);
        const struct ct_batch_time time = {fixture_integer(&random) / 4, fixture_integer(&random), round};
        fixture_samples(&random, ENTRIES, time.base_ns, round % 3 == 0, samples, count);
        int64_t id_sum = 0;
        for (size_t i = 0; i < count; i++) {
            id_sum += samples[i].id;
        }
        ct_buf_clear(&buf);
        assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, count, &buf), CT_OK);
        assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
        assert_int_equal(seen->time.base_ns, time.base_ns);
        assert_int_equal(seen->time.base_utc_ns, time.base_utc_ns);
        assert_int_equal(seen->time.utc_uncertainty_ns, time.utc_uncertainty_ns);
        assert_int_equal(seen->head.seq, 42);
        assert_memory_equal(seen->head.boot_id, head.boot_id, 16);
        assert_all_there(samples, seen, count);
        for (size_t i = 0; i < count; i++) {
            id_sum -= seen->samples[i].id;
        }
        assert_int_equal(id_sum, 0);
    }
    teardown(seen, &buf);
}

static void test_batch_equal_id_and_time_keeps_order(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    const struct ct_batch_time time = {0};
    struct ct_sample samples[64];
    for (unsigned i = 0; i < 64; i++) {
        samples[i] = (struct ct_sample){.id = 8 - 8 * (i % 2), .raw = i, .quality = i == 63 ? CT_Q_STALE : 0};
    }
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, 64, &buf), CT_OK);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    for (unsigned i = 1; i < 64; i++) {
        assert_true(i == 32 || seen->samples[i].raw > seen->samples[i - 1].raw);
    }
    teardown(seen, &buf);
}

static void test_batch_read_by_generated_code_is_the_same(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const uint8_t bytes[] = {1, 2, 3};
    struct ct_sample samples[] = {{.id = 4, .t_ns = 5001000, .raw = -7, .quality = CT_Q_STALE},
                                  {.id = 1, .t_ns = 5000000, .number = 2.5},
                                  {.id = 2, .t_ns = 5003999, .bytes = bytes, .len = 3}};
    const struct ct_batch_time time = {5000000, 1700000000000000000, 1000};
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, 3, &buf), CT_OK);

    Cantwin__V1__Record *record = cantwin__v1__record__unpack(NULL, buf.len, buf.data);
    assert_non_null(record);
    assert_int_equal(record->seq, 42);
    assert_int_equal(record->boot_id.len, 16);
    assert_int_equal(record->body_case, CANTWIN__V1__RECORD__BODY_BATCH);
    const Cantwin__V1__Batch *batch = record->batch;
    assert_memory_equal(batch->catalogue_hash.data, ct_catalogue_hash(seen->catalogue), 32);
    assert_int_equal(batch->base_ns, 5000000);
    assert_int_equal(batch->base_utc_ns, 1700000000000000000);
    assert_int_equal(batch->utc_uncertainty_ns, 1000);
    assert_int_equal(batch->n_id_step, 3);
    assert_int_equal(batch->id_step[0], 1);
    assert_int_equal(batch->id_step[1], 3);
    assert_int_equal(batch->id_step[2], -2);
    assert_int_equal(batch->n_dt_us, 3);
    assert_int_equal(batch->dt_us[0], 0);
    assert_int_equal(batch->dt_us[1], 1);
    assert_int_equal(batch->dt_us[2], 2);
    assert_int_equal(batch->n_group, 3);
    assert_int_equal(batch->group[0], 1);
    assert_int_equal(batch->n_raw_step, 1);
    assert_int_equal(batch->raw_step[0], -7);
    assert_int_equal(batch->n_id_gap + batch->n_raw, 0);
    assert_int_equal(batch->n_number, 1);
    assert_true(batch->number[0] == 2.5);
    assert_int_equal(batch->n_bytes, 1);
    assert_memory_equal(batch->bytes[0].data, bytes, 3);
    assert_int_equal(batch->n_quality, 1);
    assert_int_equal(batch->quality_gap[0], 1);
    assert_int_equal(batch->quality[0], CT_Q_STALE);

    /* and the other way: what the generated code writes is understood */
    uint8_t packed[512];
    const size_t len = cantwin__v1__record__pack(record, packed);
    cantwin__v1__record__free_unpacked(record, NULL);
    const struct ct_record_sink sink = sink_of(seen);
    assert_int_equal(ct_record_decode(packed, len, &sink), CT_OK);
    assert_all_there(samples, seen, 3);
    teardown(seen, &buf);
}

/* What outboxes and logs of earlier versions hold. */
static void test_batch_in_the_older_form_is_read(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    uint32_t ids[] = {4, 0, 4}; /* 4, 4, 8 */
    int64_t times[] = {10, 5, -15};
    int64_t raws[] = {100, 90, INT64_MIN};
    uint8_t hash[32];
    memcpy(hash, ct_catalogue_hash(seen->catalogue), 32);
    Cantwin__V1__Batch batch;
    Cantwin__V1__Record record;
    cantwin__v1__batch__init(&batch);
    cantwin__v1__record__init(&record);
    batch.catalogue_hash = (ProtobufCBinaryData){32, hash};
    batch.base_ns = 1000000;
    batch.n_id_gap = batch.n_dt_us = batch.n_raw = 3;
    batch.id_gap = ids;
    batch.dt_us = times;
    batch.raw = raws;
    record.seq = 1;
    record.boot_id = (ProtobufCBinaryData){16, hash};
    record.body_case = CANTWIN__V1__RECORD__BODY_BATCH;
    record.batch = &batch;
    uint8_t packed[256];
    assert_int_equal(ct_record_decode(packed, cantwin__v1__record__pack(&record, packed), &sink), CT_OK);
    const struct {
        uint32_t id;
        int64_t t_ns, raw;
    } expected[] = {{4, 1010000, 100}, {4, 1015000, 90}, {8, 1000000, INT64_MIN}};
    assert_int_equal(seen->count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen->samples[i].id, expected[i].id);
        assert_int_equal(seen->samples[i].t_ns, expected[i].t_ns);
        assert_int_equal(seen->samples[i].raw, expected[i].raw);
    }
    /* both forms in one batch contradict each other */
    int32_t steps[] = {4, 0, 4};
    batch.n_id_step = 3;
    batch.id_step = steps;
    assert_int_equal(ct_record_decode(packed, cantwin__v1__record__pack(&record, packed), &sink), CT_ERR_SYNTAX);
    teardown(seen, &buf);
}

/* Frames of several signals, values that go up and down and over the ends of 64 bits; groups as the proto file says. */
static void test_batch_groups_and_steps_add_up(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    const int64_t raws[] = {INT64_MAX, INT64_MIN, 0, -1, INT64_MAX, 5};
    struct ct_sample samples[18];
    for (unsigned i = 0; i < 18; i++) { /* three signals a frame */
        samples[i] =
            (struct ct_sample){.id = 4 * (i % 3), .t_ns = 2000000 + i / 3 * 10000, .raw = raws[(i / 3 + i % 3) % 6]};
    }
    const struct ct_batch_time time = {2000000, 0, 0};
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, 18, &buf), CT_OK);
    Cantwin__V1__Record *record = cantwin__v1__record__unpack(NULL, buf.len, buf.data);
    assert_non_null(record);
    assert_int_equal(record->batch->n_group, 6);
    assert_int_equal(record->batch->n_dt_us, 6);
    int64_t before[3] = {0};
    for (unsigned i = 0; i < 18; i++) { /* the sum by definition */
        before[i % 3] = (int64_t)((uint64_t)before[i % 3] + (uint64_t)record->batch->raw_step[i]);
        assert_int_equal(before[i % 3], samples[i].raw);
        assert_int_equal(record->batch->group[i / 3], 3);
    }
    /* a group too long, too short, empty */
    const uint32_t bad[] = {4, 2, 0};
    uint8_t packed[512];
    for (unsigned i = 0; i < 3; i++) {
        record->batch->group[5] = bad[i];
        assert_int_equal(ct_record_decode(packed, cantwin__v1__record__pack(record, packed), &sink), CT_ERR_SYNTAX);
    }
    cantwin__v1__record__free_unpacked(record, NULL);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    assert_all_there(samples, seen, 18);
    teardown(seen, &buf);
}

static void test_batch_limits_refused_and_buffer_unchanged(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_batch_time time = {0};
    static struct ct_sample samples[CT_BATCH_SAMPLES_MAX + 1];
    ct_buf_text(&buf, "before");
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, CT_BATCH_SAMPLES_MAX + 1, &buf),
                     CT_ERR_TOO_LARGE);
    samples[0].id = ENTRIES;
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, 1, &buf), CT_ERR_RANGE);
    static const uint8_t bytes[CT_BYTES_MAX];
    for (size_t i = 0; i < CT_BATCH_SAMPLES_MAX; i++) {
        samples[i] = (struct ct_sample){.id = 2, .bytes = bytes, .len = CT_BYTES_MAX};
    }
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, CT_BATCH_SAMPLES_MAX, &buf),
                     CT_ERR_TOO_LARGE);
    assert_int_equal(buf.len, 6);
    teardown(seen, &buf);
}

static void assert_same_gap(const struct ct_gap *a, const struct ct_gap *b)
{
    assert_int_equal(a->seq_first, b->seq_first);
    assert_int_equal(a->seq_last, b->seq_last);
    assert_int_equal(a->from_ns, b->from_ns);
    assert_int_equal(a->to_ns, b->to_ns);
    assert_int_equal(a->from_utc_ns, b->from_utc_ns);
    assert_int_equal(a->to_utc_ns, b->to_utc_ns);
    assert_int_equal(a->samples, b->samples);
    assert_int_equal(a->reason, b->reason);
}

static void test_record_small_bodies_round_trip(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    struct ct_record_peek peek;

    const struct ct_event_field field = {"bus", "can0"};
    const struct ct_event event = {"bus-down", "can0 is down", 5, 6, &field, 1};
    assert_int_equal(ct_record_encode_event(&head, &event, &buf), CT_OK);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    assert_string_equal(seen->text, "bus-down|can0 is down|can0");
    assert_int_equal(ct_record_peek(buf.data, buf.len, &peek), CT_OK);
    assert_int_equal(peek.body, CT_RECORD_EVENT);
    assert_int_equal(peek.seq_first, 42);
    assert_false(peek.has_catalogue);

    ct_buf_clear(&buf);
    const struct ct_gap gap = {
        .seq_first = 40, .seq_last = 42, .from_ns = -1, .to_ns = 9, .samples = 1000, .reason = CT_GAP_OUTBOX_FULL};
    assert_int_equal(ct_record_encode_gap(&head, &gap, &buf), CT_OK);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    assert_same_gap(&seen->gap, &gap);
    assert_int_equal(ct_record_peek(buf.data, buf.len, &peek), CT_OK);
    assert_int_equal(peek.seq_first, 40);
    assert_int_equal(peek.seq_last, 42);

    ct_buf_clear(&buf);
    const struct ct_gap time_only = {.seq_first = 1, .seq_last = 0, .reason = CT_GAP_BUS_LOSS};
    assert_int_equal(ct_record_encode_gap(&head, &time_only, &buf), CT_OK);
    assert_int_equal(ct_record_peek(buf.data, buf.len, &peek), CT_OK);
    assert_int_equal(peek.seq_first, 42);
    assert_int_equal(peek.seq_last, 42);
    const struct ct_gap wrong = {.seq_first = 1, .seq_last = 41};
    assert_int_equal(ct_record_encode_gap(&head, &wrong, &buf), CT_ERR_ARGUMENT);

    ct_buf_clear(&buf);
    const struct ct_command_status status = {.command_id = head.boot_id,
                                             .state = 5,
                                             .reason = 20,
                                             .seq = 9,
                                             .response = (const uint8_t *)"\x7f\x22\x31",
                                             .response_len = 3,
                                             .has_reported = true,
                                             .reported = 1.5,
                                             .text = "no"};
    assert_int_equal(ct_record_encode_status(&head, &status, &buf), CT_OK);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    assert_int_equal(seen->state, 5);
    assert_int_equal(seen->reason, 20);
    assert_true(seen->reported == 1.5);
    assert_string_equal(seen->text, "no|3|9");
    teardown(seen, &buf);
}

static void test_event_long_text_cut_between_characters(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    char text[400];
    memset(text, 'a', sizeof text);
    memcpy(text + 255, "\xc3\xbc", 2);
    text[399] = 0;
    const struct ct_event event = {.name = "x", .text = text};
    assert_int_equal(ct_record_encode_event(&head, &event, &buf), CT_OK);
    const struct ct_record_sink sink = sink_of(seen);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_OK);
    assert_int_equal(strlen(seen->text), 2 + 255 + 1);
    teardown(seen, &buf);
}

static void test_state_round_trip_carries_revision_and_last(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    struct ct_sample samples[100];
    uint64_t random = 5;
    const struct ct_batch_time time = {.base_ns = 1000};
    fixture_samples(&random, ENTRIES, 1000, false, samples, 100);
    assert_int_equal(ct_state_encode(7, head.boot_id, 99, true, seen->catalogue, &time, samples, 100, &buf), CT_OK);
    uint64_t revision = 0;
    bool last = false;
    assert_int_equal(ct_state_decode(buf.data, buf.len, &sink, &revision, &last), CT_OK);
    assert_int_equal(revision, 99);
    assert_true(last);
    assert_memory_equal(seen->head.boot_id, head.boot_id, 16);
    assert_all_there(samples, seen, 100);
    teardown(seen, &buf);
}

/* Every truncation and every byte change of a valid record: an answer, no crash, and no half-told batch. */
static void test_record_hostile_bytes_never_half_told(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    const struct ct_record_sink sink = sink_of(seen);
    struct ct_sample samples[40];
    uint64_t random = 77;
    const struct ct_batch_time time = {.base_ns = 123456789};
    fixture_samples(&random, ENTRIES, time.base_ns, false, samples, 40);
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, samples, 40, &buf), CT_OK);
    struct ct_record_peek peek;
    for (size_t len = 0; len < buf.len; len++) {
        uint8_t *copy = malloc(len + 1); /* of exact size, so that ASan sees one byte too far */
        assert_non_null(copy);
        memcpy(copy + 1, buf.data, len);
        assert_int_not_equal(ct_record_decode(copy + 1, len, &sink), CT_OK);
        (void)!ct_record_peek(copy + 1, len, &peek);
        free(copy);
    }
    assert_int_equal(seen->begun, 0);
    for (size_t at = 0; at < buf.len; at++) {
        for (unsigned change = 1; change < 256; change++) {
            buf.data[at] ^= (uint8_t)change;
            const size_t begun = seen->begun;
            const int err = ct_record_decode(buf.data, buf.len, &sink);
            assert_true(err == CT_OK ? seen->ended == seen->begun : seen->begun == begun);
            (void)!ct_record_peek(buf.data, buf.len, &peek);
            buf.data[at] ^= (uint8_t)change;
        }
    }
    teardown(seen, &buf);
}

static void test_batch_unknown_catalogue_not_found(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct seen *seen = setup(&buf);
    struct ct_sample sample = {.id = 0, .raw = 1};
    const struct ct_batch_time time = {0};
    assert_int_equal(ct_record_encode_batch(&head, seen->catalogue, &time, &sample, 1, &buf), CT_OK);
    struct ct_record_peek peek;
    assert_int_equal(ct_record_peek(buf.data, buf.len, &peek), CT_OK);
    assert_true(peek.has_catalogue);
    assert_memory_equal(peek.catalogue_hash, ct_catalogue_hash(seen->catalogue), CT_HASH_SIZE);
    struct ct_catalogue *other = fixture_catalogue(3);
    struct ct_catalogue *mine = seen->catalogue;
    seen->catalogue = other;
    const struct ct_record_sink sink = sink_of(seen);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_ERR_NOT_FOUND);
    ct_catalogue_unref(mine);
    teardown(seen, &buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_random_round_trip_is_exact),
        cmocka_unit_test(test_batch_equal_id_and_time_keeps_order),
        cmocka_unit_test(test_batch_read_by_generated_code_is_the_same),
        cmocka_unit_test(test_batch_in_the_older_form_is_read),
        cmocka_unit_test(test_batch_groups_and_steps_add_up),
        cmocka_unit_test(test_batch_limits_refused_and_buffer_unchanged),
        cmocka_unit_test(test_record_small_bodies_round_trip),
        cmocka_unit_test(test_event_long_text_cut_between_characters),
        cmocka_unit_test(test_state_round_trip_carries_revision_and_last),
        cmocka_unit_test(test_record_hostile_bytes_never_half_told),
        cmocka_unit_test(test_batch_unknown_catalogue_not_found),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
