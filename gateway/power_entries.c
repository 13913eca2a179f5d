#include "power_entries.h"

#include "buf.h"

#define TEXT_MAX     4096U
#define POWER_LENGTH 6

static const char head[] = "VERSION \"\"\n\nBU_: Gateway\n\nBO_ 0 Power: 6 Gateway\n"
                           " SG_ State : 0|8@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ Ignition : 8|1@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ WakeLine : 9|1@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ Transceiver : 10|1@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ Polling : 11|1@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ WorkPending : 12|1@1+ (1,0) [0|0] \"\" Gateway\n"
                           " SG_ Transitions : 16|32@1+ (1,0) [0|0] \"\" Gateway\n\nVAL_ 0 State";

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

int ct_power_entries_create(struct ct_dbc **out_dbc)
{
    struct ct_buf text;
    ct_buf_init(&text, TEXT_MAX);
    ct_buf_text(&text, head);
    for (unsigned state = 0; state < CT_POWER_STATE_COUNT; state++) {
        ct_buf_printf(&text, " %u \"%s\"", state, ct_power_state_text((enum ct_power_state)state));
    }
    ct_buf_text(&text, " ;\n");
    int err = ct_buf_error(&text);
    if (err == CT_OK) {
        err = ct_dbc_parse("(power)", (const char *)text.data, text.len, ignore, NULL, out_dbc);
    }
    ct_buf_free(&text);
    return err;
}

struct ct_frame ct_power_entries_frame(const struct ct_power *power, uint32_t transitions, ct_ns now)
{
    struct ct_frame frame = {.id = 0, .len = POWER_LENGTH};
    const struct ct_power_outputs outputs = ct_power_outputs(power, now);
    const bool bits[] = {ct_power_line_active(power, CT_POWER_IGNITION),
                         ct_power_line_active(power, CT_POWER_WAKE_LINE), outputs.transceiver, outputs.polling,
                         ct_power_working(power)};
    frame.data[0] = (uint8_t)power->state;
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        frame.data[1] = (uint8_t)(frame.data[1] | (bits[i] ? 1U << i : 0U));
    }
    for (size_t i = 0; i < 4; i++) {
        frame.data[2 + i] = (uint8_t)(transitions >> (8 * i));
    }
    return frame;
}
