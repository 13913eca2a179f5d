#include "bus_health.h"

/* Classes of error frames (in the id) and bits of data byte 1, as in <linux/can/error.h>. */
enum class {
    CLASS_TX_TIMEOUT = 0x001,
    CLASS_LOST_ARBITRATION = 0x002,
    CLASS_CONTROLLER = 0x004,
    CLASS_PROTOCOL = 0x008,
    CLASS_ACK = 0x020,
    CLASS_BUS_OFF = 0x040,
    CLASS_BUS_ERROR = 0x080,
    CLASS_RESTARTED = 0x100,
    CLASS_COUNTERS = 0x200,
};

enum controller {
    CONTROLLER_RX_OVERFLOW = 0x01,
    CONTROLLER_TX_OVERFLOW = 0x02,
    CONTROLLER_WARNING = 0x04 | 0x08,
    CONTROLLER_PASSIVE = 0x10 | 0x20,
    CONTROLLER_ACTIVE = 0x40,
};

static bool enter(struct ct_bus_health *health, enum ct_bus_state state, ct_ns now)
{
    if (health->known && health->state == state) {
        return false;
    }
    health->bus_offs += state == CT_BUS_OFF ? 1 : 0;
    health->known = true;
    health->state = state;
    health->since_ns = now;
    return true;
}

static void count(struct ct_bus_health *health, uint32_t class, unsigned detail)
{
    health->error_frames++;
    health->tx_timeouts += (class & CLASS_TX_TIMEOUT) != 0 ? 1 : 0;
    health->lost_arbitrations += (class & CLASS_LOST_ARBITRATION) != 0 ? 1 : 0;
    health->bus_errors += (class & (CLASS_PROTOCOL | CLASS_ACK | CLASS_BUS_ERROR)) != 0 ? 1 : 0;
    health->restarts += (class & CLASS_RESTARTED) != 0 ? 1 : 0;
    health->rx_overflows += (detail & CONTROLLER_RX_OVERFLOW) != 0 ? 1 : 0;
    health->tx_overflows += (detail & CONTROLLER_TX_OVERFLOW) != 0 ? 1 : 0;
}

/* Kernels before 6.0 fill the counters in without saying so. */
static void take_counters(struct ct_bus_health *health, const struct ct_frame *frame)
{
    const bool said = (frame->id & CLASS_COUNTERS) != 0;
    const bool meant = (frame->id & CLASS_CONTROLLER) != 0 && (frame->data[6] | frame->data[7]) != 0;
    if (frame->len >= 8 && (said || meant)) {
        health->tx_errors = frame->data[6];
        health->rx_errors = frame->data[7];
    }
}

bool ct_bus_health_frame(struct ct_bus_health *health, const struct ct_frame *frame)
{
    if ((frame->flags & CT_FRAME_ERR) == 0) {
        return false;
    }
    const uint32_t class = frame->id;
    const unsigned detail = (class & CLASS_CONTROLLER) != 0 && frame->len >= 2 ? frame->data[1] : 0;
    count(health, class, detail);
    take_counters(health, frame);
    if ((class & CLASS_BUS_OFF) != 0) {
        return enter(health, CT_BUS_OFF, frame->t_ns);
    }
    if ((class & CLASS_RESTARTED) != 0) {
        health->tx_errors = 0;
        health->rx_errors = 0;
        return enter(health, CT_BUS_ERROR_ACTIVE, frame->t_ns);
    }
    /* Both directions are told together; the worse one is the controller's state. */
    if ((detail & CONTROLLER_PASSIVE) != 0) {
        return enter(health, CT_BUS_ERROR_PASSIVE, frame->t_ns);
    }
    if ((detail & CONTROLLER_WARNING) != 0) {
        return enter(health, CT_BUS_ERROR_WARNING, frame->t_ns);
    }
    return (detail & CONTROLLER_ACTIVE) != 0 && enter(health, CT_BUS_ERROR_ACTIVE, frame->t_ns);
}

bool ct_bus_health_report(struct ct_bus_health *health, enum ct_bus_state state, uint16_t tx_errors, uint16_t rx_errors,
                          ct_ns now)
{
    health->tx_errors = tx_errors;
    health->rx_errors = rx_errors;
    return enter(health, state, now);
}

enum ct_bus_state ct_bus_state_worse(enum ct_bus_state a, enum ct_bus_state b)
{
    static const uint8_t gravity[] = {[CT_BUS_ERROR_ACTIVE] = 0,  [CT_BUS_SLEEPING] = 1, [CT_BUS_ERROR_WARNING] = 2,
                                      [CT_BUS_ERROR_PASSIVE] = 3, [CT_BUS_STOPPED] = 4,  [CT_BUS_OFF] = 5};
    _Static_assert(sizeof gravity / sizeof gravity[0] == CT_BUS_STATE_COUNT, "a gravity for every state");
    return gravity[a] >= gravity[b] ? a : b;
}

const char *ct_bus_state_text(enum ct_bus_state state)
{
    static const char *const texts[] = {"error-active", "error-warning", "error-passive",
                                        "bus-off",      "stopped",       "sleeping"};
    _Static_assert(sizeof texts / sizeof texts[0] == CT_BUS_STATE_COUNT, "a text for every state");
    return (unsigned)state < CT_BUS_STATE_COUNT ? texts[state] : "unknown";
}
