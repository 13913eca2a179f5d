/* Any bytes as a segment file and as the state file, their checksums made right so that what lies behind is reached:
 * records only rise, lie inside the file, and a state that was read can be written and read again. */
#include "bytes.h"
#include "outbox_segment.h"
#include "outbox_state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal_frame(uint8_t *frame, size_t rest)
{
    memcpy(frame, "CTRC", 4);
    const size_t len = ct_le32(frame + 4) + (size_t)((frame[21] & 1) != 0 ? CT_HASH_SIZE : 0);
    if (len <= rest - CT_SEGMENT_FRAME_SIZE) {
        ct_put_le32(frame + 40, ct_crc32c(0, frame + CT_SEGMENT_FRAME_SIZE, len));
    }
    ct_put_le32(frame + 44, ct_crc32c(0, frame, 44));
}

static void walk(const uint8_t *data, size_t size)
{
    struct ct_segment_head head;
    struct ct_outbox_record record;
    struct ct_segment_walk walk = {
        .data = data, .len = size, .offset = CT_SEGMENT_HEAD_SIZE, .class = CT_CLASS_SAMPLE, .min_seq = 1};
    (void)!ct_segment_head_read(data, size, &head);
    uint64_t last = 0;
    while (ct_segment_next(&walk, &record) == CT_OK) {
        if (record.seq_last <= last || record.data < data || record.data + record.len > data + size) {
            abort();
        }
        last = record.seq_last;
    }
}

static void read_state(uint8_t *data, size_t size)
{
    static struct ct_outbox_state state;
    static struct ct_outbox_state again;
    struct ct_buf bytes;
    ct_put_le32(data + size - 4, ct_crc32c(0, data, size - 4));
    if (ct_outbox_state_read(data, size, &state) != CT_OK) {
        return;
    }
    ct_buf_init(&bytes, CT_OUTBOX_STATE_MAX);
    ct_outbox_state_write(&state, &bytes);
    if (ct_buf_error(&bytes) != CT_OK || ct_outbox_state_read(bytes.data, bytes.len, &again) != CT_OK) {
        abort();
    }
    ct_buf_free(&bytes);
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        struct ct_holes *holes = &state.lanes[i].holes;
        const struct ct_hole hole = ct_holes_tell(holes, state.lanes[i].acked + 1, UINT64_MAX);
        ct_holes_forget(holes, hole.last);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL || size < CT_SEGMENT_HEAD_SIZE + CT_SEGMENT_FRAME_SIZE || size > 65536) {
        free(copy);
        return 0;
    }
    memcpy(copy, data, size);
    memcpy(copy, "CTOS", 4);
    ct_put_le32(copy + 4, 1);
    read_state(copy, size);
    memcpy(copy, data, size);
    for (size_t at = CT_SEGMENT_HEAD_SIZE; size - at >= CT_SEGMENT_FRAME_SIZE; at += 64) {
        seal_frame(copy + at, size - at);
        if (size - at < 64) {
            break;
        }
    }
    memcpy(copy, "CTOB", 4);
    ct_put_le32(copy + 60, ct_crc32c(0, copy, 60));
    walk(copy, size);
    free(copy);
    return 0;
}
