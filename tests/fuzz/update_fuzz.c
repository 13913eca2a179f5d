/* Update envelopes, releases, directives, roots, trust stores and journals: what was read can be written and read
 * again. */
#include "update_journal.h"
#include "update_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int err)
{
    if (err != CT_OK) {
        abort();
    }
}

static void release(const uint8_t *data, size_t size)
{
    static struct ct_release value, again;
    struct ct_buf buf;
    if (ct_release_decode(data, size, &value) != CT_OK) {
        return;
    }
    ct_buf_init(&buf, 2 * CT_UPDATE_ENVELOPE_MAX);
    check(ct_release_encode(&value, &buf));
    const int err = ct_release_decode(buf.data, buf.len, &again);
    if (err != CT_ERR_TOO_LARGE &&
        (err != CT_OK || memcmp(value.set_hash, again.set_hash, sizeof value.set_hash) != 0)) {
        abort();
    }
    ct_buf_free(&buf);
}

static void directive(const uint8_t *data, size_t size)
{
    static struct ct_directive value, again;
    struct ct_buf buf;
    if (ct_directive_decode(data, size, &value) != CT_OK) {
        return;
    }
    ct_buf_init(&buf, CT_UPDATE_ENVELOPE_MAX);
    check(ct_directive_encode(&value, &buf));
    check(ct_directive_decode(buf.data, buf.len, &again));
    if (memcmp(&value, &again, sizeof value) != 0) {
        abort();
    }
    ct_buf_free(&buf);
}

static void root(const uint8_t *data, size_t size)
{
    static struct ct_root value, again;
    struct ct_buf buf;
    if (ct_root_decode(data, size, &value) != CT_OK) {
        return;
    }
    (void)ct_root_valid(&value);
    ct_buf_init(&buf, CT_UPDATE_ENVELOPE_MAX);
    check(ct_root_encode(&value, &buf));
    check(ct_root_decode(buf.data, buf.len, &again));
    if (memcmp(&value, &again, sizeof value) != 0) {
        abort();
    }
    ct_buf_free(&buf);
}

static void trust(const uint8_t *data, size_t size)
{
    static struct ct_trust value;
    static uint8_t bytes[CT_TRUST_BYTES_MAX];
    uint64_t generation;
    size_t len;
    if (ct_trust_decode(data, size, &value, &generation) == CT_OK) {
        check(ct_trust_encode(&value, generation, bytes, &len));
        if (len != size || memcmp(bytes, data, size) != 0) {
            abort();
        }
    }
}

static void envelope(const uint8_t *data, size_t size)
{
    static struct ct_update_parts parts;
    if (ct_update_envelope_split(data, size, &parts) == CT_OK &&
        (parts.release.payload < data || parts.directive.payload + parts.directive.len > data + size)) {
        abort();
    }
}

/* Records whose checksum and chain are put right, so that what they say is looked at. */
static void journal(const uint8_t *data, size_t size)
{
    static struct ct_update_progress progress, whole;
    static uint8_t bytes[CT_UPDATE_ENVELOPE_MAX];
    struct ct_update_record record;
    size_t len = 0, taken;
    memset(&progress, 0, sizeof progress);
    while (size >= 4 && len + CT_UPDATE_RECORD_MAX <= sizeof bytes) {
        record.type = (enum ct_update_record_type)data[0];
        record.index = data[1];
        record.len = (uint16_t)(data[2] % (size - 3));
        memcpy(record.data, data + 3, record.len);
        data += 3U + record.len;
        size -= 3U + record.len;
        const size_t made = ct_update_record_encode(&record, &progress, bytes + len);
        if (ct_update_record_take(bytes + len, made, &progress, &taken) != CT_OK) {
            break;
        }
        len += made;
        if (progress.touched > progress.count || (progress.committed && progress.rolled_back)) {
            abort();
        }
    }
    if (ct_update_journal_read(bytes, len, &whole) != len) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(const uint8_t *data, size_t size) = {envelope, release, directive,
                                                                      root,     trust,   journal};
    if (size > 0) {
        kinds[data[0] % (sizeof kinds / sizeof kinds[0])](data + 1, size - 1);
    }
    return 0;
}
