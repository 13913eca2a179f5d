/* The database's schema as the steps from each version to the next: what was released is never changed, so that every
 * store of every release can be brought forward. */
#ifndef CT_FLEET_DATABASE_SCHEMA_H
#define CT_FLEET_DATABASE_SCHEMA_H

#include <stdint.h>

#define CT_DATABASE_SCHEMA 4

/* SQL that makes version from + 1 out of version `from` (0: an empty file); NULL when there is none. */
const char *ct_database_schema_step(int64_t from);

#endif
