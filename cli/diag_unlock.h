/* What a person proves to an ECU before the verb itself: --level (SecurityAccess) and --authenticate (Authentication).
 */
#ifndef CT_CLI_DIAG_UNLOCK_H
#define CT_CLI_DIAG_UNLOCK_H

#include "diag_tester.h"

/* Nothing when the options ask for neither. Returns an exit code, with a message when not CT_EXIT_OK. */
int ct_diag_unlock(struct ct_diag_tester *tester, const struct ct_diag_options *options) CT_MUST_CHECK;

#endif
