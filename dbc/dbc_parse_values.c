/* Value tables: VAL_, VAL_TABLE_, SGTYPE_VAL_. */
#include "dbc_parse.h"

#include <stdlib.h>

static int compare_entries(const void *a, const void *b)
{
    const struct dbc_entry *left = a;
    const struct dbc_entry *right = b;
    if (left->text.raw != right->text.raw) {
        return left->text.raw < right->text.raw ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

/* Editors write tables upwards or downwards. */
static void sort_entries(struct dbc_entry *entries, size_t count)
{
    bool up = true;
    bool down = true;
    for (size_t i = 1; i < count; i++) {
        up = up && entries[i - 1].text.raw < entries[i].text.raw;
        down = down && entries[i - 1].text.raw > entries[i].text.raw;
    }
    if (up || !down) {
        if (!up) {
            qsort(entries, count, sizeof *entries, compare_entries);
        }
        return;
    }
    for (size_t low = 0, high = count - 1; low < high; low++, high--) {
        const struct dbc_entry kept = entries[low];
        entries[low] = entries[high];
        entries[high] = kept;
    }
}

/* Sorted by value; of several texts for one value the last counts. */
static const struct ct_dbc_text *keep_entries(struct dbc_parser *parser, size_t *count)
{
    struct ct_dbc_text *texts = ct_dbc_alloc_array(parser->raw->keep, *count, sizeof *texts);
    if (texts == NULL) {
        *count = 0;
        return NULL;
    }
    sort_entries(parser->entries, *count);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        kept -= kept > 0 && texts[kept - 1].raw == parser->entries[i].text.raw ? 1 : 0;
        texts[kept++] = parser->entries[i].text;
    }
    *count = kept;
    return texts;
}

/* number "text" pairs up to the ';', which may be missing. What was read before a fault counts. */
static bool parse_entries(struct dbc_parser *parser, const struct ct_dbc_text **out_texts, size_t *out_count)
{
    struct dbc_raw *raw = parser->raw;
    size_t count = 0;
    bool good = true;
    while (good && !ct_dbc_at_end(parser)) {
        struct dbc_entry entry = {.order = count};
        struct dbc_span text = {0};
        if (!ct_dbc_take_int(&parser->scan, &entry.text.raw)) {
            good = ct_dbc_fail(parser, "a number before the next text, or ';'");
        } else {
            good = ct_dbc_string(parser, &text);
        }
        if (!good) {
            break;
        }
        entry.text.text = ct_dbc_utf8(raw->keep, text);
        struct dbc_entry *entries =
            ct_dbc_grow(raw->temp, parser->entries, count, &parser->entry_capacity, sizeof entry);
        if (entries == NULL) {
            return true;
        }
        parser->entries = entries;
        parser->entries[count++] = entry;
    }
    *out_texts = keep_entries(parser, &count);
    *out_count = count;
    if (good) {
        ct_dbc_end_statement(parser);
    }
    return good;
}

static bool parse_ref_entries(struct dbc_parser *parser, struct dbc_ref *ref)
{
    size_t count = 0;
    const bool good = parse_entries(parser, &ref->of.texts, &count);
    ref->number = (uint32_t)count;
    ct_dbc_add_ref(parser, ref);
    return good;
}

/* VAL_ 256 Sig 1 "one" 0 "zero"; VAL_ 256 Sig Table; VAL_ EnvironmentVariable 1 "one"; */
bool ct_dbc_parse_values(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_VALUES, .scope = CT_DBC_SCOPE_SIGNAL};
    if (!ct_dbc_is_digit(ct_dbc_peek(&parser->scan))) {
        ref.scope = CT_DBC_SCOPE_ENVIRONMENT;
    } else if (!ct_dbc_id(parser, &ref.id)) {
        return false;
    }
    if (!ct_dbc_take_name(parser, "a signal name", &ref.name)) {
        return false;
    }
    const char first = ct_dbc_peek(&parser->scan);
    const bool entries = ct_dbc_is_digit(first) || first == '-' || first == '+' || first == '.' || first == '"';
    if (!entries && !ct_dbc_at_end(parser)) {
        if (!ct_dbc_take_name(parser, "the name of a value table", &ref.other)) {
            return false;
        }
        ct_dbc_end_statement(parser);
        ct_dbc_add_ref(parser, &ref);
        return true;
    }
    return parse_ref_entries(parser, &ref);
}

bool ct_dbc_parse_value_table(struct dbc_parser *parser)
{
    struct dbc_raw *raw = parser->raw;
    struct dbc_span name;
    if (!ct_dbc_take_name(parser, "the name of a value table", &name)) {
        return false;
    }
    struct dbc_raw_table *table = ct_dbc_alloc(raw->temp, sizeof *table);
    if (table == NULL) {
        return true;
    }
    table->named = (struct dbc_named){.name = name, .place = parser->keyword};
    ct_dbc_append(&raw->tables, &table->named);
    return parse_entries(parser, &table->texts, &table->text_count);
}

/* SGTYPE_VAL_ Type 1 "one" 0 "zero"; */
bool ct_dbc_parse_type_values(struct dbc_parser *parser)
{
    struct dbc_ref ref = {.kind = DBC_REF_VALUES, .scope = CT_DBC_SCOPE_NETWORK};
    if (!ct_dbc_take_name(parser, "the name of a signal type", &ref.name)) {
        return false;
    }
    return parse_ref_entries(parser, &ref);
}
