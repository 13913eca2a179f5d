/* The keys of a simulated fleet: one file of `ID PUBLIC SECRET` lines beside the backend's public key, and their lines
 * in peers.txt. Adapter (files). Thread-safe: no state. */
#ifndef CT_SIM_LOAD_KEYS_H
#define CT_SIM_LOAD_KEYS_H

#include "keys.h"
#include "load_options.h"

#define CT_LOAD_ID_MAX 64

struct ct_load_key {
    char id[CT_LOAD_ID_MAX + 1];
    char public_key[CT_Z85_KEY_SIZE];
    char secret_key[CT_Z85_KEY_SIZE];
};

/* Makes what is missing and completes peers.txt. */
int ct_load_keys_enrol(const struct ct_load_options *options, char *problem, size_t problem_size) CT_MUST_CHECK;
/* options->vehicles keys (the caller frees) and the backend's public one. */
int ct_load_keys_read(const struct ct_load_options *options, struct ct_load_key **out_keys,
                      char out_server[CT_Z85_KEY_SIZE], char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
