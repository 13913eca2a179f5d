/* Key files as `cantwin keys init` makes them, and peers.txt, the backend's list of who may connect.
 *
 * A key file holds one key on one line: CURVE keys as Z85 (40 characters), signing keys as hex. Secret files (.key)
 * must not be readable by group or others. peers.txt has lines `vehicle ID Z85` and `subscriber NAME Z85
 * [topic-prefix...]`;
 * `#` starts a comment. Every failure writes one line into `problem` that names the file and says what to do.
 * Adapter target proto_keys. Thread-safe: no state. */
#ifndef CT_PROTO_KEYS_H
#define CT_PROTO_KEYS_H

#include "errors.h"
#include "zmq_fleet.h"

#include <stddef.h>
#include <stdint.h>

#define CT_Z85_KEY_SIZE 41 /* a CURVE key as text, with its NUL */

int ct_key_read_z85(const char *path, char out_key[CT_Z85_KEY_SIZE], char *problem, size_t problem_size) CT_MUST_CHECK;
/* `size` bytes from 2 * size hex digits. */
int ct_key_read_hex(const char *path, uint8_t *out_key, size_t size, char *problem, size_t problem_size) CT_MUST_CHECK;
/* BASE.pub and BASE.key. */
int ct_key_read_pair_z85(const char *base, char out_public[CT_Z85_KEY_SIZE], char out_secret[CT_Z85_KEY_SIZE],
                         char *problem, size_t problem_size) CT_MUST_CHECK;

/* *out_peers is the caller's to free(); an empty list is NULL and 0. */
int ct_peers_load(const char *path, struct ct_zmq_peer **out_peers, size_t *out_count, char *problem,
                  size_t problem_size) CT_MUST_CHECK;
/* The same from text; `name` stands for the file in messages. */
int ct_peers_parse(const char *name, const char *text, size_t len, struct ct_zmq_peer **out_peers, size_t *out_count,
                   char *problem, size_t problem_size) CT_MUST_CHECK;

/* True for names of vehicles and subscribers: 1 to 64 of letters, digits, '.', '_' and '-'. */
int ct_peer_name_valid(const char *name);

#endif
