/* What a schema cannot say of the settings: names, ranges, things that name each other. Private to gateway_settings. */
#ifndef CT_GATEWAY_SETTINGS_CHECK_H
#define CT_GATEWAY_SETTINGS_CHECK_H

#include "settings.h"

/* Problems name the file and, when the settings are the `whole` of it, line and column of the list entry they are
 * about. The error is that of the first. */
int ct_settings_check(const char *path, bool whole, const struct ct_settings *settings, char *problem,
                      size_t problem_size) CT_MUST_CHECK;

#endif
