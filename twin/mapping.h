/* Mapping between DBC signals and VSS paths, in the JSON format of Kuksa's CAN provider (`dbc2vss`, its synonym `dbc`,
 * `vss2dbc`), extended by `bus` and `message` beside `signal`. VSS 6 names.
 * Immutable after parse. Source: COVESA VSS 6.0; Kuksa CAN provider's mapping description. */
#ifndef CT_TWIN_MAPPING_H
#define CT_TWIN_MAPPING_H

#include "errors.h"
#include "value.h"

struct ct_transform; /* none (NULL), math over x, or a from/to table */

struct ct_map_signal {
    const char *bus;     /* NULL: any */
    const char *message; /* NULL: any */
    const char *signal;
    const struct ct_transform *transform;
};

struct ct_map_rule {
    const char *path;
    uint32_t line, column; /* where it stands in the file, from 1 */
    enum ct_datatype datatype;
    const char *unit;
    const char *comment;
    bool is_actuator;
    double min, max; /* min == max: none; one side alone: the other is infinite */
    bool has_read;
    struct ct_map_signal read; /* dbc2vss */
    int64_t interval_ms;       /* defaults by Kuksa's rules: none given -> 1000; only on_change -> 0 */
    bool on_change;
    bool has_write;
    struct ct_map_signal write; /* vss2dbc */
};

struct ct_mapping {
    const struct ct_map_rule *rules;
    size_t count;
};

/* `problem` gets `FILE:LINE:COL: error: VSS.PATH: what is wrong` for the first thing that is wrong, or a line for each
 * (problems.h) when the result is an error. Then *out_mapping stays NULL, but where all problems are wanted and the
 * text is JSON it gets the rules that are right, to look for what is wrong with those. */
int ct_mapping_parse(const char *file, const char *text, size_t len, struct ct_mapping **out_mapping, char *problem,
                     size_t problem_size) CT_MUST_CHECK;
void ct_mapping_free(struct ct_mapping *mapping); /* accepts NULL */

/* A value on either side of a transform: a number (booleans 0 and 1) and, where there is one, a text (enum label). */
struct ct_map_value {
    double number;
    const char *text; /* NULL: none */
    bool is_bool;
};

/* Applies `transform` (NULL: as it is). A table's texts match the input's text, its numbers and booleans the number; of
 * several the first. CT_ERR_NOT_FOUND when a table has no match, CT_ERR_RANGE when math gives NaN or an infinity: the
 * value is to be ignored. The number beside a text from a table is NaN. The text of the result lives as long as the
 * mapping or the input. */
int ct_transform_apply(const struct ct_transform *transform, const struct ct_map_value *in,
                       struct ct_map_value *out_value) CT_MUST_CHECK;

#endif
