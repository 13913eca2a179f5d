#include "verify.h"

#include <sodium.h>

#include <math.h>
#include <string.h>

#define DID_HARDWARE 0xF191 /* ISO 14229-1 annex C.1 */
#define DID_SOFTWARE 0xF195
#define DID_SERIAL   0xF18C

void ct_update_sha256(const uint8_t *data, size_t len, uint8_t out_hash[CT_UPDATE_HASH_SIZE])
{
    (void)crypto_hash_sha256(out_hash, data, len);
}

/* ------------------------------------------------------------------------------------------------ signatures */

static enum ct_update_verdict check_part(const struct ct_update_part *part, const struct ct_root *root,
                                         enum ct_role role, const char *domain)
{
    return ct_root_check(root, role, domain, part->payload, part->len, part->signatures, part->signature_count);
}

static enum ct_update_verdict authenticate(const struct ct_update_parts *parts, const struct ct_root *root)
{
    if (parts->release.len + parts->directive.len > CT_UPDATE_ENVELOPE_MAX) {
        return CT_UPDATE_TOO_LARGE;
    }
    const enum ct_update_verdict verdict = check_part(&parts->release, root, CT_ROLE_RELEASE, CT_DOMAIN_RELEASE);
    return verdict != CT_UPDATE_OK ? verdict
                                   : check_part(&parts->directive, root, CT_ROLE_DIRECTOR, CT_DOMAIN_DIRECTIVE);
}

/* ------------------------------------------------------------------------------------------------ target */

static const char *said(const struct ct_update_context *context, const char *ecu, uint16_t did)
{
    const char *text = context->identity(context->user, ecu, did);
    return text != NULL ? text : "";
}

static enum ct_update_verdict check_target(const struct ct_release *release, const struct ct_directive *directive,
                                           const struct ct_update_context *context)
{
    const bool serial = directive->ecu_serial[0] == 0 ||
                        strcmp(said(context, release->targets[0].ecu, DID_SERIAL), directive->ecu_serial) == 0;
    return strcmp(directive->vehicle_id, context->vehicle_id) == 0 && serial ? CT_UPDATE_OK : CT_UPDATE_TARGET;
}

static bool hardware_fits(const struct ct_update_target *target, const char *hardware)
{
    bool fits = target->hardware_count == 0;
    for (size_t i = 0; i < target->hardware_count; i++) {
        fits = fits || strcmp(target->hardware[i], hardware) == 0;
    }
    return fits;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Of two numbers without leading zeros. */
static int number_order(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len != b_len ? (a_len < b_len ? -1 : 1) : strncmp(a, b, a_len);
}

int ct_version_compare(const char *a, const char *b)
{
    while (*a != 0 && *b != 0) {
        const size_t a_zeros = strspn(a, "0"), b_zeros = strspn(b, "0");
        const size_t a_len = digits(a) - a_zeros, b_len = digits(b) - b_zeros;
        if (digits(a) > 0 && digits(b) > 0) {
            const int by_number = number_order(a + a_zeros, a_len, b + b_zeros, b_len);
            if (by_number != 0) {
                return by_number;
            }
            a += a_zeros + a_len;
            b += b_zeros + b_len;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a == *b ? 0 : *a == 0 ? -1 : 1;
}

static bool software_fits(const struct ct_update_target *target, const char *software)
{
    const bool asked = target->software_min[0] != 0 || target->software_max[0] != 0;
    if (!asked) {
        return true;
    }
    return software[0] != 0 &&
           (target->software_min[0] == 0 || ct_version_compare(software, target->software_min) >= 0) &&
           (target->software_max[0] == 0 || ct_version_compare(software, target->software_max) <= 0);
}

static enum ct_update_verdict check_compat(const struct ct_release *release, const struct ct_update_context *context)
{
    if (release->decoder_asked && memcmp(release->decoder_hash, context->decoder_hash, CT_UPDATE_HASH_SIZE) != 0) {
        return CT_UPDATE_COMPAT;
    }
    for (size_t i = 0; i < release->target_count; i++) {
        const struct ct_update_target *target = &release->targets[i];
        if (!hardware_fits(target, said(context, target->ecu, DID_HARDWARE)) ||
            !software_fits(target, said(context, target->ecu, DID_SOFTWARE))) {
            return CT_UPDATE_COMPAT;
        }
    }
    return CT_UPDATE_OK;
}

/* ------------------------------------------------------------------------------------------------ order and time */

/* A release that allows it takes the vehicle back from exactly one counter, and only when the director asks for that.
 */
static bool counter_fits(const struct ct_release *release, const struct ct_directive *directive,
                         const struct ct_trust *trust)
{
    const uint32_t known = ct_trust_line(trust, release->set_id);
    return release->counter >= known ||
           (directive->rollback && release->rollback_counter != 0 && release->rollback_counter == known);
}

static enum ct_update_verdict check_order(const struct ct_release *release, const struct ct_directive *directive,
                                          const struct ct_trust *trust)
{
    if (directive->seq <= trust->director_seq) {
        return CT_UPDATE_REPLAY;
    }
    return counter_fits(release, directive, trust) ? CT_UPDATE_OK : CT_UPDATE_ROLLBACK;
}

static enum ct_update_verdict check_time(const struct ct_release *release, const struct ct_directive *directive,
                                         const struct ct_trust *trust, const struct ct_update_context *context)
{
    int64_t now;
    const bool trusted = ct_trust_time(trust, context->time_known, context->utc_ms, &now);
    if (now >= directive->expires_utc_ms || now >= release->expires_utc_ms || now >= trust->root.expires_utc_ms) {
        return CT_UPDATE_EXPIRED; /* also by a clock that is not trusted: the floor is */
    }
    if (!trusted) {
        return CT_UPDATE_DEFER_NO_TIME;
    }
    return now < directive->not_before_utc_ms ? CT_UPDATE_NOT_BEFORE : CT_UPDATE_OK;
}

/* ------------------------------------------------------------------------------------------------ content */

static enum ct_update_verdict check_release(const struct ct_update_part *part, const struct ct_release *release,
                                            const struct ct_directive *directive, const struct ct_trust *trust)
{
    uint8_t hash[CT_UPDATE_HASH_SIZE];
    ct_update_sha256(part->payload, part->len, hash);
    if (directive->release_len != part->len || memcmp(hash, directive->release_sha256, sizeof hash) != 0) {
        return CT_UPDATE_MISMATCH;
    }
    return memcmp(release->base_set_hash, trust->set_hash, sizeof hash) == 0 ? CT_UPDATE_OK : CT_UPDATE_BASE;
}

enum ct_update_verdict ct_update_check_value(const struct ct_parameter *parameter)
{
    if (parameter->type == CT_PARAMETER_BLOB) {
        return CT_UPDATE_OK;
    }
    if (parameter->raw_len == 0) { /* none, or not of its type */
        return CT_UPDATE_VALUE;
    }
    if (ct_parameter_width(parameter->type) == 0) {
        return CT_UPDATE_OK;
    }
    const double stored = ct_parameter_stored(parameter, parameter->raw, parameter->raw_len);
    const double value = ct_parameter_physical(parameter, parameter->raw, parameter->raw_len);
    const bool negative_zero = stored == 0 && signbit(stored) != 0;
    const bool inside = isfinite(value) && value >= parameter->min && value <= parameter->max;
    return inside && !negative_zero ? CT_UPDATE_OK : CT_UPDATE_VALUE;
}

static enum ct_update_verdict check_parameters(const struct ct_release *release,
                                               const struct ct_update_context *context)
{
    for (size_t i = 0; i < release->parameter_count; i++) {
        const enum ct_update_verdict verdict = ct_update_check_value(&release->parameters[i]);
        if (verdict != CT_UPDATE_OK) {
            return verdict;
        }
    }
    for (size_t i = 0; i < release->parameter_count; i++) {
        const enum ct_update_verdict verdict = context->limit(context->user, &release->parameters[i]);
        if (verdict != CT_UPDATE_OK) {
            return verdict;
        }
    }
    return CT_UPDATE_OK;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static enum ct_update_verdict find_known(const struct ct_update_part *directive_bytes,
                                         const struct ct_directive *directive, const struct ct_trust *trust,
                                         const struct ct_trust_seen **out_known)
{
    uint8_t hash[CT_UPDATE_HASH_SIZE];
    *out_known = ct_trust_find(trust, directive->update_id);
    if (*out_known == NULL) {
        return CT_UPDATE_OK;
    }
    ct_update_sha256(directive_bytes->payload, directive_bytes->len, hash);
    return memcmp((*out_known)->directive_hash, hash, sizeof hash) == 0 ? CT_UPDATE_OK : CT_UPDATE_ID_REUSE;
}

static enum ct_update_verdict judge(const struct ct_update_parts *parts, const struct ct_trust *trust,
                                    const struct ct_update_context *context, const struct ct_release *release,
                                    const struct ct_directive *directive)
{
    enum ct_update_verdict verdict = check_target(release, directive, context);
    verdict = verdict == CT_UPDATE_OK ? check_compat(release, context) : verdict;
    verdict = verdict == CT_UPDATE_OK ? check_order(release, directive, trust) : verdict;
    verdict = verdict == CT_UPDATE_OK ? check_time(release, directive, trust, context) : verdict;
    verdict = verdict == CT_UPDATE_OK ? check_release(&parts->release, release, directive, trust) : verdict;
    return verdict == CT_UPDATE_OK ? check_parameters(release, context) : verdict;
}

enum ct_update_verdict ct_update_verify(const struct ct_update_parts *parts, const struct ct_trust *trust,
                                        const struct ct_update_context *context, struct ct_release *out_release,
                                        struct ct_directive *out_directive, const struct ct_trust_seen **out_known)
{
    *out_known = NULL;
    enum ct_update_verdict verdict = authenticate(parts, &trust->root);
    if (verdict != CT_UPDATE_OK) {
        return verdict;
    }
    if (context->parse_release(parts->release.payload, parts->release.len, out_release) != CT_OK ||
        context->parse_directive(parts->directive.payload, parts->directive.len, out_directive) != CT_OK) {
        return CT_UPDATE_PARSE;
    }
    verdict = find_known(&parts->directive, out_directive, trust, out_known);
    if (verdict != CT_UPDATE_OK || *out_known != NULL) {
        return verdict;
    }
    if (trust->locked || trust->journal_lost) {
        return trust->locked ? CT_UPDATE_LOCKED : CT_UPDATE_JOURNAL_LOST;
    }
    return judge(parts, trust, context, out_release, out_directive);
}
