#include "top_screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

static const char *const styles[] = {
    [CT_STYLE_PLAIN] = "",      [CT_STYLE_HEAD] = "\x1b[7m",   [CT_STYLE_CHANGED] = "\x1b[1;32m",
    [CT_STYLE_DIM] = "\x1b[2m", [CT_STYLE_BAD] = "\x1b[1;31m",
};

void ct_screen_begin(struct ct_screen *screen, struct ct_buf *buf, unsigned columns, unsigned rows, bool styled)
{
    const unsigned skip = screen->skip;
    *screen = (struct ct_screen){.buf = buf, .columns = columns, .rows = rows, .styled = styled, .skip = skip};
    if (styled) {
        ct_buf_text(buf, "\x1b[H");
    }
}

/* The bytes of `text` that fit the rest of the line: whole UTF-8 characters, one column each. */
static size_t fitting(struct ct_screen *screen, const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && (screen->columns == 0 || screen->column < screen->columns)) {
        len++;
        while (((unsigned char)text[len] & 0xC0U) == 0x80) {
            len++;
        }
        screen->column++;
    }
    return len;
}

static void put(struct ct_screen *screen, enum ct_style style, const char *text)
{
    const size_t len = fitting(screen, text);
    const bool escape = screen->styled && style != CT_STYLE_PLAIN && len > 0;
    if (escape) {
        ct_buf_text(screen->buf, styles[style]);
    }
    ct_buf_append(screen->buf, text, len);
    if (escape) {
        ct_buf_text(screen->buf, "\x1b[0m");
    }
}

static void end_shown_line(struct ct_screen *screen)
{
    ct_buf_text(screen->buf, screen->styled ? "\x1b[K\n" : "\n");
    screen->shown++;
    screen->column = 0;
}

void ct_screen_head(struct ct_screen *screen, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(screen, CT_STYLE_HEAD, text);
    end_shown_line(screen);
}

/* The last row stays free: a line end there would scroll. */
static bool visible(const struct ct_screen *screen)
{
    return screen->line >= screen->skip && (screen->rows == 0 || screen->shown + 1 < screen->rows);
}

void ct_screen_put(struct ct_screen *screen, enum ct_style style, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    if (!visible(screen)) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(screen, style, text);
}

void ct_screen_end_line(struct ct_screen *screen)
{
    if (visible(screen)) {
        end_shown_line(screen);
    }
    screen->line++;
}

void ct_screen_finish(struct ct_screen *screen)
{
    if (screen->styled) {
        ct_buf_text(screen->buf, "\x1b[J");
    }
}
