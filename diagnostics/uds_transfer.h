/* A download to or upload from an ECU as a tester does it: 34, 35 or 38 (a file), 36 again and again, 37. A machine of
 * requests: it says what to ask next and is told how that ended; sending is the caller's (UDS client, DoIP).
 *
 * A block whose response was lost is sent again with the same block counter, which the ECU answers without writing
 * twice (ISO 14229-1:2020 15.4.2.1). Any negative response fails the transfer. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_TRANSFER_H
#define CT_DIAGNOSTICS_UDS_TRANSFER_H

#include "uds_client.h"

enum ct_uds_step { CT_UDS_STEP_ASK, CT_UDS_STEP_DONE, CT_UDS_STEP_FAILED };

struct ct_uds_transfer_config {
    bool upload; /* with a file: set by its mode */
    /* A file of the ECU instead of memory (38): its name, borrowed; NULL: memory. READ learns the size from the ECU (a
     * size given is the most that is taken), RESUME goes on where the ECU says. */
    const char *file;
    enum ct_uds_file file_mode; /* ADD, REPLACE, RESUME or READ */
    uint8_t format;             /* dataFormatIdentifier: compression and encryption; 0: none */
    uint64_t address, size;
    uint8_t address_len, size_len; /* bytes; 0: 4 */
    size_t block_max;              /* whole 36 request at most, by the transport; 0: CT_UDS_MESSAGE_MAX */
    unsigned repeat_max;           /* lost responses in a row; 0: 3 */
    /* Download: gives `len` bytes from `offset` (again for a repeated block). Upload: takes them. A ct_err fails. */
    int (*read)(void *user, uint64_t offset, uint8_t *out, size_t len);
    int (*write)(void *user, uint64_t offset, const uint8_t *data, size_t len);
    void *user;
};

/* Visible so that it can be embedded; users read `done`, `repeats` and the end, and write nothing. */
struct ct_uds_transfer {
    struct ct_uds_transfer_config config;
    int state;
    uint8_t counter;
    size_t block;   /* data bytes in one 36 */
    size_t sent;    /* data bytes in the block under way */
    unsigned tries; /* of the block under way */
    uint64_t done;  /* bytes the ECU has confirmed */
    uint32_t repeats;
    uint8_t nrc;     /* FAILED by a negative response */
    const char *why; /* FAILED, in words */
};

/* CT_ERR_ARGUMENT when size is 0, the function for the direction is missing, or the file's mode transfers nothing. */
int ct_uds_transfer_init(struct ct_uds_transfer *transfer, const struct ct_uds_transfer_config *config) CT_MUST_CHECK;
/* ASK: the request is in `out` (CT_UDS_MESSAGE_MAX bytes). */
enum ct_uds_step ct_uds_transfer_next(struct ct_uds_transfer *transfer, uint8_t *out, size_t *out_len);
void ct_uds_transfer_take(struct ct_uds_transfer *transfer, const struct ct_uds_result *result);

#endif
