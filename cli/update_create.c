/* cantwin update create. */
#include "update_cmd.h"

#include <stdlib.h>

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
