/* Reads a policy file (YAML, see docs/policy.md) into a ct_policy. Adapter target policy_file. */
#ifndef CT_POLICY_POLICY_FILE_H
#define CT_POLICY_POLICY_FILE_H

#include "message_lookup.h"
#include "policy.h"

/* `lookup` finds the messages that rules name (NULL: they may name none). `problem` gets one located line when the
 * result is an error. */
int ct_policy_load(const char *path, const struct ct_message_lookup *lookup, struct ct_policy **out_policy,
                   char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
