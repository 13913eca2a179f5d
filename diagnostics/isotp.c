#include "isotp.h"

#include <string.h>

enum { PCI_SF = 0x0, PCI_FF = 0x1, PCI_CF = 0x2, PCI_FC = 0x3 };
enum { FS_CTS = 0, FS_WAIT = 1, FS_OVFLW = 2 };
enum tx_state { TX_IDLE, TX_SF, TX_FF, TX_WAIT_FC, TX_CF };

#define SF_SHORT_MAX    7U /* payload of a single frame without escape */
#define FF_SHORT_MAX    4095U
#define CLASSIC_DL      8U
#define DEFAULT_WAITS   10U
#define DEFAULT_MS      1000U
#define ST_MIN_RESERVED 0x7FU

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

struct ct_isotp_config ct_isotp_config_usual(uint32_t tx_id, uint32_t rx_id)
{
    return (struct ct_isotp_config){
        .tx_id = tx_id,
        .rx_id = rx_id,
        .extended = tx_id > CT_ID_STD_MAX || rx_id > CT_ID_STD_MAX,
        .tx_dl = CLASSIC_DL,
        .padding = true,
        .pad_byte = 0xCC,
    };
}

static bool config_valid(const struct ct_isotp_config *config)
{
    const uint32_t id_max = config->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    const bool dl_known = config->tx_dl >= CLASSIC_DL && config->tx_dl <= CT_FRAME_DATA_MAX &&
                          ct_frame_fd_length(config->tx_dl) == config->tx_dl;
    return config->tx_id <= id_max && config->rx_id <= id_max && dl_known &&
           (config->fd || config->tx_dl == CLASSIC_DL);
}

static ct_ns time_or_default(uint32_t ms)
{
    return ct_ns_from_ms(ms != 0 ? ms : DEFAULT_MS);
}

int ct_isotp_init(struct ct_isotp *tp, const struct ct_isotp_config *config, uint8_t *rx_buffer, size_t rx_capacity,
                  uint8_t *tx_buffer, size_t tx_capacity)
{
    const bool buffers = rx_buffer != NULL && tx_buffer != NULL && rx_capacity > 0 && tx_capacity > 0;
    if (!buffers || !config_valid(config)) {
        return CT_ERR_ARGUMENT;
    }
    *tp = (struct ct_isotp){.config = *config};
    tp->n_as = time_or_default(config->n_as_ms);
    tp->n_bs = time_or_default(config->n_bs_ms);
    tp->n_cr = time_or_default(config->n_cr_ms);
    if (tp->config.wait_max == 0) {
        tp->config.wait_max = DEFAULT_WAITS;
    }
    tp->rx.buffer = rx_buffer;
    tp->rx.capacity = rx_capacity;
    tp->tx.buffer = tx_buffer;
    tp->tx.capacity = tx_capacity;
    return CT_OK;
}

void ct_isotp_reset(struct ct_isotp *tp)
{
    tp->rx.active = false;
    tp->rx.fc_due = false;
    tp->tx.state = TX_IDLE;
    tp->event_count = 0;
}

/* --- events --- */

static void emit(struct ct_isotp *tp, const struct ct_isotp_event *event)
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

static void emit_message(struct ct_isotp *tp, size_t len)
{
    emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_MESSAGE, .data = tp->rx.buffer, .len = len});
}

static void rx_failed(struct ct_isotp *tp, enum ct_isotp_result result)
{
    tp->rx.active = false;
    tp->rx.fc_due = false;
    emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_RX_FAILED, .result = result});
}

static void tx_failed(struct ct_isotp *tp, enum ct_isotp_result result)
{
    tp->tx.state = TX_IDLE;
    emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_TX_FAILED, .result = result});
}

/* --- receiving --- */

static void rx_interrupted(struct ct_isotp *tp)
{
    if (tp->rx.active) {
        rx_failed(tp, CT_ISOTP_UNEXP_PDU);
    }
}

static void flow_control_due(struct ct_isotp *tp, uint8_t status, ct_ns now)
{
    tp->rx.fc_due = true;
    tp->rx.fc_status = status;
    tp->rx.deadline = ct_ns_add(now, tp->n_as);
}

static void receive_single(struct ct_isotp *tp, const struct ct_frame *frame)
{
    const bool escape = frame->len > CLASSIC_DL;
    const size_t header = escape ? 2 : 1;
    const size_t low = frame->data[0] & 0x0FU;
    if (escape && low != 0) {
        return;
    }
    const size_t len = escape ? frame->data[1] : low;
    const size_t least = escape ? SF_SHORT_MAX + 1 : 1;
    if (len < least || len > frame->len - header || len > tp->rx.capacity) {
        return;
    }
    rx_interrupted(tp);
    memcpy(tp->rx.buffer, frame->data + header, len);
    emit_message(tp, len);
}

/* The announced length and where the data starts; 0 for a first frame that is none. */
static size_t first_frame_length(const struct ct_frame *frame, size_t *out_header)
{
    if (frame->len < CLASSIC_DL) {
        return 0;
    }
    size_t len = (size_t)(frame->data[0] & 0x0FU) << 8 | frame->data[1];
    *out_header = 2;
    if (len == 0) {
        len =
            (size_t)frame->data[2] << 24 | (size_t)frame->data[3] << 16 | (size_t)frame->data[4] << 8 | frame->data[5];
        *out_header = 6;
    }
    const size_t single_max = frame->len == CLASSIC_DL ? SF_SHORT_MAX : frame->len - 2U;
    return len > single_max ? len : 0;
}

static void receive_first(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now)
{
    size_t header = 0;
    const size_t len = first_frame_length(frame, &header);
    if (tp->config.functional || len == 0) {
        return;
    }
    rx_interrupted(tp);
    if (len > tp->rx.capacity) {
        rx_failed(tp, CT_ISOTP_BUFFER_OVFLW);
        flow_control_due(tp, FS_OVFLW, now);
        return;
    }
    tp->rx.active = true;
    tp->rx.len = len;
    tp->rx.done = frame->len - header;
    tp->rx.dl = frame->len;
    tp->rx.sn = 0;
    memcpy(tp->rx.buffer, frame->data + header, tp->rx.done);
    flow_control_due(tp, FS_CTS, now);
    emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_FIRST_FRAME, .len = len});
}

static void receive_consecutive(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now)
{
    if (!tp->rx.active || tp->rx.fc_due) {
        return;
    }
    const size_t left = tp->rx.len - tp->rx.done;
    const size_t room = tp->rx.dl - 1U;
    const size_t take = left < room ? left : room;
    const bool last = take == left;
    if (frame->len > tp->rx.dl || frame->len < take + 1 || (!last && frame->len != tp->rx.dl)) {
        return;
    }
    tp->rx.sn = (tp->rx.sn + 1) & 0x0F;
    if ((frame->data[0] & 0x0F) != tp->rx.sn) {
        rx_failed(tp, CT_ISOTP_WRONG_SN);
        return;
    }
    memcpy(tp->rx.buffer + tp->rx.done, frame->data + 1, take);
    tp->rx.done += take;
    tp->rx.deadline = ct_ns_add(now, tp->n_cr);
    if (last) {
        tp->rx.active = false;
        emit_message(tp, tp->rx.len);
    } else if (tp->rx.block_left > 0 && --tp->rx.block_left == 0) {
        flow_control_due(tp, FS_CTS, now);
    }
}

static void clear_to_send(struct ct_isotp *tp, uint8_t block_size, uint8_t st_min, ct_ns now)
{
    uint32_t us = ct_isotp_st_min_decode_us(st_min);
    if (us < tp->config.st_min_floor_us) {
        us = tp->config.st_min_floor_us;
    }
    tp->tx.st_min = us * CT_NS_PER_US;
    tp->tx.block_left = block_size;
    tp->tx.state = TX_CF;
    tp->tx.next_cf = now;
    tp->tx.deadline = ct_ns_add(now, tp->n_as);
}

static void receive_flow_control(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now)
{
    if (tp->tx.state != TX_WAIT_FC || frame->len < 3) {
        return;
    }
    switch (frame->data[0] & 0x0F) {
    case FS_CTS:
        clear_to_send(tp, frame->data[1], frame->data[2], now);
        break;
    case FS_WAIT:
        if (++tp->tx.waits > tp->config.wait_max) {
            tx_failed(tp, CT_ISOTP_WFT_OVRN);
        }
        tp->tx.deadline = ct_ns_add(now, tp->n_bs);
        break;
    case FS_OVFLW:
        tx_failed(tp, CT_ISOTP_BUFFER_OVFLW);
        break;
    default:
        tx_failed(tp, CT_ISOTP_INVALID_FS);
        break;
    }
}

static bool sending_segmented(const struct ct_isotp *tp)
{
    return tp->tx.state >= TX_FF;
}

static bool frame_is_ours(const struct ct_isotp *tp, const struct ct_frame *frame)
{
    const unsigned foreign = CT_FRAME_RTR | CT_FRAME_ERR | CT_FRAME_SENT | (tp->config.fd ? 0U : CT_FRAME_FD);
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    return frame->id == tp->config.rx_id && extended == tp->config.extended && (frame->flags & foreign) == 0;
}

bool ct_isotp_receive(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now)
{
    if (!frame_is_ours(tp, frame)) {
        return false;
    }
    const unsigned pci = frame->len > 0 && frame->len <= CT_FRAME_DATA_MAX ? frame->data[0] >> 4 : 0xFU;
    if (pci == PCI_FC) {
        receive_flow_control(tp, frame, now);
    } else if (sending_segmented(tp)) {
        return true;
    } else if (pci == PCI_SF) {
        receive_single(tp, frame);
    } else if (pci == PCI_FF) {
        receive_first(tp, frame, now);
    } else if (pci == PCI_CF) {
        receive_consecutive(tp, frame, now);
    }
    return true;
}

/* --- sending --- */

static size_t single_frame_max(const struct ct_isotp *tp)
{
    return tp->config.tx_dl > CLASSIC_DL ? tp->config.tx_dl - 2U : SF_SHORT_MAX;
}

int ct_isotp_send(struct ct_isotp *tp, const uint8_t *data, size_t len, ct_ns now)
{
    const size_t single = single_frame_max(tp);
    if (tp->tx.state != TX_IDLE || tp->rx.active) {
        return CT_ERR_BUSY;
    }
    if (len == 0) {
        return CT_ERR_ARGUMENT;
    }
    if (len > tp->tx.capacity || len > UINT32_MAX || (tp->config.functional && len > single)) {
        return CT_ERR_TOO_LARGE;
    }
    memcpy(tp->tx.buffer, data, len);
    tp->tx.len = len;
    tp->tx.done = 0;
    tp->tx.sn = 0;
    tp->tx.waits = 0;
    tp->tx.state = len <= single ? TX_SF : TX_FF;
    tp->tx.deadline = ct_ns_add(now, tp->n_as);
    return CT_OK;
}

/* Closes a frame of `used` bytes: padded as configured, and always to a length that FD knows. */
static void finish_frame(const struct ct_isotp *tp, struct ct_frame *frame, size_t used)
{
    size_t len = used;
    if (tp->config.padding && len < CLASSIC_DL) {
        len = CLASSIC_DL;
    }
    if (tp->config.fd) {
        len = ct_frame_fd_length(len);
    }
    memset(frame->data + used, tp->config.pad_byte, len - used);
    frame->len = (uint8_t)len;
}

static void start_frame(const struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    unsigned flags = tp->config.extended ? CT_FRAME_EXT : 0U;
    if (tp->config.fd) {
        flags |= CT_FRAME_FD | (tp->config.brs ? CT_FRAME_BRS : 0U);
    }
    *out_frame = (struct ct_frame){.t_ns = now, .id = tp->config.tx_id, .flags = (uint16_t)flags};
}

static void build_flow_control(struct ct_isotp *tp, struct ct_frame *frame, ct_ns now)
{
    frame->data[0] = (uint8_t)(PCI_FC << 4 | tp->rx.fc_status);
    frame->data[1] = tp->config.block_size;
    frame->data[2] = ct_isotp_st_min_encode(tp->config.st_min_us);
    finish_frame(tp, frame, 3);
    tp->rx.fc_due = false;
    tp->rx.block_left = tp->config.block_size;
    tp->rx.deadline = ct_ns_add(now, tp->n_cr);
}

/* Moves up to `room` bytes of the message behind the frame's header. */
static void put_payload(struct ct_isotp *tp, struct ct_frame *frame, size_t header, size_t room)
{
    const size_t left = tp->tx.len - tp->tx.done;
    const size_t take = left < room ? left : room;
    memcpy(frame->data + header, tp->tx.buffer + tp->tx.done, take);
    tp->tx.done += take;
    finish_frame(tp, frame, header + take);
}

static void sent(struct ct_isotp *tp)
{
    tp->tx.state = TX_IDLE;
    emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_SENT, .len = tp->tx.len});
}

static void build_single(struct ct_isotp *tp, struct ct_frame *frame)
{
    const bool escape = tp->tx.len > SF_SHORT_MAX;
    const size_t header = escape ? 2 : 1;
    frame->data[escape ? 1 : 0] = (uint8_t)tp->tx.len;
    put_payload(tp, frame, header, tp->tx.len);
    sent(tp);
}

static void await_flow_control(struct ct_isotp *tp, ct_ns now)
{
    tp->tx.state = TX_WAIT_FC;
    tp->tx.waits = 0;
    tp->tx.deadline = ct_ns_add(now, tp->n_bs);
}

static void build_first(struct ct_isotp *tp, struct ct_frame *frame, ct_ns now)
{
    const size_t len = tp->tx.len;
    const size_t header = len > FF_SHORT_MAX ? 6 : 2;
    frame->data[0] = PCI_FF << 4;
    if (len > FF_SHORT_MAX) {
        for (size_t i = 0; i < 4; i++) {
            frame->data[2 + i] = (uint8_t)(len >> (24 - 8 * i));
        }
    } else {
        frame->data[0] |= (uint8_t)(len >> 8);
        frame->data[1] = (uint8_t)len;
    }
    put_payload(tp, frame, header, tp->config.tx_dl - header);
    await_flow_control(tp, now);
}

static void build_consecutive(struct ct_isotp *tp, struct ct_frame *frame, ct_ns now)
{
    tp->tx.sn = (tp->tx.sn + 1) & 0x0F;
    frame->data[0] = (uint8_t)(PCI_CF << 4 | tp->tx.sn);
    put_payload(tp, frame, 1, tp->config.tx_dl - 1U);
    if (tp->tx.done == tp->tx.len) {
        sent(tp);
    } else if (tp->tx.block_left > 0 && --tp->tx.block_left == 0) {
        await_flow_control(tp, now);
    } else {
        tp->tx.next_cf = ct_ns_add(now, tp->tx.st_min);
        tp->tx.deadline = ct_ns_add(tp->tx.next_cf, tp->n_as);
    }
}

int ct_isotp_next_frame(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    start_frame(tp, out_frame, now);
    if (tp->rx.fc_due) {
        build_flow_control(tp, out_frame, now);
    } else if (tp->tx.state == TX_SF) {
        build_single(tp, out_frame);
    } else if (tp->tx.state == TX_FF) {
        build_first(tp, out_frame, now);
    } else if (tp->tx.state == TX_CF && now >= tp->tx.next_cf) {
        build_consecutive(tp, out_frame, now);
    } else {
        return CT_ERR_AGAIN;
    }
    return CT_OK;
}

/* --- timers --- */

static bool rx_timed(const struct ct_isotp *tp)
{
    return tp->rx.active || tp->rx.fc_due;
}

ct_ns ct_isotp_tick(struct ct_isotp *tp, ct_ns now)
{
    if (rx_timed(tp) && now >= tp->rx.deadline) {
        rx_failed(tp, tp->rx.fc_due ? CT_ISOTP_TIMEOUT_A : CT_ISOTP_TIMEOUT_CR);
    }
    if (tp->tx.state != TX_IDLE && now >= tp->tx.deadline) {
        tx_failed(tp, tp->tx.state == TX_WAIT_FC ? CT_ISOTP_TIMEOUT_BS : CT_ISOTP_TIMEOUT_A);
    }
    ct_ns next = CT_NS_NEVER;
    if (rx_timed(tp)) {
        next = tp->rx.deadline;
    }
    if (tp->tx.state != TX_IDLE) {
        next = ct_ns_min(next, tp->tx.state == TX_CF ? tp->tx.next_cf : tp->tx.deadline);
    }
    return next;
}
