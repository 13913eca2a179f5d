#include "load_ids.h"

#include <stdlib.h>
#include <string.h>

#define FUNCTIONAL_STANDARD 0x7DFU      /* ISO 15765-4, 10.5.1 */
#define FUNCTIONAL_EXTENDED 0x18DB33F1U /* and 10.5.2 */

static bool is_on(const struct ct_model *model, const struct ct_settings_ecu *ecu, uint8_t bus)
{
    return strcmp(model->settings->buses[bus].name, ecu->bus) == 0;
}

/* ---- anomalies */

static struct ct_anomaly_id id_of_message(uint8_t bus, const struct ct_dbc_message *message)
{
    return (struct ct_anomaly_id){.bus = bus,
                                  .extended = message->extended,
                                  .by_group = message->j1939 && message->extended,
                                  .length = message->length <= CT_FRAME_DATA_MAX && !message->j1939
                                                ? (uint8_t)message->length
                                                : CT_ANOMALY_ANY_LENGTH,
                                  .id = message->id,
                                  .cycle_ns = (ct_ns)(message->cycle_ms * (double)CT_NS_PER_MS)};
}

static struct ct_anomaly_id id_of_ecu(uint8_t bus, uint32_t id, bool extended, bool request)
{
    return (struct ct_anomaly_id){.bus = bus,
                                  .extended = extended,
                                  .request = request,
                                  .length = CT_ANOMALY_ANY_LENGTH,
                                  .id = id,
                                  .cycle_ns = CT_NS_NEVER};
}

/* Without `out_ids`: counts only. A bus without databases knows nothing that could be otherwise. */
static size_t list_ids(const struct ct_model *model, struct ct_anomaly_id *out_ids)
{
    struct ct_anomaly_id unused;
    size_t count = 0;
#define ADD(id) *(out_ids != NULL ? &out_ids[count] : &unused) = (id), count++
    for (unsigned b = 0; b < model->settings->buses_count; b++) {
        const uint8_t bus = (uint8_t)b;
        const struct ct_dbc_message *message;
        const size_t before = count;
        for (size_t i = 0; (message = ct_bind_message_at(model->pipeline.bind, bus, i)) != NULL; i++) {
            ADD(id_of_message(bus, message));
        }
        for (unsigned e = 0; e < model->settings->ecus_count && count > before; e++) {
            const struct ct_settings_ecu *ecu = &model->settings->ecus[e];
            if (is_on(model, ecu, bus)) {
                const struct ct_isotp_config pair = ct_settings_ecu_isotp(ecu);
                ADD(id_of_ecu(bus, pair.tx_id, pair.extended, true));
                ADD(id_of_ecu(bus, pair.rx_id, pair.rx_id_bits == 29, false));
                ADD(id_of_ecu(bus, pair.extended ? FUNCTIONAL_EXTENDED : FUNCTIONAL_STANDARD, pair.extended, true));
            }
        }
    }
#undef ADD
    return count;
}

int ct_model_make_anomalies(struct ct_model *model)
{
    const size_t count = list_ids(model, NULL);
    struct ct_anomaly_id *ids = calloc(count + 1, sizeof *ids);
    if (ids == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)list_ids(model, ids);
    const int err = ct_anomalies_create(ids, count, &model->anomalies);
    free(ids);
    return err;
}

/* ---- filters */

struct filters {
    struct ct_port_filter *items;
    size_t count, max;
};

static void add_filter(struct filters *filters, uint32_t id, uint32_t mask, bool extended)
{
    const uint32_t all = extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    const struct ct_port_filter filter = {.id = id & mask & all, .mask = mask & all, .ext = extended};
    for (size_t i = 0; i < filters->count && i < filters->max; i++) {
        const struct ct_port_filter *known = &filters->items[i];
        if (known->id == filter.id && known->mask == filter.mask && known->ext == filter.ext) {
            return;
        }
    }
    if (filters->count < filters->max) {
        filters->items[filters->count] = filter;
    }
    filters->count += filters->count <= filters->max ? 1 : 0;
}

static uint32_t mask_of(const struct ct_dbc_message *message)
{
    const bool pdu2 = (message->id >> 16 & 0xFF) >= 0xF0;
    return !message->j1939 || !message->extended ? UINT32_MAX : pdu2 ? UINT32_C(0x03FFFF00) : UINT32_C(0x03FF0000);
}

size_t ct_model_filters(const struct ct_model *model, uint8_t bus, struct ct_port_filter *out_filters, size_t max)
{
    struct filters filters = {out_filters, 0, max};
    const struct ct_dbc_message *message;
    for (size_t i = 0; (message = ct_bind_message_at(model->pipeline.bind, bus, i)) != NULL; i++) {
        add_filter(&filters, message->id, mask_of(message), message->extended);
    }
    for (unsigned e = 0; e < model->settings->ecus_count; e++) {
        const struct ct_settings_ecu *ecu = &model->settings->ecus[e];
        if (is_on(model, ecu, bus)) {
            const struct ct_isotp_config pair = ct_settings_ecu_isotp(ecu);
            struct ct_isotp_address to;
            struct ct_isotp_address from;
            if (ct_isotp_addresses(&pair, &to, &from) == CT_OK) {
                add_filter(&filters, from.id, from.mask, (from.flags & CT_FRAME_EXT) != 0);
            }
        }
    }
    for (size_t i = 0; i < ct_routes_count(model->routes); i++) {
        const struct ct_route_rule *rule = ct_routes_rule(model->routes, i);
        if (rule->from == bus) {
            add_filter(&filters, rule->id, rule->mask, rule->extended);
        }
    }
    return filters.count;
}
