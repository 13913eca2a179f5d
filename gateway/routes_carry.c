#include "routes_private.h"

#include <string.h>

static bool same_message(const struct ct_codec_message *a, const struct ct_codec_message *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(ct_codec_model(a)->name, ct_codec_model(b)->name) == 0);
}

static const char *signal_name(const struct ct_route_rule *rule, size_t change)
{
    return ct_codec_model(rule->message)->signals[rule->changes[change].signal].name;
}

static bool same_change(const struct ct_route_rule *a, const struct ct_route_rule *b, size_t at)
{
    const struct ct_route_change *x = &a->changes[at];
    const struct ct_route_change *y = &b->changes[at];
    return strcmp(signal_name(a, at), signal_name(b, at)) == 0 && x->set == y->set && x->value == y->value &&
           x->factor == y->factor && x->offset == y->offset && x->min == y->min && x->max == y->max;
}

/* Of a table at most one rule has these; its rate and what it rewrites may differ. */
static bool same_way(const struct ct_route_rule *a, const struct ct_route_rule *b)
{
    return a->from == b->from && a->to == b->to && a->extended == b->extended && ct_route_mask(a) == ct_route_mask(b) &&
           ((a->id ^ b->id) & ct_route_mask(a)) == 0;
}

static bool same_rule(const struct ct_route_rule *a, const struct ct_route_rule *b)
{
    bool same = a->max_per_s == b->max_per_s && a->change_count == b->change_count &&
                (a->protection == NULL) == (b->protection == NULL) && same_message(a->message, b->message);
    for (size_t i = 0; same && i < a->change_count; i++) {
        same = same_change(a, b, i);
    }
    return same;
}

/* The databases may have been read again: pointers say nothing. */
static size_t find_way(const struct ct_routes *old, const struct ct_route_rule *rule, size_t hint)
{
    if (hint < old->count && same_way(&old->rules[hint], rule)) {
        return hint;
    }
    size_t at = 0;
    while (at < old->count && !same_way(&old->rules[at], rule)) {
        at++;
    }
    return at;
}

static bool rewrites(const struct ct_route_rule *rule)
{
    return rule->change_count > 0 && rule->protection != NULL;
}

void ct_routes_carry(struct ct_routes *routes, const struct ct_routes *old)
{
    for (size_t i = 0; i < routes->count; i++) {
        const struct ct_route_rule *rule = &routes->rules[i];
        const size_t at = find_way(old, rule, i);
        if (at == old->count) {
            continue;
        }
        const struct ct_route_rule *before = &old->rules[at];
        if (same_rule(before, rule)) {
            routes->states[i] = old->states[at];
        } else if (rewrites(rule) && rewrites(before) && same_message(rule->message, before->message)) {
            /* Whoever receives the message knows nothing of what is rewritten in it. */
            routes->states[i].received = old->states[at].received;
            routes->states[i].sent = old->states[at].sent;
        }
    }
    memcpy(routes->echoes, old->echoes, sizeof routes->echoes);
    routes->echo_count = old->echo_count;
}
