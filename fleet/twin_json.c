#include "twin_json.h"

#include <stdio.h>
#include <string.h>

static void raw_value(struct ct_json *json, const char *key, const struct ct_entry *entry,
                      const struct ct_sample *sample)
{
    if (entry->datatype == CT_DT_BOOLEAN) {
        ct_json_bool(json, key, sample->raw != 0);
    } else if (entry->factor != 1.0 || entry->offset != 0.0) {
        ct_json_double(json, key, ct_entry_physical(entry, sample));
    } else if (entry->is_unsigned) {
        ct_json_uint_safe(json, key, (uint64_t)sample->raw);
    } else {
        ct_json_int_safe(json, key, sample->raw);
    }
}

static void string_value(struct ct_json *json, const char *key, const struct ct_sample *sample)
{
    char text[CT_BYTES_MAX + 1];
    const size_t len = sample->len < sizeof text ? sample->len : sizeof text - 1;
    if (len > 0) {
        memcpy(text, sample->bytes, len);
    }
    text[len] = '\0';
    ct_json_string(json, key, text);
}

void ct_twin_json_value(struct ct_json *json, const char *key, const struct ct_entry *entry,
                        const struct ct_sample *sample)
{
    if ((sample->quality & CT_Q_NEVER_SEEN) != 0) {
        ct_json_null(json, key);
        return;
    }
    switch (entry->kind) {
    case CT_KIND_RAW:
        raw_value(json, key, entry, sample);
        break;
    case CT_KIND_DOUBLE:
        if (entry->datatype == CT_DT_BOOLEAN) {
            ct_json_bool(json, key, sample->number != 0.0);
        } else {
            ct_json_double(json, key, sample->number);
        }
        break;
    case CT_KIND_STRING:
        string_value(json, key, sample);
        break;
    case CT_KIND_BYTES:
    default:
        ct_json_bytes(json, key, sample->bytes, sample->len);
        break;
    }
}

static void quality_names(struct ct_json *json, uint16_t quality)
{
    static const char *const names[] = {"never-seen", "stale",   "not-available",   "out-of-range",
                                        "checksum",   "counter", "derived-from-bad"};
    ct_json_array_begin(json, "quality");
    for (size_t bit = 0; bit < sizeof names / sizeof names[0]; bit++) {
        if ((quality >> bit & 1) != 0) {
            ct_json_string(json, NULL, names[bit]);
        }
    }
    ct_json_array_end(json);
}

void ct_twin_json_signal(struct ct_json *json, const struct ct_entry *entry, const struct ct_reading *reading,
                         int64_t utc_ns)
{
    const struct ct_sample *sample = &reading->sample;
    const bool seen = (sample->quality & CT_Q_NEVER_SEEN) == 0;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", entry->name);
    ct_twin_json_value(json, "value", entry, sample);
    const char *text = seen && entry->kind == CT_KIND_RAW ? ct_entry_text(entry, sample->raw) : NULL;
    ct_json_string(json, "text", text);
    ct_json_string(json, "unit", entry->unit);
    quality_names(json, sample->quality);
    if (seen) {
        ct_json_int(json, "utc_ms", sample->t_ns / CT_NS_PER_MS);
        ct_json_int(json, "age_ms", (utc_ns - sample->t_ns) / CT_NS_PER_MS);
    } else {
        ct_json_null(json, "utc_ms");
        ct_json_null(json, "age_ms");
    }
    ct_json_bool(json, "actuator", entry->is_actuator);
    ct_json_object_end(json);
}

static void stored_value(struct ct_json *json, const struct ct_entry *entry, enum ct_kind kind,
                         const struct ct_chunk_sample *stored)
{
    /* A definition of another kind must not interpret the value. */
    static const struct ct_entry plain[] = {
        [CT_KIND_RAW] = {.kind = CT_KIND_RAW, .datatype = CT_DT_INT64, .factor = 1},
        [CT_KIND_DOUBLE] = {.kind = CT_KIND_DOUBLE, .datatype = CT_DT_DOUBLE, .factor = 1},
        [CT_KIND_BYTES] = {.kind = CT_KIND_BYTES, .datatype = CT_DT_BYTES},
        [CT_KIND_STRING] = {.kind = CT_KIND_STRING, .datatype = CT_DT_STRING},
    };
    const bool fits = entry != NULL && entry->kind == kind;
    struct ct_sample sample = {.len = stored->len};
    if (kind == CT_KIND_RAW || kind == CT_KIND_DOUBLE) {
        sample.raw = stored->raw; /* of doubles the bits */
    } else {
        sample.bytes = stored->bytes;
    }
    ct_twin_json_value(json, NULL, fits ? entry : &plain[kind], &sample);
}

void ct_twin_json_history(struct ct_json *json, const struct ct_entry *entry, enum ct_kind kind,
                          const struct ct_chunk_sample *stored)
{
    ct_json_array_begin(json, NULL);
    ct_json_int(json, NULL, stored->utc_us);
    stored_value(json, entry, kind, stored);
    ct_json_int(json, NULL, stored->quality);
    ct_json_array_end(json);
}

void ct_twin_json_plain(struct ct_buf *out, const struct ct_entry *entry, enum ct_kind kind,
                        const struct ct_chunk_sample *stored)
{
    struct ct_json json;
    ct_json_init(&json, out);
    stored_value(&json, entry, kind, stored);
}
