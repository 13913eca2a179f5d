/* The vehicle's side of enrolment. */
#include "keys_enrol.h"

#include "clock.h"
#include "commands.h"
#include "files.h"
#include "keys_pair.h"
#include "zmq_enrol.h"

#include <sodium.h>

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_S      60
#define WAIT_S_MAX  86400L
#define ASK_MS      5000
#define LATER_S     7
#define TOKEN_BYTES 4096

/* ---------------------------------------------------------------- the token */

static void cut_blanks(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
}

static int read_token_file(const char *path, char text[TOKEN_BYTES])
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return ct_keys_complain(path, "cannot be read", CT_EXIT_ENVIRONMENT);
    }
    const size_t len = fread(text, 1, TOKEN_BYTES - 1, file);
    text[len] = '\0';
    cut_blanks(text);
    if (file != stdin) {
        (void)fclose(file);
    }
    return CT_EXIT_OK;
}

static int take_token(const struct ct_enrol_options *options, struct ct_enrol_token *token)
{
    char text[TOKEN_BYTES];
    int code = CT_EXIT_OK;
    if ((options->token == NULL) == (options->token_file == NULL)) {
        fputs("cantwin keys: error: wants one of --token TOKEN and --token-file FILE; see cantwin keys --help\n",
              stderr);
        return CT_EXIT_USAGE;
    }
    if (options->token_file != NULL) {
        code = read_token_file(options->token_file, text);
    } else {
        (void)snprintf(text, sizeof text, "%s", options->token);
    }
    const int err = code == CT_EXIT_OK ? ct_enrol_token_parse(text, token) : CT_OK;
    sodium_memzero(text, sizeof text);
    if (err != CT_OK) {
        return ct_keys_complain("token",
                                err == CT_ERR_UNSUPPORTED ? "made by a newer version"
                                : err == CT_ERR_SYNTAX    ? "not one: `cantwin keys token` makes them"
                                                          : "incomplete or altered: copy it whole",
                                CT_EXIT_FAILED);
    }
    return code;
}

/* ---------------------------------------------------------------- the question */

struct answer {
    char text[CT_ZMQ_ENROL_MESSAGE_MAX + 1];
};

static bool is_later(const struct answer *answer)
{
    char later[32];
    (void)snprintf(later, sizeof later, CT_ENROL_NO "%d\n", (int)CT_ENROL_LATER);
    return strcmp(answer->text, later) == 0;
}

/* Asks until there is an answer or the time is over: the backend may not be reachable yet. */
static int ask(const struct ct_zmq_enrol_question *question, long wait_s, struct answer *answer)
{
    const ct_ns end = ct_clock_now() + wait_s * CT_NS_PER_S;
    int err = CT_ERR_TIMEOUT;
    for (;;) {
        const ct_ns left_ms = (end - ct_clock_now()) / CT_NS_PER_MS;
        size_t len = 0;
        if (left_ms <= 0) {
            return err;
        }
        err = ct_zmq_enrol_ask(question, left_ms < ASK_MS ? (int)left_ms : ASK_MS, (uint8_t *)answer->text,
                               sizeof answer->text - 1, &len);
        answer->text[err == CT_OK ? len : 0] = '\0';
        if (err != CT_ERR_TIMEOUT && !(err == CT_OK && is_later(answer) && left_ms > LATER_S * 1000)) {
            return err;
        }
        if (err == CT_OK) {
            (void)poll(NULL, 0, LATER_S * 1000); /* as it was asked to */
        }
    }
}

static int question_of(const struct ct_enrol_options *options, const struct ct_enrol_token *token, const char *file,
                       struct answer *answer)
{
    char base[CT_KEYS_PATH_SIZE];
    char public_key[CT_Z85_KEY_SIZE];
    char secret_key[CT_Z85_KEY_SIZE];
    char problem[512];
    uint8_t data[CT_ENROL_QUESTION_SIZE];
    ct_keys_path(base, options->dir, file, "");
    if (ct_key_read_pair_z85(base, public_key, secret_key, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    memcpy(data, CT_ENROL_QUESTION, sizeof CT_ENROL_QUESTION - 1);
    memcpy(data + sizeof CT_ENROL_QUESTION - 1, token->secret, sizeof token->secret);
    const struct ct_zmq_enrol_question question = {.endpoint = token->endpoint,
                                                   .server_public_key = token->server_key,
                                                   .public_key = public_key,
                                                   .secret_key = secret_key,
                                                   .data = data,
                                                   .len = sizeof data};
    const int err = ask(&question, ct_enrol_number(options->wait_s, WAIT_S, WAIT_S_MAX), answer);
    sodium_memzero(secret_key, sizeof secret_key);
    sodium_memzero(data, sizeof data);
    if (err == CT_ERR_TIMEOUT) {
        return ct_keys_complain(
            token->endpoint, "no answer: is `cantwin keys serve` running there, with the key the token was made for?",
            CT_EXIT_ENVIRONMENT);
    }
    return err == CT_OK ? CT_EXIT_OK : ct_keys_complain(token->endpoint, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

/* ---------------------------------------------------------------- the answer */

/* A file that is there stays: another backend's keys are not overwritten by mistake. */
static int keep(const char *dir, const char *name, const char *text)
{
    char path[CT_KEYS_PATH_SIZE];
    char line[128];
    uint8_t *old = NULL;
    size_t old_len = 0;
    ct_keys_path(path, dir, name, ".pub");
    const int len = snprintf(line, sizeof line, "%s\n", text);
    int err = ct_file_read(path, sizeof line, &old, &old_len);
    const bool same = err == CT_OK && old_len == (size_t)len && memcmp(old, line, old_len) == 0;
    free(old);
    if (err == CT_OK && !same) {
        return ct_keys_complain(path, "another key is there; remove it if this vehicle changes its backend",
                                CT_EXIT_FAILED);
    }
    err = same ? CT_OK : ct_file_write(path, line, (size_t)len, 0644);
    if (err != CT_OK) {
        return ct_keys_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    printf("%s %s\n", same ? "kept" : "made", path);
    return CT_EXIT_OK;
}

/* Lines NAME HEX, of the two names there are. */
static int keep_signing_keys(const char *dir, const char *lines)
{
    static const char *const names[] = {"director.ed25519", "release.ed25519"};
    int code = CT_EXIT_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && code == CT_EXIT_OK; i++) {
        char key[65];
        const char *line = strstr(lines, names[i]);
        const char *hex = line != NULL ? line + strlen(names[i]) + 1 : "";
        if (strspn(hex, "0123456789abcdef") == sizeof key - 1) {
            memcpy(key, hex, sizeof key - 1);
            key[sizeof key - 1] = '\0';
            code = keep(dir, names[i], key);
        }
    }
    return code;
}

static int refused(const char *text)
{
    char what[128];
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    const bool known = end != text && number > 0 && number < CT_ENROL_VERDICT_COUNT;
    (void)snprintf(what, sizeof what, "refused: %s",
                   ct_enrol_verdict_text(known ? (enum ct_enrol_verdict)number : CT_ENROL_VERDICT_COUNT));
    return ct_keys_complain("token", what, CT_EXIT_FAILED);
}

static int take_answer(const struct ct_enrol_options *options, const struct ct_enrol_token *token, const char *text)
{
    char wanted[CT_ENROL_VEHICLE_SIZE + 16];
    if (strncmp(text, CT_ENROL_NO, sizeof CT_ENROL_NO - 1) == 0) {
        return refused(text + sizeof CT_ENROL_NO - 1);
    }
    (void)snprintf(wanted, sizeof wanted, CT_ENROL_YES "%s\n", token->vehicle);
    if (strncmp(text, wanted, strlen(wanted)) != 0) {
        return ct_keys_complain(token->endpoint, "an answer that makes no sense", CT_EXIT_FAILED);
    }
    int code = keep(options->dir, "fleet.curve", token->server_key);
    code = code == CT_EXIT_OK ? keep_signing_keys(options->dir, text + strlen(wanted)) : code;
    if (code == CT_EXIT_OK) {
        printf("enrolled as %s: link.key is %s/vehicle-%s.curve, link.server_key %s/fleet.curve.pub\n", token->vehicle,
               options->dir, token->vehicle, options->dir);
    }
    return code;
}

int ct_keys_enrol(const struct ct_enrol_options *options)
{
    struct ct_enrol_token token;
    static const char too_long[] = "cantwin keys: error: --wait is seconds from 1 to 86400; see cantwin keys --help\n";
    char file[96];
    if (ct_enrol_number(options->wait_s, WAIT_S, WAIT_S_MAX) == 0) {
        fputs(too_long, stderr);
        return CT_EXIT_USAGE;
    }
    int code = take_token(options, &token);
    if (code != CT_EXIT_OK) {
        return code;
    }
    const int err = ct_dir_make(options->dir);
    if (err != CT_OK) {
        return ct_keys_complain(options->dir, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    struct answer answer;
    (void)snprintf(file, sizeof file, "vehicle-%s.curve", token.vehicle);
    code = ct_keys_pair(options->dir, file, CT_PAIR_CURVE);
    code = code == CT_EXIT_OK ? question_of(options, &token, file, &answer) : code;
    code = code == CT_EXIT_OK ? take_answer(options, &token, answer.text) : code;
    sodium_memzero(&token, sizeof token);
    return code;
}
