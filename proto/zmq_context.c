/* The ZeroMQ context and its ZAP handler (ZeroMQ RFC 27), in a thread of its own. A key's User-Id is the key itself, so
 * that whoever reads it asks the table that is valid now: a key taken away is ignored on open connections too. */
#include "clock.h"
#include "zmq_options.h"
#include "zmq_peers.h"

#include <pthread.h>
#include <zmq.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ZAP_ENDPOINT  "inproc://zeromq.zap.01"
#define ZAP_VERSION   "1.0"
#define ZAP_FRAMES    7 /* version, request id, domain, address, identity, mechanism, key */
#define ZAP_FRAME_MAX 256
#define KEY_SIZE      32
#define KEY_TEXT_SIZE 41
#define SELF_TEST_MS  2000
#define SOCKETS_MAX   65535

struct ct_zmq_context {
    void *zmq;
    void *handler;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of table: read for the length of a look-up, replaced whole */
    struct ct_zmq_peers *table;
    ct_ns enrolment_next; /* when handshakes of enrolment would be one a second again */
    atomic_uint_fast64_t refused;
    atomic_uint subscriber_changes;
};

struct frame {
    char data[ZAP_FRAME_MAX];
    size_t len;
};

int ct_zmq_context_peer(struct ct_zmq_context *context, const char *public_key, struct ct_zmq_peer *out_peer)
{
    pthread_mutex_lock(&context->lock);
    const struct ct_zmq_peer *peer = ct_zmq_peers_find(context->table, public_key);
    if (peer != NULL) {
        *out_peer = *peer;
    }
    pthread_mutex_unlock(&context->lock);
    return peer != NULL ? CT_OK : CT_ERR_NOT_FOUND;
}

unsigned ct_zmq_context_subscriber_changes(const struct ct_zmq_context *context)
{
    return atomic_load(&context->subscriber_changes);
}

void *ct_zmq_context_handle(struct ct_zmq_context *context)
{
    return context->zmq;
}

/* ---------------------------------------------------------------- handler */

/* One message of at most ZAP_FRAMES frames; what is longer is cut. Returns the number of frames, 0 for the end. */
static size_t receive_frames(void *socket, struct frame frames[ZAP_FRAMES])
{
    size_t count = 0;
    int more = 1;
    while (more) {
        struct frame frame;
        const int len = zmq_recv(socket, frame.data, sizeof frame.data, 0);
        if (len < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 0;
        }
        frame.len = (size_t)len <= sizeof frame.data ? (size_t)len : 0;
        if (count < ZAP_FRAMES) {
            frames[count] = frame;
        }
        count++;
        size_t size = sizeof more;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0) {
            return 0;
        }
    }
    return count;
}

static bool is_text(const struct frame *frame, const char *text)
{
    return frame->len == strlen(text) && memcmp(frame->data, text, frame->len) == 0;
}

/* What the handler answers (RFC 27). 300 is temporary: libzmq's client tries again by itself, after a 400 never. */
static const char yes[] = "200";
static const char later[] = "300";
static const char no[] = "400";

static const char *judge_key(struct ct_zmq_context *context, const char *key, const struct frame *domain)
{
    const char *verdict = no;
    if (is_text(domain, CT_ZMQ_DOMAIN_ENROLMENT)) {
        return ct_zmq_handshake_admit(&context->enrolment_next, ct_clock_now()) ? yes : later;
    }
    pthread_mutex_lock(&context->lock);
    const struct ct_zmq_peer *peer = ct_zmq_peers_find(context->table, key);
    if (peer != NULL && is_text(domain, peer->is_subscriber ? CT_ZMQ_DOMAIN_SUBSCRIBERS : CT_ZMQ_DOMAIN_VEHICLES)) {
        verdict = ct_zmq_peers_admit(context->table, peer, ct_clock_now()) ? yes : later;
    }
    pthread_mutex_unlock(&context->lock);
    return verdict;
}

static const char *judge(struct ct_zmq_context *context, const struct frame *frames, char key[KEY_TEXT_SIZE])
{
    if (!is_text(&frames[0], ZAP_VERSION) || !is_text(&frames[5], "CURVE") || frames[6].len != KEY_SIZE) {
        return no;
    }
    uint8_t bytes[KEY_SIZE];
    memcpy(bytes, frames[6].data, KEY_SIZE);
    return zmq_z85_encode(key, bytes, KEY_SIZE) != NULL ? judge_key(context, key, &frames[2]) : no;
}

static void answer(struct ct_zmq_context *context, const struct frame *request_id, const char *verdict,
                   const char *user_id)
{
    const char *text = verdict == yes ? "OK" : verdict == later ? "too often" : "not allowed";
    const struct {
        const char *data;
        size_t len;
    } reply[] = {{ZAP_VERSION, strlen(ZAP_VERSION)}, {request_id->data, request_id->len},
                 {verdict, strlen(verdict)},         {text, strlen(text)},
                 {user_id, strlen(user_id)},         {"", 0}};
    const size_t count = sizeof reply / sizeof reply[0];
    for (size_t i = 0; i < count; i++) {
        (void)zmq_send(context->handler, reply[i].data, reply[i].len, i + 1 < count ? ZMQ_SNDMORE : 0);
    }
}

static void *handle(void *user)
{
    struct ct_zmq_context *context = user;
    struct frame frames[ZAP_FRAMES];
    size_t count;
    while ((count = receive_frames(context->handler, frames)) > 0) {
        char key[KEY_TEXT_SIZE] = "";
        const char *verdict = count == ZAP_FRAMES ? judge(context, frames, key) : no;
        if (verdict != yes) {
            atomic_fetch_add(&context->refused, 1);
        }
        answer(context, &frames[count > 1 ? 1 : 0], verdict, verdict == yes ? key : "");
    }
    zmq_close(context->handler);
    return NULL;
}

/* ---------------------------------------------------------------- self-test */

/* Asks the handler as libzmq would; true when it answers with this status. */
static bool handler_says(void *requester, const char *domain, const uint8_t key[KEY_SIZE], const char *status)
{
    const struct {
        const void *data;
        size_t len;
    } request[ZAP_FRAMES] = {{ZAP_VERSION, 3}, {"1", 1},     {domain, strlen(domain)}, {"", 0},
                             {"", 0},          {"CURVE", 5}, {key, KEY_SIZE}};
    for (size_t i = 0; i < ZAP_FRAMES; i++) {
        if (zmq_send(requester, request[i].data, request[i].len, i + 1 < ZAP_FRAMES ? ZMQ_SNDMORE : 0) < 0) {
            return false;
        }
    }
    struct frame reply[ZAP_FRAMES];
    return receive_frames(requester, reply) == 6 && is_text(&reply[2], status);
}

static bool handler_works(void *requester, const struct ct_zmq_peer *peers, size_t count)
{
    const struct ct_zmq_option timeouts[] = {
        {ZMQ_RCVTIMEO, SELF_TEST_MS}, {ZMQ_SNDTIMEO, SELF_TEST_MS}, {ZMQ_LINGER, 0}};
    uint8_t key[KEY_SIZE] = {0};
    if (ct_zmq_set_ints(requester, timeouts, 3) != CT_OK || zmq_connect(requester, ZAP_ENDPOINT) != 0 ||
        !handler_says(requester, CT_ZMQ_DOMAIN_VEHICLES, key, "400") ||
        !handler_says(requester, CT_ZMQ_DOMAIN_SUBSCRIBERS, key, "400")) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    const char *mine = peers[0].is_subscriber ? CT_ZMQ_DOMAIN_SUBSCRIBERS : CT_ZMQ_DOMAIN_VEHICLES;
    const char *other = peers[0].is_subscriber ? CT_ZMQ_DOMAIN_VEHICLES : CT_ZMQ_DOMAIN_SUBSCRIBERS;
    return zmq_z85_decode(key, peers[0].public_key) != NULL && handler_says(requester, mine, key, "200") &&
           handler_says(requester, other, key, "400") && handler_says(requester, "", key, "400");
}

static int self_test(struct ct_zmq_context *context, const struct ct_zmq_peer *peers, size_t count)
{
    void *requester = zmq_socket(context->zmq, ZMQ_REQ);
    if (requester == NULL) {
        return ct_zmq_error(errno);
    }
    const bool works = handler_works(requester, peers, count);
    zmq_close(requester);
    atomic_store(&context->refused, 0);
    return works ? CT_OK : CT_ERR_UNSUPPORTED;
}

/* ---------------------------------------------------------------- life */

static int start(struct ct_zmq_context *context)
{
    if (!zmq_has("curve")) {
        return CT_ERR_UNSUPPORTED;
    }
    context->zmq = zmq_ctx_new();
    if (context->zmq == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)zmq_ctx_set(context->zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    context->handler = zmq_socket(context->zmq, ZMQ_REP);
    if (context->handler == NULL || zmq_bind(context->handler, ZAP_ENDPOINT) != 0) {
        return ct_zmq_error(errno);
    }
    const int err = pthread_create(&context->thread, NULL, handle, context);
    if (err != 0) {
        return ct_err_from_errno(err);
    }
    context->has_thread = true;
    return CT_OK;
}

int ct_zmq_context_open(const struct ct_zmq_peer *peers, size_t count, struct ct_zmq_context **out_context)
{
    struct ct_zmq_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    pthread_mutex_init(&context->lock, NULL);
    int err = ct_zmq_peers_create(peers, count, &context->table);
    if (err == CT_OK) {
        err = start(context);
    }
    if (err == CT_OK) {
        err = self_test(context, peers, count);
    }
    if (err != CT_OK) {
        ct_zmq_context_close(context);
        return err;
    }
    *out_context = context;
    return CT_OK;
}

int ct_zmq_context_allow(struct ct_zmq_context *context, const struct ct_zmq_peer *peers, size_t count)
{
    struct ct_zmq_peers *table = NULL;
    const int err = ct_zmq_peers_create(peers, count, &table);
    if (err != CT_OK) {
        return err;
    }
    pthread_mutex_lock(&context->lock);
    struct ct_zmq_peers *old = context->table;
    context->table = table;
    pthread_mutex_unlock(&context->lock);
    if (!ct_zmq_peers_keep_subscribers(old, table)) {
        atomic_fetch_add(&context->subscriber_changes, 1);
    }
    ct_zmq_peers_free(old);
    return CT_OK;
}

void ct_zmq_context_close(struct ct_zmq_context *context)
{
    if (context == NULL) {
        return;
    }
    if (context->zmq != NULL) {
        (void)zmq_ctx_shutdown(context->zmq);
    }
    if (context->has_thread) {
        pthread_join(context->thread, NULL);
    } else if (context->handler != NULL) {
        zmq_close(context->handler);
    }
    if (context->zmq != NULL) {
        while (zmq_ctx_term(context->zmq) != 0 && errno == EINTR) {
        }
    }
    ct_zmq_peers_free(context->table);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

uint64_t ct_zmq_context_refused(const struct ct_zmq_context *context)
{
    return atomic_load(&context->refused);
}
