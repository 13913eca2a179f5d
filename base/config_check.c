#include "config_check.h"

#include "config.h"
#include "config_scalar.h"
#include "problems.h"

#include <yaml.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct check {
    yaml_document_t document;
    const char *name;
    char *problem;
    size_t problem_size;
    int err; /* of the first problem */
};

static int report(struct check *check, yaml_mark_t mark, int err, const char *format, ...) CT_PRINTF(4, 5);

/* CT_OK when there may be more to be found. */
static int report(struct check *check, yaml_mark_t mark, int err, const char *format, ...)
{
    char text[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ct_problems_add(check->problem, check->problem_size, "%s:%zu:%zu: error: %s", check->name, mark.line + 1,
                    mark.column + 1, text);
    check->err = check->err == CT_OK ? err : check->err;
    return ct_problems_all(check->problem_size) ? CT_OK : err;
}

void ct_config_key_list(const cyaml_schema_field_t *fields, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const cyaml_schema_field_t *field = fields; field->key != NULL && used < out_size; field++) {
        used += (size_t)snprintf(out + used, out_size - used, "%s%s", field == fields ? "" : ", ", field->key);
    }
}

static int check_node(struct check *check, int index, const cyaml_schema_value_t *schema, const char *key);

/* Text of a scalar node; NULL for other nodes and for scalars with a NUL inside. */
static const char *scalar_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE) {
        return NULL;
    }
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
    for (const cyaml_schema_field_t *field = fields; field->key != NULL; field++) {
        if (strcmp(field->key, key) == 0) {
            return field;
        }
    }
    return NULL;
}

static yaml_node_t *find_pair(struct check *check, const yaml_node_t *mapping, const char *key, const yaml_node_t *end)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        yaml_node_t *node = yaml_document_get_node(&check->document, pair->key);
        if (node == end) {
            return NULL;
        }
        const char *text = scalar_text(node);
        if (text != NULL && strcmp(text, key) == 0) {
            return node;
        }
    }
    return NULL;
}

static int unknown_key(struct check *check, const yaml_node_t *node, const cyaml_schema_field_t *fields,
                       const char *parent)
{
    char keys[512];
    ct_config_key_list(fields, keys, sizeof(keys));
    const char *text = scalar_text(node);
    return report(check, node->start_mark, CT_ERR_SYNTAX, "unknown key '%.64s'%s%s%s; known keys: %s",
                  text == NULL ? "?" : text, parent[0] == '\0' ? "" : " in '", parent, parent[0] == '\0' ? "" : "'",
                  keys);
}

static int check_pair(struct check *check, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                      const cyaml_schema_value_t *schema, const char *parent)
{
    const yaml_node_t *key = yaml_document_get_node(&check->document, pair->key);
    const char *text = scalar_text(key);
    const cyaml_schema_field_t *field = text == NULL ? NULL : find_field(schema->mapping.fields, text);
    if (field == NULL) {
        return unknown_key(check, key, schema->mapping.fields, parent);
    }
    if (find_pair(check, mapping, text, key) != NULL) {
        return report(check, key->start_mark, CT_ERR_SYNTAX, "key '%s' is given twice; keep one", text);
    }
    return check_node(check, pair->value, &field->value, field->key);
}

static int check_missing(struct check *check, const yaml_node_t *mapping, const cyaml_schema_field_t *fields,
                         const char *parent)
{
    for (const cyaml_schema_field_t *field = fields; field->key != NULL; field++) {
        if ((field->value.flags & CYAML_FLAG_OPTIONAL) == 0 && find_pair(check, mapping, field->key, NULL) == NULL) {
            const int err = report(check, mapping->start_mark, CT_ERR_SYNTAX, "key '%s' is missing%s%s%s", field->key,
                                   parent[0] == '\0' ? "" : " in '", parent, parent[0] == '\0' ? "" : "'");
            if (err != CT_OK) {
                return err;
            }
        }
    }
    return CT_OK;
}

static int check_mapping(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                         const char *key)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    int err = CT_OK;
    for (; err == CT_OK && pair < node->data.mapping.pairs.top; pair++) {
        err = check_pair(check, node, pair, schema, key);
    }
    return err == CT_OK ? check_missing(check, node, schema->mapping.fields, key) : err;
}

static int check_sequence(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                          const char *key)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    const size_t count = (size_t)(node->data.sequence.items.top - item);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        return report(check, node->start_mark, CT_ERR_RANGE, "'%s' has %zu entries; allowed are %u to %u", key, count,
                      schema->sequence.min, schema->sequence.max);
    }
    int err = CT_OK;
    for (; err == CT_OK && item < node->data.sequence.items.top; item++) {
        err = check_node(check, *item, schema->sequence.entry, key);
    }
    return err;
}

static int check_scalar(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                        const char *key)
{
    const char *text = scalar_text(node);
    if (text == NULL) {
        return report(check, node->start_mark, CT_ERR_SYNTAX, "'%s' holds a NUL character; remove it", key);
    }
    if (text[0] == '\0' && (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL) {
        return CT_OK;
    }
    char why[256];
    const int err = ct_config_scalar_read(schema, text, NULL, why, sizeof(why));
    if (err == CT_OK) {
        return CT_OK;
    }
    return report(check, node->start_mark, err, "'%s' cannot be '%.64s': %s", key, text, why);
}

/* One label of a set of flags. */
static int check_flag(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema, const char *key)
{
    const char *text = scalar_text(node);
    for (uint32_t i = 0; text != NULL && i < schema->enumeration.count; i++) {
        if (strcmp(text, schema->enumeration.strings[i].str) == 0) {
            return CT_OK;
        }
    }
    char labels[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < schema->enumeration.count && used < sizeof(labels); i++) {
        used += (size_t)snprintf(labels + used, sizeof(labels) - used, "%s%s", i == 0 ? "" : ", ",
                                 schema->enumeration.strings[i].str);
    }
    return report(check, node->start_mark, CT_ERR_SYNTAX, "'%s' cannot have '%.64s': expected some of %s", key,
                  text == NULL ? "?" : text, labels);
}

static int check_flags(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                       const char *key)
{
    int err = CT_OK;
    const yaml_node_item_t *item = node->data.sequence.items.start;
    for (; err == CT_OK && item < node->data.sequence.items.top; item++) {
        err = check_flag(check, yaml_document_get_node(&check->document, *item), schema, key);
    }
    return err;
}

struct shape {
    yaml_node_type_t node;
    const char *text;
    int (*check)(struct check *check, const yaml_node_t *node, const cyaml_schema_value_t *schema, const char *key);
};

static const struct shape scalar_shape = {YAML_SCALAR_NODE, "one value", check_scalar};
static const struct shape mapping_shape = {YAML_MAPPING_NODE, "a mapping (key: value)", check_mapping};
static const struct shape sequence_shape = {YAML_SEQUENCE_NODE, "a list", check_sequence};

static const struct shape flags_shape = {YAML_SEQUENCE_NODE, "a list", check_flags};

static const struct shape *shape_of(const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_MAPPING) {
        return &mapping_shape;
    }
    if (schema->type == CYAML_SEQUENCE || schema->type == CYAML_SEQUENCE_FIXED) {
        return &sequence_shape;
    }
    if (schema->type == CYAML_FLAGS) {
        return &flags_shape;
    }
    return ct_config_is_scalar(schema) ? &scalar_shape : NULL; /* the rest is left to cyaml */
}

static int check_node(struct check *check, int index, const cyaml_schema_value_t *schema, const char *key)
{
    const yaml_node_t *node = yaml_document_get_node(&check->document, index);
    const struct shape *shape = shape_of(schema);
    if (shape == NULL) {
        return CT_OK;
    }
    if (node->type != shape->node) {
        return report(check, node->start_mark, CT_ERR_SYNTAX, "%s%s%s must be %s", key[0] == '\0' ? "the file" : "'",
                      key, key[0] == '\0' ? "" : "'", shape->text);
    }
    return shape->check(check, node, schema, key);
}

static int report_parser(struct check *check, const yaml_parser_t *parser)
{
    const char *text = parser->problem == NULL ? "not YAML" : parser->problem;
    return report(check, parser->problem_mark, parser->error == YAML_MEMORY_ERROR ? CT_ERR_NO_MEMORY : CT_ERR_SYNTAX,
                  "not valid YAML: %s%s%s", text, parser->context == NULL ? "" : " ",
                  parser->context == NULL ? "" : parser->context);
}

static int check_only_document(struct check *check, yaml_parser_t *parser)
{
    yaml_document_t second;
    if (yaml_parser_load(parser, &second) == 0) {
        return report_parser(check, parser);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    const int err = root == NULL ? CT_OK
                                 : report(check, second.start_mark, CT_ERR_SYNTAX,
                                          "a second document begins here; keep one in the file");
    yaml_document_delete(&second);
    return err;
}

static int check_document(struct check *check, yaml_parser_t *parser, const cyaml_schema_value_t *schema)
{
    if (yaml_parser_load(parser, &check->document) == 0) {
        return report_parser(check, parser);
    }
    char keys[512];
    ct_config_key_list(schema->mapping.fields, keys, sizeof(keys));
    int err = CT_OK;
    if (yaml_document_get_root_node(&check->document) == NULL) {
        err = report(check, (yaml_mark_t){0}, CT_ERR_SYNTAX, "the file is empty; known keys: %s", keys);
    } else {
        err = check_node(check, 1, schema, "");
    }
    yaml_document_delete(&check->document);
    return err == CT_OK ? check_only_document(check, parser) : err;
}

int ct_config_check(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema, char *problem,
                    size_t problem_size)
{
    ct_problems_begin(problem, problem_size);
    struct check check = {.name = name, .problem = problem, .problem_size = problem_size};
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        (void)report(&check, (yaml_mark_t){0}, CT_ERR_NO_MEMORY, "%s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    const int err = check_document(&check, &parser, schema);
    yaml_parser_delete(&parser);
    return check.err != CT_OK ? check.err : err;
}

/* ---- what is left of a text that has problems */

/* Whether a part is good; says nothing. */
static bool good(const struct check *check, int index, const cyaml_schema_value_t *schema, const char *key)
{
    struct check silent = {.document = check->document, .name = check->name};
    return check_node(&silent, index, schema, key) == CT_OK;
}

static void prune(struct check *check, int index, const cyaml_schema_value_t *schema);

static void prune_mapping(struct check *check, yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    yaml_node_pair_t *kept = node->data.mapping.pairs.start;
    for (yaml_node_pair_t *pair = kept; pair < node->data.mapping.pairs.top; pair++) {
        const char *text = scalar_text(yaml_document_get_node(&check->document, pair->key));
        const cyaml_schema_field_t *field = text == NULL ? NULL : find_field(schema->mapping.fields, text);
        if (field != NULL) {
            prune(check, pair->value, &field->value);
        }
        struct check silent = {.document = check->document, .name = check->name};
        if (field != NULL && check_pair(&silent, node, pair, schema, "") == CT_OK) {
            *kept++ = *pair;
        }
    }
    node->data.mapping.pairs.top = kept;
}

static void prune_sequence(struct check *check, yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    yaml_node_item_t *kept = node->data.sequence.items.start;
    for (yaml_node_item_t *item = kept; item < node->data.sequence.items.top; item++) {
        prune(check, *item, schema->sequence.entry);
        if (good(check, *item, schema->sequence.entry, "")) {
            *kept++ = *item;
        }
    }
    node->data.sequence.items.top = kept;
}

static void prune(struct check *check, int index, const cyaml_schema_value_t *schema)
{
    yaml_node_t *node = yaml_document_get_node(&check->document, index);
    const struct shape *shape = shape_of(schema);
    if (shape == &mapping_shape && node->type == YAML_MAPPING_NODE) {
        prune_mapping(check, node, schema);
    } else if (shape == &sequence_shape && node->type == YAML_SEQUENCE_NODE) {
        prune_sequence(check, node, schema);
    }
}

static int append(void *out, unsigned char *data, size_t len)
{
    ct_buf_append(out, data, len);
    return 1;
}

/* Takes over the document. */
static int write_document(yaml_document_t *document, struct ct_buf *out)
{
    yaml_emitter_t emitter;
    if (yaml_emitter_initialize(&emitter) == 0) {
        yaml_document_delete(document);
        return CT_ERR_NO_MEMORY;
    }
    yaml_emitter_set_output(&emitter, append, out);
    yaml_emitter_set_unicode(&emitter, 1);
    const bool written = yaml_emitter_dump(&emitter, document) != 0 && yaml_emitter_flush(&emitter) != 0;
    yaml_emitter_delete(&emitter);
    return written && ct_buf_error(out) == CT_OK ? CT_OK : CT_ERR_NO_MEMORY;
}

int ct_config_prune(const char *text, size_t len, const cyaml_schema_value_t *schema, struct ct_buf *out)
{
    struct check check = {.name = ""};
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return CT_ERR_NO_MEMORY;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    const bool loaded = yaml_parser_load(&parser, &check.document) != 0;
    yaml_parser_delete(&parser);
    if (!loaded) {
        return CT_ERR_SYNTAX;
    }
    if (yaml_document_get_root_node(&check.document) != NULL) {
        prune(&check, 1, schema);
        if (good(&check, 1, schema, "")) {
            return write_document(&check.document, out);
        }
    }
    yaml_document_delete(&check.document);
    return CT_ERR_SYNTAX;
}

/* The list under a top-level key; NULL: none. */
static const yaml_node_t *find_list(yaml_document_t *document, const char *key)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (root == NULL || root->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    for (; pair < root->data.mapping.pairs.top; pair++) {
        const char *name = scalar_text(yaml_document_get_node(document, pair->key));
        const yaml_node_t *list = yaml_document_get_node(document, pair->value);
        if (name != NULL && strcmp(name, key) == 0 && list->type == YAML_SEQUENCE_NODE) {
            return list;
        }
    }
    return NULL;
}

/* Marks of the entries from `first` on; returns how many there are. */
static size_t read_marks(const char *text, size_t len, const char *key, size_t first, yaml_mark_t *marks, size_t max)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (yaml_parser_initialize(&parser) == 0) {
        return 0;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    const bool loaded = yaml_parser_load(&parser, &document) != 0;
    yaml_parser_delete(&parser);
    if (!loaded) {
        return 0;
    }
    const yaml_node_t *list = find_list(&document, key);
    const size_t count = list != NULL ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start) : 0;
    size_t taken = 0;
    for (; taken < max && first + taken < count; taken++) {
        marks[taken] = yaml_document_get_node(&document, list->data.sequence.items.start[first + taken])->start_mark;
    }
    yaml_document_delete(&document);
    return taken;
}

int ct_config_place(const char *text, size_t len, const char *key, size_t index, unsigned *out_line,
                    unsigned *out_column)
{
    yaml_mark_t mark;
    if (read_marks(text, len, key, index, &mark, 1) == 0) {
        return CT_ERR_NOT_FOUND;
    }
    *out_line = (unsigned)mark.line + 1;
    *out_column = (unsigned)mark.column + 1;
    return CT_OK;
}

void ct_config_lines(const char *text, size_t len, const char *key, unsigned *out_lines, size_t max)
{
    yaml_mark_t *marks = calloc(max + 1, sizeof *marks);
    const size_t count = marks != NULL ? read_marks(text, len, key, 0, marks, max) : 0;
    for (size_t i = 0; i < count; i++) {
        out_lines[i] = (unsigned)marks[i].line + 1;
    }
    free(marks);
}
