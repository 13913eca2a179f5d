/* What the tests of outbox and journal share: a scratch folder (in memory where there is one), copies of it, records.
 */
#ifndef CT_TESTS_STORE_SUPPORT_H
#define CT_TESTS_STORE_SUPPORT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_MAX 512

static inline void scratch_make(char out[SCRATCH_MAX])
{
    const char *base = getenv("TMPDIR");
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    (void)snprintf(out, SCRATCH_MAX, "%s/cantwin-store-XXXXXX", base);
    if (mkdtemp(out) == NULL) {
        abort();
    }
}

static inline void path_join(char out[SCRATCH_MAX], const char *folder, const char *name)
{
    if (snprintf(out, SCRATCH_MAX, "%s/%s", folder, name) >= SCRATCH_MAX) {
        abort();
    }
}

static inline bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static inline void tree_remove(const char *path)
{
    if (is_folder(path)) {
        DIR *folder = opendir(path);
        const struct dirent *entry;
        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            char inner[SCRATCH_MAX];
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                path_join(inner, path, entry->d_name);
                tree_remove(inner);
            }
        }
        if (folder != NULL) {
            closedir(folder);
        }
    }
    (void)remove(path);
}

struct bytes {
    uint8_t *data;
    size_t len;
};

static inline struct bytes file_get(const char *path)
{
    struct stat info;
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0) {
        abort();
    }
    struct bytes bytes = {.data = calloc(1, (size_t)info.st_size + 1), .len = (size_t)info.st_size};
    if (bytes.data == NULL || read(fd, bytes.data, bytes.len) != (ssize_t)bytes.len) {
        abort();
    }
    close(fd);
    return bytes;
}

static inline void file_put(const char *path, const uint8_t *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || (len > 0 && write(fd, data, len) != (ssize_t)len)) {
        abort();
    }
    close(fd);
}

/* One level of files, which is all the stores have below their folders. */
static inline void folder_copy(const char *from, const char *to)
{
    (void)mkdir(to, 0700);
    DIR *folder = opendir(from);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char source[SCRATCH_MAX];
        char target[SCRATCH_MAX];
        path_join(source, from, entry->d_name);
        path_join(target, to, entry->d_name);
        if (entry->d_name[0] != '.' && !is_folder(source)) {
            const struct bytes bytes = file_get(source);
            file_put(target, bytes.data, bytes.len);
            free(bytes.data);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* xorshift64*: the same numbers on every machine. */
static inline uint64_t rng_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* The bytes a test record of this sequence must have: whoever reads it back can compute them again. */
static inline void content_make(uint8_t *out, size_t len, unsigned class, uint64_t seq)
{
    uint64_t state = seq * 31U + class + 1U;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)rng_next(&state);
    }
}

static inline bool content_is(const uint8_t *data, size_t len, unsigned class, uint64_t seq)
{
    uint64_t state = seq * 31U + class + 1U;
    for (size_t i = 0; i < len; i++) {
        if (data[i] != (uint8_t)rng_next(&state)) {
            return false;
        }
    }
    return true;
}

#endif
