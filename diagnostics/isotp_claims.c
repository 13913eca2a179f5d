#include "isotp_claims.h"

#include <stdlib.h>

#define FIXED_MASK  (CT_ID_EXT_MAX & ~0x1C000000U)
#define FILTER_BITS 2048U

/* One direction of a pair. */
struct claim {
    struct ct_isotp_address address;
    uint8_t bus;
    bool received;
    void *owner;
};

struct ct_isotp_claims {
    size_t max, count; /* claims, two to a pair */
    struct claim *claims;
    size_t slots;    /* power of two, at least twice `max` */
    uint32_t *table; /* number of a claim + 1; 0: empty */
    /* A bit for each id with a claim: most frames of a bus are none of ours and end here. */
    uint64_t filter[FILTER_BITS / 64];
};

int ct_isotp_claims_create(size_t max, struct ct_isotp_claims **out_claims)
{
    struct ct_isotp_claims *claims = calloc(1, sizeof *claims);
    if (claims == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    claims->max = 2 * max;
    claims->slots = 4;
    while (claims->slots < 2 * claims->max) {
        claims->slots *= 2;
    }
    claims->claims = calloc(claims->max + 1, sizeof claims->claims[0]);
    claims->table = calloc(claims->slots, sizeof claims->table[0]);
    if (claims->claims == NULL || claims->table == NULL) {
        ct_isotp_claims_free(claims);
        return CT_ERR_NO_MEMORY;
    }
    *out_claims = claims;
    return CT_OK;
}

void ct_isotp_claims_free(struct ct_isotp_claims *claims)
{
    if (claims != NULL) {
        free(claims->claims);
        free(claims->table);
        free(claims);
    }
}

/* --- the table: addresses of one kind (mask, byte or not) hash alike for every frame they take --- */

static unsigned filter_bit(uint32_t id)
{
    id &= FIXED_MASK;
    return (id ^ id >> 11) % FILTER_BITS;
}

static size_t hash(const struct ct_isotp_claims *claims, const struct ct_isotp_address *address, uint8_t bus,
                   bool received)
{
    uint32_t h = (address->id & address->mask) ^ address->mask << 3 ^ (uint32_t)received;
    h = (h ^ (uint32_t)bus << 24 ^ (uint32_t)address->flags << 16) * 2654435761U;
    h = (h ^ (address->has_byte ? 0x100U | address->byte : 0U) ^ h >> 15) * 2246822519U;
    return (h ^ h >> 13) & (claims->slots - 1);
}

static bool same_address(const struct ct_isotp_address *a, const struct ct_isotp_address *b)
{
    return a->mask == b->mask && ((a->id ^ b->id) & a->mask) == 0 && a->flags == b->flags &&
           a->has_byte == b->has_byte && (!a->has_byte || a->byte == b->byte);
}

static void insert(struct ct_isotp_claims *claims, size_t number)
{
    const struct claim *claim = &claims->claims[number];
    const unsigned bit = filter_bit(claim->address.id);
    size_t at = hash(claims, &claim->address, claim->bus, claim->received);
    claims->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    while (claims->table[at] != 0) {
        at = (at + 1) & (claims->slots - 1);
    }
    claims->table[at] = (uint32_t)number + 1;
}

static void rebuild(struct ct_isotp_claims *claims)
{
    for (size_t i = 0; i < claims->slots; i++) {
        claims->table[i] = 0;
    }
    for (size_t i = 0; i < FILTER_BITS / 64; i++) {
        claims->filter[i] = 0;
    }
    for (size_t i = 0; i < claims->count; i++) {
        insert(claims, i);
    }
}

static void *find(const struct ct_isotp_claims *claims, const struct ct_isotp_address *address, uint8_t bus,
                  bool received)
{
    for (size_t at = hash(claims, address, bus, received); claims->table[at] != 0;
         at = (at + 1) & (claims->slots - 1)) {
        const struct claim *claim = &claims->claims[claims->table[at] - 1];
        if (claim->bus == bus && claim->received == received && same_address(&claim->address, address)) {
            return claim->owner;
        }
    }
    return NULL;
}

static void *look_up(const struct ct_isotp_claims *claims, const struct ct_frame *frame, bool received)
{
    static const uint32_t masks[] = {CT_ID_EXT_MAX, FIXED_MASK};
    const unsigned bit = filter_bit(frame->id);
    if ((claims->filter[bit / 64] >> (bit % 64) & 1U) == 0 || (frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0) {
        return NULL;
    }
    struct ct_isotp_address address = {.id = frame->id, .flags = frame->flags & CT_FRAME_EXT, .byte = frame->data[0]};
    const unsigned kinds = frame->len > 0 ? 4 : 2;
    for (unsigned kind = 0; kind < kinds; kind++) {
        address.mask = masks[kind & 1];
        address.has_byte = kind >= 2;
        void *owner = find(claims, &address, frame->bus, received);
        if (owner != NULL) {
            return owner;
        }
    }
    return NULL;
}

void *ct_isotp_owner(const struct ct_isotp_claims *claims, const struct ct_frame *frame)
{
    return (frame->flags & CT_FRAME_SENT) == 0 ? look_up(claims, frame, true) : NULL;
}

void *ct_isotp_sender(const struct ct_isotp_claims *claims, const struct ct_frame *frame)
{
    return look_up(claims, frame, false);
}

/* --- claiming --- */

/* Whether one frame could be of both. */
static bool overlap(const struct ct_isotp_address *a, const struct ct_isotp_address *b)
{
    const bool bytes_differ = a->has_byte && b->has_byte && a->byte != b->byte;
    return a->flags == b->flags && ((a->id ^ b->id) & a->mask & b->mask) == 0 && !bytes_differ;
}

static int check(const struct ct_isotp_claims *claims, const struct claim *wanted, void **out_owner)
{
    for (size_t i = 0; i < claims->count; i++) {
        const struct claim *claim = &claims->claims[i];
        if (claim->bus == wanted->bus && overlap(&claim->address, &wanted->address)) {
            if (out_owner != NULL) {
                *out_owner = claim->owner;
            }
            return CT_ERR_BUSY;
        }
    }
    return CT_OK;
}

int ct_isotp_claim(struct ct_isotp_claims *claims, uint8_t bus, const struct ct_isotp_config *config, void *owner,
                   void **out_owner)
{
    struct claim to = {.bus = bus, .owner = owner};
    struct claim from = {.bus = bus, .owner = owner, .received = true};
    if (owner == NULL || config->rx_id_ignored != 0 ||
        ct_isotp_addresses(config, &to.address, &from.address) != CT_OK) {
        return CT_ERR_ARGUMENT;
    }
    const bool sends = !config->functional;
    const bool receives = !config->functional || config->rx_id != 0;
    if (sends && receives && overlap(&to.address, &from.address)) {
        return CT_ERR_ARGUMENT; /* it would answer itself */
    }
    int err = sends ? check(claims, &to, out_owner) : CT_OK;
    if (err == CT_OK && receives) {
        err = check(claims, &from, out_owner);
    }
    if (err == CT_OK && claims->count + sends + receives > claims->max) {
        err = CT_ERR_FULL;
    }
    if (err != CT_OK) {
        return err;
    }
    if (sends) {
        claims->claims[claims->count++] = to;
        insert(claims, claims->count - 1);
    }
    if (receives) {
        claims->claims[claims->count++] = from;
        insert(claims, claims->count - 1);
    }
    return CT_OK;
}

void ct_isotp_release(struct ct_isotp_claims *claims, const void *owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < claims->count; i++) {
        if (claims->claims[i].owner != owner) {
            claims->claims[kept++] = claims->claims[i];
        }
    }
    claims->count = kept;
    rebuild(claims);
}
