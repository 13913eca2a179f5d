/* Updates applied to model ECUs whose content is the truth: cut at every point, with faults, and held. The ECUs know
 * nothing of the machine: they answer by ISO 14229-1. */
#include "apply.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS  20
#define BLOCK       1234
#define BLOCK_AT    0x12000
#define ECUS        2
#define JOURNAL_MAX 65536
#define ACTIONS_MAX 4000
#define SEED_BYTE   0x5A
#define WRONG_BYTE  0xEE

struct model_ecu {
    uint8_t value[PARAMETERS][4]; /* of DID 0100 + i */
    uint8_t session;
    bool unlocked, prepared; /* routine 0203 has run */
    unsigned writes;
    bool lies; /* reads back something else than what was written */
};

/* What goes wrong, in percent of the requests; and from when on everything does. */
struct faults {
    unsigned percent;
    uint32_t random;
};

struct world {
    struct ct_release release;
    struct model_ecu ecus[ECUS];
    uint8_t journal[JOURNAL_MAX];
    size_t journal_len;
    bool may_write, disk_full;
    enum ct_update_verdict why;
    struct faults faults;
    struct ct_apply apply;
    struct ct_update_progress progress;
    ct_ns now;
    uint8_t answer[600];
    size_t answer_len;
    uint8_t own[2][CT_UPDATE_HASH_SIZE + 4];          /* in use, kept aside */
    uint8_t memory[BLOCK], fresh[BLOCK], kept[BLOCK]; /* of ECU 1 at 00012000; the new content; the old one kept */
    size_t loaded;                                    /* of a download under way */
    bool no_content;
    unsigned effects_while_moving; /* requests that change something, sent while nothing may be written */
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U; /* Numerical Recipes */
    return *state >> 8;
}

static uint8_t old_byte(size_t i)
{
    return (uint8_t)(10 + i);
}

static uint8_t new_byte(size_t i)
{
    return (uint8_t)(110 + i);
}

static size_t ecu_of(size_t i)
{
    return i < PARAMETERS / 2 ? 0 : 1;
}

static void make_world(struct world *w)
{
    struct ct_release *release = &w->release;
    memset(w, 0, sizeof *w);
    w->may_write = true;
    release->target_count = ECUS;
    release->parameter_count = PARAMETERS;
    release->max_apply_s = 3600;
    for (size_t i = 0; i < ECUS; i++) {
        struct ct_update_target *target = &release->targets[i];
        (void)snprintf(target->ecu, sizeof target->ecu, "ecu%zu", i);
        target->session = 3;
        target->security_level = i == 0 ? 1 : 0;
        target->before_count = i == 0 ? 1 : 0;
        target->before[0].routine = 0x0203;
        target->after_count = i == 0 ? 1 : 0;
        target->after[0].routine = 0x0204;
        target->reset = i == 1;
        w->ecus[i].session = 1;
    }
    for (size_t i = 0; i < PARAMETERS; i++) {
        struct ct_parameter *p = &release->parameters[i];
        (void)snprintf(p->name, sizeof p->name, "p%zu", i);
        (void)snprintf(p->ecu, sizeof p->ecu, "ecu%zu", ecu_of(i));
        p->place = CT_PLACE_DID;
        p->did = (uint16_t)(0x0100 + i);
        p->type = CT_PARAMETER_BYTES;
        p->factor = 1;
        p->raw_len = 4;
        memset(p->raw, new_byte(i), 4);
        memset(w->ecus[ecu_of(i)].value[i], old_byte(i), 4);
    }
    ct_set_hash(release->parameters, PARAMETERS, release->set_hash);
}

/* ------------------------------------------------------------------------------------------------ the ECUs */

static void say(struct world *w, const uint8_t *bytes, size_t len)
{
    memcpy(w->answer, bytes, len);
    w->answer_len = len;
}

static void refuse(struct world *w, uint8_t service, uint8_t nrc)
{
    const uint8_t answer[] = {0x7F, service, nrc};
    say(w, answer, sizeof answer);
}

static void start_over(struct model_ecu *ecu)
{
    ecu->session = 1;
    ecu->unlocked = ecu->prepared = false;
}

static void security(struct world *w, struct model_ecu *ecu, const uint8_t *request, size_t len)
{
    if (request[1] == 1) {
        const uint8_t answer[] = {0x67, 1, SEED_BYTE, ecu->unlocked ? 0 : 1};
        const uint8_t open[] = {0x67, 1, 0, 0};
        say(w, ecu->unlocked ? open : answer, 4);
    } else if (len == 3 && request[2] == (SEED_BYTE ^ 0xFF)) {
        ecu->unlocked = true;
        say(w, (const uint8_t[]){0x67, 2}, 2);
    } else {
        refuse(w, 0x27, 0x35);
    }
}

static void write_did(struct world *w, struct model_ecu *ecu, size_t number, const uint8_t *request, size_t len)
{
    const size_t i = (size_t)request[2];
    if (ecu->session != 3) {
        refuse(w, 0x2E, 0x7F);
    } else if (number == 0 && (!ecu->unlocked || !ecu->prepared)) {
        refuse(w, 0x2E, 0x33);
    } else if (request[1] != 1 || i >= PARAMETERS || ecu_of(i) != number || len != 7) {
        refuse(w, 0x2E, 0x31);
    } else {
        memcpy(ecu->value[i], request + 3, 4);
        ecu->writes++;
        say(w, (const uint8_t[]){0x6E, 1, (uint8_t)i}, 3);
    }
}

static void read_did(struct world *w, struct model_ecu *ecu, const uint8_t *request)
{
    const size_t i = (size_t)request[2];
    uint8_t answer[7] = {0x62, 1, (uint8_t)i};
    memcpy(answer + 3, ecu->value[i], 4);
    if (ecu->lies) {
        answer[3] = WRONG_BYTE;
    }
    say(w, answer, sizeof answer);
}

static size_t be32(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* 23 44 address size; 34 00 44 address size with blocks of 130 bytes; 36 counter data; 37. */
static void serve_block(struct world *w, struct model_ecu *ecu, const uint8_t *request, size_t len)
{
    if (request[0] == 0x23) {
        const size_t at = be32(request + 2) - BLOCK_AT, size = be32(request + 6);
        assert_true(len == 10 && request[1] == 0x44 && at + size <= BLOCK);
        w->answer[0] = 0x63;
        memcpy(w->answer + 1, w->memory + at, size);
        w->answer_len = 1 + size;
    } else if (ecu->session != 3) {
        refuse(w, request[0], 0x7F);
    } else if (request[0] == 0x34) {
        assert_true(len == 11 && be32(request + 3) == BLOCK_AT && be32(request + 7) == BLOCK);
        w->loaded = 0;
        say(w, (const uint8_t[]){0x74, 0x20, 0, 130}, 4);
    } else if (request[0] == 0x36) {
        assert_true(len > 2 && len <= 130 && w->loaded + len - 2 <= BLOCK);
        if (request[1] != (uint8_t)(w->loaded / 128 + 1)) {
            refuse(w, 0x36, 0x73);
            return;
        }
        memcpy(w->memory + w->loaded, request + 2, len - 2);
        w->loaded += len - 2;
        ecu->writes++;
        say(w, (const uint8_t[]){0x76, request[1]}, 2);
    } else if (w->loaded == BLOCK) {
        say(w, (const uint8_t[]){0x77}, 1);
    } else {
        refuse(w, 0x37, 0x24);
    }
}

static void serve(struct world *w, size_t number, const uint8_t *request, size_t len)
{
    struct model_ecu *ecu = &w->ecus[number];
    switch (request[0]) {
    case 0x23:
    case 0x34:
    case 0x36:
    case 0x37:
        serve_block(w, ecu, request, len);
        break;
    case 0x10:
        start_over(ecu);
        ecu->session = request[1];
        say(w, (const uint8_t[]){0x50, request[1], 0, 50, 1, 244}, 6);
        break;
    case 0x11:
        start_over(ecu);
        say(w, (const uint8_t[]){0x51, 1}, 2);
        break;
    case 0x22:
        read_did(w, ecu, request);
        break;
    case 0x27:
        security(w, ecu, request, len);
        break;
    case 0x2E:
        write_did(w, ecu, number, request, len);
        break;
    default:
        ecu->prepared = ecu->prepared || request[3] == 3;
        say(w, (const uint8_t[]){0x71, 1, request[2], request[3]}, 4);
        break;
    }
}

/* One request through the faults; false: nothing came back. */
static bool ask(struct world *w, const struct ct_apply_action *action)
{
    static const uint8_t nrcs[] = {0x10, 0x21, 0x22, 0x31, 0x33, 0x72, 0x7F, 0x93};
    static const uint8_t with_effect[] = {0x11, 0x2E, 0x31, 0x34, 0x36, 0x37};
    const size_t number = (size_t)(action->ecu[3] - '0');
    if (!w->may_write && memchr(with_effect, action->bytes[0], sizeof with_effect) != NULL) {
        w->effects_while_moving++;
    }
    const bool fault = next_random(&w->faults.random) % 100 < w->faults.percent;
    const unsigned kind = next_random(&w->faults.random) % 5;
    if (fault && kind == 0) {
        refuse(w, action->bytes[0], nrcs[next_random(&w->faults.random) % sizeof nrcs]);
        return true;
    }
    if (fault && kind == 1) {
        return false; /* it did not hear */
    }
    if (fault && kind == 2) {
        start_over(&w->ecus[number]);
        return false;
    }
    serve(w, number, action->bytes, action->len);
    if (fault && kind == 3) {
        return false; /* it heard, and its answer was lost */
    }
    if (fault && kind == 4 && action->bytes[0] == 0x22) {
        w->answer[3] ^= (uint8_t)(1 + next_random(&w->faults.random) % 255); /* read wrong once */
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------ running */

enum cut { CUT_NEVER, CUT_BEFORE, CUT_TORN, CUT_AFTER };

static bool key(void *user, const char *ecu, uint8_t level, const uint8_t *seed, size_t len,
                uint8_t out_key[CT_APPLY_KEY_MAX], size_t *out_len)
{
    (void)user;
    (void)ecu;
    assert_int_equal(level, 1);
    assert_int_equal(len, 2);
    out_key[0] = (uint8_t)(seed[0] ^ 0xFF);
    *out_len = 1;
    return true;
}

static void append(struct world *w, const uint8_t *bytes, size_t len)
{
    assert_true(w->journal_len + len <= JOURNAL_MAX);
    memcpy(w->journal + w->journal_len, bytes, len);
    w->journal_len += len;
}

static struct ct_apply_outcome do_it(struct world *w, const struct ct_apply_action *action)
{
    struct ct_apply_outcome outcome = {.ok = true};
    switch (action->kind) {
    case CT_APPLY_RECORD:
        outcome.ok = !w->disk_full;
        if (outcome.ok) {
            append(w, action->bytes, action->len);
        }
        break;
    case CT_APPLY_CONDITION:
        outcome.ok = w->may_write;
        outcome.why = w->why;
        break;
    case CT_APPLY_REQUEST:
        outcome.ok = ask(w, action);
        outcome.bytes = w->answer;
        outcome.len = w->answer_len;
        break;
    case CT_APPLY_KEEP:
        assert_true(action->offset + action->len <= BLOCK);
        memcpy(w->kept + action->offset, action->bytes, action->len);
        break;
    case CT_APPLY_OWN_READ:
        outcome.bytes = w->own[0];
        outcome.len = sizeof w->own[0];
        memcpy(w->own[1], w->apply.phase == CT_APPLY_READ_OLD ? w->own[0] : w->own[1], sizeof w->own[1]);
        break;
    case CT_APPLY_OWN_WRITE:
        if (action->old) {
            memcpy(w->own[0], w->own[1], sizeof w->own[0]);
        } else {
            memcpy(w->own[0], w->release.parameters[action->index].blob.sha256, CT_UPDATE_HASH_SIZE);
        }
        break;
    case CT_APPLY_WAIT:
    default:
        assert_true(action->until > w->now);
        w->now = action->until;
        break;
    }
    return outcome;
}

/* Runs until it is over, or is cut at action number `at`; returns how many actions there were. */
static size_t run(struct world *w, size_t at, enum cut cut)
{
    struct ct_apply_action action;
    size_t count = 0;
    while (ct_apply_next(&w->apply, w->now, &action) == CT_OK) {
        assert_true(count < ACTIONS_MAX);
        if (count == at && cut == CUT_TORN && action.kind == CT_APPLY_RECORD) {
            append(w, action.bytes, action.len / 2);
        }
        if (count == at && (cut == CUT_BEFORE || cut == CUT_TORN)) {
            return count;
        }
        w->answer_len = 0;
        const struct ct_apply_outcome outcome = do_it(w, &action);
        if (count == at && cut == CUT_AFTER) {
            return count;
        }
        ct_apply_done(&w->apply, &outcome, w->now);
        count++;
    }
    return count;
}

static bool content(void *user, size_t index, bool old, size_t offset, uint8_t *out, size_t len)
{
    const struct world *w = user;
    assert_int_equal(index, PARAMETERS);
    assert_true(offset + len <= BLOCK);
    memcpy(out, (old ? w->kept : w->fresh) + offset, len);
    return !w->no_content;
}

/* All is written; nothing has been read back. */
static void run_to_reading_back(struct world *w)
{
    while (w->apply.phase != CT_APPLY_READING_BACK) {
        struct ct_apply_action action;
        assert_int_equal(ct_apply_next(&w->apply, w->now, &action), CT_OK);
        const struct ct_apply_outcome outcome = do_it(w, &action);
        ct_apply_done(&w->apply, &outcome, w->now);
    }
}

static const struct ct_apply_config *config_of(struct world *w, struct ct_apply_config *config)
{
    *config = (struct ct_apply_config){.release = &w->release, .key = key, .content = content, .user = w};
    return config;
}

static void start(struct world *w)
{
    struct ct_apply_config config;
    struct ct_update_begin begin = {.update_id = {1}, .count = (uint16_t)w->release.parameter_count};
    memcpy(begin.set_after, w->release.set_hash, CT_UPDATE_HASH_SIZE);
    ct_apply_start(&w->apply, config_of(w, &config), &begin, w->now);
}

/* What a restart finds: the journal to its last good record. False: no update was begun. */
static bool restart(struct world *w)
{
    struct ct_apply_config config;
    w->journal_len = ct_update_journal_read(w->journal, w->journal_len, &w->progress);
    for (size_t i = 0; i < ECUS; i++) {
        start_over(&w->ecus[i]); /* S3 has run out meanwhile */
    }
    if (!w->progress.begun) {
        return false;
    }
    ct_apply_resume(&w->apply, config_of(w, &config), &w->progress, w->now);
    return true;
}

static enum ct_update_state result(const struct world *w, enum ct_update_verdict *out_verdict)
{
    uint8_t nrc;
    return ct_apply_result(&w->apply, out_verdict, &nrc);
}

static void assert_content(const struct world *w, uint8_t (*expected)(size_t i))
{
    for (size_t i = 0; i < PARAMETERS; i++) {
        uint8_t bytes[4];
        memset(bytes, expected(i), sizeof bytes);
        assert_memory_equal(w->ecus[ecu_of(i)].value[i], bytes, sizeof bytes);
    }
}

/* What is claimed is what is there. */
static void assert_claim(const struct world *w)
{
    enum ct_update_verdict verdict;
    const enum ct_update_state state = result(w, &verdict);
    if (state == CT_UPDATE_STATE_COMMITTED) {
        assert_content(w, new_byte);
    } else {
        assert_int_equal(state, CT_UPDATE_STATE_ROLLED_BACK);
        assert_content(w, old_byte);
    }
}

static unsigned writes_of(const struct world *w)
{
    return w->ecus[0].writes + w->ecus[1].writes;
}

static int open_world(void **state)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    make_world(w);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    free(*state);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ tests */

static void test_apply_writes_all_and_commits(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_COMMITTED);
    assert_int_equal(verdict, CT_UPDATE_OK);
    assert_content(w, new_byte);
    assert_int_equal(writes_of(w), PARAMETERS);
    assert_true(restart(w)); /* after the commit there is only a report */
    assert_int_equal(run(w, 0, CUT_NEVER), 0);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_COMMITTED);
}

/* Before, inside and after each thing that is done, each followed by a recovery. */
static void test_attack_27_power_cut_at_every_point_leaves_the_old_or_the_new_set(void **state)
{
    static const enum cut cuts[] = {CUT_BEFORE, CUT_TORN, CUT_AFTER};
    struct world *w = *state;
    size_t actions = 0, committed = 0, points = 0;
    start(w);
    actions = run(w, 0, CUT_NEVER);
    assert_true(3 * actions > 180);
    for (size_t at = 0; at < actions; at++) {
        for (size_t c = 0; c < 3; c++) {
            make_world(w);
            start(w);
            (void)run(w, at, cuts[c]);
            points++;
            if (!restart(w)) {
                assert_content(w, old_byte);
                assert_int_equal(writes_of(w), 0);
                continue;
            }
            (void)run(w, 0, CUT_NEVER);
            assert_claim(w);
            committed += w->apply.state == CT_UPDATE_STATE_COMMITTED ? 1U : 0U;
        }
    }
    assert_int_equal(points, 3 * actions);
    assert_int_equal(committed, 1); /* only the cut behind the commit itself keeps the new set */
}

/* Cuts of the recovery, and of the recovery of that, up to five deep. */
static void test_attack_28_power_cut_while_going_back_ends_at_the_old_set(void **state)
{
    struct world *w = *state;
    uint32_t random = 7;
    start(w);
    const size_t actions = run(w, 0, CUT_NEVER);
    for (int sample = 0; sample < 2000; sample++) {
        make_world(w);
        start(w);
        (void)run(w, next_random(&random) % actions, (enum cut)(1 + next_random(&random) % 3));
        bool begun = restart(w);
        const unsigned deep = next_random(&random) % 5;
        for (unsigned i = 0; begun && i < deep; i++) {
            (void)run(w, next_random(&random) % 120, (enum cut)(1 + next_random(&random) % 3));
            begun = restart(w);
        }
        if (begun) {
            (void)run(w, 0, CUT_NEVER);
            assert_claim(w);
        } else {
            assert_content(w, old_byte);
        }
    }
}

static void test_attack_29_damaged_journal_counts_to_its_last_good_record(void **state)
{
    struct world *w = *state;
    start(w);
    (void)run(w, 0, CUT_NEVER);
    const size_t len = w->journal_len;
    uint8_t *whole = malloc(len);
    assert_non_null(whole);
    memcpy(whole, w->journal, len);
    for (size_t cut = 0; cut <= len; cut++) {
        const size_t good = ct_update_journal_read(whole, cut, &w->progress);
        assert_true(good <= cut);
        if (cut < len) {
            assert_false(w->progress.committed);
        }
    }
    for (size_t at = 0; at < len; at++) { /* each byte changed: nothing from there on */
        whole[at] ^= 0x20;
        assert_true(ct_update_journal_read(whole, len, &w->progress) <= at);
        assert_false(w->progress.committed);
        whole[at] ^= 0x20;
    }
    memset(w->journal + len, 0, 100); /* zeros and garbage behind are no records */
    assert_int_equal(ct_update_journal_read(w->journal, len + 100, &w->progress), len);
    memset(w->journal + len, 0x4a, 100);
    assert_int_equal(ct_update_journal_read(w->journal, len + 100, &w->progress), len);
    assert_true(w->progress.committed);
    free(whole);
}

static void test_attack_30_nothing_is_written_without_a_durable_record(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    const size_t actions = run(w, 0, CUT_NEVER);
    for (size_t at = 0; at < actions; at++) {
        make_world(w);
        start(w);
        (void)run(w, at, CUT_BEFORE);
        const unsigned before = writes_of(w);
        w->disk_full = true;
        (void)run(w, 0, CUT_NEVER);
        /* at most the one whose intent was durable */
        assert_true(writes_of(w) <= before + 1);
        const enum ct_update_state state_now = result(w, &verdict);
        assert_true(state_now == CT_UPDATE_STATE_HELD || state_now == CT_UPDATE_STATE_REFUSED);
        assert_int_equal(verdict, CT_UPDATE_NO_SPACE);
        w->disk_full = false;
        if (restart(w)) {
            (void)run(w, 0, CUT_NEVER);
            assert_claim(w);
        } else {
            assert_int_equal(writes_of(w), 0);
        }
    }
}

/* Every refusal and silence, of every service, at every request. */
static void test_attack_31_an_ecu_that_refuses_is_taken_back(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    const size_t actions = run(w, 0, CUT_NEVER);
    for (unsigned nrc = 0x0F; nrc <= 0x93; nrc++) { /* 0F: no answer at all */
        for (size_t at = 0; at < actions; at++) {
            struct ct_apply_action action;
            make_world(w);
            start(w);
            (void)run(w, at, CUT_BEFORE);
            assert_int_equal(ct_apply_next(&w->apply, w->now, &action), CT_OK);
            if (action.kind != CT_APPLY_REQUEST) {
                continue;
            }
            const uint8_t answer[] = {0x7F, action.bytes[0], (uint8_t)nrc};
            const struct ct_apply_outcome outcome = {.ok = nrc != 0x0F, .bytes = answer, .len = sizeof answer};
            ct_apply_done(&w->apply, &outcome, w->now);
            (void)run(w, 0, CUT_NEVER);
            assert_claim(w);
            if (result(w, &verdict) == CT_UPDATE_STATE_ROLLED_BACK) {
                assert_int_equal(verdict, CT_UPDATE_ECU_ERROR);
            }
        }
    }
}

static void test_attack_31_a_short_answer_is_no_answer(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    struct ct_apply_action action;
    start(w);
    do {
        assert_int_equal(ct_apply_next(&w->apply, w->now, &action), CT_OK);
        const struct ct_apply_outcome outcome = do_it(w, &action);
        const struct ct_apply_outcome short_one = {.ok = true, .bytes = (const uint8_t[]){0x6E}, .len = 1};
        const bool writes = action.kind == CT_APPLY_REQUEST && action.bytes[0] == 0x2E;
        ct_apply_done(&w->apply, writes ? &short_one : &outcome, w->now);
    } while (action.kind != CT_APPLY_REQUEST || action.bytes[0] != 0x2E);
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_content(w, old_byte);
}

static void test_attack_32_what_reads_back_differently_is_taken_back(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    run_to_reading_back(w);
    w->ecus[1].value[15][2] ^= 1; /* the ECU rounds, or did not keep it */
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_int_equal(verdict, CT_UPDATE_READBACK_MISMATCH);
    assert_content(w, old_byte);
}

static void test_attack_33_a_way_back_that_fails_three_times_locks(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    run_to_reading_back(w);
    w->ecus[0].lies = true;
    const unsigned before = w->ecus[1].writes;
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLBACK_FAILED);
    assert_int_equal(verdict, CT_UPDATE_ROLLBACK_FAILED);
    assert_int_equal(w->ecus[1].writes - before, 3 * PARAMETERS / 2);
    assert_true(restart(w)); /* and stays so */
    assert_int_equal(run(w, 0, CUT_NEVER), 0);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLBACK_FAILED);
}

/* With a block behind the twenty: its old content is not the journal's, but kept beside it. */
static void make_block_world(struct world *w)
{
    make_world(w);
    struct ct_parameter *p = &w->release.parameters[PARAMETERS];
    w->release.parameter_count = PARAMETERS + 1;
    (void)snprintf(p->name, sizeof p->name, "map");
    (void)snprintf(p->ecu, sizeof p->ecu, "ecu1");
    p->place = CT_PLACE_MEMORY;
    p->type = CT_PARAMETER_BLOB;
    p->memory_address = BLOCK_AT;
    p->memory_size = p->blob.size = BLOCK;
    p->memory_format = 0x44;
    for (size_t i = 0; i < BLOCK; i++) {
        w->memory[i] = (uint8_t)(i * 7);
        w->fresh[i] = (uint8_t)(i * 13 + 1);
    }
}

/* From each action on the vehicle moves; then it stands again, also after a restart. */
static void move_at(struct world *w, size_t at, bool hold)
{
    enum ct_update_verdict verdict;
    make_block_world(w);
    w->release.hold_when_moving = hold;
    start(w);
    (void)run(w, at, CUT_BEFORE);
    w->may_write = false;
    w->why = CT_UPDATE_MOVING;
    (void)run(w, 0, CUT_NEVER);
    assert_true(w->effects_while_moving <= 1); /* the one that was allowed already */
    const enum ct_update_state state = result(w, &verdict);
    const bool held = state == CT_UPDATE_STATE_HELD;
    if (held) {
        assert_int_equal(verdict, CT_UPDATE_MOVING);
    } else if (state == CT_UPDATE_STATE_ROLLED_BACK) {
        assert_int_equal(writes_of(w), 0);
    }
    const bool forward = held && hold && !w->apply.progress.rolling_back;
    assert_true(restart(w) || writes_of(w) == 0);
    if (w->progress.begun) { /* a recovery while it moves sends nothing either */
        w->effects_while_moving = 0;
        (void)run(w, 0, CUT_NEVER);
        assert_int_equal(w->effects_while_moving, 0);
        w->may_write = true;
        assert_true(restart(w));
        (void)run(w, 0, CUT_NEVER);
        assert_claim(w);
        assert_true(!forward || w->apply.state == CT_UPDATE_STATE_COMMITTED); /* what was held goes on */
    }
}

static void test_attack_26_a_vehicle_that_moves_gets_nothing_with_an_effect(void **state)
{
    struct world *w = *state;
    make_block_world(w);
    start(w);
    const size_t actions = run(w, 0, CUT_NEVER);
    for (size_t at = 0; at < actions; at++) {
        move_at(w, at, false);
        move_at(w, at, true);
    }
}

static void test_apply_takes_no_longer_than_it_may(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    start(w);
    (void)run(w, 150, CUT_BEFORE); /* in the middle of the writes */
    assert_int_equal(w->apply.phase, CT_APPLY_WRITING);
    w->now += 3600 * CT_NS_PER_S;
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_int_equal(verdict, CT_UPDATE_TIME_LIMIT);
    assert_content(w, old_byte);
}

static void test_apply_refuses_an_ecu_that_has_something_else(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    w->release.parameters[7].expected_old_len = 4;
    memset(w->release.parameters[7].expected_old, 1, 4);
    start(w);
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_int_equal(verdict, CT_UPDATE_BASE);
    assert_int_equal(writes_of(w), 0);
}

static void test_apply_own_files_go_the_same_way(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    struct ct_parameter *p = &w->release.parameters[PARAMETERS];
    (void)snprintf(w->release.targets[2].ecu, CT_UPDATE_NAME_MAX, "gateway");
    w->release.target_count = 3;
    w->release.parameter_count = PARAMETERS + 1;
    (void)snprintf(p->name, sizeof p->name, "routes");
    (void)snprintf(p->ecu, sizeof p->ecu, "gateway");
    p->place = CT_PLACE_OWN;
    p->type = CT_PARAMETER_BLOB;
    memset(p->blob.sha256, 9, CT_UPDATE_HASH_SIZE);
    start(w);
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_COMMITTED);
    assert_memory_equal(w->own[0], p->blob.sha256, CT_UPDATE_HASH_SIZE);
    memset(w->own, 0, sizeof w->own);
    w->journal_len = 0;
    start(w);
    (void)run(w, 0, CUT_NEVER);
    w->journal_len = 0;
    memset(w->own, 0, sizeof w->own);
    start(w);
    run_to_reading_back(w); /* then an ECU fails */
    w->ecus[0].value[3][0] ^= 1;
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_int_equal(w->own[0][0], 0);
}

static void assert_block(const struct world *w, enum ct_update_state state)
{
    for (size_t i = 0; i < BLOCK; i++) {
        assert_int_equal(w->memory[i], (uint8_t)(state == CT_UPDATE_STATE_COMMITTED ? i * 13 + 1 : i * 7));
    }
}

static void test_apply_memory_blocks_go_the_same_way(void **state)
{
    static const enum cut cuts[] = {CUT_BEFORE, CUT_TORN, CUT_AFTER};
    struct world *w = *state;
    enum ct_update_verdict verdict;
    make_block_world(w);
    start(w);
    const size_t actions = run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_COMMITTED);
    assert_claim(w);
    assert_block(w, CT_UPDATE_STATE_COMMITTED);
    for (size_t at = 0; at < actions; at++) {
        for (size_t c = 0; c < 3; c++) {
            make_block_world(w);
            start(w);
            (void)run(w, at, cuts[c]);
            if (restart(w)) {
                (void)run(w, 0, CUT_NEVER);
                assert_claim(w);
            }
            assert_block(w, w->progress.committed || w->apply.state == CT_UPDATE_STATE_COMMITTED
                                ? CT_UPDATE_STATE_COMMITTED
                                : CT_UPDATE_STATE_ROLLED_BACK);
        }
    }
}

/* What was kept of the old content is damaged when it is needed: nothing of it is written, and nobody calls that a way
 * back. */
static void test_apply_block_whose_old_content_is_damaged_is_not_called_back(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    make_block_world(w);
    start(w);
    run_to_reading_back(w);
    w->kept[777] ^= 4;
    assert_true(restart(w));
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLBACK_FAILED);
    assert_memory_equal(w->memory, w->fresh, BLOCK);
}

static void test_apply_block_without_its_content_is_not_begun(void **state)
{
    struct world *w = *state;
    enum ct_update_verdict verdict;
    make_block_world(w);
    w->no_content = true;
    start(w);
    (void)run(w, 0, CUT_NEVER);
    assert_int_equal(result(w, &verdict), CT_UPDATE_STATE_ROLLED_BACK);
    assert_int_equal(verdict, CT_UPDATE_HASH);
    assert_int_equal(writes_of(w), 0);
}

static void test_apply_blocks_with_faults_end_as_the_journal_says(void **state)
{
    struct world *w = *state;
    uint32_t random = 5;
    unsigned ends[2] = {0, 0};
    for (int i = 0; i < 300; i++) {
        make_block_world(w);
        w->faults = (struct faults){.percent = i % 2 == 0 ? 3 : 1, .random = next_random(&random)};
        start(w);
        (void)run(w, 0, CUT_NEVER);
        if (w->apply.progress.rollback_failed) {
            continue;
        }
        assert_claim(w);
        assert_block(w, w->apply.state);
        ends[w->apply.state == CT_UPDATE_STATE_COMMITTED ? 0 : 1]++;
    }
    assert_true(ends[0] > 0 && ends[1] > 0);
}

/* 1,000 updates, 5 or 1 % of the requests go wrong: what the journal claims is what the ECUs have, each time. A way
 * back that failed three times claims nothing but that. */
static void test_apply_thousand_updates_with_faults_end_as_the_journal_says(void **state)
{
    struct world *w = *state;
    unsigned committed = 0, back = 0, failed = 0;
    uint32_t random = 11;
    for (int i = 0; i < 1000; i++) {
        make_world(w);
        w->faults = (struct faults){.percent = i % 2 == 0 ? 5 : 1, .random = next_random(&random)};
        start(w);
        (void)run(w, 0, CUT_NEVER);
        assert_int_equal(ct_update_journal_read(w->journal, w->journal_len, &w->progress), w->journal_len);
        if (w->progress.committed) {
            assert_content(w, new_byte);
            committed++;
        } else if (w->progress.rolled_back) {
            assert_content(w, old_byte);
            back++;
        } else {
            assert_true(w->progress.rollback_failed);
            failed++;
        }
    }
    assert_int_equal(committed + back + failed, 1000);
    assert_true(committed > 0 && back > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_apply_writes_all_and_commits),
        TEST(test_attack_27_power_cut_at_every_point_leaves_the_old_or_the_new_set),
        TEST(test_attack_28_power_cut_while_going_back_ends_at_the_old_set),
        TEST(test_attack_29_damaged_journal_counts_to_its_last_good_record),
        TEST(test_attack_30_nothing_is_written_without_a_durable_record),
        TEST(test_attack_31_an_ecu_that_refuses_is_taken_back),
        TEST(test_attack_31_a_short_answer_is_no_answer),
        TEST(test_attack_32_what_reads_back_differently_is_taken_back),
        TEST(test_attack_33_a_way_back_that_fails_three_times_locks),
        TEST(test_attack_26_a_vehicle_that_moves_gets_nothing_with_an_effect),
        TEST(test_apply_takes_no_longer_than_it_may),
        TEST(test_apply_refuses_an_ecu_that_has_something_else),
        TEST(test_apply_own_files_go_the_same_way),
        TEST(test_apply_memory_blocks_go_the_same_way),
        TEST(test_apply_block_whose_old_content_is_damaged_is_not_called_back),
        TEST(test_apply_block_without_its_content_is_not_begun),
        TEST(test_apply_blocks_with_faults_end_as_the_journal_says),
        TEST(test_apply_thousand_updates_with_faults_end_as_the_journal_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
