/* The DoIP edge gateway's sockets (UDP and TCP 13400, TLS 3496) on the bus thread's loop, between the entity machine
 * (doip_entity.h) and the executor's testers (tester.h).
 *
 * It runs on the bus thread so that a message goes straight to the executor; what could hold frames up is bounded: one
 * connection is accepted and one step of a handshake made per wake-up of its descriptor, and no more connections than
 * the entity has sockets plus CT_DOIP_HANDSHAKES. A round's answers of one tester leave together (TCP_NODELAY).
 * Adapter target gateway_app. Belongs to the bus thread. */
#ifndef CT_GATEWAY_DOIP_SERVER_H
#define CT_GATEWAY_DOIP_SERVER_H

#include "doip_entity.h"
#include "executor.h"
#include "loop.h"
#include "settings.h"

#define CT_DOIP_HANDSHAKES 4 /* TLS connections that are not testers yet */

struct ct_doip_server;

struct ct_doip_server_ops {
    void *user;
    /* Something the log and the backend should know; `key` is the ECU or the tester's address. */
    void (*event)(void *user, const char *name, const char *text, const char *key, const char *value);
    bool (*ready)(void *user);   /* power mode: ECUs may be asked */
    bool (*may_ask)(void *user); /* false: the power state does not allow to ask ECUs now */
};

/* *out_server is NULL when DoIP is not configured. `settings`, `loop` and `executor` must outlive it. */
int ct_doip_server_open(const struct ct_settings *settings, struct ct_loop *loop, struct ct_executor *executor,
                        const struct ct_doip_server_ops *ops, ct_ns now, struct ct_doip_server **out_server,
                        char *problem, size_t size) CT_MUST_CHECK;
void ct_doip_server_close(struct ct_doip_server *server); /* accepts NULL */
/* After a reload, which changes nothing of it; the new settings must outlive the server in turn. Accepts NULL. */
void ct_doip_server_use_settings(struct ct_doip_server *server, const struct ct_settings *settings);
/* Once per round, after the executor's tick: timers, answers, closing; returns the next deadline. Accepts NULL. */
ct_ns ct_doip_server_tick(struct ct_doip_server *server, ct_ns now);
/* NULL server: zeros. */
void ct_doip_server_stats(const struct ct_doip_server *server, struct ct_doip_stats *out_stats, size_t *out_active);

#endif
