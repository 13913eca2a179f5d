#include "permits.h"

#include <string.h>

void ct_permits_give(struct ct_permits *permits, const char *bus, const struct ct_frame *frame, ct_ns now)
{
    struct ct_permit *permit = &permits->items[permits->next];
    permits->next = (permits->next + 1) % CT_PERMITS_MAX;
    permit->until = ct_ns_add(now, CT_PERMIT_VALID_NS);
    permit->frame = *frame;
    const size_t len = strnlen(bus, sizeof(permit->bus) - 1);
    memcpy(permit->bus, bus, len);
    permit->bus[len] = '\0';
}

bool ct_permits_take(struct ct_permits *permits, const char *bus, const struct ct_frame *frame, ct_ns now)
{
    for (size_t back = 1; back <= CT_PERMITS_MAX; back++) {
        const size_t at = (permits->next + CT_PERMITS_MAX - back) % CT_PERMITS_MAX;
        struct ct_permit *permit = &permits->items[at];
        if (permit->until <= now || strcmp(permit->bus, bus) != 0 || !ct_frame_same(&permit->frame, frame)) {
            continue;
        }
        permit->until = 0;
        if (back == 1) {
            permits->next = at; /* frames that leave at once push nobody else's permit out */
        }
        return true;
    }
    return false;
}
