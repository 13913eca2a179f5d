/* A twin as plain as can be, to hold the live path against: every frame is decoded whole by ct_codec_decode (which
 * knows nothing of lanes), every entry has its own times, counter, quality and change marks. Not part of the product.
 */
#ifndef CT_TESTS_LIVE_MODEL_H
#define CT_TESTS_LIVE_MODEL_H

#include "bind.h"

struct model_entry {
    const struct ct_entry *entry;
    const struct ct_dbc_signal *signal; /* NULL: not in the model, or of several signals: not compared */
    bool is_j1939;
    int64_t bits; /* raw, or the bits of the double */
    uint8_t bytes[CT_BYTES_MAX];
    uint16_t len;
    unsigned quality;
    ct_ns t_ns;
    ct_ns received_ns;
    uint64_t updates;
    bool changed[CT_TWIN_CONSUMERS];
};

struct model {
    const struct ct_dbc *dbc;
    struct ct_codec *codec;
    const struct ct_protect *protect;
    struct ct_protect_state *states; /* per message */
    bool *refused;                   /* per message */
    uint32_t **ids;                  /* per message and signal; UINT32_MAX: none */
    struct model_entry *entries;
    size_t count;
    struct ct_decoded *decoded;
    struct ct_bus_counts counts;
};

/* For bus `can0` with this one database; both must outlive it. */
void model_open(struct model *model, const struct ct_dbc *dbc, const struct ct_protect *protect,
                const struct ct_catalogue *catalogue);
void model_close(struct model *model);
void model_frame(struct model *model, const struct ct_frame *frame, ct_ns now);
void model_tick(struct model *model, ct_ns now);
void model_put(struct model *model, uint32_t id, int64_t bits, ct_ns t_ns, ct_ns now);
void model_mark(struct model *model, uint32_t id, unsigned flags);

/* Fails the running test where the twin says something else. */
void model_compare(const struct model *model, const struct ct_twin *twin);
/* Takes all changes of one consumer from both; they must be the same. */
void model_drain(struct model *model, struct ct_twin *twin, unsigned consumer);

#endif
