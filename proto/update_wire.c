#include "update_wire.h"

#include "cantwin.pb-c.h"
#include "pb.h"
#include "wire.h"

#include <math.h>
#include <string.h>

enum { PART_PAYLOAD = 1, ENVELOPE_RELEASE = 1, ENVELOPE_DIRECTIVE = 2 };

#define SCHEMA      1
#define SESSION_MAX 0x7F

#define SAME_STATE(name, value, text) \
    _Static_assert((int)CANTWIN__V1__UPDATE_STATE__UPDATE_##name == (value), "update states");
CT_UPDATE_STATE_MAP(SAME_STATE)
#undef SAME_STATE
_Static_assert((int)CT_PARAMETER_UINT8 == (int)CANTWIN__V1__PARAMETER_TYPE__P_UINT8, "parameter types");
_Static_assert((int)CT_PARAMETER_BLOB == (int)CANTWIN__V1__PARAMETER_TYPE__P_BLOB, "parameter types");
_Static_assert((int)CT_PLACE_DID == (int)CANTWIN__V1__PARAMETER__PLACE_DID, "places");
_Static_assert((int)CT_PLACE_OWN == (int)CANTWIN__V1__PARAMETER__PLACE_OWN, "places");

/* ------------------------------------------------------------------------------------------------ signed bytes */

static int take_part(const Cantwin__V1__SignedPayload *from, struct ct_update_part *part)
{
    if (from->n_signatures > CT_SIGNATURES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < from->n_signatures; i++) {
        const Cantwin__V1__Signature *signature = from->signatures[i];
        if (signature->key_id.len != CT_KEY_ID_SIZE || signature->signature.len != CT_SIGNATURE_SIZE) {
            return CT_ERR_SYNTAX;
        }
        memcpy(part->signatures[i].key_id, signature->key_id.data, CT_KEY_ID_SIZE);
        memcpy(part->signatures[i].signature, signature->signature.data, CT_SIGNATURE_SIZE);
    }
    part->signature_count = from->n_signatures;
    return CT_OK;
}

/* What is verified are the received bytes, not the copy in the arena. */
int ct_signed_payload_split(const uint8_t *data, size_t len, struct ct_update_part *out_part)
{
    struct ct_wire_arena arena;
    ProtobufCMessage *parsed = NULL;
    memset(out_part, 0, sizeof *out_part);
    if (len > CT_UPDATE_ENVELOPE_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    ct_wire_arena_init(&arena);
    int err = ct_wire_parse(&cantwin__v1__signed_payload__descriptor, CT_WIRE_STRICT, data, len, &arena, &parsed);
    err = err == CT_OK ? take_part((const Cantwin__V1__SignedPayload *)parsed, out_part) : err;
    ct_wire_arena_free(&arena);
    err = err == CT_OK ? ct_pb_find_bytes(data, len, PART_PAYLOAD, &out_part->payload, &out_part->len) : err;
    return err == CT_ERR_NOT_FOUND ? CT_ERR_SYNTAX : err;
}

int ct_update_envelope_split(const uint8_t *data, size_t len, struct ct_update_parts *out_parts)
{
    const uint8_t *part;
    size_t part_len;
    if (len > CT_UPDATE_ENVELOPE_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    int err = ct_wire_scan(&cantwin__v1__update_envelope__descriptor, CT_WIRE_STRICT, data, len);
    err = err == CT_OK ? ct_pb_find_bytes(data, len, ENVELOPE_RELEASE, &part, &part_len) : err;
    err = err == CT_OK ? ct_signed_payload_split(part, part_len, &out_parts->release) : err;
    err = err == CT_OK ? ct_pb_find_bytes(data, len, ENVELOPE_DIRECTIVE, &part, &part_len) : err;
    err = err == CT_OK ? ct_signed_payload_split(part, part_len, &out_parts->directive) : err;
    return err == CT_ERR_NOT_FOUND ? CT_ERR_SYNTAX : err;
}

/* ------------------------------------------------------------------------------------------------ fields */

/* Remembers the first field that does not fit. */
struct take {
    int err;
};

static void fail_if(struct take *take, bool bad)
{
    take->err = take->err == CT_OK && bad ? CT_ERR_SYNTAX : take->err;
}

static void take_text(struct take *take, const char *from, char *to, size_t size)
{
    const size_t len = strlen(from);
    fail_if(take, len >= size);
    if (len < size) {
        memcpy(to, from, len + 1);
    }
}

static void take_name(struct take *take, const char *from, char to[CT_UPDATE_NAME_MAX + 1])
{
    fail_if(take, from[0] == 0);
    take_text(take, from, to, CT_UPDATE_NAME_MAX + 1);
}

static void take_fixed(struct take *take, const ProtobufCBinaryData *from, uint8_t *to, size_t size)
{
    fail_if(take, from->len != size);
    if (from->len == size) {
        memcpy(to, from->data, size);
    }
}

static size_t take_bytes(struct take *take, const ProtobufCBinaryData *from, uint8_t *to, size_t max)
{
    fail_if(take, from->len > max);
    if (from->len > max || from->len == 0) {
        return 0;
    }
    memcpy(to, from->data, from->len);
    return from->len;
}

static size_t take_count(struct take *take, size_t count, size_t max)
{
    fail_if(take, count > max);
    return count > max ? 0 : count;
}

/* ------------------------------------------------------------------------------------------------ release */

static size_t take_calls(struct take *take, Cantwin__V1__RoutineCall **from, size_t n, struct ct_routine_call *to)
{
    const size_t count = take_count(take, n, CT_UPDATE_ROUTINES_MAX);
    for (size_t i = 0; i < count; i++) {
        fail_if(take, from[i]->routine > UINT16_MAX);
        to[i].routine = (uint16_t)from[i]->routine;
        to[i].options_len = (uint8_t)take_bytes(take, &from[i]->options, to[i].options, CT_UPDATE_OPTIONS_MAX);
    }
    return count;
}

static void take_target(struct take *take, const Cantwin__V1__Target *from, struct ct_update_target *to)
{
    take_name(take, from->ecu, to->ecu);
    to->hardware_count = take_count(take, from->n_hardware, CT_UPDATE_HARDWARE_MAX);
    for (size_t i = 0; i < to->hardware_count; i++) {
        take_name(take, from->hardware[i], to->hardware[i]);
    }
    take_text(take, from->software_min, to->software_min, sizeof to->software_min);
    take_text(take, from->software_max, to->software_max, sizeof to->software_max);
    fail_if(take, from->session > SESSION_MAX || from->security_level > SESSION_MAX ||
                      (from->security_level != 0 && from->security_level % 2 == 0));
    to->session = from->session == 0 ? 3 : (uint8_t)from->session;
    to->security_level = (uint8_t)from->security_level;
    to->before_count = take_calls(take, from->before, from->n_before, to->before);
    to->after_count = take_calls(take, from->after, from->n_after, to->after);
    to->reset = from->reset;
}

static void take_place(struct take *take, const Cantwin__V1__Parameter *from, struct ct_parameter *to)
{
    to->place = (enum ct_parameter_place)from->place_case;
    if (from->place_case == CANTWIN__V1__PARAMETER__PLACE_DID) {
        fail_if(take, from->did > UINT16_MAX);
        to->did = (uint16_t)from->did;
    } else if (from->place_case == CANTWIN__V1__PARAMETER__PLACE_MEMORY) {
        const Cantwin__V1__MemoryPlace *memory = from->memory;
        fail_if(take, memory->format > UINT8_MAX || memory->data_format > UINT8_MAX || memory->size == 0 ||
                          memory->size > CT_UPDATE_BLOB_MAX);
        to->memory_address = memory->address;
        to->memory_size = memory->size;
        to->memory_format = memory->format == 0 ? 0x44 : (uint8_t)memory->format;
        to->data_format = (uint8_t)memory->data_format;
    } else {
        fail_if(take, from->place_case != CANTWIN__V1__PARAMETER__PLACE_OWN);
        take_name(take, from->place_case == CANTWIN__V1__PARAMETER__PLACE_OWN ? from->own : "", to->own);
    }
    /* what is the gateway's own, and only that, is written on itself */
    fail_if(take, (to->place == CT_PLACE_OWN) != (strcmp(to->ecu, CT_UPDATE_OWN_ECU) == 0));
}

static void take_blob(struct take *take, const Cantwin__V1__Parameter *from, struct ct_parameter *to)
{
    const bool given = from->value_case == CANTWIN__V1__PARAMETER__VALUE_BLOB;
    fail_if(take, !given || from->blob->size == 0 || from->blob->size > CT_UPDATE_BLOB_MAX);
    if (given) {
        take_fixed(take, &from->blob->sha256, to->blob.sha256, CT_UPDATE_HASH_SIZE);
        to->blob.size = from->blob->size;
    }
}

/* A value that is none of its type leaves raw_len 0: a verdict of its own, not a bad form. */
static void take_value(struct take *take, const Cantwin__V1__Parameter *from, struct ct_parameter *to)
{
    const bool text = to->type == CT_PARAMETER_BYTES || to->type == CT_PARAMETER_TEXT;
    if (to->type == CT_PARAMETER_BLOB) {
        take_blob(take, from, to);
    } else if (from->value_case == CANTWIN__V1__PARAMETER__VALUE_INTEGER) {
        ct_parameter_set_integer(to, from->integer);
    } else if (from->value_case == CANTWIN__V1__PARAMETER__VALUE_NUMBER) {
        ct_parameter_set_number(to, from->number);
    } else if (from->value_case == CANTWIN__V1__PARAMETER__VALUE_RAW && text) {
        to->raw_len = (uint16_t)take_bytes(take, &from->raw, to->raw, CT_UPDATE_RAW_MAX);
    }
}

static void take_parameter(struct take *take, const Cantwin__V1__Parameter *from, struct ct_parameter *to)
{
    take_name(take, from->name, to->name);
    take_name(take, from->ecu, to->ecu);
    take_place(take, from, to);
    fail_if(take,
            from->type < CANTWIN__V1__PARAMETER_TYPE__P_UINT8 || from->type > CANTWIN__V1__PARAMETER_TYPE__P_BLOB);
    if (take->err != CT_OK) {
        return;
    }
    to->type = (enum ct_parameter_type)from->type;
    to->little_endian = from->little_endian;
    take_value(take, from, to);
    fail_if(take, (to->place != CT_PLACE_DID) != (to->type == CT_PARAMETER_BLOB)); /* blocks and files are blobs */
    fail_if(take, to->place == CT_PLACE_MEMORY && to->blob.size != to->memory_size);
    fail_if(take, !isfinite(from->factor) || !isfinite(from->offset) || !isfinite(from->min) || !isfinite(from->max) ||
                      !isfinite(from->tolerance) || from->tolerance < 0);
    to->factor = from->factor == 0 ? 1 : from->factor;
    to->offset = from->offset;
    to->min = from->min;
    to->max = from->max;
    to->tolerance = from->tolerance;
    take_text(take, from->unit, to->unit, sizeof to->unit);
    to->expected_old_len = (uint16_t)take_bytes(take, &from->expected_old, to->expected_old, CT_UPDATE_RAW_MAX);
}

static void take_precondition(struct take *take, const Cantwin__V1__Precondition *from, struct ct_precondition *to)
{
    fail_if(take, from->path[0] == 0 || isnan(from->min) || isnan(from->max));
    take_text(take, from->path, to->path, sizeof to->path);
    to->min = from->min;
    to->max = from->max;
    to->for_ms = from->for_ms;
}

static bool has_target(const struct ct_release *release, const char *ecu)
{
    for (size_t i = 0; i < release->target_count; i++) {
        if (strcmp(release->targets[i].ecu, ecu) == 0) {
            return true;
        }
    }
    return false;
}

static bool same_place(const struct ct_parameter *a, const struct ct_parameter *b)
{
    return strcmp(a->ecu, b->ecu) == 0 && a->place == b->place && a->did == b->did &&
           a->memory_address == b->memory_address && strcmp(a->own, b->own) == 0;
}

/* Names and places once each, every ECU a target, targets once each. */
static void check_whole(struct take *take, const struct ct_release *release)
{
    fail_if(take, release->parameter_count == 0 || release->target_count == 0);
    for (size_t i = 0; i < release->parameter_count; i++) {
        fail_if(take, !has_target(release, release->parameters[i].ecu));
        for (size_t k = 0; k < i; k++) {
            fail_if(take, strcmp(release->parameters[i].name, release->parameters[k].name) == 0 ||
                              same_place(&release->parameters[i], &release->parameters[k]));
        }
    }
    for (size_t i = 0; i < release->target_count; i++) {
        for (size_t k = 0; k < i; k++) {
            fail_if(take, strcmp(release->targets[i].ecu, release->targets[k].ecu) == 0);
        }
    }
}

static void take_lists(struct take *take, const Cantwin__V1__Release *from, struct ct_release *to)
{
    to->target_count = take_count(take, from->n_targets, CT_UPDATE_TARGETS_MAX);
    for (size_t i = 0; i < to->target_count; i++) {
        take_target(take, from->targets[i], &to->targets[i]);
    }
    to->parameter_count = take_count(take, from->n_parameters, CT_UPDATE_PARAMETERS_MAX);
    for (size_t i = 0; i < to->parameter_count && take->err == CT_OK; i++) {
        take_parameter(take, from->parameters[i], &to->parameters[i]);
    }
    to->precondition_count = take_count(take, from->n_preconditions, CT_UPDATE_PRECONDITIONS_MAX);
    for (size_t i = 0; i < to->precondition_count; i++) {
        take_precondition(take, from->preconditions[i], &to->preconditions[i]);
    }
    to->rxswin_count = take_count(take, from->n_rxswin_affected, CT_UPDATE_RXSWIN_MAX);
    for (size_t i = 0; i < to->rxswin_count; i++) {
        take_name(take, from->rxswin_affected[i], to->rxswin[i]);
    }
}

static void take_release(struct take *take, const Cantwin__V1__Release *from, struct ct_release *to)
{
    fail_if(take, from->schema != SCHEMA || from->counter == 0);
    take_name(take, from->set_id, to->set_id);
    to->counter = from->counter;
    to->issued_utc_ms = from->issued_utc_ms;
    to->expires_utc_ms = from->expires_utc_ms;
    take_fixed(take, &from->base_set_hash, to->base_set_hash, CT_UPDATE_HASH_SIZE);
    to->decoder_asked = from->decoder_hash.len > 0;
    if (to->decoder_asked) {
        take_fixed(take, &from->decoder_hash, to->decoder_hash, CT_UPDATE_HASH_SIZE);
    }
    take_lists(take, from, to);
    to->max_apply_s = from->max_apply_s;
    take_text(take, from->user_notice, to->user_notice, sizeof to->user_notice);
    to->hold_when_moving = from->hold_when_moving;
    to->rollback_counter = from->rollback_counter;
    if (take->err == CT_OK) {
        check_whole(take, to);
        ct_set_hash(to->parameters, to->parameter_count, to->set_hash);
    }
}

/* ------------------------------------------------------------------------------------------------ directive, root */

static void take_directive(struct take *take, const Cantwin__V1__Directive *from, struct ct_directive *to)
{
    fail_if(take, from->schema != SCHEMA || from->expires_utc_ms <= from->issued_utc_ms ||
                      from->expires_utc_ms - from->issued_utc_ms > CT_UPDATE_LIFETIME_MS || from->issued_utc_ms < 0);
    take_fixed(take, &from->update_id, to->update_id, CT_UPDATE_ID_SIZE);
    take_name(take, from->vehicle_id, to->vehicle_id);
    take_text(take, from->ecu_serial, to->ecu_serial, sizeof to->ecu_serial);
    to->seq = from->seq;
    to->issued_utc_ms = from->issued_utc_ms;
    to->not_before_utc_ms = from->not_before_utc_ms;
    to->expires_utc_ms = from->expires_utc_ms;
    take_fixed(take, &from->release_sha256, to->release_sha256, CT_UPDATE_HASH_SIZE);
    to->release_len = from->release_len;
    to->confirm = from->confirm;
    to->rollback = from->rollback;
}

static void take_role(struct take *take, const Cantwin__V1__RoleKeys *from, struct ct_role_keys *to)
{
    fail_if(take, from == NULL);
    if (from == NULL) {
        return;
    }
    to->threshold = from->threshold;
    to->count = take_count(take, from->n_public_keys, CT_ROLE_KEYS_MAX);
    for (size_t i = 0; i < to->count; i++) {
        take_fixed(take, &from->public_keys[i], to->public_keys[i], CT_SIGN_PUBLIC_SIZE);
    }
}

static void take_root(struct take *take, const Cantwin__V1__Root *from, struct ct_root *to)
{
    fail_if(take, from->schema != SCHEMA);
    to->version = from->version;
    to->expires_utc_ms = from->expires_utc_ms;
    take_role(take, from->root, &to->root);
    take_role(take, from->release, &to->release);
    take_role(take, from->director, &to->director);
    to->reset_director = from->reset_director;
}

/* ------------------------------------------------------------------------------------------------ decoding */

typedef void take_fn(struct take *take, const ProtobufCMessage *from, void *to);

static int decode(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len, take_fn *fn, void *to)
{
    struct take take = {CT_OK};
    struct ct_wire_arena arena;
    ProtobufCMessage *parsed = NULL;
    if (len > CT_UPDATE_ENVELOPE_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    ct_wire_arena_init(&arena);
    const int err = ct_wire_parse(type, CT_WIRE_STRICT, data, len, &arena, &parsed);
    if (err == CT_OK) {
        fn(&take, parsed, to);
    }
    ct_wire_arena_free(&arena);
    return err == CT_OK ? take.err : err;
}

static void any_release(struct take *take, const ProtobufCMessage *from, void *to)
{
    take_release(take, (const Cantwin__V1__Release *)from, to);
}

static void any_directive(struct take *take, const ProtobufCMessage *from, void *to)
{
    take_directive(take, (const Cantwin__V1__Directive *)from, to);
}

static void any_root(struct take *take, const ProtobufCMessage *from, void *to)
{
    take_root(take, (const Cantwin__V1__Root *)from, to);
}

int ct_release_decode(const uint8_t *data, size_t len, struct ct_release *out_release)
{
    memset(out_release, 0, sizeof *out_release);
    return decode(&cantwin__v1__release__descriptor, data, len, any_release, out_release);
}

int ct_directive_decode(const uint8_t *data, size_t len, struct ct_directive *out_directive)
{
    memset(out_directive, 0, sizeof *out_directive);
    return decode(&cantwin__v1__directive__descriptor, data, len, any_directive, out_directive);
}

int ct_root_decode(const uint8_t *data, size_t len, struct ct_root *out_root)
{
    memset(out_root, 0, sizeof *out_root);
    return decode(&cantwin__v1__root__descriptor, data, len, any_root, out_root);
}
