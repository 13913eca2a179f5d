/* Any bytes as a saved DTC memory: refused with nothing changed, or taken over so that saving gives a memory that can
 * be restored again. Inputs get a fitting checksum, or nearly all would end there. */
#include "bytes.h"
#include "uds_rig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void restore(struct ct_uds_rig *rig, uint8_t *bytes, size_t size)
{
    static uint8_t before[65536];
    static uint8_t after[65536];
    const size_t saved = ct_dtc_save_size(rig->dtcs);
    if (saved > sizeof before) {
        abort();
    }
    ct_dtc_save(rig->dtcs, before);
    const int err = ct_dtc_restore(rig->dtcs, bytes, size);
    ct_dtc_save(rig->dtcs, after);
    if (err != CT_OK ? memcmp(before, after, saved) != 0 : ct_dtc_restore(rig->dtcs, after, saved) != CT_OK) {
        abort();
    }
}

static void read_all(struct ct_uds_rig *rig)
{
    static uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];
    static const uint8_t requests[][6] = {{0x19, 0x0A}, {0x19, 0x03}, {0x19, 0x0B}, {0x19, 0x0E}, {0x19, 0x15}};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        (void)ct_uds_server_answer(rig->server, requests[i], 2, false, 0, response);
    }
    for (size_t i = 0; i < CT_RIG_DTC_COUNT; i++) {
        ct_dtc_report(rig->dtcs, i, i % 2 == 0);
    }
    ct_dtc_next_cycle(rig->dtcs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_uds_rig rig;
    static uint8_t bytes[65536];
    if (size > sizeof bytes) {
        return 0;
    }
    rig = (struct ct_uds_rig){0};
    ct_uds_rig_init(&rig, NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    restore(&rig, bytes, size);
    if (size >= 4) {
        ct_put_le32(bytes + size - 4, ct_crc32c(0, bytes, size - 4));
        restore(&rig, bytes, size);
    }
    read_all(&rig);
    ct_uds_rig_free(&rig);
    return 0;
}
