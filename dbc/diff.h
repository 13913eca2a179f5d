/* What two databases mean differently. Messages are matched by id and frame kind, signals, nodes, tables, environment
 * variables and attributes by name (of several equal ones the first with the first). Not compared: places, order, short
 * names and the attributes that carry long names or the baud rate (the names and the rate themselves are), the layout
 * of the text.
 * Allocates only while it runs; thread-safe. */
#ifndef CT_DBC_DIFF_H
#define CT_DBC_DIFF_H

#include "dbc.h"

enum ct_dbc_change_kind { CT_DBC_ADDED, CT_DBC_REMOVED, CT_DBC_CHANGED };

struct ct_dbc_change {
    enum ct_dbc_change_kind kind;
    const char *object; /* "message 0x123 ENGINE signal Speed" */
    const char *field;  /* "factor", "attribute GenMsgCycleTime"; "" when the whole object was added or removed */
    const char *before; /* "" when it was not there */
    const char *after;
};
typedef void (*ct_dbc_change_fn)(void *user, const struct ct_dbc_change *change);

struct ct_dbc_diff_options {
    bool comments; /* compared too */
};

/* Reports every difference, sorted by object; *out_count of them. CT_ERR_NO_MEMORY or CT_OK. */
int ct_dbc_diff(const struct ct_dbc *before, const struct ct_dbc *after, const struct ct_dbc_diff_options *options,
                ct_dbc_change_fn report, void *user, size_t *out_count) CT_MUST_CHECK;

#endif
