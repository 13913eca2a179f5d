#include "expr_ops.h"

#include <math.h>

#define BINARY(name, expression)                         \
    static double name(const double *args, size_t count) \
    {                                                    \
        (void)count;                                     \
        const double a = args[0];                        \
        const double b = args[1];                        \
        return expression;                               \
    }

#define UNARY(name, expression)                          \
    static double name(const double *args, size_t count) \
    {                                                    \
        (void)count;                                     \
        const double a = args[0];                        \
        return expression;                               \
    }

/* The remainder with the sign of the divisor. */
static double floored_remainder(double a, double b)
{
    const double rest = fmod(a, b);
    return rest != 0.0 && (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}

BINARY(apply_or, a != 0.0 ? a : b)
BINARY(apply_and, a != 0.0 ? b : a)
BINARY(apply_equal, a == b)
BINARY(apply_not_equal, a != b)
BINARY(apply_less, a < b)
BINARY(apply_less_equal, a <= b)
BINARY(apply_greater, a > b)
BINARY(apply_greater_equal, a >= b)
BINARY(apply_add, a + b)
BINARY(apply_subtract, a - b)
BINARY(apply_multiply, a *b)
BINARY(apply_divide, a / b)
BINARY(apply_remainder, floored_remainder(a, b))
BINARY(apply_power, pow(a, b))
BINARY(apply_atan2, atan2(a, b))
UNARY(apply_floor, floor(a))
UNARY(apply_ceil, ceil(a))
UNARY(apply_round, nearbyint(a))
UNARY(apply_abs, fabs(a))
UNARY(apply_sqrt, sqrt(a))
UNARY(apply_exp, exp(a))
UNARY(apply_sin, sin(a))
UNARY(apply_cos, cos(a))
UNARY(apply_tan, tan(a))
UNARY(apply_asin, asin(a))
UNARY(apply_acos, acos(a))
UNARY(apply_atan, atan(a))

static double apply_log(const double *args, size_t count)
{
    return count == 1 ? log(args[0]) : log(args[0]) / log(args[1]);
}

static double apply_if(const double *args, size_t count)
{
    (void)count;
    return args[0] != 0.0 ? args[1] : args[2];
}

/* NaN among the arguments is the result: a minimum that leaves out what is unknown would look proven. */
static double apply_min(const double *args, size_t count)
{
    double least = args[0];
    for (size_t i = 1; i < count; i++) {
        least = isnan(args[i]) || args[i] < least ? args[i] : least;
    }
    return least;
}

static double apply_max(const double *args, size_t count)
{
    double most = args[0];
    for (size_t i = 1; i < count; i++) {
        most = isnan(args[i]) || args[i] > most ? args[i] : most;
    }
    return most;
}

double ct_expr_negate(const double *args, size_t count)
{
    (void)count;
    return -args[0];
}

double ct_expr_not(const double *args, size_t count)
{
    (void)count;
    return args[0] == 0.0;
}

const struct ct_expr_operator ct_expr_operators[] = {
    {"or", CT_EXPR_OR, apply_or},
    {"and", CT_EXPR_AND, apply_and},
    {"==", CT_EXPR_COMPARE, apply_equal},
    {"!=", CT_EXPR_COMPARE, apply_not_equal},
    {"<=", CT_EXPR_COMPARE, apply_less_equal},
    {">=", CT_EXPR_COMPARE, apply_greater_equal},
    {"<", CT_EXPR_COMPARE, apply_less},
    {">", CT_EXPR_COMPARE, apply_greater},
    {"+", CT_EXPR_ADD, apply_add},
    {"-", CT_EXPR_ADD, apply_subtract},
    {"**", CT_EXPR_POWER, apply_power},
    {"*", CT_EXPR_MULTIPLY, apply_multiply},
    {"/", CT_EXPR_MULTIPLY, apply_divide},
    {"%", CT_EXPR_MULTIPLY, apply_remainder},
    {"^", CT_EXPR_POWER, apply_power},
    {NULL, CT_EXPR_OR, NULL},
};

const struct ct_expr_function ct_expr_functions[] = {
    {"floor", 1, 1, apply_floor},
    {"ceil", 1, 1, apply_ceil},
    {"round", 1, 1, apply_round},
    {"abs", 1, 1, apply_abs},
    {"sqrt", 1, 1, apply_sqrt},
    {"exp", 1, 1, apply_exp},
    {"sin", 1, 1, apply_sin},
    {"cos", 1, 1, apply_cos},
    {"tan", 1, 1, apply_tan},
    {"asin", 1, 1, apply_asin},
    {"acos", 1, 1, apply_acos},
    {"atan", 1, 1, apply_atan},
    {"log", 1, 2, apply_log},
    {"pow", 2, 2, apply_power},
    {"atan2", 2, 2, apply_atan2},
    {"min", 1, CT_EXPR_ARGS_MAX, apply_min},
    {"max", 1, CT_EXPR_ARGS_MAX, apply_max},
    {"if", 3, 3, apply_if},
    {NULL, 0, 0, NULL},
};
