#include "udp_codec.h"

#include "msgpack.h"

#include <string.h>

/* What the datagram says, before it is a frame. */
struct message {
    double timestamp;
    uint64_t id;
    uint64_t dlc;
    bool dlc_known;
    bool ext;
    bool remote;
    bool error;
    bool fd;
    bool brs;
    bool esi;
    const uint8_t *data;
    size_t data_len;
};

static size_t put_flag(uint8_t *out, size_t at, const char *key, bool value)
{
    return ct_msgpack_put_bool(out, ct_msgpack_put_text(out, at, key), value);
}

/* Seconds and the rest apart: nanoseconds since 1970 do not fit a double. */
static double to_seconds(int64_t utc_ns)
{
    const int64_t whole = utc_ns / CT_NS_PER_S;
    return (double)whole + (double)(utc_ns % CT_NS_PER_S) / 1e9;
}

static int64_t from_seconds(double seconds)
{
    if (!(seconds > 0 && seconds < 9e9)) {
        return 0;
    }
    const int64_t whole = (int64_t)seconds;
    return whole * CT_NS_PER_S + (int64_t)((seconds - (double)whole) * 1e9);
}

size_t ct_udp_encode(const struct ct_frame *frame, uint8_t out[CT_UDP_FRAME_MAX])
{
    const unsigned flags = frame->flags;
    const bool remote = (flags & CT_FRAME_RTR) != 0;
    /* can.Message checks the id of an error frame like any other: the class bits need the 29-bit range. */
    const bool ext = (flags & CT_FRAME_EXT) != 0 || frame->id > CT_ID_STD_MAX;
    size_t at = ct_msgpack_put_map(out, 0, 11);
    at = ct_msgpack_put_double(out, ct_msgpack_put_text(out, at, "timestamp"), to_seconds(frame->utc_ns));
    at = ct_msgpack_put_uint(out, ct_msgpack_put_text(out, at, "arbitration_id"), frame->id);
    at = put_flag(out, at, "is_extended_id", ext);
    at = put_flag(out, at, "is_remote_frame", remote);
    at = put_flag(out, at, "is_error_frame", (flags & CT_FRAME_ERR) != 0);
    at = ct_msgpack_put_nil(out, ct_msgpack_put_text(out, at, "channel"));
    at = ct_msgpack_put_uint(out, ct_msgpack_put_text(out, at, "dlc"), frame->len);
    at = ct_msgpack_put_bin(out, ct_msgpack_put_text(out, at, "data"), frame->data, remote ? 0 : frame->len);
    at = put_flag(out, at, "is_fd", (flags & CT_FRAME_FD) != 0);
    at = put_flag(out, at, "bitrate_switch", (flags & CT_FRAME_BRS) != 0);
    return put_flag(out, at, "error_state_indicator", (flags & CT_FRAME_ESI) != 0);
}

static int set_flag(bool *flag, const struct ct_msgpack_value *value)
{
    *flag = value->number != 0;
    return value->type == CT_MSGPACK_BOOL ? CT_OK : CT_ERR_SYNTAX;
}

static int set_number(uint64_t *number, const struct ct_msgpack_value *value)
{
    *number = value->number;
    return value->type == CT_MSGPACK_UINT ? CT_OK : CT_ERR_SYNTAX;
}

static int set_timestamp(double *timestamp, const struct ct_msgpack_value *value)
{
    *timestamp = value->type == CT_MSGPACK_FLOAT ? value->real : 0.0;
    if (value->type == CT_MSGPACK_UINT) {
        *timestamp = (double)value->number;
    }
    return value->type == CT_MSGPACK_FLOAT || value->type == CT_MSGPACK_UINT || value->type == CT_MSGPACK_NIL
               ? CT_OK
               : CT_ERR_SYNTAX;
}

static int set_data(struct message *m, const struct ct_msgpack_value *value)
{
    if (value->type == CT_MSGPACK_NIL) {
        return CT_OK;
    }
    m->data = value->data;
    m->data_len = value->len;
    return value->type == CT_MSGPACK_BIN ? CT_OK : CT_ERR_SYNTAX;
}

static bool key_is(const struct ct_msgpack_value *key, const char *text)
{
    return key->len == strlen(text) && memcmp(key->data, text, key->len) == 0;
}

static int set_member(struct message *m, const struct ct_msgpack_value *key, const struct ct_msgpack_value *value)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"is_extended_id", &m->ext}, {"is_remote_frame", &m->remote}, {"is_error_frame", &m->error},
        {"is_fd", &m->fd},           {"bitrate_switch", &m->brs},     {"error_state_indicator", &m->esi},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (key_is(key, flags[i].key)) {
            return set_flag(flags[i].flag, value);
        }
    }
    if (key_is(key, "arbitration_id")) {
        return set_number(&m->id, value);
    }
    if (key_is(key, "dlc")) {
        m->dlc_known = value->type != CT_MSGPACK_NIL;
        return m->dlc_known ? set_number(&m->dlc, value) : CT_OK;
    }
    if (key_is(key, "timestamp")) {
        return set_timestamp(&m->timestamp, value);
    }
    return key_is(key, "data") ? set_data(m, value) : CT_OK;
}

static int parse(const uint8_t *data, size_t len, struct message *m)
{
    struct ct_msgpack_reader reader = {data, len, 0};
    struct ct_msgpack_value map;
    int err = ct_msgpack_next(&reader, &map);
    if (err == CT_OK && map.type != CT_MSGPACK_MAP) {
        err = CT_ERR_SYNTAX;
    }
    for (uint64_t i = 0; err == CT_OK && i < map.number; i++) {
        struct ct_msgpack_value key;
        struct ct_msgpack_value value;
        err = ct_msgpack_next(&reader, &key);
        err = err == CT_OK && key.type != CT_MSGPACK_TEXT ? CT_ERR_SYNTAX : err;
        err = err == CT_OK ? ct_msgpack_next(&reader, &value) : err;
        err = err == CT_OK ? set_member(m, &key, &value) : err;
        err = err == CT_OK ? ct_msgpack_skip_content(&reader, &value) : err;
    }
    return err == CT_OK && reader.at != len ? CT_ERR_SYNTAX : err;
}

static uint16_t flags_of(const struct message *m)
{
    unsigned flags = 0;
    flags |= m->ext && !m->error ? (unsigned)CT_FRAME_EXT : 0U;
    flags |= m->remote ? (unsigned)CT_FRAME_RTR : 0U;
    flags |= m->error ? (unsigned)CT_FRAME_ERR : 0U;
    flags |= m->fd ? (unsigned)CT_FRAME_FD : 0U;
    flags |= m->fd && m->brs ? (unsigned)CT_FRAME_BRS : 0U;
    flags |= m->fd && m->esi ? (unsigned)CT_FRAME_ESI : 0U;
    return (uint16_t)flags;
}

static int to_frame(const struct message *m, struct ct_frame *frame)
{
    const uint64_t len = m->dlc_known ? m->dlc : m->data_len;
    if (m->id > CT_ID_EXT_MAX || len > CT_FRAME_DATA_MAX || (!m->remote && len != m->data_len)) {
        return CT_ERR_RANGE;
    }
    frame->id = (uint32_t)m->id;
    frame->flags = flags_of(m);
    frame->len = (uint8_t)len;
    frame->utc_ns = from_seconds(m->timestamp);
    if (!m->remote && m->data_len > 0) {
        memcpy(frame->data, m->data, m->data_len);
    }
    return ct_frame_valid(frame) ? CT_OK : CT_ERR_RANGE;
}

int ct_udp_decode(const uint8_t *data, size_t len, struct ct_frame *out_frame)
{
    struct message m = {.ext = true}; /* can.Message's default */
    int err = parse(data, len, &m);
    struct ct_frame frame = {0};
    if (err == CT_OK) {
        err = to_frame(&m, &frame);
    }
    if (err == CT_OK) {
        *out_frame = frame;
    }
    return err;
}
