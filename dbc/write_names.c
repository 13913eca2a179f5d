#include "write_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIQUE_ROOM 5 /* "_0001" */

/* ---- short names */

static bool is_taken(const struct dbc_shorts *shorts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(shorts->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Every character that no identifier has becomes one '_'. */
static void sanitize(const char *name, char out[DBC_NAME_MAX + 1])
{
    size_t len = 0;
    if (isdigit((unsigned char)name[0]) || name[0] == '\0') {
        out[len++] = '_';
    }
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0' && len < DBC_NAME_MAX; c++) {
        if ((*c & 0xC0U) != 0x80) {
            out[len++] = *c < 0x80 && isalnum(*c) ? (char)*c : '_';
        }
    }
    out[len] = '\0';
    if (!ct_dbc_name_valid(out)) { /* a keyword */
        out[len] = '_';
        out[len + 1] = '\0';
    }
}

static void make_short(struct dbc_shorts *shorts, struct dbc_short *item, const char *name)
{
    char base[DBC_NAME_MAX + 1];
    sanitize(name, base);
    (void)snprintf(item->room, sizeof item->room, "%s", base);
    for (unsigned n = 1; is_taken(shorts, shorts->count, item->room) && n < 10000; n++) {
        (void)snprintf(item->room, sizeof item->room, "%.*s_%04u", DBC_NAME_MAX - UNIQUE_ROOM, base, n);
    }
    item->name = item->room;
    item->made = true;
}

static bool is_fine(const char *name)
{
    return ct_dbc_name_valid(name) && strlen(name) <= DBC_NAME_MAX;
}

/* Whether a name had to be made. Names stand in `shorts` already, so that made ones keep clear of all. */
static bool finish_shorts(struct dbc_shorts *shorts)
{
    bool made = false;
    for (size_t i = 0; i < shorts->count; i++) {
        if (!is_fine(shorts->items[i].name)) {
            make_short(shorts, &shorts->items[i], shorts->items[i].name);
            made = true;
        }
    }
    return made;
}

static bool init_shorts(struct dbc_shorts *shorts, size_t count)
{
    *shorts = (struct dbc_shorts){.items = calloc(count + 1, sizeof *shorts->items), .count = count};
    return shorts->items != NULL;
}

static bool init_signals(struct dbc_writer *writer, const struct ct_dbc_message *message, struct dbc_shorts *shorts)
{
    if (!init_shorts(shorts, message->signal_count)) {
        return false;
    }
    for (size_t i = 0; i < message->signal_count; i++) {
        shorts->items[i].name = message->signals[i].short_name;
    }
    writer->made_signals = finish_shorts(shorts) || writer->made_signals;
    return true;
}

static bool init_messages(struct dbc_writer *writer)
{
    const struct ct_dbc *dbc = writer->dbc;
    writer->signals = calloc(dbc->message_count + 1, sizeof *writer->signals);
    if (writer->signals == NULL || !init_shorts(&writer->messages, dbc->message_count)) {
        return false;
    }
    for (size_t i = 0; i < dbc->message_count; i++) {
        writer->messages.items[i].name = dbc->messages[i].short_name;
        if (!init_signals(writer, &dbc->messages[i], &writer->signals[i])) {
            return false;
        }
    }
    writer->made_messages = finish_shorts(&writer->messages);
    return writer->pool == NULL || init_signals(writer, writer->pool, &writer->signals[dbc->message_count]);
}

static bool init_nodes(struct dbc_writer *writer)
{
    const struct ct_dbc *dbc = writer->dbc;
    if (!init_shorts(&writer->nodes, dbc->node_count) || !ct_dbc_names_init(&writer->node_index, dbc->node_count)) {
        return false;
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        writer->nodes.items[i].name = dbc->nodes[i].name;
        ct_dbc_names_add(&writer->node_index, dbc->nodes[i].name, i);
    }
    ct_dbc_names_sort(&writer->node_index);
    writer->made_nodes = finish_shorts(&writer->nodes);
    return true;
}

bool ct_dbc_writer_init(struct dbc_writer *writer)
{
    const struct ct_dbc *dbc = writer->dbc;
    if (!init_nodes(writer) || !init_messages(writer) || !init_shorts(&writer->environment, dbc->environment_count)) {
        return false;
    }
    for (size_t i = 0; i < dbc->environment_count; i++) {
        writer->environment.items[i].name = dbc->environment[i].short_name;
    }
    writer->made_environment = finish_shorts(&writer->environment);
    return true;
}

void ct_dbc_writer_free(struct dbc_writer *writer)
{
    for (size_t i = 0; writer->signals != NULL && i <= writer->dbc->message_count; i++) {
        free(writer->signals[i].items);
    }
    free(writer->signals);
    free(writer->messages.items);
    free(writer->nodes.items);
    free(writer->environment.items);
    ct_dbc_names_free(&writer->node_index);
}

const char *ct_dbc_written_node(const struct dbc_writer *writer, const char *name)
{
    const struct dbc_name *found = ct_dbc_names_find(&writer->node_index, name);
    return found != NULL ? writer->nodes.items[found->index].name : name;
}

/* ---- texts */

/* Windows-1252 codes 0x80 to 0x9F as Unicode; 0 where none is assigned. */
static const uint16_t high_codes[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                        0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                        0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                        0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

/* The byte of a character, -1 when it has none; unassigned codes stand for themselves, as the parser reads them. */
static int cp1252_of(unsigned code)
{
    if (code < 0x80 || (code >= 0xA0 && code <= 0xFF)) {
        return (int)code;
    }
    for (unsigned i = 0; i < 32; i++) {
        if (high_codes[i] == code || (high_codes[i] == 0 && code == 0x80 + i)) {
            return (int)(0x80 + i);
        }
    }
    return -1;
}

/* One character of UTF-8 that the parser has checked. */
static const unsigned char *take_character(const unsigned char *s, unsigned *out_code)
{
    static const unsigned char masks[] = {0x7F, 0x1F, 0x0F, 0x07};
    const unsigned more = *s < 0x80 ? 0 : *s < 0xE0 ? 1 : *s < 0xF0 ? 2 : 3;
    unsigned code = *s++ & masks[more];
    for (unsigned i = 0; i < more && (*s & 0xC0U) == 0x80; i++) {
        code = code << 6 | (*s++ & 0x3FU);
    }
    *out_code = code;
    return s;
}

/* Whether the text has a form in Windows-1252 that is not read as UTF-8 instead. */
static bool fits_cp1252(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    bool plain = true;
    bool utf8 = true;  /* the bytes are UTF-8 too */
    unsigned more = 0; /* that the last of them wants */
    while (*s != '\0') {
        unsigned code;
        s = take_character(s, &code);
        const int byte = cp1252_of(code);
        if (byte < 0) {
            return false;
        }
        plain = plain && byte < 0x80;
        if (more > 0) {
            utf8 = utf8 && (byte & 0xC0) == 0x80;
            more--;
        } else if (byte >= 0x80) {
            utf8 = utf8 && byte >= 0xC2 && byte < 0xF5;
            more = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
        }
    }
    return plain || !utf8 || more > 0;
}

void ct_dbc_to_cp1252(struct ct_buf *out, size_t from)
{
    const unsigned char *s = out->data + from;
    const unsigned char *end = out->data + out->len;
    size_t len = from;
    while (s < end) {
        unsigned code;
        s = take_character(s, &code);
        out->data[len++] = (uint8_t)cp1252_of(code);
    }
    out->len = len;
}

void ct_dbc_put_string(struct dbc_writer *writer, const char *text)
{
    writer->needs_utf8 = writer->needs_utf8 || !fits_cp1252(text);
    ct_buf_append(writer->out, "\"", 1);
    const char *from = text;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            ct_buf_append(writer->out, from, (size_t)(c - from));
            ct_buf_append(writer->out, "\\", 1);
            from = c;
        }
    }
    ct_buf_text(writer->out, from);
    ct_buf_append(writer->out, "\"", 1);
}

void ct_dbc_put_number(struct ct_buf *out, double value)
{
    if (isinf(value)) { /* a number of the file beyond double */
        ct_buf_text(out, value > 0 ? "1e999" : "-1e999");
    } else if (value == 18446744073709551616.0) { /* what is meant is the highest value of 64 bits */
        ct_buf_text(out, "18446744073709551615");
    } else if (value == 9223372036854775808.0) {
        ct_buf_text(out, "9223372036854775807");
    } else if (fabs(value) < 1e19 && value == floor(value)) {
        ct_buf_printf(out, "%.0f", value);
    } else {
        char text[40];
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) {
                break;
            }
        }
        ct_buf_text(out, text);
    }
}
