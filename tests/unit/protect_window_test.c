/* The E2E state machine: paths through its states as PRS E2EProtocol draws them. */
#include "protect_window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct ct_stream_config usual = {.size = 4, .init = {2, 1}, .valid = {1, 1}, .invalid = {3, 0}};

/* `letters`: o OK, l OK_SOME_LOST, e ERROR, r REPEATED, w WRONG_SEQUENCE, - NO_NEW_DATA; `states`: n, i, v, x. */
static void walk(const struct ct_stream_config *config, const char *letters, const char *states)
{
    struct ct_protect_window window;
    assert_int_equal(ct_protect_window_init(&window, config), CT_OK);
    for (size_t i = 0; letters[i] != '\0'; i++) {
        const enum ct_protect_status status = letters[i] == 'o'   ? CT_PROTECT_OK
                                              : letters[i] == 'l' ? CT_PROTECT_OK_SOME_LOST
                                              : letters[i] == 'e' ? CT_PROTECT_ERROR
                                              : letters[i] == 'r' ? CT_PROTECT_REPEATED
                                              : letters[i] == 'w' ? CT_PROTECT_WRONG_SEQUENCE
                                                                  : CT_PROTECT_NO_NEW_DATA;
        assert_int_equal("nivx"[ct_protect_window_add(&window, status)], states[i]);
    }
}

static void test_window_without_usable_data_stays_no_data(void **state)
{
    (void)state;
    walk(&usual, "--e-e", "nnnnn");
}

static void test_window_enough_good_checks_make_it_valid(void **state)
{
    (void)state;
    walk(&usual, "oo", "iv");
    walk(&usual, "o--l", "iiiv");
}

static void test_window_too_many_errors_at_start_make_it_invalid(void **state)
{
    (void)state;
    walk(&usual, "ree", "iix");
}

static void test_window_errors_or_silence_make_a_valid_stream_invalid(void **state)
{
    (void)state;
    walk(&usual, "ooee", "ivvx");
    walk(&usual, "oo----", "ivvvvx"); /* at least one good check of the last four */
    walk(&usual, "oorrww", "ivvvvx"); /* neither good nor an error */
}

static void test_window_invalid_stream_comes_back_by_its_own_limits(void **state)
{
    (void)state;
    walk(&usual, "ooeeooooo", "ivvxxxxvv"); /* three good ones and no error in the window of four */
}

static void test_window_size_and_limits_are_checked(void **state)
{
    struct ct_protect_window window;
    (void)state;
    assert_int_equal(ct_protect_window_init(&window, &(const struct ct_stream_config){.size = 0}), CT_ERR_RANGE);
    assert_int_equal(ct_protect_window_init(&window, &(const struct ct_stream_config){.size = 33}), CT_ERR_RANGE);
    assert_int_equal(ct_protect_window_init(&window, &(const struct ct_stream_config){.size = 3, .valid = {4, 0}}),
                     CT_ERR_RANGE);
    assert_int_equal(ct_protect_window_init(&window, &(const struct ct_stream_config){.size = 32}), CT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_without_usable_data_stays_no_data),
        cmocka_unit_test(test_window_enough_good_checks_make_it_valid),
        cmocka_unit_test(test_window_too_many_errors_at_start_make_it_invalid),
        cmocka_unit_test(test_window_errors_or_silence_make_a_valid_stream_invalid),
        cmocka_unit_test(test_window_invalid_stream_comes_back_by_its_own_limits),
        cmocka_unit_test(test_window_size_and_limits_are_checked),
    };
    return cmocka_run_group_tests_name("protect_window", tests, NULL, NULL);
}
