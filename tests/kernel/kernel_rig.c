#include "kernel_rig.h"

#include "clock.h"
#include "testing.h"

#include <linux/can.h>
#include <linux/can/raw.h>

#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int raw_socket(const char *interface)
{
    const int on = 1;
    const int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
    const struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(interface)};
    assert_true(fd >= 0 && address.can_ifindex > 0);
    assert_int_equal(setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void raw_send(int fd, uint32_t id, uint8_t first)
{
    const struct can_frame frame = {.can_id = id, .len = 8, .data = {first}};
    assert_int_equal(write(fd, &frame, sizeof frame), sizeof frame);
}

struct ct_port *open_port(const char *interface, const struct ct_socketcan_options *options)
{
    struct ct_port *port = NULL;
    char problem[300];
    const int err = ct_socketcan_open(interface, options, &port, problem, sizeof problem);
    if (err != CT_OK) {
        fail_msg("%s", problem);
    }
    return port;
}

void read_frames(struct ct_port *port, struct ct_frame *frames, size_t want)
{
    size_t have = 0;
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    while (have < want) {
        size_t n = 0;
        const ct_ns due = ct_port_tick(port, ct_clock_now());
        struct pollfd fd = {.fd = port->fd, .events = POLLIN};
        assert_true(ct_clock_now() < end);
        poll(&fd, 1, ct_ns_wait_ms(ct_clock_now(), ct_ns_min(due, end)));
        const int err = ct_port_read(port, frames + have, want - have, &n);
        assert_true(err == CT_OK || err == CT_ERR_AGAIN || err == CT_ERR_DOWN);
        have += n;
    }
}

void run_with_reader(const char *command, int master)
{
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    char sink[256];
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd fd = {.fd = master, .events = POLLIN};
        poll(&fd, 1, 10);
        const ssize_t n = read(master, sink, sizeof sink);
        (void)n;
    }
    if (status != 0) {
        fail_msg("%s: exit status %d", command, WEXITSTATUS(status));
    }
}

void tick_until(struct ct_port *port, ct_ns end)
{
    ct_ns now = ct_clock_now();
    do {
        struct ct_frame frames[8];
        size_t n = 0;
        const ct_ns due = ct_port_tick(port, now);
        struct pollfd fd = {.fd = port->fd, .events = POLLIN};
        poll(&fd, 1, ct_ns_wait_ms(now, ct_ns_min(due, end)));
        (void)ct_port_read(port, frames, 8, &n);
    } while ((now = ct_clock_now()) < end);
}
