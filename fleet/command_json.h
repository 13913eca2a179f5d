/* A command as the API and the event stream show it. Thread-safe: no state. */
#ifndef CT_FLEET_COMMAND_JSON_H
#define CT_FLEET_COMMAND_JSON_H

#include "commands.h"
#include "json.h"
#include "registry.h"

/* One object with its life's history; CT_ERR_NOT_FOUND when there is no such command. */
int ct_command_json(struct ct_json *json, const char *key, struct ct_commands *commands,
                    const struct ct_registry *registry, const uint8_t id[CT_COMMAND_ID_SIZE]) CT_MUST_CHECK;

#define CT_DETAIL_MAX (CT_BYTES_MAX + 32)
/* A desired value as kept with its command: a letter for its kind (b, i, n, t) and its text. */
int ct_detail_write(const struct ct_wire_value *value, char *out, size_t size) CT_MUST_CHECK;
void ct_detail_json(struct ct_json *json, const char *key, const char *detail);

#endif
