/* The stable codes of everything that can be said about a DBC file: `DBC001`. A code is never given another meaning;
 * new ones are added at the end of their block.
 *   1-99     the parser's (dbc_parse*.c and what builds the model): the text, references, and what changes how frames
 *            are decoded (two messages of one id, signals outside their frame, renamed signals)
 *   100-199  the linter's (lint_codes.h): what a file says correctly, but hardly means
 * Columns: code, constant, severity, what it means (for help and documents). */
#ifndef CT_DBC_DBC_CODES_H
#define CT_DBC_DBC_CODES_H

#include "lint_codes.h"

/* clang-format off */
#define CT_DBC_CODES(X) \
    CT_DBC_LINT_CODES(X) \
    X(1, SYNTAX, ERROR, "a statement that cannot be understood; it is skipped") \
    X(2, UNCLOSED_STRING, ERROR, "a string without its closing '\"'; its statement is skipped") \
    X(3, ENCODING, ERROR, "the file is UTF-16; nothing is read: save it as UTF-8") \
    X(4, NO_SEMICOLON, WARNING, "a statement does not end in ';'; it counts") \
    X(5, UNKNOWN_STATEMENT, WARNING, "a keyword that is none of the language's; the statement is skipped") \
    X(6, PSEUDO_ID, WARNING, "a message id of more than 29 bits is no CAN id; the message decodes nothing") \
    X(7, NO_MESSAGE, ERROR, "a signal stands before any message; it is skipped") \
    X(8, TOO_MANY_SIGNALS, ERROR, "more than 65535 signals in one message; the rest is skipped") \
    X(9, UNKNOWN_MESSAGE, WARNING, "a statement about a message that is not there; it is skipped") \
    X(10, UNKNOWN_SIGNAL, WARNING, "a statement about a signal that is not there; it is skipped") \
    X(11, UNKNOWN_NODE, WARNING, "a statement about a node that is not there; it is skipped") \
    X(12, UNKNOWN_ENVIRONMENT, WARNING, "a statement about an environment variable that is not there; it is skipped") \
    X(13, UNKNOWN_TABLE, WARNING, "a value table that is not there; the values have no texts") \
    X(14, UNKNOWN_TYPE, WARNING, "a signal type that is not there; the statement is skipped") \
    X(15, UNKNOWN_ATTRIBUTE, WARNING, "an attribute without a definition (BA_DEF_); its value counts as it is written") \
    X(16, ATTRIBUTE_TYPE, WARNING, "an attribute's type is none of INT, HEX, FLOAT, STRING, ENUM; the nearest is taken") \
    X(17, ATTRIBUTE_VALUE, WARNING, "an attribute's value is none of its type; it counts as it is written") \
    X(18, NO_FLOAT, WARNING, "a signal declared as an IEEE number does not have 16, 32 or 64 bits; it stays an integer") \
    X(19, NO_MULTIPLEXER, WARNING, "a multiplexed signal in a message without a multiplexer; it is decoded always") \
    X(20, BAD_MULTIPLEXER, WARNING, "SG_MUL_VAL_ names a multiplexer that is none of the message's; it is skipped") \
    X(21, MULTIPLEXER_CIRCLE, ERROR, "multiplexers that depend on each other; the signal is decoded always") \
    X(22, BARE_MARK, WARNING, "the mark 'm' without a number is taken for a multiplexer, M") \
    X(23, SAME_ID, WARNING, "two messages have one id; frames are decoded as the last of them") \
    X(24, SAME_SIGNAL, WARNING, "one frame holds several signals of one name; the earlier ones are renamed") \
    X(25, OUTSIDE, WARNING, "a signal does not fit into the message's length; longer frames only hold it") \
    X(26, TYPE_DIFFERS, WARNING, "a signal differs from its signal type; the signal's own layout counts") \
    X(27, WHICH_MULTIPLEXER, WARNING, "a message has several multiplexers and no SG_MUL_VAL_ for a signal; it is taken for a branch of the nearest M above it")
/* clang-format on */

#define CT_DBC_CODE_ENUM(number, name, severity, text) CT_DBC_CODE_##name = (number),
enum ct_dbc_code { CT_DBC_CODES(CT_DBC_CODE_ENUM) };
#undef CT_DBC_CODE_ENUM

#endif
