#include "routes_private.h"

#include "encode.h"

#include <math.h>

/* SAE J1939-71: all ones below eight bits, else a top byte of FE (error) or FF (not available). */
static bool is_j1939_code(const struct ct_dbc_message *message, const struct ct_dbc_signal *signal, uint64_t raw)
{
    if (!message->j1939 || signal->is_signed || signal->length < 2 || signal->length >= 64) {
        return false;
    }
    const uint64_t ones = (UINT64_C(1) << signal->length) - 1;
    const uint64_t first = signal->length < 8 ? ones : UINT64_C(0xFE) << (signal->length - 8);
    return raw >= first && raw <= ones;
}

/* It stands for a state and not for a number. */
static bool is_name(const struct ct_dbc_message *message, const struct ct_dbc_signal *signal, int64_t raw)
{
    bool named = false;
    for (size_t i = 0; i < signal->text_count && !named; i++) {
        named = signal->texts[i].raw == raw;
    }
    return named || (signal->kind == CT_DBC_INTEGER && is_j1939_code(message, signal, (uint64_t)raw));
}

static enum ct_route_result change_signal(const struct ct_route_rule *rule, const struct ct_route_change *change,
                                          const struct ct_decoded *decoded, struct ct_frame *frame)
{
    const struct ct_dbc_message *message = ct_codec_model(rule->message);
    double value = change->value;
    if (!change->set) {
        if (is_name(message, &message->signals[change->signal], decoded->raw)) {
            return CT_ROUTE_FORWARDED;
        }
        value = decoded->value * change->factor + change->offset;
        if (isnan(value)) {
            return CT_ROUTE_VALUE;
        }
        value = value < change->min ? change->min : value > change->max ? change->max : value;
        if (value == decoded->value) {
            return CT_ROUTE_FORWARDED; /* its bits stay */
        }
    }
    const struct ct_encode_value encode = {.signal = change->signal, .physical = true, .value = value};
    return ct_codec_encode(rule->message, &encode, frame->data, frame->len) == CT_OK ? CT_ROUTE_FORWARDED
                                                                                     : CT_ROUTE_VALUE;
}

enum ct_route_result ct_routes_rewrite(struct ct_routes *routes, size_t index, struct ct_frame *frame)
{
    const struct ct_route_rule *rule = &routes->rules[index];
    struct route_state *state = &routes->states[index];
    const size_t count = ct_codec_decode(rule->message, frame->data, frame->len, routes->decoded);
    enum ct_route_result result = CT_ROUTE_FORWARDED;
    for (size_t c = 0; c < rule->change_count && result == CT_ROUTE_FORWARDED; c++) {
        const struct ct_route_change *change = &rule->changes[c];
        int64_t raw = 0;
        if (ct_codec_raw(rule->message, change->signal, frame->data, frame->len, &raw) != CT_OK) {
            return CT_ROUTE_VALUE; /* what should be made harmless is not there as the table expects it */
        }
        size_t at = 0;
        while (at < count && routes->decoded[at].signal != change->signal) {
            at++;
        }
        if (at < count) {
            result = change_signal(rule, change, &routes->decoded[at], frame);
        }
    }
    if (result == CT_ROUTE_FORWARDED && rule->protection != NULL &&
        ct_protect_fill(rule->protection, &state->sent, frame->id, frame->data, frame->len) != CT_OK) {
        result = CT_ROUTE_VALUE;
    }
    return result;
}
