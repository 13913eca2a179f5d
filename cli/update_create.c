/* cantwin update create, and what a root or a release says in words. */
#include "bytes.h"
#include "update_cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a vehicle would refuse for its form is refused here. */
static int write_release(const char *out, const struct ct_release *release, const struct ct_bundle *blobs)
{
    struct ct_update_part part = {0};
    struct ct_buf bytes;
    struct ct_release *again = malloc(sizeof *again);
    int code = CT_EXIT_ENVIRONMENT;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    if (again != NULL && ct_release_encode(release, &bytes) == CT_OK) {
        part.payload = bytes.data;
        part.len = bytes.len;
        code = ct_release_decode(bytes.data, bytes.len, again) == CT_OK
                   ? ct_update_file_write(out, CT_BUNDLE_RELEASE, &part, blobs)
                   : ct_update_complain(
                         out,
                         "would be refused: every ECU of a parameter needs a target, names and places "
                         "may be there once, 'own' goes with ecu 'gateway', 'did' takes no blob, what is written "
                         "elsewhere is one; nothing was written",
                         CT_EXIT_FAILED);
        if (code == CT_EXIT_OK) {
            ct_update_tell_release(stdout, again);
        }
    }
    ct_buf_free(&bytes);
    free(again);
    return code;
}

int ct_update_create(int argc, char **argv)
{
    static const char *const known[] = {"--out", NULL};
    int first;
    if (!ct_update_options_known(argc, argv, known, &first)) {
        return CT_EXIT_USAGE;
    }
    const char *out = ct_update_option(argc, argv, "--out", 0);
    if (out == NULL || first + 1 != argc) {
        return ct_update_usage("create wants --out FILE and the description of a set");
    }
    struct ct_release *release = malloc(sizeof *release);
    struct ct_bundle *blobs = malloc(sizeof *blobs);
    int code = CT_EXIT_ENVIRONMENT;
    if (release != NULL && blobs != NULL) {
        code = ct_update_set_read(argv[first], release, blobs);
        code = code == CT_EXIT_OK ? write_release(out, release, blobs) : code;
        ct_update_set_free(blobs);
    }
    free(release);
    free(blobs);
    return code;
}

/* ------------------------------------------------------------------------------------------------ in words */

static void tell_time(FILE *to, const char *what, int64_t utc_ms)
{
    char text[32] = "?";
    struct tm utc;
    const time_t seconds = (time_t)(utc_ms / 1000);
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    fprintf(to, "%-11s %s\n", what, text);
}

static void tell_hash(FILE *to, const char *what, const uint8_t hash[CT_UPDATE_HASH_SIZE])
{
    char hex[2 * CT_UPDATE_HASH_SIZE + 1];
    ct_hex_encode(hex, hash, CT_UPDATE_HASH_SIZE);
    fprintf(to, "%-11s %s\n", what, hex);
}

static void tell_place(FILE *to, const struct ct_parameter *p)
{
    if (p->place == CT_PLACE_DID) {
        fprintf(to, "%s DID %04" PRIX16, p->ecu, p->did);
    } else if (p->place == CT_PLACE_OWN) {
        fprintf(to, "gateway's %s", p->own);
    } else {
        fprintf(to, "%s memory %" PRIX64, p->ecu, p->memory_address);
    }
}

static void tell_parameter(FILE *to, const struct ct_parameter *p)
{
    char hex[2 * CT_UPDATE_RAW_MAX + 1];
    fprintf(to, "  %-20s ", p->name);
    tell_place(to, p);
    if (p->type == CT_PARAMETER_BLOB) {
        fprintf(to, " := %" PRIu32 " bytes\n", p->blob.size);
    } else if (ct_parameter_width(p->type) > 0) {
        fprintf(to, " := %.12g %s (%.12g .. %.12g)\n", ct_parameter_physical(p, p->raw, p->raw_len), p->unit, p->min,
                p->max);
    } else {
        ct_hex_encode(hex, p->raw, p->raw_len);
        fprintf(to, " := %s\n", hex);
    }
}

void ct_update_tell_release(FILE *to, const struct ct_release *release)
{
    fprintf(to, "release     %s, counter %" PRIu32 "\n", release->set_id, release->counter);
    tell_time(to, "issued", release->issued_utc_ms);
    tell_time(to, "expires", release->expires_utc_ms);
    tell_hash(to, "set", release->set_hash);
    tell_hash(to, "replaces", release->base_set_hash);
    for (size_t i = 0; i < release->target_count; i++) {
        const struct ct_update_target *target = &release->targets[i];
        fprintf(to, "for         %s", target->ecu);
        for (size_t k = 0; k < target->hardware_count; k++) {
            fprintf(to, "%s %s", k == 0 ? ", hardware" : " or", target->hardware[k]);
        }
        if (target->software_min[0] != 0 || target->software_max[0] != 0) {
            fprintf(to, ", software %s to %s", target->software_min[0] != 0 ? target->software_min : "any",
                    target->software_max[0] != 0 ? target->software_max : "any");
        }
        fputc('\n', to);
    }
    fputs("writes\n", to);
    for (size_t i = 0; i < release->parameter_count; i++) {
        tell_parameter(to, &release->parameters[i]);
    }
    for (size_t i = 0; i < release->precondition_count; i++) {
        const struct ct_precondition *condition = &release->preconditions[i];
        fprintf(to, "only while  %s is %.12g to %.12g for %" PRIu32 " ms\n", condition->path, condition->min,
                condition->max, condition->for_ms);
    }
    for (size_t i = 0; i < release->rxswin_count; i++) {
        fprintf(to, "RXSWIN      %s\n", release->rxswin[i]);
    }
    if (release->rollback_counter != 0) {
        fprintf(to, "allows      to go back from counter %" PRIu32 "\n", release->rollback_counter);
    }
    if (release->user_notice[0] != 0) {
        fprintf(to, "notice      %s\n", release->user_notice);
    }
}

static void tell_role(FILE *to, const char *name, const struct ct_role_keys *keys)
{
    char hex[2 * CT_SIGN_PUBLIC_SIZE + 1];
    fprintf(to, "%-11s %" PRIu32 " of %zu\n", name, keys->threshold, keys->count);
    for (size_t i = 0; i < keys->count; i++) {
        ct_hex_encode(hex, keys->public_keys[i], CT_SIGN_PUBLIC_SIZE);
        fprintf(to, "  %s\n", hex);
    }
}

void ct_update_tell_root(FILE *to, const struct ct_root *root)
{
    fprintf(to, "root        version %" PRIu32 "%s\n", root->version,
            root->reset_director ? ", the director's orders count from the beginning" : "");
    tell_time(to, "expires", root->expires_utc_ms);
    tell_role(to, "root keys", &root->root);
    tell_role(to, "release", &root->release);
    tell_role(to, "director", &root->director);
}
