/* DTC memory of one ECU (ISO 14229-1:2020 D.2): test results in, status bytes, counters, snapshots and extended data
 * out. Knows nothing of requests (uds_server_dtc.c) nor of files: it saves itself to bytes and is restored from them.
 *
 * Debounce by the fault detection counter; confirmed after so many failing cycles; the warning goes out after three
 * passing cycles; ages after so many passing cycles. Two snapshots a DTC: record 1 of the first failure, record 2 of
 * the latest. Bounded by its definitions; nothing is allocated after create. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_DTC_MEMORY_H
#define CT_DIAGNOSTICS_DTC_MEMORY_H

#include "errors.h"
#include "uds.h"

#include <stddef.h>

#define CT_DTC_MAX             128
#define CT_DTC_SNAPSHOT_DIDS   24
#define CT_DTC_SNAPSHOT_BYTES  96 /* of values, identifiers not counted */
#define CT_DTC_SNAPSHOTS       2
#define CT_DTC_SNAPSHOT_FIRST  1U
#define CT_DTC_SNAPSHOT_LATEST 2U

struct ct_dtc_definition {
    uint32_t code;     /* three bytes */
    uint8_t severity;  /* bits 5 to 7; bits 0 to 4: class */
    uint8_t unit;      /* DTCFunctionalUnit */
    uint8_t readiness; /* ReadinessGroupIdentifier of an emissions DTC; 0: none */
    bool emissions;    /* belongs to group FFFF33 and to OBD */
    bool warning;      /* asks for the lamp once confirmed */
    uint8_t confirm;   /* failing cycles until confirmed; 0: 1 */
    uint8_t aging;     /* passing cycles until forgotten; 0: 40 */
    uint8_t fail_step; /* of the fault detection counter per failing result; 0: 127, failed at once */
    uint8_t pass_step; /* per passing result; 0: 128, passed at once */
};

struct ct_dtc_snapshot_did {
    uint16_t id;
    uint8_t len; /* exact */
};

struct ct_dtc_memory_config {
    const struct ct_dtc_definition *definitions; /* kept, not copied */
    size_t count;
    const struct ct_dtc_snapshot_did *snapshot; /* kept; what every snapshot holds */
    size_t snapshot_count;
    /* A value at this moment; as in struct ct_uds_did. A value that cannot be read is stored as FF bytes. */
    uint8_t (*read)(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len);
    void *user;
    uint8_t available; /* DTCStatusAvailabilityMask; 0: all bits */
};

/* One DTC as it stands. */
struct ct_dtc_state {
    uint8_t status;
    int8_t detection;     /* fault detection counter, -128 to 127 */
    int8_t detection_max; /* this cycle */
    uint8_t occurrences;  /* passed to failed, stops at 255 */
    uint8_t failed_cycles;
    uint8_t trips;     /* failing cycles in a row, for confirmation */
    uint8_t aging;     /* passing cycles since it was confirmed */
    uint8_t healing;   /* passing cycles since the last failure */
    uint8_t snapshots; /* bit 0: record 1 is there, bit 1: record 2 */
    bool permanent;
    uint32_t first_failed, first_confirmed, last_failed, last_confirmed; /* order of happening; 0: never */
};

struct ct_dtc_memory;
/* CT_ERR_ARGUMENT for no, too many or repeated definitions, or a snapshot over the limits. */
int ct_dtc_memory_create(const struct ct_dtc_memory_config *config, struct ct_dtc_memory **out_memory) CT_MUST_CHECK;
void ct_dtc_memory_free(struct ct_dtc_memory *memory); /* accepts NULL */

/* One result of the test of definition `index`. Ignored while the setting is off. */
void ct_dtc_report(struct ct_dtc_memory *memory, size_t index, bool failed);
/* The operation cycle ends and the next begins. */
void ct_dtc_next_cycle(struct ct_dtc_memory *memory);
/* ControlDTCSetting: while off no status changes but by clearing. */
void ct_dtc_setting(struct ct_dtc_memory *memory, bool on);
bool ct_dtc_setting_is_on(const struct ct_dtc_memory *memory);
/* A group (FFFFFF all, FFFF33 emissions) or one DTC; permanent ones stay permanent. False: no such group or DTC. */
bool ct_dtc_clear(struct ct_dtc_memory *memory, uint32_t group);

size_t ct_dtc_count(const struct ct_dtc_memory *memory);
const struct ct_dtc_definition *ct_dtc_definition(const struct ct_dtc_memory *memory, size_t index);
const struct ct_dtc_state *ct_dtc_state(const struct ct_dtc_memory *memory, size_t index);
/* Status under the availability mask. */
uint8_t ct_dtc_status(const struct ct_dtc_memory *memory, size_t index);
uint8_t ct_dtc_available(const struct ct_dtc_memory *memory);
/* False: no such code. */
bool ct_dtc_find(const struct ct_dtc_memory *memory, uint32_t code, size_t *out_index);
const struct ct_dtc_snapshot_did *ct_dtc_snapshot_layout(const struct ct_dtc_memory *memory, size_t *out_count);
/* The values of a record (1 or 2) in the layout's order; NULL when it is not there. Until the memory changes. */
const uint8_t *ct_dtc_snapshot(const struct ct_dtc_memory *memory, size_t index, unsigned record);

/* Grows with every change worth saving. */
uint32_t ct_dtc_revision(const struct ct_dtc_memory *memory);
/* Status bits that changed on any DTC since the last call. */
uint8_t ct_dtc_take_changes(struct ct_dtc_memory *memory);

/* --- dtc_store.c: the memory as bytes, with a CRC --- */

size_t ct_dtc_save_size(const struct ct_dtc_memory *memory);
/* Writes exactly ct_dtc_save_size bytes. */
void ct_dtc_save(const struct ct_dtc_memory *memory, uint8_t *out);
/* Takes over what is known of the codes still defined, all or nothing: CT_ERR_CORRUPT for bytes that were not saved
 * by this program (the memory stays as it was). Snapshots are dropped when the layout has changed. */
int ct_dtc_restore(struct ct_dtc_memory *memory, const uint8_t *data, size_t len) CT_MUST_CHECK;

#endif
