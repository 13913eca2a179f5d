#include "zmq_peers.h"

#include <stdlib.h>
#include <string.h>

struct ct_zmq_peers {
    struct ct_zmq_peer *peers;
    ct_ns *next; /* per peer: when its handshakes would be one a second again */
    size_t count;
    uint32_t *slots; /* index + 1; 0: free */
    size_t mask;
};

/* FNV-1a; the keys are the operator's, nobody chooses them to collide. */
static size_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != 0; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    }
    return (size_t)(hash ^ hash >> 32);
}

static void insert(struct ct_zmq_peers *table, uint32_t index)
{
    size_t slot = hash_text(table->peers[index].public_key) & table->mask;
    while (table->slots[slot] != 0) {
        slot = (slot + 1) & table->mask;
    }
    table->slots[slot] = index + 1;
}

int ct_zmq_peers_create(const struct ct_zmq_peer *peers, size_t count, struct ct_zmq_peers **out_table)
{
    size_t size = 16;
    while (size < 2 * count) {
        size *= 2;
    }
    struct ct_zmq_peers *table = calloc(1, sizeof *table);
    if (table == NULL || count > UINT32_MAX / 4) {
        free(table);
        return CT_ERR_NO_MEMORY;
    }
    table->peers = malloc((count + 1) * sizeof *peers);
    table->next = calloc(count + 1, sizeof *table->next);
    table->slots = calloc(size, sizeof *table->slots);
    if (table->peers == NULL || table->next == NULL || table->slots == NULL) {
        ct_zmq_peers_free(table);
        return CT_ERR_NO_MEMORY;
    }
    if (count > 0) {
        memcpy(table->peers, peers, count * sizeof *peers);
    }
    table->count = count;
    table->mask = size - 1;
    for (size_t i = 0; i < count; i++) {
        insert(table, (uint32_t)i);
    }
    *out_table = table;
    return CT_OK;
}

void ct_zmq_peers_free(struct ct_zmq_peers *table)
{
    if (table != NULL) {
        free(table->peers);
        free(table->next);
        free(table->slots);
        free(table);
    }
}

const struct ct_zmq_peer *ct_zmq_peers_find(const struct ct_zmq_peers *table, const char *key)
{
    for (size_t slot = hash_text(key) & table->mask; table->slots[slot] != 0; slot = (slot + 1) & table->mask) {
        const struct ct_zmq_peer *peer = &table->peers[table->slots[slot] - 1];
        if (strcmp(peer->public_key, key) == 0) {
            return peer;
        }
    }
    return NULL;
}

bool ct_zmq_handshake_admit(ct_ns *next, ct_ns now)
{
    if (*next > now + (CT_ZMQ_HANDSHAKES - 1) * CT_NS_PER_S) {
        return false;
    }
    *next = (*next > now ? *next : now) + CT_NS_PER_S;
    return true;
}

bool ct_zmq_peers_admit(struct ct_zmq_peers *table, const struct ct_zmq_peer *peer, ct_ns now)
{
    return ct_zmq_handshake_admit(&table->next[peer - table->peers], now);
}

bool ct_zmq_peers_keep_subscribers(const struct ct_zmq_peers *old, const struct ct_zmq_peers *table)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct ct_zmq_peer *peer = &old->peers[i];
        const struct ct_zmq_peer *now = ct_zmq_peers_find(table, peer->public_key);
        if (peer->is_subscriber && (now == NULL || !now->is_subscriber || strcmp(now->topics, peer->topics) != 0)) {
            return false;
        }
    }
    return true;
}
