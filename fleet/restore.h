/* What the ingest side must know before the first envelope after a start: positions and catalogues from the database,
 * then from the part of the log that the database has not yet. Adapter (files). Not thread-safe. */
#ifndef CT_FLEET_RESTORE_H
#define CT_FLEET_RESTORE_H

#include "ingest.h"

/* How much of the log the database has applied; 0 for a new one. The database need not exist yet. */
int ct_restore_applied(const char *database_path, uint64_t *out_applied, char *problem,
                       size_t problem_size) CT_MUST_CHECK;
/* The database need not exist yet. */
int ct_restore(struct ct_ingest *ingest, const char *database_path, const char *log_folder, uint64_t log_end,
               char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
