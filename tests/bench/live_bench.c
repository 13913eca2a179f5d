/* The live path of the gateway (decode, twin update, quality, change tracking) beside the code that cantools generated
 * for the database, which only decodes: the same frames, turn and turn about in one process. Prints JSON.
 *
 *   live_bench FILE.dbc GENERATED.so FRAMES STRIDE REPETITIONS [MAPPING.json]
 *
 * FRAMES as for decode_bench; a frame every 0.5 ms. With a mapping the VSS entries are derived as well. Allocations are
 * counted by wrapping the allocator. */
#include "bind.h"
#include "generated.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VALUES_MAX 4096
#define REPEAT_MAX 201
#define FRAME_NS   (CT_NS_PER_MS / 2)

enum variant { GENERATED, LIVE, LIVE_SINGLE, LIVE_READ, VARIANTS };
static const char *const variant_names[] = {"generated", "live", "live_single", "live_and_read"};

struct bench {
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct ct_frame *frames;
    uint8_t *packed;
    size_t count;
    size_t stride;
    generated_run_fn *run;
    double *values;
    struct ct_bus_counts counts;
    ct_ns now;
    uint64_t changes;
    double ns[VARIANTS][REPEAT_MAX];
};

static size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    allocations++;
    return __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __real_aligned_alloc(alignment, size);
}

static void *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    const long len = ftell(file);
    rewind(file);
    uint8_t *bytes = calloc(1, (size_t)len + 64);
    *out_len = bytes != NULL ? fread(bytes, 1, (size_t)len, file) : 0;
    (void)fclose(file);
    return bytes;
}

static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What is left of the drive as one receive call gives it; returns how many were taken. */
static size_t take(struct bench *bench, size_t from)
{
    const size_t left = bench->count - from < CT_BIND_BATCH ? bench->count - from : CT_BIND_BATCH;
    const size_t taken =
        ct_bind_frames(bench->bind, bench->twin, &bench->frames[from], left, bench->now, &bench->counts);
    bench->now += FRAME_NS * (ct_ns)taken;
    return taken;
}

static void run_live(struct bench *bench)
{
    for (size_t i = 0; i < bench->count;) {
        i += take(bench, i);
    }
}

/* One by one, as frames come on a bus that leaves the process time to wait. */
static void run_single(struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i++) {
        bench->now += FRAME_NS;
        (void)ct_bind_frame(bench->bind, bench->twin, &bench->frames[i], bench->now, &bench->counts);
    }
}

/* With a reader that takes the changes after every call, as collection does, and the timers every 10 ms. */
static void run_live_and_read(struct bench *bench)
{
    size_t ticked = 0;
    for (size_t i = 0; i < bench->count;) {
        i += take(bench, i);
        uint32_t cursor = 0;
        uint32_t id;
        while (ct_twin_next_change(bench->twin, CT_CONSUMER_COLLECT, &cursor, &id) == CT_OK) {
            bench->changes++;
        }
        if (i - ticked >= 20) {
            ticked = i;
            (void)ct_bind_tick(bench->bind, bench->twin, bench->now);
        }
    }
}

static void run(struct bench *bench, enum variant variant)
{
    switch (variant) {
    case GENERATED:
        bench->run(bench->packed, bench->count, bench->stride, bench->values);
        break;
    case LIVE:
        run_live(bench);
        break;
    case LIVE_SINGLE:
        run_single(bench);
        break;
    case LIVE_READ:
    case VARIANTS:
        run_live_and_read(bench);
        break;
    }
}

static void take_time(struct bench *bench, enum variant variant, double *out_ns)
{
    const double begin = now_ns();
    run(bench, variant);
    *out_ns = (now_ns() - begin) / (double)bench->count;
}

/* Each variant in turn with the generated code alone, so that they do not disturb each other. */
static void measure(struct bench *bench, unsigned repetitions)
{
    for (unsigned variant = LIVE; variant < VARIANTS; variant++) {
        for (unsigned turn = 0; turn < repetitions; turn++) {
            take_time(bench, GENERATED, &bench->ns[GENERATED][turn]);
            take_time(bench, (enum variant)variant, &bench->ns[variant][turn]);
        }
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print_results(struct bench *bench, unsigned repetitions, size_t allocated)
{
    const uint64_t frames = bench->counts.frames;
    (void)printf("{\"frames\": %zu, \"known\": %.4f, \"entries\": %zu, \"allocations\": %zu, \"changes\": %.3f",
                 bench->count, (double)bench->counts.by_class[CT_FRAME_DECODED] / (double)frames,
                 ct_catalogue_count(ct_bind_catalogue(bench->bind)), allocated,
                 (double)bench->changes / (double)(frames / (VARIANTS - 1)));
    for (unsigned variant = 0; variant < VARIANTS; variant++) {
        double *ns = bench->ns[variant];
        qsort(ns, repetitions, sizeof *ns, compare_doubles);
        (void)printf(", \"%s\": {\"median\": %.3f, \"min\": %.3f}", variant_names[variant], ns[repetitions / 2], ns[0]);
    }
    (void)printf("}\n");
}

static bool load_frames(struct bench *bench, const char *path, const char *stride)
{
    size_t len = 0;
    bench->packed = read_file(path, &len);
    bench->stride = strtoul(stride, NULL, 10);
    if (bench->packed == NULL || bench->stride <= FRAME_DATA) {
        return false;
    }
    bench->count = len / bench->stride;
    bench->frames = calloc(bench->count + 1, sizeof *bench->frames);
    for (size_t i = 0; bench->frames != NULL && i < bench->count; i++) {
        const uint8_t *packed = bench->packed + i * bench->stride;
        struct ct_frame *frame = &bench->frames[i];
        uint32_t key;
        memcpy(&key, packed, sizeof key);
        frame->t_ns = (ct_ns)i * FRAME_NS;
        frame->id = key & CT_ID_EXT_MAX;
        frame->flags = (uint16_t)((key & 0x80000000U) != 0 ? CT_FRAME_EXT : 0);
        frame->len = packed[FRAME_LEN];
        memcpy(frame->data, packed + FRAME_DATA, frame->len);
    }
    return bench->frames != NULL && bench->count > 0;
}

static bool load_model(struct bench *bench, const char *dbc_path, const char *mapping_path)
{
    char problem[512] = "";
    size_t len = 0;
    struct ct_dbc *dbc = NULL;
    struct ct_mapping *mapping = NULL;
    char *text = read_file(dbc_path, &len);
    if (text == NULL || ct_dbc_parse(dbc_path, text, len, NULL, NULL, &dbc) == CT_ERR_NO_MEMORY || dbc == NULL) {
        return false;
    }
    free(text);
    if (mapping_path != NULL) {
        text = read_file(mapping_path, &len);
        if (text == NULL || ct_mapping_parse(mapping_path, text, len, &mapping, problem, sizeof problem) != CT_OK) {
            (void)fprintf(stderr, "%s\n", problem);
            return false;
        }
        free(text);
    }
    const struct ct_bind_bus bus = {.name = "can0", .dbcs = &dbc, .dbc_count = 1};
    if (ct_bind_create(&bus, 1, mapping, mapping_path, &bench->bind, problem, sizeof problem) != CT_OK) {
        (void)fprintf(stderr, "%s\n", problem);
        return false;
    }
    return ct_bind_make_twin(bench->bind, &bench->twin) == CT_OK;
}

static bool load_generated(struct bench *bench, const char *path)
{
    void *object = dlopen(path, RTLD_NOW);
    if (object == NULL) {
        return false;
    }
    *(void **)&bench->run = dlsym(object, "generated_run");
    bench->values = calloc(VALUES_MAX, sizeof *bench->values);
    return bench->run != NULL && bench->values != NULL;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const unsigned repetitions = argc >= 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    if (repetitions == 0 || repetitions > REPEAT_MAX) {
        (void)fprintf(stderr, "usage: live_bench FILE.dbc GENERATED.so FRAMES STRIDE REPETITIONS [MAPPING.json]\n");
        return CT_EXIT_USAGE;
    }
    if (!load_model(&bench, argv[1], argc > 6 ? argv[6] : NULL) || !load_generated(&bench, argv[2]) ||
        !load_frames(&bench, argv[3], argv[4])) {
        (void)fprintf(stderr, "live_bench: cannot load %s, %s or %s\n", argv[1], argv[2], argv[3]);
        return CT_EXIT_ENVIRONMENT;
    }
    const size_t before = allocations;
    measure(&bench, repetitions);
    print_results(&bench, repetitions, allocations - before);
    ct_twin_free(bench.twin);
    ct_bind_free(bench.bind);
    free(bench.frames);
    free(bench.packed);
    free(bench.values);
    return CT_EXIT_OK;
}
