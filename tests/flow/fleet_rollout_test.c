/* Signed updates rolled out by the backend to vehicles that verify what they get: releases only as signed, waves, halt,
 * resume, statuses folded from the log, and what a hostile vehicle can ask for. */
#include "api.h"
#include "folder.h"
#include "update_fixture.h"

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLEET      200
#define NS_PER_MS  INT64_C(1000000)
#define LOG_EVENTS CT_CLASS_EVENT

struct car {
    char id[32];
    struct ct_trust trust;
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    uint32_t size;
    struct ct_buf got;
    unsigned offers, verdict;
    uint64_t seq;
    bool confirm, news; /* an offer came and was not looked at */
};

struct park {
    char path[64], database[96], log_folder[96];
    struct update_fixture fixture;
    struct ct_ingest_log *log;
    struct ct_folder *folder;
    struct ct_folder_config config;
    struct car cars[FLEET];
    size_t count, chunks, rollout_news;
    ct_ns now;
    int64_t utc_ns;
    char *body;
    char etag[CT_API_ETAG_MAX];
};

static struct ct_moment moment(const struct park *park)
{
    return (struct ct_moment){park->now, park->utc_ns};
}

static struct car *car_of(struct park *park, const char *id)
{
    for (size_t i = 0; i < park->count; i++) {
        if (strcmp(park->cars[i].id, id) == 0) {
            return &park->cars[i];
        }
    }
    fail_msg("no car %s", id);
    return NULL;
}

static int on_update(void *user, const char *vehicle_id, bool is_chunk, const uint8_t *data, size_t len)
{
    struct park *park = user;
    struct car *car = car_of(park, vehicle_id);
    struct ct_update_offer offer;
    struct ct_update_chunk chunk;
    if (is_chunk) {
        assert_int_equal(ct_update_chunk_decode(data, len, &chunk), CT_OK);
        park->chunks++;
        if (!chunk.of.blob && chunk.of.offset == car->got.len) {
            ct_buf_append(&car->got, chunk.data, chunk.len);
        }
        return CT_OK;
    }
    assert_int_equal(ct_update_offer_decode(data, len, &offer), CT_OK);
    assert_int_equal(offer.root_count, 1);
    memcpy(car->update_id, offer.update_id, CT_UPDATE_ID_SIZE);
    car->size = offer.envelope_size;
    car->offers++;
    car->news = true;
    ct_buf_clear(&car->got);
    return CT_OK;
}

static void on_stream(void *user, const char *vehicle_id, const char *event, const char *json, size_t len)
{
    struct park *park = user;
    assert_int_equal(strlen(json), len);
    park->rollout_news += strcmp(event, "rollout") == 0 && vehicle_id[0] == '\0';
}

static void open_folder(struct park *park)
{
    const struct ct_folder_ops ops = {.user = park, .update = on_update, .stream = on_stream};
    char problem[512] = "";
    park->config.database_path = park->database;
    park->config.log_folder = park->log_folder;
    park->config.log_end = ct_ingest_log_durable(park->log);
    park->config.director_secret = park->fixture.secret_keys[KEY_DIRECTOR];
    if (ct_folder_open(&park->config, &ops, moment(park), &park->folder, problem, sizeof problem) != CT_OK) {
        fail_msg("%s", problem);
    }
}

static void tick(struct park *park)
{
    ct_ns next;
    int err;
    park->now += CT_NS_PER_S;
    park->utc_ns += CT_NS_PER_S;
    assert_int_equal(ct_ingest_log_sync(park->log), CT_OK);
    do {
        err = ct_folder_step(park->folder, ct_ingest_log_durable(park->log), 64, moment(park));
    } while (err == CT_OK);
    assert_int_equal(err, CT_ERR_END);
    assert_int_equal(ct_folder_tick(park->folder, moment(park), &next), CT_OK);
}

static int call_as(struct park *park, enum ct_access role, enum ct_api_method method, const char *path,
                   const char *body, const char *if_match)
{
    const struct ct_api_request request = {.method = method,
                                           .path = path,
                                           .host = "localhost",
                                           .content_type = "application/json",
                                           .if_match = if_match,
                                           .body = body,
                                           .body_len = strlen(body),
                                           .user = "tester",
                                           .role = role,
                                           .loopback = true};
    const struct ct_api_counters counters = {0};
    struct ct_api_answer answer = {.status = 0};
    ct_buf_init(&answer.body, CT_API_ANSWER_MAX);
    assert_int_equal(ct_api_handle(park->folder, &request, &counters, moment(park), &answer), CT_OK);
    free(park->body);
    park->body = strdup(ct_buf_string(&answer.body));
    (void)snprintf(park->etag, sizeof park->etag, "%s", answer.etag);
    ct_buf_free(&answer.body);
    return answer.status;
}

static int post(struct park *park, const char *path, const char *body)
{
    return call_as(park, CT_ACCESS_TECHNICIAN, CT_API_POST, path, body, NULL);
}

static int get(struct park *park, const char *path)
{
    return call_as(park, CT_ACCESS_VIEWER, CT_API_GET, path, "", NULL);
}

static void assert_says(const struct park *park, const char *text)
{
    if (strstr(park->body, text) == NULL) {
        fail_msg("'%s' is not in %.1500s", text, park->body);
    }
}

static int post_signed(struct park *park, const char *path, const struct ct_update_part *part)
{
    struct ct_buf bytes, body;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    ct_buf_init(&body, CT_API_BODY_MAX);
    assert_int_equal(ct_signed_payload_join(part, &bytes), CT_OK);
    ct_buf_text(&body, "{\"signed\":\"");
    for (size_t i = 0; i < bytes.len; i++) {
        ct_buf_printf(&body, "%02x", bytes.data[i]);
    }
    ct_buf_text(&body, "\"}");
    const int status = post(park, path, ct_buf_string(&body));
    ct_buf_free(&body);
    ct_buf_free(&bytes);
    return status;
}

static int post_root(struct park *park, const enum ct_role *roles, const enum fixture_key *keys, size_t count)
{
    struct ct_buf bytes;
    struct ct_update_part part;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    assert_int_equal(ct_root_encode(&park->fixture.root, &bytes), CT_OK);
    part.payload = bytes.data;
    part.len = bytes.len;
    fixture_sign_part(&park->fixture, &part, CT_DOMAIN_ROOT, roles, keys, count);
    const int status = post_signed(park, "/api/v1/updates/roots", &part);
    ct_buf_free(&bytes);
    return status;
}

static const enum ct_role root_roles[] = {CT_ROLE_ROOT, CT_ROLE_ROOT};
static const enum fixture_key root_keys[] = {KEY_ROOT_1, KEY_ROOT_2};

static void greet(struct park *park, struct car *car)
{
    assert_int_equal(ct_folder_vehicle_hello(park->folder, car->id, "toy", moment(park)), CT_OK);
}

static struct park *park_open(size_t count)
{
    struct park *park = calloc(1, sizeof *park);
    uint64_t cut;
    assert_non_null(park);
    fixture_open(&park->fixture);
    (void)snprintf(park->path, sizeof park->path, "%s/cantwin-park-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(park->path));
    (void)snprintf(park->database, sizeof park->database, "%s/fleet.db", park->path);
    (void)snprintf(park->log_folder, sizeof park->log_folder, "%s/log", park->path);
    park->now = 1000 * CT_NS_PER_S;
    park->utc_ns = FIXTURE_NOW_MS * NS_PER_MS;
    assert_int_equal(ct_ingest_log_open(park->log_folder, 1024 * 1024, 0, &park->log, &cut), CT_OK);
    open_folder(park);
    park->count = count;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(park->cars[i].id, sizeof park->cars[i].id, "car-%03zu", i);
        park->cars[i].trust = park->fixture.trust;
        ct_buf_init(&park->cars[i].got, CT_UPDATE_ENVELOPE_MAX);
        greet(park, &park->cars[i]);
    }
    return park;
}

static void park_close(struct park *park)
{
    char command[128];
    ct_folder_abandon(park->folder);
    ct_ingest_log_close(park->log);
    for (size_t i = 0; i < park->count; i++) {
        ct_buf_free(&park->cars[i].got);
    }
    (void)snprintf(command, sizeof command, "rm -rf '%s'", park->path);
    assert_int_equal(system(command), 0);
    fixture_close(&park->fixture);
    free(park->body);
    free(park);
}

static void give_root_and_release(struct park *park)
{
    assert_int_equal(post_root(park, root_roles, root_keys, 2), 200);
    fixture_sign(&park->fixture);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", &park->fixture.parts.release), 200);
}

static int start(struct park *park, enum ct_access role, const char *more)
{
    char body[512];
    char release[2 * CT_UPDATE_HASH_SIZE + 1];
    for (size_t i = 0; i < CT_UPDATE_HASH_SIZE; i++) {
        (void)snprintf(release + 2 * i, 3, "%02x", park->fixture.directive.release_sha256[i]);
    }
    (void)snprintf(body, sizeof body, "{\"release\":\"%s\"%s}", release, more);
    return call_as(park, role, CT_API_POST, "/api/v1/updates/rollouts", body, NULL);
}

/* The vehicle's record goes into the log as the link would bring it. */
static void report(struct park *park, struct car *car, struct ct_update_status *status)
{
    const struct ct_record_head head = {.seq = ++car->seq, .boot_id = {1}};
    struct ct_buf record;
    ct_buf_init(&record, 4096);
    memcpy(status->update_id, car->update_id, CT_UPDATE_ID_SIZE);
    status->utc_ns = park->utc_ns;
    status->root_version = 0; /* so that each offer brings the root */
    assert_int_equal(ct_record_encode_update(&head, status, &record), CT_OK);
    struct ct_ingest_entry entry = {.kind = CT_INGEST_RECORD,
                                    .class = (uint8_t)LOG_EVENTS,
                                    .seq_first = car->seq,
                                    .seq_last = car->seq,
                                    .received_utc_ns = park->utc_ns,
                                    .stream_id = {7},
                                    .data = record.data,
                                    .len = record.len};
    (void)snprintf(entry.vehicle_id, sizeof entry.vehicle_id, "%s", car->id);
    assert_int_equal(ct_ingest_log_append(park->log, &entry), CT_OK);
    ct_buf_free(&record);
}

static void want(struct park *park, struct car *car, uint32_t offset)
{
    struct ct_update_wanted wanted = {.offset = offset};
    struct ct_buf bytes;
    memcpy(wanted.update_id, car->update_id, CT_UPDATE_ID_SIZE);
    ct_buf_init(&bytes, 256);
    assert_int_equal(ct_update_wanted_encode(&wanted, &bytes), CT_OK);
    assert_int_equal(ct_folder_vehicle_wants(park->folder, car->id, bytes.data, bytes.len, moment(park)), CT_OK);
    ct_buf_free(&bytes);
}

/* Fetches the envelope and verifies it by the vehicle's own code. False: it was not served now. */
static bool fetch(struct park *park, struct car *car)
{
    struct update_fixture *fixture = &park->fixture;
    struct ct_update_parts parts;
    want(park, car, (uint32_t)car->got.len);
    if (car->got.len < car->size) {
        return false;
    }
    assert_int_equal(car->got.len, car->size);
    assert_int_equal(ct_update_envelope_split(car->got.data, car->got.len, &parts), CT_OK);
    fixture->context.vehicle_id = car->id;
    fixture->context.utc_ms = park->utc_ns / NS_PER_MS;
    car->verdict = (unsigned)ct_update_verify(&parts, &car->trust, &fixture->context, &fixture->seen_release,
                                              &fixture->seen_directive, &fixture->known);
    car->confirm = fixture->seen_directive.confirm;
    car->news = false;
    return true;
}

static void finish(struct park *park, struct car *car, bool good)
{
    struct ct_update_status status = {.state = good ? CT_UPDATE_STATE_COMMITTED : CT_UPDATE_STATE_ROLLED_BACK,
                                      .verdict = good ? CT_UPDATE_OK : CT_UPDATE_READBACK_MISMATCH,
                                      .set_id = good ? "brakes-eu" : "",
                                      .counter = good ? 5 : 0,
                                      .rxswin = {"R13 0001"},
                                      .rxswin_count = good ? 1 : 0,
                                      .text = good ? "" : "engine: did 0160 reads back 0"};
    if (good) {
        memcpy(status.set_hash_after, park->fixture.seen_release.set_hash, CT_UPDATE_HASH_SIZE);
    }
    report(park, car, &status);
}

/* Every car that got an offer fetches, verifies and says how it ended; each tenth fails. Returns how many did. */
static size_t cars_work(struct park *park, bool tenth_fails)
{
    size_t worked = 0;
    for (size_t i = 0; i < park->count; i++) {
        struct car *car = &park->cars[i];
        if (car->news && fetch(park, car)) {
            assert_int_equal(car->verdict, CT_UPDATE_OK);
            finish(park, car, !tenth_fails || i % 10 != 9);
            worked++;
        }
    }
    return worked;
}

static size_t offered(const struct park *park)
{
    size_t count = 0;
    for (size_t i = 0; i < park->count; i++) {
        count += park->cars[i].offers;
    }
    return count;
}

static void test_rollout_of_200_halts_when_each_tenth_fails_and_resumes_to_its_end(void **state)
{
    (void)state;
    struct park *park = park_open(FLEET);
    give_root_and_release(park);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"canary\":5,\"wave_size\":50,\"success_percent\":95"), 200);
    for (unsigned i = 0; i < 20; i++) {
        tick(park);
        (void)cars_work(park, true);
    }
    /* 5 + 50 were offered; of the 50 in the second wave 5 fail, 2 may. */
    assert_int_equal(offered(park), 55);
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    assert_says(park, "\"state\":\"halted\"");
    assert_says(park, "vehicles of wave 1 failed; 95 % of a wave must succeed");
    assert_says(park, "\"waiting\":145");
    assert_says(park, "{\"verdict\":\"readback-mismatch\",\"vehicles\":5}");
    assert_true(park->rollout_news > 0);
    for (size_t i = 55; i < FLEET; i++) {
        assert_int_equal(park->cars[i].offers, 0); /* the rest keep the old set */
    }
    /* What is known survives the backend. */
    assert_int_equal(ct_folder_close(park->folder, moment(park)), CT_OK);
    open_folder(park);
    for (size_t i = 0; i < FLEET; i++) {
        greet(park, &park->cars[i]);
    }
    tick(park);
    assert_int_equal(offered(park), 55);
    assert_int_equal(post(park, "/api/v1/updates/rollouts/1/resume", "{\"success_percent\":80,\"retry\":true}"), 200);
    for (unsigned i = 0; i < 20; i++) {
        tick(park);
        (void)cars_work(park, false);
    }
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    assert_says(park, "\"state\":\"done\"");
    assert_says(park, "\"succeeded\":200");
    assert_int_equal(offered(park), 205); /* the five that had failed twice */
    assert_int_equal(get(park, "/api/v1/vehicles/car-009/updates"), 200);
    assert_says(park, "\"set_id\":\"brakes-eu\",\"counter\":5");
    assert_says(park, "\"rxswin\":\"R13 0001\"");
    assert_int_equal(get(park, "/api/v1/updates/records.csv"), 200);
    size_t lines = 0;
    for (const char *at = park->body; (at = strstr(at, "\r\n")) != NULL; at += 2) {
        lines++;
    }
    assert_int_equal(lines, 1 + 205);
    assert_says(park, "\"readback-mismatch\",\"engine: did 0160 reads back 0\"");
    park_close(park);
}

static void test_release_not_signed_by_the_root_s_release_keys_is_refused(void **state)
{
    (void)state;
    static const enum ct_role roles[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE};
    static const enum ct_role as_director[] = {CT_ROLE_DIRECTOR, CT_ROLE_RELEASE};
    static const enum fixture_key strangers[] = {KEY_OTHER_1, KEY_OTHER_2}, own[] = {KEY_DIRECTOR, KEY_RELEASE_1};
    static const enum fixture_key twice[] = {KEY_RELEASE_1, KEY_RELEASE_1};
    struct park *park = park_open(1);
    struct ct_update_part *part = &park->fixture.parts.release;
    fixture_sign(&park->fixture);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", part), 409); /* no root yet */
    assert_int_equal(post_root(park, root_roles, root_keys, 1), 409);           /* half of its threshold */
    assert_int_equal(post_root(park, root_roles, root_keys, 2), 200);
    assert_int_equal(post_root(park, root_roles, root_keys, 2), 409);
    park->fixture.root.version = 3; /* skips one */
    assert_int_equal(post_root(park, root_roles, root_keys, 2), 409);
    fixture_sign_part(&park->fixture, part, CT_DOMAIN_RELEASE, roles, twice, 1);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", part), 409);
    assert_says(park, "threshold");
    fixture_sign_part(&park->fixture, part, CT_DOMAIN_RELEASE, roles, twice, 2);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", part), 409);
    assert_says(park, "key-signs-twice");
    fixture_sign_part(&park->fixture, part, CT_DOMAIN_RELEASE, roles, strangers, 2);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", part), 409);
    assert_says(park, "unknown-or-revoked-key");
    fixture_sign_part(&park->fixture, part, CT_DOMAIN_RELEASE, as_director, own, 2);
    assert_int_equal(post_signed(park, "/api/v1/updates/releases", part), 409);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ""), 404); /* and cannot be rolled out */
    assert_int_equal(get(park, "/api/v1/updates/releases"), 200);
    assert_string_equal(park->body, "{\"releases\":[]}");
    park_close(park);
}

static void test_rollout_needs_its_role_and_the_revision_seen(void **state)
{
    (void)state;
    struct park *park = park_open(3);
    give_root_and_release(park);
    assert_int_equal(start(park, CT_ACCESS_VIEWER, ""), 403);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"group\":\"none\""), 409);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"canary\":0"), 400);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"success_percent\":101"), 400);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ""), 200);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ""), 409); /* its vehicles are taken */
    char seen[CT_API_ETAG_MAX];
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    (void)snprintf(seen, sizeof seen, "%s", park->etag);
    tick(park); /* the canary is offered: another revision */
    const char *pause = "/api/v1/updates/rollouts/1/pause";
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_POST, pause, "{}", seen), 412);
    assert_int_equal(call_as(park, CT_ACCESS_VIEWER, CT_API_POST, pause, "{}", park->etag), 403);
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    (void)snprintf(seen, sizeof seen, "%s", park->etag);
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_POST, pause, "{}", seen), 200);
    assert_int_equal(post(park, pause, "{}"), 409);
    want(park, &park->cars[0], 0); /* what is paused is not served */
    assert_int_equal(park->chunks, 0);
    assert_int_equal(post(park, "/api/v1/updates/rollouts/1/cancel", "{}"), 200);
    assert_says(park, "\"left-out\":3");
    assert_int_equal(post(park, "/api/v1/updates/rollouts/1/resume", "{}"), 409);
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_GET, "/api/v1/audit", "", NULL), 200);
    assert_says(park, "POST /api/v1/updates/rollouts/1/cancel");
    park_close(park);
}

static void test_attack_40_user_who_refuses_or_never_answers_is_no_failure(void **state)
{
    (void)state;
    struct park *park = park_open(2);
    give_root_and_release(park);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"canary\":2,\"confirm\":true,\"success_percent\":100"), 200);
    tick(park);
    assert_true(fetch(park, &park->cars[0]));
    assert_true(fetch(park, &park->cars[1]));
    assert_true(park->cars[0].confirm);
    struct ct_update_status waits = {.state = CT_UPDATE_STATE_WAITING, .verdict = CT_UPDATE_USER_WAIT};
    report(park, &park->cars[0], &waits);
    report(park, &park->cars[1], &waits);
    tick(park);
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1/vehicles"), 200);
    assert_says(park, "\"update_state\":\"waiting\",\"verdict\":\"waits-for-user\"");
    struct ct_update_status refused = {.state = CT_UPDATE_STATE_REFUSED, .verdict = CT_UPDATE_USER};
    report(park, &park->cars[0], &refused);
    tick(park);
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    assert_says(park, "\"state\":\"running\"");
    park->utc_ns += (CT_UPDATE_LIFETIME_MS + CT_UPDATE_GIVEN_UP_MS + 60000) * NS_PER_MS;
    tick(park);
    assert_int_equal(get(park, "/api/v1/updates/rollouts/1"), 200);
    assert_says(park, "\"declined\":2");
    assert_says(park, "\"failed\":0");
    park_close(park);
}

/* A directive lives seven days at most, whatever the rollout's deadline: what is frozen by somebody dies by itself. */
static void test_attack_09_frozen_update_is_neither_offered_nor_served_nor_accepted_when_expired(void **state)
{
    (void)state;
    struct park *park = park_open(1);
    char more[64];
    give_root_and_release(park);
    (void)snprintf(more, sizeof more, ",\"deadline_utc_ms\":%lld", (long long)(FIXTURE_NOW_MS + 60 * FIXTURE_DAY_MS));
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, more), 200);
    tick(park);
    assert_true(fetch(park, &park->cars[0]));
    assert_int_equal(park->cars[0].verdict, CT_UPDATE_OK);
    struct ct_update_parts parts;
    assert_int_equal(ct_update_envelope_split(park->cars[0].got.data, park->cars[0].got.len, &parts), CT_OK);
    park->fixture.context.utc_ms = FIXTURE_NOW_MS + 8 * FIXTURE_DAY_MS;
    assert_int_equal(ct_update_verify(&parts, &park->cars[0].trust, &park->fixture.context, &park->fixture.seen_release,
                                      &park->fixture.seen_directive, &park->fixture.known),
                     CT_UPDATE_EXPIRED);
    const unsigned offers = park->cars[0].offers;
    const size_t chunks = park->chunks;
    park->utc_ns += 8 * FIXTURE_DAY_MS * NS_PER_MS;
    greet(park, &park->cars[0]);
    tick(park);
    want(park, &park->cars[0], 0);
    assert_int_equal(park->cars[0].offers, offers);
    assert_int_equal(park->chunks, chunks);
    park_close(park);
}

static void test_attack_16_vehicle_that_asks_without_end_gets_its_share_only(void **state)
{
    (void)state;
    struct park *park = park_open(2);
    struct ct_folder_stats stats;
    give_root_and_release(park);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ",\"canary\":2"), 200);
    tick(park);
    for (unsigned i = 0; i < 10000; i++) {
        want(park, &park->cars[0], i % 2 == 0 ? 0 : UINT32_MAX);
    }
    assert_true(park->chunks <= 64);
    const size_t before = park->chunks;
    assert_true(fetch(park, &park->cars[1])); /* another is served at once */
    assert_int_equal(park->chunks, before + 1);
    ct_folder_stats_get(park->folder, &stats);
    assert_int_equal(stats.chunks_sent + stats.chunks_refused, 10001);
    /* another's update is not given out, nor is garbage answered */
    memcpy(park->cars[0].update_id, park->cars[1].update_id, CT_UPDATE_ID_SIZE);
    tick(park);
    want(park, &park->cars[0], 0);
    assert_int_equal(
        ct_folder_vehicle_wants(park->folder, park->cars[0].id, (const uint8_t *)"\xff\xff\xff", 3, moment(park)),
        CT_OK);
    assert_int_equal(park->chunks, before + 1);
    park_close(park);
}

static void test_attack_39_audit_log_edited_or_cut_is_seen_by_its_head(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        uint8_t head;
        bool broken;
    } steps[] = {{3, 0x33, false}, {3, 0x33, false}, {7, 0x77, false}, {7, 0x78, true}, {2, 0x22, true}};
    for (size_t last = 0; last < sizeof steps / sizeof steps[0]; last++) {
        struct park *park = park_open(1);
        struct ct_update_status status = {.state = CT_UPDATE_STATE_RECEIVED};
        const size_t good = last < 3 ? last : 3;
        for (size_t i = 0; i < good; i++) {
            status.audit_count = steps[i].count;
            memset(status.audit_head, steps[i].head, sizeof status.audit_head);
            report(park, &park->cars[0], &status);
        }
        status.audit_count = steps[last].count;
        memset(status.audit_head, steps[last].head, sizeof status.audit_head);
        report(park, &park->cars[0], &status);
        tick(park);
        assert_int_equal(get(park, "/api/v1/vehicles/car-000/updates"), 200);
        assert_says(park, steps[last].broken ? "\"audit_broken\":true" : "\"audit_broken\":false");
        assert_int_equal(get(park, "/api/v1/vehicles/car-000/events"), 200);
        assert_int_equal(strstr(park->body, "audit-chain-broken") != NULL, steps[last].broken);
        park_close(park);
    }
}

static void test_blob_is_taken_only_as_signed(void **state)
{
    (void)state;
    struct park *park = park_open(1);
    struct ct_parameter *parameter = &park->fixture.release.parameters[1];
    /* SHA-256 of "abc": FIPS 180-4, example. */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char path[128];
    parameter->type = CT_PARAMETER_BLOB;
    parameter->place = CT_PLACE_MEMORY;
    parameter->did = 0;
    parameter->memory_address = 0x8000;
    parameter->memory_size = 3;
    parameter->raw_len = 0;
    parameter->min = 0;
    parameter->max = 0;
    parameter->factor = 1;
    parameter->blob.size = 3;
    ct_update_sha256((const uint8_t *)"abc", 3, parameter->blob.sha256);
    (void)snprintf(path, sizeof path, "/api/v1/updates/blobs/%s", abc);
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_PUT, path, "{\"offset\":0,\"data\":\"616263\"}", NULL),
                     404);
    give_root_and_release(park);
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ""), 409);
    assert_says(park, "1 of the release's blobs");
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_PUT, path, "{\"offset\":0,\"data\":\"61626361\"}", NULL),
                     409);
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_PUT, path, "{\"offset\":0,\"data\":\"616264\"}", NULL),
                     409);
    assert_says(park, "another SHA-256");
    assert_int_equal(call_as(park, CT_ACCESS_OPERATOR, CT_API_PUT, path, "{\"offset\":0,\"data\":\"616263\"}", NULL),
                     200);
    assert_says(park, "\"size\":3,\"held\":3");
    assert_int_equal(start(park, CT_ACCESS_OPERATOR, ""), 200);
    park_close(park);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollout_of_200_halts_when_each_tenth_fails_and_resumes_to_its_end),
        cmocka_unit_test(test_release_not_signed_by_the_root_s_release_keys_is_refused),
        cmocka_unit_test(test_rollout_needs_its_role_and_the_revision_seen),
        cmocka_unit_test(test_attack_40_user_who_refuses_or_never_answers_is_no_failure),
        cmocka_unit_test(test_attack_09_frozen_update_is_neither_offered_nor_served_nor_accepted_when_expired),
        cmocka_unit_test(test_attack_16_vehicle_that_asks_without_end_gets_its_share_only),
        cmocka_unit_test(test_attack_39_audit_log_edited_or_cut_is_seen_by_its_head),
        cmocka_unit_test(test_blob_is_taken_only_as_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
