/* The rollout machine against the closed form of its rule, and against random fleets. */
#include "rollout.h"

#include "testing.h"

#include <string.h>

#define FLEET 200
#define LATER INT64_C(1000000)

struct fleet {
    struct ct_rollout rollout;
    struct ct_rollout_place places[FLEET];
    size_t count;
};

static struct fleet fleet_of(size_t count, uint32_t canary, uint32_t wave, uint32_t percent)
{
    struct fleet fleet = {.count = count,
                          .rollout = {.plan = {canary, wave, percent, LATER}, .state = CT_ROLLOUT_RUNNING}};
    for (size_t i = 0; i < count; i++) {
        fleet.places[i].reachable = true;
    }
    return fleet;
}

static size_t next(struct fleet *fleet)
{
    const size_t offered = ct_rollout_next(&fleet->rollout, fleet->places, fleet->count, 0);
    size_t marked = 0;
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->places[i].offer) {
            assert_int_equal(fleet->places[i].state, CT_PLACE_WAITING);
            assert_true(fleet->places[i].reachable);
            fleet->places[i].state = CT_PLACE_OPEN;
            fleet->places[i].wave = fleet->rollout.wave;
            marked++;
        }
    }
    assert_int_equal(marked, offered);
    return offered;
}

static size_t count_of(const struct fleet *fleet, enum ct_place_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < fleet->count; i++) {
        count += fleet->places[i].state == state;
    }
    return count;
}

static void end_open(struct fleet *fleet, enum ct_place_state state, size_t how_many)
{
    for (size_t i = 0; i < fleet->count && how_many > 0; i++) {
        if (fleet->places[i].state == CT_PLACE_OPEN) {
            fleet->places[i].state = state;
            how_many--;
        }
    }
    assert_int_equal(how_many, 0);
}

static void test_rollout_goes_in_waves(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(100, 5, 40, 100);
    assert_int_equal(next(&fleet), 5);
    assert_int_equal(next(&fleet), 0);
    end_open(&fleet, CT_PLACE_GOOD, 4);
    assert_int_equal(next(&fleet), 0); /* the canary has not ended */
    end_open(&fleet, CT_PLACE_GOOD, 1);
    assert_int_equal(next(&fleet), 40);
    end_open(&fleet, CT_PLACE_GOOD, 40);
    assert_int_equal(next(&fleet), 40);
    end_open(&fleet, CT_PLACE_GOOD, 40);
    assert_int_equal(next(&fleet), 15);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_RUNNING);
    end_open(&fleet, CT_PLACE_GOOD, 15);
    assert_int_equal(next(&fleet), 0);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_DONE);
}

/* Halts at the first failure that makes the threshold impossible: for 40 vehicles and 90 % the fifth. */
static void test_rollout_halts_at_its_threshold_not_before(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(60, 1, 40, 90);
    assert_int_equal(next(&fleet), 1);
    end_open(&fleet, CT_PLACE_GOOD, 1);
    assert_int_equal(next(&fleet), 40);
    end_open(&fleet, CT_PLACE_BAD, 4);
    (void)next(&fleet);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_RUNNING);
    end_open(&fleet, CT_PLACE_BAD, 1);
    assert_int_equal(next(&fleet), 0);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_HALTED);
    end_open(&fleet, CT_PLACE_GOOD, 35);
    assert_int_equal(next(&fleet), 0);
    assert_int_equal(count_of(&fleet, CT_PLACE_WAITING), 19);
    assert_true(ct_rollout_resume(&fleet.rollout, 90));
    assert_int_equal(next(&fleet), 19);
    end_open(&fleet, CT_PLACE_GOOD, 19);
    (void)next(&fleet);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_DONE);
}

static void test_rollout_declined_counts_neither_way(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(20, 10, 10, 50);
    assert_int_equal(next(&fleet), 10);
    end_open(&fleet, CT_PLACE_DECLINED, 8);
    end_open(&fleet, CT_PLACE_BAD, 1);
    (void)next(&fleet);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_RUNNING); /* 1 of 2 may fail */
    end_open(&fleet, CT_PLACE_BAD, 1);
    (void)next(&fleet);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_HALTED);
}

static void test_rollout_unreachable_are_waited_for_not_offered(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(3, 2, 2, 100);
    fleet.places[0].reachable = false;
    fleet.places[1].reachable = false;
    assert_int_equal(next(&fleet), 1);
    end_open(&fleet, CT_PLACE_GOOD, 1);
    assert_int_equal(next(&fleet), 0);
    assert_int_equal(fleet.rollout.wave, 0);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_RUNNING);
    fleet.places[0].reachable = true;
    assert_int_equal(next(&fleet), 1);
    assert_int_equal(fleet.rollout.wave, 0);
}

static void test_rollout_paused_cancelled_or_late_offers_nothing(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(10, 2, 2, 100);
    assert_false(ct_rollout_resume(&fleet.rollout, 100));
    assert_true(ct_rollout_pause(&fleet.rollout));
    assert_false(ct_rollout_pause(&fleet.rollout));
    assert_int_equal(next(&fleet), 0);
    assert_true(ct_rollout_resume(&fleet.rollout, 100));
    assert_int_equal(fleet.rollout.wave, 0);
    assert_int_equal(next(&fleet), 2);
    end_open(&fleet, CT_PLACE_GOOD, 2);
    assert_int_equal(ct_rollout_next(&fleet.rollout, fleet.places, fleet.count, LATER - 1), 2);
    assert_int_equal(ct_rollout_next(&fleet.rollout, fleet.places, fleet.count, LATER), 0);
    assert_int_equal(fleet.rollout.state, CT_ROLLOUT_EXPIRED);
    assert_true(ct_rollout_cancel(&fleet.rollout));
    assert_false(ct_rollout_cancel(&fleet.rollout));
    assert_int_equal(ct_rollout_next(&fleet.rollout, fleet.places, fleet.count, 0), 0);
}

/* Bad vehicles of the wave in hand never exceed what its threshold allows by more than the one that halts it, and never
 * more are open than a wave has. */
static void test_rollout_property_of_random_fleets(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned round = 0; round < 2000; round++) {
        seed = seed * 1664525U + 1013904223U;
        const uint32_t canary = 1 + (seed >> 8) % 20;
        const uint32_t wave = 1 + (seed >> 14) % 60;
        const uint32_t percent = (seed >> 20) % 101;
        const unsigned failing = (seed >> 5) % 40;
        struct fleet fleet = fleet_of(1 + (seed >> 3) % FLEET, canary, wave, percent);
        unsigned turns = 0;
        while (fleet.rollout.state == CT_ROLLOUT_RUNNING) {
            (void)next(&fleet);
            const size_t size = fleet.rollout.wave == 0 ? canary : wave;
            assert_true(count_of(&fleet, CT_PLACE_OPEN) <= size);
            seed = seed * 1664525U + 1013904223U;
            if (fleet.rollout.state == CT_ROLLOUT_RUNNING) {
                end_open(&fleet, (seed >> 16) % 100 < failing ? CT_PLACE_BAD : CT_PLACE_GOOD, 1);
            }
            size_t bad = 0;
            for (size_t i = 0; i < fleet.count; i++) {
                bad += fleet.places[i].state == CT_PLACE_BAD && fleet.places[i].wave == fleet.rollout.wave;
            }
            assert_true(bad == 0 || (bad - 1) * 100 <= (100 - percent) * size);
            assert_true(++turns < 1000);
        }
        assert_true(fleet.rollout.state == CT_ROLLOUT_HALTED || count_of(&fleet, CT_PLACE_WAITING) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollout_goes_in_waves),
        cmocka_unit_test(test_rollout_halts_at_its_threshold_not_before),
        cmocka_unit_test(test_rollout_declined_counts_neither_way),
        cmocka_unit_test(test_rollout_unreachable_are_waited_for_not_offered),
        cmocka_unit_test(test_rollout_paused_cancelled_or_late_offers_nothing),
        cmocka_unit_test(test_rollout_property_of_random_fleets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
