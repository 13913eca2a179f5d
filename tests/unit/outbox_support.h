/* Records of known content in an outbox, and what a reader sees of it. */
#ifndef CT_TESTS_OUTBOX_SUPPORT_H
#define CT_TESTS_OUTBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bytes.h"
#include "outbox_internal.h"
#include "store_support.h"

static inline struct ct_outbox *outbox_open_at(const char *dir, uint64_t quota, struct ct_outbox_recovery *recovery)
{
    struct ct_outbox_config config = {.dir = dir, .quota_bytes = quota};
    struct ct_outbox *outbox = NULL;
    memset(config.boot_id, 0xB0, sizeof config.boot_id);
    assert_int_equal(ct_outbox_open(&config, &outbox, recovery), CT_OK);
    return outbox;
}

/* The process dies: nothing is committed, no mark is written. */
static inline void outbox_die(struct ct_outbox *outbox)
{
    ct_outbox_free(outbox);
}

static inline int outbox_put(struct ct_outbox *outbox, enum ct_class class, size_t len, uint32_t samples)
{
    static uint8_t content[CT_OUTBOX_RECORD_MAX];
    const uint64_t seq = ct_outbox_next_seq(outbox, class);
    content_make(content, len, class, seq);
    const struct ct_outbox_record record = {.class = class,
                                            .seq_first = seq,
                                            .seq_last = seq,
                                            .samples = samples,
                                            .from_utc_ns = (int64_t)seq * 1000,
                                            .to_utc_ns = (int64_t)seq * 1000 + 500,
                                            .data = content,
                                            .len = len};
    return ct_outbox_append(outbox, &record);
}

struct gap_seen {
    int count;
    struct ct_record_head head;
    struct ct_gap gap;
};

static inline int gap_take(void *user, const struct ct_record_head *head, const struct ct_gap *gap)
{
    struct gap_seen *seen = user;
    seen->count++;
    seen->head = *head;
    seen->gap = *gap;
    return CT_OK;
}

/* The Gap inside a record that is not one of ours; fails the test when it is no Gap. */
static inline struct ct_gap gap_decode(const struct ct_outbox_record *record)
{
    struct gap_seen seen = {0};
    const struct ct_record_sink sink = {.user = &seen, .gap = gap_take};
    assert_int_equal(ct_record_decode(record->data, record->len, &sink), CT_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.head.seq, record->seq_last);
    assert_int_equal(seen.gap.seq_first, record->seq_first);
    assert_int_equal(seen.gap.seq_last, record->seq_last);
    return seen.gap;
}

/* True when the record is one that outbox_put made for that sequence; otherwise it must be a Gap. */
static inline bool is_ours(const struct ct_outbox_record *record)
{
    return record->seq_first == record->seq_last &&
           content_is(record->data, record->len, record->class, record->seq_first);
}

static inline uint64_t newest_of(const struct ct_outbox *outbox, enum ct_class class)
{
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(outbox, &stats);
    return stats.newest.seq[CT_CLASS_INDEX(class)];
}

#endif
