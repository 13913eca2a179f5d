/* The result of a diagnostic job, as a vehicle might send anything: what is read can be written again, and says the
 * same. */
#include "diagnostic_wire.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    size_t ecus, dtcs, bytes;
    uint64_t sum;
};

static void keep(void *user, const struct ct_result_ecu *ecu)
{
    struct kept *kept = user;
    kept->ecus++;
    kept->bytes += ecu->response_len;
    kept->sum = kept->sum * 31 + strlen(ecu->ecu) + (unsigned)ecu->reason + ecu->nrc;
    for (size_t i = 0; i < ecu->dtc_count; i++) {
        kept->dtcs++;
        kept->bytes += ecu->dtcs[i].snapshots_len;
        kept->sum = kept->sum * 31 + ecu->dtcs[i].code + ecu->dtcs[i].status;
        for (size_t k = 0; k < ecu->dtcs[i].snapshots_len; k++) {
            kept->sum += ecu->dtcs[i].snapshots[k];
        }
    }
}

/* One ECU goes round: encoded alone and decoded, it is the same. */
static void round_trip(void *user, const struct ct_result_ecu *ecu)
{
    struct kept before = {0};
    struct kept after = {0};
    struct ct_buf out;
    bool truncated = false;
    (void)user;
    keep(&before, ecu);
    ct_buf_init(&out, 1U << 20);
    if (ct_diagnostic_result_encode(ecu, 1, true, &out) == CT_OK) {
        if (ct_diagnostic_result_decode(out.data, out.len, keep, &after, &truncated) != CT_OK || !truncated ||
            memcmp(&before, &after, sizeof before) != 0) {
            abort();
        }
    }
    ct_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kept kept = {0};
    bool truncated = false;
    if (ct_diagnostic_result_decode(data, size, keep, &kept, &truncated) == CT_OK) {
        (void)!ct_diagnostic_result_decode(data, size, round_trip, NULL, &truncated);
    }
    return 0;
}
