/* The catalogue: dense id -> identity, unit, type, scale, enum texts; immutable and named by its hash.
 *
 * An entry's identity is its name: `bus.Message.Signal` (multiplexed: `bus.Message.Signal@Selector=first[-last]`) or a
 * VSS path (`Vehicle.Speed`). Two catalogues with the same entries in the same order have the same hash, on any
 * machine. Built by a builder, then read-only: any number of threads may read it. Counted references (any thread); the
 * last release frees.
 *
 * Canonical bytes under the hash, integers little-endian, doubles as their IEEE 754 bits (never NaN, -0 stored as 0),
 * a text as u16 length and its bytes:
 *   "cantwin-catalogue-1" (no length), u32 entry count, then per entry in order of id:
 *   name, unit, u8 kind, u8 datatype, u8 flags (1 unsigned, 2 actuator), factor, offset, min, max, s64 timeout_ns,
 *   u16 bytes_max, u32 text count, then per text in ascending order of raw: s64 raw, text. */
#ifndef CT_TWIN_CATALOGUE_H
#define CT_TWIN_CATALOGUE_H

#include "errors.h"
#include "value.h"

#define CT_HASH_SIZE     32    /* BLAKE2b-256 over the entries' canonical bytes */
#define CT_CATALOGUE_MAX 65536 /* entries */
#define CT_NAME_MAX      511   /* bytes of an entry's name */
#define CT_TEXTS_MAX     65536 /* enum texts of one entry */

struct ct_enum_text {
    int64_t raw;
    const char *text;
};

struct ct_entry {
    const char *name;
    const char *unit;    /* "" when none */
    const char *comment; /* "" when none; not part of the hash */
    enum ct_kind kind;
    enum ct_datatype datatype;
    bool is_unsigned; /* raw holds the bits of an unsigned 64-bit integer */
    bool is_actuator; /* a desired value may be set */
    double factor;
    double offset;
    double min;
    double max;                       /* min == max: no range */
    ct_ns timeout_ns;                 /* stale after this long without an update; 0 never */
    uint16_t bytes_max;               /* longest value of BYTES and STRING entries, <= CT_BYTES_MAX */
    const struct ct_enum_text *texts; /* sorted by raw */
    size_t text_count;
};

struct ct_catalogue;
struct ct_catalogue_builder;

int ct_catalogue_builder_create(struct ct_catalogue_builder **out_builder) CT_MUST_CHECK;
void ct_catalogue_builder_free(struct ct_catalogue_builder *builder); /* accepts NULL */

/* Copies the entry; its texts may come in any order, of two with the same raw value the first stays. CT_ERR_EXISTS for
 * a name that is there already, CT_ERR_FULL over CT_CATALOGUE_MAX, CT_ERR_TOO_LARGE over the other limits,
 * CT_ERR_ARGUMENT for missing texts (no NULL but `texts`), NaN or a negative timeout. */
int ct_catalogue_builder_add(struct ct_catalogue_builder *builder, const struct ct_entry *entry,
                             uint32_t *out_id) CT_MUST_CHECK;
/* Makes the catalogue and empties the builder. The caller holds the one reference. */
int ct_catalogue_builder_finish(struct ct_catalogue_builder *builder,
                                struct ct_catalogue **out_catalogue) CT_MUST_CHECK;

struct ct_catalogue *ct_catalogue_ref(struct ct_catalogue *catalogue);
void ct_catalogue_unref(struct ct_catalogue *catalogue); /* accepts NULL */

size_t ct_catalogue_count(const struct ct_catalogue *catalogue);
const struct ct_entry *ct_catalogue_entry(const struct ct_catalogue *catalogue, uint32_t id); /* NULL out of range */
int ct_catalogue_find(const struct ct_catalogue *catalogue, const char *name,
                      uint32_t *out_id) CT_MUST_CHECK;                  /* O(1) */
const uint8_t *ct_catalogue_hash(const struct ct_catalogue *catalogue); /* CT_HASH_SIZE bytes */

/* The physical value of a RAW or DOUBLE entry; 0 for others. */
double ct_entry_physical(const struct ct_entry *entry, const struct ct_sample *sample);
/* Enum text of a raw value; NULL when there is none. */
const char *ct_entry_text(const struct ct_entry *entry, int64_t raw);
/* True when a value of one means the same in the other: kind, datatype, sign, scale, unit and texts are equal. Names
 * are the caller's to compare; range, timeout and comment do not count. */
bool ct_entry_same(const struct ct_entry *a, const struct ct_entry *b);

#endif
