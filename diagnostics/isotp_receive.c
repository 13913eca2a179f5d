/* The receiving half of the ISO-TP machine: ISO 15765-2 9.6 and the rows of its table of unexpected PDUs. */
#include "isotp_private.h"

#include <string.h>

static void enter(struct ct_isotp *tp, enum ct_isotp_rx_phase phase, ct_ns deadline)
{
    tp->rx.phase = (int)phase;
    tp->rx.deadline = deadline;
}

static void flow_control_due(struct ct_isotp *tp, uint8_t status, ct_ns now)
{
    tp->rx.fc_status = status;
    if (tp->config.listen) {
        enter(tp, status == CT_FS_CTS ? CT_RX_CF : CT_RX_IDLE, ct_ns_add(now, tp->n_cr));
    } else {
        enter(tp, CT_RX_FC_DUE, ct_ns_add(now, tp->n_ar));
    }
}

/* The receiver may go on: with a CTS, unless held. */
static void go_on(struct ct_isotp *tp, ct_ns now)
{
    tp->rx.waits = 0;
    if (tp->rx.held && !tp->config.listen) {
        enter(tp, CT_RX_HELD, ct_ns_add(now, tp->n_br));
    } else {
        flow_control_due(tp, CT_FS_CTS, now);
    }
}

void ct_isotp_hold(struct ct_isotp *tp, ct_ns now)
{
    tp->rx.held = true;
    if (tp->rx.active && tp->rx.phase == CT_RX_FC_DUE && tp->rx.fc_status == CT_FS_CTS) {
        go_on(tp, now);
    }
}

void ct_isotp_resume(struct ct_isotp *tp, ct_ns now)
{
    tp->rx.held = false;
    const bool waiting = tp->rx.phase == CT_RX_FC_DUE && tp->rx.fc_status == CT_FS_WAIT;
    if (tp->rx.active && (tp->rx.phase == CT_RX_HELD || waiting)) {
        go_on(tp, now);
    }
}

/* --- data in --- */

static bool store(struct ct_isotp *tp, const uint8_t *data, size_t len)
{
    if (tp->config.sink.write != NULL) {
        return tp->config.sink.write(tp->config.sink.user, tp->rx.done, data, len) == CT_OK;
    }
    memcpy(tp->rx.buffer + tp->rx.done, data, len);
    return true;
}

static void take(struct ct_isotp *tp, const uint8_t *data, size_t len, ct_ns now)
{
    if (!store(tp, data, len)) {
        ct_isotp_rx_failed(tp, CT_ISOTP_ERROR);
        return;
    }
    tp->rx.done += len;
    tp->rx.deadline = ct_ns_add(now, tp->n_cr);
    if (tp->rx.done == tp->rx.len) {
        const uint8_t *whole = tp->config.sink.write != NULL ? NULL : tp->rx.buffer;
        tp->rx.active = false;
        tp->rx.phase = CT_RX_IDLE;
        ct_isotp_emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_MESSAGE, .data = whole, .len = tp->rx.len});
    }
}

static void interrupted(struct ct_isotp *tp)
{
    if (tp->rx.active) {
        ct_isotp_rx_failed(tp, CT_ISOTP_UNEXP_PDU);
    }
}

static void receive_single(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    const bool has_byte = pdu->dl != pdu->len;
    const bool escape = pdu->dl > CT_ISOTP_CLASSIC_DL;
    const size_t header = escape ? 2 : 1;
    const size_t low = pdu->data[0] & 0x0FU;
    const size_t len = escape ? pdu->data[1] : low;
    const size_t least = escape ? ct_isotp_single_short(has_byte) + 1 : 1;
    if ((escape && low != 0) || len < least || len > pdu->len - header) {
        tp->dropped++;
        return;
    }
    if (len > tp->rx.capacity || !ct_isotp_padding_ok(tp, pdu, header + len)) {
        return;
    }
    interrupted(tp);
    tp->rx.len = len;
    tp->rx.done = 0;
    take(tp, pdu->data + header, len, now);
}

/* The announced length and where the data starts; 0 for a first frame that is none. */
static size_t first_frame_length(const struct ct_isotp_pdu *pdu, size_t *out_header)
{
    const uint8_t *data = pdu->data;
    if (pdu->dl < CT_ISOTP_CLASSIC_DL) {
        return 0;
    }
    size_t len = (size_t)(data[0] & 0x0FU) << 8 | data[1];
    *out_header = 2;
    if (len == 0) {
        len = (size_t)data[2] << 24 | (size_t)data[3] << 16 | (size_t)data[4] << 8 | data[5];
        *out_header = 6;
    }
    return len > ct_isotp_single_max(pdu->dl, pdu->dl != pdu->len) ? len : 0;
}

/* First frames cost a receiver its buffer and a flow control: those that come to nothing are limited per second. */
static bool flooded(struct ct_isotp *tp, ct_ns now)
{
    if (now - tp->rx.first_frames_since >= CT_NS_PER_S) {
        tp->rx.first_frames_since = now;
        tp->rx.first_frames = 0;
    }
    if (tp->rx.first_frames >= tp->config.first_frames_per_s) {
        tp->flood_losses++;
        return true;
    }
    return false;
}

static void receive_first(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    size_t header = 0;
    const size_t len = first_frame_length(pdu, &header);
    if (len == 0) {
        tp->dropped++;
        return;
    }
    if (tp->config.functional || flooded(tp, now)) {
        return;
    }
    tp->rx.first_frames += tp->rx.active || len > tp->rx.capacity ? 1 : 0;
    interrupted(tp);
    if (len > tp->rx.capacity) {
        ct_isotp_rx_failed(tp, CT_ISOTP_BUFFER_OVFLW);
        flow_control_due(tp, CT_FS_OVFLW, now);
        return;
    }
    tp->rx.active = true;
    tp->rx.len = len;
    tp->rx.done = 0;
    tp->rx.dl = (uint8_t)pdu->dl;
    tp->rx.sn = 0;
    ct_isotp_emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_FIRST_FRAME, .len = len});
    take(tp, pdu->data + header, pdu->len - header, now);
    if (tp->rx.active) {
        go_on(tp, now);
    }
}

static void receive_consecutive(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    if (tp->rx.phase != CT_RX_CF) {
        return;
    }
    const size_t left = tp->rx.len - tp->rx.done;
    const size_t room = tp->rx.dl - 1U - (pdu->dl - pdu->len);
    const size_t len = left < room ? left : room;
    const bool last = len == left;
    if (pdu->dl > tp->rx.dl || pdu->len < len + 1 || (!last && pdu->dl != tp->rx.dl)) {
        tp->dropped++;
        return;
    }
    if (last && !ct_isotp_padding_ok(tp, pdu, len + 1)) {
        return;
    }
    tp->rx.sn = (tp->rx.sn + 1) & 0x0F;
    if ((pdu->data[0] & 0x0F) != tp->rx.sn) {
        ct_isotp_rx_failed(tp, CT_ISOTP_WRONG_SN);
        return;
    }
    take(tp, pdu->data + 1, len, now);
    if (tp->rx.active && tp->rx.block_left > 0 && --tp->rx.block_left == 0) {
        go_on(tp, now);
    }
}

void ct_isotp_receive_data(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    switch (pdu->data[0] >> 4) {
    case CT_PCI_SF:
        receive_single(tp, pdu, now);
        break;
    case CT_PCI_FF:
        receive_first(tp, pdu, now);
        break;
    case CT_PCI_CF:
        receive_consecutive(tp, pdu, now);
        break;
    default:
        tp->dropped++;
        break;
    }
}

bool ct_isotp_overhear_flow_control(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    if (pdu->len == 0 || pdu->data[0] >> 4 != CT_PCI_FC) {
        return false;
    }
    if (tp->rx.active && (pdu->data[0] & 0x0F) > CT_FS_WAIT) {
        ct_isotp_rx_failed(tp, (pdu->data[0] & 0x0F) == CT_FS_OVFLW ? CT_ISOTP_BUFFER_OVFLW : CT_ISOTP_INVALID_FS);
    } else if (tp->rx.active) {
        tp->rx.deadline = ct_ns_add(now, tp->n_cr);
    }
    return true;
}

/* --- flow control out --- */

int ct_isotp_next_flow_control(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    uint8_t *pdu = ct_isotp_start_frame(tp, out_frame, now);
    pdu[0] = (uint8_t)(CT_PCI_FC << 4 | tp->rx.fc_status);
    pdu[1] = tp->config.block_size;
    pdu[2] = ct_isotp_st_min_encode(tp->config.st_min_us);
    ct_isotp_finish_frame(tp, out_frame, 3);
    if (!tp->rx.active) {
        tp->rx.phase = CT_RX_IDLE;
    } else if (tp->rx.fc_status == CT_FS_WAIT) {
        enter(tp, CT_RX_HELD, ct_ns_add(now, tp->n_br));
    } else {
        tp->rx.block_left = tp->config.block_size;
        enter(tp, CT_RX_CF, ct_ns_add(now, tp->n_cr));
    }
    return CT_OK;
}

static void wait_due(struct ct_isotp *tp, ct_ns now)
{
    if (tp->rx.waits == tp->config.wft_max) {
        ct_isotp_rx_failed(tp, CT_ISOTP_WFT_OVRN);
        return;
    }
    tp->rx.waits++;
    flow_control_due(tp, CT_FS_WAIT, now);
}

ct_ns ct_isotp_rx_tick(struct ct_isotp *tp, ct_ns now)
{
    if (tp->rx.phase != CT_RX_IDLE && now >= tp->rx.deadline) {
        if (tp->rx.phase == CT_RX_HELD) {
            wait_due(tp, now);
            return now; /* a frame is due */
        }
        ct_isotp_rx_failed(tp, tp->rx.phase == CT_RX_FC_DUE ? CT_ISOTP_TIMEOUT_A : CT_ISOTP_TIMEOUT_CR);
    }
    return tp->rx.phase != CT_RX_IDLE ? tp->rx.deadline : CT_NS_NEVER;
}
