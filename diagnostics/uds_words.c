#include "uds_words.h"

#include "bytes.h"
#include "obd.h"
#include "uds.h"

struct value_text {
    uint8_t value;
    const char *text;
};

static const struct value_text obd_modes[] = {
    {CT_OBD_CURRENT, "OBD current data"},
    {CT_OBD_FREEZE_FRAME, "OBD freeze frame"},
    {CT_OBD_STORED_DTCS, "OBD stored DTCs"},
    {CT_OBD_CLEAR, "OBD clear"},
    {CT_OBD_OXYGEN_TESTS, "OBD oxygen sensor tests"},
    {CT_OBD_TESTS, "OBD tests"},
    {CT_OBD_PENDING_DTCS, "OBD pending DTCs"},
    {CT_OBD_CONTROL, "OBD control"},
    {CT_OBD_VEHICLE_INFO, "OBD vehicle information"},
    {CT_OBD_PERMANENT_DTCS, "OBD permanent DTCs"},
    {0, NULL},
};

static const struct value_text sessions[] = {{CT_UDS_SESSION_DEFAULT, "default"},
                                             {CT_UDS_SESSION_PROGRAMMING, "programming"},
                                             {CT_UDS_SESSION_EXTENDED, "extended"},
                                             {CT_UDS_SESSION_SAFETY, "safety"},
                                             {0, NULL}};
static const struct value_text resets[] = {
    {CT_UDS_RESET_HARD, "hard"}, {CT_UDS_RESET_KEY, "key off on"}, {CT_UDS_RESET_SOFT, "soft"}, {0, NULL}};
static const struct value_text reports[] = {{CT_UDS_DTC_COUNT_BY_STATUS, "number by status mask"},
                                            {CT_UDS_DTC_BY_STATUS, "DTCs by status mask"},
                                            {CT_UDS_DTC_SNAPSHOT_IDS, "snapshot identification"},
                                            {CT_UDS_DTC_SNAPSHOT_BY_DTC, "snapshot of a DTC"},
                                            {CT_UDS_DTC_STORED_BY_RECORD, "stored data by record"},
                                            {CT_UDS_DTC_EXTENDED_BY_DTC, "extended data of a DTC"},
                                            {CT_UDS_DTC_COUNT_BY_SEVERITY, "number by severity"},
                                            {CT_UDS_DTC_BY_SEVERITY, "DTCs by severity"},
                                            {CT_UDS_DTC_SEVERITY_OF_DTC, "severity of a DTC"},
                                            {CT_UDS_DTC_SUPPORTED, "supported DTCs"},
                                            {CT_UDS_DTC_FIRST_FAILED, "first failed"},
                                            {CT_UDS_DTC_FIRST_CONFIRMED, "first confirmed"},
                                            {CT_UDS_DTC_LAST_FAILED, "most recent failed"},
                                            {CT_UDS_DTC_LAST_CONFIRMED, "most recent confirmed"},
                                            {CT_UDS_DTC_FAULT_COUNTERS, "fault detection counters"},
                                            {CT_UDS_DTC_PERMANENT, "permanent DTCs"},
                                            {0, NULL}};
static const struct value_text communication[] = {{CT_UDS_COMM_RX_TX, "receive and send"},
                                                  {CT_UDS_COMM_RX_ONLY, "receive only"},
                                                  {CT_UDS_COMM_TX_ONLY, "send only"},
                                                  {CT_UDS_COMM_NONE, "neither"},
                                                  {0, NULL}};
static const struct value_text routines[] = {
    {CT_UDS_ROUTINE_START, "start"}, {CT_UDS_ROUTINE_STOP, "stop"}, {CT_UDS_ROUTINE_RESULTS, "results"}, {0, NULL}};
static const struct value_text definitions[] = {{CT_UDS_DEFINE_BY_ID, "by identifier"},
                                                {CT_UDS_DEFINE_BY_ADDRESS, "by address"},
                                                {CT_UDS_DEFINE_CLEAR, "clear"},
                                                {0, NULL}};
static const struct value_text settings[] = {{CT_UDS_DTC_SETTING_ON, "on"}, {CT_UDS_DTC_SETTING_OFF, "off"}, {0, NULL}};

/* Where a message names identifiers: from byte `at` (the service id is byte 0) `bytes` each; requests may name several.
 */
struct shape {
    uint8_t service;
    const struct value_text *subfunctions; /* NULL: numbers */
    uint8_t at, bytes;
    bool many;
};

static const struct shape shapes[] = {
    {CT_UDS_SESSION_CONTROL, sessions, 0, 0, false},
    {CT_UDS_ECU_RESET, resets, 0, 0, false},
    {CT_UDS_READ_DTC, reports, 0, 0, false},
    {CT_UDS_READ_DATA, NULL, 1, 2, true},
    {CT_UDS_READ_SCALING, NULL, 1, 2, false},
    {CT_UDS_COMMUNICATION_CONTROL, communication, 0, 0, false},
    {CT_UDS_DEFINE_DATA, definitions, 2, 2, false},
    {CT_UDS_WRITE_DATA, NULL, 1, 2, false},
    {CT_UDS_IO_CONTROL, NULL, 1, 2, false},
    {CT_UDS_ROUTINE_CONTROL, routines, 2, 2, false},
    {CT_UDS_TRANSFER_DATA, NULL, 1, 1, false},
    {CT_UDS_DTC_SETTING, settings, 0, 0, false},
    {CT_OBD_CURRENT, NULL, 1, 1, true},
    {CT_OBD_FREEZE_FRAME, NULL, 1, 1, false},
    {CT_OBD_TESTS, NULL, 1, 1, false},
    {CT_OBD_VEHICLE_INFO, NULL, 1, 1, true},
};

static const struct shape *shape_of(uint8_t service)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].service == service) {
            return &shapes[i];
        }
    }
    return NULL;
}

static const char *text_of(const struct value_text *texts, unsigned value)
{
    for (; texts != NULL && texts->text != NULL; texts++) {
        if (texts->value == value) {
            return texts->text;
        }
    }
    return NULL;
}

static const char *service_text(uint8_t service)
{
    const char *text = ct_uds_service_text(service);
    return text != NULL ? text : text_of(obd_modes, service);
}

const char *ct_uds_message_kind_text(enum ct_uds_message_kind kind)
{
    static const char *const texts[] = {"request", "positive", "negative"};
    return (size_t)kind < sizeof texts / sizeof texts[0] ? texts[kind] : "message";
}

static void find_ids(const struct shape *shape, const uint8_t *data, size_t len, struct ct_uds_words *words)
{
    const size_t max = shape->many && words->kind == CT_UDS_MESSAGE_REQUEST ? CT_UDS_WORDS_IDS : 1;
    words->id_bytes = shape->bytes;
    for (size_t at = shape->at; at + shape->bytes <= len && words->id_count < max; at += shape->bytes) {
        words->ids[words->id_count++] = shape->bytes == 2 ? ct_be16(data + at) : data[at];
    }
}

int ct_uds_words(const uint8_t *data, size_t len, struct ct_uds_words *out_words)
{
    struct ct_uds_words words = {.subfunction = -1};
    if (len == 0 || (data[0] == CT_UDS_NEGATIVE_RESPONSE && len < 3)) {
        return CT_ERR_TRUNCATED;
    }
    if (data[0] == CT_UDS_NEGATIVE_RESPONSE) {
        words.kind = CT_UDS_MESSAGE_NEGATIVE;
        words.service = data[1];
        words.nrc = data[2];
        words.service_text = service_text(words.service);
        *out_words = words;
        return CT_OK;
    }
    const bool response = (data[0] & CT_UDS_POSITIVE_OFFSET) != 0;
    words.kind = response ? CT_UDS_MESSAGE_POSITIVE : CT_UDS_MESSAGE_REQUEST;
    words.service = (uint8_t)(response ? data[0] - CT_UDS_POSITIVE_OFFSET : data[0]);
    words.service_text = service_text(words.service);
    const struct shape *shape = shape_of(words.service);
    if (ct_uds_has_subfunction(words.service) && len >= 2) {
        words.subfunction = data[1] & CT_UDS_SUBFUNCTION;
        words.suppressed = !response && (data[1] & CT_UDS_SUPPRESS) != 0;
        words.subfunction_text = shape != NULL ? text_of(shape->subfunctions, data[1] & CT_UDS_SUBFUNCTION) : NULL;
    }
    if (shape != NULL && shape->bytes > 0) {
        find_ids(shape, data, len, &words);
    }
    *out_words = words;
    return CT_OK;
}

void ct_uds_words_put(const struct ct_uds_words *words, struct ct_buf *buf)
{
    if (words->service_text != NULL) {
        ct_buf_text(buf, words->service_text);
    } else {
        ct_buf_printf(buf, "service %02X", words->service);
    }
    if (words->subfunction_text != NULL) {
        ct_buf_printf(buf, " %s", words->subfunction_text);
    } else if (words->subfunction > 0) {
        ct_buf_printf(buf, " sub-function %02X", (unsigned)words->subfunction);
    }
    for (size_t i = 0; i < words->id_count; i++) {
        ct_buf_printf(buf, words->id_bytes == 2 ? " %04X" : " %02X", words->ids[i]);
    }
    if (words->suppressed) {
        ct_buf_text(buf, ", no answer wanted");
    }
    if (words->kind == CT_UDS_MESSAGE_NEGATIVE) {
        ct_buf_printf(buf, " refused: %s (%02X)", ct_uds_nrc_text(words->nrc), words->nrc);
    }
}
