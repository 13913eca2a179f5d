/* ISO-TP (ISO 15765-2:2016): one address pair's segmentation, sans I/O: frames and time in; frames, events and next
 * deadline out. Every addressing mode, classic and FD, both directions.
 *
 * Half duplex (table 23 of the standard) unless asked otherwise: while a segmented message is being sent, only flow
 * control is listened to. A frame counts as sent when ct_isotp_next_frame has handed it out, so ask for it only when
 * the bus can take it: a frame that is due and not asked for within N_As (N_Ar for flow control) ends the transfer with
 * TIMEOUT_A. Who also passes in the echo of what was sent (CT_FRAME_SENT) has STmin kept from the end of a frame on.
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

/* How a frame tells whom it is for (ISO 15765-2 10.3). Ids are always given whole. */
enum ct_isotp_mode {
    CT_ISOTP_NORMAL,       /* by its id alone, 11 or 29 bits */
    CT_ISOTP_NORMAL_FIXED, /* 29 bits: 18DA or (functional) 18DB, target, source; other priorities are taken too */
    CT_ISOTP_EXTENDED,     /* by its id and N_TA as first data byte */
    CT_ISOTP_MIXED_29,     /* 18CE or (functional) 18CD, target, source, and N_AE as first data byte */
    CT_ISOTP_MIXED_11,     /* 11-bit id and N_AE as first data byte */
};

/* What received frames must look like behind their data. */
enum ct_isotp_rx_padding {
    CT_ISOTP_PADDING_ANY,
    CT_ISOTP_PADDING_FULL, /* at least 8 bytes */
    CT_ISOTP_PADDING_NONE, /* no longer than the data needs (FD: the next length there is) */
};

/* Takes a message in pieces, in order; it must take what it is given, or the transfer fails with ERROR. */
struct ct_isotp_sink {
    int (*write)(void *user, size_t offset, const uint8_t *data, size_t len);
    void *user;
};

/* Gives a message in pieces. CT_ERR_AGAIN: not there yet (allowed for N_Cs); any other error fails the transfer. */
struct ct_isotp_source {
    int (*read)(void *user, size_t offset, uint8_t *out, size_t len);
    void *user;
};

struct ct_isotp_config {
    uint32_t tx_id, rx_id;
    bool extended; /* 29-bit ids */
    bool fd;       /* send FD frames; received ones are taken only then */
    bool brs;
    uint8_t tx_dl; /* 8, or 12..64 with fd */
    bool padding;  /* classic frames padded to 8; FD above 8 always */
    uint8_t pad_byte;
    bool functional;          /* single frames only, never flow control */
    uint8_t block_size;       /* we ask for, as receiver */
    uint32_t st_min_us;       /* we ask for, as receiver; encoded rounded up */
    uint32_t st_min_floor_us; /* we keep at least, as sender */
    /* The echo of every frame sent is passed in: with an STmin the next consecutive frame waits for it, however long
     * the bus takes, N_As at most. Without, STmin runs from when a frame was taken unless its echo comes before it
     * ends. */
    bool echoes;
    uint32_t n_as_ms, n_bs_ms, n_cr_ms; /* 0: the standard's 1000 */
    unsigned wait_max;                  /* WAIT frames accepted in a row, 0: 10 */
    enum ct_isotp_mode tx_mode, rx_mode;
    uint8_t tx_byte, rx_byte; /* N_TA or N_AE in what we send and in what we take, in the modes that have it */
    uint8_t rx_id_bits;       /* 11 or 29 where the two directions differ; 0: as `extended` says */
    uint32_t rx_id_ignored;   /* bits of the id that do not count, beside the priority of the fixed modes */
    bool full_duplex;
    bool listen; /* never sends anything: follows a transfer on rx_id, whose flow control comes on tx_id */
    enum ct_isotp_rx_padding rx_padding;
    bool rx_padding_content;    /* padding must also be rx_pad_byte */
    uint8_t rx_pad_byte;        /* frames that fail either check are dropped and counted */
    uint32_t st_min_ceiling_us; /* never wait longer than this, whatever the peer asks for; 0: do as asked */
    uint32_t n_ar_ms;           /* 0: the standard's 1000 */
    /* The standard bounds these two by the peer's timeouts (N_Br + N_Ar < 0.9 N_Bs, N_Cs + N_As < 0.9 N_Cr) and gives
     * no value; 0: 450, half of 0.9 s. N_Br: held, the time to each WAIT. N_Cs: patience with a source. */
    uint32_t n_br_ms, n_cs_ms;
    unsigned wft_max; /* N_WFTmax: WAIT frames we send in a row, 0: 10 */
    /* First frames that came to nothing (broken off, too long) per second, above which first frames are ignored; 0:
     * 100.
     */
    uint32_t first_frames_per_s;
    struct ct_isotp_sink sink; /* instead of the receive buffer, which may then be NULL */
};

struct ct_isotp_event {
    enum { CT_ISOTP_FIRST_FRAME, CT_ISOTP_MESSAGE, CT_ISOTP_SENT, CT_ISOTP_RX_FAILED, CT_ISOTP_TX_FAILED } kind;
    enum ct_isotp_result result;
    const uint8_t *data; /* MESSAGE: in the receive buffer until the next frame; NULL: it went to the sink */
    size_t len;          /* MESSAGE: its length; FIRST_FRAME: the announced length */
};

#define CT_ISOTP_EVENT_MAX 4

/* One direction's address as frames carry it; made from the configuration. */
struct ct_isotp_address {
    uint32_t id, mask;
    uint16_t flags; /* CT_FRAME_EXT or none */
    bool has_byte;  /* `byte` comes first in the data */
    uint8_t byte;
};

/* Visible so that it can be embedded; users touch none of it. */
struct ct_isotp {
    struct ct_isotp_config config;
    struct ct_isotp_address to, from;
    ct_ns n_as, n_ar, n_bs, n_br, n_cs, n_cr;
    struct {
        uint8_t *buffer;
        size_t capacity, len, done;
        bool active; /* a segmented message is under way */
        bool held;   /* by ct_isotp_hold */
        int phase;
        uint8_t fc_status, sn, block_left, dl;
        unsigned waits;
        ct_ns deadline; /* of the phase: N_Ar, N_Br or N_Cr */
        uint32_t first_frames;
        ct_ns first_frames_since;
    } rx;
    struct {
        uint8_t *buffer;
        size_t capacity, len, done;
        int state;
        bool stalled; /* the source had nothing */
        uint8_t sn, block_left;
        unsigned waits;
        ct_ns st_min, next_cf;
        ct_ns deadline; /* N_Bs while flow control is awaited, N_Cs while stalled, else N_As */
        struct ct_isotp_source source;
    } tx;
    struct ct_isotp_event events[CT_ISOTP_EVENT_MAX];
    unsigned event_count;
    uint32_t events_lost;  /* nobody took them; the oldest went */
    uint32_t dropped;      /* frames of this pair that are none, or are padded wrongly */
    uint32_t flood_losses; /* first frames ignored, see first_frames_per_s */
};

/* The usual settings of a pair: normal addressing, classic, 11-bit when both ids fit, padded to 8 bytes with 0xCC, all
 * limits by the standard. */
struct ct_isotp_config ct_isotp_config_usual(uint32_t tx_id, uint32_t rx_id);
/* The same for NORMAL_FIXED or MIXED_29, which make the ids of the two addresses (priority 6); N_AE is left to set. */
struct ct_isotp_config ct_isotp_config_fixed(enum ct_isotp_mode mode, uint8_t own, uint8_t peer);
/* The pair's functional sender: as the pair, but single frames to `target` (fixed modes: the functional address; else
 * the whole id), and no frame is taken. */
struct ct_isotp_config ct_isotp_config_functional(const struct ct_isotp_config *config, uint32_t target);

/* Buffers stay the caller's. rx_capacity caps what a first frame may announce (more is answered by OVFLW), also with a
 * sink. A pair that listens needs no tx_buffer. CT_ERR_ARGUMENT for ids, lengths or buffers that cannot be. */
int ct_isotp_init(struct ct_isotp *tp, const struct ct_isotp_config *config, uint8_t *rx_buffer, size_t rx_capacity,
                  uint8_t *tx_buffer, size_t tx_capacity) CT_MUST_CHECK;
/* Copies the message. CT_ERR_BUSY while one is being sent or (half duplex) a segmented one received, CT_ERR_TOO_LARGE
 * over tx_capacity (functional: over one frame), CT_ERR_ARGUMENT when empty, CT_ERR_UNSUPPORTED when listening. */
int ct_isotp_send(struct ct_isotp *tp, const uint8_t *data, size_t len, ct_ns now) CT_MUST_CHECK;
/* The same from a source, asked frame by frame; tx_capacity is no limit then, 2^32-1 is. */
int ct_isotp_send_from(struct ct_isotp *tp, const struct ct_isotp_source *source, size_t len, ct_ns now) CT_MUST_CHECK;
/* True when the frame was of this pair (it may still be ignored). */
bool ct_isotp_receive(struct ct_isotp *tp, const struct ct_frame *frame, ct_ns now);
/* The next frame to put on the bus now; CT_ERR_AGAIN when none is due. Call until AGAIN. */
int ct_isotp_next_frame(struct ct_isotp *tp, struct ct_frame *out_frame, ct_ns now) CT_MUST_CHECK;
/* Runs timers; returns the next deadline (also when the next consecutive frame is due). */
ct_ns ct_isotp_tick(struct ct_isotp *tp, ct_ns now);
/* The oldest event not yet taken; CT_ERR_AGAIN when none. Take all after each receive, next_frame and tick. */
int ct_isotp_next_event(struct ct_isotp *tp, struct ct_isotp_event *out_event) CT_MUST_CHECK;
void ct_isotp_reset(struct ct_isotp *tp); /* drops whatever is under way, without events; lets go of a hold */

/* Back-pressure: while held, the sender of a segmented message gets WAIT after each N_Br instead of a go, N_WFTmax
 * times, then the transfer fails with WFT_OVRN. May be called before or during a message, best at FIRST_FRAME. */
void ct_isotp_hold(struct ct_isotp *tp, ct_ns now);
void ct_isotp_resume(struct ct_isotp *tp, ct_ns now);
/* The bus is gone (bus-off, interface down): what is under way fails with ERROR. */
void ct_isotp_bus_lost(struct ct_isotp *tp);

/* Whether a frame is one this address names, echoes and foreign frame kinds aside; for dispatchers. */
bool ct_isotp_address_takes(const struct ct_isotp_address *address, const struct ct_frame *frame);
/* Both directions of a configuration; CT_ERR_ARGUMENT when it cannot be. */
int ct_isotp_addresses(const struct ct_isotp_config *config, struct ct_isotp_address *out_to,
                       struct ct_isotp_address *out_from) CT_MUST_CHECK;

/* STmin as the wire's byte and back (ISO 15765-2 table 20): rounded up, reserved codes mean 127 ms. */
uint8_t ct_isotp_st_min_encode(uint32_t us);
uint32_t ct_isotp_st_min_decode_us(uint8_t code);

#endif
