/* Whatever an ECU answers: the client takes any frames at any time, its result (if any) is of the request and its
 * response can be taken apart; no byte is read that was not received. */
#include "obd_message.h"
#include "uds_client.h"
#include "uds_message.h"
#include "uds_records.h"
#include "uds_secured.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t length_of(const void *user, uint16_t did)
{
    (void)user;
    return did % 5;
}

static size_t record_length(const void *user, uint8_t record)
{
    (void)user;
    return record % 3;
}

static const struct ct_uds_lengths lengths = {NULL, length_of, record_length};

static void use(struct ct_uds_bytes bytes)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        sum = (uint8_t)(sum + bytes.data[i]);
    }
}

static void take_apart(const uint8_t *request, size_t request_len, const uint8_t *response, size_t len)
{
    struct ct_uds_message asked, answer;
    struct ct_uds_value value;
    struct ct_uds_dtc dtc;
    struct ct_uds_record_walk walk;
    struct ct_uds_record record;
    size_t at = 0;
    if (ct_uds_response_decode(response, len, &answer) != CT_OK) {
        return;
    }
    use(answer.data);
    while (ct_uds_dtc_next(&answer, &at, &dtc) == CT_OK) {
    }
    if (ct_uds_record_begin(&answer, &walk, &dtc) == CT_OK) {
        while (ct_uds_record_next(&walk, &lengths, &record) == CT_OK) {
            use(record.bytes);
        }
    }
    at = 0;
    if (ct_uds_request_decode(request, request_len, &asked) == CT_OK) {
        while (ct_uds_value_next(&asked, &answer, &lengths, &at, &value) == CT_OK) {
            use(value.bytes);
        }
    }
}

static void take_obd_apart(const uint8_t *response, size_t len)
{
    struct ct_obd_data data;
    uint16_t dtc;
    size_t at = 0;
    while (ct_obd_data_next(response, len, &at, &data) == CT_OK) {
        use((struct ct_uds_bytes){data.data, data.len});
    }
    at = 0;
    while (ct_obd_dtc_next(response, len, &at, &dtc) == CT_OK) {
    }
    at = 0;
    while (ct_obd_info_next(response, len, &at, &data) == CT_OK) {
        use((struct ct_uds_bytes){data.data, data.len});
    }
}

static bool any_signature(void *user, const uint8_t *data, size_t len, const uint8_t *signature)
{
    (void)user;
    use((struct ct_uds_bytes){data, len});
    return signature[0] == signature[1];
}

static int no_signature(void *user, const uint8_t *data, size_t len, uint8_t *out)
{
    (void)user;
    use((struct ct_uds_bytes){data, len});
    memset(out, 0, 2);
    return CT_OK;
}

/* What was taken is protected as it says. */
static void take_secured_apart(const uint8_t *response, size_t len)
{
    static const struct ct_uds_security security = {
        .calculation = 0x60, .signature_len = 2, .sign = no_signature, .verify = any_signature};
    static struct ct_uds_secured secured;
    if (ct_uds_secured_response(&security, CT_UDS_SECURED_SIGN_RESPONSE, 0x0101, response, len, &secured) == CT_OK) {
        use((struct ct_uds_bytes){secured.message, secured.len});
        if (secured.counter != 0x0101 || (secured.flags & CT_UDS_SECURED_SIGNED) == 0 ||
            secured.len + CT_UDS_SECURED_HEAD + 2 != len) {
            abort();
        }
    }
}

/* Nothing comes unasked that is not typed as it says. */
static void take_unasked(void *user, const struct ct_uds_unasked *what)
{
    (void)user;
    use(what->bytes);
    if (what->kind == CT_UDS_UNASKED_EVENT && what->message != NULL) {
        use(what->message->data);
    }
}

/* Every frame of one byte of length and as many bytes, bit 7 set for one of the periodic id; a length over 8 lets time
 * pass instead. A request that has ended is followed by the same again, so that what was set up goes on. */
static void run(struct ct_uds_client *client, const uint8_t *request, size_t request_len, const uint8_t *data,
                size_t size)
{
    ct_ns now = 0;
    struct ct_frame out;
    struct ct_uds_result result;
    if (ct_uds_client_request(client, request, request_len, now) != CT_OK) {
        return;
    }
    while (size > 0) {
        const uint8_t len = data[0] & 0x7FU;
        while (ct_uds_client_next_frame(client, &out, now) == CT_OK) {
        }
        if (len > 8) {
            now += len * CT_NS_PER_MS;
            (void)ct_uds_client_tick(client, now);
            data++;
            size--;
        } else {
            struct ct_frame frame = {.id = (data[0] & 0x80U) != 0 ? 0x5E8 : 0x7E8, .len = len};
            if (size < 1U + len) {
                break;
            }
            memcpy(frame.data, data + 1, len);
            (void)ct_uds_client_receive(client, &frame, now);
            data += 1 + len;
            size -= 1U + len;
        }
        if (ct_uds_client_result(client, &result) == CT_OK) {
            if (result.outcome == CT_UDS_POSITIVE && result.len > 0 &&
                result.response[0] != (uint8_t)(request[0] + CT_UDS_POSITIVE_OFFSET)) {
                abort();
            }
            take_apart(request, request_len, result.response, result.len);
            take_obd_apart(result.response, result.len);
            if (ct_uds_client_request(client, request, request_len, now) != CT_OK) {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_uds_client *client;
    const struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(0x7E0, 0x7E8),
                                                .busy = {.limit_ms = 1000, .pause_ms = 10},
                                                .repeat_max = 2,
                                                .periodic_id = size % 2 == 0 ? 0x5E8 : 0,
                                                .unasked = take_unasked};
    const size_t request_len = size > 0 ? 1U + data[0] % 16U : 0;
    if (size < 1 + request_len || ct_uds_client_create(&config, &client) != CT_OK) {
        return 0;
    }
    (void)!ct_uds_client_keep_alive(client, (const uint8_t *)"\x3E\x80", 2, 50, 0);
    run(client, data + 1, request_len, data + 1 + request_len, size - 1 - request_len);
    ct_uds_client_free(client);
    take_obd_apart(data, size);
    take_secured_apart(data, size);
    take_apart(data, size < 8 ? size : 8, data, size);
    return 0;
}
