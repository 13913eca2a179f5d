/* Parts of `cantwin bus`. Each subcommand is `int ct_bus_NAME(int argc, char **argv)` with argv[0] its own name and
 * returns an enum ct_exit. */
#ifndef CT_CLI_BUS_CMD_H
#define CT_CLI_BUS_CMD_H

#include "port.h"

#define CT_BUS_BATCH 64

int ct_bus_serve(int argc, char **argv);
int ct_bus_dump(int argc, char **argv);
int ct_bus_send(int argc, char **argv);

/* One line `cantwin bus: error: ...` on standard error; returns `code`. */
int ct_bus_fail(int code, const char *format, ...) CT_PRINTF(2, 3);

/* Opens the bus a person named: a port name, or a path that stands for the hub there. On failure says so and returns an
 * exit code. */
int ct_bus_open(const char *name, bool own, struct ct_port **out_port) CT_MUST_CHECK;

/* What stands in the interface column: the last part of the name, unix:/run/can0 -> can0. */
void ct_bus_channel(const char *name, char *out_channel, size_t size);

/* Blocks SIGINT and SIGTERM and returns a descriptor that is readable when one came; negative ct_err. */
int ct_bus_stop_fd(void) CT_MUST_CHECK;

/* A whole option value as a number from `min` on; CT_ERR_SYNTAX. */
int ct_bus_number(const char *text, double min, double *out_number) CT_MUST_CHECK;

/* Frames on their way into one bus, with proof that they arrived: on a hub every frame is asked back. */
struct ct_bus_sender {
    struct ct_port *port;
    bool confirmed; /* the bus sends our frames back */
    uint64_t sent;
    uint64_t accepted;
};

int ct_bus_sender_open(const char *name, struct ct_bus_sender *out_sender) CT_MUST_CHECK;

/* Sends one frame, waiting up to `timeout_s` for room; then an exit code and a message. */
int ct_bus_sender_send(struct ct_bus_sender *sender, const struct ct_frame *frame, double timeout_s) CT_MUST_CHECK;

/* Waits until the bus has accepted all of them. */
int ct_bus_sender_finish(struct ct_bus_sender *sender, double timeout_s) CT_MUST_CHECK;

/* Takes what has come in, so that this client never holds up the bus. CT_OK, or CT_ERR_DOWN and the like. */
int ct_bus_sender_drain(struct ct_bus_sender *sender);

void ct_bus_sender_close(struct ct_bus_sender *sender);

#endif
