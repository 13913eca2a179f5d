/* Internal to dbc/write*.c: the writer, and the names, texts and numbers of a file in normal form. */
#ifndef CT_DBC_WRITE_PARTS_H
#define CT_DBC_WRITE_PARTS_H

#include "buf.h"
#include "lint_checks.h"

struct dbc_short {
    const char *name; /* as written */
    bool made;        /* not the model's own: a long-symbol attribute says the original */
    char room[DBC_NAME_MAX + 1];
};

struct dbc_shorts {
    struct dbc_short *items;
    size_t count;
};

struct dbc_writer {
    const struct ct_dbc *dbc;
    struct ct_buf *out;
    bool needs_utf8;
    size_t left_out;
    struct dbc_shorts nodes;
    struct dbc_names node_index; /* by the model's name */
    struct dbc_shorts messages;
    struct dbc_shorts environment;
    struct dbc_shorts *signals; /* per message, those of the pool last */
    const struct ct_dbc_message *pool;
    bool made_nodes;
    bool made_messages;
    bool made_signals;
    bool made_environment;
};

bool ct_dbc_writer_init(struct dbc_writer *writer);
void ct_dbc_writer_free(struct dbc_writer *writer);

/* The written name of a node that something refers to. */
const char *ct_dbc_written_node(const struct dbc_writer *writer, const char *name);

void ct_dbc_put_string(struct dbc_writer *writer, const char *text); /* quoted, escaped */
void ct_dbc_put_number(struct ct_buf *out, double value);            /* shortest text that reads back equal */

/* The UTF-8 text behind `from` to Windows-1252, in place. Everything must fit. */
void ct_dbc_to_cp1252(struct ct_buf *out, size_t from);

/* A message as statements name it; `signals` are the written names of its signals. */
struct dbc_owner {
    const struct ct_dbc_message *message;
    uint32_t id;
    const char *name;
    const struct dbc_short *signals;
};
size_t ct_dbc_owner_count(const struct dbc_writer *writer); /* the messages, and the pool if there is one */
struct dbc_owner ct_dbc_owner_at(const struct dbc_writer *writer, size_t i);

void ct_dbc_put_texts(struct dbc_writer *writer, const struct ct_dbc_text *texts, size_t count, bool unsigned_64);
void ct_dbc_put_comments(struct dbc_writer *writer);
void ct_dbc_put_attributes(struct dbc_writer *writer);
void ct_dbc_put_layouts(struct dbc_writer *writer); /* VAL_, SIG_GROUP_, SIG_VALTYPE_, SG_MUL_VAL_ */

#endif
