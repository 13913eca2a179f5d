/* What the statements become in the model: Vector's DBC file format description, statement by statement. */
#include "dbc_support.h"
#include "testing.h"

#include <string.h>

/* One file with every statement, in an order that no editor writes: references before what they name. */
static const char everything[] = "BA_ \"Cycle\" BO_ 100 20;\n"                                     /* 1 */
                                 "CM_ \"network\";\n"                                              /* 2 */
                                 "VERSION \"v1\"\n"                                                /* 3 */
                                 "NS_ :\n"                                                         /* 4 */
                                 "\tCM_\n"                                                         /* 5 */
                                 "BS_: 500 : 1,2\n"                                                /* 6 */
                                 "BU_: A B\n"                                                      /* 7 */
                                 "  C\n"                                                           /* 8 */
                                 "VAL_TABLE_ Switch 1 \"On\" 0 \"Off\";\n"                         /* 9 */
                                 "BO_ 100 M: 8 A\n"                                                /* 10 */
                                 " SG_ S : 7|16@0- (0.5,-40) [-40|100] \"degC\" B,C\n"             /* 11 */
                                 "   SG_ T : 16|8@1+ (1,0) [0|0] \"\" Vector__XXX\n"               /* 12 */
                                 "BO_ 2147483748 N: 8 Vector__XXX\n"                               /* 13 */
                                 " SG_ U : 0|8@1+ (1,0) [0|0] \"\" A\n"                            /* 14 */
                                 "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n"     /* 15 */
                                 " SG_ Spare : 0|8@1+ (1,0) [0|0] \"\" Vector__XXX\n"              /* 16 */
                                 "BO_TX_BU_ 100 : A,C,B;\n"                                        /* 17 */
                                 "EV_ Light: 1 [0|10.5] \"lx\" 2.5 7 DUMMY_NODE_VECTOR2 A,B;\n"    /* 18 */
                                 "EV_ Text: 0 [0|0] \"\" 0 8 DUMMY_NODE_VECTOR8001 Vector__XXX;\n" /* 19 */
                                 "EV_ Block: 0 [0|0] \"\" 0 9 DUMMY_NODE_VECTOR0 C;\n"             /* 20 */
                                 "ENVVAR_DATA_ Block: 5;\n"                                        /* 21 */
                                 "SGTYPE_ Ty : 8@1+ (1,0) [0|3] \"\" 3, Switch;\n"                 /* 22 */
                                 "SIG_TYPE_REF_ 100 T : Ty;\n"                                     /* 23 */
                                 "CM_ BU_ B \"node b\";\n"                                         /* 24 */
                                 "CM_ BO_ 100 \"message m\";\n"                                    /* 25 */
                                 "CM_ SG_ 100 S \"signal s\";\n"                                   /* 26 */
                                 "CM_ EV_ Light \"bright\";\n"                                     /* 27 */
                                 "BA_DEF_ \"Bus\" STRING ;\n"                                      /* 28 */
                                 "BA_DEF_ BU_ \"Layer\" INT 0 7;\n"                                /* 29 */
                                 "BA_DEF_ BO_ \"Cycle\" FLOAT 0 1e+06;\n"                          /* 30 */
                                 "BA_DEF_ SG_ \"Kind\" ENUM \"none\",\"a,b\",\"c\\\"d\";\n"        /* 31 */
                                 "BA_DEF_ EV_ \"Code\" HEX 0 255;\n"                               /* 32 */
                                 "BA_DEF_REL_ BU_SG_REL_ \"Wait\" INT 0 100;\n"                    /* 33 */
                                 "BA_DEF_REL_ BU_BO_REL_ \"Send\" STRING;\n"                       /* 34 */
                                 "BA_DEF_REL_ BU_EV_REL_ \"Use\" INT 0 1;\n"                       /* 35 */
                                 "BA_DEF_DEF_ \"Layer\" 3;\n"                                      /* 36 */
                                 "BA_DEF_DEF_ \"Kind\" \"a,b\";\n"                                 /* 37 */
                                 "BA_DEF_DEF_REL_ \"Wait\" 9;\n"                                   /* 38 */
                                 "BA_ \"Bus\" \"first\";\n"                                        /* 39 */
                                 "BA_ \"Bus\" \"CAN 1\";\n"                                        /* 40 */
                                 "BA_ \"Layer\" BU_ B 4;\n"                                        /* 41 */
                                 "BA_ \"Kind\" SG_ 100 S 2;\n"                                     /* 42 */
                                 "BA_ \"Kind\" SG_ 100 T \"none\";\n"                              /* 43 */
                                 "BA_ \"Code\" EV_ Light 255;\n"                                   /* 44 */
                                 "BA_REL_ \"Wait\" BU_SG_REL_ B SG_ 100 S 11;\n"                   /* 45 */
                                 "BA_REL_ \"Send\" BU_BO_REL_ A 100 \"often\";\n"                  /* 46 */
                                 "BA_REL_ \"Use\" BU_EV_REL_ C Light 1;\n"                         /* 47 */
                                 "VAL_ 100 S Switch;\n"                                            /* 48 */
                                 "VAL_ Light 2 \"two\" 1 \"one\" 2 \"deux\";\n"                    /* 49 */
                                 "SIG_GROUP_ 100 G 3 : T S;\n"                                     /* 50 */
                                 "SGTYPE_VAL_ Ty 3 \"three\";\n"                                   /* 51 */
                                 "SIGTYPE_VALTYPE_ Ty : 0;\n"                                      /* 52 */
                                 "BA_DEF_SGTYPE_ \"q\" INT 0 1;\nBA_SGTYPE_ \"q\" Ty 1;\n"         /* 53 */
                                 "CAT_DEF_ 1 \"c\" 2;\nCAT_ BU_ A 1;\nFILTER 1;\nEV_DATA_ Light: 5;\n";

static struct ct_dbc *parse_everything(void)
{
    struct problems problems;
    struct ct_dbc *dbc = dbc_of(everything, CT_OK, &problems);
    if (problems.count != 0) {
        fail_msg("%s", problems.text);
    }
    return dbc;
}

static void assert_place(struct ct_dbc_place place, unsigned line, unsigned column)
{
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

static void test_model_network_nodes_and_tables_hold_what_is_said(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    assert_string_equal(dbc->version, "v1");
    assert_string_equal(dbc->comment, "network");
    assert_int_equal(dbc->baudrate, 500000);
    assert_int_equal(dbc->attributes.count, 1); /* the last of two values counts */
    assert_string_equal(dbc->attributes.items[0].value.text, "CAN 1");
    assert_int_equal(dbc->node_count, 3);
    assert_string_equal(dbc->nodes[2].name, "C");
    assert_place(dbc->nodes[2].place, 8, 3);
    assert_string_equal(dbc->nodes[1].comment, "node b");
    assert_null(dbc->nodes[0].comment);
    assert_int_equal(dbc->table_count, 1);
    assert_string_equal(dbc->tables[0].name, "Switch");
    assert_place(dbc->tables[0].place, 9, 1);
    assert_int_equal(dbc->tables[0].text_count, 2);
    assert_int_equal(dbc->tables[0].texts[0].raw, 0);
    assert_string_equal(dbc->tables[0].texts[1].text, "On");
    ct_dbc_free(dbc);
}

static void test_model_messages_hold_senders_groups_and_places(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    const struct ct_dbc_message *m = message_named(dbc, "M");
    const struct ct_dbc_message *n = message_named(dbc, "N");
    assert_int_equal(dbc->message_count, 2);
    assert_place(m->place, 10, 1);
    assert_string_equal(m->comment, "message m");
    assert_string_equal(m->sender, "A");
    assert_int_equal(m->more_sender_count, 2); /* A is the sender already */
    assert_string_equal(m->more_senders[0], "C");
    assert_string_equal(m->more_senders[1], "B");
    assert_int_equal(m->group_count, 1);
    assert_string_equal(m->groups[0].name, "G");
    assert_int_equal(m->groups[0].repetitions, 3);
    assert_int_equal(m->groups[0].signal_count, 2);
    assert_int_equal(m->groups[0].signals[0], 1);
    assert_int_equal(m->groups[0].signals[1], 0);
    assert_true(n->extended && n->id == 100 && n->written_id == 0x80000064U);
    assert_string_equal(n->sender, "");
    assert_int_equal(n->more_sender_count, 0);
    assert_int_equal(dbc->pseudo_count, 1);
    assert_string_equal(dbc->pseudo[0].signals[0].name, "Spare");
    assert_int_equal(dbc->pseudo[0].written_id, 0xC0000000U);
    ct_dbc_free(dbc);
}

static void test_model_signals_hold_layout_texts_and_receivers(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    const struct ct_dbc_signal *s = signal_named(dbc, "M", "S");
    const struct ct_dbc_signal *t = signal_named(dbc, "M", "T");
    assert_true(s->start_bit == 7 && s->length == 16 && s->big_endian && s->is_signed);
    assert_true(s->factor == 0.5 && s->offset == -40 && s->min == -40 && s->max == 100 && !s->integer_scale);
    assert_string_equal(s->unit, "degC");
    assert_string_equal(s->comment, "signal s");
    assert_place(s->place, 11, 2);
    assert_place(t->place, 12, 4);
    assert_int_equal(s->receiver_count, 2);
    assert_string_equal(s->receivers[1], "C");
    assert_int_equal(t->receiver_count, 0);
    assert_string_equal(ct_dbc_text_of(s, 1), "On"); /* by the table's name */
    ct_dbc_free(dbc);
}

static void test_model_signal_type_gives_texts(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    const struct ct_dbc_signal *t = signal_named(dbc, "M", "T");
    assert_string_equal(t->type_name, "Ty");
    assert_null(signal_named(dbc, "M", "S")->type_name);
    assert_int_equal(t->text_count, 1); /* SGTYPE_VAL_ before the table that SGTYPE_ names */
    assert_string_equal(ct_dbc_text_of(t, 3), "three");
    ct_dbc_free(dbc);
}

static void test_model_environment_variables_have_types_and_nodes(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    const struct ct_dbc_environment *light = &dbc->environment[0];
    assert_int_equal(dbc->environment_count, 3);
    assert_string_equal(light->name, "Light");
    assert_int_equal(light->type, CT_DBC_ENV_FLOAT);
    assert_true(light->min == 0 && light->max == 10.5 && light->initial == 2.5 && light->id == 7);
    assert_int_equal(light->access, 2);
    assert_string_equal(light->unit, "lx");
    assert_string_equal(light->comment, "bright");
    assert_int_equal(light->node_count, 2);
    assert_string_equal(light->nodes[1], "B");
    assert_int_equal(light->text_count, 2);
    assert_string_equal(light->texts[1].text, "deux"); /* of two texts for one value the last */
    assert_place(light->place, 18, 1);
    assert_int_equal(dbc->environment[1].type, CT_DBC_ENV_STRING);
    assert_int_equal(dbc->environment[1].access, 1);
    assert_int_equal(dbc->environment[1].node_count, 0);
    assert_int_equal(dbc->environment[2].type, CT_DBC_ENV_DATA);
    assert_int_equal(dbc->environment[2].data_size, 5);
    ct_dbc_free(dbc);
}

static void test_model_attributes_explicit_then_default_then_none(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    const struct ct_dbc_signal *s = signal_named(dbc, "M", "S");
    const struct ct_dbc_value *kind = ct_dbc_attribute(dbc, CT_DBC_SCOPE_SIGNAL, &s->attributes, "Kind");
    assert_true(kind->number == 2);
    assert_string_equal(kind->text, "c\"d");
    const struct ct_dbc_signal *t = signal_named(dbc, "M", "T");
    kind = ct_dbc_attribute(dbc, CT_DBC_SCOPE_SIGNAL, &t->attributes, "Kind");
    assert_string_equal(kind->text, "none");
    const struct ct_dbc_signal *u = signal_named(dbc, "N", "U");
    kind = ct_dbc_attribute(dbc, CT_DBC_SCOPE_SIGNAL, &u->attributes, "Kind");
    assert_true(kind->number == 1);
    assert_string_equal(kind->text, "a,b");
    assert_true(ct_dbc_attribute(dbc, CT_DBC_SCOPE_NODE, &dbc->nodes[1].attributes, "Layer")->number == 4);
    assert_true(ct_dbc_attribute(dbc, CT_DBC_SCOPE_NODE, &dbc->nodes[0].attributes, "Layer")->number == 3);
    const struct ct_dbc_message *m = message_named(dbc, "M");
    assert_true(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &m->attributes, "Cycle")->number == 20);
    assert_null(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &message_named(dbc, "N")->attributes, "Cycle"));
    assert_null(ct_dbc_attribute(dbc, CT_DBC_SCOPE_MESSAGE, &m->attributes, "Layer")); /* of another scope */
    assert_true(ct_dbc_attribute(dbc, CT_DBC_SCOPE_ENVIRONMENT, &dbc->environment[0].attributes, "Code")->number ==
                255);
    ct_dbc_free(dbc);
}

static void test_model_attribute_definitions_in_the_files_order(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    static const struct {
        const char *name;
        enum ct_dbc_scope scope;
        enum ct_dbc_value_type type;
        double max;
    } want[] = {
        {"Bus", CT_DBC_SCOPE_NETWORK, CT_DBC_STRING, 0},       {"Layer", CT_DBC_SCOPE_NODE, CT_DBC_INT, 7},
        {"Cycle", CT_DBC_SCOPE_MESSAGE, CT_DBC_FLOAT, 1e6},    {"Kind", CT_DBC_SCOPE_SIGNAL, CT_DBC_ENUM, 0},
        {"Code", CT_DBC_SCOPE_ENVIRONMENT, CT_DBC_HEX, 255},   {"Wait", CT_DBC_SCOPE_NODE_SIGNAL, CT_DBC_INT, 100},
        {"Send", CT_DBC_SCOPE_NODE_MESSAGE, CT_DBC_STRING, 0}, {"Use", CT_DBC_SCOPE_NODE_ENVIRONMENT, CT_DBC_INT, 1},
    };
    assert_int_equal(dbc->attribute_def_count, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        const struct ct_dbc_attribute_def *def = &dbc->attribute_defs[i];
        assert_string_equal(def->name, want[i].name);
        assert_int_equal(def->scope, want[i].scope);
        assert_int_equal(def->type, want[i].type);
        assert_true(def->min == 0 && def->max == want[i].max && !def->implied);
        assert_place(def->place, 28 + (unsigned)i, 1);
    }
    assert_int_equal(dbc->attribute_defs[3].text_count, 3);
    assert_string_equal(dbc->attribute_defs[3].texts[1], "a,b");
    assert_false(dbc->attribute_defs[2].has_default);
    assert_true(dbc->attribute_defs[5].has_default && dbc->attribute_defs[5].preset.number == 9);
    ct_dbc_free(dbc);
}

static void test_model_relations_of_three_kinds(void **state)
{
    (void)state;
    struct ct_dbc *dbc = parse_everything();
    assert_int_equal(dbc->relation_count, 3);
    const struct ct_dbc_relation *wait = &dbc->relations[0];
    assert_string_equal(wait->node, "B");
    assert_ptr_equal(wait->message, message_named(dbc, "M"));
    assert_ptr_equal(wait->signal, signal_named(dbc, "M", "S"));
    assert_true(wait->environment == NULL && wait->attribute.value.number == 11);
    assert_string_equal(dbc->relations[1].attribute.value.text, "often");
    assert_ptr_equal(dbc->relations[1].message, message_named(dbc, "M"));
    assert_null(dbc->relations[1].signal);
    assert_ptr_equal(dbc->relations[2].environment, &dbc->environment[0]);
    assert_string_equal(dbc->relations[2].attribute.def->name, "Use");
    ct_dbc_free(dbc);
}

static void test_model_long_names_everywhere_a_name_is_used(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BU_: N1\nBO_ 1 M1: 8 N1\n SG_ S1 : 0|8@1+ (1,0) [0|0] \"\" N1\n"
                                "EV_ E1: 0 [0|0] \"\" 0 1 DUMMY_NODE_VECTOR0 N1;\nBO_TX_BU_ 1 : N1;\n"
                                "BA_DEF_ BU_ \"SystemNodeLongSymbol\" STRING;\n"
                                "BA_DEF_ BO_ \"SystemMessageLongSymbol\" STRING;\n"
                                "BA_DEF_ SG_ \"SystemSignalLongSymbol\" STRING;\n"
                                "BA_DEF_ EV_ \"SystemEnvVarLongSymbol\" STRING;\n"
                                "BA_DEF_DEF_ \"SystemSignalLongSymbol\" \"\";\n"
                                "BA_ \"SystemNodeLongSymbol\" BU_ N1 \"NodeLong\";\n"
                                "BA_ \"SystemMessageLongSymbol\" BO_ 1 \"MessageLong\";\n"
                                "BA_ \"SystemSignalLongSymbol\" SG_ 1 S1 \"SignalLong\";\n"
                                "BA_ \"SystemEnvVarLongSymbol\" EV_ E1 \"VariableLong\";\n"
                                "VAL_ 1 S1 1 \"one\";\n",
                                CT_OK, &problems);
    const struct ct_dbc_message *message = message_named(dbc, "MessageLong");
    const struct ct_dbc_signal *signal = signal_named(dbc, "MessageLong", "SignalLong");
    assert_int_equal(problems.count, 0);
    assert_string_equal(dbc->nodes[0].name, "NodeLong");
    assert_string_equal(dbc->nodes[0].short_name, "N1");
    assert_string_equal(message->short_name, "M1");
    assert_string_equal(message->sender, "NodeLong");
    assert_int_equal(message->more_sender_count, 0);
    assert_string_equal(signal->short_name, "S1");
    assert_string_equal(signal->receivers[0], "NodeLong");
    assert_string_equal(ct_dbc_text_of(signal, 1), "one");
    assert_string_equal(dbc->environment[0].name, "VariableLong");
    assert_string_equal(dbc->environment[0].short_name, "E1");
    assert_string_equal(dbc->environment[0].nodes[0], "NodeLong");
    ct_dbc_free(dbc);
}

static void test_model_cycle_bit_rate_and_start_values(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc =
        dbc_of("BS_: 250000\nBO_ 1 A: 8 X\n" SG("S") "BO_ 2 B: 8 X\n" SG("S") "BO_ 3 C: 8 X\n" SG("S") //
               "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 1e+05;\nBA_DEF_DEF_ \"GenMsgCycleTime\" 50;\n"
               "BA_ \"GenMsgCycleTime\" BO_ 2 20;\nBA_ \"GenMsgCycleTime\" BO_ 3 0;\n"
               "BA_DEF_ SG_ \"GenSigStartValue\" FLOAT 0 1e+05;\n"
               "BA_ \"GenSigStartValue\" SG_ 1 S -3.5;\n"
               "BA_DEF_ \"Baudrate\" INT 0 1000000;\nBA_DEF_DEF_ \"Baudrate\" 125000;\n",
               CT_OK, &problems);
    assert_int_equal(problems.count, 0);
    assert_true(message_named(dbc, "A")->cycle_ms == 50);
    assert_true(message_named(dbc, "B")->cycle_ms == 20);
    assert_true(message_named(dbc, "C")->cycle_ms == 0); /* said to have none */
    assert_true(signal_named(dbc, "A", "S")->has_start_value && signal_named(dbc, "A", "S")->start_value == -3.5);
    assert_false(signal_named(dbc, "B", "S")->has_start_value);
    assert_int_equal(dbc->baudrate, 125000); /* the attribute before BS_ */
    ct_dbc_free(dbc);
}

static void test_model_same_id_shares_what_is_said(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 A: 8 X\n" SG("S") "BO_ 1 B: 8 X\n" SG("S") SG("T") //
                                "CM_ BO_ 1 \"both\";\nCM_ SG_ 1 S \"s\";\nVAL_ 1 T 1 \"one\";\n",
                                CT_OK, &problems);
    assert_int_equal(problems.count, 1);
    assert_true(problem_at(&problems, "3:1", CT_DBC_CODE_SAME_ID));
    assert_string_equal(message_named(dbc, "A")->comment, "both");
    assert_string_equal(message_named(dbc, "B")->comment, "both");
    assert_string_equal(signal_named(dbc, "A", "S")->comment, "s");
    assert_string_equal(signal_named(dbc, "B", "S")->comment, "s");
    assert_string_equal(ct_dbc_text_of(signal_named(dbc, "B", "T"), 1), "one");
    ct_dbc_free(dbc);
}

static void test_model_attributes_without_definition_are_kept(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 A: 8 X\nBO_ 2 B: 8 X\nBA_ \"Odd\" BO_ 1 7;\nBA_ \"Odd\" BO_ 2 8;\n"
                                "BA_ \"Word\" \"text\";\nBA_DEF_DEF_ \"Nowhere\" 1;\n",
                                CT_OK, &problems);
    assert_int_equal(problems.count, 3); /* one for each name */
    assert_true(problem_at(&problems, "3:1", CT_DBC_CODE_UNKNOWN_ATTRIBUTE));
    assert_true(problem_at(&problems, "5:1", CT_DBC_CODE_UNKNOWN_ATTRIBUTE));
    assert_true(problem_at(&problems, "6:1", CT_DBC_CODE_UNKNOWN_ATTRIBUTE));
    assert_int_equal(dbc->attribute_def_count, 2);
    assert_true(dbc->attribute_defs[0].implied && dbc->attribute_defs[0].type == CT_DBC_FLOAT);
    assert_true(dbc->attribute_defs[1].implied && dbc->attribute_defs[1].type == CT_DBC_STRING);
    assert_true(message_named(dbc, "B")->attributes.items[0].value.number == 8);
    assert_string_equal(dbc->attributes.items[0].value.text, "text");
    ct_dbc_free(dbc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_network_nodes_and_tables_hold_what_is_said),
        cmocka_unit_test(test_model_messages_hold_senders_groups_and_places),
        cmocka_unit_test(test_model_signals_hold_layout_texts_and_receivers),
        cmocka_unit_test(test_model_signal_type_gives_texts),
        cmocka_unit_test(test_model_environment_variables_have_types_and_nodes),
        cmocka_unit_test(test_model_attributes_explicit_then_default_then_none),
        cmocka_unit_test(test_model_attribute_definitions_in_the_files_order),
        cmocka_unit_test(test_model_relations_of_three_kinds),
        cmocka_unit_test(test_model_long_names_everywhere_a_name_is_used),
        cmocka_unit_test(test_model_cycle_bit_rate_and_start_values),
        cmocka_unit_test(test_model_same_id_shares_what_is_said),
        cmocka_unit_test(test_model_attributes_without_definition_are_kept),
    };
    return cmocka_run_group_tests_name("dbc_model", tests, NULL, NULL);
}
