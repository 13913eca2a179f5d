#include "webhook.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TIMEOUT_MS 5000L
#define URL_MAX    2048

struct ct_webhook {
    char url[URL_MAX];
    CURL *curl;
    struct curl_slist *headers;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t news;
    char *waiting[CT_WEBHOOK_WAITING_MAX];
    size_t first, count;
    struct ct_webhook_counters counters;
    bool stop;
};

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static bool post(struct ct_webhook *webhook, const char *text)
{
    long status = 0;
    (void)curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, text);
    (void)curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
    if (curl_easy_perform(webhook->curl) != CURLE_OK) {
        return false;
    }
    (void)curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

/* Waits before the next try, or until the end. The lock is held. */
static void pause_before(struct ct_webhook *webhook, unsigned attempt)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += attempt;
    while (!webhook->stop && pthread_cond_timedwait(&webhook->news, &webhook->lock, &until) == 0) {
        /* something else came: it waits its turn */
    }
}

/* The lock is held on entry and on return, and given away while the network is used. */
static bool deliver(struct ct_webhook *webhook, const char *text)
{
    bool done = false;
    for (unsigned attempt = 0; attempt < CT_WEBHOOK_TRIES && !done && !webhook->stop; attempt++) {
        if (attempt > 0) {
            pause_before(webhook, attempt);
        }
        (void)pthread_mutex_unlock(&webhook->lock);
        done = post(webhook, text);
        (void)pthread_mutex_lock(&webhook->lock);
    }
    return done;
}

static char *take_first(struct ct_webhook *webhook)
{
    char *text = webhook->waiting[webhook->first];
    webhook->first = (webhook->first + 1) % CT_WEBHOOK_WAITING_MAX;
    webhook->count--;
    return text;
}

static void *run(void *user)
{
    struct ct_webhook *webhook = user;
    (void)pthread_mutex_lock(&webhook->lock);
    while (!webhook->stop) {
        if (webhook->count == 0) {
            (void)pthread_cond_wait(&webhook->news, &webhook->lock);
            continue;
        }
        char *text = take_first(webhook);
        const bool done = deliver(webhook, text);
        webhook->counters.sent += done;
        webhook->counters.failed += !done;
        free(text);
    }
    (void)pthread_mutex_unlock(&webhook->lock);
    return NULL;
}

static bool set_up(struct ct_webhook *webhook)
{
    CURL *curl = webhook->curl = curl_easy_init();
    webhook->headers = curl_slist_append(NULL, "Content-Type: application/json");
    return curl != NULL && webhook->headers != NULL && curl_easy_setopt(curl, CURLOPT_URL, webhook->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, webhook->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "cantwin-fleet/" CANTWIN_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK;
}

static void let_go(struct ct_webhook *webhook)
{
    curl_easy_cleanup(webhook->curl);
    curl_slist_free_all(webhook->headers);
    while (webhook->count > 0) {
        free(take_first(webhook));
    }
    free(webhook);
}

static int start(struct ct_webhook *webhook)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&webhook->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&webhook->news, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&webhook->thread, NULL, run, webhook) != 0) {
        return CT_ERR_NO_MEMORY;
    }
    (void)pthread_setname_np(webhook->thread, "webhook");
    return CT_OK;
}

int ct_webhook_open(const char *url, struct ct_webhook **out_webhook)
{
    const bool known = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    if (!known || strlen(url) >= URL_MAX) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_webhook *webhook = calloc(1, sizeof *webhook);
    if (webhook == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)snprintf(webhook->url, sizeof webhook->url, "%s", url);
    if (!set_up(webhook) || start(webhook) != CT_OK) {
        let_go(webhook);
        return CT_ERR_NO_MEMORY;
    }
    *out_webhook = webhook;
    return CT_OK;
}

void ct_webhook_close(struct ct_webhook *webhook)
{
    if (webhook == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&webhook->lock);
    webhook->stop = true;
    (void)pthread_cond_signal(&webhook->news);
    (void)pthread_mutex_unlock(&webhook->lock);
    (void)pthread_join(webhook->thread, NULL);
    (void)pthread_cond_destroy(&webhook->news);
    (void)pthread_mutex_destroy(&webhook->lock);
    let_go(webhook);
}

void ct_webhook_send(struct ct_webhook *webhook, const char *json, size_t len)
{
    if (webhook == NULL) {
        return;
    }
    char *copy = strndup(json, len);
    (void)pthread_mutex_lock(&webhook->lock);
    if (copy != NULL && webhook->count < CT_WEBHOOK_WAITING_MAX) {
        webhook->waiting[(webhook->first + webhook->count++) % CT_WEBHOOK_WAITING_MAX] = copy;
        (void)pthread_cond_signal(&webhook->news);
    } else {
        webhook->counters.dropped++;
        free(copy);
    }
    (void)pthread_mutex_unlock(&webhook->lock);
}

void ct_webhook_counters_get(struct ct_webhook *webhook, struct ct_webhook_counters *out_counters)
{
    *out_counters = (struct ct_webhook_counters){0};
    if (webhook != NULL) {
        (void)pthread_mutex_lock(&webhook->lock);
        *out_counters = webhook->counters;
        (void)pthread_mutex_unlock(&webhook->lock);
    }
}
