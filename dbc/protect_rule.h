/* Internal to dbc/: a compiled protection rule and the table of schemes it comes from. */
#ifndef CT_DBC_PROTECT_RULE_H
#define CT_DBC_PROTECT_RULE_H

#include "crc.h"
#include "protect.h"

#define PROTECT_FRAME_MAX   64
#define PROTECT_SEGMENT_MAX 8
#define PROTECT_LIST        16 /* data ids of profiles 2 and 22: one for each counter value */

/* Where a counter or checksum lies: its bits from the most significant on, in pieces that do not cross bytes. */
struct protect_segment {
    uint8_t byte;
    uint8_t shift;
    uint8_t width;
};

struct protect_field {
    struct protect_segment segments[PROTECT_SEGMENT_MAX];
    uint8_t count; /* 0: there is none */
    uint8_t width;
    int32_t signal; /* that lies exactly here, -1: none */
};

uint64_t ct_protect_field_get(const struct protect_field *field, const uint8_t *data);
void ct_protect_field_put(const struct protect_field *field, uint8_t *data, uint64_t value);

/* Profile 1's ways to take the data id into the checksum. */
enum protect_id_mode { PROTECT_ID_BOTH, PROTECT_ID_ALTERNATE, PROTECT_ID_LOW, PROTECT_ID_NIBBLE };

struct protect_scheme;

struct ct_protect_rule {
    const struct protect_scheme *scheme;
    const struct ct_crc_tables *crc;
    const uint8_t *crc8; /* table of the rule's own polynomial */
    struct protect_field checksum;
    struct protect_field counter;
    struct protect_field id_nibble; /* profiles 1 and 11 */
    uint64_t counter_end;
    uint32_t max_delta;
    uint32_t data_id;
    uint32_t initial;
    uint32_t final_xor;
    uint16_t length; /* bytes covered */
    uint16_t header; /* first byte of an E2E header */
    enum protect_id_mode id_mode;
    uint8_t list[PROTECT_LIST];
};

/* The keys of a configuration that a scheme understands beyond those that all do. */
enum protect_key {
    PROTECT_KEY_SIGNALS = 1 << 0, /* checksum, counter: where the layout is not the scheme's */
    PROTECT_KEY_DATA_ID = 1 << 1,
    PROTECT_KEY_DATA_IDS = 1 << 2,
    PROTECT_KEY_ID_MODE = 1 << 3,
    PROTECT_KEY_OFFSET = 1 << 4,
    PROTECT_KEY_PLACES = 1 << 5, /* counter_offset, id_offset */
    PROTECT_KEY_POLYNOMIAL = 1 << 6,
    PROTECT_KEY_START = 1 << 7, /* initial, final_xor */
    PROTECT_KEY_COUNTER_END = 1 << 8,
};

struct protect_scheme {
    const char *name;
    unsigned keys;
    uint8_t checksum_width; /* bits; 0: any, or the layout says it */
    uint8_t counter_end;    /* 0: as its width gives it */
    uint8_t header_size;    /* bytes from the header's first to its last; E2E only */
    uint8_t min_length;     /* bytes, 0: what the fields need */
    /* Where the scheme itself says where things lie; NULL: at the signals. Leaves `checksum` empty where it knows none
     * for this id. */
    void (*layout)(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id);
    /* What a scheme draws from the id once: lists, start values. False: it does not know this id, and the configuration
     * must say it. NULL: nothing. */
    bool (*prepare)(struct ct_protect_rule *rule, uint32_t id);
    /* Fields beside counter and checksum that a frame must carry; NULL: none. */
    bool (*header_good)(const struct ct_protect_rule *rule, const uint8_t *data);
    void (*header_put)(const struct ct_protect_rule *rule, uint8_t *data);
    /* The checksum that belongs to `data`; what stands in its place is not looked at. NULL: none. */
    uint64_t (*compute)(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data);
    uint8_t polynomial; /* CRC-8 schemes */
    uint8_t initial;
    uint8_t final_xor;
    unsigned flags; /* compute's own */
};

const struct protect_scheme *ct_protect_scheme_find(const char *name);

/* profiles (protect_e2e.c) */
extern const struct protect_scheme ct_protect_e2e_schemes[];
extern const size_t ct_protect_e2e_scheme_count;
/* manufacturers (protect_makers.c) */
extern const struct protect_scheme ct_protect_maker_schemes[];
extern const size_t ct_protect_maker_scheme_count;

/* Fields of whole bytes, and of bits inside one byte (`bit`: the least significant). */
void ct_protect_field_bytes(struct protect_field *field, unsigned byte, unsigned bytes, bool big_endian);
void ct_protect_field_bits(struct protect_field *field, unsigned bit, unsigned width);

/* The 16 data ids of a Volkswagen message; false when the id is none of the known ones. */
bool ct_protect_volkswagen_list(uint32_t id, uint8_t list[PROTECT_LIST]);

/* ---- making rules */

/* One configuration at work. */
struct protect_maker {
    struct ct_protect *protect;
    const struct ct_protect_config *config;
    const struct protect_scheme *scheme;
    size_t number; /* from 1 */
    char *problem;
    size_t problem_size;
};

/* Adds `rule N: ...` to the maker's problems. Returns CT_ERR_SYNTAX. */
int ct_protect_refuse(const struct protect_maker *maker, const char *format, ...) CT_PRINTF(2, 3);

/* Finds the scheme and checks what can be checked without a message. */
int ct_protect_check_config(struct protect_maker *maker) CT_MUST_CHECK;
int ct_protect_id_mode(const char *text, enum protect_id_mode *out_mode); /* NULL leaves it as it is */

/* The rule of one message. CT_ERR_UNSUPPORTED, with the problem told, where the scheme does not fit the message: an
 * error only when the message was named. */
int ct_protect_build(const struct protect_maker *maker, const struct ct_dbc_message *message,
                     struct ct_protect_rule *out_rule) CT_MUST_CHECK;

/* Tables that live as long as the rules; NULL: out of memory. */
const uint8_t *ct_protect_crc8_table(struct ct_protect *protect, uint8_t polynomial);
const struct ct_crc_tables *ct_protect_crc_tables(const struct ct_protect *protect);

#endif
