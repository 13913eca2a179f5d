/* How readers of rule files find the messages of a bus: a small table of functions by whoever owns the databases. */
#ifndef CT_POLICY_MESSAGE_LOOKUP_H
#define CT_POLICY_MESSAGE_LOOKUP_H

#include "codec.h"
#include "protect.h"

struct ct_message_lookup {
    void *user;
    /* NULL: the bus has no such message. What is returned must outlive what was made of the rules. */
    const struct ct_codec_message *(*by_name)(void *user, const char *bus, const char *name);
    const struct ct_codec_message *(*by_id)(void *user, const char *bus, uint32_t id, bool extended);
    /* Counter and checksum of a message found on that bus; NULL: it has none. */
    const struct ct_protect_rule *(*protection)(void *user, const char *bus, const struct ct_codec_message *message);
};

#endif
