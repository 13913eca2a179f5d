#include "ingest_segments.h"

#include "bytes.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN 20 /* 16 digits and ".log" */

static bool parse_name(const char *name, uint64_t *out_start)
{
    uint8_t bytes[8];
    if (strlen(name) != NAME_LEN || strcmp(name + 16, ".log") != 0 ||
        ct_hex_decode(bytes, name, sizeof bytes) != CT_OK) {
        return false;
    }
    *out_start = (uint64_t)ct_be32(bytes) << 32 | ct_be32(bytes + 4);
    return true;
}

static int compare_starts(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int add_start(struct ct_segments *segments, size_t *capacity, uint64_t start)
{
    if (segments->count == *capacity) {
        const size_t more = *capacity == 0 ? 16 : *capacity * 2;
        uint64_t *grown = realloc(segments->starts, more * sizeof *grown);
        if (grown == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        segments->starts = grown;
        *capacity = more;
    }
    segments->starts[segments->count++] = start;
    return CT_OK;
}

int ct_segments_list(const char *folder, struct ct_segments *out_segments)
{
    int fd = -1;
    int err = ct_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (err != CT_OK) {
        return err;
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        err = ct_err_from_errno(errno);
        (void)close(fd);
        return err;
    }
    struct ct_segments segments = {NULL, 0};
    size_t capacity = 0;
    for (const struct dirent *item = readdir(dir); item != NULL && err == CT_OK; item = readdir(dir)) {
        uint64_t start;
        if (parse_name(item->d_name, &start)) {
            err = add_start(&segments, &capacity, start);
        }
    }
    closedir(dir);
    if (err != CT_OK) {
        ct_segments_free(&segments);
        return err;
    }
    if (segments.count > 0) {
        qsort(segments.starts, segments.count, sizeof *segments.starts, compare_starts);
    }
    *out_segments = segments;
    return CT_OK;
}

void ct_segments_free(struct ct_segments *segments)
{
    free(segments->starts);
    *segments = (struct ct_segments){NULL, 0};
}

static int segment_path(char path[PATH_MAX], const char *folder, uint64_t start)
{
    const int n = snprintf(path, PATH_MAX, "%s/%016" PRIx64 ".log", folder, start);
    return n > 0 && n < PATH_MAX ? CT_OK : CT_ERR_TOO_LARGE;
}

int ct_segment_open(const char *folder, uint64_t start, int flags, int *out_fd)
{
    char path[PATH_MAX];
    const int err = segment_path(path, folder, start);
    return err == CT_OK ? ct_file_open(path, flags, 0600, out_fd) : err;
}

int ct_segment_remove(const char *folder, uint64_t start)
{
    char path[PATH_MAX];
    const int err = segment_path(path, folder, start);
    if (err != CT_OK) {
        return err;
    }
    return unlink(path) == 0 ? CT_OK : ct_err_from_errno(errno);
}

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

size_t ct_ingest_entry_size(const uint8_t *head, uint64_t offset)
{
    const uint32_t len = ct_le32(head + 4);
    if (len > CT_INGEST_DATA_MAX || head[10] > CT_INGEST_VEHICLE_MAX || head[11] != 0 ||
        ct_le32(head + 12) != CT_INGEST_FORMAT || ct_le64(head + 56) != offset) {
        return 0;
    }
    return CT_INGEST_HEAD + padded(head[10] + (size_t)len);
}

bool ct_ingest_entry_parse(const uint8_t *bytes, struct ct_ingest_entry *out_entry)
{
    const size_t len = ct_le32(bytes + 4);
    const size_t vehicle_len = bytes[10];
    if (ct_crc32c(0, bytes + 4, CT_INGEST_HEAD - 4 + vehicle_len + len) != ct_le32(bytes)) {
        return false;
    }
    out_entry->kind = bytes[8] == CT_INGEST_CATALOGUE ? CT_INGEST_CATALOGUE : CT_INGEST_RECORD;
    out_entry->class = bytes[9];
    out_entry->seq_first = ct_le64(bytes + 16);
    out_entry->seq_last = ct_le64(bytes + 24);
    out_entry->received_utc_ns = (int64_t)ct_le64(bytes + 32);
    memcpy(out_entry->stream_id, bytes + 40, CT_STREAM_ID_SIZE);
    memcpy(out_entry->vehicle_id, bytes + CT_INGEST_HEAD, vehicle_len);
    out_entry->vehicle_id[vehicle_len] = '\0';
    out_entry->data = bytes + CT_INGEST_HEAD + vehicle_len;
    out_entry->len = len;
    return true;
}

size_t ct_ingest_entry_write(uint8_t *to, uint64_t offset, const struct ct_ingest_entry *entry)
{
    const size_t vehicle_len = strlen(entry->vehicle_id);
    const size_t body = vehicle_len + entry->len;
    memset(to, 0, CT_INGEST_HEAD);
    ct_put_le32(to + 4, (uint32_t)entry->len);
    to[8] = (uint8_t)entry->kind;
    to[9] = entry->class;
    to[10] = (uint8_t)vehicle_len;
    ct_put_le32(to + 12, CT_INGEST_FORMAT);
    ct_put_le64(to + 16, entry->seq_first);
    ct_put_le64(to + 24, entry->seq_last);
    ct_put_le64(to + 32, (uint64_t)entry->received_utc_ns);
    memcpy(to + 40, entry->stream_id, CT_STREAM_ID_SIZE);
    ct_put_le64(to + 56, offset);
    memcpy(to + CT_INGEST_HEAD, entry->vehicle_id, vehicle_len);
    memcpy(to + CT_INGEST_HEAD + vehicle_len, entry->data, entry->len);
    memset(to + CT_INGEST_HEAD + body, 0, padded(body) - body);
    ct_put_le32(to, ct_crc32c(0, to + 4, CT_INGEST_HEAD - 4 + body));
    return CT_INGEST_HEAD + padded(body);
}
