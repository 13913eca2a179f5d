/* JSON of twin values, by the project's contract: physical numbers, exact integers where the scale is 1, integers
 * beyond 2^53 as strings, booleans by datatype, bytes as hex. Thread-safe: no state. */
#ifndef CT_FLEET_TWIN_JSON_H
#define CT_FLEET_TWIN_JSON_H

#include "chunk.h"
#include "json.h"
#include "twin.h"

/* The value of a sample as a member `key` (NULL in an array); null when it was never seen. */
void ct_twin_json_value(struct ct_json *json, const char *key, const struct ct_entry *entry,
                        const struct ct_sample *sample);
/* One signal with everything known of it; t_ns of the reading is UTC. */
void ct_twin_json_signal(struct ct_json *json, const struct ct_entry *entry, const struct ct_reading *reading,
                         int64_t utc_ns);
/* [utc_us, value, quality] of history; `entry` may be NULL (then the value is raw). */
void ct_twin_json_history(struct ct_json *json, const struct ct_entry *entry, enum ct_kind kind,
                          const struct ct_chunk_sample *stored);

/* The value alone, as in ct_twin_json_history. */
void ct_twin_json_plain(struct ct_buf *out, const struct ct_entry *entry, enum ct_kind kind,
                        const struct ct_chunk_sample *stored);

#endif
