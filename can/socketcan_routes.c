#include "socketcan.h"

#include <linux/can/gw.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_US 200000

static bool ask(int fd)
{
    const struct {
        struct nlmsghdr head;
        struct rtcanmsg message;
    } request = {
        .head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .message = {.can_family = AF_CAN}};
    const struct timeval patience = {.tv_usec = PATIENCE_US};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           send(fd, &request, sizeof request, 0) == (ssize_t)sizeof request;
}

/* Counts the rules of one answer; false when it was the last. */
static bool count_rules(struct nlmsghdr *head, size_t len, size_t *count)
{
    for (; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
        if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR) {
            return false;
        }
        /* A kernel without this gateway answers with the routes of other protocols. */
        const struct rtcanmsg *rule = NLMSG_DATA(head);
        *count += head->nlmsg_type == RTM_NEWROUTE && rule->can_family == AF_CAN ? 1 : 0;
    }
    return true;
}

size_t ct_socketcan_kernel_routes(void)
{
    union {
        struct nlmsghdr head;
        uint8_t bytes[16384];
    } answer;
    size_t count = 0;
    ssize_t n = 0;
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return 0;
    }
    bool more = ask(fd);
    while (more && (n = recv(fd, &answer, sizeof answer, 0)) > 0) {
        more = count_rules(&answer.head, (size_t)n, &count);
    }
    close(fd);
    return count;
}
