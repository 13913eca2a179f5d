/* One UDS or OBD-II message in words, for people who watch a bus: what it is, which service, sub-function, identifiers,
 * refusal. Says what the message's own bytes say; knows no ECU. Thread-safe: pure functions. */
#ifndef CT_DIAGNOSTICS_UDS_WORDS_H
#define CT_DIAGNOSTICS_UDS_WORDS_H

#include "buf.h"

#include <stdbool.h>

#define CT_UDS_WORDS_IDS 16

enum ct_uds_message_kind { CT_UDS_MESSAGE_REQUEST, CT_UDS_MESSAGE_POSITIVE, CT_UDS_MESSAGE_NEGATIVE };
const char *ct_uds_message_kind_text(enum ct_uds_message_kind kind);

struct ct_uds_words {
    enum ct_uds_message_kind kind;
    uint8_t service;              /* of the request, whatever the message is */
    const char *service_text;     /* NULL: none that is known */
    int subfunction;              /* -1: none; without the suppress bit */
    const char *subfunction_text; /* NULL: no name */
    bool suppressed;              /* the positive response is not wanted */
    uint8_t nrc;                  /* NEGATIVE */
    unsigned id_bytes;            /* 2: data or routine identifiers, 1: PIDs, info types, block counters */
    size_t id_count;              /* named in the message, as far as their place is known without the ECU */
    uint16_t ids[CT_UDS_WORDS_IDS];
};

/* CT_ERR_TRUNCATED for an empty message or a negative response of under 3 bytes. */
int ct_uds_words(const uint8_t *data, size_t len, struct ct_uds_words *out_words) CT_MUST_CHECK;
/* One line: "ReadDataByIdentifier F190 0160", "DiagnosticSessionControl extended refused: conditions not correct". */
void ct_uds_words_put(const struct ct_uds_words *words, struct ct_buf *buf);

#endif
