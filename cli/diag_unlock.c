#include "diag_unlock.h"

#include "diag_cmd.h"
#include "diag_key.h"
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define CERTIFICATE_MAX 3072U
#define CHALLENGE_SIZE  32U

static int run(struct ct_diag_tester *tester, const struct ct_uds_unlock_config *config, const char *what)
{
    struct ct_uds_unlock unlock;
    uint8_t request[CT_UDS_MESSAGE_MAX];
    size_t len;
    enum ct_uds_step step;
    if (ct_uds_unlock_init(&unlock, config) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "%s: levels are odd", what);
    }
    while ((step = ct_uds_unlock_next(&unlock, request, &len)) == CT_UDS_STEP_ASK) {
        struct ct_uds_result result;
        const int code = ct_diag_ask(tester, request, len, &result);
        if (code != CT_EXIT_OK) {
            return code;
        }
        ct_uds_unlock_take(&unlock, &result);
    }
    if (step == CT_UDS_STEP_DONE) {
        return CT_EXIT_OK;
    }
    if (unlock.nrc != 0) {
        return ct_diag_fail(CT_EXIT_FAILED, "%s: %s (0x%02X)", what, unlock.why, unlock.nrc);
    }
    return ct_diag_fail(CT_EXIT_FAILED, "%s: %s", what, unlock.why);
}

static int by_key(struct ct_diag_tester *tester, const struct ct_diag_options *options, struct ct_uds_prover prover)
{
    const struct ct_uds_unlock_config config = {
        .way = CT_UDS_BY_KEY, .level = (uint8_t)options->level, .prover = prover};
    char what[32];
    (void)snprintf(what, sizeof what, "security level %u", (unsigned)options->level);
    return run(tester, &config, what);
}

static int by_proof(struct ct_diag_tester *tester, const struct ct_diag_options *options, struct ct_uds_prover prover)
{
    struct ct_uds_unlock_config config = {.way = CT_UDS_BY_CHALLENGE, .prover = prover};
    size_t len = 0;
    if (ct_diag_hex(options->authenticate, config.algorithm, sizeof config.algorithm, &len) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "--authenticate needs an identifier of up to 16 bytes in hex");
    }
    uint8_t challenge[CHALLENGE_SIZE];
    config.verifier = ct_diag_verifier(options);
    if (config.verifier.verify != NULL) {
        if (getrandom(challenge, sizeof challenge, 0) != (ssize_t)sizeof challenge) {
            return ct_diag_fail(CT_EXIT_ENVIRONMENT, "no random bytes for a challenge");
        }
        config.challenge = (struct ct_uds_bytes){challenge, sizeof challenge};
    }
    uint8_t *certificate = NULL;
    if (options->certificate != NULL) {
        const int err = ct_file_read(options->certificate, CERTIFICATE_MAX, &certificate, &len);
        if (err != CT_OK) {
            return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s: %s", options->certificate, ct_err_text(err));
        }
        config.way = CT_UDS_BY_CERTIFICATE;
        config.certificate = (struct ct_uds_bytes){certificate, len};
    }
    const int code = run(tester, &config, "authentication");
    free(certificate);
    return code;
}

int ct_diag_unlock(struct ct_diag_tester *tester, const struct ct_diag_options *options)
{
    struct ct_uds_prover prover;
    if (options->level == 0 && options->authenticate == NULL) {
        return CT_EXIT_OK;
    }
    if (ct_diag_prover(options, &prover) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "--level and --authenticate need --key, --key-program or --key-library");
    }
    int code = options->authenticate != NULL ? by_proof(tester, options, prover) : CT_EXIT_OK;
    if (code == CT_EXIT_OK && options->level != 0) {
        code = by_key(tester, options, prover);
    }
    return code;
}
