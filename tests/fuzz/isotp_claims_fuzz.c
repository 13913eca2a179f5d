/* Any claims and releases by any owners, and any frames: at most one owner has a frame, it is one that claimed and has
 * not released, and it is the one a plain look through all pairs finds. */
#include "isotp_claims.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS 6U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pair {
    bool taken;
    uint8_t bus;
    struct ct_isotp_config config;
};

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t next(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

/* Few ids and bytes, so that pairs meet. */
static struct ct_isotp_config draw(struct input *input)
{
    const uint8_t kind = next(input);
    const uint32_t ids = next(input);
    struct ct_isotp_config config = ct_isotp_config_usual(0x7E0 + (ids & 3), 0x7E0 + (ids >> 4 & 3));
    if ((kind & 7) == 6) {
        config = ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, (uint8_t)(ids & 3), (uint8_t)(ids >> 4 & 3));
    } else if ((kind & 7) == 7) {
        config = ct_isotp_config_fixed(CT_ISOTP_MIXED_29, (uint8_t)(ids & 3), (uint8_t)(ids >> 4 & 3));
    } else if ((kind & 7) >= 4) {
        config.tx_mode = config.rx_mode = (kind & 1) != 0 ? CT_ISOTP_EXTENDED : CT_ISOTP_MIXED_11;
    }
    config.tx_byte = (uint8_t)(ids >> 2 & 3);
    config.rx_byte = (uint8_t)(ids >> 6);
    config.functional = (kind & 8) != 0;
    return config;
}

/* Whether a machine of the pair's takes the frame: told by the machine itself. */
static bool machine_takes(const struct pair *pair, const struct ct_frame *frame)
{
    uint8_t rx[64], tx[64];
    struct ct_isotp tp;
    return pair->taken && pair->bus == frame->bus && (frame->flags & CT_FRAME_SENT) == 0 &&
           ct_isotp_init(&tp, &pair->config, rx, sizeof rx, tx, sizeof tx) == CT_OK && ct_isotp_receive(&tp, frame, 0);
}

static void look_up(const struct ct_isotp_claims *claims, const struct pair *pairs, const struct ct_frame *frame)
{
    const struct pair *owner = ct_isotp_owner(claims, frame);
    const struct pair *sender = ct_isotp_sender(claims, frame);
    if ((owner != NULL && (owner < pairs || owner >= pairs + PAIRS || !owner->taken)) ||
        (sender != NULL && (sender < pairs || sender >= pairs + PAIRS || !sender->taken))) {
        abort();
    }
    for (size_t i = 0; i < PAIRS; i++) {
        if (machine_takes(&pairs[i], frame) && owner != &pairs[i]) {
            abort();
        }
    }
}

static void send_frame(const struct ct_isotp_claims *claims, const struct pair *pairs, struct input *input)
{
    const uint8_t kind = next(input);
    const uint8_t ids = next(input);
    struct ct_frame frame = {.bus = kind & 1, .len = kind >> 4 & 7};
    const uint32_t base = (kind & 4) != 0 ? 0x18DA0000U : 0x18CE0000U;
    const bool extended = (kind & 2) != 0;
    frame.id = extended ? base | (ids & 3U) << 8 | (ids >> 4 & 3U) : 0x7E0U + (ids & 3U);
    frame.flags = (uint8_t)((extended ? CT_FRAME_EXT : 0) | ((kind & 8) != 0 ? CT_FRAME_SENT : 0));
    for (size_t i = 0; i < frame.len; i++) {
        frame.data[i] = next(input) & 0x33U;
    }
    look_up(claims, pairs, &frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair pairs[PAIRS] = {0};
    struct input input = {data, size};
    struct ct_isotp_claims *claims;
    if (ct_isotp_claims_create(PAIRS / 2, &claims) != CT_OK) {
        return 0;
    }
    while (input.size > 0) {
        const uint8_t what = next(&input);
        struct pair *pair = &pairs[(what >> 2) % PAIRS];
        if ((what & 3) == 0) {
            ct_isotp_release(claims, pair);
            pair->taken = false;
        } else if ((what & 3) == 1 && !pair->taken) {
            pair->config = draw(&input);
            pair->bus = what >> 7;
            pair->taken = ct_isotp_claim(claims, pair->bus, &pair->config, pair, NULL) == CT_OK;
        } else {
            send_frame(claims, pairs, &input);
        }
    }
    ct_isotp_claims_free(claims);
    return 0;
}
