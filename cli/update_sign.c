/* cantwin update keygen, root, sign, verify. */
#include "update_cmd.h"

#include "bytes.h"
#include "files.h"
#include "keys.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------------ keygen */

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static int write_hex(const char *path, const uint8_t *data, size_t len, unsigned mode)
{
    char text[2 * CT_SIGN_SECRET_SIZE + 2];
    ct_hex_encode(text, data, len);
    text[2 * len] = '\n';
    const int err = ct_file_write(path, text, 2 * len + 1, mode);
    explicit_bzero(text, sizeof text);
    return err == CT_OK ? CT_EXIT_OK : ct_update_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

int ct_update_keygen(int argc, char **argv)
{
    static const char *const known[] = {"--dir", "--name", NULL};
    char path[2][4096];
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE], secret_key[CT_SIGN_SECRET_SIZE];
    int first;
    if (!ct_update_options_known(argc, argv, known, &first)) {
        return CT_EXIT_USAGE;
    }
    const char *dir = ct_update_option(argc, argv, "--dir", 0), *name = ct_update_option(argc, argv, "--name", 0);
    if (dir == NULL || name == NULL || first != argc || !ct_peer_name_valid(name)) {
        return ct_update_usage("keygen wants --dir DIR --name NAME (letters, digits, '.', '_', '-')");
    }
    (void)snprintf(path[0], sizeof path[0], "%s/%s.ed25519.key", dir, name);
    (void)snprintf(path[1], sizeof path[1], "%s/%s.ed25519.pub", dir, name);
    if (is_there(path[0]) || is_there(path[1])) {
        return ct_update_complain(path[0], "is there already, and is not overwritten; choose another name",
                                  CT_EXIT_FAILED);
    }
    if (ct_dir_make(dir) != CT_OK || ct_sign_keypair(public_key, secret_key) != CT_OK) {
        return ct_update_complain(dir, "cannot make the key there", CT_EXIT_ENVIRONMENT);
    }
    int code = write_hex(path[0], secret_key, sizeof secret_key, 0600);
    code = code == CT_EXIT_OK ? write_hex(path[1], public_key, sizeof public_key, 0644) : code;
    explicit_bzero(secret_key, sizeof secret_key);
    if (code == CT_EXIT_OK) {
        printf("made %s (secret) and %s\n", path[0], path[1]);
    }
    return code;
}

/* ------------------------------------------------------------------------------------------------ root */

static int take_keys(int argc, char **argv, const char *option, struct ct_role_keys *keys)
{
    char problem[512];
    const char *path;
    while ((path = ct_update_option(argc, argv, option, keys->count)) != NULL) {
        if (keys->count == CT_ROLE_KEYS_MAX) {
            return ct_update_usage("at most 8 keys of a role");
        }
        if (ct_key_read_hex(path, keys->public_keys[keys->count], CT_SIGN_PUBLIC_SIZE, problem, sizeof problem) !=
            CT_OK) {
            fprintf(stderr, "cantwin: %s\n", problem);
            return CT_EXIT_ENVIRONMENT;
        }
        keys->count++;
    }
    return CT_EXIT_OK;
}

/* Decimal digits and nothing else, 1 .. 2^32 - 1; `end` is where it must end. */
static bool take_number(const char *text, char end, uint32_t *out_number, const char **out_rest)
{
    char *rest;
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    const unsigned long long number = strtoull(text, &rest, 10);
    *out_number = (uint32_t)number;
    *out_rest = rest + (end != 0 ? 1 : 0);
    return errno == 0 && number >= 1 && number <= UINT32_MAX && *rest == end;
}

static bool take_numbers(int argc, char **argv, struct ct_root *root)
{
    const char *version = ct_update_option(argc, argv, "--version", 0);
    const char *expires = ct_update_option(argc, argv, "--expires", 0);
    const char *thresholds = ct_update_option(argc, argv, "--thresholds", 0);
    const char *reset = ct_update_option(argc, argv, "--reset-director", 0);
    const char *rest;
    root->director.threshold = 1;
    root->reset_director = reset != NULL;
    return version != NULL && expires != NULL && thresholds != NULL && (reset == NULL || strcmp(reset, "yes") == 0) &&
           take_number(version, 0, &root->version, &rest) &&
           take_number(thresholds, ',', &root->root.threshold, &rest) &&
           take_number(rest, 0, &root->release.threshold, &rest) && ct_update_time(expires, &root->expires_utc_ms);
}

int ct_update_root(int argc, char **argv)
{
    static const char *const known[] = {"--out",        "--version",        "--expires",
                                        "--thresholds", "--root",           "--release",
                                        "--director",   "--reset-director", NULL};
    struct ct_root root = {0};
    struct ct_update_part part = {0};
    struct ct_buf bytes;
    int first;
    if (!ct_update_options_known(argc, argv, known, &first)) {
        return CT_EXIT_USAGE;
    }
    const char *out = ct_update_option(argc, argv, "--out", 0);
    if (out == NULL || first != argc || !take_numbers(argc, argv, &root)) {
        return ct_update_usage("root wants --out, --version, --expires DATE, --thresholds ROOT,RELEASE and keys; "
                               "--reset-director is yes or not there");
    }
    int code = take_keys(argc, argv, "--root", &root.root);
    code = code == CT_EXIT_OK ? take_keys(argc, argv, "--release", &root.release) : code;
    code = code == CT_EXIT_OK ? take_keys(argc, argv, "--director", &root.director) : code;
    if (code == CT_EXIT_OK && !ct_root_valid(&root)) {
        code = ct_update_complain(out,
                                  "each role needs as many keys as its threshold, and no key may have two roles; "
                                  "nothing was written",
                                  CT_EXIT_FAILED);
    }
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    code = CT_EXIT_ENVIRONMENT;
    if (ct_root_encode(&root, &bytes) == CT_OK) {
        part.payload = bytes.data;
        part.len = bytes.len;
        code = ct_update_file_write(out, CT_BUNDLE_ROOT, &part, NULL);
    }
    ct_buf_free(&bytes);
    return code;
}

/* ------------------------------------------------------------------------------------------------ sign */

/* Tells what is in the file; false: it says nothing that could be signed. */
static bool tell(const struct ct_update_file *file, FILE *to)
{
    struct ct_root root;
    bool good = false;
    if (file->bundle.kind == CT_BUNDLE_ROOT) {
        good = ct_root_decode(file->part.payload, file->part.len, &root) == CT_OK && ct_root_valid(&root);
        if (good) {
            ct_update_tell_root(to, &root);
        }
        return good;
    }
    struct ct_release *release = malloc(sizeof *release);
    if (release != NULL && ct_release_decode(file->part.payload, file->part.len, release) == CT_OK) {
        ct_update_tell_release(to, release);
        good = true;
    }
    free(release);
    return good;
}

/* A key signs once: its signature takes the place of the one it made before. */
static int add_signature(struct ct_update_part *part, const struct ct_signature *signature)
{
    size_t place = 0;
    while (place < part->signature_count &&
           memcmp(part->signatures[place].key_id, signature->key_id, CT_KEY_ID_SIZE) != 0) {
        place++;
    }
    if (place == CT_SIGNATURES_MAX) {
        return CT_ERR_FULL;
    }
    part->signatures[place] = *signature;
    part->signature_count += place == part->signature_count ? 1U : 0U;
    return CT_OK;
}

static int sign_file(const char *path, struct ct_update_file *file, const uint8_t secret[CT_SIGN_SECRET_SIZE])
{
    const bool root = file->bundle.kind == CT_BUNDLE_ROOT;
    struct ct_signature signature;
    if (!tell(file, stderr)) {
        return ct_update_complain(path, "says nothing that could be signed", CT_EXIT_FAILED);
    }
    if (ct_envelope_sign(root ? CT_DOMAIN_ROOT : CT_DOMAIN_RELEASE, file->part.payload, file->part.len,
                         root ? CT_ROLE_ROOT : CT_ROLE_RELEASE, secret, &signature) != CT_OK) {
        return ct_update_complain(path, "cannot sign with this key", CT_EXIT_FAILED);
    }
    if (add_signature(&file->part, &signature) != CT_OK) {
        return ct_update_complain(path, "has eight signatures already", CT_EXIT_FAILED);
    }
    const int code = ct_update_file_write(path, file->bundle.kind, &file->part, &file->bundle);
    if (code == CT_EXIT_OK) {
        printf("%s: %zu signature%s\n", path, file->part.signature_count, file->part.signature_count == 1 ? "" : "s");
    }
    return code;
}

int ct_update_sign(int argc, char **argv)
{
    static const char *const known[] = {"--key", NULL};
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    struct ct_update_file file;
    char problem[512];
    int first;
    if (!ct_update_options_known(argc, argv, known, &first)) {
        return CT_EXIT_USAGE;
    }
    const char *key = ct_update_option(argc, argv, "--key", 0);
    if (key == NULL || first + 1 != argc) {
        return ct_update_usage("sign wants --key FILE and the file to sign");
    }
    if (ct_key_read_hex(key, secret, sizeof secret, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    int code = ct_update_file_read(argv[first], &file);
    if (code == CT_EXIT_OK) {
        code = sign_file(argv[first], &file, secret);
        ct_update_file_free(&file);
    }
    explicit_bzero(secret, sizeof secret);
    return code;
}

/* ------------------------------------------------------------------------------------------------ verify */

/* The root of one more file, after *trusted (version 0: none yet). */
static int next_root(const char *path, struct ct_root *trusted, int64_t now_ms)
{
    struct ct_update_file file;
    struct ct_root root;
    const int code = ct_update_file_read(path, &file);
    if (code != CT_EXIT_OK) {
        return code;
    }
    const bool is_root =
        file.bundle.kind == CT_BUNDLE_ROOT && ct_root_decode(file.part.payload, file.part.len, &root) == CT_OK;
    enum ct_update_verdict verdict = is_root ? CT_UPDATE_OK : CT_UPDATE_ROOT;
    if (is_root && trusted->version == 0) {
        verdict = ct_root_valid(&root) ? ct_root_check(&root, CT_ROLE_ROOT, CT_DOMAIN_ROOT, file.part.payload,
                                                       file.part.len, file.part.signatures, file.part.signature_count)
                                       : CT_UPDATE_ROOT;
    } else if (is_root) {
        verdict = ct_root_follows(trusted, &root, file.part.payload, file.part.len, file.part.signatures,
                                  file.part.signature_count, now_ms);
    }
    ct_update_file_free(&file);
    if (verdict != CT_UPDATE_OK) {
        fprintf(stderr, "cantwin: update: %s: error: does not follow or is not signed: %s\n", path,
                ct_update_verdict_text((int)verdict));
        return CT_EXIT_FAILED;
    }
    *trusted = root;
    return CT_EXIT_OK;
}

/* Each blob is the one that its parameter names. */
static bool blobs_fit(const struct ct_update_file *file, const struct ct_release *release)
{
    uint8_t hash[CT_UPDATE_HASH_SIZE];
    size_t blob = 0;
    for (size_t i = 0; i < release->parameter_count; i++) {
        const struct ct_parameter *p = &release->parameters[i];
        if (p->type != CT_PARAMETER_BLOB) {
            continue;
        }
        if (blob == file->bundle.blob_count || file->bundle.blobs[blob].len != p->blob.size) {
            return false;
        }
        ct_update_sha256(file->bundle.blobs[blob].data, file->bundle.blobs[blob].len, hash);
        if (memcmp(hash, p->blob.sha256, sizeof hash) != 0) {
            return false;
        }
        blob++;
    }
    return blob == file->bundle.blob_count;
}

static enum ct_update_verdict check_release(const struct ct_update_file *file, const struct ct_root *root,
                                            int64_t now_ms)
{
    enum ct_update_verdict verdict = ct_root_check(root, CT_ROLE_RELEASE, CT_DOMAIN_RELEASE, file->part.payload,
                                                   file->part.len, file->part.signatures, file->part.signature_count);
    struct ct_release *release = malloc(sizeof *release);
    if (release == NULL ||
        (verdict == CT_UPDATE_OK && ct_release_decode(file->part.payload, file->part.len, release) != CT_OK)) {
        verdict = CT_UPDATE_PARSE;
    }
    if (verdict == CT_UPDATE_OK && now_ms >= release->expires_utc_ms) {
        verdict = CT_UPDATE_EXPIRED;
    }
    if (verdict == CT_UPDATE_OK && !blobs_fit(file, release)) {
        verdict = CT_UPDATE_HASH;
    }
    free(release);
    return verdict;
}

int ct_update_verify_file(int argc, char **argv)
{
    static const char *const known[] = {"--root", NULL};
    struct ct_root trusted = {0};
    struct ct_update_file file;
    const char *path;
    const int64_t now_ms = (int64_t)time(NULL) * 1000;
    int first, code = CT_EXIT_OK;
    if (!ct_update_options_known(argc, argv, known, &first)) {
        return CT_EXIT_USAGE;
    }
    for (size_t i = 0; code == CT_EXIT_OK && (path = ct_update_option(argc, argv, "--root", i)) != NULL; i++) {
        code = next_root(path, &trusted, now_ms);
    }
    if (code == CT_EXIT_OK && (trusted.version == 0 || first + 1 != argc)) {
        return ct_update_usage("verify wants --root FILE and the file to check");
    }
    code = code == CT_EXIT_OK ? ct_update_file_read(argv[first], &file) : code;
    if (code != CT_EXIT_OK) {
        return code;
    }
    const enum ct_update_verdict verdict =
        file.bundle.kind == CT_BUNDLE_RELEASE ? check_release(&file, &trusted, now_ms) : CT_UPDATE_PARSE;
    ct_update_file_free(&file);
    printf("%s: %s\n", argv[first], verdict == CT_UPDATE_OK ? "good" : ct_update_verdict_text((int)verdict));
    return verdict == CT_UPDATE_OK ? CT_EXIT_OK : CT_EXIT_FAILED;
}

int ct_update_inspect(int argc, char **argv)
{
    struct ct_update_file file;
    char id[2 * CT_KEY_ID_SIZE + 1];
    if (argc != 3) {
        return ct_update_usage("inspect wants one file");
    }
    const int code = ct_update_file_read(argv[2], &file);
    if (code != CT_EXIT_OK) {
        return code;
    }
    const bool good = tell(&file, stdout);
    for (size_t i = 0; i < file.part.signature_count; i++) {
        ct_hex_encode(id, file.part.signatures[i].key_id, CT_KEY_ID_SIZE);
        printf("signed by   %s\n", id);
    }
    ct_update_file_free(&file);
    return good ? CT_EXIT_OK : ct_update_complain(argv[2], "cannot be read", CT_EXIT_FAILED);
}
