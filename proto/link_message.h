/* Envelopes of the link, shared by both halves: taken apart without parsing their body, put together into a buffer.
 * Private to proto/. Thread-safe: no state. */
#ifndef CT_PROTO_LINK_MESSAGE_H
#define CT_PROTO_LINK_MESSAGE_H

#include "cantwin.pb-c.h"
#include "link_types.h"
#include "wire.h"

/* A received envelope: which body, and its bytes inside the envelope. */
struct ct_link_message {
    Cantwin__V1__Envelope__BodyCase body;
    const uint8_t *data;
    size_t len;
};

/* Scans the envelope. CT_ERR_UNSUPPORTED for a body of a later version. */
int ct_link_message_open(const uint8_t *data, size_t len, struct ct_link_message *out_message) CT_MUST_CHECK;

/* Replaces the buffer's content by an envelope around a message, or around a message that is serialised already. */
int ct_link_message_pack(Cantwin__V1__Envelope__BodyCase body, const ProtobufCMessage *message,
                         struct ct_buf *out) CT_MUST_CHECK;
int ct_link_message_wrap(Cantwin__V1__Envelope__BodyCase body, const uint8_t *data, size_t len,
                         struct ct_buf *out) CT_MUST_CHECK;

/* Positions as protobuf-c wants them; `room` and `pointers` have CT_CLASS_COUNT elements. */
void ct_link_positions_put(const struct ct_positions *positions, Cantwin__V1__Position *room,
                           Cantwin__V1__Position **pointers);
/* Each position raises *positions; unknown classes are passed over. */
void ct_link_positions_raise(struct ct_positions *positions, Cantwin__V1__Position *const *from, size_t count);

#endif
