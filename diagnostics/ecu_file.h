/* Reads an ECU description file (YAML, see docs/diagnostics.md). Adapter target ecu_file. Not thread-safe. */
#ifndef CT_DIAGNOSTICS_ECU_FILE_H
#define CT_DIAGNOSTICS_ECU_FILE_H

#include "ecu_description.h"

/* `problem` gets one line, `FILE:LINE:COL: error: ...`, when the result is an error. Free with ct_ecu_file_free. */
int ct_ecu_file_load(const char *path, struct ct_ecu_description **out_ecu, char *problem,
                     size_t problem_size) CT_MUST_CHECK;
int ct_ecu_file_load_text(const char *name, const char *text, size_t len, struct ct_ecu_description **out_ecu,
                          char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_ecu_file_free(struct ct_ecu_description *ecu); /* accepts NULL */

#endif
