/* Loads a DBC file again and again: dbc_load FILE SECONDS prints bytes, repetitions, and for parsing and compiling the
 * least and the median milliseconds of processor time: what else runs on the machine counts as little as can be. The
 * file is in memory before the clock starts. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS_MAX 10000

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    (void)fseek(file, 0, SEEK_END);
    const long len = ftell(file);
    rewind(file);
    char *text = malloc(len > 0 ? (size_t)len : 1);
    if (text != NULL && len > 0 && fread(text, 1, (size_t)len, file) != (size_t)len) {
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    *out_len = len > 0 ? (size_t)len : 0;
    return text;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static bool load_once(const char *text, size_t len, double *parse_ms, double *compile_ms)
{
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    const double start = now_ms();
    const int err = ct_dbc_parse("bench.dbc", text, len, NULL, NULL, &dbc);
    const double parsed = now_ms();
    const bool good = (err == CT_OK || err == CT_ERR_SYNTAX) && ct_codec_compile(dbc, &codec) == CT_OK;
    *parse_ms = parsed - start;
    *compile_ms = now_ms() - parsed;
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return good;
}

int main(int argc, char **argv)
{
    static double parse_ms[RUNS_MAX];
    static double compile_ms[RUNS_MAX];
    size_t len = 0;
    size_t runs = 0;
    char *text = argc == 3 ? read_file(argv[1], &len) : NULL;
    if (text == NULL) {
        fputs("usage: dbc_load FILE SECONDS\n", stderr);
        return 2;
    }
    const double end = now_ms() + strtod(argv[2], NULL) * 1e3;
    while (runs == 0 || (runs < RUNS_MAX && now_ms() < end)) {
        if (!load_once(text, len, &parse_ms[runs], &compile_ms[runs])) {
            free(text);
            return 1;
        }
        runs++;
    }
    qsort(parse_ms, runs, sizeof parse_ms[0], compare);
    qsort(compile_ms, runs, sizeof compile_ms[0], compare);
    printf("%zu %zu %.3f %.3f %.3f %.3f\n", len, runs, parse_ms[0], parse_ms[runs / 2], compile_ms[0],
           compile_ms[runs / 2]);
    free(text);
    return 0;
}
