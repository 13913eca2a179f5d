/* A condition on a twin: `PATH OP VALUE`, such as `Vehicle.Speed > 100` or `Vehicle.Body.Lights.Beam.Low.IsOn == true`.
 *
 * OP is ==, !=, <, <=, > or >=. VALUE is a number, true, false, or a text in double quotes, which is compared (== and
 * != only) with the text of an enumeration or a string. Nothing else can be said: no functions, no loops, no joins. No
 * I/O. Thread-safe: no state. */
#ifndef CT_FLEET_CONDITION_H
#define CT_FLEET_CONDITION_H

#include "twin.h"

#define CT_CONDITION_MAX 1024 /* characters */

enum ct_condition_op {
    CT_CONDITION_EQ,
    CT_CONDITION_NE,
    CT_CONDITION_LT,
    CT_CONDITION_LE,
    CT_CONDITION_GT,
    CT_CONDITION_GE
};

struct ct_condition {
    char path[CT_NAME_MAX + 1];
    enum ct_condition_op op;
    bool is_text;
    double number;
    char text[CT_BYTES_MAX + 1];
};

/* NULL when it is one, else what is wrong with it. */
const char *ct_condition_parse(const char *text, struct ct_condition *out_condition) CT_MUST_CHECK;

/* True when it holds; *out_reading and *out_id are set whenever the path was ever seen with a usable value. What was
 * never seen, or is not available, fulfils nothing; neither does NaN. */
bool ct_condition_holds(const struct ct_condition *condition, const struct ct_twin *twin, uint32_t *out_id,
                        struct ct_reading *out_reading);

#endif
