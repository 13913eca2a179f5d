/* Whether two rules, of two readings of a policy, say the same. Messages and signals are compared by name: the
 * databases may have been read again. Pure functions. */
#ifndef CT_POLICY_RULE_SAME_H
#define CT_POLICY_RULE_SAME_H

#include "policy.h"

/* Of struct ct_frame_rule, ct_uds_rule, ct_desired_rule. */
bool ct_rule_same_frame(const void *a, const void *b);
bool ct_rule_same_uds(const void *a, const void *b);
bool ct_rule_same_desired(const void *a, const void *b);

#endif
