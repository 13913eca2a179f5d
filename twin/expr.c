#include "expr.h"

#include "expr_ops.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op_kind { OP_NUMBER, OP_VARIABLE, OP_APPLY };

/* One step of the postfix program. */
struct op {
    enum op_kind kind;
    uint32_t count; /* arguments taken, or the variable's index */
    union {
        double number;
        ct_expr_apply apply;
    };
};

struct ct_expr {
    size_t count;
    struct op ops[];
};

struct compiler {
    const char *text;
    const char *at;
    const struct ct_expr_names *names;
    struct ct_expr_problem *problem;
    struct op ops[CT_EXPR_OPS_MAX];
    size_t count;
    size_t stack;
    unsigned depth;
};

static int fail(const struct compiler *compiler, const char *at, int err, const char *format, ...) CT_PRINTF(4, 5);

static int fail(const struct compiler *compiler, const char *at, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(compiler->problem->text, sizeof(compiler->problem->text), format, args);
    va_end(args);
    compiler->problem->column = (size_t)(at - compiler->text) + 1;
    return err;
}

static int emit(struct compiler *compiler, struct op op)
{
    if (compiler->count == CT_EXPR_OPS_MAX) {
        return fail(compiler, compiler->at, CT_ERR_TOO_LARGE, "expression is too long");
    }
    compiler->stack = op.kind == OP_APPLY ? compiler->stack - op.count + 1 : compiler->stack + 1;
    if (compiler->stack > CT_EXPR_STACK_MAX) {
        return fail(compiler, compiler->at, CT_ERR_TOO_LARGE, "expression is too deep");
    }
    compiler->ops[compiler->count++] = op;
    return CT_OK;
}

static int emit_apply(struct compiler *compiler, ct_expr_apply apply, size_t count)
{
    return emit(compiler, (struct op){.kind = OP_APPLY, .count = (uint32_t)count, .apply = apply});
}

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) != 0 || c == '_';
}

/* Dots belong to names, so that VSS paths are variables. */
static bool is_name_char(char c)
{
    return is_name_start(c) || isdigit((unsigned char)c) != 0 || c == '.';
}

static void skip_space(struct compiler *compiler)
{
    while (isspace((unsigned char)*compiler->at) != 0) {
        compiler->at++;
    }
}

static bool starts_with(const char *at, const char *text)
{
    const size_t len = strlen(text);
    return strncmp(at, text, len) == 0 && !(is_name_start(text[0]) && is_name_char(at[len]));
}

/* The operator at this place, whatever its level; NULL when there is none. */
static const struct ct_expr_operator *peek_operator(struct compiler *compiler)
{
    skip_space(compiler);
    for (const struct ct_expr_operator *op = ct_expr_operators; op->text != NULL; op++) {
        if (starts_with(compiler->at, op->text)) {
            return op;
        }
    }
    return NULL;
}

static const struct ct_expr_operator *peek_level(struct compiler *compiler, enum ct_expr_level level)
{
    const struct ct_expr_operator *op = peek_operator(compiler);
    return op != NULL && op->level == level ? op : NULL;
}

static int parse(struct compiler *compiler, enum ct_expr_level level);

static int expect(struct compiler *compiler, char wanted)
{
    skip_space(compiler);
    if (*compiler->at != wanted) {
        return fail(compiler, compiler->at, CT_ERR_SYNTAX, "expected '%c'", wanted);
    }
    compiler->at++;
    return CT_OK;
}

static int parse_number(struct compiler *compiler)
{
    const char *start = compiler->at;
    if (start[0] == '0' && (start[1] == 'x' || start[1] == 'X')) {
        return fail(compiler, start, CT_ERR_SYNTAX, "numbers are decimal");
    }
    char *end;
    const double number = strtod(start, &end);
    if (end == start || is_name_char(*end) || !isfinite(number)) {
        return fail(compiler, start, CT_ERR_SYNTAX, "not a number");
    }
    compiler->at = end;
    return emit(compiler, (struct op){.kind = OP_NUMBER, .number = number});
}

static int parse_arguments(struct compiler *compiler, const struct ct_expr_function *function, const char *start)
{
    size_t count = 0;
    int err = expect(compiler, '(');
    do {
        compiler->at += count > 0;
        err = err == CT_OK ? parse(compiler, CT_EXPR_OR) : err;
        count++;
        skip_space(compiler);
    } while (err == CT_OK && *compiler->at == ',' && count < function->args_max);
    if (err == CT_OK && *compiler->at == ',') {
        return fail(compiler, start, CT_ERR_SYNTAX, "%s takes at most %zu values", function->name, function->args_max);
    }
    if (err == CT_OK && count < function->args_min) {
        return fail(compiler, start, CT_ERR_SYNTAX, "%s takes %zu values", function->name, function->args_min);
    }
    err = err == CT_OK ? expect(compiler, ')') : err;
    return err == CT_OK ? emit_apply(compiler, function->apply, count) : err;
}

static bool is_text(const char *start, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(start, text, len) == 0;
}

static int parse_variable(struct compiler *compiler, const char *start, size_t len)
{
    uint32_t index = 0;
    if (compiler->names->find(compiler->names->context, start, len, &index) == CT_OK) {
        return emit(compiler, (struct op){.kind = OP_VARIABLE, .count = index});
    }
    static const double pi = 3.14159265358979323846;
    static const double e = 2.71828182845904523536;
    if (is_text(start, len, "PI") || is_text(start, len, "E")) {
        return emit(compiler, (struct op){.kind = OP_NUMBER, .number = len == 2 ? pi : e});
    }
    return fail(compiler, start, CT_ERR_NOT_FOUND, "unknown name '%.*s'", (int)(len < 64 ? len : 64), start);
}

static int parse_name(struct compiler *compiler)
{
    const char *start = compiler->at;
    while (is_name_char(*compiler->at)) {
        compiler->at++;
    }
    const size_t len = (size_t)(compiler->at - start);
    skip_space(compiler);
    if (*compiler->at != '(') {
        return parse_variable(compiler, start, len);
    }
    for (const struct ct_expr_function *function = ct_expr_functions; function->name != NULL; function++) {
        if (is_text(start, len, function->name)) {
            return parse_arguments(compiler, function, start);
        }
    }
    return fail(compiler, start, CT_ERR_NOT_FOUND, "unknown function '%.*s'", (int)(len < 64 ? len : 64), start);
}

static int parse_primary(struct compiler *compiler)
{
    skip_space(compiler);
    const char c = *compiler->at;
    if (c == '(') {
        compiler->at++;
        const int err = parse(compiler, CT_EXPR_OR);
        return err == CT_OK ? expect(compiler, ')') : err;
    }
    if (isdigit((unsigned char)c) != 0 || c == '.') {
        return parse_number(compiler);
    }
    if (is_name_start(c) && (peek_operator(compiler) == NULL)) {
        return parse_name(compiler);
    }
    return fail(compiler, compiler->at, CT_ERR_SYNTAX,
                c == '\0' ? "expression ends too early" : "expected a number, a name or '('");
}

/* Signs bind looser than ^ on their right side (-2^2 is -4) and may stand in an exponent (2^-1). */
static int parse_sign(struct compiler *compiler)
{
    skip_space(compiler);
    const char sign = *compiler->at;
    if (sign != '-' && sign != '+') {
        return parse(compiler, CT_EXPR_POWER);
    }
    compiler->at++;
    const int err = parse(compiler, CT_EXPR_SIGN);
    return err == CT_OK && sign == '-' ? emit_apply(compiler, ct_expr_negate, 1) : err;
}

static int parse_exponent(struct compiler *compiler)
{
    skip_space(compiler);
    const bool negative = *compiler->at == '-';
    compiler->at += negative;
    const int err = parse_primary(compiler);
    return err == CT_OK && negative ? emit_apply(compiler, ct_expr_negate, 1) : err;
}

static int parse_power(struct compiler *compiler)
{
    int err = parse_primary(compiler);
    const struct ct_expr_operator *op = err == CT_OK ? peek_level(compiler, CT_EXPR_POWER) : NULL;
    if (op == NULL) {
        return err;
    }
    compiler->at += strlen(op->text);
    err = parse_exponent(compiler);
    if (err == CT_OK && peek_level(compiler, CT_EXPR_POWER) != NULL) {
        return fail(compiler, compiler->at, CT_ERR_SYNTAX, "put parentheses around one of the two powers");
    }
    return err == CT_OK ? emit_apply(compiler, op->apply, 2) : err;
}

static int parse_not(struct compiler *compiler)
{
    skip_space(compiler);
    if (!starts_with(compiler->at, "not")) {
        return parse(compiler, CT_EXPR_COMPARE);
    }
    compiler->at += 3;
    const int err = parse(compiler, CT_EXPR_NOT);
    return err == CT_OK ? emit_apply(compiler, ct_expr_not, 1) : err;
}

/* Kuksa's language reads a*b%c as a*(b%c) and -a%b as -(a%b). */
static int check_remainder(const struct compiler *compiler, const struct ct_expr_operator *op, bool ambiguous)
{
    if (op->text[0] != '%' || !ambiguous) {
        return CT_OK;
    }
    return fail(compiler, compiler->at, CT_ERR_SYNTAX, "put parentheses around what '%%' divides");
}

static int parse_binary(struct compiler *compiler, enum ct_expr_level level)
{
    skip_space(compiler);
    bool ambiguous = *compiler->at == '-';
    int err = parse(compiler, level + 1);
    const struct ct_expr_operator *op = NULL;
    while (err == CT_OK && (op = peek_level(compiler, level)) != NULL) {
        err = check_remainder(compiler, op, ambiguous);
        if (err != CT_OK) {
            return err;
        }
        ambiguous = ambiguous || op->text[0] == '*';
        compiler->at += strlen(op->text);
        err = parse(compiler, level + 1);
        err = err == CT_OK ? emit_apply(compiler, op->apply, 2) : err;
    }
    return err;
}

static int parse_level(struct compiler *compiler, enum ct_expr_level level)
{
    if (level == CT_EXPR_NOT) {
        return parse_not(compiler);
    }
    if (level == CT_EXPR_SIGN) {
        return parse_sign(compiler);
    }
    return level == CT_EXPR_POWER ? parse_power(compiler) : parse_binary(compiler, level);
}

/* Every way back to a level that was already open costs depth; going down the levels is bounded by itself. */
static int parse(struct compiler *compiler, enum ct_expr_level level)
{
    const bool reopens = level == CT_EXPR_OR || level == CT_EXPR_NOT || level == CT_EXPR_SIGN;
    if (reopens && compiler->depth >= 3 * CT_EXPR_DEPTH_MAX) {
        return fail(compiler, compiler->at, CT_ERR_TOO_LARGE, "nested too deep");
    }
    compiler->depth += reopens;
    const int err = parse_level(compiler, level);
    compiler->depth -= reopens;
    return err;
}

static int finish(struct compiler *compiler, struct ct_expr **out_expr)
{
    skip_space(compiler);
    if (*compiler->at != '\0') {
        return fail(compiler, compiler->at, CT_ERR_SYNTAX, "expected an operator or the end");
    }
    struct ct_expr *expr = malloc(sizeof(*expr) + compiler->count * sizeof(expr->ops[0]));
    if (expr == NULL) {
        return fail(compiler, compiler->at, CT_ERR_NO_MEMORY, "%s", ct_err_text(CT_ERR_NO_MEMORY));
    }
    expr->count = compiler->count;
    memcpy(expr->ops, compiler->ops, compiler->count * sizeof(expr->ops[0]));
    *out_expr = expr;
    return CT_OK;
}

int ct_expr_compile(const char *text, const struct ct_expr_names *names, struct ct_expr **out_expr,
                    struct ct_expr_problem *out_problem)
{
    struct compiler compiler = {.text = text, .at = text, .names = names, .problem = out_problem};
    const int err = parse(&compiler, CT_EXPR_OR);
    return err == CT_OK ? finish(&compiler, out_expr) : err;
}

void ct_expr_free(struct ct_expr *expr)
{
    free(expr);
}

double ct_expr_eval(const struct ct_expr *expr, const double *values)
{
    double stack[CT_EXPR_STACK_MAX] = {0};
    size_t top = 0;
    for (size_t i = 0; i < expr->count; i++) {
        const struct op *op = &expr->ops[i];
        if (op->kind == OP_APPLY) {
            top -= op->count;
            stack[top] = op->apply(&stack[top], op->count);
        } else {
            stack[top] = op->kind == OP_NUMBER ? op->number : values[op->count];
        }
        top++;
    }
    return stack[0];
}

bool ct_expr_uses(const struct ct_expr *expr, uint32_t index)
{
    for (size_t i = 0; i < expr->count; i++) {
        if (expr->ops[i].kind == OP_VARIABLE && expr->ops[i].count == index) {
            return true;
        }
    }
    return false;
}
