#include "channel.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ct_channel_open(struct ct_channel *channel, size_t capacity)
{
    channel->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (channel->fd < 0) {
        return ct_err_from_errno(errno);
    }
    atomic_init(&channel->idle, true);
    const int err = ct_ring_create(capacity, &channel->ring);
    if (err != CT_OK) {
        close(channel->fd);
        channel->ring = NULL;
    }
    return err;
}

void ct_channel_close(struct ct_channel *channel)
{
    if (channel->ring != NULL) {
        ct_ring_destroy(channel->ring);
        close(channel->fd);
        channel->ring = NULL;
    }
}

void ct_channel_wake(struct ct_channel *channel)
{
    const uint64_t one = 1;
    atomic_store(&channel->idle, false);
    /* A full eventfd counter is still readable, so nothing is lost when this fails. */
    const ssize_t written = write(channel->fd, &one, sizeof one);
    (void)written;
}

void ct_channel_notify(struct ct_channel *channel)
{
    /* An exchange, not a load: it orders the push before it against the consumer's last look (ct_channel_sleep). */
    if (atomic_exchange(&channel->idle, false)) {
        ct_channel_wake(channel);
    }
}

void ct_channel_drain(struct ct_channel *channel)
{
    uint64_t count = 0;
    const ssize_t got = read(channel->fd, &count, sizeof count);
    (void)got;
}

bool ct_channel_sleep(struct ct_channel *channel)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    atomic_exchange(&channel->idle, true);
    if (ct_ring_peek(channel->ring, &type, &data, &len) != CT_OK) {
        return true;
    }
    atomic_store(&channel->idle, false);
    return false;
}
