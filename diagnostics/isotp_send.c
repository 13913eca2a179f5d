/* The sending half of the ISO-TP machine: ISO 15765-2 9.6, flow control honoured in every frame of it. */
#include "isotp_private.h"

#include <string.h>

static int copy_of_caller(void *user, size_t offset, uint8_t *out, size_t len)
{
    const struct ct_isotp *tp = user;
    memcpy(out, tp->tx.buffer + offset, len);
    return CT_OK;
}

static int begin(struct ct_isotp *tp, size_t len, ct_ns now)
{
    const size_t single = ct_isotp_single_max(tp->config.tx_dl, tp->to.has_byte);
    if (tp->config.functional && len > single) {
        return CT_ERR_TOO_LARGE;
    }
    tp->tx.len = len;
    tp->tx.done = 0;
    tp->tx.sn = 0;
    tp->tx.waits = 0;
    tp->tx.stalled = false;
    tp->tx.next_cf = now;
    tp->tx.state = len <= single ? CT_TX_SF : CT_TX_FF;
    tp->tx.deadline = ct_ns_add(now, tp->n_as);
    return CT_OK;
}

static int may_send(const struct ct_isotp *tp, size_t len)
{
    if (tp->config.listen) {
        return CT_ERR_UNSUPPORTED;
    }
    if (tp->tx.state != CT_TX_IDLE || (tp->rx.active && !tp->config.full_duplex)) {
        return CT_ERR_BUSY;
    }
    if (len == 0) {
        return CT_ERR_ARGUMENT;
    }
    return len > UINT32_MAX ? CT_ERR_TOO_LARGE : CT_OK;
}

int ct_isotp_send(struct ct_isotp *tp, const uint8_t *data, size_t len, ct_ns now)
{
    int err = may_send(tp, len);
    if (err == CT_OK && len > tp->tx.capacity) {
        err = CT_ERR_TOO_LARGE;
    }
    if (err == CT_OK) {
        err = begin(tp, len, now);
    }
    if (err == CT_OK) {
        memcpy(tp->tx.buffer, data, len);
        tp->tx.source = (struct ct_isotp_source){0};
    }
    return err;
}

int ct_isotp_send_from(struct ct_isotp *tp, const struct ct_isotp_source *source, size_t len, ct_ns now)
{
    int err = may_send(tp, len);
    if (err == CT_OK) {
        err = begin(tp, len, now);
    }
    if (err == CT_OK) {
        tp->tx.source = *source;
    }
    return err;
}

/* --- flow control in --- */

static void clear_to_send(struct ct_isotp *tp, uint8_t block_size, uint8_t st_min, ct_ns now)
{
    uint32_t us = ct_isotp_st_min_decode_us(st_min);
    if (tp->config.st_min_ceiling_us != 0 && us > tp->config.st_min_ceiling_us) {
        us = tp->config.st_min_ceiling_us;
    }
    if (us < tp->config.st_min_floor_us) {
        us = tp->config.st_min_floor_us;
    }
    tp->tx.st_min = us * CT_NS_PER_US;
    tp->tx.block_left = block_size;
    tp->tx.state = CT_TX_CF;
    tp->tx.next_cf = now;
    tp->tx.deadline = ct_ns_add(now, tp->n_as);
}

static void asked_to_wait(struct ct_isotp *tp, ct_ns now)
{
    tp->tx.deadline = ct_ns_add(now, tp->n_bs);
    if (++tp->tx.waits > tp->config.wait_max) {
        ct_isotp_tx_failed(tp, CT_ISOTP_WFT_OVRN);
    }
}

void ct_isotp_receive_flow_control(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    if (tp->tx.state != CT_TX_WAIT_FC) {
        return;
    }
    if (pdu->len < 3) {
        tp->dropped++;
        return;
    }
    if (!ct_isotp_padding_ok(tp, pdu, 3)) {
        return;
    }
    switch (pdu->data[0] & 0x0F) {
    case CT_FS_CTS:
        clear_to_send(tp, pdu->data[1], pdu->data[2], now);
        break;
    case CT_FS_WAIT:
        asked_to_wait(tp, now);
        break;
    case CT_FS_OVFLW:
        ct_isotp_tx_failed(tp, CT_ISOTP_BUFFER_OVFLW);
        break;
    default:
        ct_isotp_tx_failed(tp, CT_ISOTP_INVALID_FS);
        break;
    }
}

void ct_isotp_echoed(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now)
{
    const bool consecutive = pdu->len > 0 && pdu->data[0] >> 4 == CT_PCI_CF && (pdu->data[0] & 0x0F) == tp->tx.sn;
    const ct_ns not_before = ct_ns_add(now, tp->tx.st_min);
    if (tp->tx.state == CT_TX_CF && tp->tx.done > 0 && consecutive &&
        (tp->tx.next_cf == CT_NS_NEVER || not_before > tp->tx.next_cf)) {
        tp->tx.next_cf = not_before;
        tp->tx.deadline = ct_ns_add(not_before, tp->n_as);
    }
}

/* --- frames out --- */

/* Moves up to `room` bytes of the message behind the header and closes the frame; nothing has changed on failure. */
static int put_payload(struct ct_isotp *tp, struct ct_frame *frame, uint8_t *pdu, size_t header, size_t room)
{
    const struct ct_isotp_source own = {.read = copy_of_caller, .user = tp};
    const struct ct_isotp_source *source = tp->tx.source.read != NULL ? &tp->tx.source : &own;
    const size_t left = tp->tx.len - tp->tx.done;
    const size_t len = left < room ? left : room;
    const int err = source->read(source->user, tp->tx.done, pdu + header, len);
    if (err == CT_OK) {
        tp->tx.stalled = false;
        tp->tx.done += len;
        ct_isotp_finish_frame(tp, frame, header + len);
    }
    return err;
}

static void sent(struct ct_isotp *tp)
{
    tp->tx.state = CT_TX_IDLE;
    ct_isotp_emit(tp, &(struct ct_isotp_event){.kind = CT_ISOTP_SENT, .len = tp->tx.len});
}

static int next_single(struct ct_isotp *tp, struct ct_frame *frame, uint8_t *pdu)
{
    const bool escape = tp->tx.len > ct_isotp_single_short(tp->to.has_byte);
    pdu[escape ? 1 : 0] = (uint8_t)tp->tx.len;
    if (escape) {
        pdu[0] = 0;
    }
    const int err = put_payload(tp, frame, pdu, escape ? 2 : 1, tp->tx.len);
    if (err == CT_OK) {
        sent(tp);
    }
    return err;
}

static void await_flow_control(struct ct_isotp *tp, ct_ns now)
{
    tp->tx.state = CT_TX_WAIT_FC;
    tp->tx.waits = 0;
    tp->tx.deadline = ct_ns_add(now, tp->n_bs);
}

static int next_first(struct ct_isotp *tp, struct ct_frame *frame, uint8_t *pdu, ct_ns now)
{
    const size_t len = tp->tx.len;
    const size_t header = len > CT_ISOTP_FF_SHORT_MAX ? 6 : 2;
    pdu[0] = CT_PCI_FF << 4;
    pdu[1] = 0;
    if (len > CT_ISOTP_FF_SHORT_MAX) {
        for (size_t i = 0; i < 4; i++) {
            pdu[2 + i] = (uint8_t)(len >> (24 - 8 * i));
        }
    } else {
        pdu[0] |= (uint8_t)(len >> 8);
        pdu[1] = (uint8_t)len;
    }
    const int err = put_payload(tp, frame, pdu, header, tp->config.tx_dl - header - tp->to.has_byte);
    if (err == CT_OK) {
        await_flow_control(tp, now);
    }
    return err;
}

static int next_consecutive(struct ct_isotp *tp, struct ct_frame *frame, uint8_t *pdu, ct_ns now)
{
    const uint8_t sn = (tp->tx.sn + 1) & 0x0F;
    pdu[0] = (uint8_t)(CT_PCI_CF << 4 | sn);
    const int err = put_payload(tp, frame, pdu, 1, tp->config.tx_dl - 1U - tp->to.has_byte);
    if (err != CT_OK) {
        return err;
    }
    tp->tx.sn = sn;
    if (tp->tx.done == tp->tx.len) {
        sent(tp);
    } else if (tp->tx.block_left > 0 && --tp->tx.block_left == 0) {
        await_flow_control(tp, now);
    } else if (tp->config.echoes && tp->tx.st_min > 0) {
        tp->tx.next_cf = CT_NS_NEVER; /* until the echo */
        tp->tx.deadline = ct_ns_add(now, tp->n_as);
    } else {
        tp->tx.next_cf = ct_ns_add(now, tp->tx.st_min);
        tp->tx.deadline = ct_ns_add(tp->tx.next_cf, tp->n_as);
    }
    return CT_OK;
}

static void source_failed(struct ct_isotp *tp, int err, ct_ns now)
{
    if (err != CT_ERR_AGAIN) {
        ct_isotp_tx_failed(tp, CT_ISOTP_ERROR);
    } else if (!tp->tx.stalled) {
        tp->tx.stalled = true;
        tp->tx.deadline = ct_ns_add(now, tp->n_cs);
    }
}

int ct_isotp_next_data(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now)
{
    uint8_t *pdu = ct_isotp_start_frame(tp, out_frame, now);
    int err = CT_ERR_AGAIN;
    if (tp->tx.state == CT_TX_SF) {
        err = next_single(tp, out_frame, pdu);
    } else if (tp->tx.state == CT_TX_FF) {
        err = next_first(tp, out_frame, pdu, now);
    } else if (tp->tx.state == CT_TX_CF && now >= tp->tx.next_cf) {
        err = next_consecutive(tp, out_frame, pdu, now);
    } else {
        return CT_ERR_AGAIN;
    }
    if (err != CT_OK) {
        source_failed(tp, err, now);
        return CT_ERR_AGAIN;
    }
    return CT_OK;
}

/* --- timers --- */

static enum ct_isotp_result overdue(const struct ct_isotp *tp)
{
    if (tp->tx.stalled) {
        return CT_ISOTP_ERROR;
    }
    return tp->tx.state == CT_TX_WAIT_FC ? CT_ISOTP_TIMEOUT_BS : CT_ISOTP_TIMEOUT_A;
}

ct_ns ct_isotp_tx_tick(struct ct_isotp *tp, ct_ns now)
{
    if (tp->tx.state != CT_TX_IDLE && now >= tp->tx.deadline) {
        ct_isotp_tx_failed(tp, overdue(tp));
    }
    if (tp->tx.state == CT_TX_IDLE) {
        return CT_NS_NEVER;
    }
    return tp->tx.state == CT_TX_CF && !tp->tx.stalled ? ct_ns_min(tp->tx.next_cf, tp->tx.deadline) : tp->tx.deadline;
}
