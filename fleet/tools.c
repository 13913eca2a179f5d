#include "tools.h"

#include "backup.h"
#include "bundle.h"
#include "clock.h"
#include "files.h"
#include "log.h"
#include "service.h"
#include "tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int append_line(const char *path, const char *line)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    const size_t len = strlen(line);
    const ssize_t n = write(fd, line, len);
    int err = n == (ssize_t)len ? CT_OK : CT_ERR_IO;
    err = err == CT_OK && fsync(fd) != 0 ? ct_err_from_errno(errno) : err;
    close(fd);
    return err;
}

int ct_fleet_new_token(int argc, char **argv)
{
    char token[CT_TOKEN_SIZE];
    char hash[CT_TOKEN_HASH_SIZE];
    char line[256];
    if (argc != 3) {
        ct_log(CT_LOG_ERROR, "error: --new-token needs FILE NAME ROLE");
        return CT_EXIT_USAGE;
    }
    if (!ct_token_user_valid(argv[1]) || ct_access_of(argv[2]) == CT_ACCESS_NONE) {
        ct_log(CT_LOG_ERROR, "error: the name has letters, digits, '.', '_', '-' and '@'; the role is viewer, operator "
                             "or technician");
        return CT_EXIT_USAGE;
    }
    int err = ct_token_make(token, hash);
    (void)snprintf(line, sizeof line, "%s %s %s\n", argv[1], argv[2], hash);
    err = err == CT_OK ? append_line(argv[0], line) : err;
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: error: cannot be written: %s", argv[0], ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    puts(token);
    ct_log(CT_LOG_INFO,
           "%s has one line more; the token above is shown only now. SIGHUP makes a running backend take it", argv[0]);
    return CT_EXIT_OK;
}

static int make_backup(const char *folder, const struct ct_fleet_settings *settings, char *problem, size_t size)
{
    return ct_backup_make(settings->state_dir, folder, problem, size);
}

static int restore(const char *folder, const struct ct_fleet_settings *settings, char *problem, size_t size)
{
    return ct_backup_restore(folder, settings->state_dir, problem, size);
}

static int write_bundle(const char *path, const struct ct_fleet_settings *settings, char *problem, size_t size)
{
    return ct_bundle_write(settings, ct_clock_utc_now() / CT_NS_PER_MS, path, problem, size);
}

static const struct tool {
    const char *option;
    int (*run)(const char *argument, const struct ct_fleet_settings *settings, char *problem, size_t problem_size);
    const char *done;
} tools[] = {
    {"--backup", make_backup, "holds a copy of the store"},
    {"--restore", restore, "is the store now"},
    {"--support-bundle", write_bundle, "tells how this backend is; it has no keys, tokens or values"},
};

static const struct tool *find_tool(const char *option)
{
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        if (strcmp(option, tools[i].option) == 0) {
            return &tools[i];
        }
    }
    return NULL;
}

bool ct_fleet_is_tool(const char *option)
{
    return find_tool(option) != NULL;
}

int ct_fleet_tool(const char *option, const char *argument, const struct ct_fleet_settings *settings)
{
    char problem[512] = "";
    const struct tool *tool = find_tool(option);
    if (tool == NULL) {
        return CT_EXIT_USAGE;
    }
    const int err = tool->run(argument, settings, problem, sizeof problem);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s", problem);
        return err == CT_ERR_CORRUPT ? CT_EXIT_FAILED : CT_EXIT_ENVIRONMENT;
    }
    ct_log(CT_LOG_INFO, "%s %s", argument, tool->done);
    return CT_EXIT_OK;
}
