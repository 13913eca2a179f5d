/* The statements of a DBC file in normal form, in CANdb++'s order. */
#include "write.h"

#include "write_parts.h"

#include <inttypes.h>
#include <string.h>

#define INDEPENDENT_SIGNALS 0xC0000000U
#define EXTENDED_FLAG       0x80000000U

/* The pool of signals in no message; files give it this name and that id, or this name alone. */
static const char pool_name[] = "VECTOR__INDEPENDENT_SIG_MSG";

size_t ct_dbc_owner_count(const struct dbc_writer *writer)
{
    return writer->dbc->message_count + (writer->pool != NULL ? 1 : 0);
}

static uint32_t file_id(const struct ct_dbc_message *message)
{
    return message->id | (message->extended ? EXTENDED_FLAG : 0);
}

struct dbc_owner ct_dbc_owner_at(const struct dbc_writer *writer, size_t i)
{
    const bool pool = i == writer->dbc->message_count;
    const struct ct_dbc_message *message = pool ? writer->pool : &writer->dbc->messages[i];
    return (struct dbc_owner){.message = message,
                              .id = pool ? message->written_id : file_id(message),
                              .name = pool ? pool_name : writer->messages.items[i].name,
                              .signals = writer->signals[i].items};
}

static void put(struct dbc_writer *writer, const char *text)
{
    ct_buf_text(writer->out, text);
}

/* ---- head: nodes and value tables */

static void put_head(struct dbc_writer *writer)
{
    static const char *const symbols[] = {
        "NS_DESC_",     "CM_",
        "BA_DEF_",      "BA_",
        "VAL_",         "CAT_DEF_",
        "CAT_",         "FILTER",
        "BA_DEF_DEF_",  "EV_DATA_",
        "ENVVAR_DATA_", "SGTYPE_",
        "SGTYPE_VAL_",  "BA_DEF_SGTYPE_",
        "BA_SGTYPE_",   "SIG_TYPE_REF_",
        "VAL_TABLE_",   "SIG_GROUP_",
        "SIG_VALTYPE_", "SIGTYPE_VALTYPE_",
        "BO_TX_BU_",    "BA_DEF_REL_",
        "BA_REL_",      "BA_DEF_DEF_REL_",
        "BU_SG_REL_",   "BU_EV_REL_",
        "BU_BO_REL_",   "SG_MUL_VAL_",
    };
    put(writer, "VERSION ");
    ct_dbc_put_string(writer, writer->dbc->version);
    put(writer, "\n\n\nNS_ :\n");
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        ct_buf_printf(writer->out, "\t%s\n", symbols[i]);
    }
    put(writer, "\nBS_:\n\nBU_:");
    for (size_t i = 0; i < writer->nodes.count; i++) {
        ct_buf_printf(writer->out, " %s", writer->nodes.items[i].name);
    }
    put(writer, "\n");
}

/* `unsigned_64`: the raw values are patterns of 64 bits without a sign. */
void ct_dbc_put_texts(struct dbc_writer *writer, const struct ct_dbc_text *texts, size_t count, bool unsigned_64)
{
    for (size_t i = 0; i < count; i++) {
        if (unsigned_64) {
            ct_buf_printf(writer->out, " %" PRIu64 " ", (uint64_t)texts[i].raw);
        } else {
            ct_buf_printf(writer->out, " %" PRId64 " ", texts[i].raw);
        }
        ct_dbc_put_string(writer, texts[i].text);
    }
    put(writer, " ;\n");
}

static void put_tables(struct dbc_writer *writer)
{
    for (size_t i = 0; i < writer->dbc->table_count; i++) {
        const struct ct_dbc_table *table = &writer->dbc->tables[i];
        ct_buf_printf(writer->out, "VAL_TABLE_ %s", table->name);
        ct_dbc_put_texts(writer, table->texts, table->text_count, false);
    }
    put(writer, "\n");
}

/* ---- messages */

static void put_range(struct dbc_writer *writer, double min, double max)
{
    put(writer, " [");
    ct_dbc_put_number(writer->out, min);
    put(writer, "|");
    ct_dbc_put_number(writer->out, max);
    put(writer, "] ");
}

static void put_nodes(struct dbc_writer *writer, const char *const *names, size_t count)
{
    if (count == 0) {
        put(writer, "Vector__XXX");
    }
    for (size_t i = 0; i < count; i++) {
        ct_buf_printf(writer->out, "%s%s", i > 0 ? "," : "", ct_dbc_written_node(writer, names[i]));
    }
}

static void put_signal(struct dbc_writer *writer, const struct ct_dbc_signal *signal, const char *name)
{
    ct_buf_printf(writer->out, " SG_ %s", name);
    if (signal->selector >= 0 && signal->range_count > 0) {
        ct_buf_printf(writer->out, " m%" PRIu64 "%s", signal->ranges[0].first, signal->is_selector ? "M" : "");
    } else if (signal->is_selector) {
        put(writer, " M");
    }
    ct_buf_printf(writer->out, " : %u|%u@%c%c (", (unsigned)signal->start_bit, (unsigned)signal->length,
                  signal->big_endian ? '0' : '1', signal->is_signed ? '-' : '+');
    ct_dbc_put_number(writer->out, signal->factor);
    put(writer, ",");
    ct_dbc_put_number(writer->out, signal->offset);
    put(writer, ")");
    put_range(writer, signal->min, signal->max);
    ct_dbc_put_string(writer, signal->unit);
    put(writer, " ");
    put_nodes(writer, signal->receivers, signal->receiver_count);
    put(writer, "\n");
}

static void put_messages(struct dbc_writer *writer)
{
    for (size_t i = 0; i < ct_dbc_owner_count(writer); i++) {
        const struct dbc_owner owner = ct_dbc_owner_at(writer, i);
        const char *sender = owner.message->sender;
        ct_buf_printf(writer->out, "BO_ %" PRIu32 " %s: %" PRIu32 " %s\n", owner.id, owner.name, owner.message->length,
                      sender[0] != '\0' ? ct_dbc_written_node(writer, sender) : "Vector__XXX");
        for (size_t k = 0; k < owner.message->signal_count; k++) {
            put_signal(writer, &owner.message->signals[k], owner.signals[k].name);
        }
        put(writer, "\n");
    }
}

static void put_senders(struct dbc_writer *writer)
{
    for (size_t i = 0; i < ct_dbc_owner_count(writer); i++) {
        const struct dbc_owner owner = ct_dbc_owner_at(writer, i);
        if (owner.message->more_sender_count > 0) {
            const bool first = owner.message->sender[0] != '\0';
            ct_buf_printf(writer->out, "BO_TX_BU_ %" PRIu32 " : %s%s", owner.id,
                          first ? ct_dbc_written_node(writer, owner.message->sender) : "", first ? "," : "");
            put_nodes(writer, owner.message->more_senders, owner.message->more_sender_count);
            put(writer, ";\n");
        }
    }
}

static void put_environment(struct dbc_writer *writer)
{
    for (size_t i = 0; i < writer->dbc->environment_count; i++) {
        const struct ct_dbc_environment *variable = &writer->dbc->environment[i];
        ct_buf_printf(writer->out, "EV_ %s: %d", writer->environment.items[i].name,
                      variable->type == CT_DBC_ENV_FLOAT ? 1 : 0);
        put_range(writer, variable->min, variable->max);
        ct_dbc_put_string(writer, variable->unit);
        put(writer, " ");
        ct_dbc_put_number(writer->out, variable->initial);
        /* strings are integers whose access has bit 15 */
        ct_buf_printf(writer->out, " %" PRIu32 " DUMMY_NODE_VECTOR%X ", variable->id,
                      (unsigned)variable->access | (variable->type == CT_DBC_ENV_STRING ? 0x8000U : 0));
        put_nodes(writer, variable->nodes, variable->node_count);
        put(writer, ";\n");
    }
    for (size_t i = 0; i < writer->dbc->environment_count; i++) {
        const struct ct_dbc_environment *variable = &writer->dbc->environment[i];
        if (variable->type == CT_DBC_ENV_DATA) {
            ct_buf_printf(writer->out, "ENVVAR_DATA_ %s: %" PRIu32 ";\n", writer->environment.items[i].name,
                          variable->data_size);
        }
    }
}

int ct_dbc_write(const struct ct_dbc *dbc, enum ct_dbc_encoding encoding, struct ct_buf *out,
                 struct ct_dbc_written *out_written)
{
    struct dbc_writer writer = {.dbc = dbc, .out = out};
    const size_t from = out->len;
    for (size_t i = 0; i < dbc->pseudo_count; i++) {
        const struct ct_dbc_message *pseudo = &dbc->pseudo[i];
        if (writer.pool == NULL &&
            (pseudo->written_id == INDEPENDENT_SIGNALS || strcmp(pseudo->short_name, pool_name) == 0)) {
            writer.pool = pseudo;
        }
    }
    int err = CT_ERR_NO_MEMORY;
    if (ct_dbc_writer_init(&writer)) {
        put_head(&writer);
        put_tables(&writer);
        put_messages(&writer);
        put_senders(&writer);
        put_environment(&writer);
        ct_dbc_put_comments(&writer);
        ct_dbc_put_attributes(&writer);
        ct_dbc_put_layouts(&writer);
        err = encoding == CT_DBC_CP1252 && writer.needs_utf8 ? CT_ERR_UNSUPPORTED : ct_buf_error(out);
    }
    const bool cp1252 = encoding != CT_DBC_UTF8 && !writer.needs_utf8;
    if (err == CT_OK) {
        if (cp1252) {
            ct_dbc_to_cp1252(out, from);
        }
        *out_written =
            (struct ct_dbc_written){.encoding = cp1252 ? CT_DBC_CP1252 : CT_DBC_UTF8,
                                    .left_out = writer.left_out + dbc->pseudo_count - (writer.pool != NULL ? 1 : 0)};
    }
    ct_dbc_writer_free(&writer);
    return err;
}
