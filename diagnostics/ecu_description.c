#include "ecu_description.h"

#include "frame.h"

#include <string.h>

#define DTC_MAX    0xFFFFFFU
#define RECORD_MAX 4095U

const struct ct_ecu_did *ct_ecu_did_find(const struct ct_ecu_description *ecu, uint16_t id)
{
    for (uint32_t i = 0; i < ecu->dids_count; i++) {
        if (ecu->dids[i].id == id) {
            return &ecu->dids[i];
        }
    }
    return NULL;
}

const struct ct_ecu_did *ct_ecu_did_named(const struct ct_ecu_description *ecu, const char *name)
{
    for (uint32_t i = 0; i < ecu->dids_count; i++) {
        if (strcmp(ecu->dids[i].name, name) == 0) {
            return &ecu->dids[i];
        }
    }
    return NULL;
}

const struct ct_ecu_routine *ct_ecu_routine_named(const struct ct_ecu_description *ecu, const char *name)
{
    for (uint32_t i = 0; i < ecu->routines_count; i++) {
        if (strcmp(ecu->routines[i].name, name) == 0) {
            return &ecu->routines[i];
        }
    }
    return NULL;
}

const struct ct_ecu_routine *ct_ecu_routine_find(const struct ct_ecu_description *ecu, uint16_t id)
{
    for (uint32_t i = 0; i < ecu->routines_count; i++) {
        if (ecu->routines[i].id == id) {
            return &ecu->routines[i];
        }
    }
    return NULL;
}

const char *ct_ecu_dtc_text(const struct ct_ecu_description *ecu, uint32_t dtc)
{
    for (uint32_t i = 0; i < ecu->dtcs_count; i++) {
        if (ecu->dtcs[i].code == dtc) {
            return ecu->dtcs[i].text;
        }
    }
    return NULL;
}

static size_t did_length(const void *user, uint16_t id)
{
    const struct ct_ecu_did *did = ct_ecu_did_find(user, id);
    return did == NULL ? 0 : did->length;
}

static size_t record_length(const void *user, uint8_t record)
{
    const struct ct_ecu_description *ecu = user;
    for (uint32_t i = 0; i < ecu->records_count; i++) {
        if (ecu->records[i].record == record) {
            return ecu->records[i].length;
        }
    }
    return 0;
}

struct ct_uds_lengths ct_ecu_lengths(const struct ct_ecu_description *ecu)
{
    return (struct ct_uds_lengths){ecu, did_length, record_length};
}

/* ---------------------------------------------------------------- check */

static bool is_number(enum ct_ecu_value_type type)
{
    return type == CT_ECU_UINT || type == CT_ECU_INT || type == CT_ECU_FLOAT;
}

static const char *field_fault(const struct ct_ecu_field *field, uint32_t length)
{
    if (field->width > RECORD_MAX || field->at > RECORD_MAX) {
        return "'at' and 'width' are at most 4095";
    }
    if (length != 0 && (field->at >= length || field->at + field->width > length)) {
        return "a field reaches behind the record's end";
    }
    const uint32_t width = field->width != 0 || length == 0 ? field->width : length - field->at;
    if (is_number(field->type) && (width == 0 || width > 8)) {
        return "a number needs a width of 1 to 8 bytes";
    }
    if (field->type == CT_ECU_FLOAT && width != 4 && width != 8) {
        return "a float has a width of 4 or 8";
    }
    if (field->bits != 0 && (!is_number(field->type) || (uint32_t)field->bit + field->bits > 8 * width)) {
        return "'bit' and 'bits' reach out of the field's bytes";
    }
    return NULL;
}

static const char *did_fault(const struct ct_ecu_did *did)
{
    if (did->length > RECORD_MAX) {
        return "'length' is at most 4095";
    }
    for (uint32_t i = 0; i < did->fields_count; i++) {
        const char *what = field_fault(&did->fields[i], did->length);
        if (what != NULL) {
            return what;
        }
    }
    return NULL;
}

static int fault_at(struct ct_ecu_fault *fault, const char *list, size_t index, const char *what)
{
    *fault = (struct ct_ecu_fault){list, index, what};
    return CT_ERR_RANGE;
}

static int check_dids(const struct ct_ecu_description *ecu, struct ct_ecu_fault *fault)
{
    for (uint32_t i = 0; i < ecu->dids_count; i++) {
        const char *what = did_fault(&ecu->dids[i]);
        if (what != NULL) {
            return fault_at(fault, "dids", i, what);
        }
        if (ct_ecu_did_find(ecu, ecu->dids[i].id) != &ecu->dids[i] ||
            ct_ecu_did_named(ecu, ecu->dids[i].name) != &ecu->dids[i]) {
            (void)fault_at(fault, "dids", i, "this id or name stands there twice");
            return CT_ERR_EXISTS;
        }
    }
    return CT_OK;
}

static int check_dtcs(const struct ct_ecu_description *ecu, struct ct_ecu_fault *fault)
{
    for (uint32_t i = 0; i < ecu->dtcs_count; i++) {
        if (ecu->dtcs[i].code > DTC_MAX) {
            return fault_at(fault, "dtcs", i, "a code has 24 bits: 0x030100 is P0301-00");
        }
    }
    return CT_OK;
}

int ct_ecu_description_check(const struct ct_ecu_description *ecu, struct ct_ecu_fault *out_fault)
{
    const uint32_t id_max = ecu->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    if (ecu->request_id > id_max || ecu->response_id > id_max || ecu->request_id == ecu->response_id) {
        return fault_at(out_fault, "", 0,
                        "'request_id' and 'response_id' must differ and fit 11 bits, 29 with 'extended: true'");
    }
    const int err = check_dids(ecu, out_fault);
    return err == CT_OK ? check_dtcs(ecu, out_fault) : err;
}
