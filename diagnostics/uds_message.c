#include "uds_message.h"

#include "uds_field.h"

static int encode_fields(const struct ct_uds_message *message, const struct ct_uds_layout *layout,
                         struct ct_uds_walk *walk)
{
    int err = layout == NULL ? CT_ERR_UNSUPPORTED : CT_OK;
    for (unsigned i = 0; err == CT_OK && i < CT_UDS_LAYOUT_FIELDS; i++) {
        const struct ct_uds_field *field = &layout->fields[i];
        if (field->kind == CT_UDS_FIELD_END) {
            break;
        }
        err = ct_uds_field_kinds[field->kind].put(walk, message, field);
    }
    return err;
}

static int decode_fields(struct ct_uds_message *message, const struct ct_uds_layout *layout, struct ct_uds_walk *walk)
{
    int err = layout == NULL ? CT_ERR_UNSUPPORTED : CT_OK;
    for (unsigned i = 0; err == CT_OK && i < CT_UDS_LAYOUT_FIELDS; i++) {
        const struct ct_uds_field *field = &layout->fields[i];
        if (field->kind == CT_UDS_FIELD_END) {
            break;
        }
        err = ct_uds_field_kinds[field->kind].get(walk, message, field);
    }
    return err == CT_OK && ct_uds_walk_left(walk) > 0 ? CT_ERR_CORRUPT : err;
}

/* What chooses among the layouts of a service: its sub-function, or the mode of a file transfer. */
static uint8_t selector_of(const struct ct_uds_message *message)
{
    if (message->service == CT_UDS_REQUEST_FILE_TRANSFER) {
        return message->group;
    }
    return ct_uds_has_subfunction(message->service) ? message->subfunction : 0;
}

int ct_uds_request_encode(const struct ct_uds_message *message, uint8_t *out, size_t size, size_t *out_len)
{
    struct ct_uds_walk walk = {.out = out, .size = size};
    int err = ct_uds_walk_put(&walk, message->service);
    if (err == CT_OK && ct_uds_has_subfunction(message->service)) {
        const bool fits = message->subfunction <= CT_UDS_SUBFUNCTION;
        const unsigned suppress = message->suppress ? CT_UDS_SUPPRESS : 0;
        err = fits ? ct_uds_walk_put(&walk, message->subfunction | suppress) : CT_ERR_RANGE;
    }
    if (err == CT_OK) {
        err = encode_fields(message, ct_uds_layout_request(message->service, selector_of(message)), &walk);
    }
    if (err == CT_OK) {
        *out_len = walk.at;
    }
    return err;
}

static int encode_refusal(const struct ct_uds_message *message, struct ct_uds_walk *walk)
{
    int err = ct_uds_walk_put(walk, CT_UDS_NEGATIVE_RESPONSE);
    err = err == CT_OK ? ct_uds_walk_put(walk, message->service) : err;
    return err == CT_OK ? ct_uds_walk_put(walk, message->nrc) : err;
}

int ct_uds_response_encode(const struct ct_uds_message *message, uint8_t *out, size_t size, size_t *out_len)
{
    struct ct_uds_walk walk = {.out = out, .size = size};
    int err;
    if (message->nrc != 0) {
        err = encode_refusal(message, &walk);
    } else {
        err = ct_uds_walk_put(&walk, (message->service + CT_UDS_POSITIVE_OFFSET) & 0xFFU);
        if (err == CT_OK && ct_uds_has_subfunction(message->service)) {
            err = ct_uds_walk_put(&walk, message->subfunction);
        }
        if (err == CT_OK) {
            err = encode_fields(message, ct_uds_layout_response(message->service, selector_of(message)), &walk);
        }
    }
    if (err == CT_OK) {
        *out_len = walk.at;
    }
    return err;
}

/* Service and sub-function are read; what follows chooses its layout. */
static int decode_rest(struct ct_uds_message *message, bool response, struct ct_uds_walk *walk)
{
    const struct ct_uds_layout *(*find)(uint8_t, uint8_t) = response ? ct_uds_layout_response : ct_uds_layout_request;
    if (message->service == CT_UDS_REQUEST_FILE_TRANSFER && ct_uds_walk_left(walk) > 0) {
        message->group = walk->in[walk->at];
    }
    return decode_fields(message, find(message->service, selector_of(message)), walk);
}

static int get_subfunction(struct ct_uds_walk *walk, struct ct_uds_message *message)
{
    if (!ct_uds_has_subfunction(message->service)) {
        return CT_OK;
    }
    const int err = ct_uds_walk_get(walk, &message->subfunction);
    message->suppress = (message->subfunction & CT_UDS_SUPPRESS) != 0;
    message->subfunction &= CT_UDS_SUBFUNCTION;
    return err;
}

int ct_uds_request_decode(const uint8_t *bytes, size_t len, struct ct_uds_message *out_message)
{
    struct ct_uds_message message = {0};
    struct ct_uds_walk walk = {.in = bytes, .size = len};
    int err = ct_uds_walk_get(&walk, &message.service);
    err = err == CT_OK ? get_subfunction(&walk, &message) : err;
    err = err == CT_OK ? decode_rest(&message, false, &walk) : err;
    if (err == CT_OK) {
        *out_message = message;
    }
    return err;
}

static int decode_refusal(const uint8_t *bytes, size_t len, struct ct_uds_message *out_message)
{
    if (len < 3) {
        return CT_ERR_TRUNCATED;
    }
    if (bytes[2] == 0) {
        return CT_ERR_CORRUPT; /* 00 says positive, which a negative response cannot */
    }
    *out_message = (struct ct_uds_message){.service = bytes[1], .nrc = bytes[2]};
    return CT_OK;
}

int ct_uds_response_decode(const uint8_t *bytes, size_t len, struct ct_uds_message *out_message)
{
    if (len > 0 && bytes[0] == CT_UDS_NEGATIVE_RESPONSE) {
        return decode_refusal(bytes, len, out_message);
    }
    struct ct_uds_message message = {0};
    struct ct_uds_walk walk = {.in = bytes, .size = len};
    uint8_t id = 0;
    int err = ct_uds_walk_get(&walk, &id);
    message.service = (uint8_t)(id - CT_UDS_POSITIVE_OFFSET);
    err = err == CT_OK ? get_subfunction(&walk, &message) : err;
    if (err == CT_OK && message.suppress) {
        message.suppress = false; /* some ECUs send the bit back; the layout does not depend on it */
    }
    err = err == CT_OK ? decode_rest(&message, true, &walk) : err;
    if (err == CT_OK) {
        *out_message = message;
    }
    return err;
}
