/* The writing half of update_wire.h, by hand: fields in order of their numbers, zeros left out as proto3 does. */
#include "pb.h"
#include "update_wire.h"

#define SCHEMA 1

/* Fields of cantwin.proto, by message. */
enum { SIGNED_PAYLOAD = 1, SIGNED_SIGNATURES, SIGNATURE_KEY_ID = 1, SIGNATURE_BYTES };
enum { ENVELOPE_RELEASE = 1, ENVELOPE_DIRECTIVE };
enum { ROLE_THRESHOLD = 1, ROLE_KEYS };
enum { ROOT_SCHEMA = 1, ROOT_VERSION, ROOT_EXPIRES, ROOT_ROOT, ROOT_RELEASE, ROOT_DIRECTOR, ROOT_RESET };
enum { CALL_ROUTINE = 1, CALL_OPTIONS };
enum {
    TARGET_ECU = 1,
    TARGET_HARDWARE,
    TARGET_SOFTWARE_MIN,
    TARGET_SOFTWARE_MAX,
    TARGET_SESSION,
    TARGET_LEVEL,
    TARGET_BEFORE,
    TARGET_AFTER,
    TARGET_RESET
};
enum { MEMORY_ADDRESS = 1, MEMORY_SIZE, MEMORY_FORMAT, MEMORY_DATA_FORMAT };
enum { BLOB_SHA256 = 1, BLOB_SIZE };
enum {
    PARAMETER_NAME = 1,
    PARAMETER_ECU,
    PARAMETER_DID,
    PARAMETER_MEMORY,
    PARAMETER_OWN,
    PARAMETER_TYPE,
    PARAMETER_INTEGER,
    PARAMETER_NUMBER,
    PARAMETER_RAW,
    PARAMETER_BLOB,
    PARAMETER_LITTLE,
    PARAMETER_FACTOR,
    PARAMETER_OFFSET,
    PARAMETER_UNIT,
    PARAMETER_MIN,
    PARAMETER_MAX,
    PARAMETER_TOLERANCE,
    PARAMETER_OLD
};
enum { CONDITION_PATH = 1, CONDITION_MIN, CONDITION_MAX, CONDITION_FOR };
enum {
    RELEASE_SCHEMA = 1,
    RELEASE_SET_ID,
    RELEASE_COUNTER,
    RELEASE_ISSUED,
    RELEASE_EXPIRES,
    RELEASE_BASE,
    RELEASE_DECODER,
    RELEASE_TARGETS,
    RELEASE_PARAMETERS,
    RELEASE_PRECONDITIONS,
    RELEASE_MAX_APPLY,
    RELEASE_RXSWIN,
    RELEASE_NOTICE,
    RELEASE_HOLD,
    RELEASE_ROLLBACK
};
enum {
    DIRECTIVE_SCHEMA = 1,
    DIRECTIVE_UPDATE_ID,
    DIRECTIVE_VEHICLE,
    DIRECTIVE_SERIAL,
    DIRECTIVE_SEQ,
    DIRECTIVE_ISSUED,
    DIRECTIVE_NOT_BEFORE,
    DIRECTIVE_EXPIRES,
    DIRECTIVE_SHA256,
    DIRECTIVE_LEN,
    DIRECTIVE_CONFIRM,
    DIRECTIVE_ROLLBACK
};

static void put_text(struct ct_buf *out, uint32_t id, const char *text)
{
    ct_pb_put_bytes(out, id, text, strlen(text));
}

static void put_time(struct ct_buf *out, uint32_t id, int64_t utc_ms)
{
    ct_pb_put_uint(out, id, (uint64_t)utc_ms);
}

/* proto3 leaves out +0 alone. */
static void put_double(struct ct_buf *out, uint32_t id, double value, bool always)
{
    uint64_t bits;
    uint8_t le[8];
    memcpy(&bits, &value, sizeof bits);
    if (bits != 0 || always) {
        ct_put_le64(le, bits);
        ct_pb_put_tag(out, id, CT_PB_FIXED64);
        ct_buf_append(out, le, sizeof le);
    }
}

/* ------------------------------------------------------------------------------------------------ signed bytes */

int ct_signed_payload_join(const struct ct_update_part *part, struct ct_buf *out)
{
    if (part->signature_count > CT_SIGNATURES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    ct_pb_put_bytes(out, SIGNED_PAYLOAD, part->payload, part->len);
    for (size_t i = 0; i < part->signature_count; i++) {
        const size_t mark = ct_pb_open(out, SIGNED_SIGNATURES);
        ct_pb_put_bytes(out, SIGNATURE_KEY_ID, part->signatures[i].key_id, CT_KEY_ID_SIZE);
        ct_pb_put_bytes(out, SIGNATURE_BYTES, part->signatures[i].signature, CT_SIGNATURE_SIZE);
        ct_pb_close(out, mark);
    }
    return ct_buf_error(out);
}

static int put_part(struct ct_buf *out, uint32_t id, const struct ct_update_part *part)
{
    const size_t mark = ct_pb_open(out, id);
    const int err = ct_signed_payload_join(part, out);
    ct_pb_close(out, mark);
    return err;
}

int ct_update_envelope_join(const struct ct_update_parts *parts, struct ct_buf *out)
{
    int err = put_part(out, ENVELOPE_RELEASE, &parts->release);
    err = err == CT_OK ? put_part(out, ENVELOPE_DIRECTIVE, &parts->directive) : err;
    return err == CT_OK ? ct_buf_error(out) : err;
}

/* ------------------------------------------------------------------------------------------------ release */

static void put_calls(struct ct_buf *out, uint32_t id, const struct ct_routine_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t mark = ct_pb_open(out, id);
        ct_pb_put_uint(out, CALL_ROUTINE, calls[i].routine);
        ct_pb_put_bytes(out, CALL_OPTIONS, calls[i].options, calls[i].options_len);
        ct_pb_close(out, mark);
    }
}

static void put_target(struct ct_buf *out, const struct ct_update_target *target)
{
    const size_t mark = ct_pb_open(out, RELEASE_TARGETS);
    put_text(out, TARGET_ECU, target->ecu);
    for (size_t i = 0; i < target->hardware_count; i++) {
        put_text(out, TARGET_HARDWARE, target->hardware[i]);
    }
    put_text(out, TARGET_SOFTWARE_MIN, target->software_min);
    put_text(out, TARGET_SOFTWARE_MAX, target->software_max);
    ct_pb_put_uint(out, TARGET_SESSION, target->session);
    ct_pb_put_uint(out, TARGET_LEVEL, target->security_level);
    put_calls(out, TARGET_BEFORE, target->before, target->before_count);
    put_calls(out, TARGET_AFTER, target->after, target->after_count);
    ct_pb_put_uint(out, TARGET_RESET, target->reset ? 1 : 0);
    ct_pb_close(out, mark);
}

static void put_place(struct ct_buf *out, const struct ct_parameter *parameter)
{
    if (parameter->place == CT_PLACE_DID) {
        ct_pb_put_tag(out, PARAMETER_DID, CT_PB_VARINT);
        ct_pb_put_varint(out, parameter->did);
    } else if (parameter->place == CT_PLACE_OWN) {
        ct_pb_put_element(out, PARAMETER_OWN, parameter->own, strlen(parameter->own));
    } else {
        const size_t mark = ct_pb_open(out, PARAMETER_MEMORY);
        ct_pb_put_uint(out, MEMORY_ADDRESS, parameter->memory_address);
        ct_pb_put_uint(out, MEMORY_SIZE, parameter->memory_size);
        ct_pb_put_uint(out, MEMORY_FORMAT, parameter->memory_format);
        ct_pb_put_uint(out, MEMORY_DATA_FORMAT, parameter->data_format);
        ct_pb_close(out, mark);
    }
}

static void put_value(struct ct_buf *out, const struct ct_parameter *parameter)
{
    const double stored = ct_parameter_stored(parameter, parameter->raw, parameter->raw_len);
    if (parameter->type == CT_PARAMETER_BLOB) {
        const size_t mark = ct_pb_open(out, PARAMETER_BLOB);
        ct_pb_put_bytes(out, BLOB_SHA256, parameter->blob.sha256, CT_UPDATE_HASH_SIZE);
        ct_pb_put_uint(out, BLOB_SIZE, parameter->blob.size);
        ct_pb_close(out, mark);
    } else if (ct_parameter_width(parameter->type) == 0) {
        ct_pb_put_element(out, PARAMETER_RAW, parameter->raw, parameter->raw_len);
    } else if (parameter->raw_len > 0 &&
               (parameter->type == CT_PARAMETER_FLOAT32 || parameter->type == CT_PARAMETER_FLOAT64)) {
        put_double(out, PARAMETER_NUMBER, stored, true);
    } else if (parameter->raw_len > 0) {
        ct_pb_put_tag(out, PARAMETER_INTEGER, CT_PB_VARINT);
        ct_pb_put_varint(out, ct_pb_zigzag_encode((int64_t)stored));
    }
}

static void put_parameter(struct ct_buf *out, const struct ct_parameter *parameter)
{
    const size_t mark = ct_pb_open(out, RELEASE_PARAMETERS);
    put_text(out, PARAMETER_NAME, parameter->name);
    put_text(out, PARAMETER_ECU, parameter->ecu);
    put_place(out, parameter);
    ct_pb_put_uint(out, PARAMETER_TYPE, (uint64_t)parameter->type);
    put_value(out, parameter);
    ct_pb_put_uint(out, PARAMETER_LITTLE, parameter->little_endian ? 1 : 0);
    put_double(out, PARAMETER_FACTOR, parameter->factor, false);
    put_double(out, PARAMETER_OFFSET, parameter->offset, false);
    put_text(out, PARAMETER_UNIT, parameter->unit);
    put_double(out, PARAMETER_MIN, parameter->min, false);
    put_double(out, PARAMETER_MAX, parameter->max, false);
    put_double(out, PARAMETER_TOLERANCE, parameter->tolerance, false);
    ct_pb_put_bytes(out, PARAMETER_OLD, parameter->expected_old, parameter->expected_old_len);
    ct_pb_close(out, mark);
}

static void put_precondition(struct ct_buf *out, const struct ct_precondition *condition)
{
    const size_t mark = ct_pb_open(out, RELEASE_PRECONDITIONS);
    put_text(out, CONDITION_PATH, condition->path);
    put_double(out, CONDITION_MIN, condition->min, false);
    put_double(out, CONDITION_MAX, condition->max, false);
    ct_pb_put_uint(out, CONDITION_FOR, condition->for_ms);
    ct_pb_close(out, mark);
}

static void put_lists(struct ct_buf *out, const struct ct_release *release)
{
    for (size_t i = 0; i < release->target_count; i++) {
        put_target(out, &release->targets[i]);
    }
    for (size_t i = 0; i < release->parameter_count; i++) {
        put_parameter(out, &release->parameters[i]);
    }
    for (size_t i = 0; i < release->precondition_count; i++) {
        put_precondition(out, &release->preconditions[i]);
    }
}

int ct_release_encode(const struct ct_release *release, struct ct_buf *out)
{
    ct_pb_put_uint(out, RELEASE_SCHEMA, SCHEMA);
    put_text(out, RELEASE_SET_ID, release->set_id);
    ct_pb_put_uint(out, RELEASE_COUNTER, release->counter);
    put_time(out, RELEASE_ISSUED, release->issued_utc_ms);
    put_time(out, RELEASE_EXPIRES, release->expires_utc_ms);
    ct_pb_put_bytes(out, RELEASE_BASE, release->base_set_hash, CT_UPDATE_HASH_SIZE);
    if (release->decoder_asked) {
        ct_pb_put_bytes(out, RELEASE_DECODER, release->decoder_hash, CT_UPDATE_HASH_SIZE);
    }
    put_lists(out, release);
    ct_pb_put_uint(out, RELEASE_MAX_APPLY, release->max_apply_s);
    for (size_t i = 0; i < release->rxswin_count; i++) {
        put_text(out, RELEASE_RXSWIN, release->rxswin[i]);
    }
    put_text(out, RELEASE_NOTICE, release->user_notice);
    ct_pb_put_uint(out, RELEASE_HOLD, release->hold_when_moving ? 1 : 0);
    ct_pb_put_uint(out, RELEASE_ROLLBACK, release->rollback_counter);
    return ct_buf_error(out);
}

/* ------------------------------------------------------------------------------------------------ directive, root */

int ct_directive_encode(const struct ct_directive *directive, struct ct_buf *out)
{
    ct_pb_put_uint(out, DIRECTIVE_SCHEMA, SCHEMA);
    ct_pb_put_bytes(out, DIRECTIVE_UPDATE_ID, directive->update_id, CT_UPDATE_ID_SIZE);
    put_text(out, DIRECTIVE_VEHICLE, directive->vehicle_id);
    put_text(out, DIRECTIVE_SERIAL, directive->ecu_serial);
    ct_pb_put_uint(out, DIRECTIVE_SEQ, directive->seq);
    put_time(out, DIRECTIVE_ISSUED, directive->issued_utc_ms);
    put_time(out, DIRECTIVE_NOT_BEFORE, directive->not_before_utc_ms);
    put_time(out, DIRECTIVE_EXPIRES, directive->expires_utc_ms);
    ct_pb_put_bytes(out, DIRECTIVE_SHA256, directive->release_sha256, CT_UPDATE_HASH_SIZE);
    ct_pb_put_uint(out, DIRECTIVE_LEN, directive->release_len);
    ct_pb_put_uint(out, DIRECTIVE_CONFIRM, directive->confirm ? 1 : 0);
    ct_pb_put_uint(out, DIRECTIVE_ROLLBACK, directive->rollback ? 1 : 0);
    return ct_buf_error(out);
}

static void put_role(struct ct_buf *out, uint32_t id, const struct ct_role_keys *keys)
{
    const size_t mark = ct_pb_open(out, id);
    ct_pb_put_uint(out, ROLE_THRESHOLD, keys->threshold);
    for (size_t i = 0; i < keys->count; i++) {
        ct_pb_put_element(out, ROLE_KEYS, keys->public_keys[i], CT_SIGN_PUBLIC_SIZE);
    }
    ct_pb_close(out, mark);
}

int ct_root_encode(const struct ct_root *root, struct ct_buf *out)
{
    ct_pb_put_uint(out, ROOT_SCHEMA, SCHEMA);
    ct_pb_put_uint(out, ROOT_VERSION, root->version);
    put_time(out, ROOT_EXPIRES, root->expires_utc_ms);
    put_role(out, ROOT_ROOT, &root->root);
    put_role(out, ROOT_RELEASE, &root->release);
    put_role(out, ROOT_DIRECTOR, &root->director);
    ct_pb_put_uint(out, ROOT_RESET, root->reset_director ? 1 : 0);
    return ct_buf_error(out);
}
