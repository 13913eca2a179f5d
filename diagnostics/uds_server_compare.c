#include "uds_server_internal.h"

#include "bytes.h"

/* ResponseOnEvent 07: identifier, logic, reference, hysteresis, localisation (ISO 14229-1:2020 tables 142 and 143). */
enum { LOGIC_AT = 2, REFERENCE_AT = 3, HYSTERESIS_AT = 7, LOCALISATION_AT = 8 };
enum logic { REFERENCE_BELOW = 1, REFERENCE_ABOVE = 2, EQUAL = 3, DIFFERENT = 4 };

#define RESPONSE_HEAD_BITS 24U /* 62 and the identifier come before the value */

/* The bits that are compared: `first` counts from the response's first bit, most significant first. */
struct piece {
    unsigned first, bits;
    bool is_signed;
};

static struct piece piece_of(const struct ct_server_event *event)
{
    const uint16_t localisation = ct_be16(event->record + LOCALISATION_AT);
    const unsigned bits = localisation >> 10 & 0x1FU;
    return (struct piece){
        .first = localisation & 0x3FFU, .bits = bits != 0 ? bits : 32, .is_signed = (localisation & 0x8000U) != 0};
}

bool ct_server_comparison_can_be(const struct ct_server_event *event)
{
    const struct piece piece = piece_of(event);
    const uint8_t logic = event->record[LOGIC_AT];
    return logic >= REFERENCE_BELOW && logic <= DIFFERENT && event->record[HYSTERESIS_AT] <= 100 &&
           piece.first >= RESPONSE_HEAD_BITS && piece.first - RESPONSE_HEAD_BITS + piece.bits <= event->watched_len * 8;
}

static int64_t extend(uint32_t raw, unsigned bits, bool is_signed)
{
    const int64_t sign = INT64_C(1) << (bits - 1);
    return is_signed && (raw & (uint64_t)sign) != 0 ? (int64_t)raw - 2 * sign : (int64_t)raw;
}

static int64_t value_of(const struct ct_server_event *event, const struct piece *piece)
{
    uint32_t raw = 0;
    for (unsigned i = 0; i < piece->bits; i++) {
        const unsigned bit = piece->first - RESPONSE_HEAD_BITS + i;
        raw = raw << 1 | (event->watched[bit / 8] >> (7 - bit % 8) & 1U);
    }
    return extend(raw, piece->bits, piece->is_signed);
}

static bool holds(enum logic logic, int64_t reference, int64_t value)
{
    switch (logic) {
    case REFERENCE_BELOW:
        return reference < value;
    case REFERENCE_ABOVE:
        return reference > value;
    case EQUAL:
        return reference == value;
    case DIFFERENT:
    default:
        return reference != value;
    }
}

/* Far enough on the other side to fire again. */
static bool rearms(enum logic logic, int64_t reference, int64_t value, int64_t hysteresis)
{
    switch (logic) {
    case REFERENCE_BELOW:
        return value <= reference - hysteresis;
    case REFERENCE_ABOVE:
        return value >= reference + hysteresis;
    case EQUAL:
    case DIFFERENT:
    default:
        return !holds(logic, reference, value);
    }
}

bool ct_server_comparison_fires(struct ct_server_event *event)
{
    const struct piece piece = piece_of(event);
    const enum logic logic = (enum logic)event->record[LOGIC_AT];
    const int64_t reference = extend(ct_be32(event->record + REFERENCE_AT), 32, piece.is_signed);
    if (!ct_server_comparison_can_be(event)) {
        return false; /* the value has become shorter */
    }
    const int64_t value = value_of(event, &piece);
    const int64_t size = reference < 0 ? -reference : reference;
    const bool fires = event->armed && holds(logic, reference, value);
    if (fires) {
        event->armed = false;
    } else if (rearms(logic, reference, value, size * event->record[HYSTERESIS_AT] / 100)) {
        event->armed = true;
    }
    return fires;
}
