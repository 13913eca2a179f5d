/* What the parts of the ISO-TP machine (isotp.c, isotp_receive.c, isotp_send.c) know of each other. */
#ifndef CT_DIAGNOSTICS_ISOTP_PRIVATE_H
#define CT_DIAGNOSTICS_ISOTP_PRIVATE_H

#include "isotp.h"

enum { CT_PCI_SF = 0x0, CT_PCI_FF = 0x1, CT_PCI_CF = 0x2, CT_PCI_FC = 0x3 };
enum { CT_FS_CTS = 0, CT_FS_WAIT = 1, CT_FS_OVFLW = 2 };
enum ct_isotp_tx_state { CT_TX_IDLE, CT_TX_SF, CT_TX_FF, CT_TX_WAIT_FC, CT_TX_CF };
enum ct_isotp_rx_phase {
    CT_RX_IDLE,
    CT_RX_FC_DUE, /* a flow control is to be sent */
    CT_RX_HELD,   /* it is held back: the next WAIT comes at the deadline */
    CT_RX_CF,     /* consecutive frames are awaited */
};

#define CT_ISOTP_CLASSIC_DL   8U
#define CT_ISOTP_FF_SHORT_MAX 4095U

void ct_isotp_emit(struct ct_isotp *tp, const struct ct_isotp_event *event);
void ct_isotp_rx_failed(struct ct_isotp *tp, enum ct_isotp_result result);
void ct_isotp_tx_failed(struct ct_isotp *tp, enum ct_isotp_result result);

/* Payload of a single frame without escape, and of one in a frame of `dl` bytes. */
static inline size_t ct_isotp_single_short(bool has_byte)
{
    return has_byte ? 6 : 7;
}

static inline size_t ct_isotp_single_max(size_t dl, bool has_byte)
{
    return dl > CT_ISOTP_CLASSIC_DL ? dl - 2 - has_byte : ct_isotp_single_short(has_byte);
}

/* A received frame behind its address byte. */
struct ct_isotp_pdu {
    const uint8_t *data;
    size_t len;
    size_t dl; /* the whole frame's */
};

/* Padding as configured, of a frame whose data ends after `used` bytes of the PDU; counts what it refuses. */
bool ct_isotp_padding_ok(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, size_t used);
void ct_isotp_receive_data(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now);
void ct_isotp_receive_flow_control(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now);
/* Listening: flow control by the receiver of the transfer we follow; true when it was one. */
bool ct_isotp_overhear_flow_control(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now);
/* Our own consecutive frame left the bus at `now`: STmin runs from there. */
void ct_isotp_echoed(struct ct_isotp *tp, const struct ct_isotp_pdu *pdu, ct_ns now);
ct_ns ct_isotp_rx_tick(struct ct_isotp *tp, ct_ns now);
ct_ns ct_isotp_tx_tick(struct ct_isotp *tp, ct_ns now);

/* A frame of ours with its address byte; the PDU begins at the returned position. */
uint8_t *ct_isotp_start_frame(const struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now);
/* Closes a frame whose PDU has `used` bytes: padded as configured, and always to a length that FD knows. */
void ct_isotp_finish_frame(const struct ct_isotp *tp, struct ct_frame *frame, size_t used);
int ct_isotp_next_flow_control(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now);
int ct_isotp_next_data(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now);

#endif
