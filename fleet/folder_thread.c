#include "app_private.h"

#include "log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define STEP_RECORDS 256

static struct ct_moment moment(void)
{
    return (struct ct_moment){ct_clock_now(), ct_clock_utc_now()};
}

static void on_publish(void *user, const char *topic, const void *data, size_t len)
{
    struct ct_fleet_app *app = user;
    ct_zmq_publisher_send(app->publisher, topic, data, len);
}

static void on_stream(void *user, const char *vehicle_id, const char *event, const char *json, size_t len)
{
    struct ct_fleet_app *app = user;
    struct ct_event_head head = {{0}, {0}};
    (void)snprintf(head.vehicle_id, sizeof head.vehicle_id, "%s", vehicle_id);
    (void)snprintf(head.event, sizeof head.event, "%s", event);
    /* Answers need little room and must always find it; a lost event is noticed by its revision. */
    if (ct_ring_used(app->to_http.ring) > CT_HTTP_RING_BYTES / 2 ||
        ct_fleet_channel_push(&app->to_http, CT_HTTP_EVENT, &head, sizeof head, json, len) != CT_OK) {
        ct_log(CT_LOG_DEBUG, "folder: an event for browsers was dropped, they are too slow");
    }
}

/* The ingest thread syncs without pause, so this waits for one sync at most; it says so after each, and when it ends.
 */
static int on_durable(void *user, uint64_t offset)
{
    struct ct_fleet_app *app = user;
    pthread_mutex_lock(&app->synced_lock);
    while (ct_ingest_log_durable(app->log) < offset && !app->ingest_ended) {
        pthread_cond_wait(&app->synced, &app->synced_lock);
    }
    pthread_mutex_unlock(&app->synced_lock);
    return ct_ingest_log_durable(app->log) < offset ? CT_ERR_IO : CT_OK;
}

static void on_alert(void *user, const char *json, size_t len)
{
    struct ct_fleet_app *app = user;
    ct_webhook_send(app->webhook, json, len);
}

static int on_command(void *user, const char *vehicle_id, const uint8_t *signed_command, size_t len)
{
    struct ct_fleet_app *app = user;
    struct ct_news_head head = {{0}, 0, 0};
    (void)snprintf(head.vehicle_id, sizeof head.vehicle_id, "%s", vehicle_id);
    return ct_fleet_channel_push(&app->commands, CT_ORDER_COMMAND, &head, sizeof head, signed_command, len);
}

static int on_resend(void *user, const char *vehicle_id)
{
    struct ct_fleet_app *app = user;
    struct ct_news_head head = {{0}, 0, 0};
    (void)snprintf(head.vehicle_id, sizeof head.vehicle_id, "%s", vehicle_id);
    return ct_fleet_channel_push(&app->commands, CT_ORDER_RESEND, &head, sizeof head, NULL, 0);
}

/* Chunks leave half of the ring to what must not wait for them. */
static int on_update(void *user, const char *vehicle_id, bool chunk, const uint8_t *data, size_t len)
{
    struct ct_fleet_app *app = user;
    struct ct_news_head head = {{0}, 0, 0};
    if (ct_ring_used(app->commands.ring) > CT_COMMAND_RING_BYTES / 2) {
        return CT_ERR_FULL;
    }
    (void)snprintf(head.vehicle_id, sizeof head.vehicle_id, "%s", vehicle_id);
    return ct_fleet_channel_push(&app->commands, chunk ? CT_ORDER_CHUNK : CT_ORDER_OFFER, &head, sizeof head, data,
                                 len);
}

const struct ct_folder_ops ct_folder_thread_ops = {.durable = on_durable,
                                                   .publish = on_publish,
                                                   .stream = on_stream,
                                                   .alert = on_alert,
                                                   .command = on_command,
                                                   .resend = on_resend,
                                                   .update = on_update};

static int take_news(struct ct_fleet_app *app, uint32_t type, const struct ct_news_head *head, const uint8_t *data,
                     size_t len)
{
    const char *vehicle_id = head->vehicle_id;
    switch (type) {
    case CT_NEWS_HELLO:
        return ct_folder_vehicle_hello(app->folder, vehicle_id, (const char *)data, moment());
    case CT_NEWS_SEEN:
        ct_folder_vehicle_seen(app->folder, vehicle_id, head->utc_ns / CT_NS_PER_MS);
        return CT_OK;
    case CT_NEWS_LOST:
        return ct_folder_vehicle_lost(app->folder, vehicle_id, moment());
    case CT_NEWS_STATE:
        ct_folder_vehicle_state(app->folder, vehicle_id, data, len, moment());
        return CT_OK;
    case CT_NEWS_SHARED_KEY:
        return ct_folder_vehicle_event(app->folder, vehicle_id, "key-used-twice",
                                       "two connections use this vehicle's key at once", moment());
    case CT_NEWS_WANTED:
        return ct_folder_vehicle_wants(app->folder, vehicle_id, data, len, moment());
    case CT_NEWS_RETRY:
    default:
        ct_folder_vehicle_retry(app->folder, vehicle_id);
        return CT_OK;
    }
}

/* *out_waits: the first one needs more of the log to be applied. */
static int read_news(struct ct_fleet_app *app, bool *out_waits)
{
    uint32_t type;
    const void *data;
    size_t len;
    int err = CT_OK;
    *out_waits = false;
    while (err == CT_OK && ct_ring_peek(app->news.ring, &type, &data, &len) == CT_OK) {
        struct ct_news_head head;
        struct ct_folder_stats stats;
        memcpy(&head, data, sizeof head);
        ct_folder_stats_get(app->folder, &stats);
        if (stats.applied < head.log_offset) {
            *out_waits = true;
            break;
        }
        err = take_news(app, type, &head, (const uint8_t *)data + sizeof head, len - sizeof head);
        ct_ring_pop(app->news.ring);
    }
    return err;
}

static struct ct_api_counters counters_of(struct ct_fleet_app *app)
{
    const struct ct_http_counters *http = ct_http_counters(app->http);
    struct ct_webhook_counters webhook;
    ct_webhook_counters_get(app->webhook, &webhook);
    return (struct ct_api_counters){
        .log_bytes = ct_ingest_log_durable(app->log),
        .envelopes = app->envelopes,
        .link_duplicates = app->link_duplicates,
        .malformed = app->malformed,
        .connected = app->connected,
        .handshakes_refused = ct_zmq_context_refused(app->context),
        .http_requests = http->requests,
        .http_refused = http->refused,
        .sse_clients = http->streams,
        .sse_dropped = http->dropped,
        .webhook_sent = webhook.sent,
        .webhook_lost = webhook.failed + webhook.dropped,
    };
}

static int answer(struct ct_fleet_app *app, struct ct_http_call *call)
{
    const struct ct_api_counters counters = counters_of(app);
    const int fatal = ct_api_handle(app->folder, &call->request, &counters, moment(), &call->answer);
    const int err = ct_fleet_channel_push(&app->to_http, CT_HTTP_ANSWER, &call, sizeof call, NULL, 0);
    return fatal != CT_OK ? fatal : err;
}

static int read_asks(struct ct_fleet_app *app)
{
    uint32_t type;
    const void *data;
    size_t len;
    int err = CT_OK;
    while (err == CT_OK && ct_ring_peek(app->asks.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_ASK_CALL) {
            struct ct_http_call *call;
            memcpy(&call, data, sizeof call);
            err = answer(app, call);
        } else {
            ct_folder_watch(app->folder, data, type == CT_ASK_WATCH);
        }
        ct_ring_pop(app->asks.ring);
    }
    return err;
}

static int round_once(struct ct_fleet_app *app, bool *out_idle, ct_ns *out_next)
{
    bool waits = false;
    int err = ct_folder_step(app->folder, ct_ingest_log_readable(app->log), STEP_RECORDS, moment());
    *out_idle = err == CT_ERR_END;
    err = err == CT_ERR_END ? CT_OK : err;
    err = err == CT_OK ? read_news(app, &waits) : err;
    err = err == CT_OK ? read_asks(app) : err;
    *out_idle = *out_idle && !waits;
    return err == CT_OK ? ct_folder_tick(app->folder, moment(), out_next) : err;
}

static void sleep_until(struct ct_fleet_app *app, ct_ns next)
{
    struct pollfd fds[] = {{.fd = app->wake_folder, .events = POLLIN},
                           {.fd = ct_zmq_publisher_fd(app->publisher), .events = POLLIN}};
    ct_pulse_rest(&app->folder_pulse);
    (void)poll(fds, 2, ct_ns_wait_ms(ct_clock_now(), next));
    ct_fleet_wake_clear(app->wake_folder);
}

void *ct_folder_thread(void *user)
{
    struct ct_fleet_app *app = user;
    int err = CT_OK;
    for (bool last = false; err == CT_OK && !last;) {
        ct_pulse_work(&app->folder_pulse);
        const bool stopping = atomic_load(&app->stop_folder);
        bool idle = false;
        ct_ns next = CT_NS_NEVER;
        err = round_once(app, &idle, &next);
        ct_zmq_publisher_work(app->publisher);
        last = stopping && idle;
        if (err == CT_OK && idle && !stopping) {
            sleep_until(app, next);
        }
    }
    if (err != CT_OK) {
        ct_fleet_app_fail(app, "folder", err);
        ct_folder_abandon(app->folder);
    } else {
        err = ct_folder_close(app->folder, moment());
        if (err != CT_OK) {
            ct_fleet_app_fail(app, "folder", err);
        }
    }
    app->folder = NULL;
    return NULL;
}
