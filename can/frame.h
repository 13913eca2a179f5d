/* The CAN frame as a value: classic and FD, standard and extended, remote and error frames.
 * Source: ISO 11898-1:2015; error frame classes as in Linux <linux/can/error.h>. Thread-safe: values only. */
#ifndef CT_CAN_FRAME_H
#define CT_CAN_FRAME_H

#include "errors.h"
#include "time_ns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_frame_flag {
    CT_FRAME_EXT = 1 << 0,  /* 29-bit arbitration id */
    CT_FRAME_RTR = 1 << 1,  /* remote frame: `len` is the requested length, no data; classic only */
    CT_FRAME_ERR = 1 << 2,  /* error frame: id holds the error class bits, data the details */
    CT_FRAME_FD = 1 << 3,   /* CAN FD format */
    CT_FRAME_BRS = 1 << 4,  /* FD: bit rate switch */
    CT_FRAME_ESI = 1 << 5,  /* FD: error state indicator */
    CT_FRAME_SENT = 1 << 6, /* sent by this process (echo, or Tx in a log) */
};

#define CT_FRAME_DATA_MAX 64
#define CT_ID_STD_MAX     0x7FFU
#define CT_ID_EXT_MAX     0x1FFFFFFFU

struct ct_frame {
    ct_ns t_ns;     /* receive stamp, CLOCK_BOOTTIME; for logs: the log's own stamp */
    int64_t utc_ns; /* wall clock at the same instant, for people; 0 unknown */
    uint32_t id;    /* arbitration id without flag bits */
    uint16_t flags; /* enum ct_frame_flag */
    uint8_t bus;    /* index of the bus in its process's configuration */
    uint8_t len;    /* data bytes: 0..8, FD also 12 16 20 24 32 48 64 */
    uint8_t data[CT_FRAME_DATA_MAX];
};

/* True when id, flags and length fit together. */
bool ct_frame_valid(const struct ct_frame *frame);

/* The smallest length an FD frame can have that holds `len` bytes (len <= 64): 9 -> 12. */
uint8_t ct_frame_fd_length(size_t len);

/* Data length code (0..15) of a valid length, and back. */
uint8_t ct_frame_dlc_from_length(uint8_t len);
uint8_t ct_frame_length_from_dlc(uint8_t dlc, bool fd);

/* Same id, flags (SENT aside), length and data; stamps and bus do not count. */
bool ct_frame_same(const struct ct_frame *a, const struct ct_frame *b);

#endif
