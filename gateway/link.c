#include "link.h"

#include "clock.h"
#include "crash_point.h"
#include "log.h"
#include "loop.h"
#include "messages.h"
#include "zmq_vehicle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CATALOGUES_KEPT   4 /* the one in use and those of older records */
#define STATS_MS          500
#define RETRY_MS          20   /* after the transport was full */
#define ENVELOPE_DELIVERY 0x1A /* first byte of an Envelope that holds a Delivery: field 3, length-delimited */

struct ct_link {
    struct ct_channels *channels;
    struct ct_zmq_vehicle *socket; /* NULL: no backend */
    struct ct_link_vehicle *machine;
    struct ct_packer *packer;
    const char *state_dir;
    struct ct_catalogue *catalogues[CATALOGUES_KEPT]; /* newest use first */
    struct ct_loop loop;
    struct ct_loop_watch from_storage, from_socket;
    int socket_fd; /* the one that is watched */
    bool pushed;   /* something for the storage thread */
    bool stalled;  /* the machine could not take the oldest message of the ring */
    bool backlog;  /* the storage thread's ring was full; nothing is received until it has room */
    bool stopping;
    bool was_connected;
    ct_ns stats_due;
};

/* ---- what the machine asks for */

static int push(struct ct_link *link, uint32_t type, const void *data, size_t len)
{
    const int err = ct_ring_push(link->channels->link_to_storage.ring, type, data, len);
    link->pushed = true;
    return err;
}

static int on_send(void *user, const void *data, size_t len)
{
    struct ct_link *link = user;
    if (len > 0 && *(const uint8_t *)data == ENVELOPE_DELIVERY) {
        CT_CRASH_POINT("gateway-before-send");
    }
    return ct_zmq_vehicle_send(link->socket, data, len);
}

static void on_reconnect(void *user)
{
    struct ct_link *link = user;
    const int err = ct_zmq_vehicle_reconnect(link->socket);
    if (err != CT_OK) {
        ct_log(CT_LOG_WARNING, "the link cannot be made anew: %s; it is tried again", ct_err_text(err));
    }
}

static void on_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    const struct ct_msg_fetch fetch = {class, after_seq, max_bytes};
    if (push(user, CT_MSG_FETCH, &fetch, sizeof fetch) != CT_OK) {
        ct_log(CT_LOG_ERROR, "a fetch of class %d found no room", (int)class); /* the ring is kept from filling up */
    }
}

static void on_acked(void *user, enum ct_class class, uint64_t seq)
{
    const struct ct_msg_acked acked = {class, seq};
    const int err = push(user, CT_MSG_ACKED, &acked, sizeof acked);
    (void)err; /* acks are cumulative: the next one says it again */
}

static void on_command(void *user, const uint8_t *data, size_t len)
{
    if (push(user, CT_MSG_SIGNED_COMMAND, data, len) != CT_OK) {
        ct_log(CT_LOG_WARNING, "a command of %zu bytes found no room and is dropped", len);
    }
}

static void on_snapshot(void *user, uint64_t snapshot_id)
{
    const int err = push(user, CT_MSG_SNAPSHOT, &snapshot_id, sizeof snapshot_id);
    (void)err; /* the backend asks again */
}

static void keep_catalogue(struct ct_link *link, struct ct_catalogue *catalogue)
{
    ct_catalogue_unref(link->catalogues[CATALOGUES_KEPT - 1]);
    memmove(&link->catalogues[1], &link->catalogues[0], sizeof(link->catalogues[0]) * (CATALOGUES_KEPT - 1));
    link->catalogues[0] = catalogue;
}

static const struct ct_catalogue *on_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    struct ct_link *link = user;
    for (size_t i = 0; i < CATALOGUES_KEPT; i++) {
        struct ct_catalogue *kept = link->catalogues[i];
        if (kept != NULL && memcmp(ct_catalogue_hash(kept), hash, CT_HASH_SIZE) == 0) {
            return kept;
        }
    }
    struct ct_catalogue *loaded = NULL;
    const int err = ct_outbox_catalogue_load(link->state_dir, hash, &loaded);
    if (err != CT_OK) {
        ct_log(CT_LOG_WARNING, "a catalogue that stored records name cannot be read: %s", ct_err_text(err));
        return NULL;
    }
    keep_catalogue(link, loaded);
    return loaded;
}

/* ---- from the storage thread */

static int take_record(struct ct_link *link, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_msg_record head;
    memcpy(&head, data, sizeof head);
    return ct_link_vehicle_record(link->machine, head.class, head.seq_first, head.seq_last, data + sizeof head,
                                  len - sizeof head, head.has_catalogue ? head.catalogue_hash : NULL, now);
}

static void take_catalogue(struct ct_link *link, const void *data)
{
    struct ct_catalogue *catalogue;
    memcpy(&catalogue, data, sizeof(catalogue));
    keep_catalogue(link, catalogue);
    if (link->machine != NULL) {
        ct_link_vehicle_use_catalogue(link->machine, ct_catalogue_hash(catalogue));
    }
}

/* CT_ERR_AGAIN: the machine cannot take it now. */
static int take_for_machine(struct ct_link *link, uint32_t type, const void *data, size_t len, ct_ns now)
{
    uint32_t class = 0;
    switch (type) {
    case CT_MSG_RECORD:
        return take_record(link, data, len, now);
    case CT_MSG_STATE:
        return ct_link_vehicle_state(link->machine, data, len, now);
    case CT_MSG_FETCHED:
        memcpy(&class, data, sizeof class);
        ct_link_vehicle_fetched(link->machine, (enum ct_class) class, now);
        return CT_OK;
    case CT_MSG_NEWEST:
        ct_link_vehicle_newest(link->machine, data, now, ct_clock_utc_now());
        return CT_OK;
    default:
        return CT_OK;
    }
}

static int take(struct ct_link *link, uint32_t type, const void *data, size_t len, ct_ns now)
{
    if (type == CT_MSG_STOP) {
        link->stopping = true;
        return CT_OK;
    }
    if (type == CT_MSG_CATALOGUE) {
        take_catalogue(link, data);
        return CT_OK;
    }
    return link->machine != NULL ? take_for_machine(link, type, data, len, now) : CT_OK;
}

static void drain_storage(struct ct_link *link, ct_ns now)
{
    struct ct_ring *ring = link->channels->storage_to_link.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    link->stalled = false;
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK) {
        if (take(link, type, data, len, now) == CT_ERR_AGAIN) {
            link->stalled = true;
            return;
        }
        ct_ring_pop(ring);
        link->pushed = true; /* the storage thread may wait for room */
    }
}

/* ---- the socket */

/* The ring to the storage thread has room for the largest message twice. */
static bool storage_has_room(const struct ct_link *link)
{
    return ct_ring_used(link->channels->link_to_storage.ring) < 64U * 1024U;
}

/* Its descriptor is edge-triggered: everything is read after every wake and every send. */
static void receive_all(struct ct_link *link, ct_ns now)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    link->backlog = false;
    for (;;) {
        if (!storage_has_room(link)) {
            link->backlog = true;
            return;
        }
        if (ct_zmq_vehicle_receive(link->socket, &data, &len) != CT_OK) {
            return;
        }
        ct_link_vehicle_receive(link->machine, data, len, now, ct_clock_utc_now());
    }
}

static void readable(struct ct_loop_watch *watch, uint32_t events)
{
    (void)watch;
    (void)events; /* every round reads */
}

static void watch_socket(struct ct_link *link)
{
    const int fd = ct_zmq_vehicle_fd(link->socket);
    if (fd == link->socket_fd) {
        return;
    }
    ct_loop_remove(&link->loop, &link->from_socket);
    const int err = ct_loop_add(&link->loop, &link->from_socket, fd, EPOLLIN);
    (void)err; /* then the machine's timers find the silence */
    link->socket_fd = fd;
}

/* ---- loop */

static void tell_stats(struct ct_link *link, ct_ns now)
{
    struct ct_link_vehicle_stats stats;
    ct_link_vehicle_stats_get(link->machine, &stats);
    if (stats.connected == link->was_connected && now < link->stats_due) {
        return;
    }
    if (stats.connected != link->was_connected) {
        ct_log(CT_LOG_INFO, "link %s", stats.connected ? "connected" : "lost");
        link->was_connected = stats.connected;
    }
    link->stats_due = ct_ns_add(now, ct_ns_from_ms(STATS_MS));
    const int err = push(link, CT_MSG_LINK_STATS, &stats, sizeof stats);
    (void)err; /* the next ones come soon */
}

static ct_ns work(struct ct_link *link, ct_ns now)
{
    drain_storage(link, now);
    if (link->machine == NULL) {
        return CT_NS_NEVER;
    }
    receive_all(link, now);
    ct_ns due = ct_link_vehicle_tick(link->machine, now, ct_clock_utc_now());
    receive_all(link, now); /* after every send */
    watch_socket(link);
    tell_stats(link, now);
    due = ct_ns_min(due, link->stats_due);
    return link->stalled || link->backlog ? ct_ns_min(due, ct_ns_add(now, RETRY_MS * CT_NS_PER_MS)) : due;
}

static void woken(struct ct_loop_watch *watch, uint32_t events)
{
    (void)events;
    ct_channel_drain(watch->user);
}

void ct_link_run(struct ct_link *link)
{
    while (!link->stopping) {
        const ct_ns due = work(link, ct_clock_now());
        if (link->pushed) {
            link->pushed = false;
            ct_channel_wake(&link->channels->link_to_storage);
        }
        if (link->stopping || ct_loop_wait(&link->loop, due) != CT_OK) {
            break;
        }
    }
}

/* ---- opening and closing */

static int open_machine(struct ct_link *link, const struct ct_link_config *config)
{
    const struct ct_zmq_vehicle_config socket = {.endpoint = config->endpoint,
                                                 .server_public_key = config->server_public_key,
                                                 .next_server_public_key = config->next_server_public_key,
                                                 .public_key = config->public_key,
                                                 .secret_key = config->secret_key};
    int err = ct_zmq_vehicle_open(&socket, &link->socket);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_link_vehicle_ops ops = {.user = link,
                                            .send = on_send,
                                            .reconnect = on_reconnect,
                                            .fetch = on_fetch,
                                            .acked = on_acked,
                                            .command = on_command,
                                            .snapshot = on_snapshot,
                                            .catalogue = on_catalogue};
    err = ct_packer_create(&link->packer);
    if (err != CT_OK) {
        return err;
    }
    struct ct_link_vehicle_config machine = {
        .software = "cantwin-gateway " CANTWIN_VERSION, .packer = link->packer, .dense = true};
    memcpy(machine.stream_id, config->stream_id, CT_STREAM_ID_SIZE);
    memcpy(machine.boot_id, config->boot_id, CT_BOOT_ID_SIZE);
    memcpy(&machine.jitter_seed, config->stream_id, sizeof machine.jitter_seed);
    err = ct_link_vehicle_create(&machine, &ops, &link->machine);
    if (err == CT_OK) {
        ct_link_vehicle_use_catalogue(link->machine, ct_catalogue_hash(link->catalogues[0]));
        ct_link_vehicle_resume(link->machine, &config->acked);
        ct_link_vehicle_newest(link->machine, &config->newest, ct_clock_now(), ct_clock_utc_now());
    }
    return err;
}

int ct_link_open(const struct ct_link_config *config, struct ct_channels *channels, struct ct_catalogue *catalogue,
                 struct ct_link **out_link, char *problem, size_t problem_size)
{
    struct ct_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        snprintf(problem, problem_size, "error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    link->channels = channels;
    link->state_dir = config->state_dir;
    link->catalogues[0] = ct_catalogue_ref(catalogue);
    link->socket_fd = -1;
    link->from_socket = (struct ct_loop_watch){.fd = -1, .fn = readable};
    link->from_storage = (struct ct_loop_watch){.fn = woken, .user = &channels->storage_to_link};
    int err = ct_loop_open(&link->loop);
    if (err == CT_OK) {
        err = ct_loop_add(&link->loop, &link->from_storage, channels->storage_to_link.fd, EPOLLIN);
    }
    if (err == CT_OK && config->endpoint != NULL) {
        err = open_machine(link, config);
    }
    if (err != CT_OK) {
        snprintf(problem, problem_size, "link.endpoint %s: error: %s; it has the form tcp://HOST:PORT",
                 config->endpoint != NULL ? config->endpoint : "", ct_err_text(err));
        ct_link_close(link);
        return err;
    }
    *out_link = link;
    return CT_OK;
}

void ct_link_close(struct ct_link *link)
{
    if (link == NULL) {
        return;
    }
    ct_link_vehicle_free(link->machine);
    ct_packer_free(link->packer);
    ct_zmq_vehicle_close(link->socket);
    for (size_t i = 0; i < CATALOGUES_KEPT; i++) {
        ct_catalogue_unref(link->catalogues[i]);
    }
    ct_loop_close(&link->loop);
    free(link);
}

const struct ct_pulse *ct_link_pulse(const struct ct_link *link)
{
    return &link->loop.pulse;
}
