/* Whole files, read with a limit and written atomically. Adapter target base_files. Thread-safe.
 *
 * Where connections have taken the process's last descriptor for a moment, all of them wait for one,
 * CT_FILE_PATIENCE_MS at most. */
#ifndef CT_BASE_FILES_H
#define CT_BASE_FILES_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

#define CT_FILE_PATIENCE_MS 5000

/* As open(2), O_CLOEXEC always. */
int ct_file_open(const char *path, int flags, unsigned mode, int *out_fd) CT_MUST_CHECK;

/* The whole file, plus a NUL that is not counted; the caller frees *out_data. CT_ERR_TOO_LARGE over `limit`. */
int ct_file_read(const char *path, size_t limit, uint8_t **out_data, size_t *out_len) CT_MUST_CHECK;

/* Replaces the file's content atomically and durably: temporary file, fsync, rename, fsync of the folder. */
int ct_file_write(const char *path, const void *data, size_t len, unsigned mode) CT_MUST_CHECK;

/* Makes the folder and its parents where missing (mode 0700 for new ones). */
int ct_dir_make(const char *path) CT_MUST_CHECK;

/* fsync of a folder, so that names made or removed in it are durable. */
int ct_dir_sync(const char *path) CT_MUST_CHECK;

#endif
