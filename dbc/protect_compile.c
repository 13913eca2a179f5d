/* From configurations to rules: which messages they are for. */
#include "problems.h"
#include "protect_rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct protect_database {
    const struct ct_dbc *dbc;
    struct ct_protect_rule **rules; /* as the messages; NULL: none */
    size_t rule_count;
};

struct protect_polynomial {
    struct protect_polynomial *next;
    uint8_t polynomial;
    uint8_t table[256];
};

struct ct_protect {
    struct protect_database *databases;
    size_t database_count;
    size_t rule_count;
    struct protect_polynomial *polynomials;
    struct ct_crc_tables crc;
};

/* ---- tables */

const uint8_t *ct_protect_crc8_table(struct ct_protect *protect, uint8_t polynomial)
{
    for (struct protect_polynomial *item = protect->polynomials; item != NULL; item = item->next) {
        if (item->polynomial == polynomial) {
            return item->table;
        }
    }
    struct protect_polynomial *made = malloc(sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->polynomial = polynomial;
    made->next = protect->polynomials;
    ct_crc8_table(polynomial, made->table);
    protect->polynomials = made;
    return made->table;
}

const struct ct_crc_tables *ct_protect_crc_tables(const struct ct_protect *protect)
{
    return &protect->crc;
}

/* ---- messages */

static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *from = text;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool is_meant(const struct ct_protect_config *config, const struct ct_dbc_message *message)
{
    return config->message != NULL ? strcmp(config->message, message->name) == 0
           : config->id != NULL    ? *config->id == message->id && message->extended == (*config->id > 0x7FF)
                                   : glob(config->match, message->name);
}

static int add_rule(const struct protect_maker *maker, struct protect_database *database, size_t index)
{
    struct ct_protect_rule rule;
    const int err = ct_protect_build(maker, &database->dbc->messages[index], &rule);
    if (err != CT_OK) {
        return err;
    }
    database->rules[index] = malloc(sizeof rule);
    if (database->rules[index] == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    *database->rules[index] = rule;
    maker->protect->rule_count++;
    return CT_OK;
}

static int apply_to(const struct protect_maker *maker, struct protect_database *database, size_t *met)
{
    for (size_t m = 0; m < database->dbc->message_count; m++) {
        if (!is_meant(maker->config, &database->dbc->messages[m])) {
            continue;
        }
        if (database->rules[m] != NULL) {
            (*met)++;
            continue;
        }
        const size_t known = strlen(maker->problem);
        const int err = add_rule(maker, database, m);
        if (err == CT_ERR_UNSUPPORTED && maker->config->match != NULL) {
            maker->problem[known] = '\0'; /* it is none */
            continue;
        }
        if (err != CT_OK) {
            return err == CT_ERR_UNSUPPORTED ? CT_ERR_SYNTAX : err;
        }
        (*met)++;
    }
    return CT_OK;
}

static int apply(struct protect_maker *maker)
{
    const struct ct_protect_config *config = maker->config;
    size_t met = 0;
    int err = ct_protect_check_config(maker);
    for (size_t d = 0; d < maker->protect->database_count && err == CT_OK; d++) {
        err = apply_to(maker, &maker->protect->databases[d], &met);
    }
    if (err != CT_OK || met > 0) {
        return err;
    }
    if (config->match != NULL) {
        return ct_protect_refuse(maker, "no message that '%s' matches can be protected by scheme %s", config->match,
                                 config->scheme);
    }
    return config->id != NULL
               ? ct_protect_refuse(maker, "no DBC file of this bus has a message with id 0x%" PRIX32, *config->id)
               : ct_protect_refuse(maker, "no DBC file of this bus has a message '%s'", config->message);
}

static int open_databases(struct ct_protect *protect, const struct ct_dbc *const *dbcs, size_t dbc_count)
{
    protect->databases = calloc(dbc_count + 1, sizeof *protect->databases);
    if (protect->databases == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t d = 0; d < dbc_count; d++) {
        struct protect_database *database = &protect->databases[d];
        database->rules = calloc(dbcs[d]->message_count + 1, sizeof *database->rules);
        if (database->rules == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        database->dbc = dbcs[d];
        database->rule_count = dbcs[d]->message_count;
        protect->database_count = d + 1;
    }
    return CT_OK;
}

int ct_protect_compile(const struct ct_dbc *const *dbcs, size_t dbc_count, const struct ct_protect_config *configs,
                       size_t count, struct ct_protect **out_protect, char *problem, size_t problem_size)
{
    struct ct_protect *protect = calloc(1, sizeof *protect);
    int err = protect == NULL ? CT_ERR_NO_MEMORY : open_databases(protect, dbcs, dbc_count);
    ct_problems_begin(problem, problem_size);
    if (err == CT_OK) {
        ct_crc_tables_init(&protect->crc);
    }
    /* After an error the other rules are looked at only where all problems are wanted. */
    for (size_t i = 0; i < count && (err == CT_OK || (err == CT_ERR_SYNTAX && ct_problems_all(problem_size))); i++) {
        struct protect_maker maker = {protect, &configs[i], NULL, i + 1, problem, problem_size};
        const int wrong = apply(&maker);
        err = wrong != CT_OK ? wrong : err;
    }
    if (err == CT_ERR_NO_MEMORY) {
        ct_problems_add(problem, problem_size, "%s", ct_err_text(err));
    }
    if (err != CT_OK) {
        ct_protect_free(protect);
        return err;
    }
    *out_protect = protect;
    return CT_OK;
}

void ct_protect_free(struct ct_protect *protect)
{
    if (protect == NULL) {
        return;
    }
    for (size_t d = 0; d < protect->database_count; d++) {
        for (size_t m = 0; m < protect->databases[d].rule_count; m++) {
            free(protect->databases[d].rules[m]);
        }
        free(protect->databases[d].rules);
    }
    for (struct protect_polynomial *item = protect->polynomials; item != NULL;) {
        struct protect_polynomial *next = item->next;
        free(item);
        item = next;
    }
    free(protect->databases);
    free(protect);
}

const struct ct_protect_rule *ct_protect_rule_of(const struct ct_protect *protect, const struct ct_dbc_message *message)
{
    for (size_t d = 0; protect != NULL && d < protect->database_count; d++) {
        const struct ct_dbc *dbc = protect->databases[d].dbc;
        const uintptr_t at = (uintptr_t)message;
        if (at >= (uintptr_t)dbc->messages && at < (uintptr_t)(dbc->messages + dbc->message_count)) {
            return protect->databases[d].rules[message - dbc->messages];
        }
    }
    return NULL;
}

size_t ct_protect_rule_count(const struct ct_protect *protect)
{
    return protect != NULL ? protect->rule_count : 0;
}
