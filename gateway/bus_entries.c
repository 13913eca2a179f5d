#include "bus_entries.h"

#include "buf.h"

#include <string.h>

#define TEXT_MAX (64U * 1024U)

static const struct {
    unsigned length;
    const char *signals;
} kinds[CT_BUS_ENTRIES_KINDS] = {
    [CT_BUS_ENTRIES_HEALTH] = {12, " SG_ ControllerState : 0|8@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ TxErrorCounter : 16|16@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ RxErrorCounter : 32|16@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ BusOffs : 64|32@1+ (1,0) [0|0] \"\" Gateway\n"},
    [CT_BUS_ENTRIES_ERRORS] = {12, " SG_ ErrorFrames : 0|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ BusErrors : 32|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ Restarts : 64|32@1+ (1,0) [0|0] \"\" Gateway\n"},
    [CT_BUS_ENTRIES_LOAD] = {2, " SG_ BusLoad : 0|16@1+ (0.1,0) [0|0] \"%\" Gateway\n"},
    [CT_BUS_ENTRIES_LOSSES] = {24, " SG_ FramesLost : 0|64@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ FramesUnsent : 64|64@1+ (1,0) [0|0] \"\" Gateway\n"
                                   " SG_ FramesUnconfirmed : 128|64@1+ (1,0) [0|0] \"\" Gateway\n"},
    [CT_BUS_ENTRIES_ANOMALIES] = {24, " SG_ UnknownIds : 0|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                      " SG_ WrongBus : 32|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                      " SG_ WrongLength : 64|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                      " SG_ TooFast : 96|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                      " SG_ TooSlow : 128|32@1+ (1,0) [0|0] \"\" Gateway\n"
                                      " SG_ ForeignRequests : 160|32@1+ (1,0) [0|0] \"\" Gateway\n"},
    [CT_BUS_ENTRIES_NETWORK] = {1, " SG_ WorstControllerState : 0|8@1+ (1,0) [0|0] \"\" Gateway\n"},
};

static uint32_t id_of(size_t index, enum ct_bus_entries_kind kind)
{
    return (uint32_t)(index * CT_BUS_ENTRIES_KINDS + (size_t)kind);
}

static void put_name(struct ct_buf *out, const char *name)
{
    char text[64];
    size_t n = 0;
    for (; name[n] != '\0' && n + 1 < sizeof text; n++) {
        const char c = name[n];
        const bool known =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (n > 0 && c >= '0' && c <= '9');
        text[n] = known ? c : '_';
    }
    text[n] = '\0';
    ct_buf_text(out, text);
}

static void put_message(struct ct_buf *out, enum ct_bus_entries_kind kind, size_t index, const char *name)
{
    ct_buf_printf(out, "BO_ %u ", id_of(index, kind));
    put_name(out, name);
    ct_buf_printf(out, ": %u Gateway\n%s\n", kinds[kind].length, kinds[kind].signals);
}

static void put_states(struct ct_buf *out, enum ct_bus_entries_kind kind, size_t index, const char *signal)
{
    ct_buf_printf(out, "VAL_ %u %s", id_of(index, kind), signal);
    for (unsigned state = 0; state < CT_BUS_STATE_COUNT; state++) {
        ct_buf_printf(out, " %u \"%s\"", state, ct_bus_state_text((enum ct_bus_state)state));
    }
    ct_buf_text(out, " ;\n");
}

static void put_messages(struct ct_buf *out, enum ct_bus_entries_kind kind, const char *const *names, size_t count)
{
    if (kind == CT_BUS_ENTRIES_NETWORK) {
        put_message(out, kind, 0, "Network");
        put_states(out, kind, 0, "WorstControllerState");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_message(out, kind, i, names[i]);
    }
    for (size_t i = 0; i < count && kind == CT_BUS_ENTRIES_HEALTH; i++) {
        put_states(out, kind, i, "ControllerState");
    }
}

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static int create_kind(enum ct_bus_entries_kind kind, const char *const *names, size_t count, struct ct_dbc **out_dbc)
{
    struct ct_buf text;
    ct_buf_init(&text, TEXT_MAX);
    ct_buf_text(&text, "VERSION \"\"\n\nBU_: Gateway\n\n");
    put_messages(&text, kind, names, count);
    int err = ct_buf_error(&text);
    if (err == CT_OK) {
        err = ct_dbc_parse("(buses)", (const char *)text.data, text.len, ignore, NULL, out_dbc);
    }
    ct_buf_free(&text);
    return err;
}

int ct_bus_entries_create(const char *const *names, size_t count, struct ct_dbc *out_dbcs[CT_BUS_ENTRIES_KINDS])
{
    struct ct_dbc *made[CT_BUS_ENTRIES_KINDS] = {NULL};
    for (unsigned kind = 0; kind < CT_BUS_ENTRIES_KINDS; kind++) {
        const int err = create_kind((enum ct_bus_entries_kind)kind, names, count, &made[kind]);
        if (err != CT_OK) {
            for (unsigned i = 0; i <= kind; i++) {
                ct_dbc_free(made[i]);
            }
            return err;
        }
    }
    memcpy(out_dbcs, made, sizeof made);
    return CT_OK;
}

static void put_le(uint8_t *data, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(value >> (8 * i));
    }
}

static struct ct_frame frame_of(uint8_t index, enum ct_bus_entries_kind kind)
{
    return (struct ct_frame){.id = id_of(index, kind), .flags = CT_FRAME_FD, .len = (uint8_t)kinds[kind].length};
}

struct ct_frame ct_bus_entries_health(uint8_t index, const struct ct_bus_health *health)
{
    struct ct_frame frame = frame_of(index, CT_BUS_ENTRIES_HEALTH);
    frame.data[0] = (uint8_t)health->state;
    put_le(frame.data + 2, health->tx_errors, 2);
    put_le(frame.data + 4, health->rx_errors, 2);
    put_le(frame.data + 8, health->bus_offs, 4);
    return frame;
}

struct ct_frame ct_bus_entries_load(uint8_t index, double percent)
{
    struct ct_frame frame = frame_of(index, CT_BUS_ENTRIES_LOAD);
    const double tenths = percent * 10 + 0.5;
    put_le(frame.data, tenths < 65535 ? (uint64_t)tenths : 65535, 2);
    return frame;
}

struct ct_frame ct_bus_entries_errors(uint8_t index, const struct ct_bus_health *health)
{
    struct ct_frame frame = frame_of(index, CT_BUS_ENTRIES_ERRORS);
    put_le(frame.data, health->error_frames, 4);
    put_le(frame.data + 4, health->bus_errors, 4);
    put_le(frame.data + 8, health->restarts, 4);
    return frame;
}

struct ct_frame ct_bus_entries_losses(uint8_t index, uint64_t lost, uint64_t unsent, uint64_t unconfirmed)
{
    struct ct_frame frame = frame_of(index, CT_BUS_ENTRIES_LOSSES);
    put_le(frame.data, lost, 8);
    put_le(frame.data + 8, unsent, 8);
    put_le(frame.data + 16, unconfirmed, 8);
    return frame;
}

struct ct_frame ct_bus_entries_anomalies(uint8_t index, const struct ct_anomaly_counts *counts)
{
    struct ct_frame frame = frame_of(index, CT_BUS_ENTRIES_ANOMALIES);
    for (size_t kind = 0; kind < CT_ANOMALY_COUNT; kind++) {
        put_le(frame.data + 4 * kind, counts->by_kind[kind], 4);
    }
    return frame;
}

struct ct_frame ct_bus_entries_network(enum ct_bus_state worst)
{
    struct ct_frame frame = frame_of(0, CT_BUS_ENTRIES_NETWORK);
    frame.data[0] = (uint8_t)worst;
    return frame;
}
