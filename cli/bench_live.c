#include "bench_live.h"

#include "bind.h"
#include "commands.h"
#include "dbc_files.h"

#include <stdio.h>
#include <stdlib.h>

#define FRAME_NS (CT_NS_PER_MS / 2) /* a loaded bus */

struct ct_cli_live {
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct ct_frame *frames;
    size_t count;
    size_t room;
    struct ct_bus_counts counts;
    ct_ns now;
};

/* Takes the database over when the result is CT_EXIT_OK, and only then. */
static int bind_database(struct ct_cli_live *live, struct ct_dbc *dbc)
{
    char problem[256];
    const struct ct_bind_bus bus = {.name = "can0", .dbcs = &dbc, .dbc_count = 1};
    if (ct_bind_create(&bus, 1, NULL, "", &live->bind, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin bench: error: %s\n", problem);
        return CT_EXIT_FAILED;
    }
    return CT_EXIT_OK;
}

int ct_cli_live_open(const char *dbc, struct ct_cli_live **out_live)
{
    struct ct_cli_live *live = calloc(1, sizeof *live);
    if (live == NULL) {
        return CT_EXIT_FAILED;
    }
    struct ct_dbc *model = NULL;
    int status = ct_cli_dbc_read(dbc, NULL, NULL, &model);
    status = status == CT_EXIT_OK ? bind_database(live, model) : status;
    if (status != CT_EXIT_OK) {
        ct_dbc_free(model);
    } else if (ct_bind_make_twin(live->bind, &live->twin) != CT_OK) {
        status = CT_EXIT_FAILED;
    }
    if (status != CT_EXIT_OK) {
        ct_cli_live_close(live);
        return status;
    }
    *out_live = live;
    return CT_EXIT_OK;
}

void ct_cli_live_close(struct ct_cli_live *live)
{
    if (live == NULL) {
        return;
    }
    ct_twin_free(live->twin);
    ct_bind_free(live->bind);
    free(live->frames);
    free(live);
}

int ct_cli_live_add(struct ct_cli_live *live, const struct ct_frame *frame)
{
    if (live->count == live->room) {
        const size_t room = live->room == 0 ? 1024 : 2 * live->room;
        struct ct_frame *frames = realloc(live->frames, room * sizeof *frames);
        if (frames == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        live->frames = frames;
        live->room = room;
    }
    live->frames[live->count] = *frame;
    live->frames[live->count].bus = 0;
    live->count++;
    return CT_OK;
}

void ct_cli_live_run(struct ct_cli_live *live)
{
    for (size_t i = 0; i < live->count;) {
        const size_t left = live->count - i < CT_BIND_BATCH ? live->count - i : CT_BIND_BATCH;
        const size_t taken = ct_bind_frames(live->bind, live->twin, live->frames + i, left, live->now, &live->counts);
        live->now += FRAME_NS * (ct_ns)taken;
        i += taken;
    }
}
