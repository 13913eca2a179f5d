/* Memory that runs out in the gateway: each allocation of its own code fails in turn, alone and with all that follow,
 * while it starts and stops as a whole (configuration, databases, mapping, twin, collection, policy, routes, ports,
 * outbox, journal, link), while frames are decoded and stored, and while a command is carried out. Nothing may break or
 * leak (the sanitizers watch); what failed is said; the next attempt, with memory, works.
 *
 * Allocations count only in the thread that arms them (those of all threads: memory_threads_flow_test.c), and those
 * inside libraries stay as they are. */
#include "command_support.h"

#include "app.h"
#include "batcher.h"
#include "failing_malloc.h"
#include "hub.h"
#include "load.h"
#include "log.h"
#include "testing.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <time.h>

#define ALLOCATIONS_MAX 100000U

/* ---- the whole gateway */

#define CONFIG                                                                                                        \
    "vehicle_id: demo\n"                                                                                              \
    "buses:\n"                                                                                                        \
    "  - { name: can0, port: 'unix:%s/can0.sock', dbc: ['" CANTWIN_SOURCE_DIR "/sim/vehicle/powertrain.dbc'],\n"      \
    "      protection: '" CANTWIN_SOURCE_DIR "/sim/vehicle/protection.yaml', transmit: true }\n"                      \
    "  - { name: can1, port: 'file:%s/drive.log', dbc: ['" CANTWIN_SOURCE_DIR "/sim/vehicle/body.dbc'], fd: true }\n" \
    "mapping: '" CANTWIN_SOURCE_DIR "/sim/vehicle/mapping.json'\n"                                                    \
    "collection: '" CANTWIN_SOURCE_DIR "/sim/vehicle/collection.yaml'\n"                                              \
    "policy: '" CANTWIN_SOURCE_DIR "/sim/vehicle/policy.yaml'\n"                                                      \
    "routes: '" CANTWIN_SOURCE_DIR "/sim/vehicle/routes.yaml'\n"                                                      \
    "ecus:\n"                                                                                                         \
    "  - { name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }\n"                                        \
    "link: { endpoint: 'tcp://127.0.0.1:9', server_key: server.pub, key: vehicle }\n"                                 \
    "trust:\n"                                                                                                        \
    "  - { role: director, key: director.pub }\n"                                                                     \
    "vehicle_state: { speed: Vehicle.Speed }\n"                                                                       \
    "state_dir: state\n"                                                                                              \
    "status_socket: gateway.sock\n"
/* Key pairs of zmq_curve(7); the public key of RFC 8032, 7.1, test 1. */
static const struct {
    const char *name, *text;
} files[] = {
    {"server.pub", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n"},
    {"vehicle.pub", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n"},
    {"vehicle.key", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\n"},
    {"director.pub", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n"},
    {"drive.log", "(1.000000) can1 3A0#0100000000000000\n(1.010000) can1 3A0#0000000000000000\n"},
};

struct vehicle {
    char dir[64];
    char config_path[128];
    struct ct_hub *hub;
};

static void write_file(const struct vehicle *v, const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", v->dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%s", text) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int vehicle_setup(void **state)
{
    struct vehicle *v = calloc(1, sizeof *v);
    char path[128];
    char problem[300];
    assert_non_null(v);
    /* Hundreds of starts and stops, each of which syncs: in memory where that is possible. */
    snprintf(v->dir, sizeof v->dir, "%s/cantwin-memory-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(v->dir));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(v, files[i].name, files[i].text);
    }
    char text[4096];
    snprintf(text, sizeof text, CONFIG, v->dir, v->dir);
    write_file(v, "gateway.yaml", text);
    snprintf(v->config_path, sizeof v->config_path, "%s/gateway.yaml", v->dir);
    snprintf(path, sizeof path, "%s/can0.sock", v->dir);
    assert_int_equal(ct_hub_open(path, NULL, &v->hub, problem, sizeof problem), CT_OK);
    *state = v;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int vehicle_teardown(void **state)
{
    struct vehicle *v = *state;
    ct_hub_close(v->hub);
    assert_int_equal(nftw(v->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(v);
    return 0;
}

/* What it says goes to nobody: there are hundreds of runs. */
static int silence(void)
{
    const int kept = dup(STDERR_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true(kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
    close(nowhere);
    return kept;
}

static void speak_again(int kept)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

/* One life of the gateway: a SIGTERM waits for it, so it stops as soon as it has started. */
static enum ct_exit live_once(struct vehicle *v, bool check_only)
{
    const struct ct_app_arguments arguments = {.config_path = v->config_path, .check_only = check_only};
    const struct timespec at_once = {0};
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, NULL), 0);
    assert_int_equal(raise(SIGTERM), 0);
    const enum ct_exit code = ct_app_run(&arguments);
    (void)sigtimedwait(&term, NULL, &at_once); /* when it did not come to take it */
    (void)ct_hub_step(v->hub, 0, 0);           /* its connection has ended */
    (void)ct_hub_step(v->hub, 0, 0);
    return code;
}

static void fail_each_allocation(struct vehicle *v, bool check_only, bool all_after)
{
    const int kept = silence();
    size_t n = 1;
    unsigned refused = 0;
    for (; n < ALLOCATIONS_MAX; n++) {
        failing_malloc_arm(n, all_after);
        const enum ct_exit code = live_once(v, check_only);
        if (!failing_malloc_disarm()) {
            assert_int_equal(code, CT_EXIT_OK);
            break;
        }
        assert_true(code == CT_EXIT_OK || code == CT_EXIT_FAILED || code == CT_EXIT_USAGE ||
                    code == CT_EXIT_ENVIRONMENT);
        refused += code != CT_EXIT_OK ? 1 : 0;
    }
    speak_again(kept);
    print_message("%zu allocations, %u starts refused\n", n - 1, refused);
    assert_in_range(n, 100, ALLOCATIONS_MAX - 1);
    assert_in_range(refused, (n - 1) / 2, n - 1);
}

static void test_start_and_stop_with_each_allocation_failing(void **state)
{
    fail_each_allocation(*state, false, false);
}

static void test_start_and_stop_with_all_allocations_failing_from_one_on(void **state)
{
    fail_each_allocation(*state, false, true);
}

static void test_check_config_with_each_allocation_failing(void **state)
{
    fail_each_allocation(*state, true, false);
}

/* ---- frames */

struct stored {
    struct ct_batcher *batcher;
    const struct ct_catalogue *catalogue;
    unsigned samples, failed;
};

static int store(void *user, const struct ct_sample *sample)
{
    struct stored *stored = user;
    if (ct_batcher_add(stored->batcher, sample, sample->t_ns) == CT_ERR_FULL) {
        struct ct_buf record;
        const struct ct_record_head head = {.seq = 1};
        ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
        if (ct_batcher_encode(stored->batcher, &head, stored->catalogue, 0, 0, &record) != CT_OK) {
            stored->failed++;
        }
        ct_buf_free(&record);
        ct_batcher_clear(stored->batcher);
        return ct_batcher_add(stored->batcher, sample, sample->t_ns);
    }
    stored->samples++;
    return CT_OK;
}

static struct ct_model *load_demo(struct vehicle *v)
{
    struct ct_settings *settings = NULL;
    struct ct_model *model = NULL;
    enum ct_exit code = CT_EXIT_OK;
    char problem[600];
    assert_int_equal(ct_settings_load(v->config_path, NULL, 0, &settings, &code, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_model_load(settings, v->config_path, &model, &code, problem, sizeof problem), CT_OK);
    return model;
}

static void send_frames(struct ct_model *model, struct stored *stored, unsigned count)
{
    struct ct_bus_counts counts = {0};
    for (unsigned i = 0; i < count; i++) {
        const ct_ns now = (ct_ns)(i + 1) * CT_NS_PER_MS;
        const struct ct_frame frame = {.t_ns = now,
                                       .id = i % 0x800,
                                       .bus = (uint8_t)(i / 0x800 % 2),
                                       .len = 8,
                                       .data = {(uint8_t)i, (uint8_t)(i >> 3), (uint8_t)(i >> 6), 1, 2, 3, 4, 5}};
        ct_pipeline_frame(&model->pipeline, &frame, now, &counts, store, stored);
        (void)ct_pipeline_tick(&model->pipeline, now, store, stored);
    }
}

static void test_frames_are_decoded_without_memory(void **state)
{
    struct vehicle *v = *state;
    struct ct_model *model = load_demo(v);
    struct stored stored = {.catalogue = ct_bind_catalogue(model->pipeline.bind)};
    assert_int_equal(ct_batcher_create(&stored.batcher), CT_OK);
    send_frames(model, &stored, 3 * 0x1000);
    assert_true(stored.samples > 100);
    const unsigned before = stored.samples;
    /* From here on there is none: frames, timers and collection want none, only what makes a record does. */
    failing_malloc_arm(1, true);
    send_frames(model, &stored, 3 * 0x1000);
    const bool asked = failing_malloc_disarm();
    assert_true(stored.samples > before);
    assert_int_equal(asked, stored.failed > 0);
    ct_batcher_free(stored.batcher);
    ct_model_free(model);
}

/* ---- commands */

/* Every command that was taken ends, and what was done was done once. */
static void carry_out(size_t n, bool all_after, bool *out_failed)
{
    void *state = NULL;
    assert_int_equal(rig_setup(&state), 0);
    struct rig *rig = state;
    const struct ct_command read = command_read(1, "engine", 0x22, 0x0160);
    const struct ct_command lamp = command_lamp(2, LAMP, 1);
    uint8_t bytes[2][SIGNED];
    const size_t lens[2] = {command_sign(rig, &read, DIRECTOR, bytes[0]), command_sign(rig, &lamp, DIRECTOR, bytes[1])};
    for (size_t i = 0; i < 2; i++) {
        struct ct_gate_result *result = calloc(1, sizeof *result);
        assert_non_null(result);
        failing_malloc_arm(n, all_after);
        ct_gate_check(&rig->gate, bytes[i], lens[i], true, rig->utc_ms, result);
        if (result->accepted && ct_journal_intent(rig->journal, result->command.command_id, result->command.seq,
                                                  ct_gate_released(result), result->command.issued_utc_ms) == CT_OK) {
            ct_executor_submit(rig->executor, &result->command, CT_ORIGIN_BACKEND, false, result->valid_ms, rig->now);
        }
        rig_run(rig, 500);
        *out_failed = failing_malloc_disarm() || *out_failed;
        free(result);
    }
    for (size_t i = 0; i < rig->status_count; i++) {
        const bool last = i + 1 == rig->status_count ||
                          memcmp(rig->statuses[i].command_id, rig->statuses[i + 1].command_id, CT_COMMAND_ID_SIZE) != 0;
        assert_int_equal(ct_command_state_final(rig->statuses[i].state), last);
    }
    assert_true(rig->frames_out <= 4);
    if (!*out_failed) {
        assert_int_equal(rig->statuses[rig->status_count - 1].state, CT_COMMAND_DONE);
    }
    assert_int_equal(rig_teardown(&state), 0);
}

static void test_command_with_each_allocation_failing_ends_once(void **state)
{
    (void)state;
    for (unsigned all_after = 0; all_after < 2; all_after++) {
        bool failed = true;
        size_t n = 1;
        for (; failed; n++) {
            failed = false;
            carry_out(n, all_after == 1, &failed);
            assert_true(n < ALLOCATIONS_MAX);
        }
        print_message("%zu allocations in a command\n", n - 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_start_and_stop_with_each_allocation_failing, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_start_and_stop_with_all_allocations_failing_from_one_on, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_check_config_with_each_allocation_failing, vehicle_setup,
                                        vehicle_teardown),
        cmocka_unit_test_setup_teardown(test_frames_are_decoded_without_memory, vehicle_setup, vehicle_teardown),
        cmocka_unit_test(test_command_with_each_allocation_failing_ends_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
