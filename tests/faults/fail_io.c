/* LD_PRELOAD: counts a program's calls that make files durable or change them below the folder FAIL_DIR, and lets
 * number FAIL_CALL (from 1; with FAIL_ALL=1 every one from there) fail with EIO without doing anything. At the end
 * writes the number of calls seen into FAIL_REPORT. For tests/faults/io_errors_test.py. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_ulong seen;

static bool below(const char *path)
{
    const char *folder = getenv("FAIL_DIR");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static bool is_ours(int fd)
{
    char name[64];
    char path[4096];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(name, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return below(path);
}

static bool fails(bool ours)
{
    const char *text = getenv("FAIL_CALL");
    if (!ours || text == NULL) {
        return false;
    }
    const unsigned long number = atomic_fetch_add(&seen, 1) + 1;
    const unsigned long wanted = strtoul(text, NULL, 10);
    const bool hit = wanted != 0 && (number == wanted || (number > wanted && getenv("FAIL_ALL") != NULL));
    if (hit) {
        errno = EIO;
    }
    return hit;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAIL_REPORT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%lu\n", atomic_load(&seen));
        (void)fclose(file);
    }
}

/* The next function of the name, from the C library. */
#define NEXT(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
    return fails(is_ours(fd)) ? -1 : NEXT(ssize_t, write, int, const void *, size_t)(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return fails(is_ours(fd)) ? -1 : NEXT(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return fails(is_ours(fd)) ? -1 : NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return fails(is_ours(fd)) ? -1 : NEXT(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
}

int fsync(int fd)
{
    return fails(is_ours(fd)) ? -1 : NEXT(int, fsync, int)(fd);
}

int fdatasync(int fd)
{
    return fails(is_ours(fd)) ? -1 : NEXT(int, fdatasync, int)(fd);
}

int ftruncate(int fd, off_t len)
{
    return fails(is_ours(fd)) ? -1 : NEXT(int, ftruncate, int, off_t)(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return fails(is_ours(fd)) ? -1 : NEXT(int, ftruncate64, int, off64_t)(fd, len);
}

int rename(const char *from, const char *to)
{
    return fails(below(to)) ? -1 : NEXT(int, rename, const char *, const char *)(from, to);
}
