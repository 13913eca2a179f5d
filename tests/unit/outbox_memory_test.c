/* Memory that runs out in the outbox: each allocation fails in turn, alone and with all that follow, while it is
 * opened, written, read, acknowledged and closed over several segments and lives. Afterwards, with memory, it opens;
 * what a commit promised is there; and the rest is a Gap that counts it. */
#include "failing_malloc.h"
#include "outbox_support.h"

#define QUOTA     (256U * 1024U)
#define ROUNDS    70
#define LEN       900U
#define LIVES     2
#define FAILS_MAX 20000

struct promised {
    uint64_t sample, event; /* newest that a commit returned CT_OK for */
    uint64_t events_acked, samples_acked;
    bool sample_taken[ROUNDS * LIVES + 2]; /* append returned CT_OK */
};

static bool is_expected(int err)
{
    return err == CT_OK || err == CT_ERR_NO_MEMORY;
}

static void read_to(struct ct_outbox *outbox, enum ct_class class, uint64_t after)
{
    struct ct_outbox_record record;
    int err;
    while ((err = ct_outbox_read(outbox, class, after, &record)) == CT_OK) {
        assert_int_equal(record.seq_first, after + 1);
        after = record.seq_last;
    }
    assert_true(err == CT_ERR_END || err == CT_ERR_NO_MEMORY);
}

static void note_commit(struct ct_outbox *outbox, int err, struct promised *promised)
{
    assert_true(is_expected(err));
    if (err == CT_OK) {
        promised->sample = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE) - 1;
        promised->event = ct_outbox_next_seq(outbox, CT_CLASS_EVENT) - 1;
    }
}

static void use(struct ct_outbox *outbox, struct promised *promised)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        const uint64_t seq = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE);
        const int err = outbox_put(outbox, CT_CLASS_SAMPLE, LEN, 3);
        assert_true(is_expected(err));
        assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), seq + 1); /* consumed either way */
        promised->sample_taken[seq] = err == CT_OK;
        if (i % 7 == 0) {
            assert_true(is_expected(outbox_put(outbox, CT_CLASS_EVENT, 200, 0)));
        }
        if (i % 5 == 4) {
            note_commit(outbox, ct_outbox_commit(outbox, (ct_ns)i * CT_NS_PER_S), promised);
        }
        if (i % 11 == 10) {
            read_to(outbox, CT_CLASS_SAMPLE, promised->samples_acked);
            read_to(outbox, CT_CLASS_EVENT, promised->events_acked);
        }
        if (i == 50) {
            promised->samples_acked = promised->sample / 2;
            promised->events_acked = promised->event / 2;
            ct_outbox_ack(outbox, CT_CLASS_SAMPLE, promised->samples_acked);
            ct_outbox_ack(outbox, CT_CLASS_EVENT, promised->events_acked);
        }
    }
}

/* One life; false when it could not even begin. */
static bool live(const char *dir, struct promised *promised)
{
    struct ct_outbox_config config = {.dir = dir, .quota_bytes = QUOTA};
    struct ct_outbox *outbox = NULL;
    const int err = ct_outbox_open(&config, &outbox, NULL);
    assert_true(is_expected(err));
    if (err != CT_OK) {
        return false;
    }
    use(outbox, promised);
    const struct promised before = *promised;
    promised->sample = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE) - 1;
    promised->event = ct_outbox_next_seq(outbox, CT_CLASS_EVENT) - 1;
    if (ct_outbox_close(outbox) != CT_OK) {
        *promised = before;
    }
    return true;
}

static void check_samples(struct ct_outbox *outbox, const struct promised *promised)
{
    struct ct_outbox_record record;
    uint64_t after = promised->samples_acked;
    while (ct_outbox_read(outbox, CT_CLASS_SAMPLE, after, &record) == CT_OK) {
        assert_int_equal(record.seq_first, after + 1);
        if (!is_ours(&record)) {
            (void)gap_decode(&record);
            for (uint64_t seq = record.seq_first; seq <= record.seq_last && seq <= promised->sample; seq++) {
                assert_false(promised->sample_taken[seq]);
            }
        }
        after = record.seq_last;
    }
    assert_true(after >= promised->sample);
}

static void check_events(struct ct_outbox *outbox, const struct promised *promised)
{
    struct ct_outbox_record record;
    for (uint64_t seq = promised->events_acked + 1; seq <= promised->event; seq++) {
        assert_int_equal(ct_outbox_read(outbox, CT_CLASS_EVENT, seq - 1, &record), CT_OK);
        assert_true(is_ours(&record));
        assert_int_equal(record.seq_first, seq);
    }
}

/* False when there are fewer than n allocations. */
static bool run(size_t n, bool all_after)
{
    char dir[SCRATCH_MAX];
    struct promised promised = {0};
    scratch_make(dir);
    failing_malloc_arm(n, all_after);
    for (unsigned i = 0; i < LIVES && live(dir, &promised); i++) {
    }
    const bool failed = failing_malloc_disarm();
    struct ct_outbox_recovery recovery = {0};
    struct ct_outbox *outbox = outbox_open_at(dir, QUOTA, &recovery);
    assert_false(recovery.lost_stream);
    assert_int_equal(recovery.damaged_records, 0);
    check_samples(outbox, &promised);
    check_events(outbox, &promised);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, LEN, 1), CT_OK);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    tree_remove(dir);
    return failed;
}

static void each_fails(bool all_after)
{
    size_t n = 1;
    while (run(n, all_after)) {
        n++;
        assert_true(n < FAILS_MAX);
    }
    assert_true(n > 20);
    print_message("%zu allocations\n", n - 1);
}

static void test_outbox_each_allocation_fails_alone_and_no_promise_is_broken(void **state)
{
    (void)state;
    each_fails(false);
}

static void test_outbox_memory_gone_from_there_on_and_no_promise_is_broken(void **state)
{
    (void)state;
    each_fails(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outbox_each_allocation_fails_alone_and_no_promise_is_broken),
        cmocka_unit_test(test_outbox_memory_gone_from_there_on_and_no_promise_is_broken),
    };
    return cmocka_run_group_tests_name("outbox memory", tests, NULL, NULL);
}
