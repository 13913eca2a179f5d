/* An enrolment token as text, and the list of them: what is read comes back as it was. */
#include "enrol_token.h"

#include <stdlib.h>
#include <string.h>

static void read_token(const char *text)
{
    struct ct_enrol_token token;
    struct ct_enrol_token again;
    char written[CT_ENROL_TOKEN_SIZE];
    if (ct_enrol_token_parse(text, &token) == CT_OK) {
        ct_enrol_token_format(&token, written);
        if (ct_enrol_token_parse(written, &again) != CT_OK || strcmp(again.vehicle, token.vehicle) != 0) {
            abort();
        }
    }
}

static void read_rows(const char *text)
{
    struct ct_enrol_row *rows = NULL;
    size_t count = 0;
    char problem[128];
    struct ct_buf out;
    if (ct_enrol_rows_parse("enrol.txt", text, &rows, &count, problem, sizeof problem) != CT_OK) {
        return;
    }
    ct_buf_init(&out, 1U << 20);
    for (size_t i = 0; i < count; i++) {
        ct_enrol_row_write(&rows[i], &out);
    }
    free(rows);
    size_t count_again = 0;
    if (ct_buf_error(&out) == CT_OK &&
        ct_enrol_rows_parse("again", ct_buf_string(&out), &rows, &count_again, problem, sizeof problem) == CT_OK) {
        free(rows);
        count = count == count_again ? 0 : 1;
    }
    ct_buf_free(&out);
    if (count != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    read_token(text);
    read_rows(text);
    free(text);
    return 0;
}
