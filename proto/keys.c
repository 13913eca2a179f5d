#include "keys.h"

#include "bytes.h"
#include "files.h"

#include <sys/stat.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX   1024U
#define PEERS_FILE_MAX 16777216U
#define PEERS_MAX      100000U

/* ---------------------------------------------------------------- key files */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);
    const size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A file that the service manager hands to this service alone (systemd.exec(5), LoadCredential=): it belongs to root,
 * and the ACL that lets the service read it shows as the group's bits. */
static bool is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    const size_t len = folder != NULL ? strlen(folder) : 0;
    return len > 1 && strncmp(path, folder, len) == 0 && path[len] == '/' && strstr(path, "/../") == NULL;
}

static int check_mode(const char *path, char *problem, size_t problem_size)
{
    struct stat status;
    const mode_t forbidden = is_credential(path) ? 07 : 077;
    if (!ends_with(path, ".key") || stat(path, &status) != 0 || (status.st_mode & forbidden) == 0) {
        return CT_OK;
    }
    snprintf(problem, problem_size, "%s: error: a secret key must not be readable by others; run chmod 600 on it",
             path);
    return CT_ERR_PERMISSION;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The one word of a key file; the caller frees *out_text. */
static int read_word(const char *path, char **out_text, char *problem, size_t problem_size)
{
    int err = check_mode(path, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    uint8_t *data = NULL;
    size_t len = 0;
    err = ct_file_read(path, KEY_FILE_MAX, &data, &len);
    if (err != CT_OK) {
        snprintf(problem, problem_size, "%s: error: cannot read the key: %s; `cantwin keys init` makes keys", path,
                 ct_err_text(err));
        return err;
    }
    while (len > 0 && is_space((char)data[len - 1])) {
        data[--len] = 0;
    }
    *out_text = (char *)data;
    return CT_OK;
}

/* ZeroMQ RFC 32: five characters of base 85 make 32 bits. */
static bool z85_valid(const char *text, size_t len)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (len != CT_Z85_KEY_SIZE - 1) {
        return false;
    }
    uint64_t group = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digit = text[i] != 0 ? strchr(alphabet, text[i]) : NULL;
        if (digit == NULL) {
            return false;
        }
        group = (i % 5 == 0 ? 0 : group * 85) + (uint64_t)(digit - alphabet);
        if (group > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

int ct_key_read_z85(const char *path, char out_key[CT_Z85_KEY_SIZE], char *problem, size_t problem_size)
{
    char *text = NULL;
    int err = read_word(path, &text, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    if (z85_valid(text, strlen(text))) {
        memcpy(out_key, text, CT_Z85_KEY_SIZE);
    } else {
        snprintf(problem, problem_size, "%s:1: error: not a CURVE key (40 characters of Z85)", path);
        err = CT_ERR_SYNTAX;
    }
    free(text);
    return err;
}

int ct_key_read_hex(const char *path, uint8_t *out_key, size_t size, char *problem, size_t problem_size)
{
    char *text = NULL;
    int err = read_word(path, &text, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    if (strlen(text) != 2 * size || ct_hex_decode(out_key, text, size) != CT_OK) {
        snprintf(problem, problem_size, "%s:1: error: not a signing key (%zu hex digits)", path, 2 * size);
        err = CT_ERR_SYNTAX;
    }
    free(text);
    return err;
}

int ct_key_read_pair_z85(const char *base, char out_public[CT_Z85_KEY_SIZE], char out_secret[CT_Z85_KEY_SIZE],
                         char *problem, size_t problem_size)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s.pub", base);
    if (len < 0 || (size_t)len >= sizeof path) {
        snprintf(problem, problem_size, "error: the key's path is too long");
        return CT_ERR_TOO_LARGE;
    }
    const int err = ct_key_read_z85(path, out_public, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    memcpy(path + len - 4, ".key", sizeof ".key");
    return ct_key_read_z85(path, out_secret, problem, problem_size);
}

/* ---------------------------------------------------------------- peers */

struct parser {
    const char *name;
    unsigned line;
    struct ct_zmq_peer *peers;
    size_t count;
    size_t capacity;
    char *problem;
    size_t problem_size;
};

static int complain(const struct parser *parser, int err, const char *what, const char *word)
{
    snprintf(parser->problem, parser->problem_size, "%s:%u: error: %s%s%s%s", parser->name, parser->line, what,
             word != NULL ? " '" : "", word != NULL ? word : "", word != NULL ? "'" : "");
    return err;
}

int ct_peer_name_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t len = strlen(name);
    return len > 0 && len < sizeof((struct ct_zmq_peer *)0)->name && strspn(name, allowed) == len;
}

/* Cuts the next word out of the line; NULL when there is none. */
static char *next_word(char **line)
{
    char *word = *line;
    while (is_space(*word)) {
        word++;
    }
    if (*word == 0) {
        return NULL;
    }
    char *end = word;
    while (*end != 0 && !is_space(*end)) {
        end++;
    }
    *line = *end != 0 ? end + 1 : end;
    *end = 0;
    return word;
}

static int take_topics(const struct parser *parser, struct ct_zmq_peer *peer, char *line)
{
    size_t used = 0;
    for (const char *word = next_word(&line); word != NULL; word = next_word(&line)) {
        if (!peer->is_subscriber) {
            return complain(parser, CT_ERR_SYNTAX, "a vehicle has no topics; remove", word);
        }
        const size_t len = strlen(word);
        if (used + len + 2 > sizeof peer->topics) {
            return complain(parser, CT_ERR_TOO_LARGE, "too many topic prefixes; at", word);
        }
        if (used > 0) {
            peer->topics[used++] = ' ';
        }
        memcpy(peer->topics + used, word, len + 1);
        used += len;
    }
    return CT_OK;
}

static int take_role(const struct parser *parser, const char *word, struct ct_zmq_peer *peer)
{
    if (strcmp(word, "vehicle") != 0 && strcmp(word, "subscriber") != 0) {
        return complain(parser, CT_ERR_SYNTAX, "a line begins with 'vehicle' or 'subscriber', not with", word);
    }
    peer->is_subscriber = word[0] == 's';
    return CT_OK;
}

static int take_name_and_key(const struct parser *parser, char **line, struct ct_zmq_peer *peer)
{
    const char *name = next_word(line);
    const char *key = next_word(line);
    if (name == NULL || key == NULL) {
        return complain(parser, CT_ERR_SYNTAX, "a line needs a name and a Z85 public key", NULL);
    }
    if (!ct_peer_name_valid(name)) {
        return complain(parser, CT_ERR_SYNTAX, "a name is 1 to 64 letters, digits, '.', '_', '-', not", name);
    }
    if (!z85_valid(key, strlen(key))) {
        return complain(parser, CT_ERR_SYNTAX, "a public key is 40 characters of Z85, not", key);
    }
    memcpy(peer->name, name, strlen(name) + 1);
    memcpy(peer->public_key, key, sizeof peer->public_key);
    return CT_OK;
}

static int add_peer(struct parser *parser, const struct ct_zmq_peer *peer)
{
    if (parser->count == PEERS_MAX) {
        return complain(parser, CT_ERR_FULL, "too many lines", NULL);
    }
    if (parser->count == parser->capacity) {
        const size_t capacity = parser->capacity == 0 ? 16 : parser->capacity * 2;
        struct ct_zmq_peer *peers = realloc(parser->peers, capacity * sizeof *peers);
        if (peers == NULL) {
            return complain(parser, CT_ERR_NO_MEMORY, "out of memory", NULL);
        }
        parser->peers = peers;
        parser->capacity = capacity;
    }
    parser->peers[parser->count++] = *peer;
    return CT_OK;
}

/* '#' is a digit of Z85 too, so a comment begins only at the start of a word. */
static void strip_comment(char *line)
{
    for (size_t i = 0; line[i] != 0; i++) {
        if (line[i] == '#' &&
            (i == 0 || (is_space(line[i - 1]) && !z85_valid(line + i, strcspn(line + i, " \t\r\n"))))) {
            line[i] = 0;
            return;
        }
    }
}

static int take_line(struct parser *parser, char *line)
{
    struct ct_zmq_peer peer = {0};
    strip_comment(line);
    const char *role = next_word(&line);
    if (role == NULL) {
        return CT_OK;
    }
    int err = take_role(parser, role, &peer);
    if (err == CT_OK) {
        err = take_name_and_key(parser, &line, &peer);
    }
    if (err == CT_OK) {
        err = take_topics(parser, &peer, line);
    }
    return err == CT_OK ? add_peer(parser, &peer) : err;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct ct_zmq_peer *)a)->public_key, ((const struct ct_zmq_peer *)b)->public_key);
}

/* One key is one peer: a key under two names would let one speak as the other. */
static int check_unique(const struct parser *parser)
{
    struct ct_zmq_peer *sorted = malloc((parser->count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return complain(parser, CT_ERR_NO_MEMORY, "out of memory", NULL);
    }
    int err = CT_OK;
    if (parser->count > 0) {
        memcpy(sorted, parser->peers, parser->count * sizeof *sorted);
        qsort(sorted, parser->count, sizeof *sorted, compare_keys);
    }
    for (size_t i = 1; err == CT_OK && i < parser->count; i++) {
        if (compare_keys(&sorted[i - 1], &sorted[i]) == 0) {
            snprintf(parser->problem, parser->problem_size, "%s: error: '%s' and '%s' have the same key", parser->name,
                     sorted[i - 1].name, sorted[i].name);
            err = CT_ERR_EXISTS;
        }
    }
    free(sorted);
    return err;
}

static int take_lines(struct parser *parser, char *text)
{
    while (text != NULL) {
        char *end = strchr(text, '\n');
        if (end != NULL) {
            *end++ = 0;
        }
        parser->line++;
        const int err = take_line(parser, text);
        if (err != CT_OK) {
            return err;
        }
        text = end;
    }
    return check_unique(parser);
}

int ct_peers_parse(const char *name, const char *text, size_t len, struct ct_zmq_peer **out_peers, size_t *out_count,
                   char *problem, size_t problem_size)
{
    struct parser parser = {.name = name, .problem = problem, .problem_size = problem_size};
    if (memchr(text, 0, len) != NULL) {
        return complain(&parser, CT_ERR_SYNTAX, "not a text file", NULL);
    }
    char *copy = strndup(text, len);
    if (copy == NULL) {
        return complain(&parser, CT_ERR_NO_MEMORY, "out of memory", NULL);
    }
    const int err = take_lines(&parser, copy);
    free(copy);
    if (err != CT_OK) {
        free(parser.peers);
        return err;
    }
    *out_peers = parser.peers;
    *out_count = parser.count;
    return CT_OK;
}

int ct_peers_load(const char *path, struct ct_zmq_peer **out_peers, size_t *out_count, char *problem,
                  size_t problem_size)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int err = ct_file_read(path, PEERS_FILE_MAX, &data, &len);
    if (err != CT_OK) {
        snprintf(problem, problem_size, "%s: error: cannot read the list of peers: %s", path, ct_err_text(err));
        return err;
    }
    err = ct_peers_parse(path, (const char *)data, len, out_peers, out_count, problem, problem_size);
    free(data);
    return err;
}
