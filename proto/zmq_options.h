/* What all ZeroMQ sockets here have in common: options set from tables, errors turned into ct_err. Private to proto/.
 */
#ifndef CT_PROTO_ZMQ_OPTIONS_H
#define CT_PROTO_ZMQ_OPTIONS_H

#include "errors.h"

#include <stddef.h>

#define CT_ZMQ_DOMAIN_VEHICLES    "vehicles"
#define CT_ZMQ_USER_ID            "User-Id" /* message property: the key, as the ZAP handler answered */
#define CT_ZMQ_DOMAIN_SUBSCRIBERS "subscribers"
#define CT_ZMQ_DOMAIN_ENROLMENT   "enrolment" /* any key may ask */

struct ct_zmq_option {
    int name;
    int value;
};

/* errno after a failed call. */
int ct_zmq_error(int errnum) CT_MUST_CHECK;

int ct_zmq_set_ints(void *socket, const struct ct_zmq_option *options, size_t count) CT_MUST_CHECK;
/* CURVE server of a ZAP domain; binds. */
int ct_zmq_bind_secure(void *socket, const char *domain, const char *secret_key, const char *endpoint) CT_MUST_CHECK;
int ct_zmq_fd(void *socket); /* -1 when there is none */
int ct_zmq_last_endpoint(void *socket, char *out_endpoint, size_t size) CT_MUST_CHECK;

#endif
