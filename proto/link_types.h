/* Shared constants of the link between vehicle and backend (design: "The link"). */
#ifndef CT_PROTO_LINK_TYPES_H
#define CT_PROTO_LINK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#define CT_LINK_VERSION     1
#define CT_LINK_MESSAGE_MAX 262144U                       /* 256 KiB: one envelope */
#define CT_RECORD_MAX       (CT_LINK_MESSAGE_MAX - 1024U) /* one serialised Record or State, so that it fits an envelope */
#define CT_STREAM_ID_SIZE   16
#define CT_BOOT_ID_SIZE     16
#define CT_COMMAND_ID_SIZE  16

/* Same numbers as DeliveryClass in cantwin.proto. */
enum ct_class { CT_CLASS_EVENT = 1, CT_CLASS_RESULT = 2, CT_CLASS_SAMPLE = 3 };
#define CT_CLASS_COUNT        3
#define CT_CLASS_INDEX(class) ((unsigned)(class) - 1U)

/* Positions per class, indexed by CT_CLASS_INDEX. */
struct ct_positions {
    uint64_t seq[CT_CLASS_COUNT];
};

#endif
