/* The description of a parameter set (docs/updates.md) as a release and its blobs. */
#include "bytes.h"
#include "config.h"
#include "files.h"
#include "update_cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct call_keys {
    uint16_t routine;
    char *options;
};

struct target_keys {
    char *ecu;
    char **hardware;
    uint32_t hardware_count;
    char *software_min, *software_max;
    uint8_t session, security_level;
    struct call_keys *before, *after;
    uint32_t before_count, after_count;
    bool reset;
};

struct parameter_keys {
    char *name, *ecu, *own, *value, *file, *unit, *expected_old;
    uint16_t *did;
    uint64_t *address;
    uint8_t format, data_format;
    uint32_t type;
    bool little_endian;
    double factor, offset, min, max, tolerance;
};

struct precondition_keys {
    char *path;
    double min, max;
    uint32_t for_ms;
};

struct set_keys {
    char *set, *issued, *expires, *replaces, *decoder, *notice;
    uint32_t counter, max_apply_s, rollback_from;
    bool hold_when_moving;
    char **rxswin;
    struct target_keys *targets;
    struct parameter_keys *parameters;
    struct precondition_keys *preconditions;
    uint32_t rxswin_count, targets_count, parameters_count, preconditions_count;
};

static const cyaml_strval_t type_labels[] = {
    {"uint8", CT_PARAMETER_UINT8},     {"uint16", CT_PARAMETER_UINT16},   {"uint32", CT_PARAMETER_UINT32},
    {"int8", CT_PARAMETER_INT8},       {"int16", CT_PARAMETER_INT16},     {"int32", CT_PARAMETER_INT32},
    {"float32", CT_PARAMETER_FLOAT32}, {"float64", CT_PARAMETER_FLOAT64}, {"bytes", CT_PARAMETER_BYTES},
    {"text", CT_PARAMETER_TEXT},       {"blob", CT_PARAMETER_BLOB},
};

#define OPTIONAL  CYAML_FLAG_OPTIONAL
#define LIST      (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT      (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define NAME_SIZE CT_UPDATE_NAME_MAX

static const cyaml_schema_value_t name_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, NAME_SIZE)};

static const cyaml_schema_field_t call_fields[] = {
    CYAML_FIELD_UINT("routine", CYAML_FLAG_DEFAULT, struct call_keys, routine),
    CYAML_FIELD_STRING_PTR("options", TEXT, struct call_keys, options, 0, 2 * CT_UPDATE_OPTIONS_MAX), CYAML_FIELD_END};
static const cyaml_schema_value_t call_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct call_keys, call_fields)};

static const cyaml_schema_field_t target_fields[] = {
    CYAML_FIELD_STRING_PTR("ecu", CYAML_FLAG_POINTER, struct target_keys, ecu, 1, NAME_SIZE),
    CYAML_FIELD_SEQUENCE("hardware", LIST, struct target_keys, hardware, &name_entry, 0, CT_UPDATE_HARDWARE_MAX),
    CYAML_FIELD_STRING_PTR("software_min", TEXT, struct target_keys, software_min, 0, NAME_SIZE),
    CYAML_FIELD_STRING_PTR("software_max", TEXT, struct target_keys, software_max, 0, NAME_SIZE),
    CYAML_FIELD_UINT("session", OPTIONAL, struct target_keys, session),
    CYAML_FIELD_UINT("security_level", OPTIONAL, struct target_keys, security_level),
    CYAML_FIELD_SEQUENCE("before", LIST, struct target_keys, before, &call_entry, 0, CT_UPDATE_ROUTINES_MAX),
    CYAML_FIELD_SEQUENCE("after", LIST, struct target_keys, after, &call_entry, 0, CT_UPDATE_ROUTINES_MAX),
    CYAML_FIELD_BOOL("reset", OPTIONAL, struct target_keys, reset),
    CYAML_FIELD_END};
static const cyaml_schema_value_t target_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct target_keys, target_fields)};

static const cyaml_schema_field_t parameter_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct parameter_keys, name, 1, NAME_SIZE),
    CYAML_FIELD_STRING_PTR("ecu", CYAML_FLAG_POINTER, struct parameter_keys, ecu, 1, NAME_SIZE),
    CYAML_FIELD_UINT_PTR("did", OPTIONAL, struct parameter_keys, did),
    CYAML_FIELD_UINT_PTR("address", OPTIONAL, struct parameter_keys, address),
    CYAML_FIELD_UINT("format", OPTIONAL, struct parameter_keys, format),
    CYAML_FIELD_UINT("data_format", OPTIONAL, struct parameter_keys, data_format),
    CYAML_FIELD_STRING_PTR("own", TEXT, struct parameter_keys, own, 1, NAME_SIZE),
    CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct parameter_keys, type, type_labels, CYAML_ARRAY_LEN(type_labels)),
    CYAML_FIELD_STRING_PTR("value", TEXT, struct parameter_keys, value, 0, 2 * CT_UPDATE_RAW_MAX),
    CYAML_FIELD_STRING_PTR("file", TEXT, struct parameter_keys, file, 1, CYAML_UNLIMITED),
    CYAML_FIELD_BOOL("little_endian", OPTIONAL, struct parameter_keys, little_endian),
    CYAML_FIELD_FLOAT("factor", OPTIONAL, struct parameter_keys, factor),
    CYAML_FIELD_FLOAT("offset", OPTIONAL, struct parameter_keys, offset),
    CYAML_FIELD_STRING_PTR("unit", TEXT, struct parameter_keys, unit, 0, 15),
    CYAML_FIELD_FLOAT("min", OPTIONAL, struct parameter_keys, min),
    CYAML_FIELD_FLOAT("max", OPTIONAL, struct parameter_keys, max),
    CYAML_FIELD_FLOAT("tolerance", OPTIONAL, struct parameter_keys, tolerance),
    CYAML_FIELD_STRING_PTR("expected_old", TEXT, struct parameter_keys, expected_old, 0, 2 * CT_UPDATE_RAW_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t parameter_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct parameter_keys, parameter_fields)};

static const cyaml_schema_field_t precondition_fields[] = {
    CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER, struct precondition_keys, path, 1, 255),
    CYAML_FIELD_FLOAT("min", CYAML_FLAG_DEFAULT, struct precondition_keys, min),
    CYAML_FIELD_FLOAT("max", CYAML_FLAG_DEFAULT, struct precondition_keys, max),
    CYAML_FIELD_UINT("for_ms", OPTIONAL, struct precondition_keys, for_ms), CYAML_FIELD_END};
static const cyaml_schema_value_t precondition_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct precondition_keys, precondition_fields)};

static const cyaml_schema_field_t set_fields[] = {
    CYAML_FIELD_STRING_PTR("set", CYAML_FLAG_POINTER, struct set_keys, set, 1, NAME_SIZE),
    CYAML_FIELD_UINT("counter", CYAML_FLAG_DEFAULT, struct set_keys, counter),
    CYAML_FIELD_STRING_PTR("issued", CYAML_FLAG_POINTER, struct set_keys, issued, 1, 32),
    CYAML_FIELD_STRING_PTR("expires", CYAML_FLAG_POINTER, struct set_keys, expires, 1, 32),
    CYAML_FIELD_STRING_PTR("replaces", TEXT, struct set_keys, replaces, 64, 64),
    CYAML_FIELD_STRING_PTR("decoder", TEXT, struct set_keys, decoder, 64, 64),
    CYAML_FIELD_STRING_PTR("notice", TEXT, struct set_keys, notice, 0, 255),
    CYAML_FIELD_UINT("max_apply_s", CYAML_FLAG_DEFAULT, struct set_keys, max_apply_s),
    CYAML_FIELD_UINT("rollback_from", OPTIONAL, struct set_keys, rollback_from),
    CYAML_FIELD_BOOL("hold_when_moving", OPTIONAL, struct set_keys, hold_when_moving),
    CYAML_FIELD_SEQUENCE("rxswin", LIST, struct set_keys, rxswin, &name_entry, 0, CT_UPDATE_RXSWIN_MAX),
    CYAML_FIELD_SEQUENCE("targets", CYAML_FLAG_POINTER, struct set_keys, targets, &target_entry, 1,
                         CT_UPDATE_TARGETS_MAX),
    CYAML_FIELD_SEQUENCE("parameters", CYAML_FLAG_POINTER, struct set_keys, parameters, &parameter_entry, 1,
                         CT_UPDATE_PARAMETERS_MAX),
    CYAML_FIELD_SEQUENCE("preconditions", LIST, struct set_keys, preconditions, &precondition_entry, 0,
                         CT_UPDATE_PRECONDITIONS_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t set_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct set_keys, set_fields)};

/* ------------------------------------------------------------------------------------------------ pieces */

/* What is being read: where a problem is told. */
struct reader {
    const char *path;
    struct ct_release *release;
    struct ct_bundle *blobs;
};

static int refuse(const struct reader *reader, const char *name, const char *what)
{
    fprintf(stderr, "cantwin: update create: %s: error: %s: %s\n", reader->path, name, what);
    return CT_EXIT_FAILED;
}

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from != NULL ? from : "");
}

static bool take_hex(const char *text, uint8_t *out, size_t max, size_t *out_len)
{
    const size_t digits = text != NULL ? strlen(text) : 0;
    *out_len = digits / 2;
    return digits % 2 == 0 && digits / 2 <= max && (digits == 0 || ct_hex_decode(out, text, digits / 2) == CT_OK);
}

static int take_calls(const struct reader *reader, const char *ecu, const struct call_keys *keys, size_t count,
                      struct ct_routine_call *calls)
{
    for (size_t i = 0; i < count; i++) {
        size_t len;
        calls[i].routine = keys[i].routine;
        if (!take_hex(keys[i].options, calls[i].options, CT_UPDATE_OPTIONS_MAX, &len)) {
            return refuse(reader, ecu, "'options' of a routine must be hex, at most 32 bytes");
        }
        calls[i].options_len = (uint8_t)len;
    }
    return CT_EXIT_OK;
}

static int take_target(const struct reader *reader, const struct target_keys *keys, struct ct_update_target *target)
{
    copy(target->ecu, sizeof target->ecu, keys->ecu);
    target->hardware_count = keys->hardware_count;
    for (size_t i = 0; i < keys->hardware_count; i++) {
        copy(target->hardware[i], sizeof target->hardware[i], keys->hardware[i]);
    }
    copy(target->software_min, sizeof target->software_min, keys->software_min);
    copy(target->software_max, sizeof target->software_max, keys->software_max);
    target->session = keys->session;
    target->security_level = keys->security_level;
    target->reset = keys->reset;
    target->before_count = keys->before_count;
    target->after_count = keys->after_count;
    const int code = take_calls(reader, keys->ecu, keys->before, keys->before_count, target->before);
    return code == CT_EXIT_OK ? take_calls(reader, keys->ecu, keys->after, keys->after_count, target->after) : code;
}

/* ------------------------------------------------------------------------------------------------ values */

static int take_blob(const struct reader *reader, const struct parameter_keys *keys, struct ct_parameter *parameter)
{
    char path[4096];
    uint8_t *data;
    size_t len;
    const char *slash = strrchr(reader->path, '/');
    if (keys->file == NULL) {
        return refuse(reader, keys->name, "a blob needs 'file'");
    }
    const int folder = keys->file[0] == '/' || slash == NULL ? 0 : (int)(slash - reader->path) + 1;
    (void)snprintf(path, sizeof path, "%.*s%s", folder, reader->path, keys->file);
    const int err = ct_file_read(path, CT_UPDATE_BLOB_MAX, &data, &len);
    if (err != CT_OK || len == 0) {
        return refuse(reader, path, err != CT_OK ? ct_err_text(err) : "is empty");
    }
    ct_update_sha256(data, len, parameter->blob.sha256);
    parameter->blob.size = (uint32_t)len;
    reader->blobs->blobs[reader->blobs->blob_count].data = data;
    reader->blobs->blobs[reader->blobs->blob_count++].len = len;
    return CT_EXIT_OK;
}

/* False: the text is none of the type's values. */
static bool take_number(const char *text, struct ct_parameter *parameter)
{
    char *end;
    errno = 0;
    if (parameter->type == CT_PARAMETER_FLOAT32 || parameter->type == CT_PARAMETER_FLOAT64) {
        ct_parameter_set_number(parameter, strtod(text, &end));
    } else {
        ct_parameter_set_integer(parameter, strtoll(text, &end, 0));
    }
    return *text != 0 && *end == 0 && errno == 0 && parameter->raw_len > 0;
}

static int take_value(const struct reader *reader, const struct parameter_keys *keys, struct ct_parameter *parameter)
{
    size_t len = 0;
    if (parameter->type == CT_PARAMETER_BLOB) {
        return take_blob(reader, keys, parameter);
    }
    if (keys->value == NULL) {
        return refuse(reader, keys->name, "needs 'value'");
    }
    if (parameter->type == CT_PARAMETER_TEXT) {
        len = strlen(keys->value);
        parameter->raw_len = (uint16_t)(len <= CT_UPDATE_RAW_MAX ? len : 0);
        memcpy(parameter->raw, keys->value, parameter->raw_len);
    } else if (parameter->type == CT_PARAMETER_BYTES) {
        parameter->raw_len = (uint16_t)(take_hex(keys->value, parameter->raw, CT_UPDATE_RAW_MAX, &len) ? len : 0);
    } else if (!take_number(keys->value, parameter)) {
        parameter->raw_len = 0;
    }
    if (parameter->raw_len == 0) {
        return refuse(reader, keys->name, "'value' does not fit its type");
    }
    return ct_update_check_value(parameter) == CT_UPDATE_OK
               ? CT_EXIT_OK
               : refuse(reader, keys->name, "'value' times 'factor' plus 'offset' is outside 'min' and 'max'");
}

static int take_place(const struct reader *reader, const struct parameter_keys *keys, struct ct_parameter *parameter)
{
    const int places = (keys->did != NULL ? 1 : 0) + (keys->address != NULL ? 1 : 0) + (keys->own != NULL ? 1 : 0);
    if (places != 1) {
        return refuse(reader, keys->name, "needs one of 'did', 'address' and 'own'");
    }
    if (keys->did != NULL) {
        parameter->place = CT_PLACE_DID;
        parameter->did = *keys->did;
    } else if (keys->address != NULL) {
        parameter->place = CT_PLACE_MEMORY;
        parameter->memory_address = *keys->address;
        parameter->memory_format = keys->format != 0 ? keys->format : 0x44;
        parameter->data_format = keys->data_format;
    } else {
        parameter->place = CT_PLACE_OWN;
        copy(parameter->own, sizeof parameter->own, keys->own);
    }
    return CT_EXIT_OK;
}

static int take_parameter(const struct reader *reader, const struct parameter_keys *keys,
                          struct ct_parameter *parameter)
{
    size_t len;
    copy(parameter->name, sizeof parameter->name, keys->name);
    copy(parameter->ecu, sizeof parameter->ecu, keys->ecu);
    copy(parameter->unit, sizeof parameter->unit, keys->unit);
    parameter->type = (enum ct_parameter_type)keys->type;
    parameter->little_endian = keys->little_endian;
    parameter->factor = keys->factor == 0 ? 1 : keys->factor;
    parameter->offset = keys->offset;
    parameter->min = keys->min;
    parameter->max = keys->max;
    parameter->tolerance = keys->tolerance;
    if (!take_hex(keys->expected_old, parameter->expected_old, CT_UPDATE_RAW_MAX, &len)) {
        return refuse(reader, keys->name, "'expected_old' must be hex, at most 512 bytes");
    }
    parameter->expected_old_len = (uint16_t)len;
    int code = take_place(reader, keys, parameter);
    code = code == CT_EXIT_OK ? take_value(reader, keys, parameter) : code;
    parameter->memory_size = parameter->place == CT_PLACE_MEMORY ? parameter->blob.size : 0;
    return code;
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int take_head(const struct reader *reader, const struct set_keys *keys)
{
    struct ct_release *release = reader->release;
    size_t len;
    copy(release->set_id, sizeof release->set_id, keys->set);
    copy(release->user_notice, sizeof release->user_notice, keys->notice);
    release->counter = keys->counter;
    release->max_apply_s = keys->max_apply_s;
    release->rollback_counter = keys->rollback_from;
    release->hold_when_moving = keys->hold_when_moving;
    if (!ct_update_time(keys->issued, &release->issued_utc_ms) ||
        !ct_update_time(keys->expires, &release->expires_utc_ms)) {
        return refuse(reader, keys->set, "'issued' and 'expires' are dates: 2027-01-31 or 2027-01-31T12:00:00Z");
    }
    release->decoder_asked = keys->decoder != NULL;
    if (!take_hex(keys->replaces, release->base_set_hash, CT_UPDATE_HASH_SIZE, &len) ||
        !take_hex(keys->decoder, release->decoder_hash, CT_UPDATE_HASH_SIZE, &len)) {
        return refuse(reader, keys->set, "'replaces' and 'decoder' are hashes: 64 hex digits");
    }
    release->rxswin_count = keys->rxswin_count;
    for (size_t i = 0; i < keys->rxswin_count; i++) {
        copy(release->rxswin[i], sizeof release->rxswin[i], keys->rxswin[i]);
    }
    release->precondition_count = keys->preconditions_count;
    for (size_t i = 0; i < keys->preconditions_count; i++) {
        copy(release->preconditions[i].path, sizeof release->preconditions[i].path, keys->preconditions[i].path);
        release->preconditions[i].min = keys->preconditions[i].min;
        release->preconditions[i].max = keys->preconditions[i].max;
        release->preconditions[i].for_ms = keys->preconditions[i].for_ms;
    }
    return CT_EXIT_OK;
}

static int take_set(const struct reader *reader, const struct set_keys *keys)
{
    int code = take_head(reader, keys);
    reader->release->target_count = keys->targets_count;
    for (size_t i = 0; code == CT_EXIT_OK && i < keys->targets_count; i++) {
        code = take_target(reader, &keys->targets[i], &reader->release->targets[i]);
    }
    reader->release->parameter_count = keys->parameters_count;
    for (size_t i = 0; code == CT_EXIT_OK && i < keys->parameters_count; i++) {
        code = take_parameter(reader, &keys->parameters[i], &reader->release->parameters[i]);
    }
    return code;
}

int ct_update_set_read(const char *path, struct ct_release *out_release, struct ct_bundle *out_blobs)
{
    const struct reader reader = {path, out_release, out_blobs};
    void *keys = NULL;
    char problem[1024];
    memset(out_release, 0, sizeof *out_release);
    memset(out_blobs, 0, sizeof *out_blobs);
    const int err = ct_config_load(path, &set_schema, &keys, problem, sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: update create: %s\n", problem);
        return err == CT_ERR_SYNTAX || err == CT_ERR_RANGE ? CT_EXIT_FAILED : CT_EXIT_ENVIRONMENT;
    }
    const int code = take_set(&reader, keys);
    ct_config_free(&set_schema, keys);
    return code;
}

void ct_update_set_free(struct ct_bundle *blobs)
{
    for (size_t i = 0; i < blobs->blob_count; i++) {
        free((void *)(uintptr_t)blobs->blobs[i].data);
    }
    blobs->blob_count = 0;
}
