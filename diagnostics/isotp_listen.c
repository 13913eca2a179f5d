#include "isotp_listen.h"

#include "isotp_listen_ids.h"
#include "isotp_private.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PAIRS       64U
#define DEFAULT_SLOTS       32U
#define DEFAULT_MESSAGE     4095U
#define DEFAULT_QUIET_MS    3000U
#define EVENTS_PER_CALL_MAX 4U

struct slot {
    struct ct_isotp tp;
    struct ct_listen_route route;
    bool used;
    ct_ns last_ns, started_ns;
    int64_t utc_ns;
    uint16_t flags;
    uint32_t id, frames;
    size_t room;
    uint8_t *buffer;
};

struct ct_isotp_listener {
    struct ct_isotp_listener_config config;
    struct ct_listen_ids ids;
    struct slot *slots;
    uint8_t *memory;
    struct ct_isotp_heard *heard;
    size_t heard_max, heard_count, heard_taken;
    struct ct_isotp_listener_stats stats;
};

static size_t size_or(size_t value, size_t standard)
{
    return value != 0 ? value : standard;
}

static void use_defaults(struct ct_isotp_listener_config *config)
{
    config->pairs_max = size_or(config->pairs_max, DEFAULT_PAIRS);
    config->slots = size_or(config->slots, DEFAULT_SLOTS);
    config->message_max = size_or(config->message_max, DEFAULT_MESSAGE);
    config->quiet_ms = config->quiet_ms != 0 ? config->quiet_ms : DEFAULT_QUIET_MS;
}

int ct_isotp_listener_create(const struct ct_isotp_listener_config *config, struct ct_isotp_listener **out_listener)
{
    struct ct_isotp_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    listener->config = *config;
    use_defaults(&listener->config);
    const size_t slots = listener->config.slots;
    listener->heard_max = slots + EVENTS_PER_CALL_MAX;
    listener->slots = calloc(slots, sizeof listener->slots[0]);
    listener->memory = calloc(slots, listener->config.message_max);
    listener->heard = calloc(listener->heard_max, sizeof listener->heard[0]);
    listener->ids.pairs = calloc(listener->config.pairs_max, sizeof listener->ids.pairs[0]);
    if (listener->slots == NULL || listener->memory == NULL || listener->heard == NULL || listener->ids.pairs == NULL) {
        ct_isotp_listener_free(listener);
        return CT_ERR_NO_MEMORY;
    }
    listener->ids.pairs_max = listener->config.pairs_max;
    listener->ids.usual = config->usual_ids;
    listener->ids.learn = config->learn;
    for (size_t i = 0; i < slots; i++) {
        listener->slots[i].buffer = listener->memory + i * listener->config.message_max;
        listener->slots[i].room = listener->config.message_max;
    }
    *out_listener = listener;
    return CT_OK;
}

void ct_isotp_listener_free(struct ct_isotp_listener *listener)
{
    if (listener != NULL) {
        free(listener->slots);
        free(listener->memory);
        free(listener->heard);
        free(listener->ids.pairs);
        free(listener);
    }
}

int ct_isotp_listener_watch(struct ct_isotp_listener *listener, const struct ct_isotp_config *pair)
{
    return ct_listen_ids_watch(&listener->ids, pair);
}

void ct_isotp_listener_stats_get(const struct ct_isotp_listener *listener, struct ct_isotp_listener_stats *out_stats)
{
    *out_stats = listener->stats;
    out_stats->pairs = listener->ids.pair_count;
}

/* --- slots --- */

/* Keeps the beginning of a message of any length. */
static int keep(void *user, size_t offset, const uint8_t *data, size_t len)
{
    struct slot *slot = user;
    if (offset < slot->room) {
        const size_t room = slot->room - offset;
        memcpy(slot->buffer + offset, data, len < room ? len : room);
    }
    return CT_OK;
}

static struct slot *slot_of(struct ct_isotp_listener *listener, const struct ct_frame *frame)
{
    for (size_t i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];
        if (slot->used && ct_isotp_address_takes(&slot->tp.from, frame)) {
            return slot;
        }
    }
    return NULL;
}

/* A slot nobody uses, or the one that has been idle for longest. */
static struct slot *free_slot(struct ct_isotp_listener *listener)
{
    struct slot *best = NULL;
    for (size_t i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];
        if (!slot->used) {
            return slot;
        }
        if (!slot->tp.rx.active && (best == NULL || slot->last_ns < best->last_ns)) {
            best = slot;
        }
    }
    return best;
}

static struct slot *open_slot(struct ct_isotp_listener *listener, const struct ct_listen_route *route)
{
    struct slot *slot = free_slot(listener);
    if (slot == NULL) {
        listener->stats.refused++;
        return NULL;
    }
    struct ct_isotp_config config = route->config;
    config.listen = true;
    config.fd = true; /* both formats are taken */
    config.tx_dl = CT_ISOTP_CLASSIC_DL;
    config.functional = route->functional;
    config.n_cr_ms = listener->config.quiet_ms;
    config.first_frames_per_s = UINT32_MAX;
    config.sink = (struct ct_isotp_sink){.write = keep, .user = slot};
    if (ct_isotp_init(&slot->tp, &config, NULL, UINT32_MAX, NULL, 0) != CT_OK) {
        return NULL; /* cannot be: routes are checked when they are made */
    }
    slot->route = *route;
    slot->used = true;
    return slot;
}

/* --- what was heard --- */

static void add_heard(struct ct_isotp_listener *listener, const struct slot *slot, const struct ct_isotp_event *event)
{
    const bool whole = event->kind == CT_ISOTP_MESSAGE;
    const size_t kept = event->len < slot->room ? event->len : slot->room;
    if (whole) {
        listener->stats.messages++;
    } else {
        listener->stats.broken++;
    }
    if (listener->heard_count == listener->heard_max) {
        listener->stats.lost++;
        return;
    }
    enum ct_isotp_heard_kind kind = CT_ISOTP_HEARD_BROKEN;
    if (whole) {
        kind = kept < event->len ? CT_ISOTP_HEARD_CUT : CT_ISOTP_HEARD_MESSAGE;
    }
    listener->heard[listener->heard_count++] = (struct ct_isotp_heard){
        .kind = kind,
        .result = event->result,
        .id = slot->id,
        .flags = slot->flags,
        .pair = slot->route.pair,
        .to_ecu = slot->route.to_ecu,
        .functional = slot->route.functional,
        .mode = (uint8_t)slot->route.config.rx_mode,
        .address_byte = slot->tp.from.has_byte ? slot->tp.from.byte : 0,
        .started_ns = slot->started_ns,
        .ended_ns = slot->last_ns,
        .ended_utc_ns = slot->utc_ns,
        .frames = slot->frames,
        .len = whole ? event->len : slot->tp.rx.len,
        .data = whole ? slot->buffer : NULL,
        .kept = whole ? kept : 0,
    };
}

static void forget_heard(struct ct_isotp_listener *listener)
{
    listener->stats.lost += listener->heard_count - listener->heard_taken;
    listener->heard_count = 0;
    listener->heard_taken = 0;
}

int ct_isotp_listener_next(struct ct_isotp_listener *listener, struct ct_isotp_heard *out_heard)
{
    if (listener->heard_taken == listener->heard_count) {
        return CT_ERR_AGAIN;
    }
    *out_heard = listener->heard[listener->heard_taken++];
    return CT_OK;
}

static void take_events(struct ct_isotp_listener *listener, struct slot *slot)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&slot->tp, &event) == CT_OK) {
        if (event.kind != CT_ISOTP_FIRST_FRAME) {
            add_heard(listener, slot, &event);
        }
    }
}

/* --- frames --- */

static void note_frame(struct slot *slot, const struct ct_frame *frame, ct_ns now)
{
    slot->id = frame->id;
    slot->flags = frame->flags;
    slot->last_ns = now;
    slot->utc_ns = frame->utc_ns;
}

/* A message starts with a single or first frame; what that cuts off is told with its own times. */
static void feed(struct ct_isotp_listener *listener, struct slot *slot, const struct ct_frame *frame, ct_ns now)
{
    const size_t at = slot->tp.from.has_byte;
    const unsigned pci = frame->len > at ? frame->data[at] >> 4 : 0xFU;
    struct slot before = *slot;
    if (pci == CT_PCI_SF || pci == CT_PCI_FF) {
        slot->started_ns = now;
        slot->frames = 0;
    }
    slot->frames++;
    note_frame(slot, frame, now);
    (void)ct_isotp_receive(&slot->tp, frame, now);
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&slot->tp, &event) == CT_OK) {
        if (event.kind == CT_ISOTP_RX_FAILED) {
            add_heard(listener, event.result == CT_ISOTP_UNEXP_PDU ? &before : slot, &event);
        } else if (event.kind == CT_ISOTP_MESSAGE) {
            add_heard(listener, slot, &event);
        }
    }
}

/* Flow control speaks about the transfers of its partner. */
static bool feed_flow_control(struct ct_isotp_listener *listener, const struct ct_frame *frame, ct_ns now)
{
    bool any = false;
    for (size_t i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];
        if (slot->used && slot->tp.rx.active && !slot->route.functional &&
            ct_isotp_address_takes(&slot->tp.to, frame)) {
            any |= ct_isotp_receive(&slot->tp, frame, now);
            take_events(listener, slot);
        }
    }
    return any;
}

static bool feed_learnt(struct ct_isotp_listener *listener, const struct ct_listen_learnt *learnt)
{
    const struct ct_listen_route route = ct_listen_ids_route_of(&listener->ids, learnt->pair, learnt->to_ecu);
    struct slot *slot = open_slot(listener, &route);
    if (slot != NULL) {
        feed(listener, slot, &learnt->first, learnt->first_ns);
        feed(listener, slot, &learnt->next, learnt->next_ns);
    }
    return slot != NULL;
}

bool ct_isotp_listener_receive(struct ct_isotp_listener *listener, const struct ct_frame *frame, ct_ns now)
{
    forget_heard(listener);
    if ((frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0 || frame->len == 0 || frame->len > CT_FRAME_DATA_MAX) {
        return false;
    }
    struct ct_listen_route route;
    struct slot *slot = slot_of(listener, frame);
    if (slot == NULL && !ct_listen_ids_find(&listener->ids, frame, &route)) {
        struct ct_listen_learnt learnt;
        const bool was_learnt = ct_listen_ids_learn(&listener->ids, frame, now, &learnt);
        return was_learnt && feed_learnt(listener, &learnt);
    }
    listener->stats.frames++;
    if (feed_flow_control(listener, frame, now)) {
        return true;
    }
    if (slot == NULL) {
        slot = open_slot(listener, &route);
    }
    if (slot != NULL) {
        feed(listener, slot, frame, now);
    }
    return true;
}

ct_ns ct_isotp_listener_tick(struct ct_isotp_listener *listener, ct_ns now)
{
    forget_heard(listener);
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];
        if (slot->used) {
            next = ct_ns_min(next, ct_isotp_tick(&slot->tp, now));
            take_events(listener, slot);
        }
    }
    return next;
}
