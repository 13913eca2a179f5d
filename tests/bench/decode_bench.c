/* Decodes frames to physical doubles by the code that cantools generated for one database (a shared object made by
 * decode_bench.py) and by each path of the codec, turn and turn about, and prints what each took as JSON.
 *
 *   decode_bench FILE.dbc GENERATED.so FRAMES STRIDE REPETITIONS
 *
 * FRAMES holds frames of STRIDE bytes: u32 id (bit 31: extended), u8 length, 3 bytes of nothing, payload. */
#include "codec.h"
#include "generated.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VALUES_MAX 4096
#define REPEAT_MAX 201
#define BLOCK      64

struct bench {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    generated_run_fn *run;
    generated_one_fn *one;
    generated_slot_fn *slot;
    uint8_t *frames;
    size_t count;
    size_t stride;
    double *values;
    uint8_t active[VALUES_MAX];
    double ns[CT_CODEC_PATHS][REPEAT_MAX];
    double single_ns[CT_CODEC_PATHS][REPEAT_MAX];
    double generated_ns[CT_CODEC_PATHS][REPEAT_MAX]; /* in turn with each path */
};

struct comparison {
    size_t known;
    size_t values;
    size_t equal;
    size_t one_ulp;
    size_t lost_bits;
    size_t different;
    size_t only_generated;
};

static void *read_file(const char *path, size_t room, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    const long len = ftell(file);
    rewind(file);
    uint8_t *bytes = calloc(1, (size_t)len + room);
    *out_len = bytes != NULL ? fread(bytes, 1, (size_t)len, file) : 0;
    (void)fclose(file);
    return bytes;
}

static const struct ct_codec_message *message_of(const struct bench *bench, const uint8_t *frame)
{
    uint32_t key;
    memcpy(&key, frame, sizeof key);
    return ct_codec_find(bench->codec, key & 0x1FFFFFFFU, (key & 0x80000000U) != 0);
}

static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void decode(struct bench *bench, const struct ct_codec_message *message, const uint8_t *frame)
{
    ct_codec_decode_physical(message, frame + FRAME_DATA, frame[FRAME_LEN], bench->values, bench->active);
}

static void run_single(struct bench *bench)
{
    const uint8_t *frame = bench->frames;
    for (size_t i = 0; i < bench->count; i++, frame += bench->stride) {
        const struct ct_codec_message *message = message_of(bench, frame);
        if (message != NULL) {
            decode(bench, message, frame);
        }
    }
}

/* The frames as receive calls would bring them. */
static void run_batches(struct bench *bench)
{
    uint32_t keys[BLOCK];
    uint8_t which[BLOCK];
    const struct ct_codec_message *messages[BLOCK];
    const uint8_t *frames = bench->frames;
    for (size_t done = 0; done < bench->count; done += BLOCK, frames += BLOCK * bench->stride) {
        const size_t block = bench->count - done < BLOCK ? bench->count - done : BLOCK;
        for (size_t i = 0; i < block; i++) {
            memcpy(&keys[i], frames + i * bench->stride, sizeof keys[i]);
        }
        const size_t known = ct_codec_find_batch(bench->codec, keys, block, messages, which);
        for (size_t i = 0; i < known; i++) {
            decode(bench, messages[i], frames + which[i] * bench->stride);
        }
    }
}

static void run_generated(struct bench *bench)
{
    bench->run(bench->frames, bench->count, bench->stride, bench->values);
}

static double timed(struct bench *bench, void (*run)(struct bench *bench))
{
    const double begin = now_ns();
    run(bench);
    return (now_ns() - begin) / (double)bench->count;
}

/* Each path and the generated code, turn and turn about. */
static void measure(struct bench *bench, unsigned repetitions)
{
    for (unsigned path = 0; path < CT_CODEC_PATHS; path++) {
        if (ct_codec_set_path(bench->codec, (enum ct_codec_path)path) != CT_OK) {
            continue;
        }
        for (unsigned turn = 0; turn < repetitions; turn++) {
            bench->ns[path][turn] = timed(bench, run_batches);
            bench->generated_ns[path][turn] = timed(bench, run_generated);
            bench->single_ns[path][turn] = timed(bench, run_single);
        }
    }
}

/* ---- the values are the same */

static uint64_t distance(double a, double b)
{
    int64_t left;
    int64_t right;
    if (a == b) {
        return 0;
    }
    memcpy(&left, &a, sizeof left);
    memcpy(&right, &b, sizeof right);
    return isnan(a) && isnan(b) ? 0 : (uint64_t)llabs(left - right);
}

static void compare_value(struct bench *bench, const struct ct_codec_message *message, const char *name, double want,
                          struct comparison *sums)
{
    const struct ct_dbc_message *model = ct_codec_model(message);
    const struct ct_dbc_signal *signal = ct_dbc_find_signal(model, name);
    if (isnan(want) && signal == NULL) {
        return;
    }
    const uint32_t lane = signal != NULL ? ct_codec_signal_lane(message, (uint16_t)(signal - model->signals)) : 0;
    if (signal == NULL || lane == CT_NO_LANE || (bench->active[lane / 8] >> lane % 8 & 1) == 0) {
        sums->only_generated++;
        return;
    }
    const uint64_t apart = distance(bench->values[lane], want);
    sums->values++;
    sums->equal += apart == 0;
    sums->one_ulp += apart == 1;
    sums->lost_bits += apart > 1 && signal->length > 52;
    sums->different += apart > 1 && signal->length <= 52;
}

static void compare(struct bench *bench, struct comparison *sums)
{
    static double generated[VALUES_MAX];
    for (size_t i = 0; i < bench->count; i++) {
        const uint8_t *frame = bench->frames + i * bench->stride;
        const struct ct_codec_message *message = message_of(bench, frame);
        for (size_t k = 0; k < VALUES_MAX; k++) {
            generated[k] = (double)NAN;
        }
        const int slots = bench->one(frame, generated);
        if (message == NULL || slots < 0) {
            sums->only_generated += slots >= 0;
            continue;
        }
        sums->known++;
        ct_codec_decode_physical(message, frame + FRAME_DATA, frame[FRAME_LEN], bench->values, bench->active);
        for (int k = 0; k < slots; k++) {
            if (!isnan(generated[k])) {
                compare_value(bench, message, bench->slot(frame, k), generated[k], sums);
            }
        }
    }
}

static size_t count_values(struct bench *bench)
{
    size_t count = 0;
    for (size_t i = 0; i < bench->count; i++) {
        const uint8_t *frame = bench->frames + i * bench->stride;
        const struct ct_codec_message *message = message_of(bench, frame);
        if (message == NULL) {
            continue;
        }
        ct_codec_decode_physical(message, frame + FRAME_DATA, frame[FRAME_LEN], bench->values, bench->active);
        for (size_t k = 0; k < ct_codec_lane_count(message) / CT_LANE_GROUP; k++) {
            count += (size_t)__builtin_popcount(bench->active[k]);
        }
    }
    return count;
}

/* ---- results */

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Fastest, lower quarter, median, upper quarter. */
static void print_times(const char *name, double *ns, unsigned count, const char *behind)
{
    qsort(ns, count, sizeof *ns, compare_doubles);
    (void)printf("\"%s\": [%.3f, %.3f, %.3f, %.3f]%s", name, ns[0], ns[count / 4], ns[count / 2], ns[3 * count / 4],
                 behind);
}

static void print_results(struct bench *bench, unsigned repetitions)
{
    struct comparison sums = {0};
    (void)printf("{\"frames\": %zu, \"signals\": %zu", bench->count, count_values(bench));
    compare(bench, &sums);
    (void)printf(", \"known\": %zu, \"compared\": %zu, \"equal\": %zu, \"one_ulp\": %zu, \"lost_bits\": %zu, "
                 "\"different\": %zu, \"only_generated\": %zu",
                 sums.known, sums.values, sums.equal, sums.one_ulp, sums.lost_bits, sums.different,
                 sums.only_generated);
    for (unsigned path = 0; path < CT_CODEC_PATHS; path++) {
        if (ct_codec_set_path(bench->codec, (enum ct_codec_path)path) == CT_OK) {
            (void)printf(", \"%s\": {", ct_codec_path_name((enum ct_codec_path)path));
            print_times("batch", bench->ns[path], repetitions, ", ");
            print_times("single", bench->single_ns[path], repetitions, ", ");
            print_times("generated", bench->generated_ns[path], repetitions, "}");
        }
    }
    (void)printf("}\n");
}

static bool load(struct bench *bench, char **argv)
{
    size_t len = 0;
    char *text = read_file(argv[1], 1, &len);
    void *object = dlopen(argv[2], RTLD_NOW);
    if (text == NULL || object == NULL) {
        return false;
    }
    const int err = ct_dbc_parse(argv[1], text, len, NULL, NULL, &bench->dbc);
    free(text);
    if ((err != CT_OK && err != CT_ERR_SYNTAX) || ct_codec_compile(bench->dbc, &bench->codec) != CT_OK) {
        return false;
    }
    *(void **)&bench->run = dlsym(object, "generated_run");
    *(void **)&bench->one = dlsym(object, "generated_one");
    *(void **)&bench->slot = dlsym(object, "generated_slot");
    bench->frames = read_file(argv[3], CT_CODEC_FRAME_ROOM, &len);
    bench->stride = strtoul(argv[4], NULL, 10);
    bench->values = aligned_alloc(CT_LANE_ALIGN, VALUES_MAX * sizeof *bench->values);
    if (bench->run == NULL || bench->one == NULL || bench->slot == NULL || bench->frames == NULL ||
        bench->stride == 0 || bench->values == NULL) {
        return false;
    }
    bench->count = len / bench->stride;
    for (size_t i = 0; i < bench->count; i++) {
        const struct ct_codec_message *message = message_of(bench, bench->frames + i * bench->stride);
        if (message != NULL && ct_codec_lane_count(message) > VALUES_MAX) {
            return false;
        }
    }
    return bench->count > 0;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const unsigned repetitions = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    if (repetitions == 0 || repetitions > REPEAT_MAX) {
        (void)fprintf(stderr, "usage: decode_bench FILE.dbc GENERATED.so FRAMES STRIDE REPETITIONS\n");
        return CT_EXIT_USAGE;
    }
    if (!load(&bench, argv)) {
        (void)fprintf(stderr, "decode_bench: cannot load %s, %s or %s\n", argv[1], argv[2], argv[3]);
        return CT_EXIT_ENVIRONMENT;
    }
    measure(&bench, repetitions);
    print_results(&bench, repetitions);
    ct_codec_free(bench.codec);
    ct_dbc_free(bench.dbc);
    free(bench.frames);
    free(bench.values);
    return CT_EXIT_OK;
}
