#include "protect_window.h"

static bool within(const struct ct_stream_limits *limits, uint8_t size)
{
    return limits->min_ok <= size && limits->max_error <= size;
}

int ct_protect_window_init(struct ct_protect_window *window, const struct ct_stream_config *config)
{
    const uint8_t size = config->size;
    if (size == 0 || size > CT_PROTECT_WINDOW_MAX || !within(&config->init, size) || !within(&config->valid, size) ||
        !within(&config->invalid, size)) {
        return CT_ERR_RANGE;
    }
    *window = (struct ct_protect_window){.config = *config};
    return CT_OK;
}

static void remember(struct ct_protect_window *window, enum ct_protect_status status)
{
    const uint32_t mask = UINT32_MAX >> (CT_PROTECT_WINDOW_MAX - window->config.size);
    window->ok = (window->ok << 1 | (ct_protect_accepts(status) ? 1U : 0U)) & mask;
    window->error = (window->error << 1 | (status == CT_PROTECT_ERROR ? 1U : 0U)) & mask;
}

static bool few_errors(const struct ct_protect_window *window, const struct ct_stream_limits *limits)
{
    return (unsigned)__builtin_popcount(window->error) <= limits->max_error;
}

static bool meets(const struct ct_protect_window *window, const struct ct_stream_limits *limits)
{
    return few_errors(window, limits) && (unsigned)__builtin_popcount(window->ok) >= limits->min_ok;
}

enum ct_stream_state ct_protect_window_add(struct ct_protect_window *window, enum ct_protect_status status)
{
    const struct ct_stream_config *config = &window->config;
    remember(window, status);
    switch (window->state) {
    case CT_STREAM_NO_DATA:
        if (status != CT_PROTECT_ERROR && status != CT_PROTECT_NO_NEW_DATA) {
            window->state = CT_STREAM_INIT;
        }
        break;
    case CT_STREAM_INIT:
        if (meets(window, &config->init)) {
            window->state = CT_STREAM_VALID;
        } else if (!few_errors(window, &config->init)) {
            window->state = CT_STREAM_INVALID;
        }
        break;
    case CT_STREAM_VALID:
        window->state = meets(window, &config->valid) ? CT_STREAM_VALID : CT_STREAM_INVALID;
        break;
    case CT_STREAM_INVALID:
        window->state = meets(window, &config->invalid) ? CT_STREAM_VALID : CT_STREAM_INVALID;
        break;
    }
    return window->state;
}
