/* A catalogue of every kind and random samples of it, for the tests of proto/. */
#ifndef CT_TESTS_PROTO_FIXTURE_H
#define CT_TESTS_PROTO_FIXTURE_H

#include "catalogue.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64*: the same numbers everywhere for a seed. */
static inline uint64_t fixture_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static inline struct ct_catalogue *fixture_catalogue(uint32_t count)
{
    static const struct ct_enum_text texts[] = {{-1, "reverse"},
                                                {0, "neutral"},
                                                {7, "\xc3\xbc"
                                                    "ber"}};
    struct ct_catalogue_builder *builder = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (uint32_t i = 0; i < count; i++) {
        char name[48];
        snprintf(name, sizeof name, "can0.Message%u.Signal%u", i / 8, i);
        const struct ct_entry entry = {.name = name,
                                       .unit = i % 2 ? "km/h" : "",
                                       .comment = "a comment",
                                       .kind = (enum ct_kind)(i % 4),
                                       .datatype = i % 4 == 2   ? CT_DT_BYTES
                                                   : i % 4 == 3 ? CT_DT_STRING
                                                   : i % 4 == 1 ? CT_DT_DOUBLE
                                                                : CT_DT_INT64,
                                       .factor = 0.01,
                                       .offset = -40,
                                       .min = -1e6,
                                       .max = 1e6,
                                       .timeout_ns = 500000000,
                                       .bytes_max = i % 4 >= 2 ? CT_BYTES_MAX : 0,
                                       .texts = i % 4 == 0 ? texts : NULL,
                                       .text_count = i % 4 == 0 ? 3 : 0};
        uint32_t id;
        assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
        assert_int_equal(id, i);
    }
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static inline int64_t fixture_integer(uint64_t *random)
{
    const int64_t value = (int64_t)(fixture_random(random) >> fixture_random(random) % 64);
    return fixture_random(random) % 2 ? value : -value - 1;
}

#define FIXTURE_BYTES "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline void fixture_samples(uint64_t *random, uint32_t entries, int64_t base_ns, bool same_time,
                                   struct ct_sample *samples, size_t count)
{
    static const uint8_t bytes[] = FIXTURE_BYTES;
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = (uint32_t)(fixture_random(random) % entries);
        samples[i] = (struct ct_sample){.id = id, .t_ns = base_ns};
        samples[i].t_ns += same_time ? 0 : (int64_t)(fixture_random(random) % 2000000000) - 1000000000;
        samples[i].quality = fixture_random(random) % 4 == 0 ? (uint16_t)(1 + fixture_random(random) % 127) : 0;
        if (id % 4 == 0) {
            samples[i].raw = fixture_integer(random);
        } else if (id % 4 == 1) {
            samples[i].number = (double)fixture_integer(random) / 7.0;
        } else {
            samples[i].len = (uint16_t)(fixture_random(random) % (sizeof bytes - 1));
            samples[i].bytes = bytes + fixture_random(random) % (sizeof bytes - samples[i].len);
        }
    }
}

#endif
