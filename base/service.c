#include "service.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Two datagrams and two variables do not need the megabyte that libsystemd and what it loads take. */

static socklen_t address_of(const char *name, struct sockaddr_un *out_address)
{
    const size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof out_address->sun_path) {
        return 0;
    }
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out_address->sun_path, name, len);
    if (name[0] == '@') { /* an abstract name: NUL and as many characters as there are */
        out_address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    }
    return (socklen_t)sizeof *out_address;
}

void ct_service_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    const socklen_t size = name != NULL ? address_of(name, &address) : 0;
    const int fd = size > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) {
        return;
    }
    /* Who sends is in the datagram: the manager has asked the kernel for it (SO_PASSCRED). */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    close(fd);
}

/* A whole decimal number; 0 is none. */
static uint64_t number_in(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 ? number : 0;
}

static ct_ns asked_interval(void)
{
    const uint64_t us = number_in("WATCHDOG_USEC");
    const bool ours = getenv("WATCHDOG_PID") == NULL || number_in("WATCHDOG_PID") == (uint64_t)getpid();
    return ours && us > 0 && us < (uint64_t)(CT_NS_NEVER / 1000) ? (ct_ns)us * 1000 : CT_NS_NEVER;
}

void ct_watchdog_open(struct ct_watchdog *watchdog, ct_ns now)
{
    const ct_ns interval = asked_interval();
    *watchdog = (struct ct_watchdog){.period = interval == CT_NS_NEVER ? CT_NS_NEVER : interval / 4};
    watchdog->due = ct_ns_add(now, watchdog->period);
}

void ct_rounds_add(struct ct_rounds *rounds, const char *name, const struct ct_pulse *pulse)
{
    assert(rounds->count < CT_WATCHDOG_THREADS_MAX);
    rounds->threads[rounds->count].name = name;
    rounds->threads[rounds->count++].pulse = pulse;
}

const char *ct_rounds_stuck(struct ct_rounds *rounds, ct_ns patience, ct_ns now)
{
    const char *stuck = NULL;
    for (size_t i = 0; i < rounds->count; i++) {
        const uint32_t turns = atomic_load_explicit(&rounds->threads[i].pulse->turns, memory_order_relaxed);
        if (turns % 2 == 0 || turns != rounds->threads[i].turns) {
            rounds->threads[i].turns = turns;
            rounds->threads[i].since = now;
        } else if (now >= ct_ns_add(rounds->threads[i].since, patience)) {
            stuck = rounds->threads[i].name;
        }
    }
    return stuck;
}

void ct_watchdog_add(struct ct_watchdog *watchdog, const char *name, const struct ct_pulse *pulse)
{
    ct_rounds_add(&watchdog->rounds, name, pulse);
}

const char *ct_watchdog_turn(struct ct_watchdog *watchdog, ct_ns now)
{
    if (watchdog->period == CT_NS_NEVER || now < watchdog->due) {
        return NULL;
    }
    const char *stuck = ct_rounds_stuck(&watchdog->rounds, watchdog->period, now);
    watchdog->due = ct_ns_add(now, watchdog->period);
    if (stuck == NULL) {
        ct_service_notify("WATCHDOG=1");
    }
    return stuck;
}
