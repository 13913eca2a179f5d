#include "diag_values.h"

#include "diag_options.h"
#include "obd.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ct_diag_did_of(const struct ct_ecu_description *ecu, const char *text, uint16_t *out_id,
                   const struct ct_ecu_did **out_did)
{
    *out_did = ct_ecu_did_named(ecu, text);
    if (*out_did != NULL) {
        *out_id = (*out_did)->id;
        return CT_OK;
    }
    const char *digits = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
    const size_t len = strlen(digits);
    if (len == 0 || len > 4 || strspn(digits, "0123456789abcdefABCDEF") != len) {
        return CT_ERR_SYNTAX;
    }
    *out_id = (uint16_t)strtoul(digits, NULL, 16);
    *out_did = ct_ecu_did_find(ecu, *out_id);
    return CT_OK;
}

static void append_hex(struct ct_buf *buf, struct ct_uds_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        ct_buf_printf(buf, "%02X", bytes.data[i]);
    }
}

static bool is_text(struct ct_uds_bytes bytes)
{
    size_t printable = 0;
    while (printable < bytes.len && bytes.data[printable] >= ' ' && bytes.data[printable] < 0x7F) {
        printable++;
    }
    return printable >= 4 && printable == bytes.len;
}

static void append_plain(struct ct_buf *buf, struct ct_uds_bytes record)
{
    append_hex(buf, record);
    if (is_text(record)) {
        ct_buf_text(buf, "  \"");
        ct_buf_append(buf, record.data, record.len);
        ct_buf_text(buf, "\"");
    }
}

static void append_field(struct ct_buf *buf, const struct ct_ecu_field *field, struct ct_uds_bytes record)
{
    struct ct_ecu_value value;
    if (ct_ecu_field_decode(field, record, buf, &value) != CT_OK) {
        ct_buf_text(buf, "(record too short)");
    } else if (field->unit != NULL && value.state == NULL) {
        ct_buf_printf(buf, " %s", field->unit);
    }
}

void ct_diag_record_text(struct ct_buf *buf, uint16_t id, const struct ct_ecu_did *did, struct ct_uds_bytes record)
{
    ct_buf_printf(buf, "%04X %-20s ", id, did != NULL ? did->name : "");
    if (did == NULL || did->fields_count == 0) {
        append_plain(buf, record);
    } else if (did->fields_count == 1) {
        append_field(buf, &did->fields[0], record);
    } else {
        append_hex(buf, record);
        for (uint32_t i = 0; i < did->fields_count; i++) {
            ct_buf_printf(buf, "\n     %-20s ", did->fields[i].name);
            append_field(buf, &did->fields[i], record);
        }
    }
}

/* As it is shown to people: 14.2, not 14.200000000000001. */
static void value_json(struct ct_json *json, const char *name, double number, const char *text)
{
    if (isfinite(number)) {
        ct_json_number(json, name, text);
    } else {
        ct_json_double(json, name, number);
    }
}

static void field_json(struct ct_json *json, const struct ct_ecu_field *field, struct ct_uds_bytes record)
{
    struct ct_buf text;
    struct ct_ecu_value value;
    ct_buf_init(&text, CT_DIAG_OUTPUT_MAX);
    if (ct_ecu_field_decode(field, record, &text, &value) != CT_OK) {
        ct_json_null(json, field->name);
    } else if (value.is_number && value.state == NULL) {
        value_json(json, field->name, value.number, ct_buf_string(&text));
    } else {
        ct_json_string(json, field->name, ct_buf_string(&text));
    }
    ct_buf_free(&text);
}

void ct_diag_record_json(struct ct_json *json, uint16_t id, const struct ct_ecu_did *did, struct ct_uds_bytes record)
{
    char text[8];
    (void)snprintf(text, sizeof text, "%04X", id);
    ct_json_string(json, "id", text);
    if (did != NULL) {
        ct_json_string(json, "name", did->name);
    }
    ct_json_bytes(json, "hex", record.data, record.len);
    if (did != NULL && did->fields_count > 0) {
        ct_json_object_begin(json, "values");
        for (uint32_t i = 0; i < did->fields_count; i++) {
            field_json(json, &did->fields[i], record);
        }
        ct_json_object_end(json);
    }
}

void ct_diag_dtc_text(uint32_t dtc, char out_text[CT_DIAG_DTC_TEXT])
{
    ct_obd_dtc_text((uint16_t)(dtc >> 8U), out_text);
    (void)snprintf(out_text + CT_OBD_DTC_TEXT - 1, CT_DIAG_DTC_TEXT - CT_OBD_DTC_TEXT + 1, "-%02X",
                   (unsigned)(dtc & 0xFFU));
}

int ct_diag_dtc_parse(const char *text, uint32_t *out_dtc)
{
    char code[CT_OBD_DTC_TEXT];
    uint16_t high;
    (void)snprintf(code, sizeof code, "%.5s", text);
    if (ct_obd_dtc_parse(code, &high) == CT_OK) {
        const char *low = text + CT_OBD_DTC_TEXT - 1;
        const bool whole = *low == '\0';
        const bool suffix = low[0] == '-' && isxdigit((unsigned char)low[1]) != 0 &&
                            isxdigit((unsigned char)low[2]) != 0 && low[3] == '\0';
        if (!whole && !suffix) {
            return CT_ERR_SYNTAX;
        }
        *out_dtc = (uint32_t)high << 8U | (uint32_t)(whole ? 0 : strtoul(low + 1, NULL, 16));
        return CT_OK;
    }
    if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6) {
        return CT_ERR_SYNTAX;
    }
    *out_dtc = (uint32_t)strtoul(text, NULL, 16);
    return CT_OK;
}

void ct_diag_print(struct ct_buf *buf)
{
    puts(ct_buf_string(buf));
    ct_buf_free(buf);
}
