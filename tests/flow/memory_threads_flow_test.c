/* Memory that runs out in a running gateway, in whichever of its threads: each allocation of its own code fails in
 * turn, alone and with all that follow, while it starts and stops, and while it decodes frames of a bus, answers the
 * status socket (status, twin, rules, a lease, a diagnostic request with the ECU's answer) and a DoIP tester
 * (identification, activation, a request to an ECU). Nothing may break or leak (the sanitizers watch), whoever asks
 * gets an answer or the connection's end, and with memory again everything works: the same questions are answered, and
 * it stops cleanly.
 *
 * The test's thread is the hub, the ECU and both clients; its own allocations do not fail. */
#include "app.h"
#include "clock.h"
#include "failing_malloc.h"
#include "hub.h"
#include "log.h"
#include "testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE        (120 * CT_NS_PER_S)
#define ALLOCATIONS_MAX 100000U

#define CONFIG                                                                                             \
    "vehicle_id: demo\n"                                                                                   \
    "buses:\n"                                                                                             \
    "  - { name: can0, port: 'unix:%s/can0.sock', dbc: ['" CANTWIN_SOURCE_DIR                              \
    "/sim/vehicle/powertrain.dbc'], transmit: true }\n"                                                    \
    "mapping: mapping.json\n"                                                                              \
    "collection: collection.yaml\n"                                                                        \
    "policy: policy.yaml\n"                                                                                \
    "ecus:\n"                                                                                              \
    "  - { name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }\n"                             \
    "doip: { bind: 127.0.0.1, port: %u, address: 0x1000, vin: CANTWIN0000000001, eid: \"020000000001\",\n" \
    "        ecus: [{ ecu: engine, address: 0x2010 }] }\n"                                                 \
    "state_dir: state\n"                                                                                   \
    "status_socket: gateway.sock\n"

static const char policy[] = "transmit: [can0]\n"
                             "frames:\n"
                             "  - { bus: can0, id: 0x7E0, length: 8, rate: 1000, origins: [gateway] }\n"
                             "uds:\n"
                             "  - { ecu: engine, service: 0x3E, rate: 1000, origins: [tester, local] }\n";
static const char collection[] = "signals:\n  - { match: 'can0.*', interval_ms: 0, on_change: true, purpose: test }\n";

static const char mapping[] =
    "{\"Vehicle\": {\"type\": \"branch\", \"children\": {\"Speed\": {\"type\": \"sensor\", \"datatype\": \"float\",\n"
    " \"dbc2vss\": {\"signal\": \"VEHICLE_SPEED\", \"on_change\": true}}}}}\n";

struct vehicle {
    char dir[64], config_path[128], status_path[100];
    unsigned doip_port;
    struct ct_hub *hub;
    struct ct_port *ecu;
    pthread_t gateway;
    _Atomic bool ended;
    enum ct_exit exit_code;
    uint8_t count;
};

/* ---- the vehicle around it */

static void write_file(const struct vehicle *v, const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", v->dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%s", text) > 0);
    assert_int_equal(fclose(file), 0);
}

/* A port that is free now, for TCP and UDP; somebody may take it before the gateway does, then the start fails. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int vehicle_setup(void **state)
{
    struct vehicle *v = calloc(1, sizeof *v);
    char text[4096];
    char path[192];
    char problem[300];
    assert_non_null(v);
    snprintf(v->dir, sizeof v->dir, "%s/cantwin-memory-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(v->dir));
    v->doip_port = free_port();
    snprintf(text, sizeof text, CONFIG, v->dir, v->doip_port);
    write_file(v, "gateway.yaml", text);
    write_file(v, "mapping.json", mapping);
    write_file(v, "policy.yaml", policy);
    write_file(v, "collection.yaml", collection);
    snprintf(v->config_path, sizeof v->config_path, "%s/gateway.yaml", v->dir);
    snprintf(v->status_path, sizeof v->status_path, "%s/gateway.sock", v->dir);
    snprintf(path, sizeof path, "%s/can0.sock", v->dir);
    assert_int_equal(ct_hub_open(path, NULL, &v->hub, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_hub_port_open(path, "ecu", false, false, &v->ecu, problem, sizeof problem), CT_OK);
    *state = v;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int vehicle_teardown(void **state)
{
    struct vehicle *v = *state;
    ct_port_close(v->ecu);
    ct_hub_close(v->hub);
    assert_int_equal(nftw(v->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(v);
    return 0;
}

/* The hub's and the ECU's turn: TesterPresent is answered. */
static void turn(struct vehicle *v)
{
    struct ct_frame frame;
    size_t count = 0;
    (void)ct_hub_step(v->hub, ct_clock_now(), 0);
    while (ct_port_read(v->ecu, &frame, 1, &count) == CT_OK && count == 1) {
        const struct ct_frame answer = {.id = 0x7E8, .len = 8, .data = {0x02, 0x7E, 0x00}};
        if (frame.id == 0x7E0 && frame.data[1] == 0x3E) {
            (void)ct_port_write(v->ecu, &answer);
        }
    }
    (void)ct_hub_step(v->hub, ct_clock_now(), 0);
}

static void send_frames(struct vehicle *v)
{
    for (uint32_t id = 0x100; id < 0x140; id++) {
        const struct ct_frame frame = {.id = id, .len = 8, .data = {v->count, 1, v->count, 3, 4, v->count}};
        (void)ct_port_write(v->ecu, &frame);
        turn(v);
    }
    v->count++;
}

/* ---- the gateway in a thread of its own */

static void *live(void *user)
{
    struct vehicle *v = user;
    const struct ct_app_arguments arguments = {.config_path = v->config_path};
    v->exit_code = ct_app_run(&arguments);
    atomic_store(&v->ended, true);
    return NULL;
}

static int connect_to(int family, int type, const void *address, socklen_t size)
{
    const int fd = socket(family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, address, size) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_status(const struct vehicle *v)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", v->status_path);
    return connect_to(AF_UNIX, SOCK_STREAM, &address, sizeof address);
}

static int connect_doip(const struct vehicle *v, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)v->doip_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to(AF_INET, type, &address, sizeof address);
}

/* Sends, and waits for `want` bytes of an answer or the connection's end; one of them comes. Returns what came. */
static size_t exchange(struct vehicle *v, int fd, const void *data, size_t len, size_t want)
{
    const ct_ns end = ct_clock_now() + PATIENCE;
    uint8_t answer[4096];
    size_t have = 0;
    if (fd < 0 || send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return 0;
    }
    while (have < want) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_true(ct_clock_now() < end);
        turn(v);
        if (poll(&ready, 1, 1) == 1) {
            const ssize_t n = recv(fd, answer, sizeof answer, 0);
            if (n <= 0) {
                break;
            }
            have += (size_t)n;
        }
    }
    return have;
}

static void start(struct vehicle *v)
{
    const ct_ns end = ct_clock_now() + PATIENCE;
    int fd = -1;
    atomic_store(&v->ended, false);
    assert_int_equal(pthread_create(&v->gateway, NULL, live, v), 0);
    while (fd < 0) {
        assert_true(ct_clock_now() < end && !atomic_load(&v->ended));
        turn(v);
        fd = connect_status(v);
        poll(NULL, 0, fd < 0 ? 1 : 0);
    }
    assert_true(exchange(v, fd, "{\"get\":\"status\"}\n", 17, 1) > 0);
    close(fd);
}

static void stop(struct vehicle *v)
{
    const ct_ns end = ct_clock_now() + PATIENCE;
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    while (!atomic_load(&v->ended)) {
        assert_true(ct_clock_now() < end);
        turn(v);
        poll(NULL, 0, 1);
    }
    assert_int_equal(pthread_join(v->gateway, NULL), 0);
    turn(v);
}

/* What it says goes to nobody: there are hundreds of runs. */
static int silence(void)
{
    const int kept = dup(STDERR_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true(kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
    close(nowhere);
    return kept;
}

static void speak_again(int kept)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

/* ---- what is asked of it */

static const char *const questions[] = {
    "{\"get\":\"status\"}\n",
    "{\"get\":\"twin\",\"match\":\"can0.*\"}\n",
    "{\"get\":\"rules\"}\n",
    "{\"lease\":\"acquire\",\"ecu\":\"engine\"}\n",
    "{\"uds\":\"3e00\",\"ecu\":\"engine\",\"tag\":1}\n",
    "{\"nothing\":1}\n",
};

/* ISO 13400-2: vehicle identification; routing activation of tester 0E80; TesterPresent from it to 2010. */
static const uint8_t identification[] = {0x03, 0xFC, 0, 1, 0, 0, 0, 0};
static const uint8_t activation[] = {0x03, 0xFC, 0, 5, 0, 0, 0, 7, 0x0E, 0x80, 0, 0, 0, 0, 0};
static const uint8_t diagnostic[] = {0x03, 0xFC, 0x80, 0x01, 0, 0, 0, 6, 0x0E, 0x80, 0x20, 0x10, 0x3E, 0x00};
#define ACTIVATED    17U /* head and 9 bytes */
#define ACKNOWLEDGED 13U /* head and 5 bytes */

/* How many of the questions were answered. */
static unsigned ask_status(struct vehicle *v)
{
    unsigned answered = 0;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const int fd = connect_status(v);
        answered += exchange(v, fd, questions[i], strlen(questions[i]), 1) > 0 ? 1 : 0;
        close(fd);
    }
    return answered;
}

static unsigned ask_doip(struct vehicle *v)
{
    unsigned answered = 0;
    const int fd = connect_doip(v, SOCK_STREAM);
    if (exchange(v, fd, activation, sizeof activation, ACTIVATED) == ACTIVATED) {
        answered = exchange(v, fd, diagnostic, sizeof diagnostic, ACKNOWLEDGED + 1) > ACKNOWLEDGED ? 2 : 1;
    }
    close(fd);
    return answered;
}

#define ALL_ANSWERED (sizeof questions / sizeof questions[0] + 2)

static unsigned ask_all(struct vehicle *v)
{
    const int udp = connect_doip(v, SOCK_DGRAM);
    send_frames(v);
    if (udp >= 0) {
        (void)!send(udp, identification, sizeof identification, MSG_NOSIGNAL); /* a datagram may go unanswered */
        close(udp);
    }
    const unsigned answered = ask_status(v) + ask_doip(v);
    send_frames(v);
    return answered;
}

/* One life, in which the n-th allocation fails while it is asked; false when there are not so many. */
static bool life(struct vehicle *v, size_t n, bool all_after)
{
    start(v);
    failing_malloc_arm_others(n, all_after);
    const unsigned answered = ask_all(v);
    const bool failed = failing_malloc_disarm_others();
    assert_true(failed || answered == ALL_ANSWERED);
    assert_int_equal(ask_all(v), ALL_ANSWERED); /* with memory again */
    stop(v);
    assert_int_equal(v->exit_code, CT_EXIT_OK);
    return failed;
}

static void fail_each(struct vehicle *v, bool all_after)
{
    const int kept = silence();
    size_t n = 1;
    while (life(v, n, all_after)) {
        n++;
        assert_true(n < ALLOCATIONS_MAX);
    }
    speak_again(kept);
    print_message("%zu allocations while it is asked\n", n - 1);
    assert_true(n > 10);
}

static void test_running_with_each_allocation_of_any_thread_failing(void **state)
{
    fail_each(*state, false);
}

static void test_running_with_all_allocations_failing_from_one_on(void **state)
{
    fail_each(*state, true);
}

/* One life that a waiting SIGTERM ends as soon as it has begun. */
static enum ct_exit live_once(struct vehicle *v)
{
    const struct ct_app_arguments arguments = {.config_path = v->config_path};
    const struct timespec at_once = {0};
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(raise(SIGTERM), 0);
    const enum ct_exit code = ct_app_run(&arguments);
    (void)sigtimedwait(&term, NULL, &at_once);
    turn(v);
    return code;
}

/* The threads' own allocations at start and stop, and those of the end. */
static void test_threads_start_and_stop_with_each_allocation_failing(void **state)
{
    const int kept = silence();
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        failing_malloc_arm_others(n, true);
        const enum ct_exit code = live_once(*state);
        failed = failing_malloc_disarm_others();
        assert_int_equal(code, CT_EXIT_OK);
        assert_true(n < ALLOCATIONS_MAX);
    }
    speak_again(kept);
}

/* The main thread's, with DoIP and its ECUs; the other parts of a start are memory_flow_test's. */
static void test_start_with_doip_and_each_allocation_failing(void **state)
{
    const int kept = silence();
    enum ct_exit code = CT_EXIT_OK;
    unsigned refused = 0;
    size_t n = 1;
    for (;; n++) {
        failing_malloc_arm(n, false);
        code = live_once(*state);
        if (!failing_malloc_disarm()) {
            break;
        }
        assert_true(code == CT_EXIT_OK || code == CT_EXIT_FAILED || code == CT_EXIT_USAGE ||
                    code == CT_EXIT_ENVIRONMENT);
        refused += code != CT_EXIT_OK ? 1 : 0;
        assert_true(n < ALLOCATIONS_MAX);
    }
    speak_again(kept);
    print_message("%zu allocations, %u starts refused\n", n - 1, refused);
    assert_int_equal(code, CT_EXIT_OK);
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_start_and_stop_with_each_allocation_failing, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_start_with_doip_and_each_allocation_failing, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_running_with_each_allocation_of_any_thread_failing, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_running_with_all_allocations_failing_from_one_on, vehicle_setup,
                                        vehicle_teardown),
    };
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &term, NULL) != 0) { /* the gateway takes it from a descriptor */
        return 1;
    }
    return cmocka_run_group_tests_name("memory_threads", tests, NULL, NULL);
}
