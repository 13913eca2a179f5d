#include "dbc.h"

#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

struct owned_dbc {
    struct ct_dbc model; /* first: what the user holds */
    struct dbc_arena arena;
};

static bool is_utf16(const char *text, size_t len)
{
    return len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
}

static int parse_into(struct owned_dbc *owned, struct dbc_report *report, const char *text, size_t len)
{
    struct dbc_arena temp = {0};
    struct dbc_raw raw = {.keep = &owned->arena, .temp = &temp, .report = report};
    raw.messages_tail = &raw.messages;
    raw.refs_tail = &raw.refs;
    raw.nodes_tail = &raw.nodes;
    if (is_utf16(text, len)) {
        ct_dbc_report(report, CT_DBC_ERROR, text, "the file is UTF-16; save it as UTF-8");
    } else {
        ct_dbc_parse_text(&raw, text, len);
    }
    const bool failed = owned->arena.failed || temp.failed;
    const int err = failed ? CT_ERR_NO_MEMORY : ct_dbc_build(&raw, &owned->model);
    ct_dbc_arena_free(&temp);
    return err;
}

int ct_dbc_parse(const char *file, const char *text, size_t len, ct_dbc_problem_fn report, void *user,
                 struct ct_dbc **out_dbc)
{
    if (len > TEXT_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct owned_dbc *owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct dbc_report sink = {.fn = report, .user = user, .file = file, .text = text};
    owned->model.name = ct_dbc_utf8(&owned->arena, file, strlen(file));
    const int err = parse_into(owned, &sink, text, len);
    if (err != CT_OK) {
        ct_dbc_free(&owned->model);
        return err;
    }
    owned->model.warning_count = sink.warnings;
    owned->model.error_count = sink.errors;
    *out_dbc = &owned->model;
    return sink.errors > 0 ? CT_ERR_SYNTAX : CT_OK;
}

void ct_dbc_free(struct ct_dbc *dbc)
{
    if (dbc == NULL) {
        return;
    }
    struct owned_dbc *owned = (struct owned_dbc *)(void *)dbc;
    ct_dbc_arena_free(&owned->arena);
    free(owned);
}

const struct ct_dbc_message *ct_dbc_find_message(const struct ct_dbc *dbc, const char *name)
{
    for (size_t i = 0; i < dbc->message_count; i++) {
        if (strcmp(dbc->messages[i].name, name) == 0) {
            return &dbc->messages[i];
        }
    }
    return NULL;
}

const struct ct_dbc_signal *ct_dbc_find_signal(const struct ct_dbc_message *message, const char *name)
{
    for (size_t i = 0; i < message->signal_count; i++) {
        if (strcmp(message->signals[i].name, name) == 0) {
            return &message->signals[i];
        }
    }
    return NULL;
}

const char *ct_dbc_text_of(const struct ct_dbc_signal *signal, int64_t raw)
{
    size_t low = 0;
    size_t high = signal->text_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (signal->texts[middle].raw == raw) {
            return signal->texts[middle].text;
        }
        if (signal->texts[middle].raw < raw) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
