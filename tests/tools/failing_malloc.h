/* Makes the n-th allocation of the calling thread fail. A test that links the target failing_malloc has the linker
 * send the calls that our own code makes to malloc and its kin here (those inside libc stay as they are). */
#ifndef CT_TESTS_FAILING_MALLOC_H
#define CT_TESTS_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation fails (1: the next one), and when `all_after` every one after it. */
void failing_malloc_arm(size_t n, bool all_after);
/* Ends that. Returns whether an allocation has failed. */
bool failing_malloc_disarm(void);

/* The same for all other threads, which count together; the calling thread's own allocations never fail by it. One
 * thread of a program arms. */
void failing_malloc_arm_others(size_t n, bool all_after);
bool failing_malloc_disarm_others(void);

#endif
