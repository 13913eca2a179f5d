/* Protection rules as people write them: files and attributes, and one test for each way to be wrong. */
#include "problems.h"
#include "protection_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char car[] = "BU_: A B\n"
                          "BO_ 291 BRAKE: 8 A\n"
                          " SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] \"\" B\n"
                          " SG_ COUNTER : 0|2@1+ (1,0) [0|3] \"\" B\n"
                          "BO_ 292 STEER: 8 A\n"
                          " SG_ Angle : 0|16@1- (1,0) [0|0] \"\" B\n"
                          " SG_ Steer_Checksum : 56|8@1+ (1,0) [0|255] \"\" B\n"
                          "BO_ 293 NARROW: 8 A\n"
                          " SG_ CHECKSUM : 56|4@1+ (1,0) [0|15] \"\" B\n"
                          "BO_ 294 TINY: 1 A\n"
                          " SG_ X : 0|8@1+ (1,0) [0|0] \"\" B\n"
                          "BO_ 295 SWITCHED: 8 A\n"
                          " SG_ MUX M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                          " SG_ CHECKSUM m1 : 56|8@1+ (1,0) [0|255] \"\" B\n";

struct loaded {
    struct ct_dbc *dbc;
    struct ct_protect *protect;
    int err;
    char problem[1024];
};

static struct loaded load(const char *dbc_text, const char *attributes, const char *yaml)
{
    struct loaded made = {0};
    char text[4096];
    (void)snprintf(text, sizeof text, "%s%s", dbc_text, attributes);
    assert_int_equal(ct_dbc_parse("car.dbc", text, strlen(text), NULL, NULL, &made.dbc), CT_OK);
    const struct ct_dbc *dbc = made.dbc;
    made.err = yaml != NULL ? ct_protection_load_text("rules.yaml", yaml, strlen(yaml), &dbc, 1, &made.protect,
                                                      made.problem, sizeof made.problem)
                            : ct_protection_load(NULL, &dbc, 1, &made.protect, made.problem, sizeof made.problem);
    return made;
}

static void unload(struct loaded *loaded)
{
    ct_dbc_free(loaded->dbc); /* rules may outlive it until they are freed */
    ct_protect_free(loaded->protect);
}

static bool has_rule(const struct loaded *loaded, const char *message)
{
    return ct_protect_rule_of(loaded->protect, ct_dbc_find_message(loaded->dbc, message)) != NULL;
}

static void test_protection_match_takes_every_message_with_a_fitting_checksum(void **state)
{
    (void)state;
    struct loaded loaded = load(car, "", "rules:\n  - {match: '*', scheme: toyota}\n");
    assert_int_equal(loaded.err, CT_OK);
    assert_int_equal(ct_protect_rule_count(loaded.protect), 2);
    assert_true(has_rule(&loaded, "BRAKE") && has_rule(&loaded, "STEER"));
    unload(&loaded);
}

static void test_protection_first_rule_that_fits_counts(void **state)
{
    (void)state;
    struct loaded loaded =
        load(car, "", "rules:\n  - {message: BRAKE, scheme: e2e-p05, data_id: 7}\n  - {match: 'B*', scheme: toyota}\n");
    struct ct_protect_state sender = {0};
    uint8_t frame[8] = {0};
    assert_int_equal(loaded.err, CT_OK);
    const struct ct_protect_rule *rule = ct_protect_rule_of(loaded.protect, &loaded.dbc->messages[0]);
    assert_int_equal(ct_protect_fill(rule, &sender, 291, frame, 8), CT_OK);
    assert_int_equal(frame[7], 0); /* profile 5 puts its CRC into bytes 0 and 1 */
    unload(&loaded);
}

static void test_protection_id_chooses_the_message(void **state)
{
    (void)state;
    struct loaded loaded = load(car, "", "rules:\n  - {id: 0x123, scheme: toyota, counter: none}\n");
    assert_int_equal(loaded.err, CT_OK);
    assert_int_equal(ct_protect_rule_count(loaded.protect), 1);
    assert_int_equal(ct_protect_counter_signal(ct_protect_rule_of(loaded.protect, &loaded.dbc->messages[0])), -1);
    unload(&loaded);
}

static const char attribute_def[] = "BA_DEF_ BO_ \"CantwinProtection\" STRING ;\n"
                                    "BA_DEF_DEF_ \"CantwinProtection\" \"\";\n";

static void test_protection_attribute_gives_a_message_its_rule(void **state)
{
    char text[256];
    (void)state;
    (void)snprintf(text, sizeof text, "%sBA_ \"CantwinProtection\" BO_ 291 \"{scheme: e2e-p01, data_id: 0x123}\";\n",
                   attribute_def);
    struct loaded loaded = load(car, text, NULL);
    struct ct_protect_state receiver = {0};
    assert_int_equal(loaded.err, CT_OK);
    assert_int_equal(ct_protect_rule_count(loaded.protect), 1);
    const struct ct_protect_rule *rule = ct_protect_rule_of(loaded.protect, &loaded.dbc->messages[0]);
    /* published: profile 1, both id bytes, counter 0 */
    assert_int_equal(ct_protect_check(rule, &receiver, 291, (const uint8_t[8]){0xCC}, 8), CT_PROTECT_INITIAL);
    unload(&loaded);
}

static void test_protection_attribute_problem_is_located_in_the_dbc(void **state)
{
    char text[256];
    (void)state;
    (void)snprintf(text, sizeof text, "%sBA_ \"CantwinProtection\" BO_ 292 \"scheme: e2e-p9\";\n", attribute_def);
    struct loaded loaded = load(car, text, "rules:\n  - {message: BRAKE, scheme: toyota}\n");
    assert_int_equal(loaded.err, CT_ERR_SYNTAX);
    assert_memory_equal(loaded.problem, "car.dbc:5:", 10);
    assert_non_null(strstr(loaded.problem, "attribute CantwinProtection of message STEER: unknown scheme 'e2e-p9'"));
    unload(&loaded);
}

static void test_protection_wrong_attribute_is_told_plainly(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"scheme: [", "attribute CantwinProtection of message BRAKE: "},
        {"{scheme: toyota}\n  - {scheme: tesla}", "must be one rule"},
        {"scheme: toyota, message: STEER", "'message', 'id' and 'match' do not belong here"},
        {"scheme: toyota, id: 292", "'message', 'id' and 'match' do not belong here"},
        {"scheme: toyota, match: '*'", "'message', 'id' and 'match' do not belong here"},
        {"scheme: toyota, chksum: X", "unknown key 'chksum'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "%sBA_ \"CantwinProtection\" BO_ 291 \"%s\";\n", attribute_def, rows[i].text);
        struct loaded loaded = load(car, text, NULL);
        if (loaded.err == CT_OK || strstr(loaded.problem, rows[i].says) == NULL ||
            strncmp(loaded.problem, "car.dbc:2:", 10) != 0) {
            fail_msg("%s: %d %s", rows[i].text, loaded.err, loaded.problem);
        }
        assert_null(loaded.protect);
        unload(&loaded);
    }
}

static void test_protection_attribute_over_its_room_is_refused(void **state)
{
    char text[2048];
    (void)state;
    (void)snprintf(text, sizeof text, "%sBA_ \"CantwinProtection\" BO_ 291 \"scheme: toyota%*s\";\n", attribute_def,
                   1100, "");
    struct loaded loaded = load(car, text, NULL);
    assert_int_equal(loaded.err, CT_ERR_TOO_LARGE);
    assert_non_null(strstr(loaded.problem, "message BRAKE: the text is too long"));
    unload(&loaded);
}

static void test_protection_empty_attribute_is_none(void **state)
{
    char text[512];
    (void)state;
    (void)snprintf(text, sizeof text,
                   "BA_DEF_ BO_ \"Other\" STRING ;\nBA_ \"Other\" BO_ 291 \"scheme: toyota\";\n%s"
                   "BA_ \"CantwinProtection\" BO_ 291 \"\";\n",
                   attribute_def);
    struct loaded loaded = load(car, text, NULL);
    assert_int_equal(loaded.err, CT_OK);
    assert_int_equal(ct_protect_rule_count(loaded.protect), 0);
    unload(&loaded);
}

/* ---- wrong rules: what the file says, what the problem must say */

struct wrong {
    const char *rule;
    const char *says;
};

static const struct wrong wrongs[] = {
    {"{message: BRAKE}", "needs 'scheme'"},
    {"{message: BRAKE, scheme: toyto}", "unknown scheme 'toyto'; known schemes: e2e-p01, "},
    {"{scheme: toyota}", "needs exactly one of 'message', 'id' and 'match'"},
    {"{message: BRAKE, id: 291, scheme: toyota}", "needs exactly one of"},
    {"{message: BREAK, scheme: toyota}", "no DBC file of this bus has a message 'BREAK'"},
    {"{id: 0x999, scheme: toyota}", "no DBC file of this bus has a message with id 0x999"},
    {"{match: 'Z*', scheme: toyota}", "no message that 'Z*' matches can be protected by scheme toyota"},
    {"{message: TINY, scheme: toyota}", "message 'TINY' has no signal CHECKSUM; name it with 'checksum:'"},
    {"{message: BRAKE, scheme: toyota, checksum: SUM}", "message 'BRAKE' has no signal 'SUM'"},
    {"{message: BRAKE, scheme: toyota, counter: CNT}", "message 'BRAKE' has no signal 'CNT'"},
    {"{message: TINY, scheme: counter}", "message 'TINY' has no signal COUNTER"},
    {"{message: NARROW, scheme: toyota}", "has 4 bits; the checksum of scheme toyota is 8 bits in one byte"},
    {"{message: SWITCHED, scheme: toyota}", "must be an integer that is always there"},
    {"{message: BRAKE, scheme: toyota, data_id: 1}", "'data_id' has no meaning for scheme toyota; remove it"},
    {"{message: BRAKE, scheme: toyota, id_mode: low}", "'id_mode' has no meaning for scheme toyota"},
    {"{message: BRAKE, scheme: toyota, offset: 8}", "'offset' has no meaning for scheme toyota"},
    {"{message: BRAKE, scheme: toyota, polynomial: 7}", "'polynomial' has no meaning"},
    {"{message: BRAKE, scheme: e2e-p01, checksum: CHECKSUM}", "'checksum' has no meaning for scheme e2e-p01"},
    {"{message: BRAKE, scheme: e2e-p01, counter: COUNTER}", "'counter' has no meaning for scheme e2e-p01"},
    {"{message: BRAKE, scheme: e2e-p01, data_ids: [1]}", "'data_ids' has no meaning for scheme e2e-p01"},
    {"{message: BRAKE, scheme: e2e-p01, id_mode: odd}", "'id_mode' is 'odd'; it can be both, alternate, low or nibble"},
    {"{message: BRAKE, scheme: e2e-p01, offset: 4}", "'offset' is 4; it must be at most 512 and a multiple of 8"},
    {"{message: BRAKE, scheme: e2e-p01, counter_offset: 6}", "'counter_offset' is 6; it must be"},
    {"{message: BRAKE, scheme: e2e-p01, counter_offset: 4}", "lie on top of each other in byte 0"},
    {"{message: BRAKE, scheme: e2e-p01, counter_offset: 100}", "do not fit into 8 bytes"},
    {"{message: BRAKE, scheme: e2e-p01, offset: 56}", "scheme e2e-p01 needs at least 9 bytes, 8 are covered"},
    {"{message: BRAKE, scheme: e2e-p04}", "scheme e2e-p04 needs at least 12 bytes, 8 are covered"},
    {"{message: BRAKE, scheme: e2e-p01, length: 9}", "'length' must be 1 to that"},
    {"{message: BRAKE, scheme: e2e-p01, max_delta: 15}", "'max_delta' must be 1 to 14"},
    {"{message: BRAKE, scheme: e2e-p01, max_delta: 0}", "'max_delta' must be 1 to 14"},
    {"{message: BRAKE, scheme: toyota, counter_end: 5}", "'counter_end' must be 2 to 4"},
    {"{message: BRAKE, scheme: e2e-p02}", "'data_ids' must list 16 numbers, one for each counter value; there are 0"},
    {"{message: BRAKE, scheme: e2e-p02, data_ids: [1, 2]}", "'data_ids' must list 16 numbers"},
    {"{message: BRAKE, scheme: e2e-p02, data_ids: [256,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}",
     "number 1 of 'data_ids' is 256; each must be at most 255"},
    {"{message: BRAKE, scheme: vw-mqb}", "scheme vw-mqb does not know id 0x123; give 'data_ids'"},
    {"{message: BRAKE, scheme: rivian}", "scheme rivian does not know id 0x123; give 'final_xor'"},
    {"{message: BRAKE, scheme: hyundai}", "scheme hyundai does not know id 0x123"},
    {"{match: 'T*', scheme: toyota}", "no message that 'T*' matches can be protected"},
    {"{message: BRAKE, scheme: crc8, polynomial: 0x107}", "'polynomial' is 263; it must be at most 255"},
};

static void test_protection_wrong_rule_is_told_plainly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml, "rules:\n  - {message: STEER, scheme: tesla}\n  - %s\n", wrongs[i].rule);
        struct loaded loaded = load(car, "", yaml);
        if (loaded.err != CT_ERR_SYNTAX || strstr(loaded.problem, wrongs[i].says) == NULL ||
            strncmp(loaded.problem, "rules.yaml:3:5: error: rule 2: ", 31) != 0) {
            fail_msg("%s: %d %s", wrongs[i].rule, loaded.err, loaded.problem);
        }
        unload(&loaded);
    }
}

static void test_protection_unknown_key_is_located_with_line_and_column(void **state)
{
    (void)state;
    struct loaded loaded = load(car, "", "rules:\n  - {message: BRAKE, scheme: toyota, chksum: X}\n");
    assert_int_not_equal(loaded.err, CT_OK);
    assert_memory_equal(loaded.problem, "rules.yaml:2:", 13);
    assert_non_null(strstr(loaded.problem, "unknown key 'chksum'"));
    unload(&loaded);
}

static void test_protection_missing_file_is_told(void **state)
{
    (void)state;
    struct ct_protect *protect = NULL;
    char problem[256];
    assert_int_equal(ct_protection_load("/nowhere/rules.yaml", NULL, 0, &protect, problem, sizeof problem),
                     CT_ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "/nowhere/rules.yaml"));
    assert_null(protect);
}

static void test_protection_all_problems_are_told_each_at_its_line(void **state)
{
    (void)state;
    static const char attributes[] = "BA_DEF_ BO_ \"CantwinProtection\" STRING ;\n"
                                     "BA_ \"CantwinProtection\" BO_ 291 \"scheme: toyota\";\n"
                                     "BA_ \"CantwinProtection\" BO_ 292 \"scheme: nosuch\";\n"
                                     "BA_ \"CantwinProtection\" BO_ 293 \"speed: 3\";\n"
                                     "BA_ \"CantwinProtection\" BO_ 294 \"scheme: toyota, message: X\";\n";
    static const char yaml[] = "rules:\n"
                               "  - {message: NOBODY, scheme: toyota}\n"
                               "  - {match: 'BRAKE', scheme: toyota}\n"
                               "  - {match: 'T*', scheme: toyota}\n"
                               "  - {message: TINY, scheme: toyota}\n"
                               "  - {message: STEER, scheme: other}\n";
    /* attributes first, as they are read first; of a rule by `match` those messages that do not fit are no problem */
    static const char *const wanted[] = {
        "car.dbc:8:1: error: attribute CantwinProtection of message NARROW: unknown key 'speed'",
        "car.dbc:10:1: error: attribute CantwinProtection of message TINY: 'message', ",
        "rules.yaml:2:5: error: rule 1: no DBC file of this bus has a message 'NOBODY'",
        "rules.yaml:4:5: error: rule 3: no message that 'T*' matches",
        "rules.yaml:5:5: error: rule 4: ",
        "rules.yaml:6:5: error: rule 5: ",
        "car.dbc:5:1: error: attribute CantwinProtection of message STEER: "};
    char text[4096];
    char *problems = calloc(1, CT_PROBLEMS_ALL);
    struct ct_dbc *dbc = NULL;
    struct ct_protect *protect = NULL;
    (void)snprintf(text, sizeof text, "%s%s", car, attributes);
    assert_non_null(problems);
    assert_int_equal(ct_dbc_parse("car.dbc", text, strlen(text), NULL, NULL, &dbc), CT_OK);
    const struct ct_dbc *dbcs[] = {dbc};
    assert_int_not_equal(
        ct_protection_load_text("rules.yaml", yaml, strlen(yaml), dbcs, 1, &protect, problems, CT_PROBLEMS_ALL), CT_OK);
    assert_null(protect);
    const char *line = problems;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(line);
        assert_memory_equal(line, wanted[i], strlen(wanted[i]));
        line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
    }
    assert_null(line);
    ct_dbc_free(dbc);
    free(problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protection_all_problems_are_told_each_at_its_line),
        cmocka_unit_test(test_protection_match_takes_every_message_with_a_fitting_checksum),
        cmocka_unit_test(test_protection_first_rule_that_fits_counts),
        cmocka_unit_test(test_protection_id_chooses_the_message),
        cmocka_unit_test(test_protection_attribute_gives_a_message_its_rule),
        cmocka_unit_test(test_protection_attribute_problem_is_located_in_the_dbc),
        cmocka_unit_test(test_protection_wrong_attribute_is_told_plainly),
        cmocka_unit_test(test_protection_attribute_over_its_room_is_refused),
        cmocka_unit_test(test_protection_empty_attribute_is_none),
        cmocka_unit_test(test_protection_wrong_rule_is_told_plainly),
        cmocka_unit_test(test_protection_unknown_key_is_located_with_line_and_column),
        cmocka_unit_test(test_protection_missing_file_is_told),
    };
    return cmocka_run_group_tests_name("protection_file", tests, NULL, NULL);
}
