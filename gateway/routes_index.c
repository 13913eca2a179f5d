#include "routes_private.h"

#include <stdlib.h>

static uint32_t hash_of(uint8_t bus, uint8_t group, uint32_t id)
{
    const uint32_t mixed = (id ^ (uint32_t)bus << 24 ^ (uint32_t)group << 16) * UINT32_C(0x9E3779B1);
    return mixed ^ mixed >> 15;
}

static struct route_slot *slot_of(const struct ct_routes *routes, uint8_t bus, uint8_t group, uint32_t id)
{
    size_t at = hash_of(bus, group, id) & routes->slot_mask;
    while (routes->slots[at].first != ROUTES_NO_RULE &&
           (routes->slots[at].id != id || routes->slots[at].bus != bus || routes->slots[at].group != group)) {
        at = (at + 1) & routes->slot_mask;
    }
    return &routes->slots[at];
}

/* The group of a rule, made when it is the first of it. */
static int group_of(struct ct_routes *routes, const struct ct_route_rule *rule, uint8_t *out_group)
{
    struct route_group *groups = routes->groups[rule->from];
    uint8_t *count = &routes->group_counts[rule->from];
    uint8_t group = 0;
    while (group < *count && (groups[group].mask != ct_route_mask(rule) || groups[group].extended != rule->extended)) {
        group++;
    }
    if (group == CT_ROUTES_MASKS_MAX) {
        return CT_ERR_FULL;
    }
    if (group == *count) {
        groups[(*count)++] = (struct route_group){ct_route_mask(rule), rule->extended};
    }
    *out_group = group;
    return CT_OK;
}

/* Puts a rule at the end of its slot's list, so that lists are in the order of the table. */
static int add(struct ct_routes *routes, uint16_t index)
{
    const struct ct_route_rule *rule = &routes->rules[index];
    uint8_t group = 0;
    const int err = group_of(routes, rule, &group);
    if (err != CT_OK) {
        return err;
    }
    const uint32_t id = rule->id & ct_route_mask(rule);
    struct route_slot *slot = slot_of(routes, rule->from, group, id);
    uint16_t *link = &slot->first;
    while (*link != ROUTES_NO_RULE) {
        if (routes->rules[*link].to == rule->to) {
            return CT_ERR_EXISTS;
        }
        link = &routes->next[*link];
    }
    *link = index;
    *slot = (struct route_slot){.id = id, .first = slot->first, .bus = rule->from, .group = group};
    return CT_OK;
}

int ct_routes_index(struct ct_routes *routes, size_t *out_rule)
{
    size_t size = 4;
    while (size < routes->count * 2) {
        size *= 2;
    }
    routes->slots = malloc(size * sizeof *routes->slots);
    routes->next = malloc((routes->count + 1) * sizeof *routes->next);
    if (routes->slots == NULL || routes->next == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    routes->slot_mask = size - 1;
    for (size_t i = 0; i < size; i++) {
        routes->slots[i] = (struct route_slot){.first = ROUTES_NO_RULE};
    }
    int err = CT_OK;
    for (size_t i = 0; i < routes->count && err == CT_OK; i++) {
        routes->next[i] = ROUTES_NO_RULE;
        err = add(routes, (uint16_t)i);
        *out_rule = i;
    }
    return err;
}

uint32_t ct_routes_find(const struct ct_routes *routes, const struct ct_frame *frame,
                        uint16_t out_rules[CT_ROUTES_BUSES_MAX])
{
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    uint32_t found = 0;
    for (uint8_t g = 0; g < routes->group_counts[frame->bus]; g++) {
        const struct route_group *group = &routes->groups[frame->bus][g];
        if (group->extended != extended) {
            continue;
        }
        uint16_t rule = slot_of(routes, frame->bus, g, frame->id & group->mask)->first;
        for (; rule != ROUTES_NO_RULE; rule = routes->next[rule]) {
            const uint8_t to = routes->rules[rule].to;
            if ((found & UINT32_C(1) << to) == 0 || rule < out_rules[to]) {
                found |= UINT32_C(1) << to;
                out_rules[to] = rule;
            }
        }
    }
    return found;
}
