/* Values of VSS actuators back into frames, and what outlives a reload. */
#include "bind_private.h"

#include <math.h>
#include <string.h>

static const struct bound_rule *find_writer(const struct ct_bind *bind, const char *path)
{
    uint32_t id = 0;
    if (ct_catalogue_find(bind->catalogue, path, &id) != CT_OK || id < bind->first_path) {
        return NULL;
    }
    const struct bound_rule *rule = &bind->rules[id - bind->first_path];
    return rule->write_message != NULL && rule->write_message->codec != NULL && rule->rule->is_actuator ? rule : NULL;
}

/* A label of the value table as its raw value, else the number as a physical value. */
static struct ct_encode_value to_encode(const struct bound_rule *rule, const struct ct_map_value *value, bool *known)
{
    const struct ct_dbc_signal *signal = &rule->write_message->model->signals[rule->write_signal];
    struct ct_encode_value encode = {.signal = rule->write_signal, .physical = true, .value = value->number};
    *known = true;
    if (value->text == NULL) {
        return encode;
    }
    for (size_t i = 0; i < signal->text_count; i++) {
        if (strcmp(signal->texts[i].text, value->text) == 0) {
            encode.physical = false;
            encode.raw = signal->texts[i].raw;
            return encode;
        }
    }
    *known = false;
    return encode;
}

static void start_frame(const struct bound_message *message, struct ct_frame *frame)
{
    memset(frame, 0, sizeof *frame);
    const struct ct_dbc_message *model = message->model;
    const bool fd = model->fd || model->length > 8;
    frame->id = model->id;
    frame->bus = message->bus;
    frame->flags = (uint16_t)((model->extended ? CT_FRAME_EXT : 0) | (fd ? CT_FRAME_FD : 0));
    frame->len = fd ? ct_frame_fd_length(model->length) : (uint8_t)model->length;
    if (message->was_sent) {
        memcpy(frame->data, message->last_sent, CT_FRAME_DATA_MAX);
    } else {
        ct_codec_defaults(message->codec, frame->data, frame->len);
    }
}

static const struct ct_protect_rule *protection_of(const struct ct_bind *bind, const struct bound_message *message)
{
    return ct_protect_rule_of(bind->buses[message->bus].protect, message->model);
}

/* Counter and checksum of the frame that follows the last one sent; `state` goes on to it. */
static int fill_protection(const struct ct_bind *bind, const struct bound_message *message,
                           struct ct_protect_state *state, struct ct_frame *frame)
{
    const struct ct_protect_rule *rule = protection_of(bind, message);
    return rule != NULL ? ct_protect_fill(rule, state, frame->id, frame->data, frame->len) : CT_OK;
}

int ct_bind_encode(const struct ct_bind *bind, const char *path, const struct ct_map_value *value,
                   struct ct_frame *out_frame)
{
    const struct bound_rule *rule = find_writer(bind, path);
    if (rule == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_map_value mapped;
    if (ct_transform_apply(rule->rule->write.transform, value, &mapped) != CT_OK) {
        return CT_ERR_RANGE;
    }
    bool known = false;
    const struct ct_encode_value encode = to_encode(rule, &mapped, &known);
    if (!known) {
        return CT_ERR_RANGE;
    }
    struct ct_frame frame;
    start_frame(rule->write_message, &frame);
    struct ct_protect_state state = rule->write_message->sent; /* the frame may not go out */
    int err = ct_codec_encode(rule->write_message->codec, &encode, frame.data, frame.len);
    err = err == CT_OK ? fill_protection(bind, rule->write_message, &state, &frame) : err;
    if (err != CT_OK) {
        return err;
    }
    *out_frame = frame;
    return CT_OK;
}

void ct_bind_sent(struct ct_bind *bind, const struct ct_frame *frame)
{
    struct bound_message *message = ct_bind_find(bind, frame->bus, frame->id, (frame->flags & CT_FRAME_EXT) != 0);
    if (message != NULL && message->last_sent != NULL) {
        struct ct_frame copy = *frame;
        memcpy(message->last_sent, frame->data, CT_FRAME_DATA_MAX);
        message->was_sent = fill_protection(bind, message, &message->sent, &copy) == CT_OK; /* counts on */
    }
}

double ct_bind_tolerance(const struct ct_bind *bind, const char *path)
{
    const struct bound_rule *rule = find_writer(bind, path);
    if (rule == NULL) {
        return 0;
    }
    const double step = fabs(rule->write_message->model->signals[rule->write_signal].factor);
    return step / 2 * (1 + 1e-9);
}

bool ct_bind_observable(const struct ct_bind *bind, const char *path)
{
    const struct bound_rule *rule = find_writer(bind, path);
    return rule != NULL && rule->source != NO_ENTRY;
}

/* ---- reload */

static void carry_rule(struct ct_bind *bind, const struct ct_bind *old, const struct bound_rule *from)
{
    uint32_t id = 0;
    if (ct_catalogue_find(bind->catalogue, from->rule->path, &id) != CT_OK || id < bind->first_path) {
        return;
    }
    struct bound_rule *to = &bind->rules[id - bind->first_path];
    const struct ct_entry *old_source = ct_catalogue_entry(old->catalogue, from->source);
    const struct ct_entry *source = ct_catalogue_entry(bind->catalogue, to->source);
    if (old_source != NULL && source != NULL && ct_entry_same(old_source, source) &&
        ct_entry_same(ct_catalogue_entry(old->catalogue, from->entry), ct_catalogue_entry(bind->catalogue, id))) {
        to->derived = from->derived;
        to->last_ns = from->last_ns;
        to->last_quality = from->last_quality;
        to->last_raw = from->last_raw;
    }
}

static void carry_payloads(struct ct_bind *bind, const struct bound_bus *old_bus)
{
    for (size_t d = 0; d < old_bus->count; d++) {
        for (size_t m = 0; m < old_bus->databases[d].dbc->message_count; m++) {
            const struct bound_message *from = &old_bus->databases[d].messages[m];
            struct bound_message *to = ct_bind_find(bind, from->bus, from->model->id, from->model->extended);
            if (from->was_sent && to != NULL && to->last_sent != NULL && to->model->length == from->model->length) {
                memcpy(to->last_sent, from->last_sent, CT_FRAME_DATA_MAX);
                to->was_sent = true;
                to->sent = from->sent;
            }
        }
    }
}

void ct_bind_carry(struct ct_bind *bind, const struct ct_bind *old)
{
    for (size_t i = 0; i < old->rule_count; i++) {
        carry_rule(bind, old, &old->rules[i]);
    }
    for (size_t b = 0; b < old->bus_count; b++) {
        carry_payloads(bind, &old->buses[b]);
    }
}
