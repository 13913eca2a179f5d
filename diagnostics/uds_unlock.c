#include "uds_unlock.h"

#include <string.h>

enum state { CHALLENGE, PROOF, DONE, FAILED };

static void fail(struct ct_uds_unlock *unlock, uint8_t nrc, const char *why)
{
    unlock->state = FAILED;
    unlock->nrc = nrc;
    unlock->why = why;
}

int ct_uds_unlock_init(struct ct_uds_unlock *unlock, const struct ct_uds_unlock_config *config)
{
    if (config->prover.prove == NULL || (config->way == CT_UDS_BY_KEY && config->level % 2 == 0)) {
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
        message.subfunction = CT_UDS_AUTH_CERTIFICATE_UNI;
        message.parts[0] = config->certificate;
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
        message.subfunction = CT_UDS_AUTH_VERIFY_UNI;
        memcpy(message.algorithm, config->algorithm, CT_UDS_ALGORITHM_LEN);
        message.parts[0] = proof;
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

static void challenge_came(struct ct_uds_unlock *unlock, const struct ct_uds_message *message)
{
    const bool by_key = unlock->config.way == CT_UDS_BY_KEY;
    const struct ct_uds_bytes challenge = by_key ? message->data : message->parts[0];
    if (by_key && only_zeros(challenge)) { /* ISO 14229-1 10.4.2: the level is unlocked already */
        unlock->already = true;
        unlock->state = DONE;
        return;
    }
    if (challenge.len == 0) {
        fail(unlock, 0, "the ECU sent no challenge");
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
