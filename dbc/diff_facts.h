/* Internal to dbc/diff*.c: a database as a list of objects, each with its fields as texts. */
#ifndef CT_DBC_DIFF_FACTS_H
#define CT_DBC_DIFF_FACTS_H

#include "buf.h"
#include "diff.h"

struct dbc_fact { /* offsets in `texts` */
    size_t field;
    size_t value;
};

struct dbc_object {
    size_t key;   /* what it is matched by; that of a part begins with that of the whole and KEY_PART */
    size_t label; /* for people */
    size_t order;
    size_t first; /* of its facts */
    size_t fact_count;
};

#define DBC_KEY_PART '\1'

struct dbc_facts {
    struct ct_buf texts;
    struct dbc_fact *items;
    size_t count;
    size_t capacity;
    struct dbc_object *objects;
    size_t object_count;
    size_t object_capacity;
    bool no_memory;
};

/* CT_ERR_NO_MEMORY or CT_OK; to be freed in both cases. */
int ct_dbc_facts_init(struct dbc_facts *facts, const struct ct_dbc *dbc,
                      const struct ct_dbc_diff_options *options) CT_MUST_CHECK;
void ct_dbc_facts_free(struct dbc_facts *facts);

#endif
