#include "state.h"

#include "files.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

#define LIMIT        ((size_t)1 << 20)
#define ECUS_MAX     16
#define PATH_MAX_LEN 4400

struct ct_sim_state {
    const char *folder;
    struct ct_car *car;
    uint32_t saved[ECUS_MAX];
    bool failed; /* told already */
};

static void path_of(const struct ct_sim_state *state, size_t index, char path[PATH_MAX_LEN])
{
    (void)snprintf(path, PATH_MAX_LEN, "%s/%s.state", state->folder, ct_ecu_name(ct_car_ecu(state->car, index)));
}

static void restore(struct ct_sim_state *state, size_t index, ct_ns now)
{
    char path[PATH_MAX_LEN];
    uint8_t *data = NULL;
    size_t len = 0;
    path_of(state, index, path);
    int err = ct_file_read(path, LIMIT, &data, &len);
    if (err == CT_ERR_NOT_FOUND) {
        return;
    }
    if (err == CT_OK) {
        err = ct_ecu_diag_restore(ct_ecu_diagnostics(ct_car_ecu(state->car, index)), data, len, now);
    }
    free(data);
    if (err != CT_OK) {
        ct_log(CT_LOG_WARNING, "%s: %s; the ECU starts without memory", path, ct_err_text(err));
    }
}

static int save_one(const struct ct_sim_state *state, size_t index)
{
    char path[PATH_MAX_LEN];
    struct ct_ecu_diag *diag = ct_ecu_diagnostics(ct_car_ecu(state->car, index));
    const size_t size = ct_ecu_diag_save_size(diag);
    uint8_t *data = malloc(size);
    if (data == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    path_of(state, index, path);
    ct_ecu_diag_save(diag, data);
    const int err = ct_file_write(path, data, size, 0600);
    free(data);
    return err;
}

int ct_sim_state_open(const char *folder, struct ct_car *car, ct_ns now, struct ct_sim_state **out_state)
{
    const int err = ct_dir_make(folder);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sim_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    state->folder = folder;
    state->car = car;
    for (size_t i = 0; i < ct_car_ecu_count(car) && i < ECUS_MAX; i++) {
        restore(state, i, now);
        state->saved[i] = ct_ecu_diag_revision(ct_ecu_diagnostics(ct_car_ecu(car, i)));
    }
    *out_state = state;
    return CT_OK;
}

void ct_sim_state_save(struct ct_sim_state *state)
{
    for (size_t i = 0; i < ct_car_ecu_count(state->car) && i < ECUS_MAX; i++) {
        const uint32_t revision = ct_ecu_diag_revision(ct_ecu_diagnostics(ct_car_ecu(state->car, i)));
        if (revision == state->saved[i]) {
            continue;
        }
        const int err = save_one(state, i);
        if (err == CT_OK) {
            state->saved[i] = revision;
        } else if (!state->failed) {
            ct_log(CT_LOG_ERROR, "%s: the ECUs' memory cannot be written: %s", state->folder, ct_err_text(err));
        }
        state->failed = err != CT_OK;
    }
}

void ct_sim_state_close(struct ct_sim_state *state)
{
    if (state != NULL) {
        ct_sim_state_save(state);
        free(state);
    }
}
