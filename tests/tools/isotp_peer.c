/* One end of an ISO-TP pair for tests and measurements against third parties:
 *   isotp_peer PORT TX RX [OPTION]... send HEX...    sends each message, waits for its end
 *   isotp_peer PORT TX RX [OPTION]... receive N      prints N messages as hex
 *   isotp_peer PORT TX RX [OPTION]... echo N         sends N messages back as they came
 *   isotp_peer PORT TX RX [OPTION]... time LEN N     sends N messages of LEN bytes, prints the seconds they took
 * Options: --mode fixed|extended|mixed29|mixed11 --rx-mode MODE --byte TX RX --dl N (FD) --bs N --stmin-us N --floor-us
 * N
 * --no-padding --hold N (WAIT so often before the first go) --kernel (PORT is an interface: the kernel's machine).
 * Ids in hex, 29 bits by more than 3 digits. "ready" on standard error when it listens. */
#include "bytes.h"
#include "clock.h"
#include "isotp_kernel.h"
#include "port_open.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 70000
#define PATIENCE    (60 * CT_NS_PER_S)

struct peer {
    struct ct_isotp_config config;
    bool kernel;
    unsigned hold;
    struct ct_port *port;
    struct ct_isotp tp;
    struct ct_isotp_kernel pair;
    struct ct_frame pending;
    bool has_pending;
    ct_ns held_until;
    uint8_t rx[MESSAGE_MAX], tx[MESSAGE_MAX], data[MESSAGE_MAX];
};

static struct peer peer;

static void die(const char *text, const char *what)
{
    fprintf(stderr, "isotp_peer: error: %s%s\n", text, what);
    exit(1);
}

static uint32_t number(const char *text, int base)
{
    char *end;
    const unsigned long value = strtoul(text, &end, base);
    if (*end != '\0' || end == text) {
        die("no number: ", text);
    }
    return (uint32_t)value;
}

static enum ct_isotp_mode mode_of(const char *name)
{
    static const char *const names[] = {"normal", "fixed", "extended", "mixed29", "mixed11"};
    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (enum ct_isotp_mode)i;
        }
    }
    die("no mode: ", name);
    return CT_ISOTP_NORMAL;
}

static int option(struct peer *p, char **argv)
{
    struct ct_isotp_config *c = &p->config;
    if (strcmp(argv[0], "--kernel") == 0) {
        p->kernel = true;
        return 1;
    }
    if (strcmp(argv[0], "--no-padding") == 0) {
        c->padding = false;
        return 1;
    }
    if (argv[1] == NULL) {
        die("a value is missing behind ", argv[0]);
    }
    if (strcmp(argv[0], "--mode") == 0) {
        c->tx_mode = c->rx_mode = mode_of(argv[1]);
    } else if (strcmp(argv[0], "--rx-mode") == 0) {
        c->rx_mode = mode_of(argv[1]);
    } else if (strcmp(argv[0], "--byte") == 0 && argv[2] != NULL) {
        c->tx_byte = (uint8_t)number(argv[1], 16);
        c->rx_byte = (uint8_t)number(argv[2], 16);
        return 3;
    } else if (strcmp(argv[0], "--dl") == 0) {
        c->tx_dl = (uint8_t)number(argv[1], 10);
        c->fd = true;
    } else if (strcmp(argv[0], "--bs") == 0) {
        c->block_size = (uint8_t)number(argv[1], 10);
    } else if (strcmp(argv[0], "--stmin-us") == 0) {
        c->st_min_us = number(argv[1], 10);
    } else if (strcmp(argv[0], "--floor-us") == 0) {
        c->st_min_floor_us = number(argv[1], 10);
    } else if (strcmp(argv[0], "--hold") == 0) {
        p->hold = number(argv[1], 10);
        c->n_br_ms = 200;
    } else {
        die("no option: ", argv[0]);
    }
    return 2;
}

/* --- our machine on a port --- */

static void write_due(struct peer *p, ct_ns now)
{
    while (p->has_pending || ct_isotp_next_frame(&p->tp, &p->pending, now) == CT_OK) {
        const int err = ct_port_write(p->port, &p->pending);
        p->has_pending = err == CT_ERR_FULL;
        if (p->has_pending) {
            return;
        }
        if (err != CT_OK) {
            die("the bus: ", ct_err_text(err));
        }
    }
}

static void read_due(struct peer *p)
{
    struct ct_frame frames[64];
    size_t n = 0;
    const int err = ct_port_read(p->port, frames, 64, &n);
    for (size_t i = 0; i < n; i++) {
        (void)ct_isotp_receive(&p->tp, &frames[i], ct_clock_now());
        write_due(p, ct_clock_now());
    }
    if (err != CT_OK && err != CT_ERR_AGAIN) {
        die("the bus: ", ct_err_text(err));
    }
}

/* A hub has taken us in: before that it would not pass frames on to us. */
static void wait_up(struct peer *p)
{
    const ct_ns end = ct_clock_now() + PATIENCE;
    while (!p->port->stats.up) {
        struct pollfd fd = {.fd = p->port->fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(PATIENCE / CT_NS_PER_MS)) == 0 || ct_clock_now() > end) {
            die("the bus did not come up", "");
        }
        read_due(p);
    }
}

static void open_peer(struct peer *p, const char *name)
{
    char problem[512];
    const struct ct_port_options options = {.fd = true, .client = "isotp_peer", .patience = 10000};
    if (p->kernel) {
        const int err = ct_isotp_kernel_open(name, &p->config, &p->pair);
        if (err != CT_OK) {
            die("the kernel's pair: ", ct_err_text(err));
        }
        fputs("ready\n", stderr);
        return;
    }
    if (ct_isotp_init(&p->tp, &p->config, p->rx, sizeof p->rx, p->tx, sizeof p->tx) != CT_OK) {
        die("the pair cannot be", "");
    }
    if (ct_port_open(name, &options, &p->port, problem, sizeof problem) != CT_OK) {
        die(problem, "");
    }
    wait_up(p);
    fputs("ready\n", stderr);
}

static bool hold_back(struct peer *p, const struct ct_isotp_event *event, ct_ns now)
{
    if (p->hold > 0 && event->kind == CT_ISOTP_FIRST_FRAME) {
        ct_isotp_hold(&p->tp, now);
        p->held_until = now + p->hold * p->tp.n_br + p->tp.n_br / 2;
    }
    return event->kind == CT_ISOTP_FIRST_FRAME;
}

static struct ct_isotp_event wait_port(struct peer *p)
{
    const ct_ns end = ct_clock_now() + PATIENCE;
    for (;;) {
        struct ct_isotp_event event;
        ct_ns now = ct_clock_now();
        if (p->held_until != 0 && now >= p->held_until) {
            p->held_until = 0;
            ct_isotp_resume(&p->tp, now);
        }
        write_due(p, now);
        ct_ns next = ct_ns_min(ct_isotp_tick(&p->tp, now), ct_port_tick(p->port, now));
        if (ct_isotp_next_event(&p->tp, &event) == CT_OK) {
            if (!hold_back(p, &event, now)) {
                return event;
            }
            continue;
        }
        if (now >= end) {
            die("nothing happened", "");
        }
        if (p->held_until != 0) {
            next = ct_ns_min(next, p->held_until);
        }
        struct pollfd fd = {.fd = p->port->fd, .events = (short)(POLLIN | (p->has_pending ? POLLOUT : 0))};
        now = ct_clock_now();
        const ct_ns left = ct_ns_min(next, end) - now;
        const struct timespec wait = {.tv_sec = left > 0 ? left / CT_NS_PER_S : 0,
                                      .tv_nsec = left > 0 ? left % CT_NS_PER_S : 0};
        (void)ppoll(&fd, 1, &wait, NULL); /* finer than poll's milliseconds: STmin goes down to 100 us */
        read_due(p);
    }
}

/* --- the kernel's machine --- */

static struct ct_isotp_event wait_kernel(struct peer *p)
{
    for (;;) {
        struct ct_isotp_event event;
        const int err = ct_isotp_kernel_receive(&p->pair, p->data, sizeof p->data, &event);
        if (err == CT_OK) {
            return event;
        }
        if (err != CT_ERR_AGAIN) {
            die("the kernel's pair: ", ct_err_text(err));
        }
        struct pollfd fd = {.fd = p->pair.fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(PATIENCE / CT_NS_PER_MS)) == 0) {
            die("nothing happened", "");
        }
    }
}

static struct ct_isotp_event wait_event(struct peer *p)
{
    return p->kernel ? wait_kernel(p) : wait_port(p);
}

/* A kernel that sends is busy until it has sent. */
static bool sent_by_kernel(struct peer *p, const uint8_t *data, size_t len)
{
    for (;;) {
        const int err = ct_isotp_kernel_send(&p->pair, data, len);
        if (err == CT_OK) {
            return true;
        }
        if (err != CT_ERR_BUSY) {
            die("cannot send: ", ct_err_text(err));
        }
        (void)poll(NULL, 0, 1);
    }
}

static bool send_message(struct peer *p, const uint8_t *data, size_t len)
{
    if (p->kernel) {
        return sent_by_kernel(p, data, len);
    }
    const int err = ct_isotp_send(&p->tp, data, len, ct_clock_now());
    if (err != CT_OK) {
        die("cannot send: ", ct_err_text(err));
    }
    const struct ct_isotp_event event = wait_port(p);
    if (event.kind != CT_ISOTP_SENT) {
        fprintf(stderr, "not sent: %s\n", ct_isotp_result_text(event.result));
    }
    return event.kind == CT_ISOTP_SENT;
}

static bool receive_message(struct peer *p, bool echo)
{
    static char text[2 * MESSAGE_MAX + 1];
    static uint8_t copy[MESSAGE_MAX];
    const struct ct_isotp_event event = wait_event(p);
    if (event.kind != CT_ISOTP_MESSAGE) {
        fprintf(stderr, "not received: %s\n", ct_isotp_result_text(event.result));
        return false;
    }
    if (echo) {
        memcpy(copy, event.data, event.len);
        return send_message(p, copy, event.len);
    }
    ct_hex_encode(text, event.data, event.len);
    puts(text);
    fflush(stdout);
    return true;
}

static bool time_messages(struct peer *p, size_t len, unsigned count)
{
    static uint8_t data[MESSAGE_MAX];
    bool ok = len <= sizeof data;
    const ct_ns start = ct_clock_now();
    for (unsigned i = 0; ok && i < count; i++) {
        data[0] = (uint8_t)i;
        ok = send_message(p, data, len);
    }
    if (ok && p->kernel) { /* its last message is out when it takes another */
        ok = sent_by_kernel(p, data, 1);
    }
    printf("%.6f\n", (double)(ct_clock_now() - start) / (double)CT_NS_PER_S);
    return ok;
}

static bool run(struct peer *p, char **words)
{
    bool ok = true;
    if (words[0] == NULL || words[1] == NULL) {
        die("what to do: send, receive, echo or time", "");
    }
    if (strcmp(words[0], "time") == 0) {
        return time_messages(p, number(words[1], 10), number(words[2], 10));
    }
    if (strcmp(words[0], "send") == 0) {
        for (char **hex = words + 1; *hex != NULL && ok; hex++) {
            const size_t len = strlen(*hex) / 2;
            if (len > sizeof p->data || ct_hex_decode(p->data, *hex, len) != CT_OK) {
                die("no hex: ", *hex);
            }
            ok = send_message(p, p->data, len);
        }
        return ok;
    }
    for (unsigned left = number(words[1], 10); left > 0 && ok; left--) {
        ok = receive_message(p, strcmp(words[0], "echo") == 0);
    }
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        die("usage: isotp_peer PORT TX RX [OPTION]... send|receive|echo|time ...", "");
    }
    peer.config = ct_isotp_config_usual(number(argv[2], 16), number(argv[3], 16));
    peer.config.extended = strlen(argv[2]) > 3;
    peer.config.rx_id_bits = strlen(argv[3]) > 3 ? 29 : 11;
    peer.config.wait_max = 100;
    int at = 4;
    while (at < argc && argv[at][0] == '-') {
        at += option(&peer, argv + at);
    }
    open_peer(&peer, argv[1]);
    const bool ok = run(&peer, argv + at);
    for (ct_ns end = ct_clock_now() + CT_NS_PER_S / 10; peer.port != NULL && ct_clock_now() < end;) {
        (void)ct_port_tick(peer.port, ct_clock_now()); /* what waits for room */
        struct pollfd fd = {.fd = peer.port->fd, .events = POLLIN};
        (void)poll(&fd, 1, 20);
        read_due(&peer);
    }
    ct_port_close(peer.port);
    return ok ? 0 : 1;
}
