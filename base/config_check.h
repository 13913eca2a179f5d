/* Checks a YAML text against a cyaml schema before cyaml loads it: cyaml tells neither where a key stands nor refuses
 * every value it cannot use ("3x" is 3, "maybe" is true). Private to base_config. */
#ifndef CT_BASE_CONFIG_CHECK_H
#define CT_BASE_CONFIG_CHECK_H

#include "buf.h"
#include "errors.h"

#include <cyaml/cyaml.h>

#include <stddef.h>

int ct_config_check(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema, char *problem,
                    size_t problem_size) CT_MUST_CHECK;

/* Appends the text without what is wrong in it, as far as the rest has all that the schema needs; CT_ERR_SYNTAX when
 * not. */
int ct_config_prune(const char *text, size_t len, const cyaml_schema_value_t *schema, struct ct_buf *out) CT_MUST_CHECK;

/* Appends "a, b, c" of a mapping's keys to `out`, as far as they fit. */
void ct_config_key_list(const cyaml_schema_field_t *fields, char *out, size_t out_size);

#endif
