/* Command line of `cantwin-sim --vehicles N`: a fleet on real links from one process. */
#ifndef CT_SIM_LOAD_OPTIONS_H
#define CT_SIM_LOAD_OPTIONS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_load_options {
    uint32_t vehicles;
    const char *fleet;  /* endpoint */
    const char *keys;   /* folder with fleet.curve.pub and, for --enrol, peers.txt */
    const char *name;   /* vehicles are NAME-00000 ...; keys in NAME.vehicles.key */
    double rate;        /* batches a second and vehicle; 0: as many as are acknowledged */
    uint32_t signals;   /* values in a batch */
    double duration_s;  /* 0: until SIGTERM */
    uint64_t batches;   /* end when every vehicle's so many are acknowledged; 0: no such end */
    const char *report; /* one line per vehicle at the end; NULL: none */
    bool enrol;         /* make the keys that are missing, complete peers.txt, end */
    bool plain;         /* never pack deliveries */
    bool packed;        /* zstd only, as gateways that write no dense form */
};

/* CT_ERR_ARGUMENT with one line in `problem`. Texts point into argv. */
int ct_load_options_parse(int argc, char **argv, struct ct_load_options *out_options, char *problem,
                          size_t problem_size) CT_MUST_CHECK;

#endif
