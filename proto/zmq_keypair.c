#include "zmq_fleet.h"

#include <zmq.h>

int ct_zmq_keypair(char out_public[41], char out_secret[41])
{
    return zmq_curve_keypair(out_public, out_secret) == 0 ? CT_OK : CT_ERR_UNSUPPORTED;
}
