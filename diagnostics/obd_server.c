#include "obd_server.h"

#include "bytes.h"
#include "uds_server.h"

#include <string.h>

#define FREEZE_PAIRS_MAX 3U /* parameter and frame number */
#define DID_PIDS         0xF400U
#define DID_TESTS        0xF600U
#define DID_INFO         0xF800U
#define PID_STATUS       0x01U
#define PID_FREEZE_DTC   0x02U
#define VALUE_MAX        64U

enum { INFO_VIN = 0x02, INFO_CALIBRATION = 0x04, INFO_VERIFICATION = 0x06, INFO_NAME = 0x0A };

struct answer {
    uint8_t *data;
    size_t len;
};

static void put(struct answer *answer, const void *data, size_t len)
{
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
}

static void put8(struct answer *answer, uint8_t byte)
{
    put(answer, &byte, 1);
}

/* --- DTCs of emissions --- */

static bool counts(const struct ct_obd_server_config *config, size_t index, uint8_t mode)
{
    const uint8_t status = ct_dtc_state(config->dtcs, index)->status;
    if (!ct_dtc_definition(config->dtcs, index)->emissions) {
        return false;
    }
    switch (mode) {
    case CT_OBD_STORED_DTCS:
        return (status & CT_DTC_CONFIRMED) != 0;
    case CT_OBD_PENDING_DTCS:
        return (status & CT_DTC_PENDING) != 0;
    default:
        return ct_dtc_state(config->dtcs, index)->permanent;
    }
}

/* The two bytes of J2012; UDS has the failure type behind them. */
static uint16_t short_code(const struct ct_obd_server_config *config, size_t index)
{
    return (uint16_t)(ct_dtc_definition(config->dtcs, index)->code >> 8);
}

static uint8_t list_dtcs(const struct ct_obd_server_config *config, uint8_t mode, struct answer *answer)
{
    uint8_t *count = answer->data + answer->len;
    put8(answer, 0); /* on CAN the number comes first */
    for (size_t i = 0; i < ct_dtc_count(config->dtcs); i++) {
        if (counts(config, i, mode)) {
            uint8_t code[2];
            ct_put_be16(code, short_code(config, i));
            put(answer, code, sizeof code);
            (*count)++;
        }
    }
    return 0;
}

static void readiness(const struct ct_obd_server_config *config, uint8_t *out)
{
    struct ct_obd_readiness ready = {.compression = config->compression, .supported = config->monitors};
    for (size_t i = 0; i < ct_dtc_count(config->dtcs); i++) {
        const uint8_t status = ct_dtc_state(config->dtcs, i)->status;
        if (!ct_dtc_definition(config->dtcs, i)->emissions) {
            continue;
        }
        ready.mil = ready.mil || (status & CT_DTC_WARNING) != 0;
        ready.dtc_count = (uint8_t)(ready.dtc_count + ((status & CT_DTC_CONFIRMED) != 0));
        if ((status & CT_DTC_NOT_COMPLETED_SINCE_CLEAR) != 0) {
            ready.incomplete = config->monitors;
        }
    }
    ct_obd_readiness_encode(&ready, out);
}

/* The DTC of the freeze frame; false: there is none. */
static bool freeze_index(const struct ct_obd_server_config *config, size_t *out_index)
{
    uint32_t best = 0;
    for (size_t i = 0; i < ct_dtc_count(config->dtcs); i++) {
        const uint32_t order = ct_dtc_state(config->dtcs, i)->first_failed;
        if (order != 0 && counts(config, i, CT_OBD_STORED_DTCS) &&
            ct_dtc_snapshot(config->dtcs, i, CT_DTC_SNAPSHOT_FIRST) != NULL && (best == 0 || order < best)) {
            best = order;
            *out_index = i;
        }
    }
    return best != 0;
}

/* --- values --- */

static bool reads(const struct ct_obd_server_config *config, uint8_t pid)
{
    return memchr(config->pids, pid, config->pid_count) != NULL;
}

/* The value of a snapshot, NULL when it holds none of this parameter. */
static const uint8_t *frozen(const struct ct_obd_server_config *config, size_t index, uint8_t pid)
{
    size_t count = 0;
    const struct ct_dtc_snapshot_did *layout = ct_dtc_snapshot_layout(config->dtcs, &count);
    const uint8_t *value = ct_dtc_snapshot(config->dtcs, index, CT_DTC_SNAPSHOT_FIRST);
    for (size_t i = 0; i < count; i++) {
        if (layout[i].id == (DID_PIDS | pid) && layout[i].len == ct_obd_pid_length(pid)) {
            return value;
        }
        value += layout[i].len;
    }
    return NULL;
}

typedef bool (*has_fn)(const struct ct_obd_server_config *config, size_t index, uint8_t id);

static bool has_pid(const struct ct_obd_server_config *config, size_t index, uint8_t id)
{
    (void)index;
    return id == PID_STATUS || id == PID_FREEZE_DTC || reads(config, id);
}

static bool has_frozen(const struct ct_obd_server_config *config, size_t index, uint8_t id)
{
    return id == PID_FREEZE_DTC || frozen(config, index, id) != NULL;
}

static bool has_info(const struct ct_obd_server_config *config, size_t index, uint8_t id)
{
    (void)config;
    (void)index;
    return id == INFO_VIN || id == INFO_CALIBRATION || id == INFO_VERIFICATION || id == INFO_NAME;
}

static bool has_test(const struct ct_obd_server_config *config, size_t index, uint8_t id)
{
    (void)index;
    for (size_t i = 0; i < config->test_count; i++) {
        if (config->tests[i].monitor == id) {
            return true;
        }
    }
    return false;
}

/* A bitmap; its last bit says that the next bitmap has something. False: this one and all after it are empty. */
static bool bitmap(const struct ct_obd_server_config *config, has_fn has, size_t index, uint8_t base, uint8_t *out)
{
    bool any = false;
    memset(out, 0, 4);
    for (unsigned id = base + 1U; id <= 0xFF; id++) {
        if (ct_obd_is_bitmap((uint8_t)id) || !has(config, index, (uint8_t)id)) {
            continue;
        }
        any = true;
        ct_obd_bitmap_set(base, out, (uint8_t)(id - base <= 32 ? id : base + 32U));
    }
    return any;
}

/* One parameter's bytes; 0: it has none. */
static size_t value_of(const struct ct_obd_server_config *config, uint8_t pid, uint8_t *out)
{
    size_t index = 0;
    if (ct_obd_is_bitmap(pid)) {
        return bitmap(config, has_pid, 0, pid, out) ? 4 : 0;
    }
    if (pid == PID_STATUS) {
        readiness(config, out);
        return 4;
    }
    if (pid == PID_FREEZE_DTC) {
        ct_put_be16(out, freeze_index(config, &index) ? short_code(config, index) : 0);
        return 2;
    }
    return reads(config, pid) && config->read(config->user, pid, out) ? ct_obd_pid_length(pid) : 0;
}

static uint8_t current(const struct ct_obd_server_config *config, const uint8_t *pids, size_t count,
                       struct answer *answer)
{
    if (count == 0 || count > CT_OBD_PIDS_MAX) {
        return CT_UDS_NO_ANSWER;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t value[VALUE_MAX];
        const size_t len = value_of(config, pids[i], value);
        if (len > 0) {
            put8(answer, pids[i]);
            put(answer, value, len);
        }
    }
    return answer->len > 1 ? 0 : CT_UDS_NO_ANSWER;
}

static void freeze_value(const struct ct_obd_server_config *config, uint8_t pid, struct answer *answer)
{
    uint8_t value[4] = {0};
    const uint8_t *data = value;
    size_t len = 2;
    size_t index = 0;
    const bool there = freeze_index(config, &index);
    if (pid == PID_FREEZE_DTC) {
        ct_put_be16(value, there ? short_code(config, index) : 0); /* 0: no freeze frame */
    } else if (there && ct_obd_is_bitmap(pid)) {
        len = bitmap(config, has_frozen, index, pid, value) ? 4 : 0;
    } else {
        data = there ? frozen(config, index, pid) : NULL;
        len = data != NULL ? ct_obd_pid_length(pid) : 0;
    }
    if (len > 0) {
        put8(answer, pid);
        put8(answer, 0);
        put(answer, data, len);
    }
}

static uint8_t freeze_frame(const struct ct_obd_server_config *config, const uint8_t *pairs, size_t len,
                            struct answer *answer)
{
    if (len == 0 || len % 2 != 0 || len / 2 > FREEZE_PAIRS_MAX) {
        return CT_UDS_NO_ANSWER;
    }
    for (size_t i = 0; i < len; i += 2) {
        if (pairs[i + 1] == 0) { /* the one frame there is */
            freeze_value(config, pairs[i], answer);
        }
    }
    return answer->len > 1 ? 0 : CT_UDS_NO_ANSWER;
}

static uint8_t clear(const struct ct_obd_server_config *config)
{
    const uint8_t nrc = config->may_clear != NULL ? config->may_clear(config->user) : 0;
    if (nrc == 0) {
        (void)ct_dtc_clear(config->dtcs, CT_UDS_DTC_EMISSIONS);
    }
    return nrc;
}

/* --- tests and vehicle information --- */

static void put_tests(const struct ct_obd_server_config *config, uint8_t monitor, struct answer *answer)
{
    for (size_t i = 0; i < config->test_count; i++) {
        const struct ct_obd_test *test = &config->tests[i];
        if (test->monitor == monitor) {
            uint8_t row[9] = {test->monitor, test->test, test->unit};
            ct_put_be16(row + 3, config->test_value(config->user, test));
            ct_put_be16(row + 5, test->least);
            ct_put_be16(row + 7, test->most);
            put(answer, row, sizeof row);
        }
    }
}

static uint8_t tests(const struct ct_obd_server_config *config, uint8_t monitor, struct answer *answer)
{
    uint8_t map[4];
    if (!ct_obd_is_bitmap(monitor)) {
        put_tests(config, monitor, answer);
    } else if (bitmap(config, has_test, 0, monitor, map)) {
        put8(answer, monitor);
        put(answer, map, sizeof map);
    }
    return answer->len > 1 ? 0 : CT_UDS_NO_ANSWER;
}

static void put_padded(struct answer *answer, const char *text, size_t size)
{
    const size_t len = strnlen(text, size);
    memset(answer->data + answer->len, 0, size);
    put(answer, text, len);
    answer->len += size - len;
}

/* The items alone, without type and count; false: not known. */
static bool put_info(const struct ct_obd_server_config *config, uint8_t type, struct answer *answer)
{
    uint8_t number[CT_OBD_CVN_SIZE];
    switch (type) {
    case INFO_VIN:
        put_padded(answer, config->vin, CT_OBD_VIN_LENGTH);
        return true;
    case INFO_CALIBRATION:
        put_padded(answer, config->calibration, CT_OBD_CALID_SIZE);
        return true;
    case INFO_VERIFICATION:
        ct_put_be32(number, config->verification);
        put(answer, number, sizeof number);
        return true;
    case INFO_NAME:
        put_padded(answer, config->name, CT_OBD_NAME_SIZE);
        return true;
    default:
        return false;
    }
}

static uint8_t info(const struct ct_obd_server_config *config, uint8_t type, struct answer *answer)
{
    uint8_t map[4];
    put8(answer, type);
    if (ct_obd_is_bitmap(type)) {
        if (!bitmap(config, has_info, 0, type, map)) {
            return CT_UDS_NO_ANSWER;
        }
        put(answer, map, sizeof map);
        return 0;
    }
    put8(answer, 1); /* one item of each */
    return put_info(config, type, answer) ? 0 : CT_UDS_NO_ANSWER;
}

/* --- requests --- */

uint8_t ct_obd_server_answer(void *config, const uint8_t *request, size_t len, uint8_t *out, size_t *out_len)
{
    const struct ct_obd_server_config *obd = config;
    struct answer answer = {out, 1};
    uint8_t nrc = CT_UDS_NO_ANSWER;
    switch (request[0]) {
    case CT_OBD_CURRENT:
        nrc = current(obd, request + 1, len - 1, &answer);
        break;
    case CT_OBD_FREEZE_FRAME:
        nrc = freeze_frame(obd, request + 1, len - 1, &answer);
        break;
    case CT_OBD_STORED_DTCS:
    case CT_OBD_PENDING_DTCS:
    case CT_OBD_PERMANENT_DTCS:
        nrc = len == 1 ? list_dtcs(obd, request[0], &answer) : nrc;
        break;
    case CT_OBD_CLEAR:
        nrc = len == 1 ? clear(obd) : nrc;
        break;
    case CT_OBD_TESTS:
        nrc = len == 2 ? tests(obd, request[1], &answer) : nrc;
        break;
    case CT_OBD_VEHICLE_INFO:
        nrc = len == 2 ? info(obd, request[1], &answer) : nrc;
        break;
    default:
        nrc = CT_NRC_SERVICE_NOT_SUPPORTED;
        break;
    }
    *out_len = answer.len;
    return nrc;
}

uint8_t ct_obd_server_read_did(const struct ct_obd_server_config *config, uint16_t id, uint8_t *out, size_t size,
                               size_t *out_len)
{
    uint8_t bytes[1 + 9 * 32];
    struct answer answer = {bytes, 0};
    const uint8_t low = (uint8_t)id;
    if ((id & 0xFF00U) == DID_PIDS) {
        answer.len = value_of(config, low, bytes);
    } else if ((id & 0xFF00U) == DID_INFO && ct_obd_is_bitmap(low)) {
        answer.len = bitmap(config, has_info, 0, low, bytes) ? 4 : 0;
    } else if ((id & 0xFF00U) == DID_INFO) {
        (void)put_info(config, low, &answer);
    } else if ((id & 0xFF00U) == DID_TESTS && !ct_obd_is_bitmap(low) && config->test_count <= 32) {
        put_tests(config, low, &answer);
    }
    if (answer.len == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (answer.len > size) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memcpy(out, bytes, answer.len);
    *out_len = answer.len;
    return 0;
}
