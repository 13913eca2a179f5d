/* Diagnostics of the demo's ECUs, live from the plant: a fault sets its DTC and mending heals it, OBD tells it, lamps
 * obey, what is kept comes back. Bytes by hand from ISO 14229-1 and ISO 15031-5. */
#include "testing.h"

#include "bytes.h"
#include "ecu_diag.h"
#include "ecu_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIN "WCTZZZ1ZZSA000001"

struct rig {
    struct ct_plant plant;
    struct ct_ecu_diag *diag;
};

static struct ct_ecu_diag *make(struct ct_plant *plant, const char *node)
{
    const struct ct_ecu_diag_config config = {.node = node,
                                              .part_number = "CT-TEST",
                                              .vin = VIN,
                                              .isotp = ct_isotp_config_usual(0x7E8, 0x7E0),
                                              .functional_id = 0x7DF,
                                              .periodic_id = 0x5E8,
                                              .plant = plant};
    struct ct_ecu_diag *diag = NULL;
    assert_int_equal(ct_ecu_diag_create(&config, &diag), CT_OK);
    return diag;
}

static ct_ns now_of(const struct rig *rig)
{
    return rig->plant.steps * CT_PLANT_STEP;
}

static void run(struct rig *rig, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 100; i++) {
        ct_plant_step(&rig->plant);
        (void)ct_ecu_diag_tick(rig->diag, now_of(rig));
    }
}

static void start(struct rig *rig, const char *node)
{
    ct_plant_init(&rig->plant, 1);
    rig->diag = make(&rig->plant, node);
    run(rig, 120);
    assert_int_equal(rig->plant.v.engine_state, CT_ENGINE_RUNNING);
}

/* The answer, waited for when it is pending; it begins with this. */
static size_t ask(struct rig *rig, const char *hex, uint8_t *out)
{
    uint8_t request[600];
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(request, hex, len), CT_OK);
    size_t got = ct_uds_server_answer(ct_ecu_diag_server(rig->diag), request, len, false, now_of(rig), out);
    for (unsigned i = 0; i < 500 && ct_uds_server_busy(ct_ecu_diag_server(rig->diag)); i++) {
        ct_plant_step(&rig->plant);
        (void)ct_ecu_diag_tick(rig->diag, now_of(rig));
        got = ct_uds_server_poll(ct_ecu_diag_server(rig->diag), now_of(rig), out);
    }
    return got;
}

static void expect(struct rig *rig, const char *hex, const char *start)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    char text[2 * CT_UDS_SERVER_RESPONSE_MAX + 1];
    const size_t len = ask(rig, hex, out);
    ct_hex_encode(text, out, len);
    if (start[0] == '\0') {
        assert_int_equal(len, 0);
        return;
    }
    text[strlen(start) < 2 * len ? strlen(start) : 2 * len] = '\0';
    assert_string_equal(text, start);
}

static void unlock(struct rig *rig)
{
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    char request[32];
    assert_int_equal(ask(rig, "2701", out), 6);
    /* the documented formula, written out again */
    const uint32_t mixed = ct_be32(out + 2) ^ 0x63616E74U;
    (void)snprintf(request, sizeof request, "2702%08x", (mixed << 1 | mixed >> 31) + 0x7477696EU);
    expect(rig, request, "6702");
}

static void finish(struct rig *rig)
{
    ct_ecu_diag_free(rig->diag);
}

static void test_sim_ecu_fault_of_the_plant_sets_and_heals_its_dtc(void **state)
{
    (void)state;
    static const struct {
        const char *node, *fault, *mend, *code;
    } cases[] = {
        {"ENGINE", "310103000001", "310103000000", "017100"},
        {"ENGINE", "310103000101", "310103000100", "021700"},
        {"GEARBOX", "310103000201", "310103000200", "086800"},
        {"BATTERY", "310103000301", "310103000300", "056200"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct rig rig;
        char list[32];
        start(&rig, cases[i].node);
        expect(&rig, "190209", "5902ff");
        expect(&rig, "31010202", "7101020200");
        expect(&rig, cases[i].fault, "71010300");
        run(&rig, 400);
        (void)snprintf(list, sizeof list, "5902ff%s", cases[i].code);
        expect(&rig, "190201", list);
        expect(&rig, "31010202", "7101020201");
        expect(&rig, cases[i].mend, "71010300");
        run(&rig, 400);
        uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
        assert_int_equal(ask(&rig, "190201", out), 3);
        expect(&rig, "190208", list); /* confirmed stays */
        expect(&rig, "14ffffff", "54");
        assert_int_equal(ask(&rig, "190208", out), 3);
        finish(&rig);
    }
}

static void test_sim_ecu_lamps_obey_until_they_are_returned(void **state)
{
    (void)state;
    static struct rig rig;
    start(&rig, "BODY");
    const double before = rig.plant.v.low_beam;
    expect(&rig, "1003", "5003");
    expect(&rig, "2f9b010302", "7f2f31");
    expect(&rig, "2f9b010301", "6f9b010301");
    run(&rig, 1);
    assert_true(rig.plant.v.low_beam > 0);
    assert_true(rig.plant.v.lamp_a[0] > 1);
    expect(&rig, "2f9b010300", "6f9b010300");
    run(&rig, 1);
    assert_true(rig.plant.v.lamp_a[0] < 0.1);
    expect(&rig, "2f9b030301", "6f9b030301");
    run(&rig, 1);
    assert_true(rig.plant.v.indicator_left > 0 && rig.plant.v.indicator_right > 0);
    run(&rig, 6); /* S3 */
    assert_true(rig.plant.v.low_beam == before);
    assert_true(rig.plant.v.hazard == 0);
    expect(&rig, "310103000401", "71010300"); /* a bulb burns through */
    expect(&rig, "1003", "5003");
    expect(&rig, "2f9b010301", "6f9b010301");
    run(&rig, 3);
    expect(&rig, "190201", "5902ff9d0113");
    finish(&rig);
}

static void test_sim_ecu_keeps_faults_mark_and_calibration_over_a_restart(void **state)
{
    (void)state;
    static struct rig rig;
    static uint8_t saved[8192];
    ct_plant_init(&rig.plant, 1);
    rig.diag = make(&rig.plant, "ENGINE");
    run(&rig, 1); /* standing */
    expect(&rig,
           "2e0300"
           "4142434445464748494a4b4c4d4e4f50",
           "7f2e31");
    expect(&rig, "1003", "5003");
    expect(&rig,
           "2e0300"
           "4142434445464748494a4b4c4d4e4f50",
           "7f2e33");
    unlock(&rig);
    expect(&rig,
           "2e0300"
           "4142434445464748494a4b4c4d4e4f50",
           "6e0300");
    expect(&rig, "1002", "5002");
    unlock(&rig);
    expect(&rig,
           "34004400010000"
           "00000004",
           "7420");
    expect(&rig, "3601deadbeef", "7601");
    expect(&rig, "37", "77");
    expect(&rig,
           "2314000100000"
           "4",
           "63deadbeef");
    expect(&rig, "310103000001", "71010300");
    run(&rig, 200);
    expect(&rig, "190208", "5902ff017100");
    const size_t size = ct_ecu_diag_save_size(rig.diag);
    assert_true(size <= sizeof saved);
    ct_ecu_diag_save(rig.diag, saved);
    finish(&rig);
    rig.diag = make(&rig.plant, "ENGINE");
    saved[20] ^= 1;
    assert_int_equal(ct_ecu_diag_restore(rig.diag, saved, size, 0), CT_ERR_CORRUPT);
    expect(&rig, "190208", "5902ff");
    saved[20] ^= 1;
    assert_int_equal(ct_ecu_diag_restore(rig.diag, saved, size, 0), CT_OK);
    expect(&rig, "190208", "5902ff017100");
    expect(&rig, "220300",
           "620300"
           "4142434445464748494a4b4c4d4e4f50");
    expect(&rig, "23140001000004", "63deadbeef");
    finish(&rig);
}

static void test_sim_ecu_programming_is_refused_while_driving(void **state)
{
    (void)state;
    static struct rig rig;
    start(&rig, "GEARBOX");
    for (unsigned i = 0; i < 300 && rig.plant.v.speed_kmh < 10; i++) {
        run(&rig, 1);
    }
    assert_true(rig.plant.v.speed_kmh > 5);
    expect(&rig, "1002", "7f1088"); /* vehicle speed too high */
    expect(&rig, "0100", "7f0111"); /* OBD is the engine's */
    finish(&rig);
}

static void test_sim_engine_obd_values_are_the_plants(void **state)
{
    (void)state;
    static struct rig rig;
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    start(&rig, "ENGINE");
    assert_int_equal(ask(&rig, "010c0d05a6", out), 13);
    assert_int_equal(out[0], 0x41);
    assert_int_equal(out[1], 0x0C);
    assert_true(abs((int)ct_be16(out + 2) - (int)(rig.plant.v.engine_rpm * 4)) <= 1);
    assert_int_equal(out[4], 0x0D);
    assert_int_equal(out[6], 0x05);
    assert_true(abs(out[7] - 40 - (int)rig.plant.v.coolant_c) <= 1);
    assert_int_equal(out[8], 0xA6);
    assert_true(abs((int)ct_be32(out + 9) - (int)(rig.plant.v.odometer_m / 100)) <= 1);
    expect(&rig, "0100", "4100d83b8013"); /* 01 02 04 05 0b 0c 0d 0f 10 11 1c 1f 20 */
    expect(&rig, "0180", "418000000001");
    expect(&rig, "01a0", "41a004000000");
    expect(&rig, "01c0", "");
    expect(&rig, "0114", "");
    expect(&rig, "011405", "4105");
    expect(&rig, "0902",
           "490201"
           "574354"
           "5a5a5a");
    expect(&rig, "0904",
           "490401"
           "43542d43414c2d323034312d30303031");
    expect(&rig, "0900", "490054400000"); /* 02 04 06 0a */
    expect(&rig, "0600", "460080000000");
    expect(&rig, "0601", "4601011e");
    expect(&rig, "0500", "7f0511");
    expect(&rig, "0800", "7f0811");
    expect(&rig, "22f40c", "62f40c");
    expect(&rig, "22f802",
           "62f802"
           "574354");
    expect(&rig, "22f400", "62f400d83b8013");
    finish(&rig);
}

static void test_sim_engine_obd_tells_its_fault_with_a_freeze_frame(void **state)
{
    (void)state;
    static struct rig rig;
    start(&rig, "ENGINE");
    expect(&rig, "03", "4300");
    expect(&rig, "0101", "41010007");
    expect(&rig, "020200", "4202000000");
    expect(&rig, "020c00", "");
    expect(&rig, "310103000001", "71010300");
    run(&rig, 5);
    expect(&rig, "03", "43010171"); /* with its count: other stacks forget it */
    expect(&rig, "07", "47010171");
    expect(&rig, "0a", "4a010171");
    expect(&rig, "0101", "41018107");
    expect(&rig, "020200", "4202000171");
    expect(&rig, "020c00", "420c00");
    expect(&rig, "020c01", "");               /* there is one frame */
    expect(&rig, "020000", "420000583a8001"); /* 02 04 05 0b 0c 0d 0f 11 and more */
    expect(&rig, "310103000000", "71010300");
    run(&rig, 5);
    expect(&rig, "04", "44");
    expect(&rig, "03", "4300");
    expect(&rig, "0a", "4a010171"); /* permanent */
    expect(&rig, "020200", "4202000000");
    run(&rig, 1);
    expect(&rig, "31010301", "71010301");
    expect(&rig, "0a", "4a00");
    finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_ecu_fault_of_the_plant_sets_and_heals_its_dtc),
        cmocka_unit_test(test_sim_ecu_lamps_obey_until_they_are_returned),
        cmocka_unit_test(test_sim_ecu_keeps_faults_mark_and_calibration_over_a_restart),
        cmocka_unit_test(test_sim_ecu_programming_is_refused_while_driving),
        cmocka_unit_test(test_sim_engine_obd_values_are_the_plants),
        cmocka_unit_test(test_sim_engine_obd_tells_its_fault_with_a_freeze_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
