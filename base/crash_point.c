#include "crash_point.h"

#ifdef CANTWIN_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void ct_crash_point_pass(const char *name)
{
    static atomic_long passed;
    const char *wanted = getenv("CANTWIN_CRASH_AT");
    if (wanted == NULL) {
        return;
    }
    const size_t len = strlen(name);
    if (strncmp(wanted, name, len) != 0 || (wanted[len] != '\0' && wanted[len] != ':')) {
        return;
    }
    const long nth = wanted[len] == ':' ? strtol(wanted + len + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passed, 1) + 1 == nth) {
        (void)raise(SIGKILL);
    }
}

#else

/* An empty translation unit is not C. */
typedef int ct_crash_points_are_off;

#endif
