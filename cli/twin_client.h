/* The twin on board as commands reach it: the gateway's status socket, and its rows in words. */
#ifndef CT_CLI_TWIN_CLIENT_H
#define CT_CLI_TWIN_CLIENT_H

#include <cjson/cJSON.h>

#include <stdio.h>

#define CT_TWIN_DEFAULT_SOCKET "/run/cantwin/gateway.sock"

/* One line per request and answer each way. NULL, and a message, when no gateway answers there. */
FILE *ct_twin_connect(const char *path);

/* Of one row ({"name":..,"value":..,"unit":..,"text":..,"quality":[..]}): a text member ("" without), the value with
 * its text, the quality's flags with commas between. */
const char *ct_twin_text(const cJSON *object, const char *key);
void ct_twin_value_text(const cJSON *entry, char *out, size_t size);
void ct_twin_quality_text(const cJSON *entry, char *out, size_t size);

#endif
