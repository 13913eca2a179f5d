/* Writes into the gateway's outbox and the backend's ingest log and tells what is durable, until the power is cut; then
 * says what is left. For tests/faults/power_cut_test.py.
 *
 *   power_cut write DIR TOLD [--lie]   appends and commits without end; TOLD (on another disk) has the last sequence
 * that either store called durable. --lie never commits, to see that the test sees it power_cut check DIR
 * opens both, checks every record's bytes, prints "OUTBOX LOG": the last sequences */
#include "bytes.h"
#include "files.h"
#include "ingest_log.h"
#include "outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES 300
#define KEPT         2000 /* records behind the newest that stay unacknowledged */
#define GROUP        7    /* records a commit */

struct stores {
    struct ct_outbox *outbox;
    struct ct_ingest_log *log;
    uint64_t log_seq;
    char log_dir[4096];
};

static void fail(const char *what, int err)
{
    fprintf(stderr, "power_cut: %s: %s\n", what, ct_err_text(err));
    exit(1);
}

static void fill(uint8_t data[RECORD_BYTES], uint64_t seq)
{
    for (size_t i = 0; i < RECORD_BYTES; i += 8) {
        ct_put_le64(data + (i < RECORD_BYTES - 8 ? i : RECORD_BYTES - 8), seq * UINT64_C(0x9e3779b97f4a7c15) + i);
    }
}

static void check_bytes(const char *where, uint64_t seq, const uint8_t *data, size_t len)
{
    uint8_t expected[RECORD_BYTES];
    fill(expected, seq);
    if (len != RECORD_BYTES || memcmp(data, expected, len) != 0) {
        fprintf(stderr, "power_cut: %s: record %" PRIu64 " has other bytes\n", where, seq);
        exit(1);
    }
}

/* The last sequence of the log, every entry checked. */
static uint64_t read_log(const char *folder, uint64_t end)
{
    struct ct_ingest_reader *reader = NULL;
    struct ct_ingest_entry entry;
    uint64_t offset;
    uint64_t seq = 0;
    int err = ct_ingest_reader_open(folder, 0, &reader);
    while (err == CT_OK && (err = ct_ingest_reader_next(reader, end, &entry, &offset)) == CT_OK) {
        if (seq != 0 && entry.seq_last != seq + 1) {
            fprintf(stderr, "power_cut: log: %" PRIu64 " follows %" PRIu64 "\n", entry.seq_last, seq);
            exit(1);
        }
        seq = entry.seq_last;
        check_bytes("log", seq, entry.data, entry.len);
    }
    if (err != CT_ERR_END) {
        fail("log", err);
    }
    ct_ingest_reader_close(reader);
    return seq;
}

static uint64_t read_outbox(struct ct_outbox *outbox)
{
    struct ct_outbox_stats stats;
    struct ct_outbox_record record;
    ct_outbox_stats_get(outbox, &stats);
    uint64_t seq = stats.acked.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)];
    while (ct_outbox_read(outbox, CT_CLASS_SAMPLE, seq, &record) == CT_OK) {
        if (record.seq_first != record.seq_last) {
            fprintf(stderr, "power_cut: outbox: %" PRIu64 " to %" PRIu64 " became a gap\n", record.seq_first,
                    record.seq_last);
            exit(1);
        }
        seq = record.seq_last;
        check_bytes("outbox", seq, record.data, record.len);
    }
    return seq;
}

static void open_stores(struct stores *stores, const char *dir)
{
    const struct ct_outbox_config config = {.dir = dir, .quota_bytes = 4U << 20, .boot_id = "power"};
    uint64_t cut = 0;
    snprintf(stores->log_dir, sizeof stores->log_dir, "%s/log", dir);
    int err = ct_outbox_open(&config, &stores->outbox, NULL);
    if (err != CT_OK) {
        fail("outbox", err);
    }
    err = ct_ingest_log_open(stores->log_dir, 1U << 20, 0, &stores->log, &cut);
    if (err != CT_OK) {
        fail("log", err);
    }
    stores->log_seq = read_log(stores->log_dir, ct_ingest_log_durable(stores->log));
}

static void append(struct stores *stores)
{
    uint8_t data[RECORD_BYTES];
    const uint64_t seq = ct_outbox_next_seq(stores->outbox, CT_CLASS_SAMPLE);
    fill(data, seq);
    const struct ct_outbox_record record = {
        .class = CT_CLASS_SAMPLE, .seq_first = seq, .seq_last = seq, .samples = 1, .data = data, .len = sizeof data};
    int err = ct_outbox_append(stores->outbox, &record);
    if (err != CT_OK) {
        fail("outbox", err);
    }
    fill(data, ++stores->log_seq);
    const struct ct_ingest_entry entry = {.kind = CT_INGEST_RECORD,
                                          .class = CT_CLASS_SAMPLE,
                                          .vehicle_id = "power",
                                          .seq_first = stores->log_seq,
                                          .seq_last = stores->log_seq,
                                          .data = data,
                                          .len = sizeof data};
    err = ct_ingest_log_append(stores->log, &entry);
    if (err != CT_OK) {
        fail("log", err);
    }
}

/* One line of fixed length, written in place and synced: the other disk's word about this one. */
static void tell(FILE *told, uint64_t outbox, uint64_t log)
{
    if (fseek(told, 0, SEEK_SET) != 0 || fprintf(told, "%20" PRIu64 " %20" PRIu64 "\n", outbox, log) < 0 ||
        fflush(told) != 0 || fsync(fileno(told)) != 0) {
        perror("power_cut: told");
        exit(1);
    }
}

static void commit(struct stores *stores, ct_ns now)
{
    int err = ct_outbox_commit(stores->outbox, now);
    if (err != CT_OK) {
        fail("outbox", err);
    }
    err = ct_ingest_log_sync(stores->log);
    if (err != CT_OK) {
        fail("log", err);
    }
}

static int write_on(const char *dir, const char *told_path, bool lies)
{
    struct stores stores;
    FILE *told = fopen(told_path, "w");
    open_stores(&stores, dir);
    if (told == NULL) {
        perror("power_cut: told");
        return 1;
    }
    for (ct_ns now = 0;; now += 100 * CT_NS_PER_MS) {
        for (int i = 0; i < GROUP; i++) {
            append(&stores);
        }
        const uint64_t newest = ct_outbox_next_seq(stores.outbox, CT_CLASS_SAMPLE) - 1;
        if (!lies) {
            commit(&stores, now);
        }
        tell(told, newest, stores.log_seq);
        if (newest > KEPT) {
            ct_outbox_ack(stores.outbox, CT_CLASS_SAMPLE, newest - KEPT);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "write") == 0) {
        return write_on(argv[2], argv[3], argc > 4);
    }
    if (argc != 3 || strcmp(argv[1], "check") != 0) {
        fputs("usage: power_cut write DIR TOLD [--lie] | power_cut check DIR\n", stderr);
        return 2;
    }
    struct stores stores;
    open_stores(&stores, argv[2]);
    printf("%" PRIu64 " %" PRIu64 "\n", read_outbox(stores.outbox), stores.log_seq);
    return ct_outbox_close(stores.outbox) == CT_OK ? 0 : 1;
}
