#include "outbox_lane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int cache_reserve(struct ct_segment_cache *cache, size_t len)
{
    if (len <= cache->capacity) {
        return CT_OK;
    }
    uint8_t *data = realloc(cache->data, len);
    if (data == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    cache->data = data;
    cache->capacity = len;
    return CT_OK;
}

/* Bytes that cannot be read are left out; what was in them reads as damaged. */
static int cache_fill(struct ct_segment_cache *cache, const char *path, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == EIO ? CT_OK : ct_err_from_errno(errno);
    }
    while (cache->len < size) {
        const ssize_t n = pread(fd, cache->data + cache->len, size - cache->len, (off_t)cache->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        cache->len += (size_t)n;
    }
    close(fd);
    return CT_OK;
}

static int cache_load(const struct ct_lane *lane, const struct ct_stretch *segment, struct ct_segment_cache *cache)
{
    char path[CT_LANE_PATH_MAX];
    if (cache->class != lane->class || cache->first_seq != segment->first_seq) {
        cache->class = lane->class;
        cache->first_seq = segment->first_seq;
        cache->len = 0;
    }
    if (cache->len >= segment->size) {
        return CT_OK;
    }
    int err = cache_reserve(cache, segment->size);
    if (err == CT_OK) {
        err = ct_lane_segment_path(lane, segment->first_seq, path);
    }
    return err == CT_OK ? cache_fill(cache, path, segment->size) : err;
}

static size_t segment_index(const struct ct_lane *lane, uint64_t seq)
{
    size_t i = lane->count;
    while (i > 0 && lane->segments[i - 1].first_seq > seq) {
        i--;
    }
    return i > 0 ? i - 1 : 0;
}

int ct_lane_find(struct ct_lane *lane, struct ct_segment_cache *cache, uint64_t seq,
                 struct ct_outbox_record *out_record)
{
    for (size_t i = segment_index(lane, seq); i < lane->count; i++) {
        const struct ct_stretch *segment = &lane->segments[i];
        const int err = cache_load(lane, segment, cache);
        if (err != CT_OK) {
            return err;
        }
        const bool going_on = lane->read_segment == segment->first_seq && lane->read_seq == seq;
        struct ct_segment_walk walk = {.data = cache->data,
                                       .len = cache->len,
                                       .offset = going_on ? lane->read_offset : CT_SEGMENT_HEAD_SIZE,
                                       .class = lane->class,
                                       .min_seq = seq};
        if (ct_segment_next(&walk, out_record) == CT_OK) {
            lane->read_segment = segment->first_seq;
            lane->read_seq = out_record->seq_last + 1;
            lane->read_offset = walk.offset;
            return CT_OK;
        }
    }
    return CT_ERR_END;
}
