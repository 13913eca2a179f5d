#include "gpio_private.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PATH_MAX_LEN 256

/* Digits alone are an offset; false: a name. */
static bool parse_offset(const char *text, unsigned *out_offset)
{
    uint64_t value = 0;
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        value = value * 10 + (uint64_t)(*c - '0');
    }
    *out_offset = (unsigned)value;
    return true;
}

static const char *advice(int err)
{
    switch (err) {
    case CT_ERR_NOT_FOUND:
        return "; `gpioinfo` lists chips and lines";
    case CT_ERR_PERMISSION:
        return "; a udev rule gives the device to the gateway's group";
    case CT_ERR_BUSY:
        return "; `gpioinfo` shows by whom";
    case CT_ERR_UNSUPPORTED:
        return "; this build has no libgpiod";
    default:
        return "";
    }
}

int ct_gpio_open(const struct ct_gpio_config *config, struct ct_gpio **out_gpio, char *problem, size_t problem_size)
{
    char path[PATH_MAX_LEN];
    unsigned offset = 0;
    const bool is_path = strchr(config->chip, '/') != NULL;
    const int len = snprintf(path, sizeof path, "%s%s", is_path ? "" : "/dev/", config->chip);
    int err = len < 0 || (size_t)len >= sizeof path ? CT_ERR_TOO_LARGE : CT_OK;
    const bool is_offset = parse_offset(config->line, &offset);
    if (err == CT_OK) {
        err = ct_gpio_request(path, is_offset ? NULL : config->line, offset, config, out_gpio);
    }
    if (err != CT_OK) {
        snprintf(problem, problem_size, "error: line '%s' of %s: %s%s", config->line, path, ct_err_text(err),
                 advice(err));
    }
    return err;
}
