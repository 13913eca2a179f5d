/* A message once all that is said about it is known: frame format, signals, groups. */
#include "dbc_raw.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ID_MASK 0x1FFFFFFFU

static const char *known_text(const struct dbc_raw *raw, struct ct_dbc_attributes attributes,
                              enum dbc_attribute attribute)
{
    const struct ct_dbc_value *value = ct_dbc_known_value(raw, attributes, attribute);
    return value != NULL ? value->text : "";
}

/* VFrameFormat by text, or by Vector's numbers where the file defines no texts. */
static void set_format(const struct dbc_raw *raw, struct ct_dbc_message *model)
{
    const char *format = known_text(raw, model->attributes, DBC_ATTR_FRAME_FORMAT);
    const size_t len = strlen(format);
    model->fd =
        strcmp(format, "14") == 0 || strcmp(format, "15") == 0 || (len > 3 && strcmp(format + len - 3, "_FD") == 0);
    model->j1939 = model->extended && (strcmp(format, "J1939PG") == 0 || strcmp(format, "3") == 0);
    if (len == 0) {
        const char *protocol = known_text(raw, (struct ct_dbc_attributes){0}, DBC_ATTR_PROTOCOL);
        model->j1939 =
            model->extended && (protocol[0] != '\0' ? strncmp(protocol, "J1939", 5) == 0 : raw->all_null_sources);
        model->fd = !model->j1939 && model->length > 8 && model->length <= 64;
    }
    model->brs = model->fd && strcmp(known_text(raw, model->attributes, DBC_ATTR_BRS), "0") != 0;
}

static bool is_integer(double value)
{
    return fabs(value) <= 9007199254740992.0 && value == floor(value);
}

/* One past the last byte the signal touches. */
static uint32_t end_byte(const struct dbc_raw_signal *signal)
{
    const uint32_t start = signal->start_bit;
    const uint32_t first = signal->big_endian ? start / 8 * 8 + 7 - start % 8 : start;
    return (first + signal->length + 7) / 8;
}

/* What is said about signals of one name is converted once, on the first of them. */
static const struct dbc_raw_signal *finish_leader(struct dbc_raw *raw, struct dbc_raw_signal *leader)
{
    if (!leader->finished) {
        leader->finished = true;
        leader->comment = ct_dbc_build_comment(raw, &leader->said);
        leader->attributes = ct_dbc_build_attributes(raw, &leader->said.attributes);
    }
    return leader;
}

static const struct dbc_raw_type *type_of(struct dbc_raw *raw, const struct dbc_raw_signal *leader)
{
    if (leader->type == NULL) {
        return NULL;
    }
    const struct dbc_named *type = ct_dbc_find_named(&raw->types_by_name, leader->type->other);
    if (type == NULL) {
        ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_TYPE, leader->type->place, "no signal type '%.*s'",
                      ct_dbc_shown(leader->type->other), leader->type->other.p);
    }
    return (const struct dbc_raw_type *)(const void *)type;
}

static void set_kind(struct dbc_raw *raw, const struct dbc_ref *ref, struct ct_dbc_signal *model)
{
    model->kind = model->length > 64 ? CT_DBC_BLOB : CT_DBC_INTEGER;
    if (ref == NULL || ref->number == 0) {
        return;
    }
    if (model->length == 64) {
        model->kind = CT_DBC_FLOAT64;
    } else if (model->length == 32 || model->length == 16) {
        model->kind = CT_DBC_FLOAT32;
    } else {
        ct_dbc_report(raw->report, CT_DBC_CODE_NO_FLOAT, ref->place,
                      "signal '%s' has %u bits and is no IEEE number; it is read as an integer", model->name,
                      (unsigned)model->length);
    }
}

/* SG_ says how a signal lies in the frame; its type adds the texts that nothing else gives. */
static void apply_type(struct dbc_raw *raw, const struct dbc_raw_type *type, const struct dbc_raw_signal *signal,
                       struct ct_dbc_signal *model)
{
    model->type_name = ct_dbc_utf8(raw->keep, type->named.name);
    if (signal->leader->said.values == NULL) {
        ct_dbc_build_type_texts(raw, type, &model->texts, &model->text_count);
    }
    if (type->length != model->length || type->big_endian != model->big_endian || type->is_signed != model->is_signed ||
        type->factor != model->factor || type->offset != model->offset) {
        ct_dbc_report(raw->report, CT_DBC_CODE_TYPE_DIFFERS, signal->leader->type->place,
                      "signal '%s' differs from its type '%s'; the signal's own layout counts", model->name,
                      model->type_name);
    }
}

static void check_inside(struct dbc_raw *raw, const struct dbc_raw_signal *signal, struct ct_dbc_signal *model)
{
    model->outside = end_byte(signal) > signal->message->length;
    if (model->outside && !signal->message->hidden) {
        ct_dbc_report(raw->report, CT_DBC_CODE_OUTSIDE, signal->named.place,
                      "signal '%s' does not fit into the %" PRIu32 " bytes of message '%.*s'", model->name,
                      signal->message->length, ct_dbc_shown(signal->message->named.name),
                      signal->message->named.name.p);
    }
}

static void finish_signal(struct dbc_raw *raw, struct dbc_raw_signal *signal, struct ct_dbc_signal *model)
{
    const struct dbc_raw_signal *leader = finish_leader(raw, signal->leader);
    const char *short_name = ct_dbc_utf8(raw->keep, signal->named.name);
    *model = (struct ct_dbc_signal){
        .name = ct_dbc_long_name(raw, leader->attributes, DBC_ATTR_LONG_SIGNAL, short_name),
        .unit = ct_dbc_utf8(raw->keep, signal->unit),
        .comment = leader->comment,
        .start_bit = signal->start_bit,
        .length = signal->length,
        .big_endian = signal->big_endian,
        .is_signed = signal->is_signed,
        .factor = signal->factor,
        .offset = signal->offset,
        .integer_scale = is_integer(signal->factor) && is_integer(signal->offset),
        .min = signal->min,
        .max = signal->max,
        .is_selector = signal->is_selector,
        .selector = signal->parent != NULL ? signal->parent->index : -1,
        .ranges = signal->parent != NULL ? signal->ranges : NULL,
        .range_count = signal->parent != NULL ? signal->range_count : 0,
        .short_name = short_name,
        .attributes = leader->attributes,
        .place = ct_dbc_place_of(raw->report, signal->named.place),
    };
    const struct dbc_raw_type *type = type_of(raw, leader);
    const struct ct_dbc_value *start = ct_dbc_known_value(raw, leader->attributes, DBC_ATTR_START);
    if (start != NULL && start->text[0] != '\0') {
        model->has_start_value = true;
        model->start_value = ct_dbc_value_number(start);
    }
    model->receivers = ct_dbc_build_names(raw, signal->receivers, &model->receiver_count);
    ct_dbc_build_texts(raw, leader->said.values, &model->texts, &model->text_count);
    set_kind(raw, leader->value_type != NULL || type == NULL ? leader->value_type : type->value_type, model);
    if (type != NULL) {
        apply_type(raw, type, signal, model);
    }
    check_inside(raw, signal, model);
}

/* ---- messages */

/* Those of all BO_TX_BU_ statements, the sender that BO_ names left out. */
static bool build_senders(struct dbc_raw *raw, const struct dbc_chain *chain, struct ct_dbc_message *model)
{
    size_t room = 0;
    for (const struct dbc_ref *ref = chain->first; ref != NULL; ref = ref->said_next) {
        size_t count = 0;
        (void)ct_dbc_build_names(raw, ref->text, &count);
        room += count;
    }
    const char **names = ct_dbc_alloc_array(raw->keep, room, sizeof *names);
    if (names == NULL) {
        return false;
    }
    for (const struct dbc_ref *ref = chain->first; ref != NULL; ref = ref->said_next) {
        size_t count = 0;
        const char *const *listed = ct_dbc_build_names(raw, ref->text, &count);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(listed[i], model->sender) != 0) {
                names[model->more_sender_count++] = listed[i];
            }
        }
    }
    model->more_senders = names;
    return true;
}

static bool build_group(struct dbc_raw *raw, const struct dbc_raw_message *message, const struct dbc_ref *ref,
                        struct ct_dbc_group *group)
{
    struct dbc_scan scan = {.p = ref->text.p, .end = ref->text.p + ref->text.len, .begin = ref->text.p};
    struct dbc_span name;
    size_t room = 0;
    for (struct dbc_scan look = scan; ct_dbc_next_name(&look, &name);) {
        room++;
    }
    uint16_t *signals = ct_dbc_alloc_array(raw->keep, room, sizeof *signals);
    if (signals == NULL) {
        return false;
    }
    *group = (struct ct_dbc_group){
        .name = ct_dbc_utf8(raw->keep, ref->name), .repetitions = ref->number, .signals = signals};
    while (ct_dbc_next_name(&scan, &name)) {
        const struct dbc_named *named = ct_dbc_find_named(&message->by_name, name);
        if (named != NULL) {
            signals[group->signal_count++] = ((const struct dbc_raw_signal *)(const void *)named)->index;
        } else {
            ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_SIGNAL, name.p, "no signal '%.*s' in message %" PRIu32,
                          ct_dbc_shown(name), name.p, message->id);
        }
    }
    return true;
}

static bool build_groups(struct dbc_raw *raw, const struct dbc_raw_message *message, struct ct_dbc_message *model)
{
    struct ct_dbc_group *groups = ct_dbc_alloc_array(raw->keep, message->groups.count, sizeof *groups);
    if (groups == NULL) {
        return false;
    }
    for (const struct dbc_ref *ref = message->groups.first; ref != NULL; ref = ref->said_next) {
        if (!build_group(raw, message, ref, &groups[model->group_count++])) {
            return false;
        }
    }
    model->groups = groups;
    return true;
}

static void build_head(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_message *model)
{
    const struct dbc_raw_message *leader = message->leader;
    const uint32_t id = message->id & ~DBC_EXTENDED_FLAG;
    const bool shared = leader != message && leader->model != NULL;
    *model = (struct ct_dbc_message){
        .id = id & ID_MASK,
        .extended = id != message->id || id > 0x7FF,
        .written_id = message->id,
        .comment = shared ? leader->model->comment : ct_dbc_build_comment(raw, &leader->said),
        .sender = ct_dbc_node_name(raw, message->sender),
        .length = message->length,
        .short_name = ct_dbc_utf8(raw->keep, message->named.name),
        .attributes = shared ? leader->model->attributes : ct_dbc_build_attributes(raw, &leader->said.attributes),
        .place = ct_dbc_place_of(raw->report, message->named.place),
    };
    model->name = ct_dbc_long_name(raw, model->attributes, DBC_ATTR_LONG_MESSAGE, model->short_name);
    const struct ct_dbc_value *cycle = ct_dbc_known_value(raw, model->attributes, DBC_ATTR_CYCLE);
    model->cycle_ms = cycle != NULL ? ct_dbc_value_number(cycle) : 0;
    set_format(raw, model);
    if (shared && !message->hidden) {
        ct_dbc_report(raw->report, CT_DBC_CODE_SAME_ID, message->named.place,
                      "message '%s' has the id of '%s'; frames are decoded as the last of them", model->name,
                      leader->model->name);
    }
}

bool ct_dbc_finish_message(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_message *out_message)
{
    struct ct_dbc_signal *signals = ct_dbc_alloc_array(raw->keep, message->signals.count, sizeof *signals);
    if (signals == NULL) {
        return false;
    }
    build_head(raw, message, out_message);
    ct_dbc_link_selectors(raw, message);
    for (struct dbc_named *named = message->signals.first; named != NULL; named = named->next) {
        struct dbc_raw_signal *signal = (struct dbc_raw_signal *)(void *)named;
        finish_signal(raw, signal, &signals[signal->index]);
    }
    if (!message->hidden) {
        ct_dbc_part_names(raw, message, signals);
    }
    out_message->signals = signals;
    out_message->signal_count = message->signals.count;
    const bool owns = message->leader == message;
    return !owns || (build_senders(raw, &message->senders, out_message) && build_groups(raw, message, out_message));
}
