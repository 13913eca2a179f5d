#include "catalogue.h"

#include <string.h>

double ct_entry_physical(const struct ct_entry *entry, const struct ct_sample *sample)
{
    if (entry->kind == CT_KIND_DOUBLE) {
        return sample->number;
    }
    if (entry->kind != CT_KIND_RAW) {
        return 0.0;
    }
    const double raw = entry->is_unsigned ? (double)(uint64_t)sample->raw : (double)sample->raw;
    return raw * entry->factor + entry->offset;
}

const char *ct_entry_text(const struct ct_entry *entry, int64_t raw)
{
    size_t low = 0;
    size_t high = entry->text_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (entry->texts[middle].raw < raw) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < entry->text_count && entry->texts[low].raw == raw ? entry->texts[low].text : NULL;
}

static bool same_texts(const struct ct_entry *a, const struct ct_entry *b)
{
    if (a->text_count != b->text_count) {
        return false;
    }
    for (size_t i = 0; i < a->text_count; i++) {
        if (a->texts[i].raw != b->texts[i].raw || strcmp(a->texts[i].text, b->texts[i].text) != 0) {
            return false;
        }
    }
    return true;
}

bool ct_entry_same(const struct ct_entry *a, const struct ct_entry *b)
{
    return a->kind == b->kind && a->datatype == b->datatype && a->is_unsigned == b->is_unsigned &&
           a->factor == b->factor && a->offset == b->offset && strcmp(a->unit, b->unit) == 0 && same_texts(a, b);
}
