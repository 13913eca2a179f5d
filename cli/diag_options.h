/* Options that all verbs of `cantwin diag` share: which bus, which ECU, which form of output. */
#ifndef CT_CLI_DIAG_OPTIONS_H
#define CT_CLI_DIAG_OPTIONS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_DIAG_OPTIONS_HELP                                                                                     \
    "  --bus NAME            unix:PATH or PATH (hub), can0 (kernel interface), udp: (default: unix:can0.sock)\n" \
    "  --tx ID --rx ID       the ECU's request and response id, hex; more than 3 digits mean 29 bits\n"          \
    "  --fd                  CAN FD frames of up to 64 bytes\n"                                                  \
    "  --timeout SECONDS     patience with an ECU that does not answer (default: P2 of the standard)\n"          \
    "  --json                one JSON object instead of text\n"

struct ct_diag_options {
    const char *bus;
    uint32_t tx_id, rx_id; /* UINT32_MAX: not given */
    bool extended;
    bool fd;
    double timeout_s; /* 0: by the standard */
    bool json;
};

struct ct_diag_options ct_diag_options_usual(void);

/* Looks at argv[*at]. Takes it (and what belongs to it, moving *at on) and sets *out_taken when it is one of the shared
 * options. Returns an exit code, with a message when not CT_EXIT_OK. */
int ct_diag_option(int argc, char **argv, int *at, struct ct_diag_options *options, bool *out_taken) CT_MUST_CHECK;

/* Bytes from hex digits, blanks and '.' or ':' between bytes allowed; CT_ERR_SYNTAX, CT_ERR_TOO_LARGE. */
int ct_diag_hex(const char *text, uint8_t *out, size_t size, size_t *out_len) CT_MUST_CHECK;

/* A whole number, 0x.. or decimal, up to `max`; CT_ERR_SYNTAX, CT_ERR_RANGE. */
int ct_diag_number(const char *text, uint32_t max, uint32_t *out_number) CT_MUST_CHECK;

#endif
