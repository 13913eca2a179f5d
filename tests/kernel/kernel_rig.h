/* What the cases of the SocketCAN port share. */
#ifndef CT_TESTS_KERNEL_RIG_H
#define CT_TESTS_KERNEL_RIG_H

#include "socketcan.h"

#define PATIENCE_MS 30000 /* of the tests with the machine */

int raw_socket(const char *interface); /* of the test's own, sees and sends everything */
void raw_send(int fd, uint32_t id, uint8_t first);
struct ct_port *open_port(const char *interface, const struct ct_socketcan_options *options);
/* Reads until `want` frames are there; the port ticks as its users have it tick. */
void read_frames(struct ct_port *port, struct ct_frame *frames, size_t want);
/* Runs a shell command while somebody reads at the other end of the pty `master` (-1: none). */
void run_with_reader(const char *command, int master);
/* Ticks the port, and reads and forgets what comes; once at least, however late the machine is. */
void tick_until(struct ct_port *port, ct_ns end);

#endif
