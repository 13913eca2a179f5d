#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    const char *program;
    enum ct_log_level level;
    bool journal;
} sink = {"cantwin", CT_LOG_INFO, false};

void ct_log_open(const char *program, enum ct_log_level level)
{
    sink.program = program;
    sink.level = level;
    sink.journal = getenv("JOURNAL_STREAM") != NULL;
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

void ct_log(enum ct_log_level level, const char *format, ...)
{
    if (level > sink.level) {
        return;
    }
    char line[1024];
    int len = sink.journal ? snprintf(line, sizeof line, "<%d>%s", (int)level, level_name(level))
                           : snprintf(line, sizeof line, "%s: %s", sink.program, level_name(level));
    va_list args;
    va_start(args, format);
    const int more = vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    va_end(args);
    len += more < 0 ? 0 : more;
    if ((size_t)len > sizeof line - 2) {
        len = (int)sizeof line - 2;
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)len) < 0) {
        return; /* nobody left to tell */
    }
}
