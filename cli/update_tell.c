/* What a root or a release says in words: all of it, so that two that ask for different things never read the same. */
#include "bytes.h"
#include "update_cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------------ pieces */

static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    return text[0] != 0 && text[strspn(text, plain)] == 0;
}

/* Bytes at the start of UTF-8 text that a terminal obeys, or does not show, instead of printing them. */
static size_t unprintable(const char *text)
{
    const uint8_t first = (uint8_t)text[0], second = (uint8_t)(first != 0 ? text[1] : 0);
    if (first < 0x20 || first == 0x7F || first == '"' || first == '\\') {
        return 1;
    }
    if ((first == 0xC2 && second <= 0xA0) || (first == 0xD8 && second == 0x9C)) { /* C1, Arabic letter mark */
        return 2;
    }
    if ((first == 0xE2 && (second == 0x80 || second == 0x81)) || (first == 0xEF && second >= 0xB8)) {
        return 3; /* marks of direction, of width none, byte order */
    }
    return first >= 0xF3 ? 4 : 0; /* tags */
}

/* Bare when it is a plain name; else in quotes, with \xNN for what could make it look like something else. */
static void tell_text(FILE *to, const char *text)
{
    if (is_plain(text)) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    while (*text != 0) {
        const size_t escaped = unprintable(text);
        for (size_t i = 0; i < escaped && *text != 0; i++) {
            fprintf(to, "\\x%02x", (unsigned)(uint8_t)*text++);
        }
        if (escaped == 0) {
            fputc(*text++, to);
        }
    }
    fputc('"', to);
}

/* With as many digits as it takes to be this number and no other. */
static void tell_number(FILE *to, double number)
{
    char text[32];
    int digits = 6;
    do {
        (void)snprintf(text, sizeof text, "%.*g", digits++, number);
    } while (digits <= 17 && (strtod(text, NULL) < number || strtod(text, NULL) > number));
    fputs(text, to);
}

static void tell_bytes(FILE *to, const uint8_t *bytes, size_t len)
{
    char hex[2 * CT_UPDATE_RAW_MAX + 1];
    ct_hex_encode(hex, bytes, len);
    fputs(len > 0 ? hex : "nothing", to);
}

static void tell_range(FILE *to, double min, double max)
{
    tell_number(to, min);
    fputs(" .. ", to);
    tell_number(to, max);
}

static void tell_time(FILE *to, const char *what, int64_t utc_ms)
{
    char text[32] = "?";
    struct tm utc;
    const time_t seconds = (time_t)(utc_ms / 1000);
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    fprintf(to, "%-11s %s", what, text);
    fprintf(to, utc_ms % 1000 != 0 ? ".%03dZ\n" : "Z\n", abs((int)(utc_ms % 1000)));
}

static void tell_hash(FILE *to, const char *what, const uint8_t hash[CT_UPDATE_HASH_SIZE])
{
    fprintf(to, "%-11s ", what);
    tell_bytes(to, hash, CT_UPDATE_HASH_SIZE);
    fputc('\n', to);
}

/* ------------------------------------------------------------------------------------------------ release */

static void tell_calls(FILE *to, const char *when, const struct ct_routine_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "  %-9s routine %04" PRIX16 " with ", when, calls[i].routine);
        tell_bytes(to, calls[i].options, calls[i].options_len);
        fputc('\n', to);
    }
}

static void tell_if_any(FILE *to, const char *what, const char *text)
{
    if (text[0] != 0) {
        fputs(what, to);
        tell_text(to, text);
    }
}

static void tell_target(FILE *to, const struct ct_update_target *target)
{
    fputs("for         ", to);
    tell_text(to, target->ecu);
    for (size_t k = 0; k < target->hardware_count; k++) {
        fputs(k == 0 ? ", hardware " : " or ", to);
        tell_text(to, target->hardware[k]);
    }
    tell_if_any(to, ", software from ", target->software_min);
    tell_if_any(to, ", software up to ", target->software_max);
    fprintf(to, "\n  session %u, ", target->session);
    if (target->security_level != 0) {
        fprintf(to, "security level %u, ", target->security_level);
    }
    fputs(target->reset ? "reset afterwards\n" : "no reset\n", to);
    tell_calls(to, "before", target->before, target->before_count);
    tell_calls(to, "after", target->after, target->after_count);
}

static void tell_place(FILE *to, const struct ct_parameter *p)
{
    tell_text(to, p->ecu);
    if (p->place == CT_PLACE_DID) {
        fprintf(to, " DID %04" PRIX16, p->did);
    } else if (p->place == CT_PLACE_OWN) {
        fputs("'s ", to);
        tell_text(to, p->own);
    } else {
        fprintf(to, " memory %" PRIX64 ", %" PRIu32 " bytes, formats %02X %02X", p->memory_address, p->memory_size,
                p->memory_format, p->data_format);
    }
}

static const char *type_name(enum ct_parameter_type type)
{
    static const char *const names[] = {"?",     "uint8",   "uint16",  "uint32", "int8", "int16",
                                        "int32", "float32", "float64", "bytes",  "text", "blob"};
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : names[0];
}

static void tell_scale(FILE *to, const struct ct_parameter *p)
{
    fputs(", times ", to);
    tell_number(to, p->factor);
    fputs(" plus ", to);
    tell_number(to, p->offset);
    fputs(", read back within ", to);
    tell_number(to, p->tolerance);
}

static void tell_parameter(FILE *to, const struct ct_parameter *p)
{
    fputs("  ", to);
    tell_text(to, p->name);
    fputs(": ", to);
    tell_place(to, p);
    if (p->type == CT_PARAMETER_BLOB) {
        fprintf(to, " := %" PRIu32 " bytes of SHA-256 ", p->blob.size);
        tell_bytes(to, p->blob.sha256, sizeof p->blob.sha256);
    } else if (ct_parameter_width(p->type) > 0) {
        fputs(" := ", to);
        tell_number(to, ct_parameter_physical(p, p->raw, p->raw_len));
        tell_if_any(to, " ", p->unit);
        fputs(" (", to);
        tell_range(to, p->min, p->max);
        fputc(')', to);
    }
    fprintf(to, "\n    as %s%s", type_name(p->type), p->little_endian ? ", little-endian" : "");
    if (p->type != CT_PARAMETER_BLOB) {
        fputs(", bytes ", to);
        tell_bytes(to, p->raw, p->raw_len);
    }
    tell_scale(to, p);
    if (p->expected_old_len > 0) {
        fputs(", only in place of ", to);
        tell_bytes(to, p->expected_old, p->expected_old_len);
    }
    fputc('\n', to);
}

static void tell_conditions(FILE *to, const struct ct_release *release)
{
    for (size_t i = 0; i < release->precondition_count; i++) {
        const struct ct_precondition *condition = &release->preconditions[i];
        fputs("only while  ", to);
        tell_text(to, condition->path);
        fputs(" is ", to);
        tell_range(to, condition->min, condition->max);
        fprintf(to, " for %" PRIu32 " ms\n", condition->for_ms);
    }
    fprintf(to, "moving      %s\n", release->hold_when_moving ? "waits" : "takes back");
    fprintf(to, "at most     %" PRIu32 " s\n", release->max_apply_s);
}

void ct_update_tell_release(FILE *to, const struct ct_release *release)
{
    fputs("release     ", to);
    tell_text(to, release->set_id);
    fprintf(to, ", counter %" PRIu32 "\n", release->counter);
    tell_time(to, "issued", release->issued_utc_ms);
    tell_time(to, "expires", release->expires_utc_ms);
    tell_hash(to, "set", release->set_hash);
    tell_hash(to, "replaces", release->base_set_hash);
    if (release->decoder_asked) {
        tell_hash(to, "decoder", release->decoder_hash);
    }
    for (size_t i = 0; i < release->target_count; i++) {
        tell_target(to, &release->targets[i]);
    }
    fputs("writes\n", to);
    for (size_t i = 0; i < release->parameter_count; i++) {
        tell_parameter(to, &release->parameters[i]);
    }
    tell_conditions(to, release);
    for (size_t i = 0; i < release->rxswin_count; i++) {
        fputs("RXSWIN      ", to);
        tell_text(to, release->rxswin[i]);
        fputc('\n', to);
    }
    if (release->rollback_counter != 0) {
        fprintf(to, "allows      to go back from counter %" PRIu32 "\n", release->rollback_counter);
    }
    if (release->user_notice[0] != 0) {
        fputs("notice      ", to);
        tell_text(to, release->user_notice);
        fputc('\n', to);
    }
}

/* ------------------------------------------------------------------------------------------------ root */

static void tell_role(FILE *to, const char *name, const struct ct_role_keys *keys)
{
    char hex[2 * CT_SIGN_PUBLIC_SIZE + 1];
    fprintf(to, "%-11s %" PRIu32 " of %zu\n", name, keys->threshold, keys->count);
    for (size_t i = 0; i < keys->count; i++) {
        ct_hex_encode(hex, keys->public_keys[i], CT_SIGN_PUBLIC_SIZE);
        fprintf(to, "  %s\n", hex);
    }
}

void ct_update_tell_root(FILE *to, const struct ct_root *root)
{
    fprintf(to, "root        version %" PRIu32 "%s\n", root->version,
            root->reset_director ? ", the director's orders count from the beginning" : "");
    tell_time(to, "expires", root->expires_utc_ms);
    tell_role(to, "root keys", &root->root);
    tell_role(to, "release", &root->release);
    tell_role(to, "director", &root->director);
}
