#include "apply_internal.h"

#include "bytes.h"

#include <string.h>

bool ct_apply_is_block(const struct ct_apply *apply)
{
    return ct_apply_parameter(apply)->place == CT_PLACE_MEMORY;
}

void ct_apply_block_begin(struct ct_apply *apply)
{
    apply->block = BLOCK_START;
    apply->block_done = 0;
    apply->block_chunk = CT_APPLY_CHUNK;
    apply->block_counter = 0;
    apply->block_crc = 0;
}

static size_t left(const struct ct_apply *apply)
{
    const size_t rest = ct_apply_parameter(apply)->memory_size - apply->block_done;
    return rest < apply->block_chunk ? rest : apply->block_chunk;
}

/* Address and size behind their format: low nibble bytes of the address, high nibble of the size (14229-1 annex H.1).
 */
static void put_place(struct ct_apply *apply, uint64_t address, uint64_t size)
{
    const uint8_t format = ct_apply_parameter(apply)->memory_format;
    const unsigned counts[] = {format & 0x0FU, format >> 4};
    const uint64_t values[] = {address, size};
    apply->bytes[apply->len++] = format;
    for (size_t i = 0; i < 2; i++) {
        for (unsigned k = counts[i]; k > 0; k--) {
            apply->bytes[apply->len++] = (uint8_t)(k > 8 ? 0 : values[i] >> (8 * (k - 1)));
        }
    }
}

enum ct_apply_kind ct_apply_block_read(struct ct_apply *apply)
{
    if (apply->block == BLOCK_KEEP) {
        return CT_APPLY_KEEP; /* what was read stands in `bytes` */
    }
    apply->len = 0;
    apply->bytes[apply->len++] = READ_MEMORY;
    put_place(apply, ct_apply_parameter(apply)->memory_address + apply->block_done, left(apply));
    return CT_APPLY_REQUEST;
}

static bool content_at(const struct ct_apply *apply, bool old, size_t offset, uint8_t *out, size_t len)
{
    return apply->config.content != NULL && apply->config.content(apply->config.user, apply->at, old, offset, out, len);
}

static bool content(const struct ct_apply *apply, bool old, uint8_t *out, size_t len)
{
    return content_at(apply, old, apply->block_done, out, len);
}

bool ct_apply_block_kept(const struct ct_apply *apply)
{
    const struct ct_old_value *old = &apply->progress.old[apply->at];
    const size_t size = ct_apply_parameter(apply)->memory_size;
    uint8_t bytes[CT_APPLY_CHUNK];
    uint32_t crc = 0;
    if (old->len != 8 || ct_le32(old->data) != size) {
        return false;
    }
    for (size_t at = 0; at < size; at += sizeof bytes) {
        const size_t len = size - at < sizeof bytes ? size - at : sizeof bytes;
        if (!content_at(apply, true, at, bytes, len)) {
            return false;
        }
        crc = ct_crc32c(crc, bytes, len);
    }
    return crc == ct_le32(old->data + 4);
}

enum ct_apply_kind ct_apply_block_write(struct ct_apply *apply)
{
    const struct ct_parameter *p = ct_apply_parameter(apply);
    apply->len = 0;
    if (apply->block == BLOCK_START) {
        apply->bytes[apply->len++] = DOWNLOAD;
        apply->bytes[apply->len++] = p->data_format;
        put_place(apply, p->memory_address, p->memory_size);
    } else if (apply->block == BLOCK_DATA) {
        apply->bytes[apply->len++] = TRANSFER;
        apply->bytes[apply->len++] = apply->block_counter;
        /* it was there when the block was begun; if it is gone, the ECU gets zeros, and the block does not read back */
        memset(apply->bytes + 2, 0, left(apply));
        (void)content(apply, apply->phase == CT_APPLY_TAKING_BACK, apply->bytes + 2, left(apply));
        apply->len += left(apply);
    } else {
        apply->bytes[apply->len++] = TRANSFER_EXIT;
    }
    return CT_APPLY_REQUEST;
}

/* 74: format, then maxNumberOfBlockLength, which counts service and counter too. */
static bool take_block_length(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    const size_t count = outcome->bytes[1] >> 4;
    uint64_t most = 0;
    if (count == 0 || count > 8 || outcome->len != 2 + count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        most = most << 8 | outcome->bytes[2 + i];
    }
    apply->block_chunk = most - 2 < CT_APPLY_CHUNK ? (size_t)(most - 2) : CT_APPLY_CHUNK;
    apply->block = BLOCK_DATA;
    apply->block_counter = 1;
    return most > 2;
}

bool ct_apply_block_written(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    const int step = apply->block;
    bool good = step == BLOCK_EXIT ? outcome->ok && outcome->len > 0 && outcome->bytes[0] == TRANSFER_EXIT + POSITIVE
                                   : ct_apply_positive(apply, outcome, step == BLOCK_DATA ? 1 : 0);
    if (good && step == BLOCK_START) {
        good = take_block_length(apply, outcome);
    } else if (good && step == BLOCK_DATA) {
        apply->block_done += left(apply);
        apply->block_counter++; /* 255 is followed by 0 */
        apply->block = left(apply) == 0 ? BLOCK_EXIT : BLOCK_DATA;
    } else if (good) {
        return true;
    }
    if (!good) {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
    }
    return false;
}

/* Compares what was read with what should be there. */
static bool same(const struct ct_apply *apply, const uint8_t *value, size_t len)
{
    uint8_t wanted[CT_APPLY_CHUNK];
    return content(apply, apply->phase != CT_APPLY_READING_BACK, wanted, len) && memcmp(wanted, value, len) == 0;
}

/* What will be written is looked for while nothing has been written yet. */
static bool new_is_there(const struct ct_apply *apply, size_t len)
{
    uint8_t wanted[CT_APPLY_CHUNK];
    return content(apply, false, wanted, len);
}

static bool advance(struct ct_apply *apply)
{
    apply->block_done += left(apply);
    apply->block = BLOCK_START;
    return left(apply) == 0;
}

bool ct_apply_block_was_read(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    const size_t len = left(apply);
    if (apply->block == BLOCK_KEEP) {
        if (!outcome->ok) {
            ct_apply_fail(apply, CT_UPDATE_NO_SPACE);
            return false;
        }
        return advance(apply);
    }
    if (!ct_apply_positive(apply, outcome, 0) || outcome->len != 1 + len) {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
        return false;
    }
    if (apply->phase == CT_APPLY_READ_OLD && !new_is_there(apply, len)) {
        ct_apply_fail(apply, CT_UPDATE_HASH);
        return false;
    }
    if (apply->phase == CT_APPLY_READ_OLD) {
        apply->block_crc = ct_crc32c(apply->block_crc, outcome->bytes + 1, len);
        memcpy(apply->bytes, outcome->bytes + 1, len);
        apply->len = len;
        apply->block = BLOCK_KEEP;
        return false;
    }
    if (!same(apply, outcome->bytes + 1, len)) {
        ct_apply_fail(apply, CT_UPDATE_READBACK_MISMATCH);
        return false;
    }
    return advance(apply);
}
