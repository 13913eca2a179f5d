/* What is wrong with a database although it can be read: a linter over the immutable model, and the rules that say what
 * is reported, of the linter's findings and of the parser's problems alike.
 * Allocates only while it runs; thread-safe (the model is read-only). */
#ifndef CT_DBC_LINT_H
#define CT_DBC_LINT_H

#include "dbc.h"

#define CT_DBC_CODE_LIMIT 200

/* What happens to a code. DEFAULT: reported with the severity of the table, INFO not at all. ON: that, and INFO too. */
enum ct_dbc_action { CT_DBC_DEFAULT, CT_DBC_OFF, CT_DBC_ON, CT_DBC_AS_ERROR };

struct ct_dbc_rules {                   /* zeroed: everything by default */
    uint8_t actions[CT_DBC_CODE_LIMIT]; /* enum ct_dbc_action */
};

struct ct_dbc_code_info {
    const char *name; /* "SIGNAL_OVERLAP" */
    enum ct_dbc_severity severity;
    const char *text; /* one line */
};

/* The row of a code, NULL where there is no such code. Static data. */
const struct ct_dbc_code_info *ct_dbc_code_info(unsigned number);

/* Sets what happens to the codes that `codes` means: `DBC112`, `DBC1xx` (x: any digit), `all`, or a name in any case,
 * `signal-overlap`. CT_ERR_NOT_FOUND when it means none. */
int ct_dbc_rules_set(struct ct_dbc_rules *rules, const char *codes, enum ct_dbc_action action) CT_MUST_CHECK;

/* Whether the rules (NULL: the defaults) let a problem of this severity through; *severity becomes what they make it.
 */
bool ct_dbc_rules_pass(const struct ct_dbc_rules *rules, enum ct_dbc_code code, enum ct_dbc_severity *severity);

/* Reports every finding that the rules let through, by object in the file's order. The model must come from
 * ct_dbc_parse; problems that the parser has reported are not repeated. CT_ERR_NO_MEMORY or CT_OK. */
int ct_dbc_lint(const struct ct_dbc *dbc, const struct ct_dbc_rules *rules, ct_dbc_problem_fn report,
                void *user) CT_MUST_CHECK;

#endif
