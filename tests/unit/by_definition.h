/* What a signal's value is, bit by bit from the model and nothing else: what the compiled codec is compared with. */
#ifndef CT_TESTS_BY_DEFINITION_H
#define CT_TESTS_BY_DEFINITION_H

#include "dbc.h"

uint64_t next_random(uint64_t *state);
/* Random bytes of three densities, so that selectors are small as often as not. */
void random_payload(uint64_t *random, uint8_t *data, size_t len);

/* False: the signal does not lie wholly inside. */
bool bits_by_definition(const struct ct_dbc_signal *signal, const uint8_t *data, size_t len, uint64_t *out_raw);
/* Its selectors have values that switch it on. */
bool active_by_definition(const struct ct_dbc_message *model, const struct ct_dbc_signal *signal, const uint8_t *data,
                          size_t len);
int64_t extended_by_definition(const struct ct_dbc_signal *signal, uint64_t raw);
double physical_by_definition(const struct ct_dbc_signal *signal, int64_t raw);

#endif
