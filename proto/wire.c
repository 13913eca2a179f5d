#include "wire.h"

#include "cantwin.pb-c.h"
#include "pb.h"

#include <stdlib.h>

#define FIELDS_MAX 32 /* fields of the largest message; a larger one is refused, which a test would show */

/* Repeated fields whose limit is not CT_WIRE_COUNT_MAX. */
static const struct {
    const ProtobufCMessageDescriptor *type;
    const char *field;
    size_t count;
} count_limits[] = {
    {&cantwin__v1__hello__descriptor, "newest", 8},
    {&cantwin__v1__hello__descriptor, "acked", 8},
    {&cantwin__v1__hello_ack__descriptor, "durable", 8},
    {&cantwin__v1__hello_ack__descriptor, "known_catalogues", 64},
    {&cantwin__v1__ack__descriptor, "durable", 8},
    {&cantwin__v1__catalogue__descriptor, "entries", 16384},
    {&cantwin__v1__event__descriptor, "fields", 32},
    {&cantwin__v1__signed_command__descriptor, "signatures", 8},
    {&cantwin__v1__signed_payload__descriptor, "signatures", 8},
    {&cantwin__v1__role_keys__descriptor, "public_keys", 8},
    {&cantwin__v1__update_offer__descriptor, "roots", 16},
    {&cantwin__v1__update_status__descriptor, "rxswin", 8},
    {&cantwin__v1__release__descriptor, "targets", 32},
    {&cantwin__v1__release__descriptor, "parameters", 256},
    {&cantwin__v1__release__descriptor, "preconditions", 16},
};

static size_t count_limit(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; i < sizeof count_limits / sizeof count_limits[0]; i++) {
        if (count_limits[i].type == type && strcmp(count_limits[i].field, field->name) == 0) {
            return count_limits[i].count;
        }
    }
    return CT_WIRE_COUNT_MAX;
}

/* RFC 3629 section 4: length of the well-formed character at data, 0 when there is none. */
static size_t utf8_character(const uint8_t *data, size_t len)
{
    static const struct {
        uint8_t first, last, second_first, second_last, len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (data[0] < forms[i].first || data[0] > forms[i].last) {
            continue;
        }
        if (len < forms[i].len ||
            (forms[i].len > 1 && (data[1] < forms[i].second_first || data[1] > forms[i].second_last))) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].len; k++) {
            if ((data[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

bool ct_wire_text_valid(const uint8_t *data, size_t len)
{
    while (len > 0) {
        const size_t step = utf8_character(data, len);
        if (step == 0) {
            return false;
        }
        data += step;
        len -= step;
    }
    return true;
}

size_t ct_wire_text_fit(const char *text)
{
    const size_t len = strlen(text);
    size_t fit = 0;
    while (fit < len) {
        const size_t step = utf8_character((const uint8_t *)text + fit, len - fit);
        if (step == 0 || fit + step > CT_WIRE_STRING_MAX) {
            break;
        }
        fit += step;
    }
    return fit;
}

/* ---------------------------------------------------------------- scan */

struct scan {
    const ProtobufCMessageDescriptor *type;
    enum ct_wire_mode mode;
    unsigned depth;
    uint32_t counts[FIELDS_MAX]; /* how often each field was there */
};

static int scan_message(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data, size_t len,
                        unsigned depth);

static int find_field(const ProtobufCMessageDescriptor *type, uint32_t id)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].id == id) {
            return (int)i;
        }
    }
    return -1;
}

static enum ct_pb_type element_type(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return CT_PB_FIXED64;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return CT_PB_FIXED32;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return CT_PB_BYTES;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    default:
        return CT_PB_VARINT;
    }
}

static bool is_packed(const ProtobufCFieldDescriptor *field)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED && element_type(field->type) != CT_PB_BYTES;
}

/* An integer that does not fit its field would be cut by the parser, and so read differently than it was signed. */
static bool fits(ProtobufCType type, uint64_t value)
{
    if (type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_SINT32) {
        return value <= UINT32_MAX;
    }
    if (type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_ENUM) {
        return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX;
    }
    return type != PROTOBUF_C_TYPE_BOOL || value <= 1;
}

static int scan_packed(const struct scan *scan, const ProtobufCFieldDescriptor *field, const uint8_t *data, size_t len)
{
    const size_t limit = count_limit(scan->type, field);
    const enum ct_pb_type type = element_type(field->type);
    if (type != CT_PB_VARINT) {
        const size_t width = type == CT_PB_FIXED64 ? 8 : 4;
        if (len % width != 0) {
            return CT_ERR_TRUNCATED;
        }
        return len / width <= limit ? CT_OK : CT_ERR_TOO_LARGE;
    }
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    for (size_t count = 0; reader.next != reader.end; count++) {
        uint64_t value;
        const int err = ct_pb_varint(&reader, &value);
        if (err != CT_OK) {
            return err;
        }
        if (count == limit) {
            return CT_ERR_TOO_LARGE;
        }
        if (!fits(field->type, value)) {
            return CT_ERR_RANGE;
        }
    }
    return CT_OK;
}

static bool oneof_taken(const struct scan *scan, const ProtobufCFieldDescriptor *field)
{
    for (unsigned i = 0; i < scan->type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &scan->type->fields[i];
        if (other != field && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            other->quantifier_offset == field->quantifier_offset && scan->counts[i] > 0) {
            return true;
        }
    }
    return false;
}

static int check_count(const struct scan *scan, const ProtobufCFieldDescriptor *field, uint32_t count)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED && !is_packed(field)) {
        return count <= count_limit(scan->type, field) ? CT_OK : CT_ERR_TOO_LARGE;
    }
    if (count > 1) {
        return CT_ERR_SYNTAX;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && oneof_taken(scan, field)) {
        return CT_ERR_SYNTAX;
    }
    return CT_OK;
}

static int scan_value(const struct scan *scan, const ProtobufCFieldDescriptor *field, const struct ct_pb_field *found)
{
    const bool packed = is_packed(field);
    if (found->type != (packed ? CT_PB_BYTES : element_type(field->type))) {
        return CT_ERR_SYNTAX;
    }
    if (packed) {
        return scan_packed(scan, field, found->data, found->len);
    }
    if (found->type == CT_PB_VARINT) {
        return scan->mode != CT_WIRE_STRICT || fits(field->type, found->value) ? CT_OK : CT_ERR_RANGE;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (found->len > CT_WIRE_STRING_MAX) {
            return CT_ERR_TOO_LARGE;
        }
        return ct_wire_text_valid(found->data, found->len) ? CT_OK : CT_ERR_SYNTAX;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return scan_message(field->descriptor, scan->mode, found->data, found->len, scan->depth + 1);
    }
    return CT_OK;
}

static int scan_field(struct scan *scan, const struct ct_pb_field *found)
{
    const int index = find_field(scan->type, found->id);
    if (index < 0) {
        return scan->mode == CT_WIRE_STRICT ? CT_ERR_SYNTAX : CT_OK;
    }
    const ProtobufCFieldDescriptor *field = &scan->type->fields[index];
    const int err = check_count(scan, field, ++scan->counts[index]);
    return err != CT_OK ? err : scan_value(scan, field, found);
}

static int scan_message(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data, size_t len,
                        unsigned depth)
{
    if (depth >= CT_WIRE_DEPTH_MAX || type->n_fields > FIELDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct scan scan = {.type = type, .mode = mode, .depth = depth};
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field found;
    int err;
    while ((err = ct_pb_next(&reader, &found)) == CT_OK) {
        err = scan_field(&scan, &found);
        if (err != CT_OK) {
            return err;
        }
    }
    return err == CT_ERR_END ? CT_OK : err;
}

int ct_wire_scan(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data, size_t len)
{
    return scan_message(type, mode, data, len, 0);
}

/* ---------------------------------------------------------------- memory */

#define BLOCK_SIZE 4096U

struct ct_wire_block {
    struct ct_wire_block *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) uint8_t data[];
};

void ct_wire_arena_init(struct ct_wire_arena *arena)
{
    *arena = (struct ct_wire_arena){.limit = CT_WIRE_ARENA_MAX};
}

void ct_wire_arena_free(struct ct_wire_arena *arena)
{
    while (arena->blocks != NULL) {
        struct ct_wire_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}

static struct ct_wire_block *add_block(struct ct_wire_arena *arena, size_t size)
{
    size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    if (size > arena->limit - arena->used) {
        return NULL;
    }
    struct ct_wire_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct ct_wire_block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    arena->used += size;
    return block;
}

static void *arena_alloc(void *user, size_t size)
{
    struct ct_wire_arena *arena = user;
    const size_t align = _Alignof(max_align_t);
    if (size > arena->limit) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct ct_wire_block *block = arena->blocks;
    if (block == NULL || size > block->size - block->used) {
        block = add_block(arena, size);
        if (block == NULL) {
            return NULL;
        }
    }
    void *memory = block->data + block->used;
    block->used += size;
    return memory;
}

static void arena_keep(void *user, void *pointer)
{
    (void)user;
    (void)pointer;
}

int ct_wire_parse(const ProtobufCMessageDescriptor *type, enum ct_wire_mode mode, const uint8_t *data, size_t len,
                  struct ct_wire_arena *arena, ProtobufCMessage **out_message)
{
    const int err = ct_wire_scan(type, mode, data, len);
    if (err != CT_OK) {
        return err;
    }
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_keep, .allocator_data = arena};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, len, data);
    if (message == NULL) { /* the scan has passed the form, so it is memory */
        return CT_ERR_NO_MEMORY;
    }
    *out_message = message;
    return CT_OK;
}

struct pack_target {
    ProtobufCBuffer base;
    struct ct_buf *out;
};

static void pack_append(ProtobufCBuffer *base, size_t len, const uint8_t *data)
{
    const struct pack_target *target = (const struct pack_target *)base;
    ct_buf_append(target->out, data, len);
}

void ct_wire_pack(const ProtobufCMessage *message, struct ct_buf *out)
{
    struct pack_target target = {.base = {.append = pack_append}, .out = out};
    (void)protobuf_c_message_pack_to_buffer(message, &target.base);
}
