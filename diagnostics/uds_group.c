#include "uds_group.h"

#include "uds_match.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_P2_MS          150U
#define DEFAULT_P2_STAR_MS     5100U
#define DEFAULT_PENDING_CAP_MS 25000U
#define TX_MAX                 64

enum member_state { QUIET, RECEIVING, PENDING, ENDED };

struct member {
    struct ct_isotp tp;
    enum member_state state;
    ct_ns deadline; /* PENDING: P2* */
    struct ct_uds_result result;
    uint8_t rx[CT_UDS_MESSAGE_MAX];
    uint8_t tx[8];
};

struct ct_uds_group {
    struct ct_isotp tp;
    ct_ns p2, p2_star;
    uint32_t pending_cap_ms;
    unsigned enough, answered;
    bool running, sent;
    bool held; /* until p2_end of the request before */
    ct_ns p2_end, limit;
    uint32_t strays;
    size_t request_len;
    uint8_t request[TX_MAX], tx[TX_MAX], rx[TX_MAX];
    size_t count;
    struct member members[]; /* allocated with the group */
};

static ct_ns ms_or(uint32_t ms, uint32_t usual_ms)
{
    return ct_ns_from_ms(ms != 0 ? ms : usual_ms);
}

static int init_parts(struct ct_uds_group *group, const struct ct_uds_group_config *config)
{
    struct ct_isotp_config functional = config->functional;
    functional.functional = true;
    int err = ct_isotp_init(&group->tp, &functional, group->rx, sizeof group->rx, group->tx, sizeof group->tx);
    for (size_t i = 0; err == CT_OK && i < config->member_count; i++) {
        struct member *member = &group->members[i];
        member->state = ENDED;
        err = ct_isotp_init(&member->tp, &config->members[i], member->rx, sizeof member->rx, member->tx,
                            sizeof member->tx);
    }
    return err;
}

int ct_uds_group_create(const struct ct_uds_group_config *config, struct ct_uds_group **out_group)
{
    if (config->member_count > CT_UDS_GROUP_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_uds_group *group = calloc(1, sizeof *group + config->member_count * sizeof group->members[0]);
    if (group == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = init_parts(group, config);
    if (err != CT_OK) {
        free(group);
        return err;
    }
    group->count = config->member_count;
    group->p2 = ms_or(config->p2_ms, DEFAULT_P2_MS);
    group->p2_star = ms_or(config->p2_star_ms, DEFAULT_P2_STAR_MS);
    group->pending_cap_ms = config->pending_cap_ms != 0 ? config->pending_cap_ms : DEFAULT_PENDING_CAP_MS;
    group->enough = config->enough;
    group->p2_end = INT64_MIN; /* there was no request */
    *out_group = group;
    return CT_OK;
}

void ct_uds_group_free(struct ct_uds_group *group)
{
    free(group);
}

bool ct_uds_group_busy(const struct ct_uds_group *group)
{
    return group->running;
}

uint32_t ct_uds_group_strays(const struct ct_uds_group *group)
{
    return group->strays;
}

struct ct_uds_result ct_uds_group_result(const struct ct_uds_group *group, size_t member)
{
    return group->members[member].result;
}

int ct_uds_group_request(struct ct_uds_group *group, const uint8_t *request, size_t len, ct_ns now)
{
    if (group->running) {
        return CT_ERR_BUSY;
    }
    if (len > sizeof group->request) {
        return CT_ERR_TOO_LARGE;
    }
    ct_isotp_reset(&group->tp);
    const int err = ct_isotp_send(&group->tp, request, len, now);
    if (err != CT_OK) {
        return err;
    }
    memcpy(group->request, request, len);
    group->request_len = len;
    group->running = true;
    group->held = now < group->p2_end;
    group->sent = false;
    group->answered = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];
        ct_isotp_reset(&member->tp);
        member->state = QUIET;
        member->result = (struct ct_uds_result){.outcome = CT_UDS_NO_RESPONSE, .response = member->rx};
    }
    return CT_OK;
}

/* ---------------------------------------------------------------- ends */

static void end_all(struct ct_uds_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        group->members[i].state = ENDED;
    }
    group->running = false;
}

void ct_uds_group_abort(struct ct_uds_group *group)
{
    end_all(group);
    ct_isotp_reset(&group->tp);
}

static void end_member(struct ct_uds_group *group, struct member *member, enum ct_uds_outcome outcome)
{
    member->state = ENDED;
    member->result.outcome = outcome;
    group->answered += outcome == CT_UDS_POSITIVE || outcome == CT_UDS_NEGATIVE ? 1 : 0;
    if (group->enough != 0 && group->answered >= group->enough) {
        end_all(group);
    }
}

static void message_came(struct ct_uds_group *group, struct member *member, const struct ct_isotp_event *event,
                         ct_ns now)
{
    const enum ct_uds_match match = ct_uds_match(group->request, group->request_len, event->data, event->len);
    if (match == CT_UDS_STRAY) {
        group->strays++;
        member->state = QUIET;
        return;
    }
    if (match == CT_UDS_MATCH_NEGATIVE && event->data[2] == CT_NRC_PENDING) {
        member->state = PENDING;
        member->deadline = ct_ns_min(ct_ns_add(now, group->p2_star), group->limit);
        return;
    }
    member->result.response = event->data;
    member->result.len = event->len;
    member->result.nrc = match == CT_UDS_MATCH_NEGATIVE ? event->data[2] : 0;
    end_member(group, member, match == CT_UDS_MATCH_NEGATIVE ? CT_UDS_NEGATIVE : CT_UDS_POSITIVE);
}

static void member_events(struct ct_uds_group *group, struct member *member, ct_ns now)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&member->tp, &event) == CT_OK) {
        if (member->state == ENDED) {
            continue;
        }
        if (event.kind == CT_ISOTP_FIRST_FRAME) {
            member->state = RECEIVING;
        } else if (event.kind == CT_ISOTP_MESSAGE) {
            message_came(group, member, &event, now);
        } else if (event.kind == CT_ISOTP_RX_FAILED && event.result != CT_ISOTP_UNEXP_PDU) {
            member->result.tp_result = event.result;
            end_member(group, member, CT_UDS_TRANSPORT);
        }
    }
}

static void own_events(struct ct_uds_group *group, ct_ns now)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&group->tp, &event) == CT_OK) {
        if (event.kind == CT_ISOTP_SENT) {
            group->sent = true;
            group->p2_end = ct_ns_add(now, group->p2);
            group->limit = group->pending_cap_ms == CT_UDS_UNLIMITED
                               ? CT_NS_NEVER
                               : ct_ns_add(now, ct_ns_from_ms(group->pending_cap_ms));
        } else if (event.kind == CT_ISOTP_TX_FAILED) {
            for (size_t i = 0; i < group->count; i++) {
                group->members[i].result.outcome = CT_UDS_TRANSPORT;
                group->members[i].result.tp_result = event.result;
            }
            end_all(group);
        }
    }
}

/* ---------------------------------------------------------------- frames and time */

bool ct_uds_group_receive(struct ct_uds_group *group, const struct ct_frame *frame, ct_ns now)
{
    for (size_t i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];
        if (!ct_isotp_address_takes(&member->tp.from, frame)) {
            continue;
        }
        if (!group->sent || member->state == ENDED) { /* its response stays where it is */
            group->strays++;
            return true;
        }
        (void)ct_isotp_receive(&member->tp, frame, now);
        member_events(group, member, now);
        return true;
    }
    return false;
}

/* A request that had to wait goes when its time has come; true while it waits. */
static bool waits(struct ct_uds_group *group, ct_ns now)
{
    if (group->held && now >= group->p2_end) {
        group->held = false;
        ct_isotp_reset(&group->tp); /* its timers run from now */
        (void)!ct_isotp_send(&group->tp, group->request, group->request_len, now);
    }
    return group->held;
}

int ct_uds_group_next_frame(struct ct_uds_group *group, struct ct_frame *out_frame, ct_ns now)
{
    if (waits(group, now)) {
        return CT_ERR_AGAIN;
    }
    int err = ct_isotp_next_frame(&group->tp, out_frame, now);
    own_events(group, now);
    for (size_t i = 0; err != CT_OK && i < group->count; i++) {
        struct member *member = &group->members[i];
        if (member->state != ENDED) {
            err = ct_isotp_next_frame(&member->tp, out_frame, now);
            member_events(group, member, now);
        }
    }
    return err;
}

/* What one member waits for; members that have ended wait for nothing. */
static ct_ns member_tick(struct ct_uds_group *group, struct member *member, ct_ns now)
{
    ct_ns next = ct_isotp_tick(&member->tp, now);
    member_events(group, member, now);
    if (member->state == PENDING) {
        if (now >= member->deadline) {
            end_member(group, member, now >= group->limit ? CT_UDS_PENDING_OVER : CT_UDS_NO_RESPONSE);
        } else {
            next = ct_ns_min(next, member->deadline);
        }
    }
    return member->state == ENDED ? CT_NS_NEVER : next;
}

ct_ns ct_uds_group_tick(struct ct_uds_group *group, ct_ns now)
{
    if (group->held && now < group->p2_end) {
        return group->p2_end;
    }
    if (group->held) {
        (void)waits(group, now);
        return now; /* its frame is to be fetched */
    }
    ct_ns next = ct_isotp_tick(&group->tp, now);
    own_events(group, now);
    bool open = false;
    for (size_t i = 0; group->running && i < group->count; i++) {
        next = ct_ns_min(next, member_tick(group, &group->members[i], now));
        open = open || group->members[i].state == RECEIVING || group->members[i].state == PENDING;
    }
    if (!group->running || !group->sent) {
        return next;
    }
    if (now < group->p2_end) {
        return ct_ns_min(next, group->p2_end);
    }
    if (!open) {
        end_all(group);
    }
    return next;
}
