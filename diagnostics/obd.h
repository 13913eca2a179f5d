/* What the data of OBD-II mean (SAE J1979 / ISO 15031-5): parameter ids as one table of values with byte, width,
 * factor, offset and unit, usable in both directions; trouble codes in words; bitmaps of supported ids; readiness.
 * Shared by tester and simulated ECU. Thread-safe: pure functions and constant data. */
#ifndef CT_DIAGNOSTICS_OBD_H
#define CT_DIAGNOSTICS_OBD_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_OBD_POSITIVE_OFFSET 0x40U
#define CT_OBD_REQUEST_11BIT   0x7DFU      /* functional request, ISO 15765-4 */
#define CT_OBD_REQUEST_29BIT   0x18DB33F1U /* the same with 29-bit ids */
#define CT_OBD_PIDS_MAX        6           /* in one request of mode 01 */
#define CT_OBD_DTC_TEXT        6           /* "P0301" and its NUL */
#define CT_OBD_VIN_LENGTH      17

enum ct_obd_mode {
    CT_OBD_CURRENT = 0x01,
    CT_OBD_FREEZE_FRAME = 0x02,
    CT_OBD_STORED_DTCS = 0x03,
    CT_OBD_CLEAR = 0x04,
    CT_OBD_OXYGEN_TESTS = 0x05, /* not on CAN: there mode 06 tells them */
    CT_OBD_TESTS = 0x06,
    CT_OBD_PENDING_DTCS = 0x07,
    CT_OBD_CONTROL = 0x08,
    CT_OBD_VEHICLE_INFO = 0x09,
    CT_OBD_PERMANENT_DTCS = 0x0A,
};

/* One value inside the data of a PID: value = raw * numerator / denominator + offset. */
struct ct_obd_item {
    uint8_t pid;
    uint8_t length; /* data bytes of the PID, the same in all rows of one PID */
    uint8_t at;     /* first byte of the value, 0 is what the standard calls A */
    uint8_t width;  /* bytes, big-endian: 1, 2 or 4 */
    bool is_signed;
    int32_t numerator, denominator, offset;
    const char *unit;         /* "" for counts, states and bit fields */
    const char *name;         /* one word, unique in the table */
    const char *const *texts; /* of the raw values 0 .. text_count - 1, NULL: a number */
    uint8_t text_count;
};

/* The rows of one PID, in the order of their bytes; NULL and 0 when the table has none (also for the bitmaps 00, 20 ..
 * E0, which ct_obd_pid_length knows). */
const struct ct_obd_item *ct_obd_items(uint8_t pid, size_t *out_count);
/* The row of that name, NULL when there is none. */
const struct ct_obd_item *ct_obd_item_by_name(const char *name);
/* All rows, sorted by PID. */
const struct ct_obd_item *ct_obd_table(size_t *out_count);
/* Data bytes of a PID of mode 01 (without frame number in mode 02); 0: not known here. */
uint8_t ct_obd_pid_length(uint8_t pid);

/* `data` holds the PID's bytes (item->length). */
int64_t ct_obd_raw(const struct ct_obd_item *item, const uint8_t *data);
double ct_obd_value(const struct ct_obd_item *item, const uint8_t *data);
/* Text of the value where the standard names states, else NULL. */
const char *ct_obd_text(const struct ct_obd_item *item, const uint8_t *data);
/* Puts the nearest raw value into the PID's bytes, leaving the others. CT_ERR_RANGE when it does not fit (or is no
 * number); then nothing is written. */
int ct_obd_put(const struct ct_obd_item *item, double value, uint8_t *data) CT_MUST_CHECK;

/* True for 00, 20, 40 .. E0, whose data is the bitmap of the 32 ids that follow, most significant bit first. */
bool ct_obd_is_bitmap(uint8_t id);
/* Whether `id` is in the bitmap that was asked for as `base` (base + 1 .. base + 32). */
bool ct_obd_bitmap_has(uint8_t base, const uint8_t bitmap[4], uint8_t id);
void ct_obd_bitmap_set(uint8_t base, uint8_t bitmap[4], uint8_t id);

/* Two bytes of J2012 as "P0301" and back ("p0301" too). */
void ct_obd_dtc_text(uint16_t dtc, char out_text[CT_OBD_DTC_TEXT]);
int ct_obd_dtc_parse(const char *text, uint16_t *out_dtc) CT_MUST_CHECK; /* CT_ERR_SYNTAX */

/* How mode 09 tells an info type on CAN: a count, then that many items of `size` bytes. */
struct ct_obd_info {
    uint8_t type, size;
    bool text; /* ASCII, filled with 00 */
    const char *name;
};
const struct ct_obd_info *ct_obd_info_find(uint8_t type); /* NULL: not known here */

/* Monitors of PID 01 (and 41) as bits of supported and incomplete, in this order. */
enum ct_obd_monitor {
    CT_OBD_MISFIRE,
    CT_OBD_FUEL_SYSTEM,
    CT_OBD_COMPONENTS,
    CT_OBD_MONITORS_COMMON,
    CT_OBD_MONITORS_MAX = CT_OBD_MONITORS_COMMON + 8,
};

struct ct_obd_readiness {
    bool mil;
    uint8_t dtc_count;
    bool compression; /* compression ignition: other monitors behind the first three */
    uint32_t supported, incomplete;
};
void ct_obd_readiness_decode(const uint8_t data[4], struct ct_obd_readiness *out_readiness);
void ct_obd_readiness_encode(const struct ct_obd_readiness *readiness, uint8_t out_data[4]);
const char *ct_obd_monitor_name(bool compression, unsigned monitor); /* NULL: reserved */

#endif
