#include "update_bundle.h"

#include "bytes.h"

#include <string.h>

#define VERSION 1
#define HEAD    8 /* magic, version */
#define SECTION 5 /* kind, length */

static const char magic[] = "CTUP";

static void put_section(struct ct_buf *out, enum ct_bundle_kind kind, const uint8_t *data, size_t len)
{
    uint8_t head[SECTION];
    head[0] = (uint8_t)kind;
    ct_put_le32(head + 1, (uint32_t)len);
    ct_buf_append(out, head, sizeof head);
    ct_buf_append(out, data, len);
}

int ct_bundle_write(const struct ct_bundle *bundle, struct ct_buf *out)
{
    uint8_t word[4];
    ct_put_le32(word, VERSION);
    ct_buf_append(out, magic, 4);
    ct_buf_append(out, word, sizeof word);
    put_section(out, bundle->kind, bundle->payload, bundle->len);
    for (size_t i = 0; i < bundle->blob_count; i++) {
        put_section(out, CT_BUNDLE_BLOB, bundle->blobs[i].data, bundle->blobs[i].len);
    }
    if (ct_buf_error(out) == CT_OK) {
        ct_put_le32(word, ct_crc32c(0, out->data, out->len));
        put_section(out, CT_BUNDLE_END, word, sizeof word);
    }
    return ct_buf_error(out);
}

static int take_section(struct ct_bundle *bundle, uint8_t kind, const uint8_t *data, size_t len)
{
    const bool first = bundle->payload == NULL;
    if (first && (kind == CT_BUNDLE_ROOT || kind == CT_BUNDLE_RELEASE)) {
        bundle->kind = (enum ct_bundle_kind)kind;
        bundle->payload = data;
        bundle->len = len;
        return CT_OK;
    }
    if (first || kind != CT_BUNDLE_BLOB || bundle->kind != CT_BUNDLE_RELEASE ||
        bundle->blob_count == CT_UPDATE_PARAMETERS_MAX) {
        return CT_ERR_SYNTAX;
    }
    bundle->blobs[bundle->blob_count].data = data;
    bundle->blobs[bundle->blob_count++].len = len;
    return CT_OK;
}

int ct_bundle_read(const uint8_t *data, size_t len, struct ct_bundle *out_bundle)
{
    memset(out_bundle, 0, sizeof *out_bundle);
    if (len < HEAD || memcmp(data, magic, 4) != 0 || ct_le32(data + 4) != VERSION) {
        return CT_ERR_SYNTAX;
    }
    size_t at = HEAD;
    while (len - at >= SECTION) {
        const uint8_t kind = data[at];
        const uint8_t *content = data + at + SECTION;
        const size_t content_len = ct_le32(data + at + 1);
        if (content_len > len - at - SECTION) {
            return CT_ERR_TRUNCATED;
        }
        if (kind == CT_BUNDLE_END) {
            const bool last = content_len == 4 && at + SECTION + 4 == len && out_bundle->payload != NULL;
            return !last ? CT_ERR_SYNTAX : ct_crc32c(0, data, at) == ct_le32(content) ? CT_OK : CT_ERR_CORRUPT;
        }
        const int err = take_section(out_bundle, kind, content, content_len);
        if (err != CT_OK) {
            return err;
        }
        at += SECTION + content_len;
    }
    return CT_ERR_TRUNCATED;
}
