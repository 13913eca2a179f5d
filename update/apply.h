/* Applies one verified update, or takes it back: one thing to do at a time.
 *
 *   while (ct_apply_next(apply, now, &action) == CT_OK) { do what action says; ct_apply_done(apply, &outcome, now); }
 *
 * Order: old values of all parameters are read, journaled and read once more -> for each parameter: conditions, intent
 * journaled, written, done journaled -> in a new session everything is read back and compared -> committed. Anything
 * that goes wrong once a write was intended takes back what may have been written, in the reverse order, reads that
 * back, and tries it three times. Nothing is written before the record that announces it is durable.
 *
 * The caller owns journal, ECUs, conditions and time: it appends and syncs, sends a request and returns the final
 * answer (response pending and time-outs are its client's), says whether the preconditions and the vehicle's state
 * allow a write now. After a restart the journal's progress is given to ct_apply_resume: what was not committed goes
 * back. Sans I/O; no memory; one thread. Source: facts on update trust 1.5; ISO 14229-1 for the services. */
#ifndef CT_UPDATE_APPLY_H
#define CT_UPDATE_APPLY_H

#include "time_ns.h"
#include "update_journal.h"

#define CT_APPLY_KEY_MAX     64
#define CT_APPLY_REQUEST_MAX (3 + CT_UPDATE_RAW_MAX)
#define CT_APPLY_CHUNK       500 /* bytes of a memory block in one request, at most */
#define CT_APPLY_TRIES       3   /* ways back before it is given up */
#define CT_APPLY_OPEN_TRIES  5   /* of a session, a second apart: an ECU may be starting */
#define CT_APPLY_PAUSE       (1 * CT_NS_PER_S)
#define CT_APPLY_RESET_PAUSE (2 * CT_NS_PER_S)

enum ct_apply_kind {
    CT_APPLY_RECORD,    /* make `bytes` durable at the end of the journal */
    CT_APPLY_CONDITION, /* may something with an effect be sent now? asked before each request on the way there and back
                         */
    CT_APPLY_REQUEST,   /* UDS `bytes` to `ecu` */
    CT_APPLY_KEEP,      /* keep `bytes` of the old content of memory block `index` at `offset`, durably */
    CT_APPLY_OWN_READ,  /* the gateway's own parameter `index`: its SHA-256 and size now, as 36 bytes; keep the content
                         */
    CT_APPLY_OWN_WRITE, /* put the new content in place, or the old one when `old` is set, and make it durable */
    CT_APPLY_WAIT,      /* until `until` */
};

struct ct_apply_action {
    enum ct_apply_kind kind;
    const uint8_t *bytes; /* until the next call */
    size_t len;
    const char *ecu;
    size_t index; /* of the parameter */
    size_t offset;
    bool old;
    ct_ns until;
};

struct ct_apply_outcome {
    bool ok;              /* durable; allowed; answered; done */
    const uint8_t *bytes; /* REQUEST: the whole final answer; OWN_READ: 32 bytes of hash, 4 of size (big-endian) */
    size_t len;
    enum ct_update_verdict why; /* CONDITION that is not ok: PRECONDITION or MOVING; RECORD: NO_SPACE */
};

struct ct_apply_config {
    const struct ct_release *release; /* outlives it */
    /* The key for a seed (SecurityAccess); false: there is none for this ECU and level. */
    bool (*key)(void *user, const char *ecu, uint8_t level, const uint8_t *seed, size_t len,
                uint8_t out_key[CT_APPLY_KEY_MAX], size_t *out_len);
    /* Content of memory block `index`: the new one, or the old one as it was kept. False: it is not there. NULL: blocks
     * cannot be written. */
    bool (*content)(void *user, size_t index, bool old, size_t offset, uint8_t *out, size_t len);
    void *user;
};

enum ct_apply_phase {
    CT_APPLY_BEGIN,
    CT_APPLY_READ_OLD,
    CT_APPLY_CHECKING_OLD, /* once more: what was read wrong would be written back */
    CT_APPLY_WRITING,
    CT_APPLY_READING_BACK,
    CT_APPLY_TAKING_BACK,
    CT_APPLY_CHECKING_BACK,
    CT_APPLY_OVER,
};

/* Visible so that it can be embedded (about 135 KiB); users touch none of it but `progress`, to read. */
struct ct_apply {
    struct ct_apply_config config;
    struct ct_update_progress progress;
    struct ct_update_begin begin;
    enum ct_apply_phase phase;
    enum ct_update_state state; /* when it is over */
    enum ct_update_verdict verdict;
    uint8_t nrc;
    ct_ns started, give_up_at;
    size_t at;    /* parameter */
    int step;     /* of what is done with it */
    int opening;  /* step of opening a session */
    size_t call;  /* routine of before or after */
    bool allowed; /* the next request of a writing phase */
    int block;    /* step of writing or reading a memory block */
    size_t block_done, block_chunk;
    uint8_t block_counter;
    uint32_t block_crc;
    const struct ct_update_target *target; /* whose session is open; NULL: none */
    unsigned tries, open_tries;
    struct ct_update_record record;
    uint8_t bytes[CT_UPDATE_RECORD_MAX > CT_APPLY_REQUEST_MAX ? CT_UPDATE_RECORD_MAX : CT_APPLY_REQUEST_MAX];
    size_t len;
    uint8_t key[CT_APPLY_KEY_MAX];
    size_t key_len;
    enum ct_apply_kind doing;
};

/* A fresh update; the journal is empty. */
void ct_apply_start(struct ct_apply *apply, const struct ct_apply_config *config, const struct ct_update_begin *begin,
                    ct_ns now);
/* An update that an earlier run has begun; `config->release` is the same one. */
void ct_apply_resume(struct ct_apply *apply, const struct ct_apply_config *config,
                     const struct ct_update_progress *progress, ct_ns now);

/* CT_ERR_END: it is over (ct_apply_result) or held; else do the action, then say how it went. */
int ct_apply_next(struct ct_apply *apply, ct_ns now, struct ct_apply_action *out_action) CT_MUST_CHECK;
void ct_apply_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome, ct_ns now);

/* COMMITTED, ROLLED_BACK (also when nothing had been written), ROLLBACK_FAILED, HELD, or APPLYING. */
enum ct_update_state ct_apply_result(const struct ct_apply *apply, enum ct_update_verdict *out_verdict,
                                     uint8_t *out_nrc);

#endif
