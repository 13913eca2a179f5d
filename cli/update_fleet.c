/* cantwin update push, rollback, status and audit: what the fleet's backend does with signed updates. */
#include "update_cmd.h"

#include "bytes.h"
#include "fleet_client.h"
#include "json.h"
#include "update_link.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (3U * CT_UPDATE_ENVELOPE_MAX)

static const char *const options[] = {
    "--url",  "--token-file",      "--group",   "--tag",   "--model",   "--canary", "--wave-size",
    "--note", "--success-percent", "--confirm", "--start", "--vehicle", "--format", NULL};

/* A command's connection and what it was told. */
struct fleet {
    struct ct_fleet_client *client;
    struct ct_buf answer;
    int argc;
    char **argv;
};

static const char *option(const struct fleet *fleet, const char *name)
{
    return ct_update_option(fleet->argc, fleet->argv, name, 0);
}

/* The first line of the file; "" when it cannot be read. */
static void read_token(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    out[0] = '\0';
    if (file != NULL) {
        if (fgets(out, (int)size, file) == NULL) {
            out[0] = '\0';
        }
        out[strcspn(out, "\r\n")] = '\0';
        (void)fclose(file);
    }
}

/* Exit codes. */
static int fleet_open(int argc, char **argv, int *out_first, struct fleet *out_fleet)
{
    char token[512] = "";
    if (!ct_update_options_known(argc, argv, options, out_first)) {
        return CT_EXIT_USAGE;
    }
    *out_fleet = (struct fleet){.argc = argc, .argv = argv};
    const char *path = option(out_fleet, "--token-file");
    const char *url = option(out_fleet, "--url");
    if (path != NULL) {
        read_token(path, token, sizeof token);
        if (token[0] == '\0') {
            return ct_update_complain(path, "holds no token", CT_EXIT_ENVIRONMENT);
        }
    }
    ct_buf_init(&out_fleet->answer, CT_FLEET_ANSWER_MAX);
    out_fleet->client = ct_fleet_client_open(url == NULL ? CT_FLEET_URL : url, token[0] == '\0' ? NULL : token);
    return out_fleet->client == NULL
               ? ct_update_complain(url == NULL ? CT_FLEET_URL : url, "is no address", CT_EXIT_ENVIRONMENT)
               : CT_EXIT_OK;
}

static int fleet_close(struct fleet *fleet, int code)
{
    ct_fleet_client_close(fleet->client);
    ct_buf_free(&fleet->answer);
    return code;
}

/* Calls, and tells the backend's reason when it refuses. */
static int ask(struct fleet *fleet, const char *method, const char *path, const char *body)
{
    const int status = ct_fleet_client_call(fleet->client, method, path, body, &fleet->answer);
    if (status >= 200 && status < 300) {
        return CT_EXIT_OK;
    }
    cJSON *json = cJSON_Parse(ct_buf_string(&fleet->answer));
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
    fprintf(stderr, "cantwin: update: the backend: %s\n", reason == NULL ? ct_buf_string(&fleet->answer) : reason);
    cJSON_Delete(json);
    return status == 0 ? CT_EXIT_ENVIRONMENT : CT_EXIT_FAILED;
}

/* ------------------------------------------------------------------------------------------------ push */

static int post_payload(struct fleet *fleet, const struct ct_bundle *bundle)
{
    struct ct_buf body;
    struct ct_json json;
    ct_buf_init(&body, BODY_MAX);
    ct_json_init(&json, &body);
    ct_json_object_begin(&json, NULL);
    ct_json_bytes(&json, "signed", bundle->payload, bundle->len);
    ct_json_object_end(&json);
    const char *path = bundle->kind == CT_BUNDLE_ROOT ? "updates/roots" : "updates/releases";
    const int code = ask(fleet, "POST", path, ct_buf_string(&body));
    ct_buf_free(&body);
    return code;
}

static int put_part(struct fleet *fleet, const char *path, const uint8_t *data, size_t len, size_t offset)
{
    struct ct_buf body;
    struct ct_json json;
    ct_buf_init(&body, BODY_MAX);
    ct_json_init(&json, &body);
    ct_json_object_begin(&json, NULL);
    ct_json_uint(&json, "offset", offset);
    ct_json_bytes(&json, "data", data, len);
    ct_json_object_end(&json);
    const int code = ask(fleet, "PUT", path, ct_buf_string(&body));
    ct_buf_free(&body);
    return code;
}

static void blob_path(char *out, size_t size, const uint8_t *data, size_t len)
{
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    char hex[2 * CT_UPDATE_HASH_SIZE + 1];
    ct_update_sha256(data, len, sha256);
    ct_hex_encode(hex, sha256, sizeof sha256);
    (void)snprintf(out, size, "updates/blobs/%s", hex);
}

/* Goes on behind what is there. */
static int put_blob(struct fleet *fleet, const uint8_t *data, size_t len)
{
    char path[96];
    blob_path(path, sizeof path, data, len);
    int code = ask(fleet, "GET", path, NULL);
    cJSON *json = code == CT_EXIT_OK ? cJSON_Parse(ct_buf_string(&fleet->answer)) : NULL;
    const cJSON *held = cJSON_GetObjectItemCaseSensitive(json, "held");
    size_t at = cJSON_IsNumber(held) && held->valuedouble >= 0 ? (size_t)held->valuedouble : 0;
    cJSON_Delete(json);
    while (code == CT_EXIT_OK && at < len) {
        const size_t part = len - at < CT_UPDATE_CHUNK_MAX ? len - at : CT_UPDATE_CHUNK_MAX;
        code = put_part(fleet, path, data + at, part, at);
        at += part;
    }
    return code;
}

static bool put_number(struct ct_json *json, const struct fleet *fleet, const char *name, const char *key)
{
    const char *text = option(fleet, name);
    if (text != NULL) {
        ct_json_number(json, key, text);
    }
    return text == NULL || (text[0] != '\0' && strspn(text, "0123456789") == strlen(text));
}

static int start_rollout(struct fleet *fleet, const struct ct_update_file *file, bool rollback)
{
    static const char *const texts[] = {"group", "tag", "model", "note"};
    static const char *const names[] = {"--group", "--tag", "--model", "--note"};
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    struct ct_buf body;
    struct ct_json json;
    ct_update_sha256(file->part.payload, file->part.len, sha256);
    ct_buf_init(&body, BODY_MAX);
    ct_json_init(&json, &body);
    ct_json_object_begin(&json, NULL);
    ct_json_bytes(&json, "release", sha256, sizeof sha256);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (option(fleet, names[i]) != NULL) {
            ct_json_string(&json, texts[i], option(fleet, names[i]));
        }
    }
    const bool good = put_number(&json, fleet, "--canary", "canary") &&
                      put_number(&json, fleet, "--wave-size", "wave_size") &&
                      put_number(&json, fleet, "--success-percent", "success_percent");
    ct_json_bool(&json, "confirm", option(fleet, "--confirm") != NULL);
    ct_json_bool(&json, "rollback", rollback);
    ct_json_object_end(&json);
    const int code = good ? ask(fleet, "POST", "updates/rollouts", ct_buf_string(&body))
                          : ct_update_usage("--canary, --wave-size and --success-percent are numbers");
    ct_buf_free(&body);
    if (code == CT_EXIT_OK) {
        puts(ct_buf_string(&fleet->answer));
    }
    return code;
}

/* True when the backend has the release: it need not be sent again. */
static bool is_there(struct fleet *fleet, const struct ct_update_file *file)
{
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    char hex[2 * CT_UPDATE_HASH_SIZE + 1];
    ct_update_sha256(file->part.payload, file->part.len, sha256);
    ct_hex_encode(hex, sha256, sizeof sha256);
    const int status = ct_fleet_client_call(fleet->client, "GET", "updates/releases", NULL, &fleet->answer);
    return file->bundle.kind == CT_BUNDLE_RELEASE && status == 200 &&
           strstr(ct_buf_string(&fleet->answer), hex) != NULL;
}

static int push_file(struct fleet *fleet, const struct ct_update_file *file, bool start, bool rollback)
{
    int code = is_there(fleet, file) ? CT_EXIT_OK : post_payload(fleet, &file->bundle);
    for (size_t i = 0; code == CT_EXIT_OK && i < file->bundle.blob_count; i++) {
        code = put_blob(fleet, file->bundle.blobs[i].data, file->bundle.blobs[i].len);
    }
    if (code == CT_EXIT_OK && start && file->bundle.kind == CT_BUNDLE_RELEASE) {
        code = start_rollout(fleet, file, rollback);
    }
    return code;
}

static int push(int argc, char **argv, bool start, bool rollback)
{
    struct fleet fleet = {.client = NULL};
    struct ct_update_file file;
    int first = 0;
    int code = fleet_open(argc, argv, &first, &fleet);
    if (code == CT_EXIT_OK && first + 1 != argc) {
        code = ct_update_usage("which file?");
    }
    if (code == CT_EXIT_OK) {
        code = ct_update_file_read(argv[first], &file);
        if (code == CT_EXIT_OK) {
            code = push_file(&fleet, &file, start || option(&fleet, "--start") != NULL, rollback);
            ct_update_file_free(&file);
        }
    }
    return fleet_close(&fleet, code);
}

int ct_update_push(int argc, char **argv)
{
    return push(argc, argv, false, false);
}

int ct_update_rollback(int argc, char **argv)
{
    return push(argc, argv, true, true);
}

/* ------------------------------------------------------------------------------------------------ reading */

/* With --vehicle ID the address is `before`, ID, `behind`. */
static int show(int argc, char **argv, const char *all, const char *before, const char *behind)
{
    struct fleet fleet = {.client = NULL};
    char path[256];
    int first = 0;
    int code = fleet_open(argc, argv, &first, &fleet);
    if (code == CT_EXIT_OK && first != argc) {
        code = ct_update_usage("unknown argument");
    }
    if (code == CT_EXIT_OK) {
        const char *vehicle = option(&fleet, "--vehicle");
        (void)snprintf(path, sizeof path, "%s%.64s%s", vehicle == NULL ? all : before, vehicle == NULL ? "" : vehicle,
                       vehicle == NULL ? "" : behind);
        code = ask(&fleet, "GET", path, NULL);
    }
    if (code == CT_EXIT_OK) {
        puts(ct_buf_string(&fleet.answer));
    }
    return fleet_close(&fleet, code);
}

int ct_update_status_show(int argc, char **argv)
{
    return show(argc, argv, "updates/rollouts", "vehicles/", "/updates");
}

int ct_update_audit(int argc, char **argv)
{
    const char *format = ct_update_option(argc, argv, "--format", 0);
    if (format != NULL && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0) {
        return ct_update_usage("--format is csv or json");
    }
    const bool csv = format == NULL || strcmp(format, "csv") == 0;
    return show(argc, argv, csv ? "updates/records.csv" : "updates/records",
                csv ? "updates/records.csv?vehicle=" : "updates/records?vehicle=", "");
}
