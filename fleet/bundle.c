#include "bundle.h"

#include "database.h"
#include "files.h"
#include "json.h"

#include <dirent.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <zmq.h>

#define BUNDLE_MAX (4U * 1024U * 1024U)
#define PATH_SIZE  4400

static void one_file(struct ct_json *json, const char *key, const char *path)
{
    struct stat info;
    if (path == NULL) {
        ct_json_null(json, key);
        return;
    }
    ct_json_object_begin(json, key);
    ct_json_string(json, "path", path);
    if (stat(path, &info) == 0) {
        char mode[16];
        (void)snprintf(mode, sizeof mode, "%04o", (unsigned)info.st_mode & 07777);
        ct_json_int(json, "size", info.st_size);
        ct_json_string(json, "mode", mode);
        ct_json_int(json, "changed_utc_s", info.st_mtim.tv_sec);
    } else {
        ct_json_null(json, "size");
    }
    ct_json_object_end(json);
}

static void program(struct ct_json *json)
{
    struct utsname host;
    int major;
    int minor;
    int patch;
    char zmq[32];
    zmq_version(&major, &minor, &patch);
    (void)snprintf(zmq, sizeof zmq, "%d.%d.%d", major, minor, patch);
    ct_json_object_begin(json, "program");
    ct_json_string(json, "version", CANTWIN_VERSION);
    ct_json_string(json, "sqlite", sqlite3_libversion());
    ct_json_string(json, "libmicrohttpd", MHD_get_version());
    ct_json_string(json, "libzmq", zmq);
    ct_json_string(json, "libsodium", sodium_version_string());
    if (uname(&host) == 0) {
        ct_json_string(json, "kernel", host.release);
        ct_json_string(json, "machine", host.machine);
    }
    ct_json_object_end(json);
}

static void configuration(struct ct_json *json, const struct ct_fleet_settings *settings)
{
    ct_json_object_begin(json, "configuration");
    ct_json_string(json, "link.endpoint", settings->link.endpoint);
    one_file(json, "link.peers", settings->link.peers);
    ct_json_string(json, "publish.endpoint", settings->publish.endpoint);
    ct_json_string(json, "http.address", settings->http.address);
    ct_json_int(json, "http.port", settings->http.port);
    one_file(json, "http.tokens", settings->http.tokens);
    one_file(json, "http.tls_certificate", settings->http.tls_certificate);
    one_file(json, "http.tls_key", settings->http.tls_key);
    ct_json_string(json, "http.allow_origin", settings->http.allow_origin);
    one_file(json, "director_key", settings->director_key);
    ct_json_string(json, "state_dir", settings->state_dir);
    ct_json_int(json, "log_level", settings->log_level);
    ct_json_object_end(json);
}

static void state_files(struct ct_json *json, const char *folder_path)
{
    struct statvfs space;
    DIR *folder = opendir(folder_path);
    ct_json_array_begin(json, "files");
    for (const struct dirent *entry = folder == NULL ? NULL : readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", folder_path, entry->d_name);
        if (entry->d_name[0] != '.') {
            one_file(json, NULL, path);
        }
    }
    ct_json_array_end(json);
    if (folder != NULL) {
        closedir(folder);
    }
    if (statvfs(folder_path, &space) == 0) {
        ct_json_uint(json, "free_bytes", (uint64_t)space.f_bavail * space.f_frsize);
    }
}

/* What is counted in the store: texts of our own, so they may be put into a statement. */
static void store(struct ct_json *json, const char *path)
{
    static const char *const questions[][2] = {
        {"schema", "PRAGMA user_version"},
        {"integrity", "PRAGMA quick_check(1)"},
        {"pages", "PRAGMA page_count"},
        {"page_size", "PRAGMA page_size"},
        {"free_pages", "PRAGMA freelist_count"},
        {"applied", "SELECT value FROM meta WHERE key = 'applied'"},
        {"catalogues", "SELECT count(*) FROM catalogues"},
        {"vehicles", "SELECT count(*) FROM vehicles"},
        {"chunks", "SELECT count(*) FROM chunks"},
        {"samples", "SELECT coalesce(sum(samples), 0) FROM chunks"},
        {"first_sample_us", "SELECT min(t0_us) FROM chunks"},
        {"last_sample_us", "SELECT max(t1_us) FROM chunks"},
        {"gaps", "SELECT count(*) FROM gaps"},
        {"gap_samples", "SELECT coalesce(sum(samples), 0) FROM gaps"},
        {"events", "SELECT count(*) FROM events"},
        {"commands", "SELECT count(*) FROM commands"},
        {"commands_waiting", "SELECT count(*) FROM commands WHERE state = 0"},
        {"audit", "SELECT count(*) FROM audit"},
    };
    sqlite3 *database = NULL;
    ct_json_object_begin(json, "store");
    int code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < sizeof questions / sizeof questions[0]; i++) {
        sqlite3_stmt *ask = NULL;
        const bool answered = sqlite3_prepare_v2(database, questions[i][1], -1, &ask, NULL) == SQLITE_OK &&
                              sqlite3_step(ask) == SQLITE_ROW;
        ct_json_string(json, questions[i][0], answered ? (const char *)sqlite3_column_text(ask, 0) : NULL);
        (void)sqlite3_finalize(ask);
    }
    ct_json_string(json, "error", code == SQLITE_OK ? NULL : sqlite3_errstr(code));
    (void)sqlite3_close(database);
    ct_json_object_end(json);
}

int ct_bundle_write(const struct ct_fleet_settings *settings, int64_t utc_ms, const char *path, char *problem,
                    size_t problem_size)
{
    char place[PATH_SIZE];
    struct ct_buf text;
    struct ct_json json;
    ct_buf_init(&text, BUNDLE_MAX);
    ct_json_init(&json, &text);
    ct_json_object_begin(&json, NULL);
    ct_json_int(&json, "made_utc_ms", utc_ms);
    program(&json);
    configuration(&json, settings);
    ct_json_object_begin(&json, "state");
    state_files(&json, settings->state_dir);
    ct_json_object_end(&json);
    ct_json_object_begin(&json, "log");
    (void)snprintf(place, sizeof place, "%s/log", settings->state_dir);
    state_files(&json, place);
    ct_json_object_end(&json);
    (void)snprintf(place, sizeof place, "%s/fleet.db", settings->state_dir);
    store(&json, place);
    ct_json_object_end(&json);
    ct_buf_text(&text, "\n");
    int err = ct_buf_error(&text);
    err = err == CT_OK ? ct_file_write(path, text.data, text.len, 0600) : err;
    ct_buf_free(&text);
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: cannot be written: %s", path, ct_err_text(err));
    }
    return err;
}
