/* Vector's binary log (BLF): a file header, then log containers (stored or deflated) whose content is one stream of
 * objects; objects may span containers. Layouts: Vector's published binlog object headers, and files as CANoe and
 * python-can write them; all integers little-endian. The start date counts as UTC, as python-can has it.
 * Pure functions but for the reader's buffers. One reader belongs to one thread. */
#ifndef CT_CAN_BLF_H
#define CT_CAN_BLF_H

#include "log_format.h"

#define CT_BLF_FILE_HEADER 144
#define CT_BLF_CONTAINER   32  /* header of a container object */
#define CT_BLF_OBJECT_MAX  160 /* the longest object the writer makes, with its padding */
#define CT_BLF_LOOKAHEAD   512 /* what reading an object needs of it at most */

enum ct_blf_type {
    CT_BLF_CAN_MESSAGE = 1,
    CT_BLF_CAN_ERROR = 2,
    CT_BLF_LOG_CONTAINER = 10,
    CT_BLF_CAN_ERROR_EXT = 73,
    CT_BLF_CAN_MESSAGE2 = 86,
    CT_BLF_CAN_FD_MESSAGE = 100,
    CT_BLF_CAN_FD_MESSAGE_64 = 101,
    CT_BLF_CAN_FD_ERROR_64 = 104,
};

/* One object, of which min(its size, CT_BLF_LOOKAHEAD) bytes are there and start with LOBJ. CT_ERR_NOT_FOUND: a kind
 * that holds no frame; CT_ERR_SYNTAX: too short for its kind, *out_text says so. */
int ct_blf_object(const uint8_t *bytes, size_t len, int64_t start_utc, struct ct_log_record *out_record,
                  const char **out_text) CT_MUST_CHECK;

/* The frame as an object with its padding; `offset_ns` from the start of the file. Error frames keep nothing but being
 * one. Returns the bytes written. */
size_t ct_blf_put_object(const struct ct_frame *frame, uint64_t offset_ns, unsigned channel,
                         uint8_t out_bytes[CT_BLF_OBJECT_MAX]);

struct ct_blf_summary {
    uint64_t file_size;
    uint64_t plain_size; /* with the containers unpacked */
    uint32_t objects;
    int64_t start_utc; /* 0: no date */
    int64_t stop_utc;
};

void ct_blf_put_file_header(const struct ct_blf_summary *summary, uint8_t out_bytes[CT_BLF_FILE_HEADER]);
void ct_blf_put_container(uint32_t packed, uint32_t plain, uint8_t out_bytes[CT_BLF_CONTAINER]);

/* SYSTEMTIME, 16 bytes, to the millisecond; all 0 is no date (0). */
int64_t ct_blf_systemtime(const uint8_t *bytes);
void ct_blf_put_systemtime(int64_t utc_ns, uint8_t *out_bytes);

#endif
