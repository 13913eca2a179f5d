#include "name_table.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a; the upper bits are folded in because the table takes the lower ones. */
static uint32_t hash(const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const unsigned char *p = (const unsigned char *)name; *p != 0; p++) {
        h = (h ^ *p) * UINT64_C(1099511628211);
    }
    return (uint32_t)(h ^ (h >> 32));
}

/* The slot that holds `name`, or the free one where it belongs. */
static struct ct_name_slot *probe(const struct ct_name_table *table, const char *name, uint32_t hashed)
{
    size_t i = hashed & (table->slot_count - 1);
    while (table->slots[i].name != NULL &&
           (table->slots[i].hash != hashed || strcmp(table->slots[i].name, name) != 0)) {
        i = (i + 1) & (table->slot_count - 1);
    }
    return &table->slots[i];
}

/* All names differ, so none has to be looked at. */
static void move(const struct ct_name_slot *slot, struct ct_name_slot *slots, size_t count)
{
    size_t i = slot->hash & (count - 1);
    while (slots[i].name != NULL) {
        i = (i + 1) & (count - 1);
    }
    slots[i] = *slot;
}

static int grow(struct ct_name_table *table)
{
    const size_t count = table->slot_count == 0 ? 64 : table->slot_count * 2;
    struct ct_name_slot *slots = calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].name != NULL) {
            move(&table->slots[i], slots, count);
        }
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return CT_OK;
}

int ct_name_table_add(struct ct_name_table *table, const char *name, uint32_t index)
{
    if (table->count * 2 >= table->slot_count) {
        const int err = grow(table);
        if (err != CT_OK) {
            return err;
        }
    }
    const uint32_t hashed = hash(name);
    struct ct_name_slot *slot = probe(table, name, hashed);
    if (slot->name != NULL) {
        return CT_ERR_EXISTS;
    }
    *slot = (struct ct_name_slot){name, index, hashed};
    table->count++;
    return CT_OK;
}

int ct_name_table_find(const struct ct_name_table *table, const char *name, uint32_t *out_index)
{
    if (table->slot_count == 0) {
        return CT_ERR_NOT_FOUND;
    }
    const struct ct_name_slot *slot = probe(table, name, hash(name));
    if (slot->name == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    *out_index = slot->index;
    return CT_OK;
}

void ct_name_table_free(struct ct_name_table *table)
{
    free(table->slots);
    *table = (struct ct_name_table){0};
}
