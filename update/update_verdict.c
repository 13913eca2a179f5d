#include "update_verdict.h"

#define CASE(name, value, text) \
    case value:                 \
        return text;

const char *ct_update_verdict_text(int verdict)
{
    switch (verdict) {
        CT_UPDATE_VERDICT_MAP(CASE)
    default:
        return "unknown";
    }
}

const char *ct_update_state_text(int state)
{
    switch (state) {
        CT_UPDATE_STATE_MAP(CASE)
    default:
        return "unknown";
    }
}
