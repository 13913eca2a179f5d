#include "diag_options.h"

#include "diag_cmd.h"
#include "frame.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ct_diag_options ct_diag_options_usual(void)
{
    return (struct ct_diag_options){.bus = "unix:can0.sock", .tx_id = UINT32_MAX, .rx_id = UINT32_MAX};
}

static int take_bus(struct ct_diag_options *options, const char *text)
{
    options->bus = text;
    return CT_OK;
}

static int read_id(struct ct_diag_options *options, const char *text, uint32_t *out_id)
{
    const char *digits = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
    const size_t len = strlen(digits);
    if (len == 0 || len > 8 || strspn(digits, "0123456789abcdefABCDEF") != len) {
        return CT_ERR_SYNTAX;
    }
    const unsigned long id = strtoul(digits, NULL, 16);
    if (id > CT_ID_EXT_MAX) {
        return CT_ERR_RANGE;
    }
    options->extended = options->extended || len > 3;
    *out_id = (uint32_t)id;
    return CT_OK;
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
    {"--bus", "the name of a bus", take_bus},
    {"--tx", "an id in hex, such as 7E0", take_tx},
    {"--rx", "an id in hex, such as 7E8", take_rx},
    {"--timeout", "seconds up to 3600", take_timeout},
    {"--fd", NULL, take_fd},
    {"--json", NULL, take_json},
};

int ct_diag_option(int argc, char **argv, int *at, struct ct_diag_options *options, bool *out_taken)
{
    *out_taken = false;
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
