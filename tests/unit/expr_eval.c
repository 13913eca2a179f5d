/* Reads lines `x TAB expression` and prints the value with 17 digits, or `error`; driven by expr_property.py. */
#include "expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_x(void *context, const char *name, size_t len, uint32_t *out_index)
{
    (void)context;
    *out_index = 0;
    return len == 1 && name[0] == 'x' ? CT_OK : CT_ERR_NOT_FOUND;
}

int main(void)
{
    static char line[65536];
    const struct ct_expr_names names = {find_x, NULL};
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *text;
        const double x = strtod(line, &text);
        struct ct_expr *expr = NULL;
        struct ct_expr_problem problem;
        if (ct_expr_compile(text, &names, &expr, &problem) != CT_OK) {
            printf("error %zu %s\n", problem.column, problem.text);
            continue;
        }
        printf("%.17g\n", ct_expr_eval(expr, &x));
        ct_expr_free(expr);
    }
    return 0;
}
