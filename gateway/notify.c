#include "notify.h"

#ifdef CANTWIN_SYSTEMD
#include <systemd/sd-daemon.h>

void ct_notify(const char *state)
{
    sd_notify(0, state);
}
#else
void ct_notify(const char *state)
{
    (void)state;
}
#endif
