/* A rule and a frame from the bytes: what is filled must be accepted, filling again with the same counter must change
 * nothing, and a check of whatever came must stay inside the given bytes. */
#include "protect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const id_modes[] = {"both", "alternate", "low", "nibble"};

struct numbers {
    uint32_t data_id, offset, counter_offset, id_offset, length, max_delta, initial, final_xor, polynomial;
    uint32_t ids[16];
};

static struct numbers take_numbers(const uint8_t *data)
{
    struct numbers numbers = {.data_id = (uint32_t)data[2] << 24 | data[3],
                              .offset = data[4] % 32U * 8,
                              .counter_offset = data[5] % 64U * 4,
                              .id_offset = data[6] % 64U * 4,
                              .length = data[7] % 65U,
                              .max_delta = 1 + data[8] % 3U,
                              .initial = data[9],
                              .final_xor = data[10],
                              .polynomial = data[11]};
    for (unsigned i = 0; i < 16; i++) {
        numbers.ids[i] = data[i];
    }
    return numbers;
}

/* Each bit of `which` gives one key, so that schemes meet keys they know and keys they do not. */
static struct ct_protect_config make_config(const struct numbers *numbers, const char *scheme, unsigned which)
{
    return (struct ct_protect_config){
        .match = "*",
        .scheme = scheme,
        .data_id = (which & 1) != 0 ? &numbers->data_id : NULL,
        .data_ids = numbers->ids,
        .data_ids_count = (which & 2) != 0 ? 16 : 0,
        .id_mode = (which & 4) != 0 ? id_modes[numbers->initial % 4] : NULL,
        .offset = (which & 8) != 0 ? &numbers->offset : NULL,
        .counter_offset = (which & 16) != 0 ? &numbers->counter_offset : NULL,
        .id_offset = (which & 32) != 0 ? &numbers->id_offset : NULL,
        .length = (which & 64) != 0 ? &numbers->length : NULL,
        .max_delta = (which & 128) != 0 ? &numbers->max_delta : NULL,
        .initial = (which & 256) != 0 ? &numbers->initial : NULL,
        .final_xor = (which & 512) != 0 ? &numbers->final_xor : NULL,
        .polynomial = (which & 1024) != 0 ? &numbers->polynomial : NULL,
    };
}

static void must(bool good)
{
    if (!good) {
        abort();
    }
}

static void fill_and_check(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data, size_t size)
{
    struct ct_protect_state sender = {0};
    struct ct_protect_state receiver = {0};
    uint8_t *frame = malloc(size + 1);
    uint8_t *again = malloc(size + 1);
    if (frame == NULL || again == NULL) {
        free(frame);
        free(again);
        return;
    }
    memcpy(frame, data, size);
    (void)ct_protect_check(rule, &receiver, id, frame, size);
    receiver = (struct ct_protect_state){0};
    if (ct_protect_fill(rule, &sender, id, frame, size) == CT_OK) {
        must(ct_protect_accepts(ct_protect_check(rule, &receiver, id, frame, size)));
        memcpy(again, frame, size);
        struct ct_protect_state same = {0};
        must(ct_protect_fill(rule, &same, id, again, size) == CT_OK && memcmp(frame, again, size) == 0);
        must(ct_protect_fill(rule, &sender, id, frame, size) == CT_OK);
        must(ct_protect_check(rule, &receiver, id, frame, size) == CT_PROTECT_OK);
    }
    free(frame);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[320];
    char problem[256];
    struct ct_dbc *dbc = NULL;
    struct ct_protect *protect = NULL;
    if (size < 20) {
        return 0;
    }
    size_t schemes = 0;
    while (ct_protect_scheme_name(schemes) != NULL) {
        schemes++;
    }
    const uint32_t id = (uint32_t)(data[12] & 7) << 8 | data[13];
    const unsigned length = data[14] % 65U;
    (void)snprintf(text, sizeof text,
                   "BU_: A\nBO_ %u M: %u A\n SG_ CHECKSUM : %u|%u@%u+ (1,0) [0|0] \"\" A\n"
                   " SG_ COUNTER : %u|%u@%u+ (1,0) [0|0] \"\" A\n",
                   (unsigned)id, length, data[15] * 2U, 1U + data[16] % 64U, data[17] & 1U, data[18] * 2U,
                   1U + data[19] % 40U, data[17] >> 1 & 1U);
    const struct numbers numbers = take_numbers(data);
    const struct ct_protect_config config =
        make_config(&numbers, ct_protect_scheme_name(data[0] % schemes), data[1] | (unsigned)(data[17] >> 2) << 8);
    if (ct_dbc_parse("f.dbc", text, strlen(text), NULL, NULL, &dbc) == CT_OK) {
        const struct ct_dbc *const dbcs[] = {dbc};
        if (ct_protect_compile(dbcs, 1, &config, 1, &protect, problem, sizeof problem) == CT_OK) {
            fill_and_check(ct_protect_rule_of(protect, &dbc->messages[0]), id, data + 20, size - 20);
        }
    }
    ct_protect_free(protect);
    ct_dbc_free(dbc);
    return 0;
}
