/* What the live path needs, made once. */
#include "bind_private.h"

#include <stdlib.h>
#include <string.h>

static void init_message(struct ct_bind *bind, struct live_message *live, struct bound_message *message)
{
    live->codec = message->codec;
    live->bound = message;
    live->first_block = message->first_block;
    live->block_count = (uint16_t)(ct_codec_lane_count(message->codec) / CT_LANES);
    live->len = LIVE_NO_LENGTH;
    live->flags |= live->block_count != 1 ? LIVE_SEVERAL : 0;
    live->rule = ct_protect_rule_of(bind->buses[message->bus].protect, message->model);
    live->flags |= live->rule != NULL ? LIVE_PROTECTED : 0;
    live->first_source = (uint32_t)bind->source_count;
    for (size_t s = 0; s < message->model->signal_count; s++) {
        const uint32_t id = message->ids[s];
        if (id == NO_ENTRY) {
            continue;
        }
        const uint32_t lane = ct_codec_signal_lane(message->codec, (uint16_t)s);
        live->flags |= lane == CT_NO_LANE                                             ? LIVE_BLOBS
                       : ct_catalogue_entry(bind->catalogue, id)->kind != CT_KIND_RAW ? LIVE_NUMBERS
                                                                                      : 0;
        if (bind->first_rule[id] != NO_RULE) {
            bind->sources[bind->source_count++] =
                lane == CT_NO_LANE
                    ? (struct live_source){id, NO_BLOCK, 0}
                    : (struct live_source){id, live->first_block + lane / CT_LANES, (uint8_t)(1U << lane % CT_LANES)};
        }
    }
    live->source_count = (uint32_t)bind->source_count - live->first_source;
    live->flags |= live->source_count > 0 ? LIVE_SOURCES : 0;
}

static void put_extended(struct bound_bus *bus, uint32_t id, uint32_t message)
{
    uint32_t at = ct_live_hash(id) & bus->extended_mask;
    while (bus->extended[at].message != 0 && bus->extended[at].id != id) {
        at = (at + 1) & bus->extended_mask;
    }
    bus->extended[at] = (struct live_id){id, message};
}

static int init_tables(struct ct_bind *bind, uint8_t bus_index)
{
    struct bound_bus *bus = &bind->buses[bus_index];
    size_t messages = 0;
    for (size_t d = 0; d < bus->count; d++) {
        messages += bus->databases[d].dbc->message_count;
    }
    size_t size = 8;
    while (size < 2 * messages) {
        size *= 2;
    }
    bus->standard = calloc(CT_ID_STD_MAX + 1, sizeof *bus->standard);
    bus->extended = calloc(size, sizeof *bus->extended);
    bus->extended_mask = (uint32_t)size - 1;
    if (bus->standard == NULL || bus->extended == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (uint32_t id = 0; id <= CT_ID_STD_MAX; id++) {
        bus->standard[id] = ct_live_index(ct_bind_find(bind, bus_index, id, false));
    }
    for (size_t d = 0; d < bus->count; d++) {
        for (size_t m = 0; m < bus->databases[d].dbc->message_count; m++) {
            const struct ct_dbc_message *model = &bus->databases[d].dbc->messages[m];
            const struct bound_message *found = model->extended ? ct_bind_find(bind, bus_index, model->id, true) : NULL;
            if (found != NULL) {
                put_extended(bus, model->id, found->live);
            }
            bus->by_group = bus->by_group || model->j1939;
        }
    }
    return CT_OK;
}

static void init_messages(struct ct_bind *bind)
{
    for (size_t b = 0; b < bind->bus_count; b++) {
        for (size_t d = 0; d < bind->buses[b].count; d++) {
            struct bound_database *database = &bind->buses[b].databases[d];
            for (size_t m = 0; m < database->dbc->message_count; m++) {
                struct bound_message *message = &database->messages[m];
                if (message->codec != NULL) {
                    message->live = (uint32_t)++bind->live_count;
                    init_message(bind, &bind->live[message->live], message);
                }
            }
        }
    }
}

int ct_bind_build_live(struct ct_bind *bind)
{
    size_t messages = 1;
    size_t signals = 1;
    for (size_t b = 0; b < bind->bus_count; b++) {
        for (size_t d = 0; d < bind->buses[b].count; d++) {
            const struct ct_dbc *dbc = bind->buses[b].databases[d].dbc;
            messages += dbc->message_count;
            for (size_t m = 0; m < dbc->message_count; m++) {
                signals += dbc->messages[m].signal_count;
            }
        }
    }
    bind->live = aligned_alloc(64, messages * sizeof *bind->live);
    bind->tails = calloc(messages, sizeof *bind->tails);
    bind->sources = calloc(signals, sizeof *bind->sources);
    bind->active = calloc(bind->layout.block_count + 1, 1);
    bind->changed = calloc(bind->layout.block_count + 1, 1);
    if (bind->live == NULL || bind->tails == NULL || bind->sources == NULL || bind->active == NULL ||
        bind->changed == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memset(bind->live, 0, messages * sizeof *bind->live);
    bind->live[0].flags = LIVE_SEVERAL; /* unknown ids take the same turn as what is not plain */
    init_messages(bind);
    int err = CT_OK;
    for (size_t b = 0; b < bind->bus_count && err == CT_OK; b++) {
        err = init_tables(bind, (uint8_t)b);
    }
    return err;
}

void ct_bind_free_live(struct ct_bind *bind)
{
    for (size_t b = 0; bind->buses != NULL && b < bind->bus_count; b++) {
        free(bind->buses[b].standard);
        free(bind->buses[b].extended);
    }
    free(bind->live);
    free(bind->tails);
    free(bind->sources);
    free(bind->active);
    free(bind->changed);
}
