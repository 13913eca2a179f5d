#include "dbc.h"

#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

struct owned_dbc {
    struct ct_dbc model; /* first: what the user holds */
    struct dbc_arena arena;
};

/* By its byte order mark, or by the zeros of ASCII without one. */
static bool is_utf16(const char *text, size_t len)
{
    if (len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0)) {
        return true;
    }
    if (len < 4) {
        return false;
    }
    const bool little = text[0] != '\0' && text[1] == '\0' && text[2] != '\0' && text[3] == '\0';
    const bool big = text[0] == '\0' && text[1] != '\0' && text[2] == '\0' && text[3] != '\0';
    return little || big;
}

static int parse_into(struct owned_dbc *owned, struct dbc_report *report, const char *text, size_t len)
{
    struct dbc_arena temp = {0};
    struct dbc_raw raw = {.keep = &owned->arena, .temp = &temp, .report = report};
    raw.refs_tail = &raw.refs;
    const size_t mark = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    report->text = text + mark;
    if (ct_dbc_find_lines(report, &temp, text + len)) {
        if (is_utf16(text, len)) {
            ct_dbc_report(report, CT_DBC_CODE_ENCODING, text, "the file is UTF-16; save it as UTF-8");
        } else {
            ct_dbc_parse_text(&raw, text + mark, len - mark);
        }
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
    struct dbc_report sink = {.fn = report, .user = user, .file = file};
    owned->model.name = ct_dbc_utf8(&owned->arena, (struct dbc_span){file, strlen(file)});
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

const struct ct_dbc_value *ct_dbc_attribute(const struct ct_dbc *dbc, enum ct_dbc_scope scope,
                                            const struct ct_dbc_attributes *attributes, const char *name)
{
    for (size_t i = attributes->count; i-- > 0;) {
        if (strcmp(attributes->items[i].def->name, name) == 0) {
            return &attributes->items[i].value;
        }
    }
    for (size_t i = dbc->attribute_def_count; i-- > 0;) {
        const struct ct_dbc_attribute_def *def = &dbc->attribute_defs[i];
        if (def->scope == scope && strcmp(def->name, name) == 0) {
            return def->has_default ? &def->preset : NULL;
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
