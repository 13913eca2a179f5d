#include "socketcan.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_US  200000
#define DATAGRAM_MAX 16384

static int ask(int fd, int index)
{
    const struct {
        struct nlmsghdr head;
        struct ifinfomsg info;
    } request = {.head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
                 .info = {.ifi_family = AF_UNSPEC, .ifi_index = index}};
    const struct timeval patience = {.tv_usec = PATIENCE_US};
    const bool sent = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
                      send(fd, &request, sizeof request, 0) == (ssize_t)sizeof request;
    return sent ? CT_OK : ct_err_from_errno(errno);
}

int ct_socketcan_ask_link(const char *interface, struct ct_link_message *out_link)
{
    uint8_t answer[DATAGRAM_MAX];
    struct ct_link_message message;
    size_t offset = 0;
    const int index = (int)if_nametoindex(interface);
    if (index == 0) {
        return CT_ERR_NOT_FOUND;
    }
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    int err = ask(fd, index);
    if (err == CT_OK) {
        const ssize_t n = recv(fd, answer, sizeof answer, 0);
        err = n >= 0 ? ct_link_message_next(answer, (size_t)n, &offset, &message) : ct_err_from_errno(errno);
    }
    close(fd);
    if (err == CT_OK) {
        *out_link = message;
    }
    return err;
}
