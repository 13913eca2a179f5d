/* Whatever a line holds, parsing it neither crashes nor yields an impossible frame, and what was read can be written
 * and read again with the same result. */
#include "candump.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_candump_line line;
    struct ct_candump_line again;
    struct ct_candump_problem problem = {0, NULL};
    const int err = ct_candump_parse((const char *)data, size, &line, &problem);
    if (err != CT_OK) {
        if (err != CT_ERR_NOT_FOUND && (problem.text == NULL || problem.column == 0 || problem.column > size + 1)) {
            abort();
        }
        return 0;
    }
    char text[CT_CANDUMP_LINE_MAX];
    const size_t len = ct_candump_format(&line, text, sizeof text);
    if (!ct_frame_valid(&line.frame) || len == 0 || ct_candump_parse(text, len, &again, &problem) != CT_OK ||
        again.frame.id != line.frame.id || again.frame.len != line.frame.len) {
        abort();
    }
    return 0;
}
