#include "journal.h"

#include "bytes.h"
#include "command.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The file: 64-byte slots, each "CTJ1", u32 kind, command id (16), u64 sequence, i64 issued, u32 state, u32 reason,
 * u32 flags (bit 0: release), 8 zero bytes, u32 CRC-32C. Slot 0 is the head: kind HEAD, sequence = highest of the
 * director alone, in place of the id u64 floor of those forgotten and u64 highest of the release authority, issued =
 * floor of time, state = version. Version 1 has neither flags nor an id in its head. */
#define MAGIC       UINT32_C(0x314A5443)
#define VERSION     2U
#define VERSION_OLD 1U
#define RELEASE     1U
#define SLOT        64U
#define REWRITE_MAX ((size_t)64 * 1024)
#define FILE_MAX    ((size_t)16 * 1024 * 1024)
#define PENDING_MAX 64U

enum kind { KIND_HEAD = 1, KIND_INTENT, KIND_OUTCOME, KIND_REPORTED };

struct slot {
    uint32_t kind;
    struct ct_journal_entry entry;
};

struct kept {
    struct ct_journal_entry entry;
    bool reported;
};

struct ct_journal {
    char path[PATH_MAX];
    int lock_fd;
    int fd;
    uint64_t size;
    bool broken; /* the file's end is not known: rewrite before the next record */
    bool old;    /* the file is of version 1 */
    struct kept kept[CT_JOURNAL_KEPT];
    size_t count;
    uint64_t highest[2]; /* by authority: director alone, release */
    uint64_t forgotten;  /* highest of those taken and no longer kept */
    struct {
        uint8_t data[PENDING_MAX * SLOT];
        size_t len;
    } pending;
    struct ct_journal_stats stats;
};

static void slot_write(const struct slot *slot, uint8_t out[SLOT])
{
    memset(out, 0, SLOT);
    ct_put_le32(out, MAGIC);
    ct_put_le32(out + 4, slot->kind);
    memcpy(out + 8, slot->entry.command_id, CT_COMMAND_ID_SIZE);
    ct_put_le64(out + 24, slot->entry.seq);
    ct_put_le64(out + 32, (uint64_t)slot->entry.issued_utc_ms);
    ct_put_le32(out + 40, (uint32_t)slot->entry.state);
    ct_put_le32(out + 44, (uint32_t)slot->entry.reason);
    ct_put_le32(out + 48, slot->entry.release ? RELEASE : 0);
    ct_put_le32(out + SLOT - 4, ct_crc32c(0, out, SLOT - 4));
}

static bool slot_read(const uint8_t *in, struct slot *out)
{
    if (ct_le32(in) != MAGIC || ct_le32(in + SLOT - 4) != ct_crc32c(0, in, SLOT - 4)) {
        return false;
    }
    out->kind = ct_le32(in + 4);
    memcpy(out->entry.command_id, in + 8, CT_COMMAND_ID_SIZE);
    out->entry.seq = ct_le64(in + 24);
    out->entry.issued_utc_ms = (int64_t)ct_le64(in + 32);
    out->entry.state = (int)(ct_le32(in + 40) & 0xFFFFU);
    out->entry.reason = (int)(ct_le32(in + 44) & 0xFFFFU);
    out->entry.release = (ct_le32(in + 48) & RELEASE) != 0;
    return out->kind >= KIND_HEAD && out->kind <= KIND_REPORTED;
}

/* ---------------------------------------------------------------- in memory */

static struct kept *find(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE])
{
    for (size_t i = 0; i < journal->count; i++) {
        if (memcmp(journal->kept[i].entry.command_id, command_id, CT_COMMAND_ID_SIZE) == 0) {
            return &journal->kept[i];
        }
    }
    return NULL;
}

static void raise(uint64_t *level, uint64_t seq)
{
    *level = seq > *level ? seq : *level;
}

static uint64_t highest_of_all(const struct ct_journal *journal)
{
    uint64_t highest = journal->forgotten;
    raise(&highest, journal->highest[0]);
    raise(&highest, journal->highest[1]);
    return highest;
}

/* What was taken under which authority is not known for certain: nothing below is taken any more. */
static void level(struct ct_journal *journal)
{
    raise(&journal->forgotten, highest_of_all(journal));
}

/* Room for one more: the oldest that nothing is owed for is forgotten. */
static int make_room(struct ct_journal *journal)
{
    if (journal->count < CT_JOURNAL_KEPT) {
        return CT_OK;
    }
    for (size_t i = 0; i < journal->count; i++) {
        if (journal->kept[i].reported) {
            raise(&journal->forgotten, journal->kept[i].entry.seq);
            memmove(&journal->kept[i], &journal->kept[i + 1], (journal->count - i - 1) * sizeof journal->kept[0]);
            journal->count--;
            return CT_OK;
        }
    }
    return CT_ERR_FULL;
}

static void note_highest(struct ct_journal *journal, const struct ct_journal_entry *entry)
{
    raise(&journal->highest[entry->release], entry->seq);
    if (entry->issued_utc_ms > journal->stats.time_floor_utc_ms) {
        journal->stats.time_floor_utc_ms = entry->issued_utc_ms;
    }
}

static void apply(struct ct_journal *journal, const struct slot *slot)
{
    note_highest(journal, &slot->entry);
    if (slot->kind == KIND_HEAD) {
        raise(&journal->forgotten, ct_le64(slot->entry.command_id));
        raise(&journal->highest[1], ct_le64(slot->entry.command_id + 8));
        return;
    }
    struct kept *kept = find(journal, slot->entry.command_id);
    if (kept == NULL) {
        /* Without its intent (damaged) an outcome still says that the command was taken. */
        if (make_room(journal) != CT_OK) {
            raise(&journal->forgotten, slot->entry.seq);
            return;
        }
        kept = &journal->kept[journal->count++];
        *kept = (struct kept){.entry = slot->entry};
        kept->entry.state = CT_COMMAND_RUNNING;
        kept->entry.reason = CT_REASON_NONE;
    }
    if (slot->kind != KIND_INTENT) {
        kept->entry.state = slot->entry.state;
        kept->entry.reason = slot->entry.reason;
        kept->reported = slot->kind == KIND_REPORTED;
    }
}

/* ---------------------------------------------------------------- the file */

static int write_slots(struct ct_journal *journal, const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pwrite(journal->fd, data + done, len - done, (off_t)(journal->size + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ct_err_from_errno(errno);
        }
        done += (size_t)n;
    }
    return fdatasync(journal->fd) == 0 ? CT_OK : ct_err_from_errno(errno);
}

static int reopen(struct ct_journal *journal, uint64_t size)
{
    const int fd = open(journal->path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    if (journal->fd >= 0) {
        close(journal->fd);
    }
    journal->fd = fd;
    journal->size = size;
    journal->broken = false;
    return CT_OK;
}

/* The whole knowledge as a new file. What waits is part of it. */
static int rewrite(struct ct_journal *journal)
{
    const size_t most = (1 + 3 * (size_t)CT_JOURNAL_KEPT) * SLOT;
    uint8_t *data = calloc(1, most);
    if (data == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct slot slot = {.kind = KIND_HEAD, .entry = {.state = VERSION}};
    slot.entry.seq = journal->highest[0];
    ct_put_le64(slot.entry.command_id, journal->forgotten);
    ct_put_le64(slot.entry.command_id + 8, journal->highest[1]);
    slot.entry.issued_utc_ms = journal->stats.time_floor_utc_ms;
    size_t len = SLOT;
    slot_write(&slot, data);
    for (size_t i = 0; i < journal->count; i++) {
        slot.entry = journal->kept[i].entry;
        slot.kind = journal->kept[i].reported                            ? KIND_REPORTED
                    : journal->kept[i].entry.state == CT_COMMAND_RUNNING ? KIND_INTENT
                                                                         : KIND_OUTCOME;
        slot_write(&slot, data + len);
        len += SLOT;
    }
    int err = ct_file_write(journal->path, data, len, 0600);
    free(data);
    if (err == CT_OK) {
        err = reopen(journal, len);
    }
    if (err == CT_OK) {
        journal->pending.len = 0;
    } else {
        journal->broken = true;
    }
    return err;
}

int ct_journal_commit(struct ct_journal *journal)
{
    if (journal->broken || journal->size + journal->pending.len > REWRITE_MAX) {
        return rewrite(journal);
    }
    if (journal->pending.len == 0) {
        return CT_OK;
    }
    const int err = write_slots(journal, journal->pending.data, journal->pending.len);
    if (err != CT_OK) {
        journal->broken = ftruncate(journal->fd, (off_t)journal->size) != 0;
        return err;
    }
    journal->size += journal->pending.len;
    journal->pending.len = 0;
    return CT_OK;
}

static int record(struct ct_journal *journal, uint32_t kind, const struct ct_journal_entry *entry)
{
    const struct slot slot = {.kind = kind, .entry = *entry};
    if (journal->pending.len == sizeof journal->pending.data) {
        const int err = ct_journal_commit(journal);
        if (err != CT_OK) {
            return err;
        }
    }
    slot_write(&slot, journal->pending.data + journal->pending.len);
    journal->pending.len += SLOT;
    return CT_OK;
}

static int load(struct ct_journal *journal, const uint8_t *data, size_t len)
{
    struct slot slot;
    size_t good_end = 0;
    uint64_t bad = 0;
    for (size_t at = 0; at + SLOT <= len; at += SLOT) {
        if (!slot_read(data + at, &slot)) {
            bad++;
            continue;
        }
        if (slot.kind == KIND_HEAD && slot.entry.state != VERSION && slot.entry.state != VERSION_OLD) {
            return CT_ERR_UNSUPPORTED;
        }
        journal->old = journal->old || (slot.kind == KIND_HEAD && slot.entry.state == VERSION_OLD);
        apply(journal, &slot);
        journal->stats.damaged_records += bad;
        bad = 0;
        good_end = at + SLOT;
    }
    journal->stats.torn_bytes = len - good_end;
    if (journal->old || journal->stats.damaged_records != 0) {
        level(journal);
    }
    return CT_OK;
}

static int load_file(struct ct_journal *journal)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int err = ct_file_read(journal->path, FILE_MAX, &data, &len);
    if (err == CT_ERR_NOT_FOUND) {
        return rewrite(journal);
    }
    if (err == CT_OK) {
        err = load(journal, data, len);
        free(data);
    }
    if (err != CT_OK) {
        return err;
    }
    const uint64_t good_end = len - journal->stats.torn_bytes;
    if (good_end == 0 || journal->old || journal->stats.damaged_records != 0) {
        return rewrite(journal);
    }
    err = reopen(journal, good_end);
    if (err == CT_OK && journal->stats.torn_bytes != 0 && ftruncate(journal->fd, (off_t)good_end) != 0) {
        err = ct_err_from_errno(errno);
    }
    return err;
}

static int take_lock(struct ct_journal *journal)
{
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof path, "%s.lock", journal->path);
    journal->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock_fd < 0) {
        return ct_err_from_errno(errno);
    }
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? CT_ERR_BUSY : ct_err_from_errno(errno);
    }
    return CT_OK;
}

static void release(struct ct_journal *journal)
{
    if (journal->fd >= 0) {
        close(journal->fd);
    }
    if (journal->lock_fd >= 0) {
        close(journal->lock_fd);
    }
    free(journal);
}

int ct_journal_open(const char *dir, struct ct_journal **out_journal)
{
    struct ct_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    journal->fd = journal->lock_fd = -1;
    const int n = snprintf(journal->path, sizeof journal->path, "%s/commands.journal", dir);
    int err = n > 0 && n < (int)sizeof journal->path ? ct_dir_make(dir) : CT_ERR_TOO_LARGE;
    if (err == CT_OK) {
        err = take_lock(journal);
    }
    if (err == CT_OK) {
        err = load_file(journal);
    }
    if (err != CT_OK) {
        release(journal);
        return err;
    }
    *out_journal = journal;
    return CT_OK;
}

void ct_journal_close(struct ct_journal *journal)
{
    if (journal != NULL) {
        (void)!ct_journal_commit(journal);
        release(journal);
    }
}

/* ---------------------------------------------------------------- use */

bool ct_journal_seen(const struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                     bool release)
{
    if (seq <= journal->highest[release] || seq <= journal->forgotten) {
        return true;
    }
    for (size_t i = 0; i < journal->count; i++) {
        const struct ct_journal_entry *entry = &journal->kept[i].entry;
        if (entry->seq == seq || memcmp(entry->command_id, command_id, CT_COMMAND_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

int ct_journal_intent(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                      bool release, int64_t issued_utc_ms)
{
    struct ct_journal_entry entry = {.seq = seq,
                                     .release = release,
                                     .issued_utc_ms = issued_utc_ms,
                                     .state = CT_COMMAND_RUNNING,
                                     .reason = CT_REASON_NONE};
    memcpy(entry.command_id, command_id, CT_COMMAND_ID_SIZE);
    if (ct_journal_seen(journal, command_id, seq, release)) {
        return CT_ERR_EXISTS;
    }
    int err = make_room(journal);
    if (err == CT_OK) {
        err = record(journal, KIND_INTENT, &entry);
    }
    if (err != CT_OK) {
        return err;
    }
    /* Taken from here on, whatever the disk says: an intent that could not be made durable is used up, not retried. */
    journal->kept[journal->count++] = (struct kept){.entry = entry};
    note_highest(journal, &entry);
    return ct_journal_commit(journal);
}

static int settle(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint32_t kind, int state,
                  int reason)
{
    struct kept *kept = find(journal, command_id);
    if (kept == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    struct kept after = *kept;
    if (kind == KIND_OUTCOME) {
        after.entry.state = state;
        after.entry.reason = reason;
    } else {
        after.reported = true;
    }
    const struct kept before = *kept;
    *kept = after; /* before record(), which may rewrite the file from what is kept */
    const int err = record(journal, kind, &after.entry);
    if (err != CT_OK) {
        *kept = before;
    }
    return err;
}

int ct_journal_outcome(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], int state, int reason)
{
    return settle(journal, command_id, KIND_OUTCOME, state, reason);
}

int ct_journal_reported(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE])
{
    return settle(journal, command_id, KIND_REPORTED, 0, 0);
}

int ct_journal_pending(const struct ct_journal *journal, size_t index, struct ct_journal_entry *out_entry)
{
    for (size_t i = 0; i < journal->count; i++) {
        if (!journal->kept[i].reported && index-- == 0) {
            *out_entry = journal->kept[i].entry;
            return CT_OK;
        }
    }
    return CT_ERR_END;
}

void ct_journal_stats_get(const struct ct_journal *journal, struct ct_journal_stats *out_stats)
{
    *out_stats = journal->stats;
    out_stats->highest_seq = highest_of_all(journal);
    out_stats->kept = journal->count;
}
