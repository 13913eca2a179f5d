/* python-can's udp_multicast bus as a port, kept on the loopback interface: sent there with time-to-live 0, and only
 * what arrives there is read. May lose datagrams under bursts; stats.lost counts what the kernel dropped. Adapter
 * target can_udp. One thread. */
#ifndef CT_CAN_UDP_PORT_H
#define CT_CAN_UDP_PORT_H

#include "port.h"

#define CT_UDP_GROUP_DEFAULT "239.74.163.2"
#define CT_UDP_PORT_DEFAULT  43113

/* `group` is an IPv4 multicast address, NULL or "" for python-can's; with another port as ADDRESS:PORT. `own` also
 * reads the frames this port sent, flagged CT_FRAME_SENT. Frames with flaws are counted in stats.malformed and left
 * out. */
int ct_udp_port_open(const char *group, bool own, struct ct_port **out_port, char *problem,
                     size_t problem_size) CT_MUST_CHECK;

#endif
