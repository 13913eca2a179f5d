#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_STEP_MS 50

static int read_all(int fd, size_t limit, uint8_t **out_data, size_t *out_len)
{
    size_t capacity = 4096;
    size_t len = 0;
    uint8_t *data = malloc(capacity);
    while (data != NULL) {
        if (len + 1 == capacity) {
            uint8_t *grown = realloc(data, capacity * 2);
            if (grown == NULL) {
                break;
            }
            data = grown;
            capacity *= 2;
        }
        const ssize_t n = read(fd, data + len, capacity - len - 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            const int err = ct_err_from_errno(errno);
            free(data);
            return err;
        }
        if (n == 0) {
            data[len] = 0;
            *out_data = data;
            *out_len = len;
            return CT_OK;
        }
        len += (size_t)n;
        if (len > limit) {
            free(data);
            return CT_ERR_TOO_LARGE;
        }
    }
    free(data);
    return CT_ERR_NO_MEMORY;
}

int ct_file_open(const char *path, int flags, unsigned mode, int *out_fd)
{
    int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    for (int waited = 0; fd < 0 && errno == EMFILE && waited < CT_FILE_PATIENCE_MS; waited += PATIENCE_STEP_MS) {
        (void)poll(NULL, 0, PATIENCE_STEP_MS);
        fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    }
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    *out_fd = fd;
    return CT_OK;
}

int ct_file_read(const char *path, size_t limit, uint8_t **out_data, size_t *out_len)
{
    int fd = -1;
    int err = ct_file_open(path, O_RDONLY, 0, &fd);
    if (err != CT_OK) {
        return err;
    }
    err = read_all(fd, limit, out_data, out_len);
    close(fd);
    return err;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ct_err_from_errno(errno);
        }
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? CT_OK : ct_err_from_errno(errno);
}

static int sync_parent(const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ct_dir_sync(".");
    }
    const size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof parent) {
        return CT_ERR_TOO_LARGE;
    }
    memcpy(parent, path, len);
    parent[len] = '\0';
    return ct_dir_sync(parent);
}

int ct_file_write(const char *path, const void *data, size_t len, unsigned mode)
{
    char temporary[PATH_MAX];
    const int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return CT_ERR_TOO_LARGE;
    }
    int fd = -1;
    int err = ct_file_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode, &fd);
    if (err != CT_OK) {
        return err;
    }
    err = write_all(fd, data, len);
    close(fd);
    if (err == CT_OK && rename(temporary, path) != 0) {
        err = ct_err_from_errno(errno);
    }
    if (err != CT_OK) {
        (void)unlink(temporary);
        return err;
    }
    return sync_parent(path);
}

int ct_dir_make(const char *path)
{
    char part[PATH_MAX];
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return CT_ERR_ARGUMENT;
    }
    for (size_t i = 1; i <= len; i++) {
        if (i < len && path[i] != '/') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return ct_err_from_errno(errno);
        }
    }
    return CT_OK;
}

int ct_dir_sync(const char *path)
{
    int fd = -1;
    int err = ct_file_open(path, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (err != CT_OK) {
        return err;
    }
    err = fsync(fd) == 0 ? CT_OK : ct_err_from_errno(errno);
    close(fd);
    return err;
}
