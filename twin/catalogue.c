#include "catalogue.h"

#include "arena.h"
#include "bytes.h"
#include "name_table.h"

#include <sodium.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CT_HASH_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

struct ct_catalogue_builder {
    struct ct_arena arena; /* names, units, texts */
    struct ct_name_table names;
    struct ct_entry *entries;
    size_t count;
    size_t capacity;
};

struct ct_catalogue {
    struct ct_arena arena;
    struct ct_name_table names;
    struct ct_entry *entries;
    size_t count;
    uint8_t hash[CT_HASH_SIZE];
    atomic_uint references;
};

int ct_catalogue_builder_create(struct ct_catalogue_builder **out_builder)
{
    struct ct_catalogue_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    *out_builder = builder;
    return CT_OK;
}

void ct_catalogue_builder_free(struct ct_catalogue_builder *builder)
{
    if (builder != NULL) {
        ct_arena_free(&builder->arena);
        ct_name_table_free(&builder->names);
        free(builder->entries);
        free(builder);
    }
}

static bool text_fits(const char *text)
{
    return text != NULL && strlen(text) <= UINT16_MAX;
}

static int validate(const struct ct_entry *entry)
{
    if (entry->name == NULL || entry->name[0] == '\0' || !text_fits(entry->unit) || entry->comment == NULL ||
        (unsigned)entry->kind > CT_KIND_STRING || (unsigned)entry->datatype > CT_DT_BYTES || entry->timeout_ns < 0 ||
        isnan(entry->factor) || isnan(entry->offset) || isnan(entry->min) || isnan(entry->max) ||
        (entry->text_count > 0 && entry->texts == NULL)) {
        return CT_ERR_ARGUMENT;
    }
    if (strlen(entry->name) > CT_NAME_MAX || entry->bytes_max > CT_BYTES_MAX || entry->text_count > CT_TEXTS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < entry->text_count; i++) {
        if (!text_fits(entry->texts[i].text)) {
            return CT_ERR_ARGUMENT;
        }
    }
    return CT_OK;
}

static int make_room(struct ct_catalogue_builder *builder)
{
    if (builder->count < builder->capacity) {
        return CT_OK;
    }
    const size_t capacity = builder->capacity == 0 ? 64 : builder->capacity * 2;
    struct ct_entry *entries = realloc(builder->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    builder->entries = entries;
    builder->capacity = capacity;
    return CT_OK;
}

struct ranked_text {
    struct ct_enum_text text;
    size_t rank; /* place in the caller's list; the first of equals stays */
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked_text *a = left;
    const struct ranked_text *b = right;
    if (a->text.raw != b->text.raw) {
        return a->text.raw < b->text.raw ? -1 : 1;
    }
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

/* Fills `out` in ascending order without duplicates; returns how many. */
static size_t sort_texts(const struct ct_entry *entry, struct ranked_text *ranked, struct ct_enum_text *out)
{
    for (size_t i = 0; i < entry->text_count; i++) {
        ranked[i] = (struct ranked_text){entry->texts[i], i};
    }
    qsort(ranked, entry->text_count, sizeof(*ranked), compare_ranked);
    size_t count = 0;
    for (size_t i = 0; i < entry->text_count; i++) {
        if (count == 0 || out[count - 1].raw != ranked[i].text.raw) {
            out[count++] = ranked[i].text;
        }
    }
    return count;
}

static int copy_texts(struct ct_arena *arena, const struct ct_entry *from, struct ct_entry *to)
{
    if (from->text_count == 0) {
        to->texts = NULL;
        return CT_OK;
    }
    struct ranked_text *ranked = calloc(from->text_count, sizeof(*ranked));
    struct ct_enum_text *texts = ct_arena_alloc(arena, from->text_count * sizeof(*texts));
    bool ok = ranked != NULL && texts != NULL;
    if (ok) {
        to->text_count = sort_texts(from, ranked, texts);
        to->texts = texts;
    }
    for (size_t i = 0; ok && i < to->text_count; i++) {
        texts[i].text = ct_arena_text(arena, texts[i].text, strlen(texts[i].text));
        ok = texts[i].text != NULL;
    }
    free(ranked);
    return ok ? CT_OK : CT_ERR_NO_MEMORY;
}

static int copy_entry(struct ct_arena *arena, const struct ct_entry *from, struct ct_entry *to)
{
    *to = *from;
    /* -0 and 0 are one number and must be one hash. */
    to->factor += 0.0;
    to->offset += 0.0;
    to->min += 0.0;
    to->max += 0.0;
    to->name = ct_arena_text(arena, from->name, strlen(from->name));
    to->unit = ct_arena_text(arena, from->unit, strlen(from->unit));
    to->comment = ct_arena_text(arena, from->comment, strlen(from->comment));
    if (to->name == NULL || to->unit == NULL || to->comment == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    return copy_texts(arena, from, to);
}

int ct_catalogue_builder_add(struct ct_catalogue_builder *builder, const struct ct_entry *entry, uint32_t *out_id)
{
    int err = validate(entry);
    if (err != CT_OK) {
        return err;
    }
    uint32_t id = 0;
    if (ct_name_table_find(&builder->names, entry->name, &id) == CT_OK) {
        return CT_ERR_EXISTS;
    }
    if (builder->count >= CT_CATALOGUE_MAX) {
        return CT_ERR_FULL;
    }
    err = make_room(builder);
    if (err != CT_OK) {
        return err;
    }
    struct ct_entry copy;
    err = copy_entry(&builder->arena, entry, &copy);
    id = (uint32_t)builder->count;
    if (err == CT_OK) {
        err = ct_name_table_add(&builder->names, copy.name, id);
    }
    if (err != CT_OK) {
        return err;
    }
    builder->entries[builder->count++] = copy;
    *out_id = id;
    return CT_OK;
}

static void hash_number(crypto_generichash_state *state, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    ct_put_le64(bytes, value);
    crypto_generichash_update(state, bytes, size);
}

static void hash_double(crypto_generichash_state *state, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    hash_number(state, bits, 8);
}

static void hash_text(crypto_generichash_state *state, const char *text)
{
    const size_t len = strlen(text);
    hash_number(state, len, 2);
    crypto_generichash_update(state, (const uint8_t *)text, len);
}

static void hash_entry(crypto_generichash_state *state, const struct ct_entry *entry)
{
    hash_text(state, entry->name);
    hash_text(state, entry->unit);
    hash_number(state, entry->kind, 1);
    hash_number(state, entry->datatype, 1);
    hash_number(state, (entry->is_unsigned ? 1U : 0U) | (entry->is_actuator ? 2U : 0U), 1);
    hash_double(state, entry->factor);
    hash_double(state, entry->offset);
    hash_double(state, entry->min);
    hash_double(state, entry->max);
    hash_number(state, (uint64_t)entry->timeout_ns, 8);
    hash_number(state, entry->bytes_max, 2);
    hash_number(state, entry->text_count, 4);
    for (size_t i = 0; i < entry->text_count; i++) {
        hash_number(state, (uint64_t)entry->texts[i].raw, 8);
        hash_text(state, entry->texts[i].text);
    }
}

static void hash_all(struct ct_catalogue *catalogue)
{
    static const char label[] = "cantwin-catalogue-1";
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CT_HASH_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)label, sizeof(label) - 1);
    hash_number(&state, catalogue->count, 4);
    for (size_t i = 0; i < catalogue->count; i++) {
        hash_entry(&state, &catalogue->entries[i]);
    }
    crypto_generichash_final(&state, catalogue->hash, CT_HASH_SIZE);
}

int ct_catalogue_builder_finish(struct ct_catalogue_builder *builder, struct ct_catalogue **out_catalogue)
{
    struct ct_catalogue *catalogue = calloc(1, sizeof(*catalogue));
    if (catalogue == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    catalogue->arena = builder->arena;
    catalogue->names = builder->names;
    catalogue->entries = builder->entries;
    catalogue->count = builder->count;
    atomic_init(&catalogue->references, 1);
    *builder = (struct ct_catalogue_builder){0};
    hash_all(catalogue);
    *out_catalogue = catalogue;
    return CT_OK;
}

struct ct_catalogue *ct_catalogue_ref(struct ct_catalogue *catalogue)
{
    atomic_fetch_add_explicit(&catalogue->references, 1, memory_order_relaxed);
    return catalogue;
}

void ct_catalogue_unref(struct ct_catalogue *catalogue)
{
    if (catalogue == NULL || atomic_fetch_sub_explicit(&catalogue->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    ct_arena_free(&catalogue->arena);
    ct_name_table_free(&catalogue->names);
    free(catalogue->entries);
    free(catalogue);
}

size_t ct_catalogue_count(const struct ct_catalogue *catalogue)
{
    return catalogue->count;
}

const struct ct_entry *ct_catalogue_entry(const struct ct_catalogue *catalogue, uint32_t id)
{
    return id < catalogue->count ? &catalogue->entries[id] : NULL;
}

int ct_catalogue_find(const struct ct_catalogue *catalogue, const char *name, uint32_t *out_id)
{
    return ct_name_table_find(&catalogue->names, name, out_id);
}

const uint8_t *ct_catalogue_hash(const struct ct_catalogue *catalogue)
{
    return catalogue->hash;
}
