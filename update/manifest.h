/* An update as read from verified bytes: the release (which parameters, for what) and the directive (this vehicle,
 * now). Same fields as Release and Directive in cantwin.proto, where each is explained; proto/update_wire.h fills them.
 * Fixed size (about 260 KiB a release): no allocation sized by a sender. Plain values; thread-safe.
 * Source: design section 10; facts on update trust section 1.5. */
#ifndef CT_UPDATE_MANIFEST_H
#define CT_UPDATE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_UPDATE_ENVELOPE_MAX      65536
#define CT_UPDATE_ID_SIZE           16
#define CT_UPDATE_HASH_SIZE         32
#define CT_UPDATE_NAME_MAX          64 /* of a set, a parameter, an ECU */
#define CT_UPDATE_PARAMETERS_MAX    256
#define CT_UPDATE_TARGETS_MAX       32
#define CT_UPDATE_HARDWARE_MAX      8 /* ids of a target */
#define CT_UPDATE_ROUTINES_MAX      4 /* before, and after, of a target */
#define CT_UPDATE_OPTIONS_MAX       32
#define CT_UPDATE_PRECONDITIONS_MAX 16
#define CT_UPDATE_RXSWIN_MAX        8
#define CT_UPDATE_RAW_MAX           512                             /* bytes of a value that is written by 2E */
#define CT_UPDATE_BLOB_MAX          4194304                         /* bytes of a block or file */
#define CT_UPDATE_LIFETIME_MS       (INT64_C(7) * 24 * 3600 * 1000) /* longest issued .. expires of a directive */
#define CT_UPDATE_OWN_ECU           "gateway"

#define CT_DOMAIN_ROOT      "cantwin/root/v1"
#define CT_DOMAIN_RELEASE   "cantwin/release/v1"
#define CT_DOMAIN_DIRECTIVE "cantwin/directive/v1"

/* Same numbers as ParameterType. */
enum ct_parameter_type {
    CT_PARAMETER_UINT8 = 1,
    CT_PARAMETER_UINT16,
    CT_PARAMETER_UINT32,
    CT_PARAMETER_INT8,
    CT_PARAMETER_INT16,
    CT_PARAMETER_INT32,
    CT_PARAMETER_FLOAT32,
    CT_PARAMETER_FLOAT64,
    CT_PARAMETER_BYTES,
    CT_PARAMETER_TEXT,
    CT_PARAMETER_BLOB,
};

enum ct_parameter_place { CT_PLACE_DID = 3, CT_PLACE_MEMORY = 4, CT_PLACE_OWN = 5 };

struct ct_blob_name {
    uint8_t sha256[CT_UPDATE_HASH_SIZE];
    uint32_t size; /* 1 .. CT_UPDATE_BLOB_MAX */
};

struct ct_parameter {
    char name[CT_UPDATE_NAME_MAX + 1];
    char ecu[CT_UPDATE_NAME_MAX + 1];
    enum ct_parameter_place place;
    uint16_t did;                     /* DID */
    uint64_t memory_address;          /* MEMORY */
    uint32_t memory_size;             /* bytes */
    uint8_t memory_format;            /* addressAndLengthFormatIdentifier; 0: 0x44 */
    uint8_t data_format;              /* dataFormatIdentifier */
    char own[CT_UPDATE_NAME_MAX + 1]; /* OWN */
    enum ct_parameter_type type;
    uint8_t raw[CT_UPDATE_RAW_MAX]; /* as it is written, whatever the type; not of BLOB */
    uint16_t raw_len;               /* 0: the value that was given is none of the type's */
    struct ct_blob_name blob;       /* BLOB */
    bool little_endian;
    double factor, offset; /* physical = stored * factor + offset; factor is never 0 here */
    char unit[16];
    double min, max;  /* physical, both included; of numbers */
    double tolerance; /* physical, >= 0 */
    uint8_t expected_old[CT_UPDATE_RAW_MAX];
    uint16_t expected_old_len; /* 0: any */
};

struct ct_routine_call {
    uint16_t routine;
    uint8_t options[CT_UPDATE_OPTIONS_MAX];
    uint8_t options_len;
};

struct ct_update_target {
    char ecu[CT_UPDATE_NAME_MAX + 1];
    char hardware[CT_UPDATE_HARDWARE_MAX][CT_UPDATE_NAME_MAX + 1];
    size_t hardware_count;                                                           /* 0: any */
    char software_min[CT_UPDATE_NAME_MAX + 1], software_max[CT_UPDATE_NAME_MAX + 1]; /* "": any */
    uint8_t session;        /* never 0 here: 3 when none was named */
    uint8_t security_level; /* odd; 0: none */
    struct ct_routine_call before[CT_UPDATE_ROUTINES_MAX], after[CT_UPDATE_ROUTINES_MAX];
    size_t before_count, after_count;
    bool reset;
};

struct ct_precondition {
    char path[257];
    double min, max; /* physical, both included */
    uint32_t for_ms;
};

struct ct_release {
    char set_id[CT_UPDATE_NAME_MAX + 1];
    uint32_t counter;
    int64_t issued_utc_ms, expires_utc_ms;
    uint8_t base_set_hash[CT_UPDATE_HASH_SIZE]; /* zeros: no set has been applied */
    bool decoder_asked;
    uint8_t decoder_hash[CT_UPDATE_HASH_SIZE];
    struct ct_update_target targets[CT_UPDATE_TARGETS_MAX];
    size_t target_count;
    struct ct_parameter parameters[CT_UPDATE_PARAMETERS_MAX];
    size_t parameter_count;
    struct ct_precondition preconditions[CT_UPDATE_PRECONDITIONS_MAX];
    size_t precondition_count;
    uint32_t max_apply_s;
    char rxswin[CT_UPDATE_RXSWIN_MAX][CT_UPDATE_NAME_MAX + 1];
    size_t rxswin_count;
    char user_notice[257];
    bool hold_when_moving;
    uint32_t rollback_counter;
    uint8_t set_hash[CT_UPDATE_HASH_SIZE]; /* of its parameters: ct_set_hash */
};

struct ct_directive {
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    char vehicle_id[CT_UPDATE_NAME_MAX + 1];
    char ecu_serial[CT_UPDATE_NAME_MAX + 1]; /* "": not asked */
    uint64_t seq;
    int64_t issued_utc_ms, not_before_utc_ms, expires_utc_ms;
    uint8_t release_sha256[CT_UPDATE_HASH_SIZE];
    uint32_t release_len;
    bool confirm, rollback;
};

/* Bytes of a number; 0: not a number. */
size_t ct_parameter_width(enum ct_parameter_type type);
/* The bytes of a number of a parameter's type: its raw and raw_len are set; raw_len 0 when it does not fit. */
void ct_parameter_set_integer(struct ct_parameter *parameter, int64_t value);
void ct_parameter_set_number(struct ct_parameter *parameter, double value);
/* The number that stands in the bytes; NaN for other types and wrong lengths. */
double ct_parameter_stored(const struct ct_parameter *parameter, const uint8_t *raw, size_t len);
/* The stored number of a numeric parameter's raw bytes as a physical value; NaN for other types and wrong lengths. */
double ct_parameter_physical(const struct ct_parameter *parameter, const uint8_t *raw, size_t len);
/* Whether what was read back is the value: numbers within the tolerance, all else byte for byte. */
bool ct_parameter_same(const struct ct_parameter *parameter, const uint8_t *read_back, size_t len);

/* Names what a set makes of a vehicle: SHA-256 over its parameters in order of (ecu, place, address or name); each is
 * ecu NUL, place (1 byte), address (u64 big-endian; OWN: its name NUL), length (u32 big-endian), content (BLOB: its
 * SHA-256). */
void ct_set_hash(const struct ct_parameter *parameters, size_t count, uint8_t out_hash[CT_UPDATE_HASH_SIZE]);

#endif
