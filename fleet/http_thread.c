#include "app_private.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static int on_ask(void *user, struct ct_http_call *call)
{
    struct ct_fleet_app *app = user;
    return ct_fleet_channel_push(&app->asks, CT_ASK_CALL, &call, sizeof call, NULL, 0);
}

static void on_watch(void *user, const char *vehicle_id, bool begin)
{
    struct ct_fleet_app *app = user;
    const enum ct_ask what = begin ? CT_ASK_WATCH : CT_ASK_UNWATCH;
    /* The ring holds every call and stream there can be. */
    const int err = ct_fleet_channel_push(&app->asks, what, vehicle_id, strlen(vehicle_id) + 1, NULL, 0);
    (void)err;
}

const struct ct_http_ops ct_http_thread_ops = {.ask = on_ask, .watch = on_watch};

static void read_channel(struct ct_fleet_app *app)
{
    uint32_t type;
    const void *data;
    size_t len;
    while (ct_ring_peek(app->to_http.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_HTTP_ANSWER) {
            struct ct_http_call *call;
            memcpy(&call, data, sizeof call);
            ct_http_answer(app->http, call);
        } else {
            struct ct_event_head head;
            memcpy(&head, data, sizeof head);
            ct_http_event(app->http, head.vehicle_id, head.event, (const char *)data + sizeof head, len - sizeof head);
        }
        ct_ring_pop(app->to_http.ring);
    }
}

void *ct_http_thread(void *user)
{
    struct ct_fleet_app *app = user;
    for (bool last = false; !last;) {
        ct_pulse_work(&app->http_pulse);
        const bool stopping = atomic_load(&app->stop_http);
        if (stopping) {
            ct_http_quiesce(app->http);
        }
        read_channel(app);
        const ct_ns next = ct_http_work(app->http, ct_clock_now());
        /* A folder that failed answers no more. */
        last = stopping && (ct_http_parked(app->http) == 0 || atomic_load(&app->failed) != CT_OK);
        if (!last) {
            struct pollfd fds[] = {{.fd = ct_http_fd(app->http), .events = POLLIN},
                                   {.fd = app->wake_http, .events = POLLIN}};
            ct_pulse_rest(&app->http_pulse);
            (void)poll(fds, 2, ct_ns_wait_ms(ct_clock_now(), next));
            ct_fleet_wake_clear(app->wake_http);
        }
    }
    return NULL;
}
