/* The storage thread: gathers samples into batches, appends records to the outbox, commits them, journals commands,
 * answers the link's fetches. The only thread that waits for the disk.
 *
 * Latency: a sample after a pause is appended and committed at once (1 ms, for what comes with it); while samples come,
 * a batch is committed every `commit_ms`, or with 1,000 samples; what a command reports is committed at once. Adapter
 * target gateway_app. open and close belong to the main thread, run to its own.
 */
#ifndef CT_GATEWAY_STORAGE_H
#define CT_GATEWAY_STORAGE_H

#include "channels.h"
#include "command_gate.h"
#include "outbox.h"
#include "service.h"

#define CT_STORAGE_OWN_DTCS "own.dtcs" /* file in state_dir: the gateway's own trouble codes */

struct ct_storage;

struct ct_storage_config {
    const char *vehicle_id;
    const char *state_dir;
    uint64_t quota_bytes;
    uint32_t commit_ms;
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    const struct ct_trusted_key *keys; /* outlive the storage */
    size_t key_count;
};

/* Opens outbox and journal and reports what an earlier run left behind. `catalogue` (referenced) is in use now.
 * `problem` gets one line when the result is an error. */
int ct_storage_open(const struct ct_storage_config *config, struct ct_channels *channels,
                    struct ct_catalogue *catalogue, struct ct_storage **out_storage, char *problem,
                    size_t problem_size) CT_MUST_CHECK;
/* For the link, before it starts. */
void ct_storage_positions(const struct ct_storage *storage, uint8_t out_stream_id[CT_STREAM_ID_SIZE],
                          struct ct_positions *out_newest, struct ct_positions *out_acked);

/* Runs until CT_MSG_STOP came from the bus thread and everything before it is on disk; then stops the link thread. */
void ct_storage_run(struct ct_storage *storage);
int ct_storage_close(struct ct_storage *storage); /* the error of the last commit; accepts NULL */
const struct ct_pulse *ct_storage_pulse(const struct ct_storage *storage); /* of its thread */

#endif
