/* Keys for SecurityAccess and Authentication as a person gives them to `cantwin diag`: bytes, a program, or a shared
 * object; and the program that judges what an ECU proves itself with. */
#ifndef CT_CLI_DIAG_KEY_H
#define CT_CLI_DIAG_KEY_H

#include "diag_options.h"
#include "uds_unlock.h"

/* The prover for the options; it borrows them. CT_ERR_NOT_FOUND when none of the three is given. */
int ct_diag_prover(const struct ct_diag_options *options, struct ct_uds_prover *out_prover) CT_MUST_CHECK;

/* Asks --verify-program; the verifier borrows the options. Without the option `verify` is NULL. */
struct ct_uds_verifier ct_diag_verifier(const struct ct_diag_options *options);

#endif
