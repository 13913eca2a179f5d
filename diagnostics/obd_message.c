#include "obd_message.h"

#include "bytes.h"

#include <string.h>

int ct_obd_request(uint8_t mode, const uint8_t *ids, size_t count, uint8_t frame,
                   uint8_t out_request[CT_OBD_REQUEST_MAX], size_t *out_len)
{
    static const uint8_t most[] = {0, CT_OBD_PIDS_MAX, CT_OBD_PIDS_MAX / 2, 0, 0, 2, CT_OBD_PIDS_MAX, 0, 1, 1, 0};
    if (mode == 0 || mode >= sizeof most || count > most[mode] || (most[mode] > 0 && count == 0)) {
        return CT_ERR_RANGE;
    }
    size_t len = 0;
    out_request[len++] = mode;
    for (size_t i = 0; i < count; i++) {
        out_request[len++] = ids[i];
        if (mode == CT_OBD_FREEZE_FRAME) {
            out_request[len++] = frame;
        }
    }
    *out_len = len;
    return CT_OK;
}

static bool is_response(const uint8_t *response, size_t len, uint8_t mode)
{
    return len > 0 && response[0] == mode + CT_OBD_POSITIVE_OFFSET;
}

static bool only_zeros(const uint8_t *data, size_t from, size_t len)
{
    while (from < len && data[from] == 0) {
        from++;
    }
    return from >= len;
}

int ct_obd_data_next(const uint8_t *response, size_t len, size_t *at, struct ct_obd_data *out_data)
{
    const bool freeze = is_response(response, len, CT_OBD_FREEZE_FRAME);
    if (!freeze && !is_response(response, len, CT_OBD_CURRENT)) {
        return CT_ERR_CORRUPT;
    }
    size_t pos = *at == 0 ? 1 : *at;
    if (pos >= len || (*at != 0 && only_zeros(response, pos, len))) {
        return CT_ERR_END;
    }
    const size_t head = freeze ? 2 : 1;
    if (len - pos < head) {
        return CT_ERR_TRUNCATED;
    }
    struct ct_obd_data data = {.pid = response[pos], .frame = freeze ? response[pos + 1] : 0};
    data.len = ct_obd_pid_length(data.pid);
    pos += head;
    if (data.len == 0) {
        return CT_ERR_NOT_FOUND;
    }
    if (data.len > len - pos) {
        return CT_ERR_TRUNCATED;
    }
    data.data = response + pos;
    *at = pos + data.len;
    *out_data = data;
    return CT_OK;
}

int ct_obd_dtc_next(const uint8_t *response, size_t len, size_t *at, uint16_t *out_dtc)
{
    if (!is_response(response, len, CT_OBD_STORED_DTCS) && !is_response(response, len, CT_OBD_PENDING_DTCS) &&
        !is_response(response, len, CT_OBD_PERMANENT_DTCS)) {
        return CT_ERR_CORRUPT;
    }
    /* Codes have two bytes, so an even length says that the count is there. */
    const size_t first = len % 2 == 0 ? 2 : 1;
    size_t pos = *at == 0 ? first : *at;
    while (pos + 2 <= len && ct_be16(response + pos) == 0) {
        pos += 2; /* 0000 fills up */
    }
    if (pos + 2 > len) {
        return CT_ERR_END;
    }
    *out_dtc = ct_be16(response + pos);
    *at = pos + 2;
    return CT_OK;
}

int ct_obd_info_next(const uint8_t *response, size_t len, size_t *at, struct ct_obd_data *out_data)
{
    if (!is_response(response, len, CT_OBD_VEHICLE_INFO)) {
        return CT_ERR_CORRUPT;
    }
    if (len < 2) {
        return CT_ERR_TRUNCATED;
    }
    const uint8_t type = response[1];
    const struct ct_obd_info *info = ct_obd_info_find(type);
    const bool bitmap = ct_obd_is_bitmap(type);
    if (info == NULL && !bitmap) {
        return CT_ERR_NOT_FOUND;
    }
    const size_t size = bitmap ? 4 : info->size;
    /* A count comes before the items, except before a bitmap; some ECUs leave it out. */
    const size_t counted = (len - 2) % size == 1 ? 3 : 2;
    const size_t pos = *at == 0 ? (bitmap ? 2 : counted) : *at;
    if (pos >= len) {
        return CT_ERR_END;
    }
    if (len - pos < size) {
        return *at != 0 && only_zeros(response, pos, len) ? CT_ERR_END : CT_ERR_TRUNCATED;
    }
    *out_data = (struct ct_obd_data){.pid = type, .data = response + pos, .len = size};
    *at = pos + size;
    return CT_OK;
}
