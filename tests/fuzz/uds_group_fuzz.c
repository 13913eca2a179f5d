/* Any frames of any members at any time after a functional request: it ends by the clock alone, no member has an answer
 * of another service, no byte is read that was not received. */
#include "uds_group.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ct_ns turn(struct ct_uds_group *group, ct_ns now)
{
    struct ct_frame out;
    while (ct_uds_group_next_frame(group, &out, now) == CT_OK) {
        if (!ct_frame_valid(&out)) {
            abort();
        }
    }
    return ct_uds_group_tick(group, now);
}

/* Every frame as a byte of length and member, then its bytes; a length over 8 lets time pass instead. */
static ct_ns run(struct ct_uds_group *group, const uint8_t *data, size_t size)
{
    ct_ns now = 0;
    while (size > 0) {
        const uint8_t len = data[0] & 0x3FU;
        (void)turn(group, now);
        if (len > 8) {
            now += len * CT_NS_PER_MS;
            data++;
            size--;
            continue;
        }
        struct ct_frame frame = {.id = 0x7E8U + (data[0] >> 6), .len = len};
        if (size < 1U + len) {
            break;
        }
        memcpy(frame.data, data + 1, len);
        (void)ct_uds_group_receive(group, &frame, now);
        data += 1 + len;
        size -= 1U + len;
    }
    return now;
}

static void check_results(const struct ct_uds_group *group, uint8_t service)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct ct_uds_result result = ct_uds_group_result(group, i);
        for (size_t k = 0; k < result.len; k++) {
            sum = (uint8_t)(sum + result.response[k]);
        }
        const bool positive = result.outcome == CT_UDS_POSITIVE && result.len > 0;
        if ((positive && result.response[0] != (uint8_t)(service + CT_UDS_POSITIVE_OFFSET)) ||
            (result.outcome == CT_UDS_NEGATIVE && (result.len < 3 || result.response[1] != service))) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_isotp_config members[MEMBERS];
    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i] = ct_isotp_config_usual(0x7E0 + i, 0x7E8 + i);
    }
    const struct ct_uds_group_config config = {.functional = ct_isotp_config_functional(&members[0], 0x7DF),
                                               .members = members,
                                               .member_count = MEMBERS,
                                               .enough = size % 3};
    struct ct_uds_group *group;
    const size_t request_len = size > 0 ? 1U + data[0] % 7U : 0;
    if (size < 1 + request_len || ct_uds_group_create(&config, &group) != CT_OK) {
        return 0;
    }
    if (ct_uds_group_request(group, data + 1, request_len, 0) == CT_OK) {
        ct_ns now = run(group, data + 1 + request_len, size - 1 - request_len);
        for (unsigned steps = 0; ct_uds_group_busy(group); steps++) {
            const ct_ns next = turn(group, now);
            if (next == CT_NS_NEVER ? ct_uds_group_busy(group) : steps > 1000) {
                abort(); /* waits for nothing, or for ever */
            }
            now = next > now ? next : now;
        }
        check_results(group, data[1]);
    }
    ct_uds_group_free(group);
    return 0;
}
