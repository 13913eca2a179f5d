/* The one expression language: the `math` transforms of mapping files (variable x), later derived signals and
 * conditions.
 *
 *   or   and   not   == != < <= > >=   + -   * / %   unary + -   ^ (or **)      loosest first, ( ) group
 *   numbers 12 1.5 2e-3, constants PI E, variables, and the functions
 *   floor ceil round abs sqrt exp sin cos tan asin acos atan | log(x[, base]) pow(a, b) atan2(y, x) | min max (1..16)
 *   if(condition, a, b): both are computed, one is taken
 *
 * All values are doubles; comparisons and `not` give 1 or 0; `a and b`, `a or b` give the deciding operand, as Kuksa's
 * language does. % takes the divisor's sign and round takes ties to even, as there. What conventional mathematics and
 * that language would read differently is refused with a hint: 2^3^2, a*b%c and -a%b need parentheses.
 * Compiled once; evaluation allocates nothing and never fails (NaN and infinities by IEEE 754).
 * Thread-safe after compile. */
#ifndef CT_TWIN_EXPR_H
#define CT_TWIN_EXPR_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_EXPR_OPS_MAX   256 /* numbers, variables, operators and calls of one expression */
#define CT_EXPR_DEPTH_MAX 32  /* nesting of parentheses, calls and signs */
#define CT_EXPR_STACK_MAX 64

struct ct_expr;

/* Gives each variable's name its place in the values of ct_expr_eval. */
struct ct_expr_names {
    int (*find)(void *context, const char *name, size_t len, uint32_t *out_index); /* CT_OK or CT_ERR_NOT_FOUND */
    void *context;
};

struct ct_expr_problem {
    size_t column; /* from 1 */
    char text[96];
};

/* CT_ERR_SYNTAX, CT_ERR_NOT_FOUND (unknown name), CT_ERR_TOO_LARGE, CT_ERR_NO_MEMORY; all with `out_problem` set. */
int ct_expr_compile(const char *text, const struct ct_expr_names *names, struct ct_expr **out_expr,
                    struct ct_expr_problem *out_problem) CT_MUST_CHECK;
void ct_expr_free(struct ct_expr *expr); /* accepts NULL */

/* `values[i]` is the variable that `find` gave index i. */
double ct_expr_eval(const struct ct_expr *expr, const double *values);

/* True when the expression looks at variable `index`. */
bool ct_expr_uses(const struct ct_expr *expr, uint32_t index);

#endif
