#include "app_private.h"

#include "log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define DRAIN_MAX    1024
#define GROUP_NS     (10 * CT_NS_PER_MS) /* longest time a received record waits for its sync */
#define IDLE_WAIT_MS 200

static struct ct_news_head head_of(const struct ct_fleet_app *app, const char *vehicle_id)
{
    struct ct_news_head head = {.utc_ns = ct_clock_utc_now(), .log_offset = ct_ingest_log_durable(app->log)};
    (void)snprintf(head.vehicle_id, sizeof head.vehicle_id, "%s", vehicle_id);
    return head;
}

static int on_send(void *user, const char *vehicle_id, const void *data, size_t len)
{
    struct ct_fleet_app *app = user;
    return ct_zmq_fleet_send(app->socket, vehicle_id, data, len);
}

static void tell(struct ct_fleet_app *app, enum ct_news what, const char *vehicle_id, const void *data, size_t len)
{
    const struct ct_news_head head = head_of(app, vehicle_id);
    /* Half of the ring is kept for what must not be lost. */
    const bool may_wait = what == CT_NEWS_STATE || what == CT_NEWS_SEEN || what == CT_NEWS_WANTED;
    if (may_wait && ct_ring_used(app->news.ring) > CT_NEWS_RING_BYTES / 2) {
        return;
    }
    if (ct_fleet_channel_push(&app->news, what, &head, sizeof head, data, len) != CT_OK) {
        ct_log(CT_LOG_WARNING, "ingest: the folder is too far behind; news of %s lost", vehicle_id);
    }
}

static void on_hello(void *user, const char *vehicle_id, const char *software)
{
    ct_log(CT_LOG_INFO, "vehicle %s connected (%s)", vehicle_id, software);
    tell(user, CT_NEWS_HELLO, vehicle_id, software, strlen(software) + 1);
}

static void on_seen(void *user, const char *vehicle_id, int64_t utc_ns)
{
    (void)utc_ns;
    tell(user, CT_NEWS_SEEN, vehicle_id, NULL, 0);
}

static void on_lost(void *user, const char *vehicle_id)
{
    ct_log(CT_LOG_INFO, "vehicle %s lost: nothing received any more", vehicle_id);
    tell(user, CT_NEWS_LOST, vehicle_id, NULL, 0);
}

static void on_state(void *user, const char *vehicle_id, const uint8_t *state, size_t len)
{
    tell(user, CT_NEWS_STATE, vehicle_id, state, len);
}

static void on_wanted(void *user, const char *vehicle_id, const uint8_t *wanted, size_t len)
{
    tell(user, CT_NEWS_WANTED, vehicle_id, wanted, len);
}

const struct ct_ingest_ops ct_ingest_thread_ops = {
    .send = on_send, .hello = on_hello, .seen = on_seen, .lost = on_lost, .state = on_state, .wanted = on_wanted};

/* Receives until the socket is empty or the group must be made durable. Returns how many. */
static size_t drain(struct ct_fleet_app *app, int *out_err)
{
    const ct_ns begin = ct_clock_now();
    ct_ns now = begin;
    size_t count = 0;
    *out_err = CT_OK;
    while (count < DRAIN_MAX && now - begin < GROUP_NS) {
        const char *vehicle_id;
        const uint8_t *data;
        size_t len;
        const int err = ct_zmq_fleet_receive(app->socket, &vehicle_id, &data, &len);
        if (err != CT_OK) {
            *out_err = err == CT_ERR_AGAIN ? CT_OK : err;
            break;
        }
        now = ct_clock_now();
        *out_err = ct_ingest_receive(app->ingest, vehicle_id, data, len, now, ct_clock_utc_now());
        count++;
        if (*out_err != CT_OK) {
            break;
        }
    }
    return count;
}

static void report_shared_keys(struct ct_fleet_app *app)
{
    const char *vehicle_id;
    while ((vehicle_id = ct_zmq_fleet_shared_key(app->socket)) != NULL) {
        ct_log(CT_LOG_WARNING, "the key of vehicle %s is used from two places; make it a new one and revoke this",
               vehicle_id);
        tell(app, CT_NEWS_SHARED_KEY, vehicle_id, NULL, 0);
    }
}

static void pass_command(struct ct_fleet_app *app, uint32_t type, const uint8_t *data, size_t len)
{
    struct ct_news_head head;
    memcpy(&head, data, sizeof head);
    if (type == CT_ORDER_RESEND) {
        ct_ingest_resend(app->ingest, head.vehicle_id);
        return;
    }
    const uint8_t *content = data + sizeof head;
    const size_t content_len = len - sizeof head;
    const int err = type == CT_ORDER_COMMAND
                        ? ct_ingest_command(app->ingest, head.vehicle_id, content, content_len)
                        : ct_ingest_update(app->ingest, head.vehicle_id, type == CT_ORDER_CHUNK, content, content_len);
    /* A chunk that was not sent is asked for again. */
    if (err != CT_OK && err != CT_ERR_NOT_FOUND && type != CT_ORDER_CHUNK) {
        tell(app, CT_NEWS_RETRY, head.vehicle_id, NULL, 0);
    }
}

static size_t pass_commands(struct ct_fleet_app *app)
{
    uint32_t type;
    const void *data;
    size_t len;
    size_t count = 0;
    while (ct_ring_peek(app->commands.ring, &type, &data, &len) == CT_OK) {
        pass_command(app, type, data, len);
        ct_ring_pop(app->commands.ring);
        count++;
    }
    return count;
}

static void publish_counters(struct ct_fleet_app *app)
{
    struct ct_ingest_stats stats;
    ct_ingest_stats_get(app->ingest, &stats);
    app->envelopes = stats.envelopes;
    app->link_duplicates = stats.duplicates;
    app->malformed = stats.malformed;
    app->connected = stats.connected;
}

/* Sends may swallow the socket's edge, so it sleeps only after a round in which nothing was received or sent. */
static void sleep_until(struct ct_fleet_app *app, ct_ns next)
{
    struct pollfd fds[] = {{.fd = ct_zmq_fleet_fd(app->socket), .events = POLLIN},
                           {.fd = app->wake_ingest, .events = POLLIN}};
    const int wait_ms = ct_ns_wait_ms(ct_clock_now(), next);
    ct_pulse_rest(&app->ingest_pulse);
    (void)poll(fds, 2, wait_ms < 0 || wait_ms > IDLE_WAIT_MS ? IDLE_WAIT_MS : wait_ms);
    ct_fleet_wake_clear(app->wake_ingest);
}

static void tell_synced(struct ct_fleet_app *app, bool ended)
{
    app->synced_to = ct_ingest_log_durable(app->log);
    pthread_mutex_lock(&app->synced_lock);
    app->ingest_ended = ended;
    pthread_cond_signal(&app->synced);
    pthread_mutex_unlock(&app->synced_lock);
}

/* The folder publishes what came in while it is synced: the vehicle keeps it until it is acknowledged. */
static int make_durable(struct ct_fleet_app *app)
{
    int err = ct_ingest_write(app->ingest);
    if (ct_ingest_log_readable(app->log) != app->synced_to) {
        ct_fleet_wake(app->wake_folder);
    }
    err = err == CT_OK ? ct_ingest_sync(app->ingest, ct_clock_now()) : err;
    if (ct_ingest_log_durable(app->log) != app->synced_to) {
        tell_synced(app, false);
    }
    return err;
}

void *ct_ingest_thread(void *user)
{
    struct ct_fleet_app *app = user;
    int err = CT_OK;
    for (bool last = false; err == CT_OK && !last;) {
        ct_pulse_work(&app->ingest_pulse);
        last = atomic_load(&app->stop_ingest);
        size_t work = drain(app, &err);
        report_shared_keys(app);
        if (err == CT_OK) {
            err = make_durable(app);
        }
        work += pass_commands(app);
        const ct_ns next = ct_ingest_tick(app->ingest, ct_clock_now(), ct_clock_utc_now());
        publish_counters(app);
        if (err == CT_OK && work == 0 && !last) {
            sleep_until(app, next);
        }
    }
    tell_synced(app, true);
    if (err != CT_OK) {
        ct_fleet_app_fail(app, "ingest", err);
    }
    return NULL;
}
