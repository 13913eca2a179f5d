/* The link thread: the vehicle's half of the link over ZeroMQ. Records come from the storage thread's ring, commands
 * and acks go back into it; it never touches the disk but to read a catalogue that an old record names.
 * Adapter target gateway_app. open and close belong to the main thread, run to its own. */
#ifndef CT_GATEWAY_LINK_H
#define CT_GATEWAY_LINK_H

#include "channels.h"
#include "link_vehicle.h"
#include "service.h"

struct ct_link;

struct ct_link_config {
    const char *endpoint; /* NULL: no backend; the thread only empties its ring */
    const char *server_public_key;
    const char *next_server_public_key; /* NULL: none */
    const char *public_key;
    const char *secret_key;
    const char *state_dir; /* of the catalogues */
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    struct ct_positions newest, acked; /* of the outbox at start */
};

/* `catalogue` (referenced) is in use now. `problem` gets one line when the result is an error. */
int ct_link_open(const struct ct_link_config *config, struct ct_channels *channels, struct ct_catalogue *catalogue,
                 struct ct_link **out_link, char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_link_run(struct ct_link *link);                           /* until CT_MSG_STOP */
void ct_link_close(struct ct_link *link);                         /* accepts NULL */
const struct ct_pulse *ct_link_pulse(const struct ct_link *link); /* of its thread */

#endif
