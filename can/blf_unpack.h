/* The outer layer of a BLF file: bytes of the file in, the stream of objects inside its containers out. Streams: no
 * size that a file claims is ever allocated. */
#ifndef CT_CAN_BLF_UNPACK_H
#define CT_CAN_BLF_UNPACK_H

#include "errors.h"

#define ZLIB_CONST /* zlib reads from const bytes */
#include <zlib.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_blf_stage { CT_BLF_FILE_HEAD, CT_BLF_OBJECT_HEAD, CT_BLF_DEFLATED, CT_BLF_STORED, CT_BLF_SKIPPED };

struct ct_blf_unpack {
    enum ct_blf_stage stage;
    z_stream z;
    bool z_open;     /* z is initialised */
    bool z_done;     /* the deflated stream of this container has ended */
    bool contained;  /* a container was met: objects outside of containers are no frames */
    unsigned strays; /* padding bytes before the next object */
    uint64_t left;   /* bytes of the current object still to come */
    uint64_t offset; /* in the file, of the next byte */
    uint64_t start;  /* in the file, of the current object */
    uint64_t skipped;
    int64_t start_utc;
    const char *problem;
};

/* Takes up to `len` bytes and gives up to `room`. CT_OK also when nothing could be done with so few bytes;
 * CT_ERR_CORRUPT, CT_ERR_UNSUPPORTED or CT_ERR_NO_MEMORY with `problem` set. */
int ct_blf_unpack(struct ct_blf_unpack *u, const uint8_t *bytes, size_t len, size_t *out_used, uint8_t *out,
                  size_t room, size_t *out_made) CT_MUST_CHECK;

/* Nothing more will come, and these bytes were not taken: does the file end between two objects? */
bool ct_blf_unpack_whole(const struct ct_blf_unpack *u, const uint8_t *left_over, size_t len);

/* Are these bytes at an end no more than padding? */
bool ct_blf_is_padding(const uint8_t *bytes, size_t len);

void ct_blf_unpack_close(struct ct_blf_unpack *u);

#endif
