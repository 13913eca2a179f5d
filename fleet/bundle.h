/* The support bundle: one JSON file that tells how this backend is set up and how its store is, for whoever helps.
 * No keys, tokens, values, positions or names of vehicles: of files only name, size and mode; of the store only counts.
 * Adapter (files). */
#ifndef CT_FLEET_BUNDLE_H
#define CT_FLEET_BUNDLE_H

#include "fleet_settings.h"

/* One line in `problem` on failure. */
int ct_bundle_write(const struct ct_fleet_settings *settings, int64_t utc_ms, const char *path, char *problem,
                    size_t problem_size) CT_MUST_CHECK;

#endif
