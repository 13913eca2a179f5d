/* One key, one connection: what a reconnect looks like and what two users of one key look like. */
#include "testing.h"
#include "zmq_routes.h"

#include <stdio.h>

static struct ct_zmq_routes *make(void)
{
    struct ct_zmq_routes *routes = NULL;
    assert_int_equal(ct_zmq_routes_create(&routes), CT_OK);
    return routes;
}

static void speak(struct ct_zmq_routes *routes, const char *id, ct_ns now)
{
    assert_int_equal(ct_zmq_routes_keep(routes, "demo", id, 5, now), CT_OK);
    assert_memory_equal(ct_zmq_routes_find(routes, "demo")->id, id, 5);
}

static void test_routes_reconnects_are_no_shared_key(void **state)
{
    (void)state;
    struct ct_zmq_routes *routes = make();
    char id[16];
    for (int i = 0; i < 200; i++) { /* every second another connection, the old one's last messages among the new's */
        const ct_ns now = i * CT_NS_PER_S;
        snprintf(id, sizeof id, "%05d", i);
        speak(routes, id, now);
        snprintf(id, sizeof id, "%05d", i > 0 ? i - 1 : 0);
        speak(routes, id, now + CT_NS_PER_MS);
        snprintf(id, sizeof id, "%05d", i);
        speak(routes, id, now + 2 * CT_NS_PER_MS);
        assert_null(ct_zmq_routes_shared(routes));
    }
    ct_zmq_routes_free(routes);
}

static void test_routes_two_taking_turns_are_told_once_in_ten_minutes(void **state)
{
    (void)state;
    struct ct_zmq_routes *routes = make();
    unsigned told = 0;
    for (int i = 0; i < 180; i++) { /* heartbeats of 10 s each, for half an hour */
        speak(routes, i % 2 == 0 ? "aaaaa" : "bbbbb", i * 5 * CT_NS_PER_S);
        const char *name = ct_zmq_routes_shared(routes);
        if (name != NULL) {
            assert_string_equal(name, "demo");
            told++;
        }
    }
    assert_int_equal(told, 2);
    ct_zmq_routes_free(routes);
}

static void test_routes_thousands_are_found(void **state)
{
    (void)state;
    struct ct_zmq_routes *routes = make();
    char name[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(ct_zmq_routes_keep(routes, name, &i, sizeof i, 0), CT_OK);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        assert_memory_equal(ct_zmq_routes_find(routes, name)->id, &i, sizeof i);
    }
    assert_null(ct_zmq_routes_find(routes, "v5000"));
    assert_int_equal(ct_zmq_routes_keep(routes, "long", name, CT_ZMQ_ROUTING_ID_MAX + 1, 0), CT_ERR_TOO_LARGE);
    ct_zmq_routes_free(routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_reconnects_are_no_shared_key),
        cmocka_unit_test(test_routes_two_taking_turns_are_told_once_in_ten_minutes),
        cmocka_unit_test(test_routes_thousands_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
