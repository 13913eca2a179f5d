/* A folder of keys: pairs made where they are missing, and who may change its lists now. Adapter (files). */
#ifndef CT_CLI_KEYS_PAIR_H
#define CT_CLI_KEYS_PAIR_H

#include "errors.h"

#include <stddef.h>

#define CT_KEYS_PATH_SIZE 4096

enum ct_key_pair { CT_PAIR_CURVE, CT_PAIR_SIGN };

/* Makes DIR/NAME.pub and DIR/NAME.key unless they are there; says which. An exit code; prints a line of what is
 * wrong. */
int ct_keys_pair(const char *dir, const char *name, enum ct_key_pair pair);

/* DIR/NAMESUFFIX; "" when that is too long. */
void ct_keys_path(char path[CT_KEYS_PATH_SIZE], const char *dir, const char *name, const char *suffix);
/* One line on standard error; returns exit_code. */
int ct_keys_complain(const char *path, const char *what, int exit_code);

/* Waits until nobody else changes peers.txt and enrol.txt of the folder. Negative: a ct_err. Not twice in one
 * process. */
int ct_keys_lock(const char *dir) CT_MUST_CHECK;
void ct_keys_unlock(int lock); /* accepts an error */

#endif
