#include "uds_field.h"

#include "bytes.h"

#include <string.h>

#define NUMBER_BYTES_MAX 8U

static int put_bytes(struct ct_uds_walk *walk, const uint8_t *data, size_t len)
{
    if (len > ct_uds_walk_left(walk)) {
        return CT_ERR_TOO_LARGE;
    }
    if (len > 0) {
        memcpy(walk->out + walk->at, data, len);
    }
    walk->at += len;
    return CT_OK;
}

static int put_number(struct ct_uds_walk *walk, uint64_t number, unsigned bytes)
{
    uint8_t wire[NUMBER_BYTES_MAX];
    if (bytes > NUMBER_BYTES_MAX || (bytes < NUMBER_BYTES_MAX && number >> (8U * bytes) != 0)) {
        return CT_ERR_RANGE;
    }
    for (unsigned i = 0; i < bytes; i++) {
        wire[i] = (uint8_t)(number >> (8U * (bytes - 1U - i)));
    }
    return put_bytes(walk, wire, bytes);
}

int ct_uds_walk_put(struct ct_uds_walk *walk, unsigned value)
{
    return put_number(walk, value, 1);
}

static int get_number(struct ct_uds_walk *walk, unsigned bytes, uint64_t *out_number)
{
    if (bytes > ct_uds_walk_left(walk)) {
        return CT_ERR_TRUNCATED;
    }
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8U | walk->in[walk->at++];
    }
    *out_number = number;
    return CT_OK;
}

int ct_uds_walk_get(struct ct_uds_walk *walk, uint8_t *out_value)
{
    uint64_t number;
    const int err = get_number(walk, 1, &number);
    if (err == CT_OK) {
        *out_value = (uint8_t)number;
    }
    return err;
}

static int get_bytes(struct ct_uds_walk *walk, size_t len, struct ct_uds_bytes *out_bytes)
{
    if (len > ct_uds_walk_left(walk)) {
        return CT_ERR_TRUNCATED;
    }
    *out_bytes = (struct ct_uds_bytes){walk->in + walk->at, len};
    walk->at += len;
    return CT_OK;
}

/* ---------------------------------------------------------------- numbers at an offset */

static uint64_t load(const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    const uint8_t *at = (const uint8_t *)message + field->at;
    uint16_t two;
    uint32_t four;
    switch (field->kind) {
    case CT_UDS_FIELD_U8:
        return *at;
    case CT_UDS_FIELD_U16:
        memcpy(&two, at, sizeof two);
        return two;
    default:
        memcpy(&four, at, sizeof four);
        return four;
    }
}

static void store(struct ct_uds_message *message, const struct ct_uds_field *field, uint64_t number)
{
    uint8_t *at = (uint8_t *)message + field->at;
    const uint16_t two = (uint16_t)number;
    const uint32_t four = (uint32_t)number;
    switch (field->kind) {
    case CT_UDS_FIELD_U8:
        *at = (uint8_t)number;
        break;
    case CT_UDS_FIELD_U16:
        memcpy(at, &two, sizeof two);
        break;
    default:
        memcpy(at, &four, sizeof four);
        break;
    }
}

static unsigned width_of(uint8_t kind)
{
    return kind == CT_UDS_FIELD_U8 ? 1 : kind == CT_UDS_FIELD_U16 ? 2 : 3;
}

static int put_scalar(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    return put_number(walk, load(message, field), width_of(field->kind));
}

static int get_scalar(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    uint64_t number;
    const int err = get_number(walk, width_of(field->kind), &number);
    if (err == CT_OK) {
        store(message, field, number);
    }
    return err;
}

/* ---------------------------------------------------------------- what is optional, what is left */

static int put_option2(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return message->has_option2 ? put_number(walk, message->option2, 1) : CT_OK;
}

static int get_option2(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    message->has_option2 = ct_uds_walk_left(walk) > 0;
    return message->has_option2 ? ct_uds_walk_get(walk, &message->option2) : CT_OK;
}

static int put_ids(struct ct_uds_walk *walk, const struct ct_uds_message *message, unsigned width)
{
    int err = message->id_count <= CT_UDS_IDS_MAX ? CT_OK : CT_ERR_TOO_LARGE;
    for (unsigned i = 0; err == CT_OK && i < message->id_count; i++) {
        err = put_number(walk, message->ids[i], width);
    }
    return err;
}

static int get_ids(struct ct_uds_walk *walk, struct ct_uds_message *message, unsigned width)
{
    while (ct_uds_walk_left(walk) > 0) {
        uint64_t id;
        if (message->id_count == CT_UDS_IDS_MAX) {
            return CT_ERR_TOO_LARGE;
        }
        const int err = get_number(walk, width, &id);
        if (err != CT_OK) {
            return err;
        }
        message->ids[message->id_count++] = (uint16_t)id;
    }
    return CT_OK;
}

static int put_option_id(struct ct_uds_walk *walk, const struct ct_uds_message *message,
                         const struct ct_uds_field *field)
{
    (void)field;
    return message->id_count > 1 ? CT_ERR_RANGE : put_ids(walk, message, 2);
}

static int get_option_id(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return ct_uds_walk_left(walk) > 2 ? CT_ERR_CORRUPT : get_ids(walk, message, 2);
}

static int put_ids16(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return message->id_count == 0 ? CT_ERR_RANGE : put_ids(walk, message, 2);
}

static int get_ids16(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return ct_uds_walk_left(walk) == 0 ? CT_ERR_TRUNCATED : get_ids(walk, message, 2);
}

static int put_ids8(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return put_ids(walk, message, 1);
}

static int get_ids8(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return get_ids(walk, message, 1);
}

static int put_rest(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return put_bytes(walk, message->data.data, message->data.len);
}

static int get_rest(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    return get_bytes(walk, ct_uds_walk_left(walk), &message->data);
}

/* ---------------------------------------------------------------- authentication */

static int put_part(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    const struct ct_uds_bytes *part = &message->parts[walk->part++];
    const int err = put_number(walk, part->len, 2);
    return err == CT_OK ? put_bytes(walk, part->data, part->len) : err;
}

static int get_part(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    uint64_t len;
    const int err = get_number(walk, 2, &len);
    return err == CT_OK ? get_bytes(walk, (size_t)len, &message->parts[walk->part++]) : err;
}

static int put_algorithm(struct ct_uds_walk *walk, const struct ct_uds_message *message,
                         const struct ct_uds_field *field)
{
    (void)field;
    return put_bytes(walk, message->algorithm, CT_UDS_ALGORITHM_LEN);
}

static int get_algorithm(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    struct ct_uds_bytes bytes;
    const int err = get_bytes(walk, CT_UDS_ALGORITHM_LEN, &bytes);
    if (err == CT_OK) {
        memcpy(message->algorithm, bytes.data, CT_UDS_ALGORITHM_LEN);
    }
    return err;
}

/* ---------------------------------------------------------------- memory */

/* Both lengths in one byte: high nibble of the size, low nibble of the address (ISO 14229-1 table H.1). */
static int put_format(struct ct_uds_walk *walk, const struct ct_uds_message *message)
{
    if (message->address_len == 0 || message->address_len > NUMBER_BYTES_MAX || message->size_len == 0 ||
        message->size_len > NUMBER_BYTES_MAX) {
        return CT_ERR_RANGE;
    }
    return put_number(walk, (uint64_t)message->size_len << 4U | message->address_len, 1);
}

static int get_format(struct ct_uds_walk *walk, struct ct_uds_message *message)
{
    uint8_t format = 0;
    const int err = ct_uds_walk_get(walk, &format);
    message->size_len = format >> 4U;
    message->address_len = format & 0x0FU;
    if (err == CT_OK && (message->address_len == 0 || message->address_len > NUMBER_BYTES_MAX ||
                         message->size_len == 0 || message->size_len > NUMBER_BYTES_MAX)) {
        return CT_ERR_CORRUPT;
    }
    return err;
}

static int put_memory(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = put_format(walk, message);
    err = err == CT_OK ? put_number(walk, message->address, message->address_len) : err;
    return err == CT_OK ? put_number(walk, message->size, message->size_len) : err;
}

static int get_memory(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = get_format(walk, message);
    err = err == CT_OK ? get_number(walk, message->address_len, &message->address) : err;
    return err == CT_OK ? get_number(walk, message->size_len, &message->size) : err;
}

/* Its length is in the high nibble, in 78 in the whole byte. */
static unsigned block_shift(const struct ct_uds_field *field)
{
    return field->kind == CT_UDS_FIELD_BLOCK ? 4 : 0;
}

static int put_block(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    if (message->size_len == 0 || message->size_len > NUMBER_BYTES_MAX) {
        return CT_ERR_RANGE;
    }
    const int err = put_number(walk, (uint64_t)message->size_len << block_shift(field), 1);
    return err == CT_OK ? put_number(walk, message->size, message->size_len) : err;
}

static int get_block(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    uint8_t format;
    const int err = ct_uds_walk_get(walk, &format);
    if (err != CT_OK) {
        return err;
    }
    message->size_len = (uint8_t)(format >> block_shift(field));
    if (message->size_len == 0 || message->size_len > NUMBER_BYTES_MAX) {
        return CT_ERR_CORRUPT;
    }
    return get_number(walk, message->size_len, &message->size);
}

static int put_sources(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = message->source_count > 0 && message->source_count <= CT_UDS_SOURCES_MAX ? CT_OK : CT_ERR_RANGE;
    for (unsigned i = 0; err == CT_OK && i < message->source_count; i++) {
        const struct ct_uds_source *source = &message->sources[i];
        const uint8_t wire[4] = {(uint8_t)(source->id >> 8U), (uint8_t)source->id, source->position, source->size};
        err = put_bytes(walk, wire, sizeof wire);
    }
    return err;
}

static int get_sources(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    do {
        struct ct_uds_bytes bytes;
        const int err = get_bytes(walk, 4, &bytes);
        if (err != CT_OK || message->source_count == CT_UDS_SOURCES_MAX) {
            return err != CT_OK ? err : CT_ERR_TOO_LARGE;
        }
        message->sources[message->source_count++] =
            (struct ct_uds_source){.id = ct_be16(bytes.data), .position = bytes.data[2], .size = bytes.data[3]};
    } while (ct_uds_walk_left(walk) > 0);
    return CT_OK;
}

static int put_ranges(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = put_format(walk, message);
    if (message->source_count == 0 || message->source_count > CT_UDS_SOURCES_MAX) {
        return CT_ERR_RANGE;
    }
    for (unsigned i = 0; err == CT_OK && i < message->source_count; i++) {
        err = put_number(walk, message->sources[i].address, message->address_len);
        err = err == CT_OK ? put_number(walk, message->sources[i].memory_size, message->size_len) : err;
    }
    return err;
}

static int get_ranges(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = get_format(walk, message);
    while (err == CT_OK) {
        if (message->source_count == CT_UDS_SOURCES_MAX) {
            return CT_ERR_TOO_LARGE;
        }
        struct ct_uds_source *source = &message->sources[message->source_count++];
        err = get_number(walk, message->address_len, &source->address);
        err = err == CT_OK ? get_number(walk, message->size_len, &source->memory_size) : err;
        if (ct_uds_walk_left(walk) == 0) {
            break;
        }
    }
    return err;
}

static int put_sizes(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = message->size_len > 0 ? put_number(walk, message->size_len, 1) : CT_ERR_RANGE;
    err = err == CT_OK ? put_number(walk, message->file_size, message->size_len) : err;
    return err == CT_OK ? put_number(walk, message->file_size_packed, message->size_len) : err;
}

static int get_sizes(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field)
{
    (void)field;
    int err = ct_uds_walk_get(walk, &message->size_len);
    if (err == CT_OK && (message->size_len == 0 || message->size_len > NUMBER_BYTES_MAX)) {
        return CT_ERR_CORRUPT;
    }
    err = err == CT_OK ? get_number(walk, message->size_len, &message->file_size) : err;
    return err == CT_OK ? get_number(walk, message->size_len, &message->file_size_packed) : err;
}

/* ---------------------------------------------------------------- all kinds */

const struct ct_uds_field_kind_ops ct_uds_field_kinds[CT_UDS_FIELD_KINDS] = {
    [CT_UDS_FIELD_U8] = {put_scalar, get_scalar},
    [CT_UDS_FIELD_U16] = {put_scalar, get_scalar},
    [CT_UDS_FIELD_U24] = {put_scalar, get_scalar},
    [CT_UDS_FIELD_OPTION2] = {put_option2, get_option2},
    [CT_UDS_FIELD_OPTION_ID] = {put_option_id, get_option_id},
    [CT_UDS_FIELD_REST] = {put_rest, get_rest},
    [CT_UDS_FIELD_PART] = {put_part, get_part},
    [CT_UDS_FIELD_ALGORITHM] = {put_algorithm, get_algorithm},
    [CT_UDS_FIELD_IDS16] = {put_ids16, get_ids16},
    [CT_UDS_FIELD_IDS8] = {put_ids8, get_ids8},
    [CT_UDS_FIELD_MEMORY] = {put_memory, get_memory},
    [CT_UDS_FIELD_BLOCK] = {put_block, get_block},
    [CT_UDS_FIELD_FILE_BLOCK] = {put_block, get_block},
    [CT_UDS_FIELD_SOURCES] = {put_sources, get_sources},
    [CT_UDS_FIELD_RANGES] = {put_ranges, get_ranges},
    [CT_UDS_FIELD_SIZES] = {put_sizes, get_sizes},
};
