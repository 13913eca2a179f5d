/* What a tester knows about an ECU beforehand: addresses, timing, and what its identifiers, trouble codes, routines and
 * records mean. Read from a file by ecu_file.h; here the lookups and the codec of one value.
 * The structs have the shape of the file (docs/diagnostics.md says what each key means). Constant after loading;
 * thread-safe then. */
#ifndef CT_DIAGNOSTICS_ECU_DESCRIPTION_H
#define CT_DIAGNOSTICS_ECU_DESCRIPTION_H

#include "buf.h"
#include "uds_records.h"

enum ct_ecu_value_type {
    CT_ECU_HEX,
    CT_ECU_ASCII,
    CT_ECU_UINT,  /* big-endian */
    CT_ECU_INT,   /* the same, two's complement */
    CT_ECU_FLOAT, /* IEEE 754, 4 or 8 bytes, big-endian */
    CT_ECU_BCD,
};

struct ct_ecu_state {
    uint64_t value;
    char *text;
};

/* A value inside a record: bytes at..at + width - 1; inside them, `bits` bits from `bit` on (0 is the lowest). */
struct ct_ecu_field {
    char *name;
    char *unit; /* NULL: none */
    enum ct_ecu_value_type type;
    uint32_t at;
    uint32_t width;    /* 0: to the end of the record */
    uint8_t bit, bits; /* bits 0: all */
    double factor;     /* value = raw * factor + offset; 0 stands for 1 */
    double offset;
    struct ct_ecu_state *states;
    uint32_t states_count;
};

struct ct_ecu_did {
    uint16_t id;
    char *name;
    char *text;                  /* NULL: the name says it */
    uint32_t length;             /* bytes; 0: varies */
    bool write;                  /* can be written */
    bool no_read;                /* cannot be read, so a write cannot be read back */
    bool io;                     /* can be controlled by 2F */
    struct ct_ecu_field *fields; /* none: hex */
    uint32_t fields_count;
};

struct ct_ecu_dtc {
    uint32_t code; /* 24 bits */
    char *text;
};

struct ct_ecu_routine {
    uint16_t id;
    char *name;
    char *text;
    uint8_t session; /* 0: any */
    uint8_t level;   /* security level, 0: none */
};

struct ct_ecu_record { /* extended data of a DTC */
    uint8_t record;
    char *name;
    uint32_t length;
};

struct ct_ecu_description {
    char *name;
    char *text;
    char *bus;
    uint32_t request_id, response_id;
    uint32_t *functional_id; /* NULL: 7DF or 18DB33F1 */
    uint32_t periodic_id;    /* of 2A's messages; 0: they come on response_id */
    uint16_t address;        /* DoIP, 0: none */
    bool extended, fd;
    uint32_t p2_ms, p2_star_ms; /* 0: by the standard */
    uint32_t keep_alive_ms;     /* 0: by the standard */
    uint8_t security_level;     /* level that writing and flashing need, 0: none */
    struct ct_ecu_did *dids;
    struct ct_ecu_dtc *dtcs;
    struct ct_ecu_routine *routines;
    struct ct_ecu_record *records;
    uint32_t dids_count, dtcs_count, routines_count, records_count;
};

/* NULL where nothing is known. `text` is a name or a number in hex (F190, 0xF190). */
const struct ct_ecu_did *ct_ecu_did_find(const struct ct_ecu_description *ecu, uint16_t id);
const struct ct_ecu_did *ct_ecu_did_named(const struct ct_ecu_description *ecu, const char *name);
const struct ct_ecu_routine *ct_ecu_routine_named(const struct ct_ecu_description *ecu, const char *name);
const struct ct_ecu_routine *ct_ecu_routine_find(const struct ct_ecu_description *ecu, uint16_t id);
const char *ct_ecu_dtc_text(const struct ct_ecu_description *ecu, uint32_t dtc);
/* Lengths of DIDs and extended data for uds_records.h; usable as long as the description. */
struct ct_uds_lengths ct_ecu_lengths(const struct ct_ecu_description *ecu);

/* One value of a record. */
struct ct_ecu_value {
    bool is_number; /* else `text` alone */
    double number;
    const char *state; /* NULL: none named */
};

/* Appends the value as text ("12.5", "on", hex) without unit, and tells what it is. CT_ERR_TRUNCATED when the record is
 * too short, CT_ERR_UNSUPPORTED for a width the type cannot have. */
int ct_ecu_field_decode(const struct ct_ecu_field *field, struct ct_uds_bytes record, struct ct_buf *text,
                        struct ct_ecu_value *out_value) CT_MUST_CHECK;
/* Puts a value given as text (number, state, ASCII or hex) into a record that has all its bytes. CT_ERR_SYNTAX,
 * CT_ERR_RANGE, CT_ERR_TRUNCATED, CT_ERR_UNSUPPORTED; then nothing is changed. */
int ct_ecu_field_encode(const struct ct_ecu_field *field, const char *text, uint8_t *record, size_t len) CT_MUST_CHECK;

/* Whether the description can be: fields inside their records, widths the types have, no identifier twice. On failure
 * CT_ERR_RANGE or CT_ERR_EXISTS, the list and index of the entry, and what is wrong. */
struct ct_ecu_fault {
    const char *list; /* key of the file; "" for the file itself */
    size_t index;
    const char *what;
};
int ct_ecu_description_check(const struct ct_ecu_description *ecu, struct ct_ecu_fault *out_fault) CT_MUST_CHECK;

#endif
