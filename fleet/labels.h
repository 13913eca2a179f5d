/* What people say about vehicles: a group, a model, tags; and what the models are made of.
 *
 * The labels live in struct ct_vehicle (registry.h) and are loaded there at open. Names have 1 to CT_LABEL_MAX letters,
 * digits, '.', '_' and '-'; tags stand in one text, separated by spaces. Writes belong to the database's open
 * transaction. Belongs to one thread (folder). */
#ifndef CT_FLEET_LABELS_H
#define CT_FLEET_LABELS_H

#include "registry.h"

#define CT_TAGS_COUNT_MAX 16
#define CT_MODELS_MAX     1000
#define CT_MODEL_TEXT_MAX 1024

struct ct_model {
    const char *name;
    int64_t revision;
    const char *dbc, *mapping, *policy, *note; /* versions, by whatever names them */
};

struct ct_label_store;

int ct_labels_open(struct ct_database *database, const struct ct_registry *registry,
                   struct ct_label_store **out_store) CT_MUST_CHECK;
void ct_labels_close(struct ct_label_store *store); /* accepts NULL */

bool ct_label_valid(const char *name);
bool ct_labels_have_tag(const struct ct_vehicle_labels *labels, const char *tag);

/* Stores and takes over. */
int ct_labels_set(struct ct_label_store *store, struct ct_vehicle *vehicle,
                  const struct ct_vehicle_labels *labels) CT_MUST_CHECK;

/* Replaces the model or adds it; *out_revision is the new one. CT_ERR_FULL: too many. */
int ct_model_set(struct ct_label_store *store, const struct ct_model *model, int64_t *out_revision) CT_MUST_CHECK;
/* 0 when there is none. */
int ct_model_revision(struct ct_label_store *store, const char *name, int64_t *out_revision) CT_MUST_CHECK;
int ct_model_remove(struct ct_label_store *store, const char *name) CT_MUST_CHECK;
/* By name; texts live during the callback. */
int ct_models_each(struct ct_label_store *store, int (*fn)(void *user, const struct ct_model *model),
                   void *user) CT_MUST_CHECK;

#endif
