/* Any text as a condition and as a tokens file: refused with a reason, or taken whole. */
#include "condition.h"
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char problem[256] = "";
    struct ct_condition condition;
    struct ct_tokens *tokens = NULL;
    char *text = calloc(size + 1, 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    if (ct_condition_parse(text, &condition) == NULL &&
        (condition.path[0] == '\0' || (condition.is_text && condition.op > CT_CONDITION_NE))) {
        abort();
    }
    const int err = ct_tokens_parse("t", text, size, &tokens, problem, sizeof problem);
    if ((err == CT_OK) != (tokens != NULL) || (err != CT_OK) != (problem[0] != '\0')) {
        abort();
    }
    ct_tokens_free(tokens);
    free(text);
    return 0;
}
