/* How busy a bus is: the bits of its frames against its bit rate.
 *
 * A frame's length is exact but for its stuff bits, which depend on its content. They are taken as half of the most
 * there can be: for a classic frame of 8 bytes 123 bits where 111 to 135 are possible, so at worst 10 % off.
 * Sans I/O. Belongs to one thread. Source: ISO 11898-1:2015, 10.4 (frame formats), 10.5 (bit stuffing). */
#ifndef CT_CAN_BUS_LOAD_H
#define CT_CAN_BUS_LOAD_H

#include "frame.h"

/* Bits of one frame on the wire, three bits of intermission included. Of an FD frame with bit rate switch the bits of
 * its data phase are counted apart; of all others they are 0. Error frames: all 0. */
struct ct_frame_bits {
    uint16_t nominal, nominal_stuff_max;
    uint16_t data, data_stuff_max;
};

struct ct_frame_bits ct_frame_bits(const struct ct_frame *frame);

struct ct_bus_load {
    uint32_t bitrate, data_bitrate; /* bit/s; bitrate 0: unknown, nothing is computed */
    double percent;                 /* of the last whole window; negative before the first */
    ct_ns window_start;
    double busy_ns; /* of this window */
};

#define CT_BUS_LOAD_WINDOW CT_NS_PER_S

void ct_bus_load_init(struct ct_bus_load *load, ct_ns now);
/* Other bit rates; the window goes on. data_bitrate 0: as bitrate. */
void ct_bus_load_set_rates(struct ct_bus_load *load, uint32_t bitrate, uint32_t data_bitrate);
/* A frame was on the bus, whoever sent it. */
void ct_bus_load_frame(struct ct_bus_load *load, const struct ct_frame *frame);
/* True when a window has ended: `percent` is new. A window that was left alone longer counts at its real length. */
bool ct_bus_load_tick(struct ct_bus_load *load, ct_ns now);

#endif
