#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

struct dbc_chunk {
    struct dbc_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct dbc_chunk *add_chunk(struct dbc_arena *arena, size_t size)
{
    const size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct dbc_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (chunk == NULL) {
        arena->failed = true;
        return NULL;
    }
    chunk->size = room;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *ct_dbc_alloc(struct dbc_arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t);
    if (size > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct dbc_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        chunk = add_chunk(arena, size);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *memory = (char *)chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

void ct_dbc_arena_free(struct dbc_arena *arena)
{
    while (arena->chunks != NULL) {
        struct dbc_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

void *ct_dbc_grow(struct dbc_arena *arena, void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return items;
    }
    const size_t grown = *capacity == 0 ? 4 : *capacity * 2;
    void *moved = ct_dbc_alloc(arena, grown * item_size);
    if (moved == NULL) {
        return NULL;
    }
    if (count > 0) {
        memcpy(moved, items, count * item_size);
    }
    *capacity = grown;
    return moved;
}

/* The bytes of a well-formed UTF-8 character (Unicode 15, table 3-7), 0 when there is none. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
    const size_t need = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    const bool beyond = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || beyond ? 0 : need;
}

static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        const size_t length = utf8_length(s + i, len - i);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

/* Windows-1252 to Unicode; the five unassigned codes stay C1 controls, as WHATWG's encoding standard has it. */
static unsigned from_cp1252(unsigned char c)
{
    static const uint16_t high[32] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                      0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                      0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                      0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    return c >= 0x80 && c < 0xA0 ? high[c - 0x80] : c;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

const char *ct_dbc_utf8(struct dbc_arena *arena, const char *text, size_t len)
{
    const bool utf8 = is_utf8(text, len);
    char *copy = ct_dbc_alloc(arena, (utf8 ? len : 3 * len) + 1);
    if (copy == NULL) {
        return NULL;
    }
    char *out = copy;
    for (size_t i = 0; i < len; i++) {
        const bool escape = text[i] == '\\' && i + 1 < len && text[i + 1] == '"';
        const bool return_code = text[i] == '\r' && i + 1 < len && text[i + 1] == '\n';
        if (escape || return_code) {
            continue;
        }
        if (text[i] == 0) {
            *out++ = ' ';
        } else if (utf8) {
            *out++ = text[i];
        } else {
            out = put_utf8(out, from_cp1252((unsigned char)text[i]));
        }
    }
    return copy;
}
