#include "codec.h"

#include "codec_plan.h"

#include <math.h>
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
    struct ct_codec_message *messages;
    size_t message_count;
    struct codec_field *fields;
    struct codec_branch *branches;
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

const struct ct_codec_message *ct_codec_find(const struct ct_codec *codec, uint32_t id, bool extended)
{
    if (!extended) {
        return id < STANDARD_IDS ? codec->standard[id] : NULL;
    }
    const struct ct_codec_message *message = table_find(&codec->extended, id)->message;
    if (message != NULL || !codec->any_group) {
        return message;
    }
    message = table_find(&codec->sources, source_key(id))->message;
    return message != NULL ? message : table_find(&codec->groups, group_of(id))->message;
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

static struct codec_field make_field(const struct ct_dbc_signal *model, uint16_t index)
{
    const unsigned in_byte = model->start_bit % 8U;
    const unsigned skipped = model->big_endian ? 7 - in_byte : in_byte; /* bits of the first byte before the signal */
    const unsigned span = skipped + model->length;
    struct codec_field field = {
        .byte = model->start_bit / 8,
        .need = (uint16_t)(model->start_bit / 8 + (span + 7) / 8),
        .branch = CT_CODEC_NO_BRANCH,
        .signal = index,
        .factor = model->factor,
        .offset = model->offset,
    };
    field.flags = (uint8_t)((model->big_endian ? CODEC_BIG_ENDIAN : 0) | (model->is_signed ? CODEC_SIGNED : 0));
    if (model->kind == CT_DBC_BLOB) {
        field.flags |= CODEC_BLOB;
        return field;
    }
    if (model->kind != CT_DBC_INTEGER) {
        field.flags = (uint8_t)((field.flags & ~CODEC_SIGNED) | CODEC_FLOAT);
    }
    field.right = (uint8_t)(64 - model->length);
    field.left = (uint8_t)skipped;
    if (span > 64) {
        field.flags |= CODEC_NINE_BYTES;
    } else if (!model->big_endian) {
        field.left = (uint8_t)(64 - span);
    }
    return field;
}

static bool same_branch(const struct codec_branch *branch, const struct ct_dbc_signal *model)
{
    if (branch->selector != model->selector || branch->range_count != model->range_count) {
        return false;
    }
    return memcmp(branch->ranges, model->ranges, model->range_count * sizeof *model->ranges) == 0;
}

static void compile_message(struct ct_codec_message *message, struct codec_field *fields, struct codec_branch *branches)
{
    const struct ct_dbc_message *model = message->model;
    for (size_t i = 0; i < model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[i];
        fields[i] = make_field(signal, (uint16_t)i);
        if (signal->selector < 0) {
            continue;
        }
        size_t at = message->branch_count;
        if (at == 0 || !same_branch(&branches[at - 1], signal)) {
            branches[message->branch_count++] =
                (struct codec_branch){(uint16_t)signal->selector, signal->ranges, signal->range_count};
        } else {
            at--;
        }
        fields[i].branch = (uint16_t)at;
    }
    message->fields = fields;
    message->field_count = model->signal_count;
    message->branches = branches;
}

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

static int allocate(struct ct_codec *codec, const struct ct_dbc *dbc, size_t signals)
{
    codec->messages = calloc(dbc->message_count + 1, sizeof *codec->messages);
    codec->fields = calloc(signals + 1, sizeof *codec->fields);
    codec->branches = calloc(signals + 1, sizeof *codec->branches);
    if (codec->messages == NULL || codec->fields == NULL || codec->branches == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct table *const tables[] = {&codec->extended, &codec->sources, &codec->groups};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (table_init(tables[i], dbc->message_count) != CT_OK) {
            return CT_ERR_NO_MEMORY;
        }
    }
    return CT_OK;
}

int ct_codec_compile(const struct ct_dbc *dbc, struct ct_codec **out_codec)
{
    size_t signals = 0;
    for (size_t i = 0; i < dbc->message_count; i++) {
        signals += dbc->messages[i].signal_count;
    }
    struct ct_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    if (allocate(codec, dbc, signals) != CT_OK) {
        ct_codec_free(codec);
        return CT_ERR_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < dbc->message_count; i++) {
        struct ct_codec_message *message = &codec->messages[i];
        message->model = &dbc->messages[i];
        compile_message(message, codec->fields + at, codec->branches + at);
        at += message->field_count;
        add_to_tables(codec, message);
    }
    codec->message_count = dbc->message_count;
    *out_codec = codec;
    return CT_OK;
}

void ct_codec_free(struct ct_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    free(codec->messages);
    free(codec->fields);
    free(codec->branches);
    free(codec->extended.slots);
    free(codec->sources.slots);
    free(codec->groups.slots);
    free(codec);
}

/* ---- decode */

static uint64_t load_little(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static uint64_t load_big(const uint8_t *p)
{
    return __builtin_bswap64(load_little(p));
}

/* The signal's highest bit in bit 63. */
static uint64_t align_nine(const struct codec_field *field, const uint8_t *p)
{
    const unsigned skipped = field->left; /* 1..7: a ninth byte is only reached from inside the first */
    if ((field->flags & CODEC_BIG_ENDIAN) != 0) {
        return load_big(p) << skipped | (uint64_t)(p[8] >> (8 - skipped));
    }
    return (load_little(p) >> skipped | (uint64_t)p[8] << (64 - skipped)) << field->right;
}

int64_t ct_codec_bits(const struct codec_field *field, const uint8_t *p)
{
    uint64_t top;
    if ((field->flags & CODEC_NINE_BYTES) != 0) {
        top = align_nine(field, p);
    } else {
        top = ((field->flags & CODEC_BIG_ENDIAN) != 0 ? load_big(p) : load_little(p)) << field->left;
    }
    return (field->flags & CODEC_SIGNED) != 0 ? (int64_t)top >> field->right : (int64_t)(top >> field->right);
}

/* IEEE 754-2019 binary16 */
static double half_value(unsigned bits)
{
    const int exponent = (int)(bits >> 10 & 0x1F);
    const double fraction = bits & 0x3FF;
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0x1F) {
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25));
}

static double float_value(unsigned length, int64_t raw)
{
    if (length == 16) {
        return half_value((unsigned)raw);
    }
    if (length == 32) {
        const uint32_t pattern = (uint32_t)raw;
        float value;
        memcpy(&value, &pattern, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

static double physical(const struct codec_field *field, int64_t raw)
{
    if ((field->flags & CODEC_FLOAT) != 0) {
        return float_value(64U - field->right, raw) * field->factor + field->offset;
    }
    const double number = (field->flags & CODEC_SIGNED) != 0 ? (double)raw : (double)(uint64_t)raw;
    return number * field->factor + field->offset;
}

/* A frame's bytes, readable a little beyond their end. Long transported messages are read through a window. */
struct window {
    const uint8_t *data;
    size_t len;
    uint8_t copy[CT_CODEC_FRAME_MAX + CT_CODEC_ROOM];
};

static void window_init(struct window *window, const uint8_t *data, size_t len)
{
    window->data = data;
    window->len = len;
    const size_t copied = len < CT_CODEC_FRAME_MAX ? len : CT_CODEC_FRAME_MAX;
    if (copied > 0) {
        memcpy(window->copy, data, copied);
    }
    memset(window->copy + copied, 0, CT_CODEC_ROOM);
}

static int64_t window_bits(const struct window *window, const struct codec_field *field)
{
    if (field->need <= CT_CODEC_FRAME_MAX) {
        return ct_codec_bits(field, window->copy + field->byte);
    }
    uint8_t bytes[9] = {0};
    const size_t there = window->len - field->byte;
    memcpy(bytes, window->data + field->byte, there < sizeof bytes ? there : sizeof bytes);
    return ct_codec_bits(field, bytes);
}

static bool in_ranges(const struct codec_branch *branch, uint64_t value)
{
    for (size_t i = 0; i < branch->range_count; i++) {
        if (value >= branch->ranges[i].first && value <= branch->ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Up the chain of selectors, which the builder keeps free of circles. */
static bool is_active(const struct ct_codec_message *message, const struct window *window, uint16_t at)
{
    while (at != CT_CODEC_NO_BRANCH) {
        const struct codec_branch *branch = &message->branches[at];
        const struct codec_field *selector = &message->fields[branch->selector];
        if (selector->need > window->len || (selector->flags & CODEC_BLOB) != 0) {
            return false;
        }
        const uint64_t mask = UINT64_MAX >> selector->right;
        if (!in_ranges(branch, (uint64_t)window_bits(window, selector) & mask)) {
            return false;
        }
        at = selector->branch;
    }
    return true;
}

size_t ct_codec_decode(const struct ct_codec_message *message, const uint8_t *data, size_t len,
                       struct ct_decoded *out_values)
{
    struct window window;
    window_init(&window, data, len);
    size_t count = 0;
    uint16_t branch = CT_CODEC_NO_BRANCH;
    bool active = true;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct codec_field *field = &message->fields[i];
        if (field->branch != branch) {
            branch = field->branch;
            active = is_active(message, &window, branch);
        }
        if (!active || field->need > len) {
            continue;
        }
        struct ct_decoded *out = &out_values[count++];
        out->signal = field->signal;
        out->raw = (field->flags & CODEC_BLOB) != 0 ? 0 : window_bits(&window, field);
        out->value = (field->flags & CODEC_BLOB) != 0 ? 0 : physical(field, out->raw);
    }
    return count;
}

double ct_codec_float(const struct ct_dbc_signal *signal, int64_t raw)
{
    return float_value(signal->length, raw);
}

bool ct_codec_exact(const struct ct_dbc_signal *signal, int64_t raw, int64_t *out_value)
{
    const bool beyond = !signal->is_signed && raw < 0; /* an unsigned value over 2^63 */
    if (!signal->integer_scale || signal->kind != CT_DBC_INTEGER || beyond) {
        return false;
    }
    int64_t product;
    return !__builtin_mul_overflow(raw, (int64_t)signal->factor, &product) &&
           !__builtin_add_overflow(product, (int64_t)signal->offset, out_value);
}
