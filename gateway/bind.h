/* Binds the DBC files of all buses and the VSS mapping to one twin: builds the catalogue, decodes frames into the twin,
 * derives the VSS entries, and turns a value of a VSS actuator back into a frame.
 *
 * A frame whose payload is the last accepted one of its message moves times and counters; another one is decoded, and
 * what differs is a change. Every signal compares with its own last value, so neither another branch of a multiplexed
 * message nor a shorter or a refused frame in between can hide one.
 *
 * Entries: every signal of every message (`bus.Message.Signal`, multiplexed `bus.Message.Signal@Selector=first[-last]`,
 * several ranges joined by commas), then every path of the mapping.
 * Staleness: a signal goes stale after three cycle times of its message, at least 250 ms (so that scheduling never
 * looks like a silent ECU); a multiplexed one after three rounds of all its selector's branches; without a cycle time
 * never. A VSS entry has no timeout of its own: it takes over STALE from its source, with DERIVED_FROM_BAD.
 * All memory is allocated at create. Belongs to one thread; no clock, no I/O. */
#ifndef CT_GATEWAY_BIND_H
#define CT_GATEWAY_BIND_H

#include "codec.h"
#include "frame.h"
#include "mapping.h"
#include "protect.h"
#include "twin.h"

#define CT_BIND_TIMEOUT_CYCLES 3
#define CT_BIND_TIMEOUT_MIN_MS 250

/* Consumers of the twin's changes inside the gateway. */
enum ct_gateway_consumer { CT_CONSUMER_BIND, CT_CONSUMER_COLLECT, CT_CONSUMER_WATCH };

/* Which raw values of integer signals mean "not available" (they are then not out of range): those whose text in the
 * value table is one of `texts`, letters and digits alone counting and case not; and in J1939 messages the codes of
 * SAE J1939-71 for unsigned signals: all ones below eight bits, else the top byte 0xFE (error) or 0xFF. */
struct ct_bind_codes {
    const char *const *texts;
    size_t text_count;
    bool j1939;
};

struct ct_bind_bus {
    const char *name;
    struct ct_dbc *const *dbcs; /* earlier ones win where an id is in several */
    size_t dbc_count;
    struct ct_protect *protect;        /* NULL: no message is protected */
    const struct ct_bind_codes *codes; /* NULL: "SNA", "not available", "signal not available" and the J1939 codes */
};

/* What became of a frame; every frame is exactly one of these. A refused one failed its checksum or counter. */
enum ct_frame_class {
    CT_FRAME_DECODED,
    CT_FRAME_UNKNOWN,
    CT_FRAME_REMOTE,
    CT_FRAME_ERROR,
    CT_FRAME_REFUSED,
    CT_FRAME_CLASS_COUNT
};

/* Frames of one bus; lives outside the binding so that it outlasts a reload. */
struct ct_bus_counts {
    uint64_t frames; /* the sum of by_class */
    uint64_t by_class[CT_FRAME_CLASS_COUNT];
    uint64_t checksum_failures; /* these two: the refused ones */
    uint64_t counter_failures;
};

struct ct_bind;

/* Takes over the databases, their protection and the mapping (NULL: none) when the result is 0, and only then. Mapping
 * problems come as one line `FILE: PATH: text` in `problem`, with `mapping_file` as FILE. */
int ct_bind_create(const struct ct_bind_bus *buses, size_t bus_count, struct ct_mapping *mapping,
                   const char *mapping_file, struct ct_bind **out_bind, char *problem,
                   size_t problem_size) CT_MUST_CHECK;
void ct_bind_free(struct ct_bind *bind); /* accepts NULL */

/* For tests and measurements: how lanes are decoded. CT_ERR_UNSUPPORTED where this CPU or build has it not. */
int ct_bind_set_path(struct ct_bind *bind, enum ct_codec_path path) CT_MUST_CHECK;

struct ct_catalogue *ct_bind_catalogue(const struct ct_bind *bind); /* the binding's reference */
/* Signals left out because an earlier database of the bus has the same message and signal. */
size_t ct_bind_hidden(const struct ct_bind *bind);

/* The message of a bus by name or by id, of the first database that has it; NULL when unknown. The binding's. */
const struct ct_codec_message *ct_bind_message(const struct ct_bind *bind, uint8_t bus, const char *name);
const struct ct_codec_message *ct_bind_message_of(const struct ct_bind *bind, uint8_t bus, uint32_t id, bool extended);
/* All messages of a bus, one after the other; NULL beyond the last. */
const struct ct_dbc_message *ct_bind_message_at(const struct ct_bind *bind, uint8_t bus, size_t index);
/* Its rule for counter and checksum; NULL when it has none. The binding's. */
const struct ct_protect_rule *ct_bind_protection(const struct ct_bind *bind, uint8_t bus,
                                                 const struct ct_codec_message *message);

/* A twin for the binding's catalogue, laid out for its frames. One twin belongs to one binding: what the last frames
 * were is kept in the binding. */
int ct_bind_make_twin(const struct ct_bind *bind, struct ct_twin **out_twin) CT_MUST_CHECK;

/* Decodes one frame of bus `frame->bus` into the twin and derives what hangs on it. Counts it. A refused frame leaves
 * all values and their times as they are and sets CHECKSUM or COUNTER on every signal of its message, until the next
 * good one. */
enum ct_frame_class ct_bind_frame(struct ct_bind *bind, struct ct_twin *twin, const struct ct_frame *frame, ct_ns now,
                                  struct ct_bus_counts *counts);

#define CT_BIND_BATCH 64

/* As ct_bind_frame for each of some frames of one bus, as one receive call gives them; much faster than one by one.
 * Stops before a frame whose message was among them already, so that a reader of the changes who looks after each call
 * sees every value. Returns how many were taken: at least one, at most CT_BIND_BATCH. */
size_t ct_bind_frames(struct ct_bind *bind, struct ct_twin *twin, const struct ct_frame *frames, size_t count,
                      ct_ns now, struct ct_bus_counts *counts);

/* Runs the twin's timers, takes staleness over to VSS entries, derives what an interval held back. Returns the next
 * deadline. */
ct_ns ct_bind_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now);

/* The frame that asks for `value` at the actuator `path`: other signals of its message as last sent, else their start
 * values. CT_ERR_NOT_FOUND when the path is no actuator that can be written; CT_ERR_RANGE when the value fits no row of
 * the transform or not the signal. Only id, flags, bus, len and data are set. */
int ct_bind_encode(const struct ct_bind *bind, const char *path, const struct ct_map_value *value,
                   struct ct_frame *out_frame) CT_MUST_CHECK;
/* The frame went out: its payload is what the next encode of this message starts from. */
void ct_bind_sent(struct ct_bind *bind, const struct ct_frame *frame);

/* Half a step of the signal that the actuator `path` writes: reported within this, a value counts as reached. */
double ct_bind_tolerance(const struct ct_bind *bind, const char *path);
/* True when the actuator's value is also read back from the vehicle. */
bool ct_bind_observable(const struct ct_bind *bind, const char *path);

/* When the vehicle last confirmed the value of an entry: for a path whose source repeats the value it was derived from,
 * the source's time, even where `on_change` leaves the path's own time alone. */
ct_ns ct_bind_confirmed_ns(const struct ct_bind *bind, const struct ct_twin *twin, uint32_t id);

/* After a reload: interval states by path, last sent payloads by bus and message. Values: ct_twin_carry. */
void ct_bind_carry(struct ct_bind *bind, const struct ct_bind *old);

#endif
