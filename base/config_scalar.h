/* One scalar of a configuration, read by its cyaml schema; the same rules for the file and for `--key value`.
 * Private to base_config. Thread-safe: pure functions. */
#ifndef CT_BASE_CONFIG_SCALAR_H
#define CT_BASE_CONFIG_SCALAR_H

#include "errors.h"

#include <cyaml/cyaml.h>

#include <stdbool.h>
#include <stddef.h>

bool ct_config_is_scalar(const cyaml_schema_value_t *schema);

/* Checks `text` and, where `target` is not NULL, stores it there (the value itself, pointers already followed; strings
 * that are pointers are replaced in place). `why` gets what is allowed. CT_ERR_SYNTAX, CT_ERR_RANGE,
 * CT_ERR_UNSUPPORTED, CT_ERR_NO_MEMORY. */
int ct_config_scalar_read(const cyaml_schema_value_t *schema, const char *text, void *target, char *why,
                          size_t why_size) CT_MUST_CHECK;

#endif
