/* The status socket's connections. */
#include "status_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct client *free_client(struct status_server *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].serial == 0) {
            return &server->clients[i];
        }
    }
    return NULL;
}

static void refuse(int fd)
{
    static const char text[] = "{\"error\":\"too many clients\"}\n";
    const ssize_t sent = send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    close(fd);
}

static void on_connection(struct ct_loop_watch *watch, uint32_t events)
{
    struct status_server *server = watch->user;
    (void)events;
    const int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct client *client = free_client(server);
    if (client == NULL) {
        refuse(fd);
        return;
    }
    memset(client, 0, sizeof *client);
    client->server = server;
    client->serial = ++server->last_serial;
    client->watch = (struct ct_loop_watch){.fn = ct_status_on_client, .user = client};
    ct_buf_init(&client->out, OUT_MAX);
    if (ct_loop_add(&server->bus->loop, &client->watch, fd, EPOLLIN) != CT_OK) {
        close(fd);
        client->serial = 0;
    }
}

/* ---- opening and closing */

/* A socket left behind by a dead gateway is replaced; one that answers is in use. */
static int clear_path(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    const int connected = connect(fd, (const struct sockaddr *)address, sizeof *address);
    const int errnum = errno;
    close(fd);
    if (connected == 0) {
        return CT_ERR_BUSY;
    }
    if (errnum == ECONNREFUSED) {
        unlink(address->sun_path);
    }
    return CT_OK;
}

static int listen_at(struct status_server *server, const struct sockaddr_un *address)
{
    int err = clear_path(address);
    if (err != CT_OK) {
        return err;
    }
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        listen(server->fd, CLIENTS_MAX) != 0) {
        return ct_err_from_errno(errno);
    }
    memcpy(server->path, address->sun_path, sizeof server->path); /* from here on it is ours to remove */
    server->watch = (struct ct_loop_watch){.fn = on_connection, .user = server};
    return ct_loop_add(&server->bus->loop, &server->watch, server->fd, EPOLLIN);
}

int ct_status_open(struct ct_bus *bus, const char *path, struct status_server **out_server, char *problem, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(problem, size, "status_socket %s: error: a socket path has at most %zu characters", path,
                 sizeof address.sun_path - 1);
        return CT_ERR_ARGUMENT;
    }
    memcpy(address.sun_path, path, strlen(path));
    struct status_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        snprintf(problem, size, "error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    server->bus = bus;
    server->fd = -1;
    const int err = listen_at(server, &address);
    if (err != CT_OK) {
        snprintf(problem, size, "status_socket %s: error: %s%s", path, ct_err_text(err),
                 err == CT_ERR_BUSY ? "; another gateway answers there" : "");
        ct_status_close(server);
        return err;
    }
    *out_server = server;
    return CT_OK;
}

void ct_status_close(struct status_server *server)
{
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].serial != 0) {
            ct_status_drop(&server->clients[i]);
        }
    }
    if (server->fd >= 0) {
        close(server->fd);
    }
    if (server->path[0] != '\0') {
        unlink(server->path);
    }
    free(server);
}
