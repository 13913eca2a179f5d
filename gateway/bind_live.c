/* The live path: one frame into the twin. */
#include "bind_private.h"

#include <string.h>

/* ---- which message */

static uint32_t find_extended(const struct ct_bind *bind, const struct ct_frame *frame)
{
    const struct bound_bus *bus = &bind->buses[frame->bus];
    uint32_t at = ct_live_hash(frame->id) & bus->extended_mask;
    for (; bus->extended[at].message != 0; at = (at + 1) & bus->extended_mask) {
        if (bus->extended[at].id == frame->id) {
            return bus->extended[at].message;
        }
    }
    return bus->by_group ? ct_live_index(ct_bind_find(bind, frame->bus, frame->id, true)) : 0;
}

/* 0: unknown */
static inline uint32_t find(const struct ct_bind *bind, const struct ct_frame *frame)
{
    if (frame->bus >= bind->bus_count) {
        return 0;
    }
    if ((frame->flags & CT_FRAME_EXT) != 0) {
        return find_extended(bind, frame);
    }
    return frame->id <= CT_ID_STD_MAX ? bind->buses[frame->bus].standard[frame->id] : 0;
}

/* ---- the reference */

static inline uint64_t head_of(const struct ct_frame *frame)
{
    /* by length: which bytes count; a table, because lengths change from frame to frame */
    static const uint8_t masks[LIVE_HEAD + 1][LIVE_HEAD] = {
        {0},
        {0xFF},
        {0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
    };
    uint64_t head;
    uint64_t mask;
    memcpy(&head, frame->data, sizeof head);
    memcpy(&mask, masks[frame->len < LIVE_HEAD ? frame->len : LIVE_HEAD], sizeof mask);
    return head & mask;
}

static inline bool is_reference(const struct ct_bind *bind, const struct live_message *live,
                                const struct ct_frame *frame, uint64_t head)
{
    return live->head == head && live->len == frame->len &&
           (frame->len <= LIVE_HEAD ||
            memcmp(bind->tails[live - bind->live].bytes, frame->data + LIVE_HEAD, frame->len - LIVE_HEAD) == 0);
}

static inline void set_reference(const struct ct_bind *bind, struct live_message *live, const struct ct_frame *frame,
                                 uint64_t head)
{
    live->head = head;
    live->len = frame->len;
    if (frame->len > LIVE_HEAD) {
        memcpy(bind->tails[live - bind->live].bytes, frame->data + LIVE_HEAD, frame->len - LIVE_HEAD);
    }
}

/* ---- values */

/* A message of one block with nothing special: nearly all of them. */
static inline void take_plain(const struct ct_bind *bind, struct ct_lanes *lanes, struct live_message *live,
                              const struct ct_frame *frame, ct_ns now)
{
    const uint32_t block = live->first_block;
    const uint64_t head = head_of(frame);
    uint8_t *active = &bind->active[block];
    unsigned changed = 0;
    if (!is_reference(bind, live, frame, head) || !ct_lanes_current(lanes, block, *active)) {
        set_reference(bind, live, frame, head);
        ct_codec_update_raw(live->codec, frame->data, frame->len, lanes->raw + (size_t)block * CT_LANES, active,
                            bind->changed);
        changed = bind->changed[0];
    }
    ct_lanes_update(lanes, block, *active, changed, frame->t_ns, now);
}

/* False when somebody else wrote values of the message's signals since its last frame. */
static bool is_current(const struct ct_bind *bind, const struct ct_lanes *lanes, const struct live_message *live)
{
    const uint8_t *active = bind->active + live->first_block;
    for (uint32_t i = 0; i < live->block_count; i++) {
        if (!ct_lanes_current(lanes, live->first_block + i, active[i])) {
            return false;
        }
    }
    return true;
}

/* Float lanes: the number beside the pattern. It is what counts as changed. */
static void update_numbers(const struct ct_bind *bind, struct ct_lanes *lanes, const struct live_message *live)
{
    for (uint32_t i = 0; i < live->block_count; i++) {
        const uint32_t block = live->first_block + i;
        const unsigned numbers = lanes->blocks[block].numbers & bind->active[block];
        for (unsigned left = numbers; left != 0; left &= left - 1) {
            const unsigned lane = (unsigned)__builtin_ctz(left);
            const int64_t raw = lanes->raw[(size_t)block * CT_LANES + lane];
            const double number = ct_codec_lane_physical(live->codec, (size_t)i * CT_LANES + lane, raw);
            const unsigned differs = ct_lanes_number(lanes, block, lane, number) ? 1U : 0U;
            bind->changed[i] = (uint8_t)((bind->changed[i] & ~(1U << lane)) | differs << lane);
        }
    }
}

static void take_values(const struct ct_bind *bind, struct ct_lanes *lanes, struct live_message *live,
                        const struct ct_frame *frame, ct_ns now)
{
    const uint64_t head = head_of(frame);
    uint8_t *active = bind->active + live->first_block;
    const bool same = is_reference(bind, live, frame, head) && is_current(bind, lanes, live);
    if (!same) {
        set_reference(bind, live, frame, head);
        ct_codec_update_raw(live->codec, frame->data, frame->len, lanes->raw + (size_t)live->first_block * CT_LANES,
                            active, bind->changed);
        if ((live->flags & LIVE_NUMBERS) != 0) {
            update_numbers(bind, lanes, live);
        }
    }
    for (uint32_t i = 0; i < live->block_count; i++) {
        if (active[i] != 0) {
            ct_lanes_update(lanes, live->first_block + i, active[i], same ? 0 : bind->changed[i], frame->t_ns, now);
        }
    }
}

/* Signals over 64 bits, and what is derived. */
static void put_blobs(struct ct_bind *bind, struct ct_twin *twin, const struct live_message *live,
                      const struct ct_frame *frame, ct_ns now)
{
    const size_t count = ct_codec_decode(live->codec, frame->data, frame->len, bind->decoded);
    for (size_t i = 0; i < count; i++) {
        const uint16_t signal = bind->decoded[i].signal;
        const uint32_t id = live->bound->ids[signal];
        if (id == NO_ENTRY || ct_codec_signal_lane(live->codec, signal) != CT_NO_LANE) {
            continue;
        }
        uint8_t blob[CT_BYTES_MAX];
        const struct ct_sample sample = {
            .id = id, .t_ns = frame->t_ns, .len = ct_catalogue_entry(bind->catalogue, id)->bytes_max, .bytes = blob};
        const bool put = ct_codec_blob(live->codec, signal, frame->data, frame->len, blob, sizeof blob) == CT_OK &&
                         ct_twin_put(twin, &sample, now) == CT_OK;
        if (put && bind->first_rule[id] != NO_RULE) {
            ct_bind_rules_source_updated(bind, twin, id, now);
        }
    }
}

static void derive(struct ct_bind *bind, struct ct_twin *twin, const struct live_message *live, ct_ns now)
{
    for (uint32_t i = 0; i < live->source_count; i++) {
        const struct live_source *source = &bind->sources[live->first_source + i];
        if (source->block != NO_BLOCK && (bind->active[source->block] & source->lanes) != 0) {
            ct_bind_rules_source_updated(bind, twin, source->entry, now);
        }
    }
}

/* ---- checksums and counters */

static void mark_others(struct ct_twin *twin, const struct live_message *live, bool refused, uint16_t flags, ct_ns now)
{
    for (size_t s = 0; s < live->bound->model->signal_count; s++) {
        const uint32_t id = live->bound->ids[s];
        if (id != NO_ENTRY && ct_codec_signal_lane(live->codec, (uint16_t)s) == CT_NO_LANE) {
            (refused ? ct_twin_mark : ct_twin_clear)(twin, id, flags, now);
        }
    }
}

/* Sets the flags on every signal of the message, or clears them. */
static void mark_message(struct ct_bind *bind, struct ct_twin *twin, struct live_message *live, bool refused,
                         uint16_t flags, ct_ns now)
{
    for (uint32_t i = 0; i < live->block_count; i++) {
        (refused ? ct_lanes_mark : ct_lanes_clear)(ct_twin_lanes(twin), live->first_block + i, flags);
    }
    if ((live->flags & LIVE_BLOBS) != 0) {
        mark_others(twin, live, refused, flags, now);
    }
    for (uint32_t i = 0; i < live->source_count; i++) {
        ct_bind_rules_source_marked(bind, twin, bind->sources[live->first_source + i].entry, now);
    }
    live->flags = (uint8_t)(refused ? live->flags | LIVE_REFUSED : live->flags & ~LIVE_REFUSED);
}

static bool is_good(struct ct_bind *bind, struct ct_twin *twin, struct live_message *live, const struct ct_frame *frame,
                    ct_ns now, struct ct_bus_counts *counts)
{
    const enum ct_protect_fault fault =
        ct_protect_fault_of(ct_protect_check(live->rule, &live->state, frame->id, frame->data, frame->len));
    if (fault == CT_PROTECT_FAULT_NONE) {
        if ((live->flags & LIVE_REFUSED) != 0) {
            mark_message(bind, twin, live, false, CT_Q_CHECKSUM | CT_Q_COUNTER, now);
        }
        return true;
    }
    const bool checksum = fault == CT_PROTECT_FAULT_CHECKSUM;
    counts->checksum_failures += checksum ? 1 : 0;
    counts->counter_failures += checksum ? 0 : 1;
    mark_message(bind, twin, live, true, checksum ? CT_Q_CHECKSUM : CT_Q_COUNTER, now);
    return false;
}

/* ---- one frame */

static __attribute__((noinline)) enum ct_frame_class take_special(struct ct_bind *bind, struct ct_twin *twin,
                                                                  struct live_message *live,
                                                                  const struct ct_frame *frame, ct_ns now,
                                                                  struct ct_bus_counts *counts)
{
    if ((live->flags & LIVE_PROTECTED) != 0 && !is_good(bind, twin, live, frame, now, counts)) {
        return CT_FRAME_REFUSED;
    }
    take_values(bind, ct_twin_lanes(twin), live, frame, now);
    if ((live->flags & LIVE_BLOBS) != 0) {
        put_blobs(bind, twin, live, frame, now);
    }
    derive(bind, twin, live, now);
    return CT_FRAME_DECODED;
}

enum ct_frame_class ct_bind_frame(struct ct_bind *bind, struct ct_twin *twin, const struct ct_frame *frame, ct_ns now,
                                  struct ct_bus_counts *counts)
{
    enum ct_frame_class class = CT_FRAME_UNKNOWN;
    counts->frames++;
    if ((frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0) {
        class = (frame->flags & CT_FRAME_ERR) != 0 ? CT_FRAME_ERROR : CT_FRAME_REMOTE;
    } else {
        struct live_message *live = &bind->live[find(bind, frame)];
        if (live->flags == 0) {
            class = CT_FRAME_DECODED;
            take_plain(bind, ct_twin_lanes(twin), live, frame, now);
        } else if (live != bind->live) {
            class = take_special(bind, twin, live, frame, now, counts);
        }
    }
    counts->by_class[class]++;
    return class;
}

/* ---- a receive batch */

/* Frames whose message is known, in their order. */
struct live_batch {
    struct {
        const struct ct_frame *frame;
        struct live_message *live;
    } items[CT_BIND_BATCH];
    size_t count;
};

/* Looks up frames until one's message is there already. Which are known, and which bring news (take_times), are lists
 * built without branches: nothing foretells either, and a wrong guess costs as much as the decoding. */
static size_t look_up(struct ct_bind *bind, const struct ct_frame *frames, size_t count, struct live_batch *batch,
                      struct ct_bus_counts *counts)
{
    const uint32_t number = ++bind->batch;
    size_t taken = 0;
    size_t others = 0;
    for (; taken < count; taken++) {
        const struct ct_frame *frame = &frames[taken];
        if ((frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0) {
            counts->by_class[(frame->flags & CT_FRAME_ERR) != 0 ? CT_FRAME_ERROR : CT_FRAME_REMOTE]++;
            others++;
            continue;
        }
        const uint32_t index = find(bind, frame);
        struct live_message *live = &bind->live[index];
        const unsigned known = index != 0 ? 1U : 0U;
        if ((known & (live->batch == number ? 1U : 0U)) != 0) {
            break;
        }
        live->batch = number;
        batch->items[batch->count].frame = frame;
        batch->items[batch->count].live = live;
        batch->count += known;
    }
    counts->frames += taken;
    counts->by_class[CT_FRAME_UNKNOWN] += taken - others - batch->count;
    return taken;
}

/* Takes what is not plain at once and moves the clocks of the plain ones. Left are those with other bytes. */
static void take_times(struct ct_bind *bind, struct ct_twin *twin, struct live_batch *batch, ct_ns now,
                       struct ct_bus_counts *counts)
{
    struct ct_lanes *lanes = ct_twin_lanes(twin);
    size_t left = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct ct_frame *frame = batch->items[i].frame;
        struct live_message *live = batch->items[i].live;
        if (live->flags != 0) {
            counts->by_class[take_special(bind, twin, live, frame, now, counts)]++;
            continue;
        }
        counts->by_class[CT_FRAME_DECODED]++;
        if (live->len != frame->len || frame->len > LIVE_HEAD ||
            !ct_lanes_touch(lanes, live->first_block, bind->active[live->first_block], frame->t_ns, now)) {
            take_plain(bind, lanes, live, frame, now);
            continue;
        }
        const uint64_t head = head_of(frame);
        const size_t news = live->head != head ? 1 : 0;
        live->head = head;
        batch->items[left] = batch->items[i];
        left += news;
    }
    batch->count = left;
}

static void take_news(const struct ct_bind *bind, struct ct_twin *twin, const struct live_batch *batch)
{
    struct ct_lanes *lanes = ct_twin_lanes(twin);
    for (size_t i = 0; i < batch->count; i++) {
        const struct live_message *live = batch->items[i].live;
        const struct ct_frame *frame = batch->items[i].frame;
        const uint32_t block = live->first_block;
        ct_codec_update_raw(live->codec, frame->data, frame->len, lanes->raw + (size_t)block * CT_LANES,
                            &bind->active[block], bind->changed);
        ct_lanes_news(lanes, block, bind->changed[0]);
    }
}

size_t ct_bind_frames(struct ct_bind *bind, struct ct_twin *twin, const struct ct_frame *frames, size_t count,
                      ct_ns now, struct ct_bus_counts *counts)
{
    struct live_batch batch;
    batch.count = 0;
    const size_t taken = look_up(bind, frames, count < CT_BIND_BATCH ? count : CT_BIND_BATCH, &batch, counts);
    take_times(bind, twin, &batch, now, counts);
    take_news(bind, twin, &batch);
    return taken;
}

ct_ns ct_bind_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now)
{
    const ct_ns twin_due = ct_twin_tick(twin, now);
    return ct_ns_min(twin_due, ct_bind_rules_tick(bind, twin, now));
}
