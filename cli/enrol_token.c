#include "enrol_token.h"

#include "bytes.h"

#include <sodium.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX    "cantwin-enrol-"
#define VERSION   1
#define KEY_LEN   (CT_Z85_KEY_SIZE - 1)
#define FIXED     (1 + KEY_LEN + CT_ENROL_SECRET_SIZE + 1) /* then the vehicle, the endpoint's length and it, a CRC */
#define BYTES_MAX 320
#define VARIANT   sodium_base64_VARIANT_URLSAFE_NO_PADDING

_Static_assert(FIXED + CT_ENROL_VEHICLE_SIZE + CT_ENROL_ENDPOINT_SIZE + 4 <= BYTES_MAX, "any token fits");
_Static_assert(sizeof PREFIX + BYTES_MAX * 4 / 3 + 4 <= CT_ENROL_TOKEN_SIZE, "any token fits as text");

int ct_enrol_token_make(struct ct_enrol_token *token)
{
    if (sodium_init() < 0) {
        return CT_ERR_IO;
    }
    randombytes_buf(token->secret, sizeof token->secret);
    return CT_OK;
}

void ct_enrol_token_format(const struct ct_enrol_token *token, char out_text[CT_ENROL_TOKEN_SIZE])
{
    uint8_t bytes[BYTES_MAX];
    size_t len = 0;
    const size_t vehicle = strlen(token->vehicle);
    const size_t endpoint = strlen(token->endpoint);
    bytes[len++] = VERSION;
    memcpy(bytes + len, token->server_key, KEY_LEN);
    len += KEY_LEN;
    memcpy(bytes + len, token->secret, sizeof token->secret);
    len += sizeof token->secret;
    bytes[len++] = (uint8_t)vehicle;
    memcpy(bytes + len, token->vehicle, vehicle);
    len += vehicle;
    bytes[len++] = (uint8_t)endpoint;
    memcpy(bytes + len, token->endpoint, endpoint);
    len += endpoint;
    ct_put_le32(bytes + len, ct_crc32c(0, bytes, len));
    memcpy(out_text, PREFIX, sizeof PREFIX - 1);
    (void)sodium_bin2base64(out_text + sizeof PREFIX - 1, CT_ENROL_TOKEN_SIZE - sizeof PREFIX + 1, bytes, len + 4,
                            VARIANT);
    sodium_memzero(bytes, sizeof bytes);
}

/* A text of `size` bytes at most, NUL included, from a length byte and its bytes at *at. */
static bool take_text(const uint8_t *bytes, size_t len, size_t *at, char *out, size_t size)
{
    const size_t n = *at < len ? bytes[*at] : SIZE_MAX;
    if (n >= size || n > len - *at - 1 || memchr(bytes + *at + 1, 0, n) != NULL) {
        return false;
    }
    memcpy(out, bytes + *at + 1, n);
    out[n] = '\0';
    *at += 1 + n;
    return true;
}

static int parse_bytes(const uint8_t *bytes, size_t len, struct ct_enrol_token *token)
{
    size_t at = FIXED - 1;
    if (len < FIXED + 4 || ct_crc32c(0, bytes, len - 4) != ct_le32(bytes + len - 4)) {
        return CT_ERR_CORRUPT;
    }
    if (bytes[0] != VERSION) {
        return CT_ERR_UNSUPPORTED;
    }
    memcpy(token->server_key, bytes + 1, KEY_LEN);
    token->server_key[KEY_LEN] = '\0';
    memcpy(token->secret, bytes + 1 + KEY_LEN, sizeof token->secret);
    const bool good = take_text(bytes, len - 4, &at, token->vehicle, sizeof token->vehicle) &&
                      take_text(bytes, len - 4, &at, token->endpoint, sizeof token->endpoint) && at == len - 4;
    return good && ct_peer_name_valid(token->vehicle) ? CT_OK : CT_ERR_CORRUPT;
}

int ct_enrol_token_parse(const char *text, struct ct_enrol_token *out_token)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = 0;
    struct ct_enrol_token token;
    const char *end = NULL;
    if (strncmp(text, PREFIX, sizeof PREFIX - 1) != 0) {
        return CT_ERR_SYNTAX;
    }
    text += sizeof PREFIX - 1;
    if (sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &len, &end, VARIANT) != 0 || *end != '\0') {
        return CT_ERR_CORRUPT;
    }
    const int err = parse_bytes(bytes, len, &token);
    if (err == CT_OK) {
        *out_token = token;
    }
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

void ct_enrol_hash(const uint8_t secret[CT_ENROL_SECRET_SIZE], char out_hash[CT_ENROL_HASH_SIZE])
{
    uint8_t hash[32];
    (void)crypto_generichash(hash, sizeof hash, secret, CT_ENROL_SECRET_SIZE, NULL, 0);
    ct_hex_encode(out_hash, hash, sizeof hash);
}

/* ---------------------------------------------------------------- the list */

static bool parse_row(const char *line, size_t len, struct ct_enrol_row *row)
{
    char text[256];
    char vehicle[80];
    char hash[80];
    char key[48];
    char more;
    uint8_t bytes[32];
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, line, len);
    text[len] = '\0';
    *row = (struct ct_enrol_row){.expires_utc_ms = 0};
    if (sscanf(text, "%79s %79s %" SCNd64 " %47s %c", hash, vehicle, &row->expires_utc_ms, key, &more) != 4 ||
        strlen(hash) != CT_ENROL_HASH_SIZE - 1 || ct_hex_decode(bytes, hash, sizeof bytes) != CT_OK ||
        !ct_peer_name_valid(vehicle) || (strcmp(key, "-") != 0 && strlen(key) != KEY_LEN)) {
        return false;
    }
    memcpy(row->hash, hash, sizeof row->hash);
    (void)snprintf(row->vehicle, sizeof row->vehicle, "%.64s", vehicle);
    (void)snprintf(row->key, sizeof row->key, "%.40s", strcmp(key, "-") == 0 ? "" : key);
    return true;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

int ct_enrol_rows_parse(const char *name, const char *text, struct ct_enrol_row **out_rows, size_t *out_count,
                        char *problem, size_t problem_size)
{
    size_t count = 0;
    struct ct_enrol_row *rows = calloc(count_lines(text), sizeof *rows);
    if (rows == NULL) {
        (void)snprintf(problem, problem_size, "%s: error: %s", name, ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    for (unsigned number = 1; *text != '\0'; number++) {
        const size_t len = strcspn(text, "\n");
        if (len > 0 && text[0] != '#' && !parse_row(text, len, &rows[count++])) {
            (void)snprintf(problem, problem_size, "%s:%u:1: error: expected HASH VEHICLE EXPIRES KEY", name, number);
            free(rows);
            return CT_ERR_SYNTAX;
        }
        text += len + (text[len] == '\n');
    }
    *out_rows = rows;
    *out_count = count;
    return CT_OK;
}

void ct_enrol_row_write(const struct ct_enrol_row *row, struct ct_buf *out)
{
    ct_buf_printf(out, "%s %s %" PRId64 " %s\n", row->hash, row->vehicle, row->expires_utc_ms,
                  row->key[0] != '\0' ? row->key : "-");
}

/* ---------------------------------------------------------------- verdicts */

const char *ct_enrol_verdict_text(enum ct_enrol_verdict verdict)
{
#define TEXT(name, text) text,
    static const char *const texts[] = {CT_ENROL_VERDICTS(TEXT)};
#undef TEXT
    return verdict < CT_ENROL_VERDICT_COUNT ? texts[verdict] : "an answer of a newer version";
}

enum ct_enrol_verdict ct_enrol_judge(struct ct_enrol_row *rows, size_t count,
                                     const uint8_t secret[CT_ENROL_SECRET_SIZE], const char *key, int64_t utc_ms,
                                     struct ct_enrol_row **out_row)
{
    char hash[CT_ENROL_HASH_SIZE];
    struct ct_enrol_row *row = NULL;
    ct_enrol_hash(secret, hash);
    for (size_t i = 0; i < count; i++) {
        row = strcmp(rows[i].hash, hash) == 0 ? &rows[i] : row;
    }
    *out_row = row;
    if (row == NULL) {
        return CT_ENROL_UNKNOWN;
    }
    if (row->key[0] != '\0' && strcmp(row->key, key) != 0) {
        return CT_ENROL_USED;
    }
    return utc_ms < row->expires_utc_ms ? CT_ENROL_GRANTED : CT_ENROL_EXPIRED;
}
