/* Identifiers, records and trouble codes as `cantwin diag` reads and shows them. */
#ifndef CT_CLI_DIAG_VALUES_H
#define CT_CLI_DIAG_VALUES_H

#include "ecu_description.h"
#include "json.h"

#define CT_DIAG_OUTPUT_MAX (4U << 20U)

/* A DID by name or in hex (F190, 0xF190); *out_did NULL where the description does not have it. */
int ct_diag_did_of(const struct ct_ecu_description *ecu, const char *text, uint16_t *out_id,
                   const struct ct_ecu_did **out_did) CT_MUST_CHECK;

/* One line "F190 vin  WCT...", or a line and one for each field. */
void ct_diag_record_text(struct ct_buf *buf, uint16_t id, const struct ct_ecu_did *did, struct ct_uds_bytes record);
/* Members id, name, hex and values of an object that is open. */
void ct_diag_record_json(struct ct_json *json, uint16_t id, const struct ct_ecu_did *did, struct ct_uds_bytes record);

/* "P0301-00" and its 24 bits. */
#define CT_DIAG_DTC_TEXT 12
void ct_diag_dtc_text(uint32_t dtc, char out_text[CT_DIAG_DTC_TEXT]);
/* P0301, P0301-1C or six hex digits; CT_ERR_SYNTAX. */
int ct_diag_dtc_parse(const char *text, uint32_t *out_dtc) CT_MUST_CHECK;

/* Prints the buffer with a final new line and frees it. */
void ct_diag_print(struct ct_buf *buf);

#endif
