/* What became of an update, one code each: the first check that fails names it. Numbers travel (UpdateStatus.verdict)
 * and are never given twice. Source: design section 10; facts on update trust, attack and fault table. */
#ifndef CT_UPDATE_UPDATE_VERDICT_H
#define CT_UPDATE_UPDATE_VERDICT_H

/* name, value, text of the wire and of people */
#define CT_UPDATE_VERDICT_MAP(X)                            \
    X(OK, 0, "ok")                                          \
    /* before anything is written: the update is refused */ \
    X(TOO_LARGE, 1, "too-large")                            \
    X(PARSE, 2, "parse")                                    \
    X(SIG, 3, "signature")                                  \
    X(KEY, 4, "unknown-or-revoked-key")                     \
    X(ROLE, 5, "role")                                      \
    X(NONUNIQUE, 6, "key-signs-twice")                      \
    X(THRESHOLD, 7, "threshold")                            \
    X(ROOT, 8, "root")                                      \
    X(TARGET, 9, "target")                                  \
    X(COMPAT, 10, "compatibility")                          \
    X(REPLAY, 11, "replay")                                 \
    X(ROLLBACK, 12, "older-counter")                        \
    X(EXPIRED, 13, "expired")                               \
    X(MISMATCH, 14, "release-mismatch")                     \
    X(BASE, 15, "base-set")                                 \
    X(POLICY, 16, "policy")                                 \
    X(VALUE, 17, "value")                                   \
    X(ID_REUSE, 18, "id-reuse")                             \
    X(BUSY, 19, "busy")                                     \
    X(NO_SPACE, 20, "no-space")                             \
    X(HASH, 21, "blob-hash")                                \
    X(USER, 22, "user-refused")                             \
    X(LOCKED, 23, "writes-locked")                          \
    X(JOURNAL_LOST, 24, "journal-lost")                     \
    /* it waits */                                          \
    X(DEFER_NO_TIME, 32, "time-untrusted")                  \
    X(NOT_BEFORE, 33, "not-before")                         \
    X(PRECONDITION, 34, "precondition")                     \
    X(USER_WAIT, 35, "waits-for-user")                      \
    X(MOVING, 36, "vehicle-moves")                          \
    X(SLOW_RETRIEVAL, 37, "slow-retrieval")                 \
    /* something was written */                             \
    X(ECU_ERROR, 48, "ecu-error")                           \
    X(READBACK_MISMATCH, 49, "readback-mismatch")           \
    X(ROLLBACK_FAILED, 50, "rollback-failed")               \
    X(INTERRUPTED, 51, "interrupted")                       \
    X(UNHEALTHY, 52, "unhealthy")                           \
    X(TIME_LIMIT, 53, "max-apply-time")

#define CT_UPDATE_VERDICT_ENUM(name, value, text) CT_UPDATE_##name = (value),
enum ct_update_verdict { CT_UPDATE_VERDICT_MAP(CT_UPDATE_VERDICT_ENUM) };
#undef CT_UPDATE_VERDICT_ENUM

const char *ct_update_verdict_text(int verdict); /* never NULL */

/* Same numbers as UpdateState in cantwin.proto (asserted in proto/). */
#define CT_UPDATE_STATE_MAP(X)               \
    X(RECEIVED, 1, "received")               \
    X(WAITING, 2, "waiting")                 \
    X(APPLYING, 3, "applying")               \
    X(COMMITTED, 4, "committed")             \
    X(ROLLED_BACK, 5, "rolled-back")         \
    X(ROLLBACK_FAILED, 6, "rollback-failed") \
    X(HELD, 7, "held")                       \
    X(REFUSED, 8, "refused")

#define CT_UPDATE_STATE_ENUM(name, value, text) CT_UPDATE_STATE_##name = (value),
enum ct_update_state { CT_UPDATE_STATE_MAP(CT_UPDATE_STATE_ENUM) };
#undef CT_UPDATE_STATE_ENUM

const char *ct_update_state_text(int state); /* never NULL */

#endif
