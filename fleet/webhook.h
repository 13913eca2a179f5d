/* Tells one address of news by HTTP POST, from a thread of its own: whoever sends never waits.
 *
 * Each text is tried CT_WEBHOOK_TRIES times; after that, or when CT_WEBHOOK_WAITING_MAX wait already, it is dropped and
 * counted. Redirects are not followed; certificates are checked. Adapter (sockets, libcurl). ct_webhook_send: any
 * thread. */
#ifndef CT_FLEET_WEBHOOK_H
#define CT_FLEET_WEBHOOK_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

#define CT_WEBHOOK_WAITING_MAX 256
#define CT_WEBHOOK_TRIES       3

struct ct_webhook;

struct ct_webhook_counters {
    uint64_t sent, failed, dropped;
};

/* `url` is copied. CT_ERR_ARGUMENT: neither http:// nor https://. */
int ct_webhook_open(const char *url, struct ct_webhook **out_webhook) CT_MUST_CHECK;
void ct_webhook_close(struct ct_webhook *webhook); /* what waits is dropped; accepts NULL */

void ct_webhook_send(struct ct_webhook *webhook, const char *json, size_t len); /* NULL webhook: nothing happens */
void ct_webhook_counters_get(struct ct_webhook *webhook, struct ct_webhook_counters *out_counters); /* NULL: zeros */

#endif
