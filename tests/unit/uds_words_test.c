/* UDS and OBD messages in words; names as in ISO 14229-1:2020 (table 2 services, A.1 refusals) and SAE J1979. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#include "bytes.h"
#include "uds_words.h"

#include <string.h>

static void test_uds_words_tell_what_a_message_says(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum ct_uds_message_kind kind;
        const char *text;
    } cases[] = {
        {"22f190f187", CT_UDS_MESSAGE_REQUEST, "ReadDataByIdentifier F190 F187"},
        {"62f190414243", CT_UDS_MESSAGE_POSITIVE, "ReadDataByIdentifier F190"},
        {"7f2231", CT_UDS_MESSAGE_NEGATIVE, "ReadDataByIdentifier refused: request out of range (31)"},
        {"7f2278", CT_UDS_MESSAGE_NEGATIVE, "ReadDataByIdentifier refused: response pending (78)"},
        {"1003", CT_UDS_MESSAGE_REQUEST, "DiagnosticSessionControl extended"},
        {"1083", CT_UDS_MESSAGE_REQUEST, "DiagnosticSessionControl extended, no answer wanted"},
        {"5003003201f4", CT_UDS_MESSAGE_POSITIVE, "DiagnosticSessionControl extended"},
        {"2705", CT_UDS_MESSAGE_REQUEST, "SecurityAccess sub-function 05"},
        {"3e80", CT_UDS_MESSAGE_REQUEST, "TesterPresent, no answer wanted"},
        {"1902ff", CT_UDS_MESSAGE_REQUEST, "ReadDTCInformation DTCs by status mask"},
        {"3101ff00", CT_UDS_MESSAGE_REQUEST, "RoutineControl start FF00"},
        {"36fe0102", CT_UDS_MESSAGE_REQUEST, "TransferData FE"},
        {"010c0d", CT_UDS_MESSAGE_REQUEST, "OBD current data 0C 0D"},
        {"410c1af8", CT_UDS_MESSAGE_POSITIVE, "OBD current data 0C"},
        {"0902", CT_UDS_MESSAGE_REQUEST, "OBD vehicle information 02"},
        {"c501", CT_UDS_MESSAGE_POSITIVE, "ControlDTCSetting on"},
        {"ba00", CT_UDS_MESSAGE_REQUEST, "service BA"},
        {"22", CT_UDS_MESSAGE_REQUEST, "ReadDataByIdentifier"},
        {"22f1", CT_UDS_MESSAGE_REQUEST, "ReadDataByIdentifier"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t data[32];
        struct ct_uds_words words;
        struct ct_buf buf;
        const size_t len = strlen(cases[i].hex) / 2;
        assert_int_equal(ct_hex_decode(data, cases[i].hex, len), CT_OK);
        const int err = ct_uds_words(data, len, &words);
        assert_int_equal(err, CT_OK);
        ct_buf_init(&buf, 4096);
        ct_uds_words_put(&words, &buf);
        assert_string_equal(ct_buf_string(&buf), cases[i].text);
        ct_buf_free(&buf);
    }
}

static void test_uds_words_refuse_stumps(void **state)
{
    (void)state;
    const uint8_t stump[] = {0x7F, 0x22};
    struct ct_uds_words words;
    assert_int_equal(ct_uds_words(stump, 0, &words), CT_ERR_TRUNCATED);
    assert_int_equal(ct_uds_words(stump, 1, &words), CT_ERR_TRUNCATED);
    assert_int_equal(ct_uds_words(stump, 2, &words), CT_ERR_TRUNCATED);
}

static void test_uds_words_hold_no_more_ids_than_they_have_room_for(void **state)
{
    (void)state;
    uint8_t data[101] = {0x22};
    struct ct_uds_words words;
    assert_int_equal(ct_uds_words(data, sizeof data, &words), CT_OK);
    assert_int_equal(words.id_count, CT_UDS_WORDS_IDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uds_words_tell_what_a_message_says),
        cmocka_unit_test(test_uds_words_refuse_stumps),
        cmocka_unit_test(test_uds_words_hold_no_more_ids_than_they_have_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
