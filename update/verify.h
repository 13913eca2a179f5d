/* From the bytes of an update to "this may be applied", or the one reason why not.
 *
 * The order is fixed and the first failure wins: size -> keys known, each once, of the right role -> signatures good ->
 * thresholds -> only now parse, strictly -> this update id already decided -> vehicle, ECU serial -> hardware,
 * software, decoder -> directive's sequence, release's counter -> time -> release named by the directive -> base set ->
 * values within their own bounds -> local policy. An id that was decided stands before the sequence, so that the same
 * update sent again gets its stored result. Preconditions come after (precondition.h), before every write. Pure: no
 * I/O, no clock, no memory. Source: design section 10; facts on update trust 1.5 and 1.6. */
#ifndef CT_UPDATE_VERIFY_H
#define CT_UPDATE_VERIFY_H

#include "trust.h"

struct ct_update_part {
    const uint8_t *payload; /* as received */
    size_t len;
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    size_t signature_count;
};

struct ct_update_parts {
    struct ct_update_part release, directive;
};

struct ct_update_context {
    const char *vehicle_id;
    bool time_known; /* the clock was set by something */
    int64_t utc_ms;
    uint8_t decoder_hash[CT_UPDATE_HASH_SIZE]; /* catalogue in use */
    void *user;
    /* Strict parsers of verified bytes: CT_OK or any error. */
    int (*parse_release)(const uint8_t *data, size_t len, struct ct_release *out_release);
    int (*parse_directive)(const uint8_t *data, size_t len, struct ct_directive *out_directive);
    /* What an ECU says of itself: DID F191, F195, F18C as text; NULL: it has not said (and then nothing asked of it is
     * met). */
    const char *(*identity)(void *user, const char *ecu, uint16_t did);
    /* The local policy no signature overrides. OK or POLICY. */
    enum ct_update_verdict (*limit)(void *user, const struct ct_parameter *parameter);
};

/* OK: *out_release and *out_directive are what was asked. When *out_known is set (into `trust`), this very update has
 * been decided before: nothing is to be done but to report that again. DEFER_NO_TIME and NOT_BEFORE: later perhaps. */
enum ct_update_verdict ct_update_verify(const struct ct_update_parts *parts, const struct ct_trust *trust,
                                        const struct ct_update_context *context, struct ct_release *out_release,
                                        struct ct_directive *out_directive, const struct ct_trust_seen **out_known);

/* A parameter's value within its own bounds: OK or VALUE. */
enum ct_update_verdict ct_update_check_value(const struct ct_parameter *parameter);

/* Versions as numbers between dots ("1.10" above "1.9"); text that is none counts byte by byte. As strcmp. */
int ct_version_compare(const char *a, const char *b);

void ct_update_sha256(const uint8_t *data, size_t len, uint8_t out_hash[CT_UPDATE_HASH_SIZE]);

#endif
