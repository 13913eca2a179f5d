/* The file of a root or of a release with its blobs, as people carry it between machines.
 *
 * "CTUP" and 1 (u32 little-endian); then sections: kind (1 byte), length (u32 little-endian), content; the last section
 * is END with the CRC-32C of all before it. First comes ROOT or RELEASE, a serialised SignedPayload, once; behind a
 * release its blobs, in order of their parameters. The checksum finds accidents, the signatures everything else. Pure:
 * bytes in memory. Thread-safe. */
#ifndef CT_UPDATE_UPDATE_BUNDLE_H
#define CT_UPDATE_UPDATE_BUNDLE_H

#include "buf.h"
#include "manifest.h"

#define CT_BUNDLE_MAX (64U << 20) /* bytes of a file */

enum ct_bundle_kind { CT_BUNDLE_ROOT = 1, CT_BUNDLE_RELEASE = 2, CT_BUNDLE_BLOB = 3, CT_BUNDLE_END = 255 };

struct ct_bundle {
    enum ct_bundle_kind kind; /* ROOT or RELEASE */
    const uint8_t *payload;   /* the SignedPayload; points into the file */
    size_t len;
    struct {
        const uint8_t *data;
        size_t len;
    } blobs[CT_UPDATE_PARAMETERS_MAX];
    size_t blob_count;
};

int ct_bundle_write(const struct ct_bundle *bundle, struct ct_buf *out) CT_MUST_CHECK;
/* CT_ERR_SYNTAX: none of ours, or not in this form; CT_ERR_CORRUPT: damaged; CT_ERR_TRUNCATED. */
int ct_bundle_read(const uint8_t *data, size_t len, struct ct_bundle *out_bundle) CT_MUST_CHECK;

#endif
