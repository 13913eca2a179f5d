/* cantwin update: makes, signs and checks the files of signed parameter updates, on a machine without network; and has
 * the fleet's backend roll them out. */
#include "update_cmd.h"

#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_help(FILE *to)
{
    fputs(
        "usage: cantwin update keygen --dir DIR --name NAME\n"
        "       cantwin update root --out FILE --version N --expires DATE --thresholds ROOT,RELEASE\n"
        "                           --root PUB... --release PUB... --director PUB... [--reset-director yes]\n"
        "       cantwin update create --out FILE SET.yaml\n"
        "       cantwin update sign --key FILE FILE\n"
        "       cantwin update inspect FILE\n"
        "       cantwin update verify --root FILE [--root FILE...] FILE\n"
        "       cantwin update push [--start yes] [ROLLOUT...] [--url URL] [--token-file FILE] FILE\n"
        "       cantwin update rollback [ROLLOUT...] [--url URL] [--token-file FILE] FILE\n"
        "       cantwin update status [--vehicle ID] [--url URL] [--token-file FILE]\n"
        "       cantwin update audit [--vehicle ID] [--format csv|json] [--url URL] [--token-file FILE]\n\n"
        "Files of signed parameter sets: a release says which parameters are right for which hardware and software, a\n"
        "root says whose keys may sign what. The first six need no network; secret keys stay where they were made.\n\n"
        "  keygen    makes NAME.ed25519.key (mode 0600) and NAME.ed25519.pub in DIR, and overwrites neither\n"
        "  root      writes a root, to be signed by the root keys of this version and of the one before\n"
        "  create    writes the release that a description of a set says (docs/updates.md), not yet signed\n"
        "  sign      tells in words what is signed, and adds a signature to the file\n"
        "  inspect   tells what is in a file, and who signed it\n"
        "  verify    checks a file by the roots in order of their versions: the first one is believed\n"
        "  push      gives a root, or a release with its blobs, to the backend; --start yes rolls the release out\n"
        "  rollback  rolls out a release that allows vehicles to go back to it\n"
        "  status    tells of the rollouts, or of one vehicle's set and updates, as JSON\n"
        "  audit     tells which set came to which vehicle, who signed it, when, and what came of it\n\n"
        "Options:\n"
        "  --expires      2027-01-31 or 2027-01-31T12:00:00Z\n"
        "  --thresholds   how many root and release keys have to sign, \"2,2\"; of the director one does\n"
        "  --reset-director yes   the vehicles count this director's orders from the beginning: after a theft\n"
        "  ROLLOUT        --group, --tag, --model (of the vehicles), --canary N, --wave-size N, --success-percent N,\n"
        "                 --confirm yes (the user is asked first), --note TEXT\n"
        "  --url          of the backend (http://127.0.0.1:17680); --token-file: its first line is the token\n\n"
        "examples:\n"
        "  cantwin update keygen --dir keys --name root-anna\n"
        "  cantwin update root --out root-1.ctup --version 1 --expires 2030-01-01 --thresholds 2,2 \\\n"
        "      --root keys/root-anna.ed25519.pub --root keys/root-ben.ed25519.pub \\\n"
        "      --release keys/rel-cem.ed25519.pub --release keys/rel-dora.ed25519.pub --director "
        "keys/director.ed25519.pub\n"
        "  cantwin update create --out brakes-7.ctup brakes-7.yaml\n"
        "  cantwin update sign --key keys/rel-cem.ed25519.key brakes-7.ctup\n"
        "  cantwin update verify --root root-1.ctup brakes-7.ctup\n\n"
        "exit codes: 0 done, 1 not valid or refused, 2 wrong usage, 3 environment (file, permission)\n",
        to);
}

int ct_update_usage(const char *what)
{
    fprintf(stderr, "cantwin: update: %s (see cantwin update --help)\n", what);
    return CT_EXIT_USAGE;
}

int ct_update_complain(const char *path, const char *what, int code)
{
    fprintf(stderr, "cantwin: update: %s: error: %s\n", path, what);
    return code;
}

/* ------------------------------------------------------------------------------------------------ options */

const char *ct_update_option(int argc, char **argv, const char *name, size_t nth)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        if (argv[i][0] != '-') {
            break;
        }
        if (strcmp(argv[i], name) == 0 && nth-- == 0) {
            return argv[i + 1];
        }
    }
    return NULL;
}

bool ct_update_options_known(int argc, char **argv, const char *const *known, int *out_first)
{
    int i = 2;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != 0; i += 2) {
        size_t k = 0;
        while (known[k] != NULL && strcmp(known[k], argv[i]) != 0) {
            k++;
        }
        if (known[k] == NULL || i + 1 >= argc) {
            fprintf(stderr, "cantwin: update %s: %s '%s' (see cantwin update --help)\n", argv[1],
                    known[k] == NULL ? "unknown option" : "a value is missing behind", argv[i]);
            return false;
        }
    }
    *out_first = i;
    return true;
}

bool ct_update_time(const char *text, int64_t *out_utc_ms)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (rest == NULL) {
        memset(&utc, 0, sizeof utc);
        rest = strptime(text, "%Y-%m-%d", &utc);
    }
    if (rest == NULL || *rest != 0) {
        return false;
    }
    const int day = utc.tm_mday, second = utc.tm_sec;
    *out_utc_ms = (int64_t)timegm(&utc) * 1000;
    return utc.tm_mday == day && utc.tm_sec == second; /* no 31st of February */
}

/* ------------------------------------------------------------------------------------------------ files */

int ct_update_file_read(const char *path, struct ct_update_file *out_file)
{
    memset(out_file, 0, sizeof *out_file);
    int err = ct_file_read(path, CT_BUNDLE_MAX, &out_file->data, &out_file->len);
    if (err != CT_OK) {
        return ct_update_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    err = ct_bundle_read(out_file->data, out_file->len, &out_file->bundle);
    err = err == CT_OK ? ct_signed_payload_split(out_file->bundle.payload, out_file->bundle.len, &out_file->part) : err;
    if (err != CT_OK) {
        ct_update_file_free(out_file);
        return ct_update_complain(path, err == CT_ERR_SYNTAX ? "is no file of cantwin update" : ct_err_text(err),
                                  CT_EXIT_FAILED);
    }
    return CT_EXIT_OK;
}

void ct_update_file_free(struct ct_update_file *file)
{
    free(file->data);
    file->data = NULL;
}

int ct_update_file_write(const char *path, enum ct_bundle_kind kind, const struct ct_update_part *part,
                         const struct ct_bundle *blobs)
{
    struct ct_bundle bundle;
    struct ct_buf payload, file;
    ct_buf_init(&payload, CT_UPDATE_ENVELOPE_MAX);
    ct_buf_init(&file, CT_BUNDLE_MAX);
    int err = ct_signed_payload_join(part, &payload);
    memset(&bundle, 0, sizeof bundle);
    if (blobs != NULL) {
        bundle = *blobs;
    }
    bundle.kind = kind;
    bundle.payload = payload.data;
    bundle.len = payload.len;
    err = err == CT_OK ? ct_bundle_write(&bundle, &file) : err;
    err = err == CT_OK ? ct_file_write(path, file.data, file.len, 0644) : err;
    ct_buf_free(&payload);
    ct_buf_free(&file);
    return err == CT_OK ? CT_EXIT_OK : ct_update_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
}

int ct_cli_update(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } actions[] = {
        {"keygen", ct_update_keygen}, {"root", ct_update_root},         {"create", ct_update_create},
        {"sign", ct_update_sign},     {"inspect", ct_update_inspect},   {"verify", ct_update_verify_file},
        {"push", ct_update_push},     {"rollback", ct_update_rollback}, {"status", ct_update_status_show},
        {"audit", ct_update_audit},
    };
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return CT_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[1], actions[i].name) == 0) {
            return actions[i].run(argc, argv);
        }
    }
    return ct_update_usage(argc < 2
                               ? "what? keygen, root, create, sign, inspect, verify, push, rollback, status or audit"
                               : "unknown action");
}
