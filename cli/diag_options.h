/* Options that all verbs of `cantwin diag` share: which bus, which ECU, which form of output. */
#ifndef CT_CLI_DIAG_OPTIONS_H
#define CT_CLI_DIAG_OPTIONS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_DIAG_OPTIONS_HELP                                                                                     \
    "  --ecu NAME            the ECU's description NAME.yaml: its ids, bus, identifiers and texts\n"             \
    "  --description PATH    a description file, or the folder for --ecu (default: $CANTWIN_ECUS, ./ecus,\n"     \
    "                        /etc/cantwin/ecus)\n"                                                               \
    "  --bus NAME            unix:PATH or PATH (hub), can0 (kernel interface), udp: (default: the\n"             \
    "                        description's, else unix:can0.sock)\n"                                              \
    "  --tx ID --rx ID       request and response id, hex; more than 3 digits mean 29 bits\n"                    \
    "  --fd                  CAN FD frames of up to 64 bytes\n"                                                  \
    "  --timeout SECONDS     patience with an ECU that does not answer (default: P2 of the standard)\n"          \
    "  --session N           first enter this session and stay in it (2 programming, 3 extended)\n"              \
    "  --level N             then unlock this security level (odd)\n"                                            \
    "  --authenticate HEX    or prove ownership of a key (29): the algorithm's identifier, such as 06032B6570\n" \
    "  --certificate FILE    of that key, where the ECU wants one\n"                                             \
    "  --verify-program FILE has the ECU prove itself too: gets both challenges (ours first), the ECU's\n"       \
    "                        certificate or -, and its proof in hex; exits 0 when it may be trusted\n"           \
    "  --key HEX             answers the ECU's seed or challenge: these bytes\n"                                 \
    "  --key-program FILE    or a program that gets LEVEL and SEED (hex), prints the key in hex\n"               \
    "  --key-library FILE    or a shared object with ct_key(), see docs/diagnostics.md\n"                        \
    "  --socket PATH         through the running gateway: its status socket; --ecu is one of its ECUs\n"         \
    "                        (default: $CANTWIN_SOCKET, unless --bus or --tx is given)\n"                        \
    "  --json                one JSON object instead of text\n"

struct ct_diag_options {
    const char *bus; /* NULL: by the description */
    const char *ecu, *description;
    const char *socket;    /* NULL: straight on the bus */
    uint32_t tx_id, rx_id; /* UINT32_MAX: not given */
    bool extended;
    bool fd;
    double timeout_s;     /* 0: by the standard */
    uint32_t session;     /* 0: stay */
    uint32_t level;       /* 0: none */
    uint32_t periodic_id; /* 0: the description's; not among the shared options */
    bool direct;          /* never through the gateway; not among the shared options */
    const char *authenticate, *certificate, *verify_program;
    const char *key, *key_program, *key_library;
    bool json;
};

struct ct_diag_options ct_diag_options_usual(void);

/* An option of one verb: with `value` it takes the word that follows, with `flag` it stands alone. */
struct ct_diag_extra {
    const char *name; /* NULL ends the list */
    const char **value;
    bool *flag;
};

/* Reads a verb's arguments: shared options, its own, and words, which are moved to argv[0] and on. On --help prints
 * `help`. True: go on. False: end with *out_code. */
bool ct_diag_arguments(int argc, char **argv, const char *help, const struct ct_diag_extra *extras,
                       struct ct_diag_options *options, int *out_words, int *out_code) CT_MUST_CHECK;

/* Bytes from hex digits, blanks and '.' or ':' between bytes allowed; CT_ERR_SYNTAX, CT_ERR_TOO_LARGE. */
int ct_diag_hex(const char *text, uint8_t *out, size_t size, size_t *out_len) CT_MUST_CHECK;

/* A CAN id in hex, 0x allowed; CT_ERR_SYNTAX, CT_ERR_RANGE. */
int ct_diag_can_id(const char *text, uint32_t *out_id) CT_MUST_CHECK;

/* A whole number, 0x.. or decimal, up to `max`; CT_ERR_SYNTAX, CT_ERR_RANGE. */
int ct_diag_number(const char *text, uint32_t max, uint32_t *out_number) CT_MUST_CHECK;

#endif
