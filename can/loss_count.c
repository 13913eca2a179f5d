#include "loss_count.h"

#define HALF_OF_32_BITS (UINT64_C(1) << 31)

void ct_loss_count_forget(struct ct_loss_count *count)
{
    *count = (struct ct_loss_count){.known = false};
}

static uint64_t step(uint64_t before, uint64_t now)
{
    if (now >= before) {
        return now - before;
    }
    const bool ran_over = before <= UINT32_MAX && before >= HALF_OF_32_BITS && now < HALF_OF_32_BITS;
    return ran_over ? now + (UINT64_C(1) << 32) - before : now;
}

uint64_t ct_loss_count_take(struct ct_loss_count *count, uint64_t told)
{
    const uint64_t more = count->known ? step(count->told, told) : 0;
    count->known = true;
    count->told = told;
    return more;
}
