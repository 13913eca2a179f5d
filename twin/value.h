/* Values of the twin: how a signal's value is stored, its quality flags, and one sample of it.
 * Shared by gateway and fleet. Thread-safe: values only. */
#ifndef CT_TWIN_VALUE_H
#define CT_TWIN_VALUE_H

#include "time_ns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an entry's value is stored. */
enum ct_kind {
    CT_KIND_RAW,    /* signed 64-bit raw integer; physical = raw * factor + offset */
    CT_KIND_DOUBLE, /* a double (float signals, computed values) */
    CT_KIND_BYTES,  /* opaque bytes */
    CT_KIND_STRING, /* UTF-8 text */
};

/* What the value means to a reader: VSS datatypes. */
enum ct_datatype {
    CT_DT_BOOLEAN,
    CT_DT_INT8,
    CT_DT_INT16,
    CT_DT_INT32,
    CT_DT_INT64,
    CT_DT_UINT8,
    CT_DT_UINT16,
    CT_DT_UINT32,
    CT_DT_UINT64,
    CT_DT_FLOAT,
    CT_DT_DOUBLE,
    CT_DT_STRING,
    CT_DT_BYTES,
};

/* Quality flags, independent of each other; 0 is good. */
enum ct_quality {
    CT_Q_NEVER_SEEN = 1 << 0,
    CT_Q_STALE = 1 << 1,
    CT_Q_NOT_AVAILABLE = 1 << 2,
    CT_Q_OUT_OF_RANGE = 1 << 3,
    CT_Q_CHECKSUM = 1 << 4, /* the newest frame failed its checksum; the value is the last good one */
    CT_Q_COUNTER = 1 << 5,  /* the newest frame failed its counter; the value is the last good one */
    CT_Q_DERIVED_FROM_BAD = 1 << 6,
};

#define CT_BYTES_MAX 256 /* longest bytes or string value */

/* One value at one instant. `bytes` points to memory of the sample's owner. */
struct ct_sample {
    uint32_t id;      /* dense id in its catalogue */
    uint16_t quality; /* enum ct_quality */
    uint16_t len;     /* of bytes */
    ct_ns t_ns;       /* source time */
    union {
        int64_t raw;
        double number;
        const uint8_t *bytes;
    };
};

#endif
