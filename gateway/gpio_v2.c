/* libgpiod 2.x (Debian 13). */
#include "gpio_private.h"

#if CANTWIN_GPIOD == 2

#include <gpiod.h>
#include <stdlib.h>

struct ct_gpio {
    struct gpiod_line_request *request;
    struct gpiod_edge_event_buffer *events; /* of an input */
    unsigned offset;
    bool has_edges;
};

static int fill_settings(struct gpiod_line_settings *settings, const struct ct_gpio_config *config, bool edges)
{
    const enum gpiod_line_value first = config->active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
    int failed = 0;
    gpiod_line_settings_set_active_low(settings, config->active_low);
    if (config->output) {
        failed = gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
        failed = failed == 0 ? gpiod_line_settings_set_output_value(settings, first) : failed;
    } else {
        failed = gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
        failed = failed == 0 && edges ? gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH) : failed;
    }
    return failed != 0 ? ct_err_from_errno(errno) : CT_OK;
}

static int find_offset(struct gpiod_chip *chip, const char *name, struct ct_gpio *gpio)
{
    if (name == NULL) {
        return CT_OK;
    }
    const int found = gpiod_chip_get_line_offset_from_name(chip, name);
    if (found < 0) {
        return ct_err_from_errno(errno);
    }
    gpio->offset = (unsigned)found;
    return CT_OK;
}

/* The errno of what failed, else 0. */
static int request_line(struct gpiod_chip *chip, struct gpiod_line_config *lines, struct gpiod_request_config *name,
                        struct ct_gpio *gpio)
{
    gpiod_request_config_set_consumer(name, GPIO_CONSUMER);
    gpio->request = gpiod_chip_request_lines(chip, name, lines);
    return gpio->request == NULL ? errno : 0;
}

static int request(struct gpiod_chip *chip, const struct ct_gpio_config *config, bool edges, struct ct_gpio *gpio)
{
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    struct gpiod_line_config *lines = gpiod_line_config_new();
    struct gpiod_request_config *name = gpiod_request_config_new();
    int err =
        settings == NULL || lines == NULL || name == NULL ? CT_ERR_NO_MEMORY : fill_settings(settings, config, edges);
    if (err == CT_OK && gpiod_line_config_add_line_settings(lines, &gpio->offset, 1, settings) != 0) {
        err = ct_err_from_errno(errno);
    }
    const int errnum = err == CT_OK ? request_line(chip, lines, name, gpio) : 0;
    gpiod_request_config_free(name);
    gpiod_line_config_free(lines);
    gpiod_line_settings_free(settings);
    if (errnum != 0 && edges && gpio_no_interrupt(errnum)) {
        return CT_ERR_AGAIN;
    }
    /* An offset that the chip does not have is EINVAL. */
    return errnum == EINVAL ? CT_ERR_NOT_FOUND : errnum != 0 ? ct_err_from_errno(errnum) : err;
}

/* With edges where the chip tells them. */
static int request_any(struct gpiod_chip *chip, const struct ct_gpio_config *config, struct ct_gpio *gpio)
{
    gpio->has_edges = !config->output;
    int err = request(chip, config, gpio->has_edges, gpio);
    if (err == CT_ERR_AGAIN) {
        gpio->has_edges = false;
        err = request(chip, config, false, gpio);
    }
    return err;
}

static int open_line(const char *path, const char *name, const struct ct_gpio_config *config, struct ct_gpio *gpio)
{
    if (!config->output && (gpio->events = gpiod_edge_event_buffer_new(GPIO_EDGES_MAX)) == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct gpiod_chip *chip = gpiod_chip_open(path);
    if (chip == NULL) {
        return ct_err_from_errno(errno);
    }
    int err = find_offset(chip, name, gpio);
    err = err == CT_OK ? request_any(chip, config, gpio) : err;
    gpiod_chip_close(chip); /* a request stands on its own */
    return err;
}

int ct_gpio_request(const char *path, const char *name, unsigned offset, const struct ct_gpio_config *config,
                    struct ct_gpio **out_gpio)
{
    struct ct_gpio *gpio = calloc(1, sizeof *gpio);
    if (gpio == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    gpio->offset = offset;
    const int err = open_line(path, name, config, gpio);
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
        if (gpio->request != NULL) {
            gpiod_line_request_release(gpio->request);
        }
        if (gpio->events != NULL) {
            gpiod_edge_event_buffer_free(gpio->events);
        }
        free(gpio);
    }
}

int ct_gpio_fd(const struct ct_gpio *gpio)
{
    return gpio->has_edges ? gpiod_line_request_get_fd(gpio->request) : -1;
}

int ct_gpio_read(struct ct_gpio *gpio, bool *out_active, size_t *out_edges)
{
    size_t edges = 0;
    for (int i = 0;
         gpio->has_edges && i < GPIO_READ_ROUNDS && gpiod_line_request_wait_edge_events(gpio->request, 0) > 0; i++) {
        const int got = gpiod_line_request_read_edge_events(gpio->request, gpio->events, GPIO_EDGES_MAX);
        if (got < 0) {
            return ct_err_from_errno(errno);
        }
        edges += (size_t)got;
    }
    const enum gpiod_line_value level = gpiod_line_request_get_value(gpio->request, gpio->offset);
    if (level == GPIOD_LINE_VALUE_ERROR) {
        return ct_err_from_errno(errno);
    }
    *out_active = level == GPIOD_LINE_VALUE_ACTIVE;
    *out_edges = edges;
    return CT_OK;
}

int ct_gpio_set(struct ct_gpio *gpio, bool active)
{
    const enum gpiod_line_value level = active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
    return gpiod_line_request_set_value(gpio->request, gpio->offset, level) != 0 ? ct_err_from_errno(errno) : CT_OK;
}

#endif
