/* A counter of somebody else's (a driver's, a kernel's), of which only the steps count: how many more since the last
 * look. Sans I/O. Belongs to one thread.
 * Source: <linux/if_link.h>, struct rtnl_link_stats64; a 32-bit kernel counts in 32 bits and hands them over in 64. */
#ifndef CT_CAN_LOSS_COUNT_H
#define CT_CAN_LOSS_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct ct_loss_count {
    bool known;    /* `told` is a reading of this counter */
    uint64_t told; /* the last reading */
};

/* Another counter from now on (the interface was made again): its first reading is where counting begins. */
void ct_loss_count_forget(struct ct_loss_count *count);

/* How many more than at the last reading. 0 for the first one: what was before is nobody's loss here. A reading that
 * went back is a 32-bit counter that has run over when it went from the upper half of 32 bits to the lower one, else
 * one that began at 0 again (a driver that was reset): then all that it holds is new. */
uint64_t ct_loss_count_take(struct ct_loss_count *count, uint64_t told);

#endif
