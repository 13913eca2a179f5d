/* The linter: goes through the database once and lets each check look at its object. */
#include "lint_checks.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 512

/* Names and texts of the file may hold line ends; a finding is one plain line. */
static void make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F) {
            *text = ' ';
        }
    }
}

void ct_dbc_lint_find(struct dbc_lint *lint, enum ct_dbc_code code, struct ct_dbc_place place, const char *format, ...)
{
    struct ct_dbc_problem problem = {.severity = ct_dbc_code_info((unsigned)code)->severity,
                                     .code = code,
                                     .file = lint->dbc->name,
                                     .line = place.line,
                                     .column = place.column};
    if (!ct_dbc_rules_pass(lint->rules, code, &problem.severity)) {
        return;
    }
    char text[TEXT_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_plain(text);
    problem.text = text;
    lint->report(lint->user, &problem);
}

/* ---- names */

bool ct_dbc_names_init(struct dbc_names *names, size_t capacity)
{
    *names = (struct dbc_names){.items = calloc(capacity + 1, sizeof *names->items)};
    return names->items != NULL;
}

void ct_dbc_names_add(struct dbc_names *names, const char *text, size_t index)
{
    names->items[names->count++] = (struct dbc_name){text, index};
}

static int compare_names(const void *a, const void *b)
{
    const struct dbc_name *left = a;
    const struct dbc_name *right = b;
    const int order = strcmp(left->text, right->text);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

void ct_dbc_names_sort(struct dbc_names *names)
{
    qsort(names->items, names->count, sizeof *names->items, compare_names);
}

static int compare_text(const void *key, const void *item)
{
    return strcmp(key, ((const struct dbc_name *)item)->text);
}

const struct dbc_name *ct_dbc_names_find(const struct dbc_names *names, const char *text)
{
    return bsearch(text, names->items, names->count, sizeof *names->items, compare_text);
}

void ct_dbc_names_free(struct dbc_names *names)
{
    free(names->items);
    *names = (struct dbc_names){0};
}

static bool is_twice(const struct dbc_names *names, size_t at)
{
    return at > 0 && strcmp(names->items[at].text, names->items[at - 1].text) == 0;
}

bool ct_dbc_name_valid(const char *name)
{
    static const char *const keywords[] = {
        "BA_",
        "BA_DEF_",
        "BA_DEF_DEF_",
        "BA_DEF_DEF_REL_",
        "BA_DEF_REL_",
        "BA_DEF_SGTYPE_",
        "BA_REL_",
        "BA_SGTYPE_",
        "BO_",
        "BO_TX_BU_",
        "BS_",
        "BU_",
        "BU_BO_REL_",
        "BU_EV_REL_",
        "BU_SG_REL_",
        "CAT_",
        "CAT_DEF_",
        "CM_",
        "EV_",
        "ENVVAR_DATA_",
        "EV_DATA_",
        "FILTER",
        "NS_",
        "NS_DESC_",
        "SG_",
        "SG_MUL_VAL_",
        "SGTYPE_",
        "SGTYPE_VAL_",
        "SIG_GROUP_",
        "SIG_TYPE_REF_",
        "VAL_",
        "SIG_VALTYPE_",
        "VAL_TABLE_",
        "VERSION",
        "SIGTYPE_VALTYPE_",
    };
    if (isdigit((unsigned char)name[0]) || name[0] == '\0') {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (*c != '_' && (!isalnum((unsigned char)*c) || (unsigned char)*c >= 0x80)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcmp(name, keywords[i]) == 0) {
            return false;
        }
    }
    return true;
}

static bool has_long_symbol(const struct ct_dbc_attributes *attributes)
{
    for (size_t i = 0; attributes != NULL && i < attributes->count; i++) {
        const char *name = attributes->items[i].def->name;
        if (strncmp(name, "System", 6) == 0 && strstr(name, "LongSymbol") != NULL) {
            return true;
        }
    }
    return false;
}

void ct_dbc_lint_name(struct dbc_lint *lint, struct ct_dbc_place place, const char *what, const char *name,
                      const struct ct_dbc_attributes *attributes)
{
    if (!ct_dbc_name_valid(name)) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_NAME_INVALID, place, "%s '%s': the name is no C identifier", what, name);
    }
    if (strlen(name) > DBC_NAME_MAX && !has_long_symbol(attributes)) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_NAME_LONG, place, "%s '%s': the name has %zu characters, over %d", what,
                         name, strlen(name), DBC_NAME_MAX);
    }
}

/* ---- objects of the database */

static void check_message_names(struct dbc_lint *lint)
{
    const struct ct_dbc *dbc = lint->dbc;
    struct dbc_names names;
    if (!ct_dbc_names_init(&names, dbc->message_count)) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < dbc->message_count; i++) {
        ct_dbc_names_add(&names, dbc->messages[i].name, i);
    }
    ct_dbc_names_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        if (is_twice(&names, i)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_MESSAGE_NAME_TWICE, dbc->messages[names.items[i].index].place,
                             "message '%s' has the name of the message in line %u", names.items[i].text,
                             dbc->messages[names.items[i - 1].index].place.line);
        }
    }
    ct_dbc_names_free(&names);
}

/* The same for equal tables, and hardly for others: FNV-1a over values and texts. */
static uint64_t hash_texts(const struct ct_dbc_text *texts, size_t count)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ ((uint64_t)texts[i].raw >> shift & 0xFF)) * UINT64_C(0x100000001B3);
        }
        for (const char *c = texts[i].text;; c++) {
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001B3);
            if (*c == '\0') {
                break;
            }
        }
    }
    return hash;
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Of all signals' texts, sorted; NULL when out of memory. */
static uint64_t *hash_signals(const struct ct_dbc *dbc, size_t *out_count)
{
    size_t count = 0;
    for (size_t m = 0; m < dbc->message_count; m++) {
        count += dbc->messages[m].signal_count;
    }
    uint64_t *hashes = calloc(count + 1, sizeof *hashes);
    if (hashes == NULL) {
        return NULL;
    }
    count = 0;
    for (size_t m = 0; m < dbc->message_count; m++) {
        for (size_t s = 0; s < dbc->messages[m].signal_count; s++) {
            const struct ct_dbc_signal *signal = &dbc->messages[m].signals[s];
            hashes[count++] = hash_texts(signal->texts, signal->text_count);
        }
    }
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    *out_count = count;
    return hashes;
}

static void check_tables_used(struct dbc_lint *lint)
{
    const struct ct_dbc *dbc = lint->dbc;
    size_t count = 0;
    uint64_t *hashes = dbc->table_count > 0 ? hash_signals(dbc, &count) : NULL;
    lint->no_memory = lint->no_memory || (dbc->table_count > 0 && hashes == NULL);
    for (size_t i = 0; hashes != NULL && i < dbc->table_count; i++) {
        const uint64_t hash = hash_texts(dbc->tables[i].texts, dbc->tables[i].text_count);
        if (bsearch(&hash, hashes, count, sizeof *hashes, compare_hashes) == NULL) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_TABLE_UNUSED, dbc->tables[i].place,
                             "no signal has the texts of value table '%s'", dbc->tables[i].name);
        }
    }
    free(hashes);
}

static void check_tables(struct dbc_lint *lint)
{
    const struct ct_dbc *dbc = lint->dbc;
    struct dbc_names names;
    if (!ct_dbc_names_init(&names, dbc->table_count)) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < dbc->table_count; i++) {
        ct_dbc_names_add(&names, dbc->tables[i].name, i);
        ct_dbc_lint_name(lint, dbc->tables[i].place, "value table", dbc->tables[i].name, NULL);
    }
    ct_dbc_names_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        if (is_twice(&names, i)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_TABLE_NAME_TWICE, dbc->tables[names.items[i].index].place,
                             "value table '%s' stands here a second time", names.items[i].text);
        }
    }
    ct_dbc_names_free(&names);
}

static void check_messages(struct dbc_lint *lint)
{
    const struct ct_dbc *dbc = lint->dbc;
    for (size_t m = 0; m < dbc->message_count; m++) {
        const struct ct_dbc_message *message = &dbc->messages[m];
        ct_dbc_lint_name(lint, message->place, "message", message->short_name, &message->attributes);
        ct_dbc_lint_message(lint, message);
        ct_dbc_lint_attributes(lint, &message->attributes, message->place, "message", message->name);
        for (size_t s = 0; s < message->signal_count; s++) {
            const struct ct_dbc_signal *signal = &message->signals[s];
            ct_dbc_lint_name(lint, signal->place, "signal", signal->short_name, &signal->attributes);
            ct_dbc_lint_signal(lint, message, signal);
            ct_dbc_lint_attributes(lint, &signal->attributes, signal->place, "signal", signal->name);
        }
        ct_dbc_lint_selectors(lint, message);
        ct_dbc_lint_overlaps(lint, message);
    }
}

static void check_environment(struct dbc_lint *lint)
{
    for (size_t i = 0; i < lint->dbc->environment_count; i++) {
        const struct ct_dbc_environment *variable = &lint->dbc->environment[i];
        ct_dbc_lint_name(lint, variable->place, "environment variable", variable->short_name, &variable->attributes);
        ct_dbc_lint_attributes(lint, &variable->attributes, variable->place, "environment variable", variable->name);
    }
}

static bool gives_cycle_times(const struct ct_dbc *dbc)
{
    for (size_t i = 0; i < dbc->message_count; i++) {
        if (dbc->messages[i].cycle_ms > 0) {
            return true;
        }
    }
    return false;
}

int ct_dbc_lint(const struct ct_dbc *dbc, const struct ct_dbc_rules *rules, ct_dbc_problem_fn report, void *user)
{
    struct dbc_lint lint = {.dbc = dbc, .rules = rules, .report = report, .user = user};
    lint.cycle_times = gives_cycle_times(dbc);
    ct_dbc_lint_definitions(&lint);
    ct_dbc_lint_nodes(&lint);
    check_tables(&lint);
    check_tables_used(&lint);
    check_message_names(&lint);
    check_messages(&lint);
    check_environment(&lint);
    return lint.no_memory ? CT_ERR_NO_MEMORY : CT_OK;
}
