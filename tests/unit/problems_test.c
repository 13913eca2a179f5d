/* One problem or all of them: what the buffer holds after each is added. */
#include "problems.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

static void test_small_buffer_keeps_the_first_as_one_line(void **state)
{
    (void)state;
    char text[64] = "left over";
    ct_problems_begin(text, sizeof text);
    ct_problems_add(text, sizeof text, "a:%d: error: 'x\ny'", 7);
    ct_problems_add(text, sizeof text, "b: error: second");
    assert_string_equal(text, "a:7: error: 'x?y'");
    char tiny[8] = "";
    ct_problems_add(tiny, sizeof tiny, "longer than that");
    assert_string_equal(tiny, "longer ");
}

static void test_large_buffer_keeps_all_lines_that_fit_and_no_half_one(void **state)
{
    (void)state;
    static char text[CT_PROBLEMS_ALL];
    unsigned lines = 0;
    ct_problems_begin(text, sizeof text);
    for (unsigned i = 0; i < 10000; i++) {
        ct_problems_add(text, sizeof text, "file:%05u: error: one of very many", i);
    }
    ct_problems_begin(text, sizeof text); /* another reader: nothing is forgotten */
    for (const char *line = text; *line != '\0'; lines++) {
        char wanted[64];
        const size_t len = strcspn(line, "\n");
        snprintf(wanted, sizeof wanted, "file:%05u: error: one of very many", lines);
        assert_int_equal(len, strlen(wanted));
        assert_memory_equal(line, wanted, len);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    assert_int_equal(lines, CT_PROBLEMS_ALL / strlen("file:00000: error: one of very many\n"));
}

static void test_no_buffer_is_no_harm(void **state)
{
    (void)state;
    char nothing = 'x';
    ct_problems_begin(&nothing, 0);
    ct_problems_add(&nothing, 0, "lost");
    assert_int_equal(nothing, 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_buffer_keeps_the_first_as_one_line),
        cmocka_unit_test(test_large_buffer_keeps_all_lines_that_fit_and_no_half_one),
        cmocka_unit_test(test_no_buffer_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
