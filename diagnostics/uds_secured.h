/* SecuredDataTransmission (84): a request or response of another service inside a signed, encrypted or both message,
 * with a counter against replay. ISO 14229-1:2020 clause 16: 84 or C4, administrative parameter (16 bit), signature and
 * encryption calculation, signature length (16 bit), anti-replay counter (16 bit), the inner message, its signature.
 * What signs and encrypts is the maker's, hence functions of the caller. The standard leaves to the maker what a
 * signature covers: here everything before it as it is sent, encrypted first. For testers and servers (uds_server.h).
 * Thread-safe: pure functions. */
#ifndef CT_DIAGNOSTICS_UDS_SECURED_H
#define CT_DIAGNOSTICS_UDS_SECURED_H

#include "uds_message.h"

#define CT_UDS_SECURED_HEAD      8U /* bytes before the inner message */
#define CT_UDS_SIGNATURE_MAX     512U
#define CT_UDS_SECURED_INNER_MAX 4095U

enum ct_uds_secured_flag { /* administrative parameter; the other bits are reserved */
                           CT_UDS_SECURED_IS_REQUEST = 0x0001,
                           CT_UDS_SECURED_OWN_KEY = 0x0008, /* a key agreed before is used */
                           CT_UDS_SECURED_ENCRYPTED = 0x0010,
                           CT_UDS_SECURED_SIGNED = 0x0020,
                           CT_UDS_SECURED_SIGN_RESPONSE = 0x0040
};

struct ct_uds_security {
    uint8_t calculation; /* signatureEncryptionCalculation: which algorithm; another one is refused */
    uint16_t needs;      /* flags without which a message is refused: SIGNED, ENCRYPTED or both */
    void *user;
    uint16_t signature_len; /* 1 to CT_UDS_SIGNATURE_MAX, of every signature; 0 without `sign` */
    /* The signature of data, signature_len bytes into out: 0 or a ct_err. NULL, with verify: nothing is signed. */
    int (*sign)(void *user, const uint8_t *data, size_t len, uint8_t *out);
    bool (*verify)(void *user, const uint8_t *data, size_t len, const uint8_t *signature);
    /* In place, same length; `counter` and `is_request` make each message's own start value. NULL: not encrypted. */
    int (*encrypt)(void *user, uint16_t counter, bool is_request, uint8_t *data, size_t len);
    int (*decrypt)(void *user, uint16_t counter, bool is_request, uint8_t *data, size_t len);
};

struct ct_uds_secured {
    uint16_t flags;
    uint16_t counter;
    uint8_t message[CT_UDS_SECURED_INNER_MAX]; /* the inner one, in clear */
    size_t len;
};

/* CT_ERR_TOO_LARGE, CT_ERR_ARGUMENT (empty message, flags that `security` has no function for, reserved ones), or what
 * a function of `security` returned. */
int ct_uds_secured_encode(const struct ct_uds_security *security, uint16_t flags, uint16_t counter,
                          struct ct_uds_bytes message, uint8_t *out, size_t size, size_t *out_len) CT_MUST_CHECK;
/* CT_ERR_TRUNCATED when the lengths cannot be (NRC 13), else CT_ERR_CORRUPT for whatever fails in the security layer
 * (NRC 3A): signature, algorithm, direction, reserved or missing flags. The counter is the caller's to judge. */
int ct_uds_secured_decode(const struct ct_uds_security *security, bool is_request, const uint8_t *bytes, size_t len,
                          struct ct_uds_secured *out_secured) CT_MUST_CHECK;

/* Of a tester: the response (C4) to the request with `counter`. As decode; CT_ERR_CORRUPT also for another counter, and
 * for a response that is not protected as `asked` (the request's flags) wants it. */
int ct_uds_secured_response(const struct ct_uds_security *security, uint16_t asked, uint16_t counter,
                            const uint8_t *bytes, size_t len, struct ct_uds_secured *out_secured) CT_MUST_CHECK;

/* The flags of a response to a request with `asked`. */
uint16_t ct_uds_secured_response_flags(uint16_t asked);

#endif
