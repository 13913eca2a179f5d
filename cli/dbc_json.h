/* A whole DBC model as one JSON object. */
#ifndef CT_CLI_DBC_JSON_H
#define CT_CLI_DBC_JSON_H

#include "dbc.h"
#include "json.h"

void ct_cli_dbc_json(struct ct_json *json, const struct ct_dbc *dbc);

#endif
