/* Parts of `cantwin diag`. Each verb is `int ct_diag_NAME(int argc, char **argv)` with argv[0] its own name, prints its
 * own help on --help, returns an enum ct_exit, and lives in a file of its own; a new one is one more row here. */
#ifndef CT_CLI_DIAG_CMD_H
#define CT_CLI_DIAG_CMD_H

#include "errors.h"

#include <stdbool.h>

/* clang-format off */
#define CT_DIAG_VERBS(X) \
    X(trace, "decode the diagnostics on a bus, live or from a log") \
    X(scan, "find the ECUs of a bus") \
    X(info, "what an ECU says of itself") \
    X(dtc, "list and clear trouble codes") \
    X(did, "read and write identifiers") \
    X(routine, "start and stop routines, ask for results") \
    X(io, "take over inputs and outputs") \
    X(flash, "write and read memory") \
    X(obd, "OBD-II: values, trouble codes, readiness, VIN") \
    X(session, "enter and hold a session, restart the ECU") \
    X(watch, "show what an ECU tells of its own accord") \
    X(raw, "send any UDS request, show the answer")
/* clang-format on */

#define CT_DIAG_DECLARE(name, help) int ct_diag_##name(int argc, char **argv);
CT_DIAG_VERBS(CT_DIAG_DECLARE)
#undef CT_DIAG_DECLARE

/* One line `cantwin diag: error: ...` on standard error; returns `code`. */
int ct_diag_fail(int code, const char *format, ...) CT_PRINTF(2, 3);

/* True when --help or -h is among the arguments. */
bool ct_diag_wants_help(int argc, char **argv);

#endif
