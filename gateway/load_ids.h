/* Which ids a configuration knows: for anomalies, and for what a kernel interface needs to receive. No I/O, no state.
 */
#ifndef CT_GATEWAY_LOAD_IDS_H
#define CT_GATEWAY_LOAD_IDS_H

#include "load.h"
#include "port.h"

/* Makes model->anomalies of the buses' databases and ECUs. */
int ct_model_make_anomalies(struct ct_model *model) CT_MUST_CHECK;

/* What bus number `bus` has to receive for twin, ECUs and routes, without repetitions. Returns how many filters that
 * are, up to `max` + 1; those beyond `max` are not written. */
size_t ct_model_filters(const struct ct_model *model, uint8_t bus, struct ct_port_filter *out_filters, size_t max);

#endif
