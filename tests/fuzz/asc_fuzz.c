/* Whatever the lines of an ASC log hold, reading them neither crashes nor yields an impossible frame, and a frame that
 * was read is written and read again the same. */
#include "asc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ct_log_record *record)
{
    char text[CT_ASC_LINE_MAX];
    struct ct_asc asc;
    struct ct_log_record again;
    struct ct_log_problem problem;
    ct_asc_init(&asc);
    const size_t len = ct_asc_format(&record->frame, 0, 1, text, sizeof text);
    if (!ct_frame_valid(&record->frame) || len == 0 || ct_asc_parse(&asc, text, len, &again, &problem) != CT_OK ||
        !ct_frame_same(&record->frame, &again.frame)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_asc asc;
    ct_asc_init(&asc);
    while (size > 0) {
        struct ct_log_record record;
        struct ct_log_problem problem = {0, NULL};
        const uint8_t *newline = memchr(data, '\n', size);
        const size_t len = newline != NULL ? (size_t)(newline - data) : size;
        const int err = ct_asc_parse(&asc, (const char *)data, len, &record, &problem);
        if (err == CT_OK) {
            check(&record);
        } else if (err != CT_ERR_NOT_FOUND &&
                   (problem.text == NULL || problem.column == 0 || problem.column > len + 1)) {
            abort();
        }
        const size_t used = len < size ? len + 1 : len;
        data += used;
        size -= used;
    }
    return 0;
}
