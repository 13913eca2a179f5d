/* A page of text for a terminal of a given size: lines are cut at its width, those above or below the visible part are
 * left out, styles are ANSI escapes or nothing. Writes into a ct_buf. One thread. */
#ifndef CT_CLI_TOP_SCREEN_H
#define CT_CLI_TOP_SCREEN_H

#include "buf.h"

#include <stdbool.h>

enum ct_style { CT_STYLE_PLAIN, CT_STYLE_HEAD, CT_STYLE_CHANGED, CT_STYLE_DIM, CT_STYLE_BAD };

struct ct_screen {
    struct ct_buf *buf;
    unsigned columns, rows; /* 0: no limit */
    bool styled;            /* escapes allowed; then the page starts at the top left and clears what was there */
    unsigned skip;          /* lines of the body scrolled away */
    unsigned line;          /* lines of the body so far, visible or not */
    unsigned shown;         /* lines that are on the page */
    unsigned column;
};

/* Starts a page; the first `ct_screen_head` lines stay whatever the scrolling. */
void ct_screen_begin(struct ct_screen *screen, struct ct_buf *buf, unsigned columns, unsigned rows, bool styled);
void ct_screen_head(struct ct_screen *screen, const char *format, ...) CT_PRINTF(2, 3);
/* Adds to the current line of the body. */
void ct_screen_put(struct ct_screen *screen, enum ct_style style, const char *format, ...) CT_PRINTF(3, 4);
void ct_screen_end_line(struct ct_screen *screen);
void ct_screen_finish(struct ct_screen *screen);

#endif
