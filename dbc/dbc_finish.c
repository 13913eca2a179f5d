/* A message once all that is said about it is known: frame format, selectors, names, the array of its signals. */
#include "dbc_raw.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An ENUM attribute's value is written as its index or as its text. */
static const char *attribute_text(const struct dbc_raw *raw, enum dbc_attribute attribute, const char *value)
{
    const struct dbc_attribute_def *def = &raw->attributes[attribute];
    const char *text = value != NULL ? value : def->preset;
    if (text == NULL) {
        return "";
    }
    char *rest;
    const unsigned long index = strtoul(text, &rest, 10);
    return rest != text && *rest == '\0' && index < def->text_count ? def->texts[index] : text;
}

/* VFrameFormat by text, or by Vector's numbers where the file defines no texts. */
static void set_format(const struct dbc_raw *raw, struct dbc_raw_message *message)
{
    struct ct_dbc_message *model = &message->model;
    const char *format = attribute_text(raw, DBC_ATTR_FRAME_FORMAT, message->frame_format);
    const size_t len = strlen(format);
    model->fd =
        strcmp(format, "14") == 0 || strcmp(format, "15") == 0 || (len > 3 && strcmp(format + len - 3, "_FD") == 0);
    model->j1939 = model->extended && (strcmp(format, "J1939PG") == 0 || strcmp(format, "3") == 0);
    if (len == 0) {
        const char *protocol = attribute_text(raw, DBC_ATTR_PROTOCOL, NULL);
        model->j1939 =
            model->extended && (protocol[0] != '\0' ? strncmp(protocol, "J1939", 5) == 0 : raw->all_null_sources);
        model->fd = !model->j1939 && model->length > 8 && model->length <= 64;
    }
    model->brs = model->fd && strcmp(attribute_text(raw, DBC_ATTR_BRS, message->brs), "0") != 0;
}

static bool is_integer(double value)
{
    return fabs(value) <= 9007199254740992.0 && value == floor(value);
}

/* One past the last byte the signal touches. */
static uint32_t end_byte(const struct ct_dbc_signal *model)
{
    const uint32_t start = model->start_bit;
    const uint32_t first = model->big_endian ? start / 8 * 8 + 7 - start % 8 : start;
    return (first + model->length + 7) / 8;
}

static void finish_signal(struct dbc_raw *raw, struct dbc_raw_signal *signal)
{
    struct ct_dbc_signal *model = &signal->model;
    const struct dbc_raw_message *message = signal->message;
    const char *start = raw->attributes[DBC_ATTR_START].preset;
    if (!model->has_start_value && start != NULL && start[0] != '\0') {
        model->has_start_value = true;
        model->start_value = strtod(start, NULL);
    }
    model->integer_scale = is_integer(model->factor) && is_integer(model->offset);
    model->outside = end_byte(model) > message->model.length;
    if (model->outside && !message->hidden) {
        ct_dbc_report(raw->report, CT_DBC_WARNING, signal->place,
                      "signal '%s' does not fit into the %" PRIu32 " bytes of message '%s'", model->name,
                      message->model.length, message->model.name);
    }
    if (signal->long_name != NULL) {
        model->name = signal->long_name;
    }
}

bool ct_dbc_finish_message(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_message *out_message)
{
    struct ct_dbc_signal *signals = ct_dbc_alloc(raw->keep, (message->model.signal_count + 1) * sizeof *signals);
    if (signals == NULL) {
        return false;
    }
    ct_dbc_link_selectors(raw, message);
    for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        finish_signal(raw, signal);
    }
    ct_dbc_part_names(raw, message);
    for (const struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        signals[signal->index] = signal->model;
    }
    set_format(raw, message);
    const char *cycle = raw->attributes[DBC_ATTR_CYCLE].preset;
    if (message->model.cycle_ms == 0 && cycle != NULL) {
        message->model.cycle_ms = strtod(cycle, NULL);
    }
    if (message->long_name != NULL) {
        message->model.name = message->long_name;
    }
    message->model.signals = signals;
    *out_message = message->model;
    return true;
}
