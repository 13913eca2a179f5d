#include "confirm.h"

/* FNV-1a, 64 bits, over what ct_frame_same compares. */
static uint64_t mix(uint64_t hash, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t key_of(const struct ct_frame *frame)
{
    const unsigned flags = frame->flags & ~(unsigned)CT_FRAME_SENT;
    const uint8_t head[] = {(uint8_t)frame->id,
                            (uint8_t)(frame->id >> 8),
                            (uint8_t)(frame->id >> 16),
                            (uint8_t)(frame->id >> 24),
                            (uint8_t)flags,
                            frame->len};
    const uint64_t hash = mix(UINT64_C(14695981039346656037), head, sizeof head);
    return (flags & CT_FRAME_RTR) != 0 ? hash : mix(hash, frame->data, frame->len);
}

static size_t place(const struct ct_confirm *confirm, size_t index)
{
    return (confirm->first + index) % CT_CONFIRM_MAX;
}

static void drop_first(struct ct_confirm *confirm)
{
    confirm->first = place(confirm, 1);
    confirm->count--;
    confirm->overdue -= confirm->overdue > 0 ? 1 : 0;
}

/* Keeps an open slot first of each part, so that the first deadline is where _due looks. */
static void tidy(struct ct_confirm *confirm)
{
    while (confirm->overdue < confirm->count && !confirm->slots[place(confirm, confirm->overdue)].open) {
        confirm->overdue++;
    }
    while (confirm->count > 0 && !confirm->slots[confirm->first].open) {
        drop_first(confirm);
    }
}

void ct_confirm_init(struct ct_confirm *confirm)
{
    confirm->first = 0;
    confirm->unconfirmed = 0;
    confirm->unwatched = 0;
    ct_confirm_forget(confirm);
}

void ct_confirm_forget(struct ct_confirm *confirm)
{
    confirm->count = 0;
    confirm->overdue = 0;
}

void ct_confirm_sent(struct ct_confirm *confirm, const struct ct_frame *frame, ct_ns now)
{
    if (confirm->count == CT_CONFIRM_MAX) {
        confirm->unwatched += confirm->overdue == 0 ? 1 : 0; /* an overdue one has been counted */
        drop_first(confirm);
    }
    confirm->slots[place(confirm, confirm->count)] =
        (struct ct_confirm_slot){.key = key_of(frame), .deadline = ct_ns_add(now, CT_CONFIRM_WITHIN), .open = true};
    confirm->count++;
    tidy(confirm);
}

/* Closes the first open one of the key in [from, to). */
static bool close_one(struct ct_confirm *confirm, uint64_t key, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct ct_confirm_slot *slot = &confirm->slots[place(confirm, i)];
        if (slot->open && slot->key == key) {
            slot->open = false;
            return true;
        }
    }
    return false;
}

void ct_confirm_echo(struct ct_confirm *confirm, const struct ct_frame *frame)
{
    const uint64_t key = key_of(frame);
    /* Most likely of one that is awaited. Which of two equal frames it was nobody can see, and the older one is judged
     * already. */
    if (!close_one(confirm, key, confirm->overdue, confirm->count)) {
        (void)close_one(confirm, key, 0, confirm->overdue);
    }
    tidy(confirm);
}

ct_ns ct_confirm_tick(struct ct_confirm *confirm, ct_ns now)
{
    while (now >= ct_confirm_due(confirm)) {
        confirm->overdue++;
        confirm->unconfirmed++;
        tidy(confirm);
    }
    return ct_confirm_due(confirm);
}

ct_ns ct_confirm_due(const struct ct_confirm *confirm)
{
    return confirm->overdue < confirm->count ? confirm->slots[place(confirm, confirm->overdue)].deadline : CT_NS_NEVER;
}

bool ct_confirm_missing(const struct ct_confirm *confirm, const struct ct_frame *frame)
{
    const uint64_t key = key_of(frame);
    for (size_t i = confirm->count; i > 0; i--) {
        const struct ct_confirm_slot *slot = &confirm->slots[place(confirm, i - 1)];
        if (slot->key == key) {
            return slot->open;
        }
    }
    return false;
}
