/* A DBC text that uses the whole language once, valid throughout; for tests that need everything rather than one
 * thing. Of our own making. */
#ifndef CT_TESTS_RICH_DBC_H
#define CT_TESTS_RICH_DBC_H

/* clang-format off */
#define RICH_DBC \
    "VERSION \"7\"\n\n" \
    "NS_ :\n NS_DESC_\n CM_\n BA_DEF_\n SG_MUL_VAL_\n\n" \
    "BS_: 500000 : 1,2\n\n" \
    "BU_: Engine Gearbox Body\n Tester\n" \
    "VAL_TABLE_ OnOff 1 \"on\" 0 \"off\" ;\n" \
    "VAL_TABLE_ Empty ;\n\n" \
    "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n SG_ Unused : 0|8@1+ (1,0) [0|0] \"\" Vector__XXX\n\n" \
    "BO_ 256 ENGINE: 8 Engine\n" \
    " SG_ Speed : 0|16@1+ (0.25,0) [0|16000] \"rpm\" Gearbox,Body\n" \
    " SG_ Temp : 16|8@1- (1,-40) [-168|87] \"\xC2\xB0""C\" Body\n" \
    " SG_ Torque : 31|12@0- (0.5,0) [-1024|1023.5] \"Nm\" Gearbox\n" \
    " SG_ Counter : 56|4@1+ (1,0) [0|15] \"\" Vector__XXX\n" \
    " SG_ Check : 60|4@1+ (1,0) [0|15] \"\" Vector__XXX\n\n" \
    "BO_ 257 MUX: 8 Body\n" \
    " SG_ Which M : 0|8@1+ (1,0) [0|0] \"\" Tester\n" \
    " SG_ A m0 : 8|16@1+ (1,0) [0|0] \"\" Tester\n" \
    " SG_ B m1M : 8|8@1+ (1,0) [0|0] \"\" Tester\n" \
    " SG_ C m2 : 16|8@1+ (1,0) [0|0] \"\" Tester\n" \
    " SG_ D m3 : 15|16@0+ (1,0) [0|0] \"\" Tester\n\n" \
    "BO_ 2147484160 FD_LONG: 64 Gearbox\n" \
    " SG_ Half : 0|16@1- (1,0) [0|0] \"\" Tester\n" \
    " SG_ Single : 16|32@1- (2,1) [0|0] \"\" Tester\n" \
    " SG_ Double : 55|64@0- (1,0) [0|0] \"\" Tester\n" \
    " SG_ Wide : 119|64@0+ (1,0) [0|0] \"\" Tester\n" \
    " SG_ Blob : 200|136@1+ (1,0) [0|0] \"\" Tester\n\n" \
    "BO_ 2566844158 J1939_MSG: 8 Engine\n SG_ Pgn_Value : 24|16@1+ (0.125,0) [0|8031.875] \"rpm\" Vector__XXX\n\n" \
    "BO_ 1024 NO_SIGNALS: 0 Vector__XXX\n\n" \
    "BO_TX_BU_ 256 : Engine,Gearbox;\n\n" \
    "EV_ EnvInt: 0 [0|10] \"V\" 3 1 DUMMY_NODE_VECTOR1 Engine,Body;\n" \
    "EV_ EnvText: 0 [0|0] \"\" 0 2 DUMMY_NODE_VECTOR8000 Vector__XXX;\n" \
    "EV_ EnvFloat: 1 [0|1] \"\" 0.5 3 DUMMY_NODE_VECTOR0 Body;\n" \
    "EV_ EnvData: 0 [0|0] \"\" 0 4 DUMMY_NODE_VECTOR3 Body;\n" \
    "ENVVAR_DATA_ EnvData: 12;\n" \
    "SGTYPE_ Coolant : 8@1- (1,-40) [-168|87] \"\xC2\xB0""C\" 0, OnOff;\n" \
    "SIG_TYPE_REF_ 256 Temp : Coolant;\n" \
    "CM_ \"the network; with \\\"quotes\\\"\";\n" \
    "CM_ BU_ Engine \"a node\";\n" \
    "CM_ BO_ 256 \"a message\nBO_ 1 not one\";\n" \
    "CM_ SG_ 256 Speed \"a signal\";\n" \
    "CM_ EV_ EnvInt \"a variable\";\n" \
    "BA_DEF_ \"BusType\" STRING ;\n" \
    "BA_DEF_ \"Baudrate\" INT 0 1000000;\n" \
    "BA_DEF_ BU_ \"NodeLayer\" INT 0 10;\n" \
    "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\",\"r4\",\"r5\",\"r6\",\"r7\"," \
    "\"r8\",\"r9\",\"r10\",\"r11\",\"r12\",\"r13\",\"StandardCAN_FD\",\"ExtendedCAN_FD\";\n" \
    "BA_DEF_ BO_ \"CANFD_BRS\" ENUM \"0\",\"1\";\n" \
    "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 60000;\n" \
    "BA_DEF_ BO_ \"SystemMessageLongSymbol\" STRING ;\n" \
    "BA_DEF_ SG_ \"GenSigStartValue\" FLOAT -1e9 1e+09;\n" \
    "BA_DEF_ SG_ \"SystemSignalLongSymbol\" STRING ;\n" \
    "BA_DEF_ BU_ \"SystemNodeLongSymbol\" STRING ;\n" \
    "BA_DEF_ EV_ \"SystemEnvVarLongSymbol\" STRING ;\n" \
    "BA_DEF_ EV_ \"EnvNote\" HEX 0 255;\n" \
    "BA_DEF_REL_ BU_SG_REL_ \"SigTimeout\" INT 0 1000;\n" \
    "BA_DEF_REL_ BU_BO_REL_ \"MsgRole\" STRING ;\n" \
    "BA_DEF_REL_ BU_EV_REL_ \"EnvRole\" FLOAT 0 1;\n" \
    "BA_DEF_DEF_ \"BusType\" \"CAN FD\";\n" \
    "BA_DEF_DEF_ \"Baudrate\" 500000;\n" \
    "BA_DEF_DEF_ \"NodeLayer\" 1;\n" \
    "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\n" \
    "BA_DEF_DEF_ \"CANFD_BRS\" \"1\";\n" \
    "BA_DEF_DEF_ \"GenMsgCycleTime\" 0;\n" \
    "BA_DEF_DEF_ \"GenSigStartValue\" 0;\n" \
    "BA_DEF_DEF_REL_ \"SigTimeout\" 100;\n" \
    "BA_ \"BusType\" \"CAN\";\n" \
    "BA_ \"NodeLayer\" BU_ Engine 3;\n" \
    "BA_ \"GenMsgCycleTime\" BO_ 256 10;\n" \
    "BA_ \"VFrameFormat\" BO_ 2147484160 15;\n" \
    "BA_ \"VFrameFormat\" BO_ 2566844158 3;\n" \
    "BA_ \"GenSigStartValue\" SG_ 256 Speed 3200;\n" \
    "BA_ \"SystemMessageLongSymbol\" BO_ 256 \"EngineDataOfTheSuperchargedVariantNumberTwo\";\n" \
    "BA_ \"SystemSignalLongSymbol\" SG_ 256 Temp \"TemperatureOfTheCoolantBehindTheThermostat\";\n" \
    "BA_ \"SystemNodeLongSymbol\" BU_ Body \"BodyControllerOfTheFrontPassengerCompartment\";\n" \
    "BA_ \"SystemEnvVarLongSymbol\" EV_ EnvInt \"AVeryLongNameOfAnEnvironmentVariableIndeed\";\n" \
    "BA_ \"EnvNote\" EV_ EnvFloat 0x1F;\n" \
    "BA_REL_ \"SigTimeout\" BU_SG_REL_ Gearbox SG_ 256 Speed 250;\n" \
    "BA_REL_ \"MsgRole\" BU_BO_REL_ Engine 256 \"owner\";\n" \
    "BA_REL_ \"EnvRole\" BU_EV_REL_ Body EnvFloat 0.5;\n" \
    "VAL_ 256 Counter 0 \"zero\" 15 \"invalid\" ;\n" \
    "VAL_ 256 Check OnOff;\n" \
    "VAL_ EnvInt 0 \"none\" 1 \"one\" ;\n" \
    "SIG_GROUP_ 256 Pair 1 : Speed Temp;\n" \
    "SIG_VALTYPE_ 2147484160 Half : 1;\n" \
    "SIG_VALTYPE_ 2147484160 Single : 1;\n" \
    "SIG_VALTYPE_ 2147484160 Double : 2;\n" \
    "SG_MUL_VAL_ 257 A Which 0-0;\n" \
    "SG_MUL_VAL_ 257 B Which 1-1, 5-9;\n" \
    "SG_MUL_VAL_ 257 C B 2-2;\n" \
    "SG_MUL_VAL_ 257 D Which 10-20;\n"
/* clang-format on */

#endif
