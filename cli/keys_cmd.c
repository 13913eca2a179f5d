/* cantwin keys: makes key files, shows the public ones, lets keys in and shuts them out. */
#include "buf.h"
#include "bytes.h"
#include "commands.h"
#include "envelope.h"
#include "files.h"
#include "keys.h"
#include "keys_enrol.h"
#include "keys_pair.h"
#include "keys_peers.h"
#include "keys_sign.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_NAME "peers.txt"

static void print_help(FILE *to)
{
    fputs(
        "usage: cantwin keys init --dir DIR --vehicle ID [--subscriber NAME]\n"
        "       cantwin keys show --dir DIR\n"
        "       cantwin keys pair --dir DIR --name NAME\n"
        "       cantwin keys add|revoke --dir DIR --vehicle ID|--subscriber NAME [--key KEY] [--topics PREFIXES]\n"
        "       cantwin keys list --dir DIR\n"
        "       cantwin keys token --dir DIR --vehicle ID --endpoint tcp://HOST:PORT [--hours N] [--key BASE]\n"
        "       cantwin keys serve --dir DIR [--listen tcp://ADDRESS:PORT] [--key BASE]\n"
        "       cantwin keys enrol --dir DIR --token TOKEN|--token-file FILE [--wait SECONDS]\n"
        "       cantwin keys sign-command --key FILE PAYLOAD\n\n"
        "init makes the keys that are missing in DIR and never overwrites one:\n"
        "  fleet.curve.pub|.key            the backend's transport key\n"
        "  vehicle-ID.curve.pub|.key       the vehicle's transport key, which is its identity\n"
        "  NAME.curve.pub|.key             a subscriber's transport key (NAME: subscriber)\n"
        "  director.ed25519.pub|.key       signs commands\n"
        "  release.ed25519.pub|.key        signs what writes to ECUs\n"
        "  peers.txt                       who may connect to the backend\n"
        "show prints the public keys and the ids of the signing keys.\n"
        "pair makes one transport key and prints its public half: on a new vehicle, or to replace a key.\n"
        "add lets a public key in (at the backend: its secret half stays where it was made); a vehicle may have two "
        "while\n"
        "one replaces the other. revoke shuts out the key, or all keys of that name, for good. list shows both kinds.\n"
        "A running backend follows within a second.\n"
        "token prints a token that lets the vehicle in once, within --hours (24); it carries the backend's key and "
        "where "
        "to\nask (--endpoint). serve answers vehicles that come with one (tcp://0.0.0.0:17603) until SIGTERM, and adds "
        "their\nkeys. enrol, on the vehicle, makes its key, asks for up to --wait seconds (60) and stores the "
        "backend's "
        "public\nkeys. BASE: the backend's key files without suffix, DIR/fleet.curve; FILE may be -.\n"
        "sign-command signs a command the backend prepared with the release key, where that key is kept: it tells in "
        "words\n"
        "what is signed (standard error) and prints what POST vehicles/ID/commands/CID/release takes.\n\n"
        "examples:\n"
        "  cantwin keys init --dir keys --vehicle demo\n"
        "  cantwin keys init --dir keys --vehicle truck-7      (adds a second vehicle)\n"
        "  cantwin keys show --dir keys\n"
        "  cantwin keys pair --dir /etc/cantwin/keys --name vehicle-truck-7                (on the vehicle)\n"
        "  cantwin keys add --dir keys --vehicle truck-7 --key 'Z85KEY'                    (at the backend)\n"
        "  cantwin keys add --dir keys --subscriber map --key 'Z85KEY' --topics 'truck-7/ truck-8/'\n"
        "  cantwin keys revoke --dir keys --vehicle truck-7 --key 'Z85KEY'\n"
        "  cantwin keys token --dir keys --vehicle truck-7 --endpoint tcp://fleet.example:17603    (at the backend)\n"
        "  cantwin keys enrol --dir /etc/cantwin/keys --token cantwin-enrol-...                    (on the vehicle)\n"
        "  cantwin keys sign-command --key keys/release.ed25519.key 0A04746F79...\n",
        to);
}

/* ---------------------------------------------------------------- init */

static bool has_peer(const struct ct_zmq_peer *peers, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(peers[i].public_key, key) == 0) {
            return true;
        }
    }
    return false;
}

struct addition {
    const char *role;
    const char *name;
    char file[80]; /* base name of the key */
};

/* The peers file's text plus the lines that are missing, into `text`. */
static int complete_peers(const char *dir, const char *path, const struct addition *additions, size_t count,
                          struct ct_buf *text)
{
    struct ct_zmq_peer *peers = NULL;
    size_t peer_count = 0;
    char problem[512];
    int err = ct_peers_parse(path, ct_buf_string(text), text->len, &peers, &peer_count, problem, sizeof problem);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        char key_path[CT_KEYS_PATH_SIZE];
        char key[CT_Z85_KEY_SIZE];
        ct_keys_path(key_path, dir, additions[i].file, ".pub");
        err = ct_key_read_z85(key_path, key, problem, sizeof problem);
        if (err == CT_OK && !has_peer(peers, peer_count, key)) {
            ct_buf_printf(text, "%s %s %s\n", additions[i].role, additions[i].name, key);
        }
    }
    free(peers);
    if (err != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
    }
    return err;
}

static int make_peers(const char *dir, const struct addition *additions, size_t count)
{
    char path[CT_KEYS_PATH_SIZE];
    ct_keys_path(path, dir, PEERS_NAME, "");
    uint8_t *old = NULL;
    size_t old_len = 0;
    int err = ct_file_read(path, 1U << 24, &old, &old_len);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return ct_keys_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    struct ct_buf text;
    ct_buf_init(&text, 1U << 24);
    if (old_len > 0) {
        ct_buf_append(&text, old, old_len);
        ct_buf_text(&text, old[old_len - 1] == '\n' ? "" : "\n");
    } else {
        ct_buf_text(&text, "# who may connect: vehicle ID KEY | subscriber NAME KEY [topic-prefix...]\n");
    }
    free(old);
    const size_t before = text.len;
    int code = complete_peers(dir, path, additions, count, &text) == CT_OK ? CT_EXIT_OK : CT_EXIT_FAILED;
    if (code == CT_EXIT_OK && (text.len > before || old_len == 0)) {
        err = ct_file_write(path, text.data, text.len, 0644);
        code = err == CT_OK ? CT_EXIT_OK : ct_keys_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
        printf("%s %s\n", old_len == 0 ? "made" : "completed", path);
    }
    ct_buf_free(&text);
    return code;
}

static int init(const char *dir, const char *vehicle, const char *subscriber)
{
    const int err = ct_dir_make(dir);
    if (err != CT_OK) {
        return ct_keys_complain(dir, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    struct addition additions[] = {{.role = "vehicle", .name = vehicle}, {.role = "subscriber", .name = subscriber}};
    snprintf(additions[0].file, sizeof additions[0].file, "vehicle-%s.curve", vehicle);
    snprintf(additions[1].file, sizeof additions[1].file, "%s.curve", subscriber);
    const struct {
        const char *name;
        enum ct_key_pair pair;
    } pairs[] = {{"fleet.curve", CT_PAIR_CURVE},
                 {additions[0].file, CT_PAIR_CURVE},
                 {additions[1].file, CT_PAIR_CURVE},
                 {"director.ed25519", CT_PAIR_SIGN},
                 {"release.ed25519", CT_PAIR_SIGN}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const int code = ct_keys_pair(dir, pairs[i].name, pairs[i].pair);
        if (code != CT_EXIT_OK) {
            return code;
        }
    }
    const int lock = ct_keys_lock(dir);
    const int code =
        lock < 0 ? ct_keys_complain(dir, ct_err_text(lock), CT_EXIT_ENVIRONMENT) : make_peers(dir, additions, 2);
    ct_keys_unlock(lock);
    return code;
}

/* ---------------------------------------------------------------- show */

static int show_signing(const char *dir, const char *name, enum ct_role role)
{
    char path[CT_KEYS_PATH_SIZE];
    char problem[512];
    uint8_t key[CT_SIGN_PUBLIC_SIZE];
    ct_keys_path(path, dir, name, ".pub");
    if (ct_key_read_hex(path, key, sizeof key, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    uint8_t id[CT_KEY_ID_SIZE];
    char key_text[2 * CT_SIGN_PUBLIC_SIZE + 1];
    char id_text[2 * CT_KEY_ID_SIZE + 1];
    ct_key_id(role, key, id);
    ct_hex_encode(key_text, key, sizeof key);
    ct_hex_encode(id_text, id, sizeof id);
    printf("%-10s %s id %s\n", role == CT_ROLE_RELEASE ? "release" : "director", key_text, id_text);
    return CT_EXIT_OK;
}

static int show(const char *dir)
{
    char path[CT_KEYS_PATH_SIZE];
    char problem[512];
    char key[CT_Z85_KEY_SIZE];
    ct_keys_path(path, dir, "fleet.curve", ".pub");
    if (ct_key_read_z85(path, key, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    printf("%-10s %s\n", "fleet", key);
    int code = ct_peers_list(dir);
    if (code == CT_EXIT_OK) {
        code = show_signing(dir, "director.ed25519", CT_ROLE_DIRECTOR);
    }
    return code == CT_EXIT_OK ? show_signing(dir, "release.ed25519", CT_ROLE_RELEASE) : code;
}

/* ---------------------------------------------------------------- arguments */

struct options {
    const char *dir;
    const char *vehicle;
    const char *subscriber;
    const char *name;
    const char *key;
    const char *topics;
    struct ct_enrol_options enrol;
};

static int usage(const char *what, const char *word)
{
    fprintf(stderr, "cantwin keys: error: %s%s%s; see cantwin keys --help\n", what, word != NULL ? " " : "",
            word != NULL ? word : "");
    return CT_EXIT_USAGE;
}

static int take_options(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **target;
    } rows[] = {{"--dir", &options->dir},
                {"--vehicle", &options->vehicle},
                {"--subscriber", &options->subscriber},
                {"--name", &options->name},
                {"--key", &options->key},
                {"--topics", &options->topics},
                {"--endpoint", &options->enrol.endpoint},
                {"--hours", &options->enrol.hours},
                {"--listen", &options->enrol.listen},
                {"--token", &options->enrol.token},
                {"--token-file", &options->enrol.token_file},
                {"--wait", &options->enrol.wait_s}};
    for (int i = 2; i < argc; i++) {
        const char **target = NULL;
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            target = strcmp(argv[i], rows[k].name) == 0 ? rows[k].target : target;
        }
        if (target == NULL) {
            return usage("unknown option", argv[i]);
        }
        if (i + 1 == argc) {
            return usage("a value is missing after", argv[i]);
        }
        *target = argv[++i];
    }
    return options->dir != NULL ? CT_EXIT_OK : usage("--dir is missing", NULL);
}

static int run_init(const struct options *options)
{
    const char *subscriber = options->subscriber != NULL ? options->subscriber : "subscriber";
    if (options->vehicle == NULL) {
        return usage("--vehicle is missing", NULL);
    }
    if (!ct_peer_name_valid(options->vehicle) || !ct_peer_name_valid(subscriber)) {
        return usage("a name is 1 to 64 letters, digits, '.', '_', '-'", NULL);
    }
    return init(options->dir, options->vehicle, subscriber);
}

static int run_pair(const struct options *options)
{
    char file[80];
    char path[CT_KEYS_PATH_SIZE];
    char problem[512];
    char key[CT_Z85_KEY_SIZE];
    if (options->name == NULL || !ct_peer_name_valid(options->name)) {
        return usage("--name NAME is missing: 1 to 64 letters, digits, '.', '_', '-'", NULL);
    }
    snprintf(file, sizeof file, "%s.curve", options->name);
    const int err = ct_dir_make(options->dir);
    if (err != CT_OK) {
        return ct_keys_complain(options->dir, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    const int code = ct_keys_pair(options->dir, file, CT_PAIR_CURVE);
    ct_keys_path(path, options->dir, file, ".pub");
    if (code != CT_EXIT_OK) {
        return code;
    }
    if (ct_key_read_z85(path, key, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    printf("public key: %s\n", key);
    return CT_EXIT_OK;
}

static int change_peers(const struct options *options, int (*change)(const struct ct_peer_change *change),
                        bool needs_key)
{
    const char *name = options->vehicle != NULL ? options->vehicle : options->subscriber;
    if (name == NULL || (options->vehicle != NULL && options->subscriber != NULL)) {
        return usage("wants one of --vehicle ID and --subscriber NAME", NULL);
    }
    if (needs_key && options->key == NULL) {
        return usage("--key is missing: the public key as `cantwin keys pair` prints it", NULL);
    }
    const struct ct_peer_change row = {.dir = options->dir,
                                       .is_subscriber = options->vehicle == NULL,
                                       .name = name,
                                       .key = options->key,
                                       .topics = options->topics};
    return change(&row);
}

static int run_add(const struct options *options)
{
    return change_peers(options, ct_peers_add, true);
}

static int run_revoke(const struct options *options)
{
    return change_peers(options, ct_peers_revoke, false);
}

static int run_enrolment(const struct options *options, int (*run)(const struct ct_enrol_options *options))
{
    struct ct_enrol_options enrol = options->enrol;
    enrol.dir = options->dir;
    enrol.vehicle = options->vehicle;
    enrol.key = options->key;
    return run(&enrol);
}

static int run_token(const struct options *options)
{
    return run_enrolment(options, ct_keys_token);
}

static int run_serve(const struct options *options)
{
    return run_enrolment(options, ct_keys_serve);
}

static int run_enrol(const struct options *options)
{
    return run_enrolment(options, ct_keys_enrol);
}

static int run_list(const struct options *options)
{
    return ct_peers_list(options->dir);
}

static int run_show(const struct options *options)
{
    return show(options->dir);
}

int ct_cli_keys(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct options *options);
    } actions[] = {{"init", run_init},   {"show", run_show},     {"pair", run_pair},
                   {"add", run_add},     {"revoke", run_revoke}, {"list", run_list},
                   {"token", run_token}, {"serve", run_serve},   {"enrol", run_enrol}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return CT_EXIT_OK;
        }
    }
    if (argc < 2) {
        print_help(stderr);
        return CT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "sign-command") == 0) {
        return ct_keys_sign_command(argc, argv);
    }
    struct options options = {.dir = NULL};
    const int code = take_options(argc, argv, &options);
    if (code != CT_EXIT_OK) {
        return code;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[1], actions[i].name) == 0) {
            return actions[i].run(&options);
        }
    }
    return usage("no such action:", argv[1]);
}
