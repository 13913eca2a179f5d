/* The telemetry path of one frame: bind -> twin -> collect -> sink. What SIGHUP exchanges as a whole.
 * Owns its parts. Belongs to one thread; no clock, no I/O. */
#ifndef CT_GATEWAY_PIPELINE_H
#define CT_GATEWAY_PIPELINE_H

#include "bind.h"
#include "collect.h"

struct ct_pipeline {
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct ct_collect *collect;
};

void ct_pipeline_close(struct ct_pipeline *pipeline); /* frees the parts; accepts empty ones */

enum ct_frame_class ct_pipeline_frame(struct ct_pipeline *pipeline, const struct ct_frame *frame, ct_ns now,
                                      struct ct_bus_counts *counts, ct_collect_emit_fn emit, void *user);
/* The same for frames of one bus as one read gives them: in one go as far as no message is among them twice, then
 * again, so that the sink gets every value. */
void ct_pipeline_frames(struct ct_pipeline *pipeline, const struct ct_frame *frames, size_t count, ct_ns now,
                        struct ct_bus_counts *counts, ct_collect_emit_fn emit, void *user);
/* Staleness, intervals, what was held back; returns the next deadline. */
ct_ns ct_pipeline_tick(struct ct_pipeline *pipeline, ct_ns now, ct_collect_emit_fn emit, void *user);

/* Takes over what `old` knew, where the definitions are the same; returns how many values. */
size_t ct_pipeline_carry(struct ct_pipeline *pipeline, const struct ct_pipeline *old);

#endif
