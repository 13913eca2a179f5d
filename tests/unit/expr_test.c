#include "expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

/* Variables x, Vehicle.Speed and b with the values 3, 50 and -2. */
static const double values[] = {3.0, 50.0, -2.0};

static int find_name(void *context, const char *name, size_t len, uint32_t *out_index)
{
    static const char *const names[] = {"x", "Vehicle.Speed", "b"};
    for (uint32_t i = 0; i < 3; i++) {
        if (strlen(names[i]) == len && memcmp(name, names[i], len) == 0) {
            *out_index = i;
            ++*(unsigned *)context;
            return CT_OK;
        }
    }
    return CT_ERR_NOT_FOUND;
}

static int compile(const char *text, struct ct_expr **out_expr, struct ct_expr_problem *problem)
{
    unsigned lookups = 0;
    const struct ct_expr_names names = {find_name, &lookups};
    return ct_expr_compile(text, &names, out_expr, problem);
}

static double evaluate(const char *text)
{
    struct ct_expr *expr = NULL;
    struct ct_expr_problem problem = {0};
    const int err = compile(text, &expr, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, CT_OK);
    const double result = ct_expr_eval(expr, values);
    ct_expr_free(expr);
    return result;
}

/* Expected values worked out by hand. */
static void test_expr_precedence_and_functions_give_the_value_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"7", 7.0},
        {" 1.5e2 ", 150.0},
        {".5", 0.5},
        {"2+3*4", 14.0},
        {"(2+3)*4", 20.0},
        {"10-4-3", 3.0},
        {"100/10/5", 2.0},
        {"12/2*3", 18.0},
        {"2^3", 8.0},
        {"2**3", 8.0},
        {"(2^3)^2", 64.0},
        {"2^(3^2)", 512.0},
        {"-2^2", -4.0},
        {"(-2)^2", 4.0},
        {"2^-1", 0.5},
        {"2*-3", -6.0},
        {"2--3", 5.0},
        {"- -3", 3.0},
        {"+4", 4.0},
        {"17%5", 2.0},
        {"(-7)%3", 2.0},
        {"7%-3", -2.0},
        {"7/2%2", 1.5},
        {"2+2^2%3", 3.0},
        {"x*40-100", 20.0},
        {"floor((x*40)-100)", 20.0},
        {"Vehicle.Speed/3.6 > 13", 1.0},
        {"x + b", 1.0},
        {"1<2", 1.0},
        {"2<=2 and 2>=2", 1.0},
        {"1==1.0", 1.0},
        {"1!=1", 0.0},
        {"1 < 2 == 1", 1.0},
        {"1+2 == 3", 1.0},
        {"not 0", 1.0},
        {"not 1 == 2", 1.0},
        {"not not 5", 1.0},
        {"not(0)", 1.0},
        {"3 and 5", 5.0},
        {"0 and 5", 0.0},
        {"0 or 7", 7.0},
        {"1 or 1 and 0", 1.0},
        {"floor(-2.5)", -3.0},
        {"ceil(-2.5)", -2.0},
        {"round(2.5)", 2.0},
        {"round(3.5)", 4.0},
        {"round(-0.7)", -1.0},
        {"abs(b)", 2.0},
        {"min(4, 2, 9)", 2.0},
        {"max(4, 2, 9)", 9.0},
        {"min(8)", 8.0},
        {"sqrt(81)", 9.0},
        {"pow(2, 10)", 1024.0},
        {"log(exp(1))", 1.0},
        {"log(8, 2)", 3.0},
        {"exp(0)", 1.0},
        {"cos(PI)", -1.0},
        {"log(E)", 1.0},
        {"if(x > 2, 10, 20)", 10.0},
        {"if(x < 2, 10, 20)", 20.0},
        {"max(1,2)^2", 4.0},
        {"\t( ( ( 1 ) ) )\n", 1.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const double got = evaluate(cases[i].text);
        if (got != cases[i].value) {
            fail_msg("%s gives %.17g, not %.17g", cases[i].text, got, cases[i].value);
        }
    }
}

static void test_expr_undefined_results_follow_ieee(void **state)
{
    (void)state;
    assert_true(isinf(evaluate("1/0")));
    assert_true(isnan(evaluate("0/0")));
    assert_true(isnan(evaluate("sqrt(-1)")));
    assert_true(isnan(evaluate("5 % 0")));
    assert_true(isnan(evaluate("min(1, 0/0)")));
    assert_true(isnan(evaluate("max(0/0, 1)")));
}

static void test_expr_bad_text_is_refused_with_its_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        size_t column;
        const char *problem;
    } cases[] = {
        {"", CT_ERR_SYNTAX, 1, "expression ends too early"},
        {"1 +", CT_ERR_SYNTAX, 4, "expression ends too early"},
        {"1 + * 2", CT_ERR_SYNTAX, 5, "expected a number, a name or '('"},
        {"(1 + 2", CT_ERR_SYNTAX, 7, "expected ')'"},
        {"1 2", CT_ERR_SYNTAX, 3, "expected an operator or the end"},
        {"1)", CT_ERR_SYNTAX, 2, "expected an operator or the end"},
        {"y + 1", CT_ERR_NOT_FOUND, 1, "unknown name 'y'"},
        {"1 + Vehicle.Spee", CT_ERR_NOT_FOUND, 5, "unknown name 'Vehicle.Spee'"},
        {"2 * sn(x)", CT_ERR_NOT_FOUND, 5, "unknown function 'sn'"},
        {"pow(2)", CT_ERR_SYNTAX, 1, "pow takes 2 values"},
        {"1+pow(2,3,4)", CT_ERR_SYNTAX, 3, "pow takes at most 2 values"},
        {"floor()", CT_ERR_SYNTAX, 7, "expected a number, a name or '('"},
        {"if(1,2)", CT_ERR_SYNTAX, 1, "if takes 3 values"},
        {"0x10", CT_ERR_SYNTAX, 1, "numbers are decimal"},
        {"1.2.3", CT_ERR_SYNTAX, 1, "not a number"},
        {"1 + 3x", CT_ERR_SYNTAX, 5, "not a number"},
        {"1e999", CT_ERR_SYNTAX, 1, "not a number"},
        {"2^3^2", CT_ERR_SYNTAX, 4, "put parentheses around one of the two powers"},
        {"5*7%3", CT_ERR_SYNTAX, 4, "put parentheses around what '%' divides"},
        {"1 + -7%3", CT_ERR_SYNTAX, 7, "put parentheses around what '%' divides"},
        {"1 and or 2", CT_ERR_SYNTAX, 7, "expected a number, a name or '('"},
        {"x = 3", CT_ERR_SYNTAX, 3, "expected an operator or the end"},
        {"1 # 2", CT_ERR_SYNTAX, 3, "expected an operator or the end"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_expr *expr = NULL;
        struct ct_expr_problem problem = {0};
        const int err = compile(cases[i].text, &expr, &problem);
        assert_string_equal(problem.text, cases[i].problem);
        assert_int_equal(problem.column, cases[i].column);
        assert_int_equal(err, cases[i].err);
        assert_null(expr);
    }
}

static int compile_repeated(const char *head, const char *part, size_t times, const char *tail, struct ct_expr **expr)
{
    static char text[40000];
    struct ct_expr_problem problem;
    size_t len = strlen(head);
    memcpy(text, head, len);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    memcpy(text + len, tail, strlen(tail) + 1);
    return compile(text, expr, &problem);
}

static void test_expr_limits_are_errors(void **state)
{
    (void)state;
    struct ct_expr *expr = NULL;
    assert_int_equal(compile_repeated("1", "+1", 127, "", &expr), CT_OK); /* 255 steps */
    assert_true(ct_expr_eval(expr, values) == 128.0);
    ct_expr_free(expr);
    expr = NULL;
    assert_int_equal(compile_repeated("1", "+1", 128, "", &expr), CT_ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "(", 10000, "1", &expr), CT_ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "-", 10000, "1", &expr), CT_ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "not ", 5000, "1", &expr), CT_ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "1+(", 70, "1", &expr), CT_ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("min(1", ",1", 15, ")", &expr), CT_OK);
    ct_expr_free(expr);
    expr = NULL;
    assert_int_equal(compile_repeated("min(1", ",1", 16, ")", &expr), CT_ERR_SYNTAX);
    assert_null(expr);
}

static void test_expr_tells_which_variables_it_uses(void **state)
{
    (void)state;
    struct ct_expr *expr = NULL;
    struct ct_expr_problem problem;
    assert_int_equal(compile("x + max(2, b) + 1", &expr, &problem), CT_OK);
    assert_true(ct_expr_uses(expr, 0));
    assert_false(ct_expr_uses(expr, 1));
    assert_true(ct_expr_uses(expr, 2));
    ct_expr_free(expr);
    ct_expr_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expr_precedence_and_functions_give_the_value_by_hand),
        cmocka_unit_test(test_expr_undefined_results_follow_ieee),
        cmocka_unit_test(test_expr_bad_text_is_refused_with_its_column),
        cmocka_unit_test(test_expr_limits_are_errors),
        cmocka_unit_test(test_expr_tells_which_variables_it_uses),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
