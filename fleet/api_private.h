/* The API's inside, shared by api.c (routes), api_read.c and api_write.c. Private to these. */
#ifndef CT_FLEET_API_PRIVATE_H
#define CT_FLEET_API_PRIVATE_H

#include "api.h"
#include "json.h"

#define CT_API_SEGMENTS_MAX 6

/* One request on its way. */
struct ct_api_call {
    struct ct_folder *folder;
    const struct ct_api_request *request;
    const struct ct_api_counters *counters;
    struct ct_moment moment;
    char path[CT_API_PATH_MAX];
    const char *segments[CT_API_SEGMENTS_MAX]; /* of the path behind /api/v1 */
    size_t segment_count;
    struct ct_vehicle *vehicle; /* named by the path, for routes that have one */
    struct ct_api_answer *answer;
    struct ct_buf *out; /* the answer's body */
    int fatal;
};

const char *ct_api_param(const struct ct_api_call *call, const char *name); /* NULL: absent */

/* Reading a whole number of milliseconds or rows: false when it is none or beyond +-max. Absent: true, *value stays. */
bool ct_api_number(const struct ct_api_call *call, const char *name, int64_t max, int64_t *value);
/* 200, or the error of what could not be read: nothing was changed, and the next question may be a good one. */
int ct_api_finish(struct ct_api_call *call, int err);

/* The body as an object that has only `keys` (NULL ends them), each once; the caller deletes it. On failure the answer
 * is written and *out_status set. */
struct cJSON *ct_api_body(struct ct_api_call *call, const char *const *keys, int *out_status);

/* 200 and {"done":true}. */
int ct_api_done(struct ct_api_call *call);
/* True when ?group=, ?tag= and ?model= of the request fit the vehicle. */
bool ct_api_vehicle_meant(const struct ct_api_call *call, const struct ct_vehicle *vehicle);
/* Members group, model and tags. */
void ct_api_labels_json(struct ct_json *json, const struct ct_vehicle_labels *labels);

/* What a question to the history names. */
struct ct_api_history_ask {
    struct ct_history_source source;
    int64_t from_ms, to_ms;
};
/* 0, or the status of the error. */
int ct_api_history_ask(struct ct_api_call *call, struct ct_api_history_ask *ask);

/* Each returns the status. */
int ct_api_get_vehicles(struct ct_api_call *call);
int ct_api_get_twin(struct ct_api_call *call);
int ct_api_get_history(struct ct_api_call *call);
int ct_api_get_history_csv(struct ct_api_call *call);
int ct_api_get_commands(struct ct_api_call *call);
int ct_api_get_command(struct ct_api_call *call);
int ct_api_get_events(struct ct_api_call *call);
int ct_api_get_desired(struct ct_api_call *call);
int ct_api_get_status(struct ct_api_call *call);
int ct_api_get_metrics(struct ct_api_call *call);
int ct_api_put_labels(struct ct_api_call *call);
int ct_api_get_quality(struct ct_api_call *call);
int ct_api_get_query(struct ct_api_call *call);
int ct_api_get_models(struct ct_api_call *call);
int ct_api_put_model(struct ct_api_call *call);
int ct_api_delete_model(struct ct_api_call *call);
int ct_api_get_rules(struct ct_api_call *call);
int ct_api_put_rule(struct ct_api_call *call);
int ct_api_delete_rule(struct ct_api_call *call);
int ct_api_get_alerts(struct ct_api_call *call);
int ct_api_post_acknowledge(struct ct_api_call *call);
int ct_api_get_audit(struct ct_api_call *call);
int ct_api_get_me(struct ct_api_call *call);
int ct_api_put_desired(struct ct_api_call *call);
int ct_api_post_diagnostics(struct ct_api_call *call);
int ct_api_post_job(struct ct_api_call *call);
int ct_api_post_release(struct ct_api_call *call);
int ct_api_get_roots(struct ct_api_call *call);
int ct_api_post_root(struct ct_api_call *call);
int ct_api_get_releases(struct ct_api_call *call);
int ct_api_post_update_release(struct ct_api_call *call);
int ct_api_get_blob(struct ct_api_call *call);
int ct_api_put_blob(struct ct_api_call *call);
int ct_api_get_rollouts(struct ct_api_call *call);
int ct_api_get_rollout(struct ct_api_call *call);
int ct_api_get_rollout_vehicles(struct ct_api_call *call);
int ct_api_post_rollout(struct ct_api_call *call);
int ct_api_post_rollout_pause(struct ct_api_call *call);
int ct_api_post_rollout_resume(struct ct_api_call *call);
int ct_api_post_rollout_cancel(struct ct_api_call *call);
int ct_api_get_vehicle_updates(struct ct_api_call *call);
int ct_api_get_update_records(struct ct_api_call *call);
int ct_api_get_update_records_csv(struct ct_api_call *call);

/* A member of hex digits of exactly `size` bytes. */
bool ct_api_take_hex(const struct cJSON *body, const char *key, uint8_t *out, size_t size);
/* A SHA-256 that is a segment of the path; false: the answer is written. */
bool ct_api_hash_segment(struct ct_api_call *call, size_t index, uint8_t out[32]);

/* expires_in_ms and ttl_ms of a command; 0, or the status of the error. */
struct ct_command;
int ct_api_take_times(struct ct_api_call *call, const struct cJSON *body, struct ct_command *command);
/* Signs and queues it; 202 and the command's id, or the status of the error. */
int ct_api_issue(struct ct_api_call *call, struct ct_command *command, const char *detail);
/* The same, kept back; tells the bytes that the holder of a release key signs. */
int ct_api_issue_held(struct ct_api_call *call, struct ct_command *command, const char *detail);
/* The status of what could not be issued. */
int ct_api_issue_failed(struct ct_api_call *call, int err);

#endif
