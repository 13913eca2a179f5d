#include "twin_update.h"

#include "cantwin.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* protobuf-c wants mutable strings; it only reads them. */
union text {
    const char *in;
    char *out;
};

static char *borrow(const char *text)
{
    return (union text){.in = text}.out;
}

/* One value with all the memory its message points to. */
struct slot {
    Cantwin__V1__TwinValue value;
    Cantwin__V1__Value kind;
    char text[CT_BYTES_MAX + 1];
    uint8_t raw[CT_BYTES_MAX];
};

static void set_raw(struct slot *slot, const struct ct_entry *entry, const struct ct_sample *sample)
{
    if (entry->datatype == CT_DT_BOOLEAN) {
        slot->kind.kind_case = CANTWIN__V1__VALUE__KIND_BOOLEAN;
        slot->kind.boolean = sample->raw != 0;
    } else {
        slot->kind.kind_case = CANTWIN__V1__VALUE__KIND_INTEGER;
        slot->kind.integer = sample->raw;
    }
    const char *text = ct_entry_text(entry, sample->raw);
    slot->value.text = borrow(text == NULL ? "" : text);
    slot->value.physical = ct_entry_physical(entry, sample);
}

static void set_bytes(struct slot *slot, const struct ct_entry *entry, const struct ct_sample *sample)
{
    const size_t len = sample->len <= CT_BYTES_MAX ? sample->len : CT_BYTES_MAX;
    if (entry->kind == CT_KIND_STRING) {
        if (len > 0) {
            memcpy(slot->text, sample->bytes, len);
        }
        slot->text[len] = '\0';
        slot->kind.kind_case = CANTWIN__V1__VALUE__KIND_TEXT;
        slot->kind.text = slot->text;
        return;
    }
    if (len > 0) {
        memcpy(slot->raw, sample->bytes, len);
    }
    slot->kind.kind_case = CANTWIN__V1__VALUE__KIND_RAW;
    slot->kind.raw = (ProtobufCBinaryData){len, slot->raw};
}

static void fill(struct slot *slot, const struct ct_update_value *from)
{
    const struct ct_entry *entry = from->entry;
    const struct ct_sample *sample = from->sample;
    cantwin__v1__twin_value__init(&slot->value);
    cantwin__v1__value__init(&slot->kind);
    slot->value.name = borrow(entry->name);
    slot->value.unit = borrow(entry->unit);
    slot->value.quality = sample->quality;
    slot->value.utc_ns = sample->t_ns;
    slot->value.value = &slot->kind;
    if (entry->kind == CT_KIND_RAW) {
        set_raw(slot, entry, sample);
    } else if (entry->kind == CT_KIND_DOUBLE) {
        slot->kind.kind_case = CANTWIN__V1__VALUE__KIND_NUMBER;
        slot->kind.number = sample->number;
        slot->value.physical = sample->number;
    } else {
        set_bytes(slot, entry, sample);
    }
}

static int pack(const Cantwin__V1__TwinUpdate *update, struct ct_buf *out)
{
    const size_t size = cantwin__v1__twin_update__get_packed_size(update);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ct_buf_append(out, bytes, cantwin__v1__twin_update__pack(update, bytes));
    free(bytes);
    return ct_buf_error(out);
}

int ct_twin_update_encode(const char *vehicle_id, const char *branch, uint64_t revision,
                          const struct ct_update_value *values, size_t count, struct ct_buf *out)
{
    if (count > CT_UPDATE_VALUES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct slot *slots = malloc((count + 1) * sizeof *slots);
    Cantwin__V1__TwinValue **pointers = malloc((count + 1) * sizeof *pointers);
    int err = CT_ERR_NO_MEMORY;
    if (slots != NULL && pointers != NULL) {
        for (size_t i = 0; i < count; i++) {
            fill(&slots[i], &values[i]);
            pointers[i] = &slots[i].value;
        }
        Cantwin__V1__TwinUpdate update;
        cantwin__v1__twin_update__init(&update);
        update.vehicle_id = borrow(vehicle_id);
        update.branch = borrow(branch);
        update.revision = revision;
        update.n_values = count;
        update.values = pointers;
        err = pack(&update, out);
    }
    free(pointers);
    free(slots);
    return err;
}
