#include "frame_json.h"

#include <inttypes.h>
#include <stdio.h>

static void write_stamp(struct ct_json *json, ct_ns stamp)
{
    char text[40];
    const char *sign = stamp < 0 ? "-" : "";
    const uint64_t ns = stamp < 0 ? 0 - (uint64_t)stamp : (uint64_t)stamp;
    const uint64_t us = ns / 1000;
    (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%06" PRIu64, sign, us / 1000000, us % 1000000);
    ct_json_number(json, "t", text);
}

static void write_float(struct ct_json *json, const struct ct_dbc_signal *signal, const struct ct_decoded *decoded)
{
    uint8_t bytes[8];
    const size_t size = signal->length / 8U;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)((uint64_t)decoded->raw >> (8 * (size - 1 - i)));
    }
    ct_json_double(json, "raw", ct_codec_float(signal, decoded->raw));
    ct_json_bytes(json, "bits", bytes, size);
    ct_json_double(json, "value", decoded->value);
}

__extension__ typedef __int128 wide; /* every product of a 64-bit raw value and an integer factor */

/* The physical value of an integer signal with an integer scale. */
static void write_exact(struct ct_json *json, const struct ct_dbc_signal *signal, int64_t raw)
{
    const wide exact = (signal->is_signed ? (wide)raw : (wide)(uint64_t)raw) * (wide)signal->factor;
    wide rest = exact + (wide)signal->offset;
    const bool minus = rest < 0;
    char text[48];
    char *digit = text + sizeof text - 1;
    *digit = '\0';
    do {
        const int last = (int)(rest % 10);
        *--digit = (char)('0' + (minus ? -last : last));
        rest /= 10;
    } while (rest != 0);
    if (minus) {
        *--digit = '-';
    }
    ct_json_number(json, "value", digit);
}

static void write_integer(struct ct_json *json, const struct ct_dbc_signal *signal, const struct ct_decoded *decoded)
{
    if (signal->is_signed) {
        ct_json_int(json, "raw", decoded->raw);
    } else {
        ct_json_uint(json, "raw", (uint64_t)decoded->raw);
    }
    if (signal->integer_scale) {
        write_exact(json, signal, decoded->raw);
    } else {
        ct_json_double(json, "value", decoded->value);
    }
}

static void write_blob(struct ct_json *json, const struct ct_codec_message *message, uint16_t signal,
                       const struct ct_frame *frame)
{
    uint8_t bytes[CT_FRAME_DATA_MAX];
    const size_t size = (ct_codec_model(message)->signals[signal].length + 7U) / 8U;
    if (ct_codec_blob(message, signal, frame->data, frame->len, bytes, sizeof bytes) == CT_OK) {
        ct_json_bytes(json, "raw", bytes, size);
    }
}

static void write_signal(struct ct_json *json, const struct ct_codec_message *message, const struct ct_decoded *decoded,
                         const struct ct_frame *frame)
{
    const struct ct_dbc_signal *signal = &ct_codec_model(message)->signals[decoded->signal];
    ct_json_object_begin(json, signal->name);
    if (signal->kind == CT_DBC_BLOB) {
        write_blob(json, message, decoded->signal, frame);
    } else if (signal->kind != CT_DBC_INTEGER) {
        write_float(json, signal, decoded);
    } else {
        write_integer(json, signal, decoded);
    }
    ct_json_string(json, "unit", signal->unit);
    const char *text = signal->kind == CT_DBC_INTEGER ? ct_dbc_text_of(signal, decoded->raw) : NULL;
    if (text != NULL) {
        ct_json_string(json, "text", text);
    }
    ct_json_object_end(json);
}

void ct_cli_frame_json(struct ct_buf *buf, const struct ct_frame *frame, const char *bus,
                       const struct ct_codec_message *message, const char *protection, struct ct_decoded *values)
{
    struct ct_json json;
    ct_json_init(&json, buf);
    ct_json_object_begin(&json, NULL);
    write_stamp(&json, frame->t_ns);
    ct_json_string(&json, "bus", bus);
    ct_json_uint(&json, "id", frame->id);
    ct_json_bool(&json, "ext", (frame->flags & CT_FRAME_EXT) != 0);
    if (message == NULL) {
        ct_json_bytes(&json, "data", frame->data, (frame->flags & CT_FRAME_RTR) != 0 ? 0 : frame->len);
    } else {
        ct_json_string(&json, "name", ct_codec_model(message)->name);
        if (protection != NULL) {
            ct_json_string(&json, "protection", protection);
        }
        ct_json_object_begin(&json, "signals");
        const size_t count = ct_codec_decode(message, frame->data, frame->len, values);
        for (size_t i = 0; i < count; i++) {
            write_signal(&json, message, &values[i], frame);
        }
        ct_json_object_end(&json);
    }
    ct_json_object_end(&json);
    ct_buf_append(buf, "\n", 1);
}
