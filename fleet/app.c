#include "app.h"

#include "app_private.h"
#include "files.h"
#include "keys.h"
#include "log.h"
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct problem {
    char *text;
    size_t size;
};

static int say(const struct problem *problem, int err, const char *what, const char *where)
{
    (void)snprintf(problem->text, problem->size, "%s: error: %s: %s", where, what, ct_err_text(err));
    return err;
}

void ct_fleet_app_fail(struct ct_fleet_app *app, const char *where, int err)
{
    int expected = CT_OK;
    ct_log(CT_LOG_ERROR, "%s: error: %s; the process ends, a restart goes on from what is durable", where,
           ct_err_text(err));
    if (atomic_compare_exchange_strong(&app->failed, &expected, err)) {
        (void)kill(getpid(), SIGTERM);
    }
}

/* ------------------------------------------------------------------------------------------------ state folder */

static int prepare_folder(struct ct_fleet_app *app, const struct problem *problem)
{
    const char *state_dir = app->settings.state_dir;
    char lock[4200];
    (void)snprintf(app->database_path, sizeof app->database_path, "%s/fleet.db", state_dir);
    (void)snprintf(app->log_folder, sizeof app->log_folder, "%s/log", state_dir);
    (void)snprintf(lock, sizeof lock, "%s/lock", state_dir);
    const int err = ct_dir_make(state_dir);
    if (err != CT_OK) {
        return say(problem, err, "cannot make the state folder", state_dir);
    }
    app->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (app->lock_fd < 0) {
        return say(problem, ct_err_from_errno(errno), "cannot be written", lock);
    }
    if (flock(app->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return say(problem, CT_ERR_BUSY, "another cantwin-fleet uses this state folder", state_dir);
    }
    return CT_OK;
}

static int open_log(struct ct_fleet_app *app, const struct problem *problem)
{
    uint64_t cut = 0;
    uint64_t applied = 0;
    int err = ct_restore_applied(app->database_path, &applied, problem->text, problem->size);
    if (err != CT_OK) {
        return err;
    }
    err = ct_ingest_log_open(app->log_folder, CT_INGEST_SEGMENT_BYTES, applied, &app->log, &cut);
    if (err != CT_OK) {
        return say(problem, err, "the ingest log cannot be opened", app->log_folder);
    }
    if (cut > 0) {
        ct_log(CT_LOG_WARNING,
               "%s: cut %llu bytes that hold no whole entry: an unfinished write, or damage; what was "
               "acknowledged of it is reported as a gap",
               app->log_folder, (unsigned long long)cut);
    }
    struct ct_ingest_ops ops = ct_ingest_thread_ops;
    ops.user = app;
    err = ct_ingest_create(app->log, &ops, &app->ingest);
    if (err != CT_OK) {
        return say(problem, err, "cannot start", "ingest");
    }
    return ct_restore(app->ingest, app->database_path, app->log_folder, ct_ingest_log_durable(app->log), problem->text,
                      problem->size);
}

static int open_folder(struct ct_fleet_app *app, const struct problem *problem)
{
    const struct ct_fleet_retention_settings *keep = &app->settings.retention;
    const struct ct_folder_config config = {.database_path = app->database_path,
                                            .log_folder = app->log_folder,
                                            .log_end = ct_ingest_log_durable(app->log),
                                            .director_secret = app->director_secret,
                                            .retention = {.history_days = keep->history_days,
                                                          .events_days = keep->events_days,
                                                          .commands_days = keep->commands_days,
                                                          .audit_days = keep->audit_days}};
    struct ct_folder_ops ops = ct_folder_thread_ops;
    ops.user = app;
    const struct ct_moment moment = {ct_clock_now(), ct_clock_utc_now()};
    return ct_folder_open(&config, &ops, moment, &app->folder, problem->text, problem->size);
}

/* ------------------------------------------------------------------------------------------------ sockets */

static struct ct_peers_mark mark_peers(const struct ct_fleet_app *app)
{
    struct stat status;
    if (stat(app->settings.link.peers, &status) != 0) {
        return (struct ct_peers_mark){0, 0, 0};
    }
    return (struct ct_peers_mark){status.st_mtim.tv_sec * CT_NS_PER_S + status.st_mtim.tv_nsec,
                                  (uint64_t)status.st_size, (uint64_t)status.st_ino};
}

bool ct_fleet_app_peers_changed(const struct ct_fleet_app *app)
{
    const struct ct_peers_mark now = mark_peers(app);
    const struct ct_peers_mark *then = &app->peers_mark;
    return now.written_ns != then->written_ns || now.size != then->size || now.node != then->node;
}

static int read_peers(struct ct_fleet_app *app, struct ct_zmq_peer **out_peers, size_t *out_count,
                      const struct problem *problem)
{
    app->peers_mark = mark_peers(app); /* before: what is written while it is read is read again */
    return ct_peers_load(app->settings.link.peers, out_peers, out_count, problem->text, problem->size);
}

static int mind_publisher(struct ct_fleet_app *app)
{
    char endpoint[256];
    const int err = ct_zmq_publisher_endpoint(app->publisher, endpoint, sizeof endpoint);
    return err == CT_OK ? ct_zmq_fleet_mind_also(app->socket, endpoint) : err;
}

static int open_sockets(struct ct_fleet_app *app, const char *secret_key, const struct problem *problem)
{
    struct ct_zmq_peer *peers = NULL;
    size_t count = 0;
    int err = read_peers(app, &peers, &count, problem);
    if (err != CT_OK) {
        return err;
    }
    err = ct_zmq_context_open(peers, count, &app->context);
    free(peers);
    if (err != CT_OK) {
        return say(problem, err, "the key check of ZeroMQ does not work here", "link");
    }
    err = ct_zmq_fleet_open(app->context, app->settings.link.endpoint, secret_key, &app->socket);
    if (err != CT_OK) {
        return say(problem, err, "cannot listen for vehicles; see --link.endpoint", app->settings.link.endpoint);
    }
    err = ct_zmq_publisher_open(app->context, app->settings.publish.endpoint, secret_key, &app->publisher);
    err = err == CT_OK ? mind_publisher(app) : err;
    if (err != CT_OK) {
        return say(problem, err, "cannot listen for subscribers; see --publish.endpoint",
                   app->settings.publish.endpoint);
    }
    return ct_fleet_app_open_http(app, problem->text, problem->size);
}

static int read_keys_and_open(struct ct_fleet_app *app, const struct problem *problem)
{
    char public_key[CT_Z85_KEY_SIZE];
    char secret_key[CT_Z85_KEY_SIZE];
    int err = ct_key_read_hex(app->settings.director_key, app->director_secret, sizeof app->director_secret,
                              problem->text, problem->size);
    if (err == CT_OK) {
        err = ct_key_read_pair_z85(app->settings.link.key, public_key, secret_key, problem->text, problem->size);
    }
    if (err == CT_OK) {
        err = open_sockets(app, secret_key, problem);
    }
    sodium_memzero(secret_key, sizeof secret_key);
    return err;
}

/* ------------------------------------------------------------------------------------------------ threads */

static int make_channel(struct ct_fleet_channel *channel, size_t bytes, int wake)
{
    channel->wake = wake;
    return ct_ring_create(bytes, &channel->ring);
}

static int make_channels(struct ct_fleet_app *app, const struct problem *problem)
{
    int err = ct_fleet_wake_make(&app->wake_ingest);
    err = err == CT_OK ? ct_fleet_wake_make(&app->wake_folder) : err;
    err = err == CT_OK ? ct_fleet_wake_make(&app->wake_http) : err;
    err = err == CT_OK ? make_channel(&app->news, CT_NEWS_RING_BYTES, app->wake_folder) : err;
    err = err == CT_OK ? make_channel(&app->commands, CT_COMMAND_RING_BYTES, app->wake_ingest) : err;
    err = err == CT_OK ? make_channel(&app->asks, CT_ASK_RING_BYTES, app->wake_folder) : err;
    err = err == CT_OK ? make_channel(&app->to_http, CT_HTTP_RING_BYTES, app->wake_http) : err;
    return err == CT_OK ? CT_OK : say(problem, err, "cannot start", "threads");
}

static bool start(pthread_t *thread, void *(*run)(void *), struct ct_fleet_app *app, const char *name)
{
    if (pthread_create(thread, NULL, run, app) != 0) {
        return false;
    }
    (void)pthread_setname_np(*thread, name);
    return true;
}

static int start_threads(struct ct_fleet_app *app, const struct problem *problem)
{
    app->folder_runs = start(&app->folder_thread, ct_folder_thread, app, "folder");
    app->ingest_runs = app->folder_runs && start(&app->ingest_thread, ct_ingest_thread, app, "ingest");
    app->http_runs = app->ingest_runs && start(&app->http_thread, ct_http_thread, app, "http");
    return app->http_runs ? CT_OK : say(problem, CT_ERR_NO_MEMORY, "cannot start", "threads");
}

static int open_webhook(struct ct_fleet_app *app, const struct problem *problem)
{
    const char *url = app->settings.alerts.webhook;
    const int err = url == NULL ? CT_OK : ct_webhook_open(url, &app->webhook);
    return err == CT_OK
               ? CT_OK
               : say(problem, err, "must be an address that begins with http:// or https://", "alerts.webhook");
}

static int open_all(struct ct_fleet_app *app, const struct problem *problem)
{
    int err = prepare_folder(app, problem);
    err = err == CT_OK ? make_channels(app, problem) : err;
    err = err == CT_OK ? open_log(app, problem) : err;
    err = err == CT_OK ? read_keys_and_open(app, problem) : err;
    err = err == CT_OK ? open_webhook(app, problem) : err;
    err = err == CT_OK ? open_folder(app, problem) : err;
    return err == CT_OK ? start_threads(app, problem) : err;
}

int ct_fleet_app_start(const struct ct_fleet_settings *settings, struct ct_fleet_app **out_app, char *problem,
                       size_t problem_size)
{
    const struct problem line = {problem, problem_size};
    struct ct_fleet_app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        return say(&line, CT_ERR_NO_MEMORY, "cannot start", "cantwin-fleet");
    }
    app->settings = *settings;
    pthread_mutex_init(&app->synced_lock, NULL);
    pthread_cond_init(&app->synced, NULL);
    app->lock_fd = app->wake_ingest = app->wake_folder = app->wake_http = -1;
    const int err = open_all(app, &line);
    if (err != CT_OK) {
        (void)ct_fleet_app_stop(app);
        return err;
    }
    *out_app = app;
    return CT_OK;
}

static void end_thread(bool runs, pthread_t thread, atomic_bool *stop, int wake)
{
    if (runs) {
        atomic_store(stop, true);
        ct_fleet_wake(wake);
        (void)pthread_join(thread, NULL);
    }
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

int ct_fleet_app_stop(struct ct_fleet_app *app)
{
    if (app == NULL) {
        return CT_OK;
    }
    end_thread(app->http_runs, app->http_thread, &app->stop_http, app->wake_http);
    end_thread(app->ingest_runs, app->ingest_thread, &app->stop_ingest, app->wake_ingest);
    end_thread(app->folder_runs, app->folder_thread, &app->stop_folder, app->wake_folder);
    const int failed = atomic_load(&app->failed);
    if (failed == CT_OK) {
        ct_http_close(app->http); /* after a failure calls may still be parked: the process ends anyway */
    }
    ct_folder_abandon(app->folder);
    ct_webhook_close(app->webhook);
    ct_ingest_free(app->ingest);
    ct_ingest_log_close(app->log);
    ct_zmq_publisher_close(app->publisher);
    ct_zmq_fleet_close(app->socket);
    ct_zmq_context_close(app->context);
    ct_ring_destroy(app->news.ring);
    ct_ring_destroy(app->commands.ring);
    ct_ring_destroy(app->asks.ring);
    ct_ring_destroy(app->to_http.ring);
    close_fd(app->wake_ingest);
    close_fd(app->wake_folder);
    close_fd(app->wake_http);
    close_fd(app->lock_fd);
    pthread_cond_destroy(&app->synced);
    pthread_mutex_destroy(&app->synced_lock);
    sodium_memzero(app->director_secret, sizeof app->director_secret);
    free(app->tls_certificate);
    if (app->tls_key != NULL) {
        sodium_memzero(app->tls_key, strlen(app->tls_key));
        free(app->tls_key);
    }
    free(app);
    return failed;
}

int ct_fleet_app_reload(struct ct_fleet_app *app, char *problem, size_t problem_size)
{
    const struct problem line = {problem, problem_size};
    struct ct_zmq_peer *peers = NULL;
    size_t count = 0;
    int err = read_peers(app, &peers, &count, &line);
    if (err != CT_OK) {
        return err;
    }
    err = ct_zmq_context_allow(app->context, peers, count);
    free(peers);
    ct_fleet_wake(app->wake_folder); /* the publisher follows */
    return err == CT_OK ? ct_fleet_app_reload_tokens(app, problem, problem_size)
                        : say(&line, err, "cannot take over the peers", app->settings.link.peers);
}

void ct_fleet_app_watch(const struct ct_fleet_app *app, struct ct_watchdog *watchdog)
{
    ct_watchdog_add(watchdog, "ingest", &app->ingest_pulse);
    ct_watchdog_add(watchdog, "folder", &app->folder_pulse);
    ct_watchdog_add(watchdog, "http", &app->http_pulse);
}

void ct_fleet_app_mind(struct ct_fleet_app *app)
{
    switch (ct_zmq_fleet_mind(app->socket)) {
    case CT_ZMQ_DOOR_CLOSED:
        ct_log(CT_LOG_WARNING, "link: hardly any descriptor is left: no new connection until there are more; raise "
                               "LimitNOFILE");
        break;
    case CT_ZMQ_DOOR_OPENED:
        ct_log(CT_LOG_INFO, "link: descriptors are left again: new connections come in");
        break;
    case CT_ZMQ_DOOR_SAME:
    default:
        break;
    }
}
