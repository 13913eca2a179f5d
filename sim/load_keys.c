#include "load_keys.h"

#include "buf.h"
#include "files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX  ((size_t)16 << 20)
#define PATH_SIZE 4096

static void path_of(char path[PATH_SIZE], const struct ct_load_options *options, const char *name, const char *suffix)
{
    const int len = snprintf(path, PATH_SIZE, "%s/%s%s", options->keys, name, suffix);
    if (len < 0 || len >= PATH_SIZE) {
        path[0] = '\0';
    }
}

static int say(char *problem, size_t size, const char *path, const char *what, int err)
{
    (void)snprintf(problem, size, "%s: error: %s: %s", path, what, ct_err_text(err));
    return err;
}

/* A file that is not there is empty. */
static int read_text(const char *path, struct ct_buf *out, char *problem, size_t size)
{
    uint8_t *data = NULL;
    size_t len = 0;
    const int err = ct_file_read(path, FILE_MAX, &data, &len);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return say(problem, size, path, "cannot be read", err);
    }
    ct_buf_append(out, data, len);
    ct_buf_text(out, "");
    free(data);
    return ct_buf_error(out);
}

static bool parse_line(const char *line, struct ct_load_key *out_key)
{
    return sscanf(line, "%64s %40s %40s", out_key->id, out_key->public_key, out_key->secret_key) == 3;
}

/* Lines of `text` into keys; returns how many. */
static size_t parse_keys(const char *text, struct ct_load_key *keys, size_t max)
{
    size_t count = 0;
    while (count < max && text != NULL && parse_line(text, &keys[count])) {
        count++;
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }
    return count;
}

static int make_keys(const struct ct_load_options *options, struct ct_load_key *keys, size_t have, struct ct_buf *text)
{
    for (size_t i = have; i < options->vehicles; i++) {
        const int err = ct_zmq_keypair(keys[i].public_key, keys[i].secret_key);
        if (err != CT_OK) {
            return err;
        }
        (void)snprintf(keys[i].id, sizeof keys[i].id, "%s-%05zu", options->name, i);
        ct_buf_printf(text, "%s %s %s\n", keys[i].id, keys[i].public_key, keys[i].secret_key);
    }
    return ct_buf_error(text);
}

static int complete_peers(const struct ct_load_options *options, const struct ct_load_key *keys, char *problem,
                          size_t size)
{
    char path[PATH_SIZE];
    struct ct_buf text;
    path_of(path, options, "peers", ".txt");
    ct_buf_init(&text, FILE_MAX);
    int err = read_text(path, &text, problem, size);
    if (err == CT_OK && text.len > 0 && text.data[text.len - 1] != '\n') {
        ct_buf_text(&text, "\n");
    }
    const size_t before = text.len;
    for (size_t i = 0; err == CT_OK && i < options->vehicles; i++) {
        if (before == 0 || strstr(ct_buf_string(&text), keys[i].public_key) == NULL) {
            ct_buf_printf(&text, "vehicle %s %s\n", keys[i].id, keys[i].public_key);
        }
    }
    if (err == CT_OK && (err = ct_file_write(path, text.data, text.len, 0644)) != CT_OK) {
        (void)say(problem, size, path, "cannot be written", err);
    }
    ct_buf_free(&text);
    return err;
}

static int read_own(const struct ct_load_options *options, struct ct_buf *text, struct ct_load_key **out_keys,
                    size_t *out_have, char path[PATH_SIZE], char *problem, size_t size)
{
    path_of(path, options, options->name, ".vehicles.key");
    const int err = read_text(path, text, problem, size);
    if (err != CT_OK) {
        return err;
    }
    *out_keys = calloc(options->vehicles, sizeof **out_keys);
    if (*out_keys == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    *out_have = parse_keys(ct_buf_string(text), *out_keys, options->vehicles);
    return CT_OK;
}

int ct_load_keys_enrol(const struct ct_load_options *options, char *problem, size_t problem_size)
{
    char path[PATH_SIZE];
    struct ct_load_key *keys = NULL;
    size_t have = 0;
    struct ct_buf text;
    ct_buf_init(&text, FILE_MAX);
    int err = read_own(options, &text, &keys, &have, path, problem, problem_size);
    if (err == CT_OK && have < options->vehicles) {
        err = make_keys(options, keys, have, &text);
        err = err == CT_OK ? ct_file_write(path, text.data, text.len, 0600) : err;
        if (err != CT_OK) {
            (void)say(problem, problem_size, path, "cannot be written", err);
        }
    }
    err = err == CT_OK ? complete_peers(options, keys, problem, problem_size) : err;
    ct_buf_free(&text);
    free(keys);
    return err;
}

int ct_load_keys_read(const struct ct_load_options *options, struct ct_load_key **out_keys,
                      char out_server[CT_Z85_KEY_SIZE], char *problem, size_t problem_size)
{
    char path[PATH_SIZE];
    struct ct_load_key *keys = NULL;
    size_t have = 0;
    struct ct_buf text;
    path_of(path, options, "fleet.curve", ".pub");
    int err = ct_key_read_z85(path, out_server, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    ct_buf_init(&text, FILE_MAX);
    err = read_own(options, &text, &keys, &have, path, problem, problem_size);
    ct_buf_free(&text);
    if (err == CT_OK && have < options->vehicles) {
        (void)snprintf(problem, problem_size, "%s: error: has keys of %zu vehicles, not of %u; --enrol makes them",
                       path, have, options->vehicles);
        err = CT_ERR_NOT_FOUND;
    }
    if (err != CT_OK) {
        free(keys);
        return err;
    }
    *out_keys = keys;
    return CT_OK;
}
