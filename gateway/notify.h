/* Tells the service manager how the daemon is (sd_notify), where libsystemd was there at build time; else does nothing.
 * Adapter target gateway_app. Thread-safe. */
#ifndef CT_GATEWAY_NOTIFY_H
#define CT_GATEWAY_NOTIFY_H

void ct_notify(const char *state); /* "READY=1", "RELOADING=1", "STOPPING=1" */

#endif
