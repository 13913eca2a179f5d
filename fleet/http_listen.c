#include "http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port, union socket_address *address, socklen_t *len,
                          bool *loopback)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *len = sizeof address->v4;
        *loopback = (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *len = sizeof address->v6;
        *loopback = memcmp(&address->v6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
        return true;
    }
    return false;
}

static int bind_socket(const union socket_address *address, socklen_t len, int *out_fd)
{
    const int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &address->any, len) != 0 || listen(fd, 128) != 0) {
        const int err = errno == EADDRINUSE ? CT_ERR_BUSY : ct_err_from_errno(errno);
        close(fd);
        return err;
    }
    *out_fd = fd;
    return CT_OK;
}

int ct_http_listen(const char *address, uint16_t port, int *out_fd, bool *out_loopback)
{
    union socket_address bound;
    socklen_t len;
    return parse_address(address, port, &bound, &len, out_loopback) ? bind_socket(&bound, len, out_fd)
                                                                    : CT_ERR_ARGUMENT;
}
