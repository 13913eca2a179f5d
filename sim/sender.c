#include "sender.h"

#define BURST_MAX 10 /* cycles made up for after a stall; older ones are skipped and counted */

static unsigned count_pages(const struct ct_dbc_message *model)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < model->signal_count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[i];
        for (size_t r = 0; r < signal->range_count; r++) {
            pages = signal->ranges[r].last >= pages ? signal->ranges[r].last + 1 : pages;
        }
    }
    return pages > 256 ? 256 : (unsigned)pages;
}

int ct_sender_init(struct ct_sender *sender, const struct ct_codec_message *plan, const struct ct_protect *protect,
                   ct_ns first)
{
    const struct ct_dbc_message *model = ct_codec_model(plan);
    if (model->signal_count > CT_SENDER_SIGNAL_MAX || model->length > CT_FRAME_DATA_MAX || model->cycle_ms <= 0) {
        return CT_ERR_UNSUPPORTED;
    }
    *sender = (struct ct_sender){.plan = plan, .model = model, .due = first};
    sender->cycle = (ct_ns)(model->cycle_ms * (double)CT_NS_PER_MS);
    sender->pages = count_pages(model);
    sender->protect = ct_protect_rule_of(protect, model);
    for (size_t i = 0; i < model->signal_count; i++) {
        sender->sources[i] = ct_signal_source_find(model->signals[i].name);
    }
    return CT_OK;
}

static unsigned current_page(const struct ct_sender *sender)
{
    return sender->pages > 0 ? sender->sent % sender->pages : 0;
}

static bool active(const struct ct_dbc_signal *signal, unsigned page)
{
    if (signal->selector < 0) {
        return true;
    }
    for (size_t i = 0; i < signal->range_count; i++) {
        if (page >= signal->ranges[i].first && page <= signal->ranges[i].last) {
            return true;
        }
    }
    return false;
}

static double held_in_range(const struct ct_dbc_signal *signal, double value)
{
    if (signal->min < signal->max) {
        value = value < signal->min ? signal->min : value > signal->max ? signal->max : value;
    }
    return value;
}

static struct ct_encode_value value_of(const struct ct_sender *sender, size_t index, struct ct_plant *plant)
{
    const struct ct_signal_source *source = sender->sources[index];
    struct ct_encode_value value = {.signal = (uint16_t)index};
    switch (source->source) {
    case CT_SOURCE_FRAME_COUNT:
        value.raw = sender->sent;
        break;
    case CT_SOURCE_PAGE:
        value.raw = current_page(sender);
        break;
    case CT_SOURCE_PLANT:
        value.physical = true;
        value.value = held_in_range(&sender->model->signals[index], *ct_plant_value(plant, source->offset));
        break;
    }
    return value;
}

static int build(struct ct_sender *sender, struct ct_plant *plant, struct ct_frame *frame)
{
    const struct ct_dbc_message *model = sender->model;
    const unsigned page = current_page(sender);
    for (size_t i = 0; i < model->signal_count; i++) {
        if (sender->sources[i] == NULL || !active(&model->signals[i], page)) {
            continue;
        }
        const struct ct_encode_value value = value_of(sender, i, plant);
        const int err = ct_codec_encode(sender->plan, &value, frame->data, frame->len);
        if (err != CT_OK) {
            return err;
        }
    }
    return sender->protect == NULL
               ? CT_OK
               : ct_protect_fill(sender->protect, &sender->state, model->id, frame->data, frame->len);
}

/* Cycles keep their grid; a long stall does not turn into a burst without end. */
static void schedule_next(struct ct_sender *sender, ct_ns now)
{
    const ct_ns behind = (now - sender->due) / sender->cycle;
    if (behind > BURST_MAX) {
        sender->skipped += (uint32_t)behind;
        sender->due += behind * sender->cycle;
    }
    sender->due += sender->cycle;
}

int ct_sender_next(struct ct_sender *sender, struct ct_plant *plant, ct_ns now, struct ct_frame *out_frame)
{
    if (now < sender->due) {
        return CT_ERR_AGAIN;
    }
    const struct ct_dbc_message *model = sender->model;
    unsigned flags = model->extended ? CT_FRAME_EXT : 0U;
    if (model->fd) {
        flags |= CT_FRAME_FD | CT_FRAME_BRS;
    }
    struct ct_frame frame = {.t_ns = now, .id = model->id, .flags = (uint16_t)flags, .len = (uint8_t)model->length};
    ct_codec_defaults(sender->plan, frame.data, frame.len);
    const int err = build(sender, plant, &frame);
    schedule_next(sender, now);
    if (err != CT_OK) {
        return err;
    }
    sender->sent++;
    *out_frame = frame;
    return CT_OK;
}
