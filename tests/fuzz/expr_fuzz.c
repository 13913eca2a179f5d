/* Any text as an expression: refused with a column inside it, or evaluated. */
#include "expr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int find_x(void *context, const char *name, size_t len, uint32_t *out_index)
{
    (void)context;
    *out_index = 0;
    return len == 1 && name[0] == 'x' ? CT_OK : CT_ERR_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ct_expr_names names = {find_x, NULL};
    char *text = calloc(size + 1, 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    struct ct_expr *expr = NULL;
    struct ct_expr_problem problem = {0};
    const double x = 3.5;
    if (ct_expr_compile(text, &names, &expr, &problem) == CT_OK) {
        (void)ct_expr_eval(expr, &x);
    } else if (expr != NULL || problem.column < 1 || problem.column > strlen(text) + 1 || problem.text[0] == '\0') {
        abort();
    }
    ct_expr_free(expr);
    free(text);
    return 0;
}
