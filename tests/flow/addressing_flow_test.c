/* `ecus` of gateway.yaml in every addressing mode of ISO 15765-2 10.3, from the text to the frames: each ECU is read
 * through the executor by a server that is set up by hand, and the ids and address bytes on the bus are literals. */
#include "executor.h"
#include "settings.h"
#include "uds_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORD 300

static int load(const char *ecus, struct ct_settings **out_settings, char *problem, size_t size)
{
    char path[] = "/tmp/cantwin-addressing-XXXXXX";
    enum ct_exit code = CT_EXIT_OK;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    (void)fprintf(file, "vehicle_id: v\nstate_dir: s\nbuses: [ { name: can0, port: vcan0, fd: true } ]\n%s", ecus);
    assert_int_equal(fclose(file), 0);
    const int err = ct_settings_load(path, NULL, 0, out_settings, &code, problem, size);
    (void)unlink(path);
    return err;
}

/* ---- frames */

struct world {
    struct ct_executor *executor;
    struct ct_policy *policy;
    struct ct_uds_server *server;
    ct_ns now;
    struct ct_frame first_request, first_response;
    size_t requests, responses, longest_request;
    int state;
    size_t response_len;
};

static uint8_t read_record(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    assert_true(size >= RECORD);
    memset(out, 0x5A, RECORD);
    *out_len = RECORD;
    return 0;
}

static void on_vehicle(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    (void)user;
    (void)now;
    *out_state = (struct ct_vehicle_state){0};
}

static void on_status(void *user, const struct ct_command_status *status)
{
    struct world *world = user;
    world->state = status->state;
    world->response_len = status->response_len;
}

static struct ct_policy *policy_for_all(void)
{
    static const char buses[1][32] = {"can0"};
    const struct ct_policy_when any = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    struct ct_frame_rule frames[2] = {
        {.bus = "can0", .len_max = 64, .max_per_s = 10000, .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY), .when = any}};
    frames[1] = frames[0];
    frames[1].extended = true;
    const struct ct_uds_rule uds = {.ecu = "*",
                                    .service = 0x22,
                                    .data_last = 0xFFFF,
                                    .max_per_s = 100,
                                    .origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND),
                                    .when = any};
    const struct ct_policy_rules rules = {.transmit_buses = buses,
                                          .transmit_bus_count = 1,
                                          .frames = frames,
                                          .frame_count = 2,
                                          .uds = &uds,
                                          .uds_count = 1};
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    return policy;
}

static void open_world(struct world *world, const struct ct_settings *settings, const struct ct_isotp_config *peer)
{
    static const struct ct_uds_did did = {.id = 0x0160, .read = read_record};
    const struct ct_executor_ops ops = {.user = world, .vehicle_state = on_vehicle, .status = on_status};
    struct ct_executor_ecu ecus[4];
    for (unsigned i = 0; i < settings->ecus_count; i++) {
        ecus[i] = (struct ct_executor_ecu){.name = settings->ecus[i].name,
                                           .bus_name = "can0",
                                           .client = {.isotp = ct_settings_ecu_isotp(&settings->ecus[i])}};
    }
    const struct ct_uds_server_config server = {.isotp = *peer, .dids = &did, .did_count = 1};
    *world = (struct world){.now = CT_NS_PER_S, .policy = policy_for_all()};
    assert_int_equal(ct_executor_create(&ops, world->policy, ecus, settings->ecus_count, &world->executor), CT_OK);
    assert_int_equal(ct_uds_server_create(&server, &world->server), CT_OK);
}

static void close_world(struct world *world)
{
    ct_executor_free(world->executor);
    ct_uds_server_free(world->server);
    ct_policy_free(world->policy);
}

static void step(struct world *world)
{
    struct ct_frame frame;
    while (ct_executor_next_frame(world->executor, &frame, world->now) == CT_OK) {
        if (world->requests++ == 0) {
            world->first_request = frame;
        }
        world->longest_request = frame.len > world->longest_request ? frame.len : world->longest_request;
        (void)ct_uds_server_receive(world->server, &frame, world->now);
    }
    (void)ct_uds_server_tick(world->server, world->now);
    while (ct_uds_server_next_frame(world->server, &frame, world->now) == CT_OK) {
        if (world->responses++ == 0) {
            world->first_response = frame;
        }
        frame.bus = 0;
        (void)ct_executor_receive(world->executor, &frame, world->now);
    }
    (void)ct_executor_tick(world->executor, world->now);
    world->now += CT_NS_PER_MS;
}

static void ask(struct world *world, const char *ecu)
{
    struct ct_command command = {
        .action = CT_ACTION_DIAGNOSTIC_REQUEST, .request = {0x22, 0x01, 0x60}, .request_len = 3};
    (void)snprintf(command.ecu, sizeof command.ecu, "%s", ecu);
    ct_executor_submit(world->executor, &command, CT_ORIGIN_BACKEND, false, 1000, world->now);
    for (int ms = 0; ms < 3000 && !ct_command_state_final(world->state); ms++) {
        step(world);
    }
}

static struct ct_isotp_config peer_of(uint32_t tx_id, uint32_t rx_id, bool wide, enum ct_isotp_mode mode,
                                      uint8_t tx_byte, uint8_t rx_byte)
{
    struct ct_isotp_config config = ct_isotp_config_usual(tx_id, rx_id);
    config.extended = wide;
    config.tx_mode = config.rx_mode = mode;
    config.tx_byte = tx_byte;
    config.rx_byte = rx_byte;
    return config;
}

/* The message after the address byte: a first frame of 303 bytes (12F), of flow control 30. */
static void read_through(const char *ecu, struct ct_isotp_config peer, uint32_t request_id, uint32_t response_id,
                         int request_byte, int response_byte)
{
    struct ct_settings *settings = NULL;
    struct world world;
    char text[300];
    char problem[400] = "";
    (void)snprintf(text, sizeof text, "ecus: [ { name: e, bus: can0, %s } ]\n", ecu);
    if (load(text, &settings, problem, sizeof problem) != CT_OK) {
        fail_msg("%s: %s", ecu, problem);
    }
    open_world(&world, settings, &peer);
    ask(&world, "e");
    assert_int_equal(world.state, CT_COMMAND_DONE);
    assert_int_equal(world.response_len, 3 + RECORD);
    assert_int_equal(world.first_request.id, request_id);
    assert_int_equal(world.first_response.id, response_id);
    size_t at = request_byte >= 0 ? 1 : 0;
    assert_true(request_byte < 0 || world.first_request.data[0] == request_byte);
    assert_memory_equal(world.first_request.data + at, "\x03\x22\x01\x60", 4);
    at = response_byte >= 0 ? 1 : 0;
    assert_true(response_byte < 0 || world.first_response.data[0] == response_byte);
    assert_memory_equal(world.first_response.data + at, "\x11\x2F\x62\x01\x60", 5);
    close_world(&world);
    ct_settings_free(settings);
}

static void test_addressing_normal(void **state)
{
    (void)state;
    read_through("request_id: 0x7E0, response_id: 0x7E8", peer_of(0x7E8, 0x7E0, false, CT_ISOTP_NORMAL, 0, 0), 0x7E0,
                 0x7E8, -1, -1);
    read_through("request_id: 0x12345678, response_id: 0x12345679",
                 peer_of(0x12345679, 0x12345678, true, CT_ISOTP_NORMAL, 0, 0), 0x12345678, 0x12345679, -1, -1);
    read_through("request_id: 0x110, response_id: 0x111, id_bits: 29",
                 peer_of(0x111, 0x110, true, CT_ISOTP_NORMAL, 0, 0), 0x110, 0x111, -1, -1);
}

static void test_addressing_normal_fixed_takes_other_priorities(void **state)
{
    (void)state;
    const char *ecu = "request_id: 0x18DA10F1, response_id: 0x18DAF110, addressing: normal-fixed";
    read_through(ecu, peer_of(0x18DAF110, 0x18DA10F1, true, CT_ISOTP_NORMAL_FIXED, 0, 0), 0x18DA10F1, 0x18DAF110, -1,
                 -1);
    read_through(ecu, peer_of(0x0CDAF110, 0x18DA10F1, true, CT_ISOTP_NORMAL_FIXED, 0, 0), 0x18DA10F1, 0x0CDAF110, -1,
                 -1);
}

static void test_addressing_extended(void **state)
{
    (void)state;
    read_through("request_id: 0x6F1, response_id: 0x612, addressing: extended, request_byte: 0x12, response_byte: 0xF1",
                 peer_of(0x612, 0x6F1, false, CT_ISOTP_EXTENDED, 0xF1, 0x12), 0x6F1, 0x612, 0x12, 0xF1);
    read_through("request_id: 0x1234560, response_id: 0x1234561, addressing: extended, request_byte: 0x12, "
                 "response_byte: 0xF1",
                 peer_of(0x1234561, 0x1234560, true, CT_ISOTP_EXTENDED, 0xF1, 0x12), 0x1234560, 0x1234561, 0x12, 0xF1);
}

static void test_addressing_mixed(void **state)
{
    (void)state;
    read_through("request_id: 0x701, response_id: 0x702, addressing: mixed-11, request_byte: 0x99, response_byte: 0x99",
                 peer_of(0x702, 0x701, false, CT_ISOTP_MIXED_11, 0x99, 0x99), 0x701, 0x702, 0x99, 0x99);
    read_through("request_id: 0x18CE10F1, response_id: 0x18CEF110, addressing: mixed-29, request_byte: 0x99, "
                 "response_byte: 0x99",
                 peer_of(0x18CEF110, 0x18CE10F1, true, CT_ISOTP_MIXED_29, 0x99, 0x99), 0x18CE10F1, 0x18CEF110, 0x99,
                 0x99);
}

static void test_addressing_asymmetric(void **state)
{
    (void)state;
    struct ct_isotp_config peer = peer_of(0x18DAF110, 0x123, true, CT_ISOTP_NORMAL_FIXED, 0, 0);
    peer.rx_mode = CT_ISOTP_NORMAL;
    peer.rx_id_bits = 11;
    read_through("request_id: 0x123, response_id: 0x18DAF110, response_addressing: normal-fixed", peer, 0x123,
                 0x18DAF110, -1, -1);
    peer = peer_of(0x612, 0x6F1, false, CT_ISOTP_NORMAL, 0, 0x12);
    peer.rx_mode = CT_ISOTP_EXTENDED;
    read_through("request_id: 0x6F1, response_id: 0x612, addressing: extended, request_byte: 0x12, "
                 "response_addressing: normal",
                 peer, 0x6F1, 0x612, 0x12, -1);
}

static void test_addressing_fd_frames_as_long_as_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t longest;
    } rows[] = {{"fd: true", 64}, {"fd: true, tx_dl: 24", 24}, {"fd: true, tx_dl: 8", 8}, {"fd: false", 8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings *settings = NULL;
        char text[300];
        char problem[400] = "";
        (void)snprintf(text, sizeof text,
                       "ecus: [ { name: e, bus: can0, request_id: 0x18CE10F1, response_id: 0x18CEF110, addressing: "
                       "mixed-29, request_byte: 5, response_byte: 6, %s } ]\n",
                       rows[i].text);
        assert_int_equal(load(text, &settings, problem, sizeof problem), CT_OK);
        const struct ct_isotp_config config = ct_settings_ecu_isotp(&settings->ecus[0]);
        struct ct_isotp tp;
        struct ct_frame frame;
        uint8_t buffers[2][256];
        assert_int_equal(ct_isotp_init(&tp, &config, buffers[0], 256, buffers[1], 256), CT_OK);
        assert_int_equal(ct_isotp_send(&tp, buffers[0], 200, 0), CT_OK);
        assert_int_equal(ct_isotp_next_frame(&tp, &frame, 0), CT_OK);
        assert_int_equal(frame.len, rows[i].longest);
        assert_int_equal((frame.flags & CT_FRAME_FD) != 0, i < 3);
        ct_settings_free(settings);
    }
}

/* Two ECUs behind one request id, told apart by their target address. */
static void test_addressing_foreign_tester_is_known_by_its_address_byte(void **state)
{
    (void)state;
    struct ct_settings *settings = NULL;
    struct world world;
    char problem[400] = "";
    const struct ct_isotp_config peer = peer_of(0x613, 0x6F1, false, CT_ISOTP_EXTENDED, 0xF1, 0x13);
    assert_int_equal(load("ecus:\n"
                          "  - { name: a, bus: can0, request_id: 0x6F1, response_id: 0x612, addressing: extended, "
                          "request_byte: 0x12, response_byte: 0xF1 }\n"
                          "  - { name: b, bus: can0, request_id: 0x6F1, response_id: 0x613, addressing: extended, "
                          "request_byte: 0x13, response_byte: 0xF1 }\n",
                          &settings, problem, sizeof problem),
                     CT_OK);
    open_world(&world, settings, &peer);
    ask(&world, "b");
    assert_int_equal(world.state, CT_COMMAND_DONE);
    struct ct_arbiter *arbiter = ct_executor_arbiter(world.executor);
    struct ct_frame frame = {.id = 0x6F1, .len = 8, .data = {0x13, 0x21}}; /* a consecutive frame begins nothing */
    (void)ct_executor_receive(world.executor, &frame, world.now);
    assert_false(ct_arbiter_is_foreign(arbiter, 0, world.now) || ct_arbiter_is_foreign(arbiter, 1, world.now));
    frame.data[1] = 0x10; /* a first frame */
    frame.flags = CT_FRAME_SENT;
    (void)ct_executor_receive(world.executor, &frame, world.now); /* our own, as the bus gives it back */
    assert_false(ct_arbiter_is_foreign(arbiter, 1, world.now));
    frame.flags = CT_FRAME_EXT;
    (void)ct_executor_receive(world.executor, &frame, world.now);
    assert_false(ct_arbiter_is_foreign(arbiter, 1, world.now));
    frame.flags = 0;
    (void)ct_executor_receive(world.executor, &frame, world.now);
    assert_false(ct_arbiter_is_foreign(arbiter, 0, world.now));
    assert_true(ct_arbiter_is_foreign(arbiter, 1, world.now));
    close_world(&world);
    ct_settings_free(settings);
}

static void test_addressing_that_cannot_be_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *ecus, *words;
    } rows[] = {
        {"request_id: 0x7E0, response_id: 0x7E8, addressing: mixed-29", "18CE, target, source"},
        {"request_id: 0x18DA10F1, response_id: 0x7E8, addressing: normal-fixed, response_addressing: normal-fixed",
         "response_id 0x7E8 does not fit its addressing 'normal-fixed'"},
        {"request_id: 0x18DA10F1, response_id: 0x18DAF110, addressing: mixed-11", "an id up to 0x7FF"},
        {"request_id: 0x7E0, response_id: 0x18DAF110", "say `response_addressing` too"},
        {"request_id: 0x7E0, response_id: 0x7E0", "both 0x7E0; they must differ"},
        {"request_id: 0x18DA10F1, response_id: 0x0CDA10F1, addressing: normal-fixed", "they must differ"},
        {"request_id: 0x7E0, response_id: 0x7E8, request_byte: 1", "only extended and mixed addressing"},
        {"request_id: 0x6F1, response_id: 0x612, addressing: extended, request_byte: 0x100", "at most 0xFF"},
        {"request_id: 0x7E0, response_id: 0x7E8, id_bits: 12", "id_bits is 12"},
        {"request_id: 0x1234, response_id: 0x1235, id_bits: 11", "does not fit its addressing 'normal'"},
        {"request_id: 0x7E0, response_id: 0x7E8, tx_dl: 64", "tx_dl is 64"},
        {"request_id: 0x7E0, response_id: 0x7E8, fd: true, tx_dl: 13", "tx_dl is 13"},
        {"request_id: 0x20000000, response_id: 0x7E8", "at most 0x1FFFFFFF"},
        {"request_id: 0x7E0, response_id: 0x7E8, addressing: sideways", "sideways"},
        {"request_id: 0x7E0, response_id: 0x7E8 }, { name: f, bus: can0, request_id: 0x7E8, response_id: 0x7E0",
         "belongs to e already"},
        {"request_id: 0x7E0, response_id: 0x7E8 }, { name: f, bus: can0, request_id: 0x7E1, response_id: 0x7E8",
         "belongs to e already"},
        {"request_id: 0x7E6, response_id: 0x7EE } ]\ndiagnostics: { bus: can0, request_id: 0x7E6, response_id: 0x7EE "
         "}\n"
         "trust: [ { role: director, key: x",
         "belongs to the gateway itself"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings *settings = NULL;
        char text[400];
        char problem[800] = "";
        (void)snprintf(text, sizeof text, "ecus: [ { name: e, bus: can0, %s } ]\n", rows[i].ecus);
        assert_int_not_equal(load(text, &settings, problem, sizeof problem), CT_OK);
        if (strstr(problem, rows[i].words) == NULL || strstr(problem, ":4:") == NULL) {
            fail_msg("%s: %s", rows[i].ecus, problem);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addressing_normal),
        cmocka_unit_test(test_addressing_normal_fixed_takes_other_priorities),
        cmocka_unit_test(test_addressing_extended),
        cmocka_unit_test(test_addressing_mixed),
        cmocka_unit_test(test_addressing_asymmetric),
        cmocka_unit_test(test_addressing_fd_frames_as_long_as_told),
        cmocka_unit_test(test_addressing_foreign_tester_is_known_by_its_address_byte),
        cmocka_unit_test(test_addressing_that_cannot_be_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
