/* Who may do what: roles, conditional writes, and the trail that writes leave. */
#include "fleet_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESIRED  "/api/v1/vehicles/" WORLD_VEHICLE "/desired"
#define DIAGNOSE "/api/v1/vehicles/" WORLD_VEHICLE "/diagnostics"
#define BEAM_ON  "{\"path\":\"" TOY_BEAM "\",\"value\":true}"
#define BEAM_OFF "{\"path\":\"" TOY_BEAM "\",\"value\":false}"
#define READ_VIN "{\"ecu\":\"engine\",\"request\":\"22F190\"}"

static int set_up(void **state)
{
    struct world *world = world_open(3);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        world_turn(world, 50 * CT_NS_PER_MS);
    }
    world_settle(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

struct ask {
    enum ct_access role;
    enum ct_api_method method;
    const char *path, *body, *if_match, *param, *value;
};

/* Status; etag (with its quotes) and body are copied out where asked for. */
static int ask(struct world *world, const struct ask *what, char *etag, char **out_body)
{
    static const char *const users[] = {NULL, "vera", "otto", "tina"};
    struct ct_api_answer answer = {.status = 0};
    const struct ct_api_counters counters = {0};
    struct ct_api_request request = {.method = what->method,
                                     .path = what->path,
                                     .host = "fleet.example",
                                     .content_type = "application/json",
                                     .if_match = what->if_match,
                                     .body = what->body == NULL ? "" : what->body,
                                     .body_len = what->body == NULL ? 0 : strlen(what->body),
                                     .user = users[what->role],
                                     .role = what->role};
    if (what->param != NULL) {
        request.params[request.param_count++] = (struct ct_api_param){what->param, what->value};
    }
    ct_buf_init(&answer.body, CT_API_ANSWER_MAX);
    assert_int_equal(ct_api_handle(world->folder, &request, &counters, world_moment(world), &answer), CT_OK);
    if (etag != NULL) {
        (void)snprintf(etag, CT_API_ETAG_MAX, "%s", answer.etag);
    }
    if (out_body != NULL) {
        *out_body = strdup(ct_buf_string(&answer.body));
    }
    ct_buf_free(&answer.body);
    return answer.status;
}

static void test_access_roles_do_what_they_may_and_no_more(void **state)
{
    struct world *world = *state;
    static const struct {
        enum ct_api_method method;
        const char *path, *body;
        int status[4]; /* none, viewer, operator, technician */
    } cases[] = {
        {CT_API_GET, "/api/v1/vehicles", NULL, {401, 200, 200, 200}},
        {CT_API_GET, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", NULL, {401, 200, 200, 200}},
        {CT_API_GET, "/api/v1/vehicles/nobody/twin", NULL, {401, 404, 404, 404}},
        {CT_API_GET, "/metrics", NULL, {401, 200, 200, 200}},
        {CT_API_GET, "/api/v1/audit", NULL, {401, 403, 200, 200}},
        {CT_API_PUT, DESIRED, BEAM_ON, {401, 403, 202, 202}},
        {CT_API_POST, DIAGNOSE, READ_VIN, {401, 403, 403, 202}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned role = CT_ACCESS_NONE; role <= CT_ACCESS_TECHNICIAN; role++) {
            const struct ask what = {
                .role = (enum ct_access)role, .method = cases[i].method, .path = cases[i].path, .body = cases[i].body};
            const int status = ask(world, &what, NULL, NULL);
            if (status != cases[i].status[role]) {
                fail_msg("%s as role %u: %d, wanted %d", cases[i].path, role, status, cases[i].status[role]);
            }
        }
    }
}

static void test_access_write_of_an_old_revision_is_refused(void **state)
{
    struct world *world = *state;
    char seen[CT_API_ETAG_MAX];
    char now[CT_API_ETAG_MAX];
    struct ask write = {CT_ACCESS_OPERATOR, CT_API_PUT, DESIRED, BEAM_ON, "\"0\"", NULL, NULL};
    const struct ask read = {CT_ACCESS_VIEWER, CT_API_GET, DESIRED, NULL, NULL, "path", TOY_BEAM};
    assert_int_equal(ask(world, &read, seen, NULL), 200);
    assert_string_equal(seen, "\"0\"");
    assert_int_equal(ask(world, &write, now, NULL), 202);
    /* Somebody who still believes that nothing is desired. */
    write.body = BEAM_OFF;
    assert_int_equal(ask(world, &write, seen, NULL), 412);
    assert_string_equal(seen, now);
    assert_int_equal(ask(world, &read, seen, NULL), 200);
    assert_string_equal(seen, now);
    write.if_match = seen;
    assert_int_equal(ask(world, &write, now, NULL), 202);
    assert_string_not_equal(seen, now);
    assert_int_equal(ask(world, &write, NULL, NULL), 412);
    write.if_match = "*";
    assert_int_equal(ask(world, &write, NULL, NULL), 202);
    write.if_match = "garbage";
    assert_int_equal(ask(world, &write, NULL, NULL), 412);
}

static void test_access_writes_leave_their_trail_over_a_restart(void **state)
{
    struct world *world = *state;
    const struct ask writes[] = {
        {CT_ACCESS_OPERATOR, CT_API_PUT, DESIRED, BEAM_ON, NULL, NULL, NULL},
        {CT_ACCESS_VIEWER, CT_API_PUT, DESIRED, BEAM_OFF, NULL, NULL, NULL},
        {CT_ACCESS_TECHNICIAN, CT_API_POST, DIAGNOSE, READ_VIN, NULL, NULL, NULL},
        {CT_ACCESS_NONE, CT_API_POST, DIAGNOSE, READ_VIN, NULL, NULL, NULL}, /* leaves none */
        {CT_ACCESS_OPERATOR, CT_API_PUT, DESIRED, "{", NULL, NULL, NULL},
    };
    static const char *const wanted[] = {"\"user\":\"otto\",\"vehicle\":\"" WORLD_VEHICLE "\"",
                                         "\"status\":202",
                                         "\"user\":\"vera\"",
                                         "\"status\":403",
                                         "\"user\":\"tina\"",
                                         "22F190",
                                         "\"status\":400",
                                         "PUT " DESIRED};
    char *body = NULL;
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        (void)ask(world, &writes[i], NULL, NULL);
    }
    world_stop_fleet(world);
    world_start_fleet(world);
    struct ask trail = {CT_ACCESS_OPERATOR, CT_API_GET, "/api/v1/audit", NULL, NULL, NULL, NULL};
    assert_int_equal(ask(world, &trail, NULL, &body), 200);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strstr(body, wanted[i]) == NULL) {
            fail_msg("the trail lacks %s: %s", wanted[i], body);
        }
    }
    assert_null(strstr(body, "\"user\":\"\""));
    free(body);
    trail.param = "user";
    trail.value = "vera";
    assert_int_equal(ask(world, &trail, NULL, &body), 200);
    assert_non_null(strstr(body, "vera"));
    assert_null(strstr(body, "otto"));
    free(body);
    trail.param = "limit";
    trail.value = "0";
    assert_int_equal(ask(world, &trail, NULL, NULL), 400);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_access_roles_do_what_they_may_and_no_more),
        TEST(test_access_write_of_an_old_revision_is_refused),
        TEST(test_access_writes_leave_their_trail_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
