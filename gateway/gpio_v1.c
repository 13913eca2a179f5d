/* libgpiod 1.6 (Debian 12). */
#include "gpio_private.h"

#if CANTWIN_GPIOD == 1

#include <gpiod.h>
#include <stdlib.h>
#include <time.h>

struct ct_gpio {
    struct gpiod_chip *chip;
    struct gpiod_line *line;
    bool has_edges;
};

static int request_input(struct ct_gpio *gpio, int flags)
{
    if (gpiod_line_request_both_edges_events_flags(gpio->line, GPIO_CONSUMER, flags) == 0) {
        gpio->has_edges = true;
        return 0;
    }
    return gpio_no_interrupt(errno) ? gpiod_line_request_input_flags(gpio->line, GPIO_CONSUMER, flags) : -1;
}

static int request(struct ct_gpio *gpio, const struct ct_gpio_config *config)
{
    const int flags = config->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;
    const int failed = config->output
                           ? gpiod_line_request_output_flags(gpio->line, GPIO_CONSUMER, flags, config->active)
                           : request_input(gpio, flags);
    return failed != 0 ? ct_err_from_errno(errno) : CT_OK;
}

static int open_line(struct ct_gpio *gpio, const char *path, const char *name, unsigned offset)
{
    gpio->chip = gpiod_chip_open(path);
    if (gpio->chip == NULL) {
        return ct_err_from_errno(errno);
    }
    if (name == NULL && offset >= gpiod_chip_num_lines(gpio->chip)) {
        return CT_ERR_NOT_FOUND;
    }
    errno = ENOENT;
    gpio->line = name != NULL ? gpiod_chip_find_line(gpio->chip, name) : gpiod_chip_get_line(gpio->chip, offset);
    return gpio->line == NULL ? ct_err_from_errno(errno) : CT_OK;
}

int ct_gpio_request(const char *path, const char *name, unsigned offset, const struct ct_gpio_config *config,
                    struct ct_gpio **out_gpio)
{
    struct ct_gpio *gpio = calloc(1, sizeof *gpio);
    if (gpio == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = open_line(gpio, path, name, offset);
    err = err == CT_OK ? request(gpio, config) : err;
    if (err != CT_OK) {
        ct_gpio_close(gpio);
        return err;
    }
    *out_gpio = gpio;
    return CT_OK;
}

void ct_gpio_close(struct ct_gpio *gpio)
{
    if (gpio != NULL) {
        if (gpio->chip != NULL) {
            gpiod_chip_close(gpio->chip); /* releases its lines */
        }
        free(gpio);
    }
}

int ct_gpio_fd(const struct ct_gpio *gpio)
{
    return gpio->has_edges ? gpiod_line_event_get_fd(gpio->line) : -1;
}

int ct_gpio_read(struct ct_gpio *gpio, bool *out_active, size_t *out_edges)
{
    const struct timespec at_once = {0};
    struct gpiod_line_event events[GPIO_EDGES_MAX];
    size_t edges = 0;
    for (int i = 0; gpio->has_edges && i < GPIO_READ_ROUNDS && gpiod_line_event_wait(gpio->line, &at_once) > 0; i++) {
        const int got = gpiod_line_event_read_multiple(gpio->line, events, GPIO_EDGES_MAX);
        if (got < 0) {
            return ct_err_from_errno(errno);
        }
        edges += (size_t)got;
    }
    const int level = gpiod_line_get_value(gpio->line);
    if (level < 0) {
        return ct_err_from_errno(errno);
    }
    *out_active = level != 0;
    *out_edges = edges;
    return CT_OK;
}

int ct_gpio_set(struct ct_gpio *gpio, bool active)
{
    return gpiod_line_set_value(gpio->line, active) != 0 ? ct_err_from_errno(errno) : CT_OK;
}

#endif
