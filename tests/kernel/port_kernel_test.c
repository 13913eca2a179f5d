/* The SocketCAN port against a kernel: what its header promises, one promise per case. Needs vcan0 (up, FD), root and,
 * where the clock is stepped, the test kernel (CANTWIN_TEST_KERNEL set). Frames come from a raw socket of the test's
 * own; `send` is watched by the linker's --wrap. */
#include "bus_health.h"
#include "clock.h"
#include "confirm.h"
#include "kernel_rig.h"
#include "socketcan.h"
#include "testing.h"

#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <linux/tty.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CLOCKS_APART CT_NS_PER_S

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

static unsigned sends;    /* calls of send by the port */
static unsigned no_room;  /* of them those that ended in ENOBUFS */
static bool swallow_sent; /* they succeed, and no bus ever carries what was sent */

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    sends++;
    const ssize_t n = swallow_sent ? (ssize_t)len : __real_send(fd, data, len, flags);
    no_room += n < 0 && errno == ENOBUFS ? 1 : 0;
    return n;
}

/* Nothing more comes: what is sent last is read next. */
static void assert_only(struct ct_port *port, int raw, const uint32_t *ids, size_t count)
{
    struct ct_frame frames[64];
    raw_send(raw, 0x7FF, 0);
    read_frames(port, frames, count + 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(frames[i].id, ids[i]);
    }
    assert_int_equal(frames[count].id, 0x7FF);
}

static void test_filters_let_only_their_kind_through(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = open_port("vcan0", &options);
    const int raw = raw_socket("vcan0");
    const struct ct_port_filter filters[] = {{.id = 0x123, .mask = 0x7FF},
                                             {.id = 0x100, .mask = 0x700},
                                             {.id = 0x7FF, .mask = 0x7FF},
                                             {.id = 0x18DA00F1, .mask = 0x1FFF00FF, .ext = true}};
    assert_int_equal(ct_socketcan_set_filters(port, filters, 4), CT_OK);
    raw_send(raw, 0x123, 1);                      /* two filters match: one copy */
    raw_send(raw, 0x123 | CAN_EFF_FLAG, 2);       /* the same low bits, another id */
    raw_send(raw, 0x123 | CAN_RTR_FLAG, 3);       /* no data frame */
    raw_send(raw, 0x223, 4);                      /* no filter */
    raw_send(raw, 0x155, 5);                      /* by mask */
    raw_send(raw, 0x18DA77F1U | CAN_EFF_FLAG, 6); /* by mask */
    raw_send(raw, 0x18DA77F2U | CAN_EFF_FLAG, 7); /* no filter */
    assert_only(port, raw, (const uint32_t[]){0x123, 0x155, 0x18DA77F1U}, 3);
    /* None: everything again. */
    assert_int_equal(ct_socketcan_set_filters(port, NULL, 0), CT_OK);
    raw_send(raw, 0x223, 8);
    assert_only(port, raw, (const uint32_t[]){0x223}, 1);
    close(raw);
    ct_port_close(port);
}

static void test_filters_up_to_the_kernels_512(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = open_port("vcan0", &options);
    const int raw = raw_socket("vcan0");
    static struct ct_port_filter filters[513];
    for (uint32_t i = 0; i < 513; i++) {
        filters[i] = (struct ct_port_filter){.id = i, .mask = 0x7FF};
    }
    filters[0].id = 0x7FF;
    assert_int_equal(ct_socketcan_set_filters(port, filters, 512), CT_OK);
    assert_int_equal(ct_socketcan_set_filters(port, filters, 513), CT_ERR_FULL);
    /* The 512 still hold. */
    raw_send(raw, 511, 1);
    raw_send(raw, 512, 1);
    assert_only(port, raw, (const uint32_t[]){511}, 1);
    close(raw);
    ct_port_close(port);
}

static void test_own_frames_are_confirmed_and_read_back_on_request(void **state)
{
    (void)state;
    const struct ct_socketcan_options with_own = {.own = true, .fd = true};
    const struct ct_socketcan_options without = {0};
    struct ct_port *port = open_port("vcan0", &with_own);
    struct ct_port *other = open_port("vcan0", &without);
    const struct ct_frame frame = {.id = 0x321, .flags = CT_FRAME_FD | CT_FRAME_BRS, .len = 12, .data = {9}};
    const struct ct_frame classic = {.id = 0x322, .len = 2};
    struct ct_frame got[2];
    assert_int_equal(ct_port_write(port, &frame), CT_OK);
    assert_int_equal(ct_port_write(port, &classic), CT_OK);
    read_frames(port, got, 2);
    assert_true(ct_frame_same(&got[0], &frame) && ct_frame_same(&got[1], &classic));
    assert_true((got[0].flags & CT_FRAME_SENT) != 0 && (got[1].flags & CT_FRAME_SENT) != 0);
    assert_int_equal(port->stats.confirmed, 2);
    /* A port without FD neither gets nor sends FD frames, and frames of others are not SENT. */
    read_frames(other, got, 1);
    assert_true(ct_frame_same(&got[0], &classic));
    assert_int_equal(got[0].flags & CT_FRAME_SENT, 0);
    assert_int_equal(ct_port_write(other, &frame), CT_ERR_UNSUPPORTED);
    assert_int_equal(ct_port_write(other, &classic), CT_OK);
    read_frames(port, got, 1);
    size_t n = 0;
    assert_int_equal(ct_port_read(other, got, 2, &n), CT_ERR_AGAIN);
    assert_int_equal(other->stats.confirmed, 1);
    ct_port_close(port);
    ct_port_close(other);
}

static void swallowed_write(struct ct_port *port, const struct ct_frame *frame)
{
    swallow_sent = true;
    assert_int_equal(ct_port_write(port, frame), CT_OK);
    swallow_sent = false;
}

static void test_frames_that_no_bus_carries_are_unconfirmed(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {.own = true};
    const struct ct_port_filter other = {.id = 0x7FF, .mask = 0x7FF};
    const struct ct_frame carried = {.id = 0x321, .len = 1};
    const struct ct_frame lost = {.id = 0x322, .len = 1};
    const struct ct_frame unread = {.id = 0x323, .len = 1};
    struct ct_port *port = open_port("vcan0", &options);
    struct ct_frame got[1];
    assert_int_equal(ct_port_write(port, &carried), CT_OK);
    read_frames(port, got, 1);
    swallowed_write(port, &lost);
    assert_true(ct_port_unconfirmed(port, &lost));
    assert_false(ct_port_unconfirmed(port, &carried));
    const ct_ns after = ct_clock_now() + CT_CONFIRM_WITHIN;
    assert_true(ct_port_tick(port, after - CT_CONFIRM_WITHIN) <= after); /* it wants to look then */
    assert_int_equal(port->stats.unconfirmed, 0);
    /* The echo of this one waits to be read: until then nothing is judged. */
    assert_int_equal(ct_port_write(port, &unread), CT_OK);
    (void)ct_port_tick(port, after + CT_NS_PER_S);
    assert_int_equal(port->stats.unconfirmed, 0);
    read_frames(port, got, 1);
    (void)ct_port_tick(port, after + CT_NS_PER_S);
    assert_int_equal(port->stats.unconfirmed, 1);
    assert_int_equal(port->stats.confirmed, 2);
    assert_true(ct_port_unconfirmed(port, &lost));
    /* What our own filters keep back is not waited for. */
    assert_int_equal(ct_socketcan_set_filters(port, &other, 1), CT_OK);
    swallowed_write(port, &carried);
    (void)ct_port_tick(port, after + 10 * CT_NS_PER_S);
    assert_int_equal(port->stats.unconfirmed, 1);
    ct_port_close(port);
}

static void step_wall_clock(int64_t seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += seconds;
    assert_int_equal(clock_settime(CLOCK_REALTIME, &now), 0);
}

static void test_stamps_do_not_see_a_step_of_the_wall_clock(void **state)
{
    (void)state;
    if (getenv("CANTWIN_TEST_KERNEL") == NULL) {
        skip(); /* not this machine's own clock */
    }
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = open_port("vcan0", &options);
    const int raw = raw_socket("vcan0");
    const int64_t steps[] = {3600, -7200, 3600, 1000000, -1000000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ct_frame frames[4];
        const ct_ns before = ct_clock_now();
        raw_send(raw, 0x100, 1);
        raw_send(raw, 0x101, 1);
        step_wall_clock(steps[i]);
        const ct_ns stepped = ct_clock_now();
        raw_send(raw, 0x102, 1);
        raw_send(raw, 0x103, 1);
        const ct_ns after = ct_clock_now();
        read_frames(port, frames, 4);
        /* Two clocks cannot be read at one instant: a loaded machine may put a pause between them, never a step. */
        assert_true(frames[0].t_ns >= before - CLOCKS_APART && frames[1].t_ns <= stepped + CLOCKS_APART);
        assert_true(frames[2].t_ns >= stepped - CLOCKS_APART && frames[3].t_ns <= after);
        assert_true(frames[0].t_ns <= frames[1].t_ns && frames[1].t_ns <= frames[2].t_ns &&
                    frames[2].t_ns <= frames[3].t_ns);
    }
    close(raw);
    ct_port_close(port);
}

static void test_receive_buffer_is_as_wanted_or_noticed(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = open_port("vcan0", &options);
    assert_string_equal(port->notice, ""); /* root may have as much as it wants */
    ct_port_close(port);
    const pid_t child = fork();
    if (child == 0) {
        char problem[300];
        const int bad = setgid(65534) != 0 || setuid(65534) != 0 ||
                        ct_socketcan_open("vcan0", &options, &port, problem, sizeof problem) != CT_OK;
        _exit(bad ? 2 : strstr(port->notice, "net.core.rmem_max=16777216") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- an interface with a real transmit queue: slcan over a pty that nobody reads */

struct slcan {
    int master, slave;
    char name[IFNAMSIZ];
};

/* `queue`: frames that wait in the kernel's queue at most; 0: as the kernel has it. */
static bool slcan_open_queue(struct slcan *s, unsigned queue)
{
    const int discipline = N_SLCAN;
    struct termios mode;
    char command[160];
    char length[32] = "";
    s->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
    s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(s->slave >= 0 && tcgetattr(s->slave, &mode) == 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(s->slave, TCSANOW, &mode), 0);
    if (ioctl(s->slave, TIOCSETD, &discipline) < 0) {
        return false;
    }
    assert_true(ioctl(s->slave, SIOCGIFNAME, s->name) >= 0);
    if (queue > 0) {
        snprintf(length, sizeof length, "txqueuelen %u", queue);
    }
    snprintf(command, sizeof command, "ip link set %s %s type can bitrate 500000 && ip link set %s up", s->name, length,
             s->name);
    run_with_reader(command, s->master);
    return true;
}

static bool slcan_open(struct slcan *s)
{
    return slcan_open_queue(s, 0);
}

static void slcan_close(struct slcan *s)
{
    close(s->slave);
    close(s->master);
}

/* What an slcan adapter would have got, until a frame of the id is among it. */
static void read_until_sent(struct ct_port *port, int master, const char *text)
{
    static char data[65536];
    size_t len = 0;
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    do {
        assert_true(ct_clock_now() < end);
        len = len > sizeof data / 2 ? 0 : len;
        const ssize_t n = read(master, data + len, sizeof data - len - 1);
        len += n > 0 ? (size_t)n : 0;
        data[len] = '\0';
        tick_until(port, ct_clock_now() + 2 * CT_NS_PER_MS);
    } while (strstr(data, text) == NULL);
}

static void test_full_interface_is_no_spin_and_unsent_frames_are_counted(void **state)
{
    (void)state;
    struct slcan slcan;
    if (!slcan_open(&slcan)) {
        skip();
    }
    const struct ct_socketcan_options options = {.patience = 50};
    struct ct_port *port = open_port(slcan.name, &options);
    const struct ct_frame frame = {.id = 0x123, .len = 8, .data = {1, 2, 3, 4, 5, 6, 7, 8}};
    unsigned taken = 0;
    while (ct_port_write(port, &frame) == CT_OK) { /* until pty, qdisc and our own queue are full */
        assert_true(++taken < 100000);
    }
    const size_t queued = port->stats.queued;
    assert_int_equal(queued, 64);
    assert_int_equal(port->stats.refused, 1);
    /* Nobody reads, for a second and a half or until that is told. Attempts are ten milliseconds apart, a few closer.
     */
    const unsigned before = sends;
    const ct_ns start = ct_clock_now();
    uint64_t more = 0;
    for (int i = 0; i < 15 || !port->stats.blocked; i++) {
        assert_true(ct_clock_now() < start + PATIENCE_MS * CT_NS_PER_MS);
        tick_until(port, ct_clock_now() + 100 * CT_NS_PER_MS);
        more += ct_port_write(port, &frame) == CT_OK ? 1 : 0; /* something is always to be sent */
    }
    const ct_ns took = ct_clock_now() - start;
    assert_in_range(sends - before, 10, took / (10 * CT_NS_PER_MS) + 50);
    assert_true(port->stats.blocked);
    assert_int_equal(port->stats.expired + port->stats.queued, queued + more);
    assert_true(port->stats.expired >= queued);
    /* Somebody reads: the next frame goes out, the problem is over. */
    const struct ct_frame last = {.id = 0x456, .len = 1, .data = {0xAB}};
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    uint64_t sent = 0;
    while (port->stats.blocked) {
        char sink[4096];
        assert_true(ct_clock_now() < end);
        while (read(slcan.master, sink, sizeof sink) > 0) {
        }
        tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS);
        sent += ct_port_write(port, &last) == CT_OK ? 1 : 0;
        tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS);
    }
    assert_true(sent > 0);
    assert_int_equal(ct_port_write(port, &last), CT_OK);
    read_until_sent(port, slcan.master, "t4561AB\r");
    ct_port_close(port);
    slcan_close(&slcan);
}

/* A queue shorter than the socket's buffer: the interface refuses, with ENOBUFS, and poll would say at once that there
 * is room. */
static void test_enobufs_is_no_spin(void **state)
{
    (void)state;
    struct slcan slcan;
    if (!slcan_open_queue(&slcan, 2)) {
        skip();
    }
    const struct ct_socketcan_options options = {.patience = 50};
    struct ct_port *port = open_port(slcan.name, &options);
    const struct ct_frame frame = {.id = 0x123, .len = 8};
    unsigned taken = 0;
    no_room = 0;
    while (ct_port_write(port, &frame) == CT_OK) {
        assert_true(++taken < 100000);
    }
    assert_true(no_room > 0);
    /* Nobody reads. Each look is one send, and by the back-off (1, 2, 4, 8, 10, 10 .. ms) no sooner than that. */
    const unsigned before = sends;
    const unsigned before_no_room = no_room;
    const ct_ns start = ct_clock_now();
    while (!port->stats.blocked) {
        assert_true(ct_clock_now() < start + PATIENCE_MS * CT_NS_PER_MS);
        tick_until(port, ct_clock_now() + 20 * CT_NS_PER_MS);
        (void)!ct_port_write(port, &frame); /* something is always to be sent */
    }
    const ct_ns took = ct_clock_now() - start;
    assert_in_range(sends - before, 10, took / (10 * CT_NS_PER_MS) + 50);
    assert_true(2 * (no_room - before_no_room) > sends - before); /* one may have slipped into the pty */
    assert_true(port->stats.expired > 0);
    ct_port_close(port);
    slcan_close(&slcan);
}

static void type_at(const struct slcan *s, const char *text)
{
    assert_int_equal(write(s->master, text, strlen(text)), strlen(text));
}

/* The driver has taken what was typed before: a frame behind it has come through. */
static void type_and_wait(const struct slcan *s, int raw, const char *text)
{
    struct can_frame frame;
    type_at(s, text);
    type_at(s, "t4560\r");
    do {
        struct pollfd waiting = {.fd = raw, .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, PATIENCE_MS), 1);
        assert_int_equal(read(raw, &frame, sizeof frame), sizeof frame);
    } while (frame.can_id != 0x456);
}

/* Until the interface has been asked once more, and has answered. */
static void wait_link(struct ct_port *port, const struct slcan *s, uint64_t revision)
{
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    while (port->link.revision <= revision) {
        assert_true(ct_clock_now() < end);
        type_at(s, "t1232AABB\r"); /* while frames come it is asked */
        tick_until(port, ct_clock_now() + 20 * CT_NS_PER_MS);
    }
}

/* A line longer than any frame is slcan's way to lose one: the driver counts an overrun. */
static void test_frames_that_the_driver_lost_are_counted_once(void **state)
{
    (void)state;
    struct slcan slcan;
    if (!slcan_open(&slcan)) {
        skip();
    }
    static const char too_long[] = "t12381122334455667788112233445566778811223344556677881122334455667788\r";
    const struct ct_socketcan_options options = {0};
    const int raw = raw_socket(slcan.name);
    type_and_wait(&slcan, raw, too_long); /* before the port is there: nobody's loss */
    struct ct_port *port = open_port(slcan.name, &options);
    wait_link(port, &slcan, 0);
    assert_int_equal(port->stats.lost, 0);
    type_and_wait(&slcan, raw, too_long);
    type_and_wait(&slcan, raw, too_long);
    wait_link(port, &slcan, port->link.revision + 1); /* the first answer may be older than the lines */
    assert_int_equal(port->stats.lost, 2);
    wait_link(port, &slcan, port->link.revision + 1);
    assert_int_equal(port->stats.lost, 2);
    assert_true(port->link.has_restart);
    assert_int_equal(port->link.restart_ms, 0); /* slcan restarts nothing */
    close(raw);
    ct_port_close(port);
    slcan_close(&slcan);
}

static void test_interface_tells_its_bit_rate(void **state)
{
    (void)state;
    struct slcan slcan;
    if (!slcan_open(&slcan)) {
        skip();
    }
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = open_port(slcan.name, &options);
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    while (port->link.bitrate == 0 && ct_clock_now() < end) {
        tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS);
    }
    assert_int_equal(port->link.bitrate, 500000);
    assert_true(port->link.has_state);
    assert_int_equal(port->link.state, CT_BUS_ERROR_ACTIVE);
    ct_port_close(port);
    slcan_close(&slcan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters_let_only_their_kind_through),
        cmocka_unit_test(test_filters_up_to_the_kernels_512),
        cmocka_unit_test(test_own_frames_are_confirmed_and_read_back_on_request),
        cmocka_unit_test(test_frames_that_no_bus_carries_are_unconfirmed),
        cmocka_unit_test(test_stamps_do_not_see_a_step_of_the_wall_clock),
        cmocka_unit_test(test_receive_buffer_is_as_wanted_or_noticed),
        cmocka_unit_test(test_full_interface_is_no_spin_and_unsent_frames_are_counted),
        cmocka_unit_test(test_enobufs_is_no_spin),
        cmocka_unit_test(test_frames_that_the_driver_lost_are_counted_once),
        cmocka_unit_test(test_interface_tells_its_bit_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
