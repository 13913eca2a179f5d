/* ReadDataByIdentifier as fast as it goes: clients in one process, servers in another, on a served hub (its path is the
 * first argument), N pairs interleaved (second), for S seconds (third). Prints one JSON object. */
#include "clock.h"
#include "port_open.h"
#include "uds_client.h"
#include "uds_server.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MAX  64U
#define REQUEST_ID 0x600U
#define ANSWER_ID  0x680U
#define BATCH      64U

struct end {
    struct ct_port *port;
    unsigned pairs;
    struct ct_uds_server *servers[PAIRS_MAX];
    struct ct_uds_client *clients[PAIRS_MAX];
    struct ct_frame held;
    bool has_held;
    uint8_t request[3];
    uint64_t answered, failed;
};

static uint8_t read_did(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    const size_t len = id == 0xF190 ? 17 : 4;
    if (size < len) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memset(out, 'A', len);
    *out_len = len;
    return 0;
}

static const struct ct_uds_did dids[] = {{.id = 0xF190, .read = read_did}, {.id = 0x0100, .read = read_did}};

static void must(int err, const char *what)
{
    if (err != CT_OK) {
        (void)fprintf(stderr, "uds_bench: %s: %s\n", what, ct_err_text(err));
        exit(1);
    }
}

static void open_end(struct end *end, const char *hub, unsigned pairs)
{
    char problem[512];
    const struct ct_port_options options = {.client = "uds_bench"};
    *end = (struct end){.pairs = pairs};
    must(ct_port_open(hub, &options, &end->port, problem, sizeof problem), hub);
}

/* --- both sides: hand frames in, take frames out --- */

static unsigned pair_of(const struct ct_frame *frame)
{
    return frame->id & 0x3FU;
}

static void receive(struct end *end, const struct ct_frame *frame, ct_ns now)
{
    const unsigned pair = pair_of(frame);
    if (pair < end->pairs && end->servers[pair] != NULL) {
        (void)ct_uds_server_receive(end->servers[pair], frame, now);
    } else if (pair < end->pairs) {
        (void)ct_uds_client_receive(end->clients[pair], frame, now);
    }
}

static int next_frame(struct end *end, unsigned pair, struct ct_frame *out_frame, ct_ns now)
{
    return end->servers[pair] != NULL ? ct_uds_server_next_frame(end->servers[pair], out_frame, now)
                                      : ct_uds_client_next_frame(end->clients[pair], out_frame, now);
}

/* False: the port is full. */
static bool send_all(struct end *end, ct_ns now)
{
    for (unsigned pair = 0; pair < end->pairs; pair++) {
        while (end->has_held || next_frame(end, pair, &end->held, now) == CT_OK) {
            end->has_held = ct_port_write(end->port, &end->held) == CT_ERR_FULL;
            if (end->has_held) {
                return false;
            }
        }
    }
    return true;
}

static void move(struct end *end)
{
    struct ct_frame frames[BATCH];
    size_t count = 0;
    const bool all = send_all(end, ct_clock_now());
    struct pollfd fd = {.fd = end->port->fd, .events = all ? POLLIN : POLLIN | POLLOUT};
    (void)poll(&fd, 1, 2);
    (void)ct_port_read(end->port, frames, BATCH, &count);
    const ct_ns now = ct_clock_now();
    for (size_t i = 0; i < count; i++) {
        receive(end, &frames[i], now);
    }
}

static void serve(const char *hub, unsigned pairs, int ready)
{
    static struct end end;
    open_end(&end, hub, pairs);
    for (unsigned i = 0; i < pairs; i++) {
        const struct ct_uds_server_config config = {
            .isotp = ct_isotp_config_usual(ANSWER_ID + i, REQUEST_ID + i), .dids = dids, .did_count = 2};
        must(ct_uds_server_create(&config, &end.servers[i]), "server");
    }
    (void)!write(ready, "r", 1);
    for (;;) {
        move(&end);
        for (unsigned i = 0; i < pairs; i++) {
            (void)ct_uds_server_tick(end.servers[i], ct_clock_now());
        }
    }
}

static void step_client(struct end *end, unsigned pair)
{
    struct ct_uds_result result;
    const ct_ns now = ct_clock_now();
    (void)ct_uds_client_tick(end->clients[pair], now);
    if (ct_uds_client_result(end->clients[pair], &result) == CT_OK) {
        end->answered += result.outcome == CT_UDS_POSITIVE;
        end->failed += result.outcome != CT_UDS_POSITIVE;
    }
    if (!ct_uds_client_busy(end->clients[pair])) {
        must(ct_uds_client_request(end->clients[pair], end->request, sizeof end->request, now), "request");
    }
}

static double ask(struct end *end, uint16_t did, double seconds)
{
    end->request[0] = CT_UDS_READ_DATA;
    end->request[1] = (uint8_t)(did >> 8);
    end->request[2] = (uint8_t)did;
    const uint64_t before = end->answered;
    const ct_ns start = ct_clock_now();
    const ct_ns ends = start + (ct_ns)(seconds * (double)CT_NS_PER_S);
    while (ct_clock_now() < ends) {
        for (unsigned i = 0; i < end->pairs; i++) {
            step_client(end, i);
        }
        move(end);
    }
    return (double)(end->answered - before) / ((double)(ct_clock_now() - start) / (double)CT_NS_PER_S);
}

int main(int argc, char **argv)
{
    static struct end end;
    int ready[2];
    char byte = 0;
    if (argc != 4 || pipe(ready) != 0) {
        (void)fprintf(stderr, "usage: uds_bench unix:HUB PAIRS SECONDS\n");
        return 2;
    }
    const unsigned pairs = (unsigned)strtoul(argv[2], NULL, 10) % (PAIRS_MAX + 1);
    const double seconds = strtod(argv[3], NULL);
    const pid_t child = fork();
    if (child == 0) {
        serve(argv[1], pairs, ready[1]);
    }
    if (child < 0 || read(ready[0], &byte, 1) != 1) {
        return 1;
    }
    open_end(&end, argv[1], pairs);
    for (unsigned i = 0; i < pairs; i++) {
        const struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(REQUEST_ID + i, ANSWER_ID + i),
                                                    .p2_ms = 5000};
        must(ct_uds_client_create(&config, &end.clients[i]), "client");
    }
    const double single = ask(&end, 0x0100, seconds);
    const double several = ask(&end, 0xF190, seconds);
    (void)kill(child, SIGTERM);
    (void)waitpid(child, NULL, 0);
    (void)printf("{\"pairs\": %u, \"single_frame\": %.0f, \"vin\": %.0f, \"failed\": %llu}\n", pairs, single, several,
                 (unsigned long long)end.failed);
    return 0;
}
