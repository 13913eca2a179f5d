#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define ALGORITHM_SIZE 16U
#define OWN_PROOF_MAX  512U

/* A part with its length before it (16 bit, big-endian). */
struct part {
    const uint8_t *data;
    size_t len;
};

static bool take_part(const struct ct_server_request *request, size_t *at, struct part *out)
{
    if (*at + 2 > request->len) {
        return false;
    }
    const size_t len = ct_be16(request->data + *at);
    if (len > request->len - *at - 2) {
        return false;
    }
    *out = (struct part){request->data + *at + 2, len};
    *at += 2 + len;
    return true;
}

static uint8_t put_part(struct ct_server_answer *answer, const uint8_t *data, size_t len)
{
    const uint8_t nrc = ct_server_put16(answer, (uint16_t)len);
    return nrc != 0 ? nrc : ct_server_put(answer, data, len);
}

static void make_challenge(struct ct_uds_server *server, uint8_t next)
{
    server->config.random(server->config.user, server->authentication.challenge, CT_SERVER_CHALLENGE);
    server->authentication.next = next;
}

static uint8_t de_authenticate(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    (void)request;
    server->authentication.roles = 0;
    server->authentication.next = 0;
    return ct_server_put8(answer, CT_UDS_AUTH_DEAUTHENTICATED);
}

static uint8_t configuration(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    (void)request;
    const bool certificates = server->config.authenticator->certificate != NULL;
    return ct_server_put8(answer, certificates ? CT_UDS_AUTH_CONFIG_APCE : CT_UDS_AUTH_CONFIG_ACR_ASYMMETRIC);
}

/* The server's own proof, as a part of the answer. */
static uint8_t put_own_proof(struct ct_uds_server *server, struct part challenge, struct ct_server_answer *answer)
{
    uint8_t bytes[OWN_PROOF_MAX];
    struct ct_uds_own_proof proof = {.challenge = challenge.data,
                                     .challenge_len = challenge.len,
                                     .own_challenge = server->authentication.challenge,
                                     .own_challenge_len = CT_SERVER_CHALLENGE,
                                     .out = bytes,
                                     .size = sizeof bytes};
    const uint8_t nrc = server->config.authenticator->prove(server->config.user, &proof);
    return nrc != 0 ? nrc : put_part(answer, bytes, proof.out_len);
}

static uint8_t put_own_side(struct ct_uds_server *server, struct part challenge, struct ct_server_answer *answer)
{
    const struct ct_uds_authenticator *authenticator = server->config.authenticator;
    const uint8_t nrc = put_part(answer, authenticator->own_certificate, authenticator->own_certificate_len);
    return nrc != 0 ? nrc : put_own_proof(server, challenge, answer);
}

/* 01: a certificate for a challenge. 02: the same both ways. */
static uint8_t verify_certificate(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer)
{
    const bool both = (request->data[1] & CT_UDS_SUBFUNCTION) == CT_UDS_AUTH_CERTIFICATE_BI;
    struct part certificate;
    struct part challenge;
    size_t at = 3;
    if (!take_part(request, &at, &certificate) || !take_part(request, &at, &challenge) || at != request->len ||
        (both && challenge.len == 0)) {
        return CT_NRC_LENGTH;
    }
    if (request->data[2] != 0) { /* no secured communication after it */
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = server->config.authenticator->certificate(server->config.user, certificate.data, certificate.len);
    if (nrc != 0) {
        return nrc;
    }
    make_challenge(server, CT_UDS_AUTH_OWNERSHIP);
    (void)ct_server_put8(answer, CT_UDS_AUTH_OWNERSHIP_NEEDED);
    (void)put_part(answer, server->authentication.challenge, CT_SERVER_CHALLENGE);
    nrc = both ? put_own_side(server, challenge, answer) : 0;
    if (nrc != 0) {
        server->authentication.next = 0; /* the challenge never left */
        return nrc;
    }
    return put_part(answer, NULL, 0); /* no ephemeral key */
}

/* 04: a certificate for another purpose than this one. */
static uint8_t transmit_certificate(struct ct_uds_server *server, const struct ct_server_request *request,
                                    struct ct_server_answer *answer)
{
    struct part certificate;
    size_t at = 4;
    if (!take_part(request, &at, &certificate) || at != request->len) {
        return CT_NRC_LENGTH;
    }
    const uint8_t nrc = server->config.authenticator->transmit(server->config.user, ct_be16(request->data + 2),
                                                               certificate.data, certificate.len);
    return nrc != 0 ? nrc : ct_server_put8(answer, CT_UDS_AUTH_CERTIFICATE_VERIFIED);
}

/* A challenge is for one proof; a proof that fails takes nothing that was granted before. */
static uint8_t judge(struct ct_uds_server *server, struct part proof, bool by_certificate)
{
    const struct ct_uds_proof given = {.challenge = server->authentication.challenge,
                                       .challenge_len = CT_SERVER_CHALLENGE,
                                       .proof = proof.data,
                                       .proof_len = proof.len,
                                       .by_certificate = by_certificate};
    uint8_t roles = 0;
    const uint8_t nrc = server->config.authenticator->verify(server->config.user, &given, &roles);
    if (nrc != CT_NRC_PENDING) {
        server->authentication.next = 0;
    }
    if (nrc == 0) {
        server->authentication.roles = roles;
    }
    return nrc;
}

/* 03: the proof after 01. */
static uint8_t proof_of_ownership(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer)
{
    struct part proof;
    struct part key;
    size_t at = 2;
    if (!take_part(request, &at, &proof) || !take_part(request, &at, &key) || at != request->len) {
        return CT_NRC_LENGTH;
    }
    const uint8_t nrc = judge(server, proof, true);
    if (nrc != 0) {
        return nrc;
    }
    (void)ct_server_put8(answer, CT_UDS_AUTH_COMPLETE);
    return put_part(answer, NULL, 0); /* no session key */
}

static bool algorithm_fits(const struct ct_uds_server *server, const uint8_t *indicator)
{
    return memcmp(indicator, server->config.authenticator->algorithm, ALGORITHM_SIZE) == 0;
}

/* 05: a challenge. */
static uint8_t request_challenge(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer)
{
    if (request->data[2] != 0 || !algorithm_fits(server, request->data + 3)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    make_challenge(server, CT_UDS_AUTH_VERIFY_UNI);
    (void)ct_server_put8(answer, CT_UDS_AUTH_ACCEPTED);
    (void)ct_server_put(answer, server->config.authenticator->algorithm, ALGORITHM_SIZE);
    (void)put_part(answer, server->authentication.challenge, CT_SERVER_CHALLENGE);
    return put_part(answer, NULL, 0); /* nothing more is needed */
}

/* 06: the proof after 05. 07: the same both ways. */
static uint8_t verify_proof(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const bool both = (request->data[1] & CT_UDS_SUBFUNCTION) == CT_UDS_AUTH_VERIFY_BI;
    struct part proof;
    struct part challenge;
    struct part additional;
    size_t at = 2 + ALGORITHM_SIZE;
    if (!take_part(request, &at, &proof) || !take_part(request, &at, &challenge) ||
        !take_part(request, &at, &additional) || at != request->len || (both && challenge.len == 0)) {
        return CT_NRC_LENGTH;
    }
    if (!algorithm_fits(server, request->data + 2)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    /* The own proof first: who was not told that it succeeded has no roles. */
    (void)ct_server_put8(answer, CT_UDS_AUTH_COMPLETE);
    (void)ct_server_put(answer, server->config.authenticator->algorithm, ALGORITHM_SIZE);
    uint8_t nrc = both ? put_own_proof(server, challenge, answer) : 0;
    nrc = nrc == 0 ? judge(server, proof, false) : nrc;
    return nrc != 0 ? nrc : put_part(answer, NULL, 0); /* no session key */
}

static bool challenge_is_out(const struct ct_uds_server *server, const struct ct_server_request *request)
{
    const uint8_t wanted = request->data[1] & CT_UDS_SUBFUNCTION;
    return server->authentication.next == (wanted == CT_UDS_AUTH_VERIFY_BI ? CT_UDS_AUTH_VERIFY_UNI : wanted);
}

static bool offers(const struct ct_uds_authenticator *authenticator, uint8_t value)
{
    switch (value) {
    case CT_UDS_AUTH_CERTIFICATE_UNI:
    case CT_UDS_AUTH_OWNERSHIP:
        return authenticator->certificate != NULL;
    case CT_UDS_AUTH_CERTIFICATE_BI:
        return authenticator->certificate != NULL && authenticator->prove != NULL &&
               authenticator->own_certificate != NULL;
    case CT_UDS_AUTH_VERIFY_BI:
        return authenticator->prove != NULL;
    case CT_UDS_AUTH_TRANSMIT:
        return authenticator->transmit != NULL;
    default:
        return true;
    }
}

const struct ct_server_sub *ct_server_authentication_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_AUTH_DEAUTHENTICATE, 2, 2, 0, NULL, de_authenticate},
        {CT_UDS_AUTH_CONFIGURATION, 2, 2, 0, NULL, configuration},
        {CT_UDS_AUTH_REQUEST_CHALLENGE, 3 + ALGORITHM_SIZE, 3 + ALGORITHM_SIZE, 0, NULL, request_challenge},
        {CT_UDS_AUTH_VERIFY_UNI, 8 + ALGORITHM_SIZE, 0, 0, challenge_is_out, verify_proof},
        {CT_UDS_AUTH_VERIFY_BI, 8 + ALGORITHM_SIZE, 0, 0, challenge_is_out, verify_proof},
        {CT_UDS_AUTH_CERTIFICATE_UNI, 7, 0, 0, NULL, verify_certificate},
        {CT_UDS_AUTH_CERTIFICATE_BI, 7, 0, 0, NULL, verify_certificate},
        {CT_UDS_AUTH_OWNERSHIP, 6, 0, 0, challenge_is_out, proof_of_ownership},
        {CT_UDS_AUTH_TRANSMIT, 7, 0, 0, NULL, transmit_certificate},
    };
    return offers(server->config.authenticator, value) ? ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value)
                                                       : NULL;
}

uint8_t ct_uds_server_roles(const struct ct_uds_server *server)
{
    return server->authentication.roles;
}
