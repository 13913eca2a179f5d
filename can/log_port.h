/* A recorded log (candump, ASC, BLF) as a port, played by the caller's clock. Read only. Adapter target can_log. One
 * thread. */
#ifndef CT_CAN_LOG_PORT_H
#define CT_CAN_LOG_PORT_H

#include "port.h"

/* `channel` NULL: every interface of the log. `speed` 1 plays in real time, n n times faster, 0 as fast as it is read.
 * Playing starts with the first tick; a frame can be read from its time on: t_ns is that time (with speed 0 the last
 * tick's), utc_ns the log's own stamp when it is a date. Stamps that run backwards are played at once. Lines and
 * objects that should be frames and are not are counted in stats.malformed, the first is kept in `problem`. A log cut
 * off in its last line ends with CT_ERR_TRUNCATED, what holds no frame at all with CT_ERR_SYNTAX. fd is -1: read when
 * tick's deadline has come. */
int ct_log_port_open(const char *path, const char *channel, double speed, struct ct_port **out_port, char *problem,
                     size_t problem_size) CT_MUST_CHECK;

#endif
