/* Any text as an ECU description: refused with a problem, or one that can be; then every field takes any record. */
#include "ecu_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_all(const struct ct_ecu_did *did, struct ct_uds_bytes record)
{
    struct ct_buf text;
    struct ct_ecu_value value;
    ct_buf_init(&text, 65536);
    for (uint32_t i = 0; i < did->fields_count; i++) {
        (void)!ct_ecu_field_decode(&did->fields[i], record, &text, &value);
        uint8_t copy[64];
        const size_t len = record.len < sizeof copy ? record.len : sizeof copy;
        memcpy(copy, record.data, len);
        (void)!ct_ecu_field_encode(&did->fields[i], "1", copy, len);
    }
    ct_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char problem[512] = "";
    struct ct_ecu_description *ecu = NULL;
    if (ct_ecu_file_load_text("fuzz", (const char *)data, size, &ecu, problem, sizeof problem) != CT_OK) {
        if (problem[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (uint32_t i = 0; i < ecu->dids_count; i++) {
        decode_all(&ecu->dids[i], (struct ct_uds_bytes){data, size});
        decode_all(&ecu->dids[i], (struct ct_uds_bytes){data, size < 3 ? size : 3});
    }
    ct_ecu_file_free(ecu);
    return 0;
}
