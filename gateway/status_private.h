/* Inside of the status socket: status.c (requests, answers), status_open.c (connections), status_lease.c (ECUs). */
#ifndef CT_GATEWAY_STATUS_PRIVATE_H
#define CT_GATEWAY_STATUS_PRIVATE_H

#include "bus_private.h"

#include <cjson/cJSON.h>
#include <sys/un.h>

#define CLIENTS_MAX 8
#define LINE_MAX_IN 9216U          /* a UDS request of 4095 bytes in hex, and what is around it */
#define READ_MAX    4096U          /* at a time: the answers to so many short lines fit into half of OUT_MAX */
#define OUT_MAX     (256U * 1024U) /* waiting for one client; answers wait for room, change lines are dropped */
#define LINE_ROOM   2048U          /* a line of a twin entry fits into it */

struct client {
    struct status_server *server;
    struct ct_loop_watch watch;
    uint32_t serial; /* 0: free */
    char in[LINE_MAX_IN];
    size_t in_len;
    bool skip_line; /* the rest of a line that was too long */
    struct ct_buf out;
    size_t out_done;
    bool wants_write;
    bool unheard; /* asks without reading the answers: not listened to until it reads */
    /* a get under way */
    bool getting;
    bool get_rules; /* else entries of the twin */
    uint32_t get_next;
    uint32_t get_count;
    char get_match[CT_PATH_MAX];
    /* watching */
    char watch_match[CT_PATH_MAX];
    uint8_t *watched; /* per entry: 1 when it is watched; NULL: not watching */
    uint64_t dropped;
    bool asking; /* for a lease: what becomes of it is the answer */
};

struct status_server {
    struct ct_bus *bus;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int fd;
    struct ct_loop_watch watch;
    uint32_t last_serial;
    struct client clients[CLIENTS_MAX];
};

void ct_status_say_error(struct client *client, const char *text);
void ct_status_wake(struct client *client);                             /* what was appended is sent by the loop */
void ct_status_drop(struct client *client);                             /* ends the connection */
void ct_status_on_client(struct ct_loop_watch *watch, uint32_t events); /* a client can be read or written */

/* status_lease.c */
void ct_status_on_lease(struct client *client, const cJSON *request, const char *what);
void ct_status_on_uds(struct client *client, const cJSON *request, const char *hex);
void ct_status_leave(struct status_server *server, uint32_t serial); /* gives up what a client had */

#endif
