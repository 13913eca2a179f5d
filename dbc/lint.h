/* What is wrong with a database although it can be read: a linter over the immutable model, and the table of rules that
 * says what is reported, of the linter's findings and of the parser's problems alike.
 * Allocates only while it runs; thread-safe (the model is read-only). */
#ifndef CT_DBC_LINT_H
#define CT_DBC_LINT_H

#include "dbc.h"

#define CT_DBC_CODE_LIMIT 200

/* What happens to a code. DEFAULT is the severity of the table: INFO is not reported. */
enum ct_dbc_action { CT_DBC_DEFAULT, CT_DBC_OFF, CT_DBC_AS_INFO, CT_DBC_AS_WARNING, CT_DBC_AS_ERROR, CT_DBC_ON };

struct ct_dbc_rules {                   /* zeroed: all by default */
    uint8_t actions[CT_DBC_CODE_LIMIT]; /* enum ct_dbc_action */
};

struct ct_dbc_code_info {
    unsigned number;               /* 112 */
    const char *name;              /* "signal-overlap" */
    enum ct_dbc_severity severity; /* by default */
    const char *text;              /* one line */
};

/* Every code there is, sorted by number; *out_count of them. Static data. */
const struct ct_dbc_code_info *ct_dbc_code_table(size_t *out_count);

/* Sets what happens to the codes that `codes` means: `DBC112` or `112`, `DBC1xx` (x: any digit), `all`, or a name as
 * `signal-overlap`. CT_ERR_NOT_FOUND when it means none. */
int ct_dbc_rules_set(struct ct_dbc_rules *rules, const char *codes, enum ct_dbc_action action) CT_MUST_CHECK;

/* Whether the rules let a problem through, and as what. `rules` may be NULL. */
bool ct_dbc_rules_pass(const struct ct_dbc_rules *rules, enum ct_dbc_code code, enum ct_dbc_severity severity,
                       enum ct_dbc_severity *out_severity);

/* Reports every finding that the rules let through, by object in the file's order. The model must come from
 * ct_dbc_parse; problems that the parser has reported are not repeated. CT_ERR_NO_MEMORY or CT_OK. */
int ct_dbc_lint(const struct ct_dbc *dbc, const struct ct_dbc_rules *rules, ct_dbc_problem_fn report,
                void *user) CT_MUST_CHECK;

#endif
