/* The DTC memory's inside, shared by dtc_memory.c and dtc_store.c only. */
#ifndef CT_DIAGNOSTICS_DTC_MEMORY_INTERNAL_H
#define CT_DIAGNOSTICS_DTC_MEMORY_INTERNAL_H

#include "dtc_memory.h"

struct ct_dtc_entry {
    struct ct_dtc_state state;
    uint8_t snapshots[CT_DTC_SNAPSHOTS][CT_DTC_SNAPSHOT_BYTES];
};

struct ct_dtc_memory {
    struct ct_dtc_memory_config config;
    size_t snapshot_len; /* of the values of one record */
    bool off;
    uint8_t changes;
    uint32_t revision;
    uint32_t order; /* last number given to first_failed and its like */
    struct ct_dtc_entry entries[];
};

#endif
