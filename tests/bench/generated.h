/* What decode_bench.py puts around the code that cantools generates. */
#ifndef CT_TESTS_GENERATED_H
#define CT_TESTS_GENERATED_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_LEN  4
#define FRAME_DATA 8

/* Decodes all frames, the values of each into `values`. */
typedef void generated_run_fn(const uint8_t *frames, size_t count, size_t stride, double *values);
/* Decodes one; slots of a message that are not there stay as they are. Returns their number, -1 for unknown or refused
 * frames. */
typedef int generated_one_fn(const uint8_t *frame, double *values);
/* The signal of a slot. */
typedef const char *generated_slot_fn(const uint8_t *frame, int slot);

#endif
