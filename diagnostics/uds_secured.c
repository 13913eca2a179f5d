#include "uds_secured.h"

#include "bytes.h"

#include <string.h>

#define FLAGS_KNOWN                                                                                          \
    (CT_UDS_SECURED_IS_REQUEST | CT_UDS_SECURED_OWN_KEY | CT_UDS_SECURED_ENCRYPTED | CT_UDS_SECURED_SIGNED | \
     CT_UDS_SECURED_SIGN_RESPONSE)

static bool has(uint16_t flags, enum ct_uds_secured_flag flag)
{
    return (flags & (unsigned)flag) != 0;
}

static bool can(const struct ct_uds_security *security, uint16_t flags)
{
    const bool signs = security->sign != NULL && security->verify != NULL;
    const bool encrypts = security->encrypt != NULL && security->decrypt != NULL;
    return (flags & ~(unsigned)FLAGS_KNOWN) == 0 && (encrypts || !has(flags, CT_UDS_SECURED_ENCRYPTED)) &&
           (signs || !(has(flags, CT_UDS_SECURED_SIGNED) || has(flags, CT_UDS_SECURED_SIGN_RESPONSE)));
}

static size_t signature_length(const struct ct_uds_security *security, uint16_t flags)
{
    return has(flags, CT_UDS_SECURED_SIGNED) ? security->signature_len : 0;
}

int ct_uds_secured_encode(const struct ct_uds_security *security, uint16_t flags, uint16_t counter,
                          struct ct_uds_bytes message, uint8_t *out, size_t size, size_t *out_len)
{
    const bool is_request = has(flags, CT_UDS_SECURED_IS_REQUEST);
    if (message.len == 0 || !can(security, flags)) {
        return CT_ERR_ARGUMENT;
    }
    const size_t before = CT_UDS_SECURED_HEAD + message.len;
    const size_t signature_len = signature_length(security, flags);
    if (message.len > CT_UDS_SECURED_INNER_MAX || before + signature_len > size) {
        return CT_ERR_TOO_LARGE;
    }
    out[0] = (uint8_t)(CT_UDS_SECURED_DATA + (is_request ? 0 : CT_UDS_POSITIVE_OFFSET));
    ct_put_be16(out + 1, flags);
    out[3] = security->calculation;
    ct_put_be16(out + 4, (uint16_t)signature_len);
    ct_put_be16(out + 6, counter);
    memcpy(out + CT_UDS_SECURED_HEAD, message.data, message.len);
    int err = CT_OK;
    if (has(flags, CT_UDS_SECURED_ENCRYPTED)) {
        err = security->encrypt(security->user, counter, is_request, out + CT_UDS_SECURED_HEAD, message.len);
    }
    if (err == CT_OK && signature_len > 0) {
        err = security->sign(security->user, out, before, out + before);
    }
    if (err == CT_OK) {
        *out_len = before + signature_len;
    }
    return err;
}

int ct_uds_secured_decode(const struct ct_uds_security *security, bool is_request, const uint8_t *bytes, size_t len,
                          struct ct_uds_secured *out_secured)
{
    if (len <= CT_UDS_SECURED_HEAD || ct_be16(bytes + 4) >= len - CT_UDS_SECURED_HEAD) {
        return CT_ERR_TRUNCATED;
    }
    const uint16_t flags = ct_be16(bytes + 1);
    const size_t signature_len = ct_be16(bytes + 4);
    const size_t inner = len - CT_UDS_SECURED_HEAD - signature_len;
    const uint8_t service = (uint8_t)(CT_UDS_SECURED_DATA + (is_request ? 0 : CT_UDS_POSITIVE_OFFSET));
    if (bytes[0] != service || has(flags, CT_UDS_SECURED_IS_REQUEST) != is_request || !can(security, flags) ||
        (flags & security->needs) != security->needs || bytes[3] != security->calculation ||
        signature_len != signature_length(security, flags) || inner > CT_UDS_SECURED_INNER_MAX) {
        return CT_ERR_CORRUPT;
    }
    if (signature_len > 0 &&
        !security->verify(security->user, bytes, len - signature_len, bytes + len - signature_len)) {
        return CT_ERR_CORRUPT;
    }
    out_secured->flags = flags;
    out_secured->counter = ct_be16(bytes + 6);
    out_secured->len = inner;
    memcpy(out_secured->message, bytes + CT_UDS_SECURED_HEAD, inner);
    if (has(flags, CT_UDS_SECURED_ENCRYPTED) &&
        security->decrypt(security->user, out_secured->counter, is_request, out_secured->message, inner) != CT_OK) {
        return CT_ERR_CORRUPT;
    }
    return CT_OK;
}

uint16_t ct_uds_secured_response_flags(uint16_t asked)
{
    const unsigned kept = asked & (unsigned)(CT_UDS_SECURED_OWN_KEY | CT_UDS_SECURED_ENCRYPTED);
    return (uint16_t)(kept | (has(asked, CT_UDS_SECURED_SIGN_RESPONSE) ? (unsigned)CT_UDS_SECURED_SIGNED : 0U));
}

int ct_uds_secured_response(const struct ct_uds_security *security, uint16_t asked, uint16_t counter,
                            const uint8_t *bytes, size_t len, struct ct_uds_secured *out_secured)
{
    const unsigned wanted =
        ct_uds_secured_response_flags(asked) & (unsigned)(CT_UDS_SECURED_ENCRYPTED | CT_UDS_SECURED_SIGNED);
    const int err = ct_uds_secured_decode(security, false, bytes, len, out_secured);
    if (err == CT_OK && (out_secured->counter != counter || (out_secured->flags & wanted) != wanted)) {
        return CT_ERR_CORRUPT;
    }
    return err;
}
