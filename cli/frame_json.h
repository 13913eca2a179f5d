/* One frame, decoded or not, as one JSON line. */
#ifndef CT_CLI_FRAME_JSON_H
#define CT_CLI_FRAME_JSON_H

#include "codec.h"
#include "frame.h"
#include "json.h"

/* {"t":..,"bus":..,"id":..,"ext":..[,"name":..[,"protection":..],"signals":{..}]} and a newline. `message` NULL: an
 * unknown frame, whose data is given instead. `protection`: what its rule found, NULL without one. `values` has room
 * for the message's signal_count. The stamp is left out when it is 0. */
void ct_cli_frame_json(struct ct_buf *buf, const struct ct_frame *frame, const char *bus,
                       const struct ct_codec_message *message, const char *protection, struct ct_decoded *values);

#endif
