/* The outbox's own structure, shared by its sources only. */
#ifndef CT_GATEWAY_OUTBOX_INTERNAL_H
#define CT_GATEWAY_OUTBOX_INTERNAL_H

#include "outbox_lane.h"

struct ct_outbox {
    char dir[CT_LANE_PATH_MAX];  /* state_dir */
    char path[CT_LANE_PATH_MAX]; /* its outbox folder */
    int lock_fd;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    struct ct_lane lanes[CT_CLASS_COUNT];
    struct ct_segment_cache cache;
    struct ct_buf gap, state_bytes;
    bool has_last_sample;
    int64_t last_sample_utc_ns;
    bool state_due; /* must be saved with the next commit */
    bool acks_due;  /* may be saved some time */
    bool clean;     /* to be saved as the clean-stop mark */
    ct_ns saved_ns;
    bool has_catalogue; /* the newest one saved */
    uint8_t catalogue[CT_HASH_SIZE];
    struct ct_outbox_stats stats;
};

static inline struct ct_lane *ct_outbox_lane(struct ct_outbox *outbox, enum ct_class class)
{
    return &outbox->lanes[CT_CLASS_INDEX(class)];
}

/* outbox_open.c */
int ct_outbox_state_save(struct ct_outbox *outbox) CT_MUST_CHECK;
void ct_outbox_free(struct ct_outbox *outbox);

/* outbox_catalogue.c: deletes the catalogues nobody needs any more. */
void ct_outbox_catalogue_sweep(struct ct_outbox *outbox);

#endif
