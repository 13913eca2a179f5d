/* The transport of enrolment: one short question of a vehicle that nobody knows yet, one short answer.
 *
 * CURVE both ways. The vehicle knows the backend's key from its token, so nobody else can answer; the backend lets any
 * key ask and is told which: the handshake proves that the vehicle has the secret half. Handshakes are paced
 * (CT_ZMQ_HANDSHAKES at once, then one a second), whoever they are of. Adapter target proto_zmq. Each socket belongs to
 * one thread. */
#ifndef CT_PROTO_ZMQ_ENROL_H
#define CT_PROTO_ZMQ_ENROL_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

#define CT_ZMQ_ENROL_MESSAGE_MAX 1024

struct ct_zmq_enrol;
/* CT_ERR_BUSY: port in use; CT_ERR_SYNTAX: no endpoint. */
int ct_zmq_enrol_open(const char *endpoint, const char *secret_key, struct ct_zmq_enrol **out_socket) CT_MUST_CHECK;
void ct_zmq_enrol_close(struct ct_zmq_enrol *socket); /* accepts NULL */
/* The endpoint as bound, with the port that `tcp://127.0.0.1:*` got. */
int ct_zmq_enrol_endpoint(const struct ct_zmq_enrol *socket, char *out_endpoint, size_t size) CT_MUST_CHECK;
/* The next question and the key (Z85) it came from. CT_ERR_AGAIN: none within wait_ms, or a signal came. */
int ct_zmq_enrol_receive(struct ct_zmq_enrol *socket, int wait_ms, char out_key[41], uint8_t *out_data, size_t size,
                         size_t *out_len) CT_MUST_CHECK;
/* To whom the last question came from; one who has gone gets nothing. */
void ct_zmq_enrol_answer(struct ct_zmq_enrol *socket, const void *data, size_t len);

struct ct_zmq_enrol_question {
    const char *endpoint;
    const char *server_public_key, *public_key, *secret_key; /* Z85 */
    const void *data;
    size_t len;
};
/* Asks once. CT_ERR_TIMEOUT: no answer within wait_ms: nobody there, or not the one the key belongs to. */
int ct_zmq_enrol_ask(const struct ct_zmq_enrol_question *question, int wait_ms, uint8_t *out_data, size_t size,
                     size_t *out_len) CT_MUST_CHECK;

#endif
