/* The `ecus` of gateway.yaml: which ECUs there are and how ISO-TP addresses them. Adapter target gateway_settings. */
#ifndef CT_GATEWAY_SETTINGS_ECU_H
#define CT_GATEWAY_SETTINGS_ECU_H

#include "config.h"
#include "isotp.h"

#include <stdbool.h>
#include <stdint.h>

struct ct_settings_ecu {
    char *name;
    char *bus;
    uint32_t request_id, response_id; /* whole, as on the bus */
    int addressing;                   /* enum ct_isotp_mode + 1; 0: normal */
    int response_addressing;          /* the same; 0: as `addressing` */
    uint32_t request_byte;            /* N_TA or N_AE of requests, in the modes that have it */
    uint32_t response_byte;
    uint32_t id_bits; /* 11 or 29; 0: by the id, above 0x7FF 29 */
    bool fd;
    uint32_t tx_dl; /* longest frame of requests; 0: 64 with fd, else 8 */
};

extern const cyaml_schema_field_t ct_settings_ecu_fields[];

/* The pair, as who asks the ECU configures it. */
struct ct_isotp_config ct_settings_ecu_isotp(const struct ct_settings_ecu *ecu);

/* What all ECUs of a bus hear, in classic frames (the longest that all can read). */
struct ct_isotp_config ct_settings_functional(uint32_t request_id);

struct ct_settings;
/* Whether ECU `index` can be addressed so, and shares no address with those before it nor with the gateway's own; what
 * is wrong, in words. */
int ct_settings_ecu_check(const struct ct_settings *settings, unsigned index, char *problem, size_t size) CT_MUST_CHECK;
bool ct_settings_ecu_same(const struct ct_settings_ecu *a, const struct ct_settings_ecu *b);

#endif
