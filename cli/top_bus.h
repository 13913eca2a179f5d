/* What `cantwin top` knows of a bus: per id the newest frame, how often it comes, which bytes and bits changed when,
 * and what its counter and checksum told. Bounded; no I/O; time is an argument. One thread. */
#ifndef CT_CLI_TOP_BUS_H
#define CT_CLI_TOP_BUS_H

#include "codec.h"
#include "frame.h"
#include "protect.h"
#include "top_screen.h"

#define CT_TOP_IDS_MAX 4096U

struct ct_top_row {
    struct ct_frame frame;
    uint64_t count;
    uint32_t in_window;              /* frames since the rate was taken */
    double rate;                     /* frames a second over the last window; negative: not known yet */
    uint8_t bits[CT_FRAME_DATA_MAX]; /* that differed at the byte's last change */
    ct_ns changed_ns[CT_FRAME_DATA_MAX];
    bool checked;                /* a protection rule has looked at it */
    enum ct_protect_fault fault; /* of the newest frame */
    uint64_t checksum_faults, counter_faults;
};

struct ct_top_bus {
    struct ct_top_row *rows; /* sorted by id, 11-bit first */
    size_t count;
    uint64_t frames, others; /* others: frames of ids that had no room */
    ct_ns window_ns, started_ns;
};

int ct_top_bus_init(struct ct_top_bus *bus, ct_ns now) CT_MUST_CHECK;
void ct_top_bus_free(struct ct_top_bus *bus);
void ct_top_bus_frame(struct ct_top_bus *bus, const struct ct_frame *frame, ct_ns now);
/* What a protection rule found in the frame just taken. */
void ct_top_bus_checked(struct ct_top_bus *bus, const struct ct_frame *frame, enum ct_protect_fault fault);
/* Takes the rates when a second has passed. */
void ct_top_bus_tick(struct ct_top_bus *bus, ct_ns now);

struct ct_top_shown {
    bool bits;                            /* a line of bits below each frame */
    const struct ct_codec *const *codecs; /* the first that knows an id decodes it */
    size_t codec_count;
};
/* The message of a frame in the databases that are shown; NULL: none knows it, or it carries no data. */
const struct ct_codec_message *ct_top_message_of(const struct ct_top_shown *shown, const struct ct_frame *frame);
void ct_top_bus_show(const struct ct_top_bus *bus, const struct ct_top_shown *shown, ct_ns now,
                     struct ct_screen *screen);

#endif
