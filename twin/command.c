#include "command.h"

#define BIT(state)                  (1U << (state))
#define TEXT_ROW(name, value, text) [value] = (text),

static const char *const state_texts[] = {CT_COMMAND_STATE_MAP(TEXT_ROW)};
static const char *const reason_texts[] = {CT_COMMAND_REASON_MAP(TEXT_ROW)};

#define STATE_COUNT  ((int)(sizeof(state_texts) / sizeof(state_texts[0])))
#define REASON_COUNT ((int)(sizeof(reason_texts) / sizeof(reason_texts[0])))

_Static_assert(sizeof(state_texts) / sizeof(state_texts[0]) == CT_COMMAND_OUTCOME_UNKNOWN + 1, "states are dense");
_Static_assert(sizeof(reason_texts) / sizeof(reason_texts[0]) == CT_REASON_NOT_CONFIRMED + 1, "reasons are dense");

/* An intent that is durable may or may not have begun when power went, hence accepted -> outcome unknown. A condition
 * may turn false between acceptance and the first bus write, hence accepted -> refused. */
static const unsigned followers[] = {
    [0] = BIT(CT_COMMAND_ACCEPTED) | BIT(CT_COMMAND_REFUSED) | BIT(CT_COMMAND_EXPIRED) | BIT(CT_COMMAND_CANCELLED),
    [CT_COMMAND_ACCEPTED] = BIT(CT_COMMAND_RUNNING) | BIT(CT_COMMAND_REFUSED) | BIT(CT_COMMAND_FAILED) |
                            BIT(CT_COMMAND_EXPIRED) | BIT(CT_COMMAND_CANCELLED) | BIT(CT_COMMAND_OUTCOME_UNKNOWN),
    [CT_COMMAND_RUNNING] = BIT(CT_COMMAND_DONE) | BIT(CT_COMMAND_FAILED) | BIT(CT_COMMAND_EXPIRED) |
                           BIT(CT_COMMAND_CANCELLED) | BIT(CT_COMMAND_OUTCOME_UNKNOWN),
    [CT_COMMAND_OUTCOME_UNKNOWN] = 0,
};

const char *ct_command_state_text(int state)
{
    return state > 0 && state < STATE_COUNT ? state_texts[state] : "unknown-state";
}

const char *ct_command_reason_text(int reason)
{
    return reason >= 0 && reason < REASON_COUNT ? reason_texts[reason] : "unknown-reason";
}

const char *ct_diagnostic_kind_text(int kind)
{
#define KIND_TEXT(name, value, text) [value] = (text),
    static const char *const texts[] = {CT_DIAGNOSTIC_KIND_MAP(KIND_TEXT)};
#undef KIND_TEXT
    return kind > 0 && kind < (int)(sizeof texts / sizeof texts[0]) ? texts[kind] : "unknown-kind";
}

bool ct_command_state_final(int state)
{
    return state > 0 && state < STATE_COUNT && followers[state] == 0;
}

bool ct_command_state_follows(int from, int to)
{
    return from >= 0 && from < STATE_COUNT && to > 0 && to < STATE_COUNT && (followers[from] & BIT(to)) != 0;
}
