/* What people read of where a command stands. */
#include "commands.h"

const char *ct_commands_state_text(int state, int64_t sent_utc_ms)
{
    if (state == CT_COMMAND_SENT || (state == 0 && sent_utc_ms != 0)) {
        return "sent";
    }
    if (state == CT_COMMAND_AWAITING_RELEASE) {
        return "awaiting-release";
    }
    return state == 0 ? "queued" : ct_command_state_text(state);
}

const char *ct_commands_desired_text(int state, int reason)
{
    static const char *const texts[] = {
        [CT_COMMAND_ACCEPTED] = "pending",    [CT_COMMAND_REFUSED] = "refused",
        [CT_COMMAND_RUNNING] = "pending",     [CT_COMMAND_DONE] = "applied",
        [CT_COMMAND_FAILED] = "failed",       [CT_COMMAND_EXPIRED] = "expired",
        [CT_COMMAND_CANCELLED] = "cancelled", [CT_COMMAND_OUTCOME_UNKNOWN] = "unknown",
    };
    if (reason == CT_REASON_SUPERSEDED) {
        return "superseded";
    }
    if (state == CT_COMMAND_FAILED && reason == CT_REASON_NOT_OBSERVED) {
        return "overridden";
    }
    const bool known = state > 0 && (size_t)state < sizeof texts / sizeof texts[0];
    return known ? texts[state] : "pending";
}
