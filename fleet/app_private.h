/* The daemon's inside, shared by app.c (life), ingest_thread.c, folder_thread.c and http_thread.c. */
#ifndef CT_FLEET_APP_PRIVATE_H
#define CT_FLEET_APP_PRIVATE_H

#include "app.h"
#include "channel_fleet.h"
#include "clock.h"
#include "folder.h"
#include "http.h"
#include "ingest.h"
#include "webhook.h"
#include "zmq_fleet.h"

#include <pthread.h>
#include <stdatomic.h>

#define CT_NEWS_RING_BYTES    (8U * 1024U * 1024U)
#define CT_COMMAND_RING_BYTES (1024U * 1024U)
#define CT_ASK_RING_BYTES     (256U * 1024U)
#define CT_HTTP_RING_BYTES    (8U * 1024U * 1024U)

enum ct_news {
    CT_NEWS_HELLO = 1,
    CT_NEWS_SEEN,
    CT_NEWS_LOST,
    CT_NEWS_STATE,
    CT_NEWS_RETRY,
    CT_NEWS_SHARED_KEY,
    CT_NEWS_WANTED
};
enum ct_order { CT_ORDER_COMMAND = 1, CT_ORDER_RESEND, CT_ORDER_OFFER, CT_ORDER_CHUNK };
enum ct_ask { CT_ASK_CALL = 1, CT_ASK_WATCH, CT_ASK_UNWATCH };
enum ct_to_http { CT_HTTP_ANSWER = 1, CT_HTTP_EVENT };

struct ct_news_head {
    char vehicle_id[CT_VEHICLE_ID_MAX + 1];
    uint64_t log_offset; /* the log must be applied up to here first */
    int64_t utc_ns;
};

struct ct_event_head {
    char vehicle_id[CT_VEHICLE_ID_MAX + 1];
    char event[16];
};

struct ct_fleet_app {
    struct ct_fleet_settings settings; /* texts are the caller's */
    char database_path[4200], log_folder[4200];
    uint8_t director_secret[CT_SIGN_SECRET_SIZE];
    char *tls_certificate, *tls_key; /* NULL: no TLS */
    int lock_fd;
    struct ct_peers_mark {
        int64_t written_ns;
        uint64_t size, node;
    } peers_mark; /* of the file read last */

    struct ct_zmq_context *context;
    struct ct_zmq_fleet *socket;        /* ingest */
    struct ct_zmq_publisher *publisher; /* folder */
    struct ct_ingest_log *log;          /* ingest; its ends: any */
    struct ct_ingest *ingest;           /* ingest */
    struct ct_folder *folder;           /* folder */
    struct ct_webhook *webhook;         /* NULL: none; folder */
    struct ct_http *http;               /* http; its counters: any */

    struct ct_fleet_channel news, commands, asks, to_http;
    int wake_ingest, wake_folder, wake_http;
    pthread_mutex_t synced_lock; /* of ingest_ended */
    pthread_cond_t synced;       /* the log became durable, or the ingest thread ended */
    bool ingest_ended;
    uint64_t synced_to; /* ingest: durable end that was told last */
    atomic_bool stop_ingest, stop_folder, stop_http;
    _Atomic int failed; /* first fatal error of a thread */

    /* ingest's numbers for the status page */
    _Atomic uint64_t envelopes, link_duplicates, malformed, connected;

    struct ct_pulse ingest_pulse, folder_pulse, http_pulse;
    pthread_t ingest_thread, folder_thread, http_thread;
    bool ingest_runs, folder_runs, http_runs;
};

void *ct_ingest_thread(void *app);
void *ct_folder_thread(void *app);
void *ct_http_thread(void *app);

extern const struct ct_ingest_ops ct_ingest_thread_ops; /* `user` is set by app.c */
extern const struct ct_folder_ops ct_folder_thread_ops;
extern const struct ct_http_ops ct_http_thread_ops;

/* app_http.c: opens the HTTP side by the settings; reads its tokens again. One line in `problem` on failure. */
int ct_fleet_app_open_http(struct ct_fleet_app *app, char *problem, size_t problem_size) CT_MUST_CHECK;
int ct_fleet_app_reload_tokens(struct ct_fleet_app *app, char *problem, size_t problem_size) CT_MUST_CHECK;

/* Logs, keeps the error and asks the process to end. */
void ct_fleet_app_fail(struct ct_fleet_app *app, const char *where, int err);

#endif
