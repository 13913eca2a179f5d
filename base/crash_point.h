/* Named places where a test kills the process to show that it recovers. In a build with CANTWIN_CRASH_POINTS the
 * environment variable CANTWIN_CRASH_AT=name[:n] raises SIGKILL at the n-th pass (first by default) of the named place;
 * in every other build the macro is empty. Names in use: gateway-before-outbox, gateway-before-send,
 * fleet-before-log, fleet-before-ack, fleet-in-fold, enrol-marked. Thread-safe. */
#ifndef CT_BASE_CRASH_POINT_H
#define CT_BASE_CRASH_POINT_H

#ifdef CANTWIN_CRASH_POINTS
void ct_crash_point_pass(const char *name);
#define CT_CRASH_POINT(name) ct_crash_point_pass(name)
#else
#define CT_CRASH_POINT(name) ((void)0)
#endif

#endif
