/* Random use against a naive model: what is read back tiles the sequences, every stored record is what was appended,
 * and Gaps count exactly what is missing. The seed is printed; CANTWIN_SEED repeats a run. */
#include "outbox_support.h"

#include <inttypes.h>
#include <sys/random.h>

#define QUOTA       (128U * 1024U)
#define SAMPLE_PART (QUOTA - QUOTA / 8)
#define KEPT_PART   (QUOTA / 16)
#define SEGMENT     (SAMPLE_PART / 8)
#define STEPS       3000
#define MODEL_MAX   20000

/* Everything ever appended, by class and sequence. */
struct model {
    uint16_t len[CT_CLASS_COUNT][MODEL_MAX];
    uint16_t samples[CT_CLASS_COUNT][MODEL_MAX];
    uint64_t newest[CT_CLASS_COUNT];
    uint64_t acked[CT_CLASS_COUNT];
};

struct run {
    struct model model;
    struct ct_outbox *outbox;
    char dir[SCRATCH_MAX];
    uint64_t rng;
    uint64_t dropped_before; /* samples dropped in runs of the process that ended */
    uint64_t gap_samples_acked;
};

static uint64_t pick(struct run *run, uint64_t n)
{
    return rng_next(&run->rng) % n;
}

static void check_bounds(const struct run *run)
{
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(run->outbox, &stats);
    assert_true(stats.bytes[CT_CLASS_INDEX(CT_CLASS_SAMPLE)] <= SAMPLE_PART);
    assert_true(stats.bytes[CT_CLASS_INDEX(CT_CLASS_EVENT)] <= KEPT_PART);
    assert_true(stats.bytes[CT_CLASS_INDEX(CT_CLASS_RESULT)] <= KEPT_PART);
}

static void append(struct run *run, enum ct_class class)
{
    struct ct_outbox_stats before;
    struct ct_outbox_stats after;
    const unsigned i = CT_CLASS_INDEX(class);
    const size_t len = 1 + (size_t)pick(run, pick(run, 8) == 0 ? 6000 : 700);
    const uint32_t samples = class == CT_CLASS_SAMPLE ? 1 + (uint32_t)pick(run, 50) : 0;
    const uint64_t seq = run->model.newest[i] + 1;
    if (class != CT_CLASS_SAMPLE && len > 3000) {
        return;
    }
    assert_true(seq < MODEL_MAX);
    ct_outbox_stats_get(run->outbox, &before);
    assert_int_equal(ct_outbox_next_seq(run->outbox, class), seq);
    const int err = outbox_put(run->outbox, class, len, samples);
    ct_outbox_stats_get(run->outbox, &after);
    const uint64_t need = ((CT_SEGMENT_FRAME_SIZE + len + 7) & ~(uint64_t)7) + CT_SEGMENT_HEAD_SIZE;
    if (err == CT_ERR_FULL) {
        /* only EVENT and RESULT, only when it truly does not fit, and nothing changed */
        assert_int_not_equal(class, CT_CLASS_SAMPLE);
        assert_true(after.bytes[i] + need > KEPT_PART);
        assert_int_equal(ct_outbox_next_seq(run->outbox, class), seq);
        return;
    }
    assert_int_equal(err, CT_OK);
    if (after.dropped_records != before.dropped_records) {
        /* dropped only because of the quota, and no more than a segment beyond what was needed */
        assert_int_equal(class, CT_CLASS_SAMPLE);
        /* where too much waits, it is written before there is looked for room again, and may begin one segment */
        assert_true(before.bytes[i] + need + CT_SEGMENT_HEAD_SIZE > SAMPLE_PART);
        assert_true(after.bytes[i] + 2 * (uint64_t)SEGMENT + SAMPLE_PART / 4 > SAMPLE_PART);
    }
    run->model.newest[i] = seq;
    run->model.len[i][seq] = (uint16_t)len;
    run->model.samples[i][seq] = (uint16_t)samples;
}

/* Reads from the ack to the end; returns the end of the record a pick falls on (for acks). */
static uint64_t read_all(struct run *run, enum ct_class class, uint64_t stop_at, uint64_t *out_gap_samples)
{
    const unsigned i = CT_CLASS_INDEX(class);
    struct ct_outbox_record record;
    uint64_t after = run->model.acked[i];
    uint64_t gap_samples = 0;
    bool stored_seen = false;
    while (after < stop_at && ct_outbox_read(run->outbox, class, after, &record) == CT_OK) {
        assert_int_equal(record.seq_first, after + 1);
        after = record.seq_last;
        assert_true(after <= run->model.newest[i]);
        if (is_ours(&record) && record.len == run->model.len[i][record.seq_first]) {
            assert_int_equal(record.samples, run->model.samples[i][record.seq_first]);
            stored_seen = true;
            continue;
        }
        const struct ct_gap gap = gap_decode(&record);
        uint64_t expected = 0;
        for (uint64_t seq = gap.seq_first; seq <= gap.seq_last; seq++) {
            expected += run->model.samples[i][seq];
        }
        assert_int_equal(class, CT_CLASS_SAMPLE);
        assert_false(stored_seen); /* the oldest go first */
        assert_int_equal(gap.reason, CT_GAP_OUTBOX_FULL);
        assert_int_equal(gap.samples, expected);
        assert_int_equal(gap.from_utc_ns, (int64_t)gap.seq_first * 1000);
        assert_int_equal(gap.to_utc_ns, (int64_t)gap.seq_last * 1000 + 500);
        gap_samples += gap.samples;
    }
    *out_gap_samples = gap_samples;
    return after;
}

static void check_all(struct run *run)
{
    uint64_t gap_samples = 0;
    for (int c = CT_CLASS_EVENT; c <= CT_CLASS_SAMPLE; c++) {
        const enum ct_class class = (enum ct_class)c;
        const uint64_t end = read_all(run, class, UINT64_MAX, &gap_samples);
        const uint64_t newest = newest_of(run->outbox, class);
        assert_int_equal(end, newest > run->model.acked[c - 1] ? newest : run->model.acked[c - 1]);
    }
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(run->outbox, &stats);
    assert_int_equal(run->dropped_before + stats.dropped_samples, run->gap_samples_acked + gap_samples);
}

static void ack_some(struct run *run, enum ct_class class)
{
    const unsigned i = CT_CLASS_INDEX(class);
    const uint64_t newest = newest_of(run->outbox, class);
    if (newest <= run->model.acked[i]) {
        return;
    }
    uint64_t gap_samples = 0;
    const uint64_t target = run->model.acked[i] + 1 + pick(run, newest - run->model.acked[i]);
    const uint64_t end = read_all(run, class, target, &gap_samples);
    ct_outbox_ack(run->outbox, class, end);
    run->model.acked[i] = end;
    run->gap_samples_acked += gap_samples;
}

static void restart(struct run *run, bool kill)
{
    struct ct_outbox_stats stats;
    if (!kill) {
        assert_int_equal(ct_outbox_commit(run->outbox, 0), CT_OK);
    }
    ct_outbox_stats_get(run->outbox, &stats);
    run->dropped_before += stats.dropped_samples;
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        run->model.newest[i] = stats.newest.seq[i] > run->model.acked[i] ? stats.newest.seq[i] : run->model.acked[i];
    }
    if (kill) {
        outbox_die(run->outbox);
    } else {
        assert_int_equal(ct_outbox_close(run->outbox), CT_OK);
    }
    run->outbox = outbox_open_at(run->dir, QUOTA, NULL);
    ct_outbox_stats_get(run->outbox, &stats);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        assert_int_equal(stats.newest.seq[i], run->model.newest[i]);
        assert_true(stats.acked.seq[i] <= run->model.acked[i]);
        /* the backend's HelloAck says what it holds */
        ct_outbox_ack(run->outbox, (enum ct_class)(i + 1), run->model.acked[i]);
    }
}

static void step(struct run *run)
{
    const uint64_t what = pick(run, 100);
    const enum ct_class class = (enum ct_class)(1 + pick(run, 3));
    if (what < 70) {
        append(run, pick(run, 10) < 8 ? CT_CLASS_SAMPLE : class);
    } else if (what < 90) {
        assert_int_equal(ct_outbox_commit(run->outbox, 0), CT_OK);
    } else if (what < 93) {
        ack_some(run, class);
    } else if (what < 95) {
        check_all(run);
    } else if (what == 99) {
        restart(run, pick(run, 2) == 0);
    }
    check_bounds(run);
}

static void run_seed(uint64_t seed)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    run->rng = seed;
    scratch_make(run->dir);
    run->outbox = outbox_open_at(run->dir, QUOTA, NULL);
    for (int i = 0; i < STEPS; i++) {
        step(run);
    }
    assert_int_equal(ct_outbox_commit(run->outbox, 0), CT_OK);
    check_all(run);
    assert_int_equal(ct_outbox_close(run->outbox), CT_OK);
    tree_remove(run->dir);
    free(run);
}

static void test_outbox_random_use_agrees_with_naive_model(void **state)
{
    (void)state;
    const char *given = getenv("CANTWIN_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 0;
    if (given == NULL && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        seed = 1;
    }
    for (int i = 0; i < (given != NULL ? 1 : 12); i++, seed++) {
        print_message("seed %#" PRIx64 "\n", seed);
        run_seed(seed != 0 ? seed : 1);
    }
}

static void test_outbox_long_offline_keeps_newest_and_counts_the_rest(void **state)
{
    (void)state;
    char dir[SCRATCH_MAX];
    struct ct_outbox_record record;
    uint64_t told = 0;
    uint64_t kept = 0;
    uint64_t after = 0;
    scratch_make(dir);
    struct ct_outbox *outbox = outbox_open_at(dir, QUOTA, NULL);
    assert_int_equal(outbox_put(outbox, CT_CLASS_EVENT, 300, 0), CT_OK);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 300, 10), CT_OK);
        if (i % 5 == 0) {
            assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
        }
    }
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    outbox = outbox_open_at(dir, QUOTA, NULL);
    while (ct_outbox_read(outbox, CT_CLASS_SAMPLE, after, &record) == CT_OK) {
        assert_int_equal(record.seq_first, after + 1);
        if (is_ours(&record)) {
            kept += record.samples;
        } else {
            told += gap_decode(&record).samples;
        }
        after = record.seq_last;
    }
    assert_int_equal(after, 20000);
    assert_int_equal(told + kept, 200000);
    assert_true(kept >= 10 * (SAMPLE_PART - 2 * SEGMENT) / 352);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_EVENT, 0, &record), CT_OK);
    assert_true(is_ours(&record));
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    tree_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outbox_random_use_agrees_with_naive_model),
        cmocka_unit_test(test_outbox_long_offline_keeps_newest_and_counts_the_rest),
    };
    return cmocka_run_group_tests_name("outbox quota", tests, NULL, NULL);
}
