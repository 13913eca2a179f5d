/* What the parts of `cantwin update` share: reading and writing its files, complaints, options. Private to cli/. */
#ifndef CT_CLI_UPDATE_CMD_H
#define CT_CLI_UPDATE_CMD_H

#include "commands.h"
#include "update_bundle.h"
#include "update_wire.h"

#include <stdbool.h>
#include <stdio.h>

/* A file and what is in it. */
struct ct_update_file {
    uint8_t *data;
    size_t len;
    struct ct_bundle bundle;
    struct ct_update_part part; /* its signed payload */
};

int ct_update_usage(const char *what);                                /* CT_EXIT_USAGE */
int ct_update_complain(const char *path, const char *what, int code); /* returns code */

/* Exit codes. */
int ct_update_file_read(const char *path, struct ct_update_file *out_file);
void ct_update_file_free(struct ct_update_file *file);
/* `blobs` may be NULL. */
int ct_update_file_write(const char *path, enum ct_bundle_kind kind, const struct ct_update_part *part,
                         const struct ct_bundle *blobs);

/* The value behind option `name`; NULL when it is not there. Repeated ones: the `nth`. */
const char *ct_update_option(int argc, char **argv, const char *name, size_t nth);
/* Only these options (NULL ends), each with a value, and `names` others behind them; their index in *out_first. */
bool ct_update_options_known(int argc, char **argv, const char *const *known, int *out_first);
/* 2027-01-31 or 2027-01-31T12:00:00Z. */
bool ct_update_time(const char *text, int64_t *out_utc_ms);

int ct_update_keygen(int argc, char **argv);
int ct_update_root(int argc, char **argv);
int ct_update_create(int argc, char **argv);
int ct_update_sign(int argc, char **argv);
int ct_update_inspect(int argc, char **argv);
int ct_update_verify_file(int argc, char **argv);
int ct_update_push(int argc, char **argv);
int ct_update_rollback(int argc, char **argv);
int ct_update_status_show(int argc, char **argv);
int ct_update_audit(int argc, char **argv);

/* The release of a set's description (YAML) and its blobs, whose data is the caller's to free. */
int ct_update_set_read(const char *path, struct ct_release *out_release, struct ct_bundle *out_blobs);
void ct_update_set_free(struct ct_bundle *blobs);

/* In words, to standard output or error. */
void ct_update_tell_release(FILE *to, const struct ct_release *release);
void ct_update_tell_root(FILE *to, const struct ct_root *root);

#endif
