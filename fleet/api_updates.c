/* Signed updates, what is uploaded: roots, releases and blobs, in hex as they were signed. */
#include "api_private.h"

#include "bytes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool ct_api_take_hex(const cJSON *body, const char *key, uint8_t *out, size_t size)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
    return hex != NULL && strlen(hex) == 2 * size && ct_hex_decode(out, hex, size) == CT_OK;
}

bool ct_api_hash_segment(struct ct_api_call *call, size_t index, uint8_t out[CT_UPDATE_HASH_SIZE])
{
    const char *text = call->segments[index];
    if (strlen(text) == (size_t)2 * CT_UPDATE_HASH_SIZE && ct_hex_decode(out, text, CT_UPDATE_HASH_SIZE) == CT_OK) {
        return true;
    }
    (void)ct_api_error(call->out, 400, "a SHA-256 has %d hex digits", 2 * CT_UPDATE_HASH_SIZE);
    return false;
}

/* Bytes of a member in hex; NULL when it is none. The caller frees. */
static uint8_t *take_bytes(const cJSON *body, const char *key, size_t max, size_t *out_len)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
    const size_t digits = hex == NULL ? 0 : strlen(hex);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > max) {
        return NULL;
    }
    uint8_t *bytes = malloc(digits / 2);
    if (bytes != NULL && ct_hex_decode(bytes, hex, digits / 2) != CT_OK) {
        free(bytes);
        return NULL;
    }
    *out_len = digits / 2;
    return bytes;
}

/* Handles {"signed": hex} by `fn`. */
static int with_signed(struct ct_api_call *call, int (*fn)(struct ct_api_call *call, const struct ct_upload *upload))
{
    static const char *const keys[] = {"signed", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body == NULL) {
        return status;
    }
    struct ct_upload upload = {.user = call->request->user == NULL ? "" : call->request->user,
                               .utc_ms = call->moment.utc_ns / CT_NS_PER_MS};
    uint8_t *bytes = take_bytes(body, "signed", CT_UPDATE_ENVELOPE_MAX, &upload.len);
    upload.data = bytes;
    status = bytes == NULL ? ct_api_error(call->out, 400, "\"signed\" must be a SignedPayload in hex, at most %d bytes",
                                          CT_UPDATE_ENVELOPE_MAX)
                           : fn(call, &upload);
    free(bytes);
    cJSON_Delete(body);
    return status;
}

static int failed(struct ct_api_call *call, int err)
{
    call->fatal = err;
    return 500;
}

/* ------------------------------------------------------------------------------------------------ roots */

static int add_root(struct ct_api_call *call, const struct ct_upload *upload)
{
    uint32_t version = 0;
    struct ct_json json;
    const int err = ct_update_store_add_root(ct_folder_update_store(call->folder), upload, &version);
    switch (err) {
    case CT_OK:
        ct_json_init(&json, call->out);
        ct_json_object_begin(&json, NULL);
        ct_json_uint(&json, "version", version);
        ct_json_object_end(&json);
        return 200;
    case CT_ERR_SYNTAX:
        return ct_api_error(call->out, 400, "\"signed\" is no signed root");
    case CT_ERR_EXISTS:
        return ct_api_error(call->out, 409, "a root of this version or a newer one is here");
    case CT_ERR_PERMISSION:
        return ct_api_error(call->out, 409,
                            "the root is refused: it must be valid, the next version, and signed by the thresholds of "
                            "both roots (the first one by its own)");
    default:
        return failed(call, err);
    }
}

int ct_api_post_root(struct ct_api_call *call)
{
    return with_signed(call, add_root);
}

static int root_json(void *user, uint32_t version, const uint8_t *data, size_t len, const char *who, int64_t utc_ms)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_uint(json, "version", version);
    ct_json_string(json, "user", who);
    ct_json_int(json, "utc_ms", utc_ms);
    ct_json_bytes(json, "signed", data, len);
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_roots(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "roots");
    const int err = ct_update_store_roots(ct_folder_update_store(call->folder), 0, root_json, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ releases */

static int release_json(void *user, const struct ct_release_row *row)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_bytes(json, "sha256", row->sha256, CT_UPDATE_HASH_SIZE);
    ct_json_string(json, "set_id", row->set_id);
    ct_json_int(json, "counter", row->counter);
    ct_json_bytes(json, "set_hash", row->set_hash, CT_UPDATE_HASH_SIZE);
    ct_json_bytes(json, "base_set_hash", row->base_hash, CT_UPDATE_HASH_SIZE);
    ct_json_int(json, "expires_utc_ms", row->expires_utc_ms);
    ct_json_string(json, "user_notice", row->notice);
    ct_json_string(json, "rxswin", row->rxswin);
    ct_json_string(json, "signers", row->signers);
    ct_json_int(json, "parameters", row->parameters);
    ct_json_string(json, "user", row->user);
    ct_json_int(json, "utc_ms", row->utc_ms);
    ct_json_int(json, "missing_blobs", row->missing);
    ct_json_object_end(json);
    return CT_OK;
}

static int add_release(struct ct_api_call *call, const struct ct_upload *upload)
{
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    enum ct_update_verdict verdict = CT_UPDATE_PARSE;
    struct ct_json json;
    struct ct_update_store *store = ct_folder_update_store(call->folder);
    const int err = ct_update_store_add_release(store, upload, sha256, &verdict);
    switch (err) {
    case CT_OK:
        ct_json_init(&json, call->out);
        return ct_api_finish(call, ct_update_store_releases(store, sha256, release_json, &json));
    case CT_ERR_NOT_FOUND:
        return ct_api_error(call->out, 409, "no root is here that could say whose signatures count; post one first");
    case CT_ERR_PERMISSION:
        return ct_api_error(call->out, 409, "the release is refused: %s", ct_update_verdict_text((int)verdict));
    case CT_ERR_EXISTS:
        return ct_api_error(call->out, 409, "this release is here already");
    default:
        return failed(call, err);
    }
}

int ct_api_post_update_release(struct ct_api_call *call)
{
    return with_signed(call, add_release);
}

int ct_api_get_releases(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "releases");
    const int err = ct_update_store_releases(ct_folder_update_store(call->folder), NULL, release_json, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ blobs */

static int blob_json(struct ct_api_call *call, const uint8_t *sha256)
{
    uint32_t size = 0;
    uint32_t held = 0;
    struct ct_json json;
    const int err = ct_update_store_blob(ct_folder_update_store(call->folder), sha256, &size, &held);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_api_error(call->out, 404, "no release here names this blob");
    }
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_uint(&json, "size", size);
    ct_json_uint(&json, "held", held);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

int ct_api_get_blob(struct ct_api_call *call)
{
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    return ct_api_hash_segment(call, 2, sha256) ? blob_json(call, sha256) : 400;
}

static int put_blob(struct ct_api_call *call, const cJSON *body, const uint8_t *sha256)
{
    const cJSON *offset = cJSON_GetObjectItemCaseSensitive(body, "offset");
    uint32_t held = 0;
    size_t len = 0;
    if (!cJSON_IsNumber(offset) || !(offset->valuedouble >= 0) || !(offset->valuedouble <= CT_UPDATE_BLOB_MAX)) {
        return ct_api_error(call->out, 400, "\"offset\" must be 0 to %d", CT_UPDATE_BLOB_MAX);
    }
    uint8_t *bytes = take_bytes(body, "data", CT_UPDATE_CHUNK_MAX, &len);
    if (bytes == NULL) {
        return ct_api_error(call->out, 400, "\"data\" must be 1 to %d bytes in hex", CT_UPDATE_CHUNK_MAX);
    }
    const int err = ct_update_store_put_blob(ct_folder_update_store(call->folder), sha256,
                                             (uint32_t)offset->valuedouble, bytes, len, &held);
    free(bytes);
    switch (err) {
    case CT_OK:
    case CT_ERR_NOT_FOUND:
        return blob_json(call, sha256);
    case CT_ERR_RANGE:
        return ct_api_error(call->out, 409, "what comes next begins at %" PRIu32 " and has %d bytes, or is the rest",
                            held, CT_UPDATE_CHUNK_MAX);
    case CT_ERR_CORRUPT:
        return ct_api_error(call->out, 409, "the blob has another SHA-256; all of it was dropped");
    default:
        return failed(call, err);
    }
}

int ct_api_put_blob(struct ct_api_call *call)
{
    static const char *const keys[] = {"offset", "data", NULL};
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    int status = 400;
    if (!ct_api_hash_segment(call, 2, sha256)) {
        return status;
    }
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = put_blob(call, body, sha256);
        cJSON_Delete(body);
    }
    return status;
}
