/* A day of one vehicle (signals x rate) in a real database, and what questions about one signal of it take.
 * usage: history_bench FOLDER SIGNALS HZ: one JSON object, milliseconds of CPU (medians of 15; the
 * machine may have other work). */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_US  (86400 * INT64_C(1000000))
#define T0_US   INT64_C(1700000000000000)
#define ROUNDS  15
#define POINTS  800
#define VEHICLE 1

struct day {
    struct ct_catalogue *catalogue;
    struct ct_database database;
    struct ct_history *history;
    struct ct_chunk open;
    size_t samples, chunks, merges;
    size_t plotted;  /* samples behind the points of the last plot */
    double merge_ms; /* the longest */
};

static const struct ct_catalogue *lookup(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)hash;
    return ((const struct day *)user)->catalogue;
}

static void must(int err, const char *what)
{
    if (err != CT_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, ct_err_text(err));
        exit(1);
    }
}

static void make_catalogue(struct day *day, uint32_t signals)
{
    struct ct_catalogue_builder *builder;
    must(ct_catalogue_builder_create(&builder), "catalogue");
    for (uint32_t i = 0; i < signals; i++) {
        char name[48];
        uint32_t id;
        (void)snprintf(name, sizeof name, "Vehicle.Signal%03" PRIu32, i);
        const struct ct_entry entry = {
            .name = name, .unit = "", .comment = "", .kind = CT_KIND_RAW, .datatype = CT_DT_FLOAT, .factor = 0.1};
        must(ct_catalogue_builder_add(builder, &entry, &id), "catalogue");
    }
    must(ct_catalogue_builder_finish(builder, &day->catalogue), "catalogue");
    ct_catalogue_builder_free(builder);
}

static double cpu_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void pack(struct day *day)
{
    must(ct_history_store(day->history, VEHICLE, &day->open, day->catalogue), "chunk");
    day->chunks++;
    const double begin = cpu_ms();
    const int err = ct_history_merge(day->history, VEHICLE);
    if (err != CT_ERR_END) {
        must(err, "merge");
        day->merges++;
        const double took = cpu_ms() - begin;
        day->merge_ms = took > day->merge_ms ? took : day->merge_ms;
    }
}

/* As the folder does: a chunk is closed after 60 s or when it is full. */
static void fill(struct day *day, uint32_t signals, int64_t step_us)
{
    int64_t opened_us = 0;
    uint32_t seed = 1;
    static int64_t raw[8192];
    must(ct_database_begin(&day->database), "begin");
    for (int64_t t = 0; t < DAY_US; t += step_us) {
        if (t - opened_us >= 60 * INT64_C(1000000) || !ct_chunk_room(&day->open, signals)) {
            pack(day);
            opened_us = t;
        }
        for (uint32_t id = 0; id < signals; id++) {
            seed = seed * 1664525U + 1013904223U;
            raw[id] += (int64_t)(seed >> 29) - 3; /* a walk of small steps, as measured values are */
            const struct ct_chunk_sample sample = {.id = id, .utc_us = T0_US + t, .raw = raw[id]};
            must(ct_chunk_add(&day->open, CT_KIND_RAW, &sample), "sample");
            day->samples++;
        }
    }
    pack(day);
    must(ct_database_commit(&day->database), "commit");
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

static double time_bins(struct day *day, const struct ct_history_source *source)
{
    static struct ct_history_bin bins[POINTS];
    double times[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t width;
        const struct ct_entry *entry;
        const double begin = cpu_ms();
        must(ct_history_bins(day->history, source, T0_US, T0_US + DAY_US, bins, POINTS, &width, &entry), "bins");
        times[i] = cpu_ms() - begin;
    }
    day->plotted = 0;
    for (size_t i = 0; i < POINTS; i++) {
        day->plotted += bins[i].count;
    }
    return median(times);
}

static double time_range(struct day *day, const struct ct_history_source *source, int64_t span_us)
{
    double times[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ct_history_range range;
        const double begin = cpu_ms();
        must(ct_history_query(day->history, source, T0_US, T0_US + span_us, &range), "range");
        times[i] = cpu_ms() - begin;
        ct_history_range_free(&range);
    }
    return median(times);
}

static double time_last(struct day *day, const struct ct_history_source *source)
{
    double times[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ct_history_value value;
        const double begin = cpu_ms();
        must(ct_history_last(day->history, source, T0_US + DAY_US / 2, &value), "last");
        times[i] = cpu_ms() - begin;
    }
    return median(times);
}

int main(int argc, char **argv)
{
    char path[512];
    char problem[256];
    static struct day day;
    if (argc != 4) {
        (void)fputs("usage: history_bench FOLDER SIGNALS HZ\n", stderr);
        return 2;
    }
    const uint32_t signals = (uint32_t)strtoul(argv[2], NULL, 10);
    const int64_t hz = strtoll(argv[3], NULL, 10);
    (void)snprintf(path, sizeof path, "%s/day.db", argv[1]);
    ct_chunk_init(&day.open);
    make_catalogue(&day, signals);
    must(ct_database_open(path, &day.database, problem, sizeof problem), "database");
    must(ct_history_open(&day.database, lookup, &day, &day.history), "history");
    fill(&day, signals, 1000000 / hz);
    const struct ct_history_source source = {VEHICLE, "Vehicle.Signal007", NULL, NULL};
    const double plot_ms = time_bins(&day, &source);
    printf(
        "{\"signals\":%" PRIu32 ",\"hz\":%" PRId64
        ",\"samples\":%zu,\"plotted\":%zu,\"chunks\":%zu,\"merges\":%zu,\"longest_merge_ms\":%.1f,\"day_plot_ms\":%.2f,"
        "\"day_raw_ms\":%.2f,\"hour_raw_ms\":%.2f,\"last_ms\":%.3f}\n",
        signals, hz, day.samples, day.plotted, day.chunks, day.merges, day.merge_ms, plot_ms,
        time_range(&day, &source, DAY_US), time_range(&day, &source, DAY_US / 24), time_last(&day, &source));
    ct_history_close(day.history);
    ct_database_close(&day.database);
    ct_chunk_free(&day.open);
    return 0;
}
