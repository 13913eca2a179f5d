/* The stable codes of everything that can be said about a DBC file: `DBC001`. A code is never given another meaning;
 * new ones are added at the end of their block. 1-99 the parser's, 100-199 the linter's.
 * Columns: code, constant, severity, what it means (for help and documents). */
#ifndef CT_DBC_DBC_CODES_H
#define CT_DBC_DBC_CODES_H

#include "lint_codes.h"

/* clang-format off */
#define CT_DBC_CODES(X) \
    CT_DBC_LINT_CODES(X) \
    X(1, SYNTAX, ERROR, "a statement that cannot be understood; it is skipped")
/* clang-format on */

#define CT_DBC_CODE_ENUM(number, name, severity, text) CT_DBC_CODE_##name = (number),
enum ct_dbc_code { CT_DBC_CODES(CT_DBC_CODE_ENUM) };
#undef CT_DBC_CODE_ENUM

#endif
