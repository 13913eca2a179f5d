#include "isotp_kernel.h"

#include <linux/can.h>
#include <linux/can/isotp.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What only our machine does. */
static bool needs_our_machine(const struct ct_isotp_config *config)
{
    return config->st_min_floor_us != 0 || config->st_min_ceiling_us != 0 || config->rx_id_ignored != 0 ||
           config->sink.write != NULL || config->n_bs_ms != 0 || config->n_cr_ms != 0;
}

static struct can_isotp_options options_of(const struct ct_isotp_config *config, const struct ct_isotp_address *to,
                                           const struct ct_isotp_address *from)
{
    struct can_isotp_options options = {
        .txpad_content = config->pad_byte, .rxpad_content = config->rx_pad_byte, .frame_txtime = 0};
    options.flags |= config->padding ? CAN_ISOTP_TX_PADDING : 0;
    options.flags |= config->listen ? CAN_ISOTP_LISTEN_MODE : 0;
    options.flags |= config->full_duplex ? 0 : CAN_ISOTP_HALF_DUPLEX;
    options.flags |= config->functional ? CAN_ISOTP_SF_BROADCAST : 0;
    if (config->rx_padding == CT_ISOTP_PADDING_FULL) {
        options.flags |= CAN_ISOTP_RX_PADDING | CAN_ISOTP_CHK_PAD_LEN;
    } else if (config->rx_padding == CT_ISOTP_PADDING_NONE) {
        options.flags |= CAN_ISOTP_CHK_PAD_LEN;
    }
    options.flags |= config->rx_padding_content ? CAN_ISOTP_RX_PADDING | CAN_ISOTP_CHK_PAD_DATA : 0;
    if (to->has_byte) {
        options.flags |= CAN_ISOTP_EXTEND_ADDR | CAN_ISOTP_RX_EXT_ADDR;
        options.ext_address = to->byte;
        options.rx_ext_address = from->byte;
    }
    return options;
}

static int set_options(int fd, const struct ct_isotp_config *config, const struct ct_isotp_address *to,
                       const struct ct_isotp_address *from)
{
    const struct can_isotp_options options = options_of(config, to, from);
    const struct can_isotp_fc_options fc = {.bs = config->block_size,
                                            .stmin = ct_isotp_st_min_encode(config->st_min_us)};
    const struct can_isotp_ll_options link = {.mtu = config->fd ? CANFD_MTU : CAN_MTU,
                                              .tx_dl = config->tx_dl,
                                              .tx_flags = config->fd && config->brs ? CANFD_BRS : 0};
    if (setsockopt(fd, SOL_CAN_ISOTP, CAN_ISOTP_OPTS, &options, sizeof options) < 0 ||
        setsockopt(fd, SOL_CAN_ISOTP, CAN_ISOTP_RECV_FC, &fc, sizeof fc) < 0 ||
        setsockopt(fd, SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, &link, sizeof link) < 0) {
        return ct_err_from_errno(errno);
    }
    return CT_OK;
}

static canid_t kernel_id(const struct ct_isotp_address *address)
{
    return address->id | ((address->flags & CT_FRAME_EXT) != 0 ? CAN_EFF_FLAG : 0U);
}

static int bind_to(int fd, const char *interface, const struct ct_isotp_address *to,
                   const struct ct_isotp_address *from)
{
    struct sockaddr_can address = {.can_family = AF_CAN};
    address.can_ifindex = (int)if_nametoindex(interface);
    address.can_addr.tp.tx_id = kernel_id(to);
    address.can_addr.tp.rx_id = kernel_id(from);
    if (address.can_ifindex == 0) {
        return CT_ERR_NOT_FOUND;
    }
    return bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? CT_OK : ct_err_from_errno(errno);
}

int ct_isotp_kernel_open(const char *interface, const struct ct_isotp_config *config, struct ct_isotp_kernel *out_pair)
{
    struct ct_isotp_address to;
    struct ct_isotp_address from;
    if (ct_isotp_addresses(config, &to, &from) != CT_OK) {
        return CT_ERR_ARGUMENT;
    }
    if (needs_our_machine(config) || to.has_byte != from.has_byte) {
        return CT_ERR_UNSUPPORTED;
    }
    const int fd = socket(AF_CAN, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_ISOTP);
    if (fd < 0) {
        return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? CT_ERR_UNSUPPORTED : ct_err_from_errno(errno);
    }
    int err = set_options(fd, config, &to, &from);
    if (err == CT_OK) {
        err = bind_to(fd, interface, &to, &from);
    }
    if (err != CT_OK) {
        close(fd);
        return err;
    }
    out_pair->fd = fd;
    return CT_OK;
}

void ct_isotp_kernel_close(struct ct_isotp_kernel *pair)
{
    if (pair->fd >= 0) {
        close(pair->fd);
    }
    pair->fd = -1;
}

int ct_isotp_kernel_send(struct ct_isotp_kernel *pair, const uint8_t *data, size_t len)
{
    if (len == 0) {
        return CT_ERR_ARGUMENT;
    }
    if (send(pair->fd, data, len, MSG_DONTWAIT) == (ssize_t)len) {
        return CT_OK;
    }
    switch (errno) {
    case EAGAIN:
        return CT_ERR_BUSY;
    case EMSGSIZE:
        return CT_ERR_TOO_LARGE;
    case ENETDOWN:
    case ENXIO:
    case ENODEV:
        return CT_ERR_DOWN;
    default:
        return ct_err_from_errno(errno);
    }
}

/* What the kernel reports by sk_err, and of which direction. */
static bool failure_of(int error, struct ct_isotp_event *out_event)
{
    static const struct {
        int error;
        bool of_sending;
        enum ct_isotp_result result;
    } failures[] = {
        {ECOMM, true, CT_ISOTP_TIMEOUT_BS},      {EMSGSIZE, true, CT_ISOTP_BUFFER_OVFLW},
        {ETIMEDOUT, false, CT_ISOTP_TIMEOUT_CR}, {EILSEQ, false, CT_ISOTP_WRONG_SN},
        {EBADMSG, false, CT_ISOTP_ERROR},        {ENOTCONN, true, CT_ISOTP_ERROR},
    };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (failures[i].error == error) {
            *out_event = (struct ct_isotp_event){.result = failures[i].result};
            out_event->kind = failures[i].of_sending ? CT_ISOTP_TX_FAILED : CT_ISOTP_RX_FAILED;
            return true;
        }
    }
    return false;
}

int ct_isotp_kernel_receive(struct ct_isotp_kernel *pair, uint8_t *data, size_t size, struct ct_isotp_event *out_event)
{
    const ssize_t n = recv(pair->fd, data, size, MSG_DONTWAIT | MSG_TRUNC);
    if (n >= 0) {
        if ((size_t)n > size) {
            return CT_ERR_TOO_LARGE;
        }
        *out_event = (struct ct_isotp_event){.kind = CT_ISOTP_MESSAGE, .data = data, .len = (size_t)n};
        return CT_OK;
    }
    const int error = errno;
    if (error == EAGAIN || error == EINTR) {
        return CT_ERR_AGAIN;
    }
    if (failure_of(error, out_event)) {
        return CT_OK;
    }
    return error == ENETDOWN || error == ENODEV ? CT_ERR_DOWN : ct_err_from_errno(error);
}
