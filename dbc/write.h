/* Writes a model as a DBC file in normal form: CANdb++'s order and syntax, one statement a line, LF.
 *
 * What the parser reads back from it is the same database (ct_dbc_diff finds nothing), and strict readers take it where
 * they rejected the original: 29-bit ids carry bit 31, names that are no C identifiers or have over 32 characters get a
 * short form and a System...LongSymbol attribute, ENUM values are indices, numbers have the fewest digits that read
 * back equal, selectors are spelled out by SG_MUL_VAL_ where m<n> alone does not say them.
 * Not in the model, hence not written: signal types (their layout stands at each signal; a
 * start value that only the type gives is lost), categories, filters, bit
 * timing registers, comments of the language itself (//). Left out, because strict readers would reject the file:
 * pseudo messages whose id is no CAN id, except the pool of unused signals, and ENUM values that are none of their
 * definition's. */
#ifndef CT_DBC_WRITE_H
#define CT_DBC_WRITE_H

#include "buf.h"
#include "dbc.h"

/* DBC files carry no mark of their encoding. Vector's tools and cantools read Windows-1252; so that is written when
 * every text fits and none could be mistaken for UTF-8, else UTF-8. */
enum ct_dbc_encoding { CT_DBC_ENCODING_AUTO, CT_DBC_CP1252, CT_DBC_UTF8 };

struct ct_dbc_written {
    enum ct_dbc_encoding encoding; /* of the text */
    size_t left_out;               /* pseudo messages, ENUM values */
};

/* Appends the file to `out` (an error is also out's own). CT_ERR_UNSUPPORTED when CT_DBC_CP1252 is asked for and a text
 * does not fit; CT_ERR_NO_MEMORY, CT_ERR_TOO_LARGE. */
int ct_dbc_write(const struct ct_dbc *dbc, enum ct_dbc_encoding encoding, struct ct_buf *out,
                 struct ct_dbc_written *out_written) CT_MUST_CHECK;

#endif
