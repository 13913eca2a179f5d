/* Inside of the storage thread: storage.c (loop, records), storage_open.c, storage_commands.c, storage_fetch.c. */
#ifndef CT_GATEWAY_STORAGE_PRIVATE_H
#define CT_GATEWAY_STORAGE_PRIVATE_H

#include "batcher.h"
#include "journal.h"
#include "loop.h"
#include "messages.h"
#include "storage.h"

#include <limits.h>

#define STORAGE_REPORTS_MAX 32 /* final statuses that wait for one commit */

struct storage_fetch {
    bool active;
    uint64_t after_seq;
    size_t bytes_left;
};

struct ct_storage {
    struct ct_storage_config config;
    struct ct_channels *channels;
    struct ct_outbox *outbox;
    struct ct_journal *journal;
    struct ct_gate gate;
    struct ct_batcher *batcher;
    struct ct_catalogue *catalogue; /* of the samples that come now */
    struct ct_buf record;
    struct ct_msg_storage_stats stats;
    struct storage_fetch fetches[CT_CLASS_COUNT];
    uint8_t reports[STORAGE_REPORTS_MAX][CT_COMMAND_ID_SIZE];
    size_t report_count;
    ct_ns commit_due; /* CT_NS_NEVER: nothing waits */
    ct_ns retry_at;   /* no commit before, except the last one */
    ct_ns committed_at;
    bool commit_fails;
    ct_ns stats_due;
    ct_ns stop_due;   /* CT_NS_NEVER: not stopping */
    bool newest_owed; /* the link has not been told of the last commit */
    /* What found no room on its way to the link. A catalogue: the newest. A snapshot: dropped, another one is asked
     * for when there is room again. */
    struct ct_catalogue *owed_catalogue;
    bool snapshot_owed;
    uint64_t snapshot_id;    /* the link's last request */
    char own_dtcs[PATH_MAX]; /* file */
    bool own_dtcs_fail;      /* the last one could not be written */
    struct ct_loop loop;
    struct ct_loop_watch from_bus, from_link;
};

/* storage.c: appends the record in storage->record. */
int ct_storage_append(struct ct_storage *storage, const struct ct_outbox_record *record, ct_ns due);
void ct_storage_event(struct ct_storage *storage, const struct ct_msg_event *event, ct_ns now);
void ct_storage_append_gap(struct ct_storage *storage, const struct ct_gap *gap, ct_ns now);
void ct_storage_commit(struct ct_storage *storage, ct_ns now);
int64_t ct_storage_utc(ct_ns t_ns);

/* storage_open.c: replaces the file of CT_STORAGE_OWN_DTCS. */
void ct_storage_own_dtcs(struct ct_storage *storage, const uint8_t *data, size_t len);

/* storage_commands.c */
void ct_storage_commands_left(struct ct_storage *storage, ct_ns now);
/* After CT_MSG_STOP only: the bus thread reads its ring no more, so what is left in it never began. */
void ct_storage_cancel_unread(struct ct_storage *storage, ct_ns now);
void ct_storage_signed_command(struct ct_storage *storage, const uint8_t *data, size_t len, ct_ns now);
void ct_storage_status(struct ct_storage *storage, const struct ct_msg_status *status, const uint8_t *response,
                       size_t response_len, ct_ns now);
void ct_storage_committed(struct ct_storage *storage);

/* storage_fetch.c: true when something was handed to the link. */
void ct_storage_fetch_begin(struct ct_storage *storage, const struct ct_msg_fetch *fetch);
bool ct_storage_fetch_pump(struct ct_storage *storage);

#endif
