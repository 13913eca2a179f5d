/* The linter's block of the stable codes, 100-199; columns as in dbc_codes.h. INFO findings are off unless asked for:
 * many good files have them. */
#ifndef CT_DBC_LINT_CODES_H
#define CT_DBC_LINT_CODES_H

/* clang-format off */
#define CT_DBC_LINT_CODES(X) \
    X(100, MESSAGE_NAME_TWICE, WARNING, "two messages have one name") \
    X(101, SIGNAL_NAME_TWICE, INFO, "two signals of a message have one name, in branches that never meet") \
    X(102, NODE_NAME_TWICE, WARNING, "a node is listed twice") \
    X(103, TABLE_NAME_TWICE, WARNING, "two value tables have one name") \
    X(104, MESSAGE_EMPTY, INFO, "a message has a length but no signals") \
    X(105, MESSAGE_TOO_LONG, WARNING, "a message is longer than a frame of its kind, 8 or 64 bytes, and is not J1939") \
    X(106, FD_LENGTH, WARNING, "no CAN FD frame has the length of the message") \
    X(107, CYCLE_TIME_MISSING, INFO, "a message has no cycle time, in a file that gives others one") \
    X(108, SENDER_MISSING, INFO, "a message has no sender") \
    X(109, SENDER_UNKNOWN, WARNING, "a node sends messages and is not listed in BU_; said once per node") \
    X(110, RECEIVER_UNKNOWN, WARNING, "a node receives signals and is not listed in BU_; said once per node") \
    X(111, NODE_UNUSED, WARNING, "a node sends and receives nothing") \
    X(112, SIGNAL_OVERLAP, WARNING, "two signals that can be in one frame share bits") \
    X(113, FRAME_FORMAT, WARNING, "VFrameFormat contradicts the id of the message") \
    X(114, OVERLAP_UNSEARCHED, WARNING, "too many signals in branches to find every overlap; said once") \
    X(120, FACTOR_ZERO, WARNING, "a signal has the factor 0: every raw value means the same") \
    X(121, RANGE_REVERSED, WARNING, "the minimum of a signal is above its maximum") \
    X(122, RANGE_UNREACHABLE, INFO, "minimum or maximum of a signal lie beyond what its bits can express") \
    X(123, RANGE_EMPTY, WARNING, "no raw value of a signal lies between its minimum and its maximum") \
    X(124, TEXT_OUTSIDE, WARNING, "a value table names a value that the bits of the signal cannot have") \
    X(125, TEXT_TWICE, INFO, "a value table gives several values one text") \
    X(126, START_OUTSIDE, WARNING, "the start value of a signal does not fit into its bits") \
    X(127, START_OUT_OF_RANGE, INFO, "the start value of a signal is not between its minimum and maximum") \
    X(128, SIGNAL_LONG, INFO, "a signal of over 64 bits is bytes, not a number") \
    X(140, SELECTOR_ALONE, INFO, "a multiplexer selects nothing") \
    X(141, SELECTOR_NO_INTEGER, WARNING, "a multiplexer is no integer of up to 64 bits") \
    X(142, BRANCH_OUTSIDE, WARNING, "a signal is selected by values that its multiplexer cannot have") \
    X(143, BRANCH_UNREACHABLE, WARNING, "no frame can hold a signal: the multiplexers above it never agree") \
    X(144, BRANCH_OVERLAP, WARNING, "the selector ranges of a signal overlap or are reversed") \
    X(150, NAME_INVALID, WARNING, "a name is no C identifier or a keyword of the language; other tools reject the file") \
    X(151, NAME_LONG, WARNING, "a name has over 32 characters and no long-symbol attribute") \
    X(160, ATTRIBUTE_RANGE, WARNING, "the value of an attribute is outside its definition's range") \
    X(161, ATTRIBUTE_TEXT, WARNING, "the value of an attribute is none of its definition's texts") \
    X(162, ATTRIBUTE_NO_DEFAULT, INFO, "an attribute definition has no default") \
    X(163, ATTRIBUTE_TWICE, WARNING, "an attribute is defined twice") \
    X(170, TABLE_UNUSED, INFO, "no signal has the texts of a value table") \
    X(180, ENVIRONMENT_NODE, WARNING, "a node of environment variables is not listed in BU_; said once per node")
/* clang-format on */

#endif
