/* A build without libgpiod. */
#include "gpio_private.h"

#if CANTWIN_GPIOD == 0

int ct_gpio_request(const char *path, const char *name, unsigned offset, const struct ct_gpio_config *config,
                    struct ct_gpio **out_gpio)
{
    (void)path;
    (void)name;
    (void)offset;
    (void)config;
    (void)out_gpio;
    return CT_ERR_UNSUPPORTED;
}

void ct_gpio_close(struct ct_gpio *gpio)
{
    (void)gpio;
}

int ct_gpio_fd(const struct ct_gpio *gpio)
{
    (void)gpio;
    return -1;
}

int ct_gpio_read(struct ct_gpio *gpio, bool *out_active, size_t *out_edges)
{
    (void)gpio;
    (void)out_active;
    (void)out_edges;
    return CT_ERR_UNSUPPORTED;
}

int ct_gpio_set(struct ct_gpio *gpio, bool active)
{
    (void)gpio;
    (void)active;
    return CT_ERR_UNSUPPORTED;
}

#endif
