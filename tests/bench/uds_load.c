/* Requests per second of the UDS client, for uds_client_bench.py.
 *   uds_load serve BUS N            N ECUs on ids 600 + i -> 680 + i: DID 0200 has 2 bytes, F190 has 17; until killed
 *   uds_load ask BUS N DID SECONDS  N clients at once, each asks again as soon as it is answered; prints JSON */
#include "clock.h"
#include "port_open.h"
#include "uds_client.h"
#include "uds_server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ECUS_MAX   32U
#define REQUEST_ID 0x600U
#define RESPOND_ID 0x680U
#define BATCH      64

struct load {
    struct ct_port *port;
    size_t count;
    bool serves;
    struct ct_uds_client *clients[ECUS_MAX];
    struct ct_uds_server *servers[ECUS_MAX];
    uint8_t request[3];
    uint64_t answered, failed;
    struct ct_frame held;
    bool holds;
};

static uint8_t read_did(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    const size_t len = id == 0xF190 ? 17 : 2;
    if (size < len) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memset(out, 'A', len);
    *out_len = len;
    return 0;
}

static const struct ct_uds_did dids[] = {{.id = 0x0200, .read = read_did}, {.id = 0xF190, .read = read_did}};

static int make_one(struct load *load, size_t i)
{
    const uint32_t request = REQUEST_ID + (uint32_t)i;
    const uint32_t respond = RESPOND_ID + (uint32_t)i;
    if (load->serves) {
        const struct ct_uds_server_config config = {
            .isotp = ct_isotp_config_usual(respond, request), .dids = dids, .did_count = 2};
        return ct_uds_server_create(&config, &load->servers[i]);
    }
    const struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(request, respond), .p2_ms = 2000};
    return ct_uds_client_create(&config, &load->clients[i]);
}

static void take(struct load *load, const struct ct_frame *frame)
{
    const uint32_t base = load->serves ? REQUEST_ID : RESPOND_ID;
    const uint32_t i = frame->id - base;
    if (i >= load->count) {
        return;
    }
    if (load->serves) {
        (void)ct_uds_server_receive(load->servers[i], frame, frame->t_ns);
    } else {
        (void)ct_uds_client_receive(load->clients[i], frame, frame->t_ns);
    }
}

static bool next_frame(struct load *load, size_t i, ct_ns now)
{
    return load->serves ? ct_uds_server_next_frame(load->servers[i], &load->held, now) == CT_OK
                        : ct_uds_client_next_frame(load->clients[i], &load->held, now) == CT_OK;
}

static void give(struct load *load, ct_ns now)
{
    for (size_t i = 0; i < load->count; i++) {
        while (load->holds || next_frame(load, i, now)) {
            load->holds = ct_port_write(load->port, &load->held) == CT_ERR_FULL;
            if (load->holds) {
                return;
            }
        }
    }
}

static void ask_again(struct load *load, size_t i, ct_ns now)
{
    struct ct_uds_result result;
    if (ct_uds_client_result(load->clients[i], &result) == CT_OK) {
        *(result.outcome == CT_UDS_POSITIVE ? &load->answered : &load->failed) += 1;
    }
    if (!ct_uds_client_busy(load->clients[i])) {
        (void)!ct_uds_client_request(load->clients[i], load->request, sizeof load->request, now);
    }
}

static ct_ns tick(struct load *load, ct_ns now)
{
    ct_ns due = ct_port_tick(load->port, now);
    for (size_t i = 0; i < load->count; i++) {
        if (!load->serves) {
            ask_again(load, i, now);
        }
        due = ct_ns_min(due, load->serves ? ct_uds_server_tick(load->servers[i], now)
                                          : ct_uds_client_tick(load->clients[i], now));
    }
    return due;
}

static void turn(struct load *load, ct_ns end)
{
    struct ct_frame frames[BATCH];
    size_t n;
    while (ct_port_read(load->port, frames, BATCH, &n) == CT_OK) {
        for (size_t i = 0; i < n; i++) {
            take(load, &frames[i]);
        }
    }
    const ct_ns now = ct_clock_now();
    const ct_ns due = ct_ns_min(tick(load, now), end);
    give(load, now);
    struct pollfd fd = {.fd = load->port->fd, .events = (short)(POLLIN | (load->holds ? POLLOUT : 0))};
    (void)poll(&fd, 1, ct_ns_wait_ms(now, due));
}

int main(int argc, char **argv)
{
    struct load load = {0};
    char problem[512];
    if (argc < 4) {
        fprintf(stderr, "usage: uds_load serve BUS N | uds_load ask BUS N DID SECONDS\n");
        return 2;
    }
    load.serves = strcmp(argv[1], "serve") == 0;
    load.count = (size_t)strtoul(argv[3], NULL, 10);
    if (load.count == 0 || load.count > ECUS_MAX ||
        ct_port_open(argv[2], NULL, &load.port, problem, sizeof problem) != CT_OK) {
        return 3;
    }
    for (size_t i = 0; i < load.count; i++) {
        if (make_one(&load, i) != CT_OK) {
            return 3;
        }
    }
    ct_ns end = CT_NS_NEVER;
    const ct_ns begun = ct_clock_now();
    if (!load.serves && argc == 6) {
        const unsigned long did = strtoul(argv[4], NULL, 16);
        load.request[0] = CT_UDS_READ_DATA;
        load.request[1] = (uint8_t)(did >> 8);
        load.request[2] = (uint8_t)did;
        end = ct_ns_add(begun, (ct_ns)(strtod(argv[5], NULL) * (double)CT_NS_PER_S));
    } else {
        fputs("ready\n", stderr);
    }
    while (ct_clock_now() < end) {
        turn(&load, end);
    }
    const double seconds = (double)(ct_clock_now() - begun) / (double)CT_NS_PER_S;
    printf("{\"requests\":%llu,\"failed\":%llu,\"per_s\":%.1f}\n", (unsigned long long)load.answered,
           (unsigned long long)load.failed, (double)load.answered / seconds);
    return 0;
}
