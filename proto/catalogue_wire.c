#include "batch.h"
#include "cantwin.pb-c.h"
#include "pb.h"
#include "wire.h"

#include <stdlib.h>

#define CATALOGUE_BYTES_MAX 4194304U /* 4 MiB: all parts together */
#define PART_HEAD_MAX       64U      /* hash, counts and tags of a part */

enum { CATALOGUE_HASH = 1, CATALOGUE_COUNT, CATALOGUE_FIRST_ID, CATALOGUE_ENTRIES };

#define SAME_KIND(name) _Static_assert((int)CT_KIND_##name == (int)CANTWIN__V1__KIND__##name, "kinds")
SAME_KIND(RAW);
SAME_KIND(DOUBLE);
SAME_KIND(BYTES);
SAME_KIND(STRING);
#undef SAME_KIND
#define SAME_TYPE(name) _Static_assert((int)CT_DT_##name == (int)CANTWIN__V1__DATATYPE__DT_##name, "datatypes")
SAME_TYPE(BOOLEAN);
SAME_TYPE(INT8);
SAME_TYPE(INT16);
SAME_TYPE(INT32);
SAME_TYPE(INT64);
SAME_TYPE(UINT8);
SAME_TYPE(UINT16);
SAME_TYPE(UINT32);
SAME_TYPE(UINT64);
SAME_TYPE(FLOAT);
SAME_TYPE(DOUBLE);
SAME_TYPE(STRING);
SAME_TYPE(BYTES);
#undef SAME_TYPE

/* ---------------------------------------------------------------- encode */

static bool text_fits(const char *text)
{
    return ct_wire_text_fit(text) == strlen(text);
}

/* The hash covers these texts, so what is over the limit cannot be cut here. */
static bool entry_fits(const struct ct_entry *entry)
{
    if (!text_fits(entry->name) || !text_fits(entry->unit) || entry->text_count > CT_WIRE_COUNT_MAX) {
        return false;
    }
    for (size_t i = 0; i < entry->text_count; i++) {
        if (!text_fits(entry->texts[i].text)) {
            return false;
        }
    }
    return true;
}

static int put_texts(const struct ct_entry *entry, Cantwin__V1__CatalogueEntry *message,
                     Cantwin__V1__EnumText **out_memory)
{
    *out_memory = NULL;
    if (entry->text_count == 0) {
        return CT_OK;
    }
    Cantwin__V1__EnumText *texts = calloc(entry->text_count, sizeof *texts + sizeof(Cantwin__V1__EnumText *));
    if (texts == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    message->texts = (Cantwin__V1__EnumText **)(void *)(texts + entry->text_count);
    message->n_texts = entry->text_count;
    for (size_t i = 0; i < entry->text_count; i++) {
        cantwin__v1__enum_text__init(&texts[i]);
        texts[i].raw = entry->texts[i].raw;
        texts[i].text = ct_wire_text(entry->texts[i].text);
        message->texts[i] = &texts[i];
    }
    *out_memory = texts;
    return CT_OK;
}

static int put_entry(const struct ct_entry *entry, struct ct_buf *out)
{
    if (!entry_fits(entry)) {
        return CT_ERR_TOO_LARGE;
    }
    char comment[CT_WIRE_STRING_MAX + 1];
    const size_t comment_len = ct_wire_text_fit(entry->comment);
    memcpy(comment, entry->comment, comment_len);
    comment[comment_len] = 0;
    Cantwin__V1__CatalogueEntry message;
    cantwin__v1__catalogue_entry__init(&message);
    message.name = ct_wire_text(entry->name);
    message.unit = ct_wire_text(entry->unit);
    message.comment = comment;
    message.kind = (Cantwin__V1__Kind)entry->kind;
    message.datatype = (Cantwin__V1__Datatype)entry->datatype;
    message.is_unsigned = entry->is_unsigned;
    message.is_actuator = entry->is_actuator;
    message.factor = entry->factor;
    message.offset = entry->offset;
    message.min = entry->min;
    message.max = entry->max;
    message.timeout_ns = entry->timeout_ns;
    message.bytes_max = entry->bytes_max;
    Cantwin__V1__EnumText *memory = NULL;
    int err = put_texts(entry, &message, &memory);
    if (err == CT_OK) {
        const size_t mark = ct_pb_open(out, CATALOGUE_ENTRIES);
        ct_wire_pack(&message.base, out);
        ct_pb_close(out, mark);
        err = ct_buf_error(out);
    }
    free(memory);
    return err;
}

static void put_part_head(const struct ct_catalogue *catalogue, uint32_t first_id, struct ct_buf *part)
{
    ct_buf_clear(part);
    ct_pb_put_element(part, CATALOGUE_HASH, ct_catalogue_hash(catalogue), CT_HASH_SIZE);
    ct_pb_put_uint(part, CATALOGUE_COUNT, ct_catalogue_count(catalogue));
    ct_pb_put_uint(part, CATALOGUE_FIRST_ID, first_id);
}

typedef int (*part_fn)(void *user, const uint8_t *data, size_t len);

static int put_parts(const struct ct_catalogue *catalogue, size_t part_max, struct ct_buf *part, struct ct_buf *entry,
                     part_fn fn, void *user)
{
    const uint32_t count = (uint32_t)ct_catalogue_count(catalogue);
    put_part_head(catalogue, 0, part);
    bool empty = true;
    for (uint32_t id = 0; id < count; id++) {
        ct_buf_clear(entry);
        int err = put_entry(ct_catalogue_entry(catalogue, id), entry);
        if (err == CT_OK && !empty && part->len + entry->len > part_max) {
            err = fn(user, part->data, part->len);
            put_part_head(catalogue, id, part);
        }
        if (err != CT_OK) {
            return err;
        }
        ct_buf_append(part, entry->data, entry->len);
        if (ct_buf_error(part) != CT_OK) {
            return ct_buf_error(part);
        }
        empty = false;
    }
    return fn(user, part->data, part->len);
}

int ct_catalogue_encode(const struct ct_catalogue *catalogue, size_t part_max,
                        int (*part)(void *user, const uint8_t *data, size_t len), void *user)
{
    if (part_max <= PART_HEAD_MAX) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_buf part_buf;
    struct ct_buf entry_buf;
    ct_buf_init(&part_buf, part_max);
    ct_buf_init(&entry_buf, part_max - PART_HEAD_MAX);
    const int err = put_parts(catalogue, part_max, &part_buf, &entry_buf, part, user);
    ct_buf_free(&part_buf);
    ct_buf_free(&entry_buf);
    return err;
}

bool ct_catalogue_part_is(const struct ct_catalogue *catalogue, uint32_t first_id, const uint8_t *data, size_t len,
                          uint32_t *out_next_id)
{
    struct ct_buf head;
    ct_buf_init(&head, PART_HEAD_MAX);
    put_part_head(catalogue, first_id, &head);
    const size_t head_len = head.len;
    const bool same = ct_buf_error(&head) == CT_OK && len >= head_len && memcmp(data, head.data, head_len) == 0;
    ct_buf_free(&head);
    if (!same) {
        return false;
    }
    struct ct_pb_reader reader = ct_pb_reader(data + head_len, len - head_len);
    struct ct_pb_field field;
    int err;
    uint32_t id = first_id;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK && field.id == CATALOGUE_ENTRIES) {
        id++;
    }
    *out_next_id = id;
    return err == CT_ERR_END && id <= ct_catalogue_count(catalogue);
}

/* ---------------------------------------------------------------- decode */

struct ct_catalogue_reader {
    struct ct_catalogue_builder *builder; /* NULL: between catalogues */
    uint8_t hash[CT_HASH_SIZE];
    uint32_t entry_count;
    uint32_t next_id;
    size_t bytes;
};

int ct_catalogue_reader_create(struct ct_catalogue_reader **out_reader)
{
    struct ct_catalogue_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    *out_reader = reader;
    return CT_OK;
}

static void forget(struct ct_catalogue_reader *reader)
{
    ct_catalogue_builder_free(reader->builder);
    *reader = (struct ct_catalogue_reader){0};
}

void ct_catalogue_reader_free(struct ct_catalogue_reader *reader)
{
    if (reader != NULL) {
        forget(reader);
        free(reader);
    }
}

static int take_texts(const Cantwin__V1__CatalogueEntry *message, struct ct_enum_text **out_texts)
{
    *out_texts = NULL;
    if (message->n_texts == 0) {
        return CT_OK;
    }
    struct ct_enum_text *texts = calloc(message->n_texts, sizeof *texts);
    if (texts == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < message->n_texts; i++) {
        texts[i] = (struct ct_enum_text){.raw = message->texts[i]->raw, .text = message->texts[i]->text};
        if (i > 0 && texts[i].raw < texts[i - 1].raw) {
            free(texts);
            return CT_ERR_SYNTAX;
        }
    }
    *out_texts = texts;
    return CT_OK;
}

static int add_entry(struct ct_catalogue_builder *builder, const Cantwin__V1__CatalogueEntry *message)
{
    if ((unsigned)message->kind > CT_KIND_STRING || (unsigned)message->datatype > CT_DT_BYTES ||
        message->bytes_max > CT_BYTES_MAX) {
        return CT_ERR_RANGE;
    }
    struct ct_enum_text *texts;
    int err = take_texts(message, &texts);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_entry entry = {.name = message->name,
                                   .unit = message->unit,
                                   .comment = message->comment,
                                   .kind = (enum ct_kind)message->kind,
                                   .datatype = (enum ct_datatype)message->datatype,
                                   .is_unsigned = message->is_unsigned != 0,
                                   .is_actuator = message->is_actuator != 0,
                                   .factor = message->factor,
                                   .offset = message->offset,
                                   .min = message->min,
                                   .max = message->max,
                                   .timeout_ns = message->timeout_ns,
                                   .bytes_max = (uint16_t)message->bytes_max,
                                   .texts = texts,
                                   .text_count = message->n_texts};
    uint32_t id;
    err = ct_catalogue_builder_add(builder, &entry, &id);
    free(texts);
    return err;
}

/* A first part begins a catalogue, whatever stood half-read before. */
static int begin(struct ct_catalogue_reader *reader, const Cantwin__V1__Catalogue *part)
{
    forget(reader);
    if (part->hash.len != CT_HASH_SIZE || part->entry_count > CT_CATALOGUE_MAX) {
        return CT_ERR_RANGE;
    }
    memcpy(reader->hash, part->hash.data, CT_HASH_SIZE);
    reader->entry_count = part->entry_count;
    return ct_catalogue_builder_create(&reader->builder);
}

static bool follows(const struct ct_catalogue_reader *reader, const Cantwin__V1__Catalogue *part)
{
    return reader->builder != NULL && part->first_id == reader->next_id && part->entry_count == reader->entry_count &&
           part->hash.len == CT_HASH_SIZE && memcmp(part->hash.data, reader->hash, CT_HASH_SIZE) == 0 &&
           part->n_entries <= reader->entry_count - reader->next_id;
}

static int finish(struct ct_catalogue_reader *reader, struct ct_catalogue **out_catalogue)
{
    struct ct_catalogue *catalogue = NULL;
    const int err = ct_catalogue_builder_finish(reader->builder, &catalogue);
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(ct_catalogue_hash(catalogue), reader->hash, CT_HASH_SIZE) != 0) {
        ct_catalogue_unref(catalogue);
        return CT_ERR_CORRUPT;
    }
    forget(reader);
    *out_catalogue = catalogue;
    return CT_OK;
}

static int take_part(struct ct_catalogue_reader *reader, const Cantwin__V1__Catalogue *part, size_t len,
                     struct ct_catalogue **out_catalogue)
{
    int err = part->first_id == 0 ? begin(reader, part) : CT_OK;
    if (err == CT_OK && !follows(reader, part)) {
        err = CT_ERR_SYNTAX;
    }
    if (err == CT_OK && len > CATALOGUE_BYTES_MAX - reader->bytes) {
        err = CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; err == CT_OK && i < part->n_entries; i++) {
        err = add_entry(reader->builder, part->entries[i]);
    }
    if (err != CT_OK) {
        return err;
    }
    reader->bytes += len;
    reader->next_id += (uint32_t)part->n_entries;
    return reader->next_id == reader->entry_count ? finish(reader, out_catalogue) : CT_OK;
}

int ct_catalogue_reader_part(struct ct_catalogue_reader *reader, const uint8_t *data, size_t len,
                             struct ct_catalogue **out_catalogue)
{
    *out_catalogue = NULL;
    if (len > CT_LINK_MESSAGE_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *message = NULL;
    int err = ct_wire_parse(&cantwin__v1__catalogue__descriptor, CT_WIRE_TOLERANT, data, len, &arena, &message);
    if (err == CT_OK) {
        err = take_part(reader, (const Cantwin__V1__Catalogue *)message, len, out_catalogue);
    }
    if (err != CT_OK) {
        forget(reader);
    }
    ct_wire_arena_free(&arena);
    return err;
}
