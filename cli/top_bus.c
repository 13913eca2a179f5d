#include "top_bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_FOR   CT_NS_PER_S /* a change is highlighted so long */
#define VALUES_MAX    1024U
#define SILENT_CYCLES 5 /* so many cycles without a frame, and over a second: silent */

int ct_top_bus_init(struct ct_top_bus *bus, ct_ns now)
{
    *bus = (struct ct_top_bus){.window_ns = now, .started_ns = now};
    bus->rows = calloc(CT_TOP_IDS_MAX, sizeof bus->rows[0]);
    return bus->rows != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

void ct_top_bus_free(struct ct_top_bus *bus)
{
    free(bus->rows);
    bus->rows = NULL;
}

/* 11-bit ids first, remote and error frames as ids of their own. */
static uint64_t key_of(const struct ct_frame *frame)
{
    const uint64_t kind = frame->flags & (CT_FRAME_EXT | CT_FRAME_RTR | CT_FRAME_ERR);
    return kind << 32 | frame->id;
}

static size_t place_of(const struct ct_top_bus *bus, uint64_t key)
{
    size_t low = 0;
    size_t high = bus->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (key_of(&bus->rows[middle].frame) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct ct_top_row *row_of(struct ct_top_bus *bus, const struct ct_frame *frame)
{
    const uint64_t key = key_of(frame);
    const size_t at = place_of(bus, key);
    struct ct_top_row *row = &bus->rows[at];
    if (at < bus->count && key_of(&row->frame) == key) {
        return row;
    }
    if (bus->count == CT_TOP_IDS_MAX) {
        bus->others++;
        return NULL;
    }
    memmove(row + 1, row, (bus->count - at) * sizeof *row);
    *row = (struct ct_top_row){.frame = *frame, .rate = -1};
    for (size_t i = 0; i < CT_FRAME_DATA_MAX; i++) {
        row->changed_ns[i] = -CT_NS_PER_S;
    }
    bus->count++;
    return row;
}

void ct_top_bus_frame(struct ct_top_bus *bus, const struct ct_frame *frame, ct_ns now)
{
    bus->frames++;
    struct ct_top_row *row = row_of(bus, frame);
    if (row == NULL) {
        return;
    }
    for (size_t i = 0; i < frame->len; i++) {
        const uint8_t difference = i < row->frame.len ? row->frame.data[i] ^ frame->data[i] : 0xFF;
        if (difference != 0) {
            row->bits[i] = difference;
            row->changed_ns[i] = now;
        }
    }
    row->frame = *frame;
    row->frame.t_ns = now;
    row->count++;
    row->in_window++;
}

void ct_top_bus_checked(struct ct_top_bus *bus, const struct ct_frame *frame, enum ct_protect_fault fault)
{
    const uint64_t key = key_of(frame);
    const size_t at = place_of(bus, key);
    if (at == bus->count || key_of(&bus->rows[at].frame) != key) {
        return; /* there was no room for it */
    }
    struct ct_top_row *row = &bus->rows[at];
    row->checked = true;
    row->fault = fault;
    row->checksum_faults += fault == CT_PROTECT_FAULT_CHECKSUM;
    row->counter_faults += fault == CT_PROTECT_FAULT_COUNTER;
}

void ct_top_bus_tick(struct ct_top_bus *bus, ct_ns now)
{
    const ct_ns passed = now - bus->window_ns;
    if (passed < CT_NS_PER_S) {
        return;
    }
    bus->window_ns = now;
    for (size_t i = 0; i < bus->count; i++) {
        struct ct_top_row *row = &bus->rows[i];
        row->rate = (double)row->in_window * (double)CT_NS_PER_S / (double)passed;
        row->in_window = 0;
    }
}

/* --- showing --- */

static double rate_of(const struct ct_top_bus *bus, const struct ct_top_row *row, ct_ns now)
{
    const ct_ns passed = now - bus->started_ns;
    if (row->rate >= 0 || passed <= 0) {
        return row->rate;
    }
    return (double)row->count * (double)CT_NS_PER_S / (double)passed;
}

/* Comes no more: so many of its own cycles, and a second at least. */
static bool silent(const struct ct_top_bus *bus, const struct ct_top_row *row, ct_ns now)
{
    const ct_ns alive = row->frame.t_ns - bus->started_ns;
    const ct_ns cycle = row->count > 1 ? alive / (ct_ns)(row->count - 1) : alive;
    const ct_ns age = now - row->frame.t_ns;
    return age > CT_NS_PER_S && age > SILENT_CYCLES * cycle;
}

static bool fresh(const struct ct_top_row *row, size_t byte, ct_ns now)
{
    return now - row->changed_ns[byte] < CHANGED_FOR;
}

const struct ct_codec_message *ct_top_message_of(const struct ct_top_shown *shown, const struct ct_frame *frame)
{
    const bool data = (frame->flags & (CT_FRAME_RTR | CT_FRAME_ERR)) == 0;
    for (size_t i = 0; data && i < shown->codec_count; i++) {
        const struct ct_codec_message *message =
            ct_codec_find(shown->codecs[i], frame->id, (frame->flags & CT_FRAME_EXT) != 0);
        if (message != NULL) {
            return message;
        }
    }
    return NULL;
}

static void show_id(const struct ct_top_row *row, struct ct_screen *screen)
{
    char id[16];
    const struct ct_frame *frame = &row->frame;
    snprintf(id, sizeof id, (frame->flags & CT_FRAME_EXT) != 0 ? "%08" PRIX32 : "%03" PRIX32, frame->id);
    ct_screen_put(screen, CT_STYLE_PLAIN, "%8s ", (frame->flags & CT_FRAME_ERR) != 0 ? "error" : id);
}

static void show_faults(const struct ct_top_row *row, enum ct_protect_fault fault, uint64_t count,
                        struct ct_screen *screen)
{
    if (count > 0) {
        ct_screen_put(screen, row->fault == fault ? CT_STYLE_BAD : CT_STYLE_PLAIN, "  %s %" PRIu64,
                      ct_protect_fault_text(fault), count);
    }
}

/* Behind the name: "checked", or how many frames were refused and why; the newest one's reason stands out. */
static void show_protection(const struct ct_top_row *row, struct ct_screen *screen)
{
    if (row->checked && row->checksum_faults + row->counter_faults == 0) {
        ct_screen_put(screen, CT_STYLE_DIM, "  checked");
    }
    show_faults(row, CT_PROTECT_FAULT_CHECKSUM, row->checksum_faults, screen);
    show_faults(row, CT_PROTECT_FAULT_COUNTER, row->counter_faults, screen);
}

static void show_frame(const struct ct_top_bus *bus, const struct ct_top_row *row, ct_ns now, const char *name,
                       struct ct_screen *screen)
{
    const struct ct_frame *frame = &row->frame;
    show_id(row, screen);
    ct_screen_put(screen, CT_STYLE_PLAIN, "%8" PRIu64 " ", row->count);
    if (silent(bus, row, now)) {
        ct_screen_put(screen, CT_STYLE_BAD, "%9s ", "silent");
    } else {
        ct_screen_put(screen, CT_STYLE_PLAIN, "%7.1f/s ", rate_of(bus, row, now));
    }
    ct_screen_put(screen, CT_STYLE_PLAIN, "%2u%s", frame->len, (frame->flags & CT_FRAME_FD) != 0 ? "f " : "  ");
    for (size_t i = 0; i < frame->len && (frame->flags & CT_FRAME_RTR) == 0; i++) {
        ct_screen_put(screen, fresh(row, i, now) ? CT_STYLE_CHANGED : CT_STYLE_PLAIN, "%02X", frame->data[i]);
        ct_screen_put(screen, CT_STYLE_PLAIN, " ");
    }
    if ((frame->flags & CT_FRAME_RTR) != 0) {
        ct_screen_put(screen, CT_STYLE_PLAIN, "remote ");
    }
    ct_screen_put(screen, CT_STYLE_DIM, "%s", name);
    show_protection(row, screen);
    ct_screen_end_line(screen);
}

static void show_bits(const struct ct_top_row *row, ct_ns now, struct ct_screen *screen)
{
    ct_screen_put(screen, CT_STYLE_DIM, "%31s", "");
    for (size_t i = 0; i < row->frame.len; i++) {
        for (unsigned bit = 8; bit-- > 0;) {
            const bool changed = fresh(row, i, now) && (row->bits[i] >> bit & 1U) != 0;
            ct_screen_put(screen, changed ? CT_STYLE_CHANGED : CT_STYLE_DIM, "%u", row->frame.data[i] >> bit & 1U);
        }
        ct_screen_put(screen, CT_STYLE_PLAIN, " ");
    }
    ct_screen_end_line(screen);
}

static void show_values(const struct ct_codec_message *message, const struct ct_top_bus *bus,
                        const struct ct_top_row *row, ct_ns now, struct ct_screen *screen)
{
    static struct ct_decoded values[VALUES_MAX];
    const struct ct_dbc_message *model = ct_codec_model(message);
    if (model->signal_count > VALUES_MAX) {
        return;
    }
    const size_t n = ct_codec_decode(message, row->frame.data, row->frame.len, values);
    const bool old = silent(bus, row, now);
    for (size_t i = 0; i < n; i++) {
        const struct ct_dbc_signal *signal = &model->signals[values[i].signal];
        const char *text = ct_dbc_text_of(signal, values[i].raw);
        ct_screen_put(screen, CT_STYLE_PLAIN, "%31s%-32s %14.10g %s%s%s", "", signal->name, values[i].value,
                      signal->unit, text != NULL ? " " : "", text != NULL ? text : "");
        if (old) {
            ct_screen_put(screen, CT_STYLE_BAD, "  stale");
        }
        if (row->fault != CT_PROTECT_FAULT_NONE) {
            ct_screen_put(screen, CT_STYLE_BAD, "  %s", ct_protect_fault_text(row->fault));
        }
        ct_screen_end_line(screen);
    }
}

void ct_top_bus_show(const struct ct_top_bus *bus, const struct ct_top_shown *shown, ct_ns now,
                     struct ct_screen *screen)
{
    for (size_t i = 0; i < bus->count; i++) {
        const struct ct_top_row *row = &bus->rows[i];
        const struct ct_codec_message *message = ct_top_message_of(shown, &row->frame);
        show_frame(bus, row, now, message != NULL ? ct_codec_model(message)->name : "", screen);
        if (shown->bits) {
            show_bits(row, now, screen);
        }
        if (message != NULL) {
            show_values(message, bus, row, now, screen);
        }
    }
}
