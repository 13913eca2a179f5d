#include "uds_records.h"

#include "bytes.h"

static bool only_zeros(struct ct_uds_bytes bytes, size_t from)
{
    while (from < bytes.len && bytes.data[from] == 0) {
        from++;
    }
    return from >= bytes.len;
}

static size_t did_length(const struct ct_uds_lengths *lengths, uint16_t did)
{
    return lengths != NULL && lengths->did != NULL ? lengths->did(lengths->user, did) : 0;
}

static uint32_t be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16U | ct_be16(p + 1);
}

/* ---------------------------------------------------------------- values of DIDs */

/* Place of `did` in the request; id_count when it was not asked for. */
static unsigned asked_at(const struct ct_uds_message *request, uint16_t did)
{
    unsigned i = 0;
    while (i < request->id_count && request->ids[i] != did) {
        i++;
    }
    return i;
}

int ct_uds_value_next(const struct ct_uds_message *request, const struct ct_uds_message *response,
                      const struct ct_uds_lengths *lengths, size_t *at, struct ct_uds_value *out_value)
{
    const struct ct_uds_bytes data = response->data;
    const bool zero_asked = asked_at(request, 0) < request->id_count;
    if (*at >= data.len || (*at > 0 && !zero_asked && only_zeros(data, *at))) {
        return CT_ERR_END;
    }
    if (data.len - *at < 2) {
        return CT_ERR_TRUNCATED;
    }
    const uint16_t did = ct_be16(data.data + *at);
    const unsigned place = asked_at(request, did);
    if (place == request->id_count) {
        return CT_ERR_CORRUPT;
    }
    const size_t left = data.len - *at - 2;
    size_t len = did_length(lengths, did);
    if (len == 0) {
        if (place + 1 != request->id_count) {
            return CT_ERR_NOT_FOUND;
        }
        len = left;
    }
    if (len > left) {
        return CT_ERR_TRUNCATED;
    }
    *out_value = (struct ct_uds_value){did, {data.data + *at + 2, len}};
    *at += 2 + len;
    return CT_OK;
}

/* ---------------------------------------------------------------- lists of DTCs */

/* Where in a record things stand; -1: not there. */
struct dtc_form {
    uint8_t first, last; /* reports */
    uint8_t size;
    int8_t severity, unit, dtc, status, record;
};

static const struct dtc_form *form_of(uint8_t report)
{
    static const struct dtc_form forms[] = {
        {0x02, 0x02, 4, -1, -1, 0, 3, -1}, {0x03, 0x03, 4, -1, -1, 0, -1, 3}, {0x08, 0x09, 6, 0, 1, 2, 5, -1},
        {0x0A, 0x0F, 4, -1, -1, 0, 3, -1}, {0x13, 0x13, 4, -1, -1, 0, 3, -1}, {0x14, 0x14, 4, -1, -1, 0, -1, 3},
        {0x15, 0x15, 4, -1, -1, 0, 3, -1}, {0x17, 0x17, 4, -1, -1, 0, 3, -1}, {0x1A, 0x1A, 4, -1, -1, 0, 3, -1},
        {0x42, 0x42, 5, 0, -1, 1, 4, -1},  {0x55, 0x56, 4, -1, -1, 0, 3, -1},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (report >= forms[i].first && report <= forms[i].last) {
            return &forms[i];
        }
    }
    return NULL;
}

static uint8_t byte_at(const uint8_t *record, int8_t at)
{
    return at >= 0 ? record[at] : 0;
}

int ct_uds_dtc_next(const struct ct_uds_message *response, size_t *at, struct ct_uds_dtc *out_dtc)
{
    const struct dtc_form *form = response->service == CT_UDS_READ_DTC ? form_of(response->subfunction) : NULL;
    if (form == NULL) {
        return CT_ERR_UNSUPPORTED;
    }
    const struct ct_uds_bytes data = response->data;
    if (only_zeros(data, *at)) {
        return CT_ERR_END;
    }
    if (data.len - *at < form->size) {
        return CT_ERR_TRUNCATED;
    }
    const uint8_t *record = data.data + *at;
    *out_dtc = (struct ct_uds_dtc){
        .dtc = be24(record + form->dtc),
        .status = byte_at(record, form->status),
        .severity = byte_at(record, form->severity),
        .unit = byte_at(record, form->unit),
        .record = byte_at(record, form->record),
    };
    *at += form->size;
    return CT_OK;
}

/* ---------------------------------------------------------------- records of one DTC */

int ct_uds_record_begin(const struct ct_uds_message *response, struct ct_uds_record_walk *out_walk,
                        struct ct_uds_dtc *out_dtc)
{
    const uint8_t report = response->subfunction;
    const bool snapshot = report == CT_UDS_DTC_SNAPSHOT_BY_DTC || report == CT_UDS_DTC_USER_SNAPSHOT;
    const bool extended = report == CT_UDS_DTC_EXTENDED_BY_DTC || report == CT_UDS_DTC_USER_EXTENDED;
    if (response->service == CT_UDS_READ_DTC && report == CT_UDS_DTC_STORED_BY_RECORD) {
        *out_dtc = (struct ct_uds_dtc){0};
        *out_walk = (struct ct_uds_record_walk){.data = response->data, .stored = true};
        return CT_OK;
    }
    if (response->service != CT_UDS_READ_DTC || (!snapshot && !extended)) {
        return CT_ERR_UNSUPPORTED;
    }
    if (response->data.len < 4) {
        return CT_ERR_TRUNCATED;
    }
    *out_dtc = (struct ct_uds_dtc){.dtc = be24(response->data.data), .status = response->data.data[3]};
    *out_walk = (struct ct_uds_record_walk){
        .data = response->data, .at = 4, .extended = extended, .dtc = out_dtc->dtc, .status = out_dtc->status};
    return CT_OK;
}

static size_t walk_left(const struct ct_uds_record_walk *walk)
{
    return walk->data.len - walk->at;
}

/* The bytes of a value of that length, or all that is left when it is not known. */
static int take(struct ct_uds_record_walk *walk, size_t len, struct ct_uds_record *record)
{
    record->rest = len == 0;
    len = len == 0 ? walk_left(walk) : len;
    if (len > walk_left(walk)) {
        return CT_ERR_TRUNCATED;
    }
    record->bytes = (struct ct_uds_bytes){walk->data.data + walk->at, len};
    walk->at += len;
    return CT_OK;
}

/* Record number and number of identifiers; of stored data, number, DTC, status and number of identifiers. */
static int open_head(struct ct_uds_record_walk *walk)
{
    const uint8_t *head = walk->data.data + walk->at;
    const size_t size = walk->stored ? 6 : 2;
    if (walk_left(walk) < size) {
        return walk->stored && walk_left(walk) == 1 ? CT_ERR_END : CT_ERR_TRUNCATED; /* a number alone: no data */
    }
    walk->record = head[0];
    if (walk->stored) {
        walk->dtc = be24(head + 1);
        walk->status = head[4];
    }
    walk->left = head[size - 1];
    walk->open = walk->left == 0;
    walk->at += size;
    return CT_OK;
}

/* Steps to the next snapshot record when the one before has ended. */
static int open_record(struct ct_uds_record_walk *walk)
{
    while (walk->left == 0 && !walk->open) {
        if (walk_left(walk) == 0 || (walk->at > 4 && only_zeros(walk->data, walk->at))) {
            return CT_ERR_END;
        }
        const int err = open_head(walk);
        if (err != CT_OK) {
            return err;
        }
    }
    return walk->open && walk_left(walk) == 0 ? CT_ERR_END : CT_OK;
}

static int next_snapshot(struct ct_uds_record_walk *walk, const struct ct_uds_lengths *lengths,
                         struct ct_uds_record *record)
{
    const int err = open_record(walk);
    if (err != CT_OK) {
        return err;
    }
    if (walk_left(walk) < 2) {
        return CT_ERR_TRUNCATED;
    }
    record->record = walk->record;
    record->did = ct_be16(walk->data.data + walk->at);
    walk->at += 2;
    if (walk->left > 0) {
        walk->left--;
    }
    return take(walk, did_length(lengths, record->did), record);
}

static int next_extended(struct ct_uds_record_walk *walk, const struct ct_uds_lengths *lengths,
                         struct ct_uds_record *record)
{
    if (walk_left(walk) == 0 || (walk->at > 4 && only_zeros(walk->data, walk->at))) {
        return CT_ERR_END;
    }
    record->record = walk->data.data[walk->at++];
    const bool known = lengths != NULL && lengths->extended != NULL;
    return take(walk, known ? lengths->extended(lengths->user, record->record) : 0, record);
}

int ct_uds_record_next(struct ct_uds_record_walk *walk, const struct ct_uds_lengths *lengths,
                       struct ct_uds_record *out_record)
{
    struct ct_uds_record_walk ahead = *walk;
    struct ct_uds_record record = {0};
    const int err = walk->extended ? next_extended(&ahead, lengths, &record) : next_snapshot(&ahead, lengths, &record);
    if (err != CT_OK) {
        return err;
    }
    record.dtc = ahead.dtc;
    record.status = ahead.status;
    if (record.rest) { /* nothing after it can be told apart */
        ahead.at = ahead.data.len;
        ahead.left = 0;
        ahead.open = false;
    }
    *walk = ahead;
    *out_record = record;
    return CT_OK;
}
