#include "outbox_internal.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define QUOTA_MIN    ((uint64_t)128 * 1024)
#define SEGMENT_MIN  4096U
#define SEGMENT_MAX  ((uint64_t)512 * 1024)
#define SEGMENTS_MAX 262144U
/* Where a class goes on whose files and state are both gone while the stream lives: far behind any number it may have
 * used. */
#define LOST_LANE_NEXT ((UINT64_C(1) << 40) + 1)

struct found {
    enum ct_class class;
    uint64_t first_seq;
};

struct listing {
    struct found *files;
    size_t count, capacity;
};

static int join(char out[CT_LANE_PATH_MAX], const char *folder, const char *name)
{
    const int n = snprintf(out, CT_LANE_PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < (int)CT_LANE_PATH_MAX ? CT_OK : CT_ERR_TOO_LARGE;
}

static int by_class_and_seq(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    if (a->class != b->class) {
        return a->class < b->class ? -1 : 1;
    }
    return a->first_seq < b->first_seq ? -1 : a->first_seq > b->first_seq;
}

static bool parse_name(const char *name, struct found *out)
{
    char again[64];
    char *end;
    if (name[0] < '1' || name[0] > '3' || name[1] != '-') {
        return false;
    }
    out->class = (enum ct_class)(name[0] - '0');
    out->first_seq = strtoull(name + 2, &end, 10);
    (void)snprintf(again, sizeof again, "%d-%020" PRIu64 ".seg", (int)out->class, out->first_seq);
    return out->first_seq > 0 && out->first_seq <= CT_SEGMENT_SEQ_MAX && strcmp(again, name) == 0;
}

static int listing_add(struct listing *list, const struct found *file)
{
    if (list->count == SEGMENTS_MAX) {
        return CT_ERR_FULL;
    }
    if (list->count == list->capacity) {
        const size_t grown = list->capacity == 0 ? 64 : list->capacity * 2;
        struct found *files = realloc(list->files, grown * sizeof *files);
        if (files == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        list->files = files;
        list->capacity = grown;
    }
    list->files[list->count++] = *file;
    return CT_OK;
}

static int list_segments(const char *path, struct listing *out)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return ct_err_from_errno(errno);
    }
    int err = CT_OK;
    const struct dirent *entry;
    while (err == CT_OK && (entry = readdir(folder)) != NULL) {
        struct found file;
        if (parse_name(entry->d_name, &file)) {
            err = listing_add(out, &file);
        }
    }
    closedir(folder);
    if (out->count > 1) {
        qsort(out->files, out->count, sizeof out->files[0], by_class_and_seq);
    }
    return err;
}

static int read_head(const struct ct_outbox *outbox, const struct found *file, struct ct_segment_head *out)
{
    char path[CT_LANE_PATH_MAX];
    uint8_t bytes[CT_SEGMENT_HEAD_SIZE];
    int err = ct_lane_segment_path(&outbox->lanes[CT_CLASS_INDEX(file->class)], file->first_seq, path);
    if (err != CT_OK) {
        return err;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    const ssize_t n = read(fd, bytes, sizeof bytes);
    err = n < 0 ? ct_err_from_errno(errno) : ct_segment_head_read(bytes, (size_t)n, out);
    close(fd);
    return err;
}

/* Looks at every head before anything is changed. *out_known: a stream id was found. */
static int inspect(struct ct_outbox *outbox, const struct listing *list, bool *out_known)
{
    for (size_t i = 0; i < list->count; i++) {
        struct ct_segment_head head;
        const int err = read_head(outbox, &list->files[i], &head);
        if (err == CT_ERR_UNSUPPORTED) {
            return err;
        }
        if (err == CT_OK && !*out_known) {
            memcpy(outbox->stream_id, head.stream_id, CT_STREAM_ID_SIZE);
            *out_known = true;
        }
    }
    return CT_OK;
}

static int load_state(struct ct_outbox *outbox, struct ct_outbox_state *out_state, bool *out_have)
{
    char path[CT_LANE_PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    *out_have = false;
    int err = join(path, outbox->path, "state");
    if (err != CT_OK) {
        return err;
    }
    err = ct_file_read(path, CT_OUTBOX_STATE_MAX, &data, &len);
    if (err == CT_OK) {
        err = ct_outbox_state_read(data, len, out_state);
        free(data);
        *out_have = err == CT_OK;
    }
    return err == CT_ERR_UNSUPPORTED || err == CT_ERR_NO_MEMORY || err == CT_ERR_PERMISSION ? err : CT_OK;
}

static int new_stream(struct ct_outbox *outbox, struct listing *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char path[CT_LANE_PATH_MAX];
        const struct ct_lane *lane = ct_outbox_lane(outbox, list->files[i].class);
        if (ct_lane_segment_path(lane, list->files[i].first_seq, path) == CT_OK) {
            (void)unlink(path);
        }
    }
    list->count = 0;
    const ssize_t n = getrandom(outbox->stream_id, CT_STREAM_ID_SIZE, 0);
    return n == CT_STREAM_ID_SIZE ? CT_OK : CT_ERR_IO;
}

/* What a lane starts from when the state file is gone. */
static void guess_lane(const struct listing *list, enum ct_class class, bool stream_lives,
                       struct ct_outbox_lane_state *out)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->files[i].class == class) {
            out->acked = list->files[i].first_seq - 1;
            out->next_seq = list->files[i].first_seq;
            return;
        }
    }
    out->next_seq = stream_lives ? LOST_LANE_NEXT : 1;
}

static int load_lanes(struct ct_outbox *outbox, const struct listing *list, const struct ct_outbox_state *state,
                      struct ct_outbox_recovery *recovery)
{
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < list->count; i++) {
        err = ct_lane_adopt(ct_outbox_lane(outbox, list->files[i].class), list->files[i].first_seq, outbox->stream_id,
                            recovery);
    }
    for (size_t i = 0; err == CT_OK && i < CT_CLASS_COUNT; i++) {
        err = ct_lane_settle(&outbox->lanes[i], &state->lanes[i], recovery);
    }
    return err;
}

static void find_last_sample(struct ct_outbox *outbox, const struct ct_outbox_state *state)
{
    const struct ct_lane *lane = ct_outbox_lane(outbox, CT_CLASS_SAMPLE);
    outbox->has_last_sample = state->has_last_sample;
    outbox->last_sample_utc_ns = state->last_sample_utc_ns;
    for (size_t i = 0; i < lane->count; i++) {
        const int64_t to_utc_ns = lane->segments[i].to_utc_ns;
        if (to_utc_ns != 0 && (!outbox->has_last_sample || to_utc_ns > outbox->last_sample_utc_ns)) {
            outbox->has_last_sample = true;
            outbox->last_sample_utc_ns = to_utc_ns;
        }
    }
}

static void fill_recovery(const struct ct_outbox *outbox, const struct ct_outbox_state *state,
                          struct ct_outbox_recovery *recovery)
{
    recovery->clean = state->clean;
    memcpy(recovery->last_boot_id, state->boot_id, CT_BOOT_ID_SIZE);
    recovery->has_last_sample = outbox->has_last_sample;
    recovery->last_sample_utc_ns = outbox->last_sample_utc_ns;
}

static int recover(struct ct_outbox *outbox, struct listing *list, struct ct_outbox_recovery *recovery)
{
    struct ct_outbox_state *state = calloc(1, sizeof *state);
    bool have_state = false;
    bool known = false;
    if (state == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = load_state(outbox, state, &have_state);
    if (err == CT_OK) {
        known = have_state;
        memcpy(outbox->stream_id, state->stream_id, CT_STREAM_ID_SIZE);
        err = inspect(outbox, list, &known);
    }
    if (err == CT_OK && !known) {
        recovery->fresh = list->count == 0;
        recovery->lost_stream = list->count != 0;
        err = new_stream(outbox, list);
    }
    for (size_t i = 0; !have_state && i < CT_CLASS_COUNT; i++) {
        guess_lane(list, (enum ct_class)(i + 1), known, &state->lanes[i]);
    }
    if (err == CT_OK) {
        err = load_lanes(outbox, list, state, recovery);
    }
    if (err == CT_OK) {
        find_last_sample(outbox, state);
        fill_recovery(outbox, state, recovery);
    }
    free(state);
    return err;
}

int ct_outbox_state_save(struct ct_outbox *outbox)
{
    char path[CT_LANE_PATH_MAX];
    struct ct_outbox_state *state = calloc(1, sizeof *state);
    int err = state == NULL ? CT_ERR_NO_MEMORY : join(path, outbox->path, "state");
    if (err != CT_OK) {
        free(state);
        return err;
    }
    memcpy(state->stream_id, outbox->stream_id, CT_STREAM_ID_SIZE);
    memcpy(state->boot_id, outbox->boot_id, CT_BOOT_ID_SIZE);
    state->clean = outbox->clean;
    state->has_last_sample = outbox->has_last_sample;
    state->last_sample_utc_ns = outbox->last_sample_utc_ns;
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        const struct ct_lane *lane = &outbox->lanes[i];
        state->lanes[i] =
            (struct ct_outbox_lane_state){.acked = lane->acked,
                                          .next_seq = lane->pending.len > 0 ? lane->waiting.first_seq : lane->next_seq,
                                          .front = lane->front,
                                          .holes = lane->holes};
    }
    ct_outbox_state_write(state, &outbox->state_bytes);
    err = ct_buf_error(&outbox->state_bytes);
    if (err == CT_OK) {
        err = ct_file_write(path, outbox->state_bytes.data, outbox->state_bytes.len, 0600);
    }
    for (size_t i = 0; err == CT_OK && i < CT_CLASS_COUNT; i++) {
        struct ct_lane *lane = &outbox->lanes[i];
        if (lane->durable_next < state->lanes[i].next_seq) {
            lane->durable_next = state->lanes[i].next_seq;
        }
    }
    if (err == CT_OK) {
        outbox->state_due = outbox->acks_due = false;
        outbox->stats.written_bytes += outbox->state_bytes.len;
    }
    free(state);
    return err;
}

static uint32_t segment_size(uint32_t wanted, uint64_t limit)
{
    const uint64_t size = wanted != 0 ? wanted : limit / 8;
    if (size < SEGMENT_MIN) {
        return SEGMENT_MIN;
    }
    return (uint32_t)(size > SEGMENT_MAX ? SEGMENT_MAX : size);
}

static int take_lock(struct ct_outbox *outbox)
{
    char path[CT_LANE_PATH_MAX];
    const int err = join(path, outbox->path, "lock");
    if (err != CT_OK) {
        return err;
    }
    outbox->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (outbox->lock_fd < 0) {
        return ct_err_from_errno(errno);
    }
    if (flock(outbox->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? CT_ERR_BUSY : ct_err_from_errno(errno);
    }
    return CT_OK;
}

static int prepare(struct ct_outbox *outbox, const struct ct_outbox_config *config)
{
    const uint64_t reserved = config->reserved_bytes != 0 ? config->reserved_bytes : config->quota_bytes / 8;
    if (config->quota_bytes < QUOTA_MIN || reserved < 16384 || reserved > config->quota_bytes / 2) {
        return CT_ERR_ARGUMENT;
    }
    outbox->lock_fd = -1;
    memcpy(outbox->boot_id, config->boot_id, CT_BOOT_ID_SIZE);
    ct_buf_init(&outbox->gap, 4096);
    ct_buf_init(&outbox->state_bytes, CT_OUTBOX_STATE_MAX);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        const enum ct_class class = (enum ct_class)(i + 1);
        const uint64_t limit = class == CT_CLASS_SAMPLE ? config->quota_bytes - reserved : reserved / 2;
        ct_lane_init(&outbox->lanes[i], class, outbox->path, limit, segment_size(config->segment_bytes, limit));
    }
    const int n = snprintf(outbox->dir, sizeof outbox->dir, "%s", config->dir);
    if (n < 0 || n >= (int)sizeof outbox->dir) {
        return CT_ERR_TOO_LARGE;
    }
    int err = join(outbox->path, outbox->dir, "outbox");
    if (err == CT_OK) {
        err = ct_dir_make(outbox->path);
    }
    return err == CT_OK ? take_lock(outbox) : err;
}

int ct_outbox_open(const struct ct_outbox_config *config, struct ct_outbox **out_outbox,
                   struct ct_outbox_recovery *out_recovery)
{
    struct ct_outbox_recovery recovery = {0};
    struct listing list = {0};
    struct ct_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = prepare(outbox, config);
    if (err == CT_OK) {
        err = list_segments(outbox->path, &list);
    }
    if (err == CT_OK) {
        err = recover(outbox, &list, &recovery);
    }
    free(list.files);
    if (err != CT_OK) {
        ct_outbox_free(outbox);
        return err;
    }
    outbox->stats.damaged_records = recovery.damaged_records;
    outbox->stats.torn_bytes = recovery.torn_bytes;
    outbox->state_due = true; /* a full disk must not keep the vehicle from starting: commit tries again */
    if (ct_outbox_state_save(outbox) == CT_OK) {
        for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
            ct_lane_clear_unreadable(&outbox->lanes[i]);
        }
    }
    *out_outbox = outbox;
    if (out_recovery != NULL) {
        *out_recovery = recovery;
    }
    return CT_OK;
}

void ct_outbox_free(struct ct_outbox *outbox)
{
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        ct_lane_free(&outbox->lanes[i]);
    }
    ct_buf_free(&outbox->gap);
    ct_buf_free(&outbox->state_bytes);
    free(outbox->cache.data);
    if (outbox->lock_fd >= 0) {
        close(outbox->lock_fd);
    }
    free(outbox);
}
