/* `cantwin bench`: what decoding costs on this machine. The log is read into memory first, so that only the codec is
 * measured; every path of the machine decodes it over and over, in turn. */
#include "bench_live.h"
#include "clock.h"
#include "codec.h"
#include "commands.h"
#include "dbc_files.h"
#include "json.h"
#include "log_reader.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX  ((size_t)1 << 21)
#define HEAD        8  /* id (bit 31: extended), length, 3 unused */
#define BLOCK       64 /* frames looked up before they are decoded, as they come from a socket */
#define TURNS_MAX   101
#define TURNS_MIN   5
#define MEASURE_NS  ((ct_ns)1000000000)
#define OUTPUT_ROOM ((size_t)4096)

_Static_assert(CT_FRAME_DATA_MAX >= CT_CODEC_FRAME_ROOM, "a frame has the room that lanes are decoded from");

struct store {
    uint8_t *bytes; /* frames one behind the other, each HEAD bytes and its data filled up to a multiple of 8 */
    size_t used;
    size_t room;
    size_t frames;
};

struct bench {
    struct ct_cli_dbc files;
    struct store store;
    double *values;
    uint8_t *active;
    size_t decoded;
    size_t signals;
    double ns[CT_CODEC_PATHS][TURNS_MAX];
    double single_ns[CT_CODEC_PATHS][TURNS_MAX];
    struct ct_cli_live *live;
    double live_ns[TURNS_MAX];
    size_t turns;
};

static const char help[] =
    "usage: cantwin bench decode --dbc FILE LOG\n"
    "Measures how long the frames of LOG take to decode, all signals to physical values, and prints one JSON object:\n"
    "frames, decoded, signals, ns_per_frame and ns_per_signal (frames looked up in batches of 64),\n"
    "ns_per_single_frame (one by one), with the path that is used here, the same for every path this machine has, and\n"
    "as live the gateway's way: decoded into a twin with times, quality and change marks. Times are medians; the log\n"
    "is read before the clock starts.\n"
    "  --dbc FILE   the database\n"
    "  --help       this text\n"
    "Frames of unknown id count in ns_per_frame: they are looked up too.\n"
    "\n"
    "  cantwin bench decode --dbc car.dbc drive.log\n"
    "  cantwin bench decode --dbc car.dbc drive.log.zst | jq .live\n";

/* ---- the log in memory */

static size_t stored_size(size_t len)
{
    return HEAD + (len + 7) / 8 * 8;
}

static int store_frame(struct store *store, const struct ct_frame *frame)
{
    const uint32_t key = frame->id | ((frame->flags & CT_FRAME_EXT) != 0 ? CT_CODEC_KEY_EXTENDED : 0);
    const size_t size = stored_size(frame->len);
    if (store->frames == FRAMES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    if (store->used + size + CT_CODEC_FRAME_ROOM > store->room) {
        const size_t room = store->room == 0 ? (size_t)1 << 20 : 2 * store->room;
        uint8_t *bytes = realloc(store->bytes, room);
        if (bytes == NULL) {
            return CT_ERR_TOO_LARGE;
        }
        store->bytes = bytes;
        store->room = room;
    }
    uint8_t *at = store->bytes + store->used;
    memset(at, 0, size + CT_CODEC_FRAME_ROOM);
    memcpy(at, &key, sizeof key);
    at[sizeof key] = frame->len;
    memcpy(at + HEAD, frame->data, frame->len);
    store->used += size;
    store->frames++;
    return CT_OK;
}

/* Data frames only. A log that is too large is measured as far as it fits. */
static int read_log(struct bench *bench, struct ct_log_reader *reader)
{
    for (;;) {
        struct ct_frame frame;
        const int err = ct_log_reader_next(reader, &frame, NULL);
        if (err == CT_ERR_END) {
            return CT_EXIT_OK;
        }
        if (err != CT_OK) {
            fprintf(stderr, "%s\n", ct_log_reader_problem(reader));
        }
        if (err != CT_OK && err != CT_ERR_SYNTAX) {
            return CT_EXIT_FAILED;
        }
        const bool data = err == CT_OK && (frame.flags & (CT_FRAME_RTR | CT_FRAME_ERR)) == 0;
        if (data && (store_frame(&bench->store, &frame) != CT_OK || ct_cli_live_add(bench->live, &frame) != CT_OK)) {
            fprintf(stderr, "cantwin bench: only the first %zu frames are measured\n", bench->store.frames);
            return CT_EXIT_OK;
        }
    }
}

/* ---- the measurement */

static void decode(struct bench *bench, const struct ct_codec_message *message, const uint8_t *frame)
{
    ct_codec_decode_physical(message, frame + HEAD, frame[sizeof(uint32_t)], bench->values, bench->active);
}

static const uint8_t *behind(const uint8_t *frame)
{
    return frame + stored_size(frame[sizeof(uint32_t)]);
}

static uint32_t key_of(const uint8_t *frame)
{
    uint32_t key;
    memcpy(&key, frame, sizeof key);
    return key;
}

/* The frames as receive calls bring them. */
static void decode_batches(struct bench *bench)
{
    const uint8_t *frame = bench->store.bytes;
    const uint8_t *end = frame + bench->store.used;
    while (frame < end) {
        uint32_t keys[BLOCK];
        const uint8_t *frames[BLOCK];
        const struct ct_codec_message *messages[BLOCK];
        uint8_t which[BLOCK];
        size_t count = 0;
        for (; count < BLOCK && frame < end; frame = behind(frame)) {
            keys[count] = key_of(frame);
            frames[count++] = frame;
        }
        const size_t known = ct_codec_find_batch(bench->files.codec, keys, count, messages, which);
        for (size_t i = 0; i < known; i++) {
            decode(bench, messages[i], frames[which[i]]);
        }
    }
}

static const struct ct_codec_message *find(const struct bench *bench, const uint8_t *frame)
{
    const uint32_t key = key_of(frame);
    return ct_codec_find(bench->files.codec, key & ~CT_CODEC_KEY_EXTENDED, (key & CT_CODEC_KEY_EXTENDED) != 0);
}

static void decode_singly(struct bench *bench)
{
    const uint8_t *end = bench->store.bytes + bench->store.used;
    for (const uint8_t *frame = bench->store.bytes; frame < end; frame = behind(frame)) {
        const struct ct_codec_message *message = find(bench, frame);
        if (message != NULL) {
            decode(bench, message, frame);
        }
    }
}

static void take_live(struct bench *bench)
{
    ct_cli_live_run(bench->live);
}

static double timed(struct bench *bench, void (*run)(struct bench *bench))
{
    const ct_ns begin = ct_clock_now();
    run(bench);
    return (double)(ct_clock_now() - begin);
}

static void count_signals(struct bench *bench)
{
    const uint8_t *end = bench->store.bytes + bench->store.used;
    for (const uint8_t *frame = bench->store.bytes; frame < end; frame = behind(frame)) {
        const struct ct_codec_message *message = find(bench, frame);
        if (message == NULL) {
            continue;
        }
        bench->decoded++;
        decode(bench, message, frame);
        for (size_t k = 0; k < ct_codec_lane_count(message) / CT_LANE_GROUP; k++) {
            bench->signals += (size_t)__builtin_popcount(bench->active[k]);
        }
    }
}

static void measure(struct bench *bench)
{
    const ct_ns begin = ct_clock_now();
    while (bench->turns < TURNS_MAX && (bench->turns < TURNS_MIN || ct_clock_now() - begin < MEASURE_NS)) {
        for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
            if (ct_codec_set_path(bench->files.codec, path) == CT_OK) {
                bench->ns[path][bench->turns] = timed(bench, decode_batches);
                bench->single_ns[path][bench->turns] = timed(bench, decode_singly);
            }
        }
        bench->live_ns[bench->turns] = timed(bench, take_live);
        bench->turns++;
    }
}

/* ---- the result */

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* The median of sorted turns. */
static void write_each(const struct bench *bench, struct ct_json *json, const double *ns)
{
    const double median = ns[bench->turns / 2];
    ct_json_double(json, "ns_per_frame", median / (double)bench->store.frames);
    ct_json_double(json, "ns_per_signal", bench->signals > 0 ? median / (double)bench->signals : 0.0);
}

static void write_times(const struct bench *bench, struct ct_json *json, enum ct_codec_path path)
{
    const double single = bench->single_ns[path][bench->turns / 2];
    write_each(bench, json, bench->ns[path]);
    ct_json_double(json, "ns_per_single_frame", single / (double)bench->store.frames);
}

static void write_live(struct bench *bench, struct ct_json *json)
{
    qsort(bench->live_ns, bench->turns, sizeof(double), compare_doubles);
    ct_json_object_begin(json, "live");
    ct_json_uint(json, "frames", bench->store.frames);
    ct_json_uint(json, "signals", bench->signals);
    write_each(bench, json, bench->live_ns);
    ct_json_object_end(json);
}

static void write_result(struct bench *bench, enum ct_codec_path best, struct ct_buf *out)
{
    struct ct_json json;
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    ct_json_uint(&json, "frames", bench->store.frames);
    ct_json_uint(&json, "decoded", bench->decoded);
    ct_json_uint(&json, "signals", bench->signals);
    ct_json_string(&json, "path", ct_codec_path_name(best));
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        qsort(bench->ns[path], bench->turns, sizeof(double), compare_doubles);
        qsort(bench->single_ns[path], bench->turns, sizeof(double), compare_doubles);
    }
    write_times(bench, &json, best);
    write_live(bench, &json);
    ct_json_object_begin(&json, "paths");
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        if (ct_codec_set_path(bench->files.codec, path) == CT_OK) {
            ct_json_object_begin(&json, ct_codec_path_name(path));
            write_times(bench, &json, path);
            ct_json_object_end(&json);
        }
    }
    ct_json_object_end(&json);
    ct_json_object_end(&json);
}

static int print_result(struct bench *bench, enum ct_codec_path best)
{
    struct ct_buf out;
    ct_buf_init(&out, OUTPUT_ROOM);
    write_result(bench, best, &out);
    const bool printed = puts(ct_buf_string(&out)) >= 0 && fflush(stdout) == 0;
    ct_buf_free(&out);
    return printed ? CT_EXIT_OK : CT_EXIT_ENVIRONMENT;
}

static int make_room(struct bench *bench)
{
    size_t most = CT_LANE_GROUP;
    for (size_t i = 0; i < bench->files.dbc->message_count; i++) {
        const struct ct_codec_message *message =
            ct_codec_by_name(bench->files.codec, bench->files.dbc->messages[i].name);
        const size_t lanes = message != NULL ? ct_codec_lane_count(message) : 0;
        most = lanes > most ? lanes : most;
    }
    bench->values = aligned_alloc(CT_LANE_ALIGN, most * sizeof *bench->values);
    bench->active = malloc(most / CT_LANE_GROUP);
    return bench->values != NULL && bench->active != NULL ? CT_EXIT_OK : CT_EXIT_FAILED;
}

static int run_bench(struct bench *bench, const char *dbc, const char *log)
{
    char problem[256];
    struct ct_log_reader *reader = NULL;
    int status = ct_cli_dbc_open(dbc, &bench->files);
    status = status == CT_EXIT_OK ? ct_cli_live_open(dbc, &bench->live) : status;
    status = status == CT_EXIT_OK ? make_room(bench) : status;
    if (status != CT_EXIT_OK) {
        return status;
    }
    if (ct_log_reader_open(log, &reader, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin bench: error: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    status = read_log(bench, reader);
    ct_log_reader_close(reader);
    if (status == CT_EXIT_OK && bench->store.frames == 0) {
        fprintf(stderr, "cantwin bench: error: %s holds no data frames\n", log);
        status = CT_EXIT_FAILED;
    }
    if (status != CT_EXIT_OK) {
        return status;
    }
    const enum ct_codec_path best = ct_codec_path(bench->files.codec);
    count_signals(bench);
    measure(bench);
    return print_result(bench, best);
}

static int usage_error(const char *text)
{
    fprintf(stderr, "cantwin bench: error: %s; see cantwin bench --help\n", text);
    return CT_EXIT_USAGE;
}

static int bench_decode(int argc, char **argv)
{
    static const struct option options[] = {
        {"dbc", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *dbc = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "d:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CT_EXIT_OK;
        }
        if (option != 'd') {
            fputs("see cantwin bench --help\n", stderr);
            return CT_EXIT_USAGE;
        }
        dbc = optarg;
    }
    if (dbc == NULL || optind != argc - 1) {
        return usage_error(dbc == NULL ? "no DBC file given (--dbc FILE)" : "one log is needed");
    }
    struct bench *bench = calloc(1, sizeof *bench);
    const int status = bench != NULL ? run_bench(bench, dbc, argv[optind]) : CT_EXIT_FAILED;
    if (bench != NULL) {
        ct_cli_dbc_close(&bench->files);
        ct_cli_live_close(bench->live);
        free(bench->store.bytes);
        free(bench->values);
        free(bench->active);
    }
    free(bench);
    return status;
}

int ct_cli_bench(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return CT_EXIT_OK;
    }
    if (argc < 2 || strcmp(argv[1], "decode") != 0) {
        return usage_error("the one benchmark is `decode`");
    }
    return bench_decode(argc - 1, argv + 1);
}
