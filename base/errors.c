#include "errors.h"

#include <errno.h>
#include <stddef.h>

const char *ct_err_text(int err)
{
    switch (err) {
#define CT_ERR_CASE(name, value, text) \
    case CT_##name:                    \
        return text;
        CT_ERR_MAP(CT_ERR_CASE)
#undef CT_ERR_CASE
    default:
        return "unknown error";
    }
}

int ct_err_from_errno(int errnum)
{
    static const struct {
        int errnum;
        int err;
    } table[] = {
        {0, CT_OK},
        {EAGAIN, CT_ERR_AGAIN},
        {EINTR, CT_ERR_AGAIN},
        {EINVAL, CT_ERR_ARGUMENT},
        {ENOMEM, CT_ERR_NO_MEMORY},
        {ENOBUFS, CT_ERR_FULL},
        {ENOSPC, CT_ERR_FULL},
        {EDQUOT, CT_ERR_FULL},
        {EMSGSIZE, CT_ERR_TOO_LARGE},
        {EFBIG, CT_ERR_TOO_LARGE},
        {ENOENT, CT_ERR_NOT_FOUND},
        {ENODEV, CT_ERR_NOT_FOUND},
        {ENXIO, CT_ERR_NOT_FOUND},
        {EEXIST, CT_ERR_EXISTS},
        {ERANGE, CT_ERR_RANGE},
        {EAFNOSUPPORT, CT_ERR_UNSUPPORTED},
        {EPROTONOSUPPORT, CT_ERR_UNSUPPORTED},
        {EOPNOTSUPP, CT_ERR_UNSUPPORTED},
        {ETIMEDOUT, CT_ERR_TIMEOUT},
        {ECONNRESET, CT_ERR_CLOSED},
        {EPIPE, CT_ERR_CLOSED},
        {ENOTCONN, CT_ERR_CLOSED},
        {EADDRINUSE, CT_ERR_BUSY},
        {EBUSY, CT_ERR_BUSY},
        {EACCES, CT_ERR_PERMISSION},
        {EPERM, CT_ERR_PERMISSION},
        {EROFS, CT_ERR_PERMISSION},
        {ENETDOWN, CT_ERR_DOWN},
        {ENETUNREACH, CT_ERR_DOWN},
        {EHOSTUNREACH, CT_ERR_DOWN},
        {ECONNREFUSED, CT_ERR_DOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].errnum == errnum) {
            return table[i].err;
        }
    }
    return CT_ERR_IO;
}
