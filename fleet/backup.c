#include "backup.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE  4400
#define BLOCK_SIZE (256 * 1024)

struct problem {
    char *text;
    size_t size;
};

static int say(const struct problem *problem, int err, const char *where, const char *what)
{
    (void)snprintf(problem->text, problem->size, "%s: error: %s: %s", where, what, ct_err_text(err));
    return err;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* ------------------------------------------------------------------------------------------------ files */

static int copy_bytes(int from, int to)
{
    ssize_t n;
    do {
        n = copy_file_range(from, NULL, to, NULL, BLOCK_SIZE, 0);
    } while (n > 0);
    if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        char block[8192];
        while ((n = read(from, block, sizeof block)) > 0) {
            for (ssize_t done = 0; done < n;) {
                const ssize_t put = write(to, block + done, (size_t)(n - done));
                if (put < 0) {
                    return ct_err_from_errno(errno);
                }
                done += put;
            }
        }
    }
    if (n < 0) {
        return ct_err_from_errno(errno);
    }
    return fsync(to) == 0 ? CT_OK : ct_err_from_errno(errno);
}

static int copy_file(const char *from, const char *to)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return ct_err_from_errno(errno);
    }
    const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err = out < 0 ? ct_err_from_errno(errno) : copy_bytes(in, out);
    close(in);
    if (out >= 0 && close(out) != 0 && err == CT_OK) {
        err = ct_err_from_errno(errno);
    }
    return err;
}

/* A file that grew, or is new. A segment is only ever appended to. */
static bool needs_copy(const char *from, const char *to)
{
    struct stat source;
    struct stat copy;
    return stat(from, &source) == 0 && S_ISREG(source.st_mode) &&
           (stat(to, &copy) != 0 || copy.st_size != source.st_size);
}

/* What was removed meanwhile is not needed any more. */
static int copy_log(const char *from_folder, const char *to_folder)
{
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    DIR *folder = opendir(from_folder);
    int err = ct_dir_make(to_folder);
    if (folder == NULL) {
        return err != CT_OK ? err : errno == ENOENT ? CT_OK : ct_err_from_errno(errno);
    }
    for (const struct dirent *entry = readdir(folder); err == CT_OK && entry != NULL; entry = readdir(folder)) {
        (void)snprintf(from, sizeof from, "%s/%s", from_folder, entry->d_name);
        (void)snprintf(to, sizeof to, "%s/%s", to_folder, entry->d_name);
        if (needs_copy(from, to)) {
            err = copy_file(from, to);
            err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
        }
    }
    closedir(folder);
    return err == CT_OK ? ct_dir_sync(to_folder) : err;
}

/* ------------------------------------------------------------------------------------------------ database */

static int copy_database(const char *from, const char *to)
{
    sqlite3 *source = NULL;
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(from, &source, SQLITE_OPEN_READWRITE, NULL); /* a WAL has to be read by a writer */
    code = code == SQLITE_OK ? sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) : code;
    code = code == SQLITE_OK ? sqlite3_busy_timeout(source, 10000) : code;
    sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(copy, "main", source, "main") : NULL;
    if (backup != NULL) {
        /* All in one step is one read transaction: in WAL mode the writer goes on meanwhile. */
        code = sqlite3_backup_step(backup, -1);
        (void)sqlite3_backup_finish(backup);
    } else if (code == SQLITE_OK) {
        code = SQLITE_ERROR;
    }
    (void)sqlite3_close(source);
    (void)sqlite3_close(copy);
    return code == SQLITE_DONE ? CT_OK : code == SQLITE_FULL ? CT_ERR_FULL : CT_ERR_IO;
}

static int first_text(void *user, int count, char **values, char **names)
{
    char *text = user;
    (void)names;
    if (count == 1 && text[0] == '\0' && values[0] != NULL) {
        (void)snprintf(text, 16, "%s", values[0]);
    }
    return 0;
}

static int check_database(const char *path)
{
    char text[16] = "";
    sqlite3 *database = NULL;
    int code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL);
    code = code == SQLITE_OK ? sqlite3_exec(database, "PRAGMA quick_check(1)", first_text, text, NULL) : code;
    (void)sqlite3_close(database);
    return code == SQLITE_OK && strcmp(text, "ok") == 0 ? CT_OK : CT_ERR_CORRUPT;
}

/* ------------------------------------------------------------------------------------------------ both */

int ct_backup_make(const char *state_dir, const char *folder, char *problem, size_t problem_size)
{
    const struct problem line = {problem, problem_size};
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    char from_log[PATH_SIZE];
    char to_log[PATH_SIZE];
    (void)snprintf(from, sizeof from, "%s/fleet.db", state_dir);
    (void)snprintf(to, sizeof to, "%s/fleet.db", folder);
    (void)snprintf(from_log, sizeof from_log, "%s/log", state_dir);
    (void)snprintf(to_log, sizeof to_log, "%s/log", folder);
    if (!exists(from)) {
        return say(&line, CT_ERR_NOT_FOUND, from, "there is no store to copy");
    }
    if (exists(folder)) {
        return say(&line, CT_ERR_EXISTS, folder, "name a folder that is not there yet");
    }
    int err = ct_dir_make(folder);
    err = err == CT_OK ? copy_log(from_log, to_log) : err;
    err = err == CT_OK ? copy_database(from, to) : err;
    err = err == CT_OK ? copy_log(from_log, to_log) : err;
    err = err == CT_OK ? check_database(to) : err;
    err = err == CT_OK ? ct_dir_sync(folder) : err;
    return err == CT_OK ? CT_OK : say(&line, err, folder, "the backup failed; remove it");
}

int ct_backup_restore(const char *folder, const char *state_dir, char *problem, size_t problem_size)
{
    const struct problem line = {problem, problem_size};
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    char from_log[PATH_SIZE];
    char to_log[PATH_SIZE];
    (void)snprintf(from, sizeof from, "%s/fleet.db", folder);
    (void)snprintf(to, sizeof to, "%s/fleet.db", state_dir);
    (void)snprintf(from_log, sizeof from_log, "%s/log", folder);
    (void)snprintf(to_log, sizeof to_log, "%s/log", state_dir);
    if (!exists(from)) {
        return say(&line, CT_ERR_NOT_FOUND, from, "this is no backup");
    }
    if (exists(to) || exists(to_log)) {
        return say(&line, CT_ERR_EXISTS, state_dir, "there is a store; move it away first");
    }
    int err = check_database(from);
    if (err != CT_OK) {
        return say(&line, err, from, "the backup is damaged");
    }
    err = ct_dir_make(state_dir);
    err = err == CT_OK ? copy_log(from_log, to_log) : err;
    err = err == CT_OK ? copy_file(from, to) : err; /* last: without it there is no store */
    err = err == CT_OK ? ct_dir_sync(state_dir) : err;
    return err == CT_OK ? CT_OK : say(&line, err, state_dir, "cannot be restored");
}
