/* YAML configuration on top of libcyaml: a program describes its configuration as a cyaml schema, and gets the file
 * loaded over its defaults with every problem located and plain, and every scalar key also as `--key value`
 * (nested keys joined by dots: `--link.endpoint tcp://...`). Adapter target base_config. Not thread-safe. */
#ifndef CT_BASE_CONFIG_H
#define CT_BASE_CONFIG_H

#include "errors.h"

#include <cyaml/cyaml.h>

#include <stddef.h>

/* Loads `path` by `schema` into *out_config (allocated; free with ct_config_free). On failure writes one line into
 * `problem`: `FILE:LINE:COL: error: unknown key 'x'; known keys: ...` or the like. */
int ct_config_load(const char *path, const cyaml_schema_value_t *schema, void **out_config, char *problem,
                   size_t problem_size) CT_MUST_CHECK;

/* What is left of a file that ct_config_load refused, without what is wrong in it: to look for more problems in what
 * it names. CT_ERR_SYNTAX when too little is left. */
int ct_config_load_rest(const char *path, const cyaml_schema_value_t *schema, void **out_config) CT_MUST_CHECK;

/* As ct_config_load, from text already in memory; `name` stands for the file in messages. */
int ct_config_load_text(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema,
                        void **out_config, char *problem, size_t problem_size) CT_MUST_CHECK;

/* Where entry `index` of the list under the top-level key `key` stands in a text that was loaded, from 1; for problems
 * that only show in what was loaded. CT_ERR_NOT_FOUND. */
int ct_config_place(const char *text, size_t len, const char *key, size_t index, unsigned *out_line,
                    unsigned *out_column) CT_MUST_CHECK;
/* The lines of the first `max` entries of that list; of those that are not there, nothing is written. */
void ct_config_lines(const char *text, size_t len, const char *key, unsigned *out_lines, size_t max);

/* Sets one scalar named by its dotted key (strings, integers, floats, booleans, enumerations). CT_ERR_NOT_FOUND for an
 * unknown key, CT_ERR_SYNTAX or CT_ERR_RANGE for a value that does not fit; `problem` says which and what is allowed.
 */
int ct_config_set(void *config, const cyaml_schema_value_t *schema, const char *key, const char *value, char *problem,
                  size_t problem_size) CT_MUST_CHECK;

void ct_config_free(const cyaml_schema_value_t *schema, void *config); /* accepts NULL */

#endif
