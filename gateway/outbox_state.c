#include "outbox_state.h"

#include "bytes.h"

#include <string.h>

#define MAGIC     UINT32_C(0x534F5443) /* "CTOS" */
#define VERSION   1U
#define HEAD_SIZE 56U
#define LANE_SIZE 28U
#define HOLE_SIZE 44U

_Static_assert(HEAD_SIZE + CT_CLASS_COUNT * (LANE_SIZE + CT_HOLES_MAX * HOLE_SIZE) + 4 <= CT_OUTBOX_STATE_MAX,
               "the longest state fits its limit");

static void hole_remove(struct ct_holes *holes, size_t index)
{
    memmove(&holes->list[index], &holes->list[index + 1], (holes->count - index - 1) * sizeof holes->list[0]);
    holes->count--;
}

static void hole_take_up(struct ct_hole *into, const struct ct_hole *other)
{
    into->samples += other->samples;
    if (other->from_utc_ns != 0 && (into->from_utc_ns == 0 || other->from_utc_ns < into->from_utc_ns)) {
        into->from_utc_ns = other->from_utc_ns;
    }
    if (other->to_utc_ns > into->to_utc_ns) {
        into->to_utc_ns = other->to_utc_ns;
    }
}

/* Joins the first two that touch; false when none do. */
static bool holes_join(struct ct_holes *holes)
{
    for (size_t i = 0; i + 1 < holes->count; i++) {
        if (holes->list[i].last + 1 == holes->list[i + 1].first) {
            hole_take_up(&holes->list[i], &holes->list[i + 1]);
            holes->list[i].last = holes->list[i + 1].last;
            hole_remove(holes, i + 1);
            return true;
        }
    }
    return false;
}

void ct_holes_add(struct ct_holes *holes, const struct ct_hole *hole)
{
    struct ct_hole added = *hole;
    for (size_t i = 0; i < holes->count;) {
        if (holes->list[i].first >= added.first && holes->list[i].last <= added.last) {
            hole_take_up(&added, &holes->list[i]);
            hole_remove(holes, i);
        } else {
            i++;
        }
    }
    size_t at = 0;
    while (at < holes->count && holes->list[at].first < added.first) {
        at++;
    }
    struct ct_hole *before = at > 0 ? &holes->list[at - 1] : NULL;
    if (before != NULL && !before->told && before->reason == added.reason && before->last + 1 == added.first) {
        hole_take_up(before, &added);
        before->last = added.last;
        return;
    }
    if (holes->count == CT_HOLES_MAX && !holes_join(holes)) {
        holes->count--;
    }
    at = 0;
    while (at < holes->count && holes->list[at].first < added.first) {
        at++;
    }
    memmove(&holes->list[at + 1], &holes->list[at], (holes->count - at) * sizeof holes->list[0]);
    holes->list[at] = added;
    holes->count++;
}

void ct_holes_forget(struct ct_holes *holes, uint64_t seq)
{
    while (holes->count > 0 && holes->list[0].last <= seq) {
        hole_remove(holes, 0);
    }
    if (holes->count > 0 && holes->list[0].first <= seq) {
        holes->list[0].first = seq + 1;
        holes->list[0].samples = 0; /* how many of them lie behind seq is not known */
    }
}

struct ct_hole ct_holes_tell(struct ct_holes *holes, uint64_t first, uint64_t last)
{
    struct ct_hole answer = {.first = first, .last = last, .reason = CT_GAP_DAMAGED};
    for (size_t i = 0; i < holes->count; i++) {
        struct ct_hole *hole = &holes->list[i];
        if (hole->last < first) {
            continue;
        }
        if (hole->first > first) {
            answer.last = hole->first <= last ? hole->first - 1 : last;
            return answer;
        }
        answer = *hole;
        answer.first = first;
        answer.last = hole->last < last ? hole->last : last;
        if (answer.first != hole->first || answer.last != hole->last) {
            answer.samples = 0;
        }
        hole->told = true;
        return answer;
    }
    return answer;
}

static void put_u32(struct ct_buf *out, uint32_t value)
{
    uint8_t bytes[4];
    ct_put_le32(bytes, value);
    ct_buf_append(out, bytes, sizeof bytes);
}

static void put_u64(struct ct_buf *out, uint64_t value)
{
    uint8_t bytes[8];
    ct_put_le64(bytes, value);
    ct_buf_append(out, bytes, sizeof bytes);
}

static void put_lane(struct ct_buf *out, const struct ct_outbox_lane_state *lane)
{
    put_u64(out, lane->acked);
    put_u64(out, lane->next_seq);
    put_u64(out, lane->front);
    put_u32(out, (uint32_t)lane->holes.count);
    for (size_t i = 0; i < lane->holes.count; i++) {
        const struct ct_hole *hole = &lane->holes.list[i];
        put_u64(out, hole->first);
        put_u64(out, hole->last);
        put_u64(out, hole->samples);
        put_u64(out, (uint64_t)hole->from_utc_ns);
        put_u64(out, (uint64_t)hole->to_utc_ns);
        put_u32(out, (uint32_t)hole->reason | (hole->told ? 256U : 0U));
    }
}

void ct_outbox_state_write(const struct ct_outbox_state *state, struct ct_buf *out)
{
    ct_buf_clear(out);
    put_u32(out, MAGIC);
    put_u32(out, VERSION);
    ct_buf_append(out, state->stream_id, CT_STREAM_ID_SIZE);
    ct_buf_append(out, state->boot_id, CT_BOOT_ID_SIZE);
    put_u32(out, state->clean ? 1 : 0);
    put_u32(out, state->has_last_sample ? 1 : 0);
    put_u64(out, (uint64_t)state->last_sample_utc_ns);
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        put_lane(out, &state->lanes[i]);
    }
    put_u32(out, ct_crc32c(0, out->data, out->len));
}

static bool read_holes(const uint8_t *data, size_t count, struct ct_holes *out)
{
    uint64_t behind = 0;
    for (size_t i = 0; i < count; i++, data += HOLE_SIZE) {
        const uint32_t kind = ct_le32(data + 40);
        const struct ct_hole hole = {.first = ct_le64(data),
                                     .last = ct_le64(data + 8),
                                     .samples = ct_le64(data + 16),
                                     .from_utc_ns = (int64_t)ct_le64(data + 24),
                                     .to_utc_ns = (int64_t)ct_le64(data + 32),
                                     .reason = (enum ct_gap_reason)(kind & 255U),
                                     .told = (kind & 256U) != 0};
        if (hole.first <= behind || hole.last < hole.first || hole.reason < CT_GAP_OUTBOX_FULL ||
            hole.reason > CT_GAP_QUEUE_FULL) {
            return false;
        }
        behind = hole.last;
        out->list[i] = hole;
    }
    out->count = count;
    return true;
}

/* *at: where the lane begins, then where the next does. */
static bool read_lane(const uint8_t *data, size_t len, size_t *at, struct ct_outbox_lane_state *out)
{
    if (len - *at < LANE_SIZE) {
        return false;
    }
    const uint8_t *lane = data + *at;
    const size_t count = ct_le32(lane + 24);
    *at += LANE_SIZE;
    if (count > CT_HOLES_MAX || (len - *at) / HOLE_SIZE < count) {
        return false;
    }
    *at += count * HOLE_SIZE;
    out->acked = ct_le64(lane);
    out->next_seq = ct_le64(lane + 8);
    out->front = ct_le64(lane + 16);
    return out->next_seq != 0 && out->acked < out->next_seq && read_holes(lane + LANE_SIZE, count, &out->holes);
}

int ct_outbox_state_read(const uint8_t *data, size_t len, struct ct_outbox_state *out_state)
{
    if (len < HEAD_SIZE + 4 || ct_le32(data) != MAGIC || ct_le32(data + len - 4) != ct_crc32c(0, data, len - 4)) {
        return CT_ERR_CORRUPT;
    }
    if (ct_le32(data + 4) != VERSION) {
        return CT_ERR_UNSUPPORTED;
    }
    struct ct_outbox_state state = {.clean = ct_le32(data + 40) != 0, .has_last_sample = ct_le32(data + 44) != 0};
    memcpy(state.stream_id, data + 8, CT_STREAM_ID_SIZE);
    memcpy(state.boot_id, data + 24, CT_BOOT_ID_SIZE);
    state.last_sample_utc_ns = (int64_t)ct_le64(data + 48);
    size_t at = HEAD_SIZE;
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        if (!read_lane(data, len - 4, &at, &state.lanes[i])) {
            return CT_ERR_CORRUPT;
        }
    }
    *out_state = state;
    return at == len - 4 ? CT_OK : CT_ERR_CORRUPT;
}
