/* The backend's side of enrolment: one thread, one question at a time. */
#include "bus_cmd.h"
#include "bytes.h"
#include "clock.h"
#include "commands.h"
#include "envelope.h"
#include "keys_enrol.h"
#include "keys_pair.h"
#include "keys_peers.h"
#include "zmq_enrol.h"

#include <sodium.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LISTEN      "tcp://0.0.0.0:17603"
#define WAIT_MS     200
#define WRONG_BURST 10
#define WRONG_GAP   (6 * CT_NS_PER_S)

struct serve {
    const char *dir;
    struct ct_zmq_enrol *socket;
    ct_ns wrong_next; /* when wrong tokens would be one every WRONG_GAP again */
};

/* So many wrong ones at once that nothing is looked at. A secret cannot be guessed; this bounds work and log. */
static bool too_many_wrong(const struct serve *serve, ct_ns now)
{
    return serve->wrong_next > now + (WRONG_BURST - 1) * WRONG_GAP;
}

static void count_wrong(struct serve *serve, ct_ns now)
{
    serve->wrong_next = (serve->wrong_next > now ? serve->wrong_next : now) + WRONG_GAP;
}

/* ---------------------------------------------------------------- an answer */

static void append_key(struct ct_buf *out, const char *dir, const char *name)
{
    char path[CT_KEYS_PATH_SIZE];
    char problem[512];
    char text[2 * CT_SIGN_PUBLIC_SIZE + 1];
    uint8_t key[CT_SIGN_PUBLIC_SIZE];
    ct_keys_path(path, dir, name, ".pub");
    if (ct_key_read_hex(path, key, sizeof key, problem, sizeof problem) == CT_OK) {
        ct_hex_encode(text, key, sizeof key);
        ct_buf_printf(out, "%s %s\n", name, text);
    }
}

static enum ct_enrol_verdict let_in(const struct serve *serve, const char *vehicle, const char *key)
{
    const struct ct_peer_change change = {.dir = serve->dir, .name = vehicle, .key = key};
    return ct_peers_add(&change) == CT_EXIT_OK ? CT_ENROL_GRANTED : CT_ENROL_FAILED;
}

static enum ct_enrol_verdict judge(struct serve *serve, const uint8_t *data, size_t len, const char *key,
                                   char vehicle[CT_ENROL_VEHICLE_SIZE])
{
    const ct_ns now = ct_clock_now();
    const size_t head = sizeof CT_ENROL_QUESTION - 1;
    enum ct_enrol_verdict verdict = CT_ENROL_UNKNOWN;
    if (too_many_wrong(serve, now)) {
        return CT_ENROL_LATER;
    }
    if (len == CT_ENROL_QUESTION_SIZE && memcmp(data, CT_ENROL_QUESTION, head) == 0) {
        verdict = ct_enrol_redeem(serve->dir, data + head, key, vehicle);
    }
    verdict = verdict == CT_ENROL_GRANTED ? let_in(serve, vehicle, key) : verdict;
    if (verdict != CT_ENROL_GRANTED) {
        count_wrong(serve, now);
        fprintf(stderr, "cantwin: refused key %s: the token is %s\n", key, ct_enrol_verdict_text(verdict));
    }
    return verdict;
}

static void answer_one(struct serve *serve, const uint8_t *data, size_t len, const char *key)
{
    struct ct_buf text;
    char vehicle[CT_ENROL_VEHICLE_SIZE] = "";
    const enum ct_enrol_verdict verdict = judge(serve, data, len, key, vehicle);
    ct_buf_init(&text, CT_ZMQ_ENROL_MESSAGE_MAX);
    if (verdict == CT_ENROL_GRANTED) {
        ct_buf_printf(&text, CT_ENROL_YES "%s\n", vehicle);
        append_key(&text, serve->dir, "director.ed25519");
        append_key(&text, serve->dir, "release.ed25519");
    } else {
        ct_buf_printf(&text, CT_ENROL_NO "%d\n", (int)verdict);
    }
    if (ct_buf_error(&text) == CT_OK) {
        ct_zmq_enrol_answer(serve->socket, text.data, text.len);
    }
    ct_buf_free(&text);
    (void)fflush(stdout);
}

/* ---------------------------------------------------------------- life */

static int serve_until_stopped(struct serve *serve, int stop_fd)
{
    uint8_t data[CT_ZMQ_ENROL_MESSAGE_MAX];
    char key[CT_Z85_KEY_SIZE];
    char signal_info[128];
    size_t len = 0;
    while (read(stop_fd, signal_info, sizeof signal_info) <= 0) {
        const int err = ct_zmq_enrol_receive(serve->socket, WAIT_MS, key, data, sizeof data, &len);
        if (err == CT_OK) {
            answer_one(serve, data, len, key);
            sodium_memzero(data, sizeof data);
        } else if (err != CT_ERR_AGAIN) {
            return ct_keys_complain("enrolment", ct_err_text(err), CT_EXIT_ENVIRONMENT);
        }
    }
    return CT_EXIT_OK;
}

static int open_socket(const struct ct_enrol_options *options, struct ct_zmq_enrol **out_socket)
{
    char base[CT_KEYS_PATH_SIZE];
    char public_key[CT_Z85_KEY_SIZE];
    char secret_key[CT_Z85_KEY_SIZE];
    char problem[512];
    const char *endpoint = options->listen != NULL ? options->listen : LISTEN;
    ct_keys_path(base, options->dir, "fleet.curve", "");
    if (ct_key_read_pair_z85(options->key != NULL ? options->key : base, public_key, secret_key, problem,
                             sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    const int err = ct_zmq_enrol_open(endpoint, secret_key, out_socket);
    sodium_memzero(secret_key, sizeof secret_key);
    return err == CT_OK ? CT_EXIT_OK : ct_keys_complain(endpoint, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

static int run(struct serve *serve, int stop_fd)
{
    char endpoint[256] = "";
    const int err = ct_zmq_enrol_endpoint(serve->socket, endpoint, sizeof endpoint);
    fprintf(stderr, "cantwin: enrolment at %s: ready\n", err == CT_OK ? endpoint : "?");
    return serve_until_stopped(serve, stop_fd);
}

int ct_keys_serve(const struct ct_enrol_options *options)
{
    struct serve serve = {.dir = options->dir};
    const int stop_fd = ct_bus_stop_fd(); /* first: libzmq's threads inherit which signals are held back */
    if (stop_fd < 0) {
        return ct_keys_complain("signals", ct_err_text(stop_fd), CT_EXIT_ENVIRONMENT);
    }
    int code = open_socket(options, &serve.socket);
    code = code == CT_EXIT_OK ? run(&serve, stop_fd) : code;
    ct_zmq_enrol_close(serve.socket);
    (void)close(stop_fd);
    return code;
}
