/* Whatever an ECU answers to the machines of requests, a transfer and an unlocking: they end, ask nothing that cannot
 * be sent, and touch no byte outside the image. */
#include "uds_transfer.h"
#include "uds_unlock.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_MAX 5000U
#define STEPS_MAX 20000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answers {
    const uint8_t *data;
    size_t size;
};

/* The next answer: a byte of length or outcome, then its bytes; nothing more is silence. Half of them are made to fit
 * the request, so that the machines get somewhere. */
static struct ct_uds_result next_answer(struct answers *answers, const uint8_t *request, uint8_t *room)
{
    struct ct_uds_result result = {.outcome = CT_UDS_NO_RESPONSE, .response = room};
    if (answers->size == 0) {
        return result;
    }
    const uint8_t head = answers->data[0];
    const size_t wanted = head & 0x1FU;
    const size_t len = wanted < answers->size - 1 ? wanted : answers->size - 1;
    memcpy(room, answers->data + 1, len);
    answers->data += 1 + len;
    answers->size -= 1 + len;
    result.len = len;
    result.outcome = len == 0 ? CT_UDS_NO_RESPONSE : (head & 0x20U) != 0 ? CT_UDS_NEGATIVE : CT_UDS_POSITIVE;
    if ((head & 0x80U) != 0 && len >= 2) {
        room[0] = (uint8_t)(request[0] + CT_UDS_POSITIVE_OFFSET);
        room[1] = request[0] == CT_UDS_REQUEST_DOWNLOAD || request[0] == CT_UDS_REQUEST_UPLOAD ? 0x20 : request[1];
    }
    result.nrc = result.outcome == CT_UDS_NEGATIVE ? 0x31 : 0;
    return result;
}

static int give(void *user, uint64_t offset, uint8_t *out, size_t len)
{
    const uint64_t *image = user;
    if (offset > *image || len > *image - offset) {
        abort();
    }
    memset(out, 0x5A, len);
    return CT_OK;
}

static int take(void *user, uint64_t offset, const uint8_t *data, size_t len)
{
    volatile uint8_t sum = 0;
    const uint64_t *image = user;
    if (offset > *image || len > *image - offset) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    return CT_OK;
}

static void transfer(uint8_t kind, uint64_t image, struct answers *answers)
{
    static const enum ct_uds_file modes[] = {CT_UDS_FILE_ADD, CT_UDS_FILE_RESUME, CT_UDS_FILE_READ,
                                             CT_UDS_FILE_REPLACE};
    uint8_t request[CT_UDS_MESSAGE_MAX];
    uint8_t response[CT_UDS_MESSAGE_MAX];
    size_t len = 0;
    struct ct_uds_transfer machine;
    const struct ct_uds_transfer_config config = {.upload = (kind & 1) != 0,
                                                  .file = (kind & 2) != 0 ? "f" : NULL,
                                                  .file_mode = modes[kind >> 2 & 3],
                                                  .address = 0x1000,
                                                  .size = image,
                                                  .block_max = (kind & 0x10) != 0 ? 64 : 0,
                                                  .read = give,
                                                  .write = take,
                                                  .user = &image};
    if (ct_uds_transfer_init(&machine, &config) != CT_OK) {
        return;
    }
    for (unsigned steps = 0; ct_uds_transfer_next(&machine, request, &len) == CT_UDS_STEP_ASK; steps++) {
        if (len == 0 || len > sizeof request || steps > STEPS_MAX || machine.done > image) {
            abort();
        }
        const struct ct_uds_result result = next_answer(answers, request, response);
        ct_uds_transfer_take(&machine, &result);
    }
}

static int prove(void *user, uint8_t level, struct ct_uds_bytes challenge, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)level;
    *out_len = challenge.len < size ? challenge.len : size;
    memcpy(out, challenge.data, *out_len);
    return challenge.len > 0 && challenge.data[0] == 0xFF ? CT_ERR_ARGUMENT : CT_OK;
}

static bool believe(void *user, const struct ct_uds_ecu_proof *proof)
{
    volatile uint8_t sum = 0;
    const struct ct_uds_bytes all[] = {proof->challenge, proof->ecu_challenge, proof->certificate, proof->proof};
    (void)user;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < all[i].len; k++) {
            sum = (uint8_t)(sum + all[i].data[k]);
        }
    }
    return (sum & 1) == 0;
}

static void unlock(uint8_t kind, struct answers *answers)
{
    static const uint8_t certificate[] = {1, 2, 3};
    uint8_t request[CT_UDS_MESSAGE_MAX];
    uint8_t response[CT_UDS_MESSAGE_MAX];
    size_t len = 0;
    struct ct_uds_unlock machine;
    const struct ct_uds_unlock_config config = {.way = (enum ct_uds_unlock_way)(kind % 3),
                                                .challenge = {certificate, kind % 3 != 0 && kind >= 0x80 ? 3 : 0},
                                                .verifier = {believe, NULL},
                                                .prover = {prove, NULL},
                                                .level = 1,
                                                .certificate = {certificate, sizeof certificate}};
    if (ct_uds_unlock_init(&machine, &config) != CT_OK) {
        return;
    }
    for (unsigned steps = 0; ct_uds_unlock_next(&machine, request, &len) == CT_UDS_STEP_ASK; steps++) {
        if (len == 0 || len > sizeof request || steps > STEPS_MAX) {
            abort();
        }
        const struct ct_uds_result result = next_answer(answers, request, response);
        ct_uds_unlock_take(&machine, &result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    struct answers answers = {data + 3, size - 3};
    if ((data[0] & 0x80U) != 0) {
        unlock(data[0], &answers);
    } else {
        transfer(data[0], ((uint64_t)data[1] << 8 | data[2]) % IMAGE_MAX, &answers);
    }
    return 0;
}
