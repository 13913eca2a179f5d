#include "zmq_options.h"

#include <zmq.h>

#include <errno.h>
#include <string.h>

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN /* in every libzmq since 4.3.0, declared only among its draft options */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

int ct_zmq_error(int errnum)
{
    switch (errnum) {
    case EAGAIN:
    case EINTR:
        return CT_ERR_AGAIN;
    case EADDRINUSE:
        return CT_ERR_BUSY;
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case ENODEV:
        return CT_ERR_NOT_FOUND;
    case EPROTONOSUPPORT:
        return CT_ERR_SYNTAX;
    case ETERM:
    case ENOTSOCK:
        return CT_ERR_CLOSED;
    default:
        return ct_err_from_errno(errnum);
    }
}

int ct_zmq_set_ints(void *socket, const struct ct_zmq_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) != 0) {
            return ct_zmq_error(errno);
        }
    }
    return CT_OK;
}

int ct_zmq_bind_secure(void *socket, const char *domain, const char *secret_key, const char *endpoint)
{
    const struct ct_zmq_option options[] = {{ZMQ_CURVE_SERVER, 1}, {ZMQ_ZAP_ENFORCE_DOMAIN, 1}};
    const int err = ct_zmq_set_ints(socket, options, sizeof options / sizeof options[0]);
    if (err != CT_OK) {
        return err;
    }
    if (strlen(secret_key) != 40 || zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, 41) != 0) {
        return CT_ERR_ARGUMENT;
    }
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0 || zmq_bind(socket, endpoint) != 0) {
        return ct_zmq_error(errno);
    }
    return CT_OK;
}

int ct_zmq_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

int ct_zmq_last_endpoint(void *socket, char *out_endpoint, size_t size)
{
    return zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, out_endpoint, &size) == 0 ? CT_OK : ct_zmq_error(errno);
}
