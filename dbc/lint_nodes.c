/* Who sends and receives: nodes that nobody listed, that nobody uses, that stand there twice. */
#include "lint_checks.h"

#include <stdlib.h>
#include <string.h>

/* One mention of a node by another object. */
struct use {
    const char *node;
    enum ct_dbc_code code; /* what to say if nobody listed it */
    struct ct_dbc_place place;
    const char *object;
    size_t order;
};

struct roles {
    struct dbc_names nodes;   /* as listed */
    struct dbc_names related; /* those of relations */
    struct use *uses;
    size_t count;
    size_t capacity;
};

static void use(struct dbc_lint *lint, struct roles *roles, struct use use)
{
    if (roles->count == roles->capacity) {
        const size_t grown = roles->capacity == 0 ? 256 : roles->capacity * 2;
        struct use *moved = realloc(roles->uses, grown * sizeof *moved);
        if (moved == NULL) {
            lint->no_memory = true;
            return;
        }
        roles->uses = moved;
        roles->capacity = grown;
    }
    use.order = roles->count;
    roles->uses[roles->count++] = use;
}

static void use_message(struct dbc_lint *lint, struct roles *roles, const struct ct_dbc_message *message)
{
    struct use sends = {message->sender, CT_DBC_CODE_SENDER_UNKNOWN, message->place, message->name, 0};
    if (message->sender[0] != '\0') {
        use(lint, roles, sends);
    } else if (message->more_sender_count == 0) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_SENDER_MISSING, message->place, "message '%s' has no sender", message->name);
    }
    for (size_t i = 0; i < message->more_sender_count; i++) {
        sends.node = message->more_senders[i];
        use(lint, roles, sends);
    }
    for (size_t s = 0; s < message->signal_count; s++) {
        const struct ct_dbc_signal *signal = &message->signals[s];
        for (size_t i = 0; i < signal->receiver_count; i++) {
            use(lint, roles,
                (struct use){signal->receivers[i], CT_DBC_CODE_RECEIVER_UNKNOWN, signal->place, signal->name, 0});
        }
    }
}

static int compare_uses(const void *a, const void *b)
{
    const struct use *left = a;
    const struct use *right = b;
    const int order = strcmp(left->node, right->node);
    if (order != 0) {
        return order;
    }
    if (left->code != right->code) {
        return left->code < right->code ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static void use_all(struct dbc_lint *lint, struct roles *roles)
{
    const struct ct_dbc *dbc = lint->dbc;
    for (size_t m = 0; m < dbc->message_count; m++) {
        use_message(lint, roles, &dbc->messages[m]);
    }
    for (size_t m = 0; m < dbc->pseudo_count; m++) {
        use_message(lint, roles, &dbc->pseudo[m]);
    }
    for (size_t i = 0; i < dbc->environment_count; i++) {
        const struct ct_dbc_environment *variable = &dbc->environment[i];
        for (size_t k = 0; k < variable->node_count; k++) {
            use(lint, roles,
                (struct use){variable->nodes[k], CT_DBC_CODE_ENVIRONMENT_NODE, variable->place, variable->name, 0});
        }
    }
    if (roles->count > 1) {
        qsort(roles->uses, roles->count, sizeof *roles->uses, compare_uses);
    }
}

static void say_unlisted(struct dbc_lint *lint, const struct use *first, size_t count)
{
    const char *does = first->code == CT_DBC_CODE_SENDER_UNKNOWN     ? "sends message"
                       : first->code == CT_DBC_CODE_RECEIVER_UNKNOWN ? "receives signal"
                                                                     : "has environment variable";
    if (count > 1) {
        ct_dbc_lint_find(lint, first->code, first->place, "'%s' %s '%s' and %zu others, and is not listed in BU_",
                         first->node, does, first->object, count - 1);
    } else {
        ct_dbc_lint_find(lint, first->code, first->place, "'%s' %s '%s' and is not listed in BU_", first->node, does,
                         first->object);
    }
}

/* A missing node is one mistake, however many signals name it. */
static void check_uses(struct dbc_lint *lint, const struct roles *roles)
{
    size_t end;
    for (size_t i = 0; i < roles->count; i = end) {
        const struct use *first = &roles->uses[i];
        for (end = i + 1; end < roles->count && roles->uses[end].code == first->code &&
                          strcmp(roles->uses[end].node, first->node) == 0;
             end++) {
        }
        if (ct_dbc_names_find(&roles->nodes, first->node) == NULL) {
            say_unlisted(lint, first, end - i);
        }
    }
}

static int compare_node(const void *key, const void *item)
{
    return strcmp(key, ((const struct use *)item)->node);
}

static bool is_used(const struct roles *roles, const char *node)
{
    return (roles->count > 0 && bsearch(node, roles->uses, roles->count, sizeof *roles->uses, compare_node) != NULL) ||
           ct_dbc_names_find(&roles->related, node) != NULL;
}

static void check_listed(struct dbc_lint *lint, const struct roles *roles)
{
    const struct ct_dbc *dbc = lint->dbc;
    for (size_t i = 0; i < dbc->node_count; i++) {
        const struct ct_dbc_node *node = &dbc->nodes[i];
        ct_dbc_lint_attributes(lint, &node->attributes, node->place, "node", node->name);
        ct_dbc_lint_name(lint, node->place, "node", node->name, &node->attributes);
        if (!is_used(roles, node->name)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_NODE_UNUSED, node->place, "node '%s' sends and receives nothing",
                             node->name);
        }
    }
    for (size_t i = 1; i < roles->nodes.count; i++) {
        const struct dbc_name *name = &roles->nodes.items[i];
        if (strcmp(name->text, name[-1].text) == 0) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_NODE_NAME_TWICE, dbc->nodes[name->index].place,
                             "node '%s' is listed a second time", name->text);
        }
    }
}

static bool list_nodes(const struct ct_dbc *dbc, struct roles *roles)
{
    if (!ct_dbc_names_init(&roles->nodes, dbc->node_count) ||
        !ct_dbc_names_init(&roles->related, dbc->relation_count)) {
        return false;
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        ct_dbc_names_add(&roles->nodes, dbc->nodes[i].name, i);
    }
    for (size_t i = 0; i < dbc->relation_count; i++) {
        ct_dbc_names_add(&roles->related, dbc->relations[i].node, i);
    }
    ct_dbc_names_sort(&roles->nodes);
    ct_dbc_names_sort(&roles->related);
    return true;
}

void ct_dbc_lint_nodes(struct dbc_lint *lint)
{
    struct roles roles = {0};
    if (list_nodes(lint->dbc, &roles)) {
        use_all(lint, &roles);
        check_uses(lint, &roles);
        check_listed(lint, &roles);
    } else {
        lint->no_memory = true;
    }
    ct_dbc_names_free(&roles.nodes);
    ct_dbc_names_free(&roles.related);
    free(roles.uses);
}
