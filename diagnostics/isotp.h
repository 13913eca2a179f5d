/* ISO-TP (ISO 15765-2:2016): one address pair's segmentation, sans I/O: frames and time in; frames, events and next
 * deadline out. Normal addressing, classic and FD; more addressing modes come behind the same calls.
 *
 * Half duplex (table 23 of the standard): while a segmented message is being sent, only flow control is listened to.
 * A frame counts as sent when ct_isotp_next_frame has handed it out, so ask for it only when the bus can take it: a
 * frame that is due and not asked for within N_As (N_Ar for flow control) ends the transfer with TIMEOUT_A.
 * Caller-allocated with buffers given at init; belongs to one thread. Times in ns; STmin in microseconds. */
#ifndef CT_DIAGNOSTICS_ISOTP_H
#define CT_DIAGNOSTICS_ISOTP_H

#include "frame.h"

enum ct_isotp_result { /* N_Result, ISO 15765-2 8.3.7 */
                       CT_ISOTP_OK,
                       CT_ISOTP_TIMEOUT_A,
                       CT_ISOTP_TIMEOUT_BS,
                       CT_ISOTP_TIMEOUT_CR,
                       CT_ISOTP_WRONG_SN,
                       CT_ISOTP_INVALID_FS,
                       CT_ISOTP_UNEXP_PDU,
                       CT_ISOTP_WFT_OVRN,
                       CT_ISOTP_BUFFER_OVFLW,
                       CT_ISOTP_ERROR,
};

/* The result in words; never NULL. */
const char *ct_isotp_result_text(enum ct_isotp_result result);

struct ct_isotp_config {
    uint32_t tx_id, rx_id;
    bool extended; /* 29-bit ids */
    bool fd;       /* send FD frames; received ones are taken only then */
    bool brs;
    uint8_t tx_dl; /* 8, or 12..64 with fd */
    bool padding;  /* classic frames padded to 8; FD above 8 always */
    uint8_t pad_byte;
    bool functional;                    /* single frames only, never flow control */
    uint8_t block_size;                 /* we ask for, as receiver */
    uint32_t st_min_us;                 /* we ask for, as receiver; encoded rounded up */
    uint32_t st_min_floor_us;           /* we keep at least, as sender */
    uint32_t n_as_ms, n_bs_ms, n_cr_ms; /* 0: the standard's 1000 */
    unsigned wait_max;                  /* WAIT frames accepted in a row, 0: 10 */
};

struct ct_isotp_event {
    enum { CT_ISOTP_FIRST_FRAME, CT_ISOTP_MESSAGE, CT_ISOTP_SENT, CT_ISOTP_RX_FAILED, CT_ISOTP_TX_FAILED } kind;
    enum ct_isotp_result result;
    const uint8_t *data; /* MESSAGE: in the receive buffer until the next frame */
    size_t len;          /* MESSAGE: its length; FIRST_FRAME: the announced length */
};

#define CT_ISOTP_EVENT_MAX 4

/* Visible so that it can be embedded; users touch none of it. */
struct ct_isotp {
    struct ct_isotp_config config;
    ct_ns n_as, n_bs, n_cr;
    struct {
        uint8_t *buffer;
        size_t capacity, len, done;
        bool active; /* a segmented message is under way */
        bool fc_due;
        uint8_t fc_status, sn, block_left, dl;
        ct_ns deadline; /* N_Ar while fc_due, else N_Cr */
    } rx;
    struct {
        uint8_t *buffer;
        size_t capacity, len, done;
        int state;
        uint8_t sn, block_left;
        unsigned waits;
        ct_ns st_min, next_cf;
        ct_ns deadline; /* N_Bs while flow control is awaited, else N_As */
    } tx;
    struct ct_isotp_event events[CT_ISOTP_EVENT_MAX];
    unsigned event_count;
    uint32_t events_lost; /* nobody took them; the oldest went */
};

/* The usual settings of a pair: classic, 11-bit when both ids fit, padded to 8 bytes with 0xCC, all limits by the
 * standard. */
struct ct_isotp_config ct_isotp_config_usual(uint32_t tx_id, uint32_t rx_id);

/* Buffers stay the caller's. rx_capacity caps what a first frame may announce (more is answered by OVFLW).
 * CT_ERR_ARGUMENT for ids, lengths or buffers that cannot be. */
int ct_isotp_init(struct ct_isotp *tp, const struct ct_isotp_config *config, uint8_t *rx_buffer, size_t rx_capacity,
                  uint8_t *tx_buffer, size_t tx_capacity) CT_MUST_CHECK;
/* Copies the message. CT_ERR_BUSY while one is being sent or a segmented one received, CT_ERR_TOO_LARGE over
 * tx_capacity (functional: over one frame), CT_ERR_ARGUMENT when empty. */
int ct_isotp_send(struct ct_isotp *tp, const uint8_t *data, size_t len, ct_ns now) CT_MUST_CHECK;
/* True when the frame was of this pair (it may still be ignored). */
bool ct_isotp_receive(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now);
/* The next frame to put on the bus now; CT_ERR_AGAIN when none is due. Call until AGAIN. */
int ct_isotp_next_frame(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now) CT_MUST_CHECK;
/* Runs timers; returns the next deadline (also when the next consecutive frame is due). */
ct_ns ct_isotp_tick(struct ct_isotp *tp, ct_ns now);
/* The oldest event not yet taken; CT_ERR_AGAIN when none. Take all after each receive, next_frame and tick. */
int ct_isotp_next_event(struct ct_isotp *tp, struct ct_isotp_event *out_event) CT_MUST_CHECK;
void ct_isotp_reset(struct ct_isotp *tp); /* drops whatever is under way, without events */

/* STmin as the wire's byte and back (ISO 15765-2 table 20): rounded up, reserved codes mean 127 ms. */
uint8_t ct_isotp_st_min_encode(uint32_t us);
uint32_t ct_isotp_st_min_decode_us(uint8_t code);

#endif
