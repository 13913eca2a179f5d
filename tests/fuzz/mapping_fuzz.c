/* Any bytes as a mapping file: refused with one line that names the file, or rules that can be applied. */
#include "mapping.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply(const struct ct_transform *transform)
{
    const struct ct_map_value in = {.number = 1.0, .text = "ON"};
    struct ct_map_value out;
    (void)ct_transform_apply(transform, &in, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char problem[256] = "";
    struct ct_mapping *mapping = NULL;
    const int err = ct_mapping_parse("f", (const char *)data, size, &mapping, problem, sizeof(problem));
    if (err != CT_OK) {
        if (mapping != NULL || strncmp(problem, "f:", 2) != 0 || strchr(problem, '\n') != NULL) {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        const struct ct_map_rule *rule = &mapping->rules[i];
        if (rule->path[0] == '\0' || (rule->has_read && rule->read.signal == NULL)) {
            abort();
        }
        apply(rule->read.transform);
        apply(rule->write.transform);
    }
    ct_mapping_free(mapping);
    return 0;
}
