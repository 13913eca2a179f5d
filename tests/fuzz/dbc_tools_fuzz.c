/* Any bytes as a DBC file: linted with every rule on, written in normal form, read back and compared. */
#include "diff.h"
#include "lint.h"
#include "write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_problem(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static void ignore_change(void *user, const struct ct_dbc_change *change)
{
    (void)user;
    (void)change;
}

static void write_and_compare(const struct ct_dbc *dbc)
{
    static const struct ct_dbc_diff_options options = {.comments = true};
    struct ct_buf out;
    struct ct_dbc_written written;
    struct ct_dbc *again = NULL;
    size_t changes = 0;
    ct_buf_init(&out, (size_t)16 * 1024 * 1024);
    if (ct_dbc_write(dbc, CT_DBC_ENCODING_AUTO, &out, &written) == CT_OK) {
        const int err = ct_dbc_parse("again.dbc", ct_buf_string(&out), out.len, NULL, NULL, &again);
        if (err == CT_OK || err == CT_ERR_SYNTAX) {
            (void)ct_dbc_diff(dbc, again, &options, ignore_change, NULL, &changes);
        }
    }
    ct_buf_free(&out);
    ct_dbc_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_dbc *dbc = NULL;
    struct ct_dbc_rules rules = {0};
    const int err = ct_dbc_parse("fuzz.dbc", (const char *)data, size, NULL, NULL, &dbc);
    if ((err == CT_OK || err == CT_ERR_SYNTAX) && ct_dbc_rules_set(&rules, "all", CT_DBC_ON) == CT_OK &&
        ct_dbc_lint(dbc, &rules, ignore_problem, NULL) == CT_OK) {
        write_and_compare(dbc);
    }
    ct_dbc_free(dbc);
    return 0;
}
