/* How far each stream of one vehicle has come, per class. A stream is one outbox's life; a vehicle has one at a time
 * and rarely a new one, so this is a short list searched in order; the one not used for longest leaves when it is full.
 * Caller-allocated (zero is empty). Not thread-safe. */
#ifndef CT_FLEET_POSITIONS_H
#define CT_FLEET_POSITIONS_H

#include "link_types.h"

#include <stdbool.h>

#define CT_STREAMS_MAX 8

struct ct_stream_position {
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    struct ct_positions positions;
    bool dirty; /* moved since it was last stored or told */
};

struct ct_stream_positions {
    struct ct_stream_position streams[CT_STREAMS_MAX];
    size_t count; /* the one used last at the end */
    bool
        dropped; /* one has left: what is stored of it must go too, or the next start would load it before the others */
};

/* The stream's entry, made with zeros when it is new; valid until the next call. */
struct ct_stream_position *ct_stream_position_of(struct ct_stream_positions *list,
                                                 const uint8_t stream_id[CT_STREAM_ID_SIZE]);

/* True and moved forward when seq_last is new; false when it was there before. */
bool ct_stream_position_advance(struct ct_stream_position *position, enum ct_class class, uint64_t seq_last);

#endif
