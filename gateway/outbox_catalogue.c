#include "outbox_internal.h"

#include "bytes.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file: "CTOC", u32 version, then the catalogue's parts, each u32 length, u32 CRC-32C, bytes. */
#define MAGIC      UINT32_C(0x434F5443)
#define VERSION    1U
#define PART_MAX   ((size_t)128 * 1024)
#define FILE_MAX   ((size_t)8 * 1024 * 1024)
#define HEX_LENGTH ((size_t)2 * CT_HASH_SIZE)

static int catalogue_path(const char *dir, const char *name, char out[CT_LANE_PATH_MAX])
{
    const int n = snprintf(out, CT_LANE_PATH_MAX, "%s/catalogues%s%s", dir, name[0] != '\0' ? "/" : "", name);
    return n > 0 && n < (int)CT_LANE_PATH_MAX ? CT_OK : CT_ERR_TOO_LARGE;
}

static int add_part(void *user, const uint8_t *data, size_t len)
{
    struct ct_buf *out = user;
    uint8_t head[8];
    ct_put_le32(head, (uint32_t)len);
    ct_put_le32(head + 4, ct_crc32c(0, data, len));
    ct_buf_append(out, head, sizeof head);
    ct_buf_append(out, data, len);
    return ct_buf_error(out);
}

static int write_catalogue(const char *path, const struct ct_catalogue *catalogue, uint64_t *io_written)
{
    struct ct_buf bytes;
    uint8_t head[8];
    ct_buf_init(&bytes, FILE_MAX);
    ct_put_le32(head, MAGIC);
    ct_put_le32(head + 4, VERSION);
    ct_buf_append(&bytes, head, sizeof head);
    int err = ct_catalogue_encode(catalogue, PART_MAX, add_part, &bytes);
    if (err == CT_OK) {
        err = ct_buf_error(&bytes);
    }
    if (err == CT_OK) {
        err = ct_file_write(path, bytes.data, bytes.len, 0600);
    }
    *io_written += err == CT_OK ? bytes.len : 0;
    ct_buf_free(&bytes);
    return err;
}

/* The next part of a file; moves *at behind it. */
static bool next_part(const uint8_t *data, size_t len, size_t *at, const uint8_t **out_part, size_t *out_len)
{
    if (len - *at < 8) {
        return false;
    }
    const size_t part = ct_le32(data + *at);
    const uint32_t crc = ct_le32(data + *at + 4);
    *at += 8;
    if (part > len - *at || ct_crc32c(0, data + *at, part) != crc) {
        return false;
    }
    *out_part = data + *at;
    *out_len = part;
    *at += part;
    return true;
}

static bool head_is_ours(const uint8_t *data, size_t len)
{
    return len >= 8 && ct_le32(data) == MAGIC && ct_le32(data + 4) == VERSION;
}

/* The file holds every part of the catalogue as it was written. To make a catalogue of it for comparison takes a
 * third of a start. */
static bool is_kept(const char *path, const struct ct_catalogue *catalogue)
{
    uint8_t *data = NULL;
    const uint8_t *part = NULL;
    size_t len = 0;
    size_t part_len = 0;
    size_t at = 8;
    uint32_t id = 0;
    if (ct_file_read(path, FILE_MAX, &data, &len) != CT_OK) {
        return false;
    }
    bool good = head_is_ours(data, len);
    do {
        good = good && next_part(data, len, &at, &part, &part_len) &&
               ct_catalogue_part_is(catalogue, id, part, part_len, &id);
    } while (good && at < len);
    free(data);
    return good && id == ct_catalogue_count(catalogue);
}

int ct_outbox_catalogue_save(struct ct_outbox *outbox, const struct ct_catalogue *catalogue)
{
    char path[CT_LANE_PATH_MAX];
    char name[HEX_LENGTH + 1];
    const uint8_t *hash = ct_catalogue_hash(catalogue);
    int err = catalogue_path(outbox->dir, "", path);
    if (err == CT_OK) {
        err = ct_dir_make(path);
    }
    if (err != CT_OK) {
        return err;
    }
    ct_hex_encode(name, hash, CT_HASH_SIZE);
    err = catalogue_path(outbox->dir, name, path);
    if (err == CT_OK && !is_kept(path, catalogue)) {
        err = write_catalogue(path, catalogue, &outbox->stats.written_bytes);
    }
    if (err == CT_OK) {
        outbox->has_catalogue = true;
        memcpy(outbox->catalogue, hash, CT_HASH_SIZE);
        ct_outbox_catalogue_sweep(outbox);
    }
    return err;
}

/* Feeds the file's parts to a reader. */
static int read_parts(const uint8_t *data, size_t len, struct ct_catalogue_reader *reader,
                      struct ct_catalogue **out_catalogue)
{
    const uint8_t *part = NULL;
    size_t part_len = 0;
    size_t at = 8;
    if (!head_is_ours(data, len)) {
        return CT_ERR_CORRUPT;
    }
    while (len - at >= 8 && *out_catalogue == NULL) {
        if (!next_part(data, len, &at, &part, &part_len)) {
            return CT_ERR_CORRUPT;
        }
        const int err = ct_catalogue_reader_part(reader, part, part_len, out_catalogue);
        if (err != CT_OK) {
            return err == CT_ERR_NO_MEMORY ? err : CT_ERR_CORRUPT;
        }
    }
    return *out_catalogue != NULL ? CT_OK : CT_ERR_CORRUPT;
}

int ct_outbox_catalogue_load(const char *dir, const uint8_t hash[CT_HASH_SIZE], struct ct_catalogue **out_catalogue)
{
    char path[CT_LANE_PATH_MAX];
    char name[HEX_LENGTH + 1];
    uint8_t *data = NULL;
    size_t len = 0;
    struct ct_catalogue_reader *reader = NULL;
    struct ct_catalogue *catalogue = NULL;
    ct_hex_encode(name, hash, CT_HASH_SIZE);
    int err = catalogue_path(dir, name, path);
    if (err == CT_OK) {
        err = ct_file_read(path, FILE_MAX, &data, &len);
    }
    if (err != CT_OK) {
        return err;
    }
    err = ct_catalogue_reader_create(&reader);
    if (err == CT_OK) {
        err = read_parts(data, len, reader, &catalogue);
    }
    if (err == CT_OK && memcmp(ct_catalogue_hash(catalogue), hash, CT_HASH_SIZE) != 0) {
        err = CT_ERR_CORRUPT;
    }
    ct_catalogue_reader_free(reader);
    free(data);
    if (err != CT_OK) {
        ct_catalogue_unref(catalogue);
        return err;
    }
    *out_catalogue = catalogue;
    return CT_OK;
}

static bool stretch_names(const struct ct_stretch *stretch, const uint8_t hash[CT_HASH_SIZE])
{
    if (stretch->hash_count > CT_LANE_HASHES_MAX) {
        return true;
    }
    for (size_t i = 0; i < stretch->hash_count; i++) {
        if (memcmp(stretch->hashes[i], hash, CT_HASH_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool needed(const struct ct_outbox *outbox, const uint8_t hash[CT_HASH_SIZE])
{
    if (memcmp(outbox->catalogue, hash, CT_HASH_SIZE) == 0) {
        return true;
    }
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        const struct ct_lane *lane = &outbox->lanes[i];
        if (stretch_names(&lane->waiting, hash)) {
            return true;
        }
        for (size_t k = 0; k < lane->count; k++) {
            if (stretch_names(&lane->segments[k], hash)) {
                return true;
            }
        }
    }
    return false;
}

void ct_outbox_catalogue_sweep(struct ct_outbox *outbox)
{
    char path[CT_LANE_PATH_MAX];
    uint8_t hash[CT_HASH_SIZE];
    if (!outbox->has_catalogue || catalogue_path(outbox->dir, "", path) != CT_OK) {
        return;
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (strlen(entry->d_name) == HEX_LENGTH && ct_hex_decode(hash, entry->d_name, CT_HASH_SIZE) == CT_OK &&
            !needed(outbox, hash) && catalogue_path(outbox->dir, entry->d_name, path) == CT_OK) {
            (void)unlink(path);
        }
    }
    closedir(folder);
}
