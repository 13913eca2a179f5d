#include "uds_unlock.h"

#include "bytes.h"

#include <string.h>

enum state { CHALLENGE, PROOF, DONE, FAILED };

static void fail(struct ct_uds_unlock *unlock, uint8_t nrc, const char *why)
{
    unlock->state = FAILED;
    unlock->nrc = nrc;
    unlock->why = why;
}

static bool both_ways(const struct ct_uds_unlock_config *config)
{
    return config->challenge.len > 0;
}

int ct_uds_unlock_init(struct ct_uds_unlock *unlock, const struct ct_uds_unlock_config *config)
{
    if (config->prover.prove == NULL || (config->way == CT_UDS_BY_KEY && config->level % 2 == 0) ||
        (both_ways(config) && (config->way == CT_UDS_BY_KEY || config->verifier.verify == NULL))) {
        return CT_ERR_ARGUMENT;
    }
    *unlock = (struct ct_uds_unlock){.config = *config, .state = CHALLENGE, .why = ""};
    return CT_OK;
}

/* The two requests of each way. */
static struct ct_uds_message make_challenge(const struct ct_uds_unlock *unlock)
{
    const struct ct_uds_unlock_config *config = &unlock->config;
    struct ct_uds_message message = {.service = CT_UDS_AUTHENTICATION};
    switch (config->way) {
    case CT_UDS_BY_KEY:
        message.service = CT_UDS_SECURITY_ACCESS;
        message.subfunction = config->level;
        message.data = config->seed_data;
        break;
    case CT_UDS_BY_CERTIFICATE:
        message.subfunction = both_ways(config) ? CT_UDS_AUTH_CERTIFICATE_BI : CT_UDS_AUTH_CERTIFICATE_UNI;
        message.parts[0] = config->certificate;
        message.parts[1] = config->challenge;
        break;
    case CT_UDS_BY_CHALLENGE:
        message.subfunction = CT_UDS_AUTH_REQUEST_CHALLENGE;
        memcpy(message.algorithm, config->algorithm, CT_UDS_ALGORITHM_LEN);
        break;
    }
    return message;
}

static struct ct_uds_message make_proof(const struct ct_uds_unlock *unlock)
{
    const struct ct_uds_unlock_config *config = &unlock->config;
    const struct ct_uds_bytes proof = {unlock->proof, unlock->proof_len};
    struct ct_uds_message message = {.service = CT_UDS_AUTHENTICATION};
    switch (config->way) {
    case CT_UDS_BY_KEY:
        message.service = CT_UDS_SECURITY_ACCESS;
        message.subfunction = (uint8_t)(config->level + 1);
        message.data = proof;
        break;
    case CT_UDS_BY_CERTIFICATE:
        message.subfunction = CT_UDS_AUTH_OWNERSHIP;
        message.parts[0] = proof;
        break;
    case CT_UDS_BY_CHALLENGE:
        message.subfunction = both_ways(config) ? CT_UDS_AUTH_VERIFY_BI : CT_UDS_AUTH_VERIFY_UNI;
        memcpy(message.algorithm, config->algorithm, CT_UDS_ALGORITHM_LEN);
        message.parts[0] = proof;
        message.parts[1] = config->challenge;
        break;
    }
    return message;
}

enum ct_uds_step ct_uds_unlock_next(struct ct_uds_unlock *unlock, uint8_t *out, size_t *out_len)
{
    if (unlock->state == DONE || unlock->state == FAILED) {
        return unlock->state == DONE ? CT_UDS_STEP_DONE : CT_UDS_STEP_FAILED;
    }
    const struct ct_uds_message message = unlock->state == CHALLENGE ? make_challenge(unlock) : make_proof(unlock);
    if (ct_uds_request_encode(&message, out, CT_UDS_MESSAGE_MAX, out_len) != CT_OK) {
        fail(unlock, 0, "level, key or certificate do not fit a request");
        return CT_UDS_STEP_FAILED;
    }
    return CT_UDS_STEP_ASK;
}

static bool only_zeros(struct ct_uds_bytes bytes)
{
    size_t i = 0;
    while (i < bytes.len && bytes.data[i] == 0) {
        i++;
    }
    return i == bytes.len;
}

static bool ecu_is_trusted(struct ct_uds_unlock *unlock, const struct ct_uds_ecu_proof *proof)
{
    const struct ct_uds_verifier *verifier = &unlock->config.verifier;
    if (proof->proof.len == 0 || !verifier->verify(verifier->user, proof)) {
        fail(unlock, 0, "the ECU did not prove itself");
        return false;
    }
    return true;
}

/* The four parts of the answer to 02: challenge, certificate, proof, ephemeral key. */
static bool take_parts(struct ct_uds_bytes bytes, struct ct_uds_bytes parts[4])
{
    for (size_t i = 0; i < 4; i++) {
        const size_t len = bytes.len >= 2 ? ct_be16(bytes.data) : 0;
        if (bytes.len < 2 || len > bytes.len - 2) {
            return false;
        }
        parts[i] = (struct ct_uds_bytes){bytes.data + 2, len};
        bytes = (struct ct_uds_bytes){bytes.data + 2 + len, bytes.len - 2 - len};
    }
    return bytes.len == 0;
}

/* 02: the ECU proves itself at once; its challenge, empty when it did not. */
static struct ct_uds_bytes judge_certificate_answer(struct ct_uds_unlock *unlock, struct ct_uds_bytes answer)
{
    struct ct_uds_bytes parts[4];
    if (!take_parts(answer, parts)) {
        fail(unlock, 0, "the ECU's answer is not in the standard's form");
        return (struct ct_uds_bytes){0};
    }
    const struct ct_uds_ecu_proof proof = {
        .challenge = unlock->config.challenge, .ecu_challenge = parts[0], .certificate = parts[1], .proof = parts[2]};
    return ecu_is_trusted(unlock, &proof) ? parts[0] : (struct ct_uds_bytes){0};
}

static bool keep_challenge(struct ct_uds_unlock *unlock, struct ct_uds_bytes challenge)
{
    if (challenge.len > sizeof unlock->ecu_challenge) {
        return false;
    }
    memcpy(unlock->ecu_challenge, challenge.data, challenge.len);
    unlock->ecu_challenge_len = challenge.len;
    return true;
}

static void challenge_came(struct ct_uds_unlock *unlock, const struct ct_uds_message *message)
{
    const bool by_key = unlock->config.way == CT_UDS_BY_KEY;
    const bool proves_first = both_ways(&unlock->config) && unlock->config.way == CT_UDS_BY_CERTIFICATE;
    const struct ct_uds_bytes challenge = by_key         ? message->data
                                          : proves_first ? judge_certificate_answer(unlock, message->data)
                                                         : message->parts[0];
    if (unlock->state == FAILED) {
        return;
    }
    if (by_key && only_zeros(challenge)) { /* ISO 14229-1 10.4.2: the level is unlocked already */
        unlock->already = true;
        unlock->state = DONE;
        return;
    }
    if (challenge.len == 0 || (!by_key && !keep_challenge(unlock, challenge))) {
        fail(unlock, 0, challenge.len == 0 ? "the ECU sent no challenge" : "the ECU's challenge is too long");
        return;
    }
    const struct ct_uds_prover *prover = &unlock->config.prover;
    if (prover->prove(prover->user, unlock->config.level, challenge, unlock->proof, sizeof unlock->proof,
                      &unlock->proof_len) != CT_OK) {
        fail(unlock, 0, "no key could be made for this seed");
        return;
    }
    unlock->state = PROOF;
}

static void proof_accepted(struct ct_uds_unlock *unlock, const struct ct_uds_message *message)
{
    if (both_ways(&unlock->config) && unlock->config.way == CT_UDS_BY_CHALLENGE) {
        const struct ct_uds_ecu_proof proof = {.challenge = unlock->config.challenge,
                                               .ecu_challenge = {unlock->ecu_challenge, unlock->ecu_challenge_len},
                                               .proof = message->parts[0]};
        if (!ecu_is_trusted(unlock, &proof)) {
            return;
        }
    }
    const bool complete = unlock->config.way == CT_UDS_BY_KEY || message->option == CT_UDS_AUTH_COMPLETE;
    if (complete) {
        unlock->state = DONE;
    } else {
        fail(unlock, 0, "the ECU took the proof, but wants more");
    }
}

void ct_uds_unlock_take(struct ct_uds_unlock *unlock, const struct ct_uds_result *result)
{
    struct ct_uds_message message;
    if (result->outcome == CT_UDS_NEGATIVE) {
        fail(unlock, result->nrc, ct_uds_nrc_text(result->nrc));
    } else if (result->outcome != CT_UDS_POSITIVE) {
        fail(unlock, 0, "the ECU does not answer");
    } else if (ct_uds_response_decode(result->response, result->len, &message) != CT_OK) {
        fail(unlock, 0, "the ECU's answer is not in the standard's form");
    } else if (unlock->state == CHALLENGE) {
        challenge_came(unlock, &message);
    } else if (unlock->state == PROOF) {
        proof_accepted(unlock, &message);
    }
}
