/* The `doip` part of gateway.yaml: the DoIP edge gateway, off unless it is there. Adapter target gateway_settings. */
#ifndef CT_GATEWAY_SETTINGS_DOIP_H
#define CT_GATEWAY_SETTINGS_DOIP_H

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#define CT_DOIP_FUNCTIONAL_MAX 8

struct ct_settings_doip_ecu {
    char *ecu; /* name in `ecus` */
    uint16_t address;
};

struct ct_settings_doip_group {
    uint16_t address; /* E400..EFFF */
    char *bus;
    uint32_t request_id; /* above 0x7FF: 29-bit */
};

struct ct_settings_doip_tls {
    char *certificate; /* NULL: no TLS */
    char *key;
    char *client_ca; /* whose certificates prove the release authority; NULL: nobody's */
    uint16_t port;   /* 3496 */
    bool required;   /* without TLS activation is denied by code 07 */
};

struct ct_settings_doip {
    char *bind;       /* IPv4 address; NULL with no `address`: no DoIP */
    uint16_t port;    /* 13400 */
    uint16_t address; /* logical, of the gateway; 0: no DoIP */
    char *vin;        /* 17 characters */
    char *eid, *gid;  /* 12 hex digits; NULL: zeros */
    char *announce;   /* IPv4 address announcements go to; NULL: none are sent */
    uint32_t sockets; /* 4 */
    struct ct_settings_doip_ecu *ecus;
    unsigned ecus_count;
    struct ct_settings_doip_group *functional;
    unsigned functional_count;
    struct ct_settings_doip_tls tls;
};

extern const cyaml_schema_field_t ct_settings_doip_fields[];
/* Fills in what was left out. */
void ct_settings_doip_defaults(struct ct_settings_doip *doip);

struct ct_settings;
int ct_settings_doip_check(const struct ct_settings *settings, char *problem, size_t size) CT_MUST_CHECK;
bool ct_settings_doip_same(const struct ct_settings_doip *a, const struct ct_settings_doip *b);

#endif
