/* The backend dies at many moments; afterwards every batch is there, exactly once. */
#include "fleet_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

/* One life of the backend: some batches arrive, some are synced, some folded, some committed; then it is killed. */
static void one_life(struct world *world, uint64_t *seed)
{
    const unsigned turns = (unsigned)(next_random(seed) % 40);
    for (unsigned i = 0; i < turns; i++) {
        const uint64_t dice = next_random(seed) % 10;
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        if (dice < 3) {
            world_turn_without_sync(world, 20 * CT_NS_PER_MS);
        } else {
            world_turn(world, (ct_ns)(dice * 40) * CT_NS_PER_MS);
        }
        if (dice == 9) {
            assert_int_equal(ct_folder_commit(world->folder), CT_OK);
        }
    }
}

static void lives_and_deaths(uint64_t seed, size_t open_samples_max, ct_ns chunk_ns)
{
    struct world *world = world_open(3);
    world_stop_fleet(world);
    world->config.open_samples_max = open_samples_max;
    world->config.chunk_ns = chunk_ns;
    world_start_fleet(world);
    for (unsigned life = 0; life < 25; life++) {
        one_life(world, &seed);
        if (life % 5 == 4) {
            world_stop_fleet(world);
        } else if (life % 2 == 0) {
            world_cut_power(world);
        } else {
            world_kill_fleet(world);
        }
        if (life % 7 == 3) {
            assert_true(toy_vehicle_restart(world->toy));
        }
        world_start_fleet(world);
    }
    world_settle(world);
    struct toy_stats stats;
    toy_vehicle_stats(world->toy, &stats);
    for (uint32_t counter = 0; counter < 3; counter++) {
        world_assert_history(world, counter, 1, stats.batches);
    }
    world_kill_fleet(world);
    world_start_fleet(world);
    world_turn(world, 0); /* what the log holds beyond the last commit */
    world_assert_history(world, 1, 1, stats.batches);
    world_close(world);
}

static void test_fleet_killed_at_random_moments_stores_everything_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        lives_and_deaths(seed, 0, 0);
    }
}

static void test_fleet_killed_with_short_chunks_stores_everything_once(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 16; seed++) {
        lives_and_deaths(seed, 50, CT_NS_PER_S / 2);
    }
}

#ifdef CANTWIN_CRASH_POINTS
/* The child runs into the crash point and dies by SIGKILL; what it had sent is the vehicle's outbox of the parent. */
static void killed_at(const char *point, bool die)
{
    struct world *world = world_open(3);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        world_turn(world, 30 * CT_NS_PER_MS);
    }
    world_stop_fleet(world);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CANTWIN_CRASH_AT", point, 1);
        world_start_fleet(world);
        for (unsigned i = 0; i < 200; i++) {
            (void)toy_vehicle_batch(world->toy, world->now, world->utc_ns);
            world_turn(world, 30 * CT_NS_PER_MS);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, die);

    /* The vehicle's outbox is a disk that the child filled; here it has the same batches, made again. */
    world->cut = true;
    for (unsigned i = 0; i < 200; i++) {
        assert_true(toy_vehicle_batch(world->toy, world->now, world->utc_ns));
        world_turn(world, 30 * CT_NS_PER_MS);
    }
    world->cut = false;
    world_start_fleet(world);
    world_settle(world);
    for (uint32_t counter = 0; counter < 3; counter++) {
        world_assert_history(world, counter, 1, 260);
    }
    world_close(world);
}

static void test_fleet_killed_at_named_points_stores_everything_once(void **state)
{
    (void)state;
    killed_at("fleet-before-log:40", true);
    killed_at("fleet-before-ack:25", true);
    killed_at("fleet-in-fold:1", true);
    killed_at("fleet-in-fold:5", true);
    killed_at("nowhere", false);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fleet_killed_at_random_moments_stores_everything_once),
        cmocka_unit_test(test_fleet_killed_with_short_chunks_stores_everything_once),
#ifdef CANTWIN_CRASH_POINTS
        cmocka_unit_test(test_fleet_killed_at_named_points_stores_everything_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
