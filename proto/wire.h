/* What is received from the network is scanned before it is parsed: the scan follows the generated descriptors and
 * refuses what protobuf-c would let through (duplicate scalar fields, two members of a oneof, NUL or bad UTF-8 in
 * strings, wrong or out-of-date wire types, packed fields in pieces), what is over the limits of cantwin.proto, and in
 * strict mode (signed payloads) unknown fields and integers wider than their field. Parsing then takes its memory from
 * an arena with a limit. Private to proto/ and to those who read cantwin.proto's messages directly.
 * Thread-safe: no state. Source: protobuf encoding guide; RFC 3629. */
#ifndef CT_PROTO_WIRE_H
#define CT_PROTO_WIRE_H

#include "buf.h"

#include <protobuf-c/protobuf-c.h>

#include <stdbool.h>

#define CT_WIRE_DEPTH_MAX  6         /* messages inside messages */
#define CT_WIRE_STRING_MAX 256       /* bytes */
#define CT_WIRE_COUNT_MAX  4096      /* elements of a repeated field, where no other number is set in wire.c */
#define CT_WIRE_ARENA_MAX  16777216U /* 16 MiB */

enum ct_wire_mode { CT_WIRE_TOLERANT, CT_WIRE_STRICT };

/* CT_OK, CT_ERR_TRUNCATED, CT_ERR_SYNTAX, CT_ERR_TOO_LARGE (a limit), CT_ERR_RANGE (strict: too wide a number). */
int ct_wire_scan(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data,
                 size_t len) CT_MUST_CHECK;

/* Memory of one parsed message; everything is freed at once. */
struct ct_wire_arena {
    struct ct_wire_block *blocks;
    size_t used;
    size_t limit;
};

void ct_wire_arena_init(struct ct_wire_arena *arena);
void ct_wire_arena_free(struct ct_wire_arena *arena);

/* Scans and parses; the message lives in the arena. CT_ERR_NO_MEMORY also when the arena's limit is reached. */
int ct_wire_parse(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data, size_t len,
                  struct ct_wire_arena *arena, ProtobufCMessage **out_message) CT_MUST_CHECK;

/* Appends the serialised message; an error is the buffer's. */
void ct_wire_pack(const ProtobufCMessage *message, struct ct_buf *out);

/* Valid UTF-8 without NUL. */
bool ct_wire_text_valid(const uint8_t *data, size_t len);
/* Length of the longest valid part of `text` that is at most CT_WIRE_STRING_MAX bytes and ends between characters. */
size_t ct_wire_text_fit(const char *text);

/* protobuf-c's structures are not const; nothing is written through these. */
static inline char *ct_wire_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData ct_wire_bytes(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

#endif
