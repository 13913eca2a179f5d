#include "uds_layout.h"

#define ANY        0x00, 0xFF
#define AT(member) ((uint16_t)offsetof(struct ct_uds_message, member))

/* Fields by the names the standard's tables have. */
#define OPTION                      \
    {                               \
        CT_UDS_FIELD_U8, AT(option) \
    }
#define OPTION2                 \
    {                           \
        CT_UDS_FIELD_OPTION2, 0 \
    }
#define MASK                             \
    {                                    \
        CT_UDS_FIELD_U8, AT(status_mask) \
    }
#define SEVERITY                           \
    {                                      \
        CT_UDS_FIELD_U8, AT(severity_mask) \
    }
#define RECORD                      \
    {                               \
        CT_UDS_FIELD_U8, AT(record) \
    }
#define MEMSEL                      \
    {                               \
        CT_UDS_FIELD_U8, AT(memory) \
    }
#define GROUP                      \
    {                              \
        CT_UDS_FIELD_U8, AT(group) \
    }
#define FORMAT                      \
    {                               \
        CT_UDS_FIELD_U8, AT(format) \
    }
#define COUNT                       \
    {                               \
        CT_UDS_FIELD_U16, AT(count) \
    }
#define NODE                       \
    {                              \
        CT_UDS_FIELD_U16, AT(node) \
    }
#define DTC                       \
    {                             \
        CT_UDS_FIELD_U24, AT(dtc) \
    }
#define ID                        \
    {                             \
        CT_UDS_FIELD_U16, AT(ids) \
    }
#define OPT_ID                    \
    {                             \
        CT_UDS_FIELD_OPTION_ID, 0 \
    }
#define P2                          \
    {                               \
        CT_UDS_FIELD_U16, AT(p2_ms) \
    }
#define P2_STAR                            \
    {                                      \
        CT_UDS_FIELD_U16, AT(p2_star_10ms) \
    }
#define REST                 \
    {                        \
        CT_UDS_FIELD_REST, 0 \
    }
#define PART                 \
    {                        \
        CT_UDS_FIELD_PART, 0 \
    }
#define ALGO                      \
    {                             \
        CT_UDS_FIELD_ALGORITHM, 0 \
    }
#define IDS                   \
    {                         \
        CT_UDS_FIELD_IDS16, 0 \
    }
#define IDS8                 \
    {                        \
        CT_UDS_FIELD_IDS8, 0 \
    }
#define MEMORY                 \
    {                          \
        CT_UDS_FIELD_MEMORY, 0 \
    }
#define BLOCK                 \
    {                         \
        CT_UDS_FIELD_BLOCK, 0 \
    }
#define FILE_BLOCK                 \
    {                              \
        CT_UDS_FIELD_FILE_BLOCK, 0 \
    }
#define SOURCES                 \
    {                           \
        CT_UDS_FIELD_SOURCES, 0 \
    }
#define RANGES                 \
    {                          \
        CT_UDS_FIELD_RANGES, 0 \
    }
#define SIZES                 \
    {                         \
        CT_UDS_FIELD_SIZES, 0 \
    }
#define NOTHING             \
    {                       \
        CT_UDS_FIELD_END, 0 \
    }

/* clang-format off */
static const struct ct_uds_layout requests[] = {
    {0x10, ANY, {NOTHING}},
    {0x11, ANY, {NOTHING}},
    {0x14, ANY, {DTC, OPTION2}},
    {0x19, 0x01, 0x02, {MASK}},
    {0x19, 0x03, 0x03, {NOTHING}},
    {0x19, 0x04, 0x04, {DTC, RECORD}},
    {0x19, 0x05, 0x05, {RECORD}},
    {0x19, 0x06, 0x06, {DTC, RECORD}},
    {0x19, 0x07, 0x08, {SEVERITY, MASK}},
    {0x19, 0x09, 0x09, {DTC}},
    {0x19, 0x0A, 0x0E, {NOTHING}},
    {0x19, 0x0F, 0x0F, {MASK}},            /* 0F to 13: withdrawn in 2020, still met */
    {0x19, 0x10, 0x10, {DTC, RECORD}},
    {0x19, 0x11, 0x13, {MASK}},
    {0x19, 0x14, 0x15, {NOTHING}},
    {0x19, 0x16, 0x16, {RECORD}},
    {0x19, 0x17, 0x17, {MASK, MEMSEL}},
    {0x19, 0x18, 0x19, {DTC, RECORD, MEMSEL}},
    {0x19, 0x1A, 0x1A, {RECORD}},
    {0x19, 0x42, 0x42, {GROUP, MASK, SEVERITY}},
    {0x19, 0x55, 0x55, {GROUP}},
    {0x19, 0x56, 0x56, {GROUP, RECORD}},
    {0x22, ANY, {IDS}},
    {0x23, ANY, {MEMORY}},
    {0x24, ANY, {ID}},
    {0x27, ANY, {REST}},
    {0x28, 0x00, 0x03, {OPTION}},
    {0x28, 0x04, 0x05, {OPTION, NODE}},
    {0x28, 0x06, 0xFF, {OPTION, REST}},
    {0x29, 0x00, 0x00, {NOTHING}},
    {0x29, 0x01, 0x02, {OPTION, PART, PART}},
    {0x29, 0x03, 0x03, {PART, PART}},
    {0x29, 0x04, 0x04, {NODE, PART}},
    {0x29, 0x05, 0x05, {OPTION, ALGO}},
    {0x29, 0x06, 0x07, {ALGO, PART, PART, PART}},
    {0x29, 0x08, 0x08, {NOTHING}},
    {0x2A, ANY, {OPTION, IDS8}},
    {0x2C, 0x01, 0x01, {ID, SOURCES}},
    {0x2C, 0x02, 0x02, {ID, RANGES}},
    {0x2C, 0x03, 0x03, {OPT_ID}},
    {0x2E, ANY, {ID, REST}},
    {0x2F, ANY, {ID, OPTION, REST}},
    {0x31, ANY, {ID, REST}},
    {0x34, ANY, {OPTION, MEMORY}},
    {0x35, ANY, {OPTION, MEMORY}},
    {0x36, ANY, {OPTION, REST}},
    {0x37, ANY, {REST}},
    {0x38, 0x01, 0x01, {GROUP, PART, OPTION, SIZES}},
    {0x38, 0x02, 0x02, {GROUP, PART}},
    {0x38, 0x03, 0x03, {GROUP, PART, OPTION, SIZES}},
    {0x38, 0x04, 0x04, {GROUP, PART, OPTION}},
    {0x38, 0x05, 0x05, {GROUP, PART}},
    {0x38, 0x06, 0x06, {GROUP, PART, OPTION, SIZES}},
    {0x3D, ANY, {MEMORY, REST}},
    {0x3E, ANY, {NOTHING}},
    {0x83, ANY, {REST}},
    {0x84, ANY, {NODE, REST}},
    {0x85, ANY, {REST}},
    {0x86, ANY, {OPTION, REST}},
    {0x87, 0x01, 0x01, {OPTION}},
    {0x87, 0x02, 0x02, {DTC}},
    {0x87, 0x03, 0x03, {NOTHING}},
};

static const struct ct_uds_layout responses[] = {
    {0x10, ANY, {P2, P2_STAR}},
    {0x11, ANY, {OPTION2}},
    {0x14, ANY, {NOTHING}},
    {0x19, 0x01, 0x01, {MASK, FORMAT, COUNT}},
    {0x19, 0x02, 0x02, {MASK, REST}},
    {0x19, 0x03, 0x06, {REST}},
    {0x19, 0x07, 0x07, {MASK, FORMAT, COUNT}},
    {0x19, 0x08, 0x0F, {MASK, REST}},
    {0x19, 0x10, 0x10, {REST}},
    {0x19, 0x11, 0x12, {MASK, FORMAT, COUNT}},
    {0x19, 0x13, 0x13, {MASK, REST}},
    {0x19, 0x14, 0x14, {REST}},
    {0x19, 0x15, 0x15, {MASK, REST}},
    {0x19, 0x16, 0x16, {RECORD, REST}},
    {0x19, 0x17, 0x17, {MEMSEL, MASK, REST}},
    {0x19, 0x18, 0x19, {MEMSEL, REST}},
    {0x19, 0x1A, 0x1A, {MASK, RECORD, REST}},
    {0x19, 0x42, 0x42, {GROUP, MASK, SEVERITY, FORMAT, REST}},
    {0x19, 0x55, 0x55, {GROUP, MASK, FORMAT, REST}},
    {0x19, 0x56, 0x56, {GROUP, MASK, FORMAT, RECORD, REST}},
    {0x22, ANY, {REST}},
    {0x23, ANY, {REST}},
    {0x24, ANY, {ID, REST}},
    {0x27, ANY, {REST}},
    {0x28, ANY, {NOTHING}},
    {0x29, 0x00, 0x00, {OPTION}},
    {0x29, 0x01, 0x01, {OPTION, PART, PART}},
    {0x29, 0x02, 0x02, {OPTION, REST}},
    {0x29, 0x03, 0x03, {OPTION, PART}},
    {0x29, 0x04, 0x04, {OPTION}},
    {0x29, 0x05, 0x05, {OPTION, ALGO, PART, PART}},
    {0x29, 0x06, 0x06, {OPTION, ALGO, PART}},
    {0x29, 0x07, 0x07, {OPTION, ALGO, PART, PART}},
    {0x29, 0x08, 0x08, {OPTION}},
    {0x2A, ANY, {NOTHING}},
    {0x2C, ANY, {OPT_ID}},
    {0x2E, ANY, {ID}},
    {0x2F, ANY, {ID, OPTION, REST}},
    {0x31, ANY, {ID, REST}},
    {0x34, ANY, {BLOCK}},
    {0x35, ANY, {BLOCK}},
    {0x36, ANY, {OPTION, REST}},
    {0x37, ANY, {REST}},
    {0x38, 0x01, 0x01, {GROUP, FILE_BLOCK, OPTION}},
    {0x38, 0x02, 0x02, {GROUP}},
    {0x38, 0x03, 0x03, {GROUP, FILE_BLOCK, OPTION}},
    {0x38, 0x04, 0x06, {GROUP, FILE_BLOCK, OPTION, REST}},
    {0x3D, ANY, {MEMORY}},
    {0x3E, ANY, {NOTHING}},
    {0x83, ANY, {REST}},
    {0x84, ANY, {NODE, REST}},
    {0x85, ANY, {NOTHING}},
    {0x86, ANY, {OPTION, REST}},
    {0x87, ANY, {NOTHING}},
};
/* clang-format on */

static const struct ct_uds_layout *find(const struct ct_uds_layout *table, size_t count, uint8_t service,
                                        uint8_t selector)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].service == service && selector >= table[i].first && selector <= table[i].last) {
            return &table[i];
        }
    }
    return NULL;
}

const struct ct_uds_layout *ct_uds_layout_request(uint8_t service, uint8_t selector)
{
    return find(requests, sizeof requests / sizeof requests[0], service, selector);
}

const struct ct_uds_layout *ct_uds_layout_response(uint8_t service, uint8_t selector)
{
    return find(responses, sizeof responses / sizeof responses[0], service, selector);
}
