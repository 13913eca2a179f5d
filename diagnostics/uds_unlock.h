/* How a tester proves itself to an ECU: SecurityAccess (27) with a key algorithm, Authentication (29) by certificate
 * and proof of ownership (01, 03) or by challenge and response (05, 06), both ways where the tester wants the ECU's
 * proof too (02, 03 and 05, 07). A machine of requests like uds_transfer.h. ISO 14229-1:2020 10.4 and 10.6. Belongs to
 * one thread. */
#ifndef CT_DIAGNOSTICS_UDS_UNLOCK_H
#define CT_DIAGNOSTICS_UDS_UNLOCK_H

#include "uds_message.h"
#include "uds_transfer.h"

#define CT_UDS_PROOF_MAX         2048
#define CT_UDS_ECU_CHALLENGE_MAX 512

/* Makes the answer to a seed (27) or to a challenge (29). 0 and its length, or a ct_err. */
struct ct_uds_prover {
    int (*prove)(void *user, uint8_t level, struct ct_uds_bytes challenge, uint8_t *out, size_t size, size_t *out_len);
    void *user;
};

/* What an ECU proves itself with (29 02 and 07); everything borrowed. */
struct ct_uds_ecu_proof {
    struct ct_uds_bytes challenge;     /* ours */
    struct ct_uds_bytes ecu_challenge; /* what it asked us */
    struct ct_uds_bytes certificate;   /* its own; empty with 07 */
    struct ct_uds_bytes proof;
};

struct ct_uds_verifier {
    bool (*verify)(void *user, const struct ct_uds_ecu_proof *proof);
    void *user;
};

enum ct_uds_unlock_way { CT_UDS_BY_KEY, CT_UDS_BY_CERTIFICATE, CT_UDS_BY_CHALLENGE };

struct ct_uds_unlock_config {
    enum ct_uds_unlock_way way;
    struct ct_uds_prover prover;
    uint8_t level;                           /* BY_KEY: odd sub-function of the seed */
    struct ct_uds_bytes seed_data;           /* BY_KEY: securityAccessDataRecord; borrowed */
    struct ct_uds_bytes certificate;         /* BY_CERTIFICATE; borrowed */
    uint8_t algorithm[CT_UDS_ALGORITHM_LEN]; /* BY_CHALLENGE */
    /* Both ways (not BY_KEY): new random bytes for each init, borrowed, and who judges what the ECU makes of them. An
     * ECU that fails gets no proof of ours after 02; after 07 it has it already, and the tester does not trust it.
     * Empty: one way. */
    struct ct_uds_bytes challenge;
    struct ct_uds_verifier verifier;
};

/* Visible so that it can be embedded; users read `already`, `nrc` and `why`, and write nothing. */
struct ct_uds_unlock {
    struct ct_uds_unlock_config config;
    int state;
    bool already; /* DONE without a key: the seed was zero */
    uint8_t proof[CT_UDS_PROOF_MAX];
    size_t proof_len;
    uint8_t ecu_challenge[CT_UDS_ECU_CHALLENGE_MAX]; /* of 05, for the verifier */
    size_t ecu_challenge_len;
    uint8_t nrc;
    const char *why;
};

/* CT_ERR_ARGUMENT for an even level, a missing prover, or a challenge without verifier. */
int ct_uds_unlock_init(struct ct_uds_unlock *unlock, const struct ct_uds_unlock_config *config) CT_MUST_CHECK;
enum ct_uds_step ct_uds_unlock_next(struct ct_uds_unlock *unlock, uint8_t *out, size_t *out_len);
void ct_uds_unlock_take(struct ct_uds_unlock *unlock, const struct ct_uds_result *result);

#endif
