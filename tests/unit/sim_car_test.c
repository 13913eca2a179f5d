/* The simulated car on the project's own DBC files, time injected: what it sends, when, and how it reacts. */
#include "testing.h"

#include "bytes.h"
#include "car.h"
#include "crc.h"
#include "files.h"
#include "protection_file.h"
#include "uds_client.h"

#include <stdlib.h>
#include <string.h>

#define MS CT_NS_PER_MS

enum { CAN0, CAN1, BUS_COUNT };

struct rig {
    struct ct_dbc *dbc[BUS_COUNT];
    struct ct_codec *codec[BUS_COUNT];
    struct ct_car *car;
    struct ct_protect *protect[BUS_COUNT];
    struct ct_protect_state sender; /* of BODY_COMMAND */
    ct_ns now;
};

static int load(struct rig *rig, int bus, const char *path)
{
    uint8_t *text = NULL;
    size_t len = 0;
    assert_int_equal(ct_file_read(path, 1 << 20, &text, &len), CT_OK);
    assert_int_equal(ct_dbc_parse(path, (const char *)text, len, NULL, NULL, &rig->dbc[bus]), CT_OK);
    assert_int_equal(rig->dbc[bus]->warning_count, 0);
    free(text);
    return ct_codec_compile(rig->dbc[bus], &rig->codec[bus]);
}

static int protect(struct rig *rig, int bus, const char *path)
{
    char problem[512];
    const struct ct_dbc *dbc = rig->dbc[bus];
    return ct_protection_load(path, &dbc, 1, &rig->protect[bus], problem, sizeof problem);
}

static int setup(void **state)
{
    static struct rig rig;
    rig = (struct rig){.now = 1000 * MS};
    assert_int_equal(load(&rig, CAN0, CANTWIN_SOURCE_DIR "/sim/vehicle/powertrain.dbc"), CT_OK);
    assert_int_equal(load(&rig, CAN1, CANTWIN_SOURCE_DIR "/sim/vehicle/body.dbc"), CT_OK);
    assert_int_equal(protect(&rig, CAN0, CANTWIN_SOURCE_DIR "/sim/vehicle/protection.yaml"), CT_OK);
    assert_int_equal(protect(&rig, CAN1, NULL), CT_OK);
    const struct ct_car_bus buses[] = {{rig.dbc[CAN0], rig.codec[CAN0], rig.protect[CAN0]},
                                       {rig.dbc[CAN1], rig.codec[CAN1], rig.protect[CAN1]}};
    const struct ct_car_config config = {.seed = 5, .buses = buses, .bus_count = BUS_COUNT, .start = rig.now};
    assert_int_equal(ct_car_create(&config, &rig.car), CT_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    ct_car_free(rig->car);
    for (int i = 0; i < BUS_COUNT; i++) {
        ct_protect_free(rig->protect[i]);
        ct_codec_free(rig->codec[i]);
        ct_dbc_free(rig->dbc[i]);
    }
    return 0;
}

typedef void (*frame_fn)(void *user, const struct ct_frame *frame, ct_ns now);

/* Runs to `end`, waking up exactly when the car wants to. */
static void run_until(struct rig *rig, ct_ns end, frame_fn on_frame, void *user)
{
    while (rig->now < end) {
        struct ct_frame frame;
        (void)ct_car_tick(rig->car, rig->now);
        for (uint8_t bus = 0; bus < BUS_COUNT; bus++) {
            int err;
            while ((err = ct_car_next_frame(rig->car, bus, &frame, rig->now)) == CT_OK) {
                assert_true(ct_frame_valid(&frame));
                assert_int_equal(frame.bus, bus);
                if (on_frame != NULL) {
                    on_frame(user, &frame, rig->now);
                }
            }
            assert_int_equal(err, CT_ERR_AGAIN);
        }
        const ct_ns next = ct_car_tick(rig->car, rig->now);
        assert_true(next > rig->now);
        rig->now = ct_ns_min(next, end);
    }
}

struct counts {
    unsigned by_id[2048];
};

static void count_frame(void *user, const struct ct_frame *frame, ct_ns now)
{
    (void)now;
    ((struct counts *)user)->by_id[frame->id]++;
}

static void test_sim_every_message_comes_at_its_cycle_time(void **state)
{
    struct rig *rig = *state;
    struct counts counts = {0};
    run_until(rig, rig->now + 10000 * MS, count_frame, &counts);
    for (int bus = 0; bus < BUS_COUNT; bus++) {
        for (size_t i = 0; i < rig->dbc[bus]->message_count; i++) {
            const struct ct_dbc_message *message = &rig->dbc[bus]->messages[i];
            const unsigned expected = message->cycle_ms > 0 ? (unsigned)(10000 / message->cycle_ms) : 0;
            assert_int_equal(counts.by_id[message->id], expected);
        }
    }
}

static void test_sim_signals_are_all_known_to_the_dbc(void **state)
{
    struct rig *rig = *state;
    size_t messages = 0;
    size_t signals = 0;
    for (int bus = 0; bus < BUS_COUNT; bus++) {
        messages += rig->dbc[bus]->message_count;
        for (size_t i = 0; i < rig->dbc[bus]->message_count; i++) {
            signals += rig->dbc[bus]->messages[i].signal_count;
            assert_false(ct_codec_by_name(rig->codec[bus], rig->dbc[bus]->messages[i].name) == NULL);
        }
    }
    assert_int_equal(messages, 21);
    assert_int_equal(signals, 149);
}

struct seen {
    struct rig *rig;
    const char *message;
    const char *signal;
    double value;
    unsigned frames;
};

static void watch_signal(void *user, const struct ct_frame *frame, ct_ns now)
{
    (void)now;
    struct seen *seen = user;
    struct ct_decoded values[64];
    const struct ct_codec_message *message = ct_codec_find(seen->rig->codec[frame->bus], frame->id, false);
    assert_non_null(message);
    const struct ct_dbc_message *model = ct_codec_model(message);
    if (strcmp(model->name, seen->message) != 0) {
        return;
    }
    const size_t count = ct_codec_decode(message, frame->data, frame->len, values);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(model->signals[values[i].signal].name, seen->signal) == 0) {
            seen->value = values[i].value;
            seen->frames++;
        }
    }
}

static double signal_after(struct rig *rig, ct_ns wait, const char *message, const char *signal)
{
    struct seen seen = {.rig = rig, .message = message, .signal = signal, .value = -1};
    run_until(rig, rig->now + wait, watch_signal, &seen);
    assert_true(seen.frames > 0);
    return seen.value;
}

static struct ct_frame make_command(struct rig *rig, const char *signal, int raw, uint16_t flags)
{
    const struct ct_codec_message *command = ct_codec_by_name(rig->codec[CAN1], "BODY_COMMAND");
    const struct ct_dbc_message *model = ct_codec_model(command);
    struct ct_frame frame = {.id = model->id, .flags = flags, .bus = CAN1, .len = 8};
    ct_codec_defaults(command, frame.data, frame.len);
    const struct ct_dbc_signal *wanted = ct_dbc_find_signal(model, signal);
    assert_non_null(wanted);
    const struct ct_encode_value value = {.signal = (uint16_t)(wanted - model->signals), .raw = raw};
    assert_int_equal(ct_codec_encode(command, &value, frame.data, frame.len), CT_OK);
    const struct ct_protect_rule *rule = ct_protect_rule_of(rig->protect[CAN1], model);
    assert_non_null(rule);
    assert_int_equal(ct_protect_fill(rule, &rig->sender, model->id, frame.data, frame.len), CT_OK);
    return frame;
}

static void send_command(struct rig *rig, const char *signal, int raw, uint16_t flags)
{
    const struct ct_frame frame = make_command(rig, signal, raw, flags);
    ct_car_receive(rig->car, &frame, rig->now);
}

static void test_sim_actuators_obey_and_show_it(void **state)
{
    struct rig *rig = *state;
    static const char *const pairs[][2] = {
        {"LOW_BEAM_REQUEST", "LOW_BEAM"}, {"HAZARD_REQUEST", "HAZARD"}, {"DOOR_FL_LOCK_REQUEST", "DOOR_FL_LOCKED"}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", pairs[i][1]) == 0);
        send_command(rig, pairs[i][0], 2, CT_FRAME_FD);
        assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", pairs[i][1]) == 1);
        send_command(rig, pairs[i][0], 0, CT_FRAME_FD); /* no request: stays */
        send_command(rig, pairs[i][0], 3, CT_FRAME_FD); /* no meaning: stays */
        assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", pairs[i][1]) == 1);
        send_command(rig, pairs[i][0], 1, 0); /* classic does too */
        assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", pairs[i][1]) == 0);
    }
    assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", "COMMANDS_TAKEN") == 6);
    struct ct_ecu_stats stats;
    ct_car_stats_get(rig->car, &stats);
    assert_int_equal(stats.commands, 6);
}

static void test_sim_command_with_a_wrong_checksum_is_ignored(void **state)
{
    struct rig *rig = *state;
    for (size_t bit = 0; bit < 64; bit++) {
        struct ct_frame frame = make_command(rig, "LOW_BEAM_REQUEST", 2, CT_FRAME_FD);
        frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ct_car_receive(rig->car, &frame, rig->now);
    }
    assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", "LOW_BEAM") == 0);
    struct ct_ecu_stats stats;
    ct_car_stats_get(rig->car, &stats);
    assert_int_equal(stats.refused, 64);
}

static void test_sim_command_repeated_is_ignored_until_a_second_has_passed(void **state)
{
    struct rig *rig = *state;
    const struct ct_frame on = make_command(rig, "LOW_BEAM_REQUEST", 2, CT_FRAME_FD);
    ct_car_receive(rig->car, &on, rig->now);
    ct_car_receive(rig->car, &on, rig->now);
    assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", "COMMANDS_TAKEN") == 1);
    run_until(rig, rig->now + 1000 * MS, NULL, NULL);
    ct_car_receive(rig->car, &on, rig->now); /* a sender that began anew may start with any counter */
    assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", "COMMANDS_TAKEN") == 2);
}

static void test_sim_command_on_the_other_bus_moves_nothing(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame = {.id = 0x330, .bus = CAN0, .len = 8, .data = {0x2A}};
    ct_car_receive(rig->car, &frame, rig->now);
    assert_true(signal_after(rig, 60 * MS, "BODY_STATUS", "LOW_BEAM") == 0);
}

static void test_sim_stall_is_made_up_for_only_in_part_and_counted(void **state)
{
    struct rig *rig = *state;
    struct counts counts = {0};
    run_until(rig, rig->now + 100 * MS, NULL, NULL);
    rig->now += 60000 * MS;
    run_until(rig, rig->now + 100 * MS, count_frame, &counts);
    assert_in_range(counts.by_id[0xC0], 10, 30);
    struct ct_ecu_stats stats;
    ct_car_stats_get(rig->car, &stats);
    assert_true(stats.skipped > 5900);
}

/* CRC-8 SAE J1850 of the record's first 59 bytes. */
static uint8_t record_crc(const uint8_t *record)
{
    uint8_t table[256];
    ct_crc8_table(CT_CRC8_J1850, table);
    return ct_crc8(table, 0xFF, record, 59) ^ 0xFF;
}

/* A UDS client on the car's bus. */
struct tester {
    struct ct_uds_client *client;
};

static void to_tester(void *user, const struct ct_frame *frame, ct_ns now)
{
    (void)ct_uds_client_receive(((struct tester *)user)->client, frame, now);
}

static struct ct_uds_result ask(struct rig *rig, struct tester *tester, uint8_t bus, uint16_t did)
{
    const uint8_t request[] = {0x22, (uint8_t)(did >> 8), (uint8_t)did};
    struct ct_uds_result result = {0};
    assert_int_equal(ct_uds_client_request(tester->client, request, sizeof request, rig->now), CT_OK);
    for (int i = 0; i < 2000; i++) {
        struct ct_frame frame;
        while (ct_uds_client_next_frame(tester->client, &frame, rig->now) == CT_OK) {
            frame.bus = bus;
            ct_car_receive(rig->car, &frame, rig->now);
        }
        run_until(rig, rig->now + MS, to_tester, tester);
        (void)ct_uds_client_tick(tester->client, rig->now);
        if (ct_uds_client_result(tester->client, &result) == CT_OK) {
            return result;
        }
    }
    fail();
    return result;
}

static void open_tester(struct tester *tester, uint32_t request_id, bool fd)
{
    struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(request_id, request_id + 8)};
    config.isotp.fd = fd;
    config.isotp.tx_dl = fd ? 64 : 8;
    config.isotp.block_size = 3;
    config.isotp.st_min_us = 2000;
    assert_int_equal(ct_uds_client_create(&config, &tester->client), CT_OK);
}

static void test_sim_every_ecu_tells_vin_part_number_and_record(void **state)
{
    struct rig *rig = *state;
    static const struct {
        uint32_t id;
        uint8_t bus;
        const char *part_number, *name;
    } ecus[] = {{0x7E0, CAN0, "CT-ECM-2041-B", "ENGINE"},
                {0x7E1, CAN0, "CT-TCM-1107-A", "GEARBOX"},
                {0x7E2, CAN0, "CT-BMS-0093-C", "BATTERY"},
                {0x7E4, CAN1, "CT-BCM-3310-D", "BODY"}};
    for (size_t i = 0; i < 4; i++) {
        struct tester tester;
        open_tester(&tester, ecus[i].id, ecus[i].bus == CAN1);
        struct ct_uds_result result = ask(rig, &tester, ecus[i].bus, 0xF190);
        assert_int_equal(result.outcome, CT_UDS_POSITIVE);
        assert_int_equal(result.len, 20);
        assert_memory_equal(result.response + 3, "WCTZZZ1ZZSA000005", 17);
        result = ask(rig, &tester, ecus[i].bus, 0xF187);
        assert_int_equal(result.len, 3 + strlen(ecus[i].part_number));
        assert_memory_equal(result.response + 3, ecus[i].part_number, result.len - 3);
        result = ask(rig, &tester, ecus[i].bus, 0x0160);
        assert_int_equal(result.len, 63);
        assert_memory_equal(result.response + 3, "CTR1", 4);
        assert_string_equal((const char *)result.response + 7, ecus[i].name);
        assert_int_equal(result.response[62], record_crc(result.response + 3));
        result = ask(rig, &tester, ecus[i].bus, 0x1234);
        assert_int_equal(result.outcome, CT_UDS_NEGATIVE);
        assert_int_equal(result.nrc, CT_NRC_OUT_OF_RANGE);
        ct_uds_client_free(tester.client);
    }
}

static void test_sim_car_without_any_message_is_refused(void **state)
{
    (void)state;
    static const char text[] = "BU_: OTHER\nBO_ 1 A: 8 OTHER\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" OTHER\n";
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    struct ct_car *car = NULL;
    assert_int_equal(ct_dbc_parse("x", text, sizeof text - 1, NULL, NULL, &dbc), CT_OK);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct ct_car_bus bus = {dbc, codec, NULL};
    const struct ct_car_config config = {.buses = &bus, .bus_count = 1};
    assert_int_equal(ct_car_create(&config, &car), CT_ERR_NOT_FOUND);
    ct_codec_free(codec);
    ct_dbc_free(dbc);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_sim_every_message_comes_at_its_cycle_time),
        CASE(test_sim_signals_are_all_known_to_the_dbc),
        CASE(test_sim_actuators_obey_and_show_it),
        CASE(test_sim_command_with_a_wrong_checksum_is_ignored),
        CASE(test_sim_command_repeated_is_ignored_until_a_second_has_passed),
        CASE(test_sim_command_on_the_other_bus_moves_nothing),
        CASE(test_sim_stall_is_made_up_for_only_in_part_and_counted),
        CASE(test_sim_every_ecu_tells_vin_part_number_and_record),
        CASE(test_sim_car_without_any_message_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
