#include "isotp_listen_ids.h"

#include "isotp_private.h"

#define OBD_FUNCTIONAL   0x7DFU
#define OBD_FIRST        0x7E0U
#define OBD_RESPONSE     8U
#define TESTERS_FROM     0xF0U /* off-board testers have source addresses F1..FD */
#define FUNCTIONAL_BIT_A 0xDBU
#define FUNCTIONAL_BIT_C 0xCDU

int ct_listen_ids_watch(struct ct_listen_ids *ids, const struct ct_isotp_config *pair)
{
    if (ids->pair_count == ids->pairs_max) {
        return CT_ERR_FULL;
    }
    struct ct_listen_pair watched = {.config = *pair};
    const int err = ct_isotp_addresses(pair, &watched.to_ecu, &watched.from_ecu);
    if (err != CT_OK) {
        return err;
    }
    ids->pairs[ids->pair_count] = watched;
    return (int)ids->pair_count++;
}

/* The tester's configuration seen from the ECU: what it receives. */
static struct ct_isotp_config turned(const struct ct_isotp_config *config)
{
    struct ct_isotp_config other = *config;
    const bool rx_extended = config->rx_id_bits == 0 ? config->extended : config->rx_id_bits == 29;
    other.tx_id = config->rx_id;
    other.tx_mode = config->rx_mode;
    other.tx_byte = config->rx_byte;
    other.rx_id = config->tx_id;
    other.rx_mode = config->tx_mode;
    other.rx_byte = config->tx_byte;
    other.extended = rx_extended;
    other.rx_id_bits = config->extended ? 29 : 11;
    other.rx_id_ignored = 0;
    return other;
}

struct ct_listen_route ct_listen_ids_route_of(const struct ct_listen_ids *ids, int pair, bool to_ecu)
{
    const struct ct_isotp_config *config = &ids->pairs[pair].config;
    return (struct ct_listen_route){
        .config = to_ecu ? turned(config) : *config,
        .pair = pair,
        .to_ecu = to_ecu,
        .functional = config->functional,
    };
}

static bool find_watched(const struct ct_listen_ids *ids, const struct ct_frame *frame,
                         struct ct_listen_route *out_route)
{
    for (size_t i = 0; i < ids->pair_count; i++) {
        const struct ct_listen_pair *pair = &ids->pairs[i];
        const bool to_ecu = ct_isotp_address_takes(&pair->to_ecu, frame);
        const bool from_ecu = !pair->config.functional && ct_isotp_address_takes(&pair->from_ecu, frame);
        if (to_ecu || from_ecu) {
            *out_route = ct_listen_ids_route_of(ids, (int)i, to_ecu);
            return true;
        }
    }
    return false;
}

static bool find_usual_11(uint32_t id, struct ct_listen_route *out_route)
{
    if (id != OBD_FUNCTIONAL && (id < OBD_FIRST || id >= OBD_FIRST + 2 * OBD_RESPONSE)) {
        return false;
    }
    const bool functional = id == OBD_FUNCTIONAL;
    *out_route = (struct ct_listen_route){
        .config = ct_isotp_config_usual(functional ? OBD_FIRST : id ^ OBD_RESPONSE, id),
        .pair = -1,
        .to_ecu = functional || id < OBD_FIRST + OBD_RESPONSE,
        .functional = functional,
    };
    return true;
}

static bool find_usual_29(const struct ct_frame *frame, struct ct_listen_route *out_route)
{
    const uint32_t format = frame->id >> 16 & 0x3FFU;
    const bool mixed = format == 0xCE || format == FUNCTIONAL_BIT_C;
    if (!mixed && format != 0xDA && format != FUNCTIONAL_BIT_A) {
        return false;
    }
    const uint8_t target = (uint8_t)(frame->id >> 8);
    const uint8_t source = (uint8_t)frame->id;
    *out_route = (struct ct_listen_route){
        .config = ct_isotp_config_fixed(mixed ? CT_ISOTP_MIXED_29 : CT_ISOTP_NORMAL_FIXED, target, source),
        .pair = -1,
        .to_ecu = source >= TESTERS_FROM,
        .functional = format == FUNCTIONAL_BIT_A || format == FUNCTIONAL_BIT_C,
    };
    out_route->config.rx_id = frame->id;
    out_route->config.rx_byte = frame->data[0];
    out_route->config.tx_byte = frame->data[0];
    return true;
}

bool ct_listen_ids_find(const struct ct_listen_ids *ids, const struct ct_frame *frame,
                        struct ct_listen_route *out_route)
{
    if (find_watched(ids, frame, out_route)) {
        return true;
    }
    if (!ids->usual) {
        return false;
    }
    return (frame->flags & CT_FRAME_EXT) != 0 ? find_usual_29(frame, out_route) : find_usual_11(frame->id, out_route);
}

/* --- learning --- */

static bool same_id(const struct ct_frame *a, const struct ct_frame *b)
{
    return a->id == b->id && ((a->flags ^ b->flags) & CT_FRAME_EXT) == 0;
}

static bool looks_like_first(const struct ct_frame *frame)
{
    const size_t len = (size_t)(frame->data[0] & 0x0FU) << 8 | frame->data[1];
    return frame->len >= CT_ISOTP_CLASSIC_DL && frame->data[0] >> 4 == CT_PCI_FF &&
           len > ct_isotp_single_max(frame->len, false);
}

/* A go or a wait with nothing but padding behind it. */
static bool looks_like_flow_control(const struct ct_frame *frame)
{
    const uint8_t st_min = frame->data[2];
    if (frame->len < 3 || frame->data[0] >> 4 != CT_PCI_FC || (frame->data[0] & 0x0F) > CT_FS_WAIT ||
        (st_min > 0x7F && (st_min < 0xF1 || st_min > 0xF9))) {
        return false;
    }
    for (size_t i = 4; i < frame->len; i++) {
        if (frame->data[i] != frame->data[3]) {
            return false;
        }
    }
    return true;
}

static void answer_candidates(struct ct_listen_ids *ids, const struct ct_frame *frame, ct_ns now)
{
    struct ct_listen_candidate *latest = NULL;
    for (size_t i = 0; i < CT_LISTEN_CANDIDATES; i++) {
        struct ct_listen_candidate *c = &ids->candidates[i];
        const bool fits =
            c->used && !same_id(&c->first, frame) && ((c->first.flags ^ frame->flags) & CT_FRAME_EXT) == 0;
        if (fits && now - c->first_ns <= CT_NS_PER_S && (latest == NULL || c->first_ns > latest->first_ns)) {
            latest = c;
        }
    }
    if (latest != NULL) {
        latest->answered = true;
        latest->partner = frame->id;
    }
}

static bool learn_pair(struct ct_listen_ids *ids, const struct ct_listen_candidate *c,
                       struct ct_listen_learnt *out_learnt)
{
    const bool to_ecu = c->first.id < c->partner; /* responses usually have the higher id */
    struct ct_isotp_config config =
        to_ecu ? ct_isotp_config_usual(c->first.id, c->partner) : ct_isotp_config_usual(c->partner, c->first.id);
    config.extended = (c->first.flags & CT_FRAME_EXT) != 0;
    const int pair = ct_listen_ids_watch(ids, &config);
    out_learnt->pair = pair;
    out_learnt->to_ecu = to_ecu;
    out_learnt->first = c->first;
    out_learnt->first_ns = c->first_ns;
    return pair >= 0;
}

bool ct_listen_ids_learn(struct ct_listen_ids *ids, const struct ct_frame *frame, ct_ns now,
                         struct ct_listen_learnt *out_learnt)
{
    if (!ids->learn) {
        return false;
    }
    for (size_t i = 0; i < CT_LISTEN_CANDIDATES; i++) {
        struct ct_listen_candidate *c = &ids->candidates[i];
        if (c->used && same_id(&c->first, frame)) {
            c->used = false; /* its very next frame decides */
            if (c->answered && frame->data[0] == (CT_PCI_CF << 4 | 1)) {
                out_learnt->next = *frame;
                out_learnt->next_ns = now;
                return learn_pair(ids, c, out_learnt);
            }
        }
    }
    if (looks_like_first(frame)) {
        ids->candidates[ids->next_candidate] =
            (struct ct_listen_candidate){.first = *frame, .first_ns = now, .used = true};
        ids->next_candidate = (ids->next_candidate + 1) % CT_LISTEN_CANDIDATES;
    } else if (looks_like_flow_control(frame)) {
        answer_candidates(ids, frame, now);
    }
    return false;
}
