/* What requests bring: numbers of the query, JSON bodies; and how reading ends. */
#include "api_private.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool ct_api_number(const struct ct_api_call *call, const char *name, int64_t max, int64_t *value)
{
    const char *text = ct_api_param(call, name);
    if (text == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    const long long parsed = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)text[0]) || parsed < -max || parsed > max) {
        return false;
    }
    *value = parsed;
    return true;
}

int ct_api_done(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_bool(&json, "done", true);
    ct_json_object_end(&json);
    return 200;
}

bool ct_api_vehicle_meant(const struct ct_api_call *call, const struct ct_vehicle *vehicle)
{
    const char *group = ct_api_param(call, "group");
    const char *model = ct_api_param(call, "model");
    const char *tag = ct_api_param(call, "tag");
    return (group == NULL || strcmp(group, vehicle->labels.group) == 0) &&
           (model == NULL || strcmp(model, vehicle->labels.model) == 0) &&
           (tag == NULL || ct_labels_have_tag(&vehicle->labels, tag));
}

int ct_api_finish(struct ct_api_call *call, int err)
{
    if (err == CT_OK) {
        return 200;
    }
    if (err == CT_ERR_TOO_LARGE || err == CT_ERR_FULL) {
        return ct_api_error(call->out, 413, "the answer is too large; ask for less");
    }
    return ct_api_error(call->out, 500, "what is stored cannot be read: %s", ct_err_text(err));
}

static bool known_key(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(key, *keys) == 0) {
            return true;
        }
    }
    return false;
}

cJSON *ct_api_body(struct ct_api_call *call, const char *const *keys, int *out_status)
{
    const char *end = NULL;
    cJSON *body = cJSON_ParseWithLengthOpts(call->request->body, call->request->body_len, &end, false);
    const char *stop = call->request->body + call->request->body_len;
    while (body != NULL && end < stop && isspace((unsigned char)*end)) {
        end++;
    }
    if (body == NULL || end != stop || !cJSON_IsObject(body)) {
        cJSON_Delete(body);
        *out_status = ct_api_error(call->out, 400, "the body is not a JSON object");
        return NULL;
    }
    for (const cJSON *item = body->child; item != NULL; item = item->next) {
        if (!known_key(item->string, keys) || cJSON_GetObjectItemCaseSensitive(body, item->string) != item) {
            *out_status = ct_api_error(call->out, 400, "unknown or repeated member '%.64s'", item->string);
            cJSON_Delete(body);
            return NULL;
        }
    }
    return body;
}
