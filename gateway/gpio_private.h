/* Between gpio.c and the library of this build: gpio_v1.c, gpio_v2.c or gpio_none.c, of which exactly one has content.
 */
#ifndef CT_GATEWAY_GPIO_PRIVATE_H
#define CT_GATEWAY_GPIO_PRIVATE_H

#include "gpio.h"

#include <errno.h>

#define GPIO_CONSUMER    "cantwin"
#define GPIO_EDGES_MAX   16 /* read at once; the kernel keeps as many of a line */
#define GPIO_READ_ROUNDS 4  /* a storm of edges must not hold the reader */

/* What the kernel says of edges on a line without interrupt: ENODEV (first version of its interface), ENXIO (second).
 */
static inline bool gpio_no_interrupt(int errnum)
{
    return errnum == ENODEV || errnum == ENXIO || errnum == EOPNOTSUPP;
}

/* `path` is the chip's; `name` is NULL when the line was given as `offset`. */
int ct_gpio_request(const char *path, const char *name, unsigned offset, const struct ct_gpio_config *config,
                    struct ct_gpio **out_gpio) CT_MUST_CHECK;

#endif
