#include "app.h"

#include "bus.h"
#include "check.h"
#include "clock.h"
#include "keys.h"
#include "link.h"
#include "log.h"
#include "loop.h"
#include "messages.h"
#include "service.h"
#include "socketcan.h"
#include "storage.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TRUST_MAX        16
#define RING_BUS_STORAGE (1024U * 1024U)
#define RING_SMALL       (128U * 1024U)
#define RING_LINK        (1024U * 1024U) /* twice the largest record must fit */
#define PROBLEM_SIZE     1024
#define MMAP_FROM        32768 /* bytes that an allocation has pages of its own from */

struct keys {
    char server_public[CT_Z85_KEY_SIZE];
    char next_server_public[CT_Z85_KEY_SIZE]; /* "": none */
    char own_public[CT_Z85_KEY_SIZE];
    char own_secret[CT_Z85_KEY_SIZE];
    struct ct_trusted_key trusted[TRUST_MAX];
    size_t trusted_count;
};

struct app {
    const struct ct_app_arguments *arguments;
    const struct ct_settings *settings; /* those of the start; what cannot be reloaded is read from here */
    struct ct_settings *first_settings; /* a copy that lives as long as the app */
    struct ct_channels channels;
    struct keys keys;
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    struct ct_bus *bus;
    struct ct_storage *storage;
    struct ct_link *link;
    struct ct_loop loop;
    struct ct_loop_watch signals, retired;
    bool stopping;
    char problem[PROBLEM_SIZE];
};

/* ---- keys and ids */

static int load_link_keys(const struct ct_settings_link *link, struct keys *keys, char *problem)
{
    if (link->endpoint == NULL) {
        return CT_OK;
    }
    int err = ct_key_read_z85(link->server_key, keys->server_public, problem, PROBLEM_SIZE);
    if (err == CT_OK && link->next_server_key != NULL) {
        err = ct_key_read_z85(link->next_server_key, keys->next_server_public, problem, PROBLEM_SIZE);
    }
    return err != CT_OK ? err
                        : ct_key_read_pair_z85(link->key, keys->own_public, keys->own_secret, problem, PROBLEM_SIZE);
}

static int load_keys(const struct ct_settings *settings, struct keys *keys, char *problem)
{
    int err = load_link_keys(&settings->link, keys, problem);
    for (unsigned i = 0; i < settings->trust_count && err == CT_OK; i++) {
        const struct ct_settings_trust *trust = &settings->trust[i];
        uint8_t public_key[CT_SIGN_PUBLIC_SIZE] = {0};
        err = ct_key_read_hex(trust->key, public_key, sizeof public_key, problem, PROBLEM_SIZE);
        ct_trust_key_init(&keys->trusted[i], (enum ct_role)trust->role, public_key);
        keys->trusted_count = i + 1;
    }
    return err;
}

/* The files behind the same names may hold other keys now. */
static const char *changed_keys(const struct keys *a, const struct keys *b)
{
    if (strcmp(a->server_public, b->server_public) != 0 || strcmp(a->next_server_public, b->next_server_public) != 0 ||
        strcmp(a->own_public, b->own_public) != 0 || strcmp(a->own_secret, b->own_secret) != 0) {
        return "link";
    }
    bool same = a->trusted_count == b->trusted_count;
    for (size_t i = 0; same && i < a->trusted_count; i++) {
        same = a->trusted[i].role == b->trusted[i].role &&
               memcmp(a->trusted[i].public_key, b->trusted[i].public_key, CT_SIGN_PUBLIC_SIZE) == 0;
    }
    return same ? NULL : "trust";
}

static bool hex_digit(char c, unsigned *out_value)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    *out_value = at != NULL ? (unsigned)(at - digits) : 0;
    return at != NULL;
}

/* The kernel's id of this boot; random where there is none, which only costs the mapping of times over a restart. */
static void read_boot_id(uint8_t boot_id[CT_BOOT_ID_SIZE])
{
    const ssize_t got = getrandom(boot_id, CT_BOOT_ID_SIZE, 0);
    (void)got;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    char text[64] = "";
    if (file == NULL) {
        return;
    }
    const char *line = fgets(text, sizeof text, file);
    fclose(file);
    unsigned value = 0;
    unsigned count = 0;
    for (const char *c = line; c != NULL && *c != '\0' && count < 2 * CT_BOOT_ID_SIZE; c++) {
        if (hex_digit(*c, &value)) {
            boot_id[count / 2] = (uint8_t)(count % 2 == 0 ? value << 4 : boot_id[count / 2] | value);
            count++;
        }
    }
}

/* ---- parts */

static int open_channels(struct ct_channels *channels)
{
    int err = ct_channel_open(&channels->bus_to_storage, RING_BUS_STORAGE);
    err = err == CT_OK ? ct_channel_open(&channels->storage_to_bus, RING_SMALL) : err;
    err = err == CT_OK ? ct_channel_open(&channels->storage_to_link, RING_LINK) : err;
    return err == CT_OK ? ct_channel_open(&channels->link_to_storage, RING_SMALL) : err;
}

/* References of catalogues that were still on their way. */
static void empty_ring(struct ct_channel *channel)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (channel->ring != NULL && ct_ring_peek(channel->ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_CATALOGUE) {
            struct ct_catalogue *catalogue;
            memcpy(&catalogue, data, sizeof(catalogue));
            ct_catalogue_unref(catalogue);
        }
        ct_ring_pop(channel->ring);
    }
}

static int open_storage(struct app *app, struct ct_catalogue *catalogue)
{
    struct ct_storage_config config = {.vehicle_id = app->settings->vehicle_id,
                                       .state_dir = app->settings->state_dir,
                                       .quota_bytes = (uint64_t)app->settings->outbox.quota_mib << 20,
                                       .commit_ms = app->settings->outbox.commit_ms,
                                       .keys = app->keys.trusted,
                                       .key_count = app->keys.trusted_count};
    memcpy(config.boot_id, app->boot_id, CT_BOOT_ID_SIZE);
    return ct_storage_open(&config, &app->channels, catalogue, &app->storage, app->problem, PROBLEM_SIZE);
}

static int open_link(struct app *app, struct ct_catalogue *catalogue)
{
    struct ct_link_config config = {.endpoint = app->settings->link.endpoint,
                                    .server_public_key = app->keys.server_public,
                                    .next_server_public_key =
                                        app->keys.next_server_public[0] != 0 ? app->keys.next_server_public : NULL,
                                    .public_key = app->keys.own_public,
                                    .secret_key = app->keys.own_secret,
                                    .state_dir = app->settings->state_dir};
    memcpy(config.boot_id, app->boot_id, CT_BOOT_ID_SIZE);
    ct_storage_positions(app->storage, config.stream_id, &config.newest, &config.acked);
    return ct_link_open(&config, &app->channels, catalogue, &app->link, app->problem, PROBLEM_SIZE);
}

static void close_parts(struct app *app)
{
    ct_bus_close(app->bus);
    const int err = ct_storage_close(app->storage);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "the outbox could not be written at the end: %s", ct_err_text(err));
    }
    ct_link_close(app->link);
    empty_ring(&app->channels.bus_to_storage);
    empty_ring(&app->channels.storage_to_link);
    ct_channel_close(&app->channels.bus_to_storage);
    ct_channel_close(&app->channels.storage_to_bus);
    ct_channel_close(&app->channels.storage_to_link);
    ct_channel_close(&app->channels.link_to_storage);
    ct_loop_close(&app->loop);
    ct_settings_free(app->first_settings);
}

/* ---- configuration */

static int load_settings(struct app *app, struct ct_settings **out_settings, enum ct_exit *out_exit)
{
    const struct ct_app_arguments *arguments = app->arguments;
    return ct_settings_load(arguments->config_path, arguments->overrides, arguments->override_count, out_settings,
                            out_exit, app->problem, PROBLEM_SIZE);
}

static int load_model(struct app *app, struct ct_model **out_model, enum ct_exit *out_exit)
{
    struct ct_settings *settings = NULL;
    int err = load_settings(app, &settings, out_exit);
    if (err != CT_OK) {
        return err;
    }
    err = ct_model_load(settings, app->arguments->config_path, out_model, out_exit, app->problem, PROBLEM_SIZE);
    if (err != CT_OK) {
        ct_settings_free(settings);
    }
    return err;
}

/* Takes over `model`, unless it differs in what only a restart can change. */
static void reload_model(struct app *app, struct ct_model *model)
{
    struct keys keys = {0};
    const char *fixed = ct_settings_fixed_difference(app->settings, model->settings);
    const int err = fixed == NULL ? load_keys(model->settings, &keys, app->problem) : CT_OK;
    fixed = fixed == NULL && err == CT_OK ? changed_keys(&app->keys, &keys) : fixed;
    explicit_bzero(&keys, sizeof keys);
    if (err == CT_OK && fixed == NULL) {
        ct_log_open("cantwin-gateway", (enum ct_log_level)model->settings->log_level);
        ct_check_routes(model);
        ct_bus_reload(app->bus, model);
        return;
    }
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s", app->problem);
        ct_log(CT_LOG_ERROR, "not reloaded: the configuration in use stays");
    } else {
        ct_log(CT_LOG_ERROR, "not reloaded: `%s` can only be changed by a restart; the configuration in use stays",
               fixed);
    }
    ct_model_free(model);
}

static void reload(struct app *app)
{
    struct ct_model *model = NULL;
    enum ct_exit exit_code = CT_EXIT_OK;
    ct_service_notify("RELOADING=1");
    if (load_model(app, &model, &exit_code) == CT_OK) {
        reload_model(app, model);
    } else {
        ct_log(CT_LOG_ERROR, "%s", app->problem);
        ct_log(CT_LOG_ERROR, "not reloaded: the configuration in use stays");
    }
    ct_service_notify("READY=1");
}

/* ---- signals and threads */

static void on_signal(struct ct_loop_watch *watch, uint32_t events)
{
    struct app *app = watch->user;
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGHUP) {
        reload(app);
    } else {
        app->stopping = true;
    }
}

static void on_retired(struct ct_loop_watch *watch, uint32_t events)
{
    struct app *app = watch->user;
    (void)events;
    ct_bus_free_retired(app->bus);
    app->stopping = app->stopping || ct_bus_failed(app->bus);
}

static int open_loop(struct app *app, int signal_fd)
{
    app->signals = (struct ct_loop_watch){.fn = on_signal, .user = app};
    app->retired = (struct ct_loop_watch){.fn = on_retired, .user = app};
    int err = ct_loop_open(&app->loop);
    if (err == CT_OK) {
        err = ct_loop_add(&app->loop, &app->signals, signal_fd, EPOLLIN);
    }
    return err == CT_OK ? ct_loop_add(&app->loop, &app->retired, ct_bus_retired_fd(app->bus), EPOLLIN) : err;
}

static void *bus_main(void *bus)
{
    ct_bus_run(bus);
    return NULL;
}

static void *storage_main(void *storage)
{
    ct_storage_run(storage);
    return NULL;
}

static void *link_main(void *link)
{
    ct_link_run(link);
    return NULL;
}

/* The main thread serves the service manager, the bus thread the GPIO line: each looks at all the others. */
static void watch_threads(struct app *app, struct ct_watchdog *watchdog)
{
    ct_watchdog_open(watchdog, ct_clock_now());
    ct_watchdog_add(watchdog, "bus", ct_bus_pulse(app->bus));
    ct_watchdog_add(watchdog, "storage", ct_storage_pulse(app->storage));
    ct_watchdog_add(watchdog, "link", ct_link_pulse(app->link));
    ct_bus_watch_thread(app->bus, "main", &app->loop.pulse);
    ct_bus_watch_thread(app->bus, "storage", ct_storage_pulse(app->storage));
    ct_bus_watch_thread(app->bus, "link", ct_link_pulse(app->link));
}

static void wait_for_stop(struct app *app, struct ct_watchdog *watchdog)
{
    while (!app->stopping) {
        const char *stuck = ct_watchdog_turn(watchdog, ct_clock_now());
        if (stuck != NULL) {
            ct_log(CT_LOG_WARNING, "the thread %s does not come back; the watchdog is not served", stuck);
        }
        if (ct_loop_wait(&app->loop, watchdog->due) != CT_OK) {
            ct_log(CT_LOG_ERROR, "signals cannot be waited for");
            break;
        }
    }
    ct_service_notify("STOPPING=1");
    ct_bus_stop(app->bus); /* the stop travels down the chain behind everything that is under way */
}

static int run_threads(struct app *app)
{
    static const char *const names[] = {"bus", "storage", "link"};
    void *(*const mains[])(void *) = {bus_main, storage_main, link_main};
    void *const parts[] = {app->bus, app->storage, app->link};
    pthread_t threads[3];
    struct ct_watchdog watchdog;
    watch_threads(app, &watchdog);
    for (size_t i = 3; i-- > 0;) {
        if (pthread_create(&threads[i], NULL, mains[i], parts[i]) != 0) {
            ct_log(CT_LOG_ERROR, "thread %s cannot be started", names[i]);
            _exit(CT_EXIT_ENVIRONMENT); /* nothing was taken from a bus yet */
        }
        pthread_setname_np(threads[i], names[i]);
    }
    const size_t routes = ct_socketcan_kernel_routes();
    if (routes > 0) {
        ct_log(CT_LOG_WARNING,
               "the kernel routes CAN frames by %zu rules of its own, past routes and policy (`cangw -L`)", routes);
    }
    ct_log(CT_LOG_INFO, "ready");
    ct_service_notify("READY=1");
    wait_for_stop(app, &watchdog);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    return ct_bus_failed(app->bus) ? CT_ERR_CORRUPT : CT_OK;
}

/* ---- start */

/* SIGTERM, SIGINT and SIGHUP are taken from a descriptor, by the main thread alone. */
static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum ct_exit open_all(struct app *app, struct ct_model *model)
{
    enum ct_exit exit_code = CT_EXIT_ENVIRONMENT;
    int err = open_channels(&app->channels);
    if (err != CT_OK) {
        snprintf(app->problem, PROBLEM_SIZE, "error: the threads cannot be joined: %s", ct_err_text(err));
        ct_model_free(model);
        return exit_code;
    }
    struct ct_catalogue *catalogue = ct_catalogue_ref(ct_bind_catalogue(model->pipeline.bind));
    err = ct_bus_open(model, &app->channels, app->boot_id, &app->bus, &exit_code, app->problem, PROBLEM_SIZE);
    if (err != CT_OK) {
        ct_model_free(model);
    } else {
        exit_code = CT_EXIT_ENVIRONMENT;
        err = open_storage(app, catalogue);
    }
    if (err == CT_OK) {
        err = open_link(app, catalogue);
        exit_code = err == CT_ERR_ARGUMENT || err == CT_ERR_SYNTAX ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    ct_catalogue_unref(catalogue);
    return err == CT_OK ? CT_EXIT_OK : exit_code;
}

static enum ct_exit start(struct app *app, struct ct_model *model, int signal_fd)
{
    read_boot_id(app->boot_id);
    const enum ct_exit exit_code = open_all(app, model);
    if (exit_code != CT_EXIT_OK) {
        ct_log(CT_LOG_ERROR, "%s", app->problem);
        return exit_code;
    }
    const int err = open_loop(app, signal_fd);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "signals cannot be received: %s", ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    return run_threads(app) == CT_OK ? CT_EXIT_OK : CT_EXIT_FAILED;
}

/* Settings, model and keys: everything that can be wrong without touching a bus or the disk. */
static enum ct_exit prepare(struct app *app, struct ct_model **out_model)
{
    enum ct_exit exit_code = CT_EXIT_OK;
    if (load_settings(app, &app->first_settings, &exit_code) != CT_OK ||
        load_model(app, out_model, &exit_code) != CT_OK || *out_model == NULL) {
        return exit_code != CT_EXIT_OK ? exit_code : CT_EXIT_FAILED;
    }
    app->settings = app->first_settings;
    ct_log_open("cantwin-gateway", (enum ct_log_level)app->settings->log_level);
    ct_check_routes(*out_model);
    if (load_keys(app->settings, &app->keys, app->problem) != CT_OK) {
        ct_model_free(*out_model);
        return CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

enum ct_exit ct_app_run(const struct ct_app_arguments *arguments)
{
    if (arguments->check_only) {
        return ct_check_config(arguments);
    }
    /* What reading the files takes, now and at a reload, goes back to the system and leaves no holes. */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
    struct app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    const int signal_fd = block_signals();
    struct ct_model *model = NULL;
    app->arguments = arguments;
    app->loop = (struct ct_loop){.epoll_fd = -1, .timer_fd = -1, .armed = CT_NS_NEVER};
    enum ct_exit exit_code = prepare(app, &model);
    if (exit_code != CT_EXIT_OK) {
        ct_log(CT_LOG_ERROR, "%s", app->problem);
    } else {
        exit_code = start(app, model, signal_fd);
    }
    close_parts(app);
    close(signal_fd);
    free(app);
    return exit_code;
}
