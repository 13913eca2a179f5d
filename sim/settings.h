/* cantwin-sim's configuration: YAML file, defaults, `--key value` overrides. Paths come back resolved: those of the
 * file against its folder, those of the command line against the working directory. */
#ifndef CT_SIM_SETTINGS_H
#define CT_SIM_SETTINGS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_sim_bus_settings {
    char *name;
    char *port; /* NULL: no port, the frames go to the recording only */
    char *dbc;
    char *protection; /* rules for counters and checksums; NULL: those of the DBC */
};

struct ct_sim_settings {
    struct ct_sim_bus_settings *buses;
    uint32_t buses_count;
    uint64_t seed;
    char *record;      /* candump log of every frame sent and received; NULL: none */
    char *state_dir;   /* the ECUs' memory over restarts; NULL: none */
    double duration_s; /* 0: until SIGTERM */
    bool parked;       /* the engine runs, the car stands */
    bool step;         /* simulated time, as fast as possible; needs duration_s */
};

/* Reads `path`, applies argv (pairs --key value, a lone --step too). `problem` gets one line when the result is an
 * error: CT_ERR_ARGUMENT for a wrong command line, others for the file. */
int ct_sim_settings_load(const char *path, int argc, char **argv, struct ct_sim_settings **out_settings, char *problem,
                         size_t problem_size) CT_MUST_CHECK;
void ct_sim_settings_free(struct ct_sim_settings *settings); /* accepts NULL */

#endif
