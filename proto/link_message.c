#include "link_message.h"

#include "pb.h"

#define SAME_CLASS(name) _Static_assert((int)CT_CLASS_##name == (int)CANTWIN__V1__DELIVERY_CLASS__##name, "classes")
SAME_CLASS(EVENT);
SAME_CLASS(RESULT);
SAME_CLASS(SAMPLE);
#undef SAME_CLASS

int ct_link_message_open(const uint8_t *data, size_t len, struct ct_link_message *out_message)
{
    if (len > CT_LINK_MESSAGE_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    const int err = ct_wire_scan(&cantwin__v1__envelope__descriptor, CT_WIRE_TOLERANT, data, len);
    if (err != CT_OK) {
        return err;
    }
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    while (ct_pb_next(&reader, &field) == CT_OK) {
        if (protobuf_c_message_descriptor_get_field(&cantwin__v1__envelope__descriptor, field.id) != NULL) {
            *out_message = (struct ct_link_message){(Cantwin__V1__Envelope__BodyCase)field.id, field.data, field.len};
            return CT_OK;
        }
    }
    return CT_ERR_UNSUPPORTED;
}

int ct_link_message_pack(Cantwin__V1__Envelope__BodyCase body, const ProtobufCMessage *message, struct ct_buf *out)
{
    ct_buf_clear(out);
    const size_t mark = ct_pb_open(out, (uint32_t)body);
    ct_wire_pack(message, out);
    ct_pb_close(out, mark);
    return ct_buf_error(out);
}

int ct_link_message_wrap(Cantwin__V1__Envelope__BodyCase body, const uint8_t *data, size_t len, struct ct_buf *out)
{
    ct_buf_clear(out);
    ct_pb_put_element(out, (uint32_t)body, data, len);
    return ct_buf_error(out);
}

void ct_link_positions_put(const struct ct_positions *positions, Cantwin__V1__Position *room,
                           Cantwin__V1__Position **pointers)
{
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        cantwin__v1__position__init(&room[i]);
        room[i].class_ = (Cantwin__V1__DeliveryClass)(i + 1);
        room[i].seq = positions->seq[i];
        pointers[i] = &room[i];
    }
}

void ct_link_positions_raise(struct ct_positions *positions, Cantwin__V1__Position *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned index = CT_CLASS_INDEX(from[i]->class_);
        if (index < CT_CLASS_COUNT && from[i]->seq > positions->seq[index]) {
            positions->seq[index] = from[i]->seq;
        }
    }
}
