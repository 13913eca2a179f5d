/* Which fields a UDS message has, after service id and sub-function. Private to uds_message. Constant data only. */
#ifndef CT_DIAGNOSTICS_UDS_LAYOUT_H
#define CT_DIAGNOSTICS_UDS_LAYOUT_H

#include "uds_message.h"

enum ct_uds_field_kind {
    CT_UDS_FIELD_END,
    CT_UDS_FIELD_U8,
    CT_UDS_FIELD_U16,
    CT_UDS_FIELD_U24,
    CT_UDS_FIELD_OPTION2,    /* one byte or nothing */
    CT_UDS_FIELD_OPTION_ID,  /* ids[0] or nothing */
    CT_UDS_FIELD_REST,       /* data: all that is left */
    CT_UDS_FIELD_PART,       /* two bytes of length, then the bytes of the next of `parts` */
    CT_UDS_FIELD_ALGORITHM,  /* 16 bytes */
    CT_UDS_FIELD_IDS16,      /* all that is left is identifiers of two bytes */
    CT_UDS_FIELD_IDS8,       /* the same of one byte */
    CT_UDS_FIELD_MEMORY,     /* addressAndLengthFormatIdentifier, address, size */
    CT_UDS_FIELD_BLOCK,      /* lengthFormatIdentifier (high nibble), size */
    CT_UDS_FIELD_FILE_BLOCK, /* the same with the length in the whole byte, as 78 has it */
    CT_UDS_FIELD_SOURCES,    /* identifier, position, size; repeated */
    CT_UDS_FIELD_RANGES,     /* format identifier, then address and size repeated */
    CT_UDS_FIELD_SIZES,      /* one byte of length, then two file sizes of that length */
    CT_UDS_FIELD_KINDS,
};

struct ct_uds_field {
    uint8_t kind;
    uint16_t at; /* U8, U16, U24: offset in struct ct_uds_message */
};

#define CT_UDS_LAYOUT_FIELDS 6

struct ct_uds_layout {
    uint8_t service;
    uint8_t first, last; /* sub-functions (file mode for 38); 0, 255 when the service has none */
    struct ct_uds_field fields[CT_UDS_LAYOUT_FIELDS];
};

/* NULL when the standard has no such message. `selector` is the sub-function, or the file mode of 38. */
const struct ct_uds_layout *ct_uds_layout_request(uint8_t service, uint8_t selector);
const struct ct_uds_layout *ct_uds_layout_response(uint8_t service, uint8_t selector);

#endif
