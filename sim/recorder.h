/* Writes every frame of a simulation to one candump log. Accepts NULL as "no recording". Belongs to one thread. */
#ifndef CT_SIM_RECORDER_H
#define CT_SIM_RECORDER_H

#include "frame.h"

struct ct_recorder;
int ct_recorder_open(const char *path, struct ct_recorder **out_recorder) CT_MUST_CHECK;
/* `sent`: by the simulation (T), else received (R). Stamp in nanoseconds since 1970. */
void ct_recorder_frame(struct ct_recorder *recorder, const struct ct_frame *frame, ct_ns stamp_utc, const char *bus,
                       bool sent);
void ct_recorder_flush(struct ct_recorder *recorder);
/* Flushes and closes; CT_ERR_IO when anything could not be written. */
int ct_recorder_close(struct ct_recorder *recorder);

#endif
