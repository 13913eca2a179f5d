#include "update_journal.h"

#include "bytes.h"

#include <sodium.h>

#include <string.h>

#define MAGIC      0x4a
#define BEGIN_SIZE (CT_UPDATE_ID_SIZE + 3 * CT_UPDATE_HASH_SIZE + 2)

/* Where the parts of a record begin: magic, type, index, sequence, length of data, hash of the record before, data. */
enum { AT_TYPE = 1, AT_INDEX = 2, AT_SEQ = 4, AT_LEN = 8, AT_HASH = 10 };
_Static_assert(AT_HASH + CT_UPDATE_HASH_SIZE == CT_UPDATE_RECORD_HEAD, "head of a record");

void ct_update_record_begin(const struct ct_update_begin *begin, struct ct_update_record *out_record)
{
    uint8_t *at = out_record->data;
    memset(out_record, 0, sizeof *out_record);
    out_record->type = CT_RECORD_BEGIN;
    out_record->len = BEGIN_SIZE;
    memcpy(at, begin->update_id, CT_UPDATE_ID_SIZE);
    memcpy(at + CT_UPDATE_ID_SIZE, begin->directive_hash, CT_UPDATE_HASH_SIZE);
    memcpy(at + CT_UPDATE_ID_SIZE + CT_UPDATE_HASH_SIZE, begin->set_before, CT_UPDATE_HASH_SIZE);
    memcpy(at + CT_UPDATE_ID_SIZE + 2 * CT_UPDATE_HASH_SIZE, begin->set_after, CT_UPDATE_HASH_SIZE);
    ct_put_le16(at + BEGIN_SIZE - 2, begin->count);
}

size_t ct_update_record_encode(const struct ct_update_record *record, const struct ct_update_progress *progress,
                               uint8_t out[CT_UPDATE_RECORD_MAX])
{
    const size_t len = CT_UPDATE_RECORD_HEAD + record->len;
    out[0] = MAGIC;
    out[AT_TYPE] = (uint8_t)record->type;
    ct_put_le16(out + AT_INDEX, record->index);
    ct_put_le32(out + AT_SEQ, progress->records);
    ct_put_le16(out + AT_LEN, record->len);
    memcpy(out + AT_HASH, progress->head, CT_UPDATE_HASH_SIZE);
    memcpy(out + CT_UPDATE_RECORD_HEAD, record->data, record->len);
    ct_put_le32(out + len, ct_crc32c(0, out, len));
    return len + 4;
}

/* ------------------------------------------------------------------------------------------------ what a record means
 */

static bool take_begin(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    const uint8_t *at = record->data;
    const uint16_t count = ct_le16(at + BEGIN_SIZE - 2);
    if (progress->begun || record->len != BEGIN_SIZE || count == 0 || count > CT_UPDATE_PARAMETERS_MAX) {
        return false;
    }
    progress->begun = true;
    progress->count = count;
    memcpy(progress->update_id, at, CT_UPDATE_ID_SIZE);
    memcpy(progress->directive_hash, at + CT_UPDATE_ID_SIZE, CT_UPDATE_HASH_SIZE);
    memcpy(progress->set_before, at + CT_UPDATE_ID_SIZE + CT_UPDATE_HASH_SIZE, CT_UPDATE_HASH_SIZE);
    memcpy(progress->set_after, at + CT_UPDATE_ID_SIZE + 2 * CT_UPDATE_HASH_SIZE, CT_UPDATE_HASH_SIZE);
    return true;
}

static bool take_old(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    if (progress->prepared || record->index != progress->old_count || record->index >= progress->count) {
        return false;
    }
    progress->old[record->index].len = record->len;
    memcpy(progress->old[record->index].data, record->data, record->len);
    progress->old_count++;
    return true;
}

static bool take_prepared(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    (void)record;
    progress->prepared = progress->old_count == progress->count;
    return progress->prepared;
}

static bool take_intent(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    if (progress->rolling_back || record->index > progress->touched || record->index >= progress->count) {
        return false;
    }
    progress->touched = record->index == progress->touched ? (uint16_t)(progress->touched + 1) : progress->touched;
    progress->held = false;
    return true;
}

static bool take_done(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    return !progress->rolling_back && record->index < progress->touched;
}

static bool take_read_back(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    (void)record;
    return !progress->rolling_back && progress->touched == progress->count;
}

static bool take_committed(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    progress->committed = take_read_back(progress, record);
    return progress->committed;
}

static bool take_reported(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    (void)record;
    progress->reported = true;
    return true;
}

static bool take_verdict(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    if (record->len != 1) {
        return false;
    }
    progress->verdict = record->data[0];
    return true;
}

static bool take_rollback(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    progress->rolling_back = !progress->committed && take_verdict(progress, record);
    progress->held = false;
    return progress->rolling_back;
}

static bool take_rollback_intent(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    progress->held = false;
    return progress->rolling_back && record->index < progress->touched;
}

static bool take_rolled_back(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    (void)record;
    progress->rolled_back = progress->rolling_back && !progress->rollback_failed;
    return progress->rolled_back;
}

static bool take_rollback_failed(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    (void)record;
    progress->rollback_failed = progress->rolling_back && !progress->rolled_back;
    return progress->rollback_failed;
}

static bool take_held(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    progress->held = !progress->committed && take_verdict(progress, record);
    return progress->held;
}

static bool take(struct ct_update_progress *progress, const struct ct_update_record *record)
{
    static bool (*const kinds[])(struct ct_update_progress * progress, const struct ct_update_record *record) = {
        [CT_RECORD_BEGIN] = take_begin,
        [CT_RECORD_OLD] = take_old,
        [CT_RECORD_PREPARED] = take_prepared,
        [CT_RECORD_INTENT] = take_intent,
        [CT_RECORD_DONE] = take_done,
        [CT_RECORD_READ_BACK] = take_read_back,
        [CT_RECORD_COMMITTED] = take_committed,
        [CT_RECORD_REPORTED] = take_reported,
        [CT_RECORD_ROLLBACK] = take_rollback,
        [CT_RECORD_ROLLBACK_INTENT] = take_rollback_intent,
        [CT_RECORD_ROLLED_BACK] = take_rolled_back,
        [CT_RECORD_ROLLBACK_FAILED] = take_rollback_failed,
        [CT_RECORD_HELD] = take_held,
    };
    /* begun first; what comes between Begin and Prepared is old values, or the way back at once */
    const bool in_order =
        record->type == CT_RECORD_BEGIN ||
        (progress->begun && (progress->prepared || record->type == CT_RECORD_OLD ||
                             record->type == CT_RECORD_PREPARED || record->type >= CT_RECORD_REPORTED));
    return in_order && kinds[record->type](progress, record);
}

/* ------------------------------------------------------------------------------------------------ reading */

int ct_update_record_take(const uint8_t *data, size_t len, struct ct_update_progress *progress, size_t *out_len)
{
    struct ct_update_record record;
    if (len == 0) {
        return CT_ERR_END;
    }
    if (len < CT_UPDATE_RECORD_HEAD + 4) {
        return CT_ERR_TRUNCATED;
    }
    const size_t data_len = ct_le16(data + AT_LEN);
    if (data_len > CT_UPDATE_RAW_MAX) {
        return CT_ERR_CORRUPT;
    }
    const size_t whole = CT_UPDATE_RECORD_HEAD + data_len;
    if (len < whole + 4) {
        return CT_ERR_TRUNCATED;
    }
    const uint8_t type = data[AT_TYPE];
    const bool good = ct_crc32c(0, data, whole) == ct_le32(data + whole) && data[0] == MAGIC &&
                      type >= CT_RECORD_BEGIN && type <= CT_RECORD_HELD &&
                      ct_le32(data + AT_SEQ) == progress->records &&
                      memcmp(data + AT_HASH, progress->head, CT_UPDATE_HASH_SIZE) == 0;
    record.type = (enum ct_update_record_type)type;
    record.index = ct_le16(data + AT_INDEX);
    record.len = (uint16_t)data_len;
    memcpy(record.data, data + CT_UPDATE_RECORD_HEAD, data_len);
    if (!good || !take(progress, &record)) {
        return CT_ERR_CORRUPT;
    }
    progress->records++;
    (void)crypto_hash_sha256(progress->head, data, whole + 4);
    *out_len = whole + 4;
    return CT_OK;
}

size_t ct_update_journal_read(const uint8_t *data, size_t len, struct ct_update_progress *out_progress)
{
    size_t at = 0, record_len = 0;
    memset(out_progress, 0, sizeof *out_progress);
    while (ct_update_record_take(data + at, len - at, out_progress, &record_len) == CT_OK) {
        at += record_len;
    }
    return at;
}

bool ct_update_progress_over(const struct ct_update_progress *progress)
{
    return !progress->begun || progress->committed || progress->rolled_back || progress->rollback_failed;
}
