/* Test helpers of the parser's tests: texts of our own parsed from memory of their exact size, problems collected. */
#ifndef CT_TESTS_DBC_SUPPORT_H
#define CT_TESTS_DBC_SUPPORT_H

#include "dbc.h"

struct problems {
    char text[8192]; /* `file:line:column:severity:DBCnnn:text`, one a line */
    size_t len;
    unsigned count;
};

void problems_collect(void *user, const struct ct_dbc_problem *problem);

/* Wants that result and a model; a byte read too far is seen by the sanitizer, and the text is gone afterwards. */
struct ct_dbc *dbc_of_bytes(const char *text, size_t len, int want, struct problems *problems);
struct ct_dbc *dbc_of(const char *text, int want, struct problems *problems);

/* Fails the test when there is none. */
const struct ct_dbc_message *message_named(const struct ct_dbc *dbc, const char *name);
const struct ct_dbc_signal *signal_named(const struct ct_dbc *dbc, const char *message, const char *signal);
bool problem_at(const struct problems *problems, const char *place, enum ct_dbc_code code); /* "3:15" */

/* A text that grows. */
struct text {
    char *data;
    size_t len;
    size_t size;
};
void text_add(struct text *text, const char *format, ...) CT_PRINTF(2, 3);

#define SG(name) " SG_ " name " : 0|8@1+ (1,0) [0|0] \"\" B\n"

#endif
