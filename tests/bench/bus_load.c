/* Load for a gateway: frames onto hubs at a steady rate, each bus for itself, as real buses send.
 *
 *   bus_load SECONDS PERIOD_US spread|together IDS HUB...
 *
 * Every PERIOD_US one frame on each hub: ids 0x100 and up in turn (IDS of them), 8 bytes, a count in the first two and
 * in the others what changes now and then. `spread` sends the buses one after the other within the period, `together`
 * at one instant. A frame that a hub has no room for is sent again, so that none is lost here. Prints JSON: frames sent
 * on each bus, the time it took, how often the schedule was missed by more than a period. */
#include "clock.h"
#include "hub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUSES_MAX 16

struct load {
    struct ct_port *ports[BUSES_MAX];
    uint64_t sent[BUSES_MAX];
    size_t count;
    ct_ns period;
    bool spread;
    uint32_t ids;
    uint64_t late;
};

static void sleep_until(ct_ns at)
{
    const struct timespec when = {.tv_sec = (time_t)(at / CT_NS_PER_S), .tv_nsec = (long)(at % CT_NS_PER_S)};
    while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
}

static void send_one(struct load *load, size_t bus)
{
    const uint64_t n = load->sent[bus]++;
    const uint64_t turn = n / load->ids;
    const struct ct_frame frame = {.id = 0x100 + (uint32_t)(n % load->ids),
                                   .len = 8,
                                   .data = {(uint8_t)turn, (uint8_t)(turn >> 8), (uint8_t)(turn / 4),
                                            (uint8_t)(turn / 16), 0x55, 0xAA, (uint8_t)bus, 0}};
    while (ct_port_write(load->ports[bus], &frame) == CT_ERR_FULL) {
        struct pollfd fd = {.fd = load->ports[bus]->fd, .events = POLLOUT};
        poll(&fd, 1, 100);
    }
}

static void run(struct load *load, ct_ns start, ct_ns end)
{
    const ct_ns step = load->spread ? load->period / (ct_ns)load->count : 0;
    for (ct_ns at = start; at < end; at += load->period) {
        for (size_t bus = 0; bus < load->count; bus++) {
            const ct_ns due = at + (ct_ns)bus * step;
            const ct_ns now = ct_clock_now();
            load->late += now > due + load->period ? 1 : 0;
            if (now < due) {
                sleep_until(due);
            }
            send_one(load, bus);
        }
    }
}

static bool open_all(struct load *load, char **paths, size_t count)
{
    for (; load->count < count; load->count++) {
        char problem[300];
        if (ct_hub_port_open(paths[load->count], "load", false, false, &load->ports[load->count], problem,
                             sizeof problem) != CT_OK) {
            fprintf(stderr, "%s\n", problem);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct load load = {0};
    if (argc < 6 || argc - 5 > BUSES_MAX) {
        fprintf(stderr, "usage: bus_load SECONDS PERIOD_US spread|together IDS HUB...\n");
        return 2;
    }
    load.period = strtol(argv[2], NULL, 10) * CT_NS_PER_US;
    load.spread = strcmp(argv[3], "spread") == 0;
    load.ids = (uint32_t)strtoul(argv[4], NULL, 10);
    if (load.period <= 0 || load.ids == 0 || !open_all(&load, argv + 5, (size_t)argc - 5)) {
        return 3;
    }
    const ct_ns start = ct_clock_now();
    run(&load, start, start + (ct_ns)(strtod(argv[1], NULL) * (double)CT_NS_PER_S));
    const ct_ns took = ct_clock_now() - start;
    printf("{\"seconds\":%.3f,\"late\":%llu,\"sent\":[", (double)took / (double)CT_NS_PER_S,
           (unsigned long long)load.late);
    for (size_t i = 0; i < load.count; i++) {
        printf("%s%llu", i > 0 ? "," : "", (unsigned long long)load.sent[i]);
        ct_port_close(load.ports[i]);
    }
    puts("]}");
    return 0;
}
