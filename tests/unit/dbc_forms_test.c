/* Forms that real files have: one small text each, decoded to the value that follows from the layout by hand. */
#include "codec.h"
#include "dbc_support.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "VERSION \"\"\nNS_ :\nBS_:\nBU_: A B\n"
#define ONE  "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|255] \"\" B\n"

static const struct form {
    const char *name;
    const char *text;
    unsigned problems; /* warnings */
    uint32_t id;
    bool extended;
    uint8_t data[64];
    const char *signal;
    double value;
} forms[] = {
    {"bit timing a bare number", "VERSION \"\"\nBS_: 500\nBU_: A\n" ONE, 0, 256, false, {42}, "S", 42},
    {"bit timing with registers", "BS_: 500000 : 0,0\nBU_: A\n" ONE, 0, 256, false, {42}, "S", 42},
    {"unit in Windows-1252",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\xB0\x43\" B\n",
     0,
     256,
     false,
     {9},
     "S",
     9},
    {"comment by id only", HEAD ONE "CM_ 256 \"text\";\n", 0, 256, false, {42}, "S", 42},
    {"comment of a signal without name", HEAD ONE "CM_ SG_ 256 \"text\";\n", 0, 256, false, {42}, "S", 42},
    {"extended multiplexing, range met",
     HEAD "BO_ 256 M: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m3 : 8|8@1+ (1,0) [0|0] \"\" B\n"
          "SG_MUL_VAL_ 256 S X 3-5, 9-9;\n",
     0,
     256,
     false,
     {9, 7},
     "S",
     7},
    {"extended multiplexing, range missed",
     HEAD "BO_ 256 M: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m3 : 8|8@1+ (1,0) [0|0] \"\" B\n"
          "SG_MUL_VAL_ 256 S X 3-5, 9-9;\n",
     0,
     256,
     false,
     {6, 7},
     "S",
     (double)NAN},
    {"float type without colon",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|32@1- (1,0) [0|0] \"\" B\nSIG_VALTYPE_ 256 S 1;\n",
     0,
     256,
     false,
     {0x00, 0x00, 0xC0, 0x3F},
     "S",
     1.5}, /* IEEE 754: 0x3FC00000 */
    {"float type with colon",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 7|32@0- (2,1) [0|0] \"\" B\nSIG_VALTYPE_ 256 S : 1;\n",
     0,
     256,
     false,
     {0x3F, 0xC0, 0x00, 0x00},
     "S",
     4},
    {"64 bits over nine bytes of an FD frame",
     HEAD "BO_ 256 M: 64 A\n SG_ S : 443|64@0- (1,0) [0|0] \"\" B\n",
     0,
     256,
     false,
     /* byte 55 from bit 3 on, sawtooth: -2 over bits 444-...: four bits of byte 55, 56 to 62, four of byte 63 */
     {[55] = 0x0F,
      [56] = 0xFF,
      [57] = 0xFF,
      [58] = 0xFF,
      [59] = 0xFF,
      [60] = 0xFF,
      [61] = 0xFF,
      [62] = 0xFF,
      [63] = 0xE0},
     "S",
     -2},
    {"29 bits without bit 31", HEAD "BO_ 4096 M: 8 A\n" SG("S"), 0, 4096, true, {42}, "S", 42},
    {"exponents",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1E-005,1e+2) [0|1.E+3] \"\" B\n",
     0,
     256,
     false,
     {100},
     "S",
     100 * 1e-5 + 100},
    {"leading and trailing points and plus",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (.25,+1.) [-.5|+2.] \"\" B\n",
     0,
     256,
     false,
     {8},
     "S",
     3},
    {"twenty digits",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|64@1+ (1,0) [0|18446744073709551615] \"\" B\n",
     0,
     256,
     false,
     {0xFF},
     "S",
     255},
    {"value table without semicolon",
     HEAD ONE "VAL_ 256 S 1 \"one\" 0 \"zero\"\nBO_ 257 N: 8 A\n" SG("T"),
     1,
     257,
     false,
     {3},
     "T",
     3},
    {"comment without semicolon", HEAD ONE "CM_ \"x\"\nBO_ 257 N: 8 A\n" SG("T"), 1, 257, false, {3}, "T", 3},
    {"signal type",
     HEAD ONE "SGTYPE_ T : 8@1+ (1,0) [0|255] \"\" 0, ;\nSIG_TYPE_REF_ 256 S : T;\n",
     0,
     256,
     false,
     {42},
     "S",
     42},
    {"signal type that differs",
     HEAD ONE "SGTYPE_ T : 16@1+ (2,0) [0|255] \"\" 0, ;\nSIG_TYPE_REF_ 256 S : T;\n",
     1,
     256,
     false,
     {42},
     "S",
     42},
    {"identifier starting with a digit",
     HEAD "BO_ 256 2017_5: 8 0A\n SG_ 64_BIT : 0|8@1+ (1,0) [0|0] \"\" 0A\n",
     0,
     256,
     false,
     {42},
     "64_BIT",
     42},
    {"unknown statement", HEAD "XYZ_ 1 2 \"a;b\" (3);\n" ONE "FOO_BAR_ 256 S : 1\n", 2, 256, false, {42}, "S", 42},
    {"136 bits beside others",
     HEAD "BO_ 256 M: 18 A\n SG_ V : 7|136@0+ (1,0) [0|0] \"\" B\n"
          " SG_ S : 136|8@1+ (1,0) [0|0] \"\" B\n",
     0,
     256,
     false,
     {[17] = 42},
     "S",
     42},
    {"no receiver in the middle",
     HEAD "BO_ 256 M: 8 A\n SG_ R : 8|8@1+ (1,0) [0|0] \"\"\n SG_ S : 0|8@1+ (1,0) [0|0] "
          "\"\" B\nBO_ 257 N: 8 A\n SG_ T : 8|8@1+ (1,0) [0|0] \"\"\n",
     0,
     256,
     false,
     {42},
     "S",
     42},
    {"receivers apart by blanks",
     HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\"  A , B C\n SG_ T : 8|8@1+ "
          "(1,0) [0|0] \"\" A,\n  B\n",
     0,
     256,
     false,
     {42, 5},
     "T",
     5},
    {"signal over several lines",
     HEAD "BO_ 256 M:\n 8\n A\n SG_ S\n :\n 0|8@1+\n (1,0)\n [0|0]\n \"\"\n B\n",
     0,
     256,
     false,
     {42},
     "S",
     42},
    {"no blanks at all",
     "BO_ 256 M:8 A\nSG_ S:0|8@1+(1,0)[0|0]\"\"B\nSG_ T M:8|8@1-(1,0)[0|0]\"\"B",
     0,
     256,
     false,
     {0, 0xFE},
     "T",
     -2},
    {"CR alone ends lines",
     "VERSION \"\"\rBU_: A\r// BO_ 1 X: 8 A\rBO_ 256 M: 8 A\r SG_ S : 0|8@1+ (1,0) [0|0] \"\" "
     "B\rCM_ \"x\"\rBO_ 257 N: 8 A\r",
     1,
     256,
     false,
     {42},
     "S",
     42},
    {"comments of both kinds anywhere",
     "/* BO_ 1 X: 8 A */ VERSION \"// no\" // yes\nBO_ /* id */ 256 M /**/ : 8 A\n SG_ "
     "S : 0|8 /* | */ @1+ (1,0) [0|0] \"/* no */\" B // B\n",
     0,
     256,
     false,
     {42},
     "S",
     42},
    {"keywords listed and unlisted", "NS_ :\n\tFILTER\n\tBO_\n\n\tCM_\nBS_:\n" ONE, 0, 256, false, {42}, "S", 42},
    {"no end of line at the end", "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B", 0, 256, false, {42}, "S", 42},
    {"NUL and Ctrl-Z as editors leave them", HEAD ONE "\x1A", 0, 256, false, {42}, "S", 42},
    {"enumeration with commas, and types of other tools",
     HEAD ONE "BA_DEF_ BO_ \"a\" BOOL False True;\nBA_DEF_ SG_ \"b\" ENU \"x,y\" , \"z\";\nBA_ \"a\" BO_ 256 True;\n",
     2,
     256,
     false,
     {42},
     "S",
     42},
    {"factor zero", HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (0,7) [0|0] \"\" B\n", 0, 256, false, {42}, "S", 7},
};

static bool decodes(const struct form *form, const struct ct_dbc *dbc)
{
    struct ct_codec *codec = NULL;
    struct ct_decoded values[8];
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct ct_codec_message *message = ct_codec_find(codec, form->id, form->extended);
    bool good = message != NULL && isnan(form->value);
    if (message != NULL) {
        const struct ct_dbc_message *model = ct_codec_model(message);
        const size_t len = model->length < sizeof form->data ? model->length : sizeof form->data;
        const size_t count = ct_codec_decode(message, form->data, len, values);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(model->signals[values[i].signal].name, form->signal) == 0) {
                good = values[i].value == form->value;
            }
        }
    }
    ct_codec_free(codec);
    return good;
}

static void test_forms_all_decode_to_their_value(void **state)
{
    (void)state;
    size_t bad = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct problems problems;
        struct ct_dbc *dbc = dbc_of(forms[i].text, CT_OK, &problems);
        if (!decodes(&forms[i], dbc) || problems.count != forms[i].problems) {
            print_message("%s: %u problems\n%s", forms[i].name, problems.count, problems.text);
            bad++;
        }
        ct_dbc_free(dbc);
    }
    assert_int_equal(bad, 0);
}

static void test_forms_units_and_comments_survive(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of(HEAD "BO_ 256 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\xB0\x43\" B\n"
                                     "CM_ 256 \"by id\";\nCM_ SG_ 256 S \"\xB5\xE7\xC4\xD4\";\n",
                                CT_OK, &problems);
    assert_string_equal(signal_named(dbc, "M", "S")->unit, "\xC2\xB0"
                                                           "C");
    assert_string_equal(message_named(dbc, "M")->comment, "by id");
    /* GB2312 cannot be told from Windows-1252; the result is UTF-8 all the same */
    assert_string_equal(signal_named(dbc, "M", "S")->comment, "\xC2\xB5\xC3\xA7\xC3\x84\xC3\x94");
    ct_dbc_free(dbc);
}

/* Unicode 15, table 3-7: what is well-formed UTF-8 stays, all else is read as Windows-1252. */
static void test_forms_utf8_by_its_table(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *want;
    } texts[] = {
        {"\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF",
         "\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"},
        {"\xC0\xAF", "\xC3\x80\xC2\xAF"},                                 /* overlong */
        {"\xE0\x9F\xBF", "\xC3\xA0\xC5\xB8\xC2\xBF"},                     /* overlong */
        {"\xED\xA0\x80", "\xC3\xAD\xC2\xA0\xE2\x82\xAC"},                 /* half a surrogate pair */
        {"\xF0\x8F\xBF\xBF", "\xC3\xB0\xC2\x8F\xC2\xBF\xC2\xBF"},         /* overlong */
        {"\xF4\x90\x80\x80", "\xC3\xB4\xC2\x90\xE2\x82\xAC\xE2\x82\xAC"}, /* beyond U+10FFFF */
        {"\xF5\xE4", "\xC3\xB5\xC3\xA4"},
        {"cut \xE2\x82", "cut \xC3\xA2\xE2\x80\x9A"},
        {"a\rb\r\nc\\d", "a\nb\nc\\d"}, /* line ends; a backslash before anything but a quote is one */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct problems problems;
        struct text text = {0};
        text_add(&text, "CM_ \"%s\";\n", texts[i].bytes);
        struct ct_dbc *dbc = dbc_of_bytes(text.data, text.len, CT_OK, &problems);
        assert_string_equal(dbc->comment, texts[i].want);
        ct_dbc_free(dbc);
        free(text.data);
    }
}

static void test_forms_attribute_types_and_values_as_tools_write_them(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of(
        "BO_ 1 M: 8 A\n" SG(
            "S") "BA_DEF_ BO_ \"i\" INT;\nBA_DEF_ BO_ \"d\" DOUBLE 0 1;\n"
                 "BA_DEF_ BO_ \"s\" STR;\nBA_DEF_ BO_ \"o\" ODD 1 \"x\" (2);\nBA_DEF_ BO_ \"e\" ENUM \"a\",\"b\";\n"
                 "BA_DEF_DEF_ \"e\" 1;\nBA_ \"e\" BO_ 1 \"0\";\nBA_ \"i\" BO_ 1 \"7\";\nBA_ \"d\" BO_ 1 ;\n"
                 "BA_ \"o\" BO_ 1 word;\nBA_DEF_ SG_ \"e\" ENUM \"c\";\nBA_ \"e\" SG_ 1 S 5;\n"
                 "EV_ V: 0 [0|0] \"\" 0 1 DUMMY_NODE_VECTOR00008001 A;\nEV_ W: 2 [0|0] \"\" 0 1 Other A;\n"
                 "EV_ X: 0 [0|0] \"\" 0 1 DUMMY_NODE_VECTOR3 A;\n",
        CT_OK, &problems);
    const struct ct_dbc_message *message = message_named(dbc, "M");
    assert_int_equal(problems.count, 3); /* three types of other tools */
    const struct ct_dbc_value *value = ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &message->attributes, "e");
    assert_string_equal(value->text, "a");
    assert_true(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &message->attributes, "i")->number == 7);
    assert_string_equal(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &message->attributes, "o")->text, "word");
    assert_string_equal(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &message->attributes, "d")->text, "");
    value = ct_dbc_attribute(dbc, CT_DBC_SCOPE_SIGNAL, &signal_named(dbc, "M", "S")->attributes, "e");
    assert_true(value->number == -1); /* no text of the definition's */
    assert_string_equal(value->text, "5");
    assert_int_equal(dbc->environment[0].access, 0);
    assert_int_equal(dbc->environment[1].type, CT_DBC_ENV_STRING);
    assert_int_equal(dbc->environment[2].access, 3);
    ct_dbc_free(dbc);
}

/* SG_MUL_VAL_ of one name in several branches means the signal whose m<n> it lists; names under different multiplexers
 * can meet. */
static void test_forms_one_name_under_several_multiplexers(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ Y M : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ S m1 : 16|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ S m2 : 24|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ S m3 : 32|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ S m7 : 40|8@1+ (1,0) [0|0] \"\" B\n"
                                "SG_MUL_VAL_ 1 S X 1-2,9-9;\nSG_MUL_VAL_ 1 S Y 3-3;\nSG_MUL_VAL_ 1 S S 7-7;\n",
                                CT_OK, &problems);
    const struct ct_dbc_message *message = message_named(dbc, "M");
    assert_int_equal(message->signals[2].selector, 0);
    assert_true(message->signals[2].range_count == 1 && message->signals[2].ranges[0].last == 1);
    assert_int_equal(message->signals[3].selector, 0);
    assert_int_equal(message->signals[4].selector, 1);
    assert_string_equal(message->signals[2].name, "S#16"); /* X=1 and Y=3 can be in one frame */
    assert_string_equal(message->signals[3].name, "S#24");
    ct_dbc_free(dbc);
}

/* Against the C library, whose conversion rounds correctly. */
static void test_forms_numbers_are_rounded_correctly(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0.1",
                                          "0.015625",
                                          "123456789012345",
                                          "1234567890123456",
                                          "0.000000000000001",
                                          "-0.00390625",
                                          "99999.9999999999",
                                          "+3",
                                          "1e22",
                                          "1e23",
                                          "2.2250738585072011e-308",
                                          "-5e-324",
                                          "1.7976931348623157E+308",
                                          "9007199254740993",
                                          "0.30000000000000004"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct problems problems;
        struct text text = {0};
        text_add(&text, "BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (%s,0) [0|0] \"\" B\n", numbers[i]);
        struct ct_dbc *dbc = dbc_of_bytes(text.data, text.len, CT_OK, &problems);
        const double want = strtod(numbers[i], NULL);
        assert_memory_equal(&signal_named(dbc, "M", "S")->factor, &want, sizeof want);
        ct_dbc_free(dbc);
        free(text.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_all_decode_to_their_value),
        cmocka_unit_test(test_forms_units_and_comments_survive),
        cmocka_unit_test(test_forms_utf8_by_its_table),
        cmocka_unit_test(test_forms_attribute_types_and_values_as_tools_write_them),
        cmocka_unit_test(test_forms_one_name_under_several_multiplexers),
        cmocka_unit_test(test_forms_numbers_are_rounded_correctly),
    };
    return cmocka_run_group_tests_name("dbc_forms", tests, NULL, NULL);
}
