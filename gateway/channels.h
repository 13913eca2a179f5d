/* The four channels that join the gateway's three threads into a chain: bus <-> storage <-> link. */
#ifndef CT_GATEWAY_CHANNELS_H
#define CT_GATEWAY_CHANNELS_H

#include "channel.h"

struct ct_channels {
    struct ct_channel bus_to_storage;
    struct ct_channel storage_to_bus;
    struct ct_channel storage_to_link;
    struct ct_channel link_to_storage;
};

#endif
