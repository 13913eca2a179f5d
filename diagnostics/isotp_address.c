#include "isotp.h"

#define PRIORITY_BITS 0x1C000000U
#define PRIORITY_6    0x18000000U

static uint32_t pdu_format(uint32_t id)
{
    return id >> 16 & 0xFFU;
}

static bool mode_fixed(enum ct_isotp_mode mode)
{
    return mode == CT_ISOTP_NORMAL_FIXED || mode == CT_ISOTP_MIXED_29;
}

/* PDU format of a fixed mode: physical, functional. */
static uint32_t format_of(enum ct_isotp_mode mode, bool functional)
{
    static const uint8_t formats[2][2] = {{0xDA, 0xDB}, {0xCE, 0xCD}};
    return formats[mode == CT_ISOTP_MIXED_29][functional];
}

static bool mode_fits(enum ct_isotp_mode mode, uint32_t id, bool extended)
{
    switch (mode) {
    case CT_ISOTP_NORMAL:
    case CT_ISOTP_EXTENDED:
        return true;
    case CT_ISOTP_NORMAL_FIXED:
    case CT_ISOTP_MIXED_29:
        return extended && (pdu_format(id) == format_of(mode, false) || pdu_format(id) == format_of(mode, true));
    case CT_ISOTP_MIXED_11:
        return !extended;
    }
    return false;
}

static int make_address(enum ct_isotp_mode mode, uint32_t id, bool extended, struct ct_isotp_address *out_address)
{
    const uint32_t id_max = extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    if (id > id_max || !mode_fits(mode, id, extended)) {
        return CT_ERR_ARGUMENT;
    }
    *out_address = (struct ct_isotp_address){
        .id = id,
        .mask = mode_fixed(mode) ? CT_ID_EXT_MAX & ~PRIORITY_BITS : CT_ID_EXT_MAX,
        .flags = extended ? CT_FRAME_EXT : 0,
        .has_byte = mode == CT_ISOTP_EXTENDED || mode == CT_ISOTP_MIXED_29 || mode == CT_ISOTP_MIXED_11,
    };
    return CT_OK;
}

int ct_isotp_addresses(const struct ct_isotp_config *config, struct ct_isotp_address *out_to,
                       struct ct_isotp_address *out_from)
{
    const uint8_t bits = config->rx_id_bits;
    const bool rx_extended = bits == 0 ? config->extended : bits == 29;
    struct ct_isotp_address to;
    struct ct_isotp_address from;
    if ((bits != 0 && bits != 11 && bits != 29) ||
        make_address(config->tx_mode, config->tx_id, config->extended, &to) != CT_OK ||
        make_address(config->rx_mode, config->rx_id, rx_extended, &from) != CT_OK) {
        return CT_ERR_ARGUMENT;
    }
    to.byte = config->tx_byte;
    from.byte = config->rx_byte;
    from.mask &= ~config->rx_id_ignored;
    *out_to = to;
    *out_from = from;
    return CT_OK;
}

bool ct_isotp_address_takes(const struct ct_isotp_address *address, const struct ct_frame *frame)
{
    return ((frame->id ^ address->id) & address->mask) == 0 && (frame->flags & CT_FRAME_EXT) == address->flags &&
           (!address->has_byte || (frame->len > 0 && frame->data[0] == address->byte));
}

struct ct_isotp_config ct_isotp_config_usual(uint32_t tx_id, uint32_t rx_id)
{
    return (struct ct_isotp_config){
        .tx_id = tx_id,
        .rx_id = rx_id,
        .extended = tx_id > CT_ID_STD_MAX || rx_id > CT_ID_STD_MAX,
        .tx_dl = 8,
        .padding = true,
        .pad_byte = 0xCC,
        .rx_pad_byte = 0xCC,
    };
}

static uint32_t fixed_id(uint32_t format, uint8_t target, uint8_t source)
{
    return PRIORITY_6 | format << 16 | (uint32_t)target << 8 | source;
}

struct ct_isotp_config ct_isotp_config_fixed(enum ct_isotp_mode mode, uint8_t own, uint8_t peer)
{
    const uint32_t format = format_of(mode, false);
    struct ct_isotp_config config = ct_isotp_config_usual(fixed_id(format, peer, own), fixed_id(format, own, peer));
    config.tx_mode = mode;
    config.rx_mode = mode;
    return config;
}

struct ct_isotp_config ct_isotp_config_functional(const struct ct_isotp_config *config, uint32_t target)
{
    struct ct_isotp_config functional = *config;
    functional.functional = true;
    functional.tx_id = mode_fixed(config->tx_mode)
                           ? fixed_id(format_of(config->tx_mode, true), (uint8_t)target, (uint8_t)config->tx_id)
                           : target;
    return functional;
}
