/* An epoll loop with one deadline: file descriptors with callbacks, and a timer on CLOCK_BOOTTIME with nanoseconds.
 * Adapter target gateway_app. Belongs to one thread. */
#ifndef CT_GATEWAY_LOOP_H
#define CT_GATEWAY_LOOP_H

#include "errors.h"
#include "pace.h"
#include "service.h"
#include "time_ns.h"

#include <stdbool.h>
#include <stdint.h>

struct ct_loop {
    int epoll_fd;
    int timer_fd;
    struct ct_pulse pulse; /* at rest inside ct_loop_wait */
    struct ct_pace pace;   /* of turns; its gap is the user's to set, 0 after open */
    ct_ns armed;           /* deadline the timer is set to, CT_NS_NEVER when it is off */
};

struct ct_loop_watch; /* one descriptor */
typedef void (*ct_loop_fn)(struct ct_loop_watch *watch, uint32_t events);

/* Embedded by the user, who keeps it until ct_loop_remove. */
struct ct_loop_watch {
    int fd; /* -1: not watched */
    ct_loop_fn fn;
    void *user;
};

int ct_loop_open(struct ct_loop *loop) CT_MUST_CHECK;
void ct_loop_close(struct ct_loop *loop);

/* Watches `fd` for `events` (EPOLLIN ...); -1 only prepares the watch. */
int ct_loop_add(struct ct_loop *loop, struct ct_loop_watch *watch, int fd, uint32_t events) CT_MUST_CHECK;
int ct_loop_modify(struct ct_loop *loop, struct ct_loop_watch *watch, uint32_t events) CT_MUST_CHECK;
void ct_loop_remove(struct ct_loop *loop, struct ct_loop_watch *watch);

/* Sleeps until a descriptor is ready or `deadline` has come, and calls what is ready. A callback may remove its own
 * watch, and no other one. */
int ct_loop_wait(struct ct_loop *loop, ct_ns deadline) CT_MUST_CHECK;

#endif
