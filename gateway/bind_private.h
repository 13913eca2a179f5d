/* Inside of bind: shared by bind.c (life), bind_build.c (catalogue), bind_lanes.c (where values lie in the twin),
 * bind_live.c (frames), bind_rules.c (VSS), bind_write.c (back to the bus). */
#ifndef CT_GATEWAY_BIND_PRIVATE_H
#define CT_GATEWAY_BIND_PRIVATE_H

#include "bind.h"
#include "lanes.h"

#define NO_ENTRY     UINT32_MAX
#define NO_RULE      UINT32_MAX
#define NO_BLOCK     UINT32_MAX
#define VSS_TEXT_MAX 128 /* longest string value of a VSS entry */

struct bound_message {
    const struct ct_codec_message *codec;
    const struct ct_dbc_message *model;
    uint8_t bus;
    uint32_t *ids;        /* entry of each signal, NO_ENTRY when it has none */
    uint32_t first_block; /* NO_BLOCK: never met on the bus */
    uint32_t live;        /* index in ct_bind.live; 0 with NO_BLOCK */
    uint8_t *last_sent;   /* payload, only for messages that rules write; else NULL */
    bool was_sent;
    struct ct_protect_state sent; /* counter of the last one */
};

struct bound_database {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    struct bound_message *messages; /* as in the model */
};

/* What is more to do for a message than for most, which have none of these. */
enum live_flag {
    LIVE_SEVERAL = 1 << 0, /* not exactly one block */
    LIVE_REFUSED = 1 << 1, /* the newest frame was refused; signals are marked */
    LIVE_NUMBERS = 1 << 2, /* has float lanes */
    LIVE_BLOBS = 1 << 3,   /* has signals over 64 bits */
    LIVE_SOURCES = 1 << 4, /* rules read it */
    LIVE_PROTECTED = 1 << 5,
};

#define LIVE_HEAD      8 /* bytes of a payload that are compared as one word */
#define LIVE_NO_LENGTH UINT8_MAX

/* What a frame needs, in one cache line. `len` and `head` are the reference, the last accepted payload; what is longer
 * goes on in ct_bind.tails. */
struct live_message {
    _Alignas(64) const struct ct_codec_message *codec;
    uint64_t head; /* bytes beyond the length are 0 */
    uint32_t first_block;
    uint16_t block_count;
    uint8_t len;   /* LIVE_NO_LENGTH: no frame was accepted yet */
    uint8_t flags; /* enum live_flag */
    struct bound_message *bound;
    const struct ct_protect_rule *rule;
    struct ct_protect_state state;
    uint32_t first_source; /* of ct_bind.sources */
    uint32_t source_count;
    uint32_t batch; /* number of the last one that had a frame of it */
};
_Static_assert(sizeof(struct live_message) == 64, "one cache line");

/* The reference beyond its head. */
struct live_tail {
    uint8_t bytes[CT_FRAME_DATA_MAX - LIVE_HEAD];
};

/* A signal that rules read. */
struct live_source {
    uint32_t entry;
    uint32_t block; /* NO_BLOCK: it has no lane */
    uint8_t lanes;  /* its lane's bit */
};

struct live_id {
    uint32_t id;
    uint32_t message; /* 0: free */
};

struct bound_bus {
    char *name;
    struct bound_database *databases;
    size_t count;
    struct ct_protect *protect;
    const struct ct_bind_codes *codes; /* only while being made */
    /* index in ct_bind.live; 0: unknown */
    uint32_t *standard; /* by id */
    struct live_id *extended;
    uint32_t extended_mask; /* size - 1; the table is never full */
    bool by_group;          /* some messages are matched by PGN */
};

struct bound_rule {
    const struct ct_map_rule *rule;
    uint32_t entry;
    uint32_t source; /* NO_ENTRY: nothing to read */
    const struct ct_dbc_signal *source_signal;
    struct bound_message *write_message; /* NULL: nothing to write */
    uint16_t write_signal;
    uint32_t next; /* rule of the same source */
    /* state */
    bool derived;     /* a value was derived before */
    bool held_back;   /* the interval kept the newest value back */
    ct_ns last_ns;    /* source time of the last derived value */
    int64_t last_raw; /* its source bits */
    uint16_t last_quality;
};

struct ct_bind {
    struct bound_bus *buses;
    size_t bus_count;
    struct ct_mapping *mapping;
    struct ct_catalogue *catalogue;
    struct ct_lane_layout layout;
    struct ct_lane *lanes; /* of the layout */
    struct ct_code_range *codes;
    size_t code_count;
    struct live_message *live; /* [0] stands for unknown ids */
    struct live_tail *tails;   /* as `live` */
    size_t live_count;         /* without [0] */
    uint32_t batch;            /* number of the last one */
    struct live_source *sources;
    size_t source_count;
    uint8_t *active;  /* per block: lanes of the last accepted frame */
    uint8_t *changed; /* scratch for the largest message */
    struct bound_rule *rules;
    size_t rule_count;
    uint32_t *first_rule; /* per entry */
    uint32_t first_path;  /* entry of rules[0]; the others follow */
    size_t hidden;
    size_t held_back_count;
    struct ct_decoded *decoded; /* scratch for the largest message */
};

static inline uint32_t ct_live_hash(uint32_t id)
{
    return id * UINT32_C(0x9E3779B1) >> 7;
}

static inline uint32_t ct_live_index(const struct bound_message *message)
{
    return message == NULL ? 0 : message->live;
}

/* The message of an id, of the first database that has it; NULL when unknown. */
struct bound_message *ct_bind_find(const struct ct_bind *bind, uint8_t bus, uint32_t id, bool extended);

int ct_bind_build_catalogue(struct ct_bind *bind, const char *mapping_file, char *problem, size_t problem_size);
/* Room for the lanes of all messages; then message by message its blocks, and its lanes as they get their entries. */
int ct_bind_build_lanes(struct ct_bind *bind);
void ct_bind_place_message(struct ct_bind *bind, struct bound_message *message);
void ct_bind_place_signal(struct ct_bind *bind, const struct bound_message *message, size_t lane);
void ct_bind_free_lanes(struct ct_bind *bind);
/* What frames need, once all entries and rules are there. */
int ct_bind_build_live(struct ct_bind *bind);
void ct_bind_free_live(struct ct_bind *bind);
void ct_bind_rules_source_updated(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now);
/* The source's quality changed, its value did not. */
void ct_bind_rules_source_marked(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now);
ct_ns ct_bind_rules_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now);

#endif
