/* The catalogues the backend knows, by hash: from the database at start, from vehicles' parts as they come.
 * They live as long as this set. Belongs to one thread. */
#ifndef CT_FLEET_CATALOGUES_H
#define CT_FLEET_CATALOGUES_H

#include "batch.h"
#include "database.h"

struct ct_catalogues;

/* Loads what the database holds. CT_ERR_CORRUPT when a stored one cannot be read back. */
int ct_catalogues_open(struct ct_database *database, struct ct_catalogues **out_catalogues) CT_MUST_CHECK;
void ct_catalogues_close(struct ct_catalogues *catalogues); /* accepts NULL */

/* NULL when unknown. */
struct ct_catalogue *ct_catalogues_find(const struct ct_catalogues *catalogues, const uint8_t hash[CT_HASH_SIZE]);

/* Takes over the caller's reference and stores it in the open transaction; known already: drops the reference.
 * Returns the catalogue that is kept, NULL when that failed. */
struct ct_catalogue *ct_catalogues_add(struct ct_catalogues *catalogues, struct ct_catalogue *catalogue);

size_t ct_catalogues_count(const struct ct_catalogues *catalogues);
const struct ct_catalogue *ct_catalogues_at(const struct ct_catalogues *catalogues, size_t index);

#endif
