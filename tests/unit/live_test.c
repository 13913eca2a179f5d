/* The live path against a plain model (live_model.h) and by hand: no sequence of frames may leave a value, a time, a
 * counter, a quality flag or a change mark that decoding every frame whole would not. */
#include "candump.h"
#include "dbc_corpus.h"
#include "live_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#define MS            CT_NS_PER_MS
#define HOT_MAX       6   /* messages that a stretch of frames is made of */
#define STRETCH       150 /* frames */
#define WAITING_MAX   9   /* frames that come in one go */
#define PROTECTED_MAX 64
#define DRIVE_DBC     "dbc/opendbc_generated/toyota_new_mc_pt_generated.dbc"

struct rig {
    struct ct_dbc *dbc;
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct model model;
    struct ct_protect *protect; /* the sender's and the model's */
    struct ct_protect_state *senders;
    struct ct_bus_counts counts;
    uint64_t seed;
    ct_ns now;
    uint8_t (*payloads)[CT_FRAME_DATA_MAX]; /* per message: what was sent last */
    struct ct_frame waiting[WAITING_MAX];   /* given, not taken yet; all of this `now` */
    size_t waiting_count;
};

static uint64_t next_random(struct rig *rig)
{
    rig->seed ^= rig->seed << 13;
    rig->seed ^= rig->seed >> 7;
    rig->seed ^= rig->seed << 17;
    return rig->seed;
}

static bool chance(struct rig *rig, unsigned percent)
{
    return next_random(rig) % 100 < percent;
}

/* Toyota's checksum for the messages that have a signal of that name; NULL when none can have it. */
static struct ct_protect *protect_of(const struct ct_dbc *dbc, const char *counter)
{
    struct ct_protect_config configs[PROTECTED_MAX];
    const struct ct_dbc *const dbcs[] = {dbc};
    struct ct_protect *protect = NULL;
    char problem[256];
    size_t count = 0;
    for (size_t m = 0; m < dbc->message_count && count < PROTECTED_MAX; m++) {
        if (ct_dbc_find_signal(&dbc->messages[m], "CHECKSUM") != NULL) {
            configs[count++] = (struct ct_protect_config){
                .message = dbc->messages[m].name, .scheme = "toyota", .checksum = "CHECKSUM", .counter = counter};
        }
    }
    const int err = ct_protect_compile(dbcs, 1, configs, count, &protect, problem, sizeof problem);
    return err == CT_OK ? protect : NULL;
}

static uint64_t seed_of_run(void)
{
    const char *given = getenv("CANTWIN_SEED");
    return given == NULL ? UINT64_C(0x9E3779B97F4A7C15) : strtoull(given, NULL, 0) | 1;
}

/* False when nothing can be done with the database: no catalogue holds it. */
static bool open_rig(struct rig *rig, struct ct_dbc *dbc, bool protected, const char *counter, enum ct_codec_path path)
{
    char problem[512];
    memset(rig, 0, sizeof *rig);
    rig->dbc = dbc;
    rig->seed = seed_of_run();
    rig->now = 1000 * MS;
    rig->protect = protected ? protect_of(dbc, counter) : NULL;
    const struct ct_bind_bus bus = {
        .name = "can0", .dbcs = &dbc, .dbc_count = 1, .protect = protected ? protect_of(dbc, counter) : NULL};
    assert_int_equal(ct_bind_create(&bus, 1, NULL, "", &rig->bind, problem, sizeof problem), CT_OK);
    if (ct_bind_set_path(rig->bind, path) != CT_OK) {
        ct_protect_free(rig->protect);
        ct_bind_free(rig->bind);
        return false;
    }
    assert_int_equal(ct_bind_make_twin(rig->bind, &rig->twin), CT_OK);
    model_open(&rig->model, dbc, rig->protect, ct_bind_catalogue(rig->bind));
    rig->senders = calloc(dbc->message_count + 1, sizeof *rig->senders);
    rig->payloads = calloc(dbc->message_count + 1, sizeof *rig->payloads);
    assert_true(rig->senders != NULL && rig->payloads != NULL);
    return true;
}

static void close_rig(struct rig *rig)
{
    model_close(&rig->model);
    ct_protect_free(rig->protect);
    ct_twin_free(rig->twin);
    ct_bind_free(rig->bind);
    free(rig->senders);
    free(rig->payloads);
}

/* One by one, or as a receive batch: to the model it must be the same. */
static void take(struct rig *rig)
{
    for (size_t i = 0; i < rig->waiting_count; i++) {
        model_frame(&rig->model, &rig->waiting[i], rig->now);
    }
    for (size_t i = 0; i < rig->waiting_count;) {
        const size_t left = rig->waiting_count - i;
        size_t taken = 1;
        if (left == 1) {
            (void)ct_bind_frame(rig->bind, rig->twin, &rig->waiting[i], rig->now, &rig->counts);
        } else {
            taken = ct_bind_frames(rig->bind, rig->twin, &rig->waiting[i], left, rig->now, &rig->counts);
        }
        assert_in_range(taken, 1, left);
        i += taken;
    }
    rig->waiting_count = 0;
}

static void give(struct rig *rig, const struct ct_frame *frame)
{
    rig->waiting[rig->waiting_count++] = *frame;
    if (rig->waiting_count == WAITING_MAX || chance(rig, 40)) {
        take(rig);
    }
}

static void compare(struct rig *rig)
{
    model_compare(&rig->model, rig->twin);
    assert_memory_equal(&rig->counts, &rig->model.counts, sizeof rig->counts);
}

/* ---- frames by chance */

/* A value of one selector that switches something on. */
static void choose_branch(struct rig *rig, const struct ct_dbc_message *message, uint8_t *data, size_t len)
{
    const struct ct_codec_message *codec = ct_codec_by_name(rig->model.codec, message->name);
    const bool usable = codec != NULL && ct_codec_model(codec) == message && message->signal_count > 0;
    for (unsigned tries = 0; tries < 4 && usable; tries++) {
        const struct ct_dbc_signal *signal = &message->signals[next_random(rig) % message->signal_count];
        if (signal->selector < 0 || signal->range_count == 0) {
            continue;
        }
        const struct ct_encode_value value = {
            .signal = (uint16_t)signal->selector,
            .raw = (int64_t)signal->ranges[next_random(rig) % signal->range_count].first};
        if (ct_codec_encode(codec, &value, data, len) != CT_OK) {
            return; /* wider than the selector, or outside the frame */
        }
    }
}

static void change_payload(struct rig *rig, const struct ct_dbc_message *message, uint8_t *data, size_t len)
{
    const unsigned what = (unsigned)(next_random(rig) % 100);
    if (len == 0 || what < 40) {
        return; /* the same again */
    }
    if (what < 65) {
        data[next_random(rig) % len] ^= (uint8_t)(1U << next_random(rig) % 8);
    } else if (what < 75) {
        data[next_random(rig) % len] = (uint8_t)next_random(rig);
    } else if (what < 80) {
        memset(data, 0xFF, len);
    } else {
        for (size_t i = 0; i < len && what < 90; i++) {
            data[i] = (uint8_t)next_random(rig);
        }
        choose_branch(rig, message, data, len);
    }
}

static void make_frame(struct rig *rig, size_t m, struct ct_frame *frame)
{
    const struct ct_dbc_message *message = &rig->dbc->messages[m];
    const size_t length = message->length < CT_FRAME_DATA_MAX ? message->length : CT_FRAME_DATA_MAX;
    memset(frame, 0, sizeof *frame);
    frame->id = message->id;
    frame->flags = (uint16_t)(message->extended ? CT_FRAME_EXT : 0);
    frame->t_ns = rig->now - (ct_ns)(next_random(rig) % MS);
    frame->len = (uint8_t)length;
    change_payload(rig, message, rig->payloads[m], length);
    const struct ct_protect_rule *rule = ct_protect_rule_of(rig->protect, message);
    if (rule != NULL && !chance(rig, 10)) { /* not filled: the last one again, or a bad checksum */
        assert_int_equal(ct_protect_fill(rule, &rig->senders[m], frame->id, rig->payloads[m], length), CT_OK);
    }
    memcpy(frame->data, rig->payloads[m], length);
    if (chance(rig, 8)) {
        frame->len = (uint8_t)(next_random(rig) % (chance(rig, 50) ? length + 1 : CT_FRAME_DATA_MAX + 1));
    }
    for (size_t i = frame->len; i < CT_FRAME_DATA_MAX; i++) {
        frame->data[i] = (uint8_t)next_random(rig); /* what is beyond the length does not count */
    }
    if (message->j1939 && chance(rig, 30)) {
        frame->id = (frame->id & 0x03FFFF00U) | (uint32_t)(next_random(rig) & 0x1C0000FFU); /* another source */
    }
}

/* What other parts of the gateway may do to a signal's entry. */
static void disturb(struct rig *rig)
{
    const uint32_t id = (uint32_t)(next_random(rig) % rig->model.count);
    const struct model_entry *at = &rig->model.entries[id];
    if (at->signal == NULL || at->signal->kind == CT_DBC_BLOB) {
        return;
    }
    if (chance(rig, 50)) {
        ct_twin_mark(rig->twin, id, CT_Q_CHECKSUM, rig->now);
        model_mark(&rig->model, id, CT_Q_CHECKSUM);
        return;
    }
    const struct ct_sample sample = {.id = id, .raw = (int64_t)(next_random(rig) % 3), .t_ns = rig->now - 1};
    assert_int_equal(ct_twin_put(rig->twin, &sample, rig->now), CT_OK);
    model_put(&rig->model, id, sample.raw, sample.t_ns, rig->now);
}

static void run_stretch(struct rig *rig)
{
    size_t hot[HOT_MAX];
    for (size_t i = 0; i < HOT_MAX; i++) {
        hot[i] = (size_t)(next_random(rig) % rig->dbc->message_count);
    }
    for (size_t i = 0; i < STRETCH; i++) {
        struct ct_frame frame;
        if (rig->waiting_count == 0) {
            rig->now +=
                (ct_ns)(next_random(rig) % (chance(rig, 3) ? 2000 * MS : 20 * MS)) - (chance(rig, 5) ? 25 * MS : 0);
        }
        make_frame(rig, hot[next_random(rig) % HOT_MAX], &frame);
        give(rig, &frame);
        if (rig->waiting_count > 0) {
            continue;
        }
        if (chance(rig, 4)) {
            disturb(rig);
        }
        if (chance(rig, 10)) {
            (void)ct_bind_tick(rig->bind, rig->twin, rig->now);
            model_tick(&rig->model, rig->now);
        }
        if (chance(rig, 15)) {
            model_drain(&rig->model, rig->twin, 1 + (unsigned)(next_random(rig) % (CT_TWIN_CONSUMERS - 1)));
        }
    }
    take(rig);
    compare(rig);
}

static struct ct_dbc *database(const char *path)
{
    char *text = NULL;
    struct ct_dbc *dbc = corpus_dbc(path, &text);
    free(text);
    return dbc;
}

static void run_file(const char *path, size_t stretches)
{
    for (unsigned way = 0; way < CT_CODEC_PATHS; way++) {
        struct rig rig;
        struct ct_dbc *dbc = database(path);
        if (dbc->message_count == 0) {
            ct_dbc_free(dbc);
            return;
        }
        if (!open_rig(&rig, dbc, way % 2 == 0, NULL, (enum ct_codec_path)way)) {
            continue;
        }
        for (size_t i = 0; i < stretches && rig.model.count > 0; i++) {
            run_stretch(&rig);
        }
        close_rig(&rig);
    }
}

static size_t run_folder(const char *folder, size_t stretches)
{
    size_t files = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char *path = corpus_join(folder, entry->d_name);
        const size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".dbc") == 0) {
            run_file(path, stretches);
            files++;
        } else if (entry->d_name[0] != '.' && entry->d_type == DT_DIR) {
            files += run_folder(path, stretches);
        }
        free(path);
    }
    (void)closedir(dir);
    return files;
}

static void test_live_random_frames_of_real_databases_equal_plain_model(void **state)
{
    (void)state;
    char *corpus = NULL;
    corpus_require(&corpus);
    print_message("CANTWIN_SEED=%#llx\n", (unsigned long long)seed_of_run());
    const char *more = getenv("CANTWIN_ROUNDS");
    char *folder = corpus_join(corpus, "dbc");
    const size_t files = run_folder(folder, more == NULL ? 4 : strtoul(more, NULL, 10));
    print_message("%zu databases\n", files);
    assert_true(files > 100);
    free(folder);
    folder = corpus_join(corpus, "probes"); /* small, odd and multiplexed */
    assert_true(run_folder(folder, more == NULL ? 8 : strtoul(more, NULL, 10)) > 20);
    free(folder);
    free(corpus);
}

static void drive(const char *text, struct rig *rig)
{
    size_t frames = 0;
    for (const char *line = text; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        struct ct_candump_line parsed;
        struct ct_candump_problem problem;
        if (ct_candump_parse(line, len, &parsed, &problem) == CT_OK && strcmp(parsed.channel, "can0") == 0) {
            parsed.frame.bus = 0;
            rig->now = rig->waiting_count == 0 ? parsed.frame.t_ns : rig->now;
            give(rig, &parsed.frame);
            if (frames++ % 20 == 0 && rig->waiting_count == 0) {
                (void)ct_bind_tick(rig->bind, rig->twin, rig->now);
                model_tick(&rig->model, rig->now);
                model_drain(&rig->model, rig->twin, 1 + (unsigned)(frames % (CT_TWIN_CONSUMERS - 1)));
            }
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    assert_true(frames > 1000);
    take(rig);
    compare(rig);
}

static void test_live_recorded_drive_equals_plain_model_and_checksums_hold(void **state)
{
    (void)state;
    char *corpus = NULL;
    corpus_require(&corpus);
    char *path = corpus_join(corpus, "logs/converted/rav4_2s.log");
    char *dbc_path = corpus_join(corpus, DRIVE_DBC);
    size_t len = 0;
    char *text = corpus_read(path, &len);
    assert_non_null(text);
    for (unsigned way = 0; way < CT_CODEC_PATHS; way++) {
        struct rig rig;
        if (open_rig(&rig, database(dbc_path), true, "none", (enum ct_codec_path)way)) {
            drive(text, &rig);
            assert_true(ct_protect_rule_count(rig.protect) > 3);
            assert_int_equal(rig.counts.by_class[CT_FRAME_REFUSED], 0); /* each is good, as sums done elsewhere say */
            close_rig(&rig);
        }
    }
    free(text);
    free(dbc_path);
    free(path);
    free(corpus);
}

/* ---- by hand */

static const char muxed_dbc[] = "BO_ 256 MUXED: 8 ECU\n"
                                " SG_ SEL M : 7|8@0+ (1,0) [0|0] \"\" ECU\n"
                                " SG_ A m0 : 15|8@0+ (1,0) [0|100] \"\" ECU\n"
                                " SG_ B m1 : 15|8@0+ (1,0) [0|0] \"\" ECU\n"
                                " SG_ LATE : 47|16@0+ (1,0) [0|0] \"\" ECU\n"
                                " SG_ CHECKSUM : 63|8@0+ (1,0) [0|0] \"\" ECU\n"
                                "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 65535;\n"
                                "BA_DEF_DEF_ \"GenMsgCycleTime\" 0;\n"
                                "BA_ \"GenMsgCycleTime\" BO_ 256 100;\n"
                                "VAL_ 256 A 254 \"Signal not available\" ;\n";

static void open_muxed(struct rig *rig, bool protected)
{
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("m.dbc", muxed_dbc, strlen(muxed_dbc), NULL, NULL, &dbc), CT_OK);
    assert_true(open_rig(rig, dbc, protected, NULL, CT_CODEC_SCALAR));
}

/* Toyota's checksum: id bytes, length and all bytes before it, summed; `wrong` is added. */
static enum ct_frame_class muxed(struct rig *rig, uint8_t sel, uint8_t value, uint8_t late, uint8_t wrong)
{
    struct ct_frame frame = {.id = 256, .len = 8, .t_ns = rig->now - 7, .data = {sel, value, 0, 0, 0, 0, late}};
    frame.data[7] = (uint8_t)(1 + 8 + sel + value + late + wrong);
    return ct_bind_frame(rig->bind, rig->twin, &frame, rig->now, &rig->counts);
}

static struct ct_reading reading_of(const struct rig *rig, const char *name)
{
    uint32_t id = 0;
    struct ct_reading reading;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(rig->bind), name, &id), CT_OK);
    assert_int_equal(ct_twin_get(rig->twin, id, &reading), CT_OK);
    return reading;
}

#define SEL "can0.MUXED.SEL"
#define A   "can0.MUXED.A@SEL=0"
#define B   "can0.MUXED.B@SEL=1"

static void expect(const struct rig *rig, const char *name, int64_t raw, unsigned quality, uint64_t updates)
{
    const struct ct_reading reading = reading_of(rig, name);
    assert_int_equal(reading.sample.raw, raw);
    assert_int_equal(reading.sample.quality, quality);
    assert_int_equal(reading.updates, updates);
}

static size_t changes(struct rig *rig)
{
    size_t count = 0;
    uint32_t cursor = 0;
    uint32_t id = 0;
    while (ct_twin_next_change(rig->twin, CT_CONSUMER_COLLECT, &cursor, &id) == CT_OK) {
        count++;
    }
    return count;
}

static void test_live_selector_back_and_forth_with_bad_frame_between_leaves_no_stale_value(void **state)
{
    (void)state;
    struct rig rig;
    open_muxed(&rig, true);
    assert_int_equal(muxed(&rig, 0, 10, 0, 0), CT_FRAME_DECODED);
    assert_int_equal(muxed(&rig, 1, 20, 0, 0), CT_FRAME_DECODED);
    assert_int_equal(muxed(&rig, 0, 11, 0, 0), CT_FRAME_DECODED);
    expect(&rig, A, 11, 0, 2);
    /* when a frame of the other branch fails its checksum */
    const ct_ns good = rig.now;
    rig.now += 5 * MS;
    (void)changes(&rig);
    assert_int_equal(muxed(&rig, 1, 99, 3, 1), CT_FRAME_REFUSED);
    /* then every signal of the message keeps value and time and is marked */
    expect(&rig, SEL, 0, CT_Q_CHECKSUM, 3);
    expect(&rig, A, 11, CT_Q_CHECKSUM, 2);
    expect(&rig, B, 20, CT_Q_CHECKSUM, 1);
    assert_int_equal(reading_of(&rig, A).received_ns, good);
    assert_int_equal(reading_of(&rig, A).sample.t_ns, good - 7);
    assert_int_equal(changes(&rig), 5);
    assert_int_equal(muxed(&rig, 1, 98, 3, 1), CT_FRAME_REFUSED);
    assert_int_equal(changes(&rig), 0); /* no news */
    /* and the next good one, the same payload as the last good one, clears all of it */
    assert_int_equal(muxed(&rig, 0, 11, 0, 0), CT_FRAME_DECODED);
    expect(&rig, SEL, 0, 0, 4);
    expect(&rig, A, 11, 0, 3);
    expect(&rig, B, 20, 0, 1);
    assert_int_equal(changes(&rig), 5);
    /* the refused payload was no reference: the same bytes with a good checksum count */
    assert_int_equal(muxed(&rig, 1, 99, 3, 0), CT_FRAME_DECODED);
    expect(&rig, B, 99, 0, 2);
    expect(&rig, "can0.MUXED.LATE", 3, 0, 5);
    assert_int_equal(rig.counts.checksum_failures, 2);
    assert_int_equal(rig.counts.counter_failures, 0);
    assert_int_equal(rig.counts.by_class[CT_FRAME_REFUSED], 2);
    close_rig(&rig);
}

static void test_live_same_payload_moves_time_and_counter_and_makes_no_change(void **state)
{
    (void)state;
    struct rig rig;
    open_muxed(&rig, false);
    (void)muxed(&rig, 0, 10, 0, 0);
    assert_int_equal(changes(&rig), 4);
    const uint64_t revision = ct_twin_revision(rig.twin);
    rig.now += 299 * MS;
    (void)muxed(&rig, 0, 10, 0, 0);
    assert_int_equal(changes(&rig), 0);
    assert_true(ct_twin_revision(rig.twin) == revision);
    expect(&rig, SEL, 0, 0, 2);
    assert_int_equal(reading_of(&rig, SEL).received_ns, rig.now);
    /* it puts staleness off: 300 ms from the second one */
    rig.now += 299 * MS;
    (void)ct_bind_tick(rig.bind, rig.twin, rig.now);
    expect(&rig, SEL, 0, 0, 2);
    rig.now += MS;
    (void)ct_bind_tick(rig.bind, rig.twin, rig.now);
    expect(&rig, SEL, 0, CT_Q_STALE, 2);
    expect(&rig, A, 10, 0, 2); /* two branches: 600 ms */
    /* and the same payload once more ends it, which is a change */
    (void)changes(&rig);
    (void)muxed(&rig, 0, 10, 0, 0);
    expect(&rig, SEL, 0, 0, 3);
    assert_int_equal(changes(&rig), 3); /* SEL, LATE, CHECKSUM */
    close_rig(&rig);
}

static void test_live_shorter_frame_leaves_what_it_lacks_behind(void **state)
{
    (void)state;
    struct rig rig;
    open_muxed(&rig, false);
    (void)muxed(&rig, 0, 10, 7, 0);
    const ct_ns first = rig.now;
    struct ct_frame frame = {.id = 256, .len = 6, .data = {0, 11, 0, 0, 0, 0, 9, 9}};
    for (unsigned i = 0; i < 3; i++) {
        rig.now += 100 * MS;
        frame.t_ns = rig.now;
        (void)ct_bind_frame(rig.bind, rig.twin, &frame, rig.now, &rig.counts);
    }
    expect(&rig, A, 11, 0, 4);
    expect(&rig, "can0.MUXED.LATE", 7, 0, 1);
    assert_int_equal(reading_of(&rig, "can0.MUXED.LATE").received_ns, first);
    /* which times out alone */
    (void)ct_bind_tick(rig.bind, rig.twin, rig.now);
    expect(&rig, "can0.MUXED.LATE", 7, CT_Q_STALE, 1);
    expect(&rig, SEL, 0, 0, 4);
    /* until a whole one comes, with the value it had */
    (void)muxed(&rig, 0, 11, 7, 0);
    expect(&rig, "can0.MUXED.LATE", 7, 0, 2);
    expect(&rig, SEL, 0, 0, 5);
    close_rig(&rig);
}

static void test_live_code_for_not_available_is_not_out_of_range(void **state)
{
    (void)state;
    struct rig rig;
    open_muxed(&rig, false);
    (void)muxed(&rig, 0, 254, 0, 0);
    expect(&rig, A, 254, CT_Q_NOT_AVAILABLE, 1);
    (void)muxed(&rig, 0, 101, 0, 0);
    expect(&rig, A, 101, CT_Q_OUT_OF_RANGE, 2);
    (void)muxed(&rig, 0, 100, 0, 0);
    expect(&rig, A, 100, 0, 3);
    (void)muxed(&rig, 0, 254, 0, 0);
    (void)muxed(&rig, 0, 254, 1, 0); /* still, with another change in the message */
    expect(&rig, A, 254, CT_Q_NOT_AVAILABLE, 5);
    close_rig(&rig);
}

static void test_live_batch_ends_before_message_that_it_has_already(void **state)
{
    (void)state;
    /* given an unknown frame, one of the message, an unknown one and the message twice more */
    struct rig rig;
    open_muxed(&rig, false);
    struct ct_frame frames[5] = {
        {.id = 1}, {.id = 256, .len = 8}, {.id = 1}, {.id = 256, .len = 8}, {.id = 256, .len = 8}};
    frames[3].data[1] = 5;
    frames[4].data[1] = 6;
    /* then each call ends before it, so that a reader sees all three values */
    assert_int_equal(ct_bind_frames(rig.bind, rig.twin, frames, 5, rig.now, &rig.counts), 3);
    expect(&rig, A, 0, 0, 1);
    assert_int_equal(ct_bind_frames(rig.bind, rig.twin, frames + 3, 2, rig.now, &rig.counts), 1);
    expect(&rig, A, 5, 0, 2);
    assert_int_equal(ct_bind_frames(rig.bind, rig.twin, frames + 4, 1, rig.now, &rig.counts), 1);
    expect(&rig, A, 6, 0, 3);
    assert_int_equal(rig.counts.frames, 5);
    assert_int_equal(rig.counts.by_class[CT_FRAME_UNKNOWN], 2);
    assert_int_equal(rig.counts.by_class[CT_FRAME_DECODED], 3);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_random_frames_of_real_databases_equal_plain_model),
        cmocka_unit_test(test_live_recorded_drive_equals_plain_model_and_checksums_hold),
        cmocka_unit_test(test_live_selector_back_and_forth_with_bad_frame_between_leaves_no_stale_value),
        cmocka_unit_test(test_live_same_payload_moves_time_and_counter_and_makes_no_change),
        cmocka_unit_test(test_live_shorter_frame_leaves_what_it_lacks_behind),
        cmocka_unit_test(test_live_code_for_not_available_is_not_out_of_range),
        cmocka_unit_test(test_live_batch_ends_before_message_that_it_has_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
