#include "command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The life cycle of design section 10, written out: rows from (0: nothing yet), columns to. */
static void test_command_life_cycle_allows_exactly_the_drawn_arrows(void **state)
{
    (void)state;
    /* to:                             -  acc ref run don fai exp can unk */
    static const int allowed[9][9] = {{0, 1, 1, 0, 0, 0, 1, 1, 0},  /* nothing yet */
                                      {0, 0, 1, 1, 0, 1, 1, 1, 1},  /* accepted */
                                      {0, 0, 0, 0, 0, 0, 0, 0, 0},  /* refused */
                                      {0, 0, 0, 0, 1, 1, 1, 1, 1}}; /* running; the rest are ends */
    for (int from = 0; from < 9; from++) {
        for (int to = 0; to < 9; to++) {
            assert_int_equal(ct_command_state_follows(from, to), allowed[from][to]);
        }
    }
    assert_false(ct_command_state_follows(-1, 1));
    assert_false(ct_command_state_follows(1, 99));
}

static void test_command_ends_are_final(void **state)
{
    (void)state;
    static const bool final[] = {false, false, true, false, true, true, true, true, true};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(ct_command_state_final(i), final[i]);
    }
    assert_false(ct_command_state_final(9));
    assert_false(ct_command_state_final(-1));
}

static void test_command_texts_are_never_null(void **state)
{
    (void)state;
    assert_string_equal(ct_command_state_text(CT_COMMAND_OUTCOME_UNKNOWN), "outcome-unknown");
    assert_string_equal(ct_command_state_text(0), "unknown-state");
    assert_string_equal(ct_command_state_text(9), "unknown-state");
    assert_string_equal(ct_command_reason_text(0), "none");
    assert_string_equal(ct_command_reason_text(CT_REASON_RESTARTED), "restarted");
    assert_string_equal(ct_command_reason_text(26), "unknown-reason");
    assert_string_equal(ct_command_reason_text(-1), "unknown-reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_life_cycle_allows_exactly_the_drawn_arrows),
        cmocka_unit_test(test_command_ends_are_final),
        cmocka_unit_test(test_command_texts_are_never_null),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
