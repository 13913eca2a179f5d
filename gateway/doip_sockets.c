#include "doip_server_private.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE_TIME (2 * CT_NS_PER_S) /* as the initial inactivity time */
#define READ_SIZE      4096
#define READS_MAX      4 /* per wake-up of one connection */

/* ---- connections */

static void want(struct doip_connection *connection, uint32_t events)
{
    if (connection->events != events && connection->watch.fd >= 0) {
        connection->events = events;
        const int err = ct_loop_modify(connection->server->loop, &connection->watch, events);
        connection->ended = connection->ended || err != CT_OK;
    }
}

static void close_connection(struct doip_connection *connection, ct_ns now)
{
    const int fd = connection->watch.fd;
    ct_tls_close(connection->tls);
    ct_loop_remove(connection->server->loop, &connection->watch);
    close(fd);
    if (connection->opened) {
        ct_doip_closed(connection->server->entity, connection->socket, now);
    }
    connection->tls = NULL;
    connection->watch.fd = -1;
}

static void tell_entity(struct doip_connection *connection, bool authenticated)
{
    connection->shaking = false;
    connection->opened = ct_doip_opened(connection->server->entity, connection->tls != NULL, authenticated,
                                        ct_clock_now(), &connection->socket) == CT_OK;
    connection->ended = connection->ended || !connection->opened;
}

static int read_some(struct doip_connection *connection, uint8_t *out, size_t size, size_t *out_len)
{
    if (connection->tls != NULL) {
        return ct_tls_read(connection->tls, out, size, out_len);
    }
    const ssize_t n = recv(connection->watch.fd, out, size, MSG_DONTWAIT);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}

static int write_some(struct doip_connection *connection, const uint8_t *data, size_t len, size_t *out_len)
{
    if (connection->tls != NULL) {
        return ct_tls_write(connection->tls, data, len, out_len);
    }
    const ssize_t n = send(connection->watch.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}

/* What TLS has read and not yet given waits for nothing: it is all taken. */
static void read_all(struct doip_connection *connection)
{
    uint8_t bytes[READ_SIZE];
    for (unsigned i = 0; connection->tls != NULL || i < READS_MAX; i++) {
        size_t n = 0;
        const int err = read_some(connection, bytes, sizeof bytes, &n);
        if (err != CT_OK) {
            connection->ended = connection->ended || err != CT_ERR_AGAIN;
            return;
        }
        ct_doip_bytes(connection->server->entity, connection->socket, bytes, n, ct_clock_now());
        if (ct_doip_closing(connection->server->entity, connection->socket)) {
            return;
        }
    }
}

static void shake(struct doip_connection *connection)
{
    bool authenticated = false;
    const int err = ct_tls_handshake(connection->tls, &authenticated);
    if (err == CT_OK) {
        tell_entity(connection, authenticated);
    } else if (err != CT_ERR_AGAIN) {
        connection->ended = true;
    }
}

static void on_connection_ready(struct ct_loop_watch *watch, uint32_t events)
{
    struct doip_connection *connection = watch->user;
    (void)events;
    if (connection->shaking) {
        shake(connection);
    }
    if (connection->opened && !connection->ended) {
        read_all(connection);
    }
    if (connection->ended) {
        want(connection, 0); /* the tick closes it */
    }
}

static struct doip_connection *free_connection(struct ct_doip_server *server)
{
    for (size_t i = 0; i < server->connection_count; i++) {
        if (server->connections[i].watch.fd < 0) {
            return &server->connections[i];
        }
    }
    return NULL;
}

static bool start_tls(struct doip_connection *connection, int fd)
{
    connection->shaking = true;
    connection->shake_until = ct_ns_add(ct_clock_now(), HANDSHAKE_TIME);
    return ct_tls_accept(connection->server->tls, fd, &connection->tls) == CT_OK;
}

static void accept_one(struct ct_doip_server *server, int listener, bool secure)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct doip_connection *connection = free_connection(server);
    if (connection == NULL) {
        close(fd);
        return;
    }
    *connection = (struct doip_connection){
        .server = server, .events = EPOLLIN, .watch = {.fd = -1, .fn = on_connection_ready, .user = connection}};
    if ((secure && !start_tls(connection, fd)) || ct_loop_add(server->loop, &connection->watch, fd, EPOLLIN) != CT_OK) {
        ct_tls_close(connection->tls);
        close(fd);
        connection->watch.fd = -1;
        return;
    }
    if (!secure) {
        tell_entity(connection, false);
    }
}

static void on_tcp(struct ct_loop_watch *watch, uint32_t events)
{
    (void)events;
    accept_one(watch->user, watch->fd, false);
}

static void on_tcp_tls(struct ct_loop_watch *watch, uint32_t events)
{
    (void)events;
    accept_one(watch->user, watch->fd, true);
}

/* ---- datagrams */

static void on_udp(struct ct_loop_watch *watch, uint32_t events)
{
    struct ct_doip_server *server = watch->user;
    (void)events;
    for (unsigned i = 0; i < READS_MAX; i++) {
        uint8_t bytes[256];
        struct sockaddr_in peer;
        socklen_t peer_len = sizeof peer;
        const ssize_t n = recvfrom(watch->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&peer, &peer_len);
        if (n < 0) {
            return;
        }
        ct_doip_datagram(server->entity, &peer, sizeof peer, bytes, (size_t)n, ct_clock_now());
    }
}

static void send_datagrams(struct ct_doip_server *server, ct_ns now)
{
    struct ct_doip_datagram datagram;
    while (ct_doip_next_datagram(server->entity, now, &datagram) == CT_OK) {
        struct sockaddr_in peer = server->announce;
        if (datagram.peer_len == sizeof peer) {
            memcpy(&peer, datagram.peer, sizeof peer);
        }
        const ssize_t sent = sendto(server->udp.fd, datagram.data, datagram.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                                    (const struct sockaddr *)&peer, sizeof peer);
        (void)sent; /* UDP may be lost; testers ask again */
    }
}

/* ---- the round */

static void write_out(struct doip_connection *connection, ct_ns now)
{
    struct ct_doip_entity *entity = connection->server->entity;
    size_t waiting = 0;
    const uint8_t *out = ct_doip_output(entity, connection->socket, &waiting);
    while (waiting > 0) {
        size_t n = 0;
        const int err = write_some(connection, out, waiting, &n);
        if (err != CT_OK) {
            connection->ended = connection->ended || err != CT_ERR_AGAIN;
            break;
        }
        ct_doip_written(entity, connection->socket, n, now);
        out = ct_doip_output(entity, connection->socket, &waiting);
    }
    const bool closing = ct_doip_closing(entity, connection->socket);
    connection->ended = connection->ended || (closing && waiting == 0);
    want(connection, (closing ? 0U : (uint32_t)EPOLLIN) | (waiting > 0 ? (uint32_t)EPOLLOUT : 0U));
}

static ct_ns service(struct doip_connection *connection, ct_ns now)
{
    if (connection->watch.fd < 0) {
        return CT_NS_NEVER;
    }
    if (connection->opened && !connection->ended) {
        write_out(connection, now);
    }
    if (connection->ended || (connection->shaking && now >= connection->shake_until)) {
        close_connection(connection, now);
        return CT_NS_NEVER;
    }
    return connection->shaking ? connection->shake_until : CT_NS_NEVER;
}

ct_ns ct_doip_server_tick(struct ct_doip_server *server, ct_ns now)
{
    if (server == NULL) {
        return CT_NS_NEVER;
    }
    (void)ct_doip_tick(server->entity, now);
    send_datagrams(server, now);
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; i < server->connection_count; i++) {
        due = ct_ns_min(due, service(&server->connections[i], now));
    }
    return ct_ns_min(due, ct_doip_tick(server->entity, now));
}

/* ---- opening */

static int open_socket(struct ct_doip_server *server, struct ct_loop_watch *watch, int type, uint16_t port)
{
    const char *bind_to = server->settings->doip.bind;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    if (inet_pton(AF_INET, bind_to != NULL ? bind_to : "127.0.0.1", &address.sin_addr) != 1) {
        return CT_ERR_ARGUMENT;
    }
    const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    int err = CT_OK;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        (type == SOCK_STREAM && listen(fd, DOIP_CONNECTIONS) != 0)) {
        err = ct_err_from_errno(errno);
    }
    err = err == CT_OK ? ct_loop_add(server->loop, watch, fd, EPOLLIN) : err;
    if (err != CT_OK) {
        close(fd);
        watch->fd = -1;
    }
    return err;
}

int ct_doip_sockets_open(struct ct_doip_server *server, char *problem, size_t size)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    uint16_t port = doip->port;
    server->udp = (struct ct_loop_watch){.fd = -1, .fn = on_udp, .user = server};
    server->tcp = (struct ct_loop_watch){.fd = -1, .fn = on_tcp, .user = server};
    server->tcp_tls = (struct ct_loop_watch){.fd = -1, .fn = on_tcp_tls, .user = server};
    int err = open_socket(server, &server->udp, SOCK_DGRAM, port);
    err = err == CT_OK ? open_socket(server, &server->tcp, SOCK_STREAM, port) : err;
    if (err == CT_OK && doip->tls.certificate != NULL) {
        err =
            ct_tls_server_open(doip->tls.certificate, doip->tls.key, doip->tls.client_ca, &server->tls, problem, size);
        if (err != CT_OK) {
            return err;
        }
        port = doip->tls.port;
        err = open_socket(server, &server->tcp_tls, SOCK_STREAM, port);
    }
    if (err != CT_OK) {
        snprintf(problem, size, "doip: error: port %u of %s: %s", port, doip->bind != NULL ? doip->bind : "127.0.0.1",
                 ct_err_text(err));
    }
    return err;
}

static void close_watch(struct ct_doip_server *server, struct ct_loop_watch *watch)
{
    const int fd = watch->fd;
    if (fd >= 0) {
        ct_loop_remove(server->loop, watch);
        close(fd);
    }
}

void ct_doip_sockets_close(struct ct_doip_server *server)
{
    for (size_t i = 0; i < DOIP_CONNECTIONS; i++) {
        struct doip_connection *connection = &server->connections[i];
        if (connection->watch.fd >= 0) {
            connection->opened = false; /* the executor is about to go */
            close_connection(connection, 0);
        }
    }
    close_watch(server, &server->udp);
    close_watch(server, &server->tcp);
    close_watch(server, &server->tcp_tls);
    ct_tls_server_close(server->tls);
}
