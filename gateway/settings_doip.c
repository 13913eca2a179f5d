#include "settings_doip.h"

#include "bytes.h"
#include "settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define TEXT(key, type, member) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, CYAML_UNLIMITED)
#define MAYBE CYAML_FLAG_OPTIONAL

static const cyaml_schema_field_t ecu_fields[] = {
    CYAML_FIELD_STRING_PTR("ecu", CYAML_FLAG_POINTER, struct ct_settings_doip_ecu, ecu, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct ct_settings_doip_ecu, address), CYAML_FIELD_END};
static const cyaml_schema_value_t ecu_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_settings_doip_ecu, ecu_fields)};

static const cyaml_schema_field_t group_fields[] = {
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct ct_settings_doip_group, address),
    CYAML_FIELD_STRING_PTR("bus", CYAML_FLAG_POINTER, struct ct_settings_doip_group, bus, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("request_id", CYAML_FLAG_DEFAULT, struct ct_settings_doip_group, request_id), CYAML_FIELD_END};
static const cyaml_schema_value_t group_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_settings_doip_group, group_fields)};

static const cyaml_schema_field_t tls_fields[] = {
    TEXT("certificate", struct ct_settings_doip_tls, certificate),
    TEXT("key", struct ct_settings_doip_tls, key),
    TEXT("client_ca", struct ct_settings_doip_tls, client_ca),
    CYAML_FIELD_UINT("port", MAYBE, struct ct_settings_doip_tls, port),
    CYAML_FIELD_BOOL("required", MAYBE, struct ct_settings_doip_tls, required),
    CYAML_FIELD_END};

const cyaml_schema_field_t ct_settings_doip_fields[] = {
    TEXT("bind", struct ct_settings_doip, bind),
    CYAML_FIELD_UINT("port", MAYBE, struct ct_settings_doip, port),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct ct_settings_doip, address),
    TEXT("vin", struct ct_settings_doip, vin),
    TEXT("eid", struct ct_settings_doip, eid),
    TEXT("gid", struct ct_settings_doip, gid),
    TEXT("announce", struct ct_settings_doip, announce),
    CYAML_FIELD_UINT("sockets", MAYBE, struct ct_settings_doip, sockets),
    CYAML_FIELD_SEQUENCE("ecus", CYAML_FLAG_POINTER | MAYBE, struct ct_settings_doip, ecus, &ecu_schema, 0,
                         CT_GATEWAY_ECUS_MAX),
    CYAML_FIELD_SEQUENCE("functional", CYAML_FLAG_POINTER | MAYBE, struct ct_settings_doip, functional, &group_schema,
                         0, CT_DOIP_FUNCTIONAL_MAX),
    CYAML_FIELD_MAPPING("tls", MAYBE, struct ct_settings_doip, tls, tls_fields),
    CYAML_FIELD_END};

void ct_settings_doip_defaults(struct ct_settings_doip *doip)
{
    doip->port = doip->port != 0 ? doip->port : 13400;
    doip->tls.port = doip->tls.port != 0 ? doip->tls.port : 3496;
    doip->sockets = doip->sockets != 0 ? doip->sockets : 4;
}

/* ---- checks */

static bool known_ecu(const struct ct_settings *settings, const char *name)
{
    for (unsigned i = 0; i < settings->ecus_count; i++) {
        if (strcmp(settings->ecus[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool known_bus(const struct ct_settings *settings, const char *name)
{
    for (unsigned i = 0; i < settings->buses_count; i++) {
        if (strcmp(settings->buses[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int check_ecus(const struct ct_settings *settings, char *problem, size_t size)
{
    const struct ct_settings_doip *doip = &settings->doip;
    for (unsigned i = 0; i < doip->ecus_count; i++) {
        if (!known_ecu(settings, doip->ecus[i].ecu)) {
            snprintf(problem, size, "doip.ecus: '%s' is not among `ecus`", doip->ecus[i].ecu);
            return CT_ERR_NOT_FOUND;
        }
        for (unsigned k = 0; k < i; k++) {
            if (doip->ecus[k].address == doip->ecus[i].address) {
                snprintf(problem, size, "doip.ecus: two have the address 0x%04X", doip->ecus[i].address);
                return CT_ERR_EXISTS;
            }
        }
    }
    for (unsigned i = 0; i < doip->functional_count; i++) {
        const struct ct_settings_doip_group *group = &doip->functional[i];
        if (group->address < 0xE000 || group->address > 0xEFFF || !known_bus(settings, group->bus) ||
            group->request_id > 0x1FFFFFFFU) {
            snprintf(problem, size,
                     "doip.functional: 0x%04X: use an address of 0xE000 to 0xEFFF, a bus of `buses` and a CAN id",
                     group->address);
            return CT_ERR_RANGE;
        }
    }
    return CT_OK;
}

static bool six_bytes(const char *text)
{
    uint8_t bytes[6];
    return text == NULL || (strlen(text) == 12 && ct_hex_decode(bytes, text, 6) == CT_OK);
}

static bool ipv4(const char *text)
{
    struct in_addr address;
    return text == NULL || inet_pton(AF_INET, text, &address) == 1;
}

int ct_settings_doip_check(const struct ct_settings *settings, char *problem, size_t size)
{
    const struct ct_settings_doip *doip = &settings->doip;
    const char *what = NULL;
    if (doip->address == 0) {
        return CT_OK;
    }
    if (doip->vin == NULL || strlen(doip->vin) != 17) {
        what = "doip.vin: 17 characters are needed";
    } else if (!six_bytes(doip->eid) || !six_bytes(doip->gid)) {
        what = "doip: eid and gid are 12 hex digits";
    } else if (!ipv4(doip->bind) || !ipv4(doip->announce)) {
        what = "doip: bind and announce are IPv4 addresses";
    } else if (doip->sockets < 1 || doip->sockets > 16) {
        what = "doip.sockets: use 1 to 16";
    } else if ((doip->tls.certificate == NULL) != (doip->tls.key == NULL)) {
        what = "doip.tls: certificate and key go together";
    } else if (doip->tls.certificate == NULL && (doip->tls.required || doip->tls.client_ca != NULL)) {
        what = "doip.tls: required and client_ca need a certificate and its key";
    }
    if (what != NULL) {
        snprintf(problem, size, "%s", what);
        return CT_ERR_RANGE;
    }
    return check_ecus(settings, problem, size);
}

/* ---- reload */

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_lists(const struct ct_settings_doip *a, const struct ct_settings_doip *b)
{
    bool equal = a->ecus_count == b->ecus_count && a->functional_count == b->functional_count;
    for (unsigned i = 0; equal && i < a->ecus_count; i++) {
        equal = same(a->ecus[i].ecu, b->ecus[i].ecu) && a->ecus[i].address == b->ecus[i].address;
    }
    for (unsigned i = 0; equal && i < a->functional_count; i++) {
        equal = same(a->functional[i].bus, b->functional[i].bus) &&
                a->functional[i].address == b->functional[i].address &&
                a->functional[i].request_id == b->functional[i].request_id;
    }
    return equal;
}

bool ct_settings_doip_same(const struct ct_settings_doip *a, const struct ct_settings_doip *b)
{
    return a->address == b->address && a->port == b->port && a->sockets == b->sockets && same(a->bind, b->bind) &&
           same(a->vin, b->vin) && same(a->eid, b->eid) && same(a->gid, b->gid) && same(a->announce, b->announce) &&
           same(a->tls.certificate, b->tls.certificate) && same(a->tls.key, b->tls.key) &&
           same(a->tls.client_ca, b->tls.client_ca) && a->tls.port == b->tls.port &&
           a->tls.required == b->tls.required && same_lists(a, b);
}
