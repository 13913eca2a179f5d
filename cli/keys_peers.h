/* Changes of peers.txt, the backend's list of who may connect: lines added, lines revoked. Revoked lines stay as
 * comments
 * `#revoked ROLE NAME KEY`, so that a key once taken away is not let in again by mistake. Adapter (files). */
#ifndef CT_CLI_KEYS_PEERS_H
#define CT_CLI_KEYS_PEERS_H

#include <stdbool.h>

struct ct_peer_change {
    const char *dir;
    bool is_subscriber;
    const char *name;
    const char *key;    /* Z85; for revoke NULL means every key of that name */
    const char *topics; /* for add of a subscriber; NULL: all */
};

/* Exit codes; print what they did, or one line of what is wrong. */
int ct_peers_add(const struct ct_peer_change *change);
int ct_peers_revoke(const struct ct_peer_change *change);
int ct_peers_list(const char *dir);

#endif
