/* Protection rules as the commands use them: loaded for the databases at hand, with one state per bus and message. */
#ifndef CT_CLI_PROTECTION_H
#define CT_CLI_PROTECTION_H

#include "frame.h"
#include "protect.h"

struct ct_cli_protection;

/* Loads `path` (NULL: only what the databases' attributes say) for the databases, which must outlive it. Returns
 * CT_EXIT_OK, or another exit code with a line on standard error. */
int ct_cli_protection_open(const char *path, const struct ct_dbc *const *dbcs, size_t dbc_count,
                           struct ct_cli_protection **out_protection);
void ct_cli_protection_close(struct ct_cli_protection *protection); /* accepts NULL */

const struct ct_protect *ct_cli_protection_rules(const struct ct_cli_protection *protection);

/* Checks a frame of the named bus and counts it. False when its message has no rule. */
bool ct_cli_protection_check(struct ct_cli_protection *protection, const struct ct_dbc_message *message,
                             const char *bus, const struct ct_frame *frame, enum ct_protect_fault *out_fault);

/* Frames found so. */
uint64_t ct_cli_protection_count(const struct ct_cli_protection *protection, enum ct_protect_fault fault);

#endif
