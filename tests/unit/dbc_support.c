#include "dbc_support.h"

#include "testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void problems_collect(void *user, const struct ct_dbc_problem *problem)
{
    struct problems *problems = user;
    problems->count++;
    const int n =
        snprintf(problems->text + problems->len, sizeof problems->text - problems->len, "%s:%u:%u:%s:DBC%03u:%s\n",
                 problem->file, problem->line, problem->column, problem->severity == CT_DBC_ERROR ? "error" : "warning",
                 (unsigned)problem->code, problem->text);
    if (n > 0 && problems->len + (size_t)n < sizeof problems->text) {
        problems->len += (size_t)n;
    }
}

struct ct_dbc *dbc_of_bytes(const char *text, size_t len, int want, struct problems *problems)
{
    struct ct_dbc *dbc = NULL;
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    *problems = (struct problems){.count = 0};
    const int err = ct_dbc_parse("t.dbc", exact, len, problems_collect, problems, &dbc);
    free(exact);
    if (err != want) {
        fail_msg("%s\n%s", ct_err_text(err), problems->text);
    }
    assert_non_null(dbc);
    assert_int_equal(dbc->warning_count + dbc->error_count, problems->count);
    return dbc;
}

struct ct_dbc *dbc_of(const char *text, int want, struct problems *problems)
{
    return dbc_of_bytes(text, strlen(text), want, problems);
}

const struct ct_dbc_message *message_named(const struct ct_dbc *dbc, const char *name)
{
    const struct ct_dbc_message *message = ct_dbc_find_message(dbc, name);
    if (message == NULL) {
        fail_msg("no message %s", name);
    }
    return message;
}

const struct ct_dbc_signal *signal_named(const struct ct_dbc *dbc, const char *message, const char *signal)
{
    const struct ct_dbc_signal *found = ct_dbc_find_signal(message_named(dbc, message), signal);
    if (found == NULL) {
        fail_msg("no signal %s in %s", signal, message);
    }
    return found;
}

bool problem_at(const struct problems *problems, const char *place, enum ct_dbc_code code)
{
    char error[80];
    char warning[80];
    (void)snprintf(error, sizeof error, "t.dbc:%s:error:DBC%03u:", place, (unsigned)code);
    (void)snprintf(warning, sizeof warning, "t.dbc:%s:warning:DBC%03u:", place, (unsigned)code);
    const bool found = strstr(problems->text, error) != NULL || strstr(problems->text, warning) != NULL;
    if (!found) {
        print_message("no DBC%03u at %s among\n%s", (unsigned)code, place, problems->text);
    }
    return found;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    if (text->size - text->len < 4096) {
        text->size = 2 * text->size + 8192;
        text->data = realloc(text->data, text->size);
        assert_non_null(text->data);
    }
    va_start(args, format);
    const int n = vsnprintf(text->data + text->len, text->size - text->len, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < text->size - text->len);
    text->len += (size_t)n;
}
