/* The tester of `cantwin diag` keeps an STmin under a millisecond from the end of one frame to the start of the next.
 * The bus is a hub whose clock is ours: every frame takes 3 ms of it, and only what comes too early can fail, never
 * what comes late. */
#include "testing.h"

#include "bytes.h"
#include "clock.h"
#include "hub.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_TAKES (3 * CT_NS_PER_MS)
#define ST_MIN      (500 * CT_NS_PER_US)
#define VALUE       40U
#define FRAMES      6U /* consecutive ones of 3 + VALUE bytes */

struct bus {
    struct ct_hub *hub;
    struct ct_port *ecu;
    unsigned consecutive;
    ct_ns ended; /* of the consecutive frame before */
};

static void send(struct bus *bus, const char *hex)
{
    struct ct_frame frame = {.id = 0x7E8, .len = 8};
    assert_int_equal(ct_hex_decode(frame.data, hex, 8), CT_OK);
    assert_int_equal(ct_port_write(bus->ecu, &frame), CT_OK);
}

static void take(struct bus *bus, const struct ct_frame *frame)
{
    if (frame->id != 0x7E0) {
        return;
    }
    if (frame->data[0] >> 4 == 1) {
        send(bus, "3000f5cccccccccc");
    } else if (frame->data[0] >> 4 == 2) {
        assert_true(bus->consecutive == 0 || ct_clock_now() >= bus->ended + ST_MIN);
        bus->ended = frame->t_ns;
        if (++bus->consecutive == FRAMES) {
            send(bus, "036e0100cccccccc");
        }
    }
}

static void turn(struct bus *bus)
{
    struct pollfd fds[] = {{.fd = ct_hub_fd(bus->hub), .events = POLLIN}, {.fd = bus->ecu->fd, .events = POLLIN}};
    struct ct_frame frames[16];
    size_t count = 0;
    (void)poll(fds, 2, 10);
    (void)ct_hub_step(bus->hub, ct_clock_now() + FRAME_TAKES, 0);
    while (ct_port_read(bus->ecu, frames, 16, &count) == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            take(bus, &frames[i]);
        }
    }
    (void)ct_port_tick(bus->ecu, ct_clock_now());
}

static pid_t start_tester(const char *path)
{
    char request[2 * (3 + VALUE) + 1] = "2e0100";
    memset(request + 6, '5', (size_t)2 * VALUE);
    const pid_t child = fork();
    if (child == 0) {
        execl(CANTWIN_PROGRAM, CANTWIN_PROGRAM, "diag", "raw", "--bus", path, "--tx", "7E0", "--rx", "7E8", "--timeout",
              "60", request, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void test_diag_tester_never_undershoots_a_short_st_min(void **state)
{
    struct bus bus = {0};
    char folder[] = "/tmp/cantwin-stmin-XXXXXX";
    char path[64], name[80], problem[256];
    int status = 1;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/bus", folder);
    (void)snprintf(name, sizeof name, "unix:%s", path);
    assert_int_equal(ct_hub_open(path, NULL, &bus.hub, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_hub_port_open(path, "ecu", false, false, &bus.ecu, problem, sizeof problem), CT_OK);
    while (!bus.ecu->stats.up) {
        turn(&bus);
    }
    const pid_t child = start_tester(name);
    assert_true(child > 0);
    while (waitpid(child, &status, WNOHANG) == 0) {
        turn(&bus);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(bus.consecutive, FRAMES);
    ct_port_close(bus.ecu);
    ct_hub_close(bus.hub);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_diag_tester_never_undershoots_a_short_st_min)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
