/* The bytes of a log file, decompressed where they are zstd or gzip (told by content), through one bounded buffer.
 * Adapter target can_log. One thread. */
#ifndef CT_CAN_LOG_SOURCE_H
#define CT_CAN_LOG_SOURCE_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_log_source;

/* `path` "-" is standard input. Waiting for a pipe ends with CT_ERR_CLOSED when `stop_fd` (-1: none) becomes readable.
 * On failure *out_text is constant text or a system message. */
int ct_log_source_open(const char *path, int stop_fd, struct ct_log_source **out_source,
                       const char **out_text) CT_MUST_CHECK;
void ct_log_source_close(struct ct_log_source *source); /* accepts NULL */

/* Adds bytes behind those not yet taken, at least one. CT_ERR_END when there are no more, CT_ERR_FULL when the buffer
 * is, CT_ERR_CLOSED when it was told to stop, CT_ERR_IO and the like, CT_ERR_CORRUPT and CT_ERR_TRUNCATED (compressed
 * data) with *out_text set; final. */
int ct_log_source_fill(struct ct_log_source *source, const char **out_text) CT_MUST_CHECK;

/* What is there; valid until the next fill. */
const uint8_t *ct_log_source_bytes(const struct ct_log_source *source, size_t *out_len);

/* `n` of them are done with. */
void ct_log_source_take(struct ct_log_source *source, size_t n);

/* Of the compressed or plain file, for progress: bytes read so far, and all of them (0 unknown). */
uint64_t ct_log_source_position(const struct ct_log_source *source, uint64_t *out_size);

#endif
