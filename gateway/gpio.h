/* One line of a GPIO chip, by libgpiod 1.6 or 2.x (chosen at configure time; a build without it refuses every open).
 *
 * A line is an input whose edges make its descriptor readable, or an output. Debouncing is the reader's (power.h), so
 * that it is the same with both libraries and every kernel. A closed output is the kernel's again; where its level then
 * goes is the driver's. Adapter target gateway_gpio. A line belongs to one thread. */
#ifndef CT_GATEWAY_GPIO_H
#define CT_GATEWAY_GPIO_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>

struct ct_gpio;

struct ct_gpio_config {
    const char *chip; /* `gpiochip0` or a path */
    const char *line; /* offset on the chip in digits, or the line's name */
    bool output;
    bool active_low;
    bool active; /* first level of an output */
};

/* Requests the line. `problem` gets one line when the result is an error: CT_ERR_NOT_FOUND (no such chip or line),
 * CT_ERR_PERMISSION, CT_ERR_BUSY (another program has it), CT_ERR_UNSUPPORTED, CT_ERR_IO. Names in `config` are not
 * kept. */
int ct_gpio_open(const struct ct_gpio_config *config, struct ct_gpio **out_gpio, char *problem,
                 size_t problem_size) CT_MUST_CHECK;
void ct_gpio_close(struct ct_gpio *gpio); /* accepts NULL */

/* Of an input: readable when there were edges; -1 when the chip cannot tell (many I/O expanders have no interrupt):
 * read it from time to time. */
int ct_gpio_fd(const struct ct_gpio *gpio);
/* Of an input: the level now, and at least how many edges there were since the last call (the kernel keeps few). Never
 * waits. */
int ct_gpio_read(struct ct_gpio *gpio, bool *out_active, size_t *out_edges) CT_MUST_CHECK;
/* Of an output. */
int ct_gpio_set(struct ct_gpio *gpio, bool active) CT_MUST_CHECK;

#endif
