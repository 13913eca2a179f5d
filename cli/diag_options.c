#include "diag_options.h"

#include "diag_cmd.h"
#include "frame.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ct_diag_options ct_diag_options_usual(void)
{
    return (struct ct_diag_options){.tx_id = UINT32_MAX, .rx_id = UINT32_MAX};
}

static int take_bus(struct ct_diag_options *options, const char *text)
{
    options->bus = text;
    return CT_OK;
}

static const char *skip_prefix(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

int ct_diag_can_id(const char *text, uint32_t *out_id)
{
    const char *digits = skip_prefix(text);
    const size_t len = strlen(digits);
    if (len == 0 || len > 8 || strspn(digits, "0123456789abcdefABCDEF") != len) {
        return CT_ERR_SYNTAX;
    }
    const unsigned long id = strtoul(digits, NULL, 16);
    if (id > CT_ID_EXT_MAX) {
        return CT_ERR_RANGE;
    }
    *out_id = (uint32_t)id;
    return CT_OK;
}

static int read_id(struct ct_diag_options *options, const char *text, uint32_t *out_id)
{
    const int err = ct_diag_can_id(text, out_id);
    options->extended = options->extended || strlen(skip_prefix(text)) > 3;
    return err;
}

static int take_tx(struct ct_diag_options *options, const char *text)
{
    return read_id(options, text, &options->tx_id);
}

static int take_rx(struct ct_diag_options *options, const char *text)
{
    return read_id(options, text, &options->rx_id);
}

static int take_timeout(struct ct_diag_options *options, const char *text)
{
    char *end;
    const double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(seconds) || seconds <= 0 || seconds > 3600) {
        return CT_ERR_SYNTAX;
    }
    options->timeout_s = seconds;
    return CT_OK;
}

#define TAKE_TEXT(member)                                                       \
    static int take_##member(struct ct_diag_options *options, const char *text) \
    {                                                                           \
        options->member = text;                                                 \
        return text[0] == '\0' ? CT_ERR_SYNTAX : CT_OK;                         \
    }
TAKE_TEXT(ecu)
TAKE_TEXT(description)
TAKE_TEXT(socket)
TAKE_TEXT(authenticate)
TAKE_TEXT(certificate)
TAKE_TEXT(verify_program)
TAKE_TEXT(key)
TAKE_TEXT(key_program)
TAKE_TEXT(key_library)

static int take_session(struct ct_diag_options *options, const char *text)
{
    return ct_diag_number(text, 0x7F, &options->session);
}

static int take_level(struct ct_diag_options *options, const char *text)
{
    const int err = ct_diag_number(text, 0x7D, &options->level);
    return err == CT_OK && options->level % 2 == 0 ? CT_ERR_RANGE : err;
}

static int take_fd(struct ct_diag_options *options, const char *text)
{
    (void)text;
    options->fd = true;
    return CT_OK;
}

static int take_json(struct ct_diag_options *options, const char *text)
{
    (void)text;
    options->json = true;
    return CT_OK;
}

static const struct {
    const char *name;
    const char *wants; /* NULL: no value */
    int (*take)(struct ct_diag_options *options, const char *text);
} table[] = {
    {"--ecu", "the name of an ECU", take_ecu},
    {"--description", "a file or folder", take_description},
    {"--socket", "the path of the gateway's status socket", take_socket},
    {"--session", "a number from 1 to 127", take_session},
    {"--level", "an odd number up to 125", take_level},
    {"--authenticate", "an algorithm's identifier in hex", take_authenticate},
    {"--certificate", "a file", take_certificate},
    {"--verify-program", "the name of a program", take_verify_program},
    {"--key", "a key in hex", take_key},
    {"--key-program", "the name of a program", take_key_program},
    {"--key-library", "the name of a shared object", take_key_library},
    {"--bus", "the name of a bus", take_bus},
    {"--tx", "an id in hex, such as 7E0", take_tx},
    {"--rx", "an id in hex, such as 7E8", take_rx},
    {"--timeout", "seconds up to 3600", take_timeout},
    {"--fd", NULL, take_fd},
    {"--json", NULL, take_json},
};

/* One of the shared options at argv[*at]? Takes what belongs to it, moving *at on. */
static int take_shared(int argc, char **argv, int *at, struct ct_diag_options *options, bool *out_taken)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(argv[*at], table[i].name) != 0) {
            continue;
        }
        *out_taken = true;
        const char *value = NULL;
        if (table[i].wants != NULL) {
            value = *at + 1 < argc ? argv[++*at] : "";
        }
        if (table[i].take(options, value) != CT_OK) {
            return ct_diag_fail(CT_EXIT_USAGE, "%s needs %s", table[i].name, table[i].wants);
        }
        break;
    }
    return CT_EXIT_OK;
}

static int take_extra(int argc, char **argv, int *at, const struct ct_diag_extra *extras, bool *out_taken)
{
    for (const struct ct_diag_extra *extra = extras; extra != NULL && extra->name != NULL; extra++) {
        if (strcmp(argv[*at], extra->name) != 0) {
            continue;
        }
        *out_taken = true;
        if (extra->flag != NULL) {
            *extra->flag = true;
        } else if (*at + 1 < argc) {
            *extra->value = argv[++*at];
        } else {
            return ct_diag_fail(CT_EXIT_USAGE, "%s needs a value", extra->name);
        }
        break;
    }
    return CT_EXIT_OK;
}

bool ct_diag_arguments(int argc, char **argv, const char *help, const struct ct_diag_extra *extras,
                       struct ct_diag_options *options, int *out_words, int *out_code)
{
    *options = ct_diag_options_usual();
    *out_words = 0;
    *out_code = CT_EXIT_OK;
    if (ct_diag_wants_help(argc, argv)) {
        fputs(help, stdout);
        return false;
    }
    const char *verb = argv[0];
    for (int i = 1; i < argc && *out_code == CT_EXIT_OK; i++) {
        bool taken = false;
        *out_code = take_shared(argc, argv, &i, options, &taken);
        if (*out_code == CT_EXIT_OK && !taken) {
            *out_code = take_extra(argc, argv, &i, extras, &taken);
        }
        if (*out_code == CT_EXIT_OK && !taken && argv[i][0] == '-' && argv[i][1] != '\0') {
            *out_code = ct_diag_fail(CT_EXIT_USAGE, "no option '%s'; see cantwin diag %s --help", argv[i], verb);
        } else if (!taken) {
            argv[(*out_words)++] = argv[i]; /* what was there has been read */
        }
    }
    return *out_code == CT_EXIT_OK;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int ct_diag_hex(const char *text, uint8_t *out, size_t size, size_t *out_len)
{
    size_t len = 0;
    for (const char *p = text; *p != '\0';) {
        if (*p == ' ' || *p == '.' || *p == ':') {
            p++;
            continue;
        }
        const int high = digit_of(p[0]);
        const int low = high < 0 ? -1 : digit_of(p[1]);
        if (low < 0) {
            return CT_ERR_SYNTAX;
        }
        if (len == size) {
            return CT_ERR_TOO_LARGE;
        }
        out[len++] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *out_len = len;
    return CT_OK;
}

int ct_diag_number(const char *text, uint32_t max, uint32_t *out_number)
{
    char *end;
    errno = 0;
    const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const unsigned long long number = strtoull(text, &end, hex ? 16 : 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0') {
        return CT_ERR_SYNTAX;
    }
    if (errno != 0 || number > max) {
        return CT_ERR_RANGE;
    }
    *out_number = (uint32_t)number;
    return CT_OK;
}
