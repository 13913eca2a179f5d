/* The operators and functions of the expression language as tables. Private to twin. Thread-safe: constants. */
#ifndef CT_TWIN_EXPR_OPS_H
#define CT_TWIN_EXPR_OPS_H

#include <stddef.h>

#define CT_EXPR_ARGS_MAX 16

/* Loosest first; `not` and the signs stand between their levels. */
enum ct_expr_level {
    CT_EXPR_OR,
    CT_EXPR_AND,
    CT_EXPR_NOT,
    CT_EXPR_COMPARE,
    CT_EXPR_ADD,
    CT_EXPR_MULTIPLY,
    CT_EXPR_SIGN,
    CT_EXPR_POWER,
};

typedef double (*ct_expr_apply)(const double *args, size_t count);

struct ct_expr_operator {
    const char *text;
    enum ct_expr_level level;
    ct_expr_apply apply;
};

struct ct_expr_function {
    const char *name;
    size_t args_min, args_max;
    ct_expr_apply apply;
};

/* Longer texts before the shorter ones they begin with; both end with a NULL text. */
extern const struct ct_expr_operator ct_expr_operators[];
extern const struct ct_expr_function ct_expr_functions[];

double ct_expr_negate(const double *args, size_t count);
double ct_expr_not(const double *args, size_t count);

#endif
