#include "executor_internal.h"
#include "tester.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE           (6 * CT_NS_PER_S)
#define ANSWER_WAIT     (2 * CT_NS_PER_S) /* what testers wait for a diagnostic message's answer */
#define PENDING_WAIT    (6 * CT_NS_PER_S) /* P2* of the standard's 5 s, and the way */
#define SUPPRESSED_WAIT (100 * CT_NS_PER_MS)

struct channel {
    struct ct_isotp tp;
    uint8_t rx[CT_UDS_MESSAGE_MAX], tx[CT_UDS_MESSAGE_MAX];
    bool open; /* its tester has the ECU */
    uint32_t client;
    bool answer_due;
    bool writes;     /* the message does */
    bool suppressed; /* the message asked for silence */
    ct_ns answer_by;
};

struct message {
    bool used;
    uint64_t order;
    uint32_t client;
    size_t ecu;
    ct_ns start_by;
    uint16_t len;
    uint8_t data[CT_UDS_MESSAGE_MAX];
};

struct group {
    uint8_t bus;
    char bus_name[32];
    struct ct_isotp tp;
    uint8_t tx[CT_FRAME_DATA_MAX], rx[8]; /* nothing is ever received on it */
};

struct ct_testers {
    struct ct_tester_ops ops;
    struct channel *channels; /* one per ECU */
    struct message queue[CT_TESTER_QUEUE_MAX];
    struct group groups[CT_TESTER_GROUPS_MAX];
    size_t group_count;
    uint64_t last_order;
};

static struct ct_lease_holder holder_of(uint32_t client)
{
    return (struct ct_lease_holder){CT_ORIGIN_TESTER, client};
}

/* ---- opening */

static int open_group(struct group *group, const struct ct_functional_address *from)
{
    group->bus = from->bus;
    snprintf(group->bus_name, sizeof group->bus_name, "%s", from->bus_name);
    return ct_isotp_init(&group->tp, &from->isotp, group->rx, sizeof group->rx, group->tx, sizeof group->tx);
}

int ct_tester_open(struct ct_executor *executor, const struct ct_tester_ops *ops,
                   const struct ct_functional_address *groups, size_t group_count)
{
    struct ct_testers *testers = calloc(1, sizeof *testers);
    struct channel *channels = calloc(executor->ecu_count + 1, sizeof *channels);
    int err = testers == NULL || channels == NULL  ? CT_ERR_NO_MEMORY
              : group_count > CT_TESTER_GROUPS_MAX ? CT_ERR_TOO_LARGE
                                                   : CT_OK;
    for (size_t i = 0; err == CT_OK && i < executor->ecu_count; i++) {
        struct channel *channel = &channels[i];
        err = ct_isotp_init(&channel->tp, &executor->ecus[i].isotp, channel->rx, sizeof channel->rx, channel->tx,
                            sizeof channel->tx);
    }
    for (size_t i = 0; err == CT_OK && i < group_count; i++) {
        err = open_group(&testers->groups[i], &groups[i]);
    }
    if (err != CT_OK) {
        free(testers);
        free(channels);
        return err;
    }
    testers->ops = *ops;
    testers->channels = channels;
    testers->group_count = group_count;
    executor->testers = testers;
    return CT_OK;
}

void ct_testers_free(struct ct_testers *testers)
{
    if (testers != NULL) {
        free(testers->channels);
        free(testers);
    }
}

/* ---- the channel */

static void close_channel(struct ct_executor *executor, size_t ecu)
{
    struct channel *channel = &executor->testers->channels[ecu];
    if (channel->open) {
        channel->open = false;
        channel->answer_due = false;
        executor->channels_open--;
        ct_isotp_reset(&channel->tp);
    }
}

static void open_channel(struct ct_executor *executor, size_t ecu, uint32_t client)
{
    struct channel *channel = &executor->testers->channels[ecu];
    if (!channel->open) {
        ct_isotp_reset(&channel->tp);
        executor->channels_open++;
    }
    channel->open = true;
    channel->client = client;
}

void ct_testers_lease_ended(struct ct_executor *executor, const struct ct_lease *lease)
{
    if (executor->testers != NULL && lease->holder.origin == CT_ORIGIN_TESTER && lease->granted_ns != 0) {
        close_channel(executor, lease->ecu);
    }
}

static void keep_lease(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct ct_lease lease;
    if (ct_arbiter_owner(executor->arbiter, ecu, now, &lease) == CT_OK) {
        (void)!ct_arbiter_renew(executor->arbiter, lease.id, holder_of(executor->testers->channels[ecu].client), LEASE,
                                now);
    }
}

static void await_answer(struct channel *channel, ct_ns wait, ct_ns now)
{
    channel->answer_due = true;
    channel->answer_by = ct_ns_add(now, wait);
}

static void fail(struct ct_executor *executor, size_t ecu, const char *why, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    channel->answer_due = false;
    ct_isotp_reset(&channel->tp);
    executor->testers->ops.failed(executor->testers->ops.user, channel->client, ecu, why, now);
}

/* ---- the queue */

static struct message *oldest(struct ct_executor *executor, size_t ecu, uint32_t client)
{
    struct message *best = NULL;
    for (size_t i = 0; i < CT_TESTER_QUEUE_MAX; i++) {
        struct message *message = &executor->testers->queue[i];
        if (message->used && message->ecu == ecu && message->client == client &&
            (best == NULL || message->order < best->order)) {
            best = message;
        }
    }
    return best;
}

static void forget(struct ct_executor *executor, struct message *message)
{
    message->used = false;
    executor->messages_queued--;
}

static struct message *free_message(struct ct_executor *executor, size_t ecu)
{
    struct message *found = NULL;
    size_t of_ecu = 0;
    for (size_t i = 0; i < CT_TESTER_QUEUE_MAX; i++) {
        struct message *message = &executor->testers->queue[i];
        of_ecu += message->used && message->ecu == ecu ? 1U : 0U;
        found = found == NULL && !message->used ? message : found;
    }
    return of_ecu < CT_TESTER_ECU_QUEUE ? found : NULL;
}

static void acquire(struct ct_executor *executor, size_t ecu, uint32_t client, ct_ns wait_until, ct_ns now)
{
    uint64_t id = 0;
    const struct ct_lease_ask ask = {
        .ecu = ecu, .holder = holder_of(client), .duration_ns = LEASE, .wait_until = wait_until};
    (void)ct_arbiter_acquire(executor->arbiter, &ask, now, &id); /* who does not get it gives up at wait_until */
}

/* In the ECU's place: it is busy with somebody else. */
static void say_busy(struct ct_executor *executor, const struct message *message, ct_ns now)
{
    const uint8_t response[] = {CT_UDS_NEGATIVE_RESPONSE, message->data[0], CT_NRC_BUSY};
    executor->testers->ops.message(executor->testers->ops.user, message->client, message->ecu, response,
                                   sizeof response, now);
}

static ct_ns expire_messages(struct ct_executor *executor, ct_ns now)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; executor->messages_queued > 0 && i < CT_TESTER_QUEUE_MAX; i++) {
        struct message *message = &executor->testers->queue[i];
        if (message->used && now >= message->start_by) {
            forget(executor, message);
            say_busy(executor, message, now);
        } else if (message->used) {
            due = ct_ns_min(due, message->start_by);
        }
    }
    return due;
}

static bool wants_silence(const struct message *message)
{
    return message->len >= 2 && ct_uds_has_subfunction(message->data[0]) && (message->data[1] & CT_UDS_SUPPRESS) != 0;
}

/* Gives the channel its next message where it can take one. */
static void pump(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    struct ct_lease lease;
    if (ct_uds_occupied(&executor->ecus[ecu]) || executor->ecus[ecu].close_session ||
        ct_arbiter_owner(executor->arbiter, ecu, now, &lease) != CT_OK || lease.holder.origin != CT_ORIGIN_TESTER) {
        return;
    }
    open_channel(executor, ecu, lease.holder.client);
    struct message *message = oldest(executor, ecu, lease.holder.client);
    if (message != NULL && ct_isotp_send(&channel->tp, message->data, message->len, now) == CT_OK) {
        channel->suppressed = wants_silence(message);
        channel->writes = ct_policy_uds_changes(message->data[0]);
        if (channel->writes) {
            ct_lease_note_write(executor, ecu, holder_of(channel->client), now);
        }
        await_answer(channel, ANSWER_WAIT, now);
        forget(executor, message);
        keep_lease(executor, ecu, now);
    }
}

/* Who has nothing under way and no session open lets others in. */
static void release_if_idle(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    const struct channel *channel = &executor->testers->channels[ecu];
    struct ct_lease lease;
    if (channel->open && !channel->answer_due && !executor->ecus[ecu].session_open &&
        oldest(executor, ecu, channel->client) == NULL &&
        ct_arbiter_owner(executor->arbiter, ecu, now, &lease) == CT_OK) {
        (void)!ct_arbiter_release(executor->arbiter, lease.id, holder_of(channel->client), now);
    }
}

/* ---- asking */

/* What a gateway that refuses answers in the ECU's place. */
static uint8_t nrc_of(enum ct_verdict verdict)
{
    switch (verdict) {
    case CT_VERDICT_LENGTH:
        return CT_NRC_LENGTH;
    case CT_VERDICT_RATE:
        return CT_NRC_BUSY;
    case CT_VERDICT_VEHICLE_STATE:
        return CT_NRC_CONDITIONS;
    case CT_VERDICT_AUTHORITY:
        return CT_NRC_AUTHENTICATION;
    case CT_VERDICT_ALLOW:
    case CT_VERDICT_NO_RULE:
    case CT_VERDICT_VALUE:
    case CT_VERDICT_LEASE:
    case CT_VERDICT_TRANSMIT_OFF:
    case CT_VERDICT_COUNT:
    default:
        return CT_NRC_SECURITY;
    }
}

static enum ct_verdict judge(struct ct_executor *executor, const struct ct_executor_asker *asker, size_t ecu,
                             const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_vehicle_state state = {0};
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    return ct_policy_uds(executor->policy, CT_ORIGIN_TESTER, executor->ecus[ecu].name, data, len, asker->release,
                         &state, now);
}

enum ct_tester_answer ct_tester_send(struct ct_executor *executor, const struct ct_executor_asker *asker, size_t ecu,
                                     const uint8_t *data, size_t len, ct_ns now, uint8_t *out_nrc)
{
    if (len == 0 || len > CT_UDS_MESSAGE_MAX) {
        return CT_TESTER_TOO_LARGE;
    }
    struct message *message = executor->stopped ? NULL : free_message(executor, ecu);
    if (message == NULL) {
        return CT_TESTER_FULL;
    }
    if (ct_executor_barred(executor, ecu, holder_of(asker->client), data[0], false) != NULL) {
        return CT_TESTER_BARRED;
    }
    const enum ct_verdict verdict = judge(executor, asker, ecu, data, len, now);
    if (verdict != CT_VERDICT_ALLOW) {
        *out_nrc = nrc_of(verdict);
        return CT_TESTER_REFUSED;
    }
    message->used = true;
    message->order = ++executor->testers->last_order;
    message->client = asker->client;
    message->ecu = ecu;
    message->start_by = ct_ns_add(now, ct_ns_from_ms(CT_TESTER_WAIT_MS));
    message->len = (uint16_t)len;
    memcpy(message->data, data, len);
    executor->messages_queued++;
    acquire(executor, ecu, asker->client, message->start_by, now);
    pump(executor, ecu, now);
    return CT_TESTER_ACCEPTED;
}

/* Every ECU of the bus allows it and is free or the tester's. */
static enum ct_tester_answer check_group(struct ct_executor *executor, const struct ct_executor_asker *asker,
                                         uint8_t bus, const uint8_t *data, size_t len, ct_ns now, uint8_t *out_nrc)
{
    for (size_t i = 0; i < executor->ecu_count; i++) {
        struct ct_lease lease;
        if (executor->ecus[i].bus != bus) {
            continue;
        }
        if (ct_arbiter_is_foreign(executor->arbiter, i, now) || ct_uds_occupied(&executor->ecus[i]) ||
            (ct_arbiter_owner(executor->arbiter, i, now, &lease) == CT_OK &&
             (lease.holder.origin != CT_ORIGIN_TESTER || lease.holder.client != asker->client))) {
            return CT_TESTER_BUSY;
        }
        if (ct_executor_barred(executor, i, holder_of(asker->client), data[0], false) != NULL) {
            return CT_TESTER_BARRED;
        }
        const enum ct_verdict verdict = judge(executor, asker, i, data, len, now);
        if (verdict != CT_VERDICT_ALLOW) {
            *out_nrc = nrc_of(verdict);
            return CT_TESTER_REFUSED;
        }
    }
    return CT_TESTER_ACCEPTED;
}

enum ct_tester_answer ct_tester_send_group(struct ct_executor *executor, const struct ct_executor_asker *asker,
                                           size_t index, const uint8_t *data, size_t len, ct_ns now, uint8_t *out_nrc)
{
    struct group *group = &executor->testers->groups[index];
    if (executor->stopped) {
        return CT_TESTER_BUSY;
    }
    const enum ct_tester_answer answer = check_group(executor, asker, group->bus, data, len, now, out_nrc);
    if (answer != CT_TESTER_ACCEPTED) {
        return answer;
    }
    const int err = ct_isotp_send(&group->tp, data, len, now);
    if (err != CT_OK) {
        return err == CT_ERR_BUSY ? CT_TESTER_BUSY : CT_TESTER_TOO_LARGE;
    }
    executor->groups_sending++;
    for (size_t i = 0; i < executor->ecu_count; i++) {
        if (executor->ecus[i].bus == group->bus) {
            acquire(executor, i, asker->client, now, now);
            pump(executor, i, now);
            await_answer(&executor->testers->channels[i], ANSWER_WAIT, now);
        }
    }
    return CT_TESTER_ACCEPTED;
}

void ct_tester_gone(struct ct_executor *executor, uint32_t client, ct_ns now)
{
    for (size_t i = 0; i < CT_TESTER_QUEUE_MAX; i++) {
        struct message *message = &executor->testers->queue[i];
        if (message->used && message->client == client) {
            forget(executor, message);
        }
    }
    ct_arbiter_leave(executor->arbiter, holder_of(client), now); /* ends its channels, closes its sessions */
}

/* ---- frames and time */

/* A session that was opened or left is part of the lease's end. */
static void note_session(struct ct_executor *executor, size_t ecu, uint32_t client, const uint8_t *data, size_t len,
                         ct_ns now)
{
    if (len >= 2 && data[0] == CT_UDS_SESSION_CONTROL + CT_UDS_POSITIVE_OFFSET) {
        ct_lease_session(executor, ecu, holder_of(client), (data[1] & 0x7F) != 1, now);
    } else if (len >= 1 && data[0] == CT_UDS_ECU_RESET + CT_UDS_POSITIVE_OFFSET) {
        ct_lease_session(executor, ecu, holder_of(client), false, now);
    }
}

static void on_message(struct ct_executor *executor, size_t ecu, const struct ct_isotp_event *event, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    const uint8_t *data = event->data;
    const bool pending = event->len >= 3 && data[0] == CT_UDS_NEGATIVE_RESPONSE && data[2] == CT_NRC_PENDING;
    note_session(executor, ecu, channel->client, data, event->len, now);
    keep_lease(executor, ecu, now);
    channel->answer_due = false;
    if (pending) {
        await_answer(channel, PENDING_WAIT, now);
    }
    ct_executor_heard(executor, ecu, data, event->len, now);
    executor->testers->ops.message(executor->testers->ops.user, channel->client, ecu, data, event->len, now);
}

static void take_events(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&channel->tp, &event) == CT_OK) {
        switch (event.kind) {
        case CT_ISOTP_MESSAGE:
            on_message(executor, ecu, &event, now);
            break;
        case CT_ISOTP_SENT:
            await_answer(channel, channel->suppressed ? SUPPRESSED_WAIT : ANSWER_WAIT, now);
            break;
        case CT_ISOTP_FIRST_FRAME:
            await_answer(channel, PENDING_WAIT, now);
            break;
        case CT_ISOTP_RX_FAILED:
        case CT_ISOTP_TX_FAILED:
            fail(executor, ecu, ct_isotp_result_text(event.result), now);
            return;
        }
    }
}

bool ct_testers_receive(struct ct_executor *executor, size_t ecu, const struct ct_frame *frame, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    if (!channel->open || !ct_isotp_receive(&channel->tp, frame, now)) {
        return false;
    }
    take_events(executor, ecu, now);
    release_if_idle(executor, ecu, now);
    return true;
}

static bool judged(struct ct_executor *executor, uint8_t bus, const char *bus_name, struct ct_frame *frame, ct_ns now)
{
    frame->bus = bus;
    return ct_executor_judge(executor, CT_ORIGIN_GATEWAY, bus_name, frame, now) == CT_VERDICT_ALLOW;
}

bool ct_testers_next_frame(struct ct_executor *executor, size_t ecu, struct ct_frame *out_frame, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    if (!channel->open || ct_isotp_next_frame(&channel->tp, out_frame, now) != CT_OK) {
        return false;
    }
    if (!judged(executor, executor->ecus[ecu].bus, executor->ecus[ecu].bus_name, out_frame, now)) {
        fail(executor, ecu, "no frame rule of the policy allows it", now);
        return false;
    }
    take_events(executor, ecu, now);
    return true;
}

bool ct_testers_next_group_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now)
{
    for (size_t i = 0; executor->groups_sending > 0 && i < executor->testers->group_count; i++) {
        struct group *group = &executor->testers->groups[i];
        struct ct_isotp_event event;
        if (ct_executor_holds(executor, group->bus) || ct_isotp_next_frame(&group->tp, out_frame, now) != CT_OK) {
            continue;
        }
        executor->groups_sending--;
        while (ct_isotp_next_event(&group->tp, &event) == CT_OK) {
        }
        if (judged(executor, group->bus, group->bus_name, out_frame, now)) {
            return true;
        }
    }
    return false;
}

void ct_testers_send_failed(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    if (executor->testers->channels[ecu].open) {
        fail(executor, ecu, "the frame could not be sent", now);
    }
}

static ct_ns tick_channel(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct channel *channel = &executor->testers->channels[ecu];
    pump(executor, ecu, now);
    if (!channel->open) {
        return CT_NS_NEVER;
    }
    (void)ct_isotp_tick(&channel->tp, now);
    take_events(executor, ecu, now);
    channel->answer_due = channel->answer_due && now < channel->answer_by;
    release_if_idle(executor, ecu, now);
    if (!channel->open) {
        return CT_NS_NEVER;
    }
    const ct_ns due = ct_isotp_tick(&channel->tp, now);
    return channel->answer_due ? ct_ns_min(due, channel->answer_by) : due;
}

ct_ns ct_testers_tick(struct ct_executor *executor, ct_ns now)
{
    ct_ns due = executor->messages_queued > 0 ? expire_messages(executor, now) : CT_NS_NEVER;
    if (executor->messages_queued == 0 && executor->channels_open == 0) {
        return due;
    }
    for (size_t i = 0; i < executor->ecu_count; i++) {
        due = ct_ns_min(due, tick_channel(executor, i, now));
    }
    return due;
}

bool ct_testers_writing(const struct ct_executor *executor)
{
    bool writing = false;
    for (size_t i = 0; i < executor->ecu_count; i++) {
        const struct channel *channel = &executor->testers->channels[i];
        writing = writing || (channel->open && channel->answer_due && channel->writes);
    }
    return writing;
}
