/* Reads a collection policy file (YAML: `signals: [{match, interval_ms, on_change, threshold, purpose}]`).
 * Adapter target gateway_settings. */
#ifndef CT_GATEWAY_COLLECT_FILE_H
#define CT_GATEWAY_COLLECT_FILE_H

#include "collect.h"

/* `problem` gets one located line when the result is an error. */
int ct_collect_load(const char *path, const struct ct_catalogue *catalogue, struct ct_collect **out_collect,
                    char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
