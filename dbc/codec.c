#include "codec.h"

#include "codec_plan.h"

#include <stdlib.h>
#include <string.h>

#define STANDARD_IDS 2048

struct slot {
    uint32_t key;
    const struct ct_codec_message *message; /* NULL: empty */
};

/* Open addressing, at most half full. */
struct table {
    struct slot *slots;
    uint32_t shift; /* 32 - log2 of the number of slots */
};

struct ct_codec {
    const struct ct_codec_message *standard[STANDARD_IDS];
    struct table extended; /* by id */
    struct table sources;  /* J1939: by parameter group and source */
    struct table groups;   /* J1939: by parameter group */
    bool any_group;
    enum ct_codec_path path;
    struct ct_codec_message *messages;
    size_t message_count;
    struct codec_arena arena;
};

/* ---- look-up */

static uint32_t slot_of(const struct table *table, uint32_t key)
{
    return key * 0x9E3779B1U >> table->shift; /* Fibonacci hashing, Knuth 6.4 */
}

static uint32_t slot_mask(const struct table *table)
{
    return (uint32_t)((UINT64_C(1) << (32 - table->shift)) - 1);
}

static int table_init(struct table *table, size_t count)
{
    table->shift = 28;
    while (table->shift > 1 && (UINT64_C(1) << (32 - table->shift)) < 2 * count) {
        table->shift--;
    }
    table->slots = calloc((size_t)slot_mask(table) + 1, sizeof *table->slots);
    return table->slots != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

static struct slot *table_find(const struct table *table, uint32_t key)
{
    uint32_t i = slot_of(table, key);
    while (table->slots[i].message != NULL && table->slots[i].key != key) {
        i = (i + 1) & slot_mask(table);
    }
    return &table->slots[i];
}

/* Parameter group number (SAE J1939-21 5.1.2): PDU1 (PF below 240) holds a destination in the low byte. */
static uint32_t group_of(uint32_t id)
{
    const uint32_t format = id >> 16 & 0xFF;
    return id >> 8 & (format < 240 ? 0x3FF00U : 0x3FFFFU);
}

static uint32_t source_key(uint32_t id)
{
    return group_of(id) << 8 | (id & 0xFF);
}

static const struct ct_codec_message *find_extended(const struct ct_codec *codec, uint32_t id)
{
    const struct ct_codec_message *message = table_find(&codec->extended, id)->message;
    if (message != NULL || !codec->any_group) {
        return message;
    }
    message = table_find(&codec->sources, source_key(id))->message;
    return message != NULL ? message : table_find(&codec->groups, group_of(id))->message;
}

static const struct ct_codec_message *find_standard(const struct ct_codec *codec, uint32_t id)
{
    return id < STANDARD_IDS ? codec->standard[id] : NULL;
}

const struct ct_codec_message *ct_codec_find(const struct ct_codec *codec, uint32_t id, bool extended)
{
    return extended ? find_extended(codec, id) : find_standard(codec, id);
}

size_t ct_codec_find_batch(const struct ct_codec *codec, const uint32_t *keys, size_t count,
                           const struct ct_codec_message **out_messages, uint8_t *out_which)
{
    size_t known = 0;
    for (size_t i = 0; i < count && i < CT_CODEC_BATCH_MAX; i++) {
        const bool extended = (keys[i] & CT_CODEC_KEY_EXTENDED) != 0;
        const struct ct_codec_message *message =
            extended ? find_extended(codec, keys[i] & ~CT_CODEC_KEY_EXTENDED) : find_standard(codec, keys[i]);
        __builtin_prefetch(message);
        out_messages[known] = message; /* of an unknown one: written over by the next */
        out_which[known] = (uint8_t)i;
        known += message != NULL;
    }
    return known;
}

const struct ct_codec_message *ct_codec_by_name(const struct ct_codec *codec, const char *name)
{
    for (size_t i = 0; i < codec->message_count; i++) {
        if (strcmp(codec->messages[i].model->name, name) == 0) {
            return &codec->messages[i];
        }
    }
    return NULL;
}

const struct ct_dbc_message *ct_codec_model(const struct ct_codec_message *message)
{
    return message->model;
}

/* ---- compile */

static void table_put(struct table *table, uint32_t key, const struct ct_codec_message *message)
{
    *table_find(table, key) = (struct slot){key, message};
}

/* Of several messages with one id the last one counts. */
static void add_to_tables(struct ct_codec *codec, const struct ct_codec_message *message)
{
    const struct ct_dbc_message *model = message->model;
    if (!model->extended) {
        codec->standard[model->id % STANDARD_IDS] = message;
        return;
    }
    table_put(&codec->extended, model->id, message);
    if (!model->j1939) {
        return;
    }
    codec->any_group = true;
    table_put(&codec->sources, source_key(model->id), message);
    const struct slot *group = table_find(&codec->groups, group_of(model->id));
    /* In files the null address 0xFE stands for any source; else the first message of the group stands for it. */
    if (group->message == NULL || (model->id & 0xFF) == 0xFE) {
        table_put(&codec->groups, group_of(model->id), message);
    }
}

static int make_tables(struct ct_codec *codec)
{
    struct table *const tables[] = {&codec->extended, &codec->sources, &codec->groups};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (table_init(tables[i], codec->message_count) != CT_OK) {
            return CT_ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < codec->message_count; i++) {
        add_to_tables(codec, &codec->messages[i]);
    }
    return CT_OK;
}

static int compile(struct ct_codec *codec, const struct ct_dbc *dbc)
{
    codec->messages = ct_codec_alloc(&codec->arena, dbc->message_count, sizeof *codec->messages);
    if (codec->messages == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    codec->message_count = dbc->message_count;
    for (size_t i = 0; i < dbc->message_count; i++) {
        codec->messages[i].model = &dbc->messages[i];
    }
    const int err = ct_codec_compile_messages(&codec->arena, codec->messages, codec->message_count);
    return err != CT_OK ? err : make_tables(codec);
}

int ct_codec_compile(const struct ct_dbc *dbc, struct ct_codec **out_codec)
{
    struct ct_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = compile(codec, dbc);
    if (err != CT_OK) {
        ct_codec_free(codec);
        return err;
    }
    enum ct_codec_path path = CT_CODEC_PATHS - 1; /* the later the better */
    while (ct_codec_set_path(codec, path) != CT_OK) {
        path--;
    }
    *out_codec = codec;
    return CT_OK;
}

void ct_codec_free(struct ct_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    free(codec->extended.slots);
    free(codec->sources.slots);
    free(codec->groups.slots);
    ct_codec_arena_free(&codec->arena);
    free(codec);
}

/* ---- paths */

static const struct codec_path *path_of(enum ct_codec_path path)
{
    switch (path) {
    case CT_CODEC_SCALAR:
        return ct_codec_scalar();
    case CT_CODEC_NEON:
        return ct_codec_neon();
    case CT_CODEC_AVX2:
        return ct_codec_avx2();
    case CT_CODEC_AVX512:
        return ct_codec_avx512();
    case CT_CODEC_PATHS:
        break;
    }
    return NULL;
}

const char *ct_codec_path_name(enum ct_codec_path path)
{
    static const char *const names[CT_CODEC_PATHS] = {"scalar", "neon", "avx2", "avx512"};
    return path < CT_CODEC_PATHS ? names[path] : "";
}

enum ct_codec_path ct_codec_path(const struct ct_codec *codec)
{
    return codec->path;
}

int ct_codec_set_path(struct ct_codec *codec, enum ct_codec_path path)
{
    const struct codec_path *found = path_of(path);
    if (found == NULL) {
        return CT_ERR_UNSUPPORTED;
    }
    codec->path = path;
    for (size_t i = 0; i < codec->message_count; i++) {
        codec->messages[i].path = found;
    }
    return CT_OK;
}

/* ---- lanes */

size_t ct_codec_lane_count(const struct ct_codec_message *message)
{
    return (size_t)message->group_count * CT_LANE_GROUP;
}

uint16_t ct_codec_lane_signal(const struct ct_codec_message *message, size_t lane)
{
    return message->lane_signals[lane];
}

uint32_t ct_codec_signal_lane(const struct ct_codec_message *message, uint16_t signal)
{
    return message->signals[signal].lane;
}

void ct_codec_decode_raw(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw,
                         uint8_t *active)
{
    message->path->raw(message, data, len, raw, active);
}

void ct_codec_decode_physical(const struct ct_codec_message *message, const uint8_t *data, size_t len, double *values,
                              uint8_t *active)
{
    message->path->physical(message, data, len, values, active);
}

void ct_codec_update_raw(const struct ct_codec_message *message, const uint8_t *data, size_t len, int64_t *raw,
                         uint8_t *active, uint8_t *changed)
{
    message->path->update(message, data, len, raw, active, changed);
}

double ct_codec_lane_physical(const struct ct_codec_message *message, size_t lane, int64_t raw)
{
    return ct_codec_physical(&message->lanes[lane], raw);
}
