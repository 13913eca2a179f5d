/* Labels of vehicles and the registry of models. */
#include "api_private.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 0, or the status of the error. An empty text takes the label away. */
static int take_label(struct ct_api_call *call, const cJSON *body, const char *key, char out_label[CT_LABEL_MAX + 1])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item == NULL) {
        return 0;
    }
    const char *text = cJSON_GetStringValue(item);
    if (text == NULL || (text[0] != '\0' && !ct_label_valid(text))) {
        return ct_api_error(call->out, 400, "\"%s\" must be a name of at most %d letters, digits, '.', '_', '-'", key,
                            CT_LABEL_MAX);
    }
    (void)snprintf(out_label, CT_LABEL_MAX + 1, "%s", text);
    return 0;
}

static int take_tags(struct ct_api_call *call, const cJSON *body, char out_tags[CT_TAGS_MAX + 1])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "tags");
    size_t len = 0;
    const cJSON *item;
    if (list == NULL) {
        return 0;
    }
    bool good = cJSON_IsArray(list) && cJSON_GetArraySize(list) <= CT_TAGS_COUNT_MAX;
    if (good) {
        out_tags[0] = '\0';
    }
    const cJSON *items = good ? list : NULL;
    cJSON_ArrayForEach(item, items)
    {
        const char *tag = cJSON_GetStringValue(item);
        good = good && tag != NULL && ct_label_valid(tag) && len + strlen(tag) + 2 <= CT_TAGS_MAX;
        if (good) {
            len += (size_t)snprintf(out_tags + len, CT_TAGS_MAX + 1 - len, "%s%s", len > 0 ? " " : "", tag);
        }
    }
    return good ? 0
                : ct_api_error(call->out, 400, "\"tags\" must be at most %d names, %d characters in all",
                               CT_TAGS_COUNT_MAX, CT_TAGS_MAX);
}

void ct_api_labels_json(struct ct_json *json, const struct ct_vehicle_labels *labels)
{
    ct_json_string(json, "group", labels->group);
    ct_json_string(json, "model", labels->model);
    ct_json_array_begin(json, "tags");
    for (const char *at = labels->tags; *at != '\0';) {
        char tag[CT_LABEL_MAX + 1];
        const size_t len = strcspn(at, " ");
        (void)snprintf(tag, sizeof tag, "%.*s", (int)len, at);
        ct_json_string(json, NULL, tag);
        at += len + (at[len] == ' ');
    }
    ct_json_array_end(json);
}

static int set_labels(struct ct_api_call *call, const cJSON *body)
{
    struct ct_vehicle_labels labels = call->vehicle->labels;
    int status = take_label(call, body, "group", labels.group);
    status = status == 0 ? take_label(call, body, "model", labels.model) : status;
    status = status == 0 ? take_tags(call, body, labels.tags) : status;
    if (status != 0) {
        return status;
    }
    call->fatal = ct_labels_set(ct_folder_labels(call->folder), call->vehicle, &labels);
    call->vehicle->unjudged = true; /* rules may be for a tag */
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", call->vehicle->id);
    ct_api_labels_json(&json, &labels);
    ct_json_object_end(&json);
    return 200;
}

int ct_api_put_labels(struct ct_api_call *call)
{
    static const char *const keys[] = {"group", "model", "tags", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = set_labels(call, body);
        cJSON_Delete(body);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ models */

static int one_model(void *user, const struct ct_model *model)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", model->name);
    ct_json_int(json, "revision", model->revision);
    ct_json_string(json, "dbc", model->dbc);
    ct_json_string(json, "mapping", model->mapping);
    ct_json_string(json, "policy", model->policy);
    ct_json_string(json, "note", model->note);
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_models(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "models");
    const int err = ct_models_each(ct_folder_labels(call->folder), one_model, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* false: no text, or too long. */
static bool model_text(const cJSON *body, const char *key, const char **out_text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    *out_text = item == NULL ? "" : cJSON_GetStringValue(item);
    return *out_text != NULL && strlen(*out_text) <= CT_MODEL_TEXT_MAX;
}

/* 0, or the status of the error. */
static int check_model_revision(struct ct_api_call *call, const char *name)
{
    int64_t revision = 0;
    const char *match = call->request->if_match;
    char *etag = call->answer->etag;
    if (match == NULL || strcmp(match, "*") == 0) {
        return 0;
    }
    const int err = ct_model_revision(ct_folder_labels(call->folder), name, &revision);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    (void)snprintf(etag, CT_API_ETAG_MAX, "\"%" PRId64 "\"", revision);
    return strcmp(match, etag) == 0 ? 0 : ct_api_error(call->out, 412, "the model has revision %" PRId64, revision);
}

static int set_model(struct ct_api_call *call, const cJSON *body)
{
    struct ct_model model = {.name = call->segments[1]};
    int64_t revision = 0;
    if (!ct_label_valid(model.name)) {
        return ct_api_error(call->out, 400, "a model's name has at most %d letters, digits, '.', '_', '-'",
                            CT_LABEL_MAX);
    }
    if (!model_text(body, "dbc", &model.dbc) || !model_text(body, "mapping", &model.mapping) ||
        !model_text(body, "policy", &model.policy) || !model_text(body, "note", &model.note)) {
        return ct_api_error(call->out, 400, "dbc, mapping, policy and note are texts of at most %d characters",
                            CT_MODEL_TEXT_MAX);
    }
    const int status = check_model_revision(call, model.name);
    if (status != 0) {
        return status;
    }
    const int err = ct_model_set(ct_folder_labels(call->folder), &model, &revision);
    if (err == CT_ERR_FULL) {
        return ct_api_error(call->out, 409, "there are %d models already", CT_MODELS_MAX);
    }
    call->fatal = err;
    model.revision = revision;
    (void)snprintf(call->answer->etag, CT_API_ETAG_MAX, "\"%" PRId64 "\"", revision);
    struct ct_json json;
    ct_json_init(&json, call->out);
    (void)one_model(&json, &model);
    return 200;
}

int ct_api_put_model(struct ct_api_call *call)
{
    static const char *const keys[] = {"dbc", "mapping", "policy", "note", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = set_model(call, body);
        cJSON_Delete(body);
    }
    return status;
}

int ct_api_delete_model(struct ct_api_call *call)
{
    int64_t revision = 0;
    struct ct_label_store *labels = ct_folder_labels(call->folder);
    int err = ct_model_revision(labels, call->segments[1], &revision);
    if (err == CT_OK && revision == 0) {
        return ct_api_error(call->out, 404, "there is no such model");
    }
    err = err == CT_OK ? ct_model_remove(labels, call->segments[1]) : err;
    call->fatal = err;
    return ct_api_done(call);
}
