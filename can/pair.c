/* The in-process port: two ends over two bounded queues, shared until both ends are closed. */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

struct pair_end {
    struct ct_port port;
    struct pair *pair;
    struct ct_frame *queue; /* what this end will read */
    size_t first;
    size_t count;
    bool open;
};

struct pair {
    struct pair_end ends[2];
    size_t capacity;
};

static struct pair_end *end_of(struct ct_port *port)
{
    return (struct pair_end *)port;
}

static struct pair_end *other_end(const struct pair_end *end)
{
    return end == &end->pair->ends[0] ? &end->pair->ends[1] : &end->pair->ends[0];
}

static int pair_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct pair_end *end = end_of(port);
    size_t n = 0;
    for (; n < max && end->count > 0; n++) {
        out_frames[n] = end->queue[end->first];
        end->first = (end->first + 1) % end->pair->capacity;
        end->count--;
    }
    *out_count = n;
    port->stats.received += n;
    if (n == 0) {
        return other_end(end)->open ? CT_ERR_AGAIN : CT_ERR_CLOSED;
    }
    return CT_OK;
}

static int pair_write(struct ct_port *port, const struct ct_frame *frame)
{
    struct pair_end *to = other_end(end_of(port));
    const size_t capacity = to->pair->capacity;
    if (!to->open || to->count == capacity) {
        port->stats.refused++;
        return to->open ? CT_ERR_FULL : CT_ERR_DOWN;
    }
    to->queue[(to->first + to->count) % capacity] = *frame;
    to->count++;
    port->stats.sent++;
    return CT_OK;
}

static void pair_free(struct pair *pair)
{
    free(pair->ends[0].queue);
    free(pair->ends[1].queue);
    free(pair);
}

static void pair_close(struct ct_port *port)
{
    struct pair_end *end = end_of(port);
    struct pair_end *other = other_end(end);
    end->open = false;
    other->port.stats.up = false;
    if (!other->open) {
        pair_free(end->pair);
    }
}

static const struct ct_port_ops pair_ops = {
    .read = pair_read,
    .write = pair_write,
    .close = pair_close,
};

static int end_init(struct pair *pair, int index)
{
    struct pair_end *end = &pair->ends[index];
    end->pair = pair;
    end->open = true;
    end->port.ops = &pair_ops;
    end->port.fd = -1;
    end->port.stats.up = true;
    snprintf(end->port.name, sizeof end->port.name, "pair:%c", 'a' + index);
    end->queue = calloc(pair->capacity, sizeof *end->queue);
    return end->queue != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

int ct_port_pair(size_t capacity, struct ct_port **out_a, struct ct_port **out_b)
{
    if (capacity == 0) {
        return CT_ERR_ARGUMENT;
    }
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    pair->capacity = capacity;
    if (end_init(pair, 0) != CT_OK || end_init(pair, 1) != CT_OK) {
        pair_free(pair);
        return CT_ERR_NO_MEMORY;
    }
    *out_a = &pair->ends[0].port;
    *out_b = &pair->ends[1].port;
    return CT_OK;
}
