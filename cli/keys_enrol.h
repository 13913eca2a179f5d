/* A vehicle let in by a token that works once: `keys token` and `keys serve` at the backend, `keys enrol` on the
 * vehicle.
 *
 * The vehicle makes its own key pair and asks over CURVE with it (zmq_enrol.h); the backend marks the token as used by
 * that key in enrol.txt, durably, and only then adds the key to peers.txt. Adapter (files, sockets). */
#ifndef CT_CLI_KEYS_ENROL_H
#define CT_CLI_KEYS_ENROL_H

#include "enrol_token.h"

struct ct_enrol_options { /* NULL: not given */
    const char *dir;
    const char *vehicle;
    const char *endpoint; /* of the backend's `keys serve`, as vehicles reach it */
    const char *hours;    /* how long a token is good; 24 */
    const char *listen;   /* where `keys serve` binds; tcp://0.0.0.0:17603 */
    const char *key;      /* the backend's key files without suffix; DIR/fleet.curve */
    const char *token, *token_file;
    const char *wait_s; /* how long the vehicle asks; 60 */
};

/* Exit codes; print what they did, or one line of what is wrong. */
int ct_keys_token(const struct ct_enrol_options *options);
int ct_keys_serve(const struct ct_enrol_options *options); /* until SIGTERM or SIGINT */
int ct_keys_enrol(const struct ct_enrol_options *options);

/* A number in 1..max, `fallback` when text is NULL; 0: not one. */
long ct_enrol_number(const char *text, long fallback, long max);

/* keys_token.c: judges the secret for `key` now and, when granted, stores that it was used before it returns. */
enum ct_enrol_verdict ct_enrol_redeem(const char *dir, const uint8_t secret[CT_ENROL_SECRET_SIZE], const char *key,
                                      char out_vehicle[CT_ENROL_VEHICLE_SIZE]);

/* The wire: a question is CT_ENROL_QUESTION and the secret; an answer is text: CT_ENROL_YES, the vehicle's id, and
 * lines `NAME HEX` of public signing keys; or CT_ENROL_NO and the number of a verdict. */
#define CT_ENROL_QUESTION      "enrol1"
#define CT_ENROL_QUESTION_SIZE (sizeof CT_ENROL_QUESTION - 1 + CT_ENROL_SECRET_SIZE)
#define CT_ENROL_YES           "granted "
#define CT_ENROL_NO            "refused "

#endif
