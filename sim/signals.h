/* Which value of the plant a DBC signal shows, and which value a command signal moves. Constant tables; thread-safe. */
#ifndef CT_SIM_SIGNALS_H
#define CT_SIM_SIGNALS_H

#include "plant.h"

#include <stdbool.h>
#include <stddef.h>

enum ct_source { CT_SOURCE_PLANT, CT_SOURCE_FRAME_COUNT, CT_SOURCE_PAGE };

struct ct_signal_source {
    const char *signal;
    enum ct_source source;
    size_t offset; /* PLANT: of a double in struct ct_plant_values */
};

/* NULL: nothing moves this signal; it keeps its start value. */
const struct ct_signal_source *ct_signal_source_find(const char *signal);

struct ct_signal_command {
    const char *signal; /* raw 0: leave as it is, 1: off, 2: on */
    size_t offset;
};
const struct ct_signal_command *ct_signal_command_find(const char *signal);

static inline double *ct_plant_value(struct ct_plant *plant, size_t offset)
{
    return (double *)(void *)((char *)&plant->v + offset);
}

#endif
