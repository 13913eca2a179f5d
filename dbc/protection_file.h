/* Protection rules from where people write them: a YAML file and the attribute CantwinProtection of DBC messages.
 * Format: docs/protection.md. Adapter target protection_file. Not thread-safe. */
#ifndef CT_DBC_PROTECTION_FILE_H
#define CT_DBC_PROTECTION_FILE_H

#include "protect.h"

/* Compiles the rules of `path` (NULL: no file) and of the attributes for the databases of one bus, which must outlive
 * the result; rules of the file come first. Without any rule the result is one with none. On failure `problem` holds
 * `FILE:LINE:COL: error: rule N: what`, or the DBC file with line and column for an attribute: for the first rule that
 * is wrong, or a line for each of them (problems.h). */
int ct_protection_load(const char *path, const struct ct_dbc *const *dbcs, size_t dbc_count,
                       struct ct_protect **out_protect, char *problem, size_t problem_size) CT_MUST_CHECK;

/* The same with the file's text in memory; `name` stands for the file in messages. */
int ct_protection_load_text(const char *name, const char *text, size_t len, const struct ct_dbc *const *dbcs,
                            size_t dbc_count, struct ct_protect **out_protect, char *problem,
                            size_t problem_size) CT_MUST_CHECK;

#endif
