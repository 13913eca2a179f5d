#include "settings_ecu.h"

#include "isotp_claims.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>

#define ID_MAX CT_ID_EXT_MAX
#define MAYBE  CYAML_FLAG_OPTIONAL

static const cyaml_strval_t mode_names[] = {{"normal", CT_ISOTP_NORMAL + 1},
                                            {"normal-fixed", CT_ISOTP_NORMAL_FIXED + 1},
                                            {"extended", CT_ISOTP_EXTENDED + 1},
                                            {"mixed-29", CT_ISOTP_MIXED_29 + 1},
                                            {"mixed-11", CT_ISOTP_MIXED_11 + 1}};

#define TEXT(key, member) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, struct ct_settings_ecu, member, 1, CYAML_UNLIMITED)
#define UINT(key, flags) CYAML_FIELD_UINT(#key, flags, struct ct_settings_ecu, key)
#define MODE(key)                                                                              \
    CYAML_FIELD_ENUM(#key, MAYBE | CYAML_FLAG_STRICT, struct ct_settings_ecu, key, mode_names, \
                     CYAML_ARRAY_LEN(mode_names))

const cyaml_schema_field_t ct_settings_ecu_fields[] = {TEXT("name", name),
                                                       TEXT("bus", bus),
                                                       UINT(request_id, CYAML_FLAG_DEFAULT),
                                                       UINT(response_id, CYAML_FLAG_DEFAULT),
                                                       MODE(addressing),
                                                       MODE(response_addressing),
                                                       UINT(request_byte, MAYBE),
                                                       UINT(response_byte, MAYBE),
                                                       UINT(id_bits, MAYBE),
                                                       CYAML_FIELD_BOOL("fd", MAYBE, struct ct_settings_ecu, fd),
                                                       UINT(tx_dl, MAYBE),
                                                       CYAML_FIELD_END};

/* What ids look like in each mode, for people. */
static const char *const mode_ids[] = {
    [CT_ISOTP_NORMAL] = "any id of its width",
    [CT_ISOTP_NORMAL_FIXED] = "18DA, target, source in 29 bits, such as 0x18DA10F1",
    [CT_ISOTP_EXTENDED] = "any id of its width",
    [CT_ISOTP_MIXED_29] = "18CE, target, source in 29 bits, such as 0x18CE10F1",
    [CT_ISOTP_MIXED_11] = "an id up to 0x7FF",
};

static enum ct_isotp_mode request_mode(const struct ct_settings_ecu *ecu)
{
    return ecu->addressing != 0 ? (enum ct_isotp_mode)(ecu->addressing - 1) : CT_ISOTP_NORMAL;
}

static enum ct_isotp_mode response_mode(const struct ct_settings_ecu *ecu)
{
    return ecu->response_addressing != 0 ? (enum ct_isotp_mode)(ecu->response_addressing - 1) : request_mode(ecu);
}

static bool has_byte(enum ct_isotp_mode mode)
{
    return mode == CT_ISOTP_EXTENDED || mode == CT_ISOTP_MIXED_29 || mode == CT_ISOTP_MIXED_11;
}

static bool wide(const struct ct_settings_ecu *ecu, uint32_t id)
{
    return ecu->id_bits == 29 || (ecu->id_bits == 0 && id > CT_ID_STD_MAX);
}

struct ct_isotp_config ct_settings_ecu_isotp(const struct ct_settings_ecu *ecu)
{
    struct ct_isotp_config isotp = ct_isotp_config_usual(ecu->request_id, ecu->response_id);
    isotp.extended = wide(ecu, ecu->request_id);
    isotp.rx_id_bits = wide(ecu, ecu->response_id) ? 29 : 11;
    isotp.tx_mode = request_mode(ecu);
    isotp.rx_mode = response_mode(ecu);
    isotp.tx_byte = (uint8_t)ecu->request_byte;
    isotp.rx_byte = (uint8_t)ecu->response_byte;
    isotp.fd = ecu->fd;
    isotp.brs = ecu->fd;
    isotp.tx_dl = ecu->tx_dl != 0 ? (uint8_t)ecu->tx_dl : ecu->fd ? CT_FRAME_DATA_MAX : 8;
    return isotp;
}

struct ct_isotp_config ct_settings_functional(uint32_t request_id)
{
    const struct ct_isotp_config pair = ct_isotp_config_usual(request_id, request_id ^ 1U); /* nothing is received */
    return ct_isotp_config_functional(&pair, request_id);
}

/* ---- checks */

static int check_form(const struct ct_settings_ecu *ecu, char *problem, size_t size)
{
    if (ecu->request_id > ID_MAX || ecu->response_id > ID_MAX) {
        snprintf(problem, size, "'%s': an arbitration id is at most 0x1FFFFFFF", ecu->name);
    } else if (ecu->id_bits != 0 && ecu->id_bits != 11 && ecu->id_bits != 29) {
        snprintf(problem, size, "'%s': id_bits is %u; use 11 or 29", ecu->name, ecu->id_bits);
    } else if (wide(ecu, ecu->request_id) != wide(ecu, ecu->response_id) && ecu->response_addressing == 0) {
        snprintf(problem, size,
                 "'%s': request_id 0x%X and response_id 0x%X must both be 11-bit (up to 0x7FF) or both 29-bit; where "
                 "they differ on purpose, say `response_addressing` too",
                 ecu->name, ecu->request_id, ecu->response_id);
    } else if (ecu->request_byte > 0xFF || ecu->response_byte > 0xFF) {
        snprintf(problem, size, "'%s': request_byte and response_byte are at most 0xFF", ecu->name);
    } else if ((ecu->request_byte != 0 && !has_byte(request_mode(ecu))) ||
               (ecu->response_byte != 0 && !has_byte(response_mode(ecu)))) {
        snprintf(problem, size, "'%s': only extended and mixed addressing have a request_byte or response_byte",
                 ecu->name);
    } else {
        return CT_OK;
    }
    return CT_ERR_RANGE;
}

static bool length_good(const struct ct_settings_ecu *ecu)
{
    static const uint8_t lengths[] = {8, 12, 16, 20, 24, 32, 48, 64};
    return ecu->tx_dl == 0 || ecu->tx_dl == 8 ||
           (ecu->fd && ecu->tx_dl <= CT_FRAME_DATA_MAX && memchr(lengths, (int)ecu->tx_dl, sizeof lengths) != NULL);
}

static int check_addresses(const struct ct_settings_ecu *ecu, char *problem, size_t size)
{
    const struct ct_isotp_config isotp = ct_settings_ecu_isotp(ecu);
    struct ct_isotp_config half = isotp;
    struct ct_isotp_address to;
    struct ct_isotp_address from;
    if (!length_good(ecu)) {
        snprintf(problem, size, "'%s': tx_dl is %u; use 8, or with `fd` 12, 16, 20, 24, 32, 48 or 64", ecu->name,
                 ecu->tx_dl);
        return CT_ERR_RANGE;
    }
    if (ct_isotp_addresses(&isotp, &to, &from) == CT_OK) {
        const bool bytes_differ = to.has_byte && from.has_byte && to.byte != from.byte;
        if (((to.id ^ from.id) & to.mask & from.mask) != 0 || to.flags != from.flags || bytes_differ) {
            return CT_OK;
        }
        snprintf(problem, size, "'%s': request_id and response_id are both 0x%X; they must differ", ecu->name,
                 ecu->request_id);
        return CT_ERR_RANGE;
    }
    half.rx_id = isotp.tx_id;
    half.rx_mode = isotp.tx_mode;
    half.rx_id_bits = isotp.extended ? 29 : 11;
    const bool request = ct_isotp_addresses(&half, &to, &from) != CT_OK;
    const enum ct_isotp_mode mode = request ? request_mode(ecu) : response_mode(ecu);
    snprintf(problem, size, "'%s': %s_id 0x%X does not fit its addressing '%s': %s", ecu->name,
             request ? "request" : "response", request ? ecu->request_id : ecu->response_id, mode_names[mode].str,
             mode_ids[mode]);
    return CT_ERR_RANGE;
}

static uint8_t bus_of(const struct ct_settings *settings, const char *name)
{
    uint8_t bus = 0;
    while (bus < settings->buses_count && strcmp(settings->buses[bus].name, name) != 0) {
        bus++;
    }
    return bus;
}

static int claim_others(struct ct_isotp_claims *claims, const struct ct_settings *settings, unsigned count)
{
    static char own[] = "the gateway itself (`diagnostics`)";
    const struct ct_settings_diagnostics *diagnostics = &settings->diagnostics;
    if (diagnostics->bus != NULL) {
        const struct ct_isotp_config pair = ct_isotp_config_usual(diagnostics->response_id, diagnostics->request_id);
        (void)!ct_isotp_claim(claims, bus_of(settings, diagnostics->bus), &pair, own, NULL);
    }
    for (unsigned i = 0; i < count; i++) { /* what cannot be claimed was told for its own entry */
        const struct ct_settings_ecu *ecu = &settings->ecus[i];
        const struct ct_isotp_config pair = ct_settings_ecu_isotp(ecu);
        (void)!ct_isotp_claim(claims, bus_of(settings, ecu->bus), &pair, ecu->name, NULL);
    }
    return CT_OK;
}

static int check_shared(const struct ct_settings *settings, unsigned index, char *problem, size_t size)
{
    const struct ct_settings_ecu *ecu = &settings->ecus[index];
    const struct ct_isotp_config pair = ct_settings_ecu_isotp(ecu);
    struct ct_isotp_claims *claims = NULL;
    void *other = NULL;
    int err = ct_isotp_claims_create((size_t)index + 2, &claims);
    err = err == CT_OK ? claim_others(claims, settings, index) : err;
    err = err == CT_OK ? ct_isotp_claim(claims, bus_of(settings, ecu->bus), &pair, ecu->name, &other) : err;
    ct_isotp_claims_free(claims);
    if (err == CT_ERR_BUSY) {
        snprintf(problem, size,
                 "'%s': request_id 0x%X or response_id 0x%X on %s belongs to %s already; two that answer "
                 "one address break each other's transfers",
                 ecu->name, ecu->request_id, ecu->response_id, ecu->bus, (const char *)other);
        return CT_ERR_EXISTS;
    }
    if (err != CT_OK) {
        snprintf(problem, size, "'%s': %s", ecu->name, ct_err_text(err));
    }
    return err;
}

int ct_settings_ecu_check(const struct ct_settings *settings, unsigned index, char *problem, size_t size)
{
    const struct ct_settings_ecu *ecu = &settings->ecus[index];
    int err = check_form(ecu, problem, size);
    if (err == CT_OK) {
        err = check_addresses(ecu, problem, size);
    }
    return err == CT_OK ? check_shared(settings, index, problem, size) : err;
}

bool ct_settings_ecu_same(const struct ct_settings_ecu *a, const struct ct_settings_ecu *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->bus, b->bus) == 0 && a->request_id == b->request_id &&
           a->response_id == b->response_id && request_mode(a) == request_mode(b) &&
           response_mode(a) == response_mode(b) && a->request_byte == b->request_byte &&
           a->response_byte == b->response_byte && a->id_bits == b->id_bits && a->fd == b->fd && a->tx_dl == b->tx_dl;
}
