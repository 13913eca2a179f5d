/* All emission-related ECUs of a bus, asked at once by functional requests: straight on the bus, or through the running
 * gateway where the options or $CANTWIN_SOCKET name one. What goes wrong is said on standard error. */
#ifndef CT_CLI_DIAG_ALL_H
#define CT_CLI_DIAG_ALL_H

#include "diag_options.h"
#include "diag_tester.h"

struct ct_diag_all;

/* `extended`: by 29-bit ids, on a bus only. Returns an exit code. */
int ct_diag_all_open(const struct ct_diag_options *options, bool extended, struct ct_diag_all **out_all) CT_MUST_CHECK;
void ct_diag_all_close(struct ct_diag_all *all); /* accepts NULL */

/* One request; its answers last until the next. Returns an exit code, CT_EXIT_OK without answers too. */
int ct_diag_all_ask(struct ct_diag_all *all, const uint8_t *request, size_t len) CT_MUST_CHECK;
size_t ct_diag_all_count(const struct ct_diag_all *all); /* of those who may have answered */
/* What the ECU answered positively; empty: nothing. */
struct ct_uds_bytes ct_diag_all_response(const struct ct_diag_all *all, size_t ecu);
const char *ct_diag_all_name(const struct ct_diag_all *all, size_t ecu); /* its response id, or the gateway's name */

#endif
