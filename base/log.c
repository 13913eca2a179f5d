#include "log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    const char *program;
    _Atomic(enum ct_log_level) level;
    bool journal;
    uint64_t dropped;
    pthread_mutex_t lock; /* of all but level; nobody waits for the reader of the log while holding it */
} sink = {"cantwin", CT_LOG_INFO, false, 0, PTHREAD_MUTEX_INITIALIZER};

void ct_log_open(const char *program, enum ct_log_level level)
{
    pthread_mutex_lock(&sink.lock);
    sink.program = program;
    sink.journal = getenv("JOURNAL_STREAM") != NULL;
    pthread_mutex_unlock(&sink.lock);
    atomic_store(&sink.level, level);
}

static const char *level_name(enum ct_log_level level)
{
    switch (level) {
    case CT_LOG_ERROR:
        return "error: ";
    case CT_LOG_WARNING:
        return "warning: ";
    case CT_LOG_DEBUG:
        return "debug: ";
    case CT_LOG_INFO:
    default:
        return "";
    }
}

/* The beginning of a line; its length. */
static int begin_line(char *line, size_t size, enum ct_log_level level)
{
    return sink.journal ? snprintf(line, size, "<%d>%s", (int)level, level_name(level))
                        : snprintf(line, size, "%s: %s", sink.program, level_name(level));
}

/* A pipe or socket that says it is writable takes a line of this size without waiting. */
static bool write_now(const char *line, size_t len)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0 && write(STDERR_FILENO, line, len) == (ssize_t)len;
}

static bool tell_dropped(void)
{
    char line[256];
    int len = begin_line(line, sizeof line, CT_LOG_WARNING);
    len +=
        snprintf(line + len, sizeof line - (size_t)len,
                 "%llu lines of this log were dropped: nobody read them in time\n", (unsigned long long)sink.dropped);
    if (sink.dropped > 0 && !write_now(line, (size_t)len)) {
        return false;
    }
    sink.dropped = 0;
    return true;
}

void ct_log(enum ct_log_level level, const char *format, ...)
{
    if (level > atomic_load(&sink.level)) {
        return;
    }
    char line[1024];
    pthread_mutex_lock(&sink.lock);
    int len = begin_line(line, sizeof line, level);
    va_list args;
    va_start(args, format);
    const int more = vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    va_end(args);
    len += more < 0 ? 0 : more;
    if ((size_t)len > sizeof line - 2) {
        len = (int)sizeof line - 2;
    }
    line[len++] = '\n';
    if (!tell_dropped() || !write_now(line, (size_t)len)) {
        sink.dropped++;
    }
    pthread_mutex_unlock(&sink.lock);
}
