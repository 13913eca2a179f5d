/* No rule set ever forwards a frame that no rule allows: random rules and frames against a reading of the table that
 * does nothing clever. A seed is printed; CANTWIN_SEED repeats it, CANTWIN_LONG asks for a thousand times as many. */
#include "routes.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RULES_MAX 40
#define BUSES     5
#define FRAMES    400

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

/* Few different ids and masks, so that rules overlap. */
static uint32_t draw_id(bool extended)
{
    const uint32_t low = draw(6);
    return extended ? draw(2) << 28 | draw(3) << 16 | low : draw(3) << 8 | low;
}

static uint32_t draw_mask(void)
{
    static const uint32_t masks[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0x7FF, 0x1FFFFFFE, 0x700, 0x10000001, 0};
    return masks[draw(8)];
}

struct world {
    struct ct_route_rule rules[RULES_MAX];
    size_t count;
    bool fd[CT_ROUTES_BUSES_MAX];
    struct ct_routes *routes;
    /* what the table says of the frame under way */
    int expected[BUSES]; /* rule by destination, -1: none */
    unsigned sent[BUSES];
    const struct ct_frame *frame;
    uint64_t forwarded[RULES_MAX];
    double rate_seconds[RULES_MAX];
};

static bool same_ids(const struct ct_route_rule *a, const struct ct_route_rule *b)
{
    const uint32_t all = a->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    return a->from == b->from && a->to == b->to && a->extended == b->extended && (a->mask & all) == (b->mask & all) &&
           ((a->id ^ b->id) & a->mask & all) == 0;
}

static void draw_rules(struct world *world)
{
    world->count = draw(RULES_MAX + 1);
    for (size_t i = 0; i < world->count; i++) {
        const bool extended = draw(2) == 0;
        const uint8_t from = (uint8_t)draw(BUSES);
        struct ct_route_rule rule = {.from = from,
                                     .to = (uint8_t)((from + 1 + draw(BUSES - 1)) % BUSES),
                                     .id = draw_id(extended),
                                     .mask = draw_mask(),
                                     .extended = extended,
                                     .max_per_s = draw(4) == 0 ? 1 + draw(20) : 1e9};
        bool twice = false;
        for (size_t k = 0; k < i; k++) {
            twice = twice || same_ids(&world->rules[k], &rule);
        }
        if (twice) {
            world->count = i; /* such a table is refused: see routes_test.c */
        }
        world->rules[i] = rule;
    }
    for (size_t b = 0; b < BUSES; b++) {
        world->fd[b] = draw(2) == 0;
    }
}

static struct ct_frame draw_frame(void)
{
    const bool extended = draw(2) == 0;
    const bool fd = draw(3) == 0;
    struct ct_frame frame = {.bus = (uint8_t)draw(BUSES + 1), .id = draw_id(extended)};
    frame.flags =
        (uint16_t)((extended ? CT_FRAME_EXT : 0) | (fd ? CT_FRAME_FD : 0) | (draw(20) == 0 ? CT_FRAME_SENT : 0));
    if (!fd && draw(20) == 0) {
        frame.flags |= CT_FRAME_RTR;
    }
    frame.len = fd ? ct_frame_fd_length(draw(65)) : (uint8_t)draw(9);
    for (size_t i = 0; i < frame.len; i++) {
        frame.data[i] = (uint8_t)draw(256);
    }
    return frame;
}

/* The first line of the table that fits, for each destination; read from the top, every time. */
static void expect(struct world *world, const struct ct_frame *frame)
{
    for (size_t to = 0; to < BUSES; to++) {
        world->expected[to] = -1;
        world->sent[to] = 0;
        for (size_t i = 0; i < world->count && world->expected[to] < 0; i++) {
            const struct ct_route_rule *rule = &world->rules[i];
            const bool id_fits = rule->extended == ((frame->flags & CT_FRAME_EXT) != 0) &&
                                 (frame->id & rule->mask) == (rule->id & rule->mask);
            if (rule->to == to && rule->from == frame->bus && id_fits) {
                world->expected[to] = (int)i;
            }
        }
        if ((frame->flags & (CT_FRAME_SENT | CT_FRAME_RTR | CT_FRAME_ERR)) != 0 ||
            ((frame->flags & CT_FRAME_FD) != 0 && !world->fd[to])) {
            world->expected[to] = -1;
        }
    }
    world->frame = frame;
}

static enum ct_route_result take(void *user, const struct ct_frame *frame, ct_ns now)
{
    struct world *world = user;
    (void)now;
    assert_true(frame->bus < BUSES);
    assert_true(world->expected[frame->bus] >= 0); /* the property */
    assert_true(ct_frame_same(frame, world->frame));
    assert_int_equal(world->sent[frame->bus], 0);
    world->sent[frame->bus] = 1;
    world->forwarded[world->expected[frame->bus]]++;
    return CT_ROUTE_FORWARDED;
}

/* What is allowed and fast enough for its rule is forwarded too. */
static void check_sent(const struct world *world, double elapsed_s)
{
    for (size_t to = 0; to < BUSES; to++) {
        const int rule = world->expected[to];
        if (rule < 0) {
            assert_int_equal(world->sent[to], 0);
        } else if (world->rules[rule].max_per_s >= 1e9) {
            assert_int_equal(world->sent[to], 1);
        } else {
            const double most = world->rules[rule].max_per_s * (1 + elapsed_s);
            assert_true((double)world->forwarded[rule] <= most + 1e-6);
        }
    }
}

static void check_table(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    size_t wrong = 0;
    ct_ns now = CT_NS_PER_S;
    draw_rules(world);
    const int err = ct_routes_create(world->rules, world->count, world->fd, &world->routes, &wrong);
    assert_int_equal(err, CT_OK);
    for (size_t i = 0; i < FRAMES; i++) {
        const struct ct_frame frame = draw_frame();
        now += draw(20) * CT_NS_PER_MS;
        expect(world, &frame);
        ct_routes_frame(world->routes, &frame, now, take, world);
        check_sent(world, (double)(now - CT_NS_PER_S) / 1e9);
    }
    for (size_t i = 0; i < world->count; i++) {
        size_t by = 0;
        assert_int_equal(ct_routes_counts(world->routes, i)->by_result[CT_ROUTE_FORWARDED], world->forwarded[i]);
        if (ct_routes_hidden(world->routes, i, &by)) {
            assert_true(by < i);
            assert_int_equal(world->forwarded[i], 0);
        }
    }
    ct_routes_free(world->routes);
    free(world);
}

static void test_routes_forward_what_the_table_says_and_nothing_else(void **state)
{
    (void)state;
    const char *given = getenv("CANTWIN_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    const char *whole = getenv("CANTWIN_LONG");
    const unsigned tables = whole != NULL && whole[0] != '\0' ? 400000 : 400;
    printf("CANTWIN_SEED=%llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < tables; i++) {
        random_state = (seed + i) * UINT64_C(0x9E3779B97F4A7C15) | 1;
        check_table();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_forward_what_the_table_says_and_nothing_else),
    };
    return cmocka_run_group_tests_name("routes_property", tests, NULL, NULL);
}
