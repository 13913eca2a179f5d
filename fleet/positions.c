#include "positions.h"

#include <string.h>

struct ct_stream_position *ct_stream_position_of(struct ct_stream_positions *list,
                                                 const uint8_t stream_id[CT_STREAM_ID_SIZE])
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->streams[i].stream_id, stream_id, CT_STREAM_ID_SIZE) == 0) {
            const struct ct_stream_position used = list->streams[i];
            list->count--;
            memmove(&list->streams[i], &list->streams[i + 1], (list->count - i) * sizeof used);
            list->streams[list->count] = used;
            return &list->streams[list->count++];
        }
    }
    if (list->count == CT_STREAMS_MAX) {
        list->dropped = true;
        memmove(&list->streams[0], &list->streams[1], (CT_STREAMS_MAX - 1) * sizeof list->streams[0]);
        list->count--;
    }
    struct ct_stream_position *position = &list->streams[list->count++];
    *position = (struct ct_stream_position){0};
    memcpy(position->stream_id, stream_id, CT_STREAM_ID_SIZE);
    return position;
}

bool ct_stream_position_advance(struct ct_stream_position *position, enum ct_class class, uint64_t seq_last)
{
    uint64_t *seq = &position->positions.seq[CT_CLASS_INDEX(class)];
    if (seq_last <= *seq) {
        return false;
    }
    *seq = seq_last;
    position->dirty = true;
    return true;
}
