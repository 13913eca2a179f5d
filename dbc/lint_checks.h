/* Internal to dbc/lint*.c: what the checks share. */
#ifndef CT_DBC_LINT_CHECKS_H
#define CT_DBC_LINT_CHECKS_H

#include "lint.h"

#define DBC_NAME_MAX 32 /* characters of a name; longer ones stand in System...LongSymbol attributes */

struct dbc_lint {
    const struct ct_dbc *dbc;
    const struct ct_dbc_rules *rules;
    ct_dbc_problem_fn report;
    void *user;
    bool no_memory;
    bool cycle_times; /* some message has one */
    uint64_t steps;   /* of comparing signals with each other */
};

/* A finding: as severe as the code's row and the rules say. */
void ct_dbc_lint_find(struct dbc_lint *lint, enum ct_dbc_code code, struct ct_dbc_place place, const char *format, ...)
    CT_PRINTF(4, 5);

void ct_dbc_lint_nodes(struct dbc_lint *lint);
void ct_dbc_lint_message(struct dbc_lint *lint, const struct ct_dbc_message *message);
void ct_dbc_lint_signal(struct dbc_lint *lint, const struct ct_dbc_message *message,
                        const struct ct_dbc_signal *signal);
void ct_dbc_lint_selectors(struct dbc_lint *lint, const struct ct_dbc_message *message);
void ct_dbc_lint_overlaps(struct dbc_lint *lint, const struct ct_dbc_message *message);
void ct_dbc_lint_attributes(struct dbc_lint *lint, const struct ct_dbc_attributes *attributes,
                            struct ct_dbc_place place, const char *what, const char *name);
void ct_dbc_lint_name(struct dbc_lint *lint, struct ct_dbc_place place, const char *what, const char *name,
                      const struct ct_dbc_attributes *attributes); /* NULL: none */
void ct_dbc_lint_definitions(struct dbc_lint *lint);

/* A name that every reader of the language takes: a C identifier that is none of its keywords. */
bool ct_dbc_name_valid(const char *name);

/* Names, sorted; for looking up and for finding those that stand there twice. */
struct dbc_name {
    const char *text;
    size_t index; /* of its object */
};
struct dbc_names {
    struct dbc_name *items;
    size_t count;
};
bool ct_dbc_names_init(struct dbc_names *names, size_t capacity);
void ct_dbc_names_add(struct dbc_names *names, const char *text, size_t index);
void ct_dbc_names_sort(struct dbc_names *names);
const struct dbc_name *ct_dbc_names_find(const struct dbc_names *names, const char *text);
void ct_dbc_names_free(struct dbc_names *names);

#endif
