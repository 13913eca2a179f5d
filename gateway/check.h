/* `--check-config`: looks at everything the configuration names, starts nothing, and tells all that is wrong in all
 * files, one line each; and as warnings what is not there now but may come, such as interfaces. Adapter target
 * gateway_app. */
#ifndef CT_GATEWAY_CHECK_H
#define CT_GATEWAY_CHECK_H

#include "app.h"
#include "load.h"

/* CT_EXIT_OK, or CT_EXIT_USAGE when anything is wrong. */
enum ct_exit ct_check_config(const struct ct_app_arguments *arguments);

/* Warns of routes that no frame will follow, at the start and at a reload too. */
void ct_check_routes(const struct ct_model *model);

#endif
