/* Records, states and catalogue parts: the first byte says which. */
#include "batch.h"

#include <stdlib.h>

static const struct ct_catalogue *find(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    (void)hash; /* whatever it names, so that the columns are walked */
    return user;
}

static struct ct_catalogue *make_catalogue(void)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    if (ct_catalogue_builder_create(&builder) != CT_OK) {
        abort();
    }
    for (unsigned i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), 0};
        const struct ct_entry entry = {.name = name,
                                       .unit = "",
                                       .comment = "",
                                       .kind = (enum ct_kind)i,
                                       .datatype = CT_DT_BYTES,
                                       .factor = 1,
                                       .bytes_max = CT_BYTES_MAX};
        uint32_t id;
        if (ct_catalogue_builder_add(builder, &entry, &id) != CT_OK) {
            abort();
        }
    }
    if (ct_catalogue_builder_finish(builder, &catalogue) != CT_OK) {
        abort();
    }
    ct_catalogue_builder_free(builder);
    return catalogue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] % 3 == 2) {
        struct ct_catalogue_reader *reader = NULL;
        struct ct_catalogue *read = NULL;
        if (ct_catalogue_reader_create(&reader) == CT_OK) {
            (void)!ct_catalogue_reader_part(reader, data + 1, size - 1, &read);
        }
        ct_catalogue_unref(read);
        ct_catalogue_reader_free(reader);
        return 0;
    }
    struct ct_catalogue *catalogue = make_catalogue();
    const struct ct_record_sink sink = {.user = catalogue, .catalogue = find};
    struct ct_record_peek peek;
    uint64_t revision;
    bool last;
    if (data[0] % 3 == 0) {
        (void)!ct_record_peek(data + 1, size - 1, &peek);
        (void)!ct_record_decode(data + 1, size - 1, &sink);
    } else {
        (void)!ct_state_decode(data + 1, size - 1, &sink, &revision, &last);
    }
    ct_catalogue_unref(catalogue);
    return 0;
}
