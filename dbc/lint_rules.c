/* The table of codes and what a user makes of it. */
#include "lint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct ct_dbc_code_info table[CT_DBC_CODE_LIMIT] = {
#define CODE_ROW(number, name, severity, text) [number] = {#name, CT_DBC_##severity, text},
    CT_DBC_CODES(CODE_ROW)
#undef CODE_ROW
};

const struct ct_dbc_code_info *ct_dbc_code_info(unsigned number)
{
    return number < CT_DBC_CODE_LIMIT && table[number].name != NULL ? &table[number] : NULL;
}

static bool name_matches(const char *name, const char *wanted)
{
    for (; *name != '\0' && *wanted != '\0'; name++, wanted++) {
        const char c = *wanted == '-' ? '_' : (char)toupper((unsigned char)*wanted);
        if (*name != c) {
            return false;
        }
    }
    return *name == *wanted;
}

/* `DBC1x2` against 112. */
static bool digits_match(unsigned number, const char *wanted)
{
    if (strncmp(wanted, "DBC", 3) != 0 || strlen(wanted) != 6) {
        return false;
    }
    for (size_t i = 5; i >= 3; i--, number /= 10) {
        if (wanted[i] != 'x' && wanted[i] != (char)('0' + number % 10)) {
            return false;
        }
    }
    return true;
}

int ct_dbc_rules_set(struct ct_dbc_rules *rules, const char *codes, enum ct_dbc_action action)
{
    bool found = false;
    for (unsigned i = 0; i < CT_DBC_CODE_LIMIT; i++) {
        if (table[i].name != NULL &&
            (strcmp(codes, "all") == 0 || digits_match(i, codes) || name_matches(table[i].name, codes))) {
            rules->actions[i] = (uint8_t)action;
            found = true;
        }
    }
    return found ? CT_OK : CT_ERR_NOT_FOUND;
}

bool ct_dbc_rules_pass(const struct ct_dbc_rules *rules, enum ct_dbc_code code, enum ct_dbc_severity *severity)
{
    const unsigned number = (unsigned)code;
    const uint8_t action = rules != NULL && number < CT_DBC_CODE_LIMIT ? rules->actions[number] : CT_DBC_DEFAULT;
    if (action == CT_DBC_AS_ERROR) {
        *severity = CT_DBC_ERROR;
    }
    return action == CT_DBC_DEFAULT ? *severity != CT_DBC_INFO : action != CT_DBC_OFF;
}
