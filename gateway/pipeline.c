#include "pipeline.h"

#include <string.h>

void ct_pipeline_close(struct ct_pipeline *pipeline)
{
    ct_collect_free(pipeline->collect);
    ct_twin_free(pipeline->twin);
    ct_bind_free(pipeline->bind);
    memset(pipeline, 0, sizeof *pipeline);
}

enum ct_frame_class ct_pipeline_frame(struct ct_pipeline *pipeline, const struct ct_frame *frame, ct_ns now,
                                      struct ct_bus_counts *counts, ct_collect_emit_fn emit, void *user)
{
    const enum ct_frame_class class = ct_bind_frame(pipeline->bind, pipeline->twin, frame, now, counts);
    if (class == CT_FRAME_DECODED || class == CT_FRAME_REFUSED) {
        ct_collect_changes(pipeline->collect, pipeline->twin, emit, user);
    }
    return class;
}

void ct_pipeline_frames(struct ct_pipeline *pipeline, const struct ct_frame *frames, size_t count, ct_ns now,
                        struct ct_bus_counts *counts, ct_collect_emit_fn emit, void *user)
{
    for (size_t i = 0; i < count;) {
        i += ct_bind_frames(pipeline->bind, pipeline->twin, frames + i, count - i, now, counts);
        ct_collect_changes(pipeline->collect, pipeline->twin, emit, user);
    }
}

ct_ns ct_pipeline_tick(struct ct_pipeline *pipeline, ct_ns now, ct_collect_emit_fn emit, void *user)
{
    const ct_ns bind_due = ct_bind_tick(pipeline->bind, pipeline->twin, now);
    ct_collect_changes(pipeline->collect, pipeline->twin, emit, user);
    return ct_ns_min(bind_due, ct_collect_tick(pipeline->collect, pipeline->twin, now, emit, user));
}

size_t ct_pipeline_carry(struct ct_pipeline *pipeline, const struct ct_pipeline *old)
{
    ct_bind_carry(pipeline->bind, old->bind);
    ct_collect_carry(pipeline->collect, ct_bind_catalogue(pipeline->bind), old->collect, ct_bind_catalogue(old->bind));
    return ct_twin_carry(pipeline->twin, old->twin);
}
