#include "loop.h"

#include "clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 32

int ct_loop_open(struct ct_loop *loop)
{
    loop->armed = CT_NS_NEVER;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) != 0) {
        const int err = ct_err_from_errno(errno);
        ct_loop_close(loop);
        return err;
    }
    return CT_OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void ct_loop_close(struct ct_loop *loop)
{
    close_fd(&loop->timer_fd);
    close_fd(&loop->epoll_fd);
}

int ct_loop_add(struct ct_loop *loop, struct ct_loop_watch *watch, int fd, uint32_t events)
{
    watch->fd = fd;
    if (fd < 0) {
        return CT_OK;
    }
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        watch->fd = -1;
        return ct_err_from_errno(errno);
    }
    return CT_OK;
}

int ct_loop_modify(struct ct_loop *loop, struct ct_loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? CT_OK : ct_err_from_errno(errno);
}

void ct_loop_remove(struct ct_loop *loop, struct ct_loop_watch *watch)
{
    if (watch->fd >= 0) {
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
        watch->fd = -1;
    }
}

/* A timer that comes too early only costs a turn, and a deadline that moves on with every frame would cost a system
 * call with every frame: only an earlier one is armed. */
static int arm(struct ct_loop *loop, ct_ns deadline)
{
    if (deadline >= loop->armed) {
        return CT_OK;
    }
    /* All zero switches the timer off; a deadline of 0 or less has simply passed. */
    struct itimerspec spec = {0};
    if (deadline != CT_NS_NEVER) {
        const ct_ns at = deadline > 0 ? deadline : 1;
        spec.it_value.tv_sec = (time_t)(at / CT_NS_PER_S);
        spec.it_value.tv_nsec = (long)(at % CT_NS_PER_S);
    }
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0) {
        return ct_err_from_errno(errno);
    }
    loop->armed = deadline;
    return CT_OK;
}

static void take_timer(struct ct_loop *loop)
{
    uint64_t expirations = 0;
    const ssize_t got = read(loop->timer_fd, &expirations, sizeof expirations);
    (void)got;
    loop->armed = CT_NS_NEVER;
}

/* Descriptors wait meanwhile, so that there is more to be found at once. */
static void rest(struct ct_loop *loop, ct_ns deadline)
{
    if (loop->pace.gap <= 0) {
        return;
    }
    const ct_ns now = ct_clock_now();
    const ct_ns until = ct_ns_min(ct_pace_turn(&loop->pace, now), deadline);
    if (until > now) {
        const struct timespec at = {.tv_sec = (time_t)(until / CT_NS_PER_S), .tv_nsec = (long)(until % CT_NS_PER_S)};
        clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL); /* cut short by a signal: a turn more */
    }
}

int ct_loop_wait(struct ct_loop *loop, ct_ns deadline)
{
    struct epoll_event events[EVENTS_MAX];
    const int err = arm(loop, deadline);
    if (err != CT_OK) {
        return err;
    }
    ct_pulse_rest(&loop->pulse);
    rest(loop, deadline);
    const int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, -1);
    ct_pulse_work(&loop->pulse);
    if (count < 0) {
        return errno == EINTR ? CT_OK : ct_err_from_errno(errno);
    }
    for (int i = 0; i < count; i++) {
        struct ct_loop_watch *watch = events[i].data.ptr;
        if (watch == NULL) {
            take_timer(loop);
        } else if (watch->fd >= 0) {
            watch->fn(watch, events[i].events);
        }
    }
    return CT_OK;
}
