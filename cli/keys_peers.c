#include "keys_peers.h"

#include "buf.h"
#include "commands.h"
#include "files.h"
#include "keys.h"
#include "keys_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE  4096
#define PEERS_MAX  (1U << 24)
#define REVOKED    "#revoked "
#define PEERS_NAME "peers.txt"

struct list {
    char path[PATH_SIZE];
    char *text; /* the file's, with a newline at its end */
    struct ct_zmq_peer *peers;
    size_t count;
};

static int complain(const char *path, const char *what, int exit_code)
{
    fprintf(stderr, "cantwin: %s: error: %s\n", path, what);
    return exit_code;
}

static void free_list(struct list *list)
{
    free(list->text);
    free(list->peers);
}

static int parse(struct list *list)
{
    char problem[512];
    if (ct_peers_parse(list->path, list->text, strlen(list->text), &list->peers, &list->count, problem,
                       sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_FAILED;
    }
    return CT_EXIT_OK;
}

static int load(struct list *list, const char *dir)
{
    uint8_t *data = NULL;
    size_t len = 0;
    const int path_len = snprintf(list->path, PATH_SIZE, "%s/%s", dir, PEERS_NAME);
    if (path_len < 0 || path_len >= PATH_SIZE) {
        return complain(dir, ct_err_text(CT_ERR_TOO_LARGE), CT_EXIT_USAGE);
    }
    const int err = ct_file_read(list->path, PEERS_MAX, &data, &len);
    if (err != CT_OK) {
        return complain(list->path,
                        err == CT_ERR_NOT_FOUND ? "not there; `cantwin keys init` makes it" : ct_err_text(err),
                        CT_EXIT_ENVIRONMENT);
    }
    list->text = malloc(len + 2);
    if (list->text == NULL) {
        free(data);
        return complain(list->path, ct_err_text(CT_ERR_NO_MEMORY), CT_EXIT_ENVIRONMENT);
    }
    memcpy(list->text, data, len);
    if (len > 0 && data[len - 1] != '\n') {
        list->text[len++] = '\n';
    }
    list->text[len] = '\0';
    free(data);
    return parse(list);
}

static int store(const struct list *list, const struct ct_buf *text)
{
    int err = ct_buf_error(text);
    if (err == CT_OK) {
        err = ct_file_write(list->path, text->data, text->len, 0644);
    }
    return err == CT_OK ? CT_EXIT_OK : complain(list->path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

static const char *role_of(bool is_subscriber)
{
    return is_subscriber ? "subscriber" : "vehicle";
}

/* ---------------------------------------------------------------- add */

static bool was_revoked(const struct list *list, const char *key)
{
    for (const char *line = list->text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        const size_t len = strcspn(line, "\n");
        const char *at = strstr(line, key);
        if (strncmp(line, REVOKED, strlen(REVOKED)) == 0 && at != NULL && at < line + len) {
            return true;
        }
    }
    return false;
}

static const struct ct_zmq_peer *find_key(const struct list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->peers[i].public_key, key) == 0) {
            return &list->peers[i];
        }
    }
    return NULL;
}

static bool is_same(const struct ct_zmq_peer *peer, const struct ct_peer_change *change)
{
    return (peer->is_subscriber != 0) == change->is_subscriber && strcmp(peer->name, change->name) == 0;
}

static int append(const struct list *list, const struct ct_peer_change *change)
{
    struct ct_buf text;
    ct_buf_init(&text, PEERS_MAX);
    ct_buf_printf(&text, "%s%s %s %s%s%s\n", list->text, role_of(change->is_subscriber), change->name, change->key,
                  change->topics != NULL ? " " : "", change->topics != NULL ? change->topics : "");
    struct list checked = {.text = NULL};
    memcpy(checked.path, list->path, sizeof checked.path);
    checked.text = strdup(ct_buf_string(&text));
    int code = checked.text == NULL ? complain(list->path, ct_err_text(CT_ERR_NO_MEMORY), CT_EXIT_ENVIRONMENT)
                                    : parse(&checked);
    code = code == CT_EXIT_OK ? store(list, &text) : code;
    free_list(&checked);
    ct_buf_free(&text);
    return code;
}

static int add(const struct ct_peer_change *change)
{
    struct list list = {.text = NULL};
    int code = load(&list, change->dir);
    const struct ct_zmq_peer *holder = code == CT_EXIT_OK ? find_key(&list, change->key) : NULL;
    if (code == CT_EXIT_OK && was_revoked(&list, change->key)) {
        code = complain(list.path, "this key was revoked; make a new one", CT_EXIT_FAILED);
    } else if (holder != NULL && is_same(holder, change)) {
        printf("kept %s %s\n", role_of(change->is_subscriber), change->name);
    } else if (code == CT_EXIT_OK) {
        code = append(&list, change);
        if (code == CT_EXIT_OK) {
            printf("added %s %s; a running backend takes it within a second\n", role_of(change->is_subscriber),
                   change->name);
        }
    }
    free_list(&list);
    return code;
}

/* ---------------------------------------------------------------- revoke */

/* The line's words are the role, the name and (when it is named) the key of the change. */
static bool matches(const char *line, const struct ct_peer_change *change)
{
    char role[16];
    char name[72];
    char key[48];
    return sscanf(line, "%15s %71s %47s", role, name, key) == 3 && strcmp(role, role_of(change->is_subscriber)) == 0 &&
           strcmp(name, change->name) == 0 && (change->key == NULL || strcmp(key, change->key) == 0);
}

static int revoke(const struct ct_peer_change *change)
{
    struct list list = {.text = NULL};
    struct ct_buf text;
    size_t found = 0;
    ct_buf_init(&text, PEERS_MAX);
    int code = load(&list, change->dir);
    for (const char *line = list.text; code == CT_EXIT_OK && *line != '\0';) {
        const size_t len = strcspn(line, "\n") + 1;
        const bool gone = matches(line, change);
        found += gone;
        ct_buf_text(&text, gone ? REVOKED : "");
        ct_buf_append(&text, line, len);
        line += len;
    }
    if (code == CT_EXIT_OK && found == 0) {
        code = complain(list.path, "no such line; `cantwin keys list` shows them", CT_EXIT_FAILED);
    }
    if (code == CT_EXIT_OK && (code = store(&list, &text)) == CT_EXIT_OK) {
        printf("revoked %zu key%s of %s %s; a running backend ignores it within a second\n", found,
               found == 1 ? "" : "s", role_of(change->is_subscriber), change->name);
    }
    ct_buf_free(&text);
    free_list(&list);
    return code;
}

/* ---------------------------------------------------------------- one at a time */

static int locked(const struct ct_peer_change *change, int (*apply)(const struct ct_peer_change *change))
{
    const int lock = ct_keys_lock(change->dir);
    if (lock < 0) {
        /* a folder that is not there is told by its list, as ever */
        return lock == CT_ERR_NOT_FOUND ? apply(change) : complain(change->dir, ct_err_text(lock), CT_EXIT_ENVIRONMENT);
    }
    const int code = apply(change);
    ct_keys_unlock(lock);
    return code;
}

int ct_peers_add(const struct ct_peer_change *change)
{
    return locked(change, add);
}

int ct_peers_revoke(const struct ct_peer_change *change)
{
    return locked(change, revoke);
}

/* ---------------------------------------------------------------- list */

int ct_peers_list(const char *dir)
{
    struct list list = {.text = NULL};
    const int code = load(&list, dir);
    for (size_t i = 0; code == CT_EXIT_OK && i < list.count; i++) {
        const struct ct_zmq_peer *peer = &list.peers[i];
        printf("%-10s %s %s%s%s\n", role_of(peer->is_subscriber != 0), peer->public_key, peer->name,
               peer->topics[0] != 0 ? " " : "", peer->topics);
    }
    for (const char *line = list.text; code == CT_EXIT_OK && *line != '\0';) {
        const size_t len = strcspn(line, "\n") + 1;
        char role[16];
        char name[72];
        char key[48];
        if (sscanf(line, REVOKED "%15s %71s %47s", role, name, key) == 3) {
            printf("%-10s %s %s (%s)\n", "revoked", key, name, role);
        }
        line += len;
    }
    free_list(&list);
    return code;
}
