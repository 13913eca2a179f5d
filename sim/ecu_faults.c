#include "ecu_faults.h"

#include <string.h>

#define COOLANT_MAX_C   115.0
#define LAMBDA_MAX      1.12
#define GEARBOX_MIN_KPA 200.0
#define SUPPLY_MIN_V    12.8
#define LAMP_MIN_A      1.0
#define NODE_TESTS_MAX  2
#define DEBOUNCE        32 /* four failing rounds set, four passing ones heal */

enum verdict { UNKNOWN, PASSED, FAILED };

typedef enum verdict (*test_fn)(const struct ct_plant_values *v);

static enum verdict judge(bool can_tell, bool fails)
{
    if (!can_tell) {
        return UNKNOWN;
    }
    return fails ? FAILED : PASSED;
}

static bool engine_runs(const struct ct_plant_values *v)
{
    return v->engine_state == CT_ENGINE_RUNNING;
}

static enum verdict test_mixture(const struct ct_plant_values *v)
{
    return judge(engine_runs(v), v->lambda > LAMBDA_MAX);
}

static enum verdict test_coolant(const struct ct_plant_values *v)
{
    return judge(engine_runs(v), v->coolant_c > COOLANT_MAX_C);
}

static enum verdict test_gearbox(const struct ct_plant_values *v)
{
    return judge(engine_runs(v), v->gearbox_kpa < GEARBOX_MIN_KPA);
}

static enum verdict test_supply(const struct ct_plant_values *v)
{
    return judge(engine_runs(v), v->battery_v < SUPPLY_MIN_V);
}

static enum verdict test_lamp_left(const struct ct_plant_values *v)
{
    return judge(v->low_beam > 0, v->lamp_a[0] < LAMP_MIN_A);
}

static enum verdict test_lamp_right(const struct ct_plant_values *v)
{
    return judge(v->low_beam > 0, v->lamp_a[1] < LAMP_MIN_A);
}

#define STEPS .fail_step = DEBOUNCE, .pass_step = DEBOUNCE

static const struct ct_dtc_definition engine[] = {
    {.code = 0x017100, .severity = 0x40, .unit = 0x33, .emissions = true, .warning = true, STEPS},
    {.code = 0x021700, .severity = 0x80, .unit = 0x10, .warning = true, STEPS},
};
static const struct ct_dtc_definition gearbox[] = {{.code = 0x086800, .severity = 0x80, .unit = 0x20, STEPS}};
static const struct ct_dtc_definition battery[] = {{.code = 0x056200, .severity = 0x40, .unit = 0x30, STEPS}};
static const struct ct_dtc_definition body[] = {
    {.code = 0x9D0113, .severity = 0x40, .unit = 0x40, STEPS},
    {.code = 0x9D0213, .severity = 0x40, .unit = 0x40, STEPS},
};

static const struct ct_dtc_snapshot_did common_snapshot[] = {{0x0202, 4}, {0x0200, 2}, {0x0201, 2}, {0x0203, 1}};
/* The freeze frame of OBD among them. */
static const struct ct_dtc_snapshot_did engine_snapshot[] = {
    {0x0202, 4}, {0x0200, 2}, {0x0201, 2}, {0x0203, 1}, {0xF404, 1}, {0xF405, 1},
    {0xF40B, 1}, {0xF40C, 2}, {0xF40D, 1}, {0xF40F, 1}, {0xF411, 1}, {0xF442, 2},
};

static const struct node {
    const char *name;
    const struct ct_dtc_definition *definitions;
    size_t count;
    test_fn tests[NODE_TESTS_MAX];
    const struct ct_dtc_snapshot_did *snapshot;
    size_t snapshot_count;
} nodes[] = {
    {"ENGINE",
     engine,
     2,
     {test_mixture, test_coolant},
     engine_snapshot,
     sizeof engine_snapshot / sizeof engine_snapshot[0]},
    {"GEARBOX", gearbox, 1, {test_gearbox, NULL}, common_snapshot, 4},
    {"BATTERY", battery, 1, {test_supply, NULL}, common_snapshot, 4},
    {"BODY", body, 2, {test_lamp_left, test_lamp_right}, common_snapshot, 4},
};

static const struct node *find(const char *name)
{
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        if (strcmp(nodes[i].name, name) == 0) {
            return &nodes[i];
        }
    }
    return NULL;
}

int ct_ecu_faults_config(const char *node, struct ct_dtc_memory_config *out_config)
{
    const struct node *found = find(node);
    if (found == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    *out_config = (struct ct_dtc_memory_config){.definitions = found->definitions,
                                                .count = found->count,
                                                .snapshot = found->snapshot,
                                                .snapshot_count = found->snapshot_count};
    return CT_OK;
}

void ct_ecu_faults_test(const char *node, const struct ct_plant *plant, struct ct_dtc_memory *memory)
{
    const struct node *found = find(node);
    for (size_t i = 0; found != NULL && i < found->count; i++) {
        const enum verdict verdict = found->tests[i](&plant->v);
        if (verdict != UNKNOWN) {
            ct_dtc_report(memory, i, verdict == FAILED);
        }
    }
}

uint32_t ct_ecu_faults_count(const char *node, const struct ct_plant *plant)
{
    const struct node *found = find(node);
    uint32_t count = 0;
    for (size_t i = 0; found != NULL && i < found->count; i++) {
        count += found->tests[i](&plant->v) == FAILED;
    }
    return count;
}
