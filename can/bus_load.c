#include "bus_load.h"

/* ISO 11898-1: a stuff bit follows five equal bits and may begin the next five, so n bits hold (n - 1) / 4 at most. */
static uint16_t stuff_max(unsigned bits)
{
    return (uint16_t)((bits - 1) / 4);
}

static struct ct_frame_bits classic_bits(bool ext, unsigned len)
{
    /* SOF, id, SRR/RTR, IDE, r0, (r1), DLC, data, CRC 15; then delimiters, ACK, EOF, intermission, never stuffed. */
    const unsigned stuffed = (ext ? 54U : 34U) + 8 * len;
    return (struct ct_frame_bits){.nominal = (uint16_t)(stuffed + 13), .nominal_stuff_max = stuff_max(stuffed)};
}

static struct ct_frame_bits fd_bits(bool ext, bool brs, unsigned len)
{
    /* SOF, id, (SRR), RRS, IDE, FDF, res, BRS | ESI, DLC, data | stuff count 4, CRC 17 or 21, with fixed stuff bits. */
    const unsigned head = ext ? 36 : 17;
    const unsigned body = 5 + 8 * len;
    const unsigned tail = len <= 16 ? 21 + 6 : 25 + 7;
    if (!brs) {
        return (struct ct_frame_bits){.nominal = (uint16_t)(head + body + tail + 13),
                                      .nominal_stuff_max = stuff_max(head + body)};
    }
    return (struct ct_frame_bits){.nominal = (uint16_t)(head + 13),
                                  .nominal_stuff_max = stuff_max(head),
                                  .data = (uint16_t)(body + tail),
                                  .data_stuff_max = stuff_max(body)};
}

struct ct_frame_bits ct_frame_bits(const struct ct_frame *frame)
{
    const unsigned flags = frame->flags;
    const bool ext = (flags & CT_FRAME_EXT) != 0;
    if ((flags & CT_FRAME_ERR) != 0) {
        return (struct ct_frame_bits){0};
    }
    if ((flags & CT_FRAME_FD) != 0) {
        return fd_bits(ext, (flags & CT_FRAME_BRS) != 0, frame->len);
    }
    return classic_bits(ext, (flags & CT_FRAME_RTR) != 0 ? 0 : frame->len);
}

void ct_bus_load_init(struct ct_bus_load *load, ct_ns now)
{
    *load = (struct ct_bus_load){.percent = -1, .window_start = now};
}

void ct_bus_load_set_rates(struct ct_bus_load *load, uint32_t bitrate, uint32_t data_bitrate)
{
    load->bitrate = bitrate;
    load->data_bitrate = data_bitrate != 0 ? data_bitrate : bitrate;
}

void ct_bus_load_frame(struct ct_bus_load *load, const struct ct_frame *frame)
{
    if (load->bitrate == 0) {
        return;
    }
    const struct ct_frame_bits bits = ct_frame_bits(frame);
    const double nominal = bits.nominal + bits.nominal_stuff_max / 2.0;
    const double data = bits.data + bits.data_stuff_max / 2.0;
    load->busy_ns += (nominal / load->bitrate + data / load->data_bitrate) * (double)CT_NS_PER_S;
}

bool ct_bus_load_tick(struct ct_bus_load *load, ct_ns now)
{
    const ct_ns length = now - load->window_start;
    if (length < CT_BUS_LOAD_WINDOW) {
        return false;
    }
    const bool known = load->bitrate != 0;
    if (known) {
        load->percent = 100.0 * load->busy_ns / (double)length;
    }
    load->window_start = now;
    load->busy_ns = 0;
    return known;
}
