#include "service.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND CT_NS_PER_S

/* A service manager: the socket of sd_notify(3) and an interval of 8 s, so a turn every 2 s. */
static int open_manager(void **state)
{
    static int fd;
    static char name[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int len = snprintf(name, sizeof name, "@service-test-%d", (int)getpid());
    memcpy(address.sun_path, name, (size_t)len);
    address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    *state = &fd;
    return bind(fd, (const struct sockaddr *)&address, size) == 0 && setenv("NOTIFY_SOCKET", name, 1) == 0 &&
                   setenv("WATCHDOG_USEC", "8000000", 1) == 0 && setenv("WATCHDOG_PID", pid, 1) == 0
               ? 0
               : -1;
}

static int close_manager(void **state)
{
    close(*(int *)*state);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

/* What the manager was told since it was asked last; "" for nothing. */
static const char *told(void **state)
{
    static char text[256];
    const ssize_t len = recv(*(int *)*state, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void test_service_notify_tells_manager(void **state)
{
    ct_service_notify("READY=1");
    assert_string_equal(told(state), "READY=1");
}

static void test_service_notify_socket_in_a_folder(void **state)
{
    /* given the name that systemd uses: a path */
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[16] = "";
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/tmp/service-test-%d", (int)getpid());
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    ct_service_notify("STOPPING=1");
    assert_int_equal(recv(fd, text, sizeof text, 0), strlen("STOPPING=1"));
    assert_memory_equal(text, "STOPPING=1", strlen("STOPPING=1"));
    close(fd);
    unlink(address.sun_path);
    /* and when nobody listens there any more, nothing happens */
    ct_service_notify("STOPPING=1");
}

static void test_service_notify_impossible_sockets_are_left_alone(void **state)
{
    /* given names of no kind, of nothing, and one character longer than an address (unix(7): 108) */
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[108] = '\0';
    const char *const names[] = {"", "/", "@", "relative", "vsock:2:1", longest};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        ct_service_notify("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    ct_service_notify("READY=1");
    assert_string_equal(told(state), "");
}

static void test_watchdog_interval_not_understood_never_due(void **state)
{
    /* sd_watchdog_enabled(3): an interval in us; what is none is refused there too */
    static const char *const intervals[] = {
        "", "0", "-1", " 8000000", "8000000s", "8 000", "18446744073709551615", "99999999999999999999999"};
    struct ct_watchdog watchdog;
    (void)state;
    for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
        setenv("WATCHDOG_USEC", intervals[i], 1);
        ct_watchdog_open(&watchdog, 5 * SECOND);
        assert_true(watchdog.due == CT_NS_NEVER);
    }
    /* and one without WATCHDOG_PID is ours */
    setenv("WATCHDOG_USEC", "4000000", 1);
    unsetenv("WATCHDOG_PID");
    ct_watchdog_open(&watchdog, 5 * SECOND);
    assert_true(watchdog.due == 6 * SECOND);
}

static void test_watchdog_nobody_asks_never_due(void **state)
{
    /* given an interval for another process (sd_watchdog_enabled(3): WATCHDOG_PID must be ours) */
    setenv("WATCHDOG_PID", "1", 1);
    struct ct_watchdog watchdog;
    ct_watchdog_open(&watchdog, 5 * SECOND);
    /* then nothing is ever due or told */
    assert_true(watchdog.due == CT_NS_NEVER);
    assert_null(ct_watchdog_turn(&watchdog, 500 * SECOND));
    assert_string_equal(told(state), "");
}

static void test_watchdog_thread_rests_is_alive(void **state)
{
    /* given a thread that waits for hours */
    struct ct_pulse pulse = {0};
    struct ct_watchdog watchdog;
    ct_watchdog_open(&watchdog, 100 * SECOND);
    ct_watchdog_add(&watchdog, "idle", &pulse);
    ct_pulse_work(&pulse);
    ct_pulse_rest(&pulse);
    assert_true(watchdog.due == 102 * SECOND);
    /* then nothing is told before the turn, and alive at every turn */
    assert_null(ct_watchdog_turn(&watchdog, 102 * SECOND - 1));
    assert_string_equal(told(state), "");
    for (ct_ns at = 102 * SECOND; at < 120 * SECOND; at += 2 * SECOND) {
        assert_null(ct_watchdog_turn(&watchdog, at));
        assert_string_equal(told(state), "WATCHDOG=1");
        assert_true(watchdog.due == at + 2 * SECOND);
    }
}

static void test_watchdog_thread_stuck_is_named_and_nothing_told(void **state)
{
    struct ct_pulse well = {0};
    struct ct_pulse sick = {0};
    struct ct_watchdog watchdog;
    ct_watchdog_open(&watchdog, 0);
    ct_watchdog_add(&watchdog, "sick", &sick);
    ct_watchdog_add(&watchdog, "well", &well);
    /* given a thread that has begun to work: it may be busy at the first turn that sees it */
    ct_pulse_work(&sick);
    assert_null(ct_watchdog_turn(&watchdog, 2 * SECOND));
    assert_string_equal(told(state), "WATCHDOG=1");
    /* when it is in the same round one turn later */
    assert_string_equal(ct_watchdog_turn(&watchdog, 4 * SECOND), "sick");
    assert_string_equal(ct_watchdog_turn(&watchdog, 6 * SECOND), "sick");
    assert_string_equal(told(state), "");
    /* and when it comes back */
    ct_pulse_rest(&sick);
    assert_null(ct_watchdog_turn(&watchdog, 8 * SECOND));
    assert_string_equal(told(state), "WATCHDOG=1");
}

static void test_watchdog_thread_always_at_work_new_rounds_is_alive(void **state)
{
    /* given a thread that never waits because there is always more to do */
    struct ct_pulse pulse = {0};
    struct ct_watchdog watchdog;
    ct_watchdog_open(&watchdog, 0);
    ct_watchdog_add(&watchdog, "busy", &pulse);
    for (ct_ns at = 2 * SECOND; at < 20 * SECOND; at += 2 * SECOND) {
        ct_pulse_work(&pulse);
        assert_null(ct_watchdog_turn(&watchdog, at));
        assert_string_equal(told(state), "WATCHDOG=1");
    }
}

static void test_rounds_name_who_is_in_one_round_for_the_whole_patience(void **state)
{
    (void)state;
    struct ct_pulse storage = {0};
    struct ct_pulse link = {0};
    struct ct_rounds rounds = {0};
    ct_rounds_add(&rounds, "storage", &storage);
    ct_rounds_add(&rounds, "link", &link);
    /* given one that rests for ever, and one whose round begins at 100 s and is first seen at 101 s */
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 100 * SECOND));
    ct_pulse_work(&storage);
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 101 * SECOND));
    /* when it stays in it, then it is named after the patience, and as long as it stays */
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 111 * SECOND - 1));
    assert_string_equal(ct_rounds_stuck(&rounds, 10 * SECOND, 111 * SECOND), "storage");
    assert_string_equal(ct_rounds_stuck(&rounds, 10 * SECOND, 500 * SECOND), "storage");
    /* and a new round begins a new patience, at rest or not in between */
    ct_pulse_work(&storage);
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 501 * SECOND));
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 511 * SECOND - 1));
    ct_pulse_rest(&storage);
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 511 * SECOND));
    assert_null(ct_rounds_stuck(&rounds, 10 * SECOND, 900 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_service_notify_tells_manager, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(test_service_notify_socket_in_a_folder, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(test_service_notify_impossible_sockets_are_left_alone, open_manager,
                                        close_manager),
        cmocka_unit_test_setup_teardown(test_watchdog_interval_not_understood_never_due, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(test_watchdog_nobody_asks_never_due, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(test_watchdog_thread_rests_is_alive, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(test_watchdog_thread_stuck_is_named_and_nothing_told, open_manager,
                                        close_manager),
        cmocka_unit_test_setup_teardown(test_watchdog_thread_always_at_work_new_rounds_is_alive, open_manager,
                                        close_manager),
        cmocka_unit_test(test_rounds_name_who_is_in_one_round_for_the_whole_patience),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
