#include "routes_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_TEXT(name, text) [CT_ROUTE_##name] = (text),
static const char *const result_texts[CT_ROUTE_RESULT_COUNT] = {CT_ROUTE_RESULT_MAP(RESULT_TEXT)};
#undef RESULT_TEXT

const char *ct_route_result_text(enum ct_route_result result)
{
    const size_t index = (size_t)result;
    return index < CT_ROUTE_RESULT_COUNT ? result_texts[index] : "unknown result";
}

/* ---- life */

static bool change_valid(const struct ct_route_rule *rule, const struct ct_route_change *change)
{
    const struct ct_dbc_message *model = ct_codec_model(rule->message);
    return change->signal < model->signal_count && model->signals[change->signal].kind != CT_DBC_BLOB &&
           (change->set ? isfinite(change->value)
                        : isfinite(change->factor) && isfinite(change->offset) && change->min <= change->max);
}

static bool rule_valid(const struct ct_route_rule *rule)
{
    bool valid = rule->from < CT_ROUTES_BUSES_MAX && rule->to < CT_ROUTES_BUSES_MAX && rule->from != rule->to &&
                 rule->id <= (rule->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX) && isfinite(rule->max_per_s) &&
                 rule->max_per_s > 0 && rule->change_count <= CT_ROUTES_CHANGES_MAX &&
                 (rule->change_count == 0 || rule->message != NULL);
    for (size_t i = 0; valid && i < rule->change_count; i++) {
        valid = change_valid(rule, &rule->changes[i]);
    }
    return valid;
}

/* The changes of all rules behind each other. */
static int copy_changes(struct ct_routes *routes)
{
    size_t changes = 0;
    size_t signals = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct ct_route_rule *rule = &routes->rules[i];
        const size_t count = rule->change_count > 0 ? ct_codec_model(rule->message)->signal_count : 0;
        changes += rule->change_count;
        signals = count > signals ? count : signals;
    }
    routes->changes = calloc(changes + 1, sizeof *routes->changes);
    routes->decoded = calloc(signals + 1, sizeof *routes->decoded);
    if (routes->changes == NULL || routes->decoded == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct ct_route_change *next = routes->changes;
    for (size_t i = 0; i < routes->count; i++) {
        struct ct_route_rule *rule = &routes->rules[i];
        if (rule->change_count > 0) {
            memcpy(next, rule->changes, rule->change_count * sizeof *next);
        }
        rule->changes = next;
        next += rule->change_count;
    }
    return CT_OK;
}

static int build(struct ct_routes *routes, const struct ct_route_rule *rules, size_t count, size_t *out_rule)
{
    routes->rules = calloc(count + 1, sizeof *routes->rules);
    routes->states = calloc(count + 1, sizeof *routes->states);
    if (routes->rules == NULL || routes->states == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    if (count > 0) {
        memcpy(routes->rules, rules, count * sizeof *rules);
    }
    routes->count = count;
    const int err = copy_changes(routes);
    return err == CT_OK ? ct_routes_index(routes, out_rule) : err;
}

int ct_routes_create(const struct ct_route_rule *rules, size_t count, const bool fd[CT_ROUTES_BUSES_MAX],
                     struct ct_routes **out_routes, size_t *out_rule)
{
    *out_rule = 0;
    if (count > CT_ROUTES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        *out_rule = i;
        if (!rule_valid(&rules[i])) {
            return CT_ERR_ARGUMENT;
        }
    }
    struct ct_routes *routes = calloc(1, sizeof *routes);
    if (routes == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memcpy(routes->fd, fd, sizeof routes->fd);
    const int err = build(routes, rules, count, out_rule);
    if (err != CT_OK) {
        ct_routes_free(routes);
        return err;
    }
    *out_routes = routes;
    return CT_OK;
}

void ct_routes_free(struct ct_routes *routes)
{
    if (routes == NULL) {
        return;
    }
    free(routes->rules);
    free(routes->changes);
    free(routes->states);
    free(routes->next);
    free(routes->slots);
    free(routes->decoded);
    free(routes);
}

/* ---- what was sent */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t id_hash(const struct ct_frame *frame)
{
    return mix(0,
               (uint64_t)frame->bus << 32 | (uint64_t)((frame->flags & CT_FRAME_EXT) != 0 ? 1 : 0) << 31 | frame->id);
}

static uint64_t frame_hash(const struct ct_frame *frame)
{
    uint64_t hash = mix(id_hash(frame), (uint64_t)(frame->flags & (CT_FRAME_FD | CT_FRAME_BRS)) << 8 | frame->len);
    for (size_t i = 0; i < frame->len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, frame->data + i, frame->len - i < 8 ? frame->len - i : 8);
        hash = mix(hash, word);
    }
    return hash;
}

void ct_routes_sent(struct ct_routes *routes, const struct ct_frame *frame, ct_ns now)
{
    struct route_echo *echo = &routes->echoes[id_hash(frame) >> 32 & (ROUTES_ECHOES - 1)];
    *echo = (struct route_echo){frame_hash(frame), ct_ns_add(now, CT_ROUTES_ECHO_NS)};
}

static bool is_own(const struct ct_routes *routes, const struct ct_frame *frame, ct_ns now)
{
    const struct route_echo *echo = &routes->echoes[id_hash(frame) >> 32 & (ROUTES_ECHOES - 1)];
    return (frame->flags & CT_FRAME_SENT) != 0 || (now < echo->until && echo->frame == frame_hash(frame));
}

/* ---- forwarding */

/* What keeps a frame from a bus before anybody is asked. A rule that rewrites follows the counter of every frame. */
static enum ct_route_result judge(const struct ct_routes *routes, size_t index, const struct ct_frame *frame, ct_ns now)
{
    const struct ct_route_rule *rule = &routes->rules[index];
    struct route_state *state = &routes->states[index];
    if (rule->change_count > 0 && rule->protection != NULL &&
        !ct_protect_accepts(ct_protect_check(rule->protection, &state->received, frame->id, frame->data, frame->len))) {
        return CT_ROUTE_PROTECTION;
    }
    if ((frame->flags & CT_FRAME_FD) != 0 && !routes->fd[rule->to]) {
        return CT_ROUTE_FD;
    }
    return ct_bucket_take(&state->bucket, rule->max_per_s, now) ? CT_ROUTE_FORWARDED : CT_ROUTE_RATE;
}

static void forward(struct ct_routes *routes, size_t index, const struct ct_frame *frame, ct_ns now,
                    ct_route_send_fn send, void *user)
{
    const struct ct_route_rule *rule = &routes->rules[index];
    struct route_state *state = &routes->states[index];
    enum ct_route_result result = judge(routes, index, frame, now);
    struct ct_frame copy = *frame;
    copy.bus = rule->to;
    copy.flags &= (uint16_t)~CT_FRAME_ESI; /* the state of the one who sent it before */
    const struct ct_protect_state before = state->sent;
    if (result == CT_ROUTE_FORWARDED && rule->change_count > 0) {
        result = ct_routes_rewrite(routes, index, &copy);
    }
    if (result == CT_ROUTE_FORWARDED) {
        result = send(user, &copy, now);
    }
    if (result != CT_ROUTE_FORWARDED) {
        state->sent = before; /* its counter value is free again */
    } else {
        state->counts.rewritten += memcmp(copy.data, frame->data, frame->len) != 0 ? 1U : 0U;
    }
    state->counts.by_result[result]++;
    state->counts.last = result;
    state->counts.last_ns = now;
}

void ct_routes_frame(struct ct_routes *routes, const struct ct_frame *frame, ct_ns now, ct_route_send_fn send,
                     void *user)
{
    uint16_t rules[CT_ROUTES_BUSES_MAX];
    if (frame->bus >= CT_ROUTES_BUSES_MAX || routes->group_counts[frame->bus] == 0 ||
        (frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0) {
        return;
    }
    uint32_t found = ct_routes_find(routes, frame, rules);
    if (found != 0 && is_own(routes, frame, now)) {
        routes->echo_count++;
        return;
    }
    for (; found != 0; found &= found - 1) {
        forward(routes, rules[(unsigned)__builtin_ctz(found)], frame, now, send, user);
    }
}

/* ---- the rules as understood */

size_t ct_routes_count(const struct ct_routes *routes)
{
    return routes->count;
}

const struct ct_route_rule *ct_routes_rule(const struct ct_routes *routes, size_t index)
{
    return &routes->rules[index];
}

const struct ct_route_counts *ct_routes_counts(const struct ct_routes *routes, size_t index)
{
    return &routes->states[index].counts;
}

/* Every frame that fits `rule` fits `earlier`, and goes where that goes. */
static bool covers(const struct ct_route_rule *earlier, const struct ct_route_rule *rule)
{
    return earlier->from == rule->from && earlier->to == rule->to && earlier->extended == rule->extended &&
           (ct_route_mask(earlier) & ~ct_route_mask(rule)) == 0 &&
           ((earlier->id ^ rule->id) & ct_route_mask(earlier)) == 0;
}

bool ct_routes_hidden(const struct ct_routes *routes, size_t index, size_t *out_by)
{
    for (size_t i = 0; i < index; i++) {
        if (covers(&routes->rules[i], &routes->rules[index])) {
            *out_by = i;
            return true;
        }
    }
    return false;
}

uint64_t ct_routes_echoes(const struct ct_routes *routes)
{
    return routes->echo_count;
}
