/* Which streams of a vehicle are remembered, over a restart too. */
#include "registry.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE 1 /* comes first in the order of the primary key */

static struct ct_stream_position *stream_of(struct ct_vehicle *vehicle, uint8_t number)
{
    const uint8_t id[CT_STREAM_ID_SIZE] = {number};
    return ct_stream_position_of(&vehicle->positions, id);
}

static void test_positions_live_stream_outlives_twelve_others_and_restarts(void **state)
{
    (void)state;
    char folder[] = "/tmp/cantwin-positions-XXXXXX";
    char path[64];
    char problem[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/fleet.db", folder);
    for (uint8_t life = 0; life < 12; life++) {
        struct ct_database database;
        struct ct_catalogues *catalogues;
        struct ct_registry *registry;
        assert_int_equal(ct_database_open(path, &database, problem, sizeof problem), CT_OK);
        assert_int_equal(ct_catalogues_open(&database, &catalogues), CT_OK);
        assert_int_equal(ct_registry_open(&database, catalogues, 0, &registry), CT_OK);
        assert_int_equal(ct_database_begin(&database), CT_OK);
        struct ct_vehicle *vehicle = ct_registry_get(registry, "demo");
        assert_non_null(vehicle);
        /* given: one stream goes on in every life of the store, then another one appears */
        assert_int_equal(stream_of(vehicle, LIVE)->positions.seq[0], life);
        assert_true(ct_stream_position_advance(stream_of(vehicle, LIVE), CT_CLASS_EVENT, life + 1U));
        assert_true(ct_stream_position_advance(stream_of(vehicle, (uint8_t)(100 + life)), CT_CLASS_EVENT, 7));
        /* when: it is stored, and read again in the next life; then: the first one goes on where it was */
        assert_int_equal(ct_registry_store(registry, vehicle, false), CT_OK);
        assert_int_equal(ct_database_commit(&database), CT_OK);
        ct_registry_close(registry);
        ct_catalogues_close(catalogues);
        ct_database_close(&database);
    }
    assert_int_equal(unlink(path), 0);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_live_stream_outlives_twelve_others_and_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
