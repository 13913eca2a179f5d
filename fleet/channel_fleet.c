#include "channel_fleet.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ct_fleet_wake_make(int *out_fd)
{
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    *out_fd = fd;
    return CT_OK;
}

void ct_fleet_wake(int fd)
{
    const uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is readable as it should be */
    }
}

void ct_fleet_wake_clear(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0) {
        return; /* nothing to clear */
    }
}

int ct_fleet_channel_push(struct ct_fleet_channel *channel, uint32_t type, const void *head, size_t head_len,
                          const void *data, size_t len)
{
    const int err = ct_ring_push2(channel->ring, type, head, head_len, data, len);
    if (err == CT_OK) {
        ct_fleet_wake(channel->wake);
    }
    return err;
}
