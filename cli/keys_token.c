/* enrol.txt: tokens made and tokens used. */
#include "clock.h"
#include "commands.h"
#include "crash_point.h"
#include "files.h"
#include "keys_enrol.h"
#include "keys_pair.h"

#include <sodium.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX    (1U << 25)
#define HOUR_MS     (3600 * INT64_C(1000))
#define FORGET_MS   (30 * 24 * HOUR_MS) /* that a token was used or ran out is told for so long */
#define HOURS       24
#define HOURS_MAX   (24 * 365L)
#define LIST_HEADER "# enrolment tokens: HASH VEHICLE EXPIRES(ms UTC) KEY, - while nobody used it\n"

struct list {
    char path[CT_KEYS_PATH_SIZE];
    struct ct_enrol_row *rows; /* one more fits than there are */
    size_t count;
};

/* Says what is wrong. */
static int load(struct list *list, const char *dir)
{
    char problem[512];
    uint8_t *text = NULL;
    size_t len = 0;
    ct_keys_path(list->path, dir, "enrol.txt", "");
    int err = ct_file_read(list->path, FILE_MAX, &text, &len);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        (void)ct_keys_complain(list->path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
        return err;
    }
    err = ct_enrol_rows_parse(list->path, text != NULL ? (const char *)text : "", &list->rows, &list->count, problem,
                              sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
    }
    free(text);
    return err;
}

static int store(const struct list *list, int64_t utc_ms)
{
    struct ct_buf text;
    ct_buf_init(&text, FILE_MAX);
    ct_buf_text(&text, LIST_HEADER);
    for (size_t i = 0; i < list->count; i++) {
        if (utc_ms - list->rows[i].expires_utc_ms < FORGET_MS) {
            ct_enrol_row_write(&list->rows[i], &text);
        }
    }
    int err = ct_buf_error(&text);
    err = err == CT_OK ? ct_file_write(list->path, text.data, text.len, 0600) : err;
    ct_buf_free(&text);
    return err;
}

static int64_t utc_ms_now(void)
{
    return ct_clock_utc_now() / CT_NS_PER_MS;
}

long ct_enrol_number(const char *text, long fallback, long max)
{
    char *end = NULL;
    if (text == NULL) {
        return fallback;
    }
    const long number = strtol(text, &end, 10);
    return end != text && *end == '\0' && number >= 1 && number <= max ? number : 0;
}

/* ---------------------------------------------------------------- a token made */

static int add_row(const char *dir, const struct ct_enrol_token *token, long hours)
{
    struct list list = {.rows = NULL};
    const int64_t now = utc_ms_now();
    int err = load(&list, dir);
    if (err != CT_OK) {
        return CT_EXIT_ENVIRONMENT;
    }
    struct ct_enrol_row *row = &list.rows[list.count];
    err = list.count < CT_ENROL_ROWS_MAX ? CT_OK : CT_ERR_FULL;
    if (err == CT_OK) {
        *row = (struct ct_enrol_row){.expires_utc_ms = now + hours * HOUR_MS};
        ct_enrol_hash(token->secret, row->hash);
        memcpy(row->vehicle, token->vehicle, sizeof row->vehicle);
        list.count++;
        err = store(&list, now);
    }
    free(list.rows);
    return err == CT_OK ? CT_EXIT_OK : ct_keys_complain(list.path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

static int usage(const char *what)
{
    fprintf(stderr, "cantwin keys: error: %s; see cantwin keys --help\n", what);
    return CT_EXIT_USAGE;
}

static int check(const struct ct_enrol_options *options)
{
    if (options->vehicle == NULL || !ct_peer_name_valid(options->vehicle)) {
        return usage("--vehicle ID is missing: 1 to 64 letters, digits, '.', '_', '-'");
    }
    if (options->endpoint == NULL || strlen(options->endpoint) >= CT_ENROL_ENDPOINT_SIZE ||
        strncmp(options->endpoint, "tcp://", 6) != 0) {
        return usage("--endpoint is missing: tcp://HOST:PORT where vehicles reach `cantwin keys serve`");
    }
    return ct_enrol_number(options->hours, HOURS, HOURS_MAX) > 0 ? CT_EXIT_OK
                                                                 : usage("--hours is a number from 1 to 8760");
}

int ct_keys_token(const struct ct_enrol_options *options)
{
    char base[CT_KEYS_PATH_SIZE];
    char path[CT_KEYS_PATH_SIZE + 8];
    char problem[512];
    char text[CT_ENROL_TOKEN_SIZE];
    struct ct_enrol_token token = {.endpoint = ""};
    int code = check(options);
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_keys_path(base, options->dir, "fleet.curve", "");
    (void)snprintf(path, sizeof path, "%s.pub", options->key != NULL ? options->key : base);
    if (ct_key_read_z85(path, token.server_key, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    (void)snprintf(token.vehicle, sizeof token.vehicle, "%s", options->vehicle);
    (void)snprintf(token.endpoint, sizeof token.endpoint, "%s", options->endpoint);
    if (ct_enrol_token_make(&token) != CT_OK) {
        return ct_keys_complain(options->dir, "this machine gives no randomness", CT_EXIT_ENVIRONMENT);
    }
    const int lock = ct_keys_lock(options->dir);
    code = lock < 0 ? ct_keys_complain(options->dir, ct_err_text(lock), CT_EXIT_ENVIRONMENT)
                    : add_row(options->dir, &token, ct_enrol_number(options->hours, HOURS, HOURS_MAX));
    ct_keys_unlock(lock);
    if (code == CT_EXIT_OK) {
        ct_enrol_token_format(&token, text);
        printf("%s\n", text);
    }
    sodium_memzero(&token, sizeof token);
    return code;
}

/* ---------------------------------------------------------------- a token used */

static enum ct_enrol_verdict redeem(struct list *list, const uint8_t secret[CT_ENROL_SECRET_SIZE], const char *key,
                                    char out_vehicle[CT_ENROL_VEHICLE_SIZE])
{
    struct ct_enrol_row *row = NULL;
    const int64_t now = utc_ms_now();
    const enum ct_enrol_verdict verdict = ct_enrol_judge(list->rows, list->count, secret, key, now, &row);
    if (verdict != CT_ENROL_GRANTED) {
        return verdict;
    }
    memcpy(out_vehicle, row->vehicle, CT_ENROL_VEHICLE_SIZE);
    if (row->key[0] != '\0') {
        return verdict; /* again, by the key that used it */
    }
    (void)snprintf(row->key, sizeof row->key, "%s", key);
    const int err = store(list, now);
    if (err != CT_OK) {
        (void)ct_keys_complain(list->path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
        return CT_ENROL_FAILED;
    }
    CT_CRASH_POINT("enrol-marked");
    return verdict;
}

enum ct_enrol_verdict ct_enrol_redeem(const char *dir, const uint8_t secret[CT_ENROL_SECRET_SIZE], const char *key,
                                      char out_vehicle[CT_ENROL_VEHICLE_SIZE])
{
    struct list list = {.rows = NULL};
    enum ct_enrol_verdict verdict = CT_ENROL_FAILED;
    const int lock = ct_keys_lock(dir);
    if (lock < 0) {
        (void)ct_keys_complain(dir, ct_err_text(lock), CT_EXIT_ENVIRONMENT);
    } else if (load(&list, dir) == CT_OK) {
        verdict = redeem(&list, secret, key, out_vehicle);
    }
    free(list.rows);
    ct_keys_unlock(lock);
    return verdict;
}
