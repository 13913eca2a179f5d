/* A day in simulated time: a batch every ten seconds, a fault every minute - the link cut, the backend killed, its
 * power cut, the vehicle's process gone. In the end every batch is stored once and as it
 * was made; from the second hour on neither memory nor descriptors grow. */
#include "fleet_world.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>

#define HOURS       24U
#define STEPS       6U /* of ten seconds, in a minute */
#define STEP        (10 * CT_NS_PER_S)
#define SLOPE_MAX   (1024U * 1024U) /* bytes a day */
#define FIRST_HOURS 2U              /* what is kept for the length of a life is there by then */

static unsigned roll(uint64_t *seed, unsigned n)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(*seed >> 33) % n;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    assert_int_equal(closedir(folder), 0);
    return count;
}

/* Of what this process asked for and has not given back. */
static size_t memory_in_use(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void fault(struct world *world, uint64_t *seed)
{
    switch (roll(seed, 12)) {
    case 0:
        world_kill_fleet(world);
        world_start_fleet(world);
        break;
    case 1:
        world_cut_power(world);
        world_start_fleet(world);
        break;
    case 2:
        assert_true(toy_vehicle_restart(world->toy));
        break;
    default:
        world->cut = true; /* until the minute is half over */
        break;
    }
}

static void minute(struct world *world, uint64_t *seed)
{
    fault(world, seed);
    for (unsigned i = 0; i < STEPS; i++) {
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        if (roll(seed, 4) == 0) {
            world_turn_without_sync(world, STEP);
        } else {
            world_turn(world, STEP);
        }
        world->cut = world->cut && i < STEPS / 2;
    }
}

/* In a state that can be compared: all is home and committed, and this life has just begun. */
static size_t measure(struct world *world)
{
    world_settle(world);
    world_stop_fleet(world);
    world_start_fleet(world);
    world_turn(world, STEP);
    return memory_in_use();
}

static void test_fleet_a_day_of_faults_each_minute_loses_nothing_and_grows_nowhere(void **state)
{
    (void)state;
    uint64_t seed = 20;
    struct world *world = world_open(2);
    size_t memory = 0;
    size_t descriptors = 0;
    size_t worst = 0;
    for (unsigned hour = 0; hour < HOURS; hour++) {
        for (unsigned i = 0; i < 60; i++) {
            minute(world, &seed);
        }
        const size_t now = measure(world);
        if (hour < FIRST_HOURS) {
            memory = now;
            descriptors = open_descriptors();
        }
        worst = now > worst ? now : worst;
        assert_int_equal(open_descriptors(), descriptors);
    }
    print_message("%zu bytes in use after %u hours, at most %zu later\n", memory, FIRST_HOURS, worst);
    assert_true(worst < memory + SLOPE_MAX);
    struct toy_stats stats;
    toy_vehicle_stats(world->toy, &stats);
    assert_int_equal(stats.batches, HOURS * 60 * STEPS);
    world_assert_history(world, 0, 1, stats.batches);
    world_assert_history(world, 1, 1, stats.batches);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fleet_a_day_of_faults_each_minute_loses_nothing_and_grows_nowhere),
    };
    return cmocka_run_group_tests_name("fleet soak", tests, NULL, NULL);
}
