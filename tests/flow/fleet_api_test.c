/* The API's doors: what must not pass gets its status and changes nothing. */
#include "fleet_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int status_of(struct world *world, const struct ct_api_request *request)
{
    struct ct_api_answer answer = {.status = 0};
    const struct ct_api_counters counters = {0};
    ct_buf_init(&answer.body, CT_API_ANSWER_MAX);
    assert_int_equal(ct_api_handle(world->folder, request, &counters, world_moment(world), &answer), CT_OK);
    if (answer.status >= 400) {
        assert_memory_equal(ct_buf_string(&answer.body), "{\"error\":\"", 10);
    }
    ct_buf_free(&answer.body);
    return answer.status;
}

static uint64_t command_count(struct world *world)
{
    uint64_t count = 0;
    uint64_t waiting = 0;
    assert_int_equal(ct_commands_count(ct_folder_commands(world->folder), &count, &waiting), CT_OK);
    return count;
}

#define DESIRED  "/api/v1/vehicles/" WORLD_VEHICLE "/desired"
#define DIAGNOSE "/api/v1/vehicles/" WORLD_VEHICLE "/diagnostics"
#define GOOD     "{\"path\":\"" TOY_BEAM "\",\"value\":true}"

static void test_api_foreign_or_formless_writes_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        int status;
        const char *host, *origin, *content_type;
    } cases[] = {
        {202, "127.0.0.1:17680", NULL, "application/json"},
        {202, "localhost:17680", "http://localhost:17680", "application/json; charset=utf-8"},
        {202, "[::1]:17680", "http://[::1]:17680", "Application/JSON"},
        {403, "127.0.0.1:17680", "http://evil.example", "application/json"},
        {403, "127.0.0.1:17680", "http://127.0.0.1:17681", "application/json"},
        {403, "127.0.0.1:17680", "null", "application/json"},
        {403, "evil.example:17680", "http://evil.example:17680", "application/json"}, /* a name bound to 127.0.0.1 */
        {403, "127.0.0.1.evil.example", NULL, "application/json"},
        {403, NULL, NULL, "application/json"},
        {415, "127.0.0.1:17680", NULL, "text/plain"},
        {415, "127.0.0.1:17680", NULL, "application/jsonx"},
        {415, "127.0.0.1:17680", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint64_t before = command_count(world);
        const struct ct_api_request request = {.method = CT_API_PUT,
                                               .path = DESIRED,
                                               .host = cases[i].host,
                                               .origin = cases[i].origin,
                                               .content_type = cases[i].content_type,
                                               .body = GOOD,
                                               .body_len = strlen(GOOD),
                                               .role = CT_ACCESS_TECHNICIAN,
                                               .loopback = true};
        assert_int_equal(status_of(world, &request), cases[i].status);
        assert_int_equal(command_count(world), before + (cases[i].status == 202));
    }
}

static void test_api_wrong_bodies_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        int status;
        const char *path, *body;
    } cases[] = {
        {400, DESIRED, ""},
        {400, DESIRED, "{"},
        {400, DESIRED, "[]"},
        {400, DESIRED, "null"},
        {400, DESIRED, GOOD "x"},
        {400, DESIRED, GOOD GOOD},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\"}"},
        {400, DESIRED, "{\"path\":7,\"value\":true}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"force\":true}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"path\":\"x\",\"value\":true}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":2}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":\"on\"}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":null}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":{}}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"expires_in_ms\":1}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"expires_in_ms\":1e300}"},
        {400, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":true,\"ttl_ms\":\"5\"}"},
        {404, DESIRED, "{\"path\":\"Vehicle.Nothing\",\"value\":true}"},
        {409, DESIRED, "{\"path\":\"" TOY_SPEED "\",\"value\":1}"},
        {202, DESIRED, "{\"path\":\"" TOY_BEAM "\",\"value\":1}\n"},
        {400, DIAGNOSE, "{\"ecu\":\"engine\"}"},
        {400, DIAGNOSE, "{\"ecu\":\"engine\",\"request\":\"\"}"},
        {400, DIAGNOSE, "{\"ecu\":\"engine\",\"request\":\"22F19\"}"},
        {400, DIAGNOSE, "{\"ecu\":\"engine\",\"request\":\"22G190\"}"},
        {400, DIAGNOSE, "{\"ecu\":\"../engine\",\"request\":\"22F190\"}"},
        {400, DIAGNOSE, "{\"ecu\":\"\",\"request\":\"22F190\"}"},
        {202, DIAGNOSE, "{\"ecu\":\"engine\",\"request\":\"22f190\"}"},
        {404, "/api/v1/vehicles/nobody/desired", GOOD},
        {405, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", GOOD},
        {404, "/api/v1/vehicles/" WORLD_VEHICLE "/desired/x", GOOD},
        {404, "/api/v1/vehicles//desired", GOOD},
        {404, "/api/v1", GOOD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *body = NULL;
        const uint64_t before = command_count(world);
        const enum ct_api_method method = strstr(cases[i].path, "diagnostics") != NULL ? CT_API_POST : CT_API_PUT;
        const int status = world_send(world, method, cases[i].path, cases[i].body, &body);
        if (status != cases[i].status) {
            fail_msg("case %zu (%s): %d, wanted %d: %s", i, cases[i].body, status, cases[i].status, body);
        }
        assert_int_equal(command_count(world), before + (status == 202));
        free(body);
    }
}

static void test_api_wrong_queries_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        int status;
        const char *path, *name, *value;
    } cases[] = {
        {200, "/api/v1/vehicles", NULL, NULL},
        {200, "/api/v1/status", NULL, NULL},
        {404, "/api/v1/vehicles/", NULL, NULL},
        {404, "/api/v1/vehicles/nobody/twin", NULL, NULL},
        {404, "/api/v1/vehicles/../status", NULL, NULL},
        {404, "/etc/passwd", NULL, NULL},
        {404, "/api/v1/../../etc/passwd", NULL, NULL},
        {400, "/api/v1/vehicles/" WORLD_VEHICLE "/history", NULL, NULL},
        {400, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", ""},
        {404, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "no.such.signal"},
        {404, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", "' OR 1=1 --"},
        {200, "/api/v1/vehicles/" WORLD_VEHICLE "/history", "signal", TOY_SPEED},
        {200, "/api/v1/vehicles/" WORLD_VEHICLE "/twin", "match", "*********************a"},
        {400, "/api/v1/commands/xyz", NULL, NULL},
        {400, "/api/v1/commands/", NULL, NULL},
        {404, "/api/v1/commands/00000000000000000000000000000000", NULL, NULL},
        {405, DIAGNOSE, NULL, NULL},
        {200, DESIRED, NULL, NULL},
        {200, "/metrics", NULL, NULL},
        {403, "/api/v1/audit", NULL, NULL}, /* world_get is a viewer */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *body = NULL;
        const int status = world_get(world, cases[i].path, cases[i].name, cases[i].value, &body);
        if (status != cases[i].status) {
            fail_msg("case %zu (%s): %d, wanted %d: %s", i, cases[i].path, status, cases[i].status, body);
        }
        free(body);
    }
}

static void test_api_too_large_or_unknown_requests_are_refused(void **state)
{
    struct world *world = *state;
    struct ct_api_request request = {.method = CT_API_PUT,
                                     .path = DESIRED,
                                     .host = "127.0.0.1",
                                     .content_type = "application/json",
                                     .body = GOOD,
                                     .body_len = CT_API_BODY_MAX + 1,
                                     .role = CT_ACCESS_TECHNICIAN,
                                     .loopback = true};
    assert_int_equal(status_of(world, &request), 413);
    request.method = CT_API_OTHER;
    assert_int_equal(status_of(world, &request), 405);
    char path[2 * CT_API_PATH_MAX] = "/api/v1/vehicles/";
    memset(path + strlen(path), 'a', sizeof path - strlen(path) - 1);
    request =
        (struct ct_api_request){.method = CT_API_GET, .path = path, .host = "127.0.0.1", .body = "", .loopback = true};
    assert_int_equal(status_of(world, &request), 414);
}

/* One page of the counter's CSV; returns how many samples it had. */
static size_t csv_page(struct world *world, struct ct_api_request *request, struct ct_api_answer *answer)
{
    const struct ct_api_counters counters = {0};
    size_t lines = 0;
    ct_buf_clear(&answer->body);
    answer->more = false;
    assert_int_equal(ct_api_handle(world->folder, request, &counters, world_moment(world), answer), CT_OK);
    assert_int_equal(answer->status, 200);
    for (const char *at = ct_buf_string(&answer->body); (at = strstr(at, ",0\r\n")) != NULL; at++) {
        lines++; /* quality 0 ends a sample's line */
    }
    return lines;
}

/* Samples days apart come in several pages: each once, the title once. */
static void test_api_csv_of_days_comes_in_pages_with_each_sample_once(void **state)
{
    struct world *world = *state;
    struct ct_api_answer answer = {.status = 0};
    struct ct_api_request request = {.method = CT_API_GET,
                                     .path = "/api/v1/vehicles/" WORLD_VEHICLE "/history.csv",
                                     .params = {{"signal", "can0.TOY.SIGNAL_001"}, {"from", "0"}},
                                     .param_count = 2,
                                     .host = "127.0.0.1",
                                     .body = "",
                                     .role = CT_ACCESS_VIEWER,
                                     .loopback = true};
    for (unsigned i = 0; i < 6; i++) {
        world->utc_ns += 20 * 3600 * CT_NS_PER_S;
        world_turn(world, 61 * CT_NS_PER_S); /* the chunk is closed */
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        world_settle(world);
    }
    ct_buf_init(&answer.body, CT_API_ANSWER_MAX);
    size_t samples = csv_page(world, &request, &answer);
    size_t pages = 1;
    assert_memory_equal(ct_buf_string(&answer.body), "utc_us,value,text,quality\r\n", 27);
    for (; answer.more && pages < 100; pages++) {
        request.page_us = answer.next_us;
        samples += csv_page(world, &request, &answer);
        assert_null(strstr(ct_buf_string(&answer.body), "utc_us"));
    }
    ct_buf_free(&answer.body);
    assert_in_range(pages, 4, 20);
    assert_int_equal(samples, 10 + 6); /* set_up's and these */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_api_foreign_or_formless_writes_are_refused),
        TEST(test_api_wrong_bodies_are_refused),
        TEST(test_api_wrong_queries_are_refused),
        TEST(test_api_too_large_or_unknown_requests_are_refused),
        TEST(test_api_csv_of_days_comes_in_pages_with_each_sample_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
