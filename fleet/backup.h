/* Copies of the state folder: made while the backend runs, put back where there is none.
 *
 * A backup is a folder with the database (one moment of it, by SQLite's online backup) and the ingest log, which holds
 * at least what the database lacks. The log is copied before the database and what is new of it again afterwards, so
 * that nothing is trimmed away between the two. Adapter (files). Thread-safe: no state. */
#ifndef CT_FLEET_BACKUP_H
#define CT_FLEET_BACKUP_H

#include "errors.h"

#include <stddef.h>

/* `folder` is made; CT_ERR_EXISTS when it is there. One line in `problem` on failure. */
int ct_backup_make(const char *state_dir, const char *folder, char *problem, size_t problem_size) CT_MUST_CHECK;
/* Checks the copy and puts it back. CT_ERR_EXISTS when the state folder has a database already. */
int ct_backup_restore(const char *folder, const char *state_dir, char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
