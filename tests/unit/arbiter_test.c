#include "arbiter.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define S           CT_NS_PER_S
#define ECUS        4
#define CHANGES_MAX 64

static const struct ct_lease_holder backend = {CT_ORIGIN_BACKEND, 0};
static const struct ct_lease_holder scheduled = {CT_ORIGIN_GATEWAY, 0};
static const struct ct_lease_holder bench = {CT_ORIGIN_LOCAL, 1};
static const struct ct_lease_holder laptop = {CT_ORIGIN_LOCAL, 2};
static const struct ct_lease_holder workshop = {CT_ORIGIN_TESTER, 0x0E80};

struct log {
    size_t n;
    enum ct_lease_change change[CHANGES_MAX];
    uint64_t id[CHANGES_MAX];
};

static void note(void *user, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now)
{
    struct log *log = user;
    (void)now;
    if (log->n < CHANGES_MAX) {
        log->change[log->n] = change;
        log->id[log->n++] = lease->id;
    }
}

static struct ct_arbiter *make(struct log *log)
{
    struct ct_arbiter *arbiter = NULL;
    *log = (struct log){0};
    const struct ct_arbiter_config config = {.ecu_count = ECUS, .user = log, .changed = note};
    assert_int_equal(ct_arbiter_create(&config, &arbiter), CT_OK);
    return arbiter;
}

static enum ct_lease_answer ask(struct ct_arbiter *arbiter, struct ct_lease_holder holder, ct_ns duration,
                                ct_ns wait_until, ct_ns now, uint64_t *id)
{
    const struct ct_lease_ask what = {.holder = holder, .duration_ns = duration, .wait_until = wait_until};
    return ct_arbiter_acquire(arbiter, &what, now, id);
}

static void assert_owner(struct ct_arbiter *arbiter, struct ct_lease_holder holder, ct_ns now)
{
    struct ct_lease lease = {0};
    assert_int_equal(ct_arbiter_owner(arbiter, 0, now, &lease), CT_OK);
    assert_int_equal(lease.holder.origin, holder.origin);
    assert_int_equal(lease.holder.client, holder.client);
    assert_int_equal(ct_arbiter_may(arbiter, 0, holder, now), CT_VERDICT_ALLOW);
}

static void test_arbiter_free_ecu_is_granted_and_nobody_else_may(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    assert_int_equal(ct_arbiter_may(arbiter, 0, bench, 0), CT_VERDICT_LEASE);
    assert_int_equal(ask(arbiter, bench, 10 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_owner(arbiter, bench, 9 * S);
    assert_int_equal(ct_arbiter_may(arbiter, 0, laptop, 1 * S), CT_VERDICT_LEASE);
    assert_int_equal(ct_arbiter_may(arbiter, 1, bench, 1 * S), CT_VERDICT_LEASE); /* another ECU */
    ct_arbiter_free(arbiter);
}

static void test_arbiter_lease_ends_at_its_expiry(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    struct ct_lease lease;
    assert_int_equal(ask(arbiter, bench, 10 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ct_arbiter_tick(arbiter, 10 * S - 1), 10 * S);
    assert_int_equal(ct_arbiter_owner(arbiter, 0, 10 * S, &lease), CT_ERR_NOT_FOUND);
    assert_int_equal(log.n, 2);
    assert_int_equal(log.change[1], CT_LEASE_CHANGE_EXPIRED);
    assert_int_equal(ct_arbiter_renew(arbiter, id, bench, S, 10 * S), CT_ERR_NOT_FOUND);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_duration_is_cut_to_the_longest(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    struct ct_lease lease;
    assert_int_equal(ask(arbiter, bench, INT64_MAX, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ct_arbiter_owner(arbiter, 0, 0, &lease), CT_OK);
    assert_int_equal(lease.expires_ns, CT_LEASE_MAX);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_equal_waits_in_order_and_gets_it_on_release(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t third = 0;
    assert_int_equal(ask(arbiter, bench, 30 * S, 0, 0, &first), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, laptop, 30 * S, 0, 0, &second), CT_LEASE_TAKEN); /* it does not wait */
    assert_int_equal(ask(arbiter, laptop, 30 * S, 20 * S, 0, &second), CT_LEASE_WAITING);
    assert_int_equal(ask(arbiter, workshop, 30 * S, 20 * S, 1, &third), CT_LEASE_WAITING);
    assert_int_equal(ct_arbiter_waiting(arbiter, 0), 2);
    assert_int_equal(ct_arbiter_release(arbiter, first, laptop, 2), CT_ERR_NOT_FOUND); /* not its own */
    assert_int_equal(ct_arbiter_release(arbiter, first, bench, 2), CT_OK);
    assert_owner(arbiter, laptop, 2);
    assert_int_equal(ct_arbiter_release(arbiter, second, laptop, 3), CT_OK);
    assert_owner(arbiter, workshop, 3);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_waiting_ends_in_vain(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    assert_int_equal(ask(arbiter, bench, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, laptop, 30 * S, 5 * S, 0, &id), CT_LEASE_WAITING);
    assert_int_equal(ct_arbiter_tick(arbiter, 1 * S), 5 * S);
    assert_int_equal(ct_arbiter_tick(arbiter, 5 * S), 30 * S);
    assert_int_equal(log.change[log.n - 1], CT_LEASE_CHANGE_TIMED_OUT);
    assert_int_equal(log.id[log.n - 1], id);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_higher_priority_takes_the_ecu_at_once(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    assert_int_equal(ask(arbiter, scheduled, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, backend, 30 * S, 0, 1, &id), CT_LEASE_GRANTED);
    assert_int_equal(log.change[1], CT_LEASE_CHANGE_PREEMPTED);
    assert_int_equal(ask(arbiter, workshop, 30 * S, 0, 2, &id), CT_LEASE_GRANTED);
    assert_owner(arbiter, workshop, 3);
    assert_int_equal(ask(arbiter, backend, 30 * S, 0, 3, &id), CT_LEASE_TAKEN);
    assert_int_equal(ask(arbiter, bench, 30 * S, 0, 3, &id), CT_LEASE_TAKEN); /* an equal does not */
    ct_arbiter_free(arbiter);
}

static void test_arbiter_highest_waiting_is_served_first(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    uint64_t unused = 0;
    assert_int_equal(ask(arbiter, workshop, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, scheduled, 30 * S, 60 * S, 0, &unused), CT_LEASE_WAITING);
    assert_int_equal(ask(arbiter, backend, 30 * S, 60 * S, 1, &unused), CT_LEASE_WAITING);
    assert_int_equal(ct_arbiter_release(arbiter, id, workshop, 2), CT_OK);
    assert_owner(arbiter, backend, 2);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_renewing_ends_when_an_equal_waits(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    uint64_t unused = 0;
    assert_int_equal(ask(arbiter, bench, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, laptop, 30 * S, 1000 * S, 1 * S, &unused), CT_LEASE_WAITING);
    for (ct_ns now = 2 * S; now < 60 * S; now += S) {
        assert_int_equal(ct_arbiter_renew(arbiter, id, bench, 30 * S, now), CT_OK);
        assert_owner(arbiter, bench, now);
    }
    assert_owner(arbiter, laptop, 60 * S);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_alone_renews_for_ever_but_a_lower_waiting_one_does_not_count(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    uint64_t unused = 0;
    assert_int_equal(ask(arbiter, bench, 10 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, backend, 30 * S, 1000 * S, 0, &unused), CT_LEASE_WAITING);
    for (ct_ns now = S; now < 500 * S; now += 9 * S) {
        assert_int_equal(ct_arbiter_renew(arbiter, id, bench, 10 * S, now), CT_OK);
    }
    assert_owner(arbiter, bench, 500 * S);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_foreign_tester_frees_and_holds_off(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    struct ct_lease lease;
    assert_int_equal(ask(arbiter, workshop, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    ct_arbiter_foreign(arbiter, 0, 1 * S);
    assert_int_equal(log.change[1], CT_LEASE_CHANGE_FOREIGN);
    assert_int_equal(ct_arbiter_owner(arbiter, 0, 1 * S, &lease), CT_ERR_NOT_FOUND);
    assert_int_equal(ask(arbiter, workshop, 30 * S, 0, 2 * S, &id), CT_LEASE_FOREIGN);
    assert_int_equal(ask(arbiter, backend, 30 * S, 100 * S, 2 * S, &id), CT_LEASE_WAITING);
    ct_arbiter_foreign(arbiter, 0, 4 * S); /* it talks on: the time begins anew */
    assert_int_equal(ct_arbiter_tick(arbiter, 6 * S), 9 * S);
    assert_true(ct_arbiter_is_foreign(arbiter, 0, 9 * S - 1));
    assert_owner(arbiter, backend, 9 * S);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_full_queue_refuses(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    assert_int_equal(ask(arbiter, workshop, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    for (uint32_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        const struct ct_lease_holder holder = {CT_ORIGIN_LOCAL, 100 + i};
        assert_int_equal(ask(arbiter, holder, S, 60 * S, 0, &id), CT_LEASE_WAITING);
    }
    assert_int_equal(ask(arbiter, bench, S, 60 * S, 0, &id), CT_LEASE_FULL);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_holder_that_leaves_gives_up_everything(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    assert_int_equal(ask(arbiter, bench, 30 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ask(arbiter, laptop, 30 * S, 60 * S, 0, &id), CT_LEASE_WAITING);
    assert_int_equal(ask(arbiter, backend, 30 * S, 60 * S, 0, &id), CT_LEASE_WAITING);
    ct_arbiter_leave(arbiter, laptop, 1);
    ct_arbiter_leave(arbiter, bench, 2);
    assert_owner(arbiter, backend, 2);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_request_under_a_lease_is_not_brief_and_does_not_prolong(void **state)
{
    (void)state;
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    uint64_t id = 0;
    uint64_t again = 0;
    struct ct_lease lease;
    const struct ct_lease_ask brief = {.holder = bench, .brief = true};
    assert_int_equal(ask(arbiter, bench, 10 * S, 0, 0, &id), CT_LEASE_GRANTED);
    assert_int_equal(ct_arbiter_acquire(arbiter, &brief, 5 * S, &again), CT_LEASE_GRANTED);
    assert_int_equal(again, id);
    assert_int_equal(ct_arbiter_owner(arbiter, 0, 5 * S, &lease), CT_OK);
    assert_false(lease.brief);
    assert_int_equal(lease.expires_ns, 10 * S);
    ct_arbiter_free(arbiter);
}

/* ---------------------------------------------------------------- against a naive model */

/* One list of everything that was ever asked for; the owner is worked out from it each time. */
#define MODEL_MAX 6000
struct naive {
    struct row {
        uint64_t id;
        size_t ecu;
        struct ct_lease_holder holder;
        ct_ns asked, duration, wait_until, granted, expires;
        enum { WAITS, OWNS, OVER } is;
    } rows[MODEL_MAX];
    size_t n;
    ct_ns foreign_until[ECUS];
};

static int rank(struct ct_lease_holder holder)
{
    return holder.origin == CT_ORIGIN_GATEWAY || holder.origin == CT_ORIGIN_ROUTE ? 0
           : holder.origin == CT_ORIGIN_BACKEND                                   ? 1
                                                                                  : 2;
}

static bool same(struct ct_lease_holder a, struct ct_lease_holder b)
{
    return a.origin == b.origin && a.client == b.client;
}

static struct row *naive_owner(struct naive *model, size_t ecu)
{
    struct row *owner = NULL;
    for (size_t i = 0; i < model->n; i++) {
        if (model->rows[i].is == OWNS && model->rows[i].ecu == ecu) {
            assert_null(owner); /* never two */
            owner = &model->rows[i];
        }
    }
    return owner;
}

static struct row *naive_best(struct naive *model, size_t ecu)
{
    struct row *best = NULL;
    for (size_t i = 0; i < model->n; i++) {
        struct row *row = &model->rows[i];
        if (row->is == WAITS && row->ecu == ecu && (best == NULL || rank(row->holder) > rank(best->holder))) {
            best = row; /* rows are in order of asking */
        }
    }
    return best;
}

static void naive_settle(struct naive *model, ct_ns now)
{
    for (size_t i = 0; i < model->n; i++) {
        struct row *row = &model->rows[i];
        const ct_ns end = row->is == OWNS ? row->expires : row->wait_until;
        row->is = row->is != OVER && now >= end ? OVER : row->is;
    }
    for (size_t ecu = 0; ecu < ECUS; ecu++) {
        struct row *best = naive_best(model, ecu);
        if (naive_owner(model, ecu) == NULL && best != NULL && now >= model->foreign_until[ecu]) {
            best->is = OWNS;
            best->granted = now;
            best->expires = now + best->duration;
        }
    }
}

static size_t naive_waiting(const struct naive *model)
{
    size_t n = 0;
    for (size_t i = 0; i < model->n; i++) {
        n += model->rows[i].is == WAITS ? 1U : 0U;
    }
    return n;
}

static void naive_prolong(struct naive *model, struct row *owner, ct_ns duration, ct_ns now)
{
    const struct row *best = naive_best(model, owner->ecu);
    ct_ns until = now + duration;
    if (best != NULL && rank(best->holder) >= rank(owner->holder) && until > owner->granted + 60 * S) {
        until = owner->granted + 60 * S;
    }
    owner->expires = until > owner->expires ? until : owner->expires;
}

static enum ct_lease_answer naive_acquire(struct naive *model, const struct ct_lease_ask *what, ct_ns now, uint64_t id)
{
    naive_settle(model, now);
    struct row *owner = naive_owner(model, what->ecu);
    if (owner != NULL && same(owner->holder, what->holder)) {
        naive_prolong(model, owner, what->duration_ns, now);
        return CT_LEASE_GRANTED;
    }
    for (size_t i = 0; i < model->n; i++) {
        struct row *row = &model->rows[i];
        if (row->is == WAITS && row->ecu == what->ecu && same(row->holder, what->holder)) {
            row->wait_until = what->wait_until > row->wait_until ? what->wait_until : row->wait_until;
            return CT_LEASE_WAITING;
        }
    }
    struct row row = {.id = id,
                      .ecu = what->ecu,
                      .holder = what->holder,
                      .asked = now,
                      .duration = what->duration_ns,
                      .wait_until = what->wait_until};
    const bool foreign = now < model->foreign_until[what->ecu];
    if (!foreign && (owner == NULL || rank(owner->holder) < rank(what->holder))) {
        if (owner != NULL) {
            owner->is = OVER;
        }
        row.is = OWNS;
        row.granted = now;
        row.expires = now + row.duration;
        model->rows[model->n++] = row;
        return CT_LEASE_GRANTED;
    }
    if (what->wait_until <= now) {
        return foreign ? CT_LEASE_FOREIGN : CT_LEASE_TAKEN;
    }
    if (naive_waiting(model) >= CT_ARBITER_WAITING_MAX) {
        return CT_LEASE_FULL;
    }
    row.is = WAITS;
    model->rows[model->n++] = row;
    return CT_LEASE_WAITING;
}

static uint32_t rnd(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33) % below;
}

static void compare(struct naive *model, struct ct_arbiter *arbiter, ct_ns now)
{
    naive_settle(model, now);
    for (size_t ecu = 0; ecu < ECUS; ecu++) {
        const struct row *owner = naive_owner(model, ecu);
        struct ct_lease lease;
        const int err = ct_arbiter_owner(arbiter, ecu, now, &lease);
        assert_int_equal(err == CT_OK, owner != NULL);
        if (owner != NULL) {
            assert_int_equal(lease.id, owner->id);
            assert_int_equal(lease.expires_ns, owner->expires);
            assert_true(lease.expires_ns > now);
            assert_true(now >= model->foreign_until[ecu]);
        }
    }
}

static void random_release(struct naive *model, struct ct_arbiter *arbiter, uint64_t *seed, ct_ns now)
{
    if (model->n == 0) {
        return;
    }
    const size_t back = rnd(seed, 12);
    struct row *row = &model->rows[model->n - 1 - (back < model->n ? back : 0)];
    const bool over = row->is == OVER;
    assert_int_equal(ct_arbiter_release(arbiter, row->id, row->holder, now), over ? CT_ERR_NOT_FOUND : CT_OK);
    row->is = OVER;
}

static void random_renew(struct naive *model, struct ct_arbiter *arbiter, uint64_t *seed, ct_ns now)
{
    struct row *owner = naive_owner(model, rnd(seed, ECUS));
    if (owner != NULL) {
        const ct_ns duration = (1 + (ct_ns)rnd(seed, 60)) * S;
        naive_prolong(model, owner, duration, now);
        assert_int_equal(ct_arbiter_renew(arbiter, owner->id, owner->holder, duration, now), CT_OK);
    }
}

static void random_acquire(struct naive *model, struct ct_arbiter *arbiter, uint64_t *seed, ct_ns now)
{
    static const enum ct_origin origins[] = {CT_ORIGIN_BACKEND, CT_ORIGIN_LOCAL, CT_ORIGIN_GATEWAY, CT_ORIGIN_TESTER};
    const struct ct_lease_ask what = {.ecu = rnd(seed, ECUS),
                                      .holder = {origins[rnd(seed, 4)], rnd(seed, 6)},
                                      .duration_ns = (1 + (ct_ns)rnd(seed, 60)) * S,
                                      .wait_until = rnd(seed, 3) == 0 ? 0 : now + (ct_ns)rnd(seed, 90) * S};
    uint64_t id = 0;
    const enum ct_lease_answer answer = ct_arbiter_acquire(arbiter, &what, now, &id);
    assert_int_equal(answer, naive_acquire(model, &what, now, id));
}

static void run_seed(uint64_t seed)
{
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    struct naive *model = calloc(1, sizeof *model);
    assert_non_null(model);
    ct_ns now = 1;
    for (unsigned step = 0; step < 3000; step++) {
        now += (ct_ns)rnd(&seed, 3) * (ct_ns)rnd(&seed, 5) * S / 2;
        naive_settle(model, now);
        (void)ct_arbiter_tick(arbiter, now);
        const uint32_t what = rnd(&seed, 40);
        if (what == 0) {
            const size_t ecu = rnd(&seed, ECUS);
            struct row *owner = naive_owner(model, ecu);
            if (owner != NULL) {
                owner->is = OVER;
            }
            model->foreign_until[ecu] = now + 5 * S;
            ct_arbiter_foreign(arbiter, ecu, now);
        } else if (what < 12) {
            random_release(model, arbiter, &seed, now);
        } else if (what < 18) {
            random_renew(model, arbiter, &seed, now);
        } else {
            random_acquire(model, arbiter, &seed, now);
        }
        compare(model, arbiter, now);
    }
    free(model);
    ct_arbiter_free(arbiter);
}

static void test_arbiter_agrees_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_seed(seed);
    }
}

/* Greedy equals that renew always and ask again at once: each gets its turn within the others' longest turns. */
static void test_arbiter_equals_do_not_starve_each_other(void **state)
{
    (void)state;
    enum { PEERS = 5 };
    struct log log;
    struct ct_arbiter *arbiter = make(&log);
    ct_ns had[PEERS] = {0};
    for (ct_ns now = 0; now < 3600 * S; now += S / 2) {
        for (uint32_t i = 0; i < PEERS; i++) {
            const struct ct_lease_holder holder = {i % 2 == 0 ? CT_ORIGIN_LOCAL : CT_ORIGIN_TESTER, i};
            uint64_t id = 0;
            (void)ask(arbiter, holder, 60 * S, now + 4000 * S, now, &id);
            if (ct_arbiter_may(arbiter, 0, holder, now) == CT_VERDICT_ALLOW) {
                had[i] = now;
            }
            assert_true(now - had[i] <= (PEERS + 1) * CT_LEASE_MAX);
        }
    }
    ct_arbiter_free(arbiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arbiter_free_ecu_is_granted_and_nobody_else_may),
        cmocka_unit_test(test_arbiter_lease_ends_at_its_expiry),
        cmocka_unit_test(test_arbiter_duration_is_cut_to_the_longest),
        cmocka_unit_test(test_arbiter_equal_waits_in_order_and_gets_it_on_release),
        cmocka_unit_test(test_arbiter_waiting_ends_in_vain),
        cmocka_unit_test(test_arbiter_higher_priority_takes_the_ecu_at_once),
        cmocka_unit_test(test_arbiter_highest_waiting_is_served_first),
        cmocka_unit_test(test_arbiter_renewing_ends_when_an_equal_waits),
        cmocka_unit_test(test_arbiter_alone_renews_for_ever_but_a_lower_waiting_one_does_not_count),
        cmocka_unit_test(test_arbiter_foreign_tester_frees_and_holds_off),
        cmocka_unit_test(test_arbiter_full_queue_refuses),
        cmocka_unit_test(test_arbiter_holder_that_leaves_gives_up_everything),
        cmocka_unit_test(test_arbiter_request_under_a_lease_is_not_brief_and_does_not_prolong),
        cmocka_unit_test(test_arbiter_agrees_with_a_naive_model),
        cmocka_unit_test(test_arbiter_equals_do_not_starve_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
