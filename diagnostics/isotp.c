#include "isotp_private.h"

#include <string.h>

#define DEFAULT_WAITS        10U
#define DEFAULT_MS           1000U
#define DEFAULT_OWN_MS       450U
#define DEFAULT_FIRST_FRAMES 100U
#define ST_MIN_RESERVED      0x7FU

const char *ct_isotp_result_text(enum ct_isotp_result result)
{
    static const char *const texts[] = {
        [CT_ISOTP_OK] = "no error",
        [CT_ISOTP_TIMEOUT_A] = "the bus did not take a frame in time (N_TIMEOUT_A)",
        [CT_ISOTP_TIMEOUT_BS] = "no flow control came (N_TIMEOUT_Bs)",
        [CT_ISOTP_TIMEOUT_CR] = "the next consecutive frame did not come (N_TIMEOUT_Cr)",
        [CT_ISOTP_WRONG_SN] = "a consecutive frame is missing (N_WRONG_SN)",
        [CT_ISOTP_INVALID_FS] = "flow control with an invalid status (N_INVALID_FS)",
        [CT_ISOTP_UNEXP_PDU] = "a new message cut off the one before (N_UNEXP_PDU)",
        [CT_ISOTP_WFT_OVRN] = "the receiver asked to wait too often (N_WFT_OVRN)",
        [CT_ISOTP_BUFFER_OVFLW] = "the message is too long for the receiver (N_BUFFER_OVFLW)",
        [CT_ISOTP_ERROR] = "transport error (N_ERROR)",
    };
    return (size_t)result < sizeof texts / sizeof texts[0] ? texts[result] : "transport error";
}

uint8_t ct_isotp_st_min_encode(uint32_t us)
{
    if (us == 0) {
        return 0;
    }
    if (us <= 900) {
        return (uint8_t)(0xF0 + (us + 99) / 100);
    }
    return us > 126000 ? ST_MIN_RESERVED : (uint8_t)((us + 999) / 1000);
}

uint32_t ct_isotp_st_min_decode_us(uint8_t code)
{
    if (code <= 0x7F) {
        return code * 1000U;
    }
    if (code >= 0xF1 && code <= 0xF9) {
        return (code - 0xF0U) * 100U;
    }
    return ST_MIN_RESERVED * 1000U;
}

/* --- set-up --- */

static bool lengths_valid(const struct ct_isotp_config *config)
{
    const bool dl_known = config->tx_dl >= CT_ISOTP_CLASSIC_DL && config->tx_dl <= CT_FRAME_DATA_MAX &&
                          ct_frame_fd_length(config->tx_dl) == config->tx_dl;
    const bool st_min_possible = config->st_min_ceiling_us == 0 || config->st_min_ceiling_us >= config->st_min_floor_us;
    return dl_known && st_min_possible && (config->fd || config->tx_dl == CT_ISOTP_CLASSIC_DL);
}

static ct_ns time_or(uint32_t ms, uint32_t standard_ms)
{
    return ct_ns_from_ms(ms != 0 ? ms : standard_ms);
}

static void set_limits(struct ct_isotp *tp)
{
    struct ct_isotp_config *config = &tp->config;
    tp->n_as = time_or(config->n_as_ms, DEFAULT_MS);
    tp->n_ar = time_or(config->n_ar_ms, DEFAULT_MS);
    tp->n_bs = time_or(config->n_bs_ms, DEFAULT_MS);
    tp->n_br = time_or(config->n_br_ms, DEFAULT_OWN_MS);
    tp->n_cs = time_or(config->n_cs_ms, DEFAULT_OWN_MS);
    tp->n_cr = time_or(config->n_cr_ms, DEFAULT_MS);
    if (config->wait_max == 0) {
        config->wait_max = DEFAULT_WAITS;
    }
    if (config->wft_max == 0) {
        config->wft_max = DEFAULT_WAITS;
    }
    if (config->first_frames_per_s == 0) {
        config->first_frames_per_s = DEFAULT_FIRST_FRAMES;
    }
}

int ct_isotp_init(struct ct_isotp *tp, const struct ct_isotp_config *config, uint8_t *rx_buffer, size_t rx_capacity,
                  uint8_t *tx_buffer, size_t tx_capacity)
{
    const bool can_receive = rx_capacity > 0 && (rx_buffer != NULL || config->sink.write != NULL);
    const bool can_send = config->listen || (tx_capacity > 0 && tx_buffer != NULL);
    struct ct_isotp made = {.config = *config};
    if (!can_receive || !can_send || !lengths_valid(config) ||
        ct_isotp_addresses(config, &made.to, &made.from) != CT_OK) {
        return CT_ERR_ARGUMENT;
    }
    *tp = made;
    set_limits(tp);
    tp->rx.buffer = rx_buffer;
    tp->rx.capacity = rx_capacity;
    tp->tx.buffer = tx_buffer;
    tp->tx.capacity = tx_capacity;
    return CT_OK;
}

void ct_isotp_reset(struct ct_isotp *tp)
{
    tp->rx.active = false;
    tp->rx.held = false;
    tp->rx.phase = CT_RX_IDLE;
    tp->tx.state = CT_TX_IDLE;
    tp->event_count = 0;
}

void ct_isotp_bus_lost(struct ct_isotp *tp)
{
    if (tp->rx.phase != CT_RX_IDLE) {
        ct_isotp_rx_failed(tp, CT_ISOTP_ERROR);
    }
    if (tp->tx.state != CT_TX_IDLE) {
        ct_isotp_tx_failed(tp, CT_ISOTP_ERROR);
    }
}

/* --- events --- */

void ct_isotp_emit(struct ct_isotp *tp, const struct ct_isotp_event *event)
{
    if (tp->event_count == CT_ISOTP_EVENT_MAX) {
        memmove(&tp->events[0], &tp->events[1], sizeof tp->events - sizeof tp->events[0]);
        tp->event_count--;
        tp->events_lost++;
    }
    tp->events[tp->event_count++] = *event;
}

int ct_isotp_next_event(struct ct_isotp *tp, struct ct_isotp_event *out_event)
{
    if (tp->event_count == 0) {
        return CT_ERR_AGAIN;
    }
    *out_event = tp->events[0];
    tp->event_count--;
    memmove(&tp->events[0], &tp->events[1], tp->event_count * sizeof tp->events[0]);
    return CT_OK;
}

void ct_isotp_rx_failed(struct ct_isotp *tp, enum ct_isotp_result result)
{
    tp->rx.active = false;
    tp->rx.phase = CT_RX_IDLE;
    ct_isotp_emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_RX_FAILED, .result = result});
}

void ct_isotp_tx_failed(struct ct_isotp *tp, enum ct_isotp_result result)
{
    tp->tx.state = CT_TX_IDLE;
    ct_isotp_emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_TX_FAILED, .result = result});
}

/* --- frames --- */

static struct ct_isotp_pdu pdu_of(const struct ct_isotp_address *address, const struct ct_frame *frame)
{
    return (struct ct_isotp_pdu){
        .data = frame->data + address->has_byte, .len = frame->len - (size_t)address->has_byte, .dl = frame->len};
}

static bool frame_usable(const struct ct_isotp *tp, const struct ct_frame *frame)
{
    const unsigned foreign = CT_FRAME_RTR | CT_FRAME_ERR | (tp->config.fd ? 0U : CT_FRAME_FD);
    return (frame->flags & foreign) == 0;
}

bool ct_isotp_receive(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now)
{
    if (!frame_usable(tp, frame)) {
        return false;
    }
    if ((frame->flags & CT_FRAME_SENT) != 0 && !tp->config.listen) {
        if (ct_isotp_address_takes(&tp->to, frame)) {
            const struct ct_isotp_pdu pdu = pdu_of(&tp->to, frame);
            ct_isotp_echoed(tp, &pdu, now);
        }
        return false;
    }
    if (tp->config.listen && ct_isotp_address_takes(&tp->to, frame)) {
        const struct ct_isotp_pdu pdu = pdu_of(&tp->to, frame);
        return ct_isotp_overhear_flow_control(tp, &pdu, now);
    }
    if (!ct_isotp_address_takes(&tp->from, frame)) {
        return false;
    }
    const struct ct_isotp_pdu pdu = pdu_of(&tp->from, frame);
    if (pdu.len == 0 || pdu.dl > CT_FRAME_DATA_MAX) {
        tp->dropped++;
    } else if (pdu.data[0] >> 4 == CT_PCI_FC) {
        ct_isotp_receive_flow_control(tp, &pdu, now);
    } else if (tp->tx.state < CT_TX_FF || tp->config.full_duplex) {
        ct_isotp_receive_data(tp, &pdu, now);
    }
    return true;
}

bool ct_isotp_padding_ok(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, size_t used)
{
    const size_t needed = used + (pdu->dl - pdu->len);
    bool ok = true;
    if (tp->config.rx_padding == CT_ISOTP_PADDING_FULL) {
        ok = pdu->dl >= CT_ISOTP_CLASSIC_DL;
    } else if (tp->config.rx_padding == CT_ISOTP_PADDING_NONE) {
        ok = pdu->dl == (needed > CT_ISOTP_CLASSIC_DL ? ct_frame_fd_length(needed) : needed);
    }
    for (size_t i = used; ok && tp->config.rx_padding_content && i < pdu->len; i++) {
        ok = pdu->data[i] == tp->config.rx_pad_byte;
    }
    tp->dropped += ok ? 0 : 1;
    return ok;
}

uint8_t *ct_isotp_start_frame(const struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    unsigned flags = tp->to.flags;
    if (tp->config.fd) {
        flags |= CT_FRAME_FD | (tp->config.brs ? CT_FRAME_BRS : 0U);
    }
    *out_frame = (struct ct_frame){.t_ns = now, .id = tp->to.id, .flags = (uint16_t)flags};
    out_frame->data[0] = tp->to.byte;
    return out_frame->data + tp->to.has_byte;
}

void ct_isotp_finish_frame(const struct ct_isotp *tp, struct ct_frame *frame, size_t used)
{
    const size_t full = used + tp->to.has_byte;
    size_t len = full;
    if (tp->config.padding && len < CT_ISOTP_CLASSIC_DL) {
        len = CT_ISOTP_CLASSIC_DL;
    }
    if (tp->config.fd) {
        len = ct_frame_fd_length(len);
    }
    memset(frame->data + full, tp->config.pad_byte, len - full);
    frame->len = (uint8_t)len;
}

int ct_isotp_next_frame(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    if (tp->rx.phase == CT_RX_FC_DUE) {
        return ct_isotp_next_flow_control(tp, out_frame, now);
    }
    return ct_isotp_next_data(tp, out_frame, now);
}

ct_ns ct_isotp_tick(struct ct_isotp *tp, ct_ns now)
{
    const ct_ns rx = ct_isotp_rx_tick(tp, now);
    return ct_ns_min(rx, ct_isotp_tx_tick(tp, now));
}
