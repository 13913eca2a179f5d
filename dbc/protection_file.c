#include "protection_file.h"

#include "config.h"
#include "files.h"
#include "problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE      "CantwinProtection"
#define RULES_MAX      16384
#define FILE_MAX       (4U << 20)
#define ATTRIBUTE_ROOM 1024 /* characters of an attribute's rule */
#define ONE_PROBLEM    768

struct rule_list {
    struct ct_protect_config *rules;
    unsigned rules_count;
};

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define LIST     (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(name)                                                                                             \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ct_protect_config, name, 1, \
                           CYAML_UNLIMITED)
#define COUNT(name) CYAML_FIELD_UINT_PTR(#name, OPTIONAL, struct ct_protect_config, name)

static const cyaml_schema_value_t id_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const cyaml_schema_field_t rule_fields[] = {
    TEXT(message),         COUNT(id),
    TEXT(match),           TEXT(scheme),
    TEXT(checksum),        TEXT(counter),
    COUNT(data_id),        CYAML_FIELD_SEQUENCE("data_ids", LIST, struct ct_protect_config, data_ids, &id_entry, 0, 64),
    TEXT(id_mode),         COUNT(offset),
    COUNT(counter_offset), COUNT(id_offset),
    COUNT(length),         COUNT(max_delta),
    COUNT(counter_end),    COUNT(polynomial),
    COUNT(initial),        COUNT(final_xor),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_protect_config, rule_fields)};
static const cyaml_schema_field_t list_fields[] = {
    CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER, struct rule_list, rules, &rule_entry, 0, RULES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t list_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rule_list, list_fields)};

/* A message that carries a rule as an attribute. */
struct written_rule {
    const struct ct_dbc *dbc;
    const struct ct_dbc_message *message;
    struct rule_list *list; /* of one */
};

struct reader {
    const char *name; /* of the file, NULL: none */
    const char *text; /* its content, to tell where a rule stands */
    size_t len;
    struct rule_list *file;
    struct written_rule *written;
    size_t written_count;
    char *problem;
    size_t problem_size;
};

static const char *attribute_of(const struct ct_dbc_message *message)
{
    for (size_t i = 0; i < message->attributes.count; i++) {
        const struct ct_dbc_attribute *attribute = &message->attributes.items[i];
        if (strcmp(attribute->def->name, ATTRIBUTE) == 0 && attribute->value.text[0] != '\0') {
            return attribute->value.text;
        }
    }
    return NULL;
}

/* Tells `what` with the place of the message that carries the attribute. */
static int tell(const struct reader *reader, const struct written_rule *written, int err, const char *what)
{
    ct_problems_add(reader->problem, reader->problem_size, "%s:%u:%u: error: attribute %s of message %s: %s",
                    written->dbc->name, written->message->place.line, written->message->place.column, ATTRIBUTE,
                    written->message->name, what);
    return err;
}

static int read_attribute(const struct reader *reader, struct written_rule *written, const char *text)
{
    char problem[ONE_PROBLEM] = "";
    char yaml[ATTRIBUTE_ROOM + 32];
    const bool braces = text[0] == '{';
    const int len = snprintf(yaml, sizeof yaml, "rules:\n  - %s%s%s\n", braces ? "" : "{", text, braces ? "" : "}");
    if (len < 0 || (size_t)len >= sizeof yaml) {
        return tell(reader, written, CT_ERR_TOO_LARGE, "the text is too long");
    }
    void *list = NULL;
    const int err = ct_config_load_text(ATTRIBUTE, yaml, (size_t)len, &list_schema, &list, problem, sizeof problem);
    if (err != CT_OK) {
        const char *what = strstr(problem, "error: ");
        return tell(reader, written, err, what != NULL ? what + strlen("error: ") : problem);
    }
    written->list = list;
    if (written->list->rules_count != 1) {
        return tell(reader, written, CT_ERR_SYNTAX, "must be one rule");
    }
    const struct ct_protect_config *rule = &written->list->rules[0];
    if (rule->message != NULL || rule->id != NULL || rule->match != NULL) {
        return tell(reader, written, CT_ERR_SYNTAX, "'message', 'id' and 'match' do not belong here");
    }
    return CT_OK;
}

/* Keeps the first error; true when there is more to look at: after an error only where all problems are wanted. */
static bool goes_on(const struct reader *reader, int *first, int err)
{
    *first = *first == CT_OK ? err : *first;
    return *first == CT_OK || (ct_problems_all(reader->problem_size) && err != CT_ERR_NO_MEMORY);
}

static void drop_last(struct reader *reader)
{
    ct_config_free(&list_schema, reader->written[--reader->written_count].list);
}

/* Those that are wrong are told and left out. */
static int read_attributes_of(struct reader *reader, const struct ct_dbc *dbc)
{
    int first = CT_OK;
    for (size_t m = 0; m < dbc->message_count; m++) {
        const char *text = attribute_of(&dbc->messages[m]);
        if (text == NULL) {
            continue;
        }
        struct written_rule *written = &reader->written[reader->written_count++];
        *written = (struct written_rule){dbc, &dbc->messages[m], NULL};
        const int err = read_attribute(reader, written, text);
        if (err != CT_OK) {
            drop_last(reader);
        }
        if (!goes_on(reader, &first, err)) {
            break;
        }
    }
    return first;
}

static int read_attributes(struct reader *reader, const struct ct_dbc *const *dbcs, size_t dbc_count)
{
    size_t room = 0;
    int first = CT_OK;
    for (size_t d = 0; d < dbc_count; d++) {
        room += dbcs[d]->message_count;
    }
    reader->written = calloc(room + 1, sizeof *reader->written);
    if (reader->written == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t d = 0; d < dbc_count && goes_on(reader, &first, CT_OK); d++) {
        (void)goes_on(reader, &first, read_attributes_of(reader, dbcs[d]));
    }
    return first;
}

/* The compiler says `rule N: what`, N counting the file's rules and then the attributes'. */
static void locate(const struct reader *reader, const char *said)
{
    static const char word[] = "rule ";
    char *rest = NULL;
    const unsigned in_file = reader->file != NULL ? reader->file->rules_count : 0;
    const unsigned long number =
        strncmp(said, word, sizeof word - 1) == 0 ? strtoul(said + sizeof word - 1, &rest, 10) : 0;
    if (number > in_file && number <= in_file + reader->written_count) {
        (void)tell(reader, &reader->written[number - in_file - 1], CT_ERR_SYNTAX, rest + 2);
        return;
    }
    unsigned line = 1;
    unsigned column = 1;
    if (number > 0 && ct_config_place(reader->text, reader->len, "rules", number - 1, &line, &column) == CT_OK) {
        ct_problems_add(reader->problem, reader->problem_size, "%s:%u:%u: error: %s", reader->name, line, column, said);
    } else {
        ct_problems_add(reader->problem, reader->problem_size, "%s: error: %s", reader->name, said);
    }
}

/* Each line of the compiler's problems, with its place. */
static void locate_all(const struct reader *reader, char *said)
{
    for (char *line = said; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        const bool last = line[len] == '\0';
        line[len] = '\0';
        locate(reader, line);
        line += len + (last ? 0 : 1);
    }
}

static int compile(const struct reader *reader, const struct ct_dbc *const *dbcs, size_t dbc_count,
                   struct ct_protect **out_protect)
{
    const size_t in_file = reader->file != NULL ? reader->file->rules_count : 0;
    const size_t room = ct_problems_all(reader->problem_size) ? CT_PROBLEMS_ALL : ONE_PROBLEM;
    struct ct_protect_config *all = calloc(in_file + reader->written_count + 1, sizeof *all);
    char *said = calloc(1, room);
    if (all == NULL || said == NULL) {
        free(all);
        free(said);
        return CT_ERR_NO_MEMORY;
    }
    if (in_file > 0) {
        memcpy(all, reader->file->rules, in_file * sizeof *all);
    }
    for (size_t i = 0; i < reader->written_count; i++) {
        all[in_file + i] = reader->written[i].list->rules[0];
        all[in_file + i].message = reader->written[i].message->name;
    }
    const int err = ct_protect_compile(dbcs, dbc_count, all, in_file + reader->written_count, out_protect, said, room);
    if (err == CT_ERR_SYNTAX) {
        locate_all(reader, said);
    }
    free(all);
    free(said);
    return err;
}

static int finish(struct reader *reader, const struct ct_dbc *const *dbcs, size_t dbc_count,
                  struct ct_protect **out_protect)
{
    struct ct_protect *protect = NULL;
    int err = CT_OK;
    if (goes_on(reader, &err, read_attributes(reader, dbcs, dbc_count))) {
        (void)goes_on(reader, &err, compile(reader, dbcs, dbc_count, &protect));
    }
    if (err == CT_ERR_NO_MEMORY) {
        ct_problems_add(reader->problem, reader->problem_size, "%s: error: %s",
                        reader->name != NULL ? reader->name : ATTRIBUTE, ct_err_text(err));
    }
    if (err == CT_OK) {
        *out_protect = protect;
    } else {
        ct_protect_free(protect);
    }
    for (size_t i = 0; i < reader->written_count; i++) {
        ct_config_free(&list_schema, reader->written[i].list);
    }
    free(reader->written);
    ct_config_free(&list_schema, reader->file);
    return err;
}

int ct_protection_load(const char *path, const struct ct_dbc *const *dbcs, size_t dbc_count,
                       struct ct_protect **out_protect, char *problem, size_t problem_size)
{
    ct_problems_begin(problem, problem_size);
    if (path == NULL) {
        struct reader reader = {.problem = problem, .problem_size = problem_size};
        return finish(&reader, dbcs, dbc_count, out_protect);
    }
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, FILE_MAX, &text, &len);
    if (err != CT_OK) {
        ct_problems_add(problem, problem_size, "%s: error: cannot be read: %s; name a readable file of rules", path,
                        ct_err_text(err));
        return err;
    }
    err = ct_protection_load_text(path, (const char *)text, len, dbcs, dbc_count, out_protect, problem, problem_size);
    free(text);
    return err;
}

int ct_protection_load_text(const char *name, const char *text, size_t len, const struct ct_dbc *const *dbcs,
                            size_t dbc_count, struct ct_protect **out_protect, char *problem, size_t problem_size)
{
    struct reader reader = {.name = name, .text = text, .len = len, .problem = problem, .problem_size = problem_size};
    void *file = NULL;
    const int err = ct_config_load_text(name, text, len, &list_schema, &file, problem, problem_size);
    reader.file = file;
    return err != CT_OK ? err : finish(&reader, dbcs, dbc_count, out_protect);
}
